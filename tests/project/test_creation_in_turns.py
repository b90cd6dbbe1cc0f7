"""What is stored of a new project, and removed of an old one, in many transactions: others get in between, nobody sees a part of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from alcore.errors import NotFound, Unavailable
from alcore.progress import Progress
from alcore.project import classes, doctor, leftovers
from alcore.project.facade import Project
from alcore.storage import schema
from alcore.storage.database import Database
from alcore.storage.importrows import ImportRows
from alcore.storage.journal import Journal
from alcore.storage.projects import Projects
from tests.house import ROOT
from tests.project.test_creation import assert_nothing_is_left


def test_while_an_import_is_stored_others_may_write_and_nobody_sees_it(workspace, digits_source, monkeypatch):
    """It stored everything in one transaction, for which whoever labeled elsewhere waited."""
    monkeypatch.setattr("alcore.storage.database.ROWS", 10)
    monkeypatch.setattr("alcore.project.creation.LABELS", 10)
    Project.import_into(workspace, "there", digits_source / "test")
    elsewhere = Database(workspace.database.shown, patience=0.0)
    seen = []

    def report(progress: Progress) -> None:
        if progress.stage == "storing":
            elsewhere.check_writable()  # raises at once where somebody holds the lock
            with pytest.raises(NotFound):
                workspace.project("toy")
            seen.append((progress.done, progress.total, workspace.projects(), list(workspace.project_rows.folders().values())))

    project = Project.import_into(workspace, "toy", digits_source, truth="labels", report=report)
    elsewhere.close()
    assert seen == [(done, 96, ["there"], ["there"]) for done in (0, 10, 20, 30, 40, 50, 56, 66, 76, 86, 96)]
    assert (project.counts()["labeled"], project.counts()["labels"]) == (40, dict.fromkeys("0123", 10))
    assert {(e["kind"], e["annotator"], e["round"]) for e in project.journal.events()} == {("label", "import", None)}
    assert doctor.findings(project) == []


KILLED = """
import os, sys
from alcore.project.facade import Project, Workspace

def report(progress):
    if progress.stage == "storing" and progress.done >= int(sys.argv[3]):
        os._exit(9)

import alcore.project.creation, alcore.storage.database
alcore.project.creation.LABELS = alcore.storage.database.ROWS = 10
Project.import_into(Workspace(sys.argv[1]), "toy", sys.argv[2], truth="labels", report=report)
"""


@pytest.mark.parametrize("stored", [20, 66, 96])
def test_what_an_import_stored_that_was_killed_is_seen_by_nobody_and_removed(workspace, digits_source, stored):
    ended = subprocess.run([sys.executable, "-c", KILLED, workspace.home, digits_source, str(stored)], cwd=ROOT, check=False)
    assert ended.returncode == 9
    assert (workspace.projects(), workspace.project_rows.folders()) == ([], {})
    ((folder, id),) = workspace.project_rows.unfinished().items()
    with workspace.database.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).where(schema.items.c.project_id == id)) == min(stored, 56)
    assert [left.path for left in leftovers.collect(workspace)] == [workspace.home / "projects" / folder]
    assert_nothing_is_left(workspace)


def test_rows_whose_import_could_not_remove_them_are_removed_later(workspace, digits_source, monkeypatch):
    def away(*_):
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Journal, "begin", away)
    monkeypatch.setattr(Projects, "clear", away)
    with pytest.raises(Unavailable):
        Project.import_into(workspace, "toy", digits_source, truth="labels")
    monkeypatch.undo()
    assert (workspace.projects(), len(workspace.project_rows.unfinished())) == ([], 1)
    assert leftovers.collect(workspace) == []
    assert_nothing_is_left(workspace)


def test_a_deletion_that_was_killed_is_finished_later(project, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    workspace = project.workspace
    monkeypatch.setattr(Projects, "clear", killed)
    with pytest.raises(KeyboardInterrupt):
        project.delete()
    monkeypatch.undo()
    assert (workspace.projects(), workspace.project_rows.folders()) == ([], {})
    assert [left.path for left in leftovers.collect(workspace)] == [project.folder]
    assert_nothing_is_left(workspace)


@pytest.mark.parametrize("truth", ["hidden", "labels"])
def test_reading_a_source_again_writes_no_item_and_no_label_that_is_as_it_was(workspace, digits_source, write_image, truth):
    """A million rows were written again, for which whoever labeled elsewhere waited."""
    project = Project.import_into(workspace, "toy", digits_source, truth=truth)
    written: list[object] = []

    def note(conn, cursor, text, values, *_):
        if text.startswith(("UPDATE items", "INSERT INTO items", "INSERT INTO annotations", "INSERT INTO current")):
            written.extend(values if isinstance(values, list) else [values])

    sa.event.listen(workspace.database.engine, "before_cursor_execute", note)
    project.refresh()
    assert written == []
    write_image(digits_source / "train" / "3" / "zz_last.png", 3)
    project.refresh()
    assert project.counts()["splits"] == {"pool": 41, "test": 16}
    new = max(item.id for item in project.items.pool())
    told = [values for values in written if "zz_last.png" in str(values) or new in tuple(values)]
    assert len(told) == len(written) == (3 if truth == "labels" else 1)  # it is the last, so no other image got another place
    sa.event.remove(workspace.database.engine, "before_cursor_execute", note)


def test_a_class_that_is_renamed_while_a_source_is_compared_has_its_new_name(workspace, digits_source, monkeypatch):
    project, usual = Project.import_into(workspace, "toy", digits_source), ImportRows.difference

    def renamed_meanwhile(self, rows, state):
        classes.rename(workspace.project("toy"), "2", "two")
        return usual(self, rows, state)

    monkeypatch.setattr(ImportRows, "difference", renamed_meanwhile)
    project.refresh()
    truths = [item.truth for item in project.items.pool()]
    assert {name: truths.count(name) for name in set(truths)} == dict.fromkeys(("0", "1", "two", "3"), 14)
