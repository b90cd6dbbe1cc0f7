"""What rounds asked of images in regions and what of it was answered; an answer laid over the mask there is. Knows no route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alcore.pixels import masks
from alcore.project.stored import Stored
from alcore.types import FRAMES, VOID, Round


def full_area(area: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
    """An area at the size models see, at that of the item's image, bool (H, W)."""
    return masks.resized(area, row["height"], row["width"])


def asked_areas(project: Stored, ids: Sequence[int], round_: Round | None = None) -> dict[int, np.ndarray]:
    """id -> bool (S, S) of all that a round, or the newest one, asks of it in regions; ids that it asks for as a whole are left out."""
    round_ = round_ or project.newest_round()
    files = project.files(round_) if round_ else None
    return {i: np.logical_or.reduce(found) for i in ids if (found := files.regions(i))} if files else {}


def laid_over(project: Stored, row: Mapping[str, Any], mask: np.ndarray, area: np.ndarray) -> np.ndarray:
    """`mask` inside `area`, bool (H, W), and outside what the item has now: its current mask, or void where there is none that fits."""
    before = project.masks.load(row["label"]) if row["label"] else None
    return np.where(area, mask, before if before is not None and before.shape == mask.shape else np.uint8(VOID))


def over_current(project: Stored, row: Mapping[str, Any], mask: np.ndarray, number: int | None) -> np.ndarray:
    """An answer to the regions that round `number` (None: the newest) asks of an item, over its current mask: who painted may have begun
    before somebody else saved, and what was not asked of them is not theirs to change. As it is where nothing was asked in regions."""
    asking = [r for r in project.rounds() if number in (None, r.number)]
    area = asked_areas(project, [row["id"]], asking[-1]).get(row["id"]) if asking else None
    return mask if area is None else laid_over(project, row, mask, full_area(area, row))


def answered_areas(project: Stored) -> dict[int, np.ndarray]:
    """id -> bool (S, S) of all that was answered, region round by region round, of images labeled in part: it is not asked again."""
    snapshot = project.snapshot()
    partial = snapshot.ids[snapshot.partial].tolist()
    result: dict[int, np.ndarray] = {}
    for round_ in project.rounds() if partial else ():
        files = project.files(round_) if round_.unit != FRAMES else None
        if files is None:
            continue
        for i in set(partial) & set(round_.query) & project.masks.answered(round_):
            regions = files.regions(i)
            if regions:
                result[i] = np.logical_or.reduce([*regions, *([result[i]] if i in result else [])])
    return result
