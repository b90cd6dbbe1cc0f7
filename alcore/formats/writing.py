"""What the formats share on the way out: what is handed to them, and copies of images with masks, named and checked as they are written."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from alcore.errors import BadInput
from alcore.formats.base import is_image_name
from alcore.formats.dense import Color, check_classes
from alcore.pixels import kinds, masks
from alcore.types import VOID, WRITTEN, Answer

SUFFIXES = {
    **{"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "BMP": ".bmp", "DIB": ".bmp"},
    **{"GIF": ".gif", "WEBP": ".webp", "TIFF": ".tif", "PPM": ".ppm", "AVIF": ".avif", "JPEG2000": ".jp2"},
}


class Item(NamedTuple):
    """One labeled image on its way out.

    Attributes:
        path: as the source has it, relative, with forward slashes; an image out of an array has no suffix.
        image: its file, or the content of one.
        split: train, val or test.
        mask: (H, W) uint8 of class indices with 255 for void, upright; of no pixel where the image has none, which only formats get that
            write a project whole.
        annotator: whose it is.
        said: that somebody skipped it, for those formats; empty for a mask.
    """

    path: str
    image: Path | bytes
    split: str
    mask: np.ndarray
    annotator: str = ""
    said: Sequence[Answer] = ()


class Labeled(NamedTuple):
    """One image on its way out that is labeled by a class.

    Attributes:
        path: as the source has it, relative, with forward slashes; an image out of an array has no suffix.
        split: train, val or test.
        label: its class; "" without one, which only formats get that write a project whole.
        annotator: who gave that.
        picture: gives its file, or the content of one and the suffix to go with that; asked only where images are written.
        said: gives each person's newest answer, oldest first; asked only where several can be written.
    """

    path: str
    split: str
    label: str
    annotator: str
    picture: Callable[[], tuple[Path | bytes, str]]
    said: Callable[[], Sequence[Answer]] = tuple


@dataclass(frozen=True)
class Legend:
    """What the values of the masks that go out mean.

    Attributes:
        classes: names in the order of their indices.
        colors: RGB of each.
        naming: of the source, as Reading.naming has it: "values" of the classes, "void", where masks lie; empty for none.
    """

    classes: Sequence[str]
    colors: Sequence[Sequence[int]]
    naming: Mapping[str, Any]

    @property
    def values(self) -> list[int]:
        """The value of each class: the source's, then unused ones for classes that were added."""
        given = [int(value) for value in self.naming.get("values", range(len(self.classes)))][: len(self.classes)]
        free = iter(sorted(set(range(256)) - {*given, self.void}))
        return [*given, *(next(free) for _ in range(len(self.classes) - len(given)))]

    @property
    def void(self) -> int:
        """The value that says nothing; where the source had none, one that no class has."""
        taken = [int(value) for value in self.naming.get("values", ())]
        asked = self.naming.get("void")
        return int(asked) if asked is not None else VOID if VOID not in taken else max(set(range(256)) - set(taken))

    def painted(self, mask: np.ndarray) -> np.ndarray:
        """The mask with the source's values."""
        table = np.full(256, self.void, np.uint8)
        table[: len(self.classes)] = self.values
        result: np.ndarray = table[mask]
        return result


class Writing:
    """Files of a data set that is being written: images byte for byte where they stand upright, names and splits checked on the way.

    Attributes:
        size: width and height of the image that was written last.
    """

    def __init__(self, out: Path, classes: Sequence[str]) -> None:
        check_classes(out, classes)
        self.out, self.classes = out, classes
        self.names: dict[str, list[str]] = {split: [] for split in WRITTEN.values()}
        self.renamed: list[tuple[str, str]] = []
        self.size = (0, 0)
        self._seen: set[str] = set()

    def image(self, item: Item, path: str) -> str:
        """Writes the image as `path`, with its own suffix; the path it got, which differs where that was taken or cannot be a name.

        Raises:
            BadInput: split, picture or mask will not do.
        """
        if item.split not in WRITTEN.values():
            raise BadInput(f"split {item.split!r} of {item.path!r}: use {', '.join(WRITTEN.values())}")
        suffix = _suffix(item)
        stem = possible(os.path.splitext(path)[0] if path.endswith(os.path.splitext(item.path)[1] or "\0") else path)
        place, number = stem + suffix, 1
        while stem.casefold() in self._seen:  # where a and A are one file; masks have no room for a.jpg beside a.png
            number += 1
            stem = f"{possible(os.path.splitext(path)[0])}-{number}"
            place = stem + suffix
        self._seen.add(stem.casefold())
        if place != path and (not isinstance(item.image, bytes) or os.path.splitext(place)[0] != os.path.splitext(path)[0]):
            self.renamed.append((item.path, place))
        self.names[item.split].append(stem)
        self.size = size = self._copy(item, self.out / place)
        if not item.mask.size:
            return place
        try:
            masks.check(item.mask, size, len(self.classes))
        except BadInput as wrong:
            raise BadInput(f"{item.path}: {wrong}") from wrong
        return place

    def _copy(self, item: Item, target: Path) -> tuple[int, int]:
        """Copies the image, or stands it upright first so that every viewer shows it as its mask lies; its width and height."""
        try:
            return copy_upright(item.image, target)
        except BadInput as wrong:
            raise BadInput(f"{item.path}: {wrong}") from wrong

    def file(self, path: str, content: bytes | str) -> None:
        """Writes one more file."""
        target = self.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def lists(self, folder: str = "", name: Callable[[str], str] = str) -> None:
        """train.txt, val.txt and test.txt of the images written, those that have any; `name` says what a line has of a path."""
        for split, names in self.names.items():
            if names:
                self.file(f"{folder}{split}.txt", "".join(f"{name(one)}\n" for one in names))


class Pictures:
    """Copies of images that go out without masks, each as the path it is given: made possible, and told apart from those before."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.renamed: list[tuple[str, str]] = []
        self._taken: set[str] = set()

    def write(self, path: str, picture: Path | bytes, suffix: str, was: str) -> tuple[str, tuple[int, int]]:
        """Writes one, `was` its path in the source; the path it got, and its width and height. BadInput when it is no picture."""
        stem, tail = os.path.splitext(possible(path + suffix))
        place, number = stem + tail, 1
        while place.casefold() in self._taken:
            number += 1
            place = f"{stem}-{number}{tail}"
        self._taken.add(place.casefold())
        if place != path + suffix:
            self.renamed.append((was, place))
        try:
            return place, copy_upright(picture, self.out / place)
        except BadInput as wrong:
            raise BadInput(f"{was}: {wrong}") from wrong


def copy_upright(source: Path | bytes, target: Path, link: bool = False) -> tuple[int, int]:
    """Copies a picture byte for byte where it stands upright, else turned and without the tag that said so: every viewer shows it the same;
    its width and height. With `link` one that need not be turned is not copied but linked, on disks that can. BadInput when it is none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with kinds.opened(source) as picture:
        tagged = picture.format == "TIFF" and kinds.orientation(picture) != 1  # Pillow turns it itself, other programs do not
        turn = kinds.turn_of(picture)
        if turn is not None or tagged:
            return _turned(picture, turn, target)
        size = picture.size
    if isinstance(source, bytes):
        target.write_bytes(source)
    elif not (link and _linked(source, target)):
        shutil.copyfile(source, target)
    return size


def upright(item: Labeled) -> tuple[bytes, str]:
    """The content of an item's picture as `copy_upright` writes it, and its suffix. BadInput naming it when it is none."""
    picture, suffix = item.picture()
    try:
        with kinds.opened(picture) as image:
            tagged = image.format == "TIFF" and kinds.orientation(image) != 1
            turn = kinds.turn_of(image)
            known = suffix or os.path.splitext(item.path)[1]
            suffix = known if is_image_name(f"x{known}") else SUFFIXES.get(image.format or "", ".png")
            if turn is not None or tagged:
                return _upright(image, turn)[0], suffix
        return picture if isinstance(picture, bytes) else picture.read_bytes(), suffix
    except BadInput as wrong:
        raise BadInput(f"{item.path}: {wrong}") from wrong


class Free:
    """Names below one folder that are free: none is another in other capitals, or a folder of another."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._numbers: dict[str, int] = {}  # the last one given: a million of one name are not counted through each time

    def take(self, path: str) -> str:
        """`path` as a file's name can be, with a number before its suffix where it is taken."""
        wanted = possible(path)
        parts = wanted.casefold().split("/")
        if any("/".join(parts[:depth]) in self._files for depth in range(1, len(parts))):  # a folder of it is a file already
            wanted = wanted.replace("/", "_")
        stem, suffix = os.path.splitext(wanted)
        place, number = wanted, self._numbers.get(wanted.casefold(), 1)
        while place.casefold() in self._files or place.casefold() in self._folders or (number > 1 and place == wanted):
            number += 1
            place = f"{stem}-{number}{suffix}"
        self._numbers[wanted.casefold()] = number
        folded = place.casefold()
        self._files.add(folded)
        parts = folded.split("/")
        self._folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return place


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that has no links
        return False
    return True


def _turned(picture: Image.Image, turn: Image.Transpose | None, target: Path) -> tuple[int, int]:
    content, size = _upright(picture, turn)
    target.write_bytes(content)
    return size


def _upright(picture: Image.Image, turn: Image.Transpose | None) -> tuple[bytes, tuple[int, int]]:
    picture.load()
    kind = picture.format or "PNG"
    stood = picture.transpose(turn) if turn is not None else picture.copy()
    stood.info.pop("exif", None)
    encoded = io.BytesIO()
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if kind in ("JPEG", "MPO") else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    stood.save(encoded, "JPEG" if kind == "MPO" else kind, **options)
    return encoded.getvalue(), stood.size


def possible(path: str) -> str:
    """`path` with _ for what no file's name may have and no part that is empty or too long."""
    parts = ["".join(c if c.isprintable() and c not in '\\:*?"<>|' else "_" for c in part).strip()[:180] or "_" for part in path.split("/")]
    return "/".join(f"_{part[1:]}" if part.startswith(".") else part for part in parts)  # such files are passed over when they are read


def _suffix(item: Item) -> str:
    if not isinstance(item.image, bytes) and is_image_name(item.image.name):
        return item.image.suffix
    try:
        with kinds.opened(item.image) as picture:
            return os.path.splitext(item.path)[1] or SUFFIXES.get(picture.format or "", ".png")
    except BadInput as wrong:
        raise BadInput(f"{item.path}: {wrong}") from wrong


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
