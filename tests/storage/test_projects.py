"""Projects are found by name, and one that is deleted leaves the others."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from alcore.accounts.accounts import Accounts
from alcore.accounts.roles import Role
from alcore.errors import BadInput, NotFound
from alcore.storage import schema
from alcore.storage.classes import Classes
from alcore.storage.jobtable import Jobs
from alcore.storage.journal import Journal
from alcore.storage.presence import Presence, Seat
from alcore.storage.projects import Projects
from alcore.storage.rounds import Rounds
from tests.storage.rows import add_project, label, round_values

pytestmark = pytest.mark.both_databases

CLASSES = ("cat", "dog")


def test_projects_are_found_by_name_and_a_second_of_that_name_is_refused(database, project):
    assert Projects(database).row("pets")["classes"] == ["cat", "dog"]
    with pytest.raises(NotFound, match=r"there is no project 'pet' \(projects: pets\)"):
        Projects(database).row("pet")
    with pytest.raises(BadInput, match="a project 'pets' exists already"):
        add_project(database, "pets", ["a"])
    assert Projects(database).names() == ["pets"]


def test_deleting_a_project_removes_all_of_it_and_nothing_else(database, project, journal):
    other = add_project(database, "other", ["x.png"])
    jobs = Jobs(database)
    for name, owner, first in (("pets", project, 1), ("other", other, 7)):
        Journal(database, owner).record([label(1, first)], CLASSES)
        Rounds(database, owner, name).add(**round_values("random"), query=[first])
        with database.write() as conn:
            conn.execute(schema.masks.insert().values(project_id=owner, digest="ab", width=2, height=1, pixels=[1, 0, 1]))
            Classes(database, owner).note(conn, "add", "cow", "ann")
            Presence(database, owner).sit(Seat("w", "ann", 1.0), conn)
        job = jobs.add_job("round", name, "t", {}, "cpu")
        jobs.append_log(job.id, f"line of {name}")
    Accounts(database).add("ann", Role.OWNER)
    Projects(database).delete(project, "pets")
    assert Projects(database).names() == ["other"]
    with database.read() as conn:
        left = {table.name: conn.scalar(sa.select(sa.func.count()).select_from(table)) for table in schema.meta.sorted_tables}
    assert left == {
        "projects": 1,
        "items": 1,
        "class_changes": 1,
        "skipped": 0,
        "annotations": 1,
        "current": 1,
        "masks": 1,
        "rounds": 1,
        "queries": 1,
        "jobs": 1,
        "job_log": 1,
        "presence": 1,
        "accounts": 1,  # people are of the workspace, and of no project
        "invitations": 0,
        "account_events": 1,
        "signed_out": 0,
    }
    assert [job.project for job in jobs.jobs()] == ["other"]
    assert add_project(database, "pets", ["1.png"]) not in (project, other)  # ids are for ever


def test_what_is_written_while_a_project_is_removed_goes_with_it(database, project, journal):
    """By somebody who had read it before: its items could not be removed while something of them was there."""
    late = []

    def write_late(conn, cursor, text, *_):
        if text.startswith("DELETE FROM skipped") and not late:
            late.append(1)
            values = {"project_id": project, "item_id": 1, "kind": "skip", "annotator": "ann", "client": "c", "seq": 1, "created": 1.0}
            conn.execute(schema.annotation_rows.insert().values(**values))

    sa.event.listen(database.engine, "before_cursor_execute", write_late)
    Projects(database).delete(project, "pets")
    sa.event.remove(database.engine, "before_cursor_execute", write_late)
    with database.read() as conn:
        assert late
        assert {conn.scalar(sa.select(sa.func.count()).select_from(table)) for table in schema.meta.sorted_tables} == {0}


def test_a_project_that_has_got_its_name_is_not_cleared(database, project):
    Projects(database).clear(project)
    assert (Projects(database).names(), Projects(database).unfinished()) == (["pets"], {})
    with database.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(schema.items)) == 6
