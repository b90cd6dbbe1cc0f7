"""One round: a frozen pool in; trained, tested, scored, chosen; files out. Knows training and strategies; no store, no project."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import nn

from alcore.errors import AlcoreError, BadInput
from alcore.files import written_whole
from alcore.measures.centers import k_center
from alcore.measures.clusters import k_means, middles, of_length_one
from alcore.nets.crew import crew
from alcore.nets.tasks import FEATURES, TASKS, train_params
from alcore.params import TrainParams
from alcore.progress import Progress, Report, ignore_progress
from alcore.strategies import STRATEGIES, params_of, strategy_named, title_of
from alcore.strategies.base import Strategy
from alcore.training import walk
from alcore.training.batches import Batches, Pixels, telling
from alcore.training.devices import pick_device, seeded
from alcore.training.draws import PoolDraws
from alcore.training.pool import Pool
from alcore.training.roundfiles import PICTURES, write_files
from alcore.training.train import train
from alcore.training.vectors import VectorDraws
from alcore.training.walk import Walked, evaluate, inspect, query
from alcore.types import FRAMES, VOID, Scores, check_query_size

T = TypeVar("T")
GROUPED = 100_000  # vectors that a first query groups, at most: half a gigabyte
HALVED = "batch_size"  # the file in a run's folder that says which batch memory had room for
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
        return f"{title_of(self.strategy, self.params, self.train)}, query of {self.query_size}"

    def check(self) -> tuple[Any, TrainParams]:
        """The strategy's and the run's parameters; BadInput names everything that is wrong, before work starts."""
        strategy = strategy_named(self.strategy)
        pick_device(self.device)
        if self.query_size < 1:
            raise BadInput(f"cannot query {self.query_size} items: use a query size of at least 1")
        train = train_params(self.task, self.train)
        check_strategy(strategy, self.task, train)
        return params_of(self.strategy, self.params, train), train


def check_strategy(strategy: type[Strategy], task: str, train: TrainParams) -> None:
    """Raises BadInput unless the strategy serves the task, and asks for regions where those are wanted."""
    able = [s.name for s in STRATEGIES.values() if task in s.tasks]
    if task not in strategy.tasks:
        raise BadInput(f"strategy {strategy.name} does not do {task}: use one of {', '.join(able)}")
    if train.query_unit == FRAMES:
        return
    if not TASKS[task].dense:
        raise BadInput(f"query_unit={train.query_unit} is for segmentation: {task} asks for whole images, query_unit=frames")
    if train.batch == "diverse":
        raise BadInput(f"batch=diverse is for whole images, and query_unit={train.query_unit} ranks parts of them: use batch=top")
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
class Material:
    """What a round works on.

    Attributes:
        pool: who is labeled, and as what; who is not; who is tested.
        classes: how many there are.
        pixels: (N, side, side, 3) uint8, which the pool's rows point into; or (N, d) float16, the images' vectors.
        dense: (M, side, side) uint8 masks of a dense task, which the pool's targets are rows of.
        asked: id -> bool (side, side), what regions of an image have been asked already.
        alike: a number for each of the pool's ids, the same for near duplicates, of which one is asked for; None where that is not known.
        pictures: (n,) uint64 for each of the pool's ids, another one once its file is another; None where nobody has to know.
    """

    pool: Pool
    classes: int
    pixels: Pixels
    dense: np.ndarray | None = None
    asked: Mapping[int, np.ndarray] = dataclasses.field(default_factory=dict)
    alike: np.ndarray | None = None
    pictures: np.ndarray | None = None

    @property
    def side(self) -> int:
        """Of the images, in pixels; 0 for vectors."""
        return int(self.pixels.shape[1]) if len(self.pixels.shape) == 4 else 0

    @property
    def dim(self) -> int:
        """Numbers of a vector; 0 for images."""
        return 0 if self.side else int(self.pixels.shape[1])

    def draws(self, train: TrainParams, device: torch.device, seed: int) -> PoolDraws:
        """Batches and walks of what it holds."""
        if self.side:
            return Batches(self.pixels, self.pool, train, device, seed, dense=self.dense, asked=self.asked)
        return VectorDraws(cast(np.ndarray, self.pixels), self.pool, train, device, seed)

    def check(self, order: Order, train: TrainParams) -> None:
        """Raises what keeps the round from running on this: too few labels, nothing to ask for."""
        if TASKS[order.task].dense != (self.dense is not None):
            raise ValueError(f"task {order.task} and {'masks' if self.dense is not None else 'no masks'} do not go together")
        if (train.architecture == FEATURES) != (self.dim > 0):
            raise ValueError(f"architecture {train.architecture} and {'vectors' if self.dim else 'images'} do not go together")
        self.pool.check_trainable(self.classes, None if self.dense is None else _classes_in(self.dense, self.pool.targets))
        check_query_size(order.query_size, len(self.pool.unlabeled) + (0 if train.query_unit == FRAMES else len(self.pool.partial)))


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
    batches: PoolDraws


@dataclass(frozen=True)
class Outcome:
    """What a round gives before it is stored."""

    scores: Scores
    metrics: dict[str, float]
    seconds: dict[str, float]
    device: str
    train: TrainParams
    folder: str


def run(order: Order, material: Material, rounds_folder: Path, report: Report = ignore_progress, *, work: Path | None = None) -> Outcome:
    """A turn, whose files are written whole into a new folder below `rounds_folder`.

    Args:
        work: where the checkpoint and the loss history lie; with the same folder an interrupted run goes on.

    Raises:
        NotEnoughLabels: there is nothing to train on.
    """
    done = turn(order, material, report, work=work)
    pixel_views = inspect(done.strategy, done.batches, done.scores.selected) if TASKS[order.task].dense else ()
    arrays = done.walked.arrays
    if material.dim:  # what is mapped are the vectors themselves; adapted ones would take twice their space, each round
        arrays = {name: values for name, values in arrays.items() if name != "embedding"}
        if material.pictures is not None:
            arrays[PICTURES] = material.pictures[np.searchsorted(material.pool.ids, done.walked.ids)]
    folder = write_files(rounds_folder, done.scores, done.walked.ids, arrays, done.strategy, pixel_views)
    return Outcome(done.scores, done.metrics, done.seconds, str(done.batches.device), done.train, folder)


def turn(
    order: Order, material: Material, report: Report = ignore_progress, *, seeds: Seeds | None = None, work: Path | None = None
) -> Turn:
    """Trains the strategy on the pool's labels, tests it, scores the unlabeled and chooses. When memory on the device runs out, the
    batch is halved and training starts again.

    Args:
        seeds: instead of those that come from the order's seed.
        work: where the checkpoint and the loss history lie; with the same folder an interrupted turn goes on.

    Raises:
        NotEnoughLabels: there is nothing to train on.
    """
    train = order.check()[1].for_labels(len(material.pool.labeled))
    TASKS[order.task].check_architecture(train.architecture)
    material.check(order, train)
    device, seeds = crew().device(pick_device(order.device)), seeds or Seeds.of(order.seed)
    report = telling(material.pixels, report)
    halved = work / HALVED if work else None
    train = _as_it_fitted(train, work)
    while True:
        try:
            return _attempt(order, material, train, seeds, device, report, work)
        except torch.OutOfMemoryError:
            if train.batch_size <= (8 if material.dense is None else 2):  # a few images hold many labels when each pixel has one
                raise BadInput(
                    f"{device} has too little memory even for batches of {train.batch_size}: use the CPU or a smaller architecture"
                ) from None
            if crew().size > 1:  # the others would go on with the batch as it was
                raise BadInput(f"{device} has too little memory for its share of batches of {train.batch_size}: halve batch_size") from None
        # outside the handler: its traceback would keep the tensors alive
        torch.cuda.empty_cache()
        train = dataclasses.replace(train, batch_size=train.batch_size // 2)
        if work and halved:
            _begin_again(work, halved, train.batch_size)
        told = f"memory on {device} ran out: starting again with batches of {train.batch_size}"
        report(Progress("training", 0, train.steps, message=told))


def _as_it_fitted(train: TrainParams, work: Path | None) -> TrainParams:
    """With the batch that memory had room for: a run that is gone on with must take that one, in every process."""
    halved = work / HALVED if work else None
    return dataclasses.replace(train, batch_size=int(halved.read_text())) if halved and halved.is_file() else train


def _begin_again(work: Path, halved: Path, batch_size: int) -> None:
    """Forgets what was trained in larger batches, and notes the size of those to come."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "checkpoint.pt").unlink(missing_ok=True)
    (work / "history.csv").unlink(missing_ok=True)
    with written_whole(halved) as file:
        file.write(str(batch_size).encode())


def _attempt(
    order: Order, material: Material, params: TrainParams, seeds: Seeds, device: torch.device, report: Report, work: Path | None
) -> Turn:
    with seeded(seeds.model, device):
        strategy, batches = _made(order, material, params, seeds, device)
        trained = train(strategy, batches, params, report, folder=work)
        started = perf_counter()
        metrics = _walked(batches, lambda: evaluate(strategy, batches, report))
        fitted = _walked(batches, lambda: evaluate(strategy, batches, report, on="labeled"))
        tested = perf_counter() - started
        if bad := [name for name, value in {**fitted, **metrics}.items() if not np.isfinite(value)]:
            raise AlcoreError(f"training diverged: {bad[0]} is not a number after its last step. Lower the learning rate and start again.")
        rng = np.random.default_rng(seeds.acquisition)
        scores, walked, spent = _walked(
            batches, lambda: query(strategy, batches, order.query_size, copy.deepcopy(rng), report, alike=material.alike, room=work)
        )
    seconds = {"train": trained["seconds"], "evaluate": tested, **spent}
    return Turn(scores, walked, metrics, fitted, seconds, int(trained["steps"]), strategy, params, batches)


def _made(order: Order, material: Material, params: TrainParams, seeds: Seeds, device: torch.device) -> tuple[Strategy, PoolDraws]:
    """The strategy and its draws as they are before the first step; torch's generators are the model's."""
    task = TASKS[order.task](material.classes, material.side, material.dim)
    strategy = strategy_named(order.strategy)(task, params, order.check()[0]).to(device).to(memory_format=torch.channels_last)
    if material.side:
        check_side(strategy, material.side)
    if strategy.augmented_scoring and params.query_unit != FRAMES:
        raise BadInput(
            f"strategy {order.strategy} scores shifted images here, where regions lie elsewhere: switch that off, or use query_unit=frames"
        )
    own = crew()
    own.check(strategy, params.batch_size, device)
    if own.size > 1 and device.type == "cuda":  # statistics of whole batches, as one process has them
        strategy = nn.SyncBatchNorm.convert_sync_batchnorm(strategy)
    return strategy, material.draws(params, device, seeds.order)


def assist(order: Order, material: Material, work: Path) -> None:
    """What a process that does not lead the crew does for a turn: its share of every batch, and its part of the pass over the pool."""
    train_ = _as_it_fitted(order.check()[1].for_labels(len(material.pool.labeled)), work)
    material.check(order, train_)
    device, seeds = crew().device(pick_device(order.device)), Seeds.of(order.seed)
    with seeded(seeds.model, device):
        strategy, batches = _made(order, material, train_, seeds, device)
        train(strategy, batches, train_, folder=work)
        _walked(batches, lambda: walk.assist(strategy, batches, order.query_size, np.random.default_rng(seeds.acquisition)))


def _classes_in(dense: np.ndarray, targets: np.ndarray) -> int:
    """How many classes these masks show, 2 for two or more."""
    seen = np.zeros(256, bool)
    for row in targets.tolist():
        seen |= np.bincount(dense[row].ravel(), minlength=256) > 0
        if seen[:VOID].sum() > 1:
            return 2
    return int(seen[:VOID].sum())


def _walked(batches: PoolDraws, walk: Callable[[], T]) -> T:
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
    """The first query, without a model: n ids at random, spread by greedy k-center over the pixels at 16x16, or one of each of n groups of
    vectors (k-means), the one in its middle: of few images that gives every class its chance (TypiClust's and ProbCover's cold start). Of
    more than GROUPED images, a random part is grouped.

    Args:
        pixels: for groups vectors.

    Raises:
        BadInput: `how` is none of random, kcenter, groups.
    """
    n = check_query_size(n, len(pool.unlabeled))
    if how == "random":
        return np.random.default_rng(seed).permutation(pool.unlabeled)[:n]
    if how == "groups":
        rng, asked = np.random.default_rng(seed), pool.unlabeled
        if len(asked) > GROUPED:
            asked = asked[np.sort(rng.permutation(len(asked))[: max(n, GROUPED)])]
        points = of_length_one(cast(np.ndarray, pixels), pool.rows_of(asked))
        chosen = middles(points, k_means(points, n, rng))
        rest = np.setdiff1d(rng.permutation(len(points)), chosen)  # where images are equal there are fewer groups than were asked for
        found: np.ndarray = asked[np.concatenate([chosen, rest])[:n]]
        return found
    if how != "kcenter":
        raise BadInput(f"cannot start by {how!r}: use random, kcenter or groups")
    small = _small_pixels(pixels, pool.rows_of(pool.unlabeled))
    centers = _small_pixels(pixels, pool.rows_of(pool.labeled)) if len(pool.labeled) else None
    result: np.ndarray = pool.unlabeled[k_center(small, centers, n, pool.unlabeled)]
    return result


def _small_pixels(pixels: Pixels, rows: np.ndarray) -> np.ndarray:
    side = min(16, pixels.shape[1])
    parts = []
    for start in range(0, len(rows), 4096):
        x = torch.from_numpy(np.ascontiguousarray(pixels[rows[start : start + 4096]])).permute(0, 3, 1, 2).float() / 255
        parts.append(torch.nn.functional.adaptive_avg_pool2d(x, side).flatten(1))
    return torch.cat(parts).numpy()
