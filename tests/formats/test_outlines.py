"""Polygons that give the very pixels back: by COCO's own reader, and by a fill with the border over whole pixels, as OpenCV's is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from alcore.formats.outlines import INSET, outlines
from alcore.formats.runs import runs_of
from alcore.pixels import masks


def by_middles(polygons: list[list[tuple[float, float]]], height: int, width: int) -> np.ndarray:
    """What pycocotools covers, each polygon alone: none may overlap another."""
    found = np.zeros((height, width), int)
    for polygon in polygons:
        runs = runs_of([[value for point in polygon for value in point]], height, width)
        found += masks.from_rle(runs, height, width).T.astype(int) if height == width else masks.from_rle(runs, width, height).T.astype(int)
    return found


def regions() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    made = [np.ones((1, 1), bool), np.zeros((4, 3), bool), np.ones((5, 1), bool), np.eye(6, dtype=bool), ~np.eye(7, dtype=bool)]
    rings = np.zeros((21, 33), bool)
    rings[1:20, 1:32] = True
    rings[4:17, 4:28] = False
    rings[6:15, 7:25] = True
    rings[8:13, 9:12] = rings[8:13, 15:20] = False
    rings[10, 17] = True
    made.append(rings)
    for _ in range(40):
        height, width = rng.integers(1, 30, 2)
        made.append(rng.random((height, width)) < rng.random())
    return made


@pytest.mark.parametrize("region", regions(), ids=lambda region: f"{region.shape[0]}x{region.shape[1]}-{int(region.sum())}")
def test_the_middles_of_pixels_inside_are_those_of_the_area(region: np.ndarray) -> None:
    np.testing.assert_array_equal(by_middles(outlines(region), *region.shape), region.astype(int))


def test_a_square_is_four_corners_a_little_inside() -> None:
    region = np.zeros((5, 6), bool)
    region[1:3, 2:5] = True
    (square,) = outlines(region)
    assert sorted((round(x, 6), round(y, 6)) for x, y in square) == [
        (2 + INSET, 1 + INSET),
        (2 + INSET, 3 - INSET),
        (5 - INSET, 1 + INSET),
        (5 - INSET, 3 - INSET),
    ]


def test_pixels_that_touch_by_a_corner_alone_are_two_areas() -> None:
    assert len(outlines(np.eye(5, dtype=bool))) == 5


def test_a_hole_stays_a_hole_in_one_polygon_whose_way_in_is_its_way_out() -> None:
    region = np.ones((7, 7), bool)
    region[2:5, 2:5] = False
    (polygon,) = outlines(region)
    way = [point for point in polygon if point[0] == 2.5]
    assert way == [(2.5, INSET), (2.5, 2 - INSET), (2.5, 2 - INSET), (2.5, INSET)]


def test_cut_down_to_whole_pixels_the_border_lies_on_the_area_itself(tmp_path: Path) -> None:
    """A border drawn through the pixels its corners are cut down to never leaves the area, so a fill with the border adds nothing."""
    for region in regions():
        drawn = Image.new("1", region.shape[::-1])
        for polygon in outlines(region):
            corners = [(int(x), int(y)) for x, y in polygon]
            ImageDraw.Draw(drawn).line([*corners, corners[0]], 1)
        assert not (np.asarray(drawn) & ~region).any()
