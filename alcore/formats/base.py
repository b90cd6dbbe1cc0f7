"""What every dataset format shares: the Format contract, the walk over a folder of images, names of splits, entries of arrays.

Knows nothing of any single format and decodes no pixel.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from alcore.errors import BadInput
from alcore.types import Entry, Reading, Skipped

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
SPLIT_NAMES = {
    "train": "pool", "training": "pool", "pool": "pool",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
# What operating systems leave behind; names that start with a dot are passed over as well.
LEFTOVERS = frozenset(("__MACOSX", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", "@eaDir"))


class Format:
    """One way a data set can lie on disk. A module of this folder holds one instance; importing the folder finds it.

    Attributes:
        name: what `--format` calls it.
        title: what the Data page calls it.
        rank: `auto` asks the formats in this order, the most particular first.
        tasks: what can be learned from it: classification, segmentation.
    """

    name: str
    title: str
    rank: int = 50
    tasks: tuple[str, ...] = ("classification",)

    def recognizes(self, src: Path) -> str | None:
        """A sentence saying what `src` looks like, or None when it is not of this format. Quick: never reads a whole data set."""
        raise NotImplementedError

    def read(self, src: Path) -> Reading:
        """Everything in `src`, with what had to be set aside. Raises BadInput when nothing can be taken."""
        raise NotImplementedError


def is_image_name(name: str) -> bool:
    """True when the suffix, in any case, is one of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def walk(root: Path, skipped: list[Skipped]) -> Iterator[str]:
    """Paths of the images below `root`, relative, with forward slashes, in sorted order; everything else goes to `skipped`.

    Links to folders are not followed, so a loop of links cannot hang it; links to files count only when they stay below `root`.
    """
    base = os.fspath(root)
    inside = os.path.realpath(base) + os.sep
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            with os.scandir(os.path.join(base, prefix)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as wrong:
            skipped.append(Skipped(printable(prefix.rstrip("/") or "."), f"the folder cannot be read: {wrong.strerror}"))
            continue
        below = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in LEFTOVERS:
                continue
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                below.append(path + "/")
                continue
            reason = _why_not(entry, inside)
            if reason:
                skipped.append(Skipped(printable(path), reason))
            else:
                yield path
        pending.extend(reversed(below))


def _why_not(entry: os.DirEntry[str], inside: str) -> str | None:
    if not entry.path.isascii() and not _is_utf8(entry.path):
        return "the name is not valid UTF-8: rename the file or its folder"
    if entry.is_symlink():
        if os.path.isdir(entry.path):
            return "a link to a folder; such links are not followed"
        if not os.path.exists(entry.path):
            return "a link that leads nowhere"
        if not os.path.realpath(entry.path).startswith(inside):
            return "a link that leaves the imported folder: put a copy of the file there"
    if not entry.is_file():
        return "not a regular file"  # opening a named pipe would wait for ever
    if not is_image_name(entry.name):
        return f"not an image (its suffix is {os.path.splitext(entry.name)[1] or 'missing'})"
    return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(path: str) -> str:
    """`path` with bytes that are not UTF-8 written as escapes, so that it can be stored and sent."""
    return path.encode("utf-8", "backslashreplace").decode()


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once, as a person sorts them: "2" before "10"."""
    return tuple(sorted(set(names), key=_natural))


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    # Digits compare by length and then by text, which is their order as numbers at any length.
    parts = re.split(r"([0-9]+)", name.casefold())
    key = [(len(part.lstrip("0")), part.lstrip("0")) if turn % 2 else (0, part) for turn, part in enumerate(parts)]
    return key, name


def class_name(folder: str) -> str:
    """A folder's name as a class name. One composed form, so that a name typed on a Mac and one typed elsewhere are one class."""
    return folder if folder.isascii() else unicodedata.normalize("NFC", folder)


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


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 image", "1,797 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def no_images(src: Path, skipped: Sequence[Skipped]) -> BadInput:
    """The complaint about a folder without a single image, with what was found instead."""
    seen = f" ({count(len(skipped), 'other file')}, the first is {skipped[0].path}: {skipped[0].reason})" if skipped else ""
    suffixes = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
    return BadInput(f"{src} holds no images{seen}: put files there that end in {suffixes}")
