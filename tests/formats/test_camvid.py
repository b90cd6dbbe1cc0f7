"""Images, masks and a list of classes: its variants, its lists and tails, and what is wrong in it by its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.formats import read
from tests.formats.layouts import camvid, found, image, mask, reasons, write
from tests.house import ROOT

SHARED = ROOT.parent / "shared" / "data"
SIZE = (3, 4)  # height and width of the toy images


@pytest.mark.skipif(not (SHARED / "camvid").is_dir(), reason="the shared CamVid is not here")
def test_camvid_has_its_splits_classes_and_void() -> None:
    reading = read(SHARED / "camvid")
    assert [sum(entry.split == split for entry in reading.entries) for split in ("pool", "val", "test")] == [367, 101, 0]
    assert reading.classes[:4] == ("Sky", "Building", "Pole", "Road")
    assert (len(reading.classes), reading.colors[3], reading.skipped) == (11, (128, 64, 128), [])
    with Image.open(SHARED / "camvid" / "masks" / "0001TP_006690.png") as stored:
        values = np.array(stored)
    at = [entry.path for entry in reading.entries].index("images/0001TP_006690.jpg")
    np.testing.assert_array_equal(reading.masks[at], np.where(values == 11, 255, values))


def test_an_ignored_class_becomes_void_and_the_others_close_ranks(tmp_path: Path) -> None:
    listing = "b;ignore;name;index;g;r\n1;0;low;9;2;3\n1;yes;junk;4;2;4\n1;no;high;200;2;5\n"
    reading = read(camvid(tmp_path, listing, [[9, 4, 200, 255], [9, 9, 4, 4], [200, 200, 9, 255]]))
    assert reading.classes == ("low", "high")
    assert reading.colors == ((3, 2, 1), (5, 2, 1))
    assert reading.masks[0].tolist() == [[0, 255, 1, 255], [0, 0, 255, 255], [1, 1, 0, 255]]


def test_a_class_may_be_the_value_255_when_the_file_says_so(tmp_path: Path) -> None:
    reading = read(camvid(tmp_path, "name,index\nbackground,0\nobject,255\n", [0, 255, 255, 0]))
    assert reading.masks[0][0].tolist() == [0, 1, 1, 0]


def test_without_an_index_the_rows_count_and_without_colors_there_are_none(tmp_path: Path) -> None:
    reading = read(camvid(tmp_path, "\ufeffName,Ignore\n a ,0\nb,1\n\nc,\n", [0, 1, 2, 255]))
    assert (reading.classes, reading.colors) == (("a", "c"), ())
    assert reading.masks[0][0].tolist() == [0, 255, 1, 255]


def test_a_list_of_names_is_enough(tmp_path: Path) -> None:
    camvid(tmp_path, "", [0, 1, 255, 1])
    (tmp_path / "classes.csv").unlink()
    write(tmp_path / "classes.txt", "sky\r\n\r\nroad, wet\r\n")
    reading = read(tmp_path)
    assert reading.classes == ("sky", "road, wet")
    assert reading.masks[0][0].tolist() == [0, 1, 255, 1]


def test_masks_may_be_painted_in_the_colors_of_the_classes(tmp_path: Path) -> None:
    camvid(tmp_path)
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[0, :3] = (0, 0, 255), (9, 9, 9), (200, 0, 0)
    Image.fromarray(rgb).save(tmp_path / "masks" / "a.png")
    assert read(tmp_path).masks[0].tolist() == [[0, 1, 2, 255], [255] * 4, [255] * 4]


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        ("name,index\na,0\nb,0\n", ["classes.csv line 3", "index 0 is in line 2 already"]),
        ("name,index\na,0\n\na,1\n", ["classes.csv line 4", "name 'a' is in line 2 already"]),
        ("name,r,g,b\na,1,2,3\nb,1,2,3\n", ["line 3", "color (1, 2, 3) is in line 2"]),
        ("name,index\na,256\n", ["line 2", "index is '256'", "0 to 255"]),
        ("name,index\na,-1\n", ["line 2", "index is '-1'"]),
        ("name,index\na,\n", ["line 2", "index is ''"]),
        ("name,index\na,0000999\n", ["line 2", "index is '0000999'"]),
        ("name,r,g,b\na,1,2,x\n", ["line 2", "b is 'x'"]),
        ("name,ignore\na,maybe\n", ["line 2", "ignore is 'maybe'", "0 or 1"]),
        ("name,r,b\na,1,2\n", ["line 1 lacks the column g", "it has name, r, b"]),
        ("index,label\n0,a\n", ["line 1 lacks the column name"]),
        ("", ["classes.csv is empty", "must name the columns"]),
        ("name\n", ["0 classes", "1 to 254"]),
        ("name,ignore\na,1\n", ["0 classes"]),
        ("name\n" + "".join(f"c{at}\n" for at in range(255)), ["255 classes", "1 to 254"]),
        ("name\n" + "".join(f"c{at}\n" for at in range(300)), ["line 258", "this is class 256"]),
        ('name\n"two\nlines"\n', ["cannot be a class"]),
        ("name,index\n,0\n", ["cannot be a class"]),
    ],
)
def test_what_is_wrong_in_a_classes_file_is_named_with_its_line(tmp_path: Path, listing: str, words: list[str]) -> None:
    with pytest.raises(BadInput) as wrong:
        read(camvid(tmp_path, listing))
    for word in words:
        assert word in str(wrong.value)


def test_a_classes_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    camvid(tmp_path)
    write(tmp_path / "classes.csv", b"name\n\x81\n")
    with pytest.raises(BadInput, match="is neither UTF-8 nor cp1252"):
        read(tmp_path)
    write(tmp_path / "classes.csv", "name\nStraße\n".encode("cp1252"))
    assert (read(tmp_path).classes, len(read(tmp_path).warnings)) == (("Straße",), 1)
    (tmp_path / "classes.csv").unlink()
    with pytest.raises(BadInput, match="has no classes.csv and no classes.txt"):
        read(tmp_path)
    write(tmp_path / "classes.txt", "a\nb\na\n")
    with pytest.raises(BadInput, match="classes.txt line 3: the class 'a' is in line 1 already"):
        read(tmp_path)


def test_lists_make_the_splits_and_what_they_do_not_name_is_set_aside(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "a\n")
    for stem in ("one", "two", "three.x", "four", "five", "both"):
        image(tmp_path / "images" / f"{stem}.jpg")
    mask(tmp_path / "masks" / "one.png")
    mask(tmp_path / "masks" / "lost.png")
    write(tmp_path / "train.txt", "one\n/Set/images/two.png /Set/masks/two.png\r\n\nthree.x\nboth\nnowhere\n")
    write(tmp_path / "val.txt", "four.jpg\nboth\n")
    reading = read(tmp_path)
    assert found(reading) == [
        ("images/four.jpg", "val", ""),
        ("images/one.jpg", "pool", "masks/one.png"),
        ("images/three.x.jpg", "pool", ""),
        ("images/two.jpg", "pool", ""),
    ]
    assert reasons(reading) == {
        "masks/lost.png": "a mask without an image of that name",
        "nowhere": "train.txt line 6: there is no image of that name",
        "images/both.jpg": "listed in both train.txt and val.txt: set aside, take it out of one of them",
        "images/five.jpg": "not listed in train.txt and val.txt",
    }
    assert reading.masks[0] is None
    assert reading.masks[1].tolist() == [[0] * 4] * 3
    assert reading.took_for.endswith("4 images, 1 of them with masks")


def test_folders_of_splits_and_their_variants_are_read(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        image(tmp_path / "inner" / "images" / split / "a.jpg")
        mask(tmp_path / "inner" / "labels" / split / "a.png")
        image(tmp_path / "beside" / split / "a.png")
    mask(tmp_path / "beside" / "train_labels" / "a_L.png")
    mask(tmp_path / "beside" / "valannot" / "a.png")
    write(tmp_path / "inner" / "classes.txt", "one\n")
    write(tmp_path / "beside" / "class_dict.csv", "name,r,g,b\none,1,1,1\n")
    assert found(read(tmp_path / "inner")) == [
        ("images/test/a.jpg", "test", "labels/test/a.png"),
        ("images/train/a.jpg", "pool", "labels/train/a.png"),
        ("images/val/a.jpg", "val", "labels/val/a.png"),
    ]
    assert found(read(tmp_path / "beside")) == [
        ("test/a.png", "test", ""),
        ("train/a.png", "pool", "train_labels/a_L.png"),
        ("val/a.png", "val", "valannot/a.png"),
    ]


def test_a_mask_with_a_tail_goes_to_its_image_unless_that_tail_is_another_images_name(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "one\n")
    for stem in ("a", "a_L", "b"):
        image(tmp_path / "images" / f"{stem}.png")
    image(tmp_path / "images" / "b.jpg")
    mask(tmp_path / "masks" / "a_L.png")
    mask(tmp_path / "masks" / "b_mask.png")
    reading = read(tmp_path)
    assert found(reading) == [
        ("images/a.png", "pool", ""),
        ("images/a_L.png", "pool", "masks/a_L.png"),
        ("images/b.jpg", "pool", "masks/b_mask.png"),
    ]
    assert "images/b.jpg has the same name" in reasons(reading)["images/b.png"]
