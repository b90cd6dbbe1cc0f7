"""Images that a person is asked a second time, among the others and without a mark: how often somebody says the same twice is how far their
labels can be relied on. The second answer is a note in the journal and changes no label. Knows no page and no route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alcore.metrics import wilson
from alcore.project.stored import Stored
from alcore.storage.queries import Own
from alcore.types import AGAIN

EVERY = 20  # each so manieth image that a person answers may be one of their own
APART = 20  # answers that lie between the two, at least
REST = 600.0  # and seconds
LOOKED_AT = 2000  # of a person's newest events: what was answered before them is not asked again


@dataclass(frozen=True)
class Due:
    """What a person may be asked again.

    Attributes:
        items: (item, the round it was an answer to), those that were answered first at the head.
        since: how many answers they have given since they were last asked again.
    """

    items: tuple[tuple[int, int], ...]
    since: int


def due(project: Stored, annotator: str, now: float) -> Due:
    """What a person may be asked again at this moment: images they labeled a while ago when a round asked for them (so that it can be told
    why), never one twice, and none of the test slice, where the first answer is what everything is measured by."""
    found, since = candidates(project.queries.own(annotator, LOOKED_AT), now)
    rows = project.items.rows([item for item, _ in found])
    there = {i for i, row in rows.items() if row["present"] and row["split"] == "pool" and row["label"] is not None and not row["flagged"]}
    return Due(tuple((item, number) for item, number in found if item in there), since)


def candidates(events: Sequence[Own], now: float) -> tuple[list[tuple[int, int]], int]:
    """(item, round) of what may be asked again by a person's events, oldest first, and how many answers there were since the last time."""
    said: dict[int, list[tuple[Own, int]]] = {}
    asked: set[int] = set()
    answers = since = 0
    for event in events:
        if event.kind == AGAIN:
            asked.add(event.item)
            since = 0
        elif event.kind == "undo":
            said.get(event.item, [])[-1:] = []
        else:
            answers, since = answers + 1, since + 1
            said.setdefault(event.item, []).append((event, answers))
    newest = [of_item[-1] for item, of_item in said.items() if of_item and item not in asked]
    old = [e for e, at in newest if e.kind == "label" and e.round is not None and answers - at >= APART and now - e.at >= REST]
    return [(e.item, e.round or 0) for e in sorted(old, key=lambda e: e.at)], since


def places(asked: int, since: int, ready: int) -> list[int]:
    """Where images that are asked again stand among `asked` others: so that each is the EVERY-th since the one before, none behind the last
    of the others, and no more than are `ready`."""
    first = max(0, EVERY - 1 - since)
    return list(range(first, asked, EVERY - 1))[:ready]


@dataclass(frozen=True)
class Steady:
    """How often somebody said the same twice: `same` of `of` images."""

    same: int
    of: int

    def words(self, who: str = "you") -> str:
        """The share with Wilson's 95 % interval."""
        low, high = wilson(self.same / self.of, self.of)
        return f"{who} gave the same answer {self.same:,} of {self.of:,} times ({100 * low:.0f} to {100 * high:.0f} %)"


def steady(first: Sequence[tuple[int, str]], second: Sequence[tuple[int, str | None]]) -> Steady | None:
    """Compares a person's answers to images with the second ones, (item, class) each in their order: the newest of either counts, and a
    second answer that was taken back (None) is none. None without any."""
    labels, again = dict(first), dict(second)
    both = [(labels[i], value) for i, value in again.items() if value is not None and i in labels]
    return Steady(sum(a == b for a, b in both), len(both)) if both else None
