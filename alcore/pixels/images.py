"""Pixels: decoding any picture into RGB at any size, thumbnails, the size to pack at. Knows no torch, no store and no label."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels.kinds import ACROSS, TURNS, CutShort, opened, orientation, out_of_memory, turn_of
from alcore.pixels.levels import PLAIN, Decoding, to_rgb

SMALL = 96  # images up to this long side are used as they are
USUAL = 64  # side of the packed rows of anything bigger
USUAL_DENSE = 96  # with a label a pixel: at 64 a person in a street is three pixels high, at 128 a round on two cores takes minutes
LEAST, MOST = 8, 2048
GLYPH = 32  # grey images up to this side are taken for characters

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
# What begins a segment; not FF 00 (a value 255) nor FF D0..D7 (restarts), which lie within a scan.
SEGMENT = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


class Decoded(NamedTuple):
    """A picture in RGB, upright, perhaps reduced; its full width and height; whether the missing end of a JPEG was filled with grey."""

    image: Image.Image
    size: tuple[int, int]
    cut: bool


class Filled(NamedTuple):
    """Width and height of the picture a row was filled with, and whether its missing end was filled with grey."""

    size: tuple[int, int]
    cut: bool


def decode(source: Path | bytes, *, at_least: int | None = None, decoding: Decoding = PLAIN) -> Image.Image:
    """The picture upright and in RGB: transparency over white, deep values scaled as `decoding` says, the first frame of several.

    Of 16 bits a channel in color files the upper 8 are taken, whatever the levels: Pillow reads no more of them.

    Args:
        source: a file, or the content of one.
        at_least: a big JPEG may be decoded reduced as long as both its sides stay at least this long, which is several times faster.

    Raises:
        BadInput: the reason it is no picture, without the file's name.
        AlcoreError: there is too little memory for it.
    """
    return _decode(source, at_least, decoding).image


def heading(source: Path | bytes) -> tuple[int, int]:
    """Upright width and height as decoding would give them, from the first bytes alone: the rest may still turn out damaged.

    Raises:
        BadInput: the reason it is no picture, without the file's name.
    """
    with opened(source) as image:
        return image.size[::-1] if turn_of(image) in ACROSS else image.size


def _decode(source: Path | bytes, at_least: int | None, decoding: Decoding = PLAIN) -> Decoded:
    try:
        return _decode_whole(source, at_least, decoding)
    except CutShort:
        if not decoding.keep_cut:
            raise
        for mended in _mended(source):
            try:
                return _decode_whole(mended, at_least, decoding)._replace(cut=True)
            except BadInput:
                continue
        raise


def _decode_whole(source: Path | bytes, at_least: int | None, decoding: Decoding) -> Decoded:
    with opened(source) as image:
        size = image.size
        reduced = at_least and image.format in ("JPEG", "MPO") and image.draft(None, (at_least, at_least))
        image.load()
        if not reduced:
            size = image.size  # an icon's heading may say another one
        turn = TURNS.get(orientation(image))
        rgb = to_rgb(image, decoding.levels)
        if turn is None:
            return Decoded(rgb, size, False)
        return Decoded(rgb.transpose(turn), size[::-1] if turn in ACROSS else size, False)


def _mended(source: Path | bytes) -> Iterator[bytes]:
    """A JPEG that was cut short with an end put to it: libjpeg fills what is missing with grey. Nothing for other files."""
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except OSError:
        return  # gone meanwhile: what was found first is told
    if not content.startswith(JPEG_START):
        return
    yield content + JPEG_END
    # Cut within the tables between two scans of a progressive one, the end would be taken for a part of them.
    yield content[: max(segment.start() for segment in SEGMENT.finditer(content))] + JPEG_END


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


def png(row: np.ndarray) -> bytes:
    """(H, W, 3) uint8 as a PNG."""
    encoded = io.BytesIO()
    Image.fromarray(row).save(encoded, "PNG")
    return encoded.getvalue()


def suggest_size(sources: Sequence[Path | np.ndarray | bytes], sample: int = 200, *, dense: bool = False) -> int:
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


def _long_side(source: Path | np.ndarray | bytes) -> int:
    """0 when it cannot be told."""
    if isinstance(source, np.ndarray):
        return int(max(source.shape[:2]))
    try:
        return max(heading(source))
    except BadInput:
        return 0


def looks_like_glyphs(rows: np.ndarray) -> bool:
    """True for grey images of at most 32 pixels: digits and characters, which must not be mirrored.

    `rows` is a sample of packed rows, (n, S, S, 3) uint8.
    """
    return len(rows) > 0 and max(rows.shape[1:3]) <= GLYPH and bool((rows[..., :1] == rows).all())


def fit(source: Path | np.ndarray | bytes, row: np.ndarray, *, decoding: Decoding = PLAIN) -> tuple[int, int]:
    """Fills the square `row` with the whole picture; its own width and height."""
    return fill(source, row, decoding).size


def fill(source: Path | np.ndarray | bytes, row: np.ndarray, decoding: Decoding) -> Filled:
    """The same, told with whether the picture was cut short. BadInput and AlcoreError as `decode` raises them."""
    side = row.shape[0]
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim not in (2, 3) or (source.ndim == 3 and source.shape[2] != 3) or 0 in source.shape:
            raise BadInput(
                f"an array of shape {source.shape} and type {source.dtype} is no picture: use uint8, (height, width) or (height, width, 3)"
            )
        size = (source.shape[1], source.shape[0])
        if size == (side, side):
            row[...] = source if source.ndim == 3 else source[:, :, None]
            return Filled(size, False)
        image, cut = Image.fromarray(source).convert("RGB"), False
    else:
        # Twice the side: a JPEG decoded reduced and then smoothed looks as if it had been decoded whole.
        image, size, cut = _decode(source, 2 * side, decoding)
    if image.size != (side, side):
        try:
            image = image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
        except MemoryError as wrong:
            raise out_of_memory(source if isinstance(source, Path) else b"", size) from wrong
    row[...] = np.asarray(image)
    return Filled(size, cut)
