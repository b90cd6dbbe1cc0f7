"""Labels out, in public formats: a CSV, class folders, or images with masks, named and valued as they came in. Knows no page, no route."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alcore.errors import AlcoreError, BadInput
from alcore.files import at_work, made_beside
from alcore.formats import MASK_WRITERS
from alcore.formats.base import split_of_folder
from alcore.formats.folder import CLASSES
from alcore.formats.writing import Item, Legend, copy_upright, possible
from alcore.naming import class_name, class_order
from alcore.pixels.pictures import MIMES
from alcore.project.stored import Stored
from alcore.types import WRITTEN

SUFFIXES = {mime: suffix for suffix, mime in MIMES.items()}
Renamed = list[tuple[str, str]]  # (the source's path, what it is called now) of those whose name could not be kept


def export(project: Stored, format_name: str, out: Path, splits: Sequence[str] = tuple(WRITTEN.values())) -> dict[str, Any]:
    """Writes the current labels, and those that came with the images held out; `out` appears whole or not at all.

    Args:
        format_name: csv (path,label,split,annotator) or folder (a copy of each labeled image below its split and class); for masks one of
            formats.MASK_WRITERS (a copy of each labeled image with its mask).
        splits: which go out: train, val, test.

    Returns:
        format, items, splits (how many of each), renamed ([{path, name}] of images whose name could not be kept), out.

    Raises:
        BadInput: unknown format or split, or `out` exists already.
        AlcoreError: nothing is labeled.
    """
    names = export_formats(project)
    if format_name not in names:
        raise BadInput(f"cannot export as {format_name!r}: use one of {', '.join(names)}")
    if unknown := [name for name in splits if name not in WRITTEN.values()]:
        raise BadInput(f"unknown split {unknown[0]!r}: use {', '.join(WRITTEN.values())}")
    if out.exists():
        raise BadInput(f"{out} exists already: name a new path")
    rows = _rows(project, splits)
    renamed: Renamed = []
    try:
        with made_beside(out) as part:
            if project.dense:
                legend = Legend(project.classes, project.colors, project.settings.get("naming", {}))
                renamed = MASK_WRITERS[format_name](part, _masked(project, rows), legend)
            elif format_name == "csv":
                part.write_text(_csv_of(rows), encoding="utf-8", newline="")
            else:
                renamed = _write_folder(project, rows, part)
    except OSError as wrong:
        raise AlcoreError(f"{out} cannot be written: {wrong.strerror}: {wrong.filename}") from wrong
    counted = Counter(WRITTEN[row["split"]] for row in rows)
    told = [{"path": path, "name": name} for path, name in renamed]
    return {"format": format_name, "items": len(rows), "splits": dict(counted), "renamed": told, "out": str(out)}


def _rows(project: Stored, splits: Sequence[str]) -> list[dict[str, Any]]:
    """The labeled items of these splits that can go out."""
    rows = [row for row in project.items.labeled(given=True) if WRITTEN[row["split"]] in splits]
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
    return tuple(MASK_WRITERS) if project.dense else ("csv", "folder")


def _masked(project: Stored, rows: list[dict[str, Any]]) -> Iterator[Item]:
    for row in rows:
        original = project.pictures.original(row)
        image = original if original is not None else project.pictures.picture(row, 4096)[0]
        yield Item(row["path"], image, WRITTEN[row["split"]], project.masks.load(row["label"]))


def csv_text(project: Stored) -> str:
    """path,label,split,annotator of every labeled item; only the heading when nothing is labeled."""
    return _csv_of(project.items.labeled(given=True))


def _csv_of(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "label", "split", "annotator"])
    writer.writerows([row["path"], row["label"], WRITTEN[row["split"]], row["annotator"]] for row in rows)
    return text.getvalue()


def _write_folder(project: Stored, rows: list[dict[str, Any]], out: Path) -> Renamed:
    """A folder a class, below folders of splits where the source had such or there are several; what lay below a class stays below it."""
    classes = set(project.classes)
    parted = len({row["split"] for row in rows}) > 1 or any(split_of_folder(row["path"].split("/", 1)[0]) for row in rows)
    taken: set[str] = set()
    renamed: Renamed = []
    for row in rows:
        if possible(row["label"]) != row["label"] or "/" in row["label"]:
            raise BadInput(f"class {row['label'][:80]!r} cannot be a folder's name: export as csv")
        original = project.pictures.original(row)
        encoded, suffix = (b"", "") if original is not None else _encoded(project, row)
        name = _below_class(row["path"], classes) + suffix
        wanted = "/".join(([WRITTEN[row["split"]]] if parted else []) + [row["label"], possible(name)])
        place, number = wanted, 1
        while place.casefold() in taken:
            number += 1
            stem, dot, tail = wanted.rpartition(".")
            place = f"{stem}-{number}{dot}{tail}" if dot and "/" not in tail else f"{wanted}-{number}"
        taken.add(place.casefold())
        if not place.endswith(f"/{name}"):
            renamed.append((row["path"], place))
        try:
            copy_upright(original if original is not None else encoded, out / place)
        except BadInput as wrong:
            raise BadInput(f"{row['path']}: {wrong}") from wrong
    if class_order({row["label"] for row in rows}) != project.classes:  # another order, or classes that no image has
        (out / CLASSES).write_text("".join(f"{name}\n" for name in project.classes), encoding="utf-8")
    return renamed


def _encoded(project: Stored, row: dict[str, Any]) -> tuple[bytes, str]:
    encoded, mime, _ = project.pictures.picture(row, 4096)
    return encoded, SUFFIXES[mime]


def _below_class(path: str, classes: set[str]) -> str:
    """What of a path lies below its folders of split and class."""
    parts = path.split("/")
    if len(parts) > 1 and split_of_folder(parts[0]):
        parts = parts[1:]
    if len(parts) > 1 and class_name(parts[0]) in classes:
        parts = parts[1:]
    return "/".join(parts)
