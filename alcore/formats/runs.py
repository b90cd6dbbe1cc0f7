"""Polygons and run lengths of COCO as run lengths of their own image, and objects painted into a mask, the smaller over the larger."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.types import VOID

FAR = 10  # a corner may lie outside its image by so many times its sides
CORNERS = "a polygon needs x and y of three corners at least"
NO_AREA = "it has no segmentation: boxes alone are no masks"


def usable(segmentation: Any) -> Any:
    """The segmentation as `runs_of` takes it: numbers for texts, a list of polygons for a flat one, without polygons that enclose nothing.

    Raises:
        BadInput: nothing of it can be painted.
    """
    if isinstance(segmentation, dict):
        size, counts = segmentation.get("size"), segmentation.get("counts")
        if not isinstance(size, list) or len(size) != 2 or not isinstance(counts, str | list):
            raise BadInput("its run lengths are damaged: they need a size and counts")
        counts = counts if isinstance(counts, str) else [_whole(run) for run in counts]
        return {"size": [_whole(side) for side in size], "counts": counts}
    if not isinstance(segmentation, list) or not segmentation:
        raise BadInput(NO_AREA)
    polygons = segmentation if any(isinstance(one, list) for one in segmentation) else [segmentation]
    found = [corners for one in polygons if (corners := _corners(one))]
    if not found:
        raise BadInput(CORNERS)
    return found


def _corners(polygon: Any) -> list[float]:
    """x and y of three corners at least, or nothing."""
    if not isinstance(polygon, list):
        return []
    if polygon and all(isinstance(corner, list) and len(corner) == 2 for corner in polygon):
        polygon = [value for corner in polygon for value in corner]  # pairs of coordinates
    if len(polygon) < 6 or len(polygon) % 2:
        return []
    values = [_number(value) for value in polygon]
    return [] if any(value is None for value in values) else values  # type: ignore[return-value]


def _number(value: Any) -> float | None:
    if type(value) in (int, float):
        return float(value) if math.isfinite(value) else None
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int:
    number = _number(value)
    if number is None or number != int(number):
        raise BadInput("its run lengths are damaged: they must be whole numbers")
    return int(number)


def runs_of(segmentation: Any, height: int, width: int) -> list[int]:
    """Run lengths of polygons, or of run lengths as COCO writes them: down the columns, the first of what is not covered.

    Raises:
        BadInput: the segmentation is neither, or is not of this size.
    """
    segmentation = usable(segmentation)
    if isinstance(segmentation, dict):
        if segmentation["size"] != [height, width]:
            raise BadInput(f"its run lengths are of the size {segmentation['size']!r}, the image is {height} high and {width} wide")
        counts = segmentation["counts"]
        runs = _uncompressed(counts) if isinstance(counts, str) else counts
        if any(run < 0 for run in runs) or sum(runs) != height * width:
            raise BadInput(f"its run lengths are damaged: they do not add up to the {height * width:,} pixels of the image")
        return runs
    if not all(abs(value) <= FAR * max(width, height) for corners in segmentation for value in corners):
        raise BadInput("a polygon lies far outside of its image")

    from pycocotools import mask as coco  # compiled, and only needed here

    return _uncompressed(coco.merge(coco.frPyObjects(segmentation, height, width))["counts"].decode("ascii"))


def painted(areas: Iterable[tuple[Sequence[int], int]], height: int, width: int) -> np.ndarray:
    """(height, width) uint8: areas as (run lengths, value), the largest first, of one size the later above; the rest is void."""
    down = np.full(width * height, VOID, np.uint8)  # column after column
    for runs, value in sorted(areas, key=lambda area: -sum(area[0][1::2])):  # stable: a later one of the same size lies above
        inside = runs[1 : len(runs) & ~1]  # between the first and the last pixel, so that a small object costs little
        covered = np.repeat(np.arange(len(inside)) % 2 == 0, np.array(inside, np.int64))
        down[runs[0] : runs[0] + len(covered)][covered] = value
    return np.ascontiguousarray(down.reshape(width, height).T)


def extent(segmentation: Any) -> tuple[float, float] | list[int]:
    """The farthest x and y of usable polygons, or [height, width] of run lengths: what tells on which picture they were drawn."""
    if isinstance(segmentation, dict):
        return list(segmentation["size"])
    return max(x for corners in segmentation for x in corners[::2]), max(y for corners in segmentation for y in corners[1::2])


def _uncompressed(counts: str) -> list[int]:
    """The run lengths in COCO's text of 6 bits a letter.

    Not pycocotools' own, which trusts them: each number is in groups of 5 bits, the lowest first, and from the fourth on told as the
    difference to the one before the last.
    """
    letters = np.frombuffer(counts.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if not len(letters) or letters.min() < 0 or letters.max() > 63 or letters[-1] & 32:
        raise BadInput("its run lengths are damaged")
    last = letters & 32 == 0
    first = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    place = np.arange(len(letters)) - np.repeat(first, np.diff(first, append=len(letters)))
    if place.max() > 6:
        raise BadInput("its run lengths are damaged")
    values = np.add.reduceat((letters & 31) << 5 * place, first)
    negative = letters[last] & 16 > 0
    values -= np.where(negative, 1 << 5 * (place[last] + 1), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    result: list[int] = values.tolist()
    return result
