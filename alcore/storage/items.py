"""The rows of a project's items: what an import stored, and what was said of each. Knows no pixel."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from alcore.columns import KEPT_FROM, Known, Snapshot
from alcore.errors import NotFound
from alcore.files import kept_columns
from alcore.remembered import Remembered
from alcore.storage.database import Database, chunks, parts
from alcore.storage.schema import NOTED, annotation_rows, class_changes, current, items, of_project, projects, skipped
from alcore.types import HELD, HOLD, SLICE, SPLITS, Item, Skipped

LYING = "items.npz"
_MARKS = tuple(current.c[name] for name in ("label", "skipped", "flagged", "disputed", "annotator", "changed"))
FEW = 4  # projects whose items are remembered as they lie, without what people say of them: a million take 27 MB, and seconds to read

_lying = Remembered(FEW)


class Items:
    """The items of one project.

    Args:
        room: a folder for columns of many items, which are read from there in a tenth of a second after a start, from their rows in five.
    """

    def __init__(self, database: Database, project_id: int, room: Path | None = None) -> None:
        self._database, self._project, self._room = database, project_id, room

    def renamed(self, conn: sa.Connection, name: str, to: str) -> None:
        """What came with images is called otherwise by now, inside the caller's transaction; `origin` keeps what the source says."""
        mine = (items.c.project_id == self._project, items.c.truth == name)
        conn.execute(items.update().where(*mine).values(origin=sa.func.coalesce(items.c.origin, items.c.truth), truth=to))

    def came_as(self, conn: sa.Connection, name: str) -> int:
        """How many images came with a class, inside the caller's transaction."""
        mine = (items.c.project_id == self._project, items.c.truth == name)
        return int(conn.scalar(sa.select(sa.func.count()).select_from(items).where(*mine)) or 0)

    def named_again(self, conn: sa.Connection, today: Callable[[str], str | None]) -> None:
        """Gives the class that came with images the name it has now, inside the caller's transaction."""
        mine = (items.c.project_id == self._project, items.c.origin.is_not(None))
        for origin in conn.scalars(sa.select(items.c.origin).where(*mine).distinct()).all():
            conn.execute(items.update().where(*mine, items.c.origin == origin).values(truth=today(origin) or origin))

    def known(self) -> Known:
        """What an earlier import stored."""
        columns = (items.c.path, items.c.split, items.c.row, items.c.width, items.c.height, items.c.fingerprint, items.c.present)
        with self._database.read() as conn:
            return Known(parts(conn, sa.select(*columns).where(items.c.project_id == self._project)))

    def ids_of(self, paths: Sequence[str], within: sa.Connection | None = None) -> dict[str, int]:
        """path -> id of those that are items."""
        result: dict[str, int] = {}
        with self._database.read(within) as conn:
            for part in chunks(paths):
                query = sa.select(items.c.path, items.c.id).where(items.c.project_id == self._project)
                result.update(conn.execute(query.where(items.c.path.in_(part))).all())
        return result

    def fingerprints(self) -> dict[int, str]:
        """id -> fingerprint of every item's file as it was imported last."""
        with self._database.read() as conn:
            return dict(conn.execute(sa.select(items.c.id, items.c.fingerprint).where(items.c.project_id == self._project)).all())

    def sources(self) -> Iterator[Sequence[tuple[int, str, str, int]]]:
        """(id, path, fingerprint, row) of every present item, by id, in blocks."""
        query = sa.select(items.c.id, items.c.path, items.c.fingerprint, items.c.row)
        with self._database.read() as conn:
            for part in parts(conn, query.where(items.c.project_id == self._project, items.c.present).order_by(items.c.id)):
                yield [tuple(row) for row in part]

    def set_aside(self) -> list[Skipped]:
        with self._database.read() as conn:
            query = sa.select(skipped.c.path, skipped.c.reason).where(skipped.c.project_id == self._project).order_by(skipped.c.id)
            return [Skipped(path, reason) for path, reason in conn.execute(query)]

    def row(self, item_id: int, within: sa.Connection | None = None) -> dict[str, Any]:
        """The item's row with its current label, or NotFound."""
        found = self.rows([item_id], within)
        if not found:
            raise NotFound(f"there is no item {item_id} in this project")
        return found[item_id]

    def rows(self, ids: Sequence[int], within: sa.Connection | None = None) -> dict[int, dict[str, Any]]:
        """id -> row with label, skipped, flagged, partial, disputed, missing; ids of other projects are left out."""
        result: dict[int, dict[str, Any]] = {}
        state = (current.c.label, current.c.skipped, current.c.flagged, current.c.partial, current.c.disputed, current.c.missing)
        with self._database.read(within) as conn:
            for part in chunks([int(i) for i in ids]):
                query = sa.select(items, *state).outerjoin(current, current.c.item_id == items.c.id)
                for row in conn.execute(query.where(of_project(self._project), items.c.id.in_(part))).mappings():
                    marks = {mark: bool(row[mark]) for mark in ("skipped", "flagged", "partial", "disputed")}
                    result[row["id"]] = {**row, **marks, "missing": row["missing"] or 0}
        return result

    def snapshot(self, within: sa.Connection | None = None) -> Snapshot:
        """Every present item, by id: what a round freezes. The items are read once for each state of theirs, and then only what people
        said."""
        marks = (current.c.item_id, current.c.label, current.c.skipped, current.c.flagged, current.c.partial)
        with self._database.read(within) as conn:
            lying = self._lying(conn)
            said = parts(conn, sa.select(*marks).where(current.c.project_id == self._project).order_by(current.c.item_id))
            return lying.marked(said)

    def lying(self) -> Snapshot:
        """Every present item, by id, without what people said of it; one object for each state of theirs."""
        with self._database.read() as conn:
            return self._lying(conn)

    def _lying(self, conn: sa.Connection) -> Snapshot:
        """Every present item without what people said of it."""
        query = sa.select(items.c.id, items.c.split, items.c.truth, items.c.row)
        query = query.where(items.c.project_id == self._project, items.c.present).order_by(items.c.id)
        state = self.state(conn)
        if state is None:
            return Snapshot.of(parts(conn, query))
        return _lying.of(state, lambda: self._kept(repr(state), query, conn))

    def _kept(self, state: str, query: sa.Select[Any], conn: sa.Connection) -> Snapshot:
        count = sa.select(sa.func.count()).select_from(items).where(items.c.project_id == self._project)
        if self._room is None or int(conn.scalar(count) or 0) < KEPT_FROM:
            return Snapshot.of(parts(conn, query))
        return Snapshot.of_columns(kept_columns(self._room / LYING, state, lambda: Snapshot.of(parts(conn, query)).columns()))

    def state(self, conn: sa.Connection) -> Hashable:
        """What changes when the items do: with an import, with the name of a class, and when one comes into another split, by the newest
        event that says so and by how many are drawn and held out. None for a project that no import has made."""
        settings = conn.scalar(sa.select(projects.c.settings).where(projects.c.id == self._project))
        if not settings or "packed" not in settings:
            return None
        c = class_changes.c
        named = conn.execute(sa.select(c.id, c.created).where(c.project_id == self._project).order_by(c.id.desc()).limit(1)).first()
        count = sa.select(sa.func.count()).select_from(items).where(items.c.project_id == self._project, items.c.present)
        a = annotation_rows.c
        noted = sa.select(a.id, a.created).where(a.project_id == self._project, a.kind.in_((SLICE, HOLD)), sa.text(NOTED))
        newest = conn.execute(noted.order_by(a.id.desc()).limit(1)).first()
        placed = [conn.scalar(count.where(items.c.split == split)) for split in (SLICE, HELD)]
        # numbers are given again after a restore, moments are not
        return settings["folder"], settings["packed"], *(tuple(row) if row else None for row in (named, newest)), *placed

    def pool(self) -> list[Item]:
        query = sa.select(items.c.id, items.c.path, items.c.split, items.c.truth).where(
            items.c.project_id == self._project, items.c.present
        )
        with self._database.read() as conn:
            return [Item(*row) for row in conn.execute(query.order_by(items.c.id))]

    def paths(self) -> dict[int, str]:
        """id -> path, absent ones too: old rounds still name them."""
        with self._database.read() as conn:
            return dict(conn.execute(sa.select(items.c.id, items.c.path).where(items.c.project_id == self._project)).all())

    def slice(self) -> list[tuple[int, str | None, bool]]:
        """(id, label, open) of the items drawn to be tested on that are there, by id; open ones are neither labeled nor set aside."""
        query = sa.select(items.c.id, current.c.label, current.c.skipped, current.c.flagged)
        query = query.outerjoin(current, current.c.item_id == items.c.id).order_by(items.c.id)
        with self._database.read() as conn:
            found = conn.execute(query.where(items.c.project_id == self._project, items.c.present, items.c.split == SLICE)).all()
        return [(i, None if skip else label, label is None and not skip and not flag) for i, label, skip, flag in found]

    def held(self) -> list[int]:
        """Ids of the items that somebody held out and that are there, ascending."""
        mine = (items.c.project_id == self._project, items.c.present, items.c.split == HELD)
        with self._database.read() as conn:
            return list(conn.scalars(sa.select(items.c.id).where(*mine).order_by(items.c.id)))

    def facts(self) -> list[tuple[Any, ...]]:
        """(id, path, split, truth, label, annotator, round, time) of every item that is there, by id: the round its newest label was an
        answer to, and when it was last dealt with, in seconds since 1970; None where nobody has."""
        a = annotation_rows.c
        newest = sa.select(a.item_id, sa.func.max(a.id).label("id")).where(a.project_id == self._project, a.kind == "label")
        last = newest.group_by(a.item_id).subquery()
        query = sa.select(
            items.c.id, items.c.path, items.c.split, items.c.truth, current.c.label, current.c.annotator, a.round, current.c.changed
        )
        joined = items.outerjoin(current, current.c.item_id == items.c.id).outerjoin(last, last.c.item_id == items.c.id)
        joined = joined.outerjoin(annotation_rows, a.id == last.c.id)
        with self._database.read() as conn:
            found = conn.execute(query.select_from(joined).where(items.c.project_id == self._project, items.c.present).order_by(items.c.id))
            return [tuple(row) for row in found]

    def said(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        """(id, label, skipped, flagged, disputed, annotator, time) of every item that somebody said something of, by id, in blocks."""
        query = sa.select(current.c.item_id, *_MARKS).where(current.c.project_id == self._project).order_by(current.c.item_id)
        with self._database.read() as conn:
            for part in parts(conn, query):
                yield [tuple(row) for row in part]

    def states(self, ids: Sequence[int]) -> Iterator[Sequence[tuple[Any, ...]]]:
        """(id, split, label, skipped, flagged, disputed, annotator, time) of those of some items that are there, by id, in blocks. The last
        six are None where nobody said anything."""
        query = sa.select(items.c.id, items.c.split, *_MARKS).outerjoin(current, current.c.item_id == items.c.id)
        query = query.where(of_project(self._project), items.c.present).order_by(items.c.id)
        with self._database.read() as conn:
            for some in chunks(sorted(ids)):
                yield [tuple(row) for row in conn.execute(query.where(items.c.id.in_(some)))]

    def names(self) -> Iterator[list[tuple[int, str]]]:
        """(id, path) of every item that is there, by id, in blocks."""
        query = sa.select(items.c.id, items.c.path).where(items.c.project_id == self._project, items.c.present).order_by(items.c.id)
        with self._database.read() as conn:
            for part in parts(conn, query):
                yield [(row.id, row.path) for row in part]

    def labels(self, within: sa.Connection | None = None) -> dict[int, str]:
        """id -> current label, of those that have one."""
        query = sa.select(current.c.item_id, current.c.label).where(current.c.project_id == self._project, current.c.label.is_not(None))
        with self._database.read(within) as conn:
            return dict(conn.execute(query).all())

    def authors(self) -> dict[int, str]:
        """id -> who gave the current label, of those that have one."""
        mine = (current.c.project_id == self._project, current.c.label.is_not(None))
        with self._database.read() as conn:
            return dict(conn.execute(sa.select(current.c.item_id, current.c.annotator).where(*mine)).all())

    def annotators(self) -> list[str]:
        """Who gave a label that still stands, by name."""
        mine = (current.c.project_id == self._project, current.c.label.is_not(None))
        with self._database.read() as conn:
            return list(conn.scalars(sa.select(current.c.annotator).where(*mine).distinct().order_by(current.c.annotator)))

    def truths(self) -> dict[int, str]:
        """id -> the class the data came with, of those that are there and have one."""
        mine = (items.c.project_id == self._project, items.c.present, items.c.truth.is_not(None))
        with self._database.read() as conn:
            return dict(conn.execute(sa.select(items.c.id, items.c.truth).where(*mine)).all())

    def knows_truths(self) -> bool:
        """Whether any item that is there came with its class."""
        mine = (items.c.project_id == self._project, items.c.present, items.c.truth.is_not(None))
        with self._database.read() as conn:
            return conn.scalar(sa.select(items.c.id).where(*mine).limit(1)) is not None

    def labeled(self, given: bool = False) -> list[dict[str, Any]]:
        """The rows of all labeled items that are there, by id; with `given` those too that are held out, with the label they came with."""
        label, truth = current.c.label, items.c.truth
        columns = sa.func.coalesce(label, truth).label("label"), sa.func.coalesce(current.c.annotator, "given").label("annotator")
        query = sa.select(items, *columns).outerjoin(current, current.c.item_id == items.c.id)
        held_out = items.c.split.in_(("val", "test")) & truth.is_not(None) & sa.literal(given)
        with self._database.read() as conn:
            mine = (items.c.project_id == self._project, items.c.present, label.is_not(None) | held_out)
            found = conn.execute(query.where(*mine).order_by(items.c.id))
            return [dict(r) for r in found.mappings()]

    def unlabeled(self) -> list[dict[str, Any]]:
        """The rows of all items that are there without a label, by id, as `labeled` gives others: the annotator is who skipped it."""
        query = sa.select(items, current.c.label, current.c.annotator).outerjoin(current, current.c.item_id == items.c.id)
        with self._database.read() as conn:
            mine = (items.c.project_id == self._project, items.c.present, current.c.label.is_(None))
            return [dict(r) for r in conn.execute(query.where(*mine).order_by(items.c.id)).mappings()]

    def labeled_count(self) -> int:
        """How many items have a label: the same number as in `counts`."""
        query = sa.select(sa.func.count()).select_from(current)
        mine = (current.c.project_id == self._project, current.c.label.is_not(None), _in_pool())
        with self._database.read() as conn:
            return int(conn.scalar(query.where(*mine)) or 0)

    def counts(self) -> dict[str, Any]:
        """items, splits, labeled, partial of these, skipped, flagged, set_aside; labels and truth by class. Of the pool, except splits
        and `sliced`, how many of the test slice are labeled."""
        present = (items.c.project_id == self._project, items.c.present)
        joined = current.join(items, items.c.id == current.c.item_id)
        pool, count = (current.c.project_id == self._project, _in_pool()), sa.func.count()
        with self._database.read() as conn:
            found = sa.select(current.c.label, count).where(*pool, current.c.label.is_not(None)).group_by(current.c.label)
            labels: dict[str, int] = dict(conn.execute(found).all())
            said = (sa.func.sum(sa.case((mark, 1), else_=0)) for mark in (current.c.skipped, current.c.flagged, current.c.partial))
            marks = conn.execute(sa.select(*said).where(*pool)).one()
            splits, truth = _counted(self._lying(conn))
            aside = conn.scalar(sa.select(count).select_from(skipped).where(skipped.c.project_id == self._project))
            drawn = (*present, items.c.split == SLICE, current.c.label.is_not(None))
            sliced = conn.scalar(sa.select(count).select_from(joined).where(*drawn))
        return {
            "items": sum(splits.values()),
            "splits": splits,
            "labeled": sum(labels.values()),
            "labels": labels,
            "skipped": int(marks[0] or 0),
            "flagged": int(marks[1] or 0),
            "partial": int(marks[2] or 0),
            "truth": truth,
            "set_aside": int(aside or 0),
            "sliced": int(sliced or 0),
        }

    def label_moments(self, n: int) -> list[tuple[str, float]]:
        """Who gave the newest `n` labels, and when, in seconds since 1970, the newest first."""
        a = annotation_rows.c
        given = (a.project_id == self._project, a.kind.in_(("label", "mask", "region")), a.ms.is_not(None))
        with self._database.read() as conn:
            found = conn.execute(sa.select(a.annotator, a.created).where(*given).order_by(a.id.desc()).limit(n))
            return [(who, at) for who, at in found]

    def label_times(self) -> list[tuple[str, int]]:
        """(annotator, milliseconds) of every label event that says how long it took."""
        query = sa.select(annotation_rows.c.annotator, annotation_rows.c.ms).where(annotation_rows.c.project_id == self._project)
        with self._database.read() as conn:
            labels = annotation_rows.c.kind.in_(("label", "mask", "region"))
            return [tuple(r) for r in conn.execute(query.where(labels, annotation_rows.c.ms.is_not(None)))]


def _in_pool() -> sa.ColumnElement[bool]:
    """Whether the item that something was said of is there, in the pool. Not a join: SQLite would begin it with all items of the pool."""
    return sa.exists().where(items.c.id == current.c.item_id, items.c.present, items.c.split == "pool").correlate(current)


def _counted(lying: Snapshot) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """How many items are in each split that has any, and how many of these came with each class."""
    k = len(lying.names)
    table = np.bincount(lying.splits.astype(np.int64) * (k + 1) + lying.truths + 1, minlength=len(SPLITS) * (k + 1)).reshape(-1, k + 1)
    splits = {split: int(row.sum()) for split, row in zip(SPLITS, table, strict=True) if row.any()}
    truth = {
        split: {lying.names[at]: int(row[at + 1]) for at in np.flatnonzero(row[1:]).tolist()}
        for split, row in zip(SPLITS, table, strict=True)
        if row[1:].any()
    }
    return splits, truth
