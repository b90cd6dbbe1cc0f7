"""Shapes that people drew on images, as labeling programs store them: painted into masks in their order, or told as the class of an image.

Knows no single format. A shape is a tuple that `marshal` can pack: ("polygon", class, [x, y, …] in pixels), ("brush", class, bytes as
brush.encoded gives them), or ("runs", class, [runs, row by row, the first of what is not covered], left, top, width, height).
"""

from __future__ import annotations

import marshal
import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.formats import brush
from alcore.formats.base import count
from alcore.formats.dense import Doubts, Sides, sides_of
from alcore.formats.runs import runs_of
from alcore.naming import printable
from alcore.types import VOID

Shape = tuple[Any, ...]


class Counted:
    """Reasons for what is left out, each with how often and what was first. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, reason: str, first: str) -> None:
        """Notes one more thing that was left out; `first` says which."""
        with self._lock:
            self._number[reason] += 1
            self._first.setdefault(reason, first)

    def told(self, noun: str = "object") -> list[str]:
        """A sentence a reason."""
        return [f"{count(n, noun)} left out, the first is {self._first[why]}: {why}" for why, n in sorted(self._number.items())]


def polygon(corners: Iterable[Any], name: str) -> Shape:
    """A polygon by its x and y in pixels. Raises BadInput when these are no three corners."""
    try:
        values = [float(one) for one in corners]
    except (TypeError, ValueError):
        raise BadInput("its corners are no numbers") from None
    if len(values) < 6 or len(values) % 2 or not all(map(math.isfinite, values)):
        raise BadInput("a polygon needs x and y of three corners at least")
    return "polygon", name, values


def box(
    left: float, top: float, right: float, bottom: float, name: str, turned: float = 0.0, about: tuple[float, float] | None = None
) -> Shape:
    """A rectangle in pixels, turned clockwise by so many degrees about a point: its middle, unless another is given."""
    middle = about or ((left + right) / 2, (top + bottom) / 2)
    cos, sin = math.cos(math.radians(turned)), math.sin(math.radians(turned))
    corners = []
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        across, down = x - middle[0], y - middle[1]
        corners += [middle[0] + across * cos - down * sin, middle[1] + across * sin + down * cos] if turned else [x, y]
    if right <= left or bottom <= top:
        raise BadInput("a box without any area")
    return polygon(corners, name)


def packed(shapes: Sequence[Shape]) -> bytes:
    """Shapes in a tenth of the memory of Python's lists; it never leaves the process."""
    return marshal.dumps(list(shapes))


def covered(shape: Shape, width: int, height: int) -> np.ndarray:
    """(height, width) bool, what a shape covers. Raises BadInput with the reason when it cannot be painted."""
    kind, data = shape[0], shape[2]
    if kind == "brush":
        return brush.decoded(data, width, height) > 0
    if kind == "polygon":
        down = np.zeros(width * height, bool)
        runs = runs_of([data], height, width)
        ends = np.cumsum(runs)
        for start, end in zip(ends[:-1:2].tolist(), ends[1::2].tolist(), strict=False):
            down[start:end] = True
        return down.reshape(width, height).T
    left, top, wide, high = shape[3:]
    if left < 0 or top < 0 or wide < 1 or high < 1 or left + wide > width or top + high > height:
        raise BadInput("it lies outside of its image")
    if any(run < 0 for run in data) or sum(data) != wide * high:
        raise BadInput(f"its run lengths are damaged: they do not add up to the {wide * high:,} pixels of its box")
    result = np.zeros((height, width), bool)
    result[top : top + high, left : left + wide] = np.repeat(np.arange(len(data)) % 2 == 1, data).reshape(high, wide)
    return result


class Drawn(Sequence[np.ndarray | None]):
    """The masks beside a reading's entries, each painted when it is asked for, a later shape over an earlier one; keeps no pixel, so
    threads may ask at once.

    Args:
        shapes: of each image, packed; None where nobody looked at it. What no shape covers is void.
        sizes: width and height of the picture that was drawn on, (0, 0) where that is not told.
        names: what each is called in messages.
        classes: index by name.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        shapes: Sequence[bytes | None],
        sizes: Sequence[tuple[int, int]],
        classes: Mapping[str, int],
    ) -> None:
        self._root, self._paths, self._shapes, self._sizes, self._classes = root, paths, shapes, sizes, classes
        self._left_out = Counted()
        self._doubts = Doubts()

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        shapes = self._shapes[at]
        if shapes is None:
            return None
        path = self._paths[at]
        sides = sides_of(self._root, path)
        width, height = size = self._drawn_on(self._sizes[at], sides, path)
        mask = np.full((height, width), VOID, np.uint8)
        for shape in marshal.loads(shapes):
            try:
                mask[covered(shape, width, height)] = self._classes[shape[1]]
            except BadInput as wrong:
                self._left_out.add(str(wrong), f"{printable(shape[1])[:40]} on {printable(path)[:80]}")
        return mask if size == sides.upright else sides.stood(mask)

    def _drawn_on(self, told: tuple[int, int], sides: Sides, path: str) -> tuple[int, int]:
        """Width and height of the picture that was drawn on: upright, or as its file has it where only that fits."""
        if sides.turn is not None and (told == (0, 0) or sides.raw == sides.upright):
            self._doubts.add(path)
        if told in ((0, 0), sides.upright):
            return sides.upright
        if told == sides.raw:
            return sides.raw
        width, height = sides.upright
        said = f"it was drawn on {told[0]} x {told[1]} pixels and the image has {width:,} x {height:,}: they must be of one size"
        raise BadInput(f"{printable(path)}: {said}")

    def told(self) -> list[str]:
        """What was left out while the masks were painted, and what could not be told."""
        return [*self._left_out.told(), *self._doubts.told()]
