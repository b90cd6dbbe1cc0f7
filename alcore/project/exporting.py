"""Labels out, in public formats: a table, class folders, a labeling program's file, or images with masks, named and valued as they came in.
Knows no page, no route."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from alcore.errors import AlcoreError, BadInput
from alcore.files import at_work, made_beside
from alcore.formats import FORMATS, LABEL_WRITERS, MASK_WRITERS, WHOLE, Renamed
from alcore.formats.csv import text_of
from alcore.formats.writing import Item, Labeled, Legend
from alcore.pixels.pictures import MIMES
from alcore.project import listing
from alcore.project.stored import Stored
from alcore.storage.queries import Event
from alcore.types import WRITTEN, Answer, written

ANSWERS = ("label", "mask", "region")
AT_ONCE = 500  # items whose events are read in one go
TABLES = ("csv", "parquet")
PACKED = frozenset((".jpg", ".jpeg", ".webp", ".avif", ".heic", ".tar", ".parquet"))  # what is compressed already
SUFFIXES = {mime: suffix for suffix, mime in MIMES.items()}


def export(
    project: Stored, format_name: str, out: Path, splits: Sequence[str] = tuple(WRITTEN.values()), *, every_column: bool = False
) -> dict[str, Any]:
    """Writes the current labels, and those that came with the images held out; `out` appears whole or not at all.

    Args:
        format_name: one of formats.LABEL_WRITERS: csv or parquet (path,label,split,annotator), folder (a copy of each labeled image below
            its split and class) and others with copies; for masks one of formats.MASK_WRITERS (a copy of each labeled image with its mask).
            Those of formats.WHOLE write images without a label too.
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
    rows = _rows(project, splits, whole=format_name in WHOLE)
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


def _rows(project: Stored, splits: Sequence[str], whole: bool = False) -> list[dict[str, Any]]:
    """The labeled items of these splits that can go out; with `whole` the others too, with None as their label."""
    rows = [row for row in project.items.labeled(given=True) if written(row["split"]) in splits]
    if not any(row["annotator"] != "given" for row in rows) and "train" in splits:
        raise AlcoreError(f"nothing of {project.name!r} is labeled yet: there is nothing to export")
    if not rows:
        raise AlcoreError(f"nothing of {project.name!r} in {', '.join(splits)} is labeled: there is nothing to export")
    misfits = project.masks.misfits() if project.dense else {}  # the image was replaced by one of another size since; `doctor` names it
    rows = [row for row in rows if row["id"] not in misfits]
    if whole:
        there = {row["id"] for row in rows}
        others = [row for row in project.items.unlabeled() if row["id"] not in there and written(row["split"]) in splits]
        rows = sorted([*rows, *others], key=lambda row: int(row["id"]))
    return rows


def archive(project: Stored, format_name: str) -> BinaryIO:
    """The export as a zip file, open at its beginning and without a name, so that nothing is left of it once it is closed."""
    with at_work(project.folder), tempfile.TemporaryDirectory(dir=project.folder, prefix=".export-") as folder:
        out = Path(folder) / "export"
        export(project, format_name, out)
        made: BinaryIO = tempfile.TemporaryFile(dir=project.folder)  # noqa: SIM115  who asked closes it; in memory, 40,000 photos would fill that
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(out.rglob("*")) if out.is_dir() else [out]:
                name = path.relative_to(out) if out.is_dir() else f"labels.{format_name}"
                how = zipfile.ZIP_STORED if path.suffix.lower() in PACKED else None  # pictures do not get smaller
                packed.write(path, name, compress_type=how)
    made.seek(0)
    return made


def title_of(format_name: str) -> str:
    """What pages call a format."""
    return FORMATS[format_name].title


def export_formats(project: Stored) -> tuple[str, ...]:
    """What the project's labels can be written as."""
    return tuple(MASK_WRITERS if project.dense else LABEL_WRITERS)


def _masked(project: Stored, rows: list[dict[str, Any]]) -> Iterator[Item]:
    standing = _Standing(project, [row["id"] for row in rows])
    for row in rows:
        split, mask = written(row["split"]), project.masks.load(row["label"]) if row["label"] else np.empty((0, 0), np.uint8)
        said = () if row["label"] else tuple(one for one in standing.of(row["id"]) if one.value is None)
        yield Item(row["path"], picture(project, row)[0], split, mask, row["annotator"] or "", said)


def _labeled(project: Stored, rows: list[dict[str, Any]]) -> Iterator[Labeled]:
    standing = _Standing(project, [row["id"] for row in rows])
    for row in rows:
        whose = (row["annotator"] or "", partial(picture, project, row), partial(standing.of, row["id"]))
        yield Labeled(row["path"], written(row["split"]), row["label"] or "", *whose)


class _Standing:
    """What people said of items that no undo took back, read some hundreds of items at a time as they are asked for, in their order."""

    def __init__(self, project: Stored, ids: Sequence[int]) -> None:
        self._project, self._ids = project, ids
        self._place = {item: at for at, item in enumerate(ids)}
        self._read: dict[int, list[Event]] = {}

    def of(self, item: int) -> list[Answer]:
        """Each person's newest answer, oldest first; a class that was taken away says nothing."""
        if item not in self._read:
            at = self._place[item]
            self._read = self._project.queries.standing(self._ids[at : at + AT_ONCE])
        newest: dict[str, Answer] = {}
        for event in self._read[item]:
            if event.kind == "skip" or (event.kind in ANSWERS and event.value is not None):
                newest.pop(event.annotator, None)
                newest[event.annotator] = Answer(event.annotator, None if event.kind == "skip" else event.value)
        return list(newest.values())


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
