"""Tables of metadata that came with a form, kept as files below `uploads` until the import that reads them has ended."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from alcore.errors import disk_full_told
from alcore.files import written_whole
from alcore.uploads.names import safe_name
from alcore.uploads.roots import UPLOADS

TABLES = ".tables"  # the folder below `uploads`; one folder in it for each content


def keep(home: Path, name: str, content: bytes | memoryview) -> Path:
    """The file of a table, under the name that it had; the same content is kept once."""
    folder = home / UPLOADS / TABLES / hashlib.blake2b(content, digest_size=12).hexdigest()
    file = folder / safe_name(name)
    if not file.is_file():
        with disk_full_told(home, name), written_whole(file) as made:
            made.write(content)
    return file


def drop(home: Path, file: str | Path) -> None:
    """Takes away what `keep` kept; any other file stays."""
    folder = Path(file).parent
    if file and folder.parent == home / UPLOADS / TABLES:
        Path(file).unlink(missing_ok=True)
        with suppress(OSError):  # another name of the same content is there
            folder.rmdir()
