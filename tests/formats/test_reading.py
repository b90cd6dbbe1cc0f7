"""Folders that have to be guessed: what people have is read as what it is, the table of the README row by row, then odd places and names.

Longer than 400 lines: the rows of the README's table, each with what builds its folder, are to be seen together.
"""

from __future__ import annotations

import gzip
import json
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alcore.cli.main import main
from alcore.errors import BadInput
from alcore.formats import ReadOptions, read
from alcore.formats.camvid import PUBLISHED
from alcore.formats.cifar import CIFAR10_CLASSES
from alcore.formats.dense import DRIVING
from alcore.formats.voc import NAMES
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from alcore.project import creation
from alcore.project.facade import Project
from tests.house import ROOT
from tests.sources import box, coco, counts_of, labels_of, mask, picture, pictures, reasons_of, splits_of, write

README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        looks, read_as: the two cells of the README.
        build: fills the folder it is given; what it returns, if anything, is imported instead.
        took_for: how the sentence about it begins.
        splits: images by split; counts: images by class, or {"masks": how many have one}.
        place: where the images are really read, below the source.
        warned: words of the warnings, in order; nothing else may be warned of.
    """

    looks: str
    read_as: str
    build: Callable[[Path], Path | None]
    took_for: str
    classes: tuple[str, ...]
    splits: Mapping[str, int]
    counts: Mapping[str, int]
    place: str = ""
    warned: tuple[str, ...] = ()
    options: ReadOptions = field(default_factory=ReadOptions)


def class_folders(folder: Path) -> None:
    pictures(folder, "cat/1.jpg", "cat/2.jpg", "dog/1.jpg")


def splits_in_words(folder: Path) -> None:
    pictures(folder, "Training_Set/cat/1.jpg", "Training_Set/dog/2.jpg", "Val/cat/3.jpg", "test-images/dog/4.jpg", "test-images/cat/5.jpg")


def wrapped(folder: Path) -> None:
    class_folders(folder / "ds")
    write(folder / "README.md", "# my data set")


def images_first(folder: Path) -> None:
    pictures(folder, "images/train/cat/1.jpg", "images/train/dog/2.jpg", "images/test/cat/3.jpg")


def one_above(folder: Path) -> None:
    images_first(folder / "download" / "pets")
    write(folder / "download" / "LICENSE", "free")


def flat(folder: Path) -> None:
    pictures(folder, "IMG_0001.JPG", "IMG_0002.JPG", "IMG_0010.JPG")


def stray(folder: Path) -> None:
    pictures(folder, "preview.png", *(f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(6)))


def paths_and_labels(folder: Path) -> None:
    pictures(folder, "images/a.jpg", "images/b.jpg", "images/c.jpg")
    write(folder / "labels.csv", "path,label,split\nimages/a.jpg,cat,train\nimages/b.jpg,dog,test\nimages/c.jpg,,train\n")


def ids_and_labels(folder: Path) -> None:
    pictures(folder, "images/0a1.jpg", "images/0b2.jpg", "images/0c3.jpg")
    write(folder / "labels.csv", "id,label\n0a1,beagle\n0b2,pug\n0c3,beagle\n")


def one_hot(folder: Path) -> None:
    pictures(folder, "images/ISIC_01.jpg", "images/ISIC_02.jpg", "images/ISIC_03.jpg")
    write(folder / "truth.csv", "image,MEL,NV,BCC\nISIC_01,0.0,1.0,0.0\nISIC_02,1.0,0.0,0.0\nISIC_03,0.0,1.0,0.0\n")


def kaggle(folder: Path) -> None:
    pictures(folder, "train/1.png", "train/2.png", "train/3.png", "test/4.png", "test/5.png")
    write(folder / "train.csv", "id,label\n1,cat\n2,dog\n3,cat\n")
    write(folder / "test.csv", "id\n4\n5\n")
    write(folder / "sample_submission.csv", "id,label\n4,cat\n5,cat\n")


def tiny_imagenet(folder: Path) -> None:
    root = folder / "tiny-imagenet-200"
    pictures(root, "train/n01/images/n01_0.JPEG", "train/n01/images/n01_1.JPEG", "train/n02/images/n02_0.JPEG")
    pictures(root, "val/images/val_0.JPEG", "val/images/val_1.JPEG", "test/images/test_0.JPEG")
    write(root / "val" / "val_annotations.txt", "val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n")
    write(root / "train" / "n01" / "n01_boxes.txt", "n01_0.JPEG\t0\t0\t9\t9\n")
    write(root / "wnids.txt", "n01\nn02\n")
    write(root / "words.txt", "n01\tgoldfish\nn02\tbullfrog\n")


def intel(folder: Path) -> None:
    pictures(folder, "seg_train/seg_train/sea/1.jpg", "seg_train/seg_train/forest/2.jpg", "seg_test/seg_test/sea/3.jpg")
    pictures(folder, "seg_pred/seg_pred/4.jpg")


def images_and_masks(folder: Path) -> None:
    for name, split in (("a", "train"), ("b", "val"), ("c", "train")):
        picture(folder / "images" / f"{name}.jpg")
        mask(folder / "masks" / f"{name}.png", 0, 1, 2)
        with (folder / f"{split}.txt").open("a") as listing:
            listing.write(f"{name}\n")
    write(folder / "classes.csv", "name,index,ignore\nsky,0,0\nroad,1,0\nvoid,2,1\n")


def masks_in_splits(folder: Path) -> None:
    for split, name in (("train", "a"), ("train", "b"), ("test", "c")):
        picture(folder / split / "images" / f"{name}.png")
        mask(folder / split / "masks" / f"{name}.png", 0, 1)


def masks_beside(folder: Path) -> None:
    for name in ("a", "b"):
        picture(folder / f"{name}.jpg")
        mask(folder / f"{name}_seg.png", 0, 1)


def camvid_published(folder: Path) -> None:
    for split, name in (("train", "0001TP_1"), ("train", "0001TP_2"), ("val", "0016E5_1"), ("test", "Seq05VD_1")):
        picture(folder / split / f"{name}.png")
        mask(folder / f"{split}annot" / f"{name}.png", 0, 8, 11)
        with (folder / f"{split}.txt").open("a") as listing:
            listing.write(f"/SegNet/CamVid/{split}/{name}.png /SegNet/CamVid/{split}annot/{name}.png\n")


def coco_folders(folder: Path) -> None:
    pictures(folder, "train2017/1.jpg", "train2017/2.jpg", "val2017/3.jpg")
    areas = [(1, 1, box(0, 0, 4, 4)), (2, 2, box(2, 2, 6, 6))]
    write(folder / "annotations" / "instances_train2017.json", coco(["1.jpg", "2.jpg"], areas))
    write(folder / "annotations" / "instances_val2017.json", coco(["3.jpg"], [(1, 2, box(0, 0, 3, 3))]))
    write(folder / "annotations" / "captions_val2017.json", json.dumps({"images": [{"id": 1, "file_name": "3.jpg"}], "annotations": []}))


def coco_beside(folder: Path) -> None:
    for split, name in (("train", "1.jpg"), ("valid", "2.jpg")):
        picture(folder / split / name)
        write(folder / split / "_annotations.coco.json", coco([name], [(1, 1, box(0, 0, 4, 4))], info={"version": 1}))


def coco_boxes(folder: Path) -> None:
    pictures(folder, "images/1.jpg", "images/2.jpg", "images/3.jpg")
    objects = [(1, 1, []), (1, 1, []), (2, 2, []), (3, 1, []), (3, 2, [])]
    write(folder / "annotations.json", coco(["1.jpg", "2.jpg", "3.jpg"], objects))


def yolo(folder: Path) -> None:
    for split, name in (("train", "a"), ("train", "b"), ("val", "c")):
        picture(folder / "images" / split / f"{name}.jpg")
        write(folder / "labels" / split / f"{name}.txt", "0 0.5 0.5 0.2 0.2\n")
    write(folder / "data.yaml", "names: [cat, dog]\n")


def voc(folder: Path) -> None:
    place = folder / "VOCdevkit" / "VOC2012"
    for name in ("2007_01", "2007_02"):
        picture(place / "JPEGImages" / f"{name}.jpg")
        mask(place / "SegmentationClass" / f"{name}.png", 0, 15, 255)
    picture(place / "JPEGImages" / "2008_03.jpg")
    write(place / "ImageSets" / "Segmentation" / "train.txt", "2007_01\n")
    write(place / "ImageSets" / "Segmentation" / "val.txt", "2007_02\n")


def cityscapes(folder: Path) -> None:
    for split, city in (("train", "bonn"), ("val", "ulm")):
        name = f"{split}/{city}/{city}_000000_000019"
        picture(folder / "leftImg8bit" / f"{name}_leftImg8bit.png")
        mask(folder / "gtFine" / f"{name}_gtFine_labelIds.png", 7, 26, 3)


def bdd100k(folder: Path) -> None:
    for split in ("train", "val"):
        picture(folder / "images" / "10k" / split / f"{split}.jpg")
        mask(folder / "labels" / "sem_seg" / "masks" / split / f"{split}.png", 0, 13, 255)


def cifar(folder: Path) -> None:
    (folder / "cifar-10-batches-py").mkdir()
    for name, number in (("data_batch_1", 6), ("test_batch", 4)):
        batch = {b"data": np.zeros((number, 3072), np.uint8), b"labels": [at % 2 for at in range(number)]}
        write(folder / "cifar-10-batches-py" / name, pickle.dumps(batch, protocol=2))


def idx(folder: Path) -> None:
    for part, number in (("train", 6), ("t10k", 4)):
        heading = bytes((0, 0, 8, 3)) + np.array([number, 5, 5], ">u4").tobytes()
        write(folder / f"{part}-images-idx3-ubyte.gz", gzip.compress(heading + bytes(number * 25)))
        labels = bytes((0, 0, 8, 1)) + np.array([number], ">u4").tobytes() + bytes(at % 2 for at in range(number))
        write(folder / f"{part}-labels-idx1-ubyte.gz", gzip.compress(labels))


def npz(folder: Path) -> Path:
    labels = {"y_train": np.array([0, 1, 0]), "y_test": np.array([1]), "class_names": np.array(["cat", "dog"])}
    np.savez(folder / "set.npz", x_train=np.zeros((3, 6, 6, 3), np.uint8), x_test=np.zeros((1, 6, 6, 3), np.uint8), **labels)
    return folder / "set.npz"


def heic(folder: Path) -> None:
    pictures(folder, "IMG_1.HEIC", "IMG_2.HEIC", "IMG_10.HEIC")


def excel(folder: Path) -> Path:
    pictures(folder, "Bilder/café.jpg", "Bilder/b.jpg")
    return write(folder / "Liste.csv", "Path;Label\r\nBilder\\café.jpg;Käfer\r\nBilder\\b.jpg;Biene\r\n".encode("cp1252"))


ROWS = (
    Row(
        "`cat/1.jpg`, `dog/1.jpg`",
        "`folder`: a class a folder",
        class_folders,
        "class folders: 2 classes, 3 images",
        ("cat", "dog"),
        {"pool": 3},
        {"cat": 2, "dog": 1},
    ),
    Row(
        "`Training_Set/cat/1.jpg`, `Val/…`, `test-images/…`: the words of splits in any case, alone or beside set, data, images, seg, a year",
        "`folder`: a class a folder, in train, val and test",
        splits_in_words,
        "class folders below Training_Set, Val, test-images: 2 classes, 5 images",
        ("cat", "dog"),
        {"pool": 2, "val": 1, "test": 2},
        {"cat": 3, "dog": 2},
    ),
    Row(
        "`ds/cat/1.jpg`: a lone folder around it",
        "`folder`: what lies in `ds`",
        wrapped,
        "class folders: 2 classes, 3 images",
        ("cat", "dog"),
        {"pool": 3},
        {"cat": 2, "dog": 1},
        place="ds",
    ),
    Row(
        "`images/train/cat/1.jpg`, `images/test/…`",
        "`folder`: a class a folder, in train and test",
        images_first,
        "class folders below train, test: 2 classes, 3 images",
        ("cat", "dog"),
        {"pool": 2, "test": 1},
        {"cat": 2, "dog": 1},
        place="images",
    ),
    Row(
        "`download/pets/images/train/cat/1.jpg`: the folder given lies levels above",
        "`folder`: what lies in `download/pets/images`",
        one_above,
        "class folders below train, test: 2 classes, 3 images",
        ("cat", "dog"),
        {"pool": 2, "test": 1},
        {"cat": 2, "dog": 1},
        place="download/pets/images",
    ),
    Row(
        "`IMG_0001.JPG`, `IMG_0002.JPG`",
        "`flat`: unlabeled images, in natural order",
        flat,
        "a folder of unlabeled images: 3 images",
        (),
        {"pool": 3},
        {},
    ),
    Row(
        "`cat/1.jpg`, `dog/1.jpg` and a stray `preview.png`",
        "`folder`: a class a folder, the stray image unlabeled",
        stray,
        "class folders: 2 classes, 13 images, 1 of them in no class folder and so unlabeled",
        ("cat", "dog"),
        {"pool": 13},
        {"cat": 6, "dog": 6},
    ),
    Row(
        "`images/a.jpg` and `labels.csv` with `path,label[,split]`",
        "`csv`: the classes and splits of the table; rows without a label are unlabeled",
        paths_and_labels,
        "a CSV file (labels.csv, separated by comma): 3 images, 2 classes",
        ("cat", "dog"),
        {"pool": 2, "test": 1},
        {"cat": 1, "dog": 1},
    ),
    Row(
        "`images/0a1.jpg` and `labels.csv` with `id,label`, the names without suffix",
        "`csv`: the classes of the table",
        ids_and_labels,
        "a CSV file (labels.csv, separated by comma): 3 images, 2 classes (images from the column id, classes from label)",
        ("beagle", "pug"),
        {"pool": 3},
        {"beagle": 2, "pug": 1},
    ),
    Row(
        "`images/ISIC_01.jpg` and a table with a column of 0 and 1 for each class",
        "`csv`: the columns are the classes",
        one_hot,
        "a CSV file (truth.csv, separated by comma): 3 images, 3 classes (images from the column image, 3 columns of 0 and 1 are the classes)",
        ("MEL", "NV", "BCC"),
        {"pool": 3},
        {"MEL": 1, "NV": 2},
    ),
    Row(
        "Kaggle's `train/1.png`, `test/4.png`, `train.csv`, `test.csv`, `sample_submission.csv`",
        "`csv`: the classes of `train.csv`; what `test.csv` lists is unlabeled, the dummy labels are not read",
        kaggle,
        "CSV files (train.csv, test.csv, separated by comma): 5 images, 2 classes",
        ("cat", "dog"),
        {"pool": 3, "test": 2},
        {"cat": 2, "dog": 1},
    ),
    Row(
        "Tiny ImageNet: `train/n01/images/1.JPEG`, `val/images/2.JPEG`, `val/val_annotations.txt`",
        "`folder`: the classes of the folders and, for val, of the text; test is unlabeled",
        tiny_imagenet,
        "class folders below train, val, test: 2 classes, 6 images, 1 of them in no class folder and so unlabeled",
        ("n01", "n02"),
        {"pool": 3, "val": 2, "test": 1},
        {"n01": 3, "n02": 2},
        place="tiny-imagenet-200",
    ),
    Row(
        "Intel's `seg_train/seg_train/sea/1.jpg`, `seg_test/seg_test/…`, `seg_pred/seg_pred/4.jpg`",
        "`folder`: a class a folder, in train and test; what lies beside the splits is set aside by name",
        intel,
        "class folders below seg_train, seg_test: 2 classes, 3 images",
        ("forest", "sea"),
        {"pool": 2, "test": 1},
        {"forest": 1, "sea": 2},
    ),
    Row(
        "`images/a.jpg`, `masks/a.png`, `classes.csv` or `classes.txt`, perhaps `train.txt`, `val.txt`, `test.txt`",
        "`camvid`: a class a pixel, values and colors by the list of classes",
        images_and_masks,
        "images, masks and classes.csv: 2 classes, 3 images, all with masks",
        ("sky", "road"),
        {"pool": 2, "val": 1},
        {"masks": 3},
    ),
    Row(
        "`train/images/a.png`, `train/masks/a.png`, `test/…` and `--classes ground box`",
        "`camvid`: a class a pixel, in the order of the masks' values",
        masks_in_splits,
        "images, masks and the classes that were named: 2 classes, 3 images, all with masks",
        ("ground", "box"),
        {"pool": 2, "test": 1},
        {"masks": 3},
        options=ReadOptions(classes=("ground", "box")),
    ),
    Row(
        "`a.jpg`, `a_seg.png` (or `a_mask.png`, `mask_a.png`, `a-mask.png`, `a.jpg.png`) and `--classes`",
        "`camvid`: images with the masks beside them",
        masks_beside,
        "images, masks and the classes that were named: 2 classes, 2 images, all with masks",
        ("ground", "box"),
        {"pool": 2},
        {"masks": 2},
        options=ReadOptions(classes=("ground", "box")),
    ),
    Row(
        "CamVid as published: `train/a.png`, `trainannot/a.png`, `train.txt` with both paths a line",
        "`camvid`: its 11 classes, 11 is void",
        camvid_published,
        "images, masks and CamVid's own classes: 11 classes, 4 images, all with masks",
        PUBLISHED,
        {"pool": 2, "val": 1, "test": 1},
        {"masks": 4},
        warned=("there is no classes file: the masks lie as CamVid's do",),
    ),
    Row(
        "COCO: `train2017/1.jpg`, `val2017/3.jpg`, `annotations/instances_train2017.json`, …",
        "`coco`: a class a pixel, splits by the names of the files",
        coco_folders,
        "COCO: 2 classes, 3 images, all with masks",
        ("cat", "dog"),
        {"pool": 2, "val": 1},
        {"masks": 3},
    ),
    Row(
        "`train/1.jpg` beside `train/_annotations.coco.json`, `valid/…`: a COCO file under any name, beside its images",
        "`coco`: a class a pixel, splits by the folders",
        coco_beside,
        "COCO: 2 classes, 2 images, all with masks",
        ("cat", "dog"),
        {"pool": 1, "val": 1},
        {"masks": 2},
    ),
    Row(
        "COCO with nothing but boxes",
        "`coco`: the class of an image's objects; with objects of several classes it is unlabeled",
        coco_boxes,
        "COCO, the class of its objects as that of the image: 2 classes, 3 images, 2 of them labeled",
        ("cat", "dog"),
        {"pool": 3},
        {"cat": 1, "dog": 1},
        warned=("1 image has objects of several classes",),
    ),
    Row(
        "YOLO: `images/train/a.jpg`, `labels/train/a.txt`, `data.yaml`",
        "`folder`: unlabeled images; boxes are no classes, and the texts are named in a warning",
        yolo,
        "folders without classes below train, val: 3 images, all unlabeled",
        (),
        {"pool": 2, "val": 1},
        {},
        place="images",
        warned=("'data.yaml', 'labels/train/a.txt and 2 more like it' lie beside the images and were not read",),
    ),
    Row(
        "VOC: `JPEGImages`, `SegmentationClass`, `ImageSets/Segmentation`, below `VOCdevkit/VOC2012` or not",
        "`voc`: its 20 classes and the background, or those of `labelmap.txt`; only what the lists name",
        voc,
        "Pascal VOC: 21 classes, 2 images, all with masks",
        NAMES,
        {"pool": 1, "val": 1},
        {"masks": 2},
    ),
    Row(
        "Cityscapes: `leftImg8bit/train/bonn/…`, `gtFine/…_labelIds.png`",
        "`cityscapes`: the 19 classes it is measured by",
        cityscapes,
        "Cityscapes: 19 classes, 2 images, all with masks",
        tuple(DRIVING),
        {"pool": 1, "val": 1},
        {"masks": 2},
    ),
    Row(
        "BDD100K: `images/10k/train/…`, `labels/sem_seg/masks/train/…`",
        "`bdd100k`: the same 19 classes",
        bdd100k,
        "BDD100K: 19 classes, 2 images, all with masks",
        tuple(DRIVING),
        {"pool": 1, "val": 1},
        {"masks": 2},
    ),
    Row(
        "`cifar-10-batches-py/data_batch_1`, … or `cifar-100-python`, perhaps with `.xz`",
        "`cifar`: the images of the batches",
        cifar,
        "CIFAR-10 python batches: 6 train (only 1 of 5 batches are there), 4 test images, 10 classes",
        CIFAR10_CLASSES,
        {"pool": 6, "test": 4},
        {"airplane": 5, "automobile": 5},
    ),
    Row(
        "`train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, …, perhaps with `.gz`",
        "`idx`: the images of the MNIST family",
        idx,
        "IDX files (MNIST family): 6 train, 4 test images, 2 classes",
        ("0", "1"),
        {"pool": 6, "test": 4},
        {"0": 5, "1": 5},
    ),
    Row(
        "`set.npz` with `x_train,y_train,x_test,y_test[,class_names]`",
        "`npz`: the rows of the arrays",
        npz,
        "NumPy arrays: 3 train, 1 test images, 2 classes",
        ("cat", "dog"),
        {"pool": 3, "test": 1},
        {"cat": 2, "dog": 2},
    ),
    Row(
        "a phone's `IMG_1.HEIC`, and whatever Pillow opens, under any suffix or none",
        "`flat`, or what the folder looks like otherwise",
        heic,
        "a folder of unlabeled images: 3 images",
        (),
        {"pool": 3},
        {},
    ),
    Row(
        "a table as Excel saves it: `;`, capitals in the heading, BOM, Windows' letters (cp1252), backslashes",
        "`csv`: the same as any table",
        excel,
        "a CSV file (Liste.csv, separated by semicolon): 2 images, 2 classes",
        ("Biene", "Käfer"),
        {"pool": 2},
        {"Biene": 1, "Käfer": 1},
        warned=("Liste.csv is not UTF-8 and was read as Windows' cp1252",),
    ),
)  # fmt: skip


def named(row: Row) -> str:
    return row.build.__name__


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


# ---- masks that lie in pairs with their images


@pytest.mark.parametrize(("image", "found"), [
    ("imgs/a.jpg", "masks/a.png"),
    ("Images/a.jpg", "Labels/a.png"),
    ("images/a.jpg", "annotations/a.png"),
    ("images/city/a.jpg", "masks/city/a.png"),
    ("img/a.jpg", "gt/a_gt.png"),
    ("JPEGImages/a.jpg", "SegmentationClass/a.png"),
    ("images/a.jpg", "labels/a_L.png"),
    ("images/a.jpg", "masks/a.jpg.png"),
    ("train/a.jpg", "train_labels/a_L.png"),
    ("train/a.jpg", "train_masks/a_mask.png"),
    ("train/images/a.jpg", "train/masks/a.png"),
    ("val/img/a.jpg", "val/annotations/a.png"),
    ("a.jpg", "a_seg.png"),
    ("a.jpg", "a_mask.png"),
    ("a.jpg", "mask_a.png"),
    ("a.jpg", "a-mask.png"),
    ("a.png", "a.jpg.png"),
    ("a.jpg", "a.jpg.png"),
    ("a.jpg", "a_label.png"),
    ("a.jpg", "a_segmentation.png"),
    ("x/a.jpg", "x/a_mask.png"),
])  # fmt: skip
def test_pairs_of_images_and_masks_are_known_by_their_structure(tmp_path, image, found):
    for name in ("a", "b", "c"):
        folder, _, own = image.rpartition("/")
        picture(tmp_path / folder / own.replace("a", name, 1))
        folder, _, own = found.rpartition("/")
        at = own.index("mask_a") + 5 if "mask_a" in own else 0
        mask(tmp_path / folder / f"{own[:at]}{name}{own[at + 1 :]}", 0, 1)
    reading = read(tmp_path, options=ReadOptions(classes=("ground", "box")))
    assert reading.format == "camvid"
    assert dict(zip((entry.path for entry in reading.entries), reading.mask_files, strict=True))[image] == found
    assert counts_of(reading) == {"masks": 3}
    assert reading.classes == ("ground", "box")


def test_masks_without_a_list_of_classes_say_which_values_there_are(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    mask(tmp_path / "masks" / "a.png", 0, 3, 3, 255)
    with pytest.raises(BadInput) as told:
        read(tmp_path)
    assert "name the classes (--classes, or the field Classes)" in str(told.value)
    assert "0 (25%), 3 (50%), 255 (25%)" in str(told.value)
    assert len(str(told.value).replace(str(tmp_path), "")) < 300
    assert "\n" not in str(told.value)


def test_camvid_as_published_has_its_values(tmp_path):
    camvid_published(tmp_path)
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == [
        "test/Seq05VD_1.png",
        "train/0001TP_1.png",
        "train/0001TP_2.png",
        "val/0016E5_1.png",
    ]
    assert reading.masks[0].tolist() == [[0] * 4 + [8] * 4 + [255] * 4] * 10
    assert reading.classes[8] == "Car"
    assert not reading.skipped


# ---- tables beside images


def test_tables_of_other_people_are_understood(tmp_path):
    cases = {
        "filename,class\na.jpg,cat\nb.jpg,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "image_id,species\na,cat\nb,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "file_name;width;category\na.jpg;12;cat\nb.jpg;12;dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "id,cat,dog\na,1,0\nb,0,1\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "image_path\tlabel\n/home/me/set/images/a.jpg\tcat\n/home/me/set/images/b.jpg\tdog\n": {
            "images/a.jpg": "cat",
            "images/b.jpg": "dog",
        },
        "Path,Label\nC:\\me\\images\\a.jpg,cat\n..\\..\\images\\b.jpg,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "path,label\nIMAGES/A.JPG,cat\nimages/b.jpg,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
    }
    for at, (text, expected) in enumerate(cases.items()):
        folder = pictures(tmp_path / str(at), "images/a.jpg", "images/b.jpg")
        write(folder / "labels.csv", text)
        reading = read(folder)
        assert (reading.format, labels_of(reading)) == ("csv", expected), text


def test_a_column_that_no_row_is_marked_in_is_a_class_all_the_same(tmp_path):
    one_hot(tmp_path)
    reading = read(tmp_path)
    assert reading.classes == ("MEL", "NV", "BCC")
    assert labels_of(reading) == {"images/ISIC_01.jpg": "NV", "images/ISIC_02.jpg": "MEL", "images/ISIC_03.jpg": "NV"}


def test_kaggles_dummy_labels_are_nobodys(tmp_path):
    kaggle(tmp_path)
    assert labels_of(read(tmp_path)) == {
        "train/1.png": "cat",
        "train/2.png": "dog",
        "train/3.png": "cat",
        "test/4.png": None,
        "test/5.png": None,
    }


def test_tiny_imagenet_has_the_labels_of_val_in_its_text(tmp_path):
    tiny_imagenet(tmp_path)
    labels = labels_of(read(tmp_path))
    assert labels["val/images/val_0.JPEG"] == "n02"
    assert labels["val/images/val_1.JPEG"] == "n01"
    assert labels["train/n01/images/n01_1.JPEG"] == "n01"


# ---- what is odd is said before the import


@pytest.mark.parametrize(("names", "listings", "words"), [
    (["images/1.jpg", "masks/2.jpg"], {}, "'images', 'masks' are classes here"),
    (["cat/1.jpg", "labels/2.jpg"], {}, "'labels' is a class here"),
    (["bus/1.jpg", "train/2.jpg"], {}, "'train' is a class here"),
    (["annotations/1.jpg", "dog/2.jpg"], {}, "'annotations' is a class here"),
    (["Test/1.jpg", "dog/2.jpg"], {}, "'Test' is a class here"),
    (["cat/1.jpg"], {}, "every labeled image is of the one class 'cat'"),
    (["cat/1.jpg", "dog/2.jpg"], {"meta.csv": "a,b\n1,2\n"}, "'meta.csv' lies beside the images and was not read"),
    (["cat/1.jpg", "dog/2.jpg"], {"classes.txt": "cow\npig\n"}, "'classes.txt' lies beside the images and was not read"),
    (["cat/1.jpg", "dog/2.jpg"], {"package.json": "{}"}, "'package.json' lies beside the images and was not read"),
    (["ds/cat/1.jpg", "ds/dog/2.jpg"], {"labels.csv": "a,b\n1,2\n"}, "'labels.csv' lies beside the images and was not read"),
    (["ds/cat/1.jpg", "ds/dog/2.jpg"], {"labels/1.txt": "0 1 1 1 1", "labels/2.txt": "0"}, "'labels/1.txt and 1 more like it' lies"),
    (["setA/train/cat/1.jpg", "setB/test/cat/2.jpg"], {}, "splits lie below 'setA', 'setB', taken for classes here: give the folder of one"),
    (["1.jpg", "2.jpg"], {"1.txt": "0 1 1 1 1", "2.txt": "0 1 1 1 1"}, "'1.txt and 1 more like it' lies"),
    (["images/1.jpg", "images/2.jpg"], {"labels/1.txt": "0 1 1 1 1", "labels/2.txt": "0 1 1 1 1"}, "'labels/1.txt and 1 more like it' lies"),
    (["train/images/1.jpg", "val/images/2.jpg"], {"train/labels/1.txt": "0 1", "val/labels/2.txt": "0"}, "'train/labels/1.txt and 1 more"),
])  # fmt: skip
def test_what_is_odd_is_a_warning_before_the_import(tmp_path, names, listings, words):
    folder = pictures(tmp_path / "given", *names)
    for name, text in listings.items():
        write(folder / name, text)
    warnings = preview(ImportRequest.of(folder, {})).answer()["warnings"]
    assert any(words in warning for warning in warnings), warnings
    assert all(len(warning) < 300 and "\n" not in warning for warning in warnings)


def test_masks_among_the_pictures_of_classes_are_told(tmp_path):
    for name in ("benign", "normal"):
        picture(tmp_path / name / "1.png")
        mask(tmp_path / name / "1_mask.png", 0, 1)
    with pytest.raises(BadInput, match="name the classes"):
        read(tmp_path)
    warnings = read(tmp_path, task="classification").warnings
    assert any("called like the mask of one beside it: import it as segmentation" in warning for warning in warnings)


@pytest.mark.parametrize(
    "layout",
    ["images/{}.jpg labels/{}.txt", "{}.jpg {}.txt", "train/images/{}.jpg train/labels/{}.txt", "images/train/{}.jpg labels/train/{}.txt"],
)
def test_yolos_boxes_are_never_classes_of_folders(tmp_path, layout):
    for number in range(4):
        image, text = layout.format(number, number).split()
        picture(tmp_path / image)
        write(tmp_path / text, "0 0.5 0.5 0.1 0.1\n")
    reading = read(tmp_path)
    assert reading.classes == ()
    assert splits_of(reading) == {"pool": 4}


def test_a_dry_run_answers_with_what_the_import_would_take(tmp_path, capsys):
    folder = tmp_path / "given"
    splits_in_words(folder)
    write(folder / "Val" / "notes.txt", "x")
    assert main(["import", str(folder), "--dry-run", "--json", "--home", str(tmp_path / "home")]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "folder",
        "task": "classification",
        "took_for": "class folders below Training_Set, Val, test-images: 2 classes, 5 images",
        "source": str(folder),
        "items": 5,
        "classes": ["cat", "dog"],
        "splits": {"pool": 2, "val": 1, "test": 2},
        "skipped": [{"path": "Val/notes.txt", "reason": "not an image (its suffix is .txt)"}],
        "warnings": [],
        "samples": [
            {"path": "test-images/cat/5.jpg", "label": "cat"}, {"path": "Training_Set/cat/1.jpg", "label": "cat"}, {"path": "Val/cat/3.jpg", "label": "cat"},
            {"path": "test-images/dog/4.jpg", "label": "dog"}, {"path": "Training_Set/dog/2.jpg", "label": "dog"},
        ],
    }  # fmt: skip
    assert not (tmp_path / "home").exists()


def test_a_stray_image_beside_class_folders_costs_no_label(tmp_path):
    stray(tmp_path)
    labels = labels_of(read(tmp_path))
    assert labels.pop("preview.png") is None
    assert labels == {f"{name}/{number}.jpg": name for name in ("cat", "dog") for number in range(6)}


# ---- COCO is known by what is in it


def one_coco(folder: Path, place: str, **first: Any) -> Path:
    """Two pictures of an object each in images/, the JSON at `place`, other keys before its own."""
    pictures(folder, "images/1.jpg", "images/2.jpg")
    content = json.loads(coco(["1.jpg", "2.jpg"], [(1, 1, box(0, 0, 4, 4)), (2, 2, box(0, 0, 4, 4))]))
    write(folder / place, json.dumps({**first, **content}))
    return folder


@pytest.mark.parametrize("first", [{}, {"version": 1}, {"info": {}, "licenses": []}, {"categories_of": ["x"], "big": "x" * (2 << 20)}])
@pytest.mark.parametrize("place", ["annotations/instances_default.json", "annotations.json", "images/labels.json", "result/x.json"])
def test_coco_is_known_by_its_content_wherever_it_lies(tmp_path, first, place):
    reading = read(one_coco(tmp_path / "given", place, **first))
    assert (reading.format, reading.classes, counts_of(reading)) == ("coco", ("cat", "dog"), {"masks": 2})


def test_a_json_a_folder_is_read_too(tmp_path):
    for split in ("train", "valid", "test"):
        picture(tmp_path / split / f"{split}.jpg")
        write(tmp_path / split / "annotations.json", coco([f"{split}.jpg"], [(1, 1, box(0, 0, 4, 4))]))
    reading = read(tmp_path)
    assert (reading.format, splits_of(reading), counts_of(reading)) == ("coco", {"pool": 1, "val": 1, "test": 1}, {"masks": 3})


@pytest.mark.parametrize(
    "text", ['{"name": "app", "version": "1.0"}', "[1, 2]", "{", "", '{"images": 3}', '{"images": "x", "annotations": []}']
)
def test_a_foreign_json_refuses_nothing(tmp_path, text):
    class_folders(tmp_path / "folders")
    write(tmp_path / "folders" / "package.json", text)
    assert read(tmp_path / "folders").format == "folder"
    one_coco(tmp_path / "coco", "annotations/instances.json")
    for place in ("package.json", "annotations/package.json", "images/meta.json"):
        write(tmp_path / "coco" / place, text)
    assert counts_of(read(tmp_path / "coco")) == {"masks": 2}
    assert counts_of(read(tmp_path / "coco", "coco")) == {"masks": 2}


def test_a_format_named_by_hand_tries_every_json(tmp_path):
    pictures(tmp_path, "images/1.jpg")
    write(tmp_path / "a.json", "{}")
    write(tmp_path / "b.json", coco(["1.jpg"], [], filler="x" * (3 << 20)).replace('"images":', '"images" :\n'))
    reading = read(tmp_path, "coco")
    assert [entry.path for entry in reading.entries] == ["images/1.jpg"]


def test_panoptic_pictures_never_enter_the_pool(tmp_path):
    folder = one_coco(tmp_path / "given", "annotations/instances_train2017.json")
    pictures(folder, "annotations/panoptic_train2017/1.png", "panoptic_train2017/2.png", "annotations/preview.png", "stuffthingmaps/1.png")
    assert [entry.path for entry in read(folder).entries] == ["images/1.jpg", "images/2.jpg"]


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


# ---- names as other systems write them

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
    (["JPEGImages/a.jpg", "JPEGImages/b.jpg"], {"Annotations/a.xml": "<annotation/>", "Annotations/b.xml": "<annotation/>"},
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
