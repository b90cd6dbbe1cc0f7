"""Which folders of this machine a page may read: those of ALCORE_DATA_ROOTS and the uploads, or all of them where nobody else can reach the
server."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from alcore.errors import BadInput, NotFound
from alcore.formats.base import IMAGE_SUFFIXES, LEFTOVERS
from alcore.home import models_folder
from alcore.naming import natural, printable

VARIABLE = "ALCORE_DATA_ROOTS"
UPLOADS = "uploads"  # the folder of a workspace
MOST = 500  # folders of a listing
EACH = 5_000  # entries that are looked at to count one folder's images ...
ALL = 50_000  # ... and those of a whole listing


@dataclass(frozen=True)
class Folder:
    """A folder of a listing: its images at any depth, and whether there may be more than were counted."""

    name: str
    path: str
    images: int
    more: bool


@dataclass(frozen=True)
class Listing:
    """What the picker shows of a folder; of None the places where it begins.

    Attributes:
        at: the folder, or "".
        up: the folder above it, "" for the places where it begins, None where there is nothing above.
        images: that lie directly in it.
        cut: there are more folders than are listed.
    """

    at: str
    up: str | None
    images: int
    folders: list[Folder]
    cut: bool = False


class Roots:
    """The folders that may be read. A link is what it leads to.

    Args:
        home: of the workspace; its uploads may always be read.
        allowed: folders, None for every one.
    """

    def __init__(self, home: Path, allowed: Iterable[Path] | None) -> None:
        self.home = home
        self.uploads = home / UPLOADS
        self.allowed = None if allowed is None else tuple(Path(os.path.realpath(one)) for one in allowed)

    @classmethod
    def of(cls, home: Path) -> Roots:
        """As ALCORE_DATA_ROOTS says, folders with the system's path separator between them: empty is none at all, not set is every one."""
        said = os.environ.get(VARIABLE)
        return cls(home, None if said is None else [Path(part) for part in said.split(os.pathsep) if part])

    @property
    def open(self) -> bool:
        """True where every folder may be read."""
        return self.allowed is None

    def may(self, path: Path) -> bool:
        """Whether a path, which need not be there, lies in a folder that may be read."""
        if self.allowed is None:
            return True
        real = Path(os.path.realpath(path))
        return any(real == root or root in real.parents for root in (*self.allowed, Path(os.path.realpath(self.uploads))))

    def check(self, typed: str | Path) -> Path:
        """The path that somebody typed or clicked. What lies elsewhere is refused in the same words whether or not it is there.

        Raises:
            BadInput: it lies outside the folders that may be read, or cannot be a path.
        """
        try:
            path = Path(typed).expanduser().absolute()
            may = self.may(path)
        except (ValueError, RuntimeError, OSError):  # a zero byte; a user that is not there; links in a circle
            raise BadInput(f"{str(typed)[:80]!r} cannot be a path on this machine") from None
        if not may:
            inside = f" below {', '.join(_end(root, 60) for root in self.allowed[:2])}" if self.allowed else ""
            cure = f"choose one{inside} or upload the files" if inside else "upload the files"
            raise BadInput(
                f"{_end(typed, 80)!r} lies outside the folders that this server may read: {cure}. "
                "Whoever runs it allows more with --data-root"
            )
        return path

    def check_file(self, typed: str) -> Path:
        """The same of a file that a setting names, such as the weights of a network: those of the folder of models may be read, too. A
        relative path is of that folder, or of where the server was started."""
        models = models_folder(self.home)
        if models is not None and not self.open:
            try:
                inside = Path(os.path.realpath(models / Path(typed).expanduser()))
                started = Path(typed).expanduser()
                if Path(os.path.realpath(models)) in inside.parents and (started.is_absolute() or not started.exists()):
                    return inside
            except (ValueError, RuntimeError, OSError):  # told below
                pass
        return self.check(typed)

    def places(self) -> list[Path]:
        """Where the picker begins."""
        there = [Path.home(), Path(Path.home().anchor)] if self.allowed is None else list(self.allowed)
        return list(dict.fromkeys(place for place in (*there, self.uploads) if place.is_dir()))

    def listing(self, at: str | None) -> Listing:
        """The folders in a folder, in natural order, with their images.

        Raises:
            BadInput: it may not be read.
            NotFound: it is no folder.
        """
        if not at:
            return Listing("", None, 0, self._counted(self.places(), named=False))
        folder = self.check(at)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: natural(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"there is no folder {printable(str(at))[:200]!r}") from None
        except PermissionError:
            raise BadInput(f"{printable(str(at))[:200]!r} may not be read by this server: give its user the right to it") from None
        shown = [entry for entry in entries if not entry.name.startswith(".") and entry.name not in LEFTOVERS and _is_utf8(entry.name)]
        folders = [Path(entry.path) for entry in shown if _is_folder(entry) and self.may(Path(entry.path))]
        images = sum(_is_image(entry) for entry in shown)
        is_place = folder in self.places() and not self.open
        above = str(folder.parent) if not is_place and folder.parent != folder and self.may(folder.parent) else ""
        return Listing(str(folder), above, images, self._counted(folders[:MOST]), len(folders) > MOST)

    def _counted(self, folders: list[Path], named: bool = True) -> list[Folder]:
        left, found = ALL, []
        for folder in folders:
            images, looked, more = _images(folder, min(EACH, left))
            left -= looked
            found.append(Folder(folder.name if named else str(folder), str(folder), images, more))
        return found


def _end(path: str | Path, most: int) -> str:
    """The end of a path, which tells more of it than its beginning does."""
    text = printable(str(path))
    return text if len(text) <= most else f"…{text[1 - most :]}"


def _images(folder: Path, most: int) -> tuple[int, int, bool]:
    """Images at any depth, entries looked at, and whether that was not all. Links to folders are not followed."""
    images, looked, waiting = 0, 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if looked >= most:
                        return images, looked, True
                    looked += 1
                    if entry.name.startswith(".") or entry.name in LEFTOVERS:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        images += _is_image(entry)
        except OSError:  # one that may not be read has no image for us
            continue
    return images, looked, False


def _is_image(entry: os.DirEntry[str]) -> bool:
    return os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
