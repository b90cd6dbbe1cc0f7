"""What the masks of a project hold, beside the columns of a catalog: which classes, how much is painted, and
how they look over a picture. Reads only."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from alcore.errors import AlcoreError, BadInput
from alcore.project.catalog import LABELED, Catalog
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.training.roundfiles import RoundFiles
from alcore.types import VOID

PAINTED = ("whole", "part", "none")  # unfinished is what a region was answered of, and the rest not yet
FEW = 4  # projects whose masks are remembered

_kept = Remembered(FEW)


@dataclass(frozen=True)
class Painted:
    """Beside a catalog's columns.

    Attributes:
        digests: of the current mask, "" without one.
        partial: (n,) bool: a part of it is painted.
        holds: (n, K) bool: the current mask has pixels of the class.
    """

    digests: tuple[str, ...]
    partial: np.ndarray
    holds: np.ndarray

    @cached_property
    def extents(self) -> np.ndarray:
        """(n,) places in PAINTED."""
        some = np.array([digest != "" for digest in self.digests], bool)
        return np.where(some, self.partial.astype(np.int8), 2)


def painted(project: Stored, of: Catalog) -> Painted:
    """The masks of today.

    Raises:
        BadInput: the project's labels are classes.
    """
    if not project.dense:
        raise BadInput(f"{project.name!r} has a class an image: only masks hold classes, are unfinished or agree with a draft")
    return _kept.of((project.folder, of.event, len(of), project.classes), lambda: _read(project, of))


def _read(project: Stored, of: Catalog) -> Painted:
    n, k = len(of), len(project.classes)
    at = np.flatnonzero(of.states & LABELED)
    rows = project.items.rows(of.ids[at].tolist())
    digests, partial, holds = [""] * n, np.zeros(n, bool), np.zeros((n, k), bool)
    for place, item in zip(at.tolist(), of.ids[at].tolist(), strict=True):
        if item in rows and rows[item]["label"]:
            digests[place], partial[place] = rows[item]["label"], rows[item]["partial"]
    pixels = project.masks.pixels(digest for digest in digests if digest)
    for place, digest in enumerate(digests):
        if digest in pixels:
            counts = np.array(pixels[digest][:-1][:k], np.int64)
            holds[place, : len(counts)] = counts > 0
    return Painted(tuple(digests), partial, holds)


def drafting(project: Stored) -> list[RoundFiles]:
    """The files of the rounds with a model, the newest first."""
    found = [project.files(round_) for round_ in reversed(project.rounds())]
    return [files for files in found if files is not None]


def has_drafts(project: Stored) -> bool:
    """Whether a model has drafted masks."""
    return project.dense and any(not round_.start for round_ in project.rounds())


def held(project: Stored, item_id: int) -> dict[str, Any] | None:
    """What the colors over an image mean: `of`, "mask" or "draft" where there is no mask, and `classes`, for each that it has its name, its
    color (#rrggbb) and its share of the pixels that are not void (0 to 1), the largest first. None where there is neither."""
    digest = project.items.row(item_id)["label"]
    if digest:
        counts = np.array(project.masks.pixels([digest])[digest][:-1], np.int64)
    else:
        draft = next((found for files in drafting(project) if (found := files.draft(item_id)) is not None), None)
        if draft is None:
            return None
        counts = np.bincount(draft.ravel(), minlength=VOID + 1)[:VOID]
    counts = counts[: len(project.classes)]
    order = [k for k in np.argsort(-counts, kind="stable").tolist() if counts[k]]
    classes = [[project.classes[k], "#{:02x}{:02x}{:02x}".format(*project.colors[k]), float(counts[k] / counts.sum())] for k in order]
    return {"of": "mask" if digest else "draft", "classes": classes}


def overlay(project: Stored, ids: list[int], size: int) -> list[bytes]:
    """Of each item its current mask, or the newest draft where there is none, as a PNG in the classes' colors, void transparent, as large
    as its picture with the long side at most `size`; b"" where there is neither, or it cannot be read any more."""
    rows, files = project.items.rows(ids), drafting(project)
    palette = np.zeros((256, 3), np.uint8)  # whole: void is transparent under its own number
    palette[: len(project.colors)] = project.colors
    made = []
    for item in ids:
        row = rows.get(item)
        try:
            shape = _shape_of(project, files, row["label"], item) if row else None
        except AlcoreError:  # a file is gone or damaged; `doctor` names it, and the others are there
            shape = None
        if row is None or shape is None:
            made.append(b"")
            continue
        scale = min(1.0, size / max(row["width"], row["height"]))
        fitted = Image.fromarray(shape).resize(
            (max(1, round(row["width"] * scale)), max(1, round(row["height"] * scale))), Image.Resampling.NEAREST
        )
        fitted.putpalette(palette.tobytes())
        out = io.BytesIO()
        fitted.save(out, "PNG", transparency=VOID)
        made.append(out.getvalue())
    return made


def _shape_of(project: Stored, files: list[RoundFiles], digest: str | None, item: int) -> np.ndarray | None:
    if digest:
        return project.masks.load(digest)
    return next((draft for one in files if (draft := one.draft(item)) is not None), None)
