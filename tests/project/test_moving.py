"""A workspace's rows go to PostgreSQL and come back; a backup of rows and files, restored elsewhere, is the same workspace."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pytest

from alcore.cli.main import main
from alcore.errors import AlcoreError, BadInput
from alcore.jobs.processes import process_name
from alcore.project.doctor import findings
from alcore.project.facade import Project, Workspace
from alcore.project.moving import journal_digest, move_database
from alcore.project.place import TOGETHER


@pytest.fixture
def labeled(project) -> Project:
    """The toys, 12 of them labeled, one taken back, and an open query."""
    project.label_from_truth(12, seed=0)
    project.annotate({next(iter(project.items.labels())): "3"}, "ann")
    project.start(6, seed=0)
    return project


def told(workspace: Workspace) -> tuple[object, ...]:
    project = workspace.project("toy")
    return project.journal.events(), project.items.labels(), project.rounds(), project.labels_csv(), findings(project)


def test_the_verb_moves_a_workspace_there_and_back(labeled, workspace, home, empty_database, monkeypatch, capsys):
    before, digest = told(workspace), journal_digest(workspace)
    workspace.close()
    assert main(["move-database", empty_database, "--home", str(home), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["rows"]["items"], answer["rows"]["annotations"], answer["journal"]) == (56, 13, digest)
    with pytest.raises(AlcoreError, match=r"the rows of sqlite:///.*alcore\.sqlite were moved to postgresql\+psycopg://"):
        Workspace(home)
    monkeypatch.setenv("ALCORE_DATABASE", empty_database)
    there = Workspace(home)
    assert told(there) == before
    there.project("toy").annotate({1: "2"}, "ben")
    with pytest.raises(BadInput, match=r"is not empty: its table projects has rows\. Move that file away first\."):
        move_database(there, "sqlite")
    (home / "alcore.sqlite").rename(home / "of before.sqlite")
    after = told(there)
    move_database(there, "sqlite")
    there.close()
    monkeypatch.delenv("ALCORE_DATABASE")
    back = Workspace(home)
    assert told(back) == after
    assert len(after[0]) == len(before[0]) + 1
    back.close()


def test_nothing_is_moved_while_a_job_runs(labeled, workspace, empty_database):
    job = workspace.job_rows.add_job("round", "toy", "t", {}, "cpu", owner=process_name())
    with pytest.raises(AlcoreError, match=rf"job {job.id} runs in process \d+: stop the app and all jobs first"):
        move_database(workspace, empty_database)
    assert workspace.projects() == ["toy"]


def test_files_are_never_taken_for_litter_of_another_database(labeled, workspace, home, empty_database, monkeypatch):
    name = (home / TOGETHER).read_text()
    workspace.close()
    monkeypatch.setenv("ALCORE_DATABASE", empty_database)
    with pytest.raises(AlcoreError, match=r"the files in .*home belong to another database than postgresql"):
        Workspace(home)
    monkeypatch.delenv("ALCORE_DATABASE")
    again = Workspace(home)
    assert ((home / TOGETHER).read_text(), again.projects()) == (name, ["toy"])
    again.project("toy").delete()
    shutil.rmtree(home / "projects", ignore_errors=True)
    again.close()
    monkeypatch.setenv("ALCORE_DATABASE", empty_database)
    other = Workspace(home)  # nothing is there that could be lost
    assert (home / TOGETHER).read_text() != name
    other.close()


def test_a_dump_and_the_folder_restored_elsewhere_are_the_same_workspace(labeled, workspace, home, tmp_path, postgres_server, monkeypatch):
    first, second = postgres_server.make(), postgres_server.make()
    move_database(workspace, postgres_server.address(first))
    monkeypatch.setenv("ALCORE_DATABASE", postgres_server.address(first))
    there = Workspace(home)
    before, digest = told(there), journal_digest(there)
    dumped = postgres_server.dump(first)  # the rows first ...
    there.project("toy").run_round("margin", 4, 0, "cpu", train={"steps": 5}, report=lambda _: None)  # while work goes on
    shutil.copytree(home, tmp_path / "copy")  # ... then the files that they name, and some that are newer
    there.close()
    postgres_server.drop(first)
    postgres_server.restore(dumped, second)
    monkeypatch.setenv("ALCORE_DATABASE", postgres_server.address(second))
    restored = Workspace(tmp_path / "copy")
    assert (told(restored), journal_digest(restored)) == (before, digest)
    project = restored.project("toy")
    project.annotate({1: "2"}, "ben")  # numbers go on
    project.run_round("margin", 4, 0, "cpu", train={"steps": 5}, report=lambda _: None)
    assert findings(project) == []
    restored.close()
    postgres_server.drop(second)


def test_a_copy_of_the_file_and_the_folder_are_the_same_workspace(labeled, workspace, home, tmp_path):
    before, digest = told(workspace), journal_digest(workspace)
    with sqlite3.connect(home / "alcore.sqlite") as rows:  # while the workspace is open
        rows.execute("VACUUM INTO ?", (str(tmp_path / "alcore.sqlite"),))
    rows.close()
    labeled.annotate({1: "2"}, "ben")
    shutil.copytree(home, tmp_path / "copy", ignore=shutil.ignore_patterns("alcore.sqlite*"))
    (tmp_path / "alcore.sqlite").rename(tmp_path / "copy" / "alcore.sqlite")
    restored = Workspace(tmp_path / "copy")
    assert (told(restored), journal_digest(restored)) == (before, digest)
    restored.close()
