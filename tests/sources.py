"""Small sources on the disk, as people have them: pictures that all differ, masks, JSON of COCO. For the tests of what is read."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.reading import Reading

SIDES = (12, 10)  # width and height of the pictures


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def noise(path: Path, sides: tuple[int, int] = SIDES) -> np.ndarray:
    """(height, width, 3) uint8, another one for each path."""
    rng = np.random.default_rng(zlib.crc32(str(path).encode()))
    return rng.integers(0, 256, (sides[1], sides[0], 3), dtype=np.uint8)


def picture(path: Path, sides: tuple[int, int] = SIDES, **options: Any) -> Path:
    """Writes a picture by its suffix; without one, a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".heic": "HEIF", ".tif": "TIFF", ".bmp": "BMP"}.get(path.suffix.lower(), "PNG")
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.fromarray(noise(path, sides)).save(path, kind, **options)
    return path


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        picture(folder / name)
    return folder


def mask(path: Path, *values: int, sides: tuple[int, int] = SIDES) -> np.ndarray:
    """Writes a mask of upright stripes of these values, and gives it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(sides[0]) * len(values) // sides[0]
    painted = np.tile(np.array(values, np.uint8)[at], (sides[1], 1))
    Image.fromarray(painted).save(path)
    return painted


def turned(orientation: int) -> dict[str, Any]:
    """Options to save a picture with that EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif.tobytes()}


def coco(images: Iterable[str], objects: Iterable[tuple[int, int, Any]], categories: Iterable[str] = ("cat", "dog"), **more: Any) -> str:
    """JSON: images numbered from 1 by file name, objects (image, category, segmentation), categories numbered from 1."""
    listed = [{"id": at, "file_name": name, "width": SIDES[0], "height": SIDES[1]} for at, name in enumerate(images, 1)]
    annotations = [
        {"id": at, "image_id": image, "category_id": category, "segmentation": area, "bbox": [0, 0, 4, 4], "iscrowd": 0}
        for at, (image, category, area) in enumerate(objects, 1)
    ]
    named = [{"id": at, "name": name} for at, name in enumerate(categories, 1)]
    return json.dumps({**more, "images": listed, "annotations": annotations, "categories": named})


def box(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    """A polygon around these pixels, as COCO has it."""
    return [[left, top, right, top, right, bottom, left, bottom]]


# ---- what was read


def splits_of(reading: Reading) -> dict[str, int]:
    return dict(Counter(entry.split for entry in reading.entries))


def labels_of(reading: Reading) -> dict[str, str | None]:
    return {entry.path: entry.label for entry in reading.entries}


def counts_of(reading: Reading) -> dict[str, int]:
    """Images by class; of masks how many have one."""
    if reading.masks is not None:
        return {"masks": sum(mask is not None for mask in reading.masks)}
    return dict(Counter(entry.label for entry in reading.entries if entry.label is not None))


def reasons_of(reading: Reading) -> dict[str, str]:
    return {one.path: one.reason for one in reading.skipped}
