"""Tables of metadata that came with a form, kept as files below `uploads` until the import that reads them is done.

A form keeps the same content once, however often it is drawn. An import that is begun takes it as its own (`own`), so that no other one's
end takes it away."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from alcore.errors import NotFound, disk_full_told
from alcore.files import written_whole
from alcore.uploads.names import safe_name
from alcore.uploads.roots import UPLOADS

TABLES = ".tables"  # the folder below `uploads`; one folder in it for each content, and one for each import
OWN = "import-"  # how folders of imports begin


def keep(home: Path, name: str, content: bytes | memoryview) -> Path:
    """The file of a table, under the name that it had; the same content is kept once."""
    file = _folder(home, content) / safe_name(name)
    if not file.is_file():
        with disk_full_told(home, name), written_whole(file) as made:
            made.write(content)
    return file


def own(home: Path, file: str | Path) -> Path:
    """What `keep` kept, as the file of one import alone; any other file is what it is, and stays.

    Raises:
        NotFound: another import took it this moment.
    """
    kept = Path(file)
    if not _is_kept(home, kept):
        return kept
    made = home / UPLOADS / TABLES / f"{OWN}{secrets.token_hex(8)}" / kept.name
    made.parent.mkdir(parents=True)
    try:
        os.replace(kept, made)
    except FileNotFoundError:
        made.parent.rmdir()
        raise NotFound(f"the table {kept.name[:80]!r} is not here any more: choose it again") from None
    _clear(kept.parent)
    return made


def drop(home: Path, file: str | Path) -> None:
    """Takes away what `keep` kept, and with an import's own what a form keeps of the same, which is kept again if it is wanted there. Any
    other file stays."""
    kept = Path(file)
    if not _is_kept(home, kept) or not kept.is_file():
        return
    of_form = _folder(home, kept.read_bytes()) / kept.name
    for one in {kept, of_form}:
        one.unlink(missing_ok=True)
        _clear(one.parent)


def _folder(home: Path, content: bytes | memoryview) -> Path:
    return home / UPLOADS / TABLES / hashlib.blake2b(content, digest_size=12).hexdigest()


def _is_kept(home: Path, file: Path) -> bool:
    return file.parent.parent == home / UPLOADS / TABLES and ".." not in file.parts


def _clear(folder: Path) -> None:
    with suppress(OSError):  # another name of the same content is there, or nothing
        folder.rmdir()
