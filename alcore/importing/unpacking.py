"""Images out of a container, a tar or a Parquet file, as files below a project's folder, one by one. Knows no format and no store."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from alcore.columns import Entries
from alcore.errors import BadInput, disk_full_told
from alcore.files import written_whole
from alcore.progress import Progress, Report, ignore_progress
from alcore.reading import Reading
from alcore.types import Skipped

UNPACKED = "unpacked"  # the folder below a project's
TOLD_EVERY = 256  # images


def unpack(reading: Reading, folder: Path, report: Report = ignore_progress) -> None:
    """Writes the images of a reading with contents below `folder`/unpacked, and makes it a reading of files there; others stay as they are.

    One image is in memory at a time. A file that has the very content already is left as it is, so that an import again takes it for
    unchanged; files that the container has no longer are removed. What is damaged goes to `skipped`.

    Raises:
        BadInput: the disk has no room for them. AlcoreError: it became full on the way.
    """
    if reading.contents is None:
        return
    out, contents = folder / UNPACKED, reading.contents
    free = shutil.disk_usage(folder).free
    if contents.size > free:
        raise BadInput(f"the images of {reading.root} take {contents.size / 1e9:,.1f} GB and the disk has {free / 1e9:,.1f} GB: make room")
    given, kept = Entries.of(reading.entries), Entries()
    with disk_full_told(folder, "the unpacked images"):
        out.mkdir(exist_ok=True)
        for at, entry in enumerate(given):
            if at % TOLD_EVERY == 0:
                report(Progress("unpacking", at, len(given)))
            try:
                _write(_below(out, entry.path), contents[at])
            except BadInput as wrong:
                reading.skipped.append(Skipped(entry.path, str(wrong)))
            else:
                kept.append(entry.path, entry.split, entry.label)
    _remove_others(out, set(kept.paths))
    reading.warnings.append(f"{len(kept):,} images were unpacked into the workspace ({contents.size / 1e6:,.1f} MB)")
    reading.root, reading.entries, reading.contents = out, kept, None


def _below(out: Path, path: str) -> Path:
    """Formats give names that are below; a name that is not would write anywhere."""
    place = os.path.normpath(out / path)
    if not place.startswith(f"{out}{os.sep}"):
        raise BadInput("its name leads out of the folder")
    return Path(place)


def _write(place: Path, content: bytes) -> None:
    if place.is_file() and place.stat().st_size == len(content) and place.read_bytes() == content:
        return
    with written_whole(place) as file:
        file.write(content)


def _remove_others(out: Path, paths: set[str]) -> None:
    for folder, _, names in os.walk(out):
        for name in names:
            file = Path(folder, name)
            if file.relative_to(out).as_posix() not in paths:
                file.unlink(missing_ok=True)
