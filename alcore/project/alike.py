"""Near duplicates of a project: what was said of one is offered for the others, and a person may choose how alike they must be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from alcore.errors import BadInput
from alcore.measures.duplicates import closest_pairs
from alcore.project.features import CLOSENESS, Features
from alcore.project.stored import Stored
from alcore.remembered import Remembered

FEW = 8  # projects whose groups are remembered
LEAST, LIKEST = 0.8, 1.0  # cosines to choose from: below, photos of different things reach it
LOOKED_AT = 20_000  # images, at random, among which pairs to look at are searched
PAIRS = 5000  # of those, the most alike

_remembered, _pairs, _counted = Remembered(FEW), Remembered(FEW), Remembered(FEW)


def groups(project: Stored) -> Mapping[int, tuple[int, ...]]:
    """id -> ids of its near duplicates and itself, of those images that have any; as far as they were compared by the usual extractor."""
    if project.dense or not (project.folder / "features").is_dir():
        return {}
    try:
        found = Features(project)
    except BadInput:  # its network is gone: what it saw cannot be told from another's
        return {}

    def compared() -> Mapping[int, tuple[int, ...]]:
        kept, rows = found.known_groups(), found.rows
        if kept is None:
            return {}
        there = (rows >= 0) & (rows < len(kept))
        ids, of = found.ids[there], kept[rows[there]]
        several = np.bincount(of)[of] > 1 if len(of) else np.zeros(0, bool)  # of a million images most have none
        ids, of = ids[several], of[several]
        order = np.argsort(of, kind="stable")
        parts = np.split(ids[order], np.flatnonzero(np.diff(of[order])) + 1)
        return {int(i): tuple(part.tolist()) for part in parts for i in part.tolist()}

    return _remembered.of(found.state, compared)


def counted(found: Features) -> tuple[int, int] | None:
    """How many images were compared, and how many of them are near duplicates of another one before; None before the first time."""

    def count() -> tuple[int, int] | None:
        kept = found.known_groups()
        return None if kept is None else (len(kept), len(kept) - len(np.unique(kept)))

    return _counted.of(found.state, count)


def said_of_others(project: Stored, ids: Sequence[int], hidden: Collection[int] = ()) -> dict[int, str]:
    """id -> the label of its near duplicates, where some are labeled and all of these alike.

    Args:
        hidden: images of which nothing is to be told.
    """
    of = groups(project)
    asked = [i for i in ids if i in of]
    if not asked:
        return {}
    rows = project.items.rows(sorted({other for i in asked for other in of[i]}.difference(hidden)))
    result = {}
    for i in asked:
        labels = {rows[other]["label"] for other in of[i] if other != i and other in rows and rows[other]["label"] is not None}
        if len(labels) == 1:
            result[i] = labels.pop()
    return result


def choose(project: Stored, cosine: float) -> None:
    """From now on images of at least this cosine are near duplicates; they are compared anew when somebody asks for groups.

    Raises:
        BadInput: it is not in LEAST ... LIKEST.
    """
    if not LEAST <= cosine <= LIKEST:
        raise BadInput(f"near duplicates by a cosine of {cosine} make no sense: use {LEAST:g} to {LIKEST:g}")
    project.change_settings(**{CLOSENESS: round(float(cosine), 3)})


def pairs_about(project: Stored, cosine: float, n: int) -> list[tuple[int, int, float]]:
    """(id, id, cosine) of pairs to look at: the n least alike that reach the cosine, then the n most alike that do not; falling. Of large
    projects some images are looked at only."""
    found = Features(project)

    def searched() -> tuple[np.ndarray, np.ndarray]:
        ids, rows = found.ids, found.rows
        there = np.flatnonzero(rows >= 0)
        if len(there) > LOOKED_AT:
            there = np.sort(np.random.default_rng(0).permutation(there)[:LOOKED_AT])
        pairs, cosines = closest_pairs(found.store.vectors()[rows[there]], LEAST - 0.05, PAIRS)
        return ids[there][pairs], cosines

    pairs, cosines = _pairs.of((found.folder, found.store.nbytes), searched)
    at = int(np.searchsorted(-cosines, -cosine, side="right"))
    some = range(max(0, at - n), min(len(pairs), at + n))
    return [(int(pairs[i, 0]), int(pairs[i, 1]), float(cosines[i])) for i in some]
