"""COCO's panoptic files: a PNG an image whose colors are numbers of segments, R + 256 G + 256^2 B, and a JSON that says what each is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, check_memory, near, split_of_listing, split_of_path, walk
from alcore.formats.dense import Found
from alcore.formats.places import Places
from alcore.naming import check_class, printable
from alcore.pixels import kinds
from alcore.reading import Reading
from alcore.types import VOID, Skipped

BLOCK = 1 << 16  # bytes that tell what a JSON is
PER_BYTE = 7  # memory that Python needs for a byte of JSON, about
SEGMENTS = b'"segments_info"'
NEVER_IMAGES = re.compile(r"(^|/)(annotations|panoptic[^/]*)/")


class Panoptic(Format):
    """The categories in the order of their ids, things and stuff alike; which segments are one object is not kept. What is no segment of
    the JSON, or a crowd, is void. The PNGs lie in a folder called like their JSON, or where their names are found.
    """

    name = "panoptic"
    title = "COCO panoptic (PNG and segments_info)"
    rank = 32
    tasks = ("segmentation",)

    def recognizes(self, src: Path) -> str | None:
        """By a JSON with segments_info near the images; where there are instances too, those are read."""
        names = near(src, ".json")
        if any(os.path.basename(name).startswith("instances") for name in names):
            return None
        return "COCO panoptic" if any(_looks_right(src / name) for name in names) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        names = [name for name in near(src, ".json") if _looks_right(src / name)]
        if not names:
            raise BadInput(f"{src} holds no JSON with segments_info: give the folder of the images and annotations")
        skipped: list[Skipped] = []
        found = Found(src, skipped)
        contents = [(name, _loaded(src, name)) for name in names]
        classes: dict[str, int] = {}
        ids: dict[int, str] = {}
        for name, content in contents:
            ids |= _categories(name, content)
        for number in sorted(ids):
            classes.setdefault(ids[number], len(classes))
        every = list(walk(src, []))
        pictures = [path for path in every if not NEVER_IMAGES.search(path)]
        images, pngs = Places(src, pictures), Places(src, [path for path in every if path.lower().endswith(".png")])
        segments: dict[str, Mapping[int, int]] = {}
        taken: set[str] = set()
        for name, content in contents:
            for called, png, of in _annotated(name, content, skipped):
                path, mask = _image(images, called, name), _mask(pngs, png, name)
                if not path:
                    skipped.append(Skipped(printable(called[:200]), f"{name}: there is no such image"))
                elif path in taken:
                    skipped.append(Skipped(printable(path), f"listed again in {name}: the first one counts"))
                else:
                    taken.add(path)
                    if not mask:
                        skipped.append(Skipped(printable(png[:200]), f"{name}: there is no such PNG; its image is unlabeled"))
                    elif unknown := next((one for one in of.values() if one not in ids and one is not None), None):
                        skipped.append(Skipped(printable(png[:200]), f"{name}: there is no category {unknown}; such segments are void"))
                    segments[mask] = {number: VOID if one not in ids else classes[ids[one]] for number, one in of.items()}
                    found.add(path, split_of_listing(name) or split_of_path(path) or "pool", mask)
        for path in pictures:
            if path not in taken and path not in segments:
                found.add(path, split_of_path(path) or "pool")

        def read(name: str) -> np.ndarray:
            return _classes_of(src / name, segments[name])

        reading = found.reading("COCO panoptic", dict.fromkeys(classes), read)
        reading.used = frozenset(names)
        return reading


def _classes_of(file: Path, segments: Mapping[int, int]) -> np.ndarray:
    """(H, W) uint8 of class indices from a PNG of numbers."""
    with kinds.opened(file) as picture:
        if picture.mode not in ("RGB", "RGBA"):
            raise BadInput(f"a PNG of numbers has three channels, this one is {picture.mode}: export it again")
        rgb = np.asarray(picture)[..., :3].astype(np.uint32)
    numbers, where = np.unique(rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2], return_inverse=True)
    values = np.array([segments.get(int(number), VOID) for number in numbers], np.uint8)
    mask: np.ndarray = values[where.reshape(rgb.shape[:2])]
    return mask


def _looks_right(file: Path) -> bool:
    """Whether a file says segments_info: at its beginning, or at its end where a list of many images stands before."""
    try:
        with open(file, "rb") as binary:
            start = binary.read(BLOCK)
            binary.seek(max(0, os.fstat(binary.fileno()).st_size - BLOCK))
            return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and (SEGMENTS in start or SEGMENTS in binary.read(BLOCK))
    except OSError:
        return False


def _loaded(src: Path, name: str) -> Mapping[str, Any]:
    door = Inside(src)
    check_memory(PER_BYTE * door.file(name).stat().st_size, name)
    try:
        content = json.loads(door.text(name))
    except (ValueError, RecursionError) as wrong:
        raise BadInput(f"{name} is no JSON ({str(wrong)[:120]}): export it again") from wrong
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise BadInput(f"{name} has no list of {key}: export it again as COCO panoptic")
    result: Mapping[str, Any] = content
    return result


def _categories(name: str, content: Mapping[str, Any]) -> dict[int, str]:
    found: dict[int, str] = {}
    for one in content["categories"]:
        if not isinstance(one, dict) or type(one.get("id")) is not int or not isinstance(one.get("name"), str):
            raise BadInput(f"{name}: the category {printable(str(one))[:80]} needs a number as id and a name")
        if found.setdefault(one["id"], check_class(one["name"], name)) != check_class(one["name"], name):
            raise BadInput(f"{name}: two categories have the id {one['id']}: export it again")
    return found


def _annotated(name: str, content: Mapping[str, Any], skipped: list[Skipped]) -> list[tuple[str, str, dict[int, int | None]]]:
    """(the image's file_name, the PNG's, segment -> category or None of a crowd) of each annotation that can be understood."""
    called = {one["id"]: one.get("file_name") for one in content["images"] if isinstance(one, dict) and "id" in one}
    found = []
    for one in content["annotations"]:
        of, image = (one.get("segments_info"), called.get(one.get("image_id"))) if isinstance(one, dict) else (None, None)
        png = one.get("file_name") if isinstance(one, dict) else None
        whole = isinstance(of, list) and all(
            isinstance(s, dict) and type(s.get("id")) is int and type(s.get("category_id")) is int for s in of
        )
        if not isinstance(image, str) or not isinstance(png, str) or not whole or not isinstance(of, list):
            skipped.append(Skipped(name, f"an annotation without image, file_name or whole segments_info: {printable(str(one))[:80]}"))
            continue
        found.append((image, png, {s["id"]: None if s.get("iscrowd") else s["category_id"] for s in of}))
    return found


def _image(places: Places, called: str, name: str) -> str:
    part = re.sub(r"^panoptic_", "", os.path.splitext(os.path.basename(name))[0])
    own = split_of_listing(name)
    ways = (part, f"images/{part}", os.path.dirname(name), "images", "")
    return places.find(called, ways, lambda path: own is None or split_of_path(path) in (None, own))[0]


def _mask(places: Places, called: str, name: str) -> str:
    stem = os.path.splitext(name)[0]
    base = os.path.basename(stem)
    return places.find(
        called, (stem, base, f"annotations/{base}", f"panoptic/{base}", os.path.dirname(name)), lambda path: _fits(path, base)
    )[0]


def _fits(path: str, base: str) -> bool:
    own, found = split_of_listing(base), split_of_listing(path)
    return own is None or found in (None, own)


FORMAT = Panoptic()
