"""Rows joined to images by path."""

from __future__ import annotations

import pytest

from alcore.importing.joining import joined_by_path, normal

IMAGES = ["train/a/1.png", "train/b/1.png", "train/b/2.png", "üb er/3.JPG"]


@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        (["train/b/1.png", "train/a/1.png"], [1, 0, -1, -1]),
        (["/data/set/train/a/1.png"], [0, -1, -1, -1]),
        (["2.png", "3.jpg"], [-1, -1, 0, 1]),  # the only one of that name, whatever its case
        (["2", "u\u0308b er/3"], [-1, -1, 0, 1]),
        (["train/b/1"], [-1, 0, -1, -1]),
        (["1.png"], [-1, -1, -1, -1]),  # two images are called so
        (["x/2.png", "y/2.png"], [-1, -1, -1, -1]),  # two rows are
        (["train/b/2.png", "test/2.png"], [-1, -1, 0, -1]),  # another one's test image is not this one
        ([], [-1, -1, -1, -1]),
    ],
)
def test_a_row_is_of_the_image_whose_path_or_name_it_gives(keys, rows):
    assert joined_by_path(keys, IMAGES).tolist() == rows


def test_a_path_is_as_tables_write_it():
    assert [normal(path) for path in (" ./a/b.png ", "a\\b.png", "././c")] == ["a/b.png", "a/b.png", "c"]
