"""What other people's test suites and the fuzzer brought up: each a case of a kind, built here, with its right value."""

from __future__ import annotations

import json
import lzma
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alcore.errors import LONGEST, BadInput
from alcore.formats import cifar, coco_json, read
from alcore.importing.gather import gather
from alcore.importing.items import Imported
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from alcore.types import Skipped


def picture(file: Path, seed: int = 0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)).save(file)
    return file


def painted(file: Path, *colors: tuple[int, int, int]) -> Path:
    """A picture in stripes of these colors, 6 wide and 4 high."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = np.array([colors[at % len(colors)] for at in range(6)], np.uint8)
    Image.fromarray(np.broadcast_to(rows, (4, 6, 3)).copy()).save(file)
    return file


def written(file: Path, content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def imported(folder: Path, source: Path) -> Imported:
    folder.mkdir()
    return gather(ImportRequest.of(source, {}), folder)


def coco_json_of(*names: str, **more: Any) -> dict[str, Any]:
    images = [{"id": at, "file_name": name} for at, name in enumerate(names)]
    objects = [
        {"id": 1 + at, "image_id": at, "category_id": 1 + at % 2, "segmentation": [[0, 0, 6, 0, 6, 4, 0, 4]]} for at in range(len(names))
    ]
    return {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]} | more


# ---- JSON files of others


@pytest.mark.parametrize(
    "foreign",
    [
        {"infos": {}, "categories": {"label": {"labels": ["car"]}}, "items": [{"id": "a", "annotations": [{"id": 0, "type": "label"}]}]},
        {"image": {"image_id": 1, "file_name": "a.png"}, "annotations": [{"id": 1, "bbox": [0, 0, 2, 2]}]},
        {"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]},
        {"images": [{"id": 1, "file_name": "0.png"}], "categories": [], "annotations": []},
    ],
    ids=["datumaro", "segment anything", "captions without a telling name", "image info"],
)
def test_a_json_with_annotations_that_are_not_cocos_refuses_nothing(tmp_path: Path, foreign: dict[str, Any]):
    for at, name in enumerate(("cat/0.png", "dog/1.png")):
        picture(tmp_path / name, at)
    written(tmp_path / "annotations/train.json", foreign)
    reading = read(tmp_path)
    assert (reading.format, reading.classes, len(reading.entries)) == ("folder", ("cat", "dog"), 2)
    assert any("annotations/train.json" in one for one in reading.warnings)


@pytest.mark.parametrize("where", ["first", "in the middle", "last"])
def test_cocos_keys_are_found_wherever_they_stand_in_a_long_file(tmp_path: Path, monkeypatch, where: str):
    monkeypatch.setattr(coco_json, "BLOCK", 1000)
    whole = coco_json_of("0.png", "1.png")
    filler = {f"x{at}": [{"y": "z" * 60}] * 9 for at in range(20)}
    keys = {"categories": whole.pop("categories"), "images": whole.pop("images")}
    parts = {"first": [keys, whole, filler], "in the middle": [filler, keys, {f"w{key}": value for key, value in filler.items()}, whole]}
    content = {key: value for part in parts.get(where, [filler, whole, keys]) for key, value in part.items()}
    assert coco_json.looks_like_coco(written(tmp_path / "a.json", content))
    del content["categories"]
    assert not coco_json.looks_like_coco(written(tmp_path / "b.json", content))


def test_each_coco_set_below_one_folder_finds_its_own_images_of_the_same_names(tmp_path: Path):
    for at, name in enumerate(("one", "two")):
        picture(tmp_path / name / "images/train/a.png", at)
        written(tmp_path / name / "annotations/instances_train.json", coco_json_of("a.png"))
    reading = read(tmp_path)
    assert reading.format == "coco"
    assert [(entry.path, name) for entry, name in zip(reading.entries, reading.mask_files, strict=True)] == [
        ("one/images/train/a.png", "one/annotations/instances_train.json"),
        ("two/images/train/a.png", "two/annotations/instances_train.json"),
    ]
    assert reading.skipped == []


# ---- splits, listings, tables


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (
            ("WIDER_train/images/0--Parade", "WIDER_val/images/1--Talk"),
            {"WIDER_train/images/0--Parade/0.png": ("pool", "0--Parade"), "WIDER_val/images/1--Talk/1.png": ("val", "1--Talk")},
        ),
        (
            ("bounding_box_train", "bounding_box_test"),
            {"bounding_box_train/0.png": ("pool", None), "bounding_box_test/1.png": ("test", None)},
        ),
        # one of them alone, or different rests, say nothing
        (("steam_train", "bus"), {"steam_train/0.png": ("pool", "steam_train"), "bus/1.png": ("pool", "bus")}),
        (("steam_train", "nuclear_test"), {"steam_train/0.png": ("pool", "steam_train"), "nuclear_test/1.png": ("pool", "nuclear_test")}),
    ],
)
def test_folders_called_alike_but_for_a_splits_name_are_splits(tmp_path: Path, folders: tuple[str, ...], expected: dict[str, Any]):
    for at, name in enumerate(folders):
        picture(tmp_path / name / f"{at}.png", at)
    reading = read(tmp_path)
    assert {entry.path: (entry.split, entry.label) for entry in reading.entries} == expected


def test_a_listing_beside_the_folder_that_was_stepped_into_is_told(tmp_path: Path):
    """Kaggle's folder with two tables that both fit: neither is taken, and the images stood there unlabeled without a word."""
    for at in range(2):
        picture(tmp_path / f"set/images/{at}.png", at)
    for name in ("ann.csv", "ann_wo_ext.csv"):
        written(tmp_path / "set" / name, "image_name,label_name\n0,cat\n1,dog\n")
    reading = read(tmp_path)
    assert (Path(reading.root), reading.classes) == (tmp_path / "set/images", ())
    assert reading.warnings == [
        "'ann.csv', 'ann_wo_ext.csv' lie beside the images and were not read: if the labels are there, name the format or give the "
        "file itself; else they are left out"
    ]


def test_a_split_whose_rows_cannot_tell_is_understood_as_its_brother_with_the_same_columns(tmp_path: Path):
    """Roboflow's val/_classes.csv with one row of two classes: its image became unlabeled without a word."""
    for at, name in enumerate(("train/a.png", "train/b.png", "val/c.png", "val/d.png")):
        picture(tmp_path / name, at)
    written(tmp_path / "train/_classes.csv", "filename,red,blue\na.png,1,0\nb.png,0,1\n")
    written(tmp_path / "val/_classes.csv", "filename,red,blue\nc.png,1,1\nd.png,1,1\n")
    reading = read(tmp_path)
    assert {entry.path: (entry.split, entry.label) for entry in reading.entries} == {
        "train/a.png": ("pool", "red"),
        "train/b.png": ("pool", "blue"),
    }
    assert {one.path: one.reason for one in reading.skipped} == {
        "c.png": "line 2: marked with 2 classes (red, blue): an image has one",
        "d.png": "line 3: marked with 2 classes (red, blue): an image has one",
    }


# ---- masks in color


def test_label_colors_txt_names_the_classes_of_masks_in_color_as_camvid_has_it(tmp_path: Path):
    picture(tmp_path / "images/a.png")
    painted(tmp_path / "masks/a.png", (64, 128, 64), (0, 0, 0), (192, 0, 128))
    written(tmp_path / "label_colors.txt", "64 128 64\tAnimal\n0 0 0\t\tVoid\n192 0 128\tArchway of stone\n")
    reading = read(tmp_path)
    assert (reading.classes, reading.colors) == (("Animal", "Archway of stone"), ((64, 128, 64), (192, 0, 128)))
    assert reading.masks[0].tolist() == [[0, 255, 1, 0, 255, 1]] * 4


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("0 0 256 a\n", "line 1: '0 0 256 a' is not of the form r g b name"),
        ("0 0 a\n", "is not of the form r g b name"),
        ("0 0 0 a\n0 0 0 b\n", "line 2: the class 'b' or its color is listed already"),
        (f"0 0 {'9' * 5000} a\n", "is not of the form"),
    ],
)
def test_a_label_colors_txt_that_is_none_is_refused_by_line(tmp_path: Path, lines: str, words: str):
    picture(tmp_path / "images/a.png")
    painted(tmp_path / "masks/a.png", (1, 2, 3))
    written(tmp_path / "label_colors.txt", lines)
    with pytest.raises(BadInput, match=words):
        read(tmp_path)


@pytest.mark.parametrize("folders", [("images", "masks"), ("train", "trainannot")])
def test_masks_of_which_none_can_be_read_are_no_known_set_and_the_reason_is_told(tmp_path: Path, folders: tuple[str, str]):
    """Masks in color beside train were "taken for CamVid's 11 classes", since no value of theirs spoke against it."""
    picture(tmp_path / folders[0] / "a.png")
    painted(tmp_path / folders[1] / "a.png", (64, 128, 64), (0, 0, 0))
    with pytest.raises(BadInput, match="masks/a.png: in color and without a palette|trainannot/a.png: in color and without") as wrong:
        read(tmp_path)
    assert "classes.csv with name,r,g,b" in str(wrong.value)


def test_masks_that_were_taken_for_a_class_are_told_by_what_is_in_them(tmp_path: Path):
    """KITTI's image_2 beside semantic, SYNTHIA's RGBLeft beside GTLeft: no name of theirs says what they are."""
    noise = np.random.default_rng(0)
    for at in range(4):
        for folder, colors in (("training/image_2", 256), ("training/semantic", 5), ("cats/a", 256), ("cats/b", 256)):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise.integers(0, colors, (9, 8, 3), np.uint8) // (1 if colors > 5 else 3)).save(
                tmp_path / folder / f"{at}.png"
            )
    said = "'semantic' holds masks of the images in 'image_2', by names, sizes and colors, and both were taken for classes"
    assert said in read(tmp_path / "training").warnings
    assert read(tmp_path / "cats").warnings == []  # numbered alike, and pictures all of them


# ---- messages


def test_whatever_is_said_is_one_line_of_under_300_letters(tmp_path: Path):
    """Long names of twins made a note of 320 letters."""
    for folder in ("a" * 40, "b" * 40):
        for at in range(4):
            picture(tmp_path / "s" / folder / f"instance_000_of_a_long_name_{at}.png", at)
    notes = imported(tmp_path / "project", tmp_path / "s").notes
    assert [one for one in notes if "in two classes at once" in one] != []
    assert [one for one in notes if len(one) > LONGEST or not one.isprintable()] == []
    assert Skipped("x", f"it says\n{'y' * 400}: cured so").reason == f"it says {'y' * 152} … {'y' * 126}: cured so"


def test_none_held_out_is_told_as_such(tmp_path: Path):
    for at, name in enumerate(("cat/0.png", "dog/1.png")):
        picture(tmp_path / "s" / name, at)
    said = "there is no test split, and too few labeled images that differ to hold any out: no accuracy is measured"
    assert said in imported(tmp_path / "project", tmp_path / "s").notes


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system has no such names")
def test_a_source_whose_name_is_not_utf8_is_refused_in_words_that_can_be_printed(tmp_path: Path):
    picture(tmp_path / "0.png", 0)
    table = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"l\xff.csv"))
    Path(table).write_text("path,label\n0.png,x\n")
    with pytest.raises(BadInput, match="the name is not valid UTF-8: rename the file") as told:
        preview(ImportRequest.of(table, {}))
    assert str(told.value).encode() != b""


# ---- hostile arrays and pickles


@pytest.mark.parametrize("number", [1e300, -1e19])
def test_class_numbers_that_no_integer_holds_are_refused_as_they_are(tmp_path: Path, number: float):
    """They were cast first, and the message named -9223372036854775808."""
    np.savez(tmp_path / "a.npz", x_train=np.zeros((2, 4, 4), np.uint8), y_train=np.array([number, 1]))
    with pytest.raises(BadInput, match="y_train has type float64 or broken numbers in it"):
        read(tmp_path / "a.npz")


def test_a_pickle_that_keeps_an_object_far_away_is_refused_before_room_is_made_for_it(tmp_path: Path):
    """A file of 8 bytes made the unpickler ask for 13 GB and touch them; the reason was empty."""
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02}r" + (0x30000000).to_bytes(4, "little") + b".")
    with pytest.raises(BadInput, match="it keeps an object at place 805,306,368"):
        read(tmp_path)


def test_a_compressed_batch_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(cifar, "LARGEST", 100_000)
    (tmp_path / "data_batch_1.xz").write_bytes(lzma.compress(b"\x80\x04\x8e" + (10**6).to_bytes(8, "little") + bytes(10**6) + b"."))
    with pytest.raises(BadInput, match="holds more than 100,000 bytes, which no CIFAR batch does"):
        read(tmp_path)
