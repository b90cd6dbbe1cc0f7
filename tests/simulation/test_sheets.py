"""Contact sheets, pixel by pixel."""

from __future__ import annotations

import numpy as np

from alcore.simulation.oracle import Data
from alcore.simulation.sheets import pictures_of, sheet


def test_pictures_stand_row_by_row_with_nothing_between_them():
    pictures = np.stack([np.full((1, 1, 3), shade, np.uint8) for shade in (10, 20, 30)])
    page = sheet(pictures, columns=2, side=2, gap=1)
    assert page[..., 0].tolist() == [
        [10, 10, 0, 20, 20],
        [10, 10, 0, 20, 20],
        [0, 0, 0, 0, 0],
        [30, 30, 0, 0, 0],
        [30, 30, 0, 0, 0],
    ]
    assert np.array_equal(page[..., 3] == 255, page[..., 0] > 0)


def test_fewer_pictures_than_columns_make_a_narrow_sheet():
    assert sheet(np.zeros((1, 8, 8, 3), np.uint8), columns=5, side=40, gap=4).shape == (40, 40, 4)


def test_large_pictures_are_the_means_of_squares():
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    picture[0, :2, :2] = [[[8] * 3, [16] * 3], [[0] * 3, [0] * 3]]
    assert sheet(picture, 1, side=2)[..., 0].tolist() == [[6, 0], [0, 0]]


def test_the_pictures_are_those_of_the_ids(done):
    data = Data.load(done[0] / "data")
    ids = [int(data.ids[5]), int(data.ids[0])]
    expected = np.asarray(data.pixels())[data.rows[[5, 0]]]
    assert np.array_equal(pictures_of(data, ids), expected)
