"""What the formats of dense labels share on the way in: masks read when they are asked for, upright like their images, lists of splits.

Knows no single format.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.columns import Entries, Texts
from alcore.errors import BadInput
from alcore.formats.base import Inside, count, no_images, walk
from alcore.formats.places import SEVERAL, Places
from alcore.naming import check_class, printable, spelled
from alcore.pixels import kinds, masks
from alcore.reading import Reading
from alcore.types import Skipped

Color = tuple[int, int, int]
# The 19 that Cityscapes trains on and BDD100K too, by their trainIds, with Cityscapes' colors.
DRIVING: dict[str, Color] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}


class Doubts:
    """Images that a camera turned and whose masks do not say whether they were drawn on the turned picture. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: set[str] = set()

    def add(self, path: str) -> None:
        """Notes one image."""
        with self._lock:
            self._paths.add(path)

    def told(self) -> list[str]:
        """A sentence when there are any."""
        if not self._paths:
            return []
        first = min(self._paths)
        which = f"{count(len(self._paths), 'image')} (the first is {printable(first)[:80]}) turned by the EXIF orientation"
        return [f"{which}: the masks do not tell which way they were drawn and were taken as drawn on the upright picture"]


@dataclass(frozen=True)
class Sides:
    """Width and height of an image as its file has them, and how it is turned to stand upright."""

    raw: tuple[int, int]
    turn: Image.Transpose | None

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as people see it."""
        return self.raw[::-1] if self.turn in kinds.ACROSS else self.raw

    def stood(self, mask: np.ndarray) -> np.ndarray:
        """A mask of the raw pixels, upright."""
        return mask if self.turn is None else np.asarray(Image.fromarray(mask).transpose(self.turn))


def sides_of(root: Path, path: str) -> Sides:
    """The sides of an image. Raises BadInput naming it."""
    try:
        with kinds.opened(root / path) as picture:
            turn = kinds.turn_of(picture)
            return Sides(picture.size, turn)
    except BadInput as wrong:
        raise BadInput(f"{printable(path)}: {wrong}") from wrong


def fitted(mask: np.ndarray, sides: Sides, path: str, doubts: Doubts) -> np.ndarray:
    """The mask of an image upright: one that was drawn on the raw pixels is turned with them where the sides say so.

    Raises:
        BadInput: it has neither size.
    """
    size = mask.shape[::-1]
    if sides.turn is not None and sides.raw == sides.upright and size == sides.raw:
        doubts.add(path)
    if size == sides.upright:
        return mask
    if size == sides.raw:
        return sides.stood(mask)
    width, height = sides.upright
    raise BadInput(f"the mask has {size[0]:,} x {size[1]:,} pixels and its image {width:,} x {height:,}: they must be of one size")


class MaskFiles(Sequence[np.ndarray | None]):
    """The masks beside a reading's entries, each read when it is asked for; keeps no pixel, so threads may ask at once."""

    def __init__(self, root: Path, paths: Sequence[str], names: Sequence[str], read: Callable[[str], np.ndarray | None]) -> None:
        """`paths` are the images', `names` the masks' or "", below `root`; `read` takes a name and raises BadInput with the reason."""
        self._root, self._paths, self._names, self._read = root, paths, names, read
        self.doubts = Doubts()

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        name = self._names[at]
        if not name:
            return None
        try:
            mask = self._read(name)
        except BadInput as wrong:
            raise BadInput(f"{printable(name)}: {wrong}") from wrong
        if mask is None:
            return None
        sides = sides_of(self._root, self._paths[at])
        try:
            return fitted(mask, sides, self._paths[at], self.doubts)
        except BadInput as wrong:
            raise BadInput(f"{printable(name)}: {wrong}") from wrong


class Found:
    """Images of a source as they are met, each with its mask; becomes a Reading at the end."""

    def __init__(self, root: Path, skipped: list[Skipped]) -> None:
        self.root, self.skipped = root, skipped
        self.entries, self.masks = Entries(), Texts()

    def add(self, path: str, split: str, mask: str = "") -> None:
        """Takes one image; both names relative to the root."""
        self.entries.append(path, split)
        self.masks.append(mask)

    def reading(self, what: str, classes: Mapping[str, Color | None], read: Callable[[str], np.ndarray | None]) -> Reading:
        """See MaskFiles for `read`. Raises BadInput when there is no image."""
        found = MaskFiles(self.root, self.entries.paths, self.masks, read)
        reading = self.reading_of(what, classes, found)
        reading.remarks = found.doubts.told
        return reading

    def reading_of(self, what: str, classes: Mapping[str, Color | None], found: Sequence[np.ndarray | None]) -> Reading:
        """The same with the masks themselves."""
        if not len(self.entries):
            raise no_images(self.root, self.skipped)
        check_classes(self.root, list(classes))
        having = sum(1 for name in self.masks if name)
        told = f"{what}: {count(len(classes), 'class', 'classes')}, {count(len(self.entries), 'image')}"
        told += ", all with masks" if having == len(self.entries) else f", {having:,} of them with masks"
        colors = tuple(color for color in classes.values() if color is not None)
        reading = Reading(self.root, tuple(classes), self.entries, self.skipped, took_for=told)
        reading.masks, reading.mask_files = found, self.masks
        reading.colors = colors if len(colors) == len(classes) else ()
        return reading


def check_classes(where: Path, names: Sequence[str]) -> None:
    """Raises BadInput unless there are 1 to 254 of them, each one that can be a class."""
    if not 1 <= len(names) <= masks.MOST_CLASSES:
        raise BadInput(f"{where} has {count(len(names), 'class', 'classes')}: a mask holds 1 to {masks.MOST_CLASSES}")
    for name in names:
        check_class(name, str(where))


def images_below(root: Path, folder: str, skipped: list[Skipped]) -> Iterator[str]:
    """Paths of the images below `root/folder`, relative to `root`."""
    inside: list[Skipped] = []
    for path in walk(root / folder, inside):
        yield f"{folder}/{path}"
    skipped.extend(Skipped(f"{folder}/{one.path}", one.reason) for one in inside)


def listed(root: Path, lists: Sequence[tuple[str, str]], paths: Sequence[str], skipped: list[Skipped]) -> dict[str, str]:
    """Path -> split by lists of names, a name a line: with or without folders and suffix, anything after a blank left out.

    What is listed without being there, or twice with different splits, goes to `skipped` and gets no split.

    Args:
        lists: (file below `root`, split).
        paths: of the images, relative to `root`.
    """
    places, door = Places(root, paths), Inside(root)
    folders = ["", *dict.fromkeys(path.split("/", 1)[0] for path in paths if "/" in path)]
    splits: dict[str, str] = {}
    origin: dict[str, str] = {}
    for name, split in lists:
        for number, line in door.lines(name):
            named, reason = _look_up(line, places, folders)
            if not named:
                skipped.append(Skipped(printable(line[:200]), f"{name} line {number}: {reason}"))
                continue
            if splits.setdefault(named, split) not in (split, ""):
                both = f"listed in both {origin[named]} and {name}"
                skipped.append(Skipped(printable(named), f"{both}: set aside, take it out of one of them"))
                splits[named] = ""
            origin[named] = name
    return {path: split for path, split in splits.items() if split}


def _look_up(line: str, places: Places, folders: Sequence[str]) -> tuple[str, str]:
    """The image of a line of a list. A list holds no labels, so a bare name is enough even where the line has folders."""
    whole, first = line.strip(), line.split()[0]
    bare = [os.path.basename(text.replace("\\", "/")) for text in (whole, first)]
    reasons = []
    for called in dict.fromkeys((line, whole, first, *bare, *(os.path.splitext(name)[0] for name in bare))):
        path, reason = places.find(called, folders)
        if path:
            return path, ""
        reasons.append(reason)
    return "", "several images have that name" if SEVERAL in reasons else "there is no image of that name"


def labeled_otherwise(src: Path) -> bool:
    """True when beside the images of a public data set lie labels of another kind, as an export of them has."""
    return any((src / name).exists() for name in ("annotations", "masks", "classes.csv"))


def owned(stems: Collection[str], mask_of: dict[str, str]) -> dict[str, str]:
    """Image -> its mask, by names without suffix; what is found is taken out of `mask_of`. Where no mask is called just so, it is the only
    one whose name differs in capitals or composed letters alone."""
    found = {stem: mask_of.pop(stem) for stem in stems if stem in mask_of}
    wanting = [stem for stem in stems if stem not in found] if mask_of else []
    asked, there = Counter(map(spelled, wanting)), Counter(map(spelled, mask_of))
    called = {spelled(stem): stem for stem in mask_of}
    return found | {stem: mask_of.pop(called[key]) for stem in wanting if asked[key := spelled(stem)] == there[key] == 1}


def stem_of(path: str) -> str:
    """A file's name without folders and suffix."""
    return os.path.splitext(os.path.basename(path))[0]
