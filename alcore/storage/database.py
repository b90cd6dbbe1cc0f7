"""One database: how it is opened, read and written, and what it refuses as a sentence. Knows no project and no table."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from alcore.errors import AlcoreError, DiskFull, Unavailable, of_machine
from alcore.storage import postgres
from alcore.storage.schema import MOVED, applied, identity, migrate

T = TypeVar("T")

ROWS = 5000  # rows of a block when there may be a million
CHUNK = 500  # values a statement: below SQLite's oldest limit of 999 variables
# Seconds to wait for a lock that another program holds: a million images that are read again are changed in one transaction, and whoever
# labels meanwhile waits for it.
PATIENCE = 120
GAP = 0.5  # of the time that a turn held the lock, in which others may have it
CONNECTION = 30  # seconds to wait for a free connection


class Database:
    """Safe to use from many threads; reads see one state, writes are one transaction.

    Args:
        url: an SQLAlchemy address; SQLite runs in WAL with full synchronisation, so what is committed survives the process. What PostgreSQL
            is told for the same promises stands in postgres.py.
        patience: seconds to wait for another program's lock.

    Raises:
        AlcoreError: in every method, for what the machine or another program refuses: a full disk, a lock, missing rights.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._write = threading.Lock()  # there is one writer; waiting here is fair, waiting in SQLite's busy handler is not
        team = postgres.address(url)
        try:
            self.engine = postgres.engine(team, patience, CONNECTION) if team else _sqlite(url, patience)
        except (sa.exc.ArgumentError, ModuleNotFoundError) as wrong:
            raise AlcoreError(f"ALCORE_DATABASE cannot be used: {wrong}. Give an SQLAlchemy address and install its driver.") from wrong
        self._reads, self._writes = (postgres.READ, postgres.WRITE) if team else ({}, {})
        try:
            self._migrate()
        except sa.exc.DatabaseError as wrong:
            cure = "its user may make tables in it" if team else "the file is an alcore database and writable"
            raise AlcoreError(f"the database {self.engine.url} cannot be opened: {wrong.orig}. Check that {cure}.") from wrong

    def _migrate(self) -> None:
        with self.write() as conn:
            migrate(conn)

    def check_writable(self) -> None:
        """Changes nothing, but by writing; SQLite opens a file that it may only read without a word."""
        with self.write() as conn:
            conn.execute(applied.update().values(applied=applied.c.applied))

    @property
    def shown(self) -> str:
        """Its address, without a password."""
        return str(self.engine.url)

    def identity(self) -> str:
        """The name of the workspace whose rows these are: the same wherever they are moved or restored to.

        Raises:
            AlcoreError: they were moved elsewhere.
        """
        with self.read() as conn:
            name = str(conn.scalar(sa.select(identity.c.name)))
        if name.startswith(MOVED):
            raise AlcoreError(f"the rows of {self.shown} were {name}: set ALCORE_DATABASE to that address")
        return name

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    @contextmanager
    def read(self, within: sa.Connection | None = None) -> Iterator[sa.Connection]:
        """One consistent state: that of the caller's transaction `within`, if there is one."""
        if within is not None:
            yield within
            return
        with self._told(), self.engine.connect() as conn:
            conn = conn.execution_options(**self._reads) if self._reads else conn
            with conn.begin():
                yield conn

    @contextmanager
    def write(self, within: sa.Connection | None = None) -> Iterator[sa.Connection]:
        """One transaction, or the caller's `within`: all of it or nothing."""
        if within is not None:
            yield within
            return
        with self._told(), self._write, self.engine.connect() as conn:
            conn = conn.execution_options(alcore_write=True, **self._writes)
            with conn.begin():
                yield conn

    @contextmanager
    def turn(self) -> Iterator[sa.Connection]:
        """`write`, for one of many in a row: whoever waits to write gets in before the next."""
        with self.write() as conn:
            started = time.monotonic()
            yield conn
        time.sleep(GAP * (time.monotonic() - started))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Says in a sentence what is nobody's bug; every other error passes."""
        try:
            yield
        except sa.exc.TimeoutError as wrong:
            raise Unavailable("the database has no free connection: too much is asked at once. Try again.") from wrong
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as wrong:
            told = self._trouble(wrong.orig)
            if told is None:
                raise
            raise told from wrong
        except sa.exc.DataError as wrong:
            if self.engine.dialect.name == "sqlite":
                raise
            raise postgres.refused(wrong.orig) from wrong

    def _trouble(self, wrong: BaseException | None) -> AlcoreError | None:
        if self.engine.dialect.name != "sqlite":
            return postgres.trouble(wrong, str(self.engine.url), self._patience)
        where = self.engine.url.database
        name = getattr(wrong, "sqlite_errorname", "")
        if name in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"):
            return DiskFull("the disk is full: nothing was stored. Free some space and try again.")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            held = f"another program has held the database {where} for {self._patience:g} s"
            return Unavailable(f"{held}. End that program, or try again when it is done.")
        if name.startswith("SQLITE_READONLY"):
            return Unavailable(
                f"the database {where} is read-only: nothing was stored. Make the file and its folder writable, or choose another "
                "workspace with --home or ALCORE_HOME."
            )
        if name.startswith("SQLITE_CANTOPEN"):
            return _no_handles() or Unavailable(
                f"the database {where} cannot be opened: its folder is missing or not writable. Put that right, or choose another "
                "workspace with --home or ALCORE_HOME."
            )
        if name.startswith("SQLITE_IOERR"):
            return _no_handles() or Unavailable(f"the disk does not read or write the database {where} ({name}). Check that disk.")
        return None


def _sqlite(url: str, patience: float) -> sa.Engine:
    options: dict[str, Any] = {"timeout": patience, "check_same_thread": False} if url.startswith("sqlite") else {}
    made = sa.create_engine(url, connect_args=options, pool_size=20, max_overflow=20, pool_timeout=CONNECTION)
    if url.startswith("sqlite"):
        sa.event.listen(made, "connect", _set_pragmas)
        sa.event.listen(made, "begin", _begin)
    return made


def _no_handles() -> Unavailable | None:
    """SQLite does not say why a file does not open; whether this process may open any is soon tried."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as wrong:
        return of_machine(wrong)
    return None


def _set_pragmas(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(conn: sa.Connection) -> None:
    # a transaction that reads first and writes later could fail half way: writers take the lock at once
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get("alcore_write") else "BEGIN")


def database_url(home: Path, configured: str | None) -> str:
    """The configured address, else SQLite inside the workspace."""
    return configured or f"sqlite:///{home / 'alcore.sqlite'}"


def new_id(inserted: sa.CursorResult[Any]) -> int:
    """The primary key an insert made."""
    return int((inserted.inserted_primary_key or [0])[0])


def blocks(rows: Iterable[T]) -> Iterator[list[T]]:
    """The rows a few thousand at a time."""
    rest = iter(rows)
    while part := list(islice(rest, ROWS)):
        yield part


def remove_in_turns(database: Database, table: sa.Table, which: sa.ColumnElement[bool]) -> None:
    """Removes the rows that are meant, a few thousand in a transaction."""
    key = list(table.primary_key.columns)
    meant: sa.ColumnElement[Any] = sa.tuple_(*key) if len(key) > 1 else key[0]
    some = table.delete().where(meant.in_(sa.select(*key).where(which).limit(ROWS)))
    left = True
    while left:
        with database.turn() as conn:
            left = bool(conn.execute(some).rowcount)


def parts(conn: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    """What a query finds, a few thousand rows at a time."""
    return conn.execute(streamed(query)).partitions()


def streamed(query: sa.Select[Any]) -> sa.Select[Any]:
    """The query with its rows fetched a few thousand at a time as they are asked for: PostgreSQL would else send all of them first."""
    return query.execution_options(yield_per=ROWS)


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values, as many at a time as a statement takes."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
