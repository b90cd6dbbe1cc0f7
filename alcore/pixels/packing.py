"""The packed cache: the images of a data set as rows of one file, written by threads, read by memory map. Knows no store and no label."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from alcore.errors import AlcoreError, BadInput
from alcore.files import written_whole
from alcore.pixels import images
from alcore.pixels.images import LEAST, MOST
from alcore.pixels.levels import PLAIN, Decoding
from alcore.progress import Progress, Report, ignore_progress

SEEN_EVERY = 0.2  # seconds between two reports
CHUNK_BYTES = 16 << 20
TASK_ROWS = 8


@dataclass(frozen=True)
class Packed:
    """What `pack` made.

    Attributes:
        path: the .npy file, (N, size, size, 3) uint8.
        sizes: (N, 2) int32 width and height of each original after rotation; 0, 0 when it failed, -1, -1 when its row was reused.
        failed: row -> why it could not be decoded, in words for the user; such a row is black.
        marks: (N,) uint32, the CRC-32 of each row as it lies in the file: equal pictures have equal marks, so that only rows with equal
            marks need be compared.
        mended: rows of JPEGs that end too early, in order: grey where nothing was. Empty unless they are to be kept.
    """

    path: Path
    sizes: np.ndarray
    failed: Mapping[int, str]
    marks: np.ndarray
    mended: tuple[int, ...] = ()

    @property
    def cut(self) -> int:
        """How many rows were mended."""
        return len(self.mended)


def open_packed(path: Path) -> np.ndarray:
    """The packed rows, (N, size, size, 3) uint8, memory-mapped, copy-on-write. Raises BadInput when the file is missing or damaged."""
    try:
        rows = np.lib.format.open_memmap(path, mode="c")  # torch takes no read-only arrays; what is written stays in memory
    except FileNotFoundError:
        raise BadInput(f"the image cache {path} is missing: import the images again") from None
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, OverflowError) as wrong:
        raise BadInput(f"the image cache {path} is damaged ({wrong}): import the images again") from wrong
    if rows.dtype != np.uint8 or rows.ndim != 4 or rows.shape[1] != rows.shape[2] or rows.shape[3] != 3 or not rows.flags.c_contiguous:
        raise BadInput(
            f"the image cache {path} has shape {rows.shape} and type {rows.dtype} instead of (n, size, size, 3) and uint8: import again"
        )
    return rows


def pack(
    sources: Sequence[Path | np.ndarray],
    size: int,
    out: Path,
    *,
    report: Report = ignore_progress,
    workers: int | None = None,
    reuse: tuple[Path, np.ndarray] | None = None,
    decoding: Decoding = PLAIN,
) -> Packed:
    """Writes an .npy file of shape (N, size, size, 3) uint8 whose row i is sources[i].

    The whole image is resized to the square, smoothed, its aspect not kept: everything stays visible, nothing is cropped and
    nothing padded. An image that already is size x size is copied exactly. What cannot be decoded becomes a black row and a
    reason in `failed`. The file appears whole or not at all: it is written beside `out` and renamed.

    Args:
        sources: files, or uint8 arrays (H, W) or (H, W, 3).
        size: side of the rows, 8 to 2048.
        out: may be the file of `reuse`.
        report: told about 5 times a second; what it raises (Cancelled) leaves no file behind.
        workers: decoding threads; the number of processors when None.
        reuse: an older packed file, and (N,) int64: for each new row the old row that holds it already, or -1. An old file that is
            missing, damaged or of another size is not used.
        decoding: how files become 8-bit RGB; arrays are taken as they are.

    Raises:
        BadInput: nothing to pack, or a size out of range.
        AlcoreError: the disk is too small, or memory for a picture.
    """
    if not len(sources):
        raise BadInput("there is no image to read: import at least one")
    if not LEAST <= size <= MOST:
        raise BadInput(f"images cannot be packed at {size} pixels: use {LEAST} to {MOST}")
    out.parent.mkdir(parents=True, exist_ok=True)
    needed = len(sources) * size * size * 3 + 128
    free = shutil.disk_usage(out.parent).free
    if free < needed:
        raise _disk_full(out, needed, free)
    packer = _Packer(sources, size, *_old_rows(reuse, size), decoding)
    try:
        with written_whole(out, lasting=True) as file:
            shape = (len(sources), size, size, 3)
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            packer.write(file, report, workers or os.cpu_count() or 1)
            packer.old = None  # some systems rename onto no file that is still mapped
    except OSError as wrong:
        if wrong.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(out, needed, None) from wrong
        raise
    return Packed(out, packer.sizes, dict(sorted(packer.failed.items())), packer.marks, tuple(sorted(packer.mended)))


def _disk_full(out: Path, needed: int, free: int | None) -> AlcoreError:
    there = "the disk is full" if free is None else f"{free / 1e6:,.1f} MB are free"
    return AlcoreError(
        f"the image cache needs {needed / 1e6:,.1f} MB in {out.parent} and {there}: "
        "free some space, use a smaller image size, keep the workspace elsewhere, or pack nothing with cache=stream"
    )


def _old_rows(reuse: tuple[Path, np.ndarray] | None, size: int) -> tuple[np.ndarray | None, np.ndarray]:
    none = np.empty(0, np.int64)
    if reuse is None:
        return None, none
    try:
        old = open_packed(reuse[0])
    except BadInput:
        return None, none  # the cache can always be made again from the sources
    return (old, np.where(reuse[1] < len(old), reuse[1], -1)) if old.shape[1] == size else (None, none)


@dataclass
class _Packer:
    """One run of `pack`: decodes chunks of rows on threads, two chunks ahead of the writing, and writes them in order."""

    sources: Sequence[Path | np.ndarray]
    size: int
    old: np.ndarray | None
    kept: np.ndarray
    decoding: Decoding
    failed: dict[int, str] = field(default_factory=dict)
    mended: list[int] = field(default_factory=list)
    sizes: np.ndarray = field(init=False)
    marks: np.ndarray = field(init=False)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.sizes = np.zeros((len(self.sources), 2), np.int32)
        self.marks = np.zeros(len(self.sources), np.uint32)

    def write(self, file: BinaryIO, report: Report, workers: int) -> None:
        total = len(self.sources)
        rows = max(1, min(1024, CHUNK_BYTES // (self.size * self.size * 3)))
        started = told = time.monotonic()
        ahead: deque[tuple[int, np.ndarray, list[Future[None]]]] = deque()
        starts = iter(range(0, total, rows))
        report(Progress("reading images", 0, total))
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            try:
                while True:
                    while len(ahead) < 2 and (start := next(starts, None)) is not None:
                        ahead.append(self._begin(pool, start, min(rows, total - start)))
                    if not ahead:
                        break
                    start, chunk, pending = ahead.popleft()
                    for turn, future in enumerate(pending):
                        ready = False
                        while not ready:
                            ready = bool(wait([future], timeout=SEEN_EVERY).done)
                            if time.monotonic() - told >= SEEN_EVERY:
                                told = time.monotonic()
                                done = start + turn * TASK_ROWS
                                speed = done / max(told - started, 1e-9)
                                report(Progress("reading images", done, total, {"images_per_second": speed}))
                        future.result()
                    file.write(chunk.data)
            finally:
                self.stopped.set()  # what still waits has nothing left to do
        speed = total / max(time.monotonic() - started, 1e-9)
        report(Progress("reading images", total, total, {"images_per_second": speed}))

    def _begin(self, pool: ThreadPoolExecutor, start: int, rows: int) -> tuple[int, np.ndarray, list[Future[None]]]:
        chunk = np.zeros((rows, self.size, self.size, 3), np.uint8)
        pieces = range(0, rows, TASK_ROWS)
        return start, chunk, [pool.submit(self._fill, chunk[at : at + TASK_ROWS], start + at) for at in pieces]

    def _fill(self, piece: np.ndarray, start: int) -> None:
        for number, row in enumerate(piece, start):
            if self.stopped.is_set():
                return
            self._fill_row(number, row)
            self.marks[number] = zlib.crc32(row)

    def _fill_row(self, number: int, row: np.ndarray) -> None:
        if self.old is not None and self.kept[number] >= 0:
            row[...] = self.old[self.kept[number]]
            self.sizes[number] = -1
            return
        try:
            filled = images.fill(self.sources[number], row, self.decoding)
        except BadInput as wrong:
            self.failed[number] = str(wrong)
            return
        self.sizes[number] = filled.size
        if filled.cut:
            self.mended.append(number)
