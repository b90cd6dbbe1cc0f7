"""Whether it is still worth labeling: how much the guesses changed while the labels doubled, and how right they are. Reads only."""

from __future__ import annotations

import numpy as np

from alcore.measures import stopping
from alcore.measures.stopping import Advice
from alcore.nets.tasks import FEATURES
from alcore.project import predictions, slices
from alcore.project.stored import Stored
from alcore.types import Round


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
    """The share of the pool's images that both guess alike, and how many these are: labeled ones too, which are the less sure."""
    (then_ids, then), (now_ids, later) = predictions.logits(project, before), predictions.logits(project, now)
    pool = project.pool()
    common = np.intersect1d(np.intersect1d(then_ids, now_ids), np.concatenate([pool.labeled, pool.unlabeled]))
    if not len(common):
        return None, 0
    guesses = (logits.argmax(1)[np.searchsorted(ids, common)] for ids, logits in ((then_ids, then), (now_ids, later)))
    first, second = guesses
    return float((first == second).mean()), len(common)
