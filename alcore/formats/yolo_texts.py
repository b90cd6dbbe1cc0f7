"""What YOLO's texts say: the objects of an image a line each, and `data.yaml` or a list with the names of the classes.

Knows neither the images on the disk nor a pixel.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import Inside, count, inside_of, split_of_folder, split_of_path
from alcore.formats.places import Places
from alcore.naming import check_class, printable
from alcore.types import Skipped

YAMLS = (".yaml", ".yml")
LARGEST = 1 << 20  # bytes of a data.yaml or of a text of labels
NAMES = ("classes.txt", "obj.names")  # lists of names where there is no data.yaml
SPLITS = (("train", "pool"), ("val", "val"), ("valid", "val"), ("validation", "val"), ("test", "test"))
LOOKED_AT = 20  # texts of a folder that tell what they are
BOX, LEAST = 5, 7  # numbers of a line: a box, and a class with three corners at least
OUT = 0.5  # a corner may lie outside by so many sides: it is cut off at the border. Farther out it is no share


@dataclass
class About:
    """What `data.yaml`, or a list of names, says.

    Attributes:
        names: of the classes by their numbers; empty where nothing names them.
        folders: folder or list below the source -> split, as the file has them.
        listed: image -> split by lists of images.
        keypoints: whether lines have points behind a box, which are no polygon.
    """

    names: tuple[str, ...] = ()
    file: str = ""
    folders: dict[str, str] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)
    keypoints: bool = False
    notes: list[str] = field(default_factory=list)

    def split(self, path: str) -> str:
        """Of an image: by a list, by the longest folder that the file names, else by its own folders."""
        if path in self.listed:
            return self.listed[path]
        around = [folder for folder in self.folders if not folder or path.startswith(f"{folder}/")]
        named = self.folders[max(around, key=len)] if around else None
        return named or split_of_path(path) or "pool"


def label_of(path: str) -> str:
    """Where the text of an image lies: the last folder `images` reads `labels`, the last suffix .txt; beside it without such a folder."""
    parts = path.split("/")
    at = next((at for at in range(len(parts) - 2, -1, -1) if parts[at] == "images"), None)
    if at is not None:
        parts[at] = "labels"
    return os.path.splitext("/".join(parts))[0] + ".txt"


def yaml_of(src: Path) -> str:
    """The YAML in `src` that names classes."""
    door = Inside(src)
    files = [name for name in inside_of(src)[1] if name.lower().endswith(YAMLS) and door.has(name)]
    files.sort(key=lambda name: not name.lower().startswith("data"))
    return next((name for name in files if (src / name).stat().st_size <= LARGEST and "names" in _text(door, name)), "")


def _text(door: Inside, name: str) -> str:
    try:
        return door.text(name)
    except BadInput:
        return ""


def list_of(door: Inside) -> str:
    return next((name for name in NAMES if door.has(name)), "")


def looks_right(door: Inside, name: str) -> bool:
    """A text of nothing but lines of numbers, or an empty one."""
    if (door.root / name).stat().st_size > LARGEST:
        return False
    return all(_numbers(line) is not None for line in _text(door, name).splitlines()[:LOOKED_AT] if line.strip())


def _numbers(line: str) -> list[float] | None:
    try:
        values = [float(cell) for cell in line.split()]
    except ValueError:
        return None
    return values if len(values) >= BOX and all(map(math.isfinite, values)) else None


# ---- data.yaml


def about_of(src: Path, door: Inside, asked: Sequence[str], paths: Sequence[str]) -> About:
    file = yaml_of(src)
    if not file:
        listed = list_of(door)
        names = tuple(check_class(line, listed) for _, line in door.lines(listed)) if listed else tuple(asked)
        return About(_once(names, listed or "the classes that were named"), listed)
    told = _loaded(door, file)
    given = told.get("names")
    if isinstance(given, Mapping):
        numbers = {_number(key, file): value for key, value in given.items()}
        lacking = next((at for at in range(len(numbers)) if at not in numbers), None)
        if lacking is not None:
            raise BadInput(f"{file}: names has no class {lacking}: number them 0 to {len(numbers) - 1}")
        given = [numbers[at] for at in range(len(numbers))]
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise BadInput(f"{file}: names must be a list of names, or a number and a name a line")
    about = About(_once(tuple(check_class(name, f"{file}: names") for name in given), file), file, keypoints="kpt_shape" in told)
    if str(told.get("nc", len(given))).strip() != str(len(given)):
        about.notes.append(f"{file} says nc: {str(told['nc'])[:20]} and names {count(len(given), 'class', 'classes')}: the names count")
    base = told.get("path")
    for key, split in SPLITS:
        of = told.get(key)
        for one in of if isinstance(of, list) else [of]:
            if isinstance(one, str) and one.strip():
                _place(src, door, base if isinstance(base, str) else "", one.strip(), split, about, paths)
    return about


def _loaded(door: Inside, file: str) -> Mapping[str, Any]:
    """The file's content, every value as text: a class called no or 1 is called so."""
    try:
        import yaml
    except ImportError:
        raise BadInput(f"{file} needs the package PyYAML where alcore runs: pip install pyyaml") from None
    try:
        told = yaml.load(door.text(file), Loader=yaml.BaseLoader)  # texts, lists and mappings are all it makes
    except (yaml.YAMLError, RecursionError) as wrong:
        raise BadInput(f"{file} is no YAML ({' '.join(str(wrong).split())[:120]}): mend it or write it again") from wrong
    if not isinstance(told, Mapping):
        raise BadInput(f"{file} is no YAML of names: it needs names, a list of the classes")
    return told


def _number(key: Any, file: str) -> int:
    if not isinstance(key, str) or not key.isdecimal() or len(key) > 6:
        raise BadInput(f"{file}: names has {str(key)[:40]!r} where a class's number should be")
    return int(key)


def _once(names: tuple[str, ...], where: str) -> tuple[str, ...]:
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"{where}: the class {twice!r} is named twice: name each class once")
    return names


def _place(src: Path, door: Inside, base: str, one: str, split: str, about: About, paths: Sequence[str]) -> None:
    """Notes a folder or list that the file names for a split. Its paths are another machine's more often than not: what of them is here?"""
    parts = [part for part in (*base.replace("\\", "/").split("/"), *one.replace("\\", "/").split("/")) if part not in ("", ".", "..")]
    if not parts:
        about.folders.setdefault("", split)
        return
    for start in range(len(parts)):
        place = "/".join(parts[start:])
        if one.endswith(".txt") and door.has(place):
            places = Places(src, paths)
            for _, line in door.lines(place):
                path, _ = places.find(line.strip(), (os.path.dirname(place), ""))
                if path:
                    about.listed.setdefault(path, split)
            return
        if (src / place).is_dir():
            if about.folders.setdefault(place, split) != split:
                about.notes.append(f"{about.file} names {place} for two splits: its images are taken for the first, {about.folders[place]}")
            return
    if split_of_folder(one.split("/")[-1]) is None:
        about.notes.append(f"{about.file} names {printable(one)[:80]} and there is no such folder here")


# ---- the texts


@dataclass(frozen=True)
class Labels:
    """The objects of one image.

    Attributes:
        text: whether the text has anything.
        polygons: (class, corners as shares of the sides, x and y in turn).
        classes: numbers of the classes of all objects, boxes among them.
    """

    text: bool
    polygons: tuple[tuple[int, np.ndarray], ...]
    classes: frozenset[int]


class Objects:
    """Reads the texts, and counts what is in them and what had to be left out."""

    def __init__(self, names: Sequence[str], keypoints: bool) -> None:
        self._names, self._keypoints = names, keypoints
        self.boxes = self.areas = 0
        self.highest = -1
        self._left_out: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._unread: list[Skipped] = []

    def of(self, door: Inside, path: str) -> Labels | None:
        """The objects of an image; None when it has no text, or one that cannot be read."""
        name = label_of(path)
        if not door.has(name):
            return None
        try:
            if (door.root / name).stat().st_size > 64 * LARGEST:
                raise BadInput("too large to be the labels of an image")
            lines = list(door.lines(name))
        except BadInput as wrong:
            self._unread.append(Skipped(printable(name), f"{wrong}; the image is unlabeled"))
            return None
        polygons, classes = [], set()
        for number, line in lines:
            try:
                known, corners = self._object(line)
            except BadInput as wrong:
                self._left_out[str(wrong)] += 1
                self._first.setdefault(str(wrong), f"{printable(name)[:100]} line {number}")
                continue
            classes.add(known)
            self.highest = max(self.highest, known)
            if corners is None:
                self.boxes += 1
            else:
                self.areas += 1
                polygons.append((known, corners))
        return Labels(bool(lines), tuple(polygons), frozenset(classes))

    def _object(self, line: str) -> tuple[int, np.ndarray | None]:
        """(class, corners, or None of a box). Raises BadInput with why it cannot be taken."""
        values = _numbers(line)
        if values is None or values[0] != int(values[0]) or values[0] < 0:
            raise BadInput("a line is not of the form class x y …")
        known = int(values[0])
        if self._names and known >= len(self._names):
            raise BadInput(
                f"there is no class {known}: {count(len(self._names), 'class is', 'classes are')} named, 0 to {len(self._names) - 1}"
            )
        if known > 9999:
            raise BadInput(f"the class {known} is beyond what can be")
        corners = np.array(values[1:])
        if not ((corners >= -OUT) & (corners <= 1 + OUT)).all() and not self._keypoints:
            raise BadInput("its corners are not of 0 to 1, shares of the image's sides")
        if len(values) <= BOX + 1 or self._keypoints:  # with a confidence behind it perhaps
            return known, None
        if len(values) < LEAST or len(values) % 2 == 0:
            raise BadInput("a polygon needs x and y of three corners at least")
        return known, np.clip(corners, 0, 1)

    def told(self) -> list[Skipped]:
        """What was left out: a line a reason."""
        said = [Skipped(self._first[why], f"{count(n, 'object')} left out, this is the first: {why}") for why, n in self._left_out.items()]
        return [*self._unread, *said]
