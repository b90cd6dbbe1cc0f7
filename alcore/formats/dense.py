"""What the formats of dense labels share: masks that are read when they are asked for, lists of splits, images and masks out.

Knows no single format.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore import images, masks
from alcore.columns import Entries, Texts
from alcore.errors import BadInput
from alcore.formats.base import SPLIT_NAMES, count, is_image_name, no_images, printable, walk
from alcore.types import Reading, Skipped

Color = tuple[int, int, int]
Item = tuple[str, Path | bytes, str, np.ndarray]  # name without suffix, image, train | val | test, mask
WRITTEN = ("train", "val", "test")
SUFFIXES = {
    **{"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "BMP": ".bmp", "DIB": ".bmp"},
    **{"GIF": ".gif", "WEBP": ".webp", "TIFF": ".tif", "PPM": ".ppm"},
}

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


class MaskFiles(Sequence[np.ndarray | None]):
    """The masks beside a reading's entries, each read when it is asked for; keeps nothing, so threads may ask at once."""

    def __init__(self, root: Path, paths: Sequence[str], names: Sequence[str], read: Callable[[str], np.ndarray | None]) -> None:
        """`paths` are the images', `names` the masks' or "", below `root`; `read` takes a name and raises BadInput with the reason."""
        self._root, self._paths, self._names, self._read = root, paths, names, read

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
        if mask is not None:
            size = size_of(self._root, self._paths[at])
            if mask.shape[::-1] != size:
                found = f"the mask has {mask.shape[1]:,} x {mask.shape[0]:,} pixels and its image {size[0]:,} x {size[1]:,}"
                raise BadInput(f"{printable(name)}: {found}: they must be of one size")
        return mask


def size_of(root: Path, path: str) -> tuple[int, int]:
    """Width and height of an image, upright. Raises BadInput naming it."""
    try:
        return images.heading(root / path)
    except BadInput as wrong:
        raise BadInput(f"{printable(path)}: {wrong}") from wrong


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
        return self.reading_of(what, classes, MaskFiles(self.root, self.entries.paths, self.masks, read))

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
    """Raises BadInput unless there are 1 to 254 of them, each a printable name."""
    if not 1 <= len(names) <= masks.MOST_CLASSES:
        raise BadInput(f"{where} has {count(len(names), 'class', 'classes')}: a mask holds 1 to {masks.MOST_CLASSES}")
    for name in names:
        if not name or len(name) > 200 or not name.isprintable() or name != name.strip():
            raise BadInput(f"{where}: {name[:40]!r} cannot be a class: use up to 200 printable characters")


def images_below(root: Path, folder: str, skipped: list[Skipped]) -> Iterator[str]:
    """Paths of the images below `root/folder`, relative to `root`."""
    inside: list[Skipped] = []
    for path in walk(root / folder, inside):
        yield f"{folder}/{path}"
    skipped.extend(Skipped(f"{folder}/{one.path}", one.reason) for one in inside)


def split_of_folder(name: str) -> str | None:
    """What a folder called train, val2017 or Test stands for; None for any other."""
    return SPLIT_NAMES.get(name.lower().rstrip("0123456789_-"))


def text_of(file: Path) -> str:
    """The content of a text. Raises BadInput when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as wrong:
        raise BadInput(f"{file} cannot be read: {wrong.strerror}") from wrong
    except UnicodeError as wrong:
        raise BadInput(f"{file} is not UTF-8 ({wrong}): save it as UTF-8 and import it again") from wrong


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not blank, with their numbers. Raises BadInput when it cannot be read."""
    for number, line in enumerate(text_of(file).split("\n"), 1):
        if line.strip():
            yield number, line.strip("\r\n")


def listed(root: Path, lists: Sequence[tuple[str, str]], paths: Sequence[str], skipped: list[Skipped]) -> dict[str, str]:
    """Path -> split by lists of names, a name a line: with or without folders and suffix, anything after a blank left out.

    What is listed without being there, or twice with different splits, goes to `skipped` and gets no split.

    Args:
        lists: (file below `root`, split).
        paths: of the images, relative to `root`; a list's names are compared with the end of them.
    """
    tiers: tuple[dict[str, str], ...] = ({}, {}, {}, {})
    for path in paths:
        below = path.split("/", 1)[-1]
        for tier, key in zip(tiers, (os.path.splitext(below)[0], below, stem_of(path), os.path.basename(path)), strict=True):
            tier[key] = path if tier.get(key, path) == path else ""  # "" when several are called so
    splits: dict[str, str] = {}
    origin: dict[str, str] = {}
    for name, split in lists:
        for number, line in lines_of(root / name):
            named = _look_up(line, tiers)
            if not named:
                reason = "there is no image of that name" if named is None else "several images have that name"
                skipped.append(Skipped(printable(line[:200]), f"{name} line {number}: {reason}"))
                continue
            if splits.setdefault(named, split) not in (split, ""):
                both = f"listed in both {origin[named]} and {name}"
                skipped.append(Skipped(printable(named), f"{both}: set aside, take it out of one of them"))
                splits[named] = ""
            origin[named] = name
    return {path: split for path, split in splits.items() if split}


def _look_up(line: str, tiers: Sequence[dict[str, str]]) -> str | None:
    whole, first = line.strip(), line.split()[0]
    for key in (line, whole, first, os.path.basename(whole), os.path.basename(first), stem_of(whole), stem_of(first)):
        for tier in tiers:
            if key in tier:
                return tier[key]
    return None


def stem_of(path: str) -> str:
    """A file's name without folders and suffix."""
    return os.path.splitext(os.path.basename(path))[0]


# ---- writing


class Writing:
    """Files of a data set that is being written: images byte for byte, names and splits checked on the way."""

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        check_classes(out, classes)
        self.out, self.classes = out, classes
        self.names: dict[str, list[str]] = {split: [] for split in WRITTEN}
        self._seen: set[str] = set()

    def image(self, item: Item, folder: str, tail: str = "") -> str:
        """Copies the image to `folder/<name><tail><suffix>` and returns that path; BadInput when name, split or mask will not do."""
        name, image, split, mask = item
        if split not in WRITTEN:
            raise BadInput(f"split {split!r} of {name!r}: use {', '.join(WRITTEN)}")
        odd = not name.isprintable() or any(sign in name for sign in '/\\:*?"<>|')
        if odd or name in ("", ".", "..") or len(name.encode("utf-8", "replace")) > 200:
            raise BadInput(f"{name[:80]!r} cannot be a file's name: rename the image")
        if name != name.strip() or name in self._seen:
            wrong = "begins or ends with a blank" if name != name.strip() else "is there twice"
            raise BadInput(f"{name!r} {wrong}: give each image a name of its own")
        self._seen.add(name)
        self.names[split].append(name)
        path = f"{folder}/{name}{tail}{_suffix(name, image)}"
        target = self.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # where a and A are one file
            raise BadInput(f"{path} is written already: rename one of the two images")
        if isinstance(image, bytes):
            target.write_bytes(image)
        else:
            shutil.copyfile(image, target)
        try:
            masks.check(mask, images.heading(target), len(self.classes))
        except BadInput as wrong:
            raise BadInput(f"{name}: {wrong}") from wrong
        return path

    def file(self, path: str, content: bytes | str) -> None:
        """Writes one more file."""
        target = self.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def lists(self, folder: str = "") -> None:
        """train.txt, val.txt and test.txt of the images written, those that have any."""
        for split, names in self.names.items():
            if names:
                self.file(f"{folder}{split}.txt", "".join(f"{name}\n" for name in names))


def _suffix(name: str, image: Path | bytes) -> str:
    if not isinstance(image, bytes) and is_image_name(image.name):
        return image.suffix
    try:
        with images.opened(image) as picture:
            return SUFFIXES[picture.format or ""]
    except BadInput as wrong:
        raise BadInput(f"{name}: {wrong}") from wrong


def distinct(colors: Iterable[Sequence[int]], n: int) -> list[Color]:
    """A color for each of `n` classes, no two the same: the given ones, others where there is none or one is given again."""
    given = masks.colors(n, list(colors))
    spare = iter(masks.colors(2 * n, list(dict.fromkeys(given)))[::-1])
    taken: set[Color] = set()
    for at, color in enumerate(given):
        if color in taken:
            given[at] = color = next(spare)
        taken.add(color)
    return given
