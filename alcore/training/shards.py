"""One pass over the pool on many machines: each walks shards of it with the round's model, and what they saw is put together here, in the
order of the walk. Knows no store and no project."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alcore.cluster.dealing import Hands, on_machines
from alcore.cluster.joining import joined
from alcore.errors import Unavailable
from alcore.params import TrainParams
from alcore.pixels.streaming import FileRows, open_pixels
from alcore.progress import Progress, Report, ignore_progress
from alcore.remembered import Remembered
from alcore.strategies import code_of, look
from alcore.strategies.base import Strategy
from alcore.training.batches import Pixels
from alcore.training.draws import PoolDraws
from alcore.training.pool import Pool
from alcore.training.predict import MODEL, restored
from alcore.training.turn import Material
from alcore.training.walk import Walked, walk

LEAST = 512  # images of a shard, in whole batches of the walk

_ready = Remembered(1)  # of a process of the cluster: the model is loaded once there


@dataclass(frozen=True)
class Packed:
    """The images of a project: packed in its folder, or the files of its source."""

    folder: Path
    settings: Mapping[str, Any]

    def open(self) -> Pixels:
        """(N, side, side, 3) uint8."""
        return open_pixels(self.folder, self.settings)


@dataclass(frozen=True)
class Vectors:
    """What a frozen network saw, in a file of float16."""

    path: Path
    count: int
    dim: int

    def open(self) -> np.ndarray:
        """(count, dim) float16, memory-mapped."""
        return np.memmap(self.path, np.float16, "c", shape=(self.count, self.dim))


@dataclass(frozen=True)
class Model:
    """A stored round's model, and what it looks at.

    Attributes:
        folder: the round's files, which every machine must see under this path.
        strategy, params: as the round's row has them.
        train: the run's parameters, the weights among them: what pixels are normalized by follows from these.
        task, classes: that it learned.
        images: what the pool's rows point into.
        pool: who is walked, and beside whom.
        seed: of what a walk draws, for strategies that look at shifted images.
        file, code: of a strategy that is not the library's, and what names its content.
    """

    folder: Path
    strategy: str
    params: Mapping[str, Any]
    train: TrainParams
    task: str
    classes: int
    images: Packed | Vectors
    pool: Pool
    seed: int
    file: str = ""
    code: str = ""
    dense: bool = False

    def brought_back(self, device: torch.device) -> tuple[Strategy, PoolDraws, Pixels]:
        """The strategy in evaluation mode, its draws, and the images these are made of. AlcoreError where its file is gone, or does not
        fit."""
        if self.file:
            look(Path(self.file).parent, named=True)  # whoever asked could read it: a process of another machine must be able to
            if code_of(self.strategy) != self.code:
                raise Unavailable(f"{self.file} is another one on a machine of the Ray cluster: all machines must see the same file")
        pixels = self.images.open()
        material = Material(self.pool, self.classes, pixels)
        if self.dense:  # no mask is looked at; that there are some decides how many images are walked at a time
            material = dataclasses.replace(material, dense=np.empty((0, *pixels.shape[1:3]), np.uint8))
        kind = {"side": material.side, "dim": material.dim}
        strategy = restored(self.folder, self.strategy, self.params, vars(self.train), self.task, classes=self.classes, **kind)
        return strategy.to(device), material.draws(self.train, device, self.seed), pixels


@dataclass(frozen=True)
class Look:
    """What each machine is sent: the model, where it computes, and how long its file is here."""

    model: Model
    device: str
    size: int

    @property
    def state(self) -> tuple[Any, ...]:
        """What a process keeps a model for."""
        return self.model.folder, self.device, self.model.seed, len(self.model.pool.ids), self.size


class Spread:
    """A walk over the pool by the processes of a Ray cluster: what `walk.query` takes for `walk`.

    Args:
        device: auto, cpu or cuda, as `Hands` has it.
        workers: the most shards at a time; 0: as many as the cluster has room for.

    Attributes:
        unreadable: images that could not be read, and were black.
        device: where the processes computed, once they did.
    """

    def __init__(self, model: Model, device: str = "auto", workers: int = 0) -> None:
        self.model, self.asked, self.workers = model, device, workers
        self.unreadable, self.device = 0, ""

    def __call__(self, strategy: Strategy, batches: PoolDraws, ids: np.ndarray, report: Report = ignore_progress) -> Walked:
        """Scores and outputs of `ids`, in their order; equal to those of one process but for float32 noise, since batches are the same.

        Raises:
            BadInput: a machine does not see the workspace or the images, before work starts.
            Unavailable: the cluster does not answer, or a shard's process was lost again and again.
        """
        report(Progress("scoring", 0, len(ids), message="joining the Ray cluster"))
        with joined() as ray:
            hands = Hands(ray, self.asked, self.workers)
            self.device = hands.device
            common = Look(self.model, hands.device, (self.model.folder / MODEL).stat().st_size)
            machines = hands.check(cannot_look, common)
            told = Progress("scoring", 0, len(ids), message=on_machines(machines))
            report(told)
            whole, done = Whole(ids), 0
            with closing(hands.deal(walked, common, shards(ids, batches.walk_size), between=lambda: report(told))) as coming:
                for (start, part), (seen, unreadable) in coming:
                    whole.put(start, seen)
                    done += len(part)
                    self.unreadable += unreadable
                    told = Progress("scoring", done, len(ids))
                    report(told)
        return whole.walked()


def shards(ids: np.ndarray, walk_size: int) -> Iterator[tuple[int, np.ndarray]]:
    """(start, ids) of each, in whole batches of `walk_size`, so that no image comes to another batch than in one process."""
    size = walk_size * -(-LEAST // walk_size)
    return ((start, ids[start : start + size]) for start in range(0, len(ids), size))


class Whole:
    """Walks of parts, put together as they come in; nothing lies there twice."""

    def __init__(self, ids: np.ndarray) -> None:
        self.ids = ids
        self._columns: dict[str, dict[str, np.ndarray]] = {"parts": {}, "arrays": {}}

    def put(self, start: int, seen: Walked) -> None:
        """What was seen of the ids from `start` on."""
        for kind, columns in self._columns.items():
            for name, values in getattr(seen, kind).items():
                if name not in columns:
                    columns[name] = np.empty((len(self.ids), *values.shape[1:]), values.dtype)
                columns[name][start : start + len(values)] = values

    def walked(self) -> Walked:
        """All of it, once everything was put."""
        return Walked(self.ids, self._columns["parts"], self._columns["arrays"])


# ---- on a machine of the cluster


def cannot_look(common: Look) -> str:
    """What a machine lacks for its shards, in a sentence that begins with a verb; "" for nothing."""
    model = common.model
    path = model.folder / MODEL
    if not path.is_file() or path.stat().st_size != common.size:
        return f"does not see {path} as it is here: put the workspace on a disk that all machines share, under the same path"
    images = model.images
    needed: Callable[[], bool]
    if isinstance(images, Vectors):
        path, needed = images.path, images.path.is_file
    elif images.settings.get("cache", "pack") == "pack":
        path = images.folder / str(images.settings["packed"])
        needed = path.is_file
    else:
        path = Path(images.settings["root"])
        needed = path.is_dir
    if not needed():
        return f"does not see {path}: put workspace and images on a disk that all machines share, under the same paths"
    if model.file and not Path(model.file).is_file():
        return f"does not see {model.file}, the file of the strategy {model.strategy}: put it on the disk that all machines share"
    return ""


def walked(common: Look, shard: tuple[int, np.ndarray]) -> tuple[Walked, int]:
    """What the model sees in a shard, and how many more of its images were black because they cannot be read."""
    device = torch.device(common.device)
    strategy, draws, pixels = _ready.of(common.state, lambda: common.model.brought_back(device))
    before = _unreadable(pixels)
    return walk(strategy, draws, shard[1]), _unreadable(pixels) - before


def _unreadable(pixels: Pixels) -> int:
    return len(pixels.unreadable) if isinstance(pixels, FileRows) else 0
