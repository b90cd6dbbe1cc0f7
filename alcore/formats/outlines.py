"""Areas of a mask as polygons that give the very same pixels back: along the edges of the pixels, holes joined to what is around them.

Knows no format. Corners lie a little inside of the area, by INSET: a reader that asks whether a pixel's middle is inside (COCO's) and one
that cuts coordinates down to whole pixels and fills with the border (OpenCV's, as YOLO trains) both give these pixels and no other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

INSET = 0.04  # pixels; COCO's reader counts in fifths
Point = tuple[float, float]
Corner = tuple[int, int]
# a direction (x, y) -> where the area lies of an edge that goes there: on its right, with y downward
RIGHT, LEFT, DOWN, UP = (1, 0), (-1, 0), (0, 1), (0, -1)
WITHIN = {RIGHT: DOWN, LEFT: UP, DOWN: LEFT, UP: RIGHT}
TURNS = {RIGHT: (DOWN, UP), LEFT: (UP, DOWN), DOWN: (LEFT, RIGHT), UP: (RIGHT, LEFT)}  # of two ways on, the one that keeps to its own pixel


def outlines(region: np.ndarray) -> list[list[Point]]:
    """Polygons as (x, y) in pixels, one for each area of pixels that touch by their sides, of a bool (H, W).

    A hole is cut open upward: the polygon goes down to it, around and back on the same way, so that it stays one polygon and the hole stays
    empty.
    """
    loops = _loops(region)
    holes = [at for at, loop in enumerate(loops) if _turn(loop) < 0]
    if not holes:
        return [_shifted(loop) for loop in loops]
    tops = _tops(loops)
    ways: dict[int, dict[int, list[tuple[float, list[Point]]]]] = {}  # loop -> edge of it -> (x, what is hung there)
    # the lowest first: what hangs on a hole begins below the hole's own top
    for at in sorted(holes, key=lambda at: -min(y for _, y in loops[at])):
        loop = loops[at]
        y, x = min((y, x) for x, y in loop)
        start = next(i for i, corner in enumerate(loop) if corner[1] == y and loop[(i + 1) % len(loop)] == (x, y))  # goes left, to its end
        above = y - 1
        while above > 0 and region[above - 1, x]:
            above -= 1
        outer, edge = tops[above, x]
        down = x + 0.5
        around = _points([*loop[start + 1 :], *loop[: start + 1]], _moved(ways.pop(at, {}), -start - 1, len(loop)))
        hung = [(down, above + INSET), (down, y - INSET), *around, (down, y - INSET), (down, above + INSET)]
        ways.setdefault(outer, {}).setdefault(edge, []).append((down, hung))
    return [_points(loop, ways.get(at, {})) for at, loop in enumerate(loops) if at not in set(holes)]


def _moved(hung: dict[int, list[tuple[float, list[Point]]]], by: int, length: int) -> dict[int, list[tuple[float, list[Point]]]]:
    return {(edge + by) % length: of for edge, of in hung.items()}


def _points(loop: list[Corner], hung: dict[int, list[tuple[float, list[Point]]]]) -> list[Point]:
    """The corners of a loop, a little inside, with what hangs on its edges put in between."""
    shifted = _shifted(loop)
    if not hung:
        return shifted
    points: list[Point] = []
    for at, point in enumerate(shifted):
        points.append(point)
        for _, more in sorted(hung.get(at, ()), key=lambda one: one[0]):  # such edges go right
            points += more
    return points


def _shifted(loop: list[Corner]) -> list[Point]:
    points = []
    for at, (x, y) in enumerate(loop):
        before, after = _way(loop[at - 1], (x, y)), _way((x, y), loop[(at + 1) % len(loop)])
        points.append((x + INSET * (WITHIN[before][0] + WITHIN[after][0]), y + INSET * (WITHIN[before][1] + WITHIN[after][1])))
    return points


def _way(start: Corner, end: Corner) -> Corner:
    return (int(np.sign(end[0] - start[0])), int(np.sign(end[1] - start[1])))


def _turn(loop: list[Corner]) -> int:
    """Twice the area, positive around an area and negative around a hole."""
    return sum(x * loop[(at + 1) % len(loop)][1] - loop[(at + 1) % len(loop)][0] * y for at, (x, y) in enumerate(loop))


def _tops(loops: list[list[Corner]]) -> dict[Corner, Corner]:
    """(y, x) of each pixel with an edge above it -> the loop and the edge of it."""
    found: dict[Corner, Corner] = {}
    for number, loop in enumerate(loops):
        for edge, (x, y) in enumerate(loop):
            after = loop[(edge + 1) % len(loop)]
            if after[1] == y and after[0] > x:
                found.update(((y, at), (number, edge)) for at in range(x, after[0]))
    return found


def _loops(region: np.ndarray) -> list[list[Corner]]:
    """Corners (x, y) of every border of the region, the region on its right; where pixels touch by a corner alone, each keeps its own."""
    ends: dict[tuple[Corner, Corner], Corner] = dict(_edges(region))  # (start, direction) -> where that edge ends
    loops = []
    while ends:
        start, way = next(iter(ends))
        first, loop, corner = (start, way), list[Corner](), start
        while True:
            loop.append(corner)
            corner = ends.pop((corner, way))
            way = next((turn for turn in TURNS[way] if (corner, turn) in ends or (corner, turn) == first), way)
            if (corner, way) == first:
                break
        loops.append(loop)
    return loops


def _edges(region: np.ndarray) -> Iterator[tuple[tuple[Corner, Corner], Corner]]:
    """((start, direction), end) of each straight piece of the borders."""
    padded = np.pad(region.astype(np.int8), 1)
    across = np.diff(padded, axis=0)[:, 1:-1]  # 1 where the region begins below, -1 where it ends above
    for value, way in ((1, RIGHT), (-1, LEFT)):
        for y, begin, end in _runs(across == value):
            yield (((begin, y), way), (end, y)) if way == RIGHT else (((end, y), way), (begin, y))
    along = np.diff(padded, axis=1)[1:-1].T  # 1 where it begins to the right, -1 where it ends to the left
    for value, way in ((1, UP), (-1, DOWN)):
        for x, begin, end in _runs(along == value):
            yield (((x, end), way), (x, begin)) if way == UP else (((x, begin), way), (x, end))


def _runs(marked: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(row, first, one past the last) of each run of a bool (n, m)."""
    steps = np.diff(np.pad(marked.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, begins = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    yield from zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True)
