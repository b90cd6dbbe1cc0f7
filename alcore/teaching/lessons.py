"""What is asked for at the Learn page, checked, and the films made of it, of which the newest are kept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alcore.errors import BadInput, NotFound, Unavailable
from alcore.strategies import STRATEGIES
from alcore.teaching.film import Film
from alcore.teaching.points import KINDS, Points, points
from alcore.teaching.recording import RECIPE, Recording, record

MOST_POINTS, MOST_CLASSES, MOST_STEPS = 600, 4, 400
KEPT = 40  # films; with 600 points and 800 steps one takes about 10 MB
PATIENCE = 20.0  # seconds that somebody waits while another one's points are learned
START = 2  # labels a class to begin with
ASKING = ("random", "entropy", "margin", "mal", "mcdal")  # who is asked when a prediction is revealed
# where the papers' own weight lets the heads of two-number features run apart before F has learned anything
PLANE_PARAMS: Mapping[str, Mapping[str, Any]] = {"mcdal": {"discrepancy_weight": 0.3}}


@dataclass(frozen=True)
class Board:
    """Points of which some are labeled, and the seed of what is left to chance."""

    what: Points
    labeled: tuple[int, ...]
    seed: int

    @staticmethod
    def of(given: Mapping[str, Any]) -> Board:
        """As JSON says it: `kind`, `n` and `points_seed`, or painted `xy` and `y`; `labeled`, null for START of each class; `seed`.

        Raises:
            BadInput: what is wrong, and what may stand there.
        """
        seed = _whole(given, "seed", 0, 0, 2**31 - 1)
        if given.get("xy") is not None:
            what = _painted(given["xy"], given.get("y"))
        else:
            kind = given.get("kind", "moons")
            if not isinstance(kind, str) or kind not in KINDS:
                raise BadInput(f"there are no points {str(kind)[:40]!r}: use one of {', '.join(KINDS)}")
            what = points(kind, _whole(given, "n", 300, 20, MOST_POINTS), _whole(given, "points_seed", 0, 0, 2**31 - 1))
        labeled = given.get("labeled")
        if labeled is None:
            return Board(what, start(what, seed), seed)
        if not _wholes(labeled, 0, len(what.xy) - 1):
            raise BadInput(f"labeled must be a list of positions from 0 to {len(what.xy) - 1}")
        return Board(what, tuple(sorted(set(labeled))), seed)

    @property
    def key(self) -> str:
        content = hashlib.blake2b(digest_size=12)
        for array in (self.what.xy, self.what.y, np.array(self.labeled, np.int64), np.array([self.seed])):
            content.update(array.tobytes())
        return content.hexdigest()


def start(what: Points, seed: int, each: int = START) -> tuple[int, ...]:
    """Positions of the labels one begins with: `each` of every class, by chance."""
    rng = np.random.default_rng(seed)
    found = [rng.choice(of := np.flatnonzero(what.y == k), min(each, len(of)), replace=False) for k in range(what.classes)]
    return tuple(sorted(int(i) for i in np.concatenate(found)))


class Lessons:
    """Films by what was asked for. Thread-safe; one is learned at a time, so that a class leaves the server something to answer with."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._films: OrderedDict[str, Film] = OrderedDict()
        self._answers: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock, self._learning = threading.Lock(), threading.Lock()

    def film(self, given: Mapping[str, Any]) -> Film:
        """A strategy's round on a board: Board's, and `strategy`, its `params`, `steps`.

        Raises:
            BadInput, NotEnoughLabels: what is wrong with it.
            Unavailable: others' are being learned for PATIENCE seconds.
        """
        board, (strategy, params, steps) = Board.of(given), _method(given)
        key = f"{board.key} {json.dumps([strategy, params, steps], sort_keys=True)}"
        with self._lock:
            if key in self._films:
                self._films.move_to_end(key)
                return self._films[key]
        film = Film(strategy, board.what, self._learned(board, strategy, params, steps))
        with self._lock:
            self._films[key] = film
            while len(self._films) > self._kept:
                self._films.popitem(last=False)
        return film

    def named(self, name: str) -> Film:
        """A film that is kept. NotFound: ask for it again by what it is of."""
        with self._lock:
            found = next((film for film in self._films.values() if film.name == name), None)
        if found is None:
            raise NotFound("this film is not kept any more: ask for it again")
        return found

    def asked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What each of ASKING would ask for on a board, and what its answer would be worth.

        Returns:
            strategy -> `point`, `before` and `after`: how right the plain task model is of all points before and after that label.
        """
        board = Board.of(given)
        steps = _whole(given, "steps", int(RECIPE["steps"]), 1, MOST_STEPS)
        key = f"{board.key} {steps}"
        with self._lock:
            if key in self._answers:
                return self._answers[key]
        asked = {name: int(self._learned(board, name, {}, steps).query[0]) for name in ASKING}
        before, after = self._learned(board, "random", {}, steps).accuracy, {}
        for point in set(asked.values()):
            more = dataclasses.replace(board, labeled=tuple(sorted({*board.labeled, point})))
            after[point] = self._learned(more, "random", {}, steps).accuracy
        found = {name: {"point": point, "before": before, "after": after[point]} for name, point in asked.items()}
        with self._lock:
            self._answers[key] = found
            while len(self._answers) > 4 * self._kept:
                self._answers.popitem(last=False)
        return found

    def _learned(self, board: Board, strategy: str, params: Mapping[str, Any], steps: int) -> Recording:
        if not self._learning.acquire(timeout=PATIENCE):
            raise Unavailable("others' points are being learned: wait a moment")
        try:
            chosen = {**PLANE_PARAMS.get(strategy, {}), **params}
            labeled = np.array(board.labeled, np.int64)
            return record(strategy, board.what, labeled, n=1, params=chosen, settings={"steps": steps}, seed=board.seed)
        finally:
            self._learning.release()


def _method(given: Mapping[str, Any]) -> tuple[str, dict[str, Any], int]:
    strategy, params = given.get("strategy", "mcdal"), given.get("params") or {}
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise BadInput(f"there is no strategy {str(strategy)[:40]!r}: use one of {', '.join(STRATEGIES)}")
    if not isinstance(params, dict):
        raise BadInput("params must be an object of the strategy's parameters")
    return strategy, params, _whole(given, "steps", int(RECIPE["steps"]), 1, MOST_STEPS)


def _painted(xy: Any, y: Any) -> Points:
    if not isinstance(xy, list) or not isinstance(y, list) or len(xy) != len(y):
        raise BadInput("painted points need xy, pairs of numbers, and y, as many classes")
    if not 4 <= len(xy) <= MOST_POINTS:
        raise BadInput(f"{len(xy)} points are painted: paint 4 to {MOST_POINTS}")
    if not all(isinstance(pair, list) and len(pair) == 2 and all(_is_number(part) for part in pair) for pair in xy):
        raise BadInput("xy must be pairs of numbers from -1.5 to 1.5")
    if not _wholes(y, 0, MOST_CLASSES - 1):
        raise BadInput(f"y must be classes from 0 to {MOST_CLASSES - 1}")
    used = sorted(set(y))
    if len(used) < 2:
        raise BadInput("all painted points are of one class: paint a second one")
    return Points(np.array(xy, np.float32), np.array([used.index(k) for k in y], np.int64), len(used))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1.5 <= value <= 1.5


def _wholes(values: Any, low: int, high: int) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str) and all(type(v) is int and low <= v <= high for v in values)


def _whole(given: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = given.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise BadInput(f"{name} must be a whole number from {low} to {high}")
    return value
