"""One round: a frozen pool in; trained, tested, scored, chosen; files out. Knows training and strategies; no store, no project."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import torch

from alcore.errors import AlcoreError, BadInput
from alcore.files import written_whole
from alcore.measures.centers import k_center
from alcore.nets.tasks import TASKS, train_params
from alcore.params import TrainParams, make_params
from alcore.progress import Progress, Report, ignore_progress
from alcore.strategies import STRATEGIES, strategy_named
from alcore.strategies.base import Strategy
from alcore.training.batches import Batches, Pixels, telling
from alcore.training.pool import Pool
from alcore.training.roundfiles import write_files
from alcore.training.train import Walked, evaluate, inspect, pick_device, query, seeded, train
from alcore.types import VOID, Scores, check_query_size

T = TypeVar("T")
LEAST_WALK = 8  # images scored at once; below it the machine is the problem


@dataclass(frozen=True)
class Order:
    """What a round is to do; every value is JSON, so that a job can keep it."""

    strategy: str
    query_size: int = 50
    seed: int = 0
    device: str = "auto"
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    train: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    task: str = "classification"

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Order:
        """From a job's arguments, as `arguments` gave them."""
        return cls(**arguments)

    def arguments(self) -> dict[str, Any]:
        """For a job, as JSON takes them."""
        return {**vars(self), "params": dict(self.params), "train": dict(self.train)}

    @property
    def title(self) -> str:
        """What a job that does it is called in lists."""
        return f"{strategy_named(self.strategy).title}, query of {self.query_size}"

    def check(self) -> tuple[Any, TrainParams]:
        """The strategy's and the run's parameters; BadInput names everything that is wrong, before work starts."""
        strategy = strategy_named(self.strategy)
        pick_device(self.device)
        if self.query_size < 1:
            raise BadInput(f"cannot query {self.query_size} items: use a query size of at least 1")
        train = train_params(self.task, self.train)
        check_strategy(strategy, self.task, train)
        return make_params(strategy.Params, self.params, f"strategy {self.strategy}"), train


def check_strategy(strategy: type[Strategy], task: str, train: TrainParams) -> None:
    """Raises BadInput unless the strategy serves the task, and asks for regions where those are wanted."""
    able = [s.name for s in STRATEGIES.values() if task in s.tasks]
    if task not in strategy.tasks:
        raise BadInput(f"strategy {strategy.name} does not do {task}: use one of {', '.join(able)}")
    if train.query_unit == "frames":
        return
    if not TASKS[task].dense:
        raise BadInput(f"query_unit={train.query_unit} is for segmentation: {task} asks for whole images, query_unit=frames")
    if not strategy.heat:
        able = [s.name for s in STRATEGIES.values() if s.heat and task in s.tasks]
        raise BadInput(
            f"strategy {strategy.name} has no score of single pixels, so it cannot ask for {train.query_unit}: "
            f"use query_unit=frames, or one of {', '.join(able)}"
        )


def check_side(strategy: Strategy, side: int) -> None:
    """Raises BadInput when images of `side` pixels are too small for the strategy's backbone."""
    architecture, smaller = strategy.train_params.architecture, strategy.task.architectures[0]
    smallest = strategy.backbone.smallest
    if side < smallest:
        raise BadInput(
            f"{architecture} wants images of at least {smallest} pixels and these have {side}: "
            + (f"use architecture={smaller}, or " if smaller != architecture else "")
            + f"import with --image-size {smallest}"
        )


@dataclass(frozen=True)
class Seeds:
    """Where each kind of chance in a round starts: the model's first weights, the order and augmentation of images, the query."""

    model: int
    order: int
    acquisition: int

    @classmethod
    def of(cls, seed: int) -> Seeds:
        """Three independent seeds from one."""
        return cls(*(int(s) for s in np.random.SeedSequence(seed).generate_state(3, np.uint32)))


@dataclass(frozen=True)
class Turn:
    """What training, testing, scoring and choosing gave.

    Attributes:
        scores: of the unlabeled images, with the query.
        walked: outputs of all images that were walked, unlabeled first.
        metrics: on the test split at the last step; `fitted`: on the labeled images, to see whether training was long enough.
        seconds: train, evaluate, score, select.
        steps: updates taken, over all stages.
        train: the run's parameters as used; the batch may have been halved when memory ran out.
        batches: where the images came from.
    """

    scores: Scores
    walked: Walked
    metrics: dict[str, float]
    fitted: dict[str, float]
    seconds: dict[str, float]
    steps: int
    strategy: Strategy
    train: TrainParams
    batches: Batches


@dataclass(frozen=True)
class Outcome:
    """What a round gives before it is stored."""

    scores: Scores
    metrics: dict[str, float]
    seconds: dict[str, float]
    device: str
    train: TrainParams
    folder: str


def run(
    order: Order,
    pool: Pool,
    classes: int,
    pixels: Pixels,
    rounds_folder: Path,
    report: Report = ignore_progress,
    *,
    work: Path | None = None,
    dense: np.ndarray | None = None,
    asked: Mapping[int, np.ndarray] | None = None,
) -> Outcome:
    """Trains on the pool's labels, tests, scores and chooses; writes the round's files whole into a new folder below `rounds_folder`.

    Args:
        work: where the checkpoint and the loss history lie; with the same folder an interrupted run goes on.
        dense, asked: masks of the pool's targets, and what was asked of whom already (`Batches`).

    Raises:
        NotEnoughLabels: there is nothing to train on.
    """
    params, train_params = order.check()
    device = pick_device(order.device)
    done = turn(
        *(order.strategy, params, train_params, pool, classes, pixels, order.query_size, Seeds.of(order.seed), device, report),
        work=work,
        task=order.task,
        dense=dense,
        asked=asked,
    )
    pixel_views = inspect(done.strategy, done.batches, done.scores.selected) if TASKS[order.task].dense else ()
    folder = write_files(rounds_folder, done.scores, done.walked.ids, done.walked.arrays, done.strategy, pixel_views)
    return Outcome(done.scores, done.metrics, done.seconds, str(device), done.train, folder)


def turn(
    strategy: str,
    params: Any,
    train_params: TrainParams,
    pool: Pool,
    classes: int,
    pixels: Pixels,
    query_size: int,
    seeds: Seeds,
    device: torch.device,
    report: Report = ignore_progress,
    *,
    work: Path | None = None,
    task: str = "classification",
    dense: np.ndarray | None = None,
    asked: Mapping[int, np.ndarray] | None = None,
) -> Turn:
    """Trains the strategy on the pool's labels, tests it, scores the unlabeled and chooses. When memory on the device runs out, the
    batch is halved and training starts again.

    Args:
        strategy: its name; `params` are its own parameters.
        work: where the checkpoint and the loss history lie; with the same folder an interrupted turn goes on.
        task: its name; a dense one needs `dense`, the masks that the pool's targets are rows of.
        asked: id -> what regions of an image have been asked already.

    Raises:
        NotEnoughLabels: there is nothing to train on.
    """
    check_strategy(strategy_named(strategy), task, train_params)
    TASKS[task].check_architecture(train_params.architecture)
    if TASKS[task].dense != (dense is not None):
        raise ValueError(f"task {task} and {'masks' if dense is not None else 'no masks'} do not go together")
    pool.check_trainable(classes, None if dense is None else _classes_in(dense, pool.targets))
    check_query_size(query_size, len(pool.unlabeled) + (0 if train_params.query_unit == "frames" else len(pool.partial)))
    report = telling(pixels, report)
    halved = work / "batch_size" if work else None  # a resumed run must go on with the batch that fitted
    if halved and halved.is_file():
        train_params = dataclasses.replace(train_params, batch_size=int(halved.read_text()))
    while True:
        try:
            return _attempt(
                strategy, params, train_params, pool, classes, pixels, query_size, seeds, device, report, work, (task, dense, asked)
            )
        except torch.OutOfMemoryError:
            if train_params.batch_size <= (8 if dense is None else 2):  # a few images hold many labels when each pixel has one
                raise BadInput(
                    f"{device} has too little memory even for batches of {train_params.batch_size}: use the CPU or a smaller architecture"
                ) from None
        # outside the handler: its traceback would keep the tensors alive
        torch.cuda.empty_cache()
        train_params = dataclasses.replace(train_params, batch_size=train_params.batch_size // 2)
        if work and halved:
            work.mkdir(parents=True, exist_ok=True)
            (work / "checkpoint.pt").unlink(missing_ok=True)
            (work / "history.csv").unlink(missing_ok=True)
            with written_whole(halved) as file:
                file.write(str(train_params.batch_size).encode())
        report(
            Progress(
                "training",
                0,
                train_params.steps,
                message=f"memory on {device} ran out: starting again with batches of {train_params.batch_size}",
            )
        )


def _attempt(
    name: str,
    params: Any,
    train_params: TrainParams,
    pool: Pool,
    classes: int,
    pixels: Pixels,
    query_size: int,
    seeds: Seeds,
    device: torch.device,
    report: Report,
    work: Path | None,
    labels: tuple[str, np.ndarray | None, Mapping[int, np.ndarray] | None],
) -> Turn:
    task_name, dense, asked = labels
    task = TASKS[task_name](classes, pixels.shape[1])
    with seeded(seeds.model, device):
        strategy = strategy_named(name)(task, train_params, params).to(device).to(memory_format=torch.channels_last)
        check_side(strategy, pixels.shape[1])
        if strategy.augmented_scoring and train_params.query_unit != "frames":
            raise BadInput(
                f"strategy {name} scores shifted images here, where regions lie elsewhere: switch that off, or use query_unit=frames"
            )
        batches = Batches(pixels, pool, train_params, device, seeds.order, dense=dense, asked=asked)
        trained = train(strategy, batches, train_params, report, folder=work)
        started = perf_counter()
        metrics = _walked(batches, lambda: evaluate(strategy, batches, report))
        fitted = _walked(batches, lambda: evaluate(strategy, batches, report, on="labeled"))
        tested = perf_counter() - started
        if bad := [name for name, value in {**fitted, **metrics}.items() if not np.isfinite(value)]:
            raise AlcoreError(f"training diverged: {bad[0]} is not a number after its last step. Lower the learning rate and start again.")
        rng = np.random.default_rng(seeds.acquisition)
        scores, walked, spent = _walked(batches, lambda: query(strategy, batches, query_size, copy.deepcopy(rng), report))
    seconds = {"train": trained["seconds"], "evaluate": tested, **spent}
    return Turn(scores, walked, metrics, fitted, seconds, int(trained["steps"]), strategy, train_params, batches)


def _classes_in(dense: np.ndarray, targets: np.ndarray) -> int:
    """How many classes these masks show, 2 for two or more."""
    seen = np.zeros(256, bool)
    for row in targets.tolist():
        seen |= np.bincount(dense[row].ravel(), minlength=256) > 0
        if seen[:VOID].sum() > 1:
            return 2
    return int(seen[:VOID].sum())


def _walked(batches: Batches, walk: Callable[[], T]) -> T:
    """`walk()`, over fewer images at a time when the device's memory runs out: what was trained stays."""
    while True:
        try:
            return walk()
        except torch.OutOfMemoryError:
            if batches.walk_size <= LEAST_WALK:
                raise BadInput(
                    f"{batches.device} has too little memory even to score {LEAST_WALK} images at once: "
                    "use the CPU or a smaller architecture"
                ) from None
        batches.walk_size //= 2
        torch.cuda.empty_cache()


def start_query(pool: Pool, pixels: Pixels, n: int, how: str, seed: int) -> np.ndarray:
    """The first query, without a model: n ids at random, or spread by greedy k-center over the pixels at 16x16.

    Raises:
        BadInput: `how` is neither random nor kcenter.
    """
    n = check_query_size(n, len(pool.unlabeled))
    if how == "random":
        return np.random.default_rng(seed).permutation(pool.unlabeled)[:n]
    if how != "kcenter":
        raise BadInput(f"cannot start by {how!r}: use random or kcenter")
    small = _small_pixels(pixels, pool.rows_of(pool.unlabeled))
    centers = _small_pixels(pixels, pool.rows_of(pool.labeled)) if len(pool.labeled) else None
    return pool.unlabeled[k_center(small, centers, n, pool.unlabeled)]


def _small_pixels(pixels: Pixels, rows: np.ndarray) -> np.ndarray:
    side = min(16, pixels.shape[1])
    parts = []
    for start in range(0, len(rows), 4096):
        x = torch.from_numpy(np.ascontiguousarray(pixels[rows[start : start + 4096]])).permute(0, 3, 1, 2).float() / 255
        parts.append(torch.nn.functional.adaptive_avg_pool2d(x, side).flatten(1))
    return torch.cat(parts).numpy()
