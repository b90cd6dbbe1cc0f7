"""Jobs that a project puts in the queue: an import and one more of it, a disk that fills."""

from __future__ import annotations

import errno
import io
import os
import zipfile

import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.progress import Progress
from alcore.project import background
from alcore.training import turn as rounds
from alcore.uploads import tables
from alcore.uploads.shelf import Sent, Shelf
from tests.project.played import labeled_project
from tests.project.timed import wait


def test_jobs_import_and_import_again(workspace, digits_source, write_image):
    job = workspace.runner.run_now("import", "toy", "t", {"source": str(digits_source), "truth": "labels"})
    assert (job.state, job.result["items"], job.result["labeled"]) == ("done", 56, 40)
    write_image(digits_source / "train" / "0" / "new.png", 0)
    job = workspace.runner.run_now("import", "toy", "t", {"again": True})
    assert (job.state, job.result["items"]) == ("done", 57)
    with pytest.raises(BadInput):
        workspace.runner.run_now("import", "toy", "t", {"source": str(digits_source)})
    assert workspace.job_rows.jobs()[0].error.startswith("a project 'toy' exists already")


def test_a_disk_that_fills_while_a_round_is_written_ends_the_job_with_words(project, quick, monkeypatch):
    labeled_project(project)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(rounds.np, "savez", full)
    with pytest.raises(AlcoreError, match="the disk is full"):
        project.run_round("entropy", 5, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    assert project.rounds() == []
    assert project.workspace.job_rows.jobs()[0].state == "failed"


def test_a_simulation_is_the_verb_into_the_workspaces_folder(workspace, monkeypatch):
    ran = []

    def verb(words, report):
        report(Progress("simulating", 3, 8))
        ran.append(words)

    monkeypatch.setattr(background, "run_verb", verb)
    asked = {"source": "set", "strategies": ["random"]}
    job = background.submit_simulation(workspace.runner, workspace, "digits-2", ["set", "--rounds", "2"], asked, 8)
    assert (job.kind, job.project, job.title) == ("simulation", "simulations/digits-2", "Simulation digits-2")
    assert job.arguments == {"name": "digits-2", "words": ["set", "--rounds", "2"], "asked": asked, "rounds": 8}
    wait(lambda: workspace.runner.snapshot(job.id).over)
    done = workspace.runner.snapshot(job.id)
    assert (done.state, done.result, done.progress.done) == ("done", {"rounds": 8}, 3)
    assert ran == [["simulate", "set", "--rounds", "2", "--out", str(workspace.home / "simulations" / "digits-2")]]


def test_an_archive_is_unpacked_by_one_job_at_a_time(workspace):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("cat/1.jpg", b"1")
    content, shelf = packed.getvalue(), Shelf(workspace.home)
    sent = Sent("pets.zip", len(content), 0)
    shelf.begin("pets", "p", 1, len(content))
    shelf.take("pets", [(sent, 0, memoryview(content))])
    shelf.finish("pets")
    job = background.submit_unpack(workspace.runner, "pets")
    assert (job.kind, job.project, job.title, job.device) == ("unpack", "uploads/pets", "Unpacking pets", "uploads")
    again = background.submit_unpack(workspace.runner, "pets")
    wait(lambda: workspace.runner.snapshot(again.id).over)
    wait(lambda: workspace.runner.snapshot(job.id).over)
    done = workspace.runner.snapshot(job.id)
    assert (done.state, done.result) == ("done", {"source": str(workspace.home / "uploads" / "pets"), "notes": []})
    assert (workspace.home / "uploads" / "pets" / "cat" / "1.jpg").read_bytes() == b"1"
    assert background.unpacking_of("pets") == "uploads/pets"


def test_two_imports_of_one_table_have_one_each_and_a_failed_one_reads_it_when_resumed(workspace, make_source, tmp_path):
    source = make_source(tmp_path / "flat", 4, 2)
    content = "\n".join(["image,age", *(f"{file.relative_to(source).as_posix()},7" for file in sorted(source.rglob("*.png")))]).encode()
    jobs = []
    for name, at in (("one", source), ("two", tmp_path / "later")):
        kept = tables.keep(workspace.home, "ages.csv", content)
        jobs.append(background.submit_import(workspace.runner, workspace, name, {"source": str(at), "metadata": str(kept)}))
    for job in jobs:
        wait(lambda job=job: workspace.runner.snapshot(job.id).over)
    assert [workspace.runner.snapshot(job.id).state for job in jobs] == ["done", "failed"]
    source.rename(tmp_path / "later")
    workspace.runner.resume(jobs[1].id)
    wait(lambda: workspace.runner.snapshot(jobs[1].id).over)
    assert (workspace.runner.snapshot(jobs[1].id).state, workspace.runner.snapshot(jobs[1].id).error) == ("done", None)
    assert list((workspace.home / "uploads" / tables.TABLES).iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "../out", "a/b", ".hidden"])
def test_a_simulations_name_is_a_folders(name, workspace):
    with pytest.raises(BadInput, match="cannot be a simulation's name"):
        background.submit_simulation(workspace.runner, workspace, name, [], {}, 1)
    assert workspace.job_rows.jobs() == []
