"""The rows of accounts, invitations and what was done to them. What they mean is said in the room accounts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alcore.errors import BadInput
from alcore.storage.database import Database, new_id
from alcore.storage.schema import account_events, accounts, annotation_rows, invitations, signed_out

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Happened:
    """Something that was done to an account, or by one at the door."""

    time: float
    who: str
    what: str
    about: str
    details: str


class AccountRows:
    """The accounts of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def is_any(self) -> bool:
        """Whether one stands: made, and not ended."""
        with self.database.read() as conn:
            return conn.scalar(sa.select(accounts.c.id).where(accounts.c.ended.is_(None)).limit(1)) is not None

    def all(self, within: sa.Connection | None = None) -> list[Row]:
        """By name; those that have ended too."""
        with self.database.read(within) as conn:
            return [dict(row) for row in conn.execute(sa.select(accounts).order_by(accounts.c.folded)).mappings()]

    def row(self, column: str, value: Any, within: sa.Connection | None = None) -> Row | None:
        """The account with this value in a column that is unique."""
        with self.database.read(within) as conn:
            row = conn.execute(sa.select(accounts).where(accounts.c[column] == value)).mappings().first()
        return dict(row) if row else None

    def add(self, conn: sa.Connection, **values: Any) -> int:
        """A new account's number, inside the caller's transaction; BadInput when its name or address is another's."""
        try:
            return new_id(conn.execute(accounts.insert().values(**values, generation=1, created=time.time())))
        except sa.exc.IntegrityError:
            raise BadInput(f"there is an account {values['name']!r} already, or one with its address: choose another name") from None

    def set(self, conn: sa.Connection, account: int, *, anew: bool = False, **values: Any) -> None:
        """Changes an account, inside the caller's transaction; with `anew` what was handed out in its name is over."""
        if anew:
            values["generation"] = accounts.c.generation + 1
        try:
            conn.execute(accounts.update().where(accounts.c.id == account).values(**values))
        except sa.exc.IntegrityError:
            raise BadInput(f"the address {values.get('email')!r} is another account's") from None

    def leave(self, session: str, kept: float) -> None:
        """Notes that a session is over, and forgets those that ended more than `kept` seconds ago."""
        now = time.time()
        with self.database.write() as conn:
            conn.execute(signed_out.delete().where(signed_out.c.created < now - kept))
            if conn.scalar(sa.select(signed_out.c.session).where(signed_out.c.session == session)) is None:
                conn.execute(signed_out.insert().values(session=session, created=now))

    def has_left(self, session: str) -> bool:
        """Whether a session was ended."""
        with self.database.read() as conn:
            return conn.scalar(sa.select(signed_out.c.session).where(signed_out.c.session == session)) is not None

    def labeled(self, name: str) -> bool:
        """Whether somebody of this name stands in the journal of a project."""
        with self.database.read() as conn:
            return conn.scalar(sa.select(annotation_rows.c.id).where(annotation_rows.c.annotator == name).limit(1)) is not None

    # ---- invitations

    def invite(self, **values: Any) -> None:
        """Keeps an invitation."""
        with self.database.write() as conn:
            conn.execute(invitations.insert().values(**values, created=time.time()))

    def invitation(self, digest: str, within: sa.Connection | None = None) -> Row | None:
        """The open invitation of a secret with this digest."""
        wanted = sa.select(invitations).where(invitations.c.digest == digest, invitations.c.expires > time.time())
        with self.database.read(within) as conn:
            row = conn.execute(wanted).mappings().first()
        return dict(row) if row else None

    def invitations(self) -> Sequence[Row]:
        """The open ones, oldest first."""
        wanted = sa.select(invitations).where(invitations.c.expires > time.time()).order_by(invitations.c.id)
        with self.database.read() as conn:
            return [dict(row) for row in conn.execute(wanted).mappings()]

    def drop_invitations(self, conn: sa.Connection, column: str, value: Any) -> int:
        """Forgets those with this value in a column, inside the caller's transaction; how many they were."""
        return conn.execute(invitations.delete().where(invitations.c[column] == value)).rowcount

    # ---- what happened

    def note(self, conn: sa.Connection, who: str, what: str, about: str, details: str = "") -> None:
        """Writes down what is done, inside the caller's transaction."""
        conn.execute(account_events.insert().values(created=time.time(), who=who, what=what, about=about, details=details))

    def happened(self, most: int) -> list[Happened]:
        """The newest first."""
        e = account_events.c
        query = sa.select(e.created, e.who, e.what, e.about, e.details).order_by(e.id.desc()).limit(most)
        with self.database.read() as conn:
            return [Happened(*row) for row in conn.execute(query)]
