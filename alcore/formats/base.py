"""What every dataset format shares: the Format contract, the one door to a source's files, the walk over images, names of splits.

Knows nothing of any single format and decodes no pixel.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alcore.errors import BadInput
from alcore.naming import in_natural_order, printable
from alcore.pixels import kinds
from alcore.reading import Reading
from alcore.types import Entry, Skipped

# What is an image without a look at it; a file of any other suffix, or of none, is looked into.
IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
SPLIT_NAMES = {
    "train": "pool", "training": "pool", "pool": "pool",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
# Words that stand beside a split's without changing it: training_set, seg_train, train_images, train2017.
BESIDE_A_SPLIT = frozenset(("", "set", "seg", "split", "data", "dataset", "images", "image", "imgs", "img"))
NO_IMAGE = "not an image"  # begins the reason of a file that Pillow does not know
NEAR = 64  # folders that are looked into for files that name images
# What operating systems leave behind; names that start with a dot are passed over as well.
LEFTOVERS = frozenset(("__MACOSX", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", "@eaDir"))


@dataclass(frozen=True)
class ReadOptions:
    """What a person says about a source beside its format.

    Attributes:
        task: classification, segmentation, or auto: what the source has labels for.
        classes: class names, for sources that do not name theirs.
        void: the value of a mask that is void: auto, none, 0 or 255.
    """

    task: str = "auto"
    classes: tuple[str, ...] = ()
    void: str = "auto"


AS_FOUND = ReadOptions()


class Format:
    """One way a data set can lie on disk. A module of this folder holds one instance; importing the folder finds it.

    Attributes:
        name: what `--format` calls it.
        title: what the Data page calls it.
        rank: `auto` asks the formats in this order, the most particular first.
        tasks: what can be learned from it: classification, segmentation.
        chooses_void: a person may say which value of its masks is void; elsewhere the format says so itself.
    """

    name: str
    title: str
    rank: int = 50
    tasks: tuple[str, ...] = ("classification",)
    chooses_void: bool = False

    def recognizes(self, src: Path) -> str | None:
        """A sentence saying what `src` looks like, or None when it is not of this format. Quick: never reads a whole data set."""
        raise NotImplementedError

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """Everything in `src`, with what had to be set aside. Raises BadInput when nothing can be taken."""
        raise NotImplementedError


# ---- the door


class Inside:
    """The one door to the files of a source: regular files that lie in it, links followed. Whatever a format opens comes through here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = os.path.realpath(root).rstrip(os.sep) + os.sep
        self._folders: dict[str, str] = {}  # folder -> where it really is: a data set has few folders and many files

    def fault(self, name: str | os.PathLike[str]) -> str:
        """Why the file `name`, below the root, cannot be opened; "" when it can. Never waits and never raises."""
        path = os.path.join(self.root, name)
        if not _is_utf8(path):
            return "the name is not valid UTF-8: rename the file or its folder"
        if "\0" in path:
            return "the path holds a zero byte"
        try:
            linked = stat.S_ISLNK(os.lstat(path).st_mode)
            there = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return "a link that leads nowhere" if os.path.islink(path) else "there is no such file"
        except OSError as wrong:  # too long a name, no permission
            return "a link that leads nowhere" if wrong.errno == errno.ELOOP else f"the file cannot be read: {wrong.strerror}"
        if linked and stat.S_ISDIR(there.st_mode):
            return "a link to a folder; such links are not followed"
        if not self._real_path(path, linked).startswith(self._real):
            return "a link that leaves the imported folder: put a copy of the file there"
        if stat.S_ISDIR(there.st_mode):
            return "a folder, not a file"
        return "" if stat.S_ISREG(there.st_mode) else "not a regular file"  # opening a named pipe would wait for ever

    def _real_path(self, path: str, linked: bool) -> str:
        folder, name = os.path.split(os.path.normpath(path))
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.realpath(path) if linked else os.path.join(self._folders[folder], name)

    def has(self, name: str | os.PathLike[str]) -> bool:
        """True when the file may be opened."""
        return not self.fault(name)

    def file(self, name: str | os.PathLike[str]) -> Path:
        """The file. Raises BadInput naming it when it may not be opened."""
        if fault := self.fault(name):
            raise BadInput(f"{printable(str(name))}: {fault}")
        return self.root / name

    def text(self, name: str | os.PathLike[str]) -> str:
        """The content of a text of UTF-8. Raises BadInput naming it when it cannot be read."""
        file = self.file(name)
        try:
            return file.read_text(encoding="utf-8-sig")
        except OSError as wrong:
            raise BadInput(f"{printable(str(name))} cannot be read: {wrong.strerror}") from wrong
        except UnicodeError as wrong:
            raise BadInput(f"{printable(str(name))} is not UTF-8 ({wrong}): save it as UTF-8 and import it again") from wrong

    def lines(self, name: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
        """The lines of a text that are not blank, with their numbers."""
        for number, line in enumerate(self.text(name).split("\n"), 1):
            if line.strip():
                yield number, line.strip("\r\n")


def inside_of(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the folders and of the other entries directly in `folder`, in natural order; links to folders are among the latter."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if not entry.name.startswith(".") and entry.name not in LEFTOVERS:
                    (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    except OSError:
        return [], []  # whoever reads the folder says why it cannot be
    return in_natural_order(folders), in_natural_order(files)


def near(src: Path, suffix: str) -> list[str]:
    """Files of an ending in `src` and in its folders, those that are there and lie in it, relative to it; none where it is no folder. Of
    more than NEAR folders, which are classes, the first ones are looked into."""
    if not src.is_dir():
        return []
    door = Inside(src)
    folders, files = inside_of(src)
    below = [f"{name}/{file}" for name in folders[:NEAR] for file in inside_of(src / name)[1]]
    return [name for name in (*files, *below) if name.lower().endswith(suffix) and door.has(name)]


def has_images(folder: Path, directly: bool = False) -> bool:
    """True when an image lies below `folder`, or `directly` in it."""
    if not directly:
        return next(walk(folder, []), None) is not None
    door = Inside(folder)
    _, files = inside_of(folder)
    files.sort(key=lambda name: not is_image_name(name))  # those that need no look first
    return any(door.has(name) and (is_image_name(name) or kinds.is_image(folder / name)) for name in files)


def is_image_name(name: str) -> bool:
    """True when the suffix, in any case, is one of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def walk(root: Path, skipped: list[Skipped]) -> Iterator[str]:
    """Paths of the images below `root`, relative, with forward slashes, in natural order; everything else goes to `skipped`.

    What Pillow can open is an image, whatever its suffix. Links to folders are not followed, so a loop of links cannot hang it; links to
    files count only when they stay below `root`.
    """
    base = os.fspath(root)
    door = Inside(root)
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            with os.scandir(os.path.join(base, prefix)) as found:
                entries = {entry.name: entry for entry in found}
        except OSError as wrong:
            skipped.append(Skipped(printable(prefix.rstrip("/") or "."), f"the folder cannot be read: {wrong.strerror}"))
            continue
        below = []
        for name in in_natural_order(list(entries)):
            if name.startswith(".") or name in LEFTOVERS:
                continue
            path = prefix + name
            if entries[name].is_dir(follow_symlinks=False):
                below.append(path + "/")
                continue
            reason = _why_not(entries[name], path, door)
            if reason:
                skipped.append(Skipped(printable(path), reason))
            else:
                yield path
        pending.extend(reversed(below))


def _why_not(entry: os.DirEntry[str], path: str, door: Inside) -> str:
    plain = entry.is_file(follow_symlinks=False) and _is_utf8(path)  # neither needs the door nor a call of the system
    if not plain and (fault := door.fault(path)):
        return fault
    if not is_image_name(entry.name) and not kinds.is_image(entry.path):
        return f"{NO_IMAGE} (its suffix is {printable(os.path.splitext(entry.name)[1]) or 'missing'})"
    return ""


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# ---- splits


def split_of_folder(name: str) -> str | None:
    """What a folder called train, val2017, Training_Set or seg_test stands for; None for any other."""
    words = re.split(r"[^a-z]+", name.lower())
    told = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    others = {word for word in words if word not in SPLIT_NAMES}
    if len(told) == 1 and others <= BESIDE_A_SPLIT:
        return told.pop()
    glued = re.fullmatch(r"(train|training|val|valid|validation|test|testing)(?:set|data|images|imgs)", "".join(words))
    return SPLIT_NAMES[glued[1]] if glued else None


def splits_alike(folders: Iterable[str]) -> dict[str, str]:
    """Folder -> split of those that are called the same but for a split's name, one of them the pool: WIDER_train beside WIDER_val."""
    alike: dict[tuple[str, ...], dict[str, str]] = {}
    for folder in folders:
        words = re.split(r"[^a-z]+", folder.lower())
        told = [word for word in words if word in SPLIT_NAMES]
        if len(told) == 1:
            alike.setdefault(tuple(word for word in words if word != told[0]), {})[folder] = SPLIT_NAMES[told[0]]
    return {folder: split for of in alike.values() if {"pool"} < set(of.values()) for folder, split in of.items()}


def split_of_path(path: str) -> str | None:
    """What the first folder of `path` that is called like a split stands for."""
    return next(filter(None, map(split_of_folder, path.split("/")[:-1])), None)


def split_of_listing(name: str) -> str | None:
    """The same of a file by any word of its name, or by the folder it lies in: instances_val2017.json, train/labels.csv."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((SPLIT_NAMES[word] for word in reversed(words) if word in SPLIT_NAMES), None)


# ---- arrays


def array_entries(part: str, labels: Sequence[str | None]) -> list[Entry]:
    """Entries of one block of an array format: `part` is train, val or test, and row 17 is called "train/00017"."""
    width = max(5, len(str(len(labels) - 1)))
    return [Entry(f"{part}/{row:0{width}d}", SPLIT_NAMES[part], label) for row, label in enumerate(labels)]


def check_memory(needed: int, what: str) -> None:
    """Raises BadInput when `needed` bytes cannot fit this machine: a small hostile file can claim terabytes."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise BadInput(
            f"{what} needs {needed / 1e9:,.1f} GB of memory and this machine has {there / 1e9:,.1f} GB: import image files instead"
        )


# ---- words


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 image", "1,797 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def no_images(src: Path, skipped: Sequence[Skipped]) -> BadInput:
    """The complaint about a folder without a single image, with what was found instead."""
    seen = f" ({count(len(skipped), 'other file')}, the first is {skipped[0].path[:80]}: {skipped[0].reason})" if skipped else ""
    return BadInput(f"{src} holds no images{seen}: put files there that are pictures (jpg, png, tif, heic, …) or give another folder")
