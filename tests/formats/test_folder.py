"""Class folders: what is a class, what a split, what is set aside; names and links as people have them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from alcore.formats import read
from alcore.reading import Reading
from tests.formats.found import found, put
from tests.house import ROOT

SHARED = ROOT.parent / "shared" / "data"


def reasons(reading: Reading) -> dict[str, str]:
    return {one.path: one.reason for one in reading.skipped}


def test_nested_folders_belong_to_their_class_and_classes_sort_as_people_do(tmp_path: Path) -> None:
    for path in ("10/a.JPG", "2/deep/er/b.jpeg", "2/c.TIFF", "1/d.pgm"):
        put(tmp_path / path)
    reading = read(tmp_path)
    assert reading.classes == ("1", "2", "10")
    assert found(reading) == [
        ("1/d.pgm", "pool", "1"),
        ("2/c.TIFF", "pool", "2"),
        ("2/deep/er/b.jpeg", "pool", "2"),
        ("10/a.JPG", "pool", "10"),
    ]
    assert reading.took_for == "class folders: 3 classes, 4 images"


def test_train_among_other_vehicles_is_a_class(tmp_path: Path) -> None:
    for path in ("train/1.png", "bus/2.png"):
        put(tmp_path / path)
    assert read(tmp_path).classes == ("bus", "train")


def test_images_beside_split_folders_are_set_aside(tmp_path: Path) -> None:
    for path in ("train/cat/1.png", "test/cat/2.png", "docs/logo.png"):
        put(tmp_path / path)
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == ["test/cat/2.png", "train/cat/1.png"]
    assert reasons(reading) == {"docs/logo.png": "lies beside the train, val and test folders: move it into one of them"}


def test_split_folders_without_classes_are_unlabeled(tmp_path: Path) -> None:
    put(tmp_path / "train" / "1.png")
    put(tmp_path / "test" / "2.png")
    reading = read(tmp_path)
    assert found(reading) == [("test/2.png", "test", None), ("train/1.png", "pool", None)]
    assert reading.took_for == "folders without classes below train, test: 2 images, all unlabeled"


def test_a_text_beside_a_splits_images_that_cannot_be_read_costs_nothing(tmp_path: Path) -> None:
    for path in ("train/n01/images/1.png", "train/n02/images/2.png", "val/images/3.png", "val/images/4.png"):
        put(tmp_path / path)
    (tmp_path / "val" / "annotations.txt").write_text("3.png\tn02\n")
    (tmp_path / "val" / "other.txt").write_bytes(b"\xff\xfe\x81")
    assert found(read(tmp_path))[2:] == [("val/images/3.png", "val", "n02"), ("val/images/4.png", "val", None)]


def test_one_class_is_allowed(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "1.png")
    assert read(tmp_path).took_for == "class folders: 1 class, 1 image"


def test_leftovers_are_passed_over_and_other_files_set_aside(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "1.png")
    for path in ("cat/.hidden.png", ".git/2.png", "__MACOSX/cat/._1.png", "cat/Thumbs.db", "cat/.DS_Store", "cat/desktop.ini"):
        put(tmp_path / path)
    for path in ("cat/notes.txt", "cat/jpg", "LICENSE"):
        (tmp_path / path).write_text("no picture")
    put(tmp_path / "cat" / "photo")  # what is in a file tells, not its suffix
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == ["cat/1.png", "cat/photo"]
    assert reasons(reading) == {
        "cat/notes.txt": "not an image (its suffix is .txt)",
        "cat/jpg": "not an image (its suffix is missing)",
        "LICENSE": "not an image (its suffix is missing)",
    }


def test_hostile_names_are_kept_as_they_are(tmp_path: Path) -> None:
    names = [
        "new\nline.png",
        "quo'te\".png",
        "<script>alert(1)<.png",
        "日本 🐈.png",
        "x" * 246 + ".png",
        "back\\slash.png",
        "%2e%2e.png",
        "-rf.png",
    ]
    for name in names:
        put(tmp_path / "a'; DROP TABLE\n" / name)
    reading = read(tmp_path)
    assert sorted(entry.path for entry in reading.entries) == sorted(f"a'; DROP TABLE\n/{name}" for name in names)
    assert reading.classes == ("a'; DROP TABLE",)  # a class has no blanks around it
    assert reading.skipped == []


def test_names_that_are_not_utf8_are_set_aside_and_can_be_stored(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "1.png")
    put(tmp_path / "cat" / os.fsdecode(b"\xff\xfe.png"))
    put(tmp_path / os.fsdecode(b"dog\xe9") / "2.png")
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == ["cat/1.png"]
    assert [one.path.encode() for one in reading.skipped] == [b"cat/\\udcff\\udcfe.png", b"dog\\udce9/2.png"]
    assert reading.skipped[0].reason == "the name is not valid UTF-8: rename the file or its folder"


def test_composed_and_decomposed_names_are_one_class(tmp_path: Path) -> None:
    for split, form in (("train", "NFC"), ("test", "NFD")):
        put(tmp_path / split / unicodedata.normalize(form, "café") / "1.png")
    assert read(tmp_path).classes == ("café",)


def test_links_neither_loop_nor_leave_and_pipes_do_not_block(tmp_path: Path) -> None:
    src = tmp_path / "src"
    put(src / "cat" / "1.png")
    (src / "cat" / "loop").symlink_to(src)
    (src / "cat" / "self.png").symlink_to("self.png")
    (src / "cat" / "inside.png").symlink_to("1.png")
    (src / "cat" / "outside.png").symlink_to(put(tmp_path / "secret.png"))
    os.mkfifo(src / "cat" / "pipe.png")
    reading = read(src)
    assert [entry.path for entry in reading.entries] == ["cat/1.png", "cat/inside.png"]
    assert reasons(reading) == {
        "cat/loop": "a link to a folder; such links are not followed",
        "cat/self.png": "a link that leads nowhere",
        "cat/outside.png": "a link that leaves the imported folder: put a copy of the file there",
        "cat/pipe.png": "not a regular file",
    }


def test_clothing_is_read_with_its_three_splits() -> None:
    if not (SHARED / "clothing").is_dir():
        pytest.skip("the shared data set clothing is not on this machine")
    reading = read(SHARED / "clothing")
    assert reading.took_for == "class folders below train, validation, test: 10 classes, 3,781 images"
    assert {split: sum(entry.split == split for entry in reading.entries) for split in ("pool", "val", "test")} == {
        "pool": 3068,
        "val": 341,
        "test": 372,
    }
    assert sum(entry.split == "pool" and entry.label == "t-shirt" for entry in reading.entries) == 795
    assert list(reasons(reading)) == ["LICENSE"]
