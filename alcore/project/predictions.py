"""What the model of a round says of any image of the project, asked for or not. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from alcore.columns import in_blocks, places
from alcore.errors import AlcoreError, disk_full_told
from alcore.nets.tasks import FEATURES, train_params
from alcore.params import TrainParams
from alcore.progress import Report, ignore_progress
from alcore.project.features import Features
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.strategies.base import Strategy
from alcore.training.batches import Pixels
from alcore.training.pool import Pool
from alcore.training.predict import logits_of, restored
from alcore.training.roundfiles import PICTURES, RoundFiles, in_places
from alcore.training.turn import Material
from alcore.training.walk import empty_array
from alcore.types import Round

FEW = 4  # answers of all images that are remembered: 50,000 images of 10 classes are 2 MB; what is large lies in a file
MANY = 256  # answers of some images

_of_all, _of_some = Remembered(FEW), Remembered(MANY)


def newest_model(project: Stored) -> Round | None:
    """The newest round that trained a model; None before the first."""
    return next((r for r in reversed(project.rounds()) if not r.start), None)


def logits(
    project: Stored, round_: Round, ids: Sequence[int] | np.ndarray | None = None, report: Report = ignore_progress
) -> tuple[np.ndarray, np.ndarray]:
    """(ids, (n, K) float32) of a round's task model, by id; in today's order of the classes; K is up to the last one that the model knows.

    Args:
        ids: which; those that cannot be looked at (their features are not made yet, or they are gone) are left out. None: all.

    Raises:
        AlcoreError: it is a project of masks, a round without a model, or the round's files are gone.
    """
    files, found, state = _sources(project, round_)
    asked = None if ids is None else tuple(sorted({int(i) for i in ids}))
    return (_of_all if asked is None else _of_some).of((state, asked), lambda: _made(project, round_, files, found, asked, report))


def at_hand(project: Stored, round_: Round) -> bool:
    """Whether what a round's model says of all images is there at once: it was asked before, or looks at features. Raises as `logits`."""
    _, found, state = _sources(project, round_)
    return found is not None or _of_all.knows((state, None))


def state_of(project: Stored, round_: Round) -> tuple[Any, ...]:
    """What changes when a round's guesses of all images do, or what is known of these images. Raises as `logits`."""
    said = project.queries.newest_event(), project.class_rows.newest(), project.settings["packed"]
    return *_sources(project, round_)[2], *said


def _sources(project: Stored, round_: Round) -> tuple[RoundFiles, Features | None, tuple[Any, ...]]:
    """A round's files, the features it looks at, and what changes when either does."""
    if project.dense:
        raise AlcoreError(f"{project.name!r} is labeled pixel by pixel: guesses are told of classes an image")
    files = project.files(round_)
    if files is None:
        raise AlcoreError(f"round {round_.number} of {project.name!r} was a start without a model: train a round first")
    found = Features(project, str(round_.train["extractor"])) if round_.train.get("architecture") == FEATURES else None
    return files, found, (files.folder, files.places, *(found.state if found else (project.settings["packed"],)))


def trained_with(project: Stored, round_: Round) -> TrainParams:
    """The run's parameters, as far as this version has them; also the weights it began with, which say what pixels are normalized by."""
    known = {key: value for key, value in round_.train.items() if key in TrainParams.__dataclass_fields__}
    return train_params(project.task, known)


def brought_back(project: Stored, round_: Round, files: RoundFiles, *, side: int = 0, dim: int = 0) -> Strategy:
    """The round's strategy with its weights, in evaluation mode; `side` of its images, or `dim` of its vectors."""
    classes = files.trained_classes
    return restored(files.folder, round_.strategy, round_.params, round_.train, project.task, classes=classes, side=side, dim=dim)


def _made(
    project: Stored, round_: Round, files: RoundFiles, found: Features | None, asked: tuple[int, ...] | None, report: Report
) -> tuple[np.ndarray, np.ndarray]:
    nobody, then = np.empty(0, np.int64), None
    pixels: Pixels
    if found is not None:
        rows = found.rows
        ids, rows, pixels = found.ids[rows >= 0], rows[rows >= 0], found.store.vectors()
        then = files.array(PICTURES) if asked is None and files.has(PICTURES) else None
    else:
        pool = project.pool()
        ids, rows, pixels = pool.ids, pool.rows, project.pixels()
    material = Material(Pool(nobody, nobody, nobody, nobody, nobody, ids, rows), len(project.classes), pixels)
    strategy = brought_back(project, round_, files, side=material.side, dim=material.dim)
    wanted = ids if asked is None else ids[np.isin(ids, asked)]
    draws = material.draws(trained_with(project, round_), next(strategy.parameters()).device, 0)
    if found is None or then is None or not strategy.scores_by_task_model:
        return wanted, in_places(logits_of(strategy, draws, wanted, report), files.places)
    with disk_full_told(project.folder, "the guesses"):
        made = empty_array((len(wanted), files.trained_classes), project.folder / "features")
    left = np.ones(len(wanted), bool)
    left[_copied(files, then, ids, found.pictures(ids), made)] = False
    made[left] = logits_of(strategy, draws, wanted[left], report)
    return wanted, in_places(made, files.places)


def _copied(files: RoundFiles, then: np.ndarray, ids: np.ndarray, pictures: np.ndarray, into: np.ndarray) -> np.ndarray:
    """Copies what the round has kept of those of `ids`, ascending, whose pictures are what they were `then`; their places."""
    at, kept = places(ids, files.walked_ids), files.array("logits")
    there = np.flatnonzero(at >= 0)
    same = there[pictures[at[there]] == then[there]]
    for part in in_blocks(len(same)):
        into[at[same[part]]] = kept[same[part]]
    copied: np.ndarray = at[same]
    return copied
