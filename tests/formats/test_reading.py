"""Folders that have to be guessed: what people have is read as what it is, the table of the README row by row, then odd places and names.

Longer than 400 lines: the rows of the README's table, each with what builds its folder, are to be seen together.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alcore.formats import read
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from alcore.project import creation
from alcore.project.facade import Project
from tests.formats.folders import (
    ROWS,
    Row,
    excel,
    flat,
    heic,
    named,
    npz,
)
from tests.house import ROOT
from tests.sources import box, coco, counts_of, mask, picture, pictures, splits_of, write

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_folder_is_read_as_the_readme_says(tmp_path: Path, row: Row) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    source = row.build(folder) or folder
    reading = read(source, options=row.options)
    assert reading.took_for.startswith(row.took_for)
    assert reading.classes == row.classes
    assert splits_of(reading) == row.splits
    assert counts_of(reading) == row.counts
    if row.place:
        assert Path(reading.root) == source / row.place
        assert reading.took_for.endswith(f", in {row.place}")
    assert reading.format in row.read_as.split(":")[0]
    assert len(reading.warnings) == len(row.warned), reading.warnings
    for words, warning in zip(row.warned, reading.warnings, strict=True):
        assert words in warning


def table() -> str:
    """As the README has it: after a change of the rows, print this into its section "What it reads"."""
    return "| your folder looks like | it is read as |\n|---|---|\n" + "".join(f"| {row.looks} | {row.read_as} |\n" for row in ROWS)


def test_the_readme_has_this_table() -> None:
    found = re.findall(r"(?m)^\| your folder looks like .*\n(?:\|.*\n)+", README)
    assert found == [table()]


# ---- lone folders around it, and what stands beside


def read_of(folder: Path, *names: str) -> tuple[dict[str, tuple[str, str | None]], list[str]]:
    """Path -> (split, label) of a folder with these pictures, and the warnings."""
    reading = read(pictures(folder, *names))
    return {entry.path: (entry.split, entry.label) for entry in reading.entries}, reading.warnings


@pytest.mark.parametrize(("names", "expected"), [
    (["ds/cat/1.jpg", "ds/dog/2.jpg"], {"cat/1.jpg": ("pool", "cat"), "dog/2.jpg": ("pool", "dog")}),
    (["ds/train/cat/1.jpg", "ds/test/dog/2.jpg"], {"train/cat/1.jpg": ("pool", "cat"), "test/dog/2.jpg": ("test", "dog")}),
    (["train/ds/cat/1.jpg", "train/ds/dog/2.jpg"], {"train/ds/cat/1.jpg": ("pool", "cat"), "train/ds/dog/2.jpg": ("pool", "dog")}),
    (["train/train/1.jpg", "test1/test1/2.jpg"], {"train/train/1.jpg": ("pool", None), "test1/test1/2.jpg": ("test", None)}),
    (["train/images/1.jpg", "test/images/2.jpg"], {"train/images/1.jpg": ("pool", None), "test/images/2.jpg": ("test", None)}),
    (["training_set/training_set/cats/1.jpg", "test_set/test_set/dogs/2.jpg"],
     {"training_set/training_set/cats/1.jpg": ("pool", "cats"), "test_set/test_set/dogs/2.jpg": ("test", "dogs")}),
    (["TRAIN/cat/1.jpg", "VALIDATION/dog/2.jpg"], {"TRAIN/cat/1.jpg": ("pool", "cat"), "VALIDATION/dog/2.jpg": ("val", "dog")}),
    (["bus/1.jpg", "car/2.jpg", "train/3.jpg"],
     {"bus/1.jpg": ("pool", "bus"), "car/2.jpg": ("pool", "car"), "train/3.jpg": ("pool", "train")}),
    (["a/b/c/d/cat/1.jpg", "a/b/c/d/dog/2.jpg"], {"cat/1.jpg": ("pool", "cat"), "dog/2.jpg": ("pool", "dog")}),
    (["cat/day/1.jpg", "cat/night/2.jpg", "dog/day/3.jpg"],
     {"cat/day/1.jpg": ("pool", "cat"), "cat/night/2.jpg": ("pool", "cat"), "dog/day/3.jpg": ("pool", "dog")}),
])  # fmt: skip
def test_lone_folders_are_stepped_into_and_splits_known_in_other_words(tmp_path, names, expected):
    assert read_of(tmp_path / "given", *names)[0] == expected


def test_the_folder_that_was_stepped_into_is_said(tmp_path):
    reading = read(pictures(tmp_path / "given", "x/ds/cat/1.jpg", "x/ds/dog/2.jpg"))
    assert reading.took_for == "class folders: 2 classes, 2 images, in x/ds"
    answer = preview(ImportRequest.of(tmp_path / "given", {})).answer()
    assert answer["source"] == str(tmp_path / "given" / "x" / "ds")
    assert answer["took_for"] == reading.took_for


@pytest.mark.parametrize("level", ["", "up/", "up/more/"])
def test_data_sets_of_every_kind_are_found_some_folders_deeper(tmp_path, level):
    for row in ROWS:
        if row.build in (npz, excel, flat, heic):  # files; pictures alone in a folder are a class, with a warning
            continue
        folder = tmp_path / row.build.__name__
        (folder / level).mkdir(parents=True)
        row.build(folder / level)
        reading = read(folder, options=row.options)
        assert (reading.classes, splits_of(reading), counts_of(reading)) == (row.classes, row.splits, row.counts), row.looks


# ---- order, copies


def test_frames_are_in_natural_order_in_every_format(tmp_path):
    names = [f"frame{number}" for number in (1, 2, 9, 10, 11, 100)]
    pictures(tmp_path / "flat", *(f"{name}.jpg" for name in reversed(names)))
    pictures(tmp_path / "folder", *(f"cat/{name}.jpg" for name in names), "dog/frame3.jpg")
    for name in names:
        picture(tmp_path / "camvid" / "images" / f"{name}.jpg")
        mask(tmp_path / "camvid" / "masks" / f"{name}.png", 0, 1)
        picture(tmp_path / "voc" / "JPEGImages" / f"{name}.jpg")
        mask(tmp_path / "voc" / "SegmentationClass" / f"{name}.png", 0, 1)
        picture(tmp_path / "cityscapes" / "leftImg8bit" / "train" / "bonn" / f"{name}_leftImg8bit.png")
        mask(tmp_path / "cityscapes" / "gtFine" / "train" / "bonn" / f"{name}_gtFine_labelIds.png", 7, 8)
        picture(tmp_path / "bdd100k" / "images" / "10k" / "train" / f"{name}.jpg")
        picture(tmp_path / "coco" / "images" / f"{name}.jpg")
    write(tmp_path / "camvid" / "classes.txt", "a\nb\n")
    write(tmp_path / "coco" / "annotations" / "a.json", coco(["frame1.jpg"], [(1, 1, box(0, 0, 4, 4))]))
    for kind in ("flat", "folder", "camvid", "voc", "cityscapes", "bdd100k", "coco"):
        found = [Path(entry.path).stem.removesuffix("_leftImg8bit") for entry in read(tmp_path / kind, kind).entries]
        assert [name for name in found if name in names] == names, kind


def copies(folder: Path) -> Path:
    """Twelve pictures of two classes in train and four in test; of two of the pool there is a copy in another class, of two a copy in test."""
    pictures(folder, *(f"train/{name}/{number}.png" for name in ("cat", "dog") for number in range(6)))
    pictures(folder, *(f"test/{name}/{number}.png" for name in ("cat", "dog") for number in range(2)))
    for number in range(2):
        write(folder / "train" / "dog" / f"again{number}.png", (folder / "train" / "cat" / f"{number}.png").read_bytes())
        write(folder / "test" / "cat" / f"leak{number}.png", (folder / "train" / "cat" / f"{number + 3}.png").read_bytes())
    return folder


@pytest.mark.parametrize("cache", ["pack", "stream"])
def test_the_same_bytes_in_two_classes_or_splits_are_told_and_never_test_what_was_trained(tmp_path, workspace, cache):
    project = Project.import_into(workspace, "toy", copies(tmp_path / "given"), cache=cache)
    notes = creation.summary(project)["notes"]
    assert [note for note in notes if "in two classes" in note] == [
        "2 images in two classes at once: train/cat/0.png = train/dog/again0.png, train/cat/1.png = train/dog/again1.png"
    ]
    assert [note for note in notes if "held out too" in note] == [
        "2 images in the pool and held out too (train/cat/3.png = test/cat/leak0.png, train/cat/4.png = test/cat/leak1.png): left out of the "
        "pool, so that nothing is tested that was trained"
    ]
    assert {one.path for one in project.items.set_aside()} == {"train/cat/3.png", "train/cat/4.png"}
    kept = Project.import_into(workspace, "kept", tmp_path / "given", cache=cache, duplicates="keep")
    assert kept.counts()["splits"] == {"pool": 14, "test": 6}
    assert any("kept, as asked" in note for note in creation.summary(kept)["notes"])


@pytest.mark.parametrize(("files", "tables", "expected"), [
    (["ISIC_Training_Input/I1.jpg", "ISIC_Training_Input/I2.jpg"],
     {"ISIC_Training_GroundTruth.csv": "image,MEL,NV\nI1,1.0,0.0\nI2,0.0,1.0\n", "ISIC_Training_Metadata.csv": "image,age,site,sex\nI1,55,head,male\nI2,30,,female\n"},
     {"ISIC_Training_Input/I1.jpg": ("pool", "MEL"), "ISIC_Training_Input/I2.jpg": ("pool", "NV")}),
    (["part_1/I1.jpg", "part_2/I2.jpg"], {"HAM_metadata.csv": "lesion_id,image_id,dx,dx_type,age\nL1,I1,bkl,histo,80\nL2,I2,nv,histo,30\n"},
     {"part_1/I1.jpg": ("pool", "bkl"), "part_2/I2.jpg": ("pool", "nv")}),
    (["train_images/a.png", "test_images/b.png"], {"train.csv": "id_code,diagnosis\na,2\n", "test.csv": "id_code\nb\n", "sample_submission.csv": "id_code,diagnosis\nb,0\n"},
     {"train_images/a.png": ("pool", "2"), "test_images/b.png": ("test", None)}),
    (["train/a.jpg", "test/b.jpg"], {"train/labels.csv": "file,class\na.jpg,cat\n", "test/labels.csv": "file,class\nb.jpg,dog\n"},
     {"train/a.jpg": ("pool", "cat"), "test/b.jpg": ("test", "dog")}),
    (["images/a.jpg", "images/b.jpg"], {"train_labels.csv": "filename,label\na.jpg,cat\n", "test_labels.csv": "filename,label\nb.jpg,dog\n"},
     {"images/a.jpg": ("pool", "cat"), "images/b.jpg": ("test", "dog")}),
    (["a.jpg", "b.jpg"], {"labels.csv": "filename,label\na.jpg,cat\nb.jpg,dog\n"}, {"a.jpg": ("pool", "cat"), "b.jpg": ("pool", "dog")}),
    (["JPEGImages/a.jpg", "JPEGImages/b.jpg"], {"Annotations/a.xml": "<boxes/>", "Annotations/b.xml": "<boxes/>"},
     {"a.jpg": ("pool", None), "b.jpg": ("pool", None)}),
])  # fmt: skip
def test_data_sets_of_contests_are_read(tmp_path, files, tables, expected):
    folder = pictures(tmp_path / "set", *files)
    for name, text in tables.items():
        write(folder / name, text)
    reading = read(folder)
    assert {entry.path: (entry.split, entry.label) for entry in reading.entries} == expected
    if any(name.endswith(".xml") for name in tables):
        assert any("'Annotations/a.xml and 1 more like it' lies" in warning for warning in reading.warnings)
