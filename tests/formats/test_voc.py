"""Pascal VOC: its lists, its colors, classes of its own, several years."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.formats import read
from alcore.formats.voc import color_map, write_masks
from alcore.formats.writing import Item, Legend
from tests.formats.layouts import image, mask, write

SIZE = (3, 4)  # height and width of the toy images


def test_the_color_map_is_vocs() -> None:
    table = color_map(256)
    assert table[:6] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128)]
    assert (table[15], table[20], table[255]) == ((192, 128, 128), (0, 64, 128), (224, 224, 192))


@pytest.mark.parametrize("place", ["", "VOC2012/", "VOCdevkit/VOC2012/"])
def test_voc_takes_what_its_lists_name(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    for stem in ("2007_01", "2007_02", "2007_03", "2007_04", "2007_05"):
        image(root / "JPEGImages" / f"{stem}.jpg")
    picture = Image.fromarray(np.array([[0, 15, 20, 255]] * 3, np.uint8))
    picture.putpalette([channel for color in color_map(256) for channel in color])
    (root / "SegmentationClass").mkdir()
    picture.save(root / "SegmentationClass" / "2007_01.png")
    picture.convert("RGB").save(root / "SegmentationClass" / "2007_02.png")  # as some tools save it
    for name, text in (("train", "2007_01\n"), ("val", "2007_02\n"), ("trainval", "2007_01\n2007_02\n2007_03\n"), ("test", "2007_04\n")):
        write(root / "ImageSets" / "Segmentation" / f"{name}.txt", text)
    reading = read(tmp_path)
    assert [(Path(e.path).stem, e.split) for e in reading.entries] == [
        ("2007_01", "pool"),
        ("2007_02", "val"),
        ("2007_03", "pool"),
        ("2007_04", "test"),
    ]
    assert reading.masks[0].tolist() == reading.masks[1].tolist() == [[0, 15, 20, 255]] * 3
    assert reading.masks[2] is None
    assert (len(reading.classes), reading.classes[0], reading.classes[15], reading.colors[15]) == (
        21,
        "background",
        "person",
        (192, 128, 128),
    )
    assert reading.skipped == []


def test_voc_with_a_label_map_has_classes_of_its_own(tmp_path: Path) -> None:
    image(tmp_path / "JPEGImages" / "a.png")
    picture = Image.new("RGB", SIZE[::-1], (1, 2, 3))
    (tmp_path / "SegmentationClass").mkdir()
    picture.save(tmp_path / "SegmentationClass" / "a.png")
    write(tmp_path / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroof:1,2,3::\n")
    reading = read(tmp_path)
    assert (reading.classes, reading.masks[0][0, 0]) == (("background", "roof"), 1)
    for text, words in (
        ("roof:1,2::\n", "labelmap.txt line 1: 'roof:1,2::' is not of the form"),
        ("roof\n", "line 1"),
        ("a:1,2,3\n#\nb:1,2,3\n", r"line 3: the color \(1, 2, 3\) is in line 1 already"),
        ("a:1,2,300\n", "line 1"),
    ):
        write(tmp_path / "labelmap.txt", text)
        with pytest.raises(BadInput, match=words):
            read(tmp_path)


def test_several_years_of_voc_are_not_mixed(tmp_path: Path) -> None:
    for year in ("VOC2007", "VOC2012"):
        image(tmp_path / year / "JPEGImages" / "a.jpg")
        mask(tmp_path / year / "SegmentationClass" / "a.png")
    with pytest.raises(BadInput, match=r"several years of VOC \(VOC2007/, VOC2012/\)"):
        read(tmp_path)


def test_void_is_named_for_others_and_is_no_class(tmp_path: Path) -> None:
    """datumaro, which CVAT reads VOC with, refuses a mask with a color that labelmap.txt does not name."""
    values = np.array([[0, 1, 255, 255]] * 3, np.uint8)
    file = image(tmp_path / "a.png")
    for classes, called in ((("roof", "tree"), "ignored"), (("ignored", "void"), "ignore")):
        out = tmp_path / called
        write_masks(out, [Item("a.png", file, "train", values)], Legend(classes, [(1, 2, 3), (4, 5, 6)], {}))
        assert (out / "labelmap.txt").read_text().splitlines()[-1] == f"{called}:224,224,192::"
        reading = read(out)
        assert (reading.classes, reading.masks[0].tolist()) == (classes, values.tolist())
