"""One round: a frozen pool in; trained, tested, scored, chosen, mapped; files and one row out. Also the files of rounds that were."""

from __future__ import annotations

import copy
import dataclasses
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import torch

from alcore import explain
from alcore.batches import Batches, Pixels, telling
from alcore.centers import k_center
from alcore.errors import AlcoreError, BadInput, disk_full_told
from alcore.pool import Pool
from alcore.strategies import strategy_named
from alcore.strategies.base import Strategy
from alcore.tasks import TASKS
from alcore.training import Walked, evaluate, pick_device, query, seeded, train
from alcore.types import Progress, Report, Scores, TrainParams, check_query_size, ignore_progress, make_params

T = TypeVar("T")
LEAST_WALK = 8  # images scored at once; below it the machine is the problem
START = "start:"  # a query without a model is stored as a round of strategy start:random or start:kcenter


@dataclass(frozen=True)
class Order:
    """What a round is to do; every value is JSON, so that a job can keep it."""

    strategy: str
    query_size: int = 50
    seed: int = 0
    device: str = "auto"
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    train: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def check(self) -> tuple[Any, TrainParams]:
        """The strategy's and the run's parameters; BadInput names everything that is wrong, before work starts."""
        strategy = strategy_named(self.strategy)
        pick_device(self.device)
        if self.query_size < 1:
            raise BadInput(f"cannot query {self.query_size} items: use a query size of at least 1")
        return make_params(strategy.Params, self.params, f"strategy {self.strategy}"), make_params(TrainParams, self.train, "training")


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
    """

    scores: Scores
    walked: Walked
    metrics: dict[str, float]
    fitted: dict[str, float]
    seconds: dict[str, float]
    steps: int
    strategy: Strategy
    train: TrainParams


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
) -> Outcome:
    """Trains on the pool's labels, tests, scores and chooses; writes the round's files whole into a new folder below `rounds_folder`.

    Args:
        work: where the checkpoint and the loss history lie; with the same folder an interrupted run goes on.

    Raises:
        NotEnoughLabels: there is nothing to train on.
    """
    params, train_params = order.check()
    device = pick_device(order.device)
    done = turn(
        order.strategy, params, train_params, pool, classes, pixels, order.query_size, Seeds.of(order.seed), device, report, work=work
    )
    folder = write_files(rounds_folder, done.scores, done.walked.ids, done.walked.arrays, done.strategy)
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
) -> Turn:
    """Trains the strategy on the pool's labels, tests it, scores the unlabeled and chooses. When memory on the device runs out, the
    batch is halved and training starts again.

    Args:
        strategy: its name; `params` are its own parameters.
        work: where the checkpoint and the loss history lie; with the same folder an interrupted turn goes on.

    Raises:
        NotEnoughLabels: there is nothing to train on.
    """
    pool.check_trainable(classes)
    check_query_size(query_size, len(pool.unlabeled))
    report = telling(pixels, report)
    halved = work / "batch_size" if work else None  # a resumed run must go on with the batch that fitted
    if halved and halved.is_file():
        train_params = dataclasses.replace(train_params, batch_size=int(halved.read_text()))
    while True:
        try:
            return _attempt(strategy, params, train_params, pool, classes, pixels, query_size, seeds, device, report, work)
        except torch.OutOfMemoryError:
            if train_params.batch_size <= 8:
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
            halved.write_text(str(train_params.batch_size))
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
) -> Turn:
    task = TASKS["classification"](classes, pixels.shape[1])
    with seeded(seeds.model, device):
        strategy = strategy_named(name)(task, train_params, params).to(device).to(memory_format=torch.channels_last)
        smallest = strategy.backbone.smallest
        if pixels.shape[1] < smallest:
            raise BadInput(
                f"{train_params.architecture} wants images of at least {smallest} pixels and these have {pixels.shape[1]}: "
                f"use architecture=small_cnn, or import with --image-size {smallest}"
            )
        batches = Batches(pixels, pool, train_params, device, seeds.order)
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
    return Turn(scores, walked, metrics, fitted, seconds, int(trained["steps"]), strategy, train_params)


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


# ---- files: a round's arrays are written into a folder of their own before its row is committed


def write_files(rounds_folder: Path, scores: Scores, ids: np.ndarray, arrays: Mapping[str, np.ndarray], strategy: Strategy) -> str:
    """Writes everything of a round into a new folder, which appears whole, and returns its name."""
    name = uuid.uuid4().hex[:16]
    part = rounds_folder / f".{name}"
    try:
        with disk_full_told(rounds_folder, "the round's files"):
            _write_all(part, scores, ids, arrays, strategy)
        os.replace(part, rounds_folder / name)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return name


def _write_all(part: Path, scores: Scores, ids: np.ndarray, arrays: Mapping[str, np.ndarray], strategy: Strategy) -> None:
    from safetensors.torch import save_file  # here, so that simulations run without it

    part.mkdir(parents=True)
    np.savez(part / "scores.npz", ids=scores.ids, total=scores.total, selected=scores.selected, **_named(scores.parts))
    np.save(part / "walked_ids.npy", ids)
    for key, value in arrays.items():
        np.save(part / f"{key}.npy", value)
    save_file({k: v.detach().cpu().contiguous() for k, v in strategy.state_dict().items()}, part / "model.safetensors")


def _named(parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {f"part_{name}": values for name, values in parts.items()}


class RoundFiles:
    """The arrays of a stored round, read on demand. Immutable once written, so one object may serve every request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with np.load(folder / "scores.npz") as stored:
            self.ids: np.ndarray = stored["ids"]
            self.selected: np.ndarray = stored["selected"]
            self.scores = {k.removeprefix("part_"): stored[k] for k in stored.files if k.startswith("part_")} | {"total": stored["total"]}
        self.position = {int(i): at for at, i in enumerate(self.ids)}

    @cached_property
    def ranks(self) -> dict[str, np.ndarray]:
        """1 = most wanted, by score name."""
        return {name: explain.wanted_ranks(name, values, self.ids) for name, values in self.scores.items()}

    @cached_property
    def walked_ids(self) -> np.ndarray:
        """(m,) the scored items first, in the order of `ids`, then the labeled ones."""
        return np.load(self.folder / "walked_ids.npy")

    def array(self, name: str) -> np.ndarray:
        """(m, ...) logits, embedding, ... in the order of `walked_ids`, memory-mapped."""
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")

    @property
    def map(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(ids, xy) once the map is made."""
        path = self.folder / "map.npz"
        if not path.is_file():
            return None
        with np.load(path) as stored:
            return stored["ids"], stored["xy"]

    def write_map(self, ids: np.ndarray, xy: np.ndarray) -> None:
        """Keeps the map, whole."""
        part = self.folder / "map.part.npz"
        np.savez(part, ids=ids, xy=xy)
        os.replace(part, self.folder / "map.npz")

    def probabilities(self, at: list[int]) -> np.ndarray:
        """(len(at), K) the model's class probabilities at these positions of `ids`."""
        logits = self.array("logits")[at].astype(np.float64)
        p = np.exp(logits - logits.max(1, keepdims=True))
        return p / p.sum(1, keepdims=True)


@lru_cache(maxsize=8)
def round_files(folder: Path) -> RoundFiles:
    """The files of a round, kept for the next request."""
    return RoundFiles(folder)
