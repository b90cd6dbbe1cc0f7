"""A project of a few items, its events, and the rows they leave, as literals."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from alcore.storage import schema
from alcore.storage.database import Database, database_url
from alcore.storage.importrows import ImportRows
from alcore.storage.projects import Projects
from alcore.storage.schema import annotation_rows, current
from alcore.types import Annotation

CLASSES = ("cat", "dog")


def address(folder: Path) -> str:
    """Of the test's store."""
    return database_url(folder, os.environ.get("ALCORE_DATABASE"))


def row(path: str, at: int, **changes) -> dict:
    return {"path": path, "split": "pool", "truth": "cat", "row": at, "width": 8, "height": 8, "fingerprint": f"f{at}"} | changes


def add_project(database: Database, name: str, paths: list[str]) -> int:
    with database.write() as conn:
        project = Projects(database).begin(conn, "classification", "/src", "folder", CLASSES, {"folder": "x"})
        Projects(database).named(conn, project, name)
        ImportRows(database, project).replace(conn, [row(path, at) for at, path in enumerate(paths)], [])
    return project


def label(seq: int, item: int, value: str = "cat", client: str = "tab", **other) -> Annotation:
    return Annotation(client, seq, item, "label", value, **other)


def mark(seq: int, item: int, kind: str, client: str = "tab", **other) -> Annotation:
    return Annotation(client, seq, item, kind, **other)


def states(database: Database) -> dict[int, tuple]:
    with database.read() as conn:
        return {r.item_id: (r.label, r.skipped, r.flagged) for r in conn.execute(sa.select(current).order_by(current.c.item_id))}


def journal_rows(database: Database) -> list[tuple]:
    columns = [annotation_rows.c[n] for n in ("project_id", "item_id", "kind", "value", "annotator", "client", "seq", "round", "ms")]
    with database.read() as conn:
        return [tuple(r) for r in conn.execute(sa.select(*columns).order_by(annotation_rows.c.id))]


def applied_names(database: Database) -> list[str]:
    with database.read() as conn:
        return list(conn.scalars(sa.select(schema.applied.c.name).order_by(schema.applied.c.applied)))


def round_values(strategy: str, **changes) -> dict:
    values = {"strategy": strategy, "params": {"a": 1}, "train": {"steps": 2}, "seed": 3, "labeled": 4, "metrics": {"accuracy": 0.5}}
    return values | {"seconds": {"train": 1.5}, "device": "cpu", "folder": "abc"} | changes


# what turns the tables of today into those of the first version, with one labeled image
FIRST = (
    *(f"drop index {name}" for name in ("annotations_by_project", "current_disputed")),
    "drop table masks",
    "alter table annotations drop column clicks",
    "alter table current drop column partial",
    "alter table annotations drop column replaces",
    "alter table current drop column disputed",
    "alter table items drop column origin",
    "drop table presence",
    "drop index annotations_notes",
    "drop index queries_by_item",
    "drop index current_missing",
    "alter table annotations drop column opinions",
    "alter table current drop column missing",
    *(f"alter table jobs drop column {name}" for name in ("attended", "seen", "spent", "stages")),
    *(f"alter table rounds drop column {name}" for name in ("classes", "change", "event", "digest")),
    "drop table class_changes",
    *(f"drop table {name}" for name in ("accounts", "invitations", "account_events", "signed_out")),
    "create table migrations (name varchar(80) primary key, applied float)",
    "insert into migrations values ('0001_first_schema', 1.0)",
    "insert into projects (name, task, source, format, classes, settings, created) "
    "values ('p', 'classification', 's', 'auto', '[\"a\"]', '{}', 1.0)",
    "insert into items (project_id, path, split, row, width, height, fingerprint) values (1, 'x.png', 'pool', 0, 2, 2, 'f')",
    "insert into annotations (project_id, item_id, kind, value, annotator, client, seq, created) "
    "values (1, 1, 'label', 'a', 'me', 'c', 1, 5.0)",
    "insert into current (item_id, project_id, label, skipped, flagged, annotator, changed) values (1, 1, 'a', false, false, 'me', 5.0)",
    "insert into rounds (project_id, number, strategy, params, train, seed, labeled, metrics, seconds, device, folder, created) "
    "values (1, 0, 'random', '{}', '{}', 1, 0, '{}', '{}', 'cpu', '', 2.0)",
)


def make_first(conn: sa.Connection) -> None:
    """The tables there are become those that the first version made."""
    for statement in FIRST:
        conn.exec_driver_sql(statement)
