"""Images, masks and a list of the classes: `images/x.jpg`, `masks/x.png`, `classes.csv`; CamVid as it is passed around, in its variants."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.formats import void
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, split_of_path
from alcore.formats.dense import Color, Found, listed
from alcore.formats.pairs import Pair, matches, naming, paired, pairs_of
from alcore.formats.tables import open_table
from alcore.formats.writing import Item, Legend, Writing, distinct
from alcore.naming import class_name, printable
from alcore.pixels import masks
from alcore.reading import Reading
from alcore.types import VOID, Skipped

COLORS = "label_colors.txt"
CLASS_FILES = ("classes.csv", "class_dict.csv", "labelmap.csv", COLORS, "classes.txt", "codes.txt", "labels.txt", "label_names.txt")
LISTS = (("train.txt", "pool"), ("val.txt", "val"), ("test.txt", "test"))
YES, NO = ("1", "true", "yes"), ("0", "false", "no", "")
# CamVid as SegNet published it: train beside trainannot, 11 classes and void, without a classes file.
PUBLISHED = ("Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist")
PUBLISHED_VOID = 11


@dataclass(frozen=True)
class Classes:
    """What the masks of a source hold.

    Attributes:
        names: class -> color or None, in order.
        values: a value in a mask -> its class, or void.
        painted: a color in a mask -> its value.
        void: for an export: the value that is void, its name and color; None for none.
        notes: what was guessed, a sentence each.
        source: where the names are from.
    """

    names: dict[str, Color | None]
    values: Mapping[int, int]
    painted: Mapping[Color, int]
    void: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())
    source: str = ""


class CamVid(Format):
    """A folder of images, one of masks and a classes file, with train.txt, val.txt and test.txt or folders of these names.

    A mask has its image's name (or that and `_L`, `_mask` or the like, or lies beside it under such a name). Its pixels are the classes'
    indices, or their colors. In classes.csv the columns are name, index, r, g, b, ignore in any order, all but the name optional: a class
    that is ignored is void and none of the project's, the others keep their order. classes.txt holds a name a line; without a file the
    classes are those a person names. 255 is void when no class has it, see void.chosen.
    """

    name = "camvid"
    title = "Images, masks and a classes file (CamVid)"
    rank = 40
    tasks = ("segmentation",)
    chooses_void = True

    def recognizes(self, src: Path) -> str | None:
        """A folder of images beside one of masks, and either a classes file or a mask that has its image."""
        if not src.is_dir():
            return None
        pairs = pairs_of(src)
        known = pairs and (_classes_file(Inside(src)) is not None or any(matches(src, pair) for pair in pairs))
        return "images with masks" if known else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        pairs = pairs_of(src) if src.is_dir() else []
        if not pairs:
            raise BadInput(f"{src} has no folder of images beside one of masks: call them images and masks")
        door = Inside(src)
        found = Found(src, [])
        mask_of = {path: mask for pair in pairs for path, mask in paired(src, pair, found.skipped)}
        classes = _classes(src, door, options, pairs, [mask for mask in mask_of.values() if mask])
        for path, split in _splits(src, door, list(mask_of), found.skipped).items():
            found.add(path, split, mask_of[path])

        def read(name: str) -> np.ndarray:
            return masks.relabeled(masks.read_mask(src / name, classes.painted), classes.values)

        reading = found.reading(f"images, masks and {classes.source}", classes.names, read)
        value_of = {at: value for value, at in classes.values.items() if at != VOID}
        reading.naming = {
            **naming(pairs, mask_of),
            "values": [value_of[at] for at in range(len(classes.names))],
            **(classes.void or {"void": None}),
        }
        reading.warnings += classes.notes
        reading.used = frozenset((*CLASS_FILES, *(name for name, _ in LISTS)))
        return reading


def _classes(src: Path, door: Inside, options: ReadOptions, pairs: Sequence[Pair], names: Sequence[str]) -> Classes:
    """By the classes file, else by what a person named, else by what is known of a published set."""
    listing = _classes_file(door)
    counts = void.counter(src, names)
    if listing is not None and listing.endswith(".csv"):
        table = _read_table(door, listing)
        plain = all(value == at for value, at in table.values.items()) and len(table.values) == len(table.names)
        if not plain:
            if options.void not in void.SAYS_NOTHING:
                raise BadInput(
                    f"{listing} says itself what its values mean, so void={options.void} cannot be: use auto, or change its column ignore"
                )
            return table
        return _of_values(void.chosen(list(table.names), options.void, counts), listing, table)
    if listing == COLORS:
        return _read_colors(door, listing)
    if listing is not None:
        return _of_values(void.chosen(_read_text(door, listing), options.void, counts), listing)
    if options.classes:
        return _of_values(void.chosen(options.classes, options.void, counts), "the classes that were named")
    seen = counts(void.LOOKED_AT)
    if names and not seen.any():
        raise BadInput(f"{src}: {printable(names[0])}: {_fault(src, names[0])}; or list the colors: classes.csv with name,r,g,b")
    if any((pair.masks or "").lower().endswith("annot") for pair in pairs) and not seen[PUBLISHED_VOID + 1 : VOID].any():
        values = {**{at: at for at in range(len(PUBLISHED))}, PUBLISHED_VOID: VOID}
        told = ("there is no classes file: the masks lie as CamVid's do and were taken for its 11 classes and void (11)",)
        return Classes(dict.fromkeys(PUBLISHED), values, {}, {"void": PUBLISHED_VOID, "void_name": "Void"}, told, "CamVid's own classes")
    raise BadInput(
        f"{src} has no classes.csv and no classes.txt: name the classes (--classes, or the field Classes) or write one there, a class a "
        f"line, in the order of the masks' values, which are {void.told(seen)} of the pixels"
    )


def _of_values(values: void.Values, source: str, table: Classes | None = None) -> Classes:
    colors = table.names if table else {}
    names = {name: colors.get(name) for name in values.names}
    return Classes(
        names,
        values.classes,
        table.painted if table else {},
        {"void": values.void},
        (*(table.notes if table else ()), *values.notes),
        source,
    )


def _fault(src: Path, name: str) -> str:
    try:
        masks.read_mask(src / name)
    except BadInput as wrong:
        return str(wrong)
    return "it has no pixel"


def _classes_file(door: Inside) -> str | None:
    return next((name for name in CLASS_FILES if door.has(name)), None)


def _splits(src: Path, door: Inside, paths: Sequence[str], skipped: list[Skipped]) -> dict[str, str]:
    """Image -> split, by the lists if there are any, else by the folders' names."""
    lists = [(name, split) for name, split in LISTS if door.has(name)]
    if not lists:
        return {path: split_of_path(path) or "pool" for path in paths}
    before = len(skipped)
    splits = listed(src, lists, paths, skipped)
    told = {one.path for one in skipped[before:]}
    names = " and ".join(name for name, _ in lists)
    skipped.extend(
        Skipped(printable(path), f"not listed in {names}") for path in paths if path not in splits and printable(path) not in told
    )
    return {path: splits[path] for path in paths if path in splits}


def _read_text(door: Inside, listing: str) -> list[str]:
    lines: dict[str, int] = {}
    for number, line in door.lines(listing):
        name = class_name(line)
        if name in lines:
            raise BadInput(f"{listing} line {number}: the class {name!r} is in line {lines[name]} already: name each class once")
        lines[name] = number
    return list(lines)


def _read_colors(door: Inside, listing: str) -> Classes:
    """`r g b name` a line, as CamVid has it; a class called void is void."""
    names: dict[str, Color | None] = {}
    values: dict[int, int] = {}
    painted: dict[Color, int] = {}
    ignored: dict[str, Any] = {"void": None}
    for number, line in door.lines(listing):
        parts = line.split(maxsplit=3)
        if len(parts) < 4 or not all(part.isascii() and part.isdigit() and int(part[:4]) < 256 for part in parts[:3]):
            raise BadInput(f"{listing} line {number}: {line[:80]!r} is not of the form r g b name")
        color, name = (int(parts[0]), int(parts[1]), int(parts[2])), class_name(parts[3])
        if color in painted or name in names:
            raise BadInput(f"{listing} line {number}: the class {name!r} or its color is listed already: each needs one of its own")
        value = len(painted)
        painted[color] = value
        if name.casefold() == "void":
            values[value], ignored = VOID, {"void": value, "void_name": name, "void_color": color}
        else:
            values[value], names[name] = len(names), color
    return Classes(names, values, painted, ignored, (), listing)


def _read_table(door: Inside, listing: str) -> Classes:
    table = open_table(door.file(listing))
    columns = {name: at for at, name in enumerate(table.heading)}
    colored = [name for name in "rgb" if name in columns]
    missing = ["name"] if "name" not in columns else [name for name in "rgb" if name not in columns] if colored else []
    if missing:
        there = ", ".join(columns) or "none"
        raise BadInput(
            f"{listing} line 1 lacks the column {', '.join(missing)} (it has {there}): name, and index, r, g, b, ignore if wanted"
        )
    names: dict[str, Color | None] = {}
    values: dict[int, int] = {}
    painted: dict[Color, int] = {}
    met: dict[object, int] = {}  # name, value or color -> line
    ignored: dict[str, Any] = {"void": None}
    for row, (line, cells) in enumerate(table.rows()):
        cell = {name: cells[at].strip() for name, at in columns.items()}
        name = class_name(cell["name"])
        number = partial(_number, where=f"{listing} line {line}", cell=cell)
        value = number("index") if "index" in columns else row
        color = (number("r"), number("g"), number("b")) if colored else None
        for what, key in (("name", name), ("index", value), ("color", color)):
            if key is not None and met.setdefault(key, line) != line:
                raise BadInput(f"{listing} line {line}: the {what} {key!r} is in line {met[key]} already: each class needs one of its own")
        if value > 255:
            raise BadInput(f"{listing} line {line}: this is class {value}, a mask holds at most 0 to 255")
        if cell.get("ignore", "").lower() not in YES + NO:
            raise BadInput(f"{listing} line {line}: ignore is {cell['ignore']!r}, use 0 or 1")
        if cell.get("ignore", "").lower() in YES:
            values[value] = VOID
            if ignored["void"] is None or value == VOID:  # of several, the one that is void everywhere
                ignored = {"void": value, "void_name": name, "void_color": color}
        else:
            values[value] = len(names)
            names[name] = color
        if color is not None:
            painted[color] = value
    if ignored["void"] is None and VOID not in values:
        ignored["void"] = VOID
    return Classes(names, values, painted, ignored, table.notes, listing)


def _number(column: str, *, where: str, cell: Mapping[str, str]) -> int:
    text = cell[column]
    if not (text.isascii() and text.isdigit()) or len(text) > 3 or int(text) > 255:
        raise BadInput(f"{where}: {column} is {text[:20]!r}, use a whole number from 0 to 255")
    return int(text)


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    """Writes images, masks, classes.csv, train.txt, val.txt and test.txt into `out`, named and valued as they came in where they came from
    a source of this kind, else images/x.jpg beside masks/x.png. Read again, every mask is the same.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    writing = Writing(out, legend.classes)
    pairs: list[tuple[str, str]] = [(str(images), str(found)) for images, found in legend.naming.get("pairs", ())]
    before, key, behind = legend.naming.get("mask", ("", "stem", ".png"))
    for item in items:
        images, found = next(((a, b) for a, b in pairs if not a or item.path.startswith(f"{a}/")), ("", ""))
        path = writing.image(item, item.path if found or images or pairs else f"images/{item.path.removeprefix('images/')}")
        below = path[len(images) + 1 if images else 0 :] if pairs else path.removeprefix("images/")
        folder, _, name = below.rpartition("/")
        own = f"{before}{name if key == 'name' else name.rsplit('.', 1)[0]}{behind}"
        place = "/".join(part for part in (found if pairs else "masks", folder, own) if part)
        writing.file(place, masks.encode(legend.painted(item.mask)))
    writing.lists()
    writing.file("classes.csv", _table_of(legend))
    return writing.renamed


def _table_of(legend: Legend) -> str:
    given = distinct(legend.colors, len(legend.classes))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "index", "r", "g", "b", "ignore"])
    table.writerows([name, value, *color, 0] for name, value, color in zip(legend.classes, legend.values, given, strict=True))
    free = (name for name in ("void", "unlabeled", "ignored", *(f"void {at}" for at in range(256))) if name not in legend.classes)
    name = legend.naming.get("void_name")
    name = name if name and name not in legend.classes else next(free)
    color = tuple(legend.naming.get("void_color") or (0, 0, 0))
    table.writerow([name, legend.void, *(distinct(given, len(given) + 1)[-1] if color in given else color), 1])
    return text.getvalue()


FORMAT = CamVid()
