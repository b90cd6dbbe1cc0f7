"""A project's labels and rounds: what is stored, what stopping and resuming gives, what a person is told.

Longer than 400 lines: one trained project serves all of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from alcore.errors import AlcoreError, BadInput, Cancelled, NotEnoughLabels, NotFound
from alcore.jobs.processes import process_name
from alcore.progress import Progress
from alcore.project import doctor, loop
from alcore.project.facade import Project, Workspace
from alcore.storage import schema
from alcore.training import turn as rounds
from alcore.types import Annotation
from tests.house import ROOT


def paths(project: Project) -> dict[str, int]:
    return {item.path: item.id for item in project.items.pool()}


def table_sizes(workspace: Workspace) -> dict[str, int]:
    with workspace.database.read() as conn:
        return {t.name: conn.scalar(sa.select(sa.func.count()).select_from(t)) for t in schema.meta.sorted_tables}


def interrupt(stage: str, error: type[BaseException] = Cancelled):
    def report(progress: Progress) -> None:
        if progress.stage.startswith(stage):
            raise error(f"at {stage}")

    return report


# ---- labels


def test_labels_from_the_truth_are_right_distinct_and_drawn_by_the_seed(project):
    assert project.label_from_truth(12, seed=0) == 12
    labels = project.items.labels()
    truth = {item.id: item.truth for item in project.items.pool() if item.split == "pool"}
    assert len(labels) == 12
    assert all(truth[i] == label for i, label in labels.items())
    first = {e["item_id"] for e in project.journal.events()}
    project.label_from_truth(12, seed=0)
    assert len(project.items.labels()) == 24
    assert not first & {e["item_id"] for e in project.journal.events()[12:]}
    assert {e["annotator"] for e in project.journal.events()} == {"oracle"}
    for n in (0, -3):
        with pytest.raises(BadInput, match=f"cannot label {n} items"):
            project.label_from_truth(n)
    with pytest.raises(AlcoreError, match="cannot label 17 items from the truth: 16 unlabeled items of 'toy' have one. Lower the number"):
        project.label_from_truth(17)


@pytest.mark.parametrize(("labels", "error", "words"), [
    ({1: "0", 2: "9", 3: "nine"}, BadInput, "not a class of toy: 9, nine. Classes are 0, 1, 2, 3; add_class adds one"),
    ({1: "0", 999: "1"}, NotFound, "there is no item 999 in project 'toy'"),
    ({1: None}, BadInput, "not a class of toy: None"),
])  # fmt: skip
def test_annotations_that_cannot_all_be_taken_write_nothing(project, labels, error, words):
    with pytest.raises(error, match=words):
        project.annotate(labels)
    assert project.journal.events() == []
    assert project.counts()["labeled"] == 0


def test_annotate_appends_to_the_journal_with_the_annotator(project):
    assert project.annotate({np.int64(3): "2", 5: "0"}, annotator="me") == 2
    assert project.annotate({3: "1"}, annotator="you") == 1
    assert [(e["item_id"], e["value"], e["annotator"], e["round"]) for e in project.journal.events()] == [
        (3, "2", "me", None),
        (5, "0", "me", None),
        (3, "1", "you", None),
    ]
    assert project.items.labels() == {3: "1", 5: "0"}


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_come_from_a_csv_by_path_and_rows_without_a_label_are_passed_over(project, tmp_path):
    text = "\ufeffid,path,label\n1,train/0/00.png,0\n2,train/1/00.png,\n3,train/2/00.png,2\n4,train/3/00.png\n"
    assert project.label_from_csv(write_csv(tmp_path / "l.csv", text), annotator="ann") == 2
    found = {e["path"]: e["value"] for e in project.journal.events()}
    assert found == {"train/0/00.png": "0", "train/2/00.png": "2"}


@pytest.mark.parametrize(("text", "words"), [
    ("path,class\na,b\n", "has no column label: its columns are path, class"),
    ("", "l.csv is empty: its first line must name the columns"),
    ("path,label\ntrain/0/00.png,0\nnowhere.png,1\n", "1 paths are not in project 'toy', first 'nowhere.png'"),
    ("path,label\ntrain/0/00.png,0\ntrain/1/00.png,9\n", "not a class of toy: 9"),
])  # fmt: skip
def test_a_csv_that_cannot_all_be_taken_writes_nothing(project, tmp_path, text, words):
    with pytest.raises(BadInput, match=words):
        project.label_from_csv(write_csv(tmp_path / "l.csv", text), annotator="ann")
    assert project.journal.events() == []


def test_a_csv_that_is_none_is_refused_with_its_name(project, tmp_path):
    (tmp_path / "l.csv").write_bytes(b"path,label\n\x81\x8d,0\n")
    with pytest.raises(BadInput, match=r"l\.csv is neither UTF-8 nor cp1252 nor UTF-16"):
        project.label_from_csv(tmp_path / "l.csv", annotator="ann")
    with pytest.raises(BadInput, match=r"gone\.csv cannot be read: there is no such file"):
        project.label_from_csv(tmp_path / "gone.csv", annotator="ann")
    with pytest.raises(BadInput, match="cannot be read: a folder, not a file"):
        project.label_from_csv(tmp_path, annotator="ann")


def test_the_pool_holds_who_is_labeled_and_who_is_not(project):
    at = paths(project)
    a, b, c, d, t = (at[p] for p in ("train/0/00.png", "train/1/00.png", "train/2/00.png", "train/3/00.png", "test/0/00.png"))
    events = [
        Annotation("x", 1, a, "label", "2"),
        Annotation("x", 2, b, "skip"),
        Annotation("x", 3, c, "flag"),
        Annotation("x", 4, d, "label", "0"),
        Annotation("x", 5, d, "flag"),
    ]
    assert project.journal.record(events, project.classes) == ([1, 2, 3, 4, 5], [])
    pool = project.pool()
    assert dict(zip(pool.labeled.tolist(), pool.targets.tolist(), strict=True)) == {a: 2, d: 0}
    assert len(pool.unlabeled) == 36
    assert not {a, b, c, d} & set(pool.unlabeled.tolist())
    assert len(pool.test) == 16
    assert pool.test_targets[pool.test.tolist().index(t)] == 0
    assert pool.ids.tolist() == sorted(at.values())


# ---- rounds


def labeled_project(project: Project, n: int = 12) -> Project:
    project.label_from_truth(n, seed=1)
    return project


def test_a_round_is_stored_with_everything_that_made_it(project, quick):
    labeled_project(project)
    done = project.run_round("entropy", query_size=6, seed=5, device="cpu", train=quick, params={}, report=lambda _: None)
    assert (done.number, done.strategy, done.labeled, done.seed, done.device, len(done.query)) == (1, "entropy", 12, 5, "cpu", 6)
    assert done.metrics.keys() == {"accuracy", "balanced_accuracy", "loss"}
    assert done.metrics["accuracy"] > 0.5  # chance is 0.25
    assert done.seconds.keys() == {"train", "evaluate", "score", "select", "map"}
    assert {name: done.train[name] for name in quick} == dict(quick)
    assert set(os.listdir(project.folder / "rounds" / done.folder)) == {
        "scores.npz", "walked_ids.npy", "logits.npy", "embedding.npy", "model.safetensors", "map.npz",
    }  # fmt: skip
    assert [p for p in (project.folder / "rounds").iterdir() if p.name.startswith(".")] == []
    unlabeled = set(project.pool().unlabeled.tolist())
    assert set(done.query) <= unlabeled
    assert project.round() == project.round(1) == done
    history = project.history(1)
    assert list(history.columns) == ["stage", "step", "name", "value"]
    assert history["step"].iloc[-1] == 30
    assert project.history(99).empty


def test_two_rounds_with_the_same_seed_and_labels_ask_for_the_same_and_two_in_a_row_do_not(project, quick):
    labeled_project(project)
    quick = {**quick, "steps": 2}
    asked = [project.run_round("random", 8, seed, "cpu", train=quick, report=lambda _: None).query for seed in (9, 9, None, None)]
    assert asked[0] == asked[1]
    assert len(set(asked)) == 3
    assert [r.seed for r in project.rounds()] == [9, 9, 2, 3]


def test_labels_made_while_a_round_runs_count_for_the_next_one(project, quick):
    labeled_project(project)
    free, made = project.pool().unlabeled.tolist(), []

    def report(progress: Progress) -> None:
        if progress.stage.startswith("training") and not made:
            made.append(free[0])
            project.annotate({free[0]: "0"})

    first = project.run_round("entropy", 100, 0, "cpu", train={**quick, "steps": 3}, report=report)
    assert first.labeled == 12
    assert sorted(first.query) == free  # the pool was frozen before
    assert project.queue()["remaining"] == len(free) - 1  # but nobody is asked again
    second = project.run_round("entropy", 100, 0, "cpu", train={**quick, "steps": 3}, report=lambda _: None)
    assert second.labeled == 13
    assert sorted(second.query) == free[1:]


def test_a_query_larger_than_the_pool_asks_for_all_of_it_and_then_there_is_nothing_left(project, quick):
    labeled_project(project, 30)
    done = project.run_round("margin", 1000, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    assert len(done.query) == 10
    assert project.label_query_from_truth() == 10
    assert project.label_query_from_truth() == 0
    assert project.counts()["labeled"] == 40
    with pytest.raises(AlcoreError, match="nothing is left to query: every image of the pool is labeled, skipped or flagged"):
        project.run_round("margin", 5, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    with pytest.raises(AlcoreError, match="nothing is left to query"):
        project.start(5)
    assert len(project.rounds()) == 1


def test_without_labels_only_random_starts_and_the_others_say_how(project):
    with pytest.raises(NotEnoughLabels, match="nothing is labeled yet: label a first query"):
        project.run_round("mal", 5, report=lambda _: None)
    with pytest.raises(AlcoreError, match="there is no query yet: train a round first"):
        project.label_query_from_truth()
    assert project.workspace.job_rows.jobs() == []
    done = project.run_round("random", 5, 0, report=lambda _: None)
    assert (done.number, done.strategy, len(done.query), done.labeled, done.folder) == (0, "start:random", 5, 0, "")
    assert project.label_query_from_truth() == 5
    assert project.files(done) is None
    with pytest.raises(NotFound, match="'toy' has no round 7: run `train` first"):
        project.round(7)


def test_a_start_by_k_center_is_round_zero_and_the_first_model_is_round_one(project, quick):
    start = project.start(6, how="kcenter")
    assert (start.number, start.strategy) == (0, "start:kcenter")
    asked = project.items.rows(start.query)
    assert {asked[i]["truth"] for i in start.query} == set("0123")
    project.label_query_from_truth()
    assert project.run_round("mcdal", 4, None, "cpu", train={**quick, "steps": 2}, report=lambda _: None).number == 1


def test_one_class_is_not_enough_to_train(workspace, digits_source):
    for name in "123":
        for split in ("train", "test"):
            shutil.rmtree(digits_source / split / name)
    project = Project.import_into(workspace, "one", digits_source)
    project.label_from_truth(3)
    with pytest.raises(NotEnoughLabels, match=r"the project has 1 class\(es\): training needs at least two. Add classes"):
        project.run_round("entropy", 5, report=lambda _: None)
    project.add_class("other")
    with pytest.raises(NotEnoughLabels, match="all 3 labels are of one class"):
        project.run_round("entropy", 5, report=lambda _: None)


def test_bad_parameters_are_refused_before_anything_is_queued(project):
    labeled_project(project)
    for arguments in (
        {"strategy": "best"},
        {"strategy": "mal", "params": {"rule": "x"}},
        {"strategy": "mal", "query_size": 0},
        {"strategy": "mal", "device": "tpu"},
    ):
        with pytest.raises(BadInput):
            project.submit_round(**arguments)
    assert project.workspace.job_rows.jobs() == []


def test_a_round_that_is_stopped_anywhere_and_resumed_is_stored_once_and_is_the_same(project, quick, home, tmp_path):
    labeled_project(project)
    train = {**quick, "steps": 6}
    expected = project.run_round("mal", 6, 4, "cpu", train=train, report=lambda _: None)
    runner = project.workspace.runner
    arguments = loop.ordered(project, "mal", 6, 4, "cpu", None, train).arguments()
    with pytest.raises(Cancelled):
        runner.run_now("round", "toy", "t", arguments, report=interrupt("training: task model"))
    job = project.workspace.job_rows.jobs()[0]
    assert job.state == "cancelled"
    project.label_from_truth(3, seed=9)  # made meanwhile: not for this round
    for stage in ("testing", "scoring", "neighbors", "layout"):
        with pytest.raises(Cancelled):
            runner.resume_now(job.id, report=interrupt(stage))
    job = runner.resume_now(job.id)
    assert job.state == "done"
    assert [r.number for r in project.rounds()] == [1, 2]
    resumed = project.round(2)
    assert job.result["round"] == 2
    assert (resumed.query, resumed.metrics, resumed.labeled) == (expected.query, expected.metrics, 12)
    assert project.files(resumed).map is not None
    assert "map" in resumed.seconds
    assert not (project.job_folder(job.id) / "checkpoint.pt").exists()


def stopped_round(project: Project, train) -> int:
    arguments = loop.ordered(project, "entropy", 6, 4, "cpu", None, train).arguments()
    with pytest.raises(Cancelled):
        project.workspace.runner.run_now("round", "toy", "t", arguments, report=interrupt("testing"))
    return project.workspace.job_rows.jobs()[0].id


def test_a_round_is_resumed_with_the_same_images_although_their_rows_moved(project, quick, digits_source, write_image):
    labeled_project(project)
    expected = project.run_round("entropy", 6, 4, "cpu", train=quick, report=lambda _: None)
    job = stopped_round(project, quick)
    for n in range(5):
        write_image(digits_source / "test" / "0" / f"a{n}.png", 3, n)
        write_image(digits_source / "train" / "0" / f"0{n}a.png", 3, n)
    project.refresh()
    resumed = project.round(project.workspace.runner.resume_now(job).result["round"])
    assert (resumed.query, resumed.metrics) == (expected.query, expected.metrics)


def test_a_round_whose_images_are_gone_is_not_resumed(project, quick, digits_source):
    labeled_project(project)
    job = stopped_round(project, quick)
    (digits_source / "train" / "0" / "00.png").unlink()
    project.refresh()
    with pytest.raises(AlcoreError, match="1 images of this round are gone .* start a new round"):
        project.workspace.runner.resume_now(job)


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


# ---- deleting and checking


def test_deleting_removes_rows_and_files_and_leaves_the_source_and_other_projects(project, digits_source, quick):
    labeled_project(project)
    project.run_round("random", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    other = Project.import_into(project.workspace, "other", digits_source / "test")
    project.delete()
    assert not project.folder.exists()
    assert project.workspace.projects() == ["other"]
    sizes = table_sizes(project.workspace)
    assert {name: sizes[name] for name in ("projects", "items", "annotations", "current", "rounds", "queries", "jobs")} == {
        "projects": 1, "items": 16, "annotations": 0, "current": 0, "rounds": 0, "queries": 0, "jobs": 0,
    }  # fmt: skip
    assert other.pixels().shape[0] == 16
    assert len(list(digits_source.rglob("*.png"))) == 56
    again = Project.import_into(project.workspace, "toy", digits_source)
    assert again.rounds() == []
    assert again.workspace.job_rows.jobs("toy") == []


def test_a_project_with_a_running_job_is_not_deleted(project):
    """In whatever process: the jobs of one that is gone keep nobody."""
    jobs = project.workspace.job_rows
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        job = jobs.add_job("round", "toy", "t", {}, "cpu", owner=process_name(other.pid))
        with pytest.raises(AlcoreError, match="a job of 'toy' is still running: cancel it first"):
            project.delete()
        assert project.counts()["items"] == 56
        other.communicate(b"\n")
    assert jobs.job(job.id).state == "running"
    project.delete()
    assert project.workspace.projects() == []
    assert not project.folder.exists()


def test_a_project_that_another_process_works_in_is_not_deleted(project):
    code = "import sys; from pathlib import Path; from alcore.files import at_work\n"
    code += "with at_work(Path(sys.argv[1])): print('in', flush=True); input()"
    command = [sys.executable, "-c", code, str(project.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as other:
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(AlcoreError, match="another process is at work in 'toy', importing or exporting: wait for it, or stop it"):
            project.delete()
        assert project.counts()["items"] == 56
        other.communicate(b"\n")
    project.delete()
    assert project.workspace.projects() == []


def test_doctor_finds_what_is_wrong_and_rebuilds_labels(project, quick):
    labeled_project(project)
    project.run_round("random", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    assert doctor.findings(project) == []
    assert doctor.findings(project, rebuild=True) == []
    with project.place.database.write() as conn:
        conn.execute(schema.current.update().where(schema.current.c.label == "0").values(label="1"))
    wrong = project.journal.differences()
    assert wrong > 0
    assert doctor.findings(project) == [f"toy: {wrong} current labels do not follow from the journal: run `doctor --project toy --rebuild`"]
    assert doctor.findings(project, rebuild=True) == [f"toy: {wrong} current labels differed from the journal and were rebuilt"]
    assert doctor.findings(project) == []
    shutil.rmtree(project.folder / "rounds")
    (project.folder / project.settings["packed"]).unlink()
    assert doctor.findings(project) == [
        "toy: the packed images are gone: import the source again on the Data page",
        "toy: the files of round 1 are gone",
    ]
    project.refresh()
    assert doctor.findings(project) == ["toy: the files of round 1 are gone"]


def test_two_objects_of_one_project_see_the_same(project, home):
    other = Workspace(home)
    twin = other.project("toy")
    item = paths(project)["train/0/00.png"]
    project.annotate({item: "0"})
    assert twin.counts()["labeled"] == 1
    assert twin.pool().labeled.tolist() == [item]
    other.close()
