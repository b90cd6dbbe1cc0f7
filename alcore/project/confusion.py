"""What the project's model takes for what, and with which images. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alcore.errors import AlcoreError, BadInput
from alcore.measures.confusion import Class, by_class, counts
from alcore.project import doubts, predictions, sharing
from alcore.project.catalog import catalog_for
from alcore.project.stored import Stored

TESTED, LABELED = "tested", "labeled"
WAYS = {
    TESTED: "test images, which the model never learned from",
    LABELED: "labeled images, each guessed from the labels of others",
}


@dataclass(frozen=True)
class Confusion:
    """Labels against guesses.

    Attributes:
        way: of WAYS, whose images these are.
        round: whose guesses, None for LABELED.
        ids, labels, guesses: (n,) item ids and places of classes.
        counted: (K, K) counts, labels down, guesses across.
    """

    way: str
    round: int | None
    ids: np.ndarray
    labels: np.ndarray
    guesses: np.ndarray
    counted: np.ndarray

    @property
    def classes(self) -> list[Class]:
        return by_class(self.counted)

    @property
    def right(self) -> int:
        return int(np.trace(self.counted))

    def cell(self, label: int | None, guess: int | None) -> np.ndarray:
        """(m,) ids of the images with that label and guess, None for any."""
        kept = np.ones(len(self.ids), bool)
        for values, wanted in ((self.labels, label), (self.guesses, guess)):
            if wanted is not None:
                kept &= values == wanted
        return self.ids[kept]


def confusion(project: Stored, way: str = TESTED, viewer: str | None = None) -> Confusion:
    """The newest model against the test images there are, or every label against what the others say of its image.

    Args:
        viewer: who looks: images of which they have to say what they see first do not count.

    Raises:
        BadInput: no such way.
        AlcoreError: masks; no model, no labeled test image, or guesses that would take minutes; too few labels or features.
    """
    if way not in WAYS:
        raise BadInput(f"there is no way {way[:40]!r} to look at mistakes: use {' or '.join(WAYS)}")
    if project.dense:
        raise AlcoreError(f"{project.name!r} is labeled pixel by pixel: its classes are measured on the Progress page")
    k = len(project.classes)
    if way == LABELED:
        of = catalog_for(project, viewer)
        told = doubts.doubts(project, of)
        at = np.flatnonzero((told.likelier >= 0) & (of.labels >= 0))
        if not len(at):
            raise AlcoreError("none of the labels could be held against the others: look again once more images are labeled")
        labels, guesses = of.labels[at].astype(np.int64), told.likelier[at].astype(np.int64)
        return Confusion(way, None, of.ids[at], labels, guesses, counts(labels, guesses, k))
    round_, pool = predictions.newest_model(project), project.pool()
    if round_ is None:
        raise AlcoreError("no model has been trained yet: label some images and train a round")
    if not len(pool.test):
        raise AlcoreError("no test image has a label yet: label some of the test slice")
    if not predictions.at_hand(project, round_):
        raise AlcoreError("the model has not looked at all images yet: let it guess them (Data page, Labels for every image)")
    every, logits = predictions.logits(project, round_)
    at = np.minimum(np.searchsorted(every, pool.test), max(0, len(every) - 1))
    there = every[at] == pool.test if len(every) else np.zeros(len(pool.test), bool)
    if viewer is not None:
        there &= ~np.isin(pool.test, sharing.unseen(project, viewer))
    if not there.any():
        raise AlcoreError("the model has looked at none of the labeled test images: read their features first")
    labels, guesses = pool.test_targets[there], logits[at[there]].argmax(1)
    return Confusion(way, round_.number, pool.test[there], labels, guesses, counts(labels, guesses, k))
