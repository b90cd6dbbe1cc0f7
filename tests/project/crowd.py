"""Three people at one project, played through the routes' own functions: each has a window that fetches, labels, skips and takes back as the
browser does, with a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alcore.project import labeling, sharing
from alcore.project.labeling import Window
from alcore.project.stored import Stored
from alcore.types import AGAIN, Annotation

AHEAD = 3


@dataclass
class Worker:
    """Somebody at an open page.

    Attributes:
        open: what lies before them, the head being on the stage, as the server told it.
        shown: ids that were on their stage as something to answer, in order; without what they were asked again.
        answered: their (item, kind, value), in order.
        told: their (item, kind, value) that were acknowledged and not taken back.
    """

    of: Stored
    name: str
    client: str
    open: list[dict[str, Any]] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    answered: list[tuple[int, str, str | None]] = field(default_factory=list)
    told: list[tuple[int, str, str | None]] = field(default_factory=list)
    asked_again: list[int] = field(default_factory=list)
    elsewhere: int = 0
    seq: int = 0
    number: int | None = None
    undone: set[int] = field(default_factory=set)

    @property
    def window(self) -> Window:
        return Window(self.name, self.client)

    def fetch(self, number: int | None = None) -> None:
        answer = labeling.query(self.of, 2 * AHEAD, number, window=self.window)
        known = {entry["id"] for entry in self.open}
        for entry in answer["items"]:
            if entry["id"] not in known and self._is_open(entry) and ("again" not in entry or self._far(answer["every"])):
                self.open.append(entry)
        self.number = answer["round"]
        self.elsewhere = answer.get("elsewhere", 0)
        self._stage()

    def _far(self, every: int) -> bool:
        """As farFromLast of the browser has it."""
        here = ["again" in entry for entry in self.open]
        return True not in here or here[::-1].index(True) + 1 >= every

    def _is_open(self, entry: dict[str, Any]) -> bool:
        return not any(entry["state"].values())

    def reordered(self) -> None:
        """A newer round's order: what is on the stage stays."""
        self.open = self.open[:1]
        self.fetch()

    def _stage(self) -> None:
        if self.open and "again" not in self.open[0]:
            item = self.open[0]["id"]
            if not self.shown or self.shown[-1] != item:
                self.shown.append(item)

    def hear(self) -> None:
        """What others answered leaves this window, and a window that was gone asks anew."""
        told = labeling.changes(self.of, 0, self.window, abs(self.open[0]["id"]) if self.open else None)
        state = {entry["id"]: entry["state"] for entry in told["items"]}
        if told["lapsed"]:
            self.open = []
        gone = {i for i, said in state.items() if any(said.values())}
        self.open = [entry for entry in self.open if entry["id"] not in gone or "again" in entry]
        self._stage()
        if told["lapsed"]:
            self.fetch()

    def answer(self, kind: str, value: str | None = None) -> None:
        entry = self.open.pop(0)
        item = entry.get("again", entry["id"])
        if "again" in entry:
            self.asked_again.append(item)
            self._send(item, AGAIN, value)
        else:
            self._send(item, kind, value, replaces=entry["state"]["label"] or "", opinions=entry.get("opinions"))
            self.told.append((item, kind, value))
            self.answered.append((item, kind, value))
        self._stage()
        if len(self.open) <= AHEAD:
            self.fetch()

    def undo(self) -> None:
        item, _, _ = self.told.pop()
        self._send(item, "undo")
        self.undone.add(item)

    def _send(self, item: int, kind: str, value: str | None = None, **more: Any) -> None:
        self.seq += 1
        event = Annotation(self.client, self.seq, item, kind, value, ms=500, annotator=self.name, round=self.number, **more)
        for _ in range(2):  # what is sent twice is stored once
            assert self.of.journal.take([event], self.of.classes).acked == [self.seq]


def label_of(of: Stored, item: int, rng: np.random.Generator) -> str:
    """Mostly what the image shows."""
    right = of.items.rows([item])[item]["truth"]
    return str(right if rng.random() < 0.8 else rng.choice(of.classes))


def play(of: Stored, mode: str, seed: int, steps: int = 400, *, asked_again: bool = False) -> list[Worker]:
    """Random labels, skips, undos, joins, leaves and rounds until nobody has anything left to do."""
    rng = np.random.default_rng(seed)
    sharing.choose(of, split=mode == "split", opinions=int(mode) if mode.isdigit() else 1, again=asked_again)
    workers = [Worker(of, name, f"w-{name}") for name in ("ann", "ben", "cleo")]
    joined = workers[:1]
    workers[0].fetch()
    made = 0
    for _ in range(steps):
        if len(joined) < 3 and rng.random() < 0.1:
            newcomer = workers[len(joined)]
            newcomer.fetch()
            joined.append(newcomer)
        worker = joined[int(rng.integers(len(joined)))]
        worker.hear()
        deed = rng.random()
        if made < 2 and deed < 0.02:
            free = len(of.pool().unlabeled)
            if free:
                made += 1
                of.start(min(8, free), "random", seed=made)
                for one in joined:
                    one.reordered()
            continue
        if deed < 0.12 and worker.told:
            worker.undo()
        elif not worker.open:
            worker.fetch()
        elif deed < 0.2:
            worker.answer("skip")
        else:
            worker.answer("label", label_of(of, worker.open[0].get("again", worker.open[0]["id"]), rng))
    for one in workers[len(joined) :]:
        one.fetch()
        joined.append(one)
    finish(of, joined, rng)
    return joined


def finish(of: Stored, workers: list[Worker], rng: np.random.Generator) -> None:
    """Everybody labels until nothing is left for anybody."""
    while True:
        for one in workers:
            one.hear()
            if not one.open:
                one.fetch()
        busy = [one for one in workers if one.open]
        if not busy:
            return
        for one in busy:
            one.answer("label", label_of(of, one.open[0].get("again", one.open[0]["id"]), rng))
