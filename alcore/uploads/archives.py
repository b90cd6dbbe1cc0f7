"""A zip unpacked into a folder: whole, or refused in a sentence. Nothing is written outside the folder, and nothing larger than the disk
allows, whatever the archive claims."""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from alcore.errors import BadInput, DiskFull
from alcore.progress import Progress, Report, ignore_progress
from alcore.uploads.names import amount, is_leftover, leads_out, safe_path

SUFFIX = ".zip"
MOST_FILES = 1_000_000
MOST_HEADINGS = 256_000_000  # bytes of an archive's table of contents, which is read into memory
RATIO = 200  # an archive that grows more than so many times is taken for a bomb ...
FROM = 100_000_000  # ... once it grows to this: a small drawing may well shrink that much
RESERVE = 256_000_000  # bytes of the disk that are left free
PIECE = 1_048_576
_END = b"PK\x05\x06"


@dataclass(frozen=True)
class Unpacked:
    """What came out: files, their bytes, and how many entries were links, which are left out."""

    files: int
    bytes: int
    links: int


def unpack(archive: Path, into: Path, name: str, free: int, report: Report = ignore_progress) -> Unpacked:
    """Unpacks an archive into a new folder. What systems leave in archives (`__MACOSX`, `.DS_Store`) stays out, names are made safe.

    Args:
        name: what people call the archive.
        free: bytes that the disk has free.
        report: is told how many bytes are unpacked.

    Raises:
        BadInput: the archive is empty, damaged or encrypted, would write outside its folder, or is a bomb.
        DiskFull: it is sound, and larger than what is free.
    """
    size = archive.stat().st_size
    if not size:
        raise BadInput(f"{name} is empty (0 bytes): make the zip again and drop it once more")
    _check_headings(archive, name, size)
    try:
        with zipfile.ZipFile(archive) as opened:
            return _unpacked(opened, into, name, size, free, report)
    except zipfile.BadZipFile as wrong:
        raise BadInput(f"{name} is damaged or no zip ({wrong}): make it again, or drop the folder itself") from wrong


def _unpacked(opened: zipfile.ZipFile, into: Path, name: str, size: int, free: int, report: Report) -> Unpacked:
    found, links = [], 0
    for entry in opened.infolist():
        path = _path(entry)
        if leads_out(path):
            raise BadInput(
                f"{name} is refused: its entry {path[:80]!r} would be written outside its folder. Make a zip of the images alone"
            )
        if entry.is_dir() or is_leftover(path):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            links += 1
            continue
        if entry.flag_bits & 1:
            raise BadInput(f"{name} is encrypted: unpack it with its password and drop the folder")
        found.append((path, entry))
    total = sum(entry.file_size for _, entry in found)
    if not found:
        raise BadInput(f"{name} holds no file: put the images into it and drop it again")
    if len(found) > MOST_FILES:
        raise BadInput(f"{name} holds {len(found):,} files, more than {MOST_FILES:,}: unpack it yourself and import the folder")
    if total > FROM and total > RATIO * size:
        raise BadInput(
            f"{name} is refused: {amount(size)} would grow to {amount(total)}, more than {RATIO} times as much, which images never do"
        )
    if total > free - RESERVE:
        raise DiskFull(f"{name} unpacks to {amount(total)}, and the disk has {amount(free)} free: free some space and unpack it again")
    done, told, folders = 0, 0, set()
    for number, (path, entry) in enumerate(found):
        target = into / safe_path(path)
        if target.parent not in folders:
            _make(target.parent, name)
            folders.add(target.parent)
        try:
            with opened.open(entry) as given, target.open("xb") as file:
                shutil.copyfileobj(given, file, PIECE)
        except FileExistsError:
            raise BadInput(f"{name} holds {path[:80]!r} twice, or a folder of that name: make it again") from None
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError) as wrong:
            raise BadInput(f"{name} is damaged at {path[:80]!r} ({wrong}): make it again, or drop the folder itself") from wrong
        done += entry.file_size
        if number + 1 < len(found) and done - told < PIECE:
            continue
        told = done
        report(Progress("unpacking", done, total, message=f"{number + 1:,} of {len(found):,} files"))
    return Unpacked(len(found), total, links)


def _make(folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BadInput(f"{name} holds a file and a folder of the same name, {folder.name!r}: make it again") from None


def _path(entry: zipfile.ZipInfo) -> str:
    """The name as it was meant: many programs write UTF-8 and do not say so, or put backslashes."""
    # zipfile cuts a name at a zero byte; what the archive really says is judged
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        with suppress(UnicodeError):  # else it is a real name of the old code page
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _check_headings(archive: Path, name: str, size: int) -> None:
    """The table of contents must be of a size that may be read; it stands behind the last of these marks."""
    for count, length in _ends(archive, size):
        if length > MOST_HEADINGS or count > MOST_FILES:
            raise BadInput(
                f"{name} says that it holds {count:,} files: up to {MOST_FILES:,} are taken. Unpack it yourself and import the folder"
            )


def _ends(archive: Path, size: int) -> Iterator[tuple[int, int]]:
    """(entries, bytes of the table) as the archive's end says them, and as its end of 64 bits does."""
    with archive.open("rb") as file:
        start = max(0, size - 65_557)
        file.seek(start)
        tail = file.read(65_557)
        at = tail.rfind(_END)
        if at < 0 or len(tail) < at + 22:
            return
        yield (
            struct.unpack_from("<HL", tail, at + 10)[0],
            0 if tail[at + 12 : at + 16] == b"\xff" * 4 else struct.unpack_from("<L", tail, at + 12)[0],
        )
        if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":
            (where,) = struct.unpack_from("<Q", tail, at - 12)
            file.seek(min(where, size))
            record = file.read(56)
            if len(record) == 56:
                yield struct.unpack_from("<QQ", record, 32)
