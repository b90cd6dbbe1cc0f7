"""What a browser sends, put together in the workspace's folder `uploads`: piece by piece, in any order of files, gone on with after a
broken connection, another page or a killed server, since the files themselves say what of them is there.

Below `uploads` lie

- `NAME/`, an upload that is whole: what an import reads,
- `.NAME.upload/state.json`, which files were meant (`print`) and how far it is,
- `.NAME.upload/parts/DIGEST`, a file of which a part is there, named by its path, size and time,
- `.NAME.upload/tree/`, its files that are whole; renamed to `NAME/` at the end,
- `.NAME.upload/unpacked/`, an archive that is being unpacked,
- `.NAME.upload/before/`, of what is fetched again, the folder that is being replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from alcore.errors import BadInput, Cancelled, DiskFull, NotFound, disk_full_told
from alcore.files import written_whole
from alcore.formats.base import IMAGE_SUFFIXES
from alcore.naming import natural
from alcore.progress import Report, ignore_progress
from alcore.uploads.alone import drop
from alcore.uploads.archives import RESERVE, SUFFIX, unpack
from alcore.uploads.names import amount, folder_name, is_leftover, safe_name, safe_path
from alcore.uploads.roots import UPLOADS

RECEIVING, UNPACKING, DONE, REFUSED = "receiving", "unpacking", "done", "refused"
CLOSE = 2_000  # ms: how exactly every file system keeps a time
LAST = 253_402_300_799_000  # ms since 1970, the end of the year 9999
DESK = re.compile(r"\.(.+)\.upload")

_locks: dict[Path, threading.Lock] = {}
_locking = threading.Lock()


@dataclass(frozen=True)
class Sent:
    """A file as its sender sees it: its path below what was dropped, bytes, and ms since 1970 of its last change."""

    path: str
    size: int
    time: int


@dataclass(frozen=True)
class Standing:
    """How far an upload is.

    Attributes:
        name: its folder below `uploads`.
        print: tells the files of one upload from those of another.
        files, bytes: that were meant.
        state: one of RECEIVING, UNPACKING, DONE, REFUSED.
        source: what an import takes; "" until it is done.
        notes: sentences about what was left out.
        error: why it was refused.
        address: where it is fetched from; "" for what a browser sends.
    """

    name: str
    print: str
    files: int
    bytes: int
    state: str = RECEIVING
    source: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""
    address: str = ""


class Shelf:
    """The uploads of a workspace. Thread-safe within a process; nothing of it is kept in memory.

    Args:
        home: the workspace's folder.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / UPLOADS

    # ---- a sender's way: begin, have, take, finish

    def begin(self, name: str, print_: str, files: int, size: int, address: str = "") -> Standing:
        """A new upload, or the one of the same files that is there already, whatever it is called.

        Args:
            name: of what was dropped; another one is taken where other files have it.
            print_: any text that is the same for the same files.
            address: where they are fetched from, if they are.

        Raises:
            BadInput: the disk has no room for it.
        """
        wanted = folder_name(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        with _lock_of(self.folder):
            for number in range(1, 10_000):
                candidate = wanted if number == 1 else f"{wanted}-{number}"
                known = self.known(candidate)
                if known and known.state == DONE and not (self.folder / candidate).exists():
                    known = None  # somebody took the folder away
                if known and known.state != REFUSED:
                    if known.print == print_:
                        self._check_room(candidate, size - self.there(candidate) if known.state == RECEIVING else 0)
                        return known
                elif not (self.folder / candidate).exists():
                    self._check_room(candidate, size)
                    shutil.rmtree(self._desk(candidate), ignore_errors=True)
                    return self._write(Standing(candidate, print_, files, size, address=address))
        raise BadInput(f"there are too many uploads called {wanted!r}: remove some of them")

    def have(self, name: str, files: Sequence[Sent]) -> list[int]:
        """How many bytes of each file are there, from its beginning on."""
        self._receiving(name)
        return [self._have(name, one) for one in files]

    def take(self, name: str, pieces: Sequence[tuple[Sent, int, memoryview]]) -> list[int]:
        """Stores pieces: (file, where the piece begins in it, its bytes). What is there already is not written again, and a piece that lies
        behind a gap is not stored. How many bytes of each file are there then; the sender goes on from them.

        Raises:
            DiskFull: nothing more fits.
        """
        self._receiving(name)
        wanted = sum(len(content) for _, _, content in pieces)
        if self.free() - wanted < RESERVE:
            raise DiskFull(
                f"the disk has {amount(self.free())} free, of which {amount(RESERVE)} are kept: free some space, it goes on then"
            )
        desk = self._desk(name)
        with _lock_of(desk), disk_full_told(self.folder, "the upload"):
            if not desk.is_dir():
                raise NotFound(f"the upload {name!r} was taken away: drop the files again")
            return [self._put(name, *piece) for piece in pieces]

    def finish(self, name: str) -> Standing:
        """Ends an upload of which all is there. One with archives is UNPACKING then: `unpack` is to be called, which may take long.

        Raises:
            BadInput: something is missing.
        """
        with _lock_of(self._desk(name)):
            known = self.standing(name)
            if known.state != RECEIVING:
                return known
            tree = self._desk(name) / "tree"
            found = [path.stat().st_size for path in _files(tree)]
            if len(found) != known.files or sum(found) != known.bytes:
                raise BadInput(
                    f"{len(found):,} of {known.files:,} files are there ({amount(sum(found))} of {amount(known.bytes)}): "
                    "drop the same files again"
                )
            if any(path.suffix.lower() == SUFFIX for path in _files(tree)):
                return self._write(replace(known, state=UNPACKING))
            return self._settle(known)

    def unpack(self, name: str, report: Report = ignore_progress) -> Standing:
        """Unpacks the archives of an upload, each in its place. An upload of one archive alone becomes what is in it.

        Raises:
            BadInput: no archive can be taken, and there is nothing else; it is REFUSED then and its bytes are gone.
            DiskFull: what they hold does not fit. Called again it is tried again.
        """
        known, desk = self.standing(name), self._desk(name)
        if known.state != UNPACKING:
            return known
        tree, out = desk / "tree", desk / "unpacked"
        archives = [path for path in _files(tree) if path.suffix.lower() == SUFFIX]
        alone, notes = known.files == 1, list(known.notes)
        try:
            for archive in archives:
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                shown = archive.relative_to(tree).as_posix()
                try:
                    with disk_full_told(self.folder, shown):
                        made = unpack(archive, out, shown, self.free(), report)
                except BadInput as wrong:
                    if alone:
                        raise
                    notes.append(f"{wrong}.")
                    archive.unlink()
                    continue
                if made.links:
                    notes.append(f"{made.links:,} links in {shown} were left out.")
                if alone:
                    archive.unlink()
                    tree.rmdir()
                    os.replace(out, tree)
                else:
                    os.replace(out, _unused(archive.with_suffix("")))
                    archive.unlink()
            if not any(_files(tree)):
                raise BadInput(notes[0].removesuffix(".") if notes else f"{name} holds no file")
        except BadInput as wrong:
            for part in ("tree", "parts", "unpacked"):
                shutil.rmtree(desk / part, ignore_errors=True)
            self._write(replace(known, state=REFUSED, error=str(wrong)))
            raise
        except FileNotFoundError:
            if desk.exists():
                raise
            raise Cancelled(f"the upload {name} was taken away") from None
        return self._settle(replace(known, notes=tuple(notes)))

    # ---- what is fetched (fetching.fetch)

    def desk(self, name: str) -> Path:
        """Where an upload is put together. NotFound where there is none."""
        self.standing(name)
        return self._desk(name)

    def fetched(self, known: Standing, report: Report = ignore_progress) -> Standing:
        """Puts in place what was fetched, its archives unpacked; what an earlier fetch brought goes then."""
        with _lock_of(self._desk(known.name)):
            found = [path.stat().st_size for path in _files(self._desk(known.name) / "tree")]
            self._write(replace(known, files=len(found), bytes=sum(found), state=RECEIVING, source=""))
        standing = self.finish(known.name)
        return self.unpack(known.name, report) if standing.state == UNPACKING else standing

    def keep(self, known: Standing) -> None:
        """Goes back to what there was before a fetch that failed."""
        if self._desk(known.name).is_dir():
            self._write(known)

    def holding(self, path: Path) -> Standing | None:
        """The upload that a path lies in, None where it lies in none."""
        for one in self.all():
            folder = self.folder / one.name
            if path == folder or folder in path.parents:
                return one
        return None

    # ---- looking

    def standing(self, name: str) -> Standing:
        """How far an upload is, or NotFound."""
        known = self.known(name)
        if known is None or (known.state == DONE and not (self.folder / known.name).exists()):
            raise NotFound(f"there is no upload {name[:80]!r}: drop the files again")
        return known

    def all(self) -> list[Standing]:
        """The uploads by name, those that were refused left out."""
        found = []
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if match := DESK.fullmatch(entry.name):
                known = self.known(match[1])
                if known and known.state != REFUSED and (known.state != DONE or (self.folder / known.name).exists()):
                    found.append(known)
        return sorted(found, key=lambda one: natural(one.name))

    def there(self, name: str) -> int:
        """Bytes of an upload that have come."""
        desk = self._desk(name)
        return sum(path.stat().st_size for part in ("tree", "parts") for path in _files(desk / part))

    def free(self) -> int:
        """Bytes that the disk has free."""
        place = self.folder if self.folder.exists() else self.folder.parent
        return shutil.disk_usage(place).free

    def remove(self, name: str) -> None:
        """Takes an upload away, whole or not. NotFound where there is none."""
        known, desk = self.known(name), self._desk(name)
        if known is None:
            raise NotFound(f"there is no upload {name[:80]!r}")
        with _lock_of(desk):
            gone = desk.with_name(f"{desk.name}.gone")
            shutil.rmtree(gone, ignore_errors=True)
            os.replace(desk, gone)  # at once, so that whoever sends or unpacks notices
            drop(desk.with_suffix(".fetching"))
            if known.state == DONE or known.address:
                shutil.rmtree(self.folder / known.name, ignore_errors=True)
            shutil.rmtree(gone, ignore_errors=True)

    # ---- inside

    def _desk(self, name: str) -> Path:
        if not name or name.startswith(".") or safe_name(name) != name:
            raise NotFound(f"there is no upload {name[:80]!r}")
        return self.folder / f".{name}.upload"

    def known(self, name: str) -> Standing | None:
        """What is known of an upload, refused ones too; None where there is none."""
        try:
            told: dict[str, Any] = json.loads((self._desk(name) / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Standing(**{**told, "notes": tuple(told["notes"])})

    def _write(self, standing: Standing) -> Standing:
        with written_whole(self._desk(standing.name) / "state.json", lasting=True) as file:
            file.write(json.dumps(asdict(standing)).encode())
        return standing

    def _receiving(self, name: str) -> Standing:
        known = self.standing(name)
        if known.state != RECEIVING:
            raise BadInput(f"the upload {name!r} is {known.state} and takes no more files")
        return known

    def _check_room(self, name: str, size: int) -> None:
        if size > 0 and size + RESERVE > (free := self.free()):
            raise BadInput(
                f"{name}: {amount(size)} are to come and the disk of the workspace has {amount(free)} free, of which "
                f"{amount(RESERVE)} are kept. Free some space, or upload less"
            )

    def _have(self, name: str, sent: Sent) -> int:
        whole = self._desk(name) / "tree" / _placed(sent)
        try:
            state = whole.stat()
            if state.st_size == sent.size and abs(state.st_mtime_ns // 1_000_000 - sent.time) <= CLOSE:
                return sent.size
        except (FileNotFoundError, NotADirectoryError):
            pass
        try:
            return min(sent.size, self._part(name, sent).stat().st_size)
        except FileNotFoundError:
            return 0

    def _part(self, name: str, sent: Sent) -> Path:
        text = f"{sent.path}\0{sent.size}\0{sent.time}".encode(errors="surrogatepass")
        return self._desk(name) / "parts" / hashlib.blake2b(text, digest_size=16).hexdigest()

    def _put(self, name: str, sent: Sent, at: int, content: memoryview) -> int:
        there = self._have(name, sent)
        if (there == sent.size and sent.size) or at > there or at + len(content) < there:
            return there
        part = self._part(name, sent)
        part.parent.mkdir(exist_ok=True)
        with part.open("ab") as file:
            file.truncate(there)
            file.write(content[there - at :])
        there = at + len(content)
        if there == sent.size:
            whole = self._desk(name) / "tree" / _placed(sent)
            try:
                whole.parent.mkdir(parents=True, exist_ok=True)
                os.utime(part, ns=(sent.time * 1_000_000, sent.time * 1_000_000))
                os.replace(part, whole)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise BadInput(f"{sent.path!r} is a file and a folder at once: upload them one after the other") from None
        return there

    def _settle(self, known: Standing) -> Standing:
        desk, target = self._desk(known.name), self.folder / known.name
        if known.address and target.exists():  # fetched before: the new one takes its place
            shutil.rmtree(desk / "before", ignore_errors=True)
            os.replace(target, desk / "before")
        os.replace(desk / "tree", target)
        shutil.rmtree(desk / "before", ignore_errors=True)
        for part in ("parts", "unpacked"):
            shutil.rmtree(desk / part, ignore_errors=True)
        return self._write(replace(known, state=DONE, source=str(source_of(target))))


def source_of(folder: Path) -> Path:
    """What an import takes: the folder, or its one file where that is a table or arrays."""
    inside = list(folder.iterdir())
    lone = inside[0] if len(inside) == 1 and inside[0].is_file() else None
    return lone if lone and lone.suffix.lower() not in IMAGE_SUFFIXES and lone.suffix else folder


def _placed(sent: Sent) -> str:
    path = safe_path(sent.path)
    if is_leftover(path):
        raise BadInput(f"{sent.path!r} is a hidden file: such are not taken")
    return path


def _unused(path: Path) -> Path:
    """The path, or one like it that is not there."""
    number, made = 1, path
    while made.exists():
        number, made = number + 1, path.with_name(f"{path.name}-{number + 1}")
    return made


def _files(folder: Path) -> Iterator[Path]:
    """The files of a tree, folder by folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place, name)


def _lock_of(path: Path) -> threading.Lock:
    with _locking:
        return _locks.setdefault(path, threading.Lock())
