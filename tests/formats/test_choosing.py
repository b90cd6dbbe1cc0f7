"""Formats of dense labels: each layout in its variants, what is set aside and refused, and writers whose masks come back exactly.

Longer than 400 lines: five formats meet the same odd and hostile sources, read side by side.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.errors import BadInput
from alcore.formats import FORMATS, LABEL_WRITERS, MASK_WRITERS, read
from tests.formats.layouts import camvid, image, write


def test_the_formats_of_each_task_are_known() -> None:
    assert [name for name, known in FORMATS.items() if "segmentation" in known.tasks] == [
        "bdd100k",
        "camvid",
        "cityscapes",
        "coco",
        "cvat",
        "flat",
        "labelstudio",
        "panoptic",
        "voc",
        "yolo",
    ]
    assert [name for name, known in FORMATS.items() if "classification" in known.tasks] == [
        *("cifar", "coco", "csv", "cvat", "fiftyone", "flat", "folder", "hf", "idx", "imagefolder", "labelstudio", "npz", "parquet"),
        *("voc", "webdataset", "yolo"),
    ]
    assert list(MASK_WRITERS) == ["camvid", "cityscapes", "coco", "cvat", "labelstudio", "voc", "yolo"]
    assert list(LABEL_WRITERS) == ["csv", "cvat", "fiftyone", "folder", "hf", "imagefolder", "labelstudio", "parquet", "webdataset"]


def test_auto_takes_only_formats_that_serve_the_task(tmp_path: Path) -> None:
    camvid(tmp_path)
    assert read(tmp_path).took_for == "images, masks and classes.csv: 3 classes, 1 image, all with masks"
    assert read(tmp_path, "auto", "segmentation").classes == ("sky", "road", "car")
    by_folders = read(tmp_path, task="classification")
    assert (by_folders.classes, by_folders.masks) == (("images", "masks"), None)


@pytest.mark.parametrize(
    ("name", "task", "words"),
    [
        ("camvid", "classification", ["the format camvid is of segmentation, not of classification", "use auto, cifar"]),
        ("folder", "segmentation", ["the format folder is of classification, not of segmentation", "camvid"]),
        ("auto", "detection", ["unknown task 'detection'", "classification, segmentation"]),
        ("xml", "segmentation", ["unknown format 'xml'", "use auto, bdd100k, camvid, cityscapes, coco, cvat, flat, labelstudio, panoptic"]),
    ],
)
def test_a_format_that_does_not_serve_the_task_is_refused(tmp_path: Path, name: str, task: str, words: list[str]) -> None:
    with pytest.raises(BadInput) as wrong:
        read(camvid(tmp_path), name, task)
    for word in words:
        assert word in str(wrong.value)


def test_images_alone_are_unlabeled_for_segmentation_and_a_tree_of_them_is_asked_for_by_name(tmp_path: Path) -> None:
    image(tmp_path / "flat" / "a.png")
    reading = read(tmp_path / "flat", task="segmentation")
    assert (reading.classes, reading.masks, [entry.path for entry in reading.entries]) == ((), None, ["a.png"])
    with pytest.raises(BadInput, match="name the format flat"):
        read(tmp_path, task="segmentation")
    assert [entry.path for entry in read(tmp_path, "flat", "segmentation").entries] == ["flat/a.png"]
    with pytest.raises(BadInput, match="for segmentation give a folder"):
        read(write(tmp_path / "list.csv", "path,label\n"), task="segmentation")


@pytest.mark.parametrize("name", ["bdd100k", "camvid", "cityscapes", "coco", "voc"])
def test_a_folder_without_the_layout_is_refused_with_a_cure(tmp_path: Path, name: str) -> None:
    image(tmp_path / "deep" / "er" / "a.jpg")
    with pytest.raises(BadInput, match=r"give the folder|call them images and masks|put it into"):
        read(tmp_path, name)
    with pytest.raises(BadInput):
        read(tmp_path / "deep" / "er" / "a.jpg", name)
