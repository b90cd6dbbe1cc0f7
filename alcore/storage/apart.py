"""Which images are kept apart to be tested on: drawn for the test slice, or held out by hand. Noted in the journal, from which the split of
each follows."""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa

from alcore.storage.database import Database, chunks
from alcore.storage.events import row_of
from alcore.storage.schema import NOTED, annotation_rows, current, items, of_project
from alcore.types import HELD, HOLD, NOT, SLICE, Annotation


class Apart:
    """The images of one project that are kept apart."""

    def __init__(self, database: Database, project_id: int) -> None:
        self._database, self._project = database, project_id

    def draw(self, ids: Sequence[int], annotator: str, client: str, before: int) -> bool:
        """Makes items of the pool ones that are tested on, for good, and notes it: an event each.

        Args:
            before: how many there were when these were chosen.

        Returns:
            False, and nothing is done, where others were drawn or one of these was dealt with since they were chosen.
        """
        now = time.time()
        with self._database.write() as conn:
            there = sa.select(sa.func.count()).select_from(items).where(items.c.project_id == self._project, items.c.split == SLICE)
            if conn.scalar(there.where(items.c.present)) != before:
                return False
            for part in chunks([int(i) for i in ids]):
                if conn.scalar(sa.select(current.c.item_id).where(current.c.item_id.in_(part)).limit(1)) is not None:
                    return False
            rows = [row_of(Annotation(client, seq, int(i), SLICE, annotator=annotator), self._project, now) for seq, i in enumerate(ids, 1)]
            if rows:
                conn.execute(annotation_rows.insert(), rows)
            self.place(conn)
            return True

    def hold(self, ids: Sequence[int], annotator: str, client: str, back: bool = False) -> list[int]:
        """Takes items out of the pool to be tested on, or puts such ones back into it, and notes it: an event each. The ids it was done to,
        which are those done before where a client comes again under its name."""
        now = time.time()
        place, other = (HELD, "pool") if back else ("pool", HELD)
        a = annotation_rows.c
        with self._database.write() as conn:
            before = list(conn.scalars(sa.select(a.item_id).where(a.project_id == self._project, a.client == client).order_by(a.seq)))
            if before:
                return before
            free: set[int] = set()
            mine = (of_project(self._project), items.c.present, items.c.split == place)
            for part in chunks([int(i) for i in ids]):
                free |= set(conn.scalars(sa.select(items.c.id).where(*mine, items.c.id.in_(part))))
                conn.execute(items.update().where(*mine, items.c.id.in_(part)).values(split=other))
            done = [int(i) for i in ids if int(i) in free]
            value = NOT if back else None
            events = [Annotation(client, seq, i, HOLD, value, annotator=annotator) for seq, i in enumerate(done, 1)]
            if events:
                conn.execute(annotation_rows.insert(), [row_of(event, self._project, now) for event in events])
            return done

    def _drawn(self) -> sa.ScalarSelect[int]:
        a = annotation_rows.c
        return sa.select(a.item_id).where(a.project_id == self._project, a.kind == SLICE).scalar_subquery()

    def _held(self) -> sa.ScalarSelect[int]:
        """Items whose newest word about it is that they are held out."""
        a, mine = annotation_rows.c, (annotation_rows.c.project_id == self._project, annotation_rows.c.kind == HOLD)
        newest = sa.select(sa.func.max(a.id)).where(*mine, sa.text(NOTED)).group_by(a.item_id).scalar_subquery()
        return sa.select(a.item_id).where(a.id.in_(newest), a.value.is_(None)).scalar_subquery()

    def _wrong(self) -> list[tuple[sa.ColumnElement[bool], str]]:
        """(which items, the split they should have) of those whose split does not follow from the journal."""
        mine, drawn, held = items.c.project_id == self._project, items.c.id.in_(self._drawn()), items.c.id.in_(self._held())
        return [
            (sa.and_(mine, drawn, items.c.split != SLICE), SLICE),
            (sa.and_(mine, held, items.c.split == "pool"), HELD),
            (sa.and_(mine, sa.not_(held), items.c.split == HELD), "pool"),
        ]

    def place(self, conn: sa.Connection) -> int:
        """Gives every item that the journal says was drawn or held out its split; how many had another."""
        return sum(int(conn.execute(items.update().where(which).values(split=split)).rowcount) for which, split in self._wrong())

    def misplaced(self, conn: sa.Connection) -> int:
        """How many items have a split that does not follow from the journal."""
        which = sa.or_(*(which for which, _ in self._wrong()))
        return int(conn.scalar(sa.select(sa.func.count()).select_from(items).where(which)) or 0)
