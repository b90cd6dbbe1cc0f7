"""What rounds asked for and what became of it: open and answered items, what changed lately, disputes. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from alcore.storage.classes import Classes
from alcore.storage.database import Database, chunks, streamed
from alcore.storage.events import answered_items, left_standing
from alcore.storage.lineage import Lineage
from alcore.storage.schema import DISPUTED, MISSING, NOTED, annotation_rows, current, events_of_query, items, of_project, queries, rounds
from alcore.types import AGAIN, FRAMES, HELD, NOTES, REMARK, SURE, WANTED

CHANGES = 1000  # events a look at what changed reads at most; the next look goes on from there
ROUNDS_BACK = 5  # how many rounds back unanswered items are looked for


@dataclass(frozen=True)
class OpenQuery:
    """A round's query: its round's number, items nobody has dealt with (best first), its size, how many were skipped or flagged, and the
    items somebody has dealt with, by the newest event first. `by_hand` of those that wait were asked for by a person: they come first.
    `aside` says of each that was skipped or flagged which of the two."""

    number: int
    waiting: list[int]
    total: int
    skipped: int
    flagged: int
    answered: tuple[int, ...] = ()
    by_hand: int = 0
    aside: Mapping[int, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Event:
    """An event of the journal that no undo took back; `at` is when it was stored, in seconds since 1970."""

    id: int
    kind: str
    value: str | None
    annotator: str
    round: int | None
    at: float = 0.0
    replaces: str | None = None
    opinions: int | None = None


@dataclass(frozen=True)
class Own:
    """What a person said of an item, and when, in seconds since 1970."""

    item: int
    kind: str
    value: str | None
    at: float
    round: int | None


@dataclass(frozen=True)
class Changes:
    """What happened after an event: the number of the newest event seen, items in the order of their last event."""

    newest: int
    items: list[int]


class Queries:
    """The queries of one project."""

    def __init__(self, database: Database, project_id: int) -> None:
        self._database, self._project = database, project_id

    def open(self, number: int | None = None, within: sa.Connection | None = None) -> OpenQuery | None:
        """The query of a round, or the newest one, with what was asked for by hand before it; None where there is none."""
        with self._database.read(within) as conn:
            mine = sa.select(rounds).where(rounds.c.project_id == self._project)
            mine = mine if number is None else mine.where(rounds.c.number == number)
            row = conn.execute(mine.order_by(rounds.c.number.desc()).limit(1)).first()
            if row is None:
                return None
            query = self._of(conn, row)
            newest = conn.scalar(sa.select(sa.func.max(rounds.c.number)).where(rounds.c.project_id == self._project))
            return self._with_wanted(conn, query) if row.number == newest else query

    def answered(self) -> tuple[int, ...]:
        """Every item that somebody has dealt with and that is there, by the newest event first, whatever round asked for it."""
        a = annotation_rows.c
        joined = current.join(items, items.c.id == current.c.item_id).join(annotation_rows, a.item_id == current.c.item_id)
        mine = (current.c.project_id == self._project, items.c.present, a.kind.not_in(NOTES))
        query = sa.select(current.c.item_id).select_from(joined).where(*mine)
        with self._database.read() as conn:
            return tuple(conn.scalars(query.group_by(current.c.item_id).order_by(sa.func.max(a.id).desc())))

    def wanted(self, within: sa.Connection | None = None) -> list[int]:
        """Items that somebody asked for by hand and nobody has dealt with, those that were asked for first at the head."""
        a, noted = annotation_rows.c, sa.text(NOTED)
        mine = (a.project_id == self._project, a.kind == WANTED, noted)
        newest = sa.select(sa.func.max(a.id)).where(*mine).group_by(a.item_id).scalar_subquery()
        joined = annotation_rows.join(items, items.c.id == a.item_id).outerjoin(current, current.c.item_id == a.item_id)
        skip, flag = (sa.func.coalesce(mark, False) for mark in (current.c.skipped, current.c.flagged))
        free = (items.c.present, items.c.split != HELD, current.c.label.is_(None), sa.not_(skip), sa.not_(flag))
        query = sa.select(a.item_id).select_from(joined).where(a.id.in_(newest), a.value.is_(None), *free)
        with self._database.read(within) as conn:
            return list(conn.scalars(query.order_by(a.id)))

    def sure(self) -> list[int]:
        """Items whose label somebody found right after it was given."""
        a, other = annotation_rows.c, annotation_rows.alias()
        found = sa.select(a.item_id, sa.func.max(a.id).label("id")).where(a.project_id == self._project, a.kind == SURE, sa.text(NOTED))
        sure = found.group_by(a.item_id).subquery()
        said = sa.select(sa.func.max(other.c.id)).where(other.c.item_id == sure.c.item_id, other.c.kind.not_in(NOTES)).scalar_subquery()
        query = sa.select(sure.c.item_id).where(sure.c.id > sa.func.coalesce(said, 0)).order_by(sure.c.item_id)
        with self._database.read() as conn:
            return list(conn.scalars(query))

    def remarks(self, ids: Sequence[int] | None = None) -> dict[int, str]:
        """id -> what stands on its note, of those that have one; of all items for None."""
        a = annotation_rows.c
        mine = (a.project_id == self._project, a.kind == REMARK, sa.text(NOTED))
        newest = sa.select(sa.func.max(a.id)).where(*mine).group_by(a.item_id)
        query = sa.select(a.item_id, a.value).where(a.value.is_not(None))
        result: dict[int, str] = {}
        with self._database.read() as conn:
            for part in [None] if ids is None else chunks([int(i) for i in ids]):
                some = newest if part is None else newest.where(a.item_id.in_(part))
                result.update(conn.execute(query.where(a.id.in_(some.scalar_subquery()))).all())
        return result

    def left(self) -> list[tuple[int, int]]:
        """(round, open items) of the newest rounds that have some, oldest first; the newest round is always among them."""
        with self._database.read() as conn:
            mine = sa.select(rounds).where(rounds.c.project_id == self._project).order_by(rounds.c.number.desc()).limit(ROUNDS_BACK)
            found = [self._of(conn, row) for row in conn.execute(mine).all()]
            if found:
                found[0] = self._with_wanted(conn, found[0])
        return [(query.number, len(query.waiting)) for at, query in enumerate(found) if query.waiting or at == 0][::-1]

    def disputed(self) -> list[int]:
        """Items that have two different answers, in the order they came to."""
        query = sa.select(current.c.item_id).join(items, items.c.id == current.c.item_id)
        query = query.where(current.c.project_id == self._project, sa.text(DISPUTED), items.c.present)
        with self._database.read() as conn:
            return list(conn.scalars(query.order_by(current.c.changed, current.c.item_id)))

    def newest_event(self, within: sa.Connection | None = None) -> int:
        """The number of the project's newest event, 0 before the first."""
        with self._database.read(within) as conn:
            newest = sa.select(annotation_rows.c.id).where(annotation_rows.c.project_id == self._project)
            return int(conn.scalar(newest.order_by(annotation_rows.c.id.desc()).limit(1)) or 0)  # found at the end, however many there are

    def changes(self, after: int) -> Changes:
        """Items with events after that number."""
        a = annotation_rows.c
        query = sa.select(a.id, a.item_id).where(a.project_id == self._project, a.id > after).order_by(a.id).limit(CHANGES)
        with self._database.read() as conn:
            found = conn.execute(query).all()
        last = {item: number for number, item in found}
        return Changes(found[-1][0] if found else after, sorted(last, key=lambda item: last[item]))

    def standing(self, ids: Sequence[int], within: sa.Connection | None = None) -> dict[int, list[Event]]:
        """id -> its events that no undo took back, oldest first."""
        a = annotation_rows.c
        by_item: dict[int, list[tuple[Any, ...]]] = {int(i): [] for i in ids}
        with self._database.read(within) as conn:
            lineage = Classes(self._database, self._project).lineage(conn)
            for part in chunks(list(by_item)):
                query = sa.select(a.item_id, a.kind, a.value, a.annotator, a.id, a.round, a.created, a.replaces, a.opinions)
                mine = (of_project(self._project, annotation_rows), a.item_id.in_(part))
                for item, kind, value, who, number, round_, at, replaces, opinions in conn.execute(query.where(*mine).order_by(a.id)):
                    value = lineage.today(value, number) if kind == "label" else value
                    by_item[item].append((kind, value, who, number, round_, at, lineage.today(replaces, number), opinions))
        return {
            item: [Event(number, kind, value, annotator, *more) for kind, value, annotator, number, *more in left_standing(events)]
            for item, events in by_item.items()
        }

    def half(self, annotator: str, client: str, within: sa.Connection | None = None) -> dict[int, int]:
        """id -> how many more opinions it takes, of the items that wait for some and have none of this person, whatever round asked for
        them, in the order they came to. What was answered from one window under two names has one person's answer."""
        a, mine = annotation_rows.c, annotation_rows.alias().c
        waits = (current.c.project_id == self._project, sa.text(MISSING), items.c.present, sa.not_(current.c.flagged))
        of_mine = (mine.item_id == current.c.item_id, (mine.annotator == annotator) | (mine.client == client))
        answered = sa.exists().where(*of_mine, mine.kind.in_(("label", "skip")))
        query = sa.select(current.c.item_id, current.c.missing).join(items, items.c.id == current.c.item_id)
        query = query.where(*waits).order_by(current.c.changed, current.c.item_id)
        with self._database.read(within) as conn:
            found = dict(conn.execute(query.where(sa.not_(answered))).all())
            undone = sa.exists().where(a.item_id == current.c.item_id, a.annotator == annotator, a.kind == "undo")
            again = dict(conn.execute(query.where(answered, undone)).all())
            standing = self.standing(list(again), conn) if again else {}
        free = (i for i, events in standing.items() if not any(e.annotator == annotator and e.kind in ("label", "skip") for e in events))
        return found | {i: again[i] for i in free}

    def missing(self) -> int:
        """How many items wait for more opinions."""
        query = sa.select(sa.func.count()).select_from(current.join(items, items.c.id == current.c.item_id))
        waits = (current.c.project_id == self._project, sa.text(MISSING), items.c.present, sa.not_(current.c.flagged))
        with self._database.read() as conn:
            return int(conn.scalar(query.where(*waits)) or 0)

    def answered_by(self, n: int) -> list[int]:
        """Items, ascending, of which at least `n` people gave a label that stands."""
        a = annotation_rows.c
        who = sa.func.count(a.annotator.distinct())
        query = sa.select(a.item_id).where(a.project_id == self._project, a.kind == "label").group_by(a.item_id).having(who >= n)
        with self._database.read() as conn:
            some = sorted(conn.scalars(query))  # an undo may have taken back one of them
            standing = self.standing(some, conn)
        return [i for i in some if len({event.annotator for event in standing[i] if event.kind == "label"}) >= n]

    def people(self) -> list[str]:
        """Who gave labels by hand, most labels first: those whose answers say how long they took."""
        a = annotation_rows.c
        query = sa.select(a.annotator).where(a.project_id == self._project, a.ms.is_not(None)).group_by(a.annotator)
        with self._database.read() as conn:
            return list(conn.scalars(query.order_by(sa.func.count().desc(), a.annotator)))

    def said(self) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
        """Each item with its events (kind, value, annotator, time, replaces, opinions, milliseconds), notes among them, oldest first."""
        a = annotation_rows.c
        query = sa.select(a.item_id, a.id, a.kind, a.value, a.annotator, a.created, a.replaces, a.opinions, a.ms)
        with self._database.read() as conn:
            lineage = Classes(self._database, self._project).lineage(conn)
            found = conn.execute(streamed(query.where(a.project_id == self._project).order_by(a.item_id, a.id)))
            for item, events in groupby(found, key=lambda row: row[0]):
                yield item, [_in_names_of_now(lineage, *event[1:]) for event in events]

    def own(self, annotator: str, n: int) -> list[Own]:
        """A person's newest `n` answers, undos and second answers, oldest first."""
        a = annotation_rows.c
        kinds = ("label", "skip", "undo", AGAIN)
        query = sa.select(a.item_id, a.kind, a.value, a.created, a.round)
        mine = (a.project_id == self._project, a.annotator == annotator, a.kind.in_(kinds))
        with self._database.read() as conn:
            return [Own(*row) for row in conn.execute(query.where(*mine).order_by(a.id.desc()).limit(n))][::-1]

    def _with_wanted(self, conn: sa.Connection, query: OpenQuery) -> OpenQuery:
        """The newest query with the items that were asked for by hand at its head."""
        wanted = self.wanted(conn)
        if not wanted:
            return query
        rest = [item for item in query.waiting if item not in set(wanted)]
        more = len(wanted) + len(rest) - len(query.waiting)
        return replace(query, waiting=[*wanted, *rest], total=query.total + more, by_hand=len(wanted))

    def _of(self, conn: sa.Connection, row: sa.Row[Any]) -> OpenQuery:
        state = (current.c.label, current.c.partial, current.c.skipped, current.c.flagged)
        joined = queries.join(items, items.c.id == queries.c.item_id).outerjoin(current, current.c.item_id == queries.c.item_id)
        columns = (queries.c.item_id, items.c.present, items.c.split, *state, current.c.changed)
        asked = conn.execute(sa.select(*columns).select_from(joined).where(queries.c.round_id == row.id).order_by(queries.c.position)).all()
        in_parts = row.train.get("query_unit", FRAMES) != FRAMES
        answered = answered_items(conn.execute(events_of_query(row.id)), row.number, row.created) if in_parts else set()
        # of an image that is asked for in parts, parts that were answered to an earlier round are no answer; a whole mask always is
        there = [r for r in asked if r.present]
        marked = [r for r in there if r.label is None or (in_parts and r.partial and r.item_id not in answered)]
        waiting = [r.item_id for r in marked if not r.skipped and not r.flagged and r.split != HELD]
        done = _newest_first((r for r in there if r.changed is not None), set(waiting))
        aside = {r.item_id: "skip" if r.skipped else "flag" for r in marked if r.skipped or r.flagged}
        skips = sum(kind == "skip" for kind in aside.values())
        return OpenQuery(row.number, waiting, len(asked), skips, len(aside) - skips, done, aside=aside)


def _in_names_of_now(lineage: Lineage, number: int, kind: str, value: str | None, who: str, at: float, saw: str | None, *more: Any) -> Any:
    """An event's (kind, value, annotator, time, replaces, ...) with the names that its classes have now."""
    value = lineage.today(value, number) if kind in ("label", AGAIN) else value
    return kind, value, who, at, lineage.today(saw, number), *more


def _newest_first(found: Iterable[Any], waiting: Collection[int]) -> tuple[int, ...]:
    """Items of the query that do not wait, by the time of their last event; of one moment, those that were asked for last come first."""
    done = [(r.changed, place, r.item_id) for place, r in enumerate(found) if r.item_id not in waiting]
    return tuple(item for _, _, item in sorted(done, reverse=True))
