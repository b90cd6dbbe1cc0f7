"""COCO: folders of images and JSON files of annotations, polygons and run lengths, each object painted into the mask of its image."""

from __future__ import annotations

import json
import marshal
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore import masks
from alcore.errors import BadInput
from alcore.formats.base import SPLIT_NAMES, Format, check_memory, class_name, printable, walk
from alcore.formats.dense import Found, Item, Writing, size_of, split_of_folder
from alcore.types import Reading, Skipped

STARTS = re.compile(r'\s*\{\s*"(info|licenses|images|annotations|categories|type)"')
PER_BYTE = 7  # memory that Python needs for a byte of JSON, about
FAR = 10  # a corner may lie outside its image by so many times its sides


class Coco(Format):
    """The categories in the order of their ids; `instances_train2017.json` goes with the folder train2017 and the split its name tells.

    Objects are painted from the largest to the smallest, a later one over an earlier one of its size; what none covers is void, and so is
    what lies under a crowd. Images that no file lists are taken without a mask.
    """

    name = "coco"
    title = "COCO (polygons and run lengths)"
    rank = 35
    tasks = ("segmentation",)

    def recognizes(self, src: Path) -> str | None:
        """By the beginning of a JSON file of annotations."""
        return "COCO" if any(_begins_well(src / name) for name in _files(src)) else None

    def read(self, src: Path) -> Reading:
        """See Format."""
        names = [name for name in _files(src) if _begins_well(src / name)]
        if not names:
            raise BadInput(f"{src} holds no JSON file of COCO: put it into {src.name}/annotations, beside the folders of images")
        found = Found(src, [])
        place = _Place(list(walk(src, [])))
        categories: dict[int, str] = {}
        objects: list[bytes] = []
        taken: set[str] = set()
        for name in names:
            content = _load(src / name, name)
            _add_categories(name, content, categories)
            for path, told in _images(name, content, place, found.skipped):
                if path in taken:
                    found.skipped.append(Skipped(printable(path), f"listed again in {name}: the first one counts"))
                    continue
                taken.add(path)
                found.add(path, _split_of(name) or "pool", name if told else "")
                objects.append(told)
        for path in place.paths:
            if path not in taken:
                found.add(path, next(filter(None, map(split_of_folder, path.split("/")[:-1])), "pool"))
                objects.append(b"")
        classes = {number: at for at, number in enumerate(sorted(categories))}
        named = {categories[number]: None for number in sorted(categories)}
        return found.reading_of("COCO", named, Painted(src, found.entries.paths, found.masks, objects, classes))


class Painted(Sequence[np.ndarray | None]):
    """The masks beside a reading's entries, each painted when it is asked for; keeps nothing, so threads may ask at once."""

    def __init__(
        self, root: Path, paths: Sequence[str], names: Sequence[str], objects: Sequence[bytes], classes: Mapping[int, int]
    ) -> None:
        """`objects` are [width, height, [[annotation's id, category, crowd, segmentation], ...]] packed, b"" without a mask."""
        self._root, self._paths, self._names, self._objects, self._classes = root, paths, names, objects, classes

    def __len__(self) -> int:
        return len(self._objects)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        packed = self._objects[at]
        if not packed:
            return None
        width, height = size_of(self._root, self._paths[at])
        *told, objects = marshal.loads(packed)
        try:
            if any(side is not None for side in told) and told != [width, height]:
                raise BadInput(f"it says {told[0]} x {told[1]} pixels and the image has {width:,} x {height:,}: they must be of one size")
            return _painted(objects, self._classes, width, height)
        except BadInput as wrong:
            raise BadInput(f"{self._names[at]}, image {printable(self._paths[at])}: {wrong}") from wrong


def _painted(objects: Sequence[Sequence[Any]], classes: Mapping[int, int], width: int, height: int) -> np.ndarray:
    areas: list[tuple[list[int], int]] = []
    for number, category, crowd, segmentation in objects:
        try:
            if not crowd and category not in classes:
                raise BadInput(f"there is no category {category!r}")
            areas.append((runs_of(segmentation, height, width), masks.VOID if crowd else classes[category]))
        except BadInput as wrong:
            raise BadInput(f"annotation {number!r}: {wrong}") from wrong
    down = np.full(width * height, masks.VOID, np.uint8)  # column after column
    for runs, value in sorted(areas, key=lambda area: -sum(area[0][1::2])):  # stable: a later one of the same size lies above
        inside = runs[1 : len(runs) & ~1]  # between the first and the last pixel, so that a small object costs little
        covered = np.repeat(np.arange(len(inside)) % 2 == 0, np.array(inside, np.int64))
        down[runs[0] : runs[0] + len(covered)][covered] = value
    return np.ascontiguousarray(down.reshape(width, height).T)


def runs_of(segmentation: Any, height: int, width: int) -> list[int]:
    """Run lengths of polygons, or of run lengths as COCO writes them: down the columns, the first of what is not covered.

    Raises:
        BadInput: the segmentation is neither, or is not of this size.
    """
    if isinstance(segmentation, dict):
        if segmentation.get("size") != [height, width]:
            raise BadInput(f"its run lengths are of the size {segmentation.get('size')!r}, the image is {height} high and {width} wide")
        counts = segmentation.get("counts")
        runs = _uncompressed(counts) if isinstance(counts, str) else counts
        if not isinstance(runs, list) or any(type(run) is not int or run < 0 for run in runs) or sum(runs) != height * width:
            raise BadInput(f"its run lengths are damaged: they do not add up to the {height * width:,} pixels of the image")
        return runs
    if not isinstance(segmentation, list) or not segmentation:
        raise BadInput("it has no segmentation: boxes alone are no masks")
    for corners in segmentation:
        if (
            not isinstance(corners, list)
            or len(corners) < 6
            or len(corners) % 2
            or any(type(value) not in (int, float) for value in corners)
        ):
            raise BadInput("a polygon needs x and y of three corners at least")
        if not all(math.isfinite(value) and abs(value) <= FAR * max(width, height) for value in corners):
            raise BadInput("a polygon lies far outside of its image")

    from pycocotools import mask as coco  # compiled, and only needed here

    return _uncompressed(coco.merge(coco.frPyObjects(segmentation, height, width))["counts"].decode("ascii"))


def _uncompressed(counts: str) -> list[int]:
    """The run lengths in COCO's text of 6 bits a letter.

    Not pycocotools' own, which trusts them: each number is in groups of 5 bits, the lowest first, and from the fourth on told as the
    difference to the one before the last.
    """
    letters = np.frombuffer(counts.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if not len(letters) or letters.min() < 0 or letters.max() > 63 or letters[-1] & 32:
        raise BadInput("its run lengths are damaged")
    last = letters & 32 == 0
    first = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    place = np.arange(len(letters)) - np.repeat(first, np.diff(first, append=len(letters)))
    if place.max() > 6:
        raise BadInput("its run lengths are damaged")
    values = np.add.reduceat((letters & 31) << 5 * place, first)
    negative = letters[last] & 16 > 0
    values -= np.where(negative, 1 << 5 * (place[last] + 1), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values.tolist()


# ---- the files


def _files(src: Path) -> list[str]:
    """JSON files that may be COCO's, relative to `src`; where some are called instances, the others hold captions and the like."""
    if not src.is_dir():
        return []
    found = [*src.glob("*.json"), *src.glob("annotations/*.json"), *src.glob("*/_annotations.coco.json")]
    names = sorted(path.relative_to(src).as_posix() for path in found if path.is_file())
    instances = [name for name in names if os.path.basename(name).startswith("instances")]
    return instances or names


def _begins_well(file: Path) -> bool:
    try:
        with open(file, encoding="utf-8-sig", errors="replace") as text:
            return STARTS.match(text.read(4096)) is not None
    except OSError:
        return False  # another format may still take the folder


def _load(file: Path, name: str) -> Mapping[str, Any]:
    check_memory(PER_BYTE * file.stat().st_size, name)
    try:
        with open(file, encoding="utf-8-sig") as text:
            content = json.load(text)
    except (ValueError, RecursionError) as wrong:
        raise BadInput(f"{name} is no JSON ({str(wrong)[:200]}): export it again") from wrong
    except OSError as wrong:
        raise BadInput(f"{name} cannot be read: {wrong.strerror}") from wrong
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key, []), list) or (key == "images" and key not in content):
            raise BadInput(f"{name} has no list of {key}: export it again as COCO")
    return content


def _add_categories(name: str, content: Mapping[str, Any], categories: dict[int, str]) -> None:
    here: dict[int, str] = {}
    for category in content.get("categories", []):
        number, called = (category.get("id"), category.get("name")) if isinstance(category, dict) else (None, None)
        if type(number) is not int or not isinstance(called, str):
            raise BadInput(f"{name}: the category {str(category)[:80]} needs an id that is a whole number and a name")
        if number in here or class_name(called) in here.values():
            raise BadInput(f"{name}: the category {called!r} or its id {number} is there twice: give each its own")
        here[number] = class_name(called)
    for number, called in here.items():
        other = categories.setdefault(number, called)
        if other != called or list(categories.values()).count(called) > 1:
            raise BadInput(f"{name}: the category {called!r} has the id {number}, another file differs: give all files the same categories")


def _images(name: str, content: Mapping[str, Any], place: _Place, skipped: list[Skipped]) -> Iterator[tuple[str, bytes]]:
    """The images that are there, each with its objects packed, b"" when the file has no annotations at all."""
    of_image = _grouped(name, content.get("annotations", []), skipped)
    met: set[int | str] = set()
    for image in content["images"]:
        key = image.get("id") if isinstance(image, dict) else None
        called = image.get("file_name") if isinstance(image, dict) else None
        if not isinstance(key, int | str) or not isinstance(called, str):
            raise BadInput(f"{name}: the image {str(image)[:80]} needs an id and a file_name")
        if key in met:
            raise BadInput(f"{name}: the image id {key!r} is there twice, so it cannot be told whose its annotations are: export it again")
        met.add(key)
        objects = of_image.pop(key, [])
        path = place.find(called, name)
        if path is None:
            skipped.append(Skipped(printable(called[:200]), f"{name}: there is no such image"))
        else:
            sides = [side if type(side) is int else None for side in (image.get("width"), image.get("height"))]
            yield path, _packed(name, [*sides, objects]) if "annotations" in content else b""
    if of_image:
        number = sum(map(len, of_image.values()))
        skipped.append(Skipped(name, f"{number:,} annotations belong to no image of the file, the first to {next(iter(of_image))!r}"))


def _packed(name: str, told: list[Any]) -> bytes:
    """A quarter of the memory of Python's lists, in less than a tenth of the time JSON would take; never leaves the process."""
    try:
        return marshal.dumps(told)
    except ValueError as wrong:
        raise BadInput(f"{name} is no COCO: a segmentation holds lists in lists without end") from wrong


def _grouped(name: str, annotations: Sequence[Any], skipped: list[Skipped]) -> dict[int | str, list[list[Any]]]:
    grouped: dict[int | str, list[list[Any]]] = {}
    odd = 0
    for annotation in annotations:
        key = annotation.get("image_id") if isinstance(annotation, dict) else None
        if not isinstance(key, int | str):
            odd += 1
            continue
        category = annotation.get("category_id")
        kept = [
            annotation.get("id"),
            category if type(category) is int else str(category),
            bool(annotation.get("iscrowd")),
            annotation.get("segmentation"),
        ]
        grouped.setdefault(key, []).append(kept)
    if odd:
        skipped.append(Skipped(name, f"{odd:,} annotations without an image_id"))
    return grouped


def _split_of(name: str) -> str | None:
    """By the words of a JSON file's name, or the folder it lies in."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((SPLIT_NAMES[word] for word in reversed(words) if word in SPLIT_NAMES), None)


class _Place:
    """Finds the images that the files name, wherever they lie below the source, and nothing outside of it."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths
        self._there = set(paths)
        self._named: dict[str, str] = {}
        for path in paths:
            base = os.path.basename(path)
            self._named[base] = "" if base in self._named else path

    def find(self, called: str, name: str) -> str | None:
        """The image `called` so in the JSON file `name`: in the folder that goes with it, or the only one of that name."""
        part = re.sub(r"^(instances|annotations|panoptic|stuff)_", "", os.path.splitext(os.path.basename(name))[0])
        beside = os.path.dirname(name)
        for folder in (part, f"images/{part}", beside, "images", ""):
            path = os.path.normpath(os.path.join(folder, called))
            if path in self._there:
                return path
        return self._named.get(os.path.basename(called)) or None


def write_masks(out: Path, items: Iterable[Item], classes: Sequence[str], colors: Sequence[Sequence[int]]) -> None:
    """Writes train/, val/, test/ and annotations/instances_<split>.json with run lengths into `out`; read again, every mask is the same.

    Args:
        items: (name without suffix, image file or its content, train | val | test, mask).
        colors: have no place in this format.
    """
    from pycocotools import mask as coco

    writing = Writing(out, classes)
    listed: dict[str, tuple[list[Any], list[Any]]] = {}
    for item in items:
        path = writing.image(item, item[2])
        images, annotations = listed.setdefault(item[2], ([], []))
        mask = item[3]
        number = len(images) + 1
        images.append({"id": number, "file_name": os.path.basename(path), "width": mask.shape[1], "height": mask.shape[0]})
        counts = masks.pixel_counts(mask, len(classes))[:-1]
        for value in np.flatnonzero(counts).tolist():
            coded = coco.encode(np.asfortranarray(mask == value, np.uint8))
            segmentation = {"size": list(mask.shape), "counts": coded["counts"].decode("ascii")}
            box = coco.toBbox(coded).tolist()
            kept = {"id": len(annotations) + 1, "image_id": number, "category_id": value + 1, "iscrowd": 0}
            annotations.append({**kept, "area": counts[value], "bbox": box, "segmentation": segmentation})
    categories = [{"id": at + 1, "name": name, "supercategory": ""} for at, name in enumerate(classes)]
    for split, (images, annotations) in listed.items():
        content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
        writing.file(f"annotations/instances_{split}.json", json.dumps(content))


FORMAT = Coco()
