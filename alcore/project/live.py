"""Live rounds: a project that learns while its people label. After every few labels a round runs in the background, and what has not been
seen yet is asked in its order. Knows no page and no route."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alcore.errors import AlcoreError, BadInput, Busy, NotEnoughLabels, NotFound
from alcore.jobs.runner import JobRunner
from alcore.project import goals, loop, predictions, proposals, slices
from alcore.project.advice import advise
from alcore.project.features import Features, suits
from alcore.project.place import Place
from alcore.project.stored import Stored, stored
from alcore.training.turn import Order

EVERY = 10  # labels between two rounds, unless a person says otherwise
MOST = 1000
LOOK = 0.5  # seconds between two looks whether a round may begin, while one is due
SETTING = "live"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Whether a project learns as it is labeled, and after how many labels."""

    on: bool
    every: int = EVERY


def settings(project: Stored) -> Settings:
    """As a person chose them; without a choice, photos with pretrained features learn: their rounds take seconds."""
    chosen = project.settings.get(SETTING)
    return Settings(bool(chosen["on"]), int(chosen["every"])) if chosen else Settings(suits(project))


def choose(project: Stored, on: bool, every: int = EVERY) -> None:
    """Keeps a person's choice.

    Raises:
        BadInput: `every` is not in 1 ... MOST, or the project's rounds would take minutes.
    """
    if not 1 <= every <= MOST:
        raise BadInput(f"cannot learn after every {every} labels: use 1 to {MOST}")
    if on and not suits(project):
        raise BadInput(f"{project.name!r} cannot learn while it is labeled: only rounds on pretrained features of photos take but seconds")
    project.change_settings(**{SETTING: {"on": on, "every": every}})


def state(project: Stored) -> dict[str, Any] | None:
    """What the labeling page tells of it; None for a project that neither learns live, nor has a test slice or a goal.

    Returns:
        on, every; `labeled` (labels in all, those of the slice too), `learned` (labels the newest model learned from, None without one),
        `learning` (whether a round is on its way), `waits` (whether that one waits for another project's job), `tested` and `test` (images
        of the slice: labeled, in all), `accuracy` (words, None without any), `low` (whether its interval says little), `pace` (labels a
        minute, None before there are some), `goal` (sentences, what it takes to reach what somebody aims at).
    """
    chosen, drawn = settings(project), slices.slice_of(project)
    if not chosen.on and not drawn.drawn and goals.goal(project) == goals.Goal():
        return None
    newest = predictions.newest_model(project)
    found = slices.measured(project, newest)
    return {
        "on": chosen.on,
        "every": chosen.every,
        "labeled": project.items.labeled_count() + len(drawn.labels),
        "learned": newest.labeled if newest else None,
        "learning": _at_work(project, "round"),
        "waits": _held_up(project),
        "tested": len(drawn.labels),
        "test": drawn.drawn,
        "accuracy": found.words() if found else None,
        "low": bool(found and found.says_little),
        "pace": goals.pace(project),
        "goal": goals.told(project),
    }


def _at_work(project: Stored, kind: str) -> bool:
    return any(job.kind == kind and not job.over for job in project.place.job_rows.jobs(project.name, limit=5))


class Live:
    """Begins rounds where they are due, from a thread of its own: whoever stores a label does not wait for it. Thread-safe.

    Args:
        runner: gives the process's job runner.
    """

    def __init__(self, place: Place, runner: Callable[[], JobRunner]) -> None:
        self._place, self._runner = place, runner
        self._changed = threading.Condition()
        self._due: set[str] = set()
        self._begun: dict[str, int] = {}  # labels there were when the last round was begun
        self._thread: threading.Thread | None = None
        self._closed = False

    def answered(self, name: str) -> None:
        """Labels of this project were stored, or a round of it ended: a round may be due."""
        with self._changed:
            if self._closed:
                return
            self._due.add(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="alcore-live", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self, timeout: float = 5.0) -> None:
        """Begins nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._due) or self._closed)
                if self._closed:
                    return
                names = sorted(self._due)
                self._due.clear()
            waiting = {name for name in names if self._waits(name)}
            with self._changed:
                self._due |= waiting
                if waiting:
                    self._changed.wait_for(lambda: self._closed, LOOK)

    def _waits(self, name: str) -> bool:
        """Begins a round if one is due and may begin; True when it is due and has to wait."""
        try:
            return self._look(stored(self._place, name))
        except NotFound:
            return False  # the project was deleted meanwhile
        except NotEnoughLabels:
            return False  # the next label may be of a second class
        except AlcoreError as problem:
            logger.warning("no live round of %s: %s", name, problem)
            return False
        except Exception:  # a bug, or a database that is gone: the thread must outlive it, the next label tries again
            logger.exception("no live round of %s", name)
            return False

    def _look(self, project: Stored) -> bool:
        chosen = settings(project)
        if not chosen.on:
            return False
        labeled = project.items.labeled_count()
        newest = predictions.newest_model(project)
        before = max(self._begun.get(project.name, 0), newest.labeled if newest else 0)
        new = labeled - min(before, labeled)
        if not new or (new < chosen.every and _waiting(project)):
            return False
        if _at_work(project, "round"):
            _go_on(project)
            return True
        if not Features(project).done:
            return _at_work(project, "features")  # where nobody makes them, nothing is waited for
        left = len(project.pool().unlabeled)
        if not left:
            return False
        order = _order(project, left)
        try:
            self._runner().submit("round", project.name, f"Learning from {labeled:,} labels", order.arguments(), order.device, alone=True)
        except Busy:
            return True  # another process of the workspace was quicker
        self._begun[project.name] = labeled
        return False


def _waiting(project: Stored) -> bool:
    """Whether somebody still has something to label: without it, the next round is due whatever was learned from."""
    opened = project.queries.open()
    return opened is None or bool(opened.waiting)


def _held_up(project: Stored) -> bool:
    """Whether the project's next round waits for a job of another project, which may take hours."""
    rows = project.place.job_rows
    waits = next((job for job in rows.jobs(project.name, limit=5) if job.kind == "round" and job.state == "queued"), None)
    return waits is not None and any(
        job.state == "running" and job.device == waits.device and job.project != project.name for job in rows.jobs()
    )


def _go_on(project: Stored) -> None:
    """Asks for more by the look that there is or, where no model has looked yet, at random: nobody who labels has to wait."""
    if not _held_up(project):
        return
    rounds = project.rounds()  # before it is asked whether something waits: who asks meanwhile takes the number
    if _waiting(project) or not (left := len(project.pool().unlabeled)):
        return
    size, number = _order(project, left).query_size, rounds[-1].number + 1 if rounds else 0
    try:
        if predictions.newest_model(project) is None:
            loop.start(project, size, seed=len(rounds), number=number)
        else:
            proposals.more(project, size, number)
    except Busy:
        return  # another process of the workspace has asked for more


def _order(project: Stored, left: int) -> Order:
    train: Mapping[str, Any] = loop.defaults(project)
    advice = advise(project.dense, left, str(train.get("architecture", "")))
    return loop.ordered(project, advice.strategy, advice.query_size)
