"""Folders as people have them: the rows of the README's table, each with what builds its folder and what is read of it."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alcore.formats import ReadOptions
from alcore.formats.camvid import PUBLISHED
from alcore.formats.cifar import CIFAR10_CLASSES
from alcore.formats.dense import DRIVING
from alcore.formats.voc import NAMES
from tests.formats.exchanged import (
    fiftyone,
    hf,
    imagefolder,
    imagefolder_csv,
    panoptic,
    parquet,
    webdataset,
    yolo,
    yolo_polygons,
)
from tests.sources import box, coco, mask, picture, pictures, write


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


def voc(folder: Path) -> None:
    place = folder / "VOCdevkit" / "VOC2012"
    for name in ("2007_01", "2007_02"):
        picture(place / "JPEGImages" / f"{name}.jpg")
        mask(place / "SegmentationClass" / f"{name}.png", 0, 15, 255)
    picture(place / "JPEGImages" / "2008_03.jpg")
    write(place / "ImageSets" / "Segmentation" / "train.txt", "2007_01\n")
    write(place / "ImageSets" / "Segmentation" / "val.txt", "2007_02\n")


def voc_boxes(folder: Path) -> None:
    for name, objects in (("1", ("cat", "cat")), ("2", ("dog",)), ("3", ("cat", "dog"))):
        picture(folder / "JPEGImages" / f"{name}.jpg")
        told = "".join(f"<object><name>{one}</name></object>" for one in objects)
        write(folder / "Annotations" / f"{name}.xml", f"<annotation><filename>{name}.jpg</filename>{told}</annotation>")


def studio(folder: Path) -> None:
    pictures(folder, "media/upload/7/0a1b2c3d-1.jpg", "photos/2.jpg", "photos/3.jpg")
    addresses = {"cat": "/data/upload/7/0a1b2c3d-1.jpg", "dog": "/data/local-files/?d=photos/2.jpg"}
    said = {name: {"id": "r", "type": "choices", "from_name": "what", "value": {"choices": [name]}} for name in addresses}
    tasks = [
        {"id": at, "data": {"image": address}, "annotations": [{"completed_by": 1, "result": [said[name]]}]}
        for at, (name, address) in enumerate(addresses.items(), 1)
    ]
    write(folder / "project-7.json", json.dumps(tasks))


def cvat(folder: Path) -> None:
    shapes = '<polygon label="roof" points="0,0;6,0;6,10;0,10" z_order="0"/><mask label="tree" rle="0, 4" left="8" top="1" width="2" height="2"/>'
    pictures(folder, "images/1.jpg", "images/2.jpg")
    head = "<meta><task><labels><label><name>tree</name></label><label><name>roof</name></label></labels></task></meta>"
    listed = "".join(f'<image id="{at}" name="{at}.jpg" width="12" height="10">{shapes}</image>' for at in (1, 2))
    write(folder / "annotations.xml", f"<annotations><version>1.1</version>{head}{listed}</annotations>")


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
        "COCO panoptic: `train2017/1.jpg`, `annotations/panoptic_train2017.json`, `annotations/panoptic_train2017/1.png`, no instances beside",
        "`panoptic`: a class a pixel, things and stuff alike; crowds are void",
        panoptic,
        "COCO panoptic: 2 classes, 2 images, all with masks",
        ("cat", "dog"),
        {"pool": 1, "val": 1},
        {"masks": 2},
    ),
    Row(
        "YOLO with boxes: `images/train/a.jpg`, `labels/train/a.txt`, `data.yaml`",
        "`yolo`: the class of an image's objects; with objects of several classes it is unlabeled",
        yolo,
        "YOLO, the class of its objects as that of the image: 2 classes, 3 images, 3 of them labeled",
        ("cat", "dog"),
        {"pool": 2, "val": 1},
        {"cat": 3},
    ),
    Row(
        "YOLO with polygons: `train/images/a.jpg`, `train/labels/a.txt`, `valid/…`, `data.yaml`",
        "`yolo`: a class a pixel; what no polygon covers is void",
        yolo_polygons,
        "YOLO's polygons: 2 classes, 3 images, all with masks",
        ("cat", "dog"),
        {"pool": 2, "val": 1},
        {"masks": 3},
    ),
    Row(
        "Hugging Face: `data/train-00000-of-00001.parquet` with the images in it, or one such file",
        "`hf`: the classes that the schema names; the images are unpacked into the workspace",
        hf,
        "images within 2 Parquet files: 2 classes, 4 images, 1 of them unlabeled",
        ("cat", "dog"),
        {"pool": 2, "test": 2},
        {"cat": 1, "dog": 2},
    ),
    Row(
        "Hugging Face: `train/a.jpg` beside `train/metadata.jsonl` with `file_name` and `label`",
        "`imagefolder`: the classes of the lines",
        imagefolder,
        "JSON Lines files (test/metadata.jsonl, train/metadata.jsonl): 3 images, 2 classes",
        ("cat", "dog"),
        {"pool": 2, "test": 1},
        {"cat": 2, "dog": 1},
    ),
    Row(
        "Hugging Face: `train/a.jpg` beside `train/metadata.csv` with `file_name` and `label`",
        "`csv`: the classes of the tables",
        imagefolder_csv,
        "CSV files (test/metadata.csv, train/metadata.csv, separated by comma): 3 images, 2 classes",
        ("cat", "dog"),
        {"pool": 2, "test": 1},
        {"cat": 2, "dog": 1},
    ),
    Row(
        "WebDataset: `train-000000.tar`, … with `a.jpg` and `a.cls`, `a.json` or `a.txt`, perhaps `classes.txt` beside",
        "`webdataset`: the classes of the labels; the images are unpacked into the workspace",
        webdataset,
        "WebDataset, 3 shards: 4 images, 2 classes",
        ("cat", "dog"),
        {"pool": 3, "val": 1},
        {"cat": 2, "dog": 2},
    ),
    Row(
        "FiftyOne: `data/a.jpg`, `labels.json` with `classes` and `labels`",
        "`fiftyone`: the class of each image; FiftyOne's directory tree is `folder`, and its `_unlabeled` no class",
        fiftyone,
        "FiftyOne's image classification: 2 classes, 4 images, 1 of them unlabeled",
        ("cat", "dog"),
        {"pool": 4},
        {"cat": 1, "dog": 2},
    ),
    Row(
        "`images/a.jpg` and `labels.parquet` with `path,label[,split]`",
        "`parquet`: as a CSV of these columns",
        parquet,
        "a Parquet file (labels.parquet): 3 images, 2 classes",
        ("cat", "dog"),
        {"pool": 2, "test": 1},
        {"cat": 1, "dog": 1},
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
        "VOC: `JPEGImages/1.jpg`, `Annotations/1.xml`, or both beside each other, and no masks",
        "`voc`: the class of an image's objects; with objects of several classes it is unlabeled",
        voc_boxes,
        "Pascal VOC, the class of its objects as that of the image: 2 classes, 3 images, 2 of them labeled",
        ("cat", "dog"),
        {"pool": 3},
        {"cat": 1, "dog": 1},
        warned=("1 image with objects of several classes",),
    ),
    Row(
        "Label Studio's `project-7.json` above or beside the images, whatever addresses they have in it",
        "`labelstudio`: choices are classes, each under the name of who gave them; brushes, polygons and boxes a class a pixel",
        studio,
        "Label Studio, a class an image: 2 classes, 3 images, 2 of them labeled",
        ("cat", "dog"),
        {"pool": 3},
        {"cat": 1, "dog": 1},
    ),
    Row(
        "CVAT for images 1.1: `annotations.xml`, `images/1.jpg`",
        "`cvat`: a tag is a class; masks, polygons and boxes a class a pixel",
        cvat,
        "CVAT, a class a pixel: 2 classes, 2 images, all with masks",
        ("tree", "roof"),
        {"pool": 2},
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
