"""All rows of a workspace from one database into another, compared row by row: from SQLite to PostgreSQL, and back. Knows no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alcore.errors import AlcoreError, BadInput
from alcore.storage.database import Database, blocks, parts
from alcore.storage.schema import MOVED, annotation_rows, applied, identity, meta

JOURNAL = annotation_rows.name


@dataclass(frozen=True)
class Content:
    """What a database holds: table -> rows, and table -> a digest of every value in them."""

    rows: dict[str, int]
    digests: dict[str, str]


def content(database: Database, within: sa.Connection | None = None) -> Content:
    """The same for the same rows, whatever kind of database they are in."""
    rows, digests = {}, {}
    with database.read(within) as conn:
        for table in meta.sorted_tables:
            made, count = hashlib.sha256(), 0
            for row in _rows(conn, table):
                made.update(_line(table, row))
                count += 1
            rows[table.name], digests[table.name] = count, made.hexdigest()
    return Content(rows, digests)


def move(source: Database, target: Database) -> Content:
    """Puts every row of `source` into `target`, which is new, and leaves a note in `source` that they are gone; it cannot be opened again.

    Nothing is changed in either unless both hold the same rows in the end. Numbers that were given away before are not given again.

    Raises:
        BadInput: there is something in `target`, or it is `source`.
        AlcoreError: what was written is not what was read.
    """
    if source.engine.url == target.engine.url:
        raise BadInput(f"the rows are in {source.shown} already")
    name = source.identity()
    with source.write() as old, target.write() as new:
        for table in meta.sorted_tables:
            if new.scalar(sa.select(sa.func.count()).select_from(table)):
                cure = "Move that file away first." if target.engine.dialect.name == "sqlite" else "Name a new one."
                raise BadInput(f"the database {target.shown} is not empty: its table {table.name} has rows. {cure}")
        for table in meta.sorted_tables:
            for some in blocks(_rows(old, table)):
                new.execute(table.insert(), [dict(row._mapping) for row in some])
            _number_on(old, new, table)
        new.execute(identity.update().values(name=name))
        had, has = content(source, old), content(target, new)
        if had != has:
            wrong = next(table for table in had.digests if had.digests[table] != has.digests[table])
            raise AlcoreError(f"the table {wrong} is not the same in {target.shown}: nothing was moved. Report this as a bug.")
        # whoever is still at work on the old one cannot store anything in it: what is not acknowledged is kept in the browsers
        old.exec_driver_sql(f"ALTER TABLE {JOURNAL} RENAME TO {JOURNAL}_moved")
        old.execute(identity.update().values(name=f"{MOVED}{target.shown}"[:200]))
        new.execute(applied.update().values(applied=applied.c.applied))
    return has


def _rows(conn: sa.Connection, table: sa.Table) -> Iterator[sa.Row[Any]]:
    for part in parts(conn, sa.select(table).order_by(*table.primary_key.columns)):
        yield from part


def _line(table: sa.Table, row: Iterable[Any]) -> bytes:
    plain = [bool(value) if isinstance(column.type, sa.Boolean) else value for column, value in zip(table.columns, row, strict=True)]
    return json.dumps(plain, sort_keys=True, ensure_ascii=True).encode() + b"\n"


def _number_on(old: sa.Connection, new: sa.Connection, table: sa.Table) -> None:
    """The next row's number comes after all that were ever given, those of deleted rows too."""
    if "id" not in table.c:
        return
    last = max(_last_number(old, table), int(new.scalar(sa.select(sa.func.max(table.c.id))) or 0))
    if not last:
        return
    if new.dialect.name == "postgresql":
        new.execute(sa.text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), {"name": table.name, "last": last})
    elif table.kwargs.get("sqlite_autoincrement"):
        new.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
        new.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last))


def _last_number(old: sa.Connection, table: sa.Table) -> int:
    if old.dialect.name == "postgresql":
        sequence = old.scalar(sa.text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name})
        return int(old.exec_driver_sql(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}").scalar() or 0)
    if table.kwargs.get("sqlite_autoincrement"):
        return int(old.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).scalar() or 0)
    return 0
