"""What the labeling page reads beyond the queue: what was answered, by whom, what others change meanwhile, what they disagree on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alcore.project import live, queue
from alcore.project.stored import Stored
from alcore.storage.queries import Event

MOST_EVENTS = 20  # of an item, newest last; nobody takes back more one by one


def query(project: Stored, n: int, number: int | None = None, done: int = 0, skip: int = 0) -> dict[str, Any]:
    """The queue of a round (the newest for None), and what is needed to go back in it.

    Args:
        n: how many of the items that wait.
        done: how many of those that somebody has dealt with, the newest, in the order they were answered.
        skip: leaves out so many of the newest of them.

    Raises:
        NotFound: there is no such round.

    Returns:
        What queue.queue tells, and `done` (items), `answered` (how many there are in all), `event` (number of the newest event of the
        project), `rounds` (round and open items of the rounds that have some), `disputed` (how many items have two answers), `live`
        (live.state). Each item has its `events` and `disputed` too.
    """
    newest = project.queries.newest_event()  # before all else: what happens while this is read is told as a change
    opened = project.queries.open(None if number is None else project.round(number).number)
    answer = queue.queue(project, n, opened)
    # where rounds follow each other within a minute, what was answered to the one before is what a person goes back to
    answered = (project.queries.answered() if live.settings(project).on else opened.answered) if opened else ()
    back = answered[skip : skip + done][::-1]
    answer["done"] = queue.describe(project, project.round(opened.number), back) if opened and back else []
    answer["answered"] = len(answered)
    _tell_events(project, [*answer["items"], *answer["done"]])
    return answer | {"event": newest, **_around(project)}


def review(project: Stored, n: int) -> dict[str, Any]:
    """The items that have two answers, in the shape of `query`."""
    newest = project.queries.newest_event()
    ids = project.queries.disputed()
    answer = queue.queue(project, 0) | {"round": None, "remaining": len(ids), "total": len(ids), "skipped": 0, "flagged": 0}
    answer["items"] = queue.describe(project, project.newest_round(), ids[:n])
    _tell_events(project, answer["items"])
    return answer | {"done": [], "answered": 0, "event": newest, **_around(project)}


def changes(project: Stored, after: int) -> dict[str, Any]:
    """What happened after an event: `event` (the number to ask with next), `items` (id, state, events, disputed), and the rounds,
    disputes and live state there are now."""
    found = project.queries.changes(after)
    rows = project.items.rows(found.items)
    items = [{"id": i, "state": queue.state_of(rows[i])} for i in found.items]
    _tell_events(project, items, rows)
    return {"event": found.newest, "items": items, **_around(project)}


def waiting(project: Stored) -> int:
    """How many items of the open query nobody has dealt with."""
    opened = project.queries.open()
    return len(opened.waiting) if opened else 0


def people(project: Stored) -> list[str]:
    """Who gave labels by hand, most labels first."""
    return project.queries.people()


def _around(project: Stored) -> dict[str, Any]:
    rounds = [{"round": number, "remaining": remaining} for number, remaining in project.queries.left()]
    return {"rounds": rounds, "disputed": len(project.queries.disputed()), "live": None if project.dense else live.state(project)}


def _tell_events(project: Stored, items: Sequence[dict[str, Any]], rows: Any = None) -> None:
    ids = [entry["id"] for entry in items]
    standing = project.queries.standing(ids)
    known = rows if rows is not None else project.items.rows(ids)
    for entry in items:
        entry["events"] = list(_told(standing[entry["id"]]))
        entry["disputed"] = known[entry["id"]]["disputed"]


def _told(events: Sequence[Event]) -> Iterable[dict[str, Any]]:
    for event in events[-MOST_EVENTS:]:
        yield {"id": event.id, "kind": event.kind, "value": event.value, "annotator": event.annotator, "round": event.round}
