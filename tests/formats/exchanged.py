"""Data sets as the programs of computer vision pass them around: YOLO, panoptic COCO, Hugging Face's, WebDataset's and FiftyOne's, made small."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from alcore.formats.hf import _schema
from tests.sources import SIDES, noise, picture, write

CLASSES = ("cat", "dog")


def content(name: str) -> bytes:
    """A JPEG, another one for each name."""
    made = io.BytesIO()
    Image.fromarray(noise(Path(name))).save(made, "JPEG")
    return made.getvalue()


def polygon(known: int, *corners: float) -> str:
    return f"{known} {' '.join(map(str, corners))}\n"


def yolo(folder: Path) -> None:
    for split, name in (("train", "a"), ("train", "b"), ("val", "c")):
        picture(folder / "images" / split / f"{name}.jpg")
        write(folder / "labels" / split / f"{name}.txt", "0 0.5 0.5 0.2 0.2\n")
    write(folder / "data.yaml", "names: [cat, dog]\n")


def yolo_polygons(folder: Path) -> None:
    """Roboflow's layout: a split's images beside its labels."""
    for split, name in (("train", "a b"), ("train", "x.rgb"), ("valid", "c")):
        picture(folder / split / "images" / f"{name}.jpg")
        write(folder / split / "labels" / f"{name}.txt", polygon(1, 0, 0, 0.5, 0, 0.5, 1, 0, 1))
    write(folder / "data.yaml", "path: ../elsewhere\ntrain: ../train/images\nval: ../valid/images\nnames:\n  0: cat\n  1: dog\n")


def panoptic(folder: Path) -> None:
    for split, name in (("train2017", "a"), ("val2017", "b")):
        picture(folder / split / f"{name}.jpg")
        numbers = np.zeros((SIDES[1], SIDES[0], 3), np.uint8)
        numbers[:4], numbers[4:8] = (7, 0, 0), (1, 2, 3)  # 7, and 1 + 256 * 2 + 256 * 256 * 3
        place = folder / "annotations" / f"panoptic_{split}" / f"{name}.png"
        place.parent.mkdir(parents=True)
        Image.fromarray(numbers).save(place)
        segments = [{"id": 7, "category_id": 9, "iscrowd": 0}, {"id": 1 + 256 * 2 + 65536 * 3, "category_id": 2, "iscrowd": 0}]
        told = {
            "images": [{"id": 1, "file_name": f"{name}.jpg", "width": SIDES[0], "height": SIDES[1]}],
            "annotations": [{"image_id": 1, "file_name": f"{name}.png", "segments_info": segments}],
            "categories": [{"id": 9, "name": "dog", "isthing": 1}, {"id": 2, "name": "cat", "isthing": 0}],
        }
        write(folder / "annotations" / f"panoptic_{split}.json", json.dumps(told))


def parquet_of_images(file: Path, rows: Iterable[tuple[bytes | None, str | None, int | None]], classes: Iterable[str] = CLASSES) -> Path:
    """Rows of (content, path, label), as Hugging Face's datasets writes them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    made = [{"image": {"bytes": of, "path": path}, "label": label, "annotator": None} for of, path, label in rows]
    pq.write_table(pa.Table.from_pylist(made, _schema(list(classes))), file)
    return file


def hf(folder: Path) -> None:
    parquet_of_images(folder / "data" / "train-00000-of-00001.parquet", [(content("a"), "a.jpg", 0), (content("b"), None, 1)])
    parquet_of_images(folder / "data" / "test-00000-of-00001.parquet", [(content("c"), "c.jpg", 1), (content("d"), "d.jpg", -1)])


def imagefolder(folder: Path) -> None:
    for split, names in (("train", "ab"), ("test", "c")):
        for name in names:
            picture(folder / split / f"{name}.jpg")
        lines = [json.dumps({"file_name": f"{name}.jpg", "label": CLASSES[at % 2]}) for at, name in enumerate(names)]
        write(folder / split / "metadata.jsonl", "\n".join(lines))


def imagefolder_csv(folder: Path) -> None:
    for split, names in (("train", "ab"), ("test", "c")):
        for name in names:
            picture(folder / split / f"{name}.jpg")
        lines = [f"{name}.jpg,{CLASSES[at % 2]}\n" for at, name in enumerate(names)]
        write(folder / split / "metadata.csv", "file_name,label\n" + "".join(lines))


def shard(file: Path, members: Iterable[tuple[str, bytes | str]]) -> Path:
    """A tar of these (name, content)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as tar:
        for name, of in members:
            packed = of.encode() if isinstance(of, str) else of
            about = tarfile.TarInfo(name)
            about.size = len(packed)
            tar.addfile(about, io.BytesIO(packed))
    return file


def webdataset(folder: Path) -> None:
    shard(folder / "train-000000.tar", [("a.cls", "0"), ("a.jpg", content("a")), ("b.jpg", content("b")), ("b.json", '{"label": "dog"}')])
    shard(folder / "train-000001.tar", [("n/c.jpg", content("c")), ("n/c.cls", "1")])
    shard(folder / "val-000000.tar", [("d.jpg", content("d")), ("d.cls", "0")])
    write(folder / "classes.txt", "cat\ndog\n")


def fiftyone(folder: Path) -> None:
    labels: dict[str, Any] = {"a": 0, "b c": 1, "deep/x.rgb": 1, "none": None}
    for name in labels:
        picture(folder / "data" / f"{name}.jpg")
    write(folder / "labels.json", json.dumps({"classes": list(CLASSES), "labels": labels}))


def parquet(folder: Path) -> None:
    for name in "abc":
        picture(folder / "images" / f"{name}.jpg")
    rows = {
        "id": [1, 2, 3],
        "path": [f"images/{name}.jpg" for name in "abc"],
        "label": ["cat", "dog", None],
        "split": ["train", "train", "test"],
    }
    pq.write_table(pa.table(rows), folder / "labels.parquet")
