"""Labels out, in public formats: a CSV or class folders. Knows no page and no route."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alcore.errors import AlcoreError, BadInput
from alcore.pictures import MIMES

if TYPE_CHECKING:
    from alcore.project import Project

SUFFIXES = {mime: suffix for suffix, mime in MIMES.items()}

SPLITS = {"pool": "train", "val": "val", "test": "test"}


def export(project: Project, format_name: str, out: Path) -> dict[str, Any]:
    """Writes the current labels; `out` appears whole or not at all.

    Args:
        format_name: csv (path,label,split,annotator) or folder (a copy of each labeled image below train/<class>).

    Raises:
        BadInput: unknown format, or `out` exists already.
        AlcoreError: nothing is labeled.
    """
    writers = {"csv": _write_csv, "folder": _write_folder}
    if format_name not in writers:
        raise BadInput(f"cannot export as {format_name!r}: use one of {', '.join(writers)}")
    if out.exists():
        raise BadInput(f"{out} exists already: name a new path")
    rows = project.workspace.store.labeled_rows(project.id)
    if not rows:
        raise AlcoreError(f"nothing of {project.name!r} is labeled yet: there is nothing to export")
    part = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        writers[format_name](project, rows, part)
        os.replace(part, out)
    except OSError as wrong:
        raise AlcoreError(f"{out} cannot be written: {wrong.strerror}: {wrong.filename}") from wrong
    finally:  # nothing is there when all went well
        with contextlib.suppress(OSError):
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    return {"format": format_name, "items": len(rows), "out": str(out)}


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
