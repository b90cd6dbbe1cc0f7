"""The rules of the mask editor's tools restated slowly, pixel by pixel, for tests to compare with. Places are (x, y) in picture pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

Cell = tuple[int, int]
Place = tuple[float, float]


def line(start: Cell, end: Cell) -> list[Cell]:
    """Bresenham's cells, both ends included."""
    (x, y), (to_x, to_y) = start, end
    dx, dy = abs(to_x - x), -abs(to_y - y)
    step_x, step_y = (1 if x < to_x else -1), (1 if y < to_y else -1)
    error, cells = dx + dy, []
    while True:
        cells.append((x, y))
        if (x, y) == (to_x, to_y):
            return cells
        twice = 2 * error
        if twice >= dy:
            error += dy
            x += step_x
        if twice <= dx:
            error += dx
            y += step_y


def stroke(shape: tuple[int, int], places: Sequence[Place], size: int) -> np.ndarray:
    """bool (H, W): a pixel is painted when its center is at most size / 2 from the middle of the brush at some cell of the way.

    The middle of an odd brush is the center of the pixel under the pointer, that of an even one the pixel corner nearest to the pointer.
    """
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    painted = np.zeros(shape, bool)
    odd = size % 2 == 1
    cells = [(math.floor(px), math.floor(py)) if odd else (math.floor(px + 0.5), math.floor(py + 0.5)) for px, py in places]
    for start, end in zip(cells, [*cells[1:], cells[-1]], strict=True):
        for cx, cy in line(start, end):
            middle = (cx, cy) if odd else (cx - 0.5, cy - 0.5)
            painted |= (x - middle[0]) ** 2 + (y - middle[1]) ** 2 <= (size / 2) ** 2
    return painted


def polygon(shape: tuple[int, int], corners: Sequence[Cell]) -> np.ndarray:
    """bool (H, W): pixels whose center is inside by the even-odd rule, and the outline by Bresenham."""
    painted = np.zeros(shape, bool)
    edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    for y in range(shape[0]):
        for x in range(shape[1]):
            for (ax, ay), (bx, by) in edges:
                if (ay > y) != (by > y) and x < ax + Fraction((y - ay) * (bx - ax), by - ay):
                    painted[y, x] = not painted[y, x]
    for start, end in edges:
        for x, y in line(start, end):
            if 0 <= x < shape[1] and 0 <= y < shape[0]:
                painted[y, x] = True
    return painted


def area(values: np.ndarray, x: int, y: int) -> np.ndarray:
    """bool (H, W): the 4-connected area of one value around a pixel."""
    found = np.zeros(values.shape, bool)
    waiting = [(x, y)]
    while waiting:
        cx, cy = waiting.pop()
        inside = 0 <= cx < values.shape[1] and 0 <= cy < values.shape[0]
        if not inside or found[cy, cx] or values[cy, cx] != values[y, x]:
            continue
        found[cy, cx] = True
        waiting += [(cx + 1, cy), (cx - 1, cy), (cx, cy + 1), (cx, cy - 1)]
    return found


def clicked(
    shape: tuple[int, int], points: Sequence[tuple[float, float, int]], box: Sequence[float] | None = None, radius: float = 9
) -> np.ndarray:
    """bool (H, W) of what clicks mean to the made-up server: the box, and discs around clicks, in their order added or taken away."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    meant = np.zeros(shape, bool)
    if box:
        meant = (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
    for px, py, adds in points:
        meant[np.hypot(x - px, y - py) < radius] = bool(adds)
    return meant
