"""The test slice: images drawn from the pool at random, which people label and nothing trains on: so accuracy can be told where no labels
were given. Knows no page and no route."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from alcore import groups as grouping
from alcore.columns import SPLIT_CODES
from alcore.errors import AlcoreError, BadInput, Busy, NotEnoughLabels
from alcore.metrics import ENOUGH, told_right, wilson
from alcore.nets.tasks import FEATURES
from alcore.project import metadata, predictions
from alcore.project.catalog import catalog
from alcore.project.features import Features, suits
from alcore.project.stored import Stored
from alcore.training.pool import Pool
from alcore.types import SLICE, Round

MOST, USUAL = 500, 100  # images a person may choose, and does without choosing
TRIES = 10  # to draw while others draw or label
POOL = SPLIT_CODES["pool"]
EVERY = 5  # mixed in, every so manieth image that is asked for is one to be tested on


@dataclass(frozen=True)
class Slice:
    """The images that were drawn, and what became of them.

    Attributes:
        drawn: how many.
        labels: id -> what people said of those they labeled.
        waiting: ids nobody has dealt with, by id; skipped and flagged ones neither wait nor count.
    """

    drawn: int
    labels: dict[int, str]
    waiting: tuple[int, ...]


@dataclass(frozen=True)
class Measured:
    """How often a model was right on the slice: `right` of `of`, with the 95 % interval of its accuracy on images like them."""

    right: int
    of: int

    @property
    def share(self) -> float:
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.share, self.of)

    @property
    def says_little(self) -> bool:
        """Whether there are too few images for the interval to mean much."""
        return self.of < ENOUGH

    def words(self) -> str:
        """Accuracy for people, with its interval; see metrics.told_right."""
        return told_right(self.right, self.of)


def slice_of(project: Stored) -> Slice:
    """The project's test slice as it is now."""
    found = project.items.slice()
    labels = {i: label for i, label, _ in found if label is not None}
    return Slice(len(found), labels, tuple(i for i, _, is_open in found if is_open))


def listed(project: Stored) -> list[dict[str, Any]]:
    """{id, path} of every image of the slice that is there, by id."""
    rows = project.items.rows([i for i, _, _ in project.items.slice()])
    return [{"id": i, "path": rows[i]["path"]} for i in sorted(rows)]


def told(project: Stored) -> dict[str, Any] | None:
    """size, labeled, and accuracy, low, high (0 to 1, 95 % Wilson) of the newest model on what is labeled of the slice, None each where
    nothing was measured; None for a project without a slice."""
    drawn = slice_of(project)
    if not drawn.drawn:
        return None
    found = measured(project)
    low, high = found.interval if found else (None, None)
    return {"size": drawn.drawn, "labeled": len(drawn.labels), "accuracy": found.share if found else None, "low": low, "high": high}


def draw(project: Stored, n: int, seed: int = 0, annotator: str = "alcore") -> Slice:
    """Draws images of the pool that are to be tested on until there are `n` of them; those that were drawn stay.

    They are drawn at random, in whole groups: of near duplicates where the images' features are known, and of the metadata column that
    images are held out by (metadata.group_by). Of a group, all are tested on or none, and what is too large for the slice stays in the
    pool. Images that anybody has labeled, skipped or flagged are left there, and those of a group with a labeled one too.

    Raises:
        BadInput: `n` is not in 0 ... MOST, or more than half of the images that could be drawn, or smaller than every group.
        AlcoreError: it is a project of masks. Busy: others draw or label all the time.
    """
    if project.dense:
        raise AlcoreError(f"{project.name!r} is labeled pixel by pixel: a test slice is of classes an image")
    if not 0 <= n <= MOST:
        raise BadInput(f"cannot test on {n} images: use 0 to {MOST}")
    for _ in range(TRIES):
        if _drawn_up_to(project, n, seed, annotator):
            return slice_of(project)
    raise Busy(f"others draw test images of {project.name!r} or label it at this moment: try again")


def _drawn_up_to(project: Stored, n: int, seed: int, annotator: str) -> bool:
    """Draws what is missing; False where others drew or labeled meanwhile, so that it has to be chosen again."""
    drawn, pool = slice_of(project), project.pool()
    groups = together(project, pool.ids, Features(project) if suits(project) else None)
    open_ids = pool.unlabeled
    touched = np.unique(groups[np.isin(pool.ids, pool.labeled)])
    free = np.isin(pool.ids, open_ids) & ~np.isin(groups, touched)
    if column := metadata.grouped_by(project):  # what shares a group with others that are held out is no image of a new group
        of = catalog(project)
        held = np.isin(pool.ids, of.ids[(of.splits != POOL) & (of.splits != SPLIT_CODES[SLICE])])
        free &= ~np.isin(groups, groups[held])
    more = n - drawn.drawn
    if more > free.sum() // 2:
        raise BadInput(
            f"cannot test on {n} images: of {len(open_ids):,} unlabeled ones {int(free.sum()):,} could be drawn, and half of them stay for "
            f"learning. Use at most {drawn.drawn + int(free.sum()) // 2}"
        )
    if more <= 0:
        return True
    chosen = pool.ids[free][grouping.whole(groups[free], more, seed)].tolist()
    if not chosen and column:
        least = int(np.unique(groups[free], return_counts=True)[1].min())
        raise BadInput(
            f"cannot test on {n} images: no group of {column!r} that could be drawn is as small as {more}. Use at least "
            f"{drawn.drawn + least}, or hold groups out by hand on the Images page"
        )
    return project.journal.apart.draw(chosen, annotator, f"slice-{uuid.uuid4().hex[:16]}", drawn.drawn)


def groups_of(project: Stored, ids: np.ndarray, found: Features | None) -> np.ndarray:
    """(n,) a number for each image, the same for near duplicates by these features; its own for one that has none. What belongs together
    when images are held out is more: see `together`."""
    result = -1 - np.arange(len(ids), dtype=np.int64)
    if found is None:
        return result
    known, group = found.groups()
    at = np.minimum(np.searchsorted(known, ids), max(0, len(known) - 1))
    there = known[at] == ids if len(known) else np.zeros(len(ids), bool)
    result[there] = group[at[there]]
    return result


def together(project: Stored, ids: np.ndarray, found: Features | None) -> np.ndarray:
    """(n,) the same number for images that may not be on both sides: near duplicates, images of one group of the metadata column that is
    held out by, and what these join to each other."""
    near = groups_of(project, ids, found)
    if metadata.grouped_by(project) is None:
        return near
    return grouping.joined(np.unique(near, return_inverse=True)[1], metadata.groups(project, ids))


def kept_apart(project: Stored, pool: Pool, found: Features | None) -> Pool:
    """The pool without what belongs to something that is tested on: nothing trains on it, and nobody is asked for it. So no model has seen
    what it is tested on, whatever was labeled before and whatever images came later.

    Near duplicates, where features are given, of the slice and of what is held out by hand. Where images are held out by a metadata column,
    also the groups of these and of the images that the source itself keeps for validation and testing.

    Raises:
        AlcoreError: every image belongs to a group that is held out.
    """
    column = metadata.grouped_by(project)
    if found is None and column is None:
        return pool
    drawn = np.array([*(i for i, _, _ in project.items.slice()), *project.items.held()], np.int64)
    if column is not None:  # also what the pool tests on: it may have been frozen before somebody put an image back
        of = catalog(project)
        drawn = np.unique(np.concatenate([drawn, of.ids[of.splits != POOL], pool.test]))
    if not len(drawn):
        return pool
    every = np.unique(np.concatenate([pool.labeled, pool.unlabeled, drawn]))
    groups = together(project, every, found)
    beside = every[np.isin(groups, groups[np.isin(every, drawn)])]
    kept, left = ~np.isin(pool.labeled, beside), ~np.isin(pool.unlabeled, beside)
    if column is not None and len(pool.labeled) + len(pool.unlabeled) and not kept.any() and not left.any():
        raise AlcoreError(
            f"every image of {project.name!r} shares its {column!r} with one that is held out: nothing is left to train on or to ask for. "
            "Put images back, or hold out by another column (Data page, Metadata)"
        )
    partial = pool.partial[np.isin(pool.partial, pool.labeled[kept])]
    return replace(pool, labeled=pool.labeled[kept], targets=pool.targets[kept], unlabeled=pool.unlabeled[left], partial=partial)


def check_labels_apart(project: Stored, before: Pool, after: Pool) -> None:
    """Raises NotEnoughLabels where all that is labeled belongs to groups that are held out."""
    if len(before.labeled) and not len(after.labeled) and (column := metadata.grouped_by(project)):
        raise NotEnoughLabels(
            f"all {len(before.labeled):,} labeled images share their {column!r} with images that are held out, and nothing trains on them: "
            "label images of other groups"
        )


@dataclass(frozen=True)
class HeldGroups:
    """What is held out by groups: the metadata column, how many of its groups, how many images are held out, how many more of the pool
    stay out of training and asking because they share a group with these, and how many are left."""

    column: str
    groups: int
    images: int
    beside: int
    left: int

    def words(self) -> str:
        """12 groups of 'patient', 240 images held out; 31 more share a group with them: …"""
        told = f"{self.groups:,} group{'' if self.groups == 1 else 's'} of {self.column!r}, {self.images:,} "
        told += f"image{'' if self.images == 1 else 's'} held out"
        if self.beside:
            told += f"; {self.beside:,} more share a group with them and are neither trained on nor asked for"
        if self.beside > self.left:
            told += f", so {self.left:,} are left to learn from: importing the source anew with these metadata holds out whole groups"
        return told


def held_groups(project: Stored) -> HeldGroups | None:
    """What is held out by groups; None where no column is chosen."""
    column = metadata.grouped_by(project)
    if column is None:
        return None
    of = catalog(project)
    codes, pool = metadata.groups(project, of.ids), of.splits == POOL
    out = np.unique(codes[~pool & (codes >= 0)])
    beside = int((pool & np.isin(codes, out)).sum())
    return HeldGroups(column, len(out), int((~pool).sum()), beside, int(pool.sum()) - beside)


def mixed(asked: Sequence[int], waiting: Sequence[int], every: int = EVERY, *, last: bool = False) -> list[int]:
    """`asked` in its order with an image of the slice at every fifth place, for as long as there are some of both.

    Args:
        last: nothing is left to ask for after these: what waits of the slice comes behind them.
    """
    result: list[int] = []
    rest = list(waiting)
    for i in asked:
        result.append(i)
        if rest and len(result) % every == every - 1:
            result.append(rest.pop(0))
    return result + rest if last else result


def curve(project: Stored) -> dict[int, Measured]:
    """How right the model of each round is on what is labeled of the slice by now: early rounds, when few were, are held against all of it.
    Only rounds on pretrained features, which are looked at again in no time."""
    rounds = [r for r in project.rounds() if r.train.get("architecture") == FEATURES]
    found = ((r.number, measured(project, r)) for r in rounds)
    return {number: value for number, value in found if value is not None}


def measured(project: Stored, round_: Round | None = None) -> Measured | None:
    """How often a round's model, the newest for None, is right on the images of the slice that are labeled by now; None where there is no
    model or no such image yet. A class that was added since the round is one its model cannot say."""
    round_ = round_ or predictions.newest_model(project)
    labels = slice_of(project).labels
    if round_ is None or not labels:
        return None
    every = np.array([i for i, _, _ in project.items.slice()], np.int64)
    ids, logits = predictions.logits(project, round_, every)  # of all that were drawn: asked again for each new label, it is there
    told = [(labels[i], project.classes[guess]) for i, guess in zip(ids.tolist(), logits.argmax(1), strict=True) if i in labels]
    return Measured(sum(label == guess for label, guess in told), len(told)) if told else None
