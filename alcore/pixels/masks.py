"""Masks: (height, width) uint8 arrays of class indices with 255 for void; reading, checking, storing and cutting them into regions.

Knows no torch, no store, no format and no file's name: its complaints are reasons, and who knows the file puts the name before them.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels import kinds
from alcore.types import VOID

MOST_CLASSES = 254
LOSSLESS = ("PNG", "BMP", "DIB", "TIFF")  # the others change values, number them anew (GIF) or scale them (PPM)
SCALED = {"L;2": 85, "L;4": 17}  # Pillow spreads grey of fewer than 8 bits over 0 to 255
COARSE = 1 << 19  # superpixels of bigger pictures are found on a reduced one; 2048 x 1024 at half its sides is just this
# Measured on CamVid at 150 and 400 regions: the purest regions, and about as many as were asked for; more turns change nothing.
COMPACTNESS = 20.0
SMOOTHING = 1.0
ITERATIONS = 3
REGION_KINDS = ("superpixels", "tiles")
LONGEST_RUN = 0xFFFFFF  # of a word of runs
# Told apart at a glance, on photographs, by those who do not tell red from green too: the first ones differ in lightness as well.
FIRST = (
    *((230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48), (145, 30, 180)),
    *((70, 240, 240), (240, 50, 230), (210, 245, 60), (250, 190, 212), (0, 128, 128), (170, 110, 40)),
)
APART = 15.0  # least distance in Lab from a color that is taken


def read_mask(source: Path | bytes, colors: Mapping[tuple[int, int, int], int] | None = None) -> np.ndarray:
    """(H, W) uint8, the values as stored: grey of up to 8 bits, the indices of a palette, or 0 and 1 of a black-and-white picture.

    Args:
        source: a file, or the content of one.
        colors: what a picture in color and without a palette is painted in; None takes none such.

    Raises:
        BadInput: the reason it is no mask, without the file's name.
    """
    with kinds.opened(source) as picture:
        if picture.format not in LOSSLESS:
            raise BadInput(f"a {picture.format} does not keep the exact values of a mask: save it as an 8-bit PNG")
        raw = _raw_mode(picture)
        picture.load()
        turn = kinds.TURNS.get(kinds.orientation(picture))
        if picture.mode in ("L", "P", "1"):
            values = np.array(picture if turn is None else picture.transpose(turn), np.uint8)
        elif picture.mode in ("RGB", "RGBA") and colors:
            values = from_colors(np.asarray((picture if turn is None else picture.transpose(turn)).convert("RGB")), colors)
        else:
            cure = "save it as a PNG of 8 bits, grey or with a palette, whose values are class indices"
            raise BadInput(f"{_what_instead(picture.mode)}: {cure}")
        if raw.endswith("I"):
            raise BadInput("its values are stored inverted: save it as an 8-bit PNG")
    return values // np.uint8(SCALED[raw]) if raw in SCALED else values


def _raw_mode(picture: Image.Image) -> str:
    """How the pixels lie in the file, "" when Pillow does not say."""
    tiles_in_file = getattr(picture, "tile", None)  # only pictures from a file have it
    arguments = tiles_in_file[0][3] if tiles_in_file else None
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _what_instead(mode: str) -> str:
    if mode.startswith("I") or mode == "F":
        return f"{'16' if mode.startswith('I;16') else '32'} bits a pixel, a mask has 8"
    if mode in ("LA", "La", "PA"):
        return "it has transparency"
    return f"in color and without a palette ({mode})"


def from_colors(rgb: np.ndarray, colors: Mapping[tuple[int, int, int], int]) -> np.ndarray:
    """(H, W) uint8 of a picture (H, W, 3) uint8 painted in the colors of the classes.

    Raises:
        BadInput: pixels of colors that are not in `colors`; names the first few.
    """
    known = np.array(sorted((red << 16 | green << 8 | blue, value) for (red, green, blue), value in colors.items()), np.int64).reshape(
        -1, 2
    )
    codes = rgb[..., 0].astype(np.int32) << 16 | rgb[..., 1].astype(np.int32) << 8 | rgb[..., 2]
    if not len(known):
        raise BadInput("no class has a color: name the colors of the classes")
    at = np.minimum(np.searchsorted(known[:, 0].astype(np.int32), codes), len(known) - 1)
    wrong = known[at, 0] != codes
    if wrong.any():
        found, times = np.unique(codes[wrong], return_counts=True)
        first = [f"({code >> 16}, {code >> 8 & 255}, {code & 255})" for code in found[:3].tolist()]
        more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
        raise BadInput(
            f"{int(times.sum()):,} pixels have colors of no class: {', '.join(first)}{more}. Add them, or save the mask without smoothing"
        )
    result: np.ndarray = known[at, 1].astype(np.uint8)
    return result


def check(mask: np.ndarray, size: tuple[int, int], classes: int) -> None:
    """Raises BadInput unless the mask is as large as its image and holds nothing but classes and void; only void will do.

    Args:
        mask: (H, W) uint8.
        size: width and height of the image.
        classes: how many there are.
    """
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise BadInput(f"an array of shape {mask.shape} and type {mask.dtype} is no mask: use uint8, (height, width)")
    if mask.shape[::-1] != tuple(size):
        raise BadInput(
            f"the mask has {mask.shape[1]:,} x {mask.shape[0]:,} pixels and its image {size[0]:,} x {size[1]:,}: they must be of one size"
        )
    _refuse(mask, [*range(classes), VOID])


def relabeled(values: np.ndarray, classes: Mapping[int, int]) -> np.ndarray:
    """(H, W) uint8 with every value replaced by what `classes` has for it; 255 stays void unless that has it too.

    Raises:
        BadInput: values that are not in `classes`; names the first few.
    """
    known = {VOID: VOID, **classes}
    _refuse(values, sorted(known))
    table = np.zeros(256, np.uint8)
    table[list(known)] = list(known.values())
    result: np.ndarray = table[values]
    return result


def _refuse(values: np.ndarray, known: Sequence[int]) -> None:
    """Raises BadInput naming the values, and how often they occur, that are not `known` (ascending, 255 among them)."""
    counts = _counts(values)
    wrong = np.setdiff1d(np.flatnonzero(counts), known).tolist()
    if not wrong:
        return
    told = ", ".join(f"{value} ({counts[value]:,} pixels)" for value in wrong[:3])
    more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    allowed = ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    raise BadInput(f"values of no class: {told}{more}; there may be {allowed} ({VOID} is void)")


def is_void(mask: np.ndarray) -> bool:
    """True when there is nothing but void."""
    return bool((mask == VOID).all())


def encode(mask: np.ndarray) -> bytes:
    """The mask as an 8-bit grey PNG; the same mask gives the same bytes."""
    encoded = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(mask, np.uint8)).save(encoded, "PNG", compress_level=6)
    return encoded.getvalue()


def decode(png: bytes) -> np.ndarray:
    """What `encode` was given. Raises BadInput for anything that is no mask."""
    return read_mask(png)


def digest(mask: np.ndarray) -> str:
    """32 hexadecimal digits, the same for masks of the same size and values."""
    made = hashlib.blake2b(f"{mask.shape[0]}x{mask.shape[1]}:".encode(), digest_size=16)
    made.update(np.ascontiguousarray(mask, np.uint8).data)
    return made.hexdigest()


def resized(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mask at another size by its nearest pixels: row i takes row floor((i + 0.5) * H / height), columns likewise."""
    rows = (2 * np.arange(height) + 1) * mask.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * mask.shape[1] // (2 * width)
    result: np.ndarray = mask[rows[:, None], columns]
    return result


def pixel_counts(mask: np.ndarray, classes: int) -> list[int]:
    """How many pixels each class has; the last number is void's."""
    counts = _counts(mask)
    return [*counts[:classes].tolist(), int(counts[VOID])]


def _counts(mask: np.ndarray) -> np.ndarray:
    return np.bincount(mask.ravel(), minlength=256)


def inflated(body: bytes, width: int, height: int) -> np.ndarray:
    """The mask (H, W) that a browser sent as a zlib stream of its rows.

    Raises:
        BadInput: it is no such stream, or not exactly one byte a pixel; no more than that is ever unpacked.
    """
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(body, width * height + 1)
    except zlib.error as wrong:
        raise BadInput(f"the mask is not a zlib stream: {wrong}") from None
    if len(raw) != width * height or not stream.eof:
        raise BadInput(f"the mask does not have {width} x {height} = {width * height:,} pixels: reload the page and save again")
    return np.frombuffer(raw, np.uint8).reshape(height, width)


def deflated(mask: np.ndarray) -> bytes:
    """The same way out."""
    return zlib.compress(np.ascontiguousarray(mask, np.uint8).tobytes(), 1)


# ---- regions


def words(mask: np.ndarray) -> bytes:
    """The runs that the mask editor keeps masks in: little-endian uint32 of length << 8 | value, row by row."""
    flat = mask.ravel()
    ends = np.concatenate((np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]))
    lengths, values = np.diff(ends, prepend=0), flat[ends - 1].astype(np.uint32)
    pieces = np.maximum(1, -(-lengths // LONGEST_RUN))
    values, whole = np.repeat(values, pieces), np.full(pieces.sum(), LONGEST_RUN)
    whole[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * LONGEST_RUN
    made: bytes = ((whole.astype(np.uint32) << 8) | values).astype("<u4").tobytes()
    return made


def to_rle(region: np.ndarray) -> list[int]:
    """Run lengths of a (H, W) bool region, row by row; the first run is of False and may be 0."""
    flat = np.asarray(region, bool).ravel()
    ends = np.concatenate((np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]))
    runs: list[int] = np.diff(ends, prepend=0).tolist()
    return [0, *runs] if flat.size and flat[0] else runs


def from_rle(runs: Sequence[int], height: int, width: int) -> np.ndarray:
    """The (height, width) bool region. Raises BadInput when the runs are no lengths or do not fill it exactly."""
    if any(isinstance(run, bool) or not isinstance(run, int | np.integer) or run < 0 for run in runs):
        raise BadInput("run lengths must be whole numbers from 0")
    if sum(runs) != height * width:
        raise BadInput(f"the runs cover {sum(runs):,} pixels, the region has {width:,} x {height:,} = {width * height:,}")
    turns = np.arange(len(runs)) % 2 == 1
    return np.repeat(turns, np.array(runs, np.int64)).reshape(height, width)


def superpixels(rgb: np.ndarray, n: int = 150) -> np.ndarray:
    """(H, W) int32 of about `n` connected areas of one color, numbered 0 to m - 1: SLIC, always the same for the same picture.

    A picture of more than half a megapixel is reduced by a whole factor first, and the edges then lie on its coarser grid.

    Args:
        rgb: (H, W, 3) uint8.
    """
    from skimage.segmentation import slic  # half a second to import, and only needed here

    height, width = rgb.shape[:2]
    factor = 1
    while -(-height // factor) * -(-width // factor) > COARSE:
        factor += 1
    small = np.asarray(Image.fromarray(rgb).reduce(factor)) if factor > 1 else rgb
    found = slic(
        small, max(1, min(n, small.shape[0] * small.shape[1])), COMPACTNESS, max_num_iter=ITERATIONS, sigma=SMOOTHING, start_label=0
    )
    present = np.bincount(found.ravel()) > 0
    numbered = (np.cumsum(present) - 1).astype(np.int32)[found]
    result: np.ndarray = numbered[np.arange(height)[:, None] // factor, np.arange(width) // factor] if factor > 1 else numbered
    return result


def tiles(height: int, width: int, n: int = 48) -> np.ndarray:
    """(height, width) int32: a grid of about `n` almost square tiles, numbered row by row."""
    down = max(1, min(height, round((n * height / width) ** 0.5)))
    across = max(1, min(width, round(n / down)))
    rows, columns = np.arange(height) * down // height, np.arange(width) * across // width
    result: np.ndarray = (rows[:, None] * across + columns).astype(np.int32)
    return result


def regions_of(rgb: np.ndarray, kind: str, n: int) -> np.ndarray:
    """(H, W) int32 regions of a picture, `kind` one of REGION_KINDS."""
    if kind not in REGION_KINDS:
        raise BadInput(f"unknown kind of regions {kind!r}: use {' or '.join(REGION_KINDS)}")
    return superpixels(rgb, n) if kind == "superpixels" else tiles(rgb.shape[0], rgb.shape[1], n)


def components(mask: np.ndarray, region: np.ndarray | None = None) -> int:
    """How many connected areas of one class there are, inside the bool `region` if given; neighbors share a side, void does not count.

    What the number of clicks is estimated by that a person needs to paint the mask.
    """
    from skimage.measure import label  # as above

    seen = mask if region is None else np.where(region, mask, np.uint8(VOID))
    return int(label(seen, background=VOID, connectivity=1, return_num=True)[1])


# ---- colors


def colors(n: int, given: Sequence[Sequence[int]] = ()) -> list[tuple[int, int, int]]:
    """A color for each of `n` classes: the given ones as they are, then well separated ones, always the same."""
    first = tuple((int(red), int(green), int(blue)) for red, green, blue in islice(given, n))
    return [*first, *_separated(n - len(first), first)]


@functools.lru_cache(maxsize=64)
def _separated(n: int, taken: tuple[tuple[int, int, int], ...]) -> tuple[tuple[int, int, int], ...]:
    """`n` colors far from `taken` and from each other: those of FIRST that are, then the farthest of a grid, one after the other."""
    levels = np.arange(16, 256, 26)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    candidates = np.concatenate((np.array(FIRST), grid))
    places = _lab(candidates)
    vivid = np.hypot(places[:, 1], places[:, 2]) > 25  # grey is lost on a photograph
    distance = np.full(len(candidates), np.inf)
    for color in taken:
        distance = np.minimum(distance, np.linalg.norm(places - _lab(np.array([color])), axis=1))
    chosen: list[int] = []
    for _ in range(n):
        left = [at for at in range(len(FIRST)) if at not in chosen and distance[at] > APART]
        at = left[0] if left else int(np.argmax(np.where(vivid, distance, -1)))
        chosen.append(at)
        distance = np.minimum(distance, np.linalg.norm(places - places[at], axis=1))
    return tuple((int(red), int(green), int(blue)) for red, green, blue in candidates[chosen])


def _lab(rgb: np.ndarray) -> np.ndarray:
    """(n, 3) CIE Lab of (n, 3) sRGB 0 to 255, where distances are as seen."""
    share = rgb / 255
    linear = np.where(share > 0.04045, ((share + 0.055) / 1.055) ** 2.4, share / 12.92)
    xyz = linear @ np.array([[0.4339, 0.2126, 0.0178], [0.3762, 0.7152, 0.1095], [0.1899, 0.0722, 0.8727]])  # over the D65 white
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack((116 * root[:, 1] - 16, 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])), axis=1)
