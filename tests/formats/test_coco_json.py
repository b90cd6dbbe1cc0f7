"""JSON of COCO: what makes no sense is refused by name or costs only itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alcore.errors import BadInput
from alcore.formats import read
from tests.formats.folders import class_folders
from tests.formats.layouts import annotated, coco_set, image, listing, reasons
from tests.sources import box, coco, counts_of, picture, pictures, splits_of, write


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"categories": []}, "0 classes"),
        ({"categories": [{"id": at, "name": f"c{at}"} for at in range(300)]}, "300 classes"),
        ({"categories": {"a": 1}}, "no list of categories"),
        ({"images": 5}, "no list of images"),
        ({"annotations": "none"}, "no list of annotations"),
    ],
)
def test_a_coco_file_that_makes_no_sense_is_refused_by_name(tmp_path: Path, content: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words) as wrong:
        read(coco_set(tmp_path, **content), "coco", "segmentation")
    assert "instances_train2017.json" in str(wrong.value) or "classes" in words


@pytest.mark.parametrize(
    ("categories", "classes", "aside"),
    [
        ([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], ("a",), "the id 1 is that of 'a' already; left out with its objects"),
        ([{"id": 1, "name": "a"}, {"id": 2, "name": "a"}], ("a",), None),  # two ids of one name are one class
        ([{"id": "2", "name": "b"}, {"id": 0.0, "name": "a"}], ("a", "b"), None),  # ids as text and floats, category 0
        ([7, {"id": 1, "name": "a"}], ("a",), "it needs an id and a name"),
        ([{"id": 1, "name": "a"}, {"id": 2, "name": "x" * 300}], ("a",), "has 300 characters and cannot be a class"),
    ],
)
def test_a_category_that_will_not_do_costs_only_itself(
    tmp_path: Path, categories: Any, classes: tuple[str, ...], aside: str | None
) -> None:
    reading = read(coco_set(tmp_path, categories=categories))
    assert reading.classes == classes
    assert [aside in one.reason for one in reading.skipped] == [True] if aside else reading.skipped == []


def test_images_that_will_not_do_cost_only_themselves(tmp_path: Path) -> None:
    whole = [[0, 0, 4, 0, 4, 3, 0, 3]]
    for name in "abcd":
        image(tmp_path / "train2017" / f"{name}.jpg")
    pictures = [{"id": 1}, {"id": [], "file_name": "a.jpg"}, {"id": "2.0", "file_name": "b.jpg", "width": "4", "height": "3"}]
    pictures += [{"id": 3, "file_name": "c.jpg"}, {"id": 3.0, "file_name": "d.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    objects = [annotated(whole) | {"image_id": number} for number in (1, 2, "3")]
    listing(tmp_path / "annotations" / "instances_train2017.json", images=pictures, annotations=objects)
    reading = read(tmp_path)
    assert {entry.path: mask is not None for entry, mask in zip(reading.entries, reading.masks, strict=True)} == {
        "train2017/b.jpg": True, "train2017/a.jpg": False, "train2017/c.jpg": False, "train2017/d.jpg": False,
    }  # fmt: skip
    assert sorted((one.path, one.reason) for one in reading.skipped) == [
        ("annotations/instances_train2017.json", "1 annotations belong to no image of the file, the first to 1"),
        ("annotations/instances_train2017.json", "the image {'id': 1} has no id or no file_name: left out"),
        ("annotations/instances_train2017.json", "the image {'id': [], 'file_name': 'a.jpg'} has no id or no file_name: left out"),
        (
            "c.jpg",
            "annotations/instances_train2017.json: the image id 3 is that of another image too, so nobody knows whose its objects are",
        ),
    ]


@pytest.mark.parametrize("text", ['{"images": [', '{"images": ' + "[" * 100_000, '{"images": [{"id": ' + "9" * 5000 + "}]}", '{"images"'])
def test_a_damaged_json_is_refused(tmp_path: Path, text: str) -> None:
    coco_set(tmp_path)
    write(tmp_path / "annotations" / "instances_train2017.json", text)
    with pytest.raises(BadInput, match="instances_train2017.json is no JSON"):
        read(tmp_path, "coco")


def test_an_unknown_category_and_a_wrong_size_are_told_and_each_file_has_its_own_ids(tmp_path: Path) -> None:
    whole = [[0, 0, 4, 0, 4, 3, 0, 3]]
    reading = read(coco_set(tmp_path / "a", annotations=[annotated(whole, 9), annotated(whole, 1) | {"id": 8}]))
    assert [one.reason for one in reading.skipped] == ["1 object left out, the first is annotation 7: there is no category '9'"]
    assert reading.masks[0].tolist() == [[0] * 4] * 3
    with pytest.raises(BadInput, match="it says 8 x 3 pixels and the image has 4 x 3"):
        read(
            coco_set(tmp_path / "b", images=[{"id": 1, "file_name": "a.jpg", "width": 8, "height": 3}], annotations=[annotated(whole)])
        ).masks[0]
    coco_set(tmp_path / "c", annotations=[annotated(whole, 3)])
    image(tmp_path / "c" / "val2017" / "a.jpg")
    other = tmp_path / "c" / "annotations" / "instances_val2017.json"
    listing(other, categories=[{"id": 3, "name": "bus"}, {"id": 4, "name": "car"}], annotations=[annotated(whole, 3)])
    reading = read(tmp_path / "c")
    assert reading.classes == ("road", "car", "bus")
    assert [one[0, 0] for one in reading.masks] == [1, 2]  # the id 3 is car in one file and bus in the other


def test_annotations_without_an_image_and_an_image_listed_twice_are_told(tmp_path: Path) -> None:
    coco_set(tmp_path, annotations=[3, {"id": 1}, {"id": 2, "image_id": []}])
    listing(tmp_path / "annotations" / "instances_val2017.json", images=[{"id": 1, "file_name": "train2017/a.jpg"}])
    reading = read(tmp_path, task="segmentation")
    assert reasons(reading) == {
        "annotations/instances_train2017.json": "3 objects left out, the first is annotation None: it has no image_id",
        "train2017/a.jpg": "annotations/instances_val2017.json: 'a.jpg' and 'train2017/a.jpg' both fit this one image: set aside, name the folders of both",
    }


def one_coco(folder: Path, place: str, **first: Any) -> Path:
    """Two pictures of an object each in images/, the JSON at `place`, other keys before its own."""
    pictures(folder, "images/1.jpg", "images/2.jpg")
    content = json.loads(coco(["1.jpg", "2.jpg"], [(1, 1, box(0, 0, 4, 4)), (2, 2, box(0, 0, 4, 4))]))
    write(folder / place, json.dumps({**first, **content}))
    return folder


@pytest.mark.parametrize("first", [{}, {"version": 1}, {"info": {}, "licenses": []}, {"categories_of": ["x"], "big": "x" * (2 << 20)}])
@pytest.mark.parametrize("place", ["annotations/instances_default.json", "annotations.json", "images/labels.json", "result/x.json"])
def test_coco_is_known_by_its_content_wherever_it_lies(tmp_path, first, place):
    reading = read(one_coco(tmp_path / "given", place, **first))
    assert (reading.format, reading.classes, counts_of(reading)) == ("coco", ("cat", "dog"), {"masks": 2})


def test_a_json_a_folder_is_read_too(tmp_path):
    for split in ("train", "valid", "test"):
        picture(tmp_path / split / f"{split}.jpg")
        write(tmp_path / split / "annotations.json", coco([f"{split}.jpg"], [(1, 1, box(0, 0, 4, 4))]))
    reading = read(tmp_path)
    assert (reading.format, splits_of(reading), counts_of(reading)) == ("coco", {"pool": 1, "val": 1, "test": 1}, {"masks": 3})


@pytest.mark.parametrize(
    "text", ['{"name": "app", "version": "1.0"}', "[1, 2]", "{", "", '{"images": 3}', '{"images": "x", "annotations": []}']
)
def test_a_foreign_json_refuses_nothing(tmp_path, text):
    class_folders(tmp_path / "folders")
    write(tmp_path / "folders" / "package.json", text)
    assert read(tmp_path / "folders").format == "folder"
    one_coco(tmp_path / "coco", "annotations/instances.json")
    for place in ("package.json", "annotations/package.json", "images/meta.json"):
        write(tmp_path / "coco" / place, text)
    assert counts_of(read(tmp_path / "coco")) == {"masks": 2}
    assert counts_of(read(tmp_path / "coco", "coco")) == {"masks": 2}


def test_a_format_named_by_hand_tries_every_json(tmp_path):
    pictures(tmp_path, "images/1.jpg")
    write(tmp_path / "a.json", "{}")
    write(tmp_path / "b.json", coco(["1.jpg"], [], filler="x" * (3 << 20)).replace('"images":', '"images" :\n'))
    reading = read(tmp_path, "coco")
    assert [entry.path for entry in reading.entries] == ["images/1.jpg"]


def test_panoptic_pictures_never_enter_the_pool(tmp_path):
    folder = one_coco(tmp_path / "given", "annotations/instances_train2017.json")
    pictures(folder, "annotations/panoptic_train2017/1.png", "panoptic_train2017/2.png", "annotations/preview.png", "stuffthingmaps/1.png")
    assert [entry.path for entry in read(folder).entries] == ["images/1.jpg", "images/2.jpg"]
