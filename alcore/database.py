"""Connections to a database: its address, how they are set up, and how transactions begin. Knows no table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alcore.errors import AlcoreError


def connected(url: str) -> sa.Engine:
    """The engine of an SQLAlchemy address; SQLite runs in WAL with full synchronisation, so what is committed survives the process."""
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {"timeout": 120, "check_same_thread": False} if sqlite else {}
    try:
        engine = sa.create_engine(url, connect_args=options, pool_size=20, max_overflow=20)
    except (sa.exc.ArgumentError, ModuleNotFoundError) as wrong:
        raise AlcoreError(f"ALCORE_DATABASE cannot be used: {wrong}. Give an SQLAlchemy address and install its driver.") from wrong
    if sqlite:
        sa.event.listen(engine, "connect", _set_pragmas)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    # an import stores a million images with their labels in one transaction: whoever labels meanwhile waits for it
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=120000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(conn: sa.Connection) -> None:
    # a transaction that reads first and writes later could fail half way: writers take the lock at once
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get("alcore_write") else "BEGIN")


def database_url(home: Path, configured: str | None) -> str:
    """The configured address, else SQLite inside the workspace."""
    return configured or f"sqlite:///{home / 'alcore.sqlite'}"
