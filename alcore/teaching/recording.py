"""A strategy's training on points of a plane, every step kept: what is drawn at a step is what the networks say with that step's weights.
The training is the library's own loop; a recording only looks on."""

from __future__ import annotations

import copy
import dataclasses
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alcore.errors import BadInput
from alcore.measures import scores
from alcore.nets.models import CosineHead, evaluating
from alcore.params import TrainParams
from alcore.progress import Report, ignore_progress
from alcore.strategies import params_of, strategy_named
from alcore.strategies.base import Draws, Losses, Stage, Strategy
from alcore.teaching.plane import Plane, PlaneDraws, at_points, grid
from alcore.teaching.points import Points
from alcore.training.devices import pick_device, seeded
from alcore.training.pool import Pool
from alcore.training.train import train
from alcore.training.walk import evaluate, query

REACH = 1.25  # of the square that fields are drawn on
SIDE = 100  # cells of a side
MOST_STEPS = 1000
# 300 points and 20 labels: where each paper's game can be seen within two hundred steps
RECIPE: Mapping[str, Any] = {"steps": 200, "batch_size": 32, "optimizer": "adam", "learning_rate": 0.01, "weight_decay": 0.0, "warmup": 0.0}
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Frame:
    """After one step.

    Attributes:
        stage: which of the strategy's stages it belongs to; "" for step 0, before any.
        losses: what the step minimized and played for, by name.
        state: every weight.
    """

    stage: str
    losses: Mapping[str, float]
    state: Mapping[str, Tensor]


class Recording:
    """One strategy's round on some points. Thread-safe.

    Attributes:
        frames: of step 0 (before training) to the last.
        query: (n,) positions of the points it asks for at the end, best first.
        scores: name -> (u,) of the unlabeled points at the end; unlabeled: (u,) their positions.
        accuracy: of the task model on all points, at the end.
    """

    def __init__(
        self,
        strategy: Strategy,
        frames: list[Frame],
        asked: np.ndarray,
        unlabeled: np.ndarray,
        scores: Mapping[str, np.ndarray],
        accuracy: float,
    ) -> None:
        self._strategy, self._lock, self.frames = strategy, threading.Lock(), frames
        self.query, self.unlabeled, self.scores, self.accuracy = asked, unlabeled, scores, accuracy

    @property
    def strategy(self) -> Strategy:
        """A copy of it as it is after the last step."""
        with self._lock:
            copied = copy.deepcopy(self._strategy)
        copied.load_state_dict(self.frames[-1].state)
        return copied

    @property
    def steps(self) -> int:
        """How many were taken."""
        return len(self.frames) - 1

    def field(self, step: int, side: int = SIDE) -> dict[str, np.ndarray]:
        """(side, side) float32 of every score on a square of the plane, top row first, with `prediction`, the class of the logits,
        `prediction_1` and so on of other heads, and `task_prediction` of the task model."""
        told = self._score(step, grid(side, REACH))
        found = {name: value for name, value in told.items() if value.dim() == 1}
        heads = {
            name.replace("logits", "prediction"): value.argmax(1) for name, value in told.items() if "logits" in name and value.dim() == 2
        }
        return {name: value.float().numpy().reshape(side, side) for name, value in {**found, **heads}.items()}

    def features(self, step: int, xy: np.ndarray) -> np.ndarray:
        """(n, 2) float32 where the encoder that is asked about puts points: MAL's F, else the task model's."""
        with self._at(step) as strategy:
            encoder: Any = getattr(strategy, "f", strategy.backbone)
            result: np.ndarray = encoder(at_points(xy)).numpy()
            return result

    def directions(self, step: int) -> dict[str, np.ndarray]:
        """Each head's weights in the plane of features, (K, 2), or with a bias (K, 3): `prototypes` of MAL's C, else `head`, and
        `auxiliary_1` and so on of MCDAL's."""
        with self._at(step) as strategy:
            if hasattr(strategy, "c"):
                return {"prototypes": strategy.c.prototypes.weight.detach().numpy().copy()}
            heads = {"head": strategy.head, **{f"auxiliary_{n}": head for n, head in enumerate(getattr(strategy, "auxiliary", ()), 1)}}
            return {name: _weights(head) for name, head in heads.items()}

    def scored(self, step: int, xy: np.ndarray) -> dict[str, np.ndarray]:
        """Every score and array that the strategy gives of points, as after that step; `task_logits` (n, K) are the task model's."""
        return {name: value.numpy() for name, value in self._score(step, xy).items()}

    def game(self, step: int, xy: np.ndarray) -> dict[str, np.ndarray]:
        """Where the entropy game pulls at a step, of MAL; empty for others: `features` (n, 2) is minus the gradient of each point's entropy
        by its feature, along which F moves it, `prototypes` (K, 2) the gradient of their mean by C's weights, along which C moves them.
        """
        with self._at(step) as strategy:
            if not hasattr(strategy, "c"):
                return {}
            with torch.inference_mode(False), torch.enable_grad():
                z = strategy.f(at_points(xy)).detach().requires_grad_(True)
                weight = strategy.c.prototypes.weight
                entropy = scores.entropy(strategy.c(z))
                (by_feature,) = torch.autograd.grad(entropy.sum(), z, retain_graph=True)
                (by_weight,) = torch.autograd.grad(entropy.mean(), weight)
            return {"features": -by_feature.numpy(), "prototypes": by_weight.numpy()}

    @contextmanager
    def _at(self, step: int) -> Iterator[Any]:
        """The strategy as after a step, for one thread at a time."""
        if not 0 <= step <= self.steps:
            raise BadInput(f"there is no step {step}: use 0 to {self.steps}")
        with self._lock, evaluating(self._strategy):
            self._strategy.load_state_dict(self.frames[step].state)
            yield self._strategy

    def _score(self, step: int, xy: np.ndarray) -> dict[str, Tensor]:
        x = at_points(xy)
        with self._at(step) as strategy:
            told: dict[str, Tensor] = strategy.score(x)
            return told | {"task_logits": strategy.predict(x) if hasattr(strategy, "f") else told["logits"]}  # MAL alone scores by another


def record(
    name: str,
    what: Points,
    labeled: np.ndarray,
    *,
    n: int = 1,
    params: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    report: Report = ignore_progress,
) -> Recording:
    """Trains a strategy on some points' labels and lets it ask.

    Args:
        name: of the strategy.
        labeled: positions of the points whose class is known.
        n: how many it asks for.
        params: the strategy's own; settings: of training, over RECIPE.

    Raises:
        BadInput: unknown strategy or parameter, more than MOST_STEPS steps.
        NotEnoughLabels: fewer than two classes are labeled.
    """
    pool = _pool(what, labeled)
    pool.check_trainable(what.classes)
    train_params = TrainParams(**{**RECIPE, **(settings or {})})
    if train_params.steps > MOST_STEPS:
        raise BadInput(f"cannot keep {train_params.steps} steps: use at most {MOST_STEPS}")
    with seeded(seed, CPU):
        strategy = strategy_named(name)(Plane(what.classes, 0, 2), train_params, params_of(name, params or {}, train_params))
        draws = PlaneDraws(what.xy, pool, train_params, pick_device("cpu"), seed)
        frames = [_frame("", {}, strategy)]
        _watched(strategy, frames)
        train(strategy, draws, train_params, report)
        asked, *_ = query(strategy, draws, min(n, len(pool.unlabeled)), np.random.default_rng(seed), report)
    accuracy = evaluate(strategy, draws, report)["accuracy"]
    return Recording(strategy, frames, asked.selected, asked.ids, {**asked.parts, "total": asked.total}, accuracy)


def _pool(what: Points, labeled: np.ndarray) -> Pool:
    """Every point is tested on: how right a model is of the whole plane is what one sees."""
    every = np.arange(len(what.xy), dtype=np.int64)
    known = np.unique(np.asarray(labeled, np.int64))
    if len(known) and not 0 <= known[0] <= known[-1] < len(every):
        raise BadInput(f"there is no point {known[-1] if known[-1] >= len(every) else known[0]}: use 0 to {len(every) - 1}")
    return Pool(known, what.y[known], np.setdiff1d(every, known), every, what.y, every, every)


def _watched(strategy: Strategy, frames: list[Frame]) -> None:
    """From now on each step of its stages leaves a frame."""
    stages = strategy.stages

    def noting(stage: Stage) -> Stage:
        def step(draws: Draws) -> Losses:
            losses = stage.step(draws)
            frames.append(_frame(stage.name, losses, strategy))
            return losses

        return dataclasses.replace(stage, step=step)

    def with_frames(steps: int) -> tuple[Stage, ...]:
        return tuple(noting(stage) for stage in stages(steps))

    strategy.stages = with_frames  # type: ignore[method-assign]


def _frame(stage: str, losses: Mapping[str, Tensor], strategy: Strategy) -> Frame:
    state = {name: value.detach().clone() for name, value in strategy.state_dict().items()}
    return Frame(stage, {name: float(value) for name, value in losses.items()}, state)


def _weights(head: Any) -> np.ndarray:
    if isinstance(head, CosineHead):
        result: np.ndarray = head.prototypes.weight.detach().numpy().copy()
        return result
    return np.concatenate([head.weight.detach().numpy(), head.bias.detach().numpy()[:, None]], 1)
