"""COCO: who lies over whom, where images are found, what is written and comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alcore.formats import read
from alcore.formats.runs import runs_of
from alcore.pixels import masks
from tests.formats.layouts import annotated, coco_set, found, image, listing, reasons, write


def test_coco_paints_smaller_objects_over_larger_ones_and_leaves_the_rest_void(tmp_path: Path) -> None:
    small = {"size": [3, 4], "counts": [4, 2, 6]}  # down the columns: rows 1 and 2 of column 1
    left = [[0, 0, 3, 0, 3, 3, 0, 3]]  # the first three columns
    crowd = {"size": [3, 4], "counts": [2, 1, 9]}
    objects = [annotated(small, 3), annotated(left, 1), annotated(crowd, 1, iscrowd=1)]
    reading = read(coco_set(tmp_path, annotations=objects))
    assert (reading.classes, reading.colors) == (("road", "car"), ())
    assert reading.masks[0].tolist() == [[0, 0, 0, 255], [0, 1, 0, 255], [255, 1, 0, 255]]
    assert found(reading) == [("train2017/a.jpg", "pool", "annotations/instances_train2017.json")]


def test_of_two_objects_of_one_size_the_later_one_lies_above(tmp_path: Path) -> None:
    whole = {"size": [3, 4], "counts": [0, 12]}
    assert read(coco_set(tmp_path, annotations=[annotated(whole, 1), annotated(whole, 3)])).masks[0].tolist() == [[1] * 4] * 3


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # pycocotools' decode, which only this test calls
def test_run_lengths_and_polygons_are_those_of_pycocotools() -> None:
    from pycocotools import mask as reference

    rng = np.random.default_rng(5)
    for _ in range(60):
        height, width = rng.integers(1, 70, 2).tolist()
        region = rng.random((height, width)) < rng.random()
        coded = reference.encode(np.asfortranarray(region, np.uint8))
        text = {"size": [height, width], "counts": coded["counts"].decode()}
        runs = runs_of(text, height, width)
        np.testing.assert_array_equal(masks.from_rle(runs, width, height).T, region)
        assert runs_of({"size": [height, width], "counts": runs}, height, width) == runs
        polygons = [(rng.random(2 * rng.integers(3, 9)) * 60 - 5).tolist() for _ in range(rng.integers(1, 3))]
        both = reference.decode(reference.merge(reference.frPyObjects(polygons, height, width)))
        np.testing.assert_array_equal(masks.from_rle(runs_of(polygons, height, width), width, height).T, both.astype(bool))


def test_coco_finds_images_by_split_folder_and_takes_unlisted_ones_without_a_mask(tmp_path: Path) -> None:
    for path in ("train2017/a.jpg", "val2017/a.jpg", "unlabeled2017/u.jpg", "test2017/t.jpg", "images/deep/only.jpg"):
        image(tmp_path / path)
    listing(tmp_path / "annotations/instances_train2017.json")
    pictures = [{"id": 5, "file_name": "a.jpg"}, {"id": "six", "file_name": "only.jpg"}, {"id": 8, "file_name": "../../etc/passwd"}]
    objects = [annotated([[0, 0, 4, 0, 4, 3, 0, 3]]) | {"image_id": 5}, annotated([[0] * 6]) | {"image_id": 99}]
    listing(tmp_path / "annotations/instances_val2017.json", images=pictures, annotations=objects)
    write(tmp_path / "annotations/captions_val2017.json", '{"info": {}, "images": 3}')
    reading = read(tmp_path)
    assert found(reading) == [
        ("train2017/a.jpg", "pool", "annotations/instances_train2017.json"),
        ("val2017/a.jpg", "val", "annotations/instances_val2017.json"),
        ("images/deep/only.jpg", "val", "annotations/instances_val2017.json"),
        ("test2017/t.jpg", "test", ""),
        ("unlabeled2017/u.jpg", "pool", ""),
    ]
    assert [None if one is None else one[0, 0] for one in reading.masks] == [255, 0, 255, None, None]
    assert reasons(reading) == {
        "../../etc/passwd": "annotations/instances_val2017.json: there is no such image",
        "annotations/instances_val2017.json": "1 annotations belong to no image of the file, the first to 99",
    }


def test_a_list_of_images_without_annotations_gives_no_masks(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    write(
        tmp_path / "annotations" / "image_info_test.json",
        '{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 0, "name": "x"}]}',
    )
    assert found(read(tmp_path)) == [("images/a.jpg", "test", "")]


def test_annotations_beside_the_images_of_each_split_are_read(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        image(tmp_path / split / "a.jpg")
        listing(tmp_path / split / "_annotations.coco.json")
    assert [(path, split) for path, split, _ in found(read(tmp_path))] == [("train/a.jpg", "pool"), ("valid/a.jpg", "val")]
