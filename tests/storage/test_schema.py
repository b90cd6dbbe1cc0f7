"""Migrations run once and in order, and one that fails leaves nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from alcore.storage import schema
from alcore.storage.database import Database
from alcore.storage.projects import Projects
from tests.storage.rows import address, applied_names

pytestmark = pytest.mark.both_databases


def test_migrations_run_once_and_in_order(tmp_path, database, project, monkeypatch):
    runs = []

    def second(conn):
        runs.append(2)
        conn.exec_driver_sql("ALTER TABLE projects ADD COLUMN note TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("0002_note", second)))
    for _ in range(2):
        again = Database(address(tmp_path))
        assert applied_names(again) == [name for name, _ in schema.MIGRATIONS]
        assert Projects(again).names() == ["pets"]
        again.close()
    assert runs == [2]


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path, database, project, monkeypatch):
    before = applied_names(database)

    def broken(conn):
        conn.exec_driver_sql("CREATE TABLE half (x TEXT)")
        raise RuntimeError("stop")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("0002_broken", broken)))
    with pytest.raises(RuntimeError, match="stop"):
        Database(address(tmp_path))
    assert applied_names(database) == before
    assert not sa.inspect(database.engine).has_table("half")
