"""Rounds of the made-up server: a test makes a newer one, with the order it likes, at any moment (POST /rounds/PROJECT), answers as somebody
else (POST /said/PROJECT), and makes single routes of the project hold their answers back or fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = tuple[int, int, str, str | None, str, int | None]  # id, item, kind, value, annotator, round


@dataclass
class Rounds:
    """What a project asks for.

    Attributes:
        orders: round -> the ids it asks for, best first.
        tests: ids of test images.
        live: what is told of learning beside the counts; None where nothing is.
        disputed: ids that wait for review.
        troubles: route (queue, changes, annotations) -> "hold" (what it answers is made at once and sent later) or "fail".
        held: route -> answers that are held back now.
    """

    orders: dict[int, list[int]] = field(default_factory=dict)
    tests: list[int] = field(default_factory=list)
    live: dict[str, Any] | None = None
    disputed: list[int] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


ROUNDS: dict[str, Rounds] = {}


def change(project: str, body: dict[str, Any]) -> Rounds:
    """Takes what a test says: `round` and `items` of a newer round, and the attributes of `Rounds`."""
    rounds = ROUNDS.setdefault(project, Rounds())
    if "items" in body:
        rounds.orders[body["round"]] = body["items"]
    for name in ("tests", "live", "disputed", "troubles"):
        if name in body:
            setattr(rounds, name, body[name])
    return rounds


def fails(project: str, route: str) -> bool:
    return project in ROUNDS and ROUNDS[project].troubles.get(route) == "fail"


async def held_back(project: str, route: str) -> None:
    """Returns when a test lets the route's answers go."""
    rounds = ROUNDS.get(project)
    if rounds is None or rounds.troubles.get(route) != "hold":
        return
    rounds.held[route] = rounds.held.get(route, 0) + 1
    while rounds.troubles.get(route) == "hold":
        await asyncio.sleep(0.002)
    rounds.held[route] -= 1


def standing(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Item -> its events that nobody took back, oldest first, items in the order of their last event."""
    stacks: dict[int, list[Row]] = {}
    for row in rows:
        stack = stacks.pop(row[1], [])
        stacks[row[1]] = stack
        if row[2] != "undo":
            stack.append(row)
        elif mine := [one for one in stack if one[4] == row[4]]:
            stack.remove(mine[-1])
    return stacks


def _told(stack: Sequence[Row]) -> dict[str, Any]:
    events = [dict(zip(("id", "kind", "value", "annotator", "round"), (i, *rest), strict=True)) for i, _, *rest in stack]
    labels = [value for _, _, kind, value, *_ in stack if kind == "label"]
    kind = _state(stack)
    state = {"label": labels[-1] if kind == "label" else None, "skipped": kind == "skip", "flagged": any(row[2] == "flag" for row in stack)}
    return {"state": state, "events": events, "disputed": False}


def _state(stack: Sequence[Row]) -> str | None:
    """A label or a skip takes the place of the one before; a flag stands beside it."""
    kinds = [row[2] for row in stack]
    return next((kind for kind in reversed(kinds) if kind != "flag"), kinds[-1] if kinds else None)


def queue(project: str, rows: Sequence[Row], describe: Callable[[str, int, int], dict[str, Any]], asked: dict[str, str]) -> dict[str, Any]:
    """The answer of the queue route."""
    rounds, stacks = ROUNDS[project], standing(rows)
    review = asked.get("view") == "review"
    number = int(asked.get("round", max(rounds.orders)))
    order = rounds.disputed if review else rounds.orders[number]
    waiting = order if review else [i for i in order if not stacks.get(i)]
    answered = [] if review else [i for i in reversed(stacks) if stacks[i] and i in order]
    skip = int(asked.get("skip", 0))
    back = answered[skip : skip + int(asked.get("done", 0))][::-1]

    def items(ids: Sequence[int]) -> list[dict[str, Any]]:
        return [
            describe(project, i, order.index(i) + 1)
            | _told(stacks.get(i, []))
            | {"test": i in rounds.tests, "disputed": i in rounds.disputed}
            for i in ids
        ]

    kinds = [_state(stacks[i]) for i in answered]
    counts = {"skipped": kinds.count("skip"), "flagged": kinds.count("flag")}
    answer = {"round": None if review else number, "remaining": len(waiting), "total": len(order), "answered": len(answered), **counts}
    return answer | {
        "items": items(waiting[: int(asked.get("n", 48))]),
        "done": items(back),
        "event": _newest(rows),
        **_around(project, stacks),
    }


def changes(project: str, rows: Sequence[Row], after: int) -> dict[str, Any]:
    """The answer of the changes route."""
    stacks = standing(rows)
    changed = {row[1] for row in rows if row[0] > after}
    items = [{"id": i, **_told(stack), "disputed": i in ROUNDS[project].disputed} for i, stack in stacks.items() if i in changed]
    return {"event": _newest(rows), "items": items, **_around(project, stacks)}


def _newest(rows: Sequence[Row]) -> int:
    return rows[-1][0] if rows else 0


def _around(project: str, stacks: dict[int, list[Row]]) -> dict[str, Any]:
    rounds = ROUNDS[project]
    left = [{"round": number, "remaining": sum(not stacks.get(i) for i in order)} for number, order in sorted(rounds.orders.items())]
    left = [entry for entry in left if entry["remaining"] or entry is left[-1]]
    labeled = [i for i, stack in stacks.items() if _state(stack) == "label"]
    of_tests = {"tested": sum(i in rounds.tests for i in labeled), "test": len(rounds.tests)}
    usual = {"on": True, "every": 10, "learned": None, "learning": False, "accuracy": None, "low": False, "pace": None, "goal": []}
    live = None if rounds.live is None else usual | {"labeled": len(labeled), **of_tests} | rounds.live
    return {"rounds": left, "disputed": len(rounds.disputed), "live": live}
