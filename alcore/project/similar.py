"""Images by their likeness to others: the cosine of what a pretrained network sees in them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alcore.errors import AlcoreError
from alcore.measures.likeness import cosines, lengths_of
from alcore.project.features import Features
from alcore.project.stored import Stored
from alcore.remembered import Remembered

FEW = 4  # projects of which is remembered where their images' vectors lie, and how long these are

_rows = Remembered(FEW)


def can_tell(project: Stored) -> bool:
    """Whether any image has been read by the usual extractor."""
    return not project.dense and (project.folder / "features").is_dir()


def likeness(project: Stored, ids: np.ndarray, to: Sequence[int]) -> np.ndarray:
    """(n,) float32: how alike each of these images is to the middle of those in `to`, -1 to 1; NaN for one without features.

    Args:
        ids: ascending.

    Raises:
        AlcoreError: none of `to` has features.
    """
    of = Features(project)
    known_ids, rows, lengths = _rows.of(of.state, lambda: (of.ids, of.rows, lengths_of(of.store.vectors())))
    at = np.searchsorted(known_ids, np.asarray(to, np.int64))
    known = [int(rows[i]) for i, wanted in zip(at, to, strict=True) if i < len(rows) and known_ids[i] == wanted and rows[i] >= 0]
    if not known:
        named = ", ".join(map(str, to[:3]))
        raise AlcoreError(f"image {named} of {project.name!r} has no features to compare: read the images first (`features`)")
    vectors = of.store.vectors()
    to_each = cosines(vectors, np.asarray(vectors[known], np.float32), lengths if len(lengths) == len(vectors) else None)
    places = np.minimum(np.searchsorted(known_ids, ids), len(known_ids) - 1)
    found = np.where((known_ids[places] == ids) & (rows[places] >= 0), rows[places], -1)
    return np.where(found >= 0, to_each[found], np.nan).astype(np.float32)
