"""VOC's boxes: an image has the class of its objects when that is one; files in their folder, beside their images, or below a year."""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.errors import BadInput
from alcore.formats import read
from tests.formats.peers import CLASSES, source
from tests.sources import labels_of, mask, picture, pictures, reasons_of, splits_of, write


def boxes(file: str, *names: str) -> str:
    objects = "".join(f"<object><name>{name}</name><bndbox><xmin>1</xmin></bndbox></object>" for name in names)
    return f"<annotation><folder>x</folder><filename>{file}</filename>{objects}</annotation>"


def test_a_file_of_another_tools_exporter_is_read(tmp_path: Path) -> None:
    folder = source(tmp_path, "voc_c.xml", "c.png", "d.png")
    reading = read(folder)
    assert reading.took_for == "Pascal VOC, the class of its objects as that of the image: 1 class, 2 images, 1 of them labeled"
    assert labels_of(reading) == {"c.png": CLASSES[1], "d.png": None}


@pytest.mark.parametrize("place", ["", "VOC2012/", "VOCdevkit/VOC2007/"])
def test_the_class_of_the_objects_is_that_of_the_image(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    pictures(root, *(f"JPEGImages/{name}.jpg" for name in "abcd"))
    for name, objects in (("a", ("cat", "cat")), ("b", ("cat", "dog")), ("c", ("dog",)), ("gone", ("dog",))):
        write(root / "Annotations" / f"{name}.xml", boxes(f"{name}.jpg", *objects))
    for name, listed in (("train", "a\n"), ("val", "b\n"), ("test", "c\n")):
        write(root / "ImageSets" / "Main" / f"{name}.txt", listed)
    reading = read(tmp_path)
    assert {Path(path).stem: label for path, label in labels_of(reading).items()} == {"a": "cat", "b": None, "c": "dog", "d": None}
    assert splits_of(reading) == {"pool": 2, "val": 1, "test": 1}
    assert reading.classes == ("cat", "dog")
    assert reading.warnings == ["1 image with objects of several classes counts as unlabeled"]
    assert list(reasons_of(reading).values()) == [f"{place}Annotations/gone.xml: there is no such image"]


def test_an_empty_folder_of_masks_and_a_list_without_colors_hide_no_boxes(tmp_path: Path) -> None:
    """As datumaro writes boxes alone."""
    picture(tmp_path / "JPEGImages" / "a.jpg")
    (tmp_path / "SegmentationClass").mkdir()
    write(tmp_path / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:::\ncat:::\n")
    write(tmp_path / "ImageSets" / "Main" / "train.txt", "a\n")
    write(tmp_path / "Annotations" / "a.xml", boxes("a.jpg", "cat"))
    assert labels_of(read(tmp_path)) == {"JPEGImages/a.jpg": "cat"}


def test_files_beside_their_images_in_folders_of_splits(tmp_path: Path) -> None:
    for name, label in (("train/a", "cat"), ("valid/b", "dog"), ("train/c", "no & such")):
        picture(tmp_path / f"{name}.jpg")
        write(tmp_path / f"{name}.xml", boxes("", label.replace("&", "&amp;")))
    reading = read(tmp_path)
    assert labels_of(reading) == {"train/a.jpg": "cat", "train/c.jpg": "no & such", "valid/b.jpg": "dog"}
    assert splits_of(reading) == {"pool": 2, "val": 1}
    assert reading.warnings == []


def test_masks_come_first_and_boxes_when_they_are_asked_for(tmp_path: Path) -> None:
    picture(tmp_path / "JPEGImages" / "a.jpg")
    mask(tmp_path / "SegmentationClass" / "a.png", 0, 1)
    write(tmp_path / "labelmap.txt", "ground:0,0,0::\nroof:1,1,1::\n")
    write(tmp_path / "Annotations" / "a.xml", boxes("a.jpg", "roof"))
    assert read(tmp_path).masks is not None
    assert labels_of(read(tmp_path, "voc", "classification")) == {"JPEGImages/a.jpg": "roof"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<annotation><object>", "is no XML"),
        ("<annotation><!DOCTYPE x>", "is no XML|DOCTYPE"),
        (boxes("gone.jpg", "cat"), "of the 1 XML files none has its image there"),
    ],
)
def test_damaged_files_are_a_sentence(tmp_path: Path, content: str, words: str) -> None:
    picture(tmp_path / "a.jpg")
    write(tmp_path / "Annotations" / "x.xml", content)
    with pytest.raises(BadInput, match=words):
        read(tmp_path, "voc")


def test_an_object_that_cannot_be_a_class_is_left_out_and_one_file_costs_only_itself(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "b.jpg")
    write(tmp_path / "a.xml", boxes("a.jpg", "cat", " "))
    write(tmp_path / "b.xml", "<annotation><broken")
    reading = read(tmp_path)
    assert labels_of(reading) == {"a.jpg": "cat", "b.jpg": None}
    assert "an empty name cannot be a class" in reading.warnings[0]
    assert "is no XML" in reasons_of(reading)["b.xml"]
