"""Labels out, in public formats: a CSV, class folders, or images with masks. Knows no page and no route."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alcore.errors import AlcoreError, BadInput
from alcore.formats import MASK_WRITERS
from alcore.pictures import MIMES

if TYPE_CHECKING:
    from alcore.project import Project

SUFFIXES = {mime: suffix for suffix, mime in MIMES.items()}

SPLITS = {"pool": "train", "val": "val", "test": "test"}


def export(project: Project, format_name: str, out: Path) -> dict[str, Any]:
    """Writes the current labels; `out` appears whole or not at all.

    Args:
        format_name: csv (path,label,split,annotator) or folder (a copy of each labeled image below train/<class>); for masks one of
            formats.MASK_WRITERS (a copy of each labeled image with its mask).

    Raises:
        BadInput: unknown format, or `out` exists already.
        AlcoreError: nothing is labeled.
    """
    names = export_formats(project)
    if format_name not in names:
        raise BadInput(f"cannot export as {format_name!r}: use one of {', '.join(names)}")
    if out.exists():
        raise BadInput(f"{out} exists already: name a new path")
    rows = project.workspace.store.labeled_rows(project.id)
    if not rows:
        raise AlcoreError(f"nothing of {project.name!r} is labeled yet: there is nothing to export")
    part = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if project.dense:
            MASK_WRITERS[format_name](part, _masked(project, rows), project.classes, project.colors)
        else:
            {"csv": _write_csv, "folder": _write_folder}[format_name](project, rows, part)
        os.replace(part, out)
    except OSError as wrong:
        raise AlcoreError(f"{out} cannot be written: {wrong.strerror}: {wrong.filename}") from wrong
    finally:  # nothing is there when all went well
        with contextlib.suppress(OSError):
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    return {"format": format_name, "items": len(rows), "out": str(out)}


def archive(project: Project, format_name: str) -> bytes:
    """The export as the content of a zip file, made on the disk first."""
    with tempfile.TemporaryDirectory(dir=project.folder) as folder:
        out = Path(folder) / "export"
        export(project, format_name, out)
        return Path(shutil.make_archive(str(out), "zip", out)).read_bytes()


def export_formats(project: Project) -> tuple[str, ...]:
    """What the project's labels can be written as."""
    return tuple(MASK_WRITERS) if project.dense else ("csv", "folder")


def _masked(project: Project, rows: list[dict[str, Any]]) -> Iterator[tuple[str, Path | bytes, str, np.ndarray]]:
    """(name, image, split, mask) of each labeled item, its name being its path in one piece, with _ for what no file's name may have."""
    taken: set[str] = set()
    misfits = project.masks.misfits()
    for row in rows:
        if row["id"] in misfits:  # the image was replaced by one of another size since; `doctor` names it
            continue
        path = Path(row["path"]).with_suffix("").as_posix().replace("/", "__").strip()
        name = "".join(c if c.isprintable() and c not in '\\:*?"<>|' else "_" for c in path)
        while name in taken:  # a.jpg beside a.png
            name = f"{name}-{row['id']}"
        taken.add(name)
        original = project.pictures.original(row)
        image = original if original is not None else project.pictures.picture(row, 4096)[0]
        yield name, image, SPLITS[row["split"]], project.masks.load(row["label"])


def csv_text(project: Project) -> str:
    """path,label,split,annotator of every labeled item; only the heading when nothing is labeled."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "label", "split", "annotator"])
    rows = project.workspace.store.labeled_rows(project.id)
    writer.writerows([row["path"], row["label"], SPLITS[row["split"]], row["annotator"]] for row in rows)
    return text.getvalue()


def _write_csv(project: Project, rows: list[dict[str, Any]], out: Path) -> None:
    out.write_text(csv_text(project), encoding="utf-8", newline="")


def _write_folder(project: Project, rows: list[dict[str, Any]], out: Path) -> None:
    for row in rows:
        if row["label"] in (".", "..") or any(c in row["label"] for c in '/\\\0:*?"<>|'):
            raise BadInput(f"class {row['label']!r} cannot be a folder's name: export as csv")
        folder = out / SPLITS[row["split"]] / row["label"]
        folder.mkdir(parents=True, exist_ok=True)
        original = project.pictures.original(row)
        if original is not None:
            shutil.copyfile(original, folder / f"{row['id']}-{original.name[-120:]}")
        else:
            encoded, mime, _ = project.pictures.picture(row, 4096)
            (folder / f"{row['id']}{SUFFIXES[mime]}").write_bytes(encoded)
