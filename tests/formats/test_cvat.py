"""CVAT's XML: files that another tool's exporter made, what is drawn above what, subsets, and what is left out with a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.formats import read
from alcore.formats.cvat import write_labels
from alcore.formats.writing import Labeled
from tests.formats.peers import CLASSES, painted, source
from tests.sources import labels_of, picture, pictures, reasons_of, splits_of, write

HEAD = "<meta><task><labels><label><name>road</name><color>#010203</color></label><label><name>car</name></label></labels></task></meta>"


def xml(folder: Path, *images: str, head: str = HEAD, name: str = "annotations.xml") -> Path:
    write(folder / name, f'<?xml version="1.0"?>\n<annotations><version>1.1</version>{head}{"".join(images)}</annotations>')
    return folder


def image(name: str, inside: str = "", more: str = "") -> str:
    return f'<image id="0" name="{name}" width="12" height="10" {more}>{inside}</image>'


def test_masks_polygons_and_boxes_are_those_the_exporter_had(tmp_path: Path) -> None:
    reading = read(source(tmp_path, "cvat_masks.xml", *(f"images/{name}.png" for name in "abcd")))
    assert reading.took_for == "CVAT, a class a pixel: 3 classes, 4 images, 3 of them with masks"
    assert (reading.classes, reading.skipped, reading.warnings) == (CLASSES, [], [])
    for entry, mask in zip(reading.entries, reading.masks, strict=True):
        wanted = painted("cvat").get(Path(entry.path).stem)
        assert (mask is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_array_equal(mask, wanted)
    assert reading.remarks() == []


def test_a_tag_is_a_class_when_it_is_the_only_one(tmp_path: Path) -> None:
    reading = read(source(tmp_path, "cvat_tags.xml", *(f"images/{name}.png" for name in "abcd")))
    assert reading.classes == CLASSES
    assert labels_of(reading) == {"images/a.png": CLASSES[0], "images/b.png": CLASSES[2], "images/c.png": None, "images/d.png": None}
    assert reading.warnings == ["1 answer of several classes at once left out: an image has one"]
    assert dict(reading.answers) == {}  # nobody is named


def test_shapes_lie_by_their_z_order(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    boxes = (
        '<box label="car" xtl="0" ytl="0" xbr="6" ybr="10" z_order="1"/>'
        '<polygon label="road" points="0,0;12,0;12,10;0,10" z_order="0"/>'
        '<mask label="road" rle="1, 1" left="2" top="3" width="2" height="1" z_order="2"/>'
    )
    reading = read(xml(tmp_path, image("a.jpg", boxes)))
    wanted = np.zeros((10, 12), np.uint8)
    wanted[:, :6] = 1
    wanted[3, 3] = 0
    np.testing.assert_array_equal(reading.masks[0], wanted)
    assert (reading.classes, reading.colors) == (("road", "car"), ())  # one of them has no color


def test_subsets_are_splits_and_folders_are_found(tmp_path: Path) -> None:
    pictures(tmp_path, "images/Train/a.jpg", "images/Test/a.jpg", "images/c.jpg", "more.jpg")
    tag = '<tag label="car"/>'
    listed = [image("a.jpg", tag, 'subset="Train"'), image("a.jpg", "", 'subset="Test"'), image("c.jpg", tag, 'subset="Validation"')]
    reading = read(xml(tmp_path, *listed))
    assert labels_of(reading) == {"images/Train/a.jpg": "car", "images/Test/a.jpg": None, "images/c.jpg": "car", "more.jpg": None}
    assert splits_of(reading) == {"pool": 2, "test": 1, "val": 1}
    assert labels_of(read(tmp_path / "annotations.xml")) == {"images/Train/a.jpg": "car", "images/Test/a.jpg": None, "images/c.jpg": "car"}


def test_what_has_no_area_or_is_damaged_is_told(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg")
    odd = (
        '<points label="car" points="1,1"/><polyline label="car" points="1,1;2,2"/><polygon label="car" points="1,1;2"/>'
        '<box label="car" xtl="x" ytl="0" xbr="1" ybr="1"/><mask label="car" rle="" left="0" top="0" width="1" height="1"/>'
        '<box label="" xtl="0" ytl="0" xbr="1" ybr="1"/><box label="car" xtl="4" ytl="0" xbr="1" ybr="1"/>'
        '<box label="car" xtl="0" ytl="0" xbr="2" ybr="2"/><mask label="car" rle="9" left="11" top="0" width="9" height="1"/>'
    )
    reading = read(xml(tmp_path, image("a.jpg", odd), image("gone.jpg"), "<track/>"))
    assert int((reading.masks[0] == 1).sum()) == 4
    told = " ".join([*reading.warnings, *reading.remarks()])
    for words in ("a points has no area", "a polyline has no area", "three corners", "its xtl is 'x'", "its run length is ''", "an empty name",
                  "without any area", "lies outside of its image", "tracks of a video"):  # fmt: skip
        assert words in told, words
    assert reasons_of(reading) == {"gone.jpg": "annotations.xml, image 0: there is no such image"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "annotations.xml is empty: export it again"),
        ("<annotations><image", "is no XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotations>&x;</annotations>', "has a DOCTYPE"),
        ("<annotations/>", "none of the 0 images"),
        (
            f"<annotations>{HEAD}{image('gone.jpg')}</annotations>",
            "none of the 1 images that CVAT's file lists is there; the first is 'gone.jpg'",
        ),
        ("\xff\xfe", "is no XML"),
    ],
)
def test_a_damaged_file_is_a_sentence(tmp_path: Path, content: str, words: str) -> None:
    picture(tmp_path / "a.jpg")
    file = write(tmp_path / "annotations.xml", content)
    with pytest.raises(BadInput, match=words) as wrong:
        read(file, "cvat")
    assert "\n" not in str(wrong.value)


def test_classes_go_out_as_tags_and_come_back(tmp_path: Path) -> None:
    file = picture(tmp_path / "from" / "x.jpg")
    given = [
        Labeled(path, split, label, "me", lambda: (file, ""))
        for path, split, label in (("a & b.jpg", "train", CLASSES[0]), ("sub/b.jpg", "test", CLASSES[1]), ("c.jpg", "val", ""))
    ]
    assert write_labels(tmp_path / "out", given, CLASSES) == []
    reading = read(tmp_path / "out")
    assert (reading.classes, reading.skipped, reading.warnings) == (CLASSES, [], [])
    assert {entry.path: (entry.split, entry.label) for entry in reading.entries} == {
        "images/a & b.jpg": ("pool", CLASSES[0]),
        "images/sub/b.jpg": ("test", CLASSES[1]),
        "images/c.jpg": ("val", None),
    }
