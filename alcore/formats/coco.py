"""COCO: folders of images and JSON files of annotations, polygons and run lengths, each object painted into the mask of its image."""

from __future__ import annotations

import json
import marshal
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import (
    AS_FOUND,
    Format,
    Inside,
    ReadOptions,
    count,
    inside_of,
    no_images,
    split_of_listing,
    split_of_path,
    walk,
)
from alcore.formats.coco_json import Content, Listed, content_of, looks_like_coco
from alcore.formats.dense import Doubts, Found, Sides, sides_of
from alcore.formats.places import SEVERAL, Places
from alcore.formats.runs import extent, painted, runs_of
from alcore.formats.writing import Item, Legend, Writing
from alcore.naming import printable
from alcore.pixels import masks
from alcore.reading import Reading
from alcore.types import VOID, Skipped

OTHERS = ("panoptic", "captions", "person_keypoints")  # COCO's files that have no areas of objects
NEVER_IMAGES = re.compile(r"(^|/)(annotations|panoptic[^/]*|stuffthingmaps[^/]*)/")


class Coco(Format):
    """The categories in the order of their ids; `instances_train2017.json` goes with the folder train2017 and the split its name tells.

    Objects are painted from the largest to the smallest, a later one over an earlier one of its size; what none covers is void, and so is
    what lies under a crowd. An object that means nothing is left out, counted and told. Images that no file lists are taken without a
    mask. Files with nothing but boxes, or the task classification, give an image the class of its objects when that is only one.
    """

    name = "coco"
    title = "COCO (polygons and run lengths)"
    rank = 35
    tasks = ("segmentation", "classification")

    def recognizes(self, src: Path) -> str | None:
        """By what is in a JSON file near the images."""
        return "COCO" if any(looks_like_coco(src / name) for name in _files(src)) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        skipped: list[Skipped] = []
        contents = _contents(src, skipped)
        paths = [path for path in walk(src, []) if not NEVER_IMAGES.search(path)]
        claims = _claimed(contents, Places(src, paths), skipped)
        areas, boxes = sum(content.areas for content in contents), sum(content.boxes for content in contents)
        if options.task == "segmentation" and boxes and not areas:
            said = f"{src}: {count(boxes, 'object')} with boxes and no area at all, so there are no masks: import it as classification"
            raise BadInput(said)
        found = Found(src, skipped)
        names = list(dict.fromkeys(name for content in contents for name in content.classes))
        ids = {name: number for content in reversed(contents) for name, number in zip(content.classes, content.ids, strict=True)}
        if not names:
            raise BadInput(f"{src}: {contents[0].name} names 0 classes, so there are no labels: import its images with the format flat")
        if options.task == "classification" or (boxes and not areas):
            reading = _by_labels(found, paths, claims, names)
        else:
            objects = []
            for path, listed, content in _in_order(paths, claims):
                found.add(path, _split_of(path, content), content.name if content and listed and listed.objects else "")
                objects.append(listed)
            given = Painted(src, found.entries.paths, found.masks, objects, {name: at for at, name in enumerate(names)})
            reading = found.reading_of("COCO", dict.fromkeys(names), given)
            reading.remarks = given.told
            reading.warnings += [f"objects with a box and no area were left out: {boxes:,}"] if boxes else []
        reading.naming = {"ids": [ids[name] for name in names]}
        reading.used = frozenset((*(content.name for content in contents), *_jsons(src, (*OTHERS, "image_info"))))
        return reading


def _by_labels(found: Found, paths: Sequence[str], claims: Mapping[str, tuple[Listed, Content]], names: Sequence[str]) -> Reading:
    """One class an image: that of its objects when they are of one."""
    several = 0
    for path, listed, content in _in_order(paths, claims):
        classes = sorted(listed.classes) if listed else []
        several += len(classes) > 1
        found.entries.append(path, _split_of(path, content), classes[0] if len(classes) == 1 else None)
    if not len(found.entries):
        raise no_images(found.root, found.skipped)
    labeled = int((found.entries.labels >= 0).sum())
    counted = f"{count(len(names), 'class', 'classes')}, {count(len(found.entries), 'image')}"
    told = f"COCO, the class of its objects as that of the image: {counted}"
    reading = Reading(found.root, tuple(names), found.entries, found.skipped, took_for=f"{told}, {labeled:,} of them labeled")
    if several:
        verbs = ("has", "counts") if several == 1 else ("have", "count")
        reading.warnings.append(f"{count(several, 'image')} {verbs[0]} objects of several classes and {verbs[1]} as unlabeled")
    return reading


def _in_order(paths: Sequence[str], claims: Mapping[str, tuple[Listed, Content]]) -> Iterable[tuple[str, Listed | None, Content | None]]:
    """The listed images in the order of the files, then the others."""
    for path, (listed, content) in claims.items():
        yield path, listed, content
    for path in paths:
        if path not in claims:
            yield path, None, None


def _split_of(path: str, content: Content | None) -> str:
    return (split_of_listing(content.name) if content else None) or split_of_path(path) or "pool"


def _claimed(contents: Sequence[Content], places: Places, skipped: list[Skipped]) -> dict[str, tuple[Listed, Content]]:
    """Path -> the image that a file means by it. A claim by the whole path beats one by its end; two of one kind set both aside."""
    claims: dict[str, tuple[Listed, Content]] = {}
    torn: set[str] = set()
    for content in contents:
        for listed in content.images:
            path, reason = _place(listed.called, content.name, places)
            if not path:
                skipped.append(Skipped(printable(listed.called[:200]), f"{content.name}: {reason}"))
                continue
            if path not in claims:
                claims[path] = (listed, content)
                continue
            before, other = claims[path]
            if before.called == listed.called:
                skipped.append(Skipped(printable(path), f"listed again in {content.name}: the first one counts"))
            elif _whole(path, before) == _whole(path, listed):
                torn.add(path)
                reason = f"{before.called[:80]!r} and {listed.called[:80]!r} both fit this one image: set aside, name the folders of both"
                skipped.append(Skipped(printable(path), f"{content.name}: {reason}"))
            else:
                loser = listed if _whole(path, before) else before
                claims[path] = (before, other) if _whole(path, before) else (listed, content)
                skipped.append(
                    Skipped(printable(loser.called[:200]), f"{content.name}: there is no such image; {printable(path)[:80]} is another's")
                )
    for path in torn:
        listed, content = claims[path]
        claims[path] = (Listed(listed.called, listed.width, listed.height, b"", frozenset()), content)
    return claims


def _whole(path: str, listed: Listed) -> bool:
    return f"/{path}".endswith("/" + listed.called.replace("\\", "/").removeprefix("./").lstrip("/"))


def _place(called: str, name: str, places: Places) -> tuple[str, str]:
    """The image `called` so in the JSON file `name`: in the folder that goes with it, else by the end of its path."""
    part = re.sub(r"^(instances|annotations|panoptic|stuff)_", "", os.path.splitext(os.path.basename(name))[0])
    beside = os.path.dirname(name)
    up = os.path.dirname(beside)  # train/annotations/x.json beside train/images
    own = split_of_listing(name)

    def allowed(path: str) -> bool:
        return own is None or split_of_path(path) in (None, own)  # val's images are not to be found in train

    around = [f"{place}/{way}" for place in (beside, up) for way in (part, f"images/{part}")]
    ways = dict.fromkeys((*around, part, f"images/{part}", beside, f"{beside}/images", "images", up, f"{up}/images", ""))
    path, reason = places.find(called, [way.lstrip("/") for way in ways], allowed)
    return (path, "") if path else ("", reason if reason == SEVERAL else "there is no such image")


class Painted(Sequence[np.ndarray | None]):
    """The masks beside a reading's entries, each painted when it is asked for; keeps no pixel, so threads may ask at once."""

    def __init__(
        self, root: Path, paths: Sequence[str], names: Sequence[str], listed: Sequence[Listed | None], classes: Mapping[str, int]
    ) -> None:
        """`names` are the JSON files' beside the entries, `classes` indices by name."""
        self._root, self._paths, self._names, self._listed, self._classes = root, paths, names, listed, classes
        self._lock = threading.Lock()
        self._left_out: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self.doubts = Doubts()

    def __len__(self) -> int:
        return len(self._listed)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        listed = self._listed[at]
        if listed is None or not listed.objects:
            return None
        sides = sides_of(self._root, self._paths[at])
        objects = marshal.loads(listed.objects)
        try:
            size = self._drawn_on(listed, objects, sides, self._paths[at])
        except BadInput as wrong:
            raise BadInput(f"{self._names[at]}, image {printable(self._paths[at])}: {wrong}") from wrong
        areas = []
        for number, name, segmentation in objects:
            try:
                runs = runs_of(segmentation, size[1], size[0])
                areas.append((runs, VOID if name is None else self._classes[name]))
            except BadInput as wrong:
                self._leave_out(str(wrong), f"annotation {str(number)[:40]} of {printable(self._paths[at])[:80]}")
        mask = painted(areas, size[1], size[0])
        return mask if size == sides.upright else sides.stood(mask)

    def _drawn_on(self, listed: Listed, objects: Sequence[Sequence[Any]], sides: Sides, path: str) -> tuple[int, int]:
        """Width and height of the picture the objects were drawn on: upright, or as its file has it where only that fits."""
        told = (listed.width, listed.height)
        if None not in told:
            if told not in (sides.upright, sides.raw):
                width, height = sides.upright
                raise BadInput(f"it says {told[0]} x {told[1]} pixels and the image has {width:,} x {height:,}: they must be of one size")
            size = sides.upright if told == sides.upright else sides.raw
        else:
            size = sides.raw if sides.raw != sides.upright and self._only_raw(objects, sides) else sides.upright
        if sides.turn is not None and (sides.raw == sides.upright or (None in told and size == sides.upright)):
            self.doubts.add(path)
        return size

    @staticmethod
    def _only_raw(objects: Sequence[Sequence[Any]], sides: Sides) -> bool:
        """True when an object cannot have been drawn on the upright picture."""
        for _, _, segmentation in objects:
            far = extent(segmentation)
            if isinstance(far, list):
                return far == [sides.raw[1], sides.raw[0]]
            if far[0] > sides.upright[0] + 1 or far[1] > sides.upright[1] + 1:
                return True
        return False

    def _leave_out(self, reason: str, first: str) -> None:
        with self._lock:
            self._left_out[reason] += 1
            self._first.setdefault(reason, first)

    def told(self) -> list[str]:
        """What was left out while the masks were painted, and what could not be told."""
        said = [f"{count(n, 'object')} left out, the first is {self._first[why]}: {why}" for why, n in sorted(self._left_out.items())]
        return [*said, *self.doubts.told()]


# ---- the files


def _files(src: Path) -> list[str]:
    """JSON files that may be COCO's, relative to `src`; where some are called instances, the others hold captions and the like."""
    return _jsons(src, ("instances",)) or [name for name in _jsons(src) if not os.path.basename(name).startswith(OTHERS)]


def _jsons(src: Path, called: str | tuple[str, ...] = "") -> list[str]:
    """The JSON files whose names begin so, in `src` and its folders."""
    if not src.is_dir():
        return []
    door = Inside(src)
    folders, files = inside_of(src)
    below = [f"{name}/{file}" for name in folders for file in inside_of(src / name)[1]]
    deeper = [f"{name}/annotations/{file}" for name in folders for file in inside_of(src / name / "annotations")[1]]
    named = [name for name in (*files, *below, *deeper) if os.path.basename(name).startswith(called)]
    return [name for name in named if name.lower().endswith(".json") and door.has(name)]


def _contents(src: Path, skipped: list[Skipped]) -> list[Content]:
    """What the files hold that are COCO's; a file that is not costs only itself, unless there is no other."""
    contents: list[Content] = []
    faults: list[tuple[str, BadInput]] = []
    names = _files(src)
    for name in [name for name in names if looks_like_coco(src / name)] or names:  # asked for by name, every JSON is tried
        try:
            contents.append(content_of(src / name, name, skipped))
        except BadInput as wrong:
            faults.append((name, wrong))
    if not contents and faults:
        raise faults[0][1]
    if not contents:
        raise BadInput(f"{src} holds no JSON file of COCO: put it into {src.name}/annotations, beside the folders of images")
    skipped.extend(Skipped(printable(name), str(wrong)) for name, wrong in faults)
    return contents


# ---- writing


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    """Writes the images where they were and annotations/instances_<split>.json with run lengths into `out`; read again, every mask is the
    same. The categories keep their ids.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    from pycocotools import mask as coco  # compiled, and only needed here

    writing = Writing(out, legend.classes)
    ids = _numbers(legend)
    listed: dict[str, tuple[list[Any], list[Any]]] = {}
    for item in items:
        path = writing.image(item, item.path)
        images, annotations = listed.setdefault(item.split, ([], []))
        mask = item.mask
        number = len(images) + 1
        images.append({"id": number, "file_name": path, "width": mask.shape[1], "height": mask.shape[0]})
        counts = masks.pixel_counts(mask, len(legend.classes))[:-1]
        for value in np.flatnonzero(counts).tolist():
            coded = coco.encode(np.asfortranarray(mask == value, np.uint8))
            segmentation = {"size": list(mask.shape), "counts": coded["counts"].decode("ascii")}
            box = coco.toBbox(coded).tolist()
            kept = {"id": len(annotations) + 1, "image_id": number, "category_id": ids[value], "iscrowd": 0}
            annotations.append({**kept, "area": counts[value], "bbox": box, "segmentation": segmentation})
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in zip(ids, legend.classes, strict=True)]
    for split, (images, annotations) in listed.items():
        content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
        writing.file(f"annotations/instances_{split}.json", json.dumps(content))
    return writing.renamed


def _numbers(legend: Legend) -> list[int]:
    """The category ids of the source where they are numbers in the order of the classes, else 1, 2, …"""
    given = [number for number in legend.naming.get("ids", ()) if type(number) is int][: len(legend.classes)]
    given = given if given == sorted(set(given)) else []
    start = max(given, default=0) + 1
    return [*given, *range(start, start + len(legend.classes) - len(given))]


FORMAT = Coco()
