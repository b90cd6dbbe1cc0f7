"""What PostgreSQL wants to be told so that it keeps the same promises as SQLite. Knows no table.

Reads see one state (REPEATABLE READ), and there is one writer at a time over all processes: each transaction that writes first takes a lock
of the database's schema, as SQLite's BEGIN IMMEDIATE does. So what a writer has looked at stays as it is until it has written, nothing
ever fails for a serialization, and the numbers of the journal's events are in the order of their commits: whoever has seen event n, in
whatever process, has seen all before it.
"""

from __future__ import annotations

import select
from typing import Any

import sqlalchemy as sa

from alcore.errors import AlcoreError, BadInput, DiskFull, Unavailable, one_line

DRIVER = "postgresql+psycopg"
CONNECTIONS = 10  # that are kept open, and as many again for a while: five processes share the 100 a server has by default
READ = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
WRITE = {"isolation_level": "READ COMMITTED"}  # a writer sees what was committed before it got the lock
WRITER = "SELECT set_config('lock_timeout', %(patience)s, true), pg_advisory_xact_lock(hashtext('alcore'), hashtext(current_schema()))"
FULL, LOCKED, UNREADY = "53100", "55P03", ("08", "53", "57", "58", "XX")  # SQLSTATE: the last are beginnings of classes


def address(url: str) -> str | None:
    """The address with the driver that is at hand, where it names none; None for one of another database."""
    scheme, rest = url.partition("://")[::2]
    if scheme in ("postgres", "postgresql"):
        return f"{DRIVER}://{rest}"
    return url if scheme.startswith("postgresql+") else None


def engine(url: str, patience: float, wait: float) -> sa.Engine:
    """Connections that are looked at before they are used: a server that was restarted meanwhile is met again.

    Args:
        patience: seconds to wait for another writer.
        wait: seconds to wait for a free connection.
    """
    made = sa.create_engine(url, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, pool_timeout=wait)

    def begin(conn: sa.Connection) -> None:
        if conn.get_execution_options().get("alcore_write"):
            conn.exec_driver_sql(WRITER, {"patience": f"{max(1, round(patience * 1000))}ms"})

    sa.event.listen(made, "begin", begin)
    sa.event.listen(made, "checkout", _check_open)
    return made


def _check_open(connection: Any, record: Any, proxy: Any) -> None:
    """A server that is gone has closed its end: there is something to read where nothing was asked. Costs no message, as a ping would."""
    look = select.poll()  # select() takes no number past 1,023
    look.register(connection.fileno(), select.POLLIN)
    if look.poll(0):
        raise sa.exc.InvalidatePoolError("the server has closed the connection")


def trouble(wrong: BaseException | None, where: str, patience: float) -> AlcoreError | None:
    """What the server refuses as a sentence with its cure; None for what is a bug.

    Args:
        where: the database's address without its password.
    """
    state = getattr(wrong, "sqlstate", None)
    said = one_line(str(wrong).partition("\n")[0], 120)
    if state == FULL:
        return DiskFull("the disk of the database is full: nothing was stored. Free some space and try again.")
    if state == LOCKED:
        return Unavailable(f"another program has written to the database {where} for {patience:g} s. Try again when it is done.")
    if state is None or state.startswith(UNREADY):
        return Unavailable(f"the database {where} does not answer ({said}). Nothing is lost: try again once it runs.")
    return None


def refused(wrong: BaseException | None) -> BadInput:
    """A value that no column takes, as a sentence."""
    return BadInput(f"the database cannot store this: {one_line(str(wrong).partition(chr(10))[0], 160)}. Leave that out.")
