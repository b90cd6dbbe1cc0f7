"""All rows go to another kind of database and come back as they were; what is not the same, or not empty, moves nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from alcore.accounts.accounts import Accounts
from alcore.accounts.roles import Role
from alcore.errors import AlcoreError, BadInput
from alcore.storage import moving, schema
from alcore.storage.classes import Classes
from alcore.storage.database import Database
from alcore.storage.jobtable import Jobs
from alcore.storage.journal import Journal
from alcore.storage.moving import content, move
from alcore.storage.presence import Presence, Seat
from alcore.storage.projects import Projects
from alcore.storage.rounds import Rounds
from tests.storage.rows import add_project, journal_rows, label, mark, round_values, states

CLASSES = ("cat", "dog")
COUNTS = {
    "projects": 1, "items": 6, "skipped": 1, "annotations": 4, "current": 2, "presence": 1, "class_changes": 1, "masks": 1, "rounds": 1,
    "queries": 2, "jobs": 1, "job_log": 1, "accounts": 1, "invitations": 1, "account_events": 2, "signed_out": 1,
}  # fmt: skip


@pytest.fixture
def other(postgres_server):
    """An empty database of PostgreSQL."""
    name = postgres_server.make()
    opened = Database(postgres_server.address(name))
    yield opened
    opened.close()
    postgres_server.drop(name)


def fill(database: Database) -> int:
    """Rows in every table, with texts and numbers that are easily changed on the way."""
    project = add_project(database, "péts 🐈 'x' %s", ["ä b.png", "Z.png", "a.png", "4", "5", "6"])
    gone = add_project(database, "gone", ["x.png"])
    Projects(database).delete(gone, "gone")  # its numbers are not given again
    Accounts(database).add("Änn", Role.OWNER, email="a@b")
    Accounts(database).invite(Role.VIEWER)
    Accounts(database).leave(Accounts(database).named("Änn").session())
    journal = Journal(database, project)
    journal.record([label(2**53, 1), mark(2, 1, "flag"), label(3, 2, "dog", ms=3), label(4, 2, "cat", client="other")], CLASSES)
    Rounds(database, project, "p").add(**round_values("random", seconds={"train": 0.1 + 0.2}, seed=2**40), query=[1, 3])
    jobs = Jobs(database)
    jobs.append_log(jobs.add_job("round", "p", "t\ttitle", {"n": [1, None, 2.5]}, "cpu").id, "line")
    with database.write() as conn:
        conn.execute(schema.masks.insert().values(project_id=project, digest="ab", width=2, height=1, pixels=[1, 0, 1]))
        conn.execute(schema.skipped.insert().values(project_id=project, path="no", reason="why"))
        Classes(database, project).note(conn, "look", "cat", "ann", {"about": "\u0001 \\u0000"}, None)
        Presence(database, project).sit(Seat("w", "ann", 1.25, held=(3, 1)), conn)
    return project


def test_rows_go_there_and_back_and_numbers_go_on(database, other, tmp_path):
    project = fill(database)
    name, had = database.identity(), content(database)
    rows, events, now = had.rows, journal_rows(database), states(database)
    assert rows == COUNTS
    assert move(database, other) == had
    assert (journal_rows(other), states(other), other.identity()) == (events, now, name)
    back = Database(f"sqlite:///{tmp_path / 'back.sqlite'}")
    assert move(other, back) == had
    assert (journal_rows(back), states(back), back.identity()) == (events, now, name)
    assert add_project(back, "new", ["x.png"]) == project + 2, "the number of a project that was deleted was given again"
    assert next(i for i in sorted(content_ids(back)) if i > 6) == 8
    back.close()


def content_ids(database: Database) -> list[int]:
    with database.read() as conn:
        return list(conn.scalars(sa.select(schema.items.c.id)))


def test_numbers_go_on_in_postgresql(database, other):
    project = fill(database)
    move(database, other)
    assert add_project(other, "new", ["x.png"]) == project + 2
    assert max(content_ids(other)) == 8
    Journal(other, project).record([label(9, 3)], CLASSES)
    with other.read() as conn:
        assert list(conn.scalars(sa.select(schema.annotation_rows.c.id).order_by(schema.annotation_rows.c.id))) == [1, 2, 3, 4, 5]


def test_what_was_moved_cannot_be_opened_or_written_any_more(database, other):
    project = fill(database)
    journal = Journal(database, project)
    move(database, other)
    with pytest.raises(AlcoreError, match=r"were moved to postgresql\+psycopg://postgres@/.*: set ALCORE_DATABASE to that address"):
        database.identity()
    with pytest.raises(sa.exc.OperationalError, match="no such table: annotations"):  # by an app that was not stopped
        journal.record([label(9, 3)], CLASSES)
    assert len(journal_rows(other)) == 4


def test_a_database_with_something_in_it_is_refused(database, other):
    fill(database)
    add_project(other, "there", ["x.png"])
    before = content(database), content(other)
    with pytest.raises(BadInput, match="is not empty: its table projects has rows"):
        move(database, other)
    with pytest.raises(BadInput, match="are in sqlite:///.* already"):
        move(database, database)
    assert (content(database), content(other)) == before


def test_rows_that_are_not_the_same_move_nothing(database, other, monkeypatch):
    fill(database)
    before = content(database), content(other), database.identity()
    usual = moving._rows

    def altered(conn, table):
        for row in usual(conn, table):
            yield (*row[:-1], row[-1] + 1e-6) if table.name == "annotations" and conn.dialect.name == "postgresql" else row

    monkeypatch.setattr(moving, "_rows", altered)
    with pytest.raises(AlcoreError, match="the table annotations is not the same"):
        move(database, other)
    monkeypatch.undo()
    assert (content(database), content(other), database.identity()) == before
