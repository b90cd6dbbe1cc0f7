"""What looks odd about a reading and may be a wrong guess: said before the import, beside what was recognized. Knows no format."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from itertools import permutations
from pathlib import Path

import numpy as np

from alcore.columns import Entries
from alcore.errors import AlcoreError
from alcore.formats.base import Inside, inside_of, split_of_folder
from alcore.formats.pairs import named_in_pairs
from alcore.formats.tables import SUFFIXES
from alcore.naming import printable
from alcore.pixels import kinds
from alcore.reading import Reading

# What a folder is called that holds something else than the images of a class.
LABELS = frozenset(("masks", "mask", "labels", "label", "annotations", "annotation", "segmentation", "gt"))
NO_CLASSES = LABELS | {"images", "image", "imgs", "img", "photos"}
TELLING = re.compile(r"(class|categor|label|annot|train|val|test|split|names|ground)", re.IGNORECASE)
OTHERS = (".json", ".jsonl", ".xlsx", ".yaml", ".yml")  # what holds labels or names of classes beside tables
APART = re.compile(r"(read_?me|licen[cs]e|about|requirements|changelog|.*_boxes|words|wnids).*", re.IGNORECASE)  # texts of no label
NAMED = 3  # names that a sentence quotes
MANY = 64  # folders that are too many to look into
LOOKED_AT = 200  # files of a folder
FEW = 8  # classes, from which on they are no views of one thing
TRIED, OPENED = 20, 3  # images of a class whose names are compared, and that are opened
MASK_COLORS = 48


def oddities(reading: Reading, src: Path) -> list[str]:
    """Sentences; empty when nothing is odd. Looks at classes, splits and the files around the images, up to `src`; opens but a few
    pictures."""
    return [*_odd_classes(reading), *_odd_folders(reading), *_masks_as_classes(reading), *_unused(reading, src)]


def _odd_classes(reading: Reading) -> list[str]:
    if reading.masks is not None:
        return []
    odd = [name for name in reading.classes if name.casefold() in NO_CLASSES or split_of_folder(name)]
    said = []
    if odd:
        verb = "is a class" if len(odd) == 1 else "are classes"
        said.append(
            f"{_quoted(odd)} {verb} here, by the names of folders: if that is wrong, give the folder of class folders, or the labels' list"
        )
    elif len(reading.classes) == 1:
        said.append(
            f"every labeled image is of the one class {reading.classes[0]!r}: training needs two, add classes or give another folder"
        )
    return said


def _masks_as_classes(reading: Reading) -> list[str]:
    """Two classes with pictures of the same names and sizes, the one in few colors where the other is in many: images and their masks."""
    if reading.format != "folder" or not 2 <= len(reading.classes) <= FEW:
        return []
    entries, root = Entries.of(reading.entries), Path(reading.root)
    codes = {name: code for code, name in enumerate(entries.names)}
    firsts = {name: np.flatnonzero(entries.labels == codes.get(name, -2))[:TRIED].tolist() for name in reading.classes}
    for masks, images in permutations(reading.classes, 2):
        own = [entries.paths[at] for at in firsts[masks]]
        beside = [_of_stem(root, _in_class(path, masks, images)) for path in own]
        pairs = [(path, other) for path, other in zip(own, beside, strict=True) if other]
        if len(pairs) >= max(2, 0.9 * len(own)) and all(_is_mask_of(root, mask, image) for mask, image in pairs[:OPENED]):
            return [f"{masks!r} holds masks of the images in {images!r}, by names, sizes and colors, and both were taken for classes"]
    return []


def _in_class(path: str, name: str, other: str) -> str:
    parts = path.split("/")
    return "/".join([*parts[: parts.index(name)], other, *parts[parts.index(name) + 1 :]]) if name in parts else ""


def _of_stem(root: Path, path: str) -> str:
    stem = os.path.splitext(path)[0]
    return next((one for one in (path, *(stem + suffix for suffix in (".jpg", ".png", ".jpeg"))) if path and (root / one).is_file()), "")


def _is_mask_of(root: Path, mask: str, image: str) -> bool:
    try:
        with kinds.opened(root / mask) as one, kinds.opened(root / image) as other:
            return one.size == other.size and one.getcolors(MASK_COLORS) is not None and other.getcolors(MASK_COLORS) is None
    except AlcoreError:
        return False


def _odd_folders(reading: Reading) -> list[str]:
    """Of class folders: splits below them, so that they are data sets; masks among their pictures."""
    root = Path(reading.root)
    if reading.masks is not None or len(reading.arrays) or not reading.classes or not root.is_dir():
        return []
    said = []
    below = {name: inside_of(root / name)[0] for name in reading.classes[:MANY]}
    sets = [name for name, folders in below.items() if folders and all(split_of_folder(folder) for folder in folders)]
    if sets:
        said.append(
            f"splits lie below {_quoted(sets)}, taken for {'a class' if len(sets) == 1 else 'classes'} here: give the folder of one"
        )
    if named_in_pairs(root):
        said.append("about every other image is called like the mask of one beside it: import it as segmentation, or take the masks away")
    return said


def _unused(reading: Reading, src: Path) -> list[str]:
    """Listings that lie around the images, or around the folders that were stepped into, and were not read."""
    root = Path(reading.root)
    if len(reading.arrays) or not src.is_dir() or not root.is_dir():
        return []
    steps = root.relative_to(src).parts if src in root.parents else ()
    lying = [name for at, step in enumerate(steps) for name in _listings(src.joinpath(*steps[:at]), besides=step)]
    lying += [name for name in _listings(root, used=reading.used) if name not in reading.used]
    if not lying:
        return []
    one = len(lying) == 1
    where = "it is" if one else "they are"
    return [
        f"{_quoted(lying)} {'lies' if one else 'lie'} beside the images and {'was' if one else 'were'} not read: "
        f"if the labels are there, name the format or give the file itself; else {where} left out"
    ]


def _listings(root: Path, besides: str = "", used: Collection[str] = ()) -> list[str]:
    """Names of what may hold labels in `root` and its folders, of which `besides` is looked at elsewhere; texts of one image each, as YOLO
    and VOC have them, under the first one's name, without those that were `used`."""
    folders, files = inside_of(root)
    folders = [name for name in folders if name != besides] if len(folders) < MANY else []
    door = Inside(root)
    below = [f"{name}/{file}" for name in folders for file in inside_of(root / name)[1][:LOOKED_AT]]
    deeper = [
        f"{name}/{inner}"
        for name in folders
        if name.casefold() in LABELS or split_of_folder(name)
        for inner in inside_of(root / name)[0][:MANY]
        if name.casefold() in LABELS or inner.casefold() in LABELS
    ]
    below += [f"{name}/{file}" for name in deeper for file in inside_of(root / name)[1][:LOOKED_AT]]
    found: list[str] = []
    texts: list[str] = []
    for name in (*files, *below):
        stem, suffix = os.path.splitext(os.path.basename(name))
        listing = suffix.lower() in (*SUFFIXES, *OTHERS) or (suffix.lower() == ".txt" and TELLING.search(stem))
        if listing and door.has(name):
            found.append(printable(name))
        elif suffix.lower() in (".txt", ".xml") and name not in used and door.has(name) and not APART.fullmatch(stem):
            texts.append(printable(name))
    if len(texts) > 1:
        found.append(f"{texts[0]} and {len(texts) - 1:,} more like it")
    return found


def _quoted(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(f"{name[:60]!r}" for name in names[:NAMED]) + more
