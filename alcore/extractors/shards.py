"""Images to vectors on many machines: shards of images are read and embedded there, and what they give is kept here, by one writer.
Knows no project."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from alcore.cluster.dealing import Hands, on_machines
from alcore.cluster.joining import joined
from alcore.errors import Unavailable
from alcore.extractors import extractor_named
from alcore.extractors.base import Embedder, Extractor
from alcore.extractors.extraction import STAGE, Extracted, Wanted, batches_of, extract
from alcore.extractors.vectors import VectorStore
from alcore.pixels.levels import PLAIN, Decoding
from alcore.progress import Progress, Report, ignore_progress
from alcore.remembered import Remembered

BATCHES = 4  # of a shard: 128 images, some seconds of one core
DECODERS = 2  # threads of a process that read and decode while it embeds; each core has a process of its own
PACES = 20  # shards whose time tells the pace

_embedders = Remembered(1)  # of a process of the cluster: the network is loaded once there


@dataclass(frozen=True)
class Reading:
    """What each machine needs to read images and embed them.

    Attributes:
        extractor, mark: its name, and what tells its weights.
        models: the folder of networks that people bring.
        root: the folder of the images, which every machine must see under this path; None where they are sent.
        sample: one of its files, and how many bytes it has here.
        decoding: how files become 8-bit RGB.
        known: ascending uint64 digests of content that has a vector already.
        device: where a process computes.
    """

    extractor: str
    mark: str
    models: Path | None = None
    root: Path | None = None
    sample: tuple[Path, int] | None = None
    decoding: Decoding = PLAIN
    known: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0, np.uint64))
    device: str = "cpu"


@dataclass(frozen=True)
class Made:
    """What a shard gave: (b,) keys and digests of images that were read, (b, dim) float16 vectors, zeros where the content was known; and
    what could not be read."""

    keys: np.ndarray
    digests: np.ndarray
    vectors: np.ndarray
    found: Extracted


def extract_on_ray(
    wanted: Iterator[Sequence[Wanted]],
    total: int,
    reading: Reading,
    store: VectorStore,
    *,
    device: str = "auto",
    workers: int = 0,
    report: Report = ignore_progress,
    done: int = 0,
) -> Extracted:
    """What `extraction.extract` does, by the processes of a Ray cluster. Each shard is kept as it comes in: whatever stops the run, this
    process or theirs, the next one goes on from there. The store must be `writing`.

    Args:
        reading: what its `known` and `device` are is settled here.
        device: auto, cpu or cuda, as `Hands` has it.
        workers: the most shards at a time; 0: as many as the cluster has room for.

    Raises:
        BadInput: a machine cannot read the images or has other weights, before work starts.
        Unavailable: the cluster does not answer, or a shard's process was lost again and again; what came in is kept.
    """
    result, started = Extracted(), time.perf_counter()
    report(Progress(STAGE, done, total, message="joining the Ray cluster"))
    with joined() as ray:
        hands = Hands(ray, device, workers)
        reading = dataclasses.replace(reading, known=store.contents(), device=hands.device)
        machines = hands.check(cannot_read, reading)
        told = Progress(STAGE, done, total, message=on_machines(machines))
        report(told)
        paces: deque[tuple[float, int]] = deque([(time.perf_counter(), 0)], PACES)
        with closing(hands.deal(embedded, reading, _shards(wanted), between=lambda: report(told))) as coming:
            for _, made in coming:
                _keep(made, store, result)
                paces.append((time.perf_counter(), result.done))
                (then, before), (now, after) = paces[0], paces[-1]
                seen = done + result.done + len(result.failed)
                told = Progress(STAGE, seen, total, {"images_per_second": (after - before) / max(now - then, 1e-9)})
                report(told)
    result.seconds = time.perf_counter() - started
    return result


def _shards(batches: Iterator[Sequence[Wanted]]) -> Iterator[list[Wanted]]:
    """BATCHES of them at a time, so that a shard's batches are those of one process."""
    while True:
        shard = [one for _ in range(BATCHES) for one in next(batches, ())]
        if not shard:
            return
        yield shard


def _keep(made: Made, store: VectorStore, result: Extracted) -> None:
    before = len(store)
    if len(made.keys):
        store.add(made.keys, made.digests, made.vectors)
    result.done += len(made.keys)
    result.known += len(made.keys) - (len(store) - before)
    result.failed.update(made.found.failed)
    result.damaged.extend(made.found.damaged)


# ---- on a machine of the cluster


def cannot_read(reading: Reading) -> str:
    """What a machine lacks for its shards, in a sentence that begins with a verb; "" for nothing."""
    if reading.root is not None and not reading.root.is_dir():
        return f"does not see the folder {reading.root}: put the images on a disk that all machines share, under the same path"
    if reading.sample is not None:
        path, size = reading.sample
        try:
            there = path.stat().st_size
            with path.open("rb") as file:
                file.read(1)
        except FileNotFoundError:
            return f"does not see {path}: put the images on a disk that all machines share, under the same path"
        except OSError as wrong:
            return f"cannot read {path} ({wrong.strerror}): let its user read what lies on the shared disk"
        if there != size:
            return f"sees another file at {path} ({there:,} bytes, not {size:,}): all machines must see one disk under this path"
    mark = extractor_named(reading.extractor, reading.models).mark
    if mark != reading.mark:
        return f"has other weights of {reading.extractor} ({mark}, not {reading.mark}): put the same file there"
    return ""


def embedded(reading: Reading, wanted: Sequence[Wanted]) -> Made:
    """Reads and embeds a shard.

    Raises:
        AlcoreError: as `extraction.extract`.
        Unavailable: the folder of the images is not there.
    """
    if reading.root is not None and not reading.root.is_dir():  # a machine that joined late; else each image would be told unreadable
        raise Unavailable(f"a machine of the Ray cluster does not see the folder {reading.root}: share it, and give the same command again")

    def loaded() -> Embedder:
        extractor: Extractor = extractor_named(reading.extractor, reading.models)
        if extractor.mark != reading.mark:
            raise Unavailable(f"a machine of the Ray cluster has other weights of {reading.extractor}: put the same file there")
        return Embedder(extractor, torch.device(reading.device))

    embedder = _embedders.of((reading.extractor, reading.mark, reading.device), loaded)
    gathered = Gathered(embedder.extractor.dim, reading.known)
    found = extract(batches_of(wanted), len(wanted), embedder, gathered, decoding=reading.decoding, decoders=DECODERS)
    return gathered.made(found)


class Gathered:
    """What `extract` takes for a store: it knows what content has a vector elsewhere, and holds what was made.

    Args:
        dim: numbers of a vector.
        known: ascending uint64 digests.
    """

    def __init__(self, dim: int, known: np.ndarray) -> None:
        self.dim, self.known = dim, known
        self._seen: dict[int, int] = {}
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def row_of_content(self, digest: int) -> int:
        """0 or more when this content has a vector, here or elsewhere; -1 without one."""
        at = int(np.searchsorted(self.known, np.uint64(digest)))
        if at < len(self.known) and int(self.known[at]) == digest:
            return at
        return self._seen.get(digest, -1)

    def add(self, keys: np.ndarray, digests: np.ndarray, vectors: np.ndarray) -> None:
        """Holds (b,) keys and digests and (b, dim) vectors; numbers past what float16 has become infinite, which the store refuses."""
        with np.errstate(over="ignore"):
            self._parts.append((keys, digests, vectors.astype(np.float16)))
        for digest in digests.tolist():
            self._seen.setdefault(digest, len(self._seen))

    def made(self, found: Extracted) -> Made:
        """All that was added."""
        nothing = np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty((0, self.dim), np.float16)
        keys, digests, vectors = (np.concatenate(column) for column in zip(nothing, *self._parts, strict=True))
        return Made(keys, digests, vectors, found)
