"""What one JSON file of COCO says, taken as it is meant: ids and numbers as text, a flat list of corners, what means nothing left out.

Knows neither the images on the disk nor a pixel.
"""

from __future__ import annotations

import json
import marshal
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alcore.errors import BadInput
from alcore.formats.base import check_memory
from alcore.formats.runs import NO_AREA, usable
from alcore.naming import check_class, printable
from alcore.types import Skipped

# Lists under both of the keys that other files with annotations lack, not empty; they may stand anywhere in the file.
KEYS = (re.compile(rb'"images"\s*:\s*\[\s*[\{\]]'), re.compile(rb'"categories"\s*:\s*\[\s*[^\]\s]'))
BLOCK, KEY = 1 << 20, 256  # bytes searched at a time, and those in which a key with its brackets fits
PER_BYTE = 7  # memory that Python needs for a byte of JSON, about
FALSE = ("", "0", "false", "none", "0.0")


@dataclass
class Listed:
    """An image of the file.

    Attributes:
        called: its file_name.
        width, height: as the file has them; None when it does not.
        objects: [[annotation's id, class name or None of a crowd, usable segmentation], ...] packed; b"" when the file has no annotations.
        classes: names of the classes of its objects, boxes among them.
    """

    called: str
    width: int | None
    height: int | None
    objects: bytes
    classes: frozenset[str]


@dataclass
class Content:
    """What is usable of a file.

    Attributes:
        classes: names in the order of their ids; `ids` likewise.
        images: in the file's order.
        boxes: objects that have nothing but a box; `areas` those that can be painted.
    """

    name: str
    classes: list[str] = field(default_factory=list)
    ids: list[int | str] = field(default_factory=list)
    images: list[Listed] = field(default_factory=list)
    boxes: int = 0
    areas: int = 0


def looks_like_coco(file: Path) -> bool:
    """By what is in it, not by its name, its place or its first key. False for what cannot be read."""
    try:
        with open(file, "rb") as binary:
            block = binary.read(BLOCK)
            if not block.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                return False
            missing = [key for key in KEYS if not key.search(block)]
            length = os.fstat(binary.fileno()).st_size
            if missing and length > BLOCK:  # the end comes before the middle: most files are found out without it
                binary.seek(max(0, length - BLOCK))
                end = binary.read(BLOCK)
                missing = [key for key in missing if not key.search(end)]
                binary.seek(BLOCK - KEY)
                while missing and len(block := binary.read(BLOCK)) > KEY:
                    missing = [key for key in missing if not key.search(block)]
                    binary.seek(-KEY, os.SEEK_CUR)
            return not missing
    except OSError:
        return False


def content_of(file: Path, name: str, skipped: list[Skipped]) -> Content:
    """The file's content; what of it means nothing goes to `skipped`, counted by its reason.

    Raises:
        BadInput: it is no JSON, or has no list of images.
    """
    content = _load(file, name)
    found = Content(name)
    class_of = _categories(found, content, skipped)
    objects, aside = _grouped(found, content, class_of)
    _add_images(found, content, objects, skipped, has_annotations="annotations" in content)
    for reason, (number, first) in aside.items():
        if reason != NO_AREA:  # of boxes that is no news: the reading says it
            skipped.append(
                Skipped(name, f"{number:,} object{'s' if number > 1 else ''} left out, the first is annotation {first}: {reason}")
            )
    if objects:
        number = sum(len(of) for of, _ in objects.values())
        skipped.append(
            Skipped(name, f"{number:,} annotations belong to no image of the file, the first to {str(next(iter(objects)))[:40]}")
        )
    return found


def _load(file: Path, name: str) -> Mapping[str, Any]:
    check_memory(PER_BYTE * file.stat().st_size, name)
    try:
        with open(file, encoding="utf-8-sig") as text:
            content = json.load(text)
    except (ValueError, RecursionError) as wrong:
        raise BadInput(f"{name} is no JSON ({str(wrong)[:120]}): export it again") from wrong
    except OSError as wrong:
        raise BadInput(f"{name} cannot be read: {wrong.strerror}") from wrong
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise BadInput(f"{name} has no list of images: export it again as COCO")
    for key in ("annotations", "categories"):
        if content.get(key) is not None and not isinstance(content[key], list):
            raise BadInput(f"{name} has no list of {key}: export it again as COCO")
    return content


def _key(value: Any) -> int | str | None:
    """An id as a whole number where it is one in any spelling (2, "2", 2.0), else as text; None for what is no id."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value == value and abs(value) < 1e15 and value == int(value) else None
    if isinstance(value, str) and value.strip():
        text = value.strip()
        digits = text.removeprefix("-").removesuffix(".0")
        return int(text.removesuffix(".0")) if digits.isascii() and digits.isdigit() and len(digits) < 19 else text
    return None


def _categories(found: Content, content: Mapping[str, Any], skipped: list[Skipped]) -> dict[int | str, str]:
    """id -> class name; two ids of one name are one class."""
    class_of: dict[int | str, str] = {}
    for category in content.get("categories") or ():
        number = _key(category.get("id")) if isinstance(category, dict) else None
        called = category.get("name") if isinstance(category, dict) else None
        try:
            if number is None or not isinstance(called, str | int):
                raise BadInput("it needs an id and a name")
            name = check_class(str(called))
            if class_of.setdefault(number, name) != name:
                raise BadInput(f"the id {number} is that of {class_of[number]!r} already")
        except BadInput as wrong:
            skipped.append(Skipped(found.name, f"the category {printable(str(category))[:80]}: {wrong}; left out with its objects"))
    for number in sorted(class_of, key=lambda key: (isinstance(key, str), key)):
        if class_of[number] not in found.classes:
            found.classes.append(class_of[number])
            found.ids.append(number)
    return class_of


Objects = dict[int | str, tuple[list[list[Any]], set[str]]]  # image's id -> its objects, its classes


def _grouped(found: Content, content: Mapping[str, Any], class_of: Mapping[int | str, str]) -> tuple[Objects, dict[str, tuple[int, Any]]]:
    """The objects by image; and of those that are left out, reason -> (how many, the first)."""
    grouped: Objects = {}
    numbers: Counter[str] = Counter()
    first: dict[str, Any] = {}
    for annotation in content.get("annotations") or ():
        number = annotation.get("id") if isinstance(annotation, dict) else None
        key = _key(annotation.get("image_id")) if isinstance(annotation, dict) else None
        reason = ""
        if key is None:
            reason = "it has no image_id"
        else:
            objects, classes = grouped.setdefault(key, ([], set()))
            crowd = str(annotation.get("iscrowd") or "").strip().lower() not in FALSE
            category = _key(annotation.get("category_id"))
            name = class_of.get(category) if category is not None else None
            if name is not None and not crowd:
                classes.add(name)
            try:
                if name is None and not crowd:
                    raise BadInput(f"there is no category {str(annotation.get('category_id'))[:40]!r}")
                objects.append([number, None if crowd else name, usable(annotation.get("segmentation"))])
                found.areas += 1
            except BadInput as wrong:
                reason = str(wrong)
                found.boxes += reason == NO_AREA and annotation.get("bbox") is not None
        if reason:
            numbers[reason] += 1
            first.setdefault(reason, str(number)[:40])
    return grouped, {reason: (number, first[reason]) for reason, number in numbers.items()}


def _add_images(found: Content, content: Mapping[str, Any], objects: Objects, skipped: list[Skipped], *, has_annotations: bool) -> None:
    """Adds the images in order, and takes their objects out of `objects`."""
    called_by: dict[int | str, str] = {}
    twice: set[int | str] = set()
    images: list[tuple[int | str, Mapping[str, Any]]] = []
    for image in content["images"]:
        key = _key(image.get("id")) if isinstance(image, dict) else None
        called = image.get("file_name") if isinstance(image, dict) else None
        if key is None or not isinstance(called, str) or not called.strip():
            skipped.append(Skipped(found.name, f"the image {printable(str(image))[:80]} has no id or no file_name: left out"))
        elif called_by.setdefault(key, called) != called:
            twice.add(key)
        elif not images or all(key != before for before, _ in images[-1:]):
            images.append((key, image))
    met: set[int | str] = set()
    for key, image in images:
        if key in met:
            continue
        met.add(key)
        of, classes = objects.pop(key, ([], set()))
        if key in twice:
            reason = f"{found.name}: the image id {str(key)[:40]} is that of another image too, so nobody knows whose its objects are"
            skipped.append(Skipped(printable(image["file_name"][:200]), reason))
            continue
        sides = [int(side) if isinstance(side := _key(image.get(name)), int) else None for name in ("width", "height")]
        found.images.append(
            Listed(image["file_name"], sides[0], sides[1], _packed(found.name, of) if has_annotations else b"", frozenset(classes))
        )
    for key in twice:
        objects.pop(key, None)


def _packed(name: str, objects: list[Any]) -> bytes:
    """A quarter of the memory of Python's lists, in less than a tenth of the time JSON would take; never leaves the process."""
    try:
        return marshal.dumps(objects)
    except ValueError as wrong:
        raise BadInput(f"{name} is no COCO: a segmentation holds lists in lists without end") from wrong
