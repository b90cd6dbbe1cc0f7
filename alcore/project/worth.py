"""Whether it is still worth labeling: how much the guesses changed while the labels doubled, and how right they are. Reads only."""

from __future__ import annotations

import numpy as np

from alcore.measures import stopping
from alcore.measures.stopping import Advice
from alcore.nets.tasks import FEATURES
from alcore.project import predictions, slices
from alcore.project.features import Features
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.types import Round

COMPARED = 50_000  # images whose guesses are compared, at most: of so many the share is known to half a percent
FEW = 16  # of larger pools, shares that are remembered

_remembered = Remembered(FEW)


def worth(project: Stored) -> Advice | None:
    """The stopping sentence; None for masks and for networks that would take minutes to look at all images again."""
    rounds = [r for r in project.rounds() if not r.start]
    if project.dense or not rounds or rounds[-1].train.get("architecture") != FEATURES:
        return None
    usable = [r for r in rounds if r.train.get("architecture") == FEATURES]
    newest, at = usable[-1], stopping.compared_with([r.labeled for r in usable])
    agreement, images = _agreement(project, usable[at], newest) if at is not None else (None, 0)
    history = [(r.labeled, agreement if place == at else None) for place, r in enumerate(usable)]
    found = slices.measured(project, newest)
    return stopping.advice(history, found.right if found else 0, found.of if found else 0, images)


def _agreement(project: Stored, before: Round, now: Round) -> tuple[float | None, int]:
    """The share of the pool's images that both guess alike, and how many these are: labeled ones too, which are the less sure. Of a larger
    pool than COMPARED, so many at random stand for all."""
    ids = Features(project, str(now.train["extractor"])).ids
    if len(ids) <= COMPARED:
        return _alike(project, before, now, None)
    some = np.sort(np.random.default_rng(project.id).permutation(ids)[:COMPARED])
    return _remembered.of((project.folder, before.folder, now.folder, len(ids)), lambda: _alike(project, before, now, some))


def _alike(project: Stored, before: Round, now: Round, some: np.ndarray | None) -> tuple[float | None, int]:
    (then_ids, then), (now_ids, later) = predictions.logits(project, before, some), predictions.logits(project, now, some)
    pool = project.pool()
    common = np.intersect1d(then_ids, now_ids)
    common = common[np.isin(common, np.concatenate([pool.labeled, pool.unlabeled]))]
    if not len(common):
        return None, 0
    guesses = (logits.argmax(1)[np.searchsorted(ids, common)] for ids, logits in ((then_ids, then), (now_ids, later)))
    first, second = guesses
    return float((first == second).mean()), len(common)
