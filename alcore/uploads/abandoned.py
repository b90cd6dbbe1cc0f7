"""Uploads that nobody goes on with: begun and left, refused, or tables whose import never came. Found, told with their size, taken away."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from alcore.uploads.names import amount
from alcore.uploads.shelf import DESK, DONE, REFUSED, UNPACKING, Shelf, source_of
from alcore.uploads.tables import TABLES

WEEK = 7 * 86_400.0  # seconds: what is broken off may be gone on with, and people have holidays
DAY = 86_400.0


@dataclass(frozen=True)
class Abandoned:
    """Something below `uploads` that nothing was written to for long.

    Attributes:
        name: of the upload, or of the table.
        size: bytes on the disk that go with it.
        what: in what state it was left, in words.
        days: since something was last written.
    """

    name: str
    size: int
    what: str
    days: float
    path: Path

    def words(self) -> str:
        """A sentence."""
        return f"uploads: {self.name!r} {self.what} and is {self.days:.0f} days old ({amount(self.size)})"


def find(home: Path, older_than: float = WEEK) -> list[Abandoned]:
    """What has been left, the largest first.

    Args:
        older_than: seconds since something was last written, for uploads; tables wait for a day at most.
    """
    return sorted(_each(Shelf(home), older_than), key=lambda one: (-one.size, one.name))


def remove(home: Path, one: Abandoned) -> None:
    """Takes it away. Of what was being fetched anew the folder that is in place stays."""
    shelf = Shelf(home)
    match = DESK.fullmatch(one.path.name)
    known = shelf.known(match[1]) if match else None
    if known and known.address and (shelf.folder / known.name).exists():
        for part in ("tree", "parts", "unpacked", "before"):
            shutil.rmtree(one.path / part, ignore_errors=True)
        shelf.keep(replace(known, state=DONE, source=str(source_of(shelf.folder / known.name))))
    elif known:
        shelf.remove(known.name)
    else:
        shutil.rmtree(one.path, ignore_errors=True)


def used(home: Path) -> int:
    """Bytes of everything below `uploads`."""
    return _size(Shelf(home).folder)


def _each(shelf: Shelf, older_than: float) -> Iterator[Abandoned]:
    for path in sorted(shelf.folder.iterdir()) if shelf.folder.is_dir() else ():
        if path.name == TABLES:
            for table in sorted(path.iterdir()):
                yield from _left(
                    table, next((file.name for file in table.iterdir()), table.name), "was read by no import", min(older_than, DAY)
                )
        elif path.name.endswith(".upload.gone"):
            yield from _left(path, path.name[1 : -len(".upload.gone")], "was being removed", min(older_than, DAY))
        elif match := DESK.fullmatch(path.name):
            yield from _desk(shelf, path, match[1], older_than)


def _desk(shelf: Shelf, path: Path, name: str, older_than: float) -> Iterator[Abandoned]:
    known = shelf.known(name)
    if known is None:
        yield from _left(path, name, "has no state", older_than)
    elif known.state == DONE:
        if not (shelf.folder / name).exists():
            yield from _left(path, name, "has lost its files", older_than)
        elif (path / "tree").exists():  # fetched anew, and broken off
            yield from _left(path, name, f"was not fetched to its end anew from {known.address[:80]}", older_than)
    elif known.state == REFUSED:
        yield from _left(path, name, "was refused", older_than)
    else:
        whole = f" of {amount(known.bytes)}" if known.bytes else ""
        half = "is not unpacked" if known.state == UNPACKING else f"has {amount(shelf.there(name))}{whole}"
        yield from _left(path, name, half, older_than)


def _left(path: Path, name: str, what: str, older_than: float) -> Iterator[Abandoned]:
    idle = time.time() - _newest(path)
    if idle >= older_than:
        yield Abandoned(name, _size(path), what, idle / 86_400, path)


def _newest(path: Path) -> float:
    """When something in it was last made or changed here; files bear the times of their origin, so folders and names tell it."""
    return max((max(one.lstat().st_ctime, one.lstat().st_mtime if one.is_dir() else 0.0) for one in (path, *path.rglob("*"))), default=0.0)


def _size(path: Path) -> int:
    return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())
