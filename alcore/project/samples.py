"""What the Data and Progress pages show of each class, to whoever looks: some of its images, and how many people labeled. Reads only.

Where several people answer an image without sight of one another's answers, nobody learns here either what others said of an image that
still wants their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from alcore.columns import SPLIT_CODES
from alcore.project import addresses, points, sharing
from alcore.project.catalog import Catalog, catalog, catalog_for
from alcore.project.stored import Stored
from alcore.remembered import Remembered

POOL = SPLIT_CODES["pool"]
FEW = 4  # projects whose classes, as the data came with them, are remembered: of 200,000 images they take half a second

_truths = Remembered(FEW)


def samples(project: Stored, classes: int, each: int, viewer: str | None = None) -> list[tuple[str, int, list[tuple[str, str]]]]:
    """(class, images, [(address, name)]) of the first `classes` classes, by label or, without one, by truth; unknown ones come last. Of a
    project of masks, all images together. The samples are spread evenly over each class.

    Args:
        viewer: who looks; without anybody all is told.
    """
    of = catalog_for(project, viewer)
    if project.dense:
        groups = [("images", np.arange(len(of)), 4 * each)]
    else:
        known = np.where(of.labels >= 0, of.labels, _of_source(project, of))
        named = [*enumerate(project.classes[:classes]), (-1, "unlabeled")]
        groups = [(name, np.flatnonzero(known == k), each) for k, name in named]
    picked = [of.ids[_spread(at, n)].tolist() for _, at, n in groups]
    rows = project.items.rows([i for ids in picked for i in ids])
    return [
        (name, len(at), [(addresses.picture(project.name, i, rows[i]["fingerprint"]), project.shown_name(i, rows[i]["path"])) for i in ids])
        for (name, at, _), ids in zip(groups, picked, strict=True)
        if len(at)
    ]


def _of_source(project: Stored, of: Catalog) -> np.ndarray:
    """(n,) int16 classes the data came with, -1 for none; they change with an import and with the classes' names alone."""
    state = (project.folder, project.settings["packed"], project.classes, len(of))
    return _truths.of(state, lambda: points.truths(project, of.ids))


def _spread(at: np.ndarray, n: int) -> np.ndarray:
    """At most `n` of these places, evenly."""
    step = max(1, len(at) // n)
    return at[step - 1 :: step][:n]


def counts_for(project: Stored, viewer: str) -> tuple[dict[str, Any], int]:
    """`project.counts()` as somebody may see them, and how many labels of others are left out of its `labels` because that person is still
    to answer the images without sight of them. How many are labeled in all is told whole: that says nothing of any one of them."""
    counts, hidden = project.counts(), sharing.unseen(project, viewer)
    if not hidden or project.dense:
        return counts, 0
    of = catalog(project)
    at = of.places(np.array(hidden, np.int64))
    at = at[(at >= 0) & (of.splits[at] == POOL) & (of.labels[at] >= 0)]
    fewer = np.bincount(of.labels[at], minlength=len(project.classes)).tolist()
    labels = {name: counts["labels"].get(name, 0) - n for name, n in zip(project.classes, fewer, strict=True)}
    return counts | {"labels": {name: n for name, n in labels.items() if n > 0}}, len(at)


def left_out(n: int) -> str:
    """Why a count is smaller than another: Without 12 labels of others … Empty for 0."""
    if not n:
        return ""
    return f"Without {n:,} label{'' if n == 1 else 's'} of others, of images that you are to answer before you see what they said."
