"""Run lengths and polygons: those of pycocotools, and whatever else is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alcore.formats import read
from tests.formats.layouts import annotated, coco_set

NOTHING = "a polygon needs x and y of three corners at least"
LENGTHS = "its run lengths are damaged"


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        # Detectron#397, coco-annotator#452, #526, fiftyone#1523: one degenerate polygon must not cost the mask of its image
        ([[0, 0, 1, 1]], NOTHING),
        ([[128, 128]], NOTHING),
        ([[0, 0, 1, 1, 2, "three"]], NOTHING),
        ([[0, 0, 1, 1, 2, 3, 4]], NOTHING),
        ([[0, 0, 1, 1, 2, float("nan")]], NOTHING),
        ([[0, 0, 1, 1, 2, 1e18]], "a polygon lies far outside of its image"),
        ({"size": [4, 3], "counts": [12]}, "its run lengths are of the size [4, 3], the image is 3 high and 4 wide"),
        ({"size": [3, 4]}, f"{LENGTHS}: they need a size and counts"),
        ({"size": [3, 4], "counts": [13]}, f"{LENGTHS}: they do not add up to the 12 pixels of the image"),
        ({"size": [3, 4], "counts": [13, -1]}, f"{LENGTHS}: they do not add up to the 12 pixels of the image"),
        ({"size": [3, 4], "counts": [12.5]}, f"{LENGTHS}: they must be whole numbers"),
        ({"size": [3, 4], "counts": "oooooo"}, LENGTHS),
        ({"size": [3, 4], "counts": "o" * 50 + "0"}, LENGTHS),
        ({"size": [3, 4], "counts": "\u00e4 \n"}, LENGTHS),
        ({"size": [3, 4], "counts": ""}, LENGTHS),
        ({"size": [3, 4], "counts": "00000000"}, f"{LENGTHS}: they do not add up to the 12 pixels of the image"),
        ([], None),  # boxes alone are no news
        (None, None),
        ("everything", None),
    ],
)
def test_an_object_that_means_nothing_costs_only_itself_and_is_told(tmp_path: Path, segmentation: Any, words: str | None) -> None:
    good = annotated([[0, 0, 2, 0, 2, 3, 0, 3]]) | {"id": 8}
    reading = read(coco_set(tmp_path, annotations=[annotated(segmentation), good]))
    assert reading.masks[0].tolist() == [[0, 0, 255, 255]] * 3
    told = [one.reason for one in reading.skipped] + reading.remarks()
    assert [words in one and "annotation 7" in one and one.startswith("1 object") for one in told] == ([True] if words else [])


@pytest.mark.parametrize(
    "segmentation",
    [
        [0, 0, 2, 0, 2, 3, 0, 3],  # a flat list
        [["0", "0", "2", "0", "2.0", "3", "0", "3"]],  # coordinates as text
        [[[0, 0], [2, 0], [2, 3], [0, 3]]],  # corners in pairs
        [[0, 0, 2, 0, 2, 3, 0, 3], [0, 47, 1024, 706]],  # one of two encloses nothing
        {"size": ["3", 4.0], "counts": ["0", 6.0, 6]},
    ],
)
def test_a_segmentation_is_taken_as_it_is_meant(tmp_path: Path, segmentation: Any) -> None:
    objects = [annotated(segmentation, "1", iscrowd="0") | {"image_id": "1.0"}]
    reading = read(coco_set(tmp_path, annotations=objects))
    assert (reading.masks[0].tolist(), reading.skipped, reading.remarks()) == ([[0, 0, 255, 255]] * 3, [], [])
