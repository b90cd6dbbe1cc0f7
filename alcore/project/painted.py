"""What the masks of a project hold, beside the columns of a catalog: which classes, how much is painted, how far the model's drafts agree,
and how they look over a picture. Reads only."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from alcore.errors import AlcoreError, BadInput
from alcore.pixels import masks
from alcore.project.catalog import LABELED, Catalog
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.training.roundfiles import RoundFiles
from alcore.types import VOID

PAINTED = ("whole", "part", "none")  # unfinished is what a region was answered of, and the rest not yet
FEW = 4  # projects whose masks are remembered
MANY = 100_000  # agreements that are remembered

_kept, _agreed = Remembered(FEW), Remembered(MANY)


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


def agreement(project: Stored, of: Catalog) -> np.ndarray:
    """(n,) float32: mean IoU of the newest draft of an image with its mask, over the classes that either has where something is
    painted; NaN where there is no mask or no draft. Looked at once for each mask and draft."""
    result = np.full(len(of), np.nan, np.float32)
    files = _drafting(project)
    for place, digest in enumerate(painted(project, of).digests):
        item = int(of.ids[place])
        found = next((one for one in files if (one.folder / "dense" / f"{item}.npz").is_file()), None) if digest else None
        if found is not None:
            make = functools.partial(_agree, project, found, digest, item)
            result[place] = _agreed.of((project.folder, digest, found.folder, item), make)
    return result


def _drafting(project: Stored) -> list[RoundFiles]:
    """Of the rounds with a model, the newest first."""
    found = [project.files(round_) for round_ in reversed(project.rounds())]
    return [files for files in found if files is not None]


def has_drafts(project: Stored) -> bool:
    """Whether a model has drafted masks."""
    return project.dense and any(not round_.start for round_ in project.rounds())


def _agree(project: Stored, files: RoundFiles, digest: str, item: int) -> float:
    detail = files.detail(item)
    if detail is None:
        return float("nan")
    draft = detail["draft"]
    return overlap(masks.resized(project.masks.load(digest), *draft.shape), draft)


def overlap(mask: np.ndarray, draft: np.ndarray) -> float:
    """Mean IoU over the classes that a mask or a draft of its size has where the mask is not void; NaN where all of it is."""
    seen = mask != VOID
    a, b = mask[seen].astype(np.int64), draft[seen].astype(np.int64)
    both = np.bincount(a[a == b], minlength=256)
    either = np.bincount(a, minlength=256) + np.bincount(b, minlength=256) - both
    return float((both[either > 0] / either[either > 0]).mean()) if len(a) else float("nan")


def overlay(project: Stored, ids: list[int], size: int) -> list[bytes]:
    """Of each item its current mask, or the newest draft where there is none, as a PNG in the classes' colors, void transparent, as large
    as its picture with the long side at most `size`; b"" where there is neither, or it cannot be read any more."""
    rows, files = project.items.rows(ids), _drafting(project)
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
    detail = next((found for one in files if (found := one.detail(item)) is not None), None)
    return None if detail is None else detail["draft"]
