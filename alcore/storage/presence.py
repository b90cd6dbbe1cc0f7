"""Who has a project open, in which window, which image they look at and which were given to them. Kept in the database, so that every
process of a workspace sees the same; a window that says nothing for a minute is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from alcore.storage.database import Database
from alcore.storage.schema import presence

GONE = 60.0  # seconds without a word from a window
RENEWED = 15.0  # seconds after which a window that says the same is written down again
MOVED = 3.0  # and one that looks at another image: nobody watches it image by image
FORGOTTEN = 3600.0


@dataclass(frozen=True)
class Seat:
    """An open window: whose it is, when it last said a word (seconds since 1970), the image on its stage, and those given to it that nobody
    else is to be shown, in the order in which they were given."""

    client: str
    annotator: str
    seen: float
    item: int | None = None
    held: tuple[int, ...] = ()


class Presence:
    """The open windows of one project."""

    def __init__(self, database: Database, project_id: int) -> None:
        self._database, self._project = database, project_id

    def seats(self, now: float, within: sa.Connection | None = None) -> list[Seat]:
        """Those that are there, by the name of their person."""
        p = presence.c
        query = sa.select(p.client, p.annotator, p.seen, p.item_id, p.held).where(p.project_id == self._project, p.seen > now - GONE)
        with self._database.read(within) as conn:
            return [
                Seat(c, who, seen, item, tuple(held)) for c, who, seen, item, held in conn.execute(query.order_by(p.annotator, p.client))
            ]

    def beat(self, client: str, annotator: str, item: int | None, now: float) -> bool:
        """A window says that it is there; True where it had been taken for gone, so that nothing is held for it any more."""
        before = next((seat for seat in self.seats(now) if seat.client == client and seat.annotator == annotator), None)
        if before and now - before.seen < (RENEWED if before.item == item else MOVED):
            return False
        with self._database.write() as conn:
            before = next((seat for seat in self.seats(now, conn) if seat.client == client and seat.annotator == annotator), None)
            self.sit(Seat(client, annotator, now, item, before.held if before else ()), conn)
        return before is None

    def leave(self, client: str) -> None:
        """A window is closed: what it held is free."""
        with self._database.write() as conn:
            conn.execute(presence.delete().where(presence.c.project_id == self._project, presence.c.client == client))

    def sit(self, seat: Seat, within: sa.Connection) -> None:
        """Writes a window down as it is now, and forgets those that are long gone."""
        mine = presence.c.project_id == self._project
        old = (presence.c.client == seat.client) | (presence.c.seen < seat.seen - FORGOTTEN)
        within.execute(presence.delete().where(mine, old))
        values = {"client": seat.client, "annotator": seat.annotator, "seen": seat.seen, "item_id": seat.item, "held": list(seat.held)}
        within.execute(presence.insert().values(project_id=self._project, **values))


def others(seats: Sequence[Seat], annotator: str) -> list[tuple[str, int | None]]:
    """(name, the image they look at) of each other person who is there, once; of several windows the one that spoke last counts."""
    last = {seat.annotator: seat for seat in sorted(seats, key=lambda seat: seat.seen) if seat.annotator != annotator}
    return [(name, last[name].item) for name in sorted(last)]
