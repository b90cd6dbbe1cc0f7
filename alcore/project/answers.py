"""Masks as answers: what was painted, laid over what is there, stored with the event that names it. Knows no route and no model.

An answer to regions changes the current mask only where its round asked. Reading that mask, laying over it, keeping the result and
recording the event are one write transaction: of two who answer at once, in whatever processes, the second lays over what the first stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.pixels import masks
from alcore.project import regions
from alcore.project.stored import Stored
from alcore.storage.journal import Taken
from alcore.types import Annotation


def answer(project: Stored, event: Annotation, stream: bytes) -> tuple[str, Taken]:
    """Checks and stores a mask that a browser painted, a zlib stream of its rows, and the event, whose value it becomes.

    Args:
        event: of kind "mask", or "region": then only what its round (None: the newest) asked of the item is taken.

    Returns:
        The mask's digest, and what became of the event.
    """
    row = project.items.row(event.item)
    if not project.dense:
        raise BadInput(f"{project.name!r} is labeled by one class an image: send a label, not a mask")
    mask = masks.inflated(stream, row["width"], row["height"])
    masks.check(mask, (row["width"], row["height"]), len(project.classes))
    # a whole mask is written before: others need not wait for more than the commit
    written = project.masks.write(mask, len(project.classes)) if event.kind == "mask" else None
    with project.place.database.write() as conn:
        if written is None:
            row = project.items.row(event.item, conn)
            mask = regions.over_current(project, row, mask, event.round)
            written = project.masks.write(mask, len(project.classes))
        digest = project.masks.settle(written, mask, conn)
        taken = project.journal.take([dataclasses.replace(event, value=digest)], within=conn)
    return digest, taken


def reveal(project: Stored, areas: Mapping[int, np.ndarray], truths: Mapping[int, str], conn: Any) -> dict[int, str]:
    """id -> digest of the item's mask with its truth inside its area and as it is now elsewhere, within the caller's transaction.

    Args:
        areas: id -> bool (S, S) at the size models see.
    """
    rows = project.items.rows(list(areas), conn)
    revealed = {}
    for i, area in areas.items():
        mask = regions.laid_over(project, rows[i], project.masks.load(truths[i]), regions.full_area(area, rows[i]))
        revealed[i] = project.masks.keep(mask, len(project.classes), conn)
    return revealed
