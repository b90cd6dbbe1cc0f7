"""Class folders: `cat/1.jpg`, or `train/cat/1.jpg`, `val/…`, `test/…`. Whatever is nested below a class folder belongs to that class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

from alcore.columns import Entries, Texts
from alcore.errors import BadInput
from alcore.formats.base import (
    AS_FOUND,
    Format,
    Inside,
    ReadOptions,
    count,
    has_images,
    inside_of,
    is_image_name,
    no_images,
    split_of_folder,
    splits_alike,
    walk,
)
from alcore.formats.writing import Labeled, copy_upright, possible
from alcore.naming import check_class, class_fault, class_name, class_order, printable
from alcore.reading import Reading
from alcore.types import Skipped

# Folders that say nothing about what is on the pictures.
GENERIC = frozenset(
    ("images", "image", "imgs", "img", "photos", "photo", "pictures", "pics", "jpegimages", "jpg", "jpeg", "png", "raw", "data", "dataset")
)
CLASSES = "classes.txt"  # a class a line: their order, and those that have no image yet
UNLABELED = "_unlabeled"  # FiftyOne's folder of images without a class
STRAYS = 10  # one image beside so many in class folders is a stray one: a preview, a logo


class ClassFolders(Format):
    """A folder a class, below folders for the splits when there are such.

    A lone folder around it all is stepped into, in each split too. The top folders are splits when all that hold images are called train,
    val, test (or a usual variant), or when a train folder has a val or test folder beside it, whatever else both are called (WIDER_train,
    WIDER_val). A lone `train` among other folders is a class: there are data sets of vehicles. A split's lone folder `images` is no class;
    a listing beside it (`val_annotations.txt`, as Tiny ImageNet has it) names those of its images. A `classes.txt` that names all classes
    says their order. A folder `_unlabeled`, as FiftyOne writes it, is no class.
    """

    name = "folder"
    title = "Class folders"
    rank = 80

    def recognizes(self, src: Path) -> str | None:
        """Images below sub-folders, none directly in `src` or next to none."""
        if not src.is_dir():
            return None
        first = next(walk(src, []), None)  # a folder's own files come before its sub-folders
        if first is None or ("/" not in first and not _strays_only(src)):
            return None
        return "folders of images, a folder a class"

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        if not src.is_dir():
            raise BadInput(f"{src} is not a folder: the format folder wants a folder of class folders")
        skipped: list[Skipped] = []
        paths = Texts()
        tree = Tree()
        for path in walk(src, skipped):
            paths.append(path)
            tree.add(path)
        if not len(paths):
            raise no_images(src, skipped)
        root = tree.wrapper("")
        splits = _splits(set(tree.below(root)))
        if splits is not None and set(splits.values()) <= {"test", "val"} and len(splits) == 1:
            root, splits = tree.wrapper(root + next(iter(splits)) + "/"), None  # a lone test folder: somebody's whole set
        inner = {top: tree.wrapper(f"{root}{top}/", split) for top, split in (splits or {}).items()}
        listed, texts = _listings(src, inner, tree)
        entries = _entries(paths, root, splits, inner, listed, skipped)
        if not len(entries):
            raise no_images(src, skipped)
        classes = class_order(entries.names)
        if ordered := _in_order(Inside(src / root), classes):
            classes, texts = ordered, {*texts, root + CLASSES}
        skipped = [Skipped(one.path.removeprefix(root), one.reason) for one in skipped]
        reading = Reading(src / root if root else src, classes, entries, skipped, took_for=_took_for(entries, classes, splits))
        reading.used = frozenset(text.removeprefix(root) for text in texts)
        return reading


class Tree:
    """How many images lie in which folder."""

    def __init__(self) -> None:
        self._images: Counter[str] = Counter()  # folder, ending in "/" unless it is the top -> images directly in it
        self._below: dict[str, dict[str, None]] = {}

    def add(self, path: str) -> None:
        """Counts one image."""
        folder = path[: path.rfind("/") + 1]
        if folder not in self._images:
            parts = folder.split("/")[:-1]
            for depth, name in enumerate(parts):
                self._below.setdefault("".join(f"{part}/" for part in parts[:depth]), {})[name] = None
        self._images[folder] += 1

    def below(self, folder: str) -> list[str]:
        """Names of the folders in `folder` that hold images, here or deeper."""
        return list(self._below.get(folder, ()))

    def wrapper(self, folder: str, split: str | None = None) -> str:
        """`folder`, or the innermost of the lone folders in it that have folders of images themselves, or a name that means nothing: in a
        `split`, that of the split again (seg_train/seg_train, as Kaggle unpacks)."""
        names = self.below(folder)
        while not self._images[folder] and len(names) == 1:
            again = split_of_folder(names[0])
            idle = names[0].lower() in GENERIC or (again is not None and again == split)
            if not idle and (again == "pool" or not self.below(f"{folder}{names[0]}/")):
                break
            folder = f"{folder}{names[0]}/"
            names = self.below(folder)
        return folder


def _listings(src: Path, inner: Mapping[str, str], tree: Tree) -> tuple[dict[str, str], set[str]]:
    """Path -> class by what a text beside a split's lone folder of images says: a name and its class a line, more after it left out; and
    the texts that say such."""
    door = Inside(src)
    known = {name for place in inner.values() for name in tree.below(place)}
    labels: dict[str, str] = {}
    used: set[str] = set()
    for place in inner.values():
        parent, _, name = place.rstrip("/").rpartition("/")
        if name.lower() in GENERIC and not tree.below(place):
            for text in (file for file in inside_of(src / parent)[1] if file.endswith(".txt") and door.has(f"{parent}/{file}")):
                rows = (line.split("\t") for line in _lines(door, f"{parent}/{text}"))
                found = {place + cells[0].strip(): cells[1].strip() for cells in rows if len(cells) > 1 and cells[1].strip() in known}
                labels |= found
                used |= {f"{parent}/{text}"} if found else set()
    return labels, used


def _lines(door: Inside, name: str) -> list[str]:
    """The lines of a text that may say something; none of one that cannot be read: it lies there, nobody named it."""
    try:
        return [line for _, line in door.lines(name)]
    except BadInput:
        return []


def _entries(
    paths: Texts, root: str, splits: Mapping[str, str] | None, inner: Mapping[str, str], listed: Mapping[str, str], skipped: list[Skipped]
) -> Entries:
    entries = Entries()
    faults: dict[str, str] = {}
    lost: Counter[str] = Counter()
    for path in paths:
        below = path[len(root) :]
        top, _, rest = below.partition("/")
        if not path.startswith(root) or (splits is not None and (not rest or top not in splits)):
            skipped.append(Skipped(path, "lies beside the train, val and test folders: move it into one of them"))
            continue
        place = inner[top] if splits is not None else root
        folder, _, nested = path[len(place) :].partition("/")
        label = class_name(folder) if nested and path.startswith(place) else listed.get(path)
        label = None if label == UNLABELED else label
        fault = faults.setdefault(label, class_fault(label)) if label is not None else ""
        if fault and label is not None:
            lost[label] += 1
        else:
            entries.append(below, splits[top] if splits is not None else "pool", label)
    for name, number in lost.items():
        skipped.append(Skipped(printable(name[:80]), f"{count(number, 'image')} set aside: {faults[name]}. Rename the folder"))
    return entries


def _in_order(door: Inside, classes: Sequence[str]) -> tuple[str, ...]:
    """The classes as a list beside the folders has them, with those that have no image yet; nothing when there is none that names all."""
    if not door.has(CLASSES):
        return ()
    try:
        names = tuple(check_class(line) for _, line in door.lines(CLASSES))
    except BadInput:
        return ()  # a list of something else
    return names if len(set(names)) == len(names) and set(classes) <= set(names) else ()


def _strays_only(src: Path) -> bool:
    """True when few images lie directly in `src` beside many in two class folders at least."""
    folders, files = inside_of(src)
    door = Inside(src)
    stray = sum(door.has(name) and is_image_name(name) for name in files)
    in_folders = [number for name in folders if (number := sum(map(is_image_name, inside_of(src / name)[1])))]
    in_folders += [STRAYS for name in folders if not _pictures(src / name) and has_images(src / name)]
    return len(in_folders) > 1 and stray * STRAYS <= sum(in_folders)


def _pictures(folder: Path) -> bool:
    return any(map(is_image_name, inside_of(folder)[1]))


def _splits(tops: Set[str]) -> dict[str, str] | None:
    known = {top: split for top in tops if (split := split_of_folder(top))}
    if known and (len(known) == len(tops) or {"pool"} < set(known.values())):
        return known
    return None if known else splits_alike(tops) or None


def _took_for(entries: Entries, classes: Sequence[str], split_of: Mapping[str, str] | None) -> str:
    below = (
        "" if split_of is None else f" below {', '.join(sorted(split_of, key=lambda top: ('pool', 'val', 'test').index(split_of[top])))}"
    )
    images = count(len(entries), "image")
    if not classes:
        return f"folders without classes{below}: {images}, all unlabeled"
    unlabeled = int((entries.labels < 0).sum())
    rest = f", {unlabeled:,} of them in no class folder and so unlabeled" if unlabeled else ""
    return f"class folders{below}: {count(len(classes), 'class', 'classes')}, {images}{rest}"


FORMAT = ClassFolders()


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str], link: bool = False) -> list[tuple[str, str]]:
    """Writes a copy of each image into a folder a class, below folders of splits where the source had such or there are several; what lay
    below a class stays below it.

    Args:
        link: hard links where the disk allows it and the image stands upright, instead of copies.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    items, known = list(items), set(classes)
    parted = len({item.split for item in items}) > 1 or any(split_of_folder(item.path.split("/", 1)[0]) for item in items)
    taken: set[str] = set()
    renamed: list[tuple[str, str]] = []
    for item in items:
        if possible(item.label) != item.label or "/" in item.label:
            raise BadInput(f"class {item.label[:80]!r} cannot be a folder's name: export as csv")
        picture, suffix = item.picture()
        name = _below_class(item.path, known) + suffix
        wanted = "/".join(([item.split] if parted else []) + [item.label, possible(name)])
        place, number = wanted, 1
        while place.casefold() in taken:
            number += 1
            stem, dot, tail = wanted.rpartition(".")
            place = f"{stem}-{number}{dot}{tail}" if dot and "/" not in tail else f"{wanted}-{number}"
        taken.add(place.casefold())
        if not place.endswith(f"/{name}"):
            renamed.append((item.path, place))
        try:
            copy_upright(picture, out / place, link)
        except BadInput as wrong:
            raise BadInput(f"{item.path}: {wrong}") from wrong
    if class_order({item.label for item in items}) != tuple(classes):  # another order, or classes that no image has
        (out / CLASSES).write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    return renamed


def _below_class(path: str, classes: Set[str]) -> str:
    """What of a path lies below its folders of split and class."""
    parts = path.split("/")
    if len(parts) > 1 and split_of_folder(parts[0]):
        parts = parts[1:]
    if len(parts) > 1 and class_name(parts[0]) in classes:
        parts = parts[1:]
    return "/".join(parts)
