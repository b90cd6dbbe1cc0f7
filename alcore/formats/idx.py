"""IDX files, the MNIST family: `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte`, each also as .gz."""

from __future__ import annotations

import gzip
import math
import os
import re
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, array_entries, check_memory, count
from alcore.naming import class_order
from alcore.reading import Reading
from alcore.types import Entry

FILE = re.compile(r"(?P<set>.*?)(?P<part>train|t10k|test|val)-(?P<what>images|labels)[-.]idx[13]-ubyte(?P<packed>\.gz)?", re.IGNORECASE)
DEFLATE_MOST = 1032  # times its size a gzip file can unpack to
PARTS = {"train": "train", "val": "val", "t10k": "test", "test": "test"}
AXES = {"images": 3, "labels": 1}

Files = dict[tuple[str, str], Path]  # (part, images or labels) -> file


class IdxFiles(Format):
    """The folder with the files, or one with a folder `raw` below it as torchvision leaves it. An unpacked file goes before its .gz."""

    name = "idx"
    title = "IDX files (MNIST family)"
    rank = 10

    def recognizes(self, src: Path) -> str | None:
        """By the names of the image files."""
        return "IDX files of the MNIST family" if _find(src) is not None else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        found = _find(src)
        if found is None:
            raise BadInput(f"{src} holds no IDX files: give the folder of train-images-idx3-ubyte, or its .gz")
        folder, files = found
        entries: list[Entry] = []
        arrays, listed = [], []
        for part in ("train", "val", "test"):
            if (part, "images") not in files:
                continue
            images = _read_idx(files[part, "images"], AXES["images"])
            labels: list[str | None] = [None] * len(images)
            if (part, "labels") in files:
                labels = [str(number) for number in _read_idx(files[part, "labels"], AXES["labels"]).tolist()]
            if len(labels) != len(images):
                raise BadInput(
                    f"{files[part, 'images'].name} holds {count(len(images), 'image')}, {files[part, 'labels'].name} "
                    f"{count(len(labels), 'label')}: the numbers must agree, download the files again"
                )
            arrays.append(images)
            entries += array_entries(part, labels)
            listed.append(f"{len(images):,} {part}")
        if not entries:
            raise BadInput(f"{folder}: the IDX files hold no images")
        classes = class_order(entry.label for entry in entries if entry.label is not None)
        took_for = f"IDX files (MNIST family): {', '.join(listed)} images, {count(len(classes), 'class', 'classes')}"
        return Reading(folder, classes, entries, arrays=arrays, took_for=took_for)


def _find(src: Path) -> tuple[Path, Files] | None:
    if not src.is_dir():
        return None
    for folder in (src, src / "raw", src / "MNIST" / "raw"):
        files, sets = _files(folder)
        if any(what == "images" for _, what in files):
            if len(sets) > 1:
                raise BadInput(f"{folder} holds several sets of IDX files ({', '.join(sorted(sets))}): put each into a folder of its own")
            return folder, files
    return None


def _files(folder: Path) -> tuple[Files, set[str]]:
    files: Files = {}
    sets = set()
    door = Inside(folder)
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # the unpacked name sorts before the one with .gz
        match = FILE.fullmatch(name)
        if match and door.has(name):
            files.setdefault((PARTS[match["part"].lower()], match["what"].lower()), folder / name)
            sets.add(match["set"] or "without prefix")
    return files, sets


def _read_idx(path: Path, axes: int) -> np.ndarray:
    """The uint8 array of the file; BadInput when its heading and its length disagree."""
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb") as file:
            return _parse(file, path, axes)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as wrong:
        raise BadInput(f"{path} cannot be read ({wrong}): download it again") from wrong


def _parse(file: BinaryIO, path: Path, axes: int) -> np.ndarray:
    heading = file.read(4 + 4 * axes)
    if heading[:4] != bytes((0, 0, 8, axes)):
        raise BadInput(f"{path} is not an IDX file of {'images' if axes == 3 else 'labels'}: it does not begin as one. Download it again")
    if len(heading) < 4 + 4 * axes:
        raise BadInput(f"{path} is cut short: it ends within its heading. Download it again")
    shape = tuple(int(side) for side in np.frombuffer(heading, ">u4", offset=4))
    expected = math.prod(shape)
    if 0 in shape[1:]:
        raise BadInput(f"{path} says its images are {shape[2]} x {shape[1]} pixels: download it again")
    check_memory(expected, str(path))
    most = path.stat().st_size * (1 if path.suffix.lower() != ".gz" else DEFLATE_MOST)
    if expected > most:  # a heading may claim anything; nothing is allocated for it
        claimed = f"{expected:,} bytes ({' x '.join(map(str, shape))})"
        raise BadInput(f"{path} should hold {claimed} and is {path.stat().st_size:,} bytes long: download it again")
    content = file.read(expected + 1)
    if len(content) != expected:
        there = f"{len(content):,}" if len(content) < expected else "more"
        raise BadInput(f"{path} should hold {expected:,} bytes ({' x '.join(map(str, shape))}) and holds {there}: download it again")
    return np.frombuffer(content, np.uint8).reshape(shape)


FORMAT = IdxFiles()
