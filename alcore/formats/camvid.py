"""Images, masks and a list of the classes: `images/x.jpg`, `masks/x.png`, `classes.csv`; CamVid as it is passed around, in its variants."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from alcore import masks
from alcore.errors import BadInput
from alcore.formats.base import IMAGE_SUFFIXES, Format, class_name, printable, walk
from alcore.formats.dense import Color, Found, Item, Writing, distinct, images_below, lines_of, listed, split_of_folder, text_of
from alcore.types import Reading, Skipped

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages", "photos")
MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations", "annotation", "segmentationclass", "segmentation", "gt")
# train beside train_labels, as at Kaggle, or trainannot, as in SegNet's tutorial
BESIDE = ("annot", "_annot", "_labels", "_masks", "_label", "_mask", "labels", "masks")
TAILS = ("_L", "_P", "_mask", "_label", "_labels", "_gt")  # what a mask's name may have behind its image's
CLASS_FILES = ("classes.csv", "class_dict.csv", "classes.txt", "codes.txt")
LISTS = (("train.txt", "pool"), ("val.txt", "val"), ("test.txt", "test"))
YES, NO = ("1", "true", "yes"), ("0", "false", "no", "")


@dataclass(frozen=True)
class Classes:
    """What a classes file says.

    Attributes:
        names: class -> color or None, in order.
        values: a value in a mask -> its class, or void.
        painted: a color in a mask -> its value.
    """

    names: dict[str, Color | None]
    values: Mapping[int, int]
    painted: Mapping[Color, int]


class CamVid(Format):
    """A folder of images, one of masks and a classes file, with train.txt, val.txt and test.txt or folders of these names below both.

    A mask has its image's name (or that and `_L`, `_mask` or the like). Its pixels are the classes' indices, or their colors. In
    classes.csv the columns are name, index, r, g, b, ignore in any order, all but the name optional: a class that is ignored is void
    and none of the project's, the others keep their order. classes.txt holds a name a line. 255 is void when no class has it.
    """

    name = "camvid"
    title = "Images, masks and a classes file (CamVid)"
    rank = 40
    tasks = ("segmentation",)

    def recognizes(self, src: Path) -> str | None:
        """A folder of images beside one of masks, and either a classes file or a mask that has its image."""
        if not src.is_dir():
            return None
        pairs = _pairs(src)
        known = pairs and (_classes_file(src) is not None or any(_matches(src, *pair) for pair in pairs))
        return "images with masks" if known else None

    def read(self, src: Path) -> Reading:
        """See Format."""
        pairs = _pairs(src) if src.is_dir() else []
        if not pairs:
            raise BadInput(f"{src} has no folder of images beside one of masks: call them images and masks")
        listing = _classes_file(src)
        if listing is None:
            raise BadInput(
                f"{src} has no classes.csv and no classes.txt: write one there, a class a line, in the order of the masks' values"
            )
        classes = _read_text(listing) if listing.suffix == ".txt" else _read_table(listing)
        found = Found(src, [])
        mask_of = {path: mask for images, labels in pairs for path, mask in _paired(src, images, labels, found.skipped)}
        for path, split in _splits(src, list(mask_of), found.skipped).items():
            found.add(path, split, mask_of[path])

        def read(name: str) -> np.ndarray:
            return masks.relabeled(masks.read_mask(src / name, classes.painted), classes.values)

        return found.reading(f"images, masks and {listing.name}", classes.names, read)


def _pairs(src: Path) -> list[tuple[str, str]]:
    """Folders of images with those of their masks, "" for none."""
    with os.scandir(src) as there:
        folders = {entry.name.lower(): entry.name for entry in there if entry.is_dir()}
    images = next((folders[name] for name in IMAGE_FOLDERS if name in folders), None)
    labels = next((folders[name] for name in MASK_FOLDERS if name in folders and _has_image(src / folders[name])), None)
    if images and labels:
        return [(images, labels)]
    splits = sorted(name for name in folders if split_of_folder(name))
    beside = {name: next((folders[name + tail] for tail in BESIDE if name + tail in folders), "") for name in splits}
    return [(folders[name], beside[name]) for name in splits] if any(beside.values()) else []


def _has_image(folder: Path) -> bool:
    return next(walk(folder, []), None) is not None


def _matches(src: Path, images: str, labels: str) -> bool:
    """Whether the first mask has its image."""
    first = next(walk(src / labels, []), None) if labels else None
    return first is not None and any((src / images / (stem + suffix)).is_file() for stem in _stems(first) for suffix in IMAGE_SUFFIXES)


def _stems(mask: str) -> Iterator[str]:
    """Names without suffix the image of a mask may have, its own first."""
    stem = os.path.splitext(mask)[0]
    yield stem
    yield from (stem.removesuffix(tail) for tail in TAILS if stem.endswith(tail))


def _classes_file(src: Path) -> Path | None:
    return next((src / name for name in CLASS_FILES if (src / name).is_file()), None)


def _paired(src: Path, images: str, labels: str, skipped: list[Skipped]) -> Iterator[tuple[str, str]]:
    """The images of one folder, each with its mask or ""."""
    paths: dict[str, str] = {}  # name without folder and suffix -> image
    for path in images_below(src, images, skipped):
        stem = os.path.splitext(path.split("/", 1)[1])[0]
        if stem in paths:
            reason = f"{printable(paths[stem])} has the same name and it cannot be told whose mask there is: rename one"
            skipped.append(Skipped(printable(path), reason))
        else:
            paths[stem] = path
    mask_of: dict[str, str] = {}
    left = list(images_below(src, labels, skipped)) if labels else []
    for exact in (True, False):  # x_L may be another image as well as the mask of x
        left = [mask for mask in left if not _claim(mask, exact, paths, mask_of)]
    skipped.extend(Skipped(printable(mask), "a mask without an image of that name") for mask in left)
    for stem, path in paths.items():
        yield path, mask_of.get(stem, "")


def _splits(src: Path, paths: Sequence[str], skipped: list[Skipped]) -> dict[str, str]:
    """Image -> split, by the lists if there are any, else by the folders' names."""
    lists = [(name, split) for name, split in LISTS if (src / name).is_file()]
    if not lists:
        return {path: next(filter(None, map(split_of_folder, path.split("/")[:-1][:2])), "pool") for path in paths}
    before = len(skipped)
    splits = listed(src, lists, paths, skipped)
    told = {one.path for one in skipped[before:]}
    names = " and ".join(name for name, _ in lists)
    skipped.extend(
        Skipped(printable(path), f"not listed in {names}") for path in paths if path not in splits and printable(path) not in told
    )
    return {path: splits[path] for path in paths if path in splits}


def _claim(mask: str, exact: bool, paths: Mapping[str, str], mask_of: dict[str, str]) -> bool:
    for stem in list(_stems(mask.split("/", 1)[1]))[: 1 if exact else None]:
        if stem in paths and stem not in mask_of:
            mask_of[stem] = mask
            return True
    return False


def _read_text(listing: Path) -> Classes:
    lines: dict[str, int] = {}
    for number, line in lines_of(listing):
        name = class_name(line.strip())
        if name in lines:
            raise BadInput(f"{listing.name} line {number}: the class {name!r} is in line {lines[name]} already: name each class once")
        lines[name] = number
    return Classes(dict.fromkeys(lines), {at: at for at in range(min(len(lines), 256))}, {})


def _read_table(listing: Path) -> Classes:
    table = _table(listing)
    _, heading = next(table, (0, []))
    columns = {name.strip().lower(): at for at, name in enumerate(heading)}
    colored = [name for name in "rgb" if name in columns]
    missing = ["name"] if "name" not in columns else [name for name in "rgb" if name not in columns] if colored else []
    if missing:
        there = ", ".join(columns) or "none"
        raise BadInput(
            f"{listing.name} line 1 lacks the column {', '.join(missing)} (it has {there}): name, and index, r, g, b, ignore if wanted"
        )
    names: dict[str, Color | None] = {}
    values: dict[int, int] = {}
    painted: dict[Color, int] = {}
    met: dict[object, int] = {}  # name, value or color -> line
    for row, (line, cells) in enumerate(table):
        cell = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        name = class_name(cell["name"])
        number = partial(_number, where=f"{listing.name} line {line}", cell=cell)
        value = number("index") if "index" in columns else row
        color = (number("r"), number("g"), number("b")) if colored else None
        for what, key in (("name", name), ("index", value), ("color", color)):
            if key is not None and met.setdefault(key, line) != line:
                raise BadInput(
                    f"{listing.name} line {line}: the {what} {key!r} is in line {met[key]} already: each class needs one of its own"
                )
        if value > 255:
            raise BadInput(f"{listing.name} line {line}: this is class {value}, a mask holds at most 0 to 255")
        if cell.get("ignore", "").lower() not in YES + NO:
            raise BadInput(f"{listing.name} line {line}: ignore is {cell['ignore']!r}, use 0 or 1")
        if cell.get("ignore", "").lower() in YES:
            values[value] = masks.VOID
        else:
            values[value] = len(names)
            names[name] = color
        if color is not None:
            painted[color] = value
    return Classes(names, values, painted)


def _number(column: str, *, where: str, cell: Mapping[str, str]) -> int:
    text = cell[column]
    if not (text.isascii() and text.isdigit()) or len(text) > 3 or int(text) > 255:
        raise BadInput(f"{where}: {column} is {text[:20]!r}, use a whole number from 0 to 255")
    return int(text)


def _table(listing: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank with their lines, the heading first."""
    text = text_of(listing)
    delimiter = max((",", ";", "\t"), key=text.lstrip().split("\n", 1)[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield rows.line_num, cells
    except csv.Error as wrong:
        raise BadInput(f"{listing.name} is not a CSV file: {wrong} in line {rows.line_num}") from wrong


def write_masks(out: Path, items: Iterable[Item], classes: Sequence[str], colors: Sequence[Sequence[int]]) -> None:
    """Writes images/, masks/, classes.csv, train.txt, val.txt and test.txt into `out`; read again, every mask is the same.

    Args:
        items: (name without suffix, image file or its content, train | val | test, mask).
    """
    writing = Writing(out, classes)
    for item in items:
        writing.image(item, "images")
        writing.file(f"masks/{item[0]}.png", masks.encode(item[3]))
    writing.lists()
    given = distinct(colors, len(classes))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "index", "r", "g", "b", "ignore"])
    table.writerows([name, at, *color, 0] for at, (name, color) in enumerate(zip(classes, given, strict=True)))
    void = next(name for name in ("void", "unlabeled", "ignored", *(f"void {at}" for at in range(256))) if name not in classes)
    black = (0, 0, 0)
    table.writerow([void, masks.VOID, *(distinct(given, len(given) + 1)[-1] if black in given else black), 1])
    writing.file("classes.csv", text.getvalue())


FORMAT = CamVid()
