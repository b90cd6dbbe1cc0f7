"""A class that labels in one room: who is there, who is asked what, what each team has answered and how well its model does. All of it is
made of events in a ledger, so that it goes on where it was after a restart. Knows no model, no project and no page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.metrics import wilson
from alcore.teaching.ledger import Ledger
from alcore.teaching.names import free_name

MOST_STUDENTS = 60
EACH = 20  # answers of a team after which its model learns
AHEAD = 2  # images a student has: one to look at, one that is loaded meanwhile
START, EXTRA = 40, 6  # images of a query at least, and for each student of the team
PACE = 3  # times as many images as were answered while the model learned last
ABSENT = 30.0  # seconds without a word, after which a student's images are given to others
# mode -> name, strategy and title of its teams
MODES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "together": (("all", "mcdal", "The class"),),
    "race": (("random", "random", "Random"), ("mcdal", "mcdal", "MCDAL")),
}
WAITING, RUNNING, PAUSED, ENDED = "waiting", "running", "paused", "ended"
# what a teacher may do -> the states it is done in, and what comes of it
ACTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "start": ((WAITING, PAUSED), RUNNING),
    "pause": ((RUNNING,), PAUSED),
    "end": ((WAITING, RUNNING, PAUSED), ENDED),
    "reset": ((WAITING, RUNNING, PAUSED), WAITING),
}
TOLD = {WAITING: "has not begun", PAUSED: "is paused", ENDED: "is over", RUNNING: "is running"}


class NotNow(AlcoreError):
    """The class does not take this now; its words say when it will."""


@dataclass
class Student:
    """Somebody in the class; `seen` is when they last asked for anything."""

    id: str
    name: str
    team: str
    seen: float
    answered: int = 0


@dataclass
class Team:
    """A model, and those who label for it.

    Attributes:
        answered: item -> class, the first answer of each.
        query: what is asked for next, in order; held: item -> who has it on the screen.
        learned: how many labels the model has seen; learning: whether it is at it; came: labels that came while it was, last time.
        curve: (labels, right, of) of every time it learned.
        problem: why it could not, in a sentence.
    """

    name: str
    strategy: str
    title: str
    answered: dict[int, int] = field(default_factory=dict)
    query: list[int] = field(default_factory=list)
    held: dict[int, str] = field(default_factory=dict)
    learned: int = 0
    came: int = 0
    learning: bool = False
    curve: list[tuple[int, int, int]] = field(default_factory=list)
    problem: str = ""

    @property
    def fresh(self) -> int:
        """Labels that the model has not seen."""
        return len(self.answered) - self.learned

    def open(self) -> list[int]:
        """What can be asked for and nobody has."""
        return [item for item in self.query if item not in self.answered and item not in self.held]


@dataclass(frozen=True)
class Task:
    """What a learner is to do: learn these labels with this strategy, and ask for `wanted` images."""

    team: str
    strategy: str
    labels: Mapping[int, int]
    wanted: int
    seed: int
    era: int


class Classroom:
    """One class. Thread-safe.

    Args:
        told: as its ledger began: `code`, `project`, `classes`, `mode`, `pool` (items) and `seed`.
        past: the events that came after.
        ledger: where the next ones go.
        clock: seconds that only grow.
    """

    def __init__(
        self, told: Mapping[str, Any], past: Iterable[Mapping[str, Any]], ledger: Ledger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.code: str = told["code"]
        self.project: str = told["project"]
        self.classes: tuple[str, ...] = tuple(told["classes"])
        self.mode: str = told["mode"]
        self._pool: list[int] = list(told["pool"])
        self._items, self._seed = frozenset(self._pool), int(told["seed"])
        self._ledger, self._clock = ledger, clock
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self.state, self.era = WAITING, 0
        self.students: dict[str, Student] = {}
        self._given: dict[tuple[str, str], bool] = {}  # (student, id of the answer) -> whether it is the label
        self._begin()
        for event in past:
            self._apply(event)

    def _begin(self) -> None:
        """No labels; all teams are asked the same images first, at random."""
        self.teams = {name: Team(name, strategy, title) for name, strategy, title in MODES[self.mode]}
        order = np.random.default_rng([self._seed, self.era]).permutation(np.array(self._pool, np.int64)).tolist()
        for team in self.teams.values():
            team.query = order[: self._wanted(team)]
        for student in self.students.values():
            student.answered = 0

    def _wanted(self, team: Team) -> int:
        """How long its next query is: until there is another one nobody should have to wait."""
        students = sum(student.team == team.name for student in self.students.values())
        return max(START + EXTRA * max(students, MOST_STUDENTS // 4), PACE * team.came)

    # ---- events

    def _note(self, event: Mapping[str, Any]) -> None:
        """Written, then applied: what cannot be written has not happened."""
        self._ledger.append(event)
        self._apply(event)
        self._changed.notify_all()

    def _apply(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "join":
            self.students[event["student"]] = Student(event["student"], event["name"], event["team"], self._clock())
        elif kind == "answer":
            self._take(event["student"], event["id"], event["item"], event["label"])
        elif kind == "reset":
            self.state, self.era = WAITING, self.era + 1
            self._begin()
        elif kind == "learned":
            team = self.teams[event["team"]]
            team.learned, team.problem = event["labels"], ""
            team.curve.append((event["labels"], event["right"], event["of"]))
            team.query = [item for item in event["query"] if item in self._items]
        elif kind == "asked":
            team = self.teams[event["team"]]
            team.learned, team.query = event["labels"], list(event["query"])
        else:
            self.state = event["state"]

    def _take(self, sid: str, answer: str, item: int, label: int) -> None:
        student = self.students[sid]
        team = self.teams[student.team]
        counted = item not in team.answered and item in self._items
        if counted:
            team.answered[item] = label
            student.answered += 1
        team.held.pop(item, None)
        self._given[sid, answer] = counted

    # ---- students

    def join(self, sid: str, wanted: str = "") -> Student:
        """Somebody new under the name they want, or a free one that is like it; with the smaller team.

        Raises:
            NotNow: the class is over, or full.
        """
        with self._changed:
            if self.state == ENDED:
                raise NotNow("the class is over")
            if len(self.students) >= MOST_STUDENTS:
                raise NotNow(f"the class is full: {MOST_STUDENTS} students are in it")
            name = free_name(wanted, [student.name for student in self.students.values()])
            size = {team: sum(student.team == team for student in self.students.values()) for team in self.teams}
            team = min(size, key=lambda team: size[team])
            self._note({"event": "join", "student": sid, "name": name, "team": team})
            found, end = self.students[sid], self._ledger.end
        self._ledger.sync(end)
        return found

    def next(self, sid: str) -> dict[str, Any]:
        """What a student is to do: `state`, `era`, `items` to label in order, `wait` ("learning" or "done") where there are none though the
        class is running, `answered` by them, and `name` and `team` of theirs."""
        with self._changed:
            student = self._student(sid)
            team, items, wait = self.teams[student.team], [], ""
            if self.state == RUNNING:
                items = self._hand(team, student)
                if not items:
                    wait = "done" if len(team.answered) >= len(self._pool) else "learning"
                    self._changed.notify_all()  # what is left may have to be learned
            return {
                "state": self.state, "era": self.era, "items": items, "wait": wait, "answered": student.answered,
                "name": student.name, "team": team.name if len(self.teams) > 1 else "",
            }  # fmt: skip

    def _hand(self, team: Team, student: Student) -> list[int]:
        """The student's images, filled up from the query, or from what absent ones had."""
        mine = [item for item, who in team.held.items() if who == student.id and item not in team.answered]
        for item in team.open()[: AHEAD - len(mine)]:
            team.held[item] = student.id
            mine.append(item)
        if not mine:
            gone = self._clock() - ABSENT
            for item, who in list(team.held.items()):
                if len(mine) < AHEAD and self.students[who].seen < gone:
                    team.held[item] = student.id
                    mine.append(item)
        return mine

    def answer(self, sid: str, answer: str, item: int, label: int, era: int) -> bool:
        """Takes an answer, once whatever happens on the way; it is on the disk when this returns.

        Args:
            answer: the sender's own name for it: the same twice counts once.
            era: of `next`; an answer to what was reset since is forgotten.

        Returns:
            whether it is the team's label; False where somebody was earlier, or it was reset.

        Raises:
            NotNow: the class is not running. BadInput: no such image or class.
        """
        with self._changed:
            self._student(sid)
            if (sid, answer) not in self._given:
                if era != self.era:
                    return False
                if self.state != RUNNING:
                    raise NotNow(f"the class {TOLD[self.state]}")
                if item not in self._items:
                    raise BadInput(f"there is no image {item} in this class")
                if not 0 <= label < len(self.classes):
                    raise BadInput(f"there is no class {label}: use 0 to {len(self.classes) - 1}")
                self._note({"event": "answer", "student": sid, "id": answer, "item": item, "label": label})
            counted, end = self._given[sid, answer], self._ledger.end
        self._ledger.sync(end)
        return counted

    def asks_for(self, item: int) -> bool:
        """Whether an image is one of the class's."""
        return item in self._items

    def _student(self, sid: str) -> Student:
        if sid not in self.students:
            raise NotFound("you are not in this class: join it again")
        student = self.students[sid]
        student.seen = self._clock()
        return student

    # ---- teacher

    def act(self, action: str) -> None:
        """What a teacher does; one of ACTIONS.

        Raises:
            BadInput: there is no such action. NotNow: not in this state.
        """
        if action not in ACTIONS:
            raise BadInput(f"there is no action {action[:40]!r}: use one of {', '.join(ACTIONS)}")
        before, after = ACTIONS[action]
        with self._changed:
            if self.state not in before:
                raise NotNow(f"cannot {action}: the class {TOLD[self.state]}")
            self._note({"event": "reset"} if action == "reset" else {"event": "state", "state": after})
            end = self._ledger.end
        self._ledger.sync(end)

    def board(self, sid: str = "", everybody: bool = False) -> dict[str, Any]:
        """The state of all teams: `labels`, `curve` of [labels, right, of, low, high] (95 % interval, shares); with the `names` of all
        there for the teacher. `sid` is who looks."""
        with self._changed:
            if sid:
                self._student(sid)
            gone = self._clock() - ABSENT
            told: dict[str, Any] = {
                "project": self.project, "mode": self.mode, "state": self.state, "era": self.era, "students": len(self.students),
                "pool": len(self._pool),
                "teams": [
                    {
                        "name": team.name, "title": team.title, "strategy": team.strategy, "labels": len(team.answered),
                        "students": sum(student.team == team.name for student in self.students.values()),
                        "learning": team.learning, "problem": team.problem, "curve": [_with_interval(*point) for point in team.curve],
                    }
                    for team in self.teams.values()
                ],
            }  # fmt: skip
            if everybody:
                told["names"] = [
                    {"name": student.name, "team": student.team, "answered": student.answered, "here": student.seen >= gone}
                    for student in self.students.values()
                ]
            return told

    # ---- the learner

    def due(self) -> Task | None:
        """Waits until a team has enough new labels, and says what is to be learned; None once the class is closed."""
        with self._changed:
            while not self._closed:
                ready = [team for team in self.teams.values() if self._is_due(team)]
                if ready:
                    team = max(ready, key=lambda team: team.fresh)
                    team.learning = True
                    seed = self._seed + len(team.answered)
                    return Task(team.name, team.strategy, dict(team.answered), self._wanted(team), seed, self.era)
                self._changed.wait()
            return None

    def _is_due(self, team: Team) -> bool:
        if not team.fresh:
            return False
        whole = len(team.answered) == len(self._pool)
        return team.fresh >= EACH or self.state == ENDED or whole or (self.state == RUNNING and not team.open() and not team.held)

    def learned(self, task: Task, right: int, of: int, query: Sequence[int]) -> None:
        """What a task gave: `right` of `of` test images, and what is asked for next."""
        with self._changed:
            team = self.teams[task.team]
            team.learning = False
            if task.era == self.era:
                team.came = len(team.answered) - len(task.labels)
                found = {"labels": len(task.labels), "right": right, "of": of, "query": list(query)}
                self._note({"event": "learned", "team": task.team, **found})

    def not_learned(self, task: Task, problem: str = "") -> None:
        """A task gave nothing: the team is asked at random."""
        with self._changed:
            team = self.teams[task.team]
            team.learning = False
            if task.era == self.era:
                rng, left = np.random.default_rng(task.seed), [item for item in self._pool if item not in team.answered]
                asked = rng.permutation(np.array(left, np.int64)).tolist()[: task.wanted]
                self._note({"event": "asked", "team": task.team, "labels": len(task.labels), "query": asked})
                team.problem = problem

    def close(self) -> None:
        """No more is learned; who waits in `due` goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _with_interval(labels: int, right: int, of: int) -> list[float]:
    low, high = wilson(right / of, of)
    return [labels, right, of, round(low, 4), round(high, 4)]
