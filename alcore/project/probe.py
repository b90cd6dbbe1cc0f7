"""A few timed steps of a round that nobody has started: what a step and an image cost here. Writes nothing; leaves global state as it was.

`python -m alcore.project.probe HOME PROJECT` reads a round's arguments from stdin and prints the costs: a process of its own shares neither
the generators, nor the threads, nor the memory of a card with what trains in the app.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from alcore.errors import AlcoreError
from alcore.extractors import extractor_named
from alcore.home import models_folder, own_strategies
from alcore.nets.tasks import FEATURES, TASKS
from alcore.params import TrainParams
from alcore.pixels.maskfiles import at_size
from alcore.progress import Progress
from alcore.project.place import Place
from alcore.project.stored import Stored, stored
from alcore.strategies import look, strategy_named
from alcore.strategies.base import Strategy
from alcore.training.devices import pick_device, seeded
from alcore.training.draws import PoolDraws
from alcore.training.pool import Pool
from alcore.training.regions import Regions
from alcore.training.train import train
from alcore.training.turn import Material, Order, check_side
from alcore.training.walk import evaluate, walk
from alcore.types import FRAMES

TRAINING, WALKING = 2.0, 0.5  # seconds at most of timed training steps, and of a walk; one step or batch may take longer
MOST = 200  # steps of a stage
IMAGES = 512  # of each kind at most
SHARE = 10  # no more than one of so many of the round's own steps: a probe that takes as long as the round tells nothing

Clock = Callable[[], float]


@dataclass(frozen=True)
class Costs:
    """What a round's work costs on a device.

    Attributes:
        stages: of training, in their order: name, steps a step that was asked for, seconds a step.
        test, score: seconds an image.
        timed: how many training steps that is known from.
    """

    stages: tuple[tuple[str, float, float], ...]
    test: float
    score: float
    timed: int

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Costs:
        """From what `main` printed."""
        return cls(
            tuple((str(name), float(share), float(cost)) for name, share, cost in told["stages"]),
            told["test"],
            told["score"],
            told["timed"],
        )


def timed(project: Stored, order: Order, clock: Clock = time.perf_counter) -> Costs:
    """The costs of a round of this order, from random weights and some of the project's own images.

    Raises:
        AlcoreError: what the round itself would say after its start: images too small for the network, too little memory.
    """
    params, wanted = order.check()
    wanted = dataclasses.replace(wanted, compile="off")  # compiling takes longer than all that is timed here
    device, threads = pick_device(order.device), torch.get_num_threads()
    while True:
        try:
            with seeded(0, device):
                return _timed(project, order, params, wanted, device, clock)
        except torch.OutOfMemoryError:
            if wanted.batch_size <= 2:
                raise AlcoreError(f"{device} has too little memory even for batches of 2: use the CPU or a smaller architecture") from None
        finally:
            torch.set_num_threads(threads)
            if device.type == "cuda":
                torch.cuda.empty_cache()
        wanted = dataclasses.replace(wanted, batch_size=wanted.batch_size // 2)  # as the round does


def _timed(project: Stored, order: Order, params: Any, wanted: TrainParams, device: torch.device, clock: Clock) -> Costs:
    some = _some(project, wanted)
    pool, task = some.pool, TASKS[order.task](some.classes, some.side, some.dim)
    strategy = strategy_named(order.strategy)(task, wanted, params).to(device).to(memory_format=torch.channels_last)
    if some.side:
        check_side(strategy, some.side)
    batches = some.draws(wanted, device, 0)
    batches.walk_size = min(batches.walk_size, wanted.batch_size)
    stages = strategy.stages(wanted.steps)
    costs, steps = [], 0
    for stage in stages:
        strategy.stages = lambda _, only=stage: (only,)  # type: ignore[method-assign,misc]
        watch = _Watch(clock, device, TRAINING / len(stages), min(MOST, max(3, stage.steps // SHARE)))
        watch.during(lambda told=watch: train(strategy, batches, wanted, told))  # type: ignore[misc]
        costs.append((stage.name, stage.steps / wanted.steps, watch.each))
        steps += watch.count
    on = "test" if len(pool.test) else "labeled"
    testing = _Watch(clock, device, WALKING, IMAGES)
    testing.during(lambda: evaluate(strategy, batches, testing, on=on))
    return Costs(tuple(costs), testing.each, _score(strategy, batches, clock), steps)


def _score(strategy: Strategy, batches: PoolDraws, clock: Clock) -> float:
    """Seconds to score an image, and to cut it into regions where those are wanted."""
    p, pool = batches.params, batches.pool
    regions = None if p.query_unit == FRAMES else Regions(p.query_unit, p.region_count, batches.asked)
    watch = _Watch(clock, batches.device, WALKING, IMAGES)
    ids = pool.unlabeled if len(pool.unlabeled) else pool.labeled

    def walked() -> None:
        try:
            walk(strategy, batches, ids, watch, regions=regions)
        finally:
            if regions:
                regions.close()  # waits for what is still being cut
                watch.marks.append((clock(), watch.count))

    watch.during(walked)
    return watch.each


class _Enough(Exception):
    """Ends what is timed."""


class _Watch:
    """The report of what is timed: notes when each step was done, the first one being warm-up, and ends it all in time."""

    def __init__(self, clock: Clock, device: torch.device, budget: float, most: int) -> None:
        self._clock, self._device, self._budget, self._most = clock, device, budget, most
        self._started = clock()
        self.marks: list[tuple[float, int]] = []

    def during(self, work: Callable[[], Any]) -> None:
        with contextlib.suppress(_Enough):
            work()

    def __call__(self, progress: Progress) -> None:
        if not progress.done:
            return  # a message
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = self._clock()
        self.marks.append((now, progress.done))
        if progress.done - self.marks[0][1] >= self._most or now - self._started >= self._budget:
            raise _Enough

    @property
    def count(self) -> int:
        return self.marks[-1][1] if self.marks else 0

    @property
    def each(self) -> float:
        """Seconds a step or an image: without the first when there was another, for that one has to warm up."""
        if not self.marks:
            return 0.0
        (first, begun), (last, done) = self.marks[0], self.marks[-1]
        return (last - first) / (done - begun) if done > begun else (last - self._started) / done


def _some(project: Stored, train: TrainParams) -> Material:
    """At most a few batches of each kind of image, and their masks where labels are such; for features noise stands in: a product takes as
    long whatever its numbers are."""
    batch, classes = train.batch_size, len(project.classes)
    pool, digests = Pool.of_masks(project.snapshot()) if project.dense else (project.pool(), ())
    labeled, unlabeled, test = min(batch, IMAGES), min(4 * batch, IMAGES), min(4 * batch, IMAGES)
    targets, test_targets = pool.targets[:labeled], pool.test_targets[:test]
    parts = pool.labeled[:labeled], pool.unlabeled[:unlabeled], pool.test[:test]
    ids = np.unique(np.concatenate(parts))
    if train.architecture == FEATURES:
        dim = extractor_named(train.extractor, models_folder(project.place.home)).dim
        vectors = np.random.default_rng(0).standard_normal((len(ids), dim), np.float32)
        return Material(Pool(parts[0], targets, parts[1], parts[2], test_targets, ids, np.arange(len(ids))), classes, vectors)
    dense, pixels = None, project.pixels()
    if project.dense:
        used = np.union1d(targets, test_targets)
        targets, test_targets = np.searchsorted(used, targets), np.searchsorted(used, test_targets)
        dense = at_size(project.folder, [digests[i] for i in used.tolist()], pixels.shape[1])
    rows = pool.rows_of(ids)
    if isinstance(pixels, np.ndarray):  # a copy of these, that the whole array need not go to a card
        pixels, rows = np.ascontiguousarray(pixels[rows]), np.arange(len(rows))
    return Material(Pool(parts[0], targets, parts[1], parts[2], test_targets, ids, rows), classes, pixels, dense)


def main(home: str, name: str) -> None:
    """Prints the costs of the arguments on stdin, or what keeps such a round from running."""
    place = Place(home)
    look(own_strategies(home))
    told: dict[str, Any]
    try:
        told = dataclasses.asdict(timed(stored(place, name), Order.read(json.load(sys.stdin))))
    except AlcoreError as problem:
        told = {"error": str(problem)}
    finally:
        place.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
