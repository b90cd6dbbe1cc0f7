"""How the values of a picture become 8-bit RGB, and which range suits a project's deep ones. Knows no row, no size and no store."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels.kinds import opened

SHARES = (0.5, 99.5)  # percentiles that become black and white: a few hot or dead pixels must not set the range
TOPS = (1, 255, 1023, 4095, 16383, 65535)  # the whole ranges of 8, 10, 12, 14, 16 bits and of floats
COVERED = 0.8  # share of a whole range the percentiles must span for it to be taken
LOOKED_AT = 256  # a picture's values are looked at in a grid of at most twice this side
BAND = 1 << 20  # values scaled at a time: a deep picture of 100 megapixels must not need 800 MB beside itself


@dataclass(frozen=True)
class Decoding:
    """How a project's files become 8-bit RGB: the same for the models and for people.

    Attributes:
        levels: the value that becomes black and the one that becomes white, of pictures with more than 8 bits in one channel; linear
            between them, clipped outside. None: 16 bits by their full range, floats as they are (times 255 when all are in 0..1).
        keep_cut: a JPEG that ends too early is kept, grey where nothing is, instead of refused.

    Raises:
        BadInput: levels that are not two finite numbers, the smaller first.
    """

    levels: tuple[float, float] | None = None
    keep_cut: bool = False

    def __post_init__(self) -> None:
        if self.levels is None:
            return
        try:
            black, white = (float(level) + 0.0 for level in self.levels)  # 4095 and 4095.0 get one mark, 0 and -0 too
        except (TypeError, ValueError):
            black = white = math.nan
        if not 0 < white - black < math.inf:
            raise BadInput(f"levels={self.levels!r}: give two numbers, the value that becomes black and a larger one that becomes white")
        object.__setattr__(self, "levels", (black, white))

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Decoding:
        """What a project's settings say: levels, a list of two numbers or None; keep_cut."""
        return cls(settings.get("levels"), bool(settings.get("keep_cut")))

    @property
    def mark(self) -> str:
        """For the end of files' fingerprints, so that another decoding makes another picture: "" by default, else - and 6 digits."""
        if self == PLAIN:
            return ""
        return f"-{hashlib.blake2b(repr((self.levels, self.keep_cut)).encode(), digest_size=3).hexdigest()}"


PLAIN = Decoding()


def is_deep(image: Image.Image) -> bool:
    """True for one channel of more than 8 bits. Of 16 bits in several channels Pillow reads only the upper 8: nothing is left to scale."""
    return image.mode.startswith("I") or image.mode == "F"


def suggest_levels(sources: Sequence[Path | np.ndarray | bytes], sample: int = 64) -> tuple[float, float] | None:
    """The levels for these files, from `sample` evenly spaced ones. None when no file is deep, or when all that are have one value.

    Percentiles 0.5 and 99.5 over the files' values, each file with the same weight; the whole range of 8, 10, 12, 14 or 16 bits or of
    floats in 0..1 where they span most of it, so that full-range pictures stay as they are. Blank pictures and values that are no numbers
    have no say. Whole for whole numbers. The same for the same files; of files that are not deep only the heading is read.
    """
    picked = sorted({int(at) for at in np.linspace(0, len(sources) - 1, min(sample, len(sources)))})
    found = [values for at in picked if len(values := _deep_values(sources[at]))]
    if not found:
        return None
    telling = [values for values in found if values.min() < values.max()] or found
    values = np.concatenate(telling)
    low, high = (float(level) for level in np.percentile(values, SHARES))
    least, most = float(values.min()), float(values.max())
    for top in TOPS:
        if least >= 0 and most <= top and high - low >= COVERED * top:
            return 0.0, float(top)
    if low == high:  # nearly all of one value: what differs is the picture
        low, high = least, most
    if low == high:
        return None
    return (float(math.floor(low)), float(math.ceil(high))) if (values == np.rint(values)).all() else (low, high)


def _deep_values(source: Path | np.ndarray | bytes) -> np.ndarray:
    """(n,) float64, evenly from the whole picture, n up to about 512 x 512; empty when it is not deep."""
    none = np.empty(0)
    if isinstance(source, np.ndarray):
        return none
    try:
        with opened(source) as image:
            if not is_deep(image):
                return none
            values = np.asarray(image)
            step = max(1, math.isqrt(values.size) // LOOKED_AT)
            values = values[::step, ::step].astype(np.float64).ravel()
            return values[np.isfinite(values)]
    except BadInput:
        return none


def to_rgb(image: Image.Image, levels: tuple[float, float] | None) -> Image.Image:
    """The loaded picture in RGB, transparency over white. BadInput for floats that are no numbers."""
    if is_deep(image):
        image = Image.fromarray(_grey(np.asarray(image), levels))
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image if image.mode == "RGB" else image.convert("RGB")


def _grey(values: np.ndarray, levels: tuple[float, float] | None) -> np.ndarray:
    """(H, W) uint8 of (H, W) numbers."""
    is_float = values.dtype.kind == "f"
    if is_float and not np.isfinite(values).all():
        raise BadInput("damaged: it holds values that are no numbers")
    black, factor = 0.0, 1.0
    if levels is not None:
        black, factor = levels[0], 255 / (levels[1] - levels[0])
    elif is_float and values.min() >= 0 and values.max() <= 1:
        factor = 255.0

    def linear(part: np.ndarray) -> np.ndarray:
        return np.clip(np.rint((part.astype(np.float64) - black) * factor), 0, 255)

    def upper(part: np.ndarray) -> np.ndarray:
        # Always by the full range of 16 bits, never by the picture's own: equal brightness stays equal across a data set.
        return np.clip(part.astype(np.int64), 0, 65535) >> 8

    scaled: Callable[[np.ndarray], np.ndarray] = linear if is_float or levels is not None else upper
    grey = np.empty(values.shape, np.uint8)
    rows = max(1, BAND // max(1, values.shape[1]))
    for start in range(0, len(values), rows):
        grey[start : start + rows] = scaled(values[start : start + rows])
    return grey
