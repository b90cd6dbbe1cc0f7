"""Names from elsewhere, made safe for the file system of this machine: no way out of a folder, no control sign, no name that Windows keeps
for itself."""

from __future__ import annotations

import hashlib
import os
import re

from alcore.errors import BadInput
from alcore.formats.base import LEFTOVERS

LONGEST = 200  # bytes of one name: file systems take 255, and ours get a suffix while they are written
DEEPEST = 40  # folders inside one another
WHOLE = 2_000  # bytes of a path
# names of devices: Windows takes `con` and `con.jpg` for the console, wherever they lie
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\]" if os.name != "nt" else r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\<>:\"|?*]"
)
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def is_leftover(path: str) -> bool:
    """True for what systems leave in folders and archives and nobody means to send: hidden files, `__MACOSX`, `Thumbs.db`."""
    return any((part.startswith(".") and part not in (".", "..")) or part in LEFTOVERS for part in path.replace("\\", "/").split("/"))


def leads_out(path: str) -> bool:
    """True for a path that does not stay below the folder it is put in: absolute, with a drive, or with `..`."""
    return path.startswith(("/", "\\")) or bool(_DRIVE.match(path)) or ".." in re.split(r"[/\\]", path)


def safe_path(path: str) -> str:
    """The relative path, `/` between its parts, each of them safe; the same text gives the same path. Letters of any script stay.

    Raises:
        BadInput: it leads out of its folder, is empty, or too deep or long.
    """
    if leads_out(path):
        raise BadInput(f"{path!r} leads out of its folder: send paths below the folder that is uploaded")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        raise BadInput(f"{path!r} names no file")
    made = "/".join(safe_name(part) for part in parts)
    if len(parts) > DEEPEST or len(made.encode()) > WHOLE:
        raise BadInput(f"{path!r} lies too deep: up to {DEEPEST} folders and {WHOLE:,} bytes are taken. Move it up and send it again")
    return made


def safe_name(name: str) -> str:
    """One part of a path. What had to be changed gets a mark, so that two names never become one."""
    made = _UNSAFE.sub("_", name)
    if made != made.rstrip(". "):  # Windows drops them
        made = made.rstrip(". ") + "_"
    if RESERVED.match(made):
        made = f"_{made}"
    stem, dot, suffix = made.rpartition(".")
    if len(made.encode()) > LONGEST:
        room = LONGEST - len(suffix.encode()) - 1 if dot and len(suffix.encode()) < 20 else LONGEST
        stem, suffix = (stem, suffix) if room < LONGEST else (made, "")
        made = stem.encode()[: room - 8].decode(errors="ignore") + (f".{suffix}" if suffix else "")
    if made == name:
        return made
    mark = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=3).hexdigest()
    stem, dot, suffix = made.rpartition(".")
    return f"{stem}-{mark}.{suffix}" if dot and stem else f"{made}-{mark}"


def folder_name(name: str) -> str:
    """A name for the folder of an upload, of whatever was dropped."""
    bare = " ".join(_UNSAFE.sub(" ", name).split()).strip(". ")
    return safe_name(bare[:60].strip(". ")) if bare else "upload"


def amount(size: float) -> str:
    """Bytes as people read them: 20.0 kB, 1.2 GB."""
    unit = 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:,.0f} {_UNITS[unit]}" if unit == 0 or size >= 99.95 else f"{size:.1f} {_UNITS[unit]}"
