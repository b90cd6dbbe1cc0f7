"""Labels out, in public formats: a CSV, class folders, or images with masks, named and valued as they came in. Knows no page, no route."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from alcore.errors import AlcoreError, BadInput
from alcore.files import at_work, made_beside
from alcore.formats import LABEL_WRITERS, MASK_WRITERS, Renamed
from alcore.formats.csv import text_of
from alcore.formats.writing import Item, Labeled, Legend
from alcore.pixels.pictures import MIMES
from alcore.project import listing
from alcore.project.stored import Stored
from alcore.types import WRITTEN, written

TABLES = ("csv", "parquet")
SUFFIXES = {mime: suffix for suffix, mime in MIMES.items()}


def export(
    project: Stored, format_name: str, out: Path, splits: Sequence[str] = tuple(WRITTEN.values()), *, every_column: bool = False
) -> dict[str, Any]:
    """Writes the current labels, and those that came with the images held out; `out` appears whole or not at all.

    Args:
        format_name: one of formats.LABEL_WRITERS: csv or parquet (path,label,split,annotator), folder (a copy of each labeled image below
            its split and class) and others with copies; for masks one of formats.MASK_WRITERS (a copy of each labeled image with its mask).
        splits: which go out: train, val, test.
        every_column: csv or parquet of every image, labeled or not, with all that listing.table knows of it; for masks too.

    Returns:
        format, items, splits (how many of each), renamed ([{path, name}] of images whose name could not be kept), out.

    Raises:
        BadInput: unknown format or split, or `out` exists already.
        AlcoreError: nothing is labeled.
    """
    names = TABLES if every_column else export_formats(project)
    if format_name not in names:
        raise BadInput(f"cannot export as {format_name!r}: use one of {', '.join(names)}")
    if unknown := [name for name in splits if name not in WRITTEN.values()]:
        raise BadInput(f"unknown split {unknown[0]!r}: use {', '.join(WRITTEN.values())}")
    if out.exists():
        raise BadInput(f"{out} exists already: name a new path")
    if every_column:
        with made_beside(out) as part:
            counts = listing.write_all(project, part, format_name, splits)
        return {"format": format_name, "items": sum(counts.values()), "splits": counts, "renamed": [], "out": str(out)}
    rows = _rows(project, splits)
    renamed: Renamed = []
    try:
        with made_beside(out) as part:
            if project.dense:
                legend = Legend(project.classes, project.colors, project.settings.get("naming", {}))
                renamed = MASK_WRITERS[format_name](part, _masked(project, rows), legend)
            else:
                renamed = LABEL_WRITERS[format_name](part, _labeled(project, rows), project.classes)
    except OSError as wrong:
        raise AlcoreError(f"{out} cannot be written: {wrong.strerror}: {wrong.filename}") from wrong
    counted = Counter(written(row["split"]) for row in rows)
    told = [{"path": path, "name": name} for path, name in renamed]
    return {"format": format_name, "items": len(rows), "splits": dict(counted), "renamed": told, "out": str(out)}


def _rows(project: Stored, splits: Sequence[str]) -> list[dict[str, Any]]:
    """The labeled items of these splits that can go out."""
    rows = [row for row in project.items.labeled(given=True) if written(row["split"]) in splits]
    if not any(row["annotator"] != "given" for row in rows) and "train" in splits:
        raise AlcoreError(f"nothing of {project.name!r} is labeled yet: there is nothing to export")
    if not rows:
        raise AlcoreError(f"nothing of {project.name!r} in {', '.join(splits)} is labeled: there is nothing to export")
    misfits = project.masks.misfits() if project.dense else {}  # the image was replaced by one of another size since; `doctor` names it
    return [row for row in rows if row["id"] not in misfits]


def archive(project: Stored, format_name: str) -> bytes:
    """The export as the content of a zip file, made on the disk first."""
    with at_work(project.folder), tempfile.TemporaryDirectory(dir=project.folder, prefix=".export-") as folder:
        out = Path(folder) / "export"
        export(project, format_name, out)
        return Path(shutil.make_archive(str(out), "zip", out)).read_bytes()


def export_formats(project: Stored) -> tuple[str, ...]:
    """What the project's labels can be written as."""
    return tuple(MASK_WRITERS if project.dense else LABEL_WRITERS)


def _masked(project: Stored, rows: list[dict[str, Any]]) -> Iterator[Item]:
    for row in rows:
        yield Item(row["path"], picture(project, row)[0], written(row["split"]), project.masks.load(row["label"]))


def _labeled(project: Stored, rows: list[dict[str, Any]]) -> Iterator[Labeled]:
    for row in rows:
        yield Labeled(row["path"], written(row["split"]), row["label"], row["annotator"], partial(picture, project, row))


def picture(project: Stored, row: dict[str, Any]) -> tuple[Path | bytes, str]:
    """An item's file; of an array the content of one, and its suffix."""
    original = project.pictures.original(row)
    if original is not None:
        return original, ""
    encoded, mime, _ = project.pictures.picture(row, 4096)
    return encoded, SUFFIXES[mime]


def csv_text(project: Stored) -> str:
    """path,label,split,annotator of every labeled item; only the heading when nothing is labeled."""
    return text_of(_labeled(project, project.items.labeled(given=True)))
