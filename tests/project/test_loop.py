"""A project's labels and rounds: what is stored, what stopping and resuming gives, what a person is told.

Longer than 400 lines: one trained project serves all of them.
"""

from __future__ import annotations

import os
import shutil

import pytest

from alcore.errors import AlcoreError, BadInput, Cancelled, NotEnoughLabels, NotFound
from alcore.progress import Progress
from alcore.project import loop
from alcore.project.facade import Project
from alcore.types import Annotation
from tests.project.played import labeled_project, paths


def interrupt(stage: str, error: type[BaseException] = Cancelled):
    def report(progress: Progress) -> None:
        if progress.stage.startswith(stage):
            raise error(f"at {stage}")

    return report


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
