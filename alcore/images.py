"""Pixels: decoding any picture into RGB, the packed uint8 cache of a data set, thumbnails. Knows no torch, no store and no label."""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import os
import shutil
import stat
import struct
import threading
import time
import uuid
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from alcore.errors import AlcoreError, BadInput
from alcore.types import Progress, Report, ignore_progress

# Named, so that a file called .png cannot reach the readers Pillow has for PostScript and other programs' files.
KINDS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM")
MOST_PIXELS = 178_000_000  # Pillow's own limit
SMALL = 96  # images up to this long side are used as they are
USUAL = 64  # side of the packed rows of anything bigger
USUAL_DENSE = 96  # with a label a pixel: at 64 a person in a street is three pixels high, at 128 a round on two cores takes minutes
LEAST, MOST = 8, 2048
GLYPH = 32  # grey images up to this side are taken for characters
SEEN_EVERY = 0.2  # seconds between two reports
CHUNK_BYTES = 16 << 20
TASK_ROWS = 8

ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ACROSS = frozenset(TURNS[tag] for tag in (5, 6, 7, 8))  # width and height change places
# Pillow's readers fail in all these ways on damaged bytes.
DAMAGED = (
    *(SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError, ArithmeticError),
    *(RuntimeError, RuntimeWarning, MemoryError, struct.error, zlib.error),
)


@dataclass(frozen=True)
class Packed:
    """What `pack` made.

    Attributes:
        path: the .npy file, (N, size, size, 3) uint8.
        sizes: (N, 2) int32 width and height of each original after rotation; 0, 0 when it failed, -1, -1 when its row was reused.
        failed: row -> why it could not be decoded, in words for the user; such a row is black.
    """

    path: Path
    sizes: np.ndarray
    failed: Mapping[int, str]


def decode(source: Path | bytes, *, at_least: int | None = None) -> Image.Image:
    """The picture upright and in RGB: transparency over white, 16 bits scaled to 8, the first frame of several.

    Args:
        source: a file, or the content of one.
        at_least: a big JPEG may be decoded reduced as long as both its sides stay at least this long, which is several times faster.

    Raises:
        BadInput: the reason it is no picture, without the file's name.
    """
    return _decode(source, at_least)[0]


def heading(source: Path) -> tuple[int, int]:
    """Upright width and height as decoding would give them, from the first bytes alone: the rest may still turn out damaged.

    Raises:
        BadInput: the reason it is no picture, without the file's name.
    """
    with opened(source) as image:
        # Of a TIFF Pillow gives the upright size at once; in a PNG it would decode the picture to look for a tag behind it.
        early = image.format != "TIFF" and (image.format != "PNG" or "exif" in image.info)
        return image.size[::-1] if early and TURNS.get(orientation(image)) in ACROSS else image.size


def _decode(source: Path | bytes, at_least: int | None) -> tuple[Image.Image, tuple[int, int]]:
    """The picture and its full width and height, upright."""
    with opened(source) as image:
        size = image.size
        if at_least and image.format in ("JPEG", "MPO"):
            image.draft(None, (at_least, at_least))
        image.load()
        turn = TURNS.get(orientation(image))
        rgb = _to_rgb(image)
    if turn is None:
        return rgb, size
    return rgb.transpose(turn), size[::-1] if turn in ACROSS else size


@contextlib.contextmanager
def opened(source: Path | bytes) -> Iterator[Image.Image]:
    """The picture with only its heading read; whatever is wrong with it, inside too, becomes a BadInput."""
    try:
        if not isinstance(source, bytes):
            there = os.stat(source)
            if not stat.S_ISREG(there.st_mode):
                raise BadInput("not a regular file")  # a named pipe would be waited for for ever
        if (len(source) if isinstance(source, bytes) else there.st_size) == 0:
            raise BadInput("empty: the file has 0 bytes")
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=KINDS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BadInput(f"too large: {image.width:,} x {image.height:,} pixels, the limit is {MOST_PIXELS:,} in all")
            yield image
    except Image.DecompressionBombError as wrong:
        raise BadInput(f"too large: more than {MOST_PIXELS:,} pixels") from wrong
    except UnidentifiedImageError as wrong:
        raise BadInput("not an image of a known kind (jpg, png, bmp, gif, webp, tiff, ppm), or damaged at its start") from wrong
    except OSError as wrong:
        if "truncated" in str(wrong).lower():
            raise BadInput("cut short: the file ends before the picture does") from wrong
        raise BadInput(f"cannot be read: {wrong.strerror or wrong}") from wrong
    except DAMAGED as wrong:
        raise BadInput(f"damaged: {wrong or type(wrong).__name__}") from wrong


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, a key of TURNS, or 1."""
    try:
        # After load(): Pillow turns a TIFF itself and then drops the tag.
        return int(image.getexif().get(ORIENTATION, 1))
    except (*DAMAGED, OSError):
        return 1  # a broken EXIF block says nothing about the picture


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        # Always by the full range of 16 bits, never by the picture's own: equal brightness stays equal across a data set.
        image = Image.fromarray((np.clip(np.asarray(image).astype(np.int64), 0, 65535) >> 8).astype(np.uint8))
    elif image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise BadInput("damaged: it holds values that are no numbers")
        scale = 255 if values.min() >= 0 and values.max() <= 1 else 1
        image = Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image if image.mode == "RGB" else image.convert("RGB")


def thumbnail(image: Image.Image, size: int) -> tuple[bytes, str]:
    """The picture with its long side at most `size`, never enlarged, as (encoded, mime).

    PNG up to 64 pixels, where JPEG smears; JPEG above.
    """
    if size < 1:
        raise BadInput(f"a picture of {size} pixels cannot be made: ask for at least 1")
    small = image.copy()
    small.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    encoded = io.BytesIO()
    if max(small.size) <= 64:
        small.save(encoded, "PNG")
        return encoded.getvalue(), "image/png"
    small.save(encoded, "JPEG", quality=85)
    return encoded.getvalue(), "image/jpeg"


def suggest_size(sources: Sequence[Path | np.ndarray], sample: int = 200, *, dense: bool = False) -> int:
    """The side to pack at: small images (nine of ten up to 96 pixels) keep their usual long side, others become 64. Never below 8. For
    labels a pixel (`dense`) it is the usual long side, rounded up to a multiple of 8, and at most 96.

    Looks at `sample` evenly spaced sources and of files only at their headings."""
    picked = sorted({int(at) for at in np.linspace(0, len(sources) - 1, min(sample, len(sources)))})
    sides = [side for at in picked if (side := _long_side(sources[at]))]
    counted = Counter(side for side in sides if dense or side <= SMALL)
    if not counted or counted.total() < 0.9 * len(sides):
        return USUAL_DENSE if dense else USUAL
    usual = max(LEAST, max(counted, key=lambda side: (counted[side], side)))
    return min(USUAL_DENSE, -(-usual // 8) * 8) if dense else usual


def _long_side(source: Path | np.ndarray) -> int:
    """0 when it cannot be told."""
    if isinstance(source, np.ndarray):
        return max(source.shape[:2])
    try:
        return max(heading(source))
    except BadInput:
        return 0


def looks_like_glyphs(rows: np.ndarray) -> bool:
    """True for grey images of at most 32 pixels: digits and characters, which must not be mirrored.

    `rows` is a sample of packed rows, (n, S, S, 3) uint8.
    """
    return len(rows) > 0 and max(rows.shape[1:3]) <= GLYPH and bool((rows[..., :1] == rows).all())


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

    Raises:
        BadInput: nothing to pack, or a size out of range.
        AlcoreError: the disk is too small.
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
    packer = _Packer(sources, size, *_old_rows(reuse, size))
    _sweep(out)
    partial = out.with_name(f".{out.name}.{uuid.uuid4().hex}.partial")
    try:
        with open(partial, "xb") as file:
            shape = (len(sources), size, size, 3)
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            packer.write(file, report, workers or os.cpu_count() or 1)
            file.flush()
            os.fsync(file.fileno())
        packer.old = None  # some systems rename onto no file that is still mapped
        os.replace(partial, out)
    except OSError as wrong:
        if wrong.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(out, needed, None) from wrong
        raise
    finally:
        partial.unlink(missing_ok=True)
    return Packed(out, packer.sizes, dict(sorted(packer.failed.items())))


def _sweep(out: Path) -> None:
    """Removes what a killed process left half-written. A file younger than an hour may be somebody's work."""
    for partial in out.parent.glob(f".{glob.escape(out.name)}.*.partial"):
        if time.time() - partial.stat().st_mtime > 3600:
            partial.unlink(missing_ok=True)


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
    failed: dict[int, str] = field(default_factory=dict)
    sizes: np.ndarray = field(init=False)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.sizes = np.zeros((len(self.sources), 2), np.int32)

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
        for offset, row in enumerate(piece):
            if self.stopped.is_set():
                return
            number = start + offset
            if self.old is not None and self.kept[number] >= 0:
                row[...] = self.old[self.kept[number]]
                self.sizes[number] = -1
                continue
            try:
                self.sizes[number] = fit(self.sources[number], row)
            except BadInput as wrong:
                self.failed[number] = str(wrong)


def fit(source: Path | np.ndarray, row: np.ndarray) -> tuple[int, int]:
    """Fills the square `row` with the whole picture; its own width and height."""
    side = row.shape[0]
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim not in (2, 3) or (source.ndim == 3 and source.shape[2] != 3) or 0 in source.shape:
            raise BadInput(
                f"an array of shape {source.shape} and type {source.dtype} is no picture: use uint8, (height, width) or (height, width, 3)"
            )
        size = (source.shape[1], source.shape[0])
        if size == (side, side):
            row[...] = source if source.ndim == 3 else source[:, :, None]
            return size
        image = Image.fromarray(source).convert("RGB")
    else:
        # Twice the side: a JPEG decoded reduced and then smoothed looks as if it had been decoded whole.
        image, size = _decode(source, 2 * side)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    row[...] = np.asarray(image)
    return size
