"""Formats of dense labels: each layout in its variants, what is set aside and refused, and writers whose masks come back exactly.

Longer than 400 lines: five formats meet the same odd and hostile sources, read side by side.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alcore import formats
from alcore.errors import BadInput
from alcore.formats import FORMATS, MASK_WRITERS, read
from alcore.formats.dense import DRIVING
from alcore.formats.runs import runs_of
from alcore.formats.voc import color_map
from alcore.formats.writing import Item, Legend
from alcore.pixels import masks
from alcore.reading import Reading
from tests.house import ROOT

SHARED = ROOT.parent / "shared" / "data"
SIZE = (3, 4)  # height and width of the toy images
CLASSES = "name,index,r,g,b,ignore\nsky,0,0,0,255,0\nroad,1,9,9,9,0\ncar,2,200,0,0,0\nhood,3,0,0,0,1\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def image(path: Path, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], "teal").save(path)
    return path


def mask(path: Path, values: Any = 0, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.broadcast_to(np.array(values, np.uint8), size).copy()).save(path)
    return path


def camvid(folder: Path, classes: str = CLASSES, values: Any = 0) -> Path:
    image(folder / "images" / "a.jpg")
    mask(folder / "masks" / "a.png", values)
    write(folder / "classes.csv", classes)
    return folder


def found(reading: Reading) -> list[tuple[str, str, str]]:
    return [(entry.path, entry.split, name) for entry, name in zip(reading.entries, reading.mask_files, strict=True)]


def reasons(reading: Reading) -> dict[str, str]:
    return {one.path: one.reason for one in reading.skipped}


# ---- choosing by task


def test_the_formats_of_each_task_are_known() -> None:
    assert [name for name, known in FORMATS.items() if "segmentation" in known.tasks] == [
        "bdd100k",
        "camvid",
        "cityscapes",
        "coco",
        "flat",
        "voc",
    ]
    assert [name for name, known in FORMATS.items() if "classification" in known.tasks] == [
        *("cifar", "coco", "csv", "flat", "folder", "idx", "npz"),
    ]
    assert list(MASK_WRITERS) == ["camvid", "cityscapes", "coco", "voc"]


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
        ("xml", "segmentation", ["unknown format 'xml'", "use auto, bdd100k, camvid, cityscapes, coco, flat, voc"]),
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


# ---- camvid


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


# ---- what a mask may not be


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Image.fromarray(np.zeros(SIZE, np.uint16)), "masks/a.png: 16 bits a pixel"),
        (Image.new("RGB", SIZE[::-1], "white"), r"masks/a.png: 12 pixels have colors of no class: \(255, 255, 255\)"),
        (Image.new("L", (5, 3)), "masks/a.png: the mask has 5 x 3 pixels and its image 4 x 3: they must be of one size"),
        (Image.new("L", SIZE[::-1], 77), r"masks/a.png: values of no class: 77 \(12 pixels\); there may be 0 to 3, 255"),
        (b"\x89PNG\r\n\x1a\nnonsense", "masks/a.png: cut short"),
        (b"", "masks/a.png: empty"),
    ],
)
def test_a_mask_that_will_not_do_is_told_when_it_is_asked_for(tmp_path: Path, content: Image.Image | bytes, words: str) -> None:
    camvid(tmp_path)
    if isinstance(content, bytes):
        write(tmp_path / "masks" / "a.png", content)
    else:
        content.save(tmp_path / "masks" / "a.png")
    reading = read(tmp_path)
    assert found(reading) == [("images/a.jpg", "pool", "masks/a.png")]
    with pytest.raises(BadInput, match=words):
        reading.masks[0]


def test_a_mask_in_color_without_colors_in_the_classes_file_is_refused(tmp_path: Path) -> None:
    camvid(tmp_path, "name\nsky\n")
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "masks" / "a.png")
    with pytest.raises(BadInput, match="masks/a.png: in color and without a palette"):
        read(tmp_path).masks[0]


def test_a_mask_of_void_alone_is_a_mask_and_a_damaged_image_is_named(tmp_path: Path) -> None:
    camvid(tmp_path, values=255)
    reading = read(tmp_path)
    assert masks.is_void(reading.masks[0])
    write(tmp_path / "images" / "a.jpg", "no picture")
    with pytest.raises(BadInput, match="images/a.jpg: not an image"):
        reading.masks[0]


def test_wide_and_odd_images_have_masks_too_and_threads_may_ask_at_once(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "a\nb\n")
    rng = np.random.default_rng(0)
    truth = {}
    for stem, size in (("wide", (9, 12_000)), ("dot", (1, 1)), ("line", (301, 1))):
        image(tmp_path / "images" / f"{stem}.png", size)
        truth[f"images/{stem}.png"] = rng.integers(0, 2, size, np.uint8)
        mask(tmp_path / "masks" / f"{stem}.png", truth[f"images/{stem}.png"], size)
    reading = read(tmp_path)
    asked = [at for at in range(3) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        for at, got in zip(asked, pool.map(reading.masks.__getitem__, asked), strict=True):
            np.testing.assert_array_equal(got, truth[reading.entries[at].path])
    assert len(reading.masks) == 3
    assert len(reading.masks[1:]) == 2


# ---- Cityscapes and BDD100K


def test_cityscapes_ids_become_train_ids_by_the_official_table(tmp_path: Path) -> None:
    train_ids = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15}
    train_ids |= {31: 16, 32: 17, 33: 18}
    ids = [*range(34), 255, 0]
    image(tmp_path / "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png", (4, 9))
    mask(tmp_path / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png", np.array(ids).reshape(4, 9), (4, 9))
    reading = read(tmp_path)
    assert reading.masks[0].ravel().tolist() == [train_ids.get(value, 255) for value in ids]
    assert (reading.classes, reading.colors) == (tuple(DRIVING), tuple(DRIVING.values()))
    assert (reading.classes[0], reading.classes[13], reading.colors[13]) == ("road", "car", (0, 0, 142))
    assert reading.took_for == "Cityscapes: 19 classes, 1 image, all with masks"


def test_cityscapes_prefers_train_ids_and_takes_blank_tests_for_none(tmp_path: Path) -> None:
    for split, city in (("train", "ulm"), ("val", "bonn"), ("test", "rome"), ("test", "oslo")):
        image(tmp_path / f"leftImg8bit/{split}/{city}/{city}_1_leftImg8bit.png")
        for kind, value in (("labelIds", 7), ("color", 200), ("instanceIds", 7)):
            mask(tmp_path / f"gtFine/{split}/{city}/{city}_1_gtFine_{kind}.png", 0 if city == "rome" else value)
        write(tmp_path / f"gtFine/{split}/{city}/{city}_1_gtFine_polygons.json", "{}")
    mask(tmp_path / "gtFine/train/ulm/ulm_1_gtFine_labelTrainIds.png", 18)
    mask(tmp_path / "gtFine/train/ulm/ulm_2_gtFine_labelIds.png", 7)
    image(tmp_path / "leftImg8bit/val/bonn/bonn_2_leftImg8bit.png")
    image(tmp_path / "leftImg8bit/train_extra/nice/nice_1_leftImg8bit.png")
    reading = read(tmp_path)
    assert [
        (e.split, Path(e.path).name[:6], None if m is None else m[0, 0]) for e, m in zip(reading.entries, reading.masks, strict=True)
    ] == [
        ("test", "oslo_1", 0),
        ("test", "rome_1", None),
        ("pool", "ulm_1_", 18),
        ("val", "bonn_1", 0),
        ("val", "bonn_2", None),
    ]
    assert reasons(reading) == {
        "leftImg8bit/train_extra": "the folder is none of train, val, test: its images are left out",
        "gtFine/train/ulm/ulm_2_gtFine_labelIds.png": "a mask without its image",
    }


@pytest.mark.parametrize(
    ("images", "labels", "tail"),
    [
        ("images/10k", "labels/sem_seg/masks", ""),
        ("bdd100k/images/10k", "bdd100k/labels/sem_seg/masks", ""),
        ("seg/images", "seg/labels", "_train_id"),
        ("bdd100k/seg/images", "bdd100k/seg/labels", "_train_id"),
    ],
)
def test_bdd100k_is_read_in_both_layouts(tmp_path: Path, images: str, labels: str, tail: str) -> None:
    for split, stem in (("train", "0a"), ("train", "0b"), ("val", "1a"), ("test", "2a")):
        image(tmp_path / images / split / f"{stem}.jpg")
    mask(tmp_path / labels / "train" / f"0a{tail}.png", [0, 18, 255, 3])
    mask(tmp_path / labels / "val" / f"1a{tail}.png", 19)
    reading = read(tmp_path)
    assert [entry.split for entry in reading.entries] == ["pool", "pool", "val", "test"]
    assert [bool(name) for name in reading.mask_files] == [True, False, True, False]
    assert reading.masks[0][0].tolist() == [0, 18, 255, 3]
    with pytest.raises(BadInput, match=r"1a.*\.png: values of no class: 19 \(12 pixels\); there may be 0 to 18, 255"):
        reading.masks[2]
    assert reading.classes == tuple(DRIVING)


# ---- VOC


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


# ---- COCO


def listing(path: Path, *, images: Any = None, annotations: Any = None, categories: Any = None, **more: Any) -> Path:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 3}] if images is None else images,
        "annotations": [] if annotations is None else annotations,
        "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "road"}] if categories is None else categories,
    }
    return write(path, json.dumps({**content, **more}))


def annotated(segmentation: Any, category: Any = 1, **more: Any) -> dict[str, Any]:
    return {"id": 7, "image_id": 1, "category_id": category, "segmentation": segmentation, "iscrowd": 0, **more}


def coco_set(folder: Path, **content: Any) -> Path:
    image(folder / "train2017" / "a.jpg")
    listing(folder / "annotations" / "instances_train2017.json", **content)
    return folder


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


# ---- writing


def legend(classes: Sequence[str], colors: Sequence[Sequence[int]] = (), **naming: Any) -> Legend:
    return Legend(classes, colors, naming)


def items(rng: np.random.Generator, n_classes: int) -> list[Item]:
    """Masks with holes, lines of one pixel, void inside and around, all classes, one class, only void, and odd sizes."""
    ring = np.full((21, 33), 255, np.uint8)
    ring[3:18, 4:30] = 1
    ring[6:12, 9:20] = 255
    ring[8, 10:18] = 0
    ring[:, 31] = n_classes - 1
    made = {"ring": ring, "void": np.full((5, 7), 255, np.uint8), "one": np.zeros((1, 1), np.uint8)}
    made["noise"] = rng.choice(np.array([*range(n_classes), 255], np.uint8), (47, 61))
    made["line"] = rng.choice(np.array([0, 255], np.uint8), (1, 301))
    made["Größe 3, b.c"] = np.ascontiguousarray(rng.integers(0, n_classes, (64, 48), np.uint8).T)
    return [
        Item(f"{name}.jpg", encoded_image(values), ("train", "val", "test")[at % 3], values)
        for at, (name, values) in enumerate(made.items())
    ]


def encoded_image(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", values.shape[::-1], "olive").save(content, "JPEG")
    return content.getvalue()


ODD = ("sky", 'a, "b"', "it's; c", "größer", "no #")


@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_what_is_written_comes_back_pixel_for_pixel(tmp_path: Path, name: str) -> None:
    classes: Sequence[str] = tuple(DRIVING) if name == "cityscapes" else ODD
    colors = masks.colors(len(classes))
    given = items(np.random.default_rng(4), len(classes))
    on_disk = write(tmp_path / "from" / "odd.JPG", given[0][1])
    given[0] = given[0]._replace(path="ring.JPG", image=on_disk)
    renamed = MASK_WRITERS[name](tmp_path / "out", iter(given), legend(classes, colors))
    assert renamed == []
    reading = read(tmp_path / "out")
    assert reading.took_for.endswith(f"{len(classes)} classes, 6 images, all with masks")
    assert reading.took_for == read(tmp_path / "out", name, "segmentation").took_for
    assert (reading.classes, reading.skipped) == (tuple(classes), [])
    if name in ("camvid", "voc"):
        assert reading.colors == tuple(colors)
    back = {Path(entry.path).stem.removesuffix("_leftImg8bit"): at for at, entry in enumerate(reading.entries)}
    assert sorted(back) == sorted(Path(path).stem for path, *_ in given)
    for path, content, split, values in given:
        at = back[Path(path).stem]
        assert reading.entries[at].split == {"train": "pool"}.get(split, split)
        assert (tmp_path / "out" / reading.entries[at].path).read_bytes() == (
            content if isinstance(content, bytes) else content.read_bytes()
        )
        got = reading.masks[at]
        np.testing.assert_array_equal(got, values)
        assert got.dtype == np.uint8


def test_254_classes_fit_and_colors_given_twice_are_told_apart(tmp_path: Path) -> None:
    classes = [f"class {at}" for at in range(254)]
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    values[values == 254] = 255
    for name in ("camvid", "voc", "coco"):
        MASK_WRITERS[name](tmp_path / name, [Item("a.jpg", encoded_image(values), "train", values)], legend(classes, [(1, 2, 3)] * 254))
        reading = read(tmp_path / name)
        np.testing.assert_array_equal(reading.masks[0], values)
        assert len(set(reading.colors)) == (0 if name == "coco" else 254)
    with pytest.raises(BadInput, match="255 classes"):
        MASK_WRITERS["voc"](tmp_path / "more", [], legend([*classes, "too many"]))


def test_a_class_that_no_pixel_has_is_no_annotation_but_a_category(tmp_path: Path) -> None:
    values = np.full((2, 2), 1, np.uint8)
    MASK_WRITERS["coco"](tmp_path / "out", [Item("a.jpg", encoded_image(values), "train", values)], legend(["x", "y", "z"]))
    content = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    assert [one["category_id"] for one in content["annotations"]] == [2]
    assert [one["name"] for one in content["categories"]] == ["x", "y", "z"]
    assert (content["annotations"][0]["area"], content["annotations"][0]["bbox"], content["images"][0]["width"]) == (
        4,
        [0.0, 0.0, 2.0, 2.0],
        2,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"split": "pool"}, "use train, val, test"),
        ({"image": b"no image"}, "a.jpg: not an image"),
        ({"mask": np.zeros((2, 4), np.uint8)}, "a.jpg: the mask has 4 x 2 pixels and its image 4 x 3"),
        ({"mask": np.full(SIZE, 99, np.uint8)}, r"a.jpg: values of no class: 99 \(12 pixels\)"),
    ],
)
@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, change: dict[str, Any], words: str) -> None:
    values = np.zeros(SIZE, np.uint8)
    item = Item("a.jpg", encoded_image(values), "train", values)
    classes = tuple(DRIVING) if name == "cityscapes" else ("one", "two")
    with pytest.raises(BadInput, match=words):
        MASK_WRITERS[name](tmp_path / "out", [item._replace(path="good.jpg"), item._replace(**change)], legend(classes))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/a.jpg", "a\nb.jpg", "..", "x" * 300 + ".jpg", "a:b?.jpg", "con/../../a.jpg"])
@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_a_path_that_no_file_can_have_is_written_below_the_folder_and_told(tmp_path: Path, name: str, path: str) -> None:
    values = np.zeros(SIZE, np.uint8)
    classes = tuple(DRIVING) if name == "cityscapes" else ("one", "two")
    renamed = MASK_WRITERS[name](tmp_path / "out", [Item(path, encoded_image(values), "train", values)], legend(classes))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out"]
    reading = read(tmp_path / "out", name)
    assert ([one.tolist() for one in reading.masks], len(reading.entries)) == ([values.tolist()], 1)
    assert [was for was, _ in renamed] == ([] if name in ("voc", "cityscapes") and path.endswith("/a.jpg") else [path])


@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_two_images_of_one_name_both_go_out(tmp_path: Path, name: str) -> None:
    classes = tuple(DRIVING) if name == "cityscapes" else ("one", "two")
    given = [
        Item(path, encoded_image(np.zeros(SIZE)), "train", np.full(SIZE, at, np.uint8)) for at, path in enumerate(("p/a.jpg", "p/A.png"))
    ]
    ((path, place),) = MASK_WRITERS[name](tmp_path / "out", given, legend(classes))
    assert (path, Path(place).stem[:3]) == ("p/A.png", "A-2" if name != "cityscapes" else "A_l")
    reading = read(tmp_path / "out", name)
    assert sorted(one[0, 0] for one in reading.masks) == [0, 1]


def test_classes_a_format_cannot_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Cityscapes has its own 19 classes"):
        MASK_WRITERS["cityscapes"](tmp_path / "out", [], legend(["sky"]))
    for odd in ("a:b", "#a"):
        with pytest.raises(BadInput, match="cannot be in a labelmap.txt"):
            MASK_WRITERS["voc"](tmp_path / "out", [], legend([odd]))
    for name in ("camvid", "voc", "coco"):
        with pytest.raises(BadInput, match="cannot be a class"):
            MASK_WRITERS[name](tmp_path / "out", [], legend(["two\nlines"]))
    assert list(tmp_path.iterdir()) == []
    assert formats.MASK_WRITERS is MASK_WRITERS
