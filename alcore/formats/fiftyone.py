"""FiftyOne's image classification data set: `data/` with the images beside `labels.json`. Its directory tree is the format folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, check_memory, count, inside_of, no_images, split_of_folder, walk
from alcore.formats.writing import Free, Labeled, upright
from alcore.naming import check_class, class_fault, class_name, class_order, printable
from alcore.reading import Reading
from alcore.types import Skipped

DATA, LABELS = "data", "labels.json"
BLOCK = 4096  # bytes that tell what the JSON is
PER_BYTE = 7  # memory that Python needs for a byte of JSON, about


class FiftyOne(Format):
    """`labels.json` has `classes` and `labels`: the image's path below `data/`, without its suffix, and the class's number or its name.

    Images it does not name are unlabeled, as are those it gives null. Folders train, val and test that each hold such a set are splits.
    Of what it tells besides a class (confidence, attributes) nothing is taken.
    """

    name = "fiftyone"
    title = "FiftyOne (image classification)"
    rank = 34

    def recognizes(self, src: Path) -> str | None:
        """By data beside a labels.json with `labels`."""
        return "FiftyOne's image classification" if any(_looks_right(src / place) for place in _places(src)) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        places = _places(src)
        if not places:
            raise BadInput(f"{src} has no {LABELS} beside a folder {DATA}: give the folder these lie in")
        skipped: list[Skipped] = []
        entries = Entries()
        classes: dict[str, None] = {}
        listed = False
        for place in places:
            split = split_of_folder(place.rstrip("/")) or "pool" if place else "pool"
            names, labels = _labels(src, f"{place}{LABELS}")
            listed |= bool(names)
            classes.update(dict.fromkeys(names))
            _take(src, place, split, names, labels, entries, skipped)
        if not len(entries):
            raise no_images(src, skipped)
        every = tuple(dict.fromkeys([*classes, *class_order(entries.names)])) if listed else class_order(entries.names)
        labeled = int((entries.labels >= 0).sum())
        rest = f", {len(entries) - labeled:,} of them unlabeled" if labeled < len(entries) else ""
        told = f"FiftyOne's image classification: {count(len(every), 'class', 'classes')}, {count(len(entries), 'image')}{rest}"
        reading = Reading(src, every, entries, skipped, took_for=told)
        reading.used = frozenset(f"{place}{LABELS}" for place in places)
        return reading


def _places(src: Path) -> list[str]:
    """ "" or the folders of splits that hold such a set, each with a slash at its end."""
    if not src.is_dir():
        return []
    door = Inside(src)
    below = [f"{name}/" for name in inside_of(src)[0] if split_of_folder(name)]
    return [place for place in ("", *below) if door.has(f"{place}{LABELS}") and (src / place / DATA).is_dir()]


def _looks_right(folder: Path) -> bool:
    try:
        with open(folder / LABELS, "rb") as binary:
            start = binary.read(BLOCK)
            binary.seek(max(0, os.fstat(binary.fileno()).st_size - BLOCK))
            return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"labels"' in start + binary.read(BLOCK)
    except OSError:
        return False


def _labels(src: Path, name: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The classes where they are listed, and image -> what the file gives it."""
    door = Inside(src)
    check_memory(PER_BYTE * door.file(name).stat().st_size, name)
    try:
        content = json.loads(door.text(name))
    except (ValueError, RecursionError) as wrong:
        raise BadInput(f"{name} is no JSON ({str(wrong)[:120]}): export it again") from wrong
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, dict):
        raise BadInput(f"{name} has no `labels` that name images: export it again as FiftyOneImageClassificationDataset")
    names = content.get("classes") or ()
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise BadInput(f"{name} has `classes` that are no list of names: export it again")
    clean = tuple(check_class(one, f"{name}: classes") for one in names)
    if twice := next((one for one in clean if clean.count(one) > 1), None):
        raise BadInput(f"{name}: classes names {twice!r} twice: name each class once")
    return clean, labels


def _take(
    src: Path, place: str, split: str, names: Sequence[str], labels: Mapping[str, Any], entries: Entries, skipped: list[Skipped]
) -> None:
    """The images below `data` with their labels; labels without an image are told."""
    left = {key.replace("\\", "/").removeprefix("./"): value for key, value in labels.items()}
    for below in walk(src / place / DATA, skipped):
        key = below if below in left else os.path.splitext(below)[0]
        label, doubt = _class(left.pop(key, None), names)
        if doubt:
            skipped.append(Skipped(f"{place}{DATA}/{printable(below)}", doubt))
        else:
            entries.append(f"{place}{DATA}/{below}", split, label)
    skipped.extend(Skipped(printable(key[:200]), f"{place}{LABELS} names it and no such image lies in {place}{DATA}") for key in left)


def _class(value: Any, names: Sequence[str]) -> tuple[str | None, str]:
    """(class or None, ""), or (None, why it cannot be one)."""
    if isinstance(value, dict):
        value = value.get("label")
    if isinstance(value, list):
        return None, f"it has {count(len(value), 'label')} in a list: an image has one class here"
    if value is None:
        return None, ""
    if type(value) is int and names:
        if not 0 <= value < len(names):
            return None, f"its class is {value} and {count(len(names), 'class is', 'classes are')} named: add it to `classes`"
        return names[value], ""
    if not isinstance(value, str | int):
        return None, f"its label {str(value)[:40]!r} is neither a number nor a name"
    name = class_name(str(value))
    return (None, fault) if (fault := class_fault(name)) else (name, "")


FORMAT = FiftyOne()


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str]) -> list[tuple[str, str]]:
    """Writes `data/` and `labels.json`, for each split in a folder of its name where there are several.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    items = list(items)
    parted = len({item.split for item in items}) > 1
    numbers = {name: at for at, name in enumerate(classes)}
    free, renamed = Free(), list[tuple[str, str]]()
    labels: dict[str, dict[str, int]] = {}
    for item in items:
        content, suffix = upright(item)
        own = os.path.splitext(item.path)[0] if item.path.lower().endswith(suffix.lower()) else item.path
        base = f"{item.split}/" if parted else ""
        # without a suffix: a.jpg and a.png are one name here
        stem = free.take(base + _below(own))
        place = f"{out}/{base}{DATA}/{stem.removeprefix(base)}{suffix}"
        if stem != base + _below(own):
            renamed.append((item.path, f"{stem}{suffix}"))
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_bytes(content)
        labels.setdefault(base, {})[stem.removeprefix(base)] = numbers[item.label]
    for base, of in labels.items():
        text = json.dumps({"classes": list(classes), "labels": of}, ensure_ascii=False, indent=1)
        (out / base / LABELS).write_text(text, encoding="utf-8")
    return renamed


def _below(path: str) -> str:
    """A path without the folders that are written anew around it."""
    parts = path.split("/")
    if len(parts) > 2 and split_of_folder(parts[0]) and parts[1] == DATA:
        parts = parts[2:]
    elif len(parts) > 1 and parts[0] == DATA:
        parts = parts[1:]
    return "/".join(parts)
