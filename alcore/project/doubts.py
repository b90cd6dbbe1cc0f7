"""Labels that may be wrong: those that the others, by what a pretrained network sees, speak against. A label that somebody has confirmed is
never doubted again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alcore.errors import AlcoreError
from alcore.measures.doubts import FOLDS, given_label
from alcore.project.batches import Batch, checked
from alcore.project.catalog import LABELED, Catalog, catalog
from alcore.project.features import Features
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.types import SURE

FEW = 4  # answers that are remembered
LEAST = 20  # labels: fewer say nothing of one another
STALE = 0.02  # of the labels may have changed before all is computed anew

_known = Remembered(FEW)


@dataclass(frozen=True)
class Doubts:
    """Beside a catalog's columns.

    Attributes:
        p: (n,) float32 probability of the label that an image has, by models that have not seen it; NaN where it was not asked, or is sure.
        likelier: (n,) int16 the likeliest class, -1 where it was not asked.
    """

    p: np.ndarray
    likelier: np.ndarray


def doubts(project: Stored, of: Catalog) -> Doubts:
    """What speaks against the labels there are. Labels that changed since it was computed are left out until enough have.

    It is computed of all the labels of now, whoever looks and at whatever time, so that each question finds what another one had made; what
    has another label in `of`, or none, is left out.

    Raises:
        AlcoreError: there are masks, too few labels, one class only, or too few images with features.
    """
    every = catalog(project)
    labeled = np.flatnonzero((every.states & LABELED > 0) & (every.labels >= 0)) if not project.dense else np.empty(0, np.int64)
    if project.dense or len(labeled) < LEAST:
        raise AlcoreError(f"labels are doubted once there are {LEAST}: {project.name!r} has {len(labeled)} with a class")
    if len(np.unique(every.labels[labeled])) < 2:
        raise AlcoreError("all labels are of one class: nothing speaks against any of them")
    ids, labels, p, likelier = _computed(project, every, Features(project), labeled)
    at = of.places(ids)
    same = (at >= 0) & (of.labels[at] == labels)
    result = Doubts(np.full(len(of), np.nan, np.float32), np.full(len(of), -1, np.int16))
    result.p[at[same]], result.likelier[at[same]] = p[same], likelier[same]
    sure = of.places(np.array(project.queries.sure(), np.int64))
    result.p[sure[sure >= 0]] = np.nan
    return result


def confirm(project: Stored, ids: Sequence[int], *, annotator: str, client: str | None = None) -> Batch:
    """Notes that the labels these images have are right; those without one are refused."""
    wanted = checked(ids)
    rows = project.items.rows(wanted)
    labeled = [i for i in wanted if i in rows and rows[i]["label"] is not None]
    if labeled:
        project.journal.note(SURE, labeled, annotator, client or f"sure-{uuid.uuid4().hex[:16]}")
    left = len(wanted) - len(labeled)
    return Batch(len(labeled), left, "without a label" if left else "")


def _computed(project: Stored, of: Catalog, found: Features, labeled: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(ids, labels, p, likelier) as they were computed last, or anew where too many labels are others."""
    state = (*found.state, project.classes)
    if known := _known.at_hand(state):
        ids, labels, *_ = known
        at = of.places(ids)
        changed = len(labeled) - int(((at >= 0) & (of.labels[at] == labels)).sum())
        if changed <= STALE * len(labeled):
            return known  # type: ignore[no-any-return]
        _known.forget(state)
    return _known.of(state, lambda: _anew(project, of, found, labeled))


def _anew(project: Stored, of: Catalog, found: Features, labeled: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows, ids = found.rows, of.ids[labeled]
    places = np.searchsorted(found.ids, ids)
    places = np.minimum(places, max(0, len(found.ids) - 1))
    have = (found.ids[places] == ids) & (rows[places] >= 0)
    if have.sum() < max(LEAST, FOLDS):
        raise AlcoreError(f"{int(have.sum())} of the labeled images of {project.name!r} have been read: read them first (`features`)")
    kept = labeled[have]
    labels = of.labels[kept].astype(np.int64)
    p, likelier = given_label(found.store.vectors()[rows[places[have]]], labels, len(project.classes))
    return of.ids[kept], labels, p, likelier
