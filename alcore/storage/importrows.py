"""Items as an import brings them: all of a new project, or of one that is there what differs from its rows. Knows no file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alcore.storage.database import Database, blocks, chunks
from alcore.storage.items import Items
from alcore.storage.schema import items, skipped
from alcore.types import HELD, SLICE, Skipped

MOST = 100_000  # rows that differ that are held in memory
_VALUES = ("path", "split", "truth", "origin", "row", "width", "height", "fingerprint", "present")  # what an import says of an item


@dataclass(frozen=True)
class Difference:
    """How an import differs from the rows there are.

    Attributes:
        state: of these rows (Items.state): while it is the same, the difference is.
        rows: the import's, that are new or changed.
        gone: ids of items that are not in it.
    """

    state: Hashable
    rows: Sequence[Mapping[str, Any]]
    gone: Collection[int]


class ImportRows:
    """What imports write of the items of one project."""

    def __init__(self, database: Database, project_id: int) -> None:
        self._database, self._project = database, project_id

    def add(self, rows: Iterable[Mapping[str, Any]], aside: Iterable[Skipped], each: Callable[[int], None] = lambda stored: None) -> None:
        """All items of a project that nobody sees yet, in many transactions.

        Args:
            each: told after each of them how many are stored.
        """
        stored = 0
        for part in blocks(rows):
            with self._database.turn() as conn:
                conn.execute(items.insert(), [self._values(row) for row in part])
            stored += len(part)
            each(stored)
        for some in blocks(aside):
            with self._database.turn() as conn:
                self._set_aside(conn, some)

    def difference(self, rows: Iterable[Mapping[str, Any]], state: Hashable) -> Difference | None:
        """What `replace` would write, found without keeping anybody from writing; None where that is too much to hold.

        Args:
            state: of the rows there were (Items.state), before anything was looked at that `rows` depend on.
        """
        differs: list[Mapping[str, Any]] = []
        here: set[int] = set()
        with self._database.read() as conn:
            for part in blocks(rows):
                known = self._stored(conn, [row["path"] for row in part])
                here.update(was["id"] for was in known.values())
                differs += [row for row in part if self._change(row, known.get(row["path"]))]
                if len(differs) > MOST:
                    return None
            return None if state is None else Difference(state, differs, self._others(conn, here))

    def replace(
        self, conn: sa.Connection, rows: Iterable[Mapping[str, Any]], aside: Iterable[Skipped], gone: Collection[int] | None = None
    ) -> None:
        """All items of an import, inside the caller's transaction: known paths keep their id, missing ones are marked absent.

        `rows` and `aside` are read once and stored in blocks, so that a million need not exist at the same time. Rows that are as they were
        are not written: others may wait for this.

        Args:
            gone: the missing ones, where `rows` are those that differ alone.
        """
        change = items.update().where(items.c.id == sa.bindparam("b_id")).values({name: sa.bindparam(name) for name in _VALUES})
        here: set[int] = set()
        for part in blocks(rows):
            known = self._stored(conn, [row["path"] for row in part])
            here.update(was["id"] for was in known.values())
            fresh = [self._values(row) for row in part if row["path"] not in known]
            changed = [values for row in part if row["path"] in known and (values := self._change(row, known[row["path"]]))]
            if fresh:
                conn.execute(items.insert(), fresh)
                here.update(Items(self._database, self._project).ids_of([row["path"] for row in fresh], conn).values())
            if changed:
                conn.execute(change, changed)
        for some in chunks(sorted(self._others(conn, here) if gone is None else gone)):
            conn.execute(items.update().where(items.c.id.in_(some)).values(present=False))
        conn.execute(skipped.delete().where(skipped.c.project_id == self._project))
        for left in blocks(aside):
            self._set_aside(conn, left)

    def _change(self, row: Mapping[str, Any], was: sa.RowMapping | None) -> dict[str, Any]:
        """The values that an item gets and its id as `b_id`; none where they are what they were. Of a new item all of them, without one."""
        values = self._values(row)
        now = {name: values[name] for name in _VALUES}
        if was is None:
            return now
        # what was drawn or chosen to be tested on stays that, whatever the source says
        now["split"] = was["split"] if was["split"] in (SLICE, HELD) else now["split"]
        return {**now, "b_id": was["id"]} if any(now[name] != was[name] for name in _VALUES) else {}

    def _others(self, conn: sa.Connection, here: Collection[int]) -> list[int]:
        """Ids of the items that are there beside these."""
        there = conn.scalars(sa.select(items.c.id).where(items.c.project_id == self._project, items.c.present))
        return [id for id in there if id not in here]

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"origin": None, **row, "present": True, "project_id": self._project}

    def _stored(self, conn: sa.Connection, paths: Sequence[str]) -> dict[str, sa.RowMapping]:
        """path -> id and values, of those that are items."""
        found: dict[str, sa.RowMapping] = {}
        query = sa.select(items.c.id, *(items.c[name] for name in _VALUES)).where(items.c.project_id == self._project)
        for part in chunks(paths):
            found |= {was["path"]: was for was in conn.execute(query.where(items.c.path.in_(part))).mappings()}
        return found

    def _set_aside(self, conn: sa.Connection, some: Iterable[Skipped]) -> None:
        conn.execute(skipped.insert(), [{"project_id": self._project, "path": s.path, "reason": s.reason} for s in some])
