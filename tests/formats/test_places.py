"""Names as other systems write them find their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.formats import ReadOptions, read
from alcore.project.facade import Project
from tests.sources import box, coco, counts_of, labels_of, mask, picture, pictures, reasons_of, write

NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(("listed", "there"), [
    (r"..\..\images\img1.png", "img1.png"),
    (r"C:\Users\me\set\images\a.png", "a.png"),
    ("C:/Users/me/images/a.png", "a.png"),
    (f"images/{NFC}.png", f"{NFD}.png"),
    (f"images/{NFD}.png", f"{NFC}.png"),
    ("images/PHOTO.PNG", "photo.png"),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "camvid", "voc", "coco", "label"])
def test_names_of_other_systems_find_their_files(tmp_path, workspace, kind, listed, there):
    folder = tmp_path / "given"
    other = "images/other.png"
    if kind == "label":
        project = Project.import_into(workspace, "toy", pictures(folder, f"images/{there}", other), format="flat", classes=["cat", "dog"])
        write(tmp_path / "labels.csv", f"path,label\n{listed},cat\n")
        assert project.label_from_csv(tmp_path / "labels.csv", annotator="me") == 1
        (path,) = [row["path"] for row in project.items.labeled()]
        assert path == f"images/{there}"
        return
    if kind == "csv":
        pictures(folder, f"images/{there}", other)
        write(folder / "labels.csv", f"path,label\n{listed},cat\n{other},dog\n")
        assert labels_of(read(folder)) == {f"images/{there}": "cat", other: "dog"}
    elif kind == "coco":
        pictures(folder, f"images/{there}", other)
        write(folder / "annotations" / "x.json", coco([listed, "other.png"], [(1, 1, box(0, 0, 4, 4))]))
        reading = read(folder)
        assert reading.mask_files[[entry.path for entry in reading.entries].index(f"images/{there}")]
        assert counts_of(reading) == {"masks": 1 + 1}  # of an image without an object, all void
    elif kind == "camvid":
        stem = Path(there).stem
        pictures(folder, f"images/{there}", other)
        mask(folder / "masks" / f"{stem}.png", 0, 1)
        mask(folder / "masks" / "other.png", 0, 1)
        write(folder / "classes.txt", "a\nb\n")
        write(folder / "train.txt", "images/other.png\n")
        write(folder / "val.txt", f"{listed}\n")
        assert {entry.path: entry.split for entry in read(folder).entries} == {f"images/{there}": "val", other: "pool"}
    else:
        pictures(folder / "JPEGImages", there, "other.png")
        mask(folder / "SegmentationClass" / f"{Path(there).stem}.png", 0, 1)
        write(folder / "ImageSets" / "Segmentation" / "train.txt", "other\n")
        write(folder / "ImageSets" / "Segmentation" / "val.txt", f"{listed}\n")
        assert {entry.path: entry.split for entry in read(folder).entries} == {f"JPEGImages/{there}": "val", "JPEGImages/other.png": "pool"}


@pytest.mark.parametrize(("of_image", "of_mask"), [(NFC, NFD), (NFD, NFC), ("Photo", "photo"), ("photo", "PHOTO")])
@pytest.mark.parametrize("kind", ["camvid", "voc", "beside", "bdd100k"])
def test_masks_find_images_whose_names_are_composed_or_cased_otherwise(tmp_path, kind, of_image, of_mask):
    image, found = {
        "camvid": ("images/{}.jpg", "masks/{}.png"),
        "voc": ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
        "beside": ("{}.jpg", "{}_mask.png"),
        "bdd100k": ("images/10k/train/{}.jpg", "labels/sem_seg/masks/train/{}.png"),
    }[kind]
    picture(tmp_path / image.format(of_image))
    mask(tmp_path / found.format(of_mask), 0, 1)
    if kind == "voc":
        write(tmp_path / "labelmap.txt", "a:0,0,0::\nb:9,9,9::\n")
    reading = read(tmp_path, options=ReadOptions(classes=("a", "b") if kind in ("camvid", "beside") else ()))
    assert [(entry.path, found) for entry, found in zip(reading.entries, reading.mask_files, strict=True)] == [
        (image.format(of_image), found.format(of_mask))
    ]


def test_names_that_differ_in_case_only_are_told_apart_where_they_are_two(tmp_path):
    pictures(tmp_path, "a.jpg", "A.jpg", "b.jpg")
    write(tmp_path / "labels.csv", "path,label\na.jpg,cat\nA.jpg,dog\nB.JPG,cat\n")
    assert labels_of(read(tmp_path)) == {"a.jpg": "cat", "A.jpg": "dog", "b.jpg": "cat"}


def test_another_folder_of_the_same_file_name_is_not_it(tmp_path):
    pictures(tmp_path, "camA/0001.jpg", "camA/0002.jpg")
    write(tmp_path / "labels.csv", "path,label\ncamB/0001.jpg,dog\n..\\..\\x\\0002.jpg,dog\ncamA/0001.jpg,cat\n")
    reading = read(tmp_path)
    assert labels_of(reading) == {"camA/0001.jpg": "cat", "camA/0002.jpg": None}
    assert reasons_of(reading)["camB/0001.jpg"] == "line 2: there is no such file"
    assert reasons_of(reading)["..\\..\\x\\0002.jpg"].startswith("line 3: ")
