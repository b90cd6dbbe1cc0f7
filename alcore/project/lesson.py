"""What a class in one room needs of a project: its images as vectors, who may be asked for, who is tested. Reads, and never writes: what a
class answers is not the project's business. Knows no page and no class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from alcore.errors import BadInput, Unavailable
from alcore.importing.request import ImportRequest
from alcore.importing.samples import bundled_digits
from alcore.measures.clusters import of_length_one
from alcore.pixels.streaming import open_pixels
from alcore.progress import ignore_progress
from alcore.project import creation, features
from alcore.project.place import Place
from alcore.project.stored import Stored
from alcore.training.pool import Pool
from alcore.training.turn import Material

MOST, LEAST = 4000, 20  # images that a class may be asked for: of more a part is drawn, with fewer there is nothing to see
MOST_TESTED, LEAST_TESTED = 1000, 10
HELD = 4  # without test images, one of so many known ones is held out
MOST_CLASSES = 20  # buttons that a telephone has room for
SIDE = 16  # small images are looked at as they are, up to so many pixels a side
DIGITS = "digits"
SEED = 0  # of what is drawn: a class that goes on after a restart finds the same images


@dataclass(frozen=True)
class Lesson:
    """A project's images for a class.

    Attributes:
        project, classes: its name, and those of its classes.
        material: the images' vectors and a pool in which nothing is labeled: `unlabeled` may be asked for, `test` is what models are
            measured on.
    """

    project: str
    classes: tuple[str, ...]
    material: Material

    def plan(self) -> dict[str, list[int]]:
        """Who may be asked for and who is tested, as JSON takes it, for `lesson` to make the same again."""
        pool = self.material.pool
        return {"pool": pool.unlabeled.tolist(), "test": pool.test.tolist(), "test_targets": pool.test_targets.tolist()}


def lesson(project: Stored, plan: Mapping[str, Any] | None = None) -> Lesson:
    """The lesson of a project.

    Args:
        plan: of an earlier one, whose images are taken again; those that are gone since are left out.

    Raises:
        BadInput: it has masks, too many classes, too few images, or none whose class is known.
        Unavailable: its photos have not been read yet.
    """
    if project.dense:
        raise BadInput(f"{project.name!r} is labeled pixel by pixel: a class labels whole images, choose another project")
    if not 2 <= len(project.classes) <= MOST_CLASSES:
        raise BadInput(f"{project.name!r} has {len(project.classes)} classes: a class in one room takes 2 to {MOST_CLASSES}")
    ids, vectors = _vectors(project)
    asked, tested, targets = _planned(plan) if plan is not None else _drawn(project, ids)
    here, there = np.isin(asked, ids), np.isin(tested, ids)
    asked, tested, targets = asked[here], tested[there], targets[there]
    if len(asked) < LEAST or len(tested) < LEAST_TESTED:
        raise BadInput(
            f"{project.name!r} has {len(asked)} images to label and {len(tested)} of known class to test on: "
            f"a class wants at least {LEAST} and {LEAST_TESTED}"
        )
    used = np.union1d(asked, tested)
    at = np.searchsorted(ids, used)
    nobody = np.empty(0, np.int64)
    pool = Pool(nobody, nobody, asked, tested, targets, used, np.arange(len(used)))
    return Lesson(project.name, project.classes, Material(pool, len(project.classes), vectors(at)))


def _planned(plan: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    asked, tested, targets = (np.array(plan[name], np.int64) for name in ("pool", "test", "test_targets"))
    return asked, tested, targets


def _drawn(project: Stored, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who may be asked for, who is tested, and as what; all of them have vectors."""
    rng, pool, snapshot = np.random.default_rng(SEED), project.pool(), project.snapshot()
    asked = np.union1d(pool.labeled, pool.unlabeled)
    asked, at = asked[np.isin(asked, ids)], np.isin(pool.test, ids)
    tested, targets = pool.test[at], pool.test_targets[at]
    if len(tested) < LEAST_TESTED:  # some of those whose class is known stand in for test images
        index = {name: k for k, name in enumerate(project.classes)}
        truth, label = (snapshot.indices(codes, index) for codes in (snapshot.truths, snapshot.labels))
        known = np.where(truth >= 0, truth, label)
        of = dict(zip(snapshot.ids.tolist(), known.tolist(), strict=True))
        sure = np.array([i for i in asked.tolist() if of[i] >= 0], np.int64)
        tested = np.sort(rng.permutation(sure)[: len(sure) // HELD])
        targets, asked = np.array([of[i] for i in tested.tolist()], np.int64), np.setdiff1d(asked, tested)
    kept = np.sort(rng.permutation(len(tested))[:MOST_TESTED])
    return np.sort(rng.permutation(asked)[:MOST]), tested[kept], targets[kept]


class _Rows:
    """Vectors of small images: their pixels, around what is common to all of them."""

    def __init__(self, project: Stored, rows: np.ndarray) -> None:
        self._pixels, self._rows = open_pixels(project.folder, project.settings), rows

    def __call__(self, at: np.ndarray) -> np.ndarray:
        pixels = np.asarray(self._pixels[self._rows[at]], np.float32) / 255  # (n, side, side, 3)
        side = pixels.shape[1]
        if side > SIDE:
            edges = np.linspace(0, side, SIDE + 1).astype(np.int64)[:-1]
            sizes = np.diff([*edges.tolist(), side])
            pixels = np.add.reduceat(np.add.reduceat(pixels, edges, 1), edges, 2) / np.outer(sizes, sizes)[None, :, :, None]
        flat = pixels.reshape(len(pixels), -1)
        centered = flat - flat.mean(0)
        return of_length_one(centered).astype(np.float16)


class _Read:
    """Vectors that a pretrained network made."""

    def __init__(self, vectors: np.ndarray, rows: np.ndarray) -> None:
        self._vectors, self._rows = vectors, rows

    def __call__(self, at: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self._vectors[self._rows[at]])


def _vectors(project: Stored) -> tuple[np.ndarray, _Rows | _Read]:
    """(n,) ids of the images that have a vector, ascending, and what gives the vectors of positions among these."""
    if not features.suits(project):
        snapshot = project.snapshot()
        return snapshot.ids, _Rows(project, snapshot.rows)
    found = features.Features(project)
    has = found.rows >= 0
    if has.sum() < LEAST + LEAST_TESTED:
        raise Unavailable(
            f"the photos of {project.name!r} have not been read yet ({has.sum():,} of {len(has):,}): read them on the Data page first"
        )
    return found.ids[has], _Read(found.store.vectors(), found.rows[has])


def digits(place: Place) -> str:
    """The name of the project of the bundled digits, which is imported where there is none."""
    if DIGITS not in place.projects():
        creation.import_into(place, DIGITS, ImportRequest.of(bundled_digits(), {}), ignore_progress)
    return DIGITS
