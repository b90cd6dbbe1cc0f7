"""COCO panoptic: numbers in colors, crowds, what is missing or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.formats import read
from tests.formats.exchanged import panoptic
from tests.formats.layouts import reasons
from tests.sources import SIDES, picture, write

JSON = "annotations/panoptic_train2017.json"


def changed(folder: Path, **parts: Any) -> Path:
    told = json.loads((folder / JSON).read_text())
    write(folder / JSON, json.dumps({**told, **parts}))
    return folder


def segments(*of: tuple[int, int, int]) -> list[dict[str, Any]]:
    named = [{"id": number, "category_id": category, "iscrowd": crowd} for number, category, crowd in of]
    return [{"image_id": 1, "file_name": "a.png", "segments_info": named}]


def test_a_color_is_red_and_256_green_and_65536_blue(tmp_path: Path) -> None:
    panoptic(tmp_path)
    reading = read(tmp_path)
    assert (reading.format, reading.classes) == ("panoptic", ("cat", "dog"))  # by their ids, 2 and 9
    wanted = np.full(SIDES[::-1], 255, np.uint8)
    wanted[:4], wanted[4:8] = 1, 0
    for mask in reading.masks:
        np.testing.assert_array_equal(mask, wanted)


def test_a_crowd_and_what_is_no_segment_are_void(tmp_path: Path) -> None:
    panoptic(tmp_path)
    reading = read(changed(tmp_path, annotations=segments((7, 9, 1))))
    assert (reading.masks[0] == 255).all()


def test_a_category_that_is_not_named_is_void_and_told(tmp_path: Path) -> None:
    panoptic(tmp_path)
    reading = read(changed(tmp_path, annotations=segments((7, 9, 0), (1 + 512 + 3 * 65536, 77, 0))))
    assert (reading.masks[0][4:8] == 255).all()
    assert reasons(reading)["a.png"] == f"{JSON}: there is no category 77; such segments are void"


def test_where_instances_lie_too_they_are_read_unless_panoptic_is_named(tmp_path: Path) -> None:
    panoptic(tmp_path)
    write(tmp_path / "annotations/instances_train2017.json", '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "x"}]}')
    assert (read(tmp_path).format, read(tmp_path, "panoptic").classes) == ("coco", ("cat", "dog"))


def test_missing_images_and_pngs_are_named(tmp_path: Path) -> None:
    panoptic(tmp_path)
    (tmp_path / "annotations/panoptic_train2017/a.png").unlink()
    (tmp_path / "val2017/b.jpg").unlink()
    picture(tmp_path / "train2017/unlisted.jpg")
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == ["train2017/a.jpg", "train2017/unlisted.jpg"]
    assert list(reading.masks) == [None, None]
    assert reasons(reading)["a.png"] == f"{JSON}: there is no such PNG; its image is unlabeled"
    assert reasons(reading)["b.jpg"] == "annotations/panoptic_val2017.json: there is no such image"


def test_a_png_that_is_none_or_grey_is_named_when_it_is_read(tmp_path: Path) -> None:
    panoptic(tmp_path)
    Image.new("L", SIDES).save(tmp_path / "annotations/panoptic_train2017/a.png")
    write(tmp_path / "annotations/panoptic_val2017/b.png", b"\x89PNG\r\n\x1a\n damaged")
    reading = read(tmp_path)
    with pytest.raises(BadInput, match="panoptic_train2017/a.png: a PNG of numbers has three channels, this one is L"):
        reading.masks[0]
    with pytest.raises(BadInput, match="panoptic_val2017/b.png: "):
        reading.masks[1]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"annotations": 3}, "has no list of annotations"),
        ({"categories": [{"id": "1", "name": "cat"}]}, "needs a number as id and a name"),
        ({"categories": [{"id": 2, "name": "cat"}, {"id": 2, "name": "dog"}]}, "two categories have the id 2"),
    ],
)
def test_a_json_that_is_none_of_coco_is_a_sentence(tmp_path: Path, parts: dict[str, Any], words: str) -> None:
    panoptic(tmp_path)
    changed(tmp_path, **parts, more="segments_info")
    with pytest.raises(BadInput, match=words):
        read(tmp_path, "panoptic")


def test_annotations_that_are_not_whole_are_left_out_by_name(tmp_path: Path) -> None:
    panoptic(tmp_path)
    broken = [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1}]}, 7]
    reading = read(changed(tmp_path, annotations=broken), "panoptic")
    assert [skip.reason[:60] for skip in reading.skipped if skip.path == JSON] == [
        "an annotation without image, file_name or whole segments_info"[:60]
    ] * 2
