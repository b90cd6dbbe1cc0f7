"""How the stages of a job are planned before it begins, on real projects."""

from __future__ import annotations

import dataclasses

import pytest

from alcore.jobs.pace import Plan, Planned
from alcore.progress import Progress
from alcore.project import loop, timing
from alcore.project.facade import Project
from alcore.project.plans import plan
from alcore.project.probe import Costs
from alcore.types import Job
from tests.project.timed import run_a_job, wait


def job(project: Project, arguments: dict) -> Job:
    return project.workspace.job_rows.job(project.workspace.job_rows.add_job("round", project.name, "t", arguments, "cpu").id)


def test_a_round_is_planned_by_its_strategy_its_steps_and_its_images(project, quick):
    """Of 40 images 10 are labeled, 16 are tested, and a step is worth 3 passes over its batch of 16."""
    project.label_from_truth(10, seed=0)
    arguments = loop.ordered(project, "mal", 5, 0, "cpu", {"task_steps": 0.5}, quick).arguments()
    planned = plan(project.workspace, job(project, arguments))
    assert not planned.measured
    game, task, tested, scored, near, laid = planned.stages
    assert [s.stage for s in planned.stages] == [
        "training: minimax game", "training: task model", "testing", "scoring", "neighbors", "layout",
    ]  # fmt: skip
    assert (game.begin, game.end, task.begin, task.end) == (0, 30 / 45, 30 / 45, 1)
    assert task.seconds / game.seconds == pytest.approx(15 / (30 * 2.8))
    assert tested.seconds / task.seconds == pytest.approx(26 / 16 / 3 / 15)
    assert scored.seconds / task.seconds == pytest.approx(30 / 16 / 3 / 15)
    assert (near.fixed, laid.fixed, laid.seconds) == (True, True, pytest.approx(0.016))
    other = loop.ordered(project, "random", 5, 0, "cpu", None, quick).arguments()
    assert [s.stage for s in plan(project.workspace, job(project, other)).stages][:2] == ["training", "testing"]


def test_a_second_round_is_planned_as_the_first_one_went(project, quick):
    project.label_from_truth(10, seed=0)
    project.run_round("mal", 5, 0, "cpu", train=quick, report=lambda _: None)
    (done,) = project.workspace.job_rows.jobs("toy")
    assert list(done.stages)[:3] == ["training: minimax game", "training: task model", "testing"]
    assert sum(done.stages.values()) <= done.took
    again = loop.ordered(project, "mal", 5, 1, "cpu", None, {**quick, "steps": 60}).arguments()
    planned = plan(project.workspace, job(project, again))
    assert planned.measured
    assert planned.stages[0].seconds == pytest.approx(2 * done.stages["training: minimax game"])  # twice the steps
    assert planned.stages[3].seconds == done.stages["scoring"]
    assert not any(s.fixed for s in planned.stages)
    other = loop.ordered(project, "mal", 5, 1, "cpu", None, {**quick, "architecture": "resnet18_cifar"}).arguments()
    assert not plan(project.workspace, job(project, other)).measured


def test_the_runner_says_how_far_a_round_is_as_a_whole(project, quick):
    project.label_from_truth(10, seed=0)
    runner, looks = project.workspace.runner, []

    def report(progress: Progress) -> None:
        (running,) = runner.jobs("toy")
        looks.append((progress.stage, runner.fraction(running), runner.eta_seconds(running)))

    project.run_round("mcdal", 5, 0, "cpu", train=quick, report=report)
    shares = [share for _, share, _ in looks]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert max(share for stage, share, _ in looks if stage.startswith("training")) < shares[-1] < 1
    assert any(eta is not None for *_, eta in looks)
    (done,) = runner.jobs("toy")
    assert (runner.fraction(done), runner.eta_seconds(done)) == (None, None)


COSTS = Costs((("minimax game", 1.0, 0.5), ("task model", 0.5, 0.2)), test=0.03, score=0.02, timed=7)


def test_a_job_is_planned_as_was_forecast(toy, quick, quick_one, monkeypatch):
    monkeypatch.setattr(timing, "measure_apart", lambda *_: (COSTS, True))
    job = run_a_job(toy, quick_one("mal"), owner=None)
    assert not plan(toy.workspace, job, toy.workspace.forecasts.stages).measured
    wait(lambda: toy.workspace.forecasts.look(toy, loop.drafted(toy, "mal", 5, 0, "cpu", None, quick)) is not None)
    planned = plan(toy.workspace, job, toy.workspace.forecasts.stages)
    assert planned.measured
    assert {p.stage: p.seconds for p in planned.stages} == pytest.approx(
        {
            "training: minimax game": 15.0, "training: task model": 3.0, "testing": 0.78, "scoring": 0.8,
            "neighbors": 0.004, "layout": 0.016,
        }
    )  # fmt: skip
    assert dataclasses.replace(job) == toy.workspace.job_rows.job(job.id)


def test_a_round_that_reads_images_first_is_planned_with_them(photos):
    photos.label_from_truth(10, seed=0)
    arguments = loop.ordered(photos, "entropy", 5, 0, "cpu").arguments()
    stages = plan(photos.workspace, job(photos, arguments)).stages
    assert [s.stage for s in stages] == ["features", "training", "testing", "scoring", "neighbors", "layout"]
    assert (stages[0].seconds, stages[0].fixed) == (pytest.approx(56 * 0.04), True)
    photos.features(device="cpu", report=lambda _: None)
    stages = plan(photos.workspace, job(photos, arguments)).stages
    assert [s.stage for s in stages] == ["training", "testing", "scoring", "neighbors", "layout"]
    assert [s.seconds for s in stages[3:]] == [0.0, 0.0]  # the map is there


def test_a_job_of_features_is_planned_too(photos):
    table = photos.workspace.job_rows
    planned = plan(photos.workspace, table.job(table.add_job("features", "photos", "t", {"extractor": "lite0"}, "features").id))
    assert [s.stage for s in planned.stages] == ["features", "neighbors", "layout"]


def test_of_a_simulation_its_rounds_count(workspace):
    made = workspace.job_rows.add_job("simulation", "simulations/digits", "t", {}, "cpu")
    assert plan(workspace, made) == Plan((Planned("simulating", 1.0),))
