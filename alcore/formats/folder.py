"""Class folders: `cat/1.jpg`, or `train/cat/1.jpg`, `val/…`, `test/…`. Whatever is nested below a class folder belongs to that class."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

from alcore.columns import Entries, Texts
from alcore.errors import BadInput
from alcore.formats.base import SPLIT_NAMES, Format, class_name, class_order, count, no_images, walk
from alcore.types import Reading, Skipped


class ClassFolders(Format):
    """A folder a class, below folders for the splits when there are such.

    The top folders are splits when all that hold images are called train, val, test (or a usual variant), or when a train
    folder has a val or test folder beside it. A lone `train` among other folders is a class: there are data sets of vehicles.
    """

    name = "folder"
    title = "Class folders"
    rank = 80

    def recognizes(self, src: Path) -> str | None:
        """Images below sub-folders, none directly in `src`."""
        if not src.is_dir():
            return None
        first = next(walk(src, []), None)  # a folder's own files come before its sub-folders
        return "folders of images, a folder a class" if first is not None and "/" in first else None

    def read(self, src: Path) -> Reading:
        """See Format."""
        if not src.is_dir():
            raise BadInput(f"{src} is not a folder: the format folder wants a folder of class folders")
        skipped: list[Skipped] = []
        paths = Texts()
        tops: set[str] = set()
        for path in walk(src, skipped):
            paths.append(path)
            if "/" in path:
                tops.add(path.split("/", 1)[0])
        if not len(paths):
            raise no_images(src, skipped)
        split_of = _splits(tops)
        entries = Entries()
        for path in paths:
            parts = path.split("/", 2)
            if split_of is None:
                entries.append(path, "pool", class_name(parts[0]) if len(parts) > 1 else None)
            elif len(parts) == 1 or parts[0] not in split_of:
                skipped.append(Skipped(path, "lies beside the train, val and test folders: move it into one of them"))
            else:
                entries.append(path, split_of[parts[0]], class_name(parts[1]) if len(parts) > 2 else None)
        classes = class_order(entries.names)
        return Reading(src, classes, entries, skipped, took_for=_took_for(entries, classes, split_of))


def _splits(tops: Set[str]) -> dict[str, str] | None:
    known = {top: SPLIT_NAMES[top.lower()] for top in tops if top.lower() in SPLIT_NAMES}
    if known and (len(known) == len(tops) or {"pool"} < set(known.values())):
        return known
    return None


def _took_for(entries: Entries, classes: Sequence[str], split_of: dict[str, str] | None) -> str:
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
