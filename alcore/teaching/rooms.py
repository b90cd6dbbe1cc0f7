"""The classes of a workspace, each behind a code that cannot be guessed in the time that a class takes. Knows no project: who makes them
hands over what gives a project's lesson."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.teaching.classroom import ENDED, MODES, Classroom
from alcore.teaching.learner import Learner
from alcore.teaching.ledger import Ledger, events
from alcore.training.turn import Material

SIGNS = "ABCDEFGHJKMNPQRTUVWXYZ2346789"  # none that is taken for another on a blackboard
LENGTH = 6  # 29^6: 600 million codes
_CODE = re.compile(f"[{SIGNS}]{{{LENGTH}}}")
WRONG, MINUTE = 20, 60.0  # wrong codes that an address may try in so many seconds
MOST_ADDRESSES = 10_000  # that are remembered

logger = logging.getLogger(__name__)


class TooMany(AlcoreError):
    """An address has tried too many codes."""


class Taught(Protocol):
    """A lesson, as project.lesson makes it."""

    @property
    def project(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def material(self) -> Material: ...
    def plan(self) -> dict[str, list[int]]: ...


# (project, plan of an earlier lesson or None) -> its lesson
Lessons = Callable[[str, Mapping[str, Any] | None], Taught]


class Guard:
    """Who has tried how many wrong codes. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises TooMany for an address that has tried WRONG of them within a MINUTE."""
        with self._lock:
            tried = self._wrong.get(address)
            if tried is not None and sum(at > self._clock() - MINUTE for at in tried) >= WRONG:
                raise TooMany(f"{WRONG} wrong codes came from this address: wait a minute, and read the code again")

    def wrong(self, address: str) -> None:
        """One more wrong code."""
        with self._lock:
            self._wrong.setdefault(address, deque(maxlen=WRONG)).append(self._clock())
            self._wrong.move_to_end(address)
            while len(self._wrong) > MOST_ADDRESSES:
                self._wrong.popitem(last=False)


class Rooms:
    """All classes of one workspace, and those that a stopped server left. Thread-safe.

    Args:
        folder: where their ledgers lie.
        lessons: gives a project's lesson.
    """

    def __init__(self, folder: Path, lessons: Lessons) -> None:
        self.folder, self._lessons = folder, lessons
        self.guard = Guard()
        self._lock = threading.RLock()
        self._rooms: dict[str, tuple[Classroom, Learner, Ledger]] = {}
        self._left = dict(_left_open(folder))  # code -> project, of those that nobody has asked for since the start

    def open(self, project: str, mode: str) -> Classroom:
        """A new class, which waits.

        Raises:
            BadInput: no such mode; the project has an open class; there is nothing to label or to test on.
        """
        if mode not in MODES:
            raise BadInput(f"there is no mode {mode[:40]!r}: use one of {', '.join(MODES)}")
        with self._lock:
            if code := self.of(project):
                raise BadInput(f"{project!r} has an open class, {code}: go on with it or end it first")
            lesson, code = self._lessons(project, None), self._new_code()
            ledger = Ledger(self.folder / f"{code}.jsonl")
            told = {
                "event": "open", "code": code, "project": project, "classes": list(lesson.classes), "mode": mode,
                "seed": secrets.randbelow(2**31), **lesson.plan(),
            }  # fmt: skip
            ledger.sync(ledger.append(told))
            return self._keep(Classroom(told, (), ledger), lesson.material, ledger)

    def find(self, code: str) -> Classroom:
        """The class of a code, however it is written. NotFound: there is none."""
        code = spelled(code)
        with self._lock:
            if code in self._rooms:
                return self._rooms[code][0]
            if code not in self._left:
                raise NotFound("there is no class with this code: read it again")
            path = self.folder / f"{code}.jsonl"
            ledger = Ledger(path)  # first: it cuts off what a power cut broke
            try:
                told, *past = events(path)
                lesson = self._lessons(told["project"], told)
                if lesson.classes[: len(told["classes"])] != tuple(told["classes"]):
                    raise BadInput(f"the classes of {told['project']!r} have changed since this class began: open a new one")
                kept = self._keep(Classroom(told, past, ledger), lesson.material, ledger)
            except BaseException:
                ledger.close()
                raise
            del self._left[code]
            return kept

    def of(self, project: str) -> str:
        """The code of a project's open class; "" without one."""
        with self._lock:
            live = [room.code for room, _, _ in self._rooms.values() if room.project == project and room.state != ENDED]
            return (live or [code for code, name in self._left.items() if name == project] or [""])[0]

    def listed(self) -> list[dict[str, str]]:
        """`code` and `project` of every open class."""
        with self._lock:
            found = [(room.code, room.project) for room, _, _ in self._rooms.values() if room.state != ENDED]
            return [{"code": code, "project": project} for code, project in [*found, *self._left.items()]]

    def close(self) -> None:
        """Ends what works in the background and gives the files back; the classes go on when they are asked for again."""
        with self._lock:
            for room, learner, ledger in self._rooms.values():
                learner.close()
                ledger.close()
                if room.state != ENDED:
                    self._left[room.code] = room.project
            self._rooms.clear()

    def _keep(self, room: Classroom, material: Material, ledger: Ledger) -> Classroom:
        self._rooms[room.code] = (room, Learner(room, material), ledger)
        return room

    def _new_code(self) -> str:
        while True:
            code = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
            if not (self.folder / f"{code}.jsonl").exists():
                return code


def spelled(code: str) -> str:
    """A code as it is kept, however it was typed; what cannot be one comes back as ""."""
    plain = re.sub(r"[\s-]", "", code[:40]).upper()
    return plain if _CODE.fullmatch(plain) else ""


def _left_open(folder: Path) -> list[tuple[str, str]]:
    """Code and project of every class that was not ended."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        try:
            told = events(path)
        except BadInput as problem:  # of one class: the others go on
            logger.warning("%s", problem)
            continue
        states = [event["state"] for event in told if event["event"] == "state"]
        if told and told[0]["event"] == "open" and (not states or states[-1] != ENDED):
            found.append((path.stem, told[0]["project"]))
    return found
