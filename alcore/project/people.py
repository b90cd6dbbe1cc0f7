"""Who labels a project: how much each has said, how fast, when last, how far they agree with the others and with themselves. Knows no page
and no route."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from alcore.measures import agreement
from alcore.measures.agreement import Agreement
from alcore.project import again, goals
from alcore.project.again import Steady
from alcore.project.stored import Stored
from alcore.storage.events import left_standing
from alcore.storage.presence import others
from alcore.types import AGAIN, NOTES

PAUSE = 300.0  # seconds without a word: from there on it is no part of a session
LONGEST = 120_000  # milliseconds an answer may take and still say how fast somebody is
LABELS = ("label", "mask", "region")


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        name: as they gave it.
        labels, skipped, flags: images they labeled, skipped, flagged, without what they took back.
        an_hour: labels an hour over their sessions, without pauses; None before that can be told.
        seconds: the median time from seeing an image to its label, in seconds; None without any.
        seen: when they said something last, in seconds since 1970.
        here: whether they have the project open at this moment.
        agrees: with all others together; None for somebody alone.
        steady: with themselves, on what was asked again; None where nothing was.
    """

    name: str
    labels: int
    skipped: int
    flags: int
    an_hour: float | None
    seconds: float | None
    seen: float
    here: bool
    agrees: Agreement | None
    steady: Steady | None


@dataclass(frozen=True)
class Crew:
    """All who label a project, most labels first, and how far they agree with one another; None for one person alone."""

    people: tuple[Person, ...]
    agreement: Agreement | None
    pairs: tuple[Agreement, ...]


@dataclass
class _Told:
    """What one person said, as it is gathered."""

    labels: set[int] = field(default_factory=set)
    skips: set[int] = field(default_factory=set)
    flags: set[int] = field(default_factory=set)
    moments: list[tuple[float, bool]] = field(default_factory=list)
    took: list[int] = field(default_factory=list)
    by_hand: bool = False
    independent: dict[int, str] = field(default_factory=dict)
    first: list[tuple[int, str]] = field(default_factory=list)
    second: list[tuple[int, str | None]] = field(default_factory=list)


def crew(project: Stored, now: float | None = None) -> Crew:
    """Everybody who gave answers by hand, as things stand now."""
    told: dict[str, _Told] = {}
    for item, events in project.queries.said():
        _gather(told, item, events)
    hands = {name: one for name, one in told.items() if one.by_hand}
    here = {name for name, _ in others(project.presence.seats(time.time() if now is None else now), "")}
    said = {name: one.independent for name, one in hands.items() if one.independent}
    found = sorted((_person(name, one, said, name in here) for name, one in hands.items()), key=lambda p: (-p.labels, p.name))
    names = [p.name for p in found if p.name in said]
    every = agreement.of_all({name: said[name] for name in names}) if len(names) > 1 else None
    pairs = [agreement.of_two((a, said[a]), (b, said[b])) for at, a in enumerate(names) for b in names[at + 1 :]] if len(names) > 2 else []
    return Crew(tuple(found), every, tuple(sorted((p for p in pairs if p.tells), key=lambda p: p.share or 0.0)))


def _person(name: str, one: _Told, said: Mapping[str, Mapping[int, str]], here: bool) -> Person:
    a_minute = goals.tempo(sorted(one.moments), PAUSE)
    return Person(
        name,
        len(one.labels),
        len(one.skips),
        len(one.flags),
        None if a_minute is None else 60 * a_minute,
        median(one.took) / 1000 if one.took else None,
        max(at for at, _ in one.moments),
        here,
        agreement.with_others(name, said),
        again.steady(one.first, one.second),
    )


def _gather(told: dict[str, _Told], item: int, events: Sequence[tuple[Any, ...]]) -> None:
    """Adds what was said of one item, oldest first, to what its authors said."""
    for kind, value, who, at, _, _, ms in events:
        one = told.setdefault(who, _Told()) if kind == AGAIN or kind not in NOTES else None
        if one is None:
            continue
        if kind == AGAIN:
            one.second.append((item, value))
        one.by_hand |= ms is not None
        if kind != "undo":
            one.moments.append((at, kind in LABELS or kind == AGAIN))
        if kind in LABELS and ms is not None and ms <= LONGEST:
            one.took.append(ms)
    standing = left_standing(events)
    for kind, value, who, *_ in standing:
        one = told[who]
        {**dict.fromkeys(LABELS, one.labels), "skip": one.skips, "flag": one.flags}[kind].add(item)
        if kind == "label":
            one.first.append((item, value))
    for who, label in independent(standing):
        told[who].independent[item] = label


def independent(standing: Iterable[tuple[Any, ...]]) -> list[tuple[str, str]]:
    """(who, class) of the answers to one image that were given without sight of anybody else's, of its events that stand (kind, value,
    annotator, time, replaces, opinions): a person's newest counts. What a script said counts for nobody."""
    found: dict[str, str] = {}
    labeled: set[str] = set()
    for kind, value, who, _, replaces, opinions, *_ in standing:
        if kind != "label":
            continue
        is_own = labeled <= {who}  # whatever they saw there was their own
        if opinions or replaces == "" or (replaces is not None and is_own):
            found[who] = value
        labeled.add(who)
    return list(found.items())
