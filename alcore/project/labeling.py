"""What the labeling page reads beyond the queue: what was answered, by whom, what others change meanwhile, what they disagree on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from alcore.project import again, live, queue, sharing
from alcore.project.stored import Stored
from alcore.storage.events import fold
from alcore.storage.presence import others
from alcore.storage.queries import Event, OpenQuery

MOST_EVENTS = 20  # of an item, newest last; nobody takes back more one by one


@dataclass(frozen=True)
class Window:
    """Who asks, and from which open page: its name (the `client` of what it sends). `most` is how many items are kept for it at a time
    where people share the queue out, as many as it asks for where it is None."""

    annotator: str
    client: str
    most: int | None = None


def query(project: Stored, n: int, number: int | None = None, done: int = 0, skip: int = 0, window: Window | None = None) -> dict[str, Any]:
    """The queue of a round (the newest for None), and what is needed to go back in it.

    Args:
        n: how many of the items that wait.
        done: how many of those that somebody has dealt with, the newest, in the order they were answered.
        skip: leaves out so many of the newest of them.
        window: of somebody who is at the page: where people share the queue out, they get what is theirs, and it is kept for them.

    Raises:
        NotFound: there is no such round.

    Returns:
        What queue.queue tells, and `done` (items), `answered` (how many there are in all), `event` (number of the newest event of the
        project), `rounds` (round and open items of the rounds that have some), `disputed` (how many items have two answers), `live`
        (live.state), `mode` (sharing.Settings.mode). Each item has its `events` and `disputed` too, and `opinions` where this person is to
        answer it without sight of the others. Where the queue is shared out, `free` is how many of those that wait are there for this
        window, and `elsewhere` of how many others are on or have to answer. An item with `again` is asked a second time, as each
        `every`-th may be; `more` says how many of these are among the items.
    """
    newest = project.queries.newest_event()  # before all else: what happens while this is read is told as a change
    number = None if number is None else project.round(number).number
    chosen = sharing.settings(project)
    share = None
    if window and chosen.mode != "shared":
        share = sharing.share(project, number, n if window.most is None else min(n, window.most), window.annotator, window.client)
    opened = share.opened if share else project.queries.open(number)
    viewer = window.annotator if window else None
    answer = queue.queue(project, n, opened, None if share is None else share.items, viewer)
    # where rounds follow each other within a minute, what was answered to the one before is what a person goes back to
    answered = (project.queries.answered() if live.settings(project).on else opened.answered) if opened else ()
    if share and share.mine:
        answered = tuple(i for i in answered if i not in share.mine)
    back = answered[skip : skip + done][::-1]
    answer["done"] = queue.describe(project, project.round(opened.number), back, viewer) if opened and back else []
    answer["answered"] = len(answered)
    _tell_events(project, [*answer["items"], *answer["done"]], window, chosen)
    if share and opened:
        answer |= {"free": share.free, "elsewhere": share.elsewhere}
        if chosen.opinions > 1:
            answer |= _own_counts(opened, share, project.queries.missing())
    if window and chosen.again and opened:
        _ask_again(project, answer, window.annotator)
    return answer | {"event": newest, "mode": chosen.mode, **_around(project)}


def _own_counts(opened: OpenQuery, share: sharing.Share, missing: int) -> dict[str, int]:
    """How far one person is, where each answers for themselves: what they still have to answer is open, whoever has answered it."""
    settled = [i for i in opened.answered if i not in share.mine]
    aside = [opened.aside[i] for i in settled if i in opened.aside]
    waiting = len(share.mine - set(opened.waiting))  # of others' answers, this person's opinion is missing
    counts = {"remaining": len(share.mine), "total": len(share.mine) + len(settled)}
    counts |= {"skipped": aside.count("skip"), "flagged": aside.count("flag")}
    return counts | {"elsewhere": share.elsewhere + max(0, missing - waiting)}


def _ask_again(project: Stored, answer: dict[str, Any], annotator: str) -> None:
    """Puts images that this person answered before among the others: each as it was told then, without what was said of it."""
    ready = again.due(project, annotator, time.time())
    asked = answer["items"]
    places = again.places(len(asked), ready.since, len(ready.items))
    rounds = {r.number: r for r in project.rounds()}
    for at, (item, number) in reversed(list(zip(places, ready.items, strict=False))):
        (entry,) = queue.describe(project, rounds.get(number), [item], annotator)
        entry |= {"id": -item, "again": item, "events": [], "disputed": False, "state": dict(UNSAID)}
        asked.insert(at, entry)
    answer |= {"free": answer["free"] + len(places)} if "free" in answer else {}
    answer |= {"more": len(places), "every": again.EVERY}


UNSAID = {"label": None, "skipped": False, "flagged": False}


def review(project: Stored, n: int) -> dict[str, Any]:
    """The items that have two answers, in the shape of `query`."""
    newest = project.queries.newest_event()
    ids = project.queries.disputed()
    answer = queue.queue(project, 0) | {"round": None, "remaining": len(ids), "total": len(ids), "skipped": 0, "flagged": 0}
    answer["items"] = queue.describe(project, project.newest_round(), ids[:n])
    _tell_events(project, answer["items"])
    return answer | {"done": [], "answered": 0, "event": newest, "mode": sharing.settings(project).mode, **_around(project)}


def changes(project: Stored, after: int, window: Window | None = None, on: int | None = None) -> dict[str, Any]:
    """What happened after an event: `event` (the number to ask with next), `items` (id, state, events, disputed, opinions), and the rounds,
    disputes and live state there are now.

    Args:
        window: of somebody who is at the page; noted, so that others see it.
        on: the item on their stage.

    Returns:
        `mode` too, and with a window `people` (name, item: who else is here, and what they look at) and `lapsed`: the window had been taken
        for gone, and has to ask for its items anew.
    """
    chosen = sharing.settings(project)
    lapsed, now = False, time.time()
    if window:
        lapsed = project.presence.beat(window.client, window.annotator, on, now) and chosen.mode != "shared"
    found = project.queries.changes(after)
    rows = project.items.rows(found.items)
    items = [{"id": i, "state": queue.state_of(rows[i])} for i in found.items]
    _tell_events(project, items, window, chosen, rows)
    answer = {"event": found.newest, "items": items, "mode": chosen.mode, **_around(project)}
    if window:
        people = others(project.presence.seats(now), window.annotator)
        answer |= {"lapsed": lapsed, "people": [{"name": name, "item": item} for name, item in people]}
    return answer


def waiting(project: Stored) -> int:
    """How many items of the open query nobody has dealt with."""
    opened = project.queries.open()
    return len(opened.waiting) if opened else 0


def people(project: Stored) -> list[str]:
    """Who gave labels by hand, most labels first."""
    return project.queries.people()


def _around(project: Stored) -> dict[str, Any]:
    rounds = [{"round": number, "remaining": remaining} for number, remaining in project.queries.left()]
    told = {"rounds": rounds, "disputed": len(project.queries.disputed()), "classes_at": project.class_rows.newest()}
    return {**told, "live": None if project.dense else live.state(project)}


def _tell_events(
    project: Stored,
    items: Sequence[dict[str, Any]],
    window: Window | None = None,
    chosen: sharing.Settings = sharing.Settings(),  # noqa: B008
    rows: Any = None,
) -> None:
    """Adds to each item what was said of it, as far as this person is to see it."""
    ids = [entry["id"] for entry in items]
    standing = project.queries.standing(ids)
    known = rows if rows is not None else project.items.rows(ids)
    for entry in items:
        row, events = known[entry["id"]], standing[entry["id"]]
        entry["disputed"] = row["disputed"]
        if window and chosen.opinions > 1:
            events, is_blind = sharing.seen_by(events, window.annotator, row["missing"])
            if is_blind:
                entry |= {"opinions": chosen.opinions, "disputed": False, "state": _state(events)}
        entry["events"] = list(_told(events))


def _state(events: Sequence[Event]) -> dict[str, Any]:
    left = fold((e.kind, e.value, e.annotator, e.at, e.replaces, e.opinions) for e in events)
    return {name: left[name] for name in UNSAID} if left else dict(UNSAID)


def _told(events: Sequence[Event]) -> Iterable[dict[str, Any]]:
    for event in events[-MOST_EVENTS:]:
        told = {"id": event.id, "kind": event.kind, "value": event.value, "annotator": event.annotator, "round": event.round}
        yield told | {"at": event.at}
