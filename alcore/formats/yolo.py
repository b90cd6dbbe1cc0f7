"""YOLO: `images/` beside `labels/` of a text an image, `class x1 y1 x2 y2 …` a line in shares of the sides; `data.yaml` has the names."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, count, no_images, split_of_folder, walk
from alcore.formats.dense import Doubts, Found, sides_of
from alcore.formats.outlines import outlines
from alcore.formats.runs import painted, runs_of
from alcore.formats.writing import Item, Legend, Writing
from alcore.formats.yolo_texts import LOOKED_AT, NAMES, About, Labels, Objects, about_of, label_of, list_of, looks_right, yaml_of
from alcore.reading import Reading
from alcore.types import Skipped

MOST = 100_000  # images after which no more are asked
PLACES = 7  # decimals of what is written: far less than outlines.INSET


class Yolo(Format):
    """Polygons are painted, the smaller over the larger; what none covers is void. Boxes, or the task classification, give an image the
    class of its objects when that is only one. An empty text is an image without objects, no text an image nobody looked at.

    A text lies where `images` of the image's path reads `labels` and is called like the image but for the last suffix. Objects of a class
    beyond the names, or whose corners are no shares of the sides, are left out, counted and told.
    """

    name = "yolo"
    title = "YOLO (polygons, or boxes as classes)"
    rank = 33
    tasks = ("segmentation", "classification")

    def recognizes(self, src: Path) -> str | None:
        """By a text of numbers in the place of an image's labels, and names of classes beside."""
        if not src.is_dir() or not (yaml_of(src) or list_of(Inside(src))):
            return None
        door = Inside(src)
        met: Counter[str] = Counter()  # of each folder a few are asked: those of test have no texts
        for at, path in enumerate(walk(src, [])):
            folder = os.path.dirname(path)
            met[folder] += 1
            if at >= MOST:
                break
            text = label_of(path) if met[folder] <= LOOKED_AT else ""
            if text and door.has(text) and looks_right(door, text):
                return "YOLO"
        return None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        if not src.is_dir():
            raise BadInput(f"{src} is not a folder: give the folder of data.yaml, images and labels")
        door, skipped = Inside(src), list[Skipped]()
        paths = list(walk(src, skipped))
        if not paths:
            raise no_images(src, skipped)
        about = about_of(src, door, options.classes, paths)
        objects = Objects(about.names, about.keypoints)
        found = Found(src, skipped)
        seen = [objects.of(door, path) for path in paths]
        if options.task == "segmentation" and objects.boxes and not objects.areas:
            said = f"{src}: {count(objects.boxes, 'object')} with boxes and no polygon, so there are no masks: import it as classification"
            raise BadInput(said)
        skipped.extend(objects.told())
        names = about.names or tuple(str(number) for number in range(objects.highest + 1))
        if not names:
            raise BadInput(f"{src} names no class and has no label: import its images with the format flat")
        if options.task == "classification" or not objects.areas:
            reading = _by_labels(found, paths, seen, names, about)
        else:
            for path, image in zip(paths, seen, strict=True):
                found.add(path, about.split(path), label_of(path) if image is not None else "")
            given = Painted(src, found.entries.paths, found.masks, seen)
            reading = found.reading_of("YOLO's polygons", dict.fromkeys(names), given)
            reading.remarks = given.told
            if objects.boxes:
                reading.warnings.append(f"boxes have no area to paint and were left out: {objects.boxes:,}")
        empty = sum(1 for image in seen if image is not None and not image.text)
        if empty:
            reading.warnings.append(f"{count(empty, 'image')} with an empty text: no object is on {'it' if empty == 1 else 'them'}")
        reading.warnings += about.notes
        reading.used = frozenset((*([about.file] if about.file else []), *filter(None, map(label_of, paths)), *NAMES))
        return reading


def _by_labels(found: Found, paths: Sequence[str], seen: Sequence[Labels | None], names: Sequence[str], about: About) -> Reading:
    """One class an image: that of its objects when they are of one."""
    several = 0
    for path, image in zip(paths, seen, strict=True):
        classes = image.classes if image else frozenset()
        several += len(classes) > 1
        found.entries.append(path, about.split(path), names[next(iter(classes))] if len(classes) == 1 else None)
    labeled = int((found.entries.labels >= 0).sum())
    counted = f"{count(len(names), 'class', 'classes')}, {count(len(paths), 'image')}"
    told = f"YOLO, the class of its objects as that of the image: {counted}, {labeled:,} of them labeled"
    reading = Reading(found.root, tuple(names), found.entries, found.skipped, took_for=told)
    if several:
        verbs = ("has", "counts") if several == 1 else ("have", "count")
        reading.warnings.append(f"{count(several, 'image')} {verbs[0]} objects of several classes and {verbs[1]} as unlabeled")
    return reading


class Painted(Sequence[np.ndarray | None]):
    """The masks beside a reading's entries, each painted when it is asked for; keeps no pixel, so threads may ask at once."""

    def __init__(self, root: Path, paths: Sequence[str], names: Sequence[str], seen: Sequence[Labels | None]) -> None:
        self._root, self._paths, self._names, self._seen = root, paths, names, seen
        self._lock = threading.Lock()
        self.doubts = Doubts()

    def __len__(self) -> int:
        return len(self._seen)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        seen = self._seen[at]
        if seen is None:
            return None
        sides = sides_of(self._root, self._paths[at])
        if sides.turn is not None:
            with self._lock:
                self.doubts.add(self._paths[at])
        width, height = sides.upright
        scale = np.array([width, height], float)
        areas = []
        for known, corners in seen.polygons:
            areas.append((runs_of([(corners.reshape(-1, 2) * scale).ravel().tolist()], height, width), known))
        return painted(areas, height, width)

    def told(self) -> list[str]:
        """What could not be told."""
        return self.doubts.told()


FORMAT = Yolo()


# ---- writing


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    """Writes `images/<split>/`, `labels/<split>/` with a polygon a line for each area of pixels that touch by their sides, and data.yaml.

    Read again, every mask is the same: a hole is cut open to the outside, where the polygon goes in and out on one line. Void is written as
    nothing; that two areas were one object cannot be told.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    writing = Writing(out, legend.classes)
    splits: dict[str, None] = {}
    for item in items:
        place = writing.image(item, f"images/{item.split}/{_below(item.path)}")
        splits[item.split] = None
        writing.file(label_of(place), "".join(_lines(item.mask, len(legend.classes))))
    names = "".join(f"  {at}: {json.dumps(name)}\n" for at, name in enumerate(legend.classes))  # JSON's texts are YAML's
    folders = "".join(f"{split}: images/{split}\n" for split in ("train", "val", "test") if split in splits)
    writing.file("data.yaml", f"path: .\n{folders}names:\n{names}")
    return writing.renamed


def _below(path: str) -> str:
    """A path without the folders that are written anew around it."""
    parts = path.split("/")
    while len(parts) > 1 and (parts[0] == "images" or split_of_folder(parts[0])):
        parts = parts[1:]
    return "/".join(parts)


def _lines(mask: np.ndarray, classes: int) -> Iterator[str]:
    height, width = mask.shape
    for value in range(classes):
        region = mask == value
        if not region.any():
            continue
        for polygon in outlines(region):
            shares = (f"{x / width:.{PLACES}f} {y / height:.{PLACES}f}" for x, y in polygon)
            yield f"{value} {' '.join(shares)}\n"
