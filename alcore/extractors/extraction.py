"""Images to vectors: files read, decoded and prepared on threads, embedded in batches, kept as they come. Knows no project."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from alcore.errors import BadInput
from alcore.extractors.base import Embedder, prepared
from alcore.pixels import images
from alcore.pixels.levels import PLAIN, Decoding
from alcore.priority import NO_HURRY, step_back
from alcore.progress import Progress, Report, ignore_progress

STAGE = "features"
BATCH = 32
AHEAD = 3  # batches being decoded while one is embedded


def image_key(path: str, fingerprint: str) -> int:
    """What an item's vector is found by, a uint64: its path and its fingerprint, which changes when its file does."""
    return _digest(f"{path}\0{fingerprint}".encode("utf-8", "surrogateescape"))


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Wanted:
    """An image whose vector is wanted: its key, and the file or the uint8 array (H, W[, 3]) to make it from."""

    key: int
    source: Path | np.ndarray


class Keeping(Protocol):
    """Where vectors go: a vectors.VectorStore, or what gathers them elsewhere for one."""

    dim: int

    def row_of_content(self, digest: int) -> int:
        """0 or more when a vector was made from this content, -1 without one."""

    def add(self, keys: np.ndarray, digests: np.ndarray, vectors: np.ndarray) -> None:
        """Keeps (b, dim) vectors under (b,) keys and digests; a row whose content is known already is not looked at."""


@dataclass
class Extracted:
    """What a run did.

    Attributes:
        done: images that have a vector now and had none.
        known: of these, how many needed no network, because the same content had one.
        failed: path -> why it could not be read, for the user.
        damaged: keys of those of them whose file was there and is no picture: it need not be tried again before it changes.
        seconds: of the whole run.
    """

    done: int = 0
    known: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)
    seconds: float = 0.0


def extract(
    wanted: Iterator[Sequence[Wanted]],
    total: int,
    embedder: Embedder,
    store: Keeping,
    *,
    decoding: Decoding = PLAIN,
    report: Report = ignore_progress,
    done: int = 0,
    decoders: int = 0,
) -> Extracted:
    """Makes the vectors of all images that `wanted` hands out, in its order, and keeps each batch when it is made: whatever stops the run,
    the next one goes on from there. Files are read at their full size. The store must be `writing`.

    Args:
        wanted: batches of images, asked for when the next ones are to be decoded.
        total, done: how many images there are, and how many of them had a vector before, for the progress.
        decoders: threads that read and decode; 0: one for each processor.
        report: told after every batch; what it raises (Cancelled) stops the run.

    Raises:
        AlcoreError: the disk is full, memory ran out, or the network gives numbers that are none.
    """
    result, started = Extracted(), time.perf_counter()
    report(Progress(STAGE, done, total))
    pool = ThreadPoolExecutor(decoders or os.cpu_count() or 1, "decode", step_back, (NO_HURRY,))
    network = ThreadPoolExecutor(1, "features", step_back, (NO_HURRY,))  # of its own: torch's threads are its children
    ahead: deque[tuple[Sequence[Wanted], list[Future[_Read]]]] = deque()
    paces: deque[tuple[float, int]] = deque([(started, 0)], 50)
    try:
        while True:
            while len(ahead) <= AHEAD and (batch := next(wanted, None)) is not None:
                ahead.append((batch, [pool.submit(_read, one.source, embedder.extractor.side, store, decoding) for one in batch]))
            if not ahead:
                break
            batch, pending = ahead.popleft()
            network.submit(_keep, batch, [each.result() for each in pending], embedder, store, result).result()
            paces.append((time.perf_counter(), result.done))
            (then, before), (now, after) = paces[0], paces[-1]
            seen = done + result.done + len(result.failed)
            report(Progress(STAGE, seen, total, {"images_per_second": (after - before) / max(now - then, 1e-9)}))
    finally:
        pool.shutdown(cancel_futures=True)
        network.shutdown()
    result.seconds = time.perf_counter() - started
    return result


@dataclass(frozen=True)
class _Read:
    """A file as it was read: the digest of its content, then its picture, prepared; none when a vector of that content is there, or when
    it cannot be read, which `problem` says; `damaged` when that is its content's fault."""

    digest: int = 0
    picture: np.ndarray | None = None
    problem: str = ""
    damaged: bool = False


def _read(source: Path | np.ndarray, side: int, store: Keeping, decoding: Decoding) -> _Read:
    try:
        if isinstance(source, np.ndarray):
            digest = _digest(str(source.shape).encode() + source.tobytes())
            if store.row_of_content(digest) >= 0:
                return _Read(digest)
            return _Read(digest, prepared(Image.fromarray(source).convert("RGB"), side))
        content = source.read_bytes()
        digest = _digest(decoding.mark.encode() + content)
        if store.row_of_content(digest) >= 0:
            return _Read(digest)
        return _Read(digest, prepared(images.decode(content, at_least=side, decoding=decoding), side))
    except OSError as wrong:
        return _Read(problem=f"it cannot be read: {wrong.strerror}")
    except BadInput as wrong:
        return _Read(problem=str(wrong), damaged=True)


def _keep(batch: Sequence[Wanted], found: Sequence[_Read], embedder: Embedder, store: Keeping, result: Extracted) -> None:
    """The pictures embedded, one of each content that has no vector by now, and everything that was read kept."""
    pictures: dict[int, np.ndarray] = {}
    new: set[int] = set()
    for at, one in enumerate(found):
        if one.picture is not None and one.digest not in new and store.row_of_content(one.digest) < 0:
            new.add(one.digest)
            pictures[at] = one.picture
    vectors = np.zeros((len(batch), store.dim), np.float32)
    if pictures:
        vectors[list(pictures)] = embedder(np.stack(list(pictures.values())))
    good = [at for at, one in enumerate(found) if not one.problem]
    keys, digests = (np.array(column, np.uint64) for column in ([batch[at].key for at in good], [found[at].digest for at in good]))
    if good:
        store.add(keys, digests, vectors[good])
    result.done += len(good)
    result.known += len(good) - len(pictures)
    result.failed.update({str(batch[at].source): one.problem for at, one in enumerate(found) if one.problem})
    result.damaged.extend(batch[at].key for at, one in enumerate(found) if one.damaged)


def batches_of(wanted: Iterable[Wanted], urgent: Callable[[], Sequence[Wanted]] = tuple, size: int = BATCH) -> Iterator[Sequence[Wanted]]:
    """`wanted` in its order, in batches; before each, what `urgent` says that is not handed out yet comes first. No image is looked at
    before its batch is asked for."""
    given: set[int] = set()
    waiting = iter(wanted)
    while True:
        batch: list[Wanted] = []
        for one in itertools.chain(urgent(), waiting):
            if one.key not in given:
                given.add(one.key)
                batch.append(one)
            if len(batch) == size:
                break
        if not batch:
            return
        yield batch
