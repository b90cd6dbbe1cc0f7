"""Learning Loss: a small module beside the network learns to predict each image's loss; ask where it predicts most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from alcore.nets.models import LossModule
from alcore.nets.tasks import Task
from alcore.params import TrainParams, param
from alcore.strategies.base import Draws, Losses, ScoreInfo, Stage, Strategy, basic_scores, rate_factor


@dataclass(frozen=True)
class Params:
    margin: float = param(
        1.0,
        "Gap that the predictions of a pair must keep.",
        title="Margin of a pair",
        source="Learning Loss 4.1 and Eq. 2",
        low=0,
        high=100,
    )
    loss_weight: float = param(
        1.0,
        "Weight of the ranking loss beside cross-entropy.",
        title="Weight of the ranking loss",
        source="Learning Loss 4.1; others use 0.02 to 0.1",
        low=0,
        high=100,
    )
    detach_after: float = param(
        0.6,
        "From this share of the steps on, the ranking loss no longer reaches the backbone.",
        title="Ranking loss stops reaching the network",
        source="Learning Loss 4.1: epoch 120 of 200",
        low=0,
        high=1,
    )


class LearningLoss(Strategy):
    """Learning Loss for Active Learning (Yoo & Kweon 2019, arXiv 1905.03677).

    The loss module reads the map of every block. It is trained on pairs of a batch, image i with image B-1-i: the one with the larger
    cross-entropy must get the larger prediction, by a margin.
    """

    name = "learning_loss"
    title = "Learning Loss"
    paper = "Yoo & Kweon 2019, arXiv 1905.03677"
    idea = (
        "A small network beside the model watches its layers and learns which images the model gets wrong. It needs no labels to say so "
        "of the others; where it expects the most, a label is asked for."
    )
    equations = (
        (
            r"L_{loss}(\hat{l}_i, \hat{l}_j) = \max(0, \; -\sigma_{ij}\,(\hat{l}_i - \hat{l}_j) + \xi)",
            (
                "For a pair of images the predicted losses must have the order of the true ones, by a margin; the sign is +1 where image "
                "i has the larger loss, else -1 (Eq. 2)."
            ),
        ),
        (
            r"\mathcal{L} = \mathrm{CE}(F(x), y) + \lambda \, L_{loss}",
            "Both losses train the network; after a while the second one trains the small network alone.",
        ),
    )
    use = (
        "With networks that are trained as a whole, where scoring must cost nothing beside a pass, and for the MCDAL paper's "
        "comparisons, where it is the strongest baseline with many labels."
    )
    avoid = (
        "Not for a comparison of queries alone: its ranking loss also trains the backbone, so its first point is not random's. There are "
        "no figures of it on photos here, and on pretrained features it can watch a small head alone."
    )
    cost = "A few small layers: a step took 1.19 times a bare loop's on a GPU."
    differences = (
        "The network starts anew each round; the published code goes on with the same one.",
        "The whole pool is scored; the paper draws 10,000 at random first (`score_sample=10000`).",
        "Rates follow the run's schedule.",
    )
    Params = Params
    rank_by = "predicted_loss"
    score_info = (
        ScoreInfo(
            "predicted_loss",
            "Predicted loss",
            "How wrong the model expects to be on the image: only the order of the values means something, high is worse.",
        ),
    )

    def __init__(self, task: Task, train: TrainParams, params: Any = None) -> None:
        super().__init__(task, train, params)
        self.loss_module = LossModule(self.backbone.widths)
        self.optimizers["loss_module"] = self.optimizer(self.loss_module)

    def stages(self, steps: int) -> tuple[Stage, ...]:
        joint = round(steps * self.params.detach_after)

        def rate(step: int) -> float:  # one schedule over both stretches
            return rate_factor(step, steps, self.train_params)

        stages = (
            Stage("training", joint, self.step, rate=lambda step, _: rate(step)),
            Stage("training, loss module apart", steps - joint, self.apart_step, rate=lambda step, _: rate(joint + step)),
        )
        return tuple(stage for stage in stages if stage.steps)

    def step(self, batches: Draws) -> Losses:
        """Cross-entropy and the ranking loss, both reaching the backbone."""
        return self._step(batches, apart=False)

    def apart_step(self, batches: Draws) -> Losses:
        """The same, but the ranking loss trains the loss module alone."""
        return self._step(batches, apart=True)

    def _step(self, batches: Draws, apart: bool) -> Losses:
        p: Params = self.params
        x, y = batches.labeled()
        maps = self.backbone.maps(x)
        logits = self.task.full(self.head(self.backbone.pool(maps[-1])))
        cross_entropy = self.task.loss(logits, y)
        losses = self.task.losses(logits.detach(), y)
        read = [m.detach() for m in maps] if apart else maps
        ranking = ranking_loss(self.loss_module(read).float(), losses.float(), p.margin)
        self.update(cross_entropy + p.loss_weight * ranking, "task", "loss_module")
        return {"cross_entropy": cross_entropy.detach(), "ranking": ranking.detach()}

    def score(self, x: Tensor) -> dict[str, Tensor]:
        maps = self.backbone.maps(x)
        features = self.backbone.pool(maps[-1])
        predicted = self.loss_module(maps).float()
        found = basic_scores(self.task.full(self.head(features)))
        return found | {"predicted_loss": predicted, "embedding": self.backbone.embedding(features)}

    @classmethod
    def first_point(cls, params: Any) -> str:
        return "the ranking loss trains the backbone too" if params.loss_weight and params.detach_after else ""

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return f"its predicted loss ranks {rank['predicted_loss']:,} of {n:,}; entropy {values['entropy']:.2g} of its class distribution"


def ranking_loss(predicted: Tensor, actual: Tensor, margin: float = 1.0) -> Tensor:
    """Eq. 2 over the pairs (i, B-1-i): mean of max(0, -sign(l_i - l_j) (p_i - p_j) + margin); the middle one of an odd batch has no pair.

    A pair of equal losses counts as l_i < l_j, as in the published code.

    Args:
        predicted: (B,), `actual`: (B,) without gradient.
    """
    half = len(predicted) // 2
    p = predicted[:half] - predicted.flip(0)[:half]
    wanted = torch.where(actual[:half] > actual.flip(0)[:half], 1.0, -1.0)
    return (margin - wanted * p).clamp_min(0.0).mean()
