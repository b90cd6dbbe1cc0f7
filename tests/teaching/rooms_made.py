"""Lessons and classes for the tests of a class in one room: points of three groups in place of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alcore.teaching.classroom import Classroom
from alcore.teaching.ledger import Ledger, events
from alcore.training.pool import Pool
from alcore.training.turn import Material

CLASSES = ("ant", "bee", "cat")
POOL, TEST = 90, 30


def truth(item: int) -> int:
    """The class of an item."""
    return item % 3


def material(pool: int = POOL, test: int = TEST) -> Material:
    """Vectors of 24 numbers in three groups that overlap a little; items from 100 on, the last ones tested."""
    rng, ids = np.random.default_rng(5), 100 + np.arange(pool + test)
    centers = rng.normal(0, 1, (3, 24))
    vectors = (centers[ids % 3] + rng.normal(0, 1.5, (len(ids), 24))).astype(np.float16)
    nobody = np.empty(0, np.int64)
    return Material(Pool(nobody, nobody, ids[:pool], ids[pool:], ids[pool:] % 3, ids, np.arange(len(ids))), 3, vectors)


@dataclass(frozen=True)
class Made:
    """A lesson as project.lesson makes them."""

    project: str = "insects"
    classes: tuple[str, ...] = CLASSES
    material: Material = field(default_factory=material)

    def plan(self) -> dict[str, list[int]]:
        pool = self.material.pool
        return {"pool": pool.unlabeled.tolist(), "test": pool.test.tolist(), "test_targets": pool.test_targets.tolist()}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(mode: str = "together", pool: int = POOL) -> dict[str, Any]:
    """How the ledger of a class begins."""
    items = list(range(100, 100 + pool))
    return {"event": "open", "code": "ABCDEF", "project": "insects", "classes": list(CLASSES), "mode": mode, "pool": items, "seed": 4}


def classroom(path: Path, mode: str = "together", pool: int = POOL, clock: Callable[[], float] | None = None) -> Classroom:
    """A class on a new ledger."""
    begun, ledger = told(mode, pool), Ledger(path)
    ledger.append(begun)
    return Classroom(begun, (), ledger, clock or Clock())


def again(path: Path) -> Classroom:
    """The class that a ledger tells of; who had it must have closed it."""
    begun, *past = events(path)
    return Classroom(begun, past, Ledger(path), Clock())


def labeled(room: Classroom) -> dict[str, Mapping[int, int]]:
    """Team -> item -> class."""
    return {name: dict(team.answered) for name, team in room.teams.items()}


def say(room: Classroom, sid: str, answers: int) -> list[int]:
    """A student gives right answers as they are asked; the items."""
    given = []
    for _ in range(answers):
        (item, *_) = room.next(sid)["items"]
        assert room.answer(sid, f"{sid}-{len(room._given)}", item, truth(item), room.era)
        given.append(item)
    return given
