"""Small sources of masks in the layouts of the formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.reading import Reading

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
