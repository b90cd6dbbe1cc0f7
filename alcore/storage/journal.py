"""The journal of annotations and what follows from it: append-only events in, current labels out, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from alcore.storage.apart import Apart
from alcore.storage.classes import Classes
from alcore.storage.database import Database, chunks, streamed
from alcore.storage.events import MASK_KINDS, differs, fold, left_standing, row_of
from alcore.storage.items import Items
from alcore.storage.lineage import MERGE, Change, Lineage
from alcore.storage.schema import annotation_rows, current, items, masks, of_project
from alcore.types import AGAIN, EVENT_KINDS, Annotation

NAMES = ("label", AGAIN)  # kinds of events whose value is the name of a class


@dataclass(frozen=True)
class Taken:
    """What became of events.

    Attributes:
        acked: numbers of those that are stored.
        rejected: {"seq", "reason"} of those that cannot be.
        conflicts: {"seq", "item", "label", "annotator", "value"} of those among the stored that contradict what their author had not seen:
            the label there was, who gave it, and theirs (None for a skip).
    """

    acked: list[int] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)


class Journal:
    """The journal of one project.

    Args:
        answers: the kinds of event that answer what is asked of its images: ("label",), or those of masks.
    """

    def __init__(self, database: Database, project_id: int, answers: Collection[str] = ("label",)) -> None:
        self._database, self._project, self._answers = database, project_id, tuple(answers)
        self._classes = Classes(database, project_id)
        self.apart = Apart(database, project_id)

    def record(
        self, events: Sequence[Annotation], classes: Collection[str] = (), within: sa.Connection | None = None
    ) -> tuple[list[int], list[dict[str, Any]]]:
        """`take` for those who cannot contradict anybody: (acked, rejected)."""
        taken = self.take(events, classes, within)
        return taken.acked, taken.rejected

    def take(
        self, events: Sequence[Annotation], classes: Collection[str] = (), within: sa.Connection | None = None, *, own: bool = False
    ) -> Taken:
        """Stores what can be taken, in order, in one transaction that is committed before this returns.

        An event whose (client, seq) is stored already is acknowledged and not stored again. A class that its author knows by an earlier
        name is stored under the one it has now.

        Args:
            classes: what a label may be, as of when the caller looked. A mask or region names a stored mask of the image's size.
            within: the caller's transaction, which then stores all of it or nothing.
            own: an undo of somebody who said nothing of an image is refused; else it takes back what another said.
        """
        taken = Taken()
        now = time.time()
        with self._database.write(within) as conn:
            lineage = self._lineage(conn)
            if lineage:
                classes = self._classes.now(conn)
                events = [_in_names_of_now(event, lineage, classes) for event in events]
            there = self._items_there(conn, {e.item for e in events})
            stored = self._stored(conn, events)
            sizes = self._sizes_of_masks(conn, events)
            before = self._told(conn, {e.item for e in events if e.replaces is not None or (own and e.kind == "undo")})
            rows: list[dict[str, Any]] = []
            for event in events:
                if (event.client, event.seq) in stored:
                    taken.acked.append(event.seq)
                    continue
                reason = self._why_not(event, there, classes, sizes)
                if not reason and own and event.kind == "undo" and not _has_said(event.annotator, before[event.item]):
                    reason = "there is nothing of yours to take back"
                if reason:
                    taken.rejected.append({"seq": event.seq, "reason": reason})
                    continue
                stored.add((event.client, event.seq))
                taken.acked.append(event.seq)
                rows.append(row_of(event, self._project, now))
                if event.replaces is not None and not event.opinions:  # opinions are given without sight of one another
                    state = fold(before[event.item])
                    if state and differs(state, event.kind, event.value, event.replaces):
                        said = {"label": state["label"], "annotator": state["annotator"], "value": event.value}
                        taken.conflicts.append({"seq": event.seq, "item": event.item, **said})
                if event.item in before:
                    before[event.item].append((event.kind, event.value, event.annotator, now, event.replaces, event.opinions))
            if rows:
                conn.execute(annotation_rows.insert(), rows)
                self._derive(conn, sorted({row["item_id"] for row in rows}), before)
        return taken

    def note(self, kind: str, ids: Sequence[int], annotator: str, client: str, value: str | None = None) -> list[int]:
        """Notes something of images that says nothing of what is in them: one of NOTES, an event each. The ids that are there.

        An event whose (client, place) is stored already is not stored again.
        """
        now = time.time()
        with self._database.write() as conn:
            there = self._items_there(conn, {int(i) for i in ids})
            events = [Annotation(client, seq, int(i), kind, value, annotator=annotator) for seq, i in enumerate(ids, 1)]
            stored = self._stored(conn, events)
            rows = [row_of(e, self._project, now) for e in events if e.item in there and (e.client, e.seq) not in stored]
            if rows:
                conn.execute(annotation_rows.insert(), rows)
        return [int(i) for i in ids if int(i) in there]

    def renamed(self, conn: sa.Connection, change: Change) -> None:
        """What current labels are after a class was renamed or became part of another, inside the caller's transaction."""
        mine = (current.c.project_id == self._project, current.c.label == change.name)
        conn.execute(current.update().where(*mine).values(label=change.value))
        if change.kind != MERGE:
            return
        disputed = (current.c.project_id == self._project, current.c.label == change.value, current.c.disputed)
        a, names = annotation_rows.c, sorted(self._lineage(conn).names_before(change))
        of_several = (
            a.project_id == self._project,
            a.kind == "label",
            a.opinions.is_not(None),
            a.value.in_(names),
        )  # a majority may be another
        found = {*conn.scalars(sa.select(current.c.item_id).where(*disputed)), *conn.scalars(sa.select(a.item_id).where(*of_several))}
        self._derive(conn, sorted(found))

    def labeled_as(self, conn: sa.Connection, name: str) -> int:
        """How many images have a class now, inside the caller's transaction."""
        mine = (current.c.project_id == self._project, current.c.label == name)
        return int(conn.scalar(sa.select(sa.func.count()).select_from(current).where(*mine)) or 0)

    def derived_again(self, conn: sa.Connection, names: Collection[str]) -> None:
        """Derives the current labels of all items of which somebody ever said one of these names, inside the caller's transaction."""
        a = annotation_rows.c
        said = sa.select(a.item_id).where(a.project_id == self._project, a.kind == "label", a.value.in_(sorted(names))).distinct()
        self._derive(conn, sorted(conn.scalars(said)))

    def rebuild(self) -> int:
        """Derives every current label, and which images are tested on, anew from the journal; how many rows differed from the table
        before."""
        with self._database.write() as conn:
            drawn = self.apart.place(conn)
            mine = sa.select(items.c.id).where(items.c.project_id == self._project)
            before = {r.item_id: tuple(r) for r in conn.execute(sa.select(current).where(current.c.project_id == self._project))}
            conn.execute(current.delete().where(current.c.project_id == self._project))
            self._derive(conn, list(conn.scalars(mine)))
            after = {r.item_id: tuple(r) for r in conn.execute(sa.select(current).where(current.c.project_id == self._project))}
        return drawn + sum(before.get(i) != after.get(i) for i in before.keys() | after.keys())

    def differences(self) -> int:
        """How many current labels do not follow from the journal; 0 in a sound store. Changes nothing."""
        with self._database.read() as conn:
            stored = {
                r.item_id: (r.label, bool(r.partial), bool(r.disputed), bool(r.skipped), bool(r.flagged), r.missing)
                for r in conn.execute(sa.select(current).where(current.c.project_id == self._project))
            }
            states = self._states(conn, None)
            misplaced = self.apart.misplaced(conn)
        names = ("label", "partial", "disputed", "skipped", "flagged", "missing")
        derived = {i: tuple(s[name] for name in names) for i, s in states.items() if s}
        return misplaced + sum(stored.get(i) != derived.get(i) for i in stored.keys() | derived.keys())

    def events(self, limit: int | None = None, newest_first: bool = False) -> list[dict[str, Any]]:
        """The events with their items' paths, in the order they were stored unless `newest_first`."""
        order = annotation_rows.c.id.desc() if newest_first else annotation_rows.c.id
        query = sa.select(annotation_rows, items.c.path).join(items, items.c.id == annotation_rows.c.item_id)
        query = query.where(annotation_rows.c.project_id == self._project).order_by(order)
        with self._database.read() as conn:
            lineage = self._lineage(conn)
            return [_told_today(dict(r), lineage) for r in conn.execute(query.limit(limit) if limit else query).mappings()]

    def of_item(self, item_id: int) -> list[dict[str, Any]]:
        """An item's events, oldest first."""
        return self._rows(annotation_rows.c.item_id == item_id)

    def of_client(self, client: str) -> list[dict[str, Any]]:
        """The events that one client sent, in their order."""
        return self._rows(annotation_rows.c.client == client)

    def _rows(self, which: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        query = sa.select(annotation_rows).where(annotation_rows.c.project_id == self._project, which).order_by(annotation_rows.c.id)
        with self._database.read() as conn:
            lineage = self._lineage(conn)
            return [_told_today(dict(row), lineage) for row in conn.execute(query).mappings()]

    # ---- inside a transaction

    def begin(self, events: Sequence[Annotation], within: sa.Connection) -> None:
        """Stores labels that came with images which have no event yet: what follows from them needs no look into the journal, and a
        million of them may hold up nobody for long."""
        now = time.time()
        rows = [row_of(event, self._project, now) for event in events]
        if rows:
            within.execute(annotation_rows.insert(), rows)
            alike = {"item_id": 0, "project_id": self._project, **(fold([(events[0].kind, "", events[0].annotator, now)]) or {})}
            within.execute(current.insert(), [{**alike, "item_id": row["item_id"], "label": row["value"]} for row in rows])

    def untouched(self, paths: Iterable[str], within: sa.Connection) -> dict[str, int]:
        """path -> id of the items among `paths` that have no event."""
        ids = Items(self._database, self._project).ids_of(list(paths), within)
        touched: set[int] = set()
        for part in chunks(sorted(ids.values())):
            query = sa.select(annotation_rows.c.item_id).where(annotation_rows.c.item_id.in_(part))
            touched.update(within.scalars(query.distinct()))
        return {path: i for path, i in ids.items() if i not in touched}

    def told_of(self, paths: Sequence[str]) -> set[str]:
        """Those of `paths` whose items have an event."""
        with self._database.read() as conn:
            ids, fresh = Items(self._database, self._project).ids_of(list(paths), conn), self.untouched(paths, conn)
        return ids.keys() - fresh.keys()

    def _items_there(self, conn: sa.Connection, ids: set[int]) -> dict[int, tuple[int, int]]:
        """id -> width and height."""
        found: dict[int, tuple[int, int]] = {}
        for part in chunks(sorted(ids)):
            query = sa.select(items.c.id, items.c.width, items.c.height).where(of_project(self._project), items.c.id.in_(part))
            found.update({i: (width, height) for i, width, height in conn.execute(query).all()})
        return found

    def _sizes_of_masks(self, conn: sa.Connection, events: Sequence[Annotation]) -> dict[str, tuple[int, int]]:
        """digest -> width and height of the stored masks that events name."""
        found: dict[str, tuple[int, int]] = {}
        for part in chunks(sorted({e.value for e in events if e.kind in MASK_KINDS and e.value})):
            mine = (masks.c.project_id == self._project, masks.c.digest.in_(part))
            found.update({d: (w, h) for d, w, h in conn.execute(sa.select(masks.c.digest, masks.c.width, masks.c.height).where(*mine))})
        return found

    def _why_not(
        self, event: Annotation, there: Mapping[int, tuple[int, int]], classes: Collection[str], sizes: Mapping[str, tuple[int, int]]
    ) -> str | None:
        """Why an event cannot be stored; `there` and `sizes` are those of items and of stored masks."""
        if event.kind not in EVENT_KINDS:
            return f"unknown kind {event.kind!r}: use one of {', '.join(EVENT_KINDS)}"
        if event.item not in there:
            return f"there is no item {event.item} in this project"
        if event.kind in ("label", *MASK_KINDS) and event.kind not in self._answers:
            how = "one class each: send a label" if "label" in self._answers else "masks: send a mask"
            return f"this project's images are labeled by {how}"
        if event.opinions and event.kind in MASK_KINDS:
            return "a mask has one author: opinions are asked for classes"
        if event.kind == AGAIN and "label" not in self._answers:
            return "only classes are asked a second time"
        if (event.kind == "label" or (event.kind == AGAIN and event.value is not None)) and event.value not in classes:
            return f"{event.value!r} is not a class of this project"
        if event.kind in MASK_KINDS and sizes.get(event.value or "") != there[event.item]:
            return "there is no stored mask {!r} of {} x {} pixels".format(event.value, *there[event.item])
        return None

    def _stored(self, conn: sa.Connection, events: Sequence[Annotation]) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for client in {e.client for e in events}:
            for part in chunks([e.seq for e in events if e.client == client]):
                query = sa.select(annotation_rows.c.seq).where(
                    annotation_rows.c.project_id == self._project, annotation_rows.c.client == client
                )
                found.update((client, seq) for seq in conn.scalars(query.where(annotation_rows.c.seq.in_(part))))
        return found

    def _derive(self, conn: sa.Connection, ids: Sequence[int], told: Mapping[int, list[tuple[Any, ...]]] | None = None) -> None:
        """Makes the current labels of items what their events say.

        Args:
            told: all events of some of them, as `_told` gives them; the others' are read.
        """
        known, rows = told or {}, []
        for part in chunks(ids):
            conn.execute(current.delete().where(current.c.item_id.in_(part)))
            unread = [item for item in part if item not in known]
            states = {item: fold(known[item]) for item in part if item in known} | (self._states(conn, unread) if unread else {})
            rows += [{"item_id": item, "project_id": self._project, **state} for item, state in states.items() if state]
        if rows:
            conn.execute(current.insert(), rows)

    def _states(self, conn: sa.Connection, ids: Sequence[int] | None) -> dict[int, dict[str, Any] | None]:
        return {item: fold(events) for item, events in self._told(conn, ids).items()}

    def then(self, event: int, change: int) -> dict[int, dict[str, Any]]:
        """id -> the state (events.fold) that each item was in after an event, by the names that classes had after a change."""
        with self._database.read() as conn:
            told = self._told(conn, None, (event, change))
        return {item: state for item, events in told.items() if (state := fold(events))}

    def _told(
        self, conn: sa.Connection, ids: Collection[int] | None, until: tuple[int, int] | None = None
    ) -> dict[int, list[tuple[Any, ...]]]:
        """id -> (kind, value, annotator, time, replaces, opinions) of each of its events, oldest first; of all items for None, and up to an
        event and a change of the classes where these are given."""
        a = annotation_rows.c
        query = sa.select(a.id, a.item_id, a.kind, a.value, a.annotator, a.created, a.replaces, a.opinions)
        mine = a.project_id == self._project if ids is None else of_project(self._project, annotation_rows)
        query = query.where(mine).order_by(a.id)
        by_item: dict[int, list[tuple[Any, ...]]] = {int(i): [] for i in ids or ()}
        lineage = self._lineage(conn)
        if until is not None:
            query, lineage = query.where(a.id <= until[0]), lineage.until(until[1])
        for part in [None] if ids is None else chunks(sorted(ids)):
            found = conn.execute(streamed(query) if part is None else query.where(a.item_id.in_(part)))
            for number, item, *event in found if part is None else found.all():  # of a million events not all at once
                if lineage:
                    kind, value, annotator, created, replaces, opinions = event
                    value = lineage.today(value, number) if kind in NAMES else value
                    event = [kind, value, annotator, created, lineage.today(replaces, number), opinions]
                by_item.setdefault(item, []).append(tuple(event))
        return by_item

    def _lineage(self, conn: sa.Connection) -> Lineage:
        """What names of classes mean; empty where labels are masks, which name none."""
        return self._classes.lineage(conn) if "label" in self._answers else Lineage(())


def _has_said(annotator: str, events: Sequence[tuple[Any, ...]]) -> bool:
    return any(event[2] == annotator for event in left_standing(events))


def _in_names_of_now(event: Annotation, lineage: Lineage, classes: Collection[str]) -> Annotation:
    """An event by somebody who may not have heard of the newest changes of the classes."""
    now = tuple(classes)
    value = lineage.meant(event.value, now) or event.value if event.kind in NAMES and event.value else event.value
    return replace(event, value=value, replaces=lineage.meant(event.replaces, now) if event.replaces else event.replaces)


def _told_today(row: dict[str, Any], lineage: Lineage) -> dict[str, Any]:
    """An event's row with the names that its classes have now; `said` is what its author said."""
    said = {"said": row["value"]}
    if lineage and row["kind"] in NAMES:
        row["value"] = lineage.today(row["value"], row["id"])
    return row | said
