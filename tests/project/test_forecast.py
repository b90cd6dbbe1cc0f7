"""How long a round would take: the arithmetic on a clock that the steps themselves move, what is asked first, what a probe leaves alone."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
import torch
from streamlit.testing.v1 import AppTest

from alcore.cli.main import main
from alcore.errors import AlcoreError
from alcore.nets.backbones import Backbone
from alcore.project import facade as workspaces
from alcore.project import loop, probe, timing
from alcore.project.facade import Project
from alcore.project.forecast import Forecast, forecast
from alcore.project.plans import plan, ruled
from alcore.project.probe import Costs, timed
from alcore.project.timing import measure_apart
from alcore.storage.schema import meta
from alcore.strategies import STRATEGIES
from alcore.training.turn import Order
from alcore.types import Job
from tests.house import ROOT
from tests.scenes import QUICK as QUICK_SCENES
from tests.scenes import write_scenes

NAVIGATION = ROOT / "pages" / "navigation.py"
COSTS = Costs((("minimax game", 1.0, 0.5), ("task model", 0.5, 0.2)), test=0.03, score=0.02, timed=7)
IMAGES = {"pool": 40, "test": 16, "labeled": 10}  # of the toys below
SECONDS = {"train": 8.0, "evaluate": 2.6, "score": 4.0, "select": 0.5, "map": 2.0}


@pytest.fixture
def toy(project: Project) -> Project:
    """40 images in the pool, 10 of them labeled, and 16 for testing."""
    project.label_from_truth(IMAGES["labeled"], seed=0)
    return project


@pytest.fixture
def quick_one(toy: Project, quick) -> Callable[..., Order]:
    """`quick_one(strategy, query=5, **train)` gives the order of a round of 30 steps."""

    def order(strategy: str, query: int = 5, **train: Any) -> Order:
        return loop.ordered(toy, strategy, query, 0, "cpu", None, {**quick, **train})

    return order


def add_round(project: Project, order: Order, seconds: dict[str, float] = SECONDS, device: str = "cpu") -> None:
    """A round as if it had been trained with this order."""
    asked = project.pool().unlabeled[: order.query_size].tolist()
    train = vars(order.check()[1])
    project.round_rows.add(order.strategy, asked, seed=0, labeled=10, device=device, seconds=seconds, params=order.params, train=train)


def run_a_job(project: Project, order: Order, owner: str | None = "somebody") -> Job:
    """A job in the table, running under `owner`."""
    table = project.workspace.job_rows
    return table.job(table.add_job("round", project.name, "t", order.arguments(), "cpu", owner=owner).id)


def never(project: Project, order: Any) -> Costs:
    raise AssertionError("steps were timed")


# ---- words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ({"train": 8.2, "test": 0.1, "score": 3.0}, "about 11 seconds on cpu: train 8, score 3 (by hand)"),
        ({"train": 180.0, "test": 5.0, "score": 60.0}, "about 4 minutes on cpu: train 3, score 1 (by hand)"),
        ({"train": 7200.0, "score": 600.0}, "about 2.2 hours on cpu: train 2.0, score 0.2 (by hand)"),
        ({"train": 0.3, "score": 0.2}, "under 1 second on cpu: train under 1, score under 1 (by hand)"),
        ({}, "how long it takes is not known yet: by hand"),
    ],
)
def test_a_forecast_is_one_line(seconds, words):
    assert Forecast("cpu", seconds, "by hand").words() == words


def test_what_is_long_names_a_cure():
    assert Forecast("cpu", {"train": 600.0, "score": 0.0}, "").cure() == ""
    assert Forecast("cpu", {"train": 601.0, "score": 0.0}, "").cure() == "Shorter with fewer steps, smaller images or a GPU."
    assert Forecast("cuda:0", {"train": 601.0, "score": 0.0}, "").cure() == "Shorter with fewer steps or smaller images."
    sampled = "Shorter with scoring a sample of the pool, smaller images or a GPU."
    assert Forecast("cpu", {"train": 100.0, "score": 900.0}, "").cure() == sampled


# ---- arithmetic


class Moved:
    """A clock that only work moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("first", "step", "each", "steps"), [(1.0, 0.25, 0.25, 4), (9.0, 0.25, 9.0, 1), (0.5, 0.8, 0.8, 3)])
def test_steps_are_timed_after_a_warm_up_until_there_are_enough_or_time_is_over(toy, quick_one, monkeypatch, first, step, each, steps):
    """Of 30 steps at most 3 are timed beside the first, in 2 s; a first one that takes longer is its own measure."""
    clock = Moved()

    class Slow(STRATEGIES["random"]):  # type: ignore[misc,name-defined]
        taken = 0

        def step(self, batches):
            clock.now += step if self.taken else first
            self.taken += 1
            return {"loss": torch.zeros(())}

        def predict(self, x):
            clock.now += 0.002 * len(x)
            return super().predict(x)

        def score(self, x):
            clock.now += 0.003 * len(x)
            return super().score(x)

    monkeypatch.setattr(probe, "strategy_named", lambda name: Slow)
    costs = timed(toy, quick_one("random"), clock)
    assert costs.stages == (("training", 1.0, pytest.approx(each)),)
    assert (costs.timed, costs.test, costs.score) == (steps, pytest.approx(0.002), pytest.approx(0.003))


def test_costs_are_multiplied_by_steps_and_images(toy, quick_one):
    """30 steps of the game, 15 of the task model; 16 test and 10 labeled images are tested, 30 and 10 scored."""
    told = forecast(toy, quick_one("mal"), lambda *_: COSTS)
    assert told.seconds == pytest.approx(
        {"train": 30 * 0.5 + 15 * 0.2, "test": 26 * 0.03, "score": 40 * 0.02, "select": 0.0, "map": 1.25 * 0.0004 * 40}
    )
    assert told.total == pytest.approx(18 + 0.78 + 0.8 + 0.02)
    assert told.how == "7 steps were timed"
    assert told.stages == pytest.approx(
        {
            "training: minimax game": 15.0, "training: task model": 3.0, "testing": 0.78, "scoring": 0.8,
            "neighbors": 0.004, "layout": 0.016,
        }
    )  # fmt: skip
    sampled = forecast(toy, quick_one("mal", score_sample=6), lambda *_: COSTS)
    assert sampled.seconds["score"] == pytest.approx(16 * 0.02)
    greedy = forecast(toy, quick_one("coreset", query=8), lambda *_: COSTS)
    assert greedy.seconds["select"] == pytest.approx(8 * 40 * 5e-7)


def test_the_last_round_like_it_is_preferred_and_scaled(toy, quick_one):
    add_round(toy, quick_one("mal"))
    add_round(toy, quick_one("mcdal"), dict.fromkeys(SECONDS, 99.0))  # newer, but another strategy
    again = forecast(toy, quick_one("mal", steps=90, learning_rate=0.01), never)
    assert again.how == "as round 1 took"
    assert again.seconds == pytest.approx({"train": 24.0, "test": 2.6, "score": 4.0, "select": 0.5, "map": 2.0})
    sampled = forecast(toy, quick_one("mal", score_sample=6), never)
    assert sampled.seconds["score"] == pytest.approx(4.0 * 16 / 40)
    toy.label_from_truth(5, seed=1)  # 15 labeled: 31 are tested, and still all 40 scored
    assert forecast(toy, quick_one("mal"), never).seconds == pytest.approx(
        {"train": 8.0, "test": 2.6 * 31 / 26, "score": 4.0, "select": 0.5, "map": 2.0}
    )


@pytest.mark.parametrize(
    "other",
    [
        {"batch_size": 8},
        {"architecture": "resnet18_cifar"},
        {"crop": 0.2},
    ],
    ids=str,
)
def test_a_round_of_other_work_tells_nothing(toy, quick_one, other):
    add_round(toy, quick_one("mal"))
    assert forecast(toy, quick_one("mal", **other), lambda *_: COSTS).how == "7 steps were timed"


def test_rounds_of_another_device_or_without_a_model_tell_nothing(toy, quick_one):
    add_round(toy, quick_one("mal"), device="cuda:0")
    toy.start(3, "random", seed=0)
    assert forecast(toy, quick_one("mal"), lambda *_: COSTS).how == "7 steps were timed"


def test_picks_of_a_greedy_query_are_scaled_by_its_size(toy, quick_one):
    add_round(toy, quick_one("coreset", query=5))
    assert forecast(toy, quick_one("coreset", query=10), never).seconds["select"] == pytest.approx(1.0)


# ---- a device that is busy


def test_while_a_job_runs_nothing_is_timed_and_a_round_of_the_network_gives_the_pace(toy, quick_one):
    run_a_job(toy, quick_one("random"))
    unknown = forecast(toy, quick_one("mal"), never)
    assert unknown.words() == "how long it takes is not known yet: another job runs on cpu, and no round with this network tells"
    assert unknown.cure() == ""
    add_round(toy, quick_one("random"))
    told = forecast(toy, quick_one("mal"), never)
    cost = {name: sum(p.seconds for p in ruled(toy, quick_one(name)) if p.stage.startswith("training")) for name in ("mal", "random")}
    assert told.seconds["train"] == pytest.approx(8.0 * cost["mal"] / cost["random"])
    assert told.how == "a rule on round 1's pace, as another job runs on cpu"
    assert forecast(toy, quick_one("random"), never).how == "as round 1 took"


# ---- real steps


@pytest.fixture
def scenes(workspace, tmp_path) -> Project:
    """Masks: ten scenes in the pool, four labeled, and four for testing."""
    made = Project.import_into(workspace, "scenes", write_scenes(tmp_path / "scenes"))
    made.label_from_truth(4, seed=0)
    return made


def is_finite(told: Forecast) -> bool:
    return all(math.isfinite(value) and value >= 0 for value in told.seconds.values()) and told.seconds["train"] > 0


@pytest.mark.parametrize("name", [name for name, kind in STRATEGIES.items() if "classification" in kind.tasks])
def test_every_strategy_has_a_forecast(toy, quick_one, name):
    assert is_finite(forecast(toy, quick_one(name, batch_size=4, steps=10)))


@pytest.mark.parametrize("name", [name for name, kind in STRATEGIES.items() if "segmentation" in kind.tasks])
def test_every_strategy_has_a_forecast_for_masks(scenes, name):
    order = loop.ordered(scenes, name, 2, 0, "cpu", None, {**QUICK_SCENES, "batch_size": 2, "steps": 10})
    assert is_finite(forecast(scenes, order))


def test_regions_are_cut_while_scoring_is_timed(scenes, monkeypatch):
    cut: list[int] = []
    honest = probe.Regions.add
    monkeypatch.setattr(probe.Regions, "add", lambda self, ids, *rest: (cut.extend(ids), honest(self, ids, *rest)))
    regions = {**QUICK_SCENES, "batch_size": 2, "steps": 10, "query_unit": "superpixels", "region_count": 4}
    assert timed(scenes, loop.ordered(scenes, "margin", 2, 0, "cpu", None, regions)).score > 0
    assert len(cut) == 6


def state_of(project: Project) -> tuple[Any, ...]:
    """All that a probe must leave alone: generators, threads, rows, files."""
    with project.place.database.read() as conn:
        rows = {table.name: conn.execute(sa.select(table)).all() for table in meta.sorted_tables}
    files = {str(f): hashlib.sha1(f.read_bytes()).hexdigest() for f in sorted(project.folder.rglob("*")) if f.is_file()}
    generators = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    return generators, torch.get_num_threads(), rows, files


def test_a_probe_leaves_everything_as_it_was_and_a_round_what_it_would_be(toy, quick_one):
    before = state_of(toy)
    timed(toy, quick_one("mal"))
    assert state_of(toy) == before
    order = quick_one("mcdal")
    first = toy.run_round("mcdal", 5, 0, "cpu", train=order.train, report=lambda _: None)
    timed(toy, quick_one("mcdal"))
    second = toy.run_round("mcdal", 5, 0, "cpu", train=order.train, report=lambda _: None)
    assert (second.metrics, second.query) == (first.metrics, first.query)


def test_images_too_small_for_a_network_are_told_before_the_start(toy, quick_one, monkeypatch):
    monkeypatch.setattr(Backbone, "smallest", 16)
    with pytest.raises(AlcoreError, match="small_cnn wants images of at least 16 pixels and these have 8"):
        timed(toy, quick_one("random"))


def test_steps_are_timed_in_a_process_of_their_own(toy, quick_one):
    began = []
    costs, done = measure_apart(toy, quick_one("mcdal"), began.append)
    assert done
    assert [name for name, *_ in costs.stages] == ["training"]
    assert costs.stages[0][2] > 0
    assert began[0].returncode == 0
    assert began[1] is None


@pytest.mark.parametrize("how", ["a job starts", "it is stopped"])
def test_the_process_ends_when_its_device_is_wanted(toy, quick_one, how):
    order, began = quick_one("mcdal"), []

    def want(process: Any) -> None:
        began.append(process)
        if process is not None and how == "a job starts":
            run_a_job(toy, order)
        elif process is not None:
            process.kill()

    assert measure_apart(toy, order, want) == (None, False)
    assert began[0].returncode < 0


# ---- where it shows


def wait(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_a_look_begins_the_timing_once_and_other_numbers_of_steps_need_none(toy, quick, timed_apart):
    seen = toy.workspace.forecasts

    def look(**train: Any) -> Forecast | AlcoreError | None:
        return seen.look(toy, "mal", 5, "cpu", None, {**quick, **train})

    first = look()
    assert first is None
    wait(lambda: look() is not None)
    assert look().seconds["train"] == pytest.approx(3.0)
    assert look(steps=600, learning_rate=0.01).seconds["train"] == pytest.approx(60.0)
    assert len(timed_apart) == 1
    assert look(batch_size=8) is None
    wait(lambda: look(batch_size=8) is not None)
    assert len(timed_apart) == 2


def test_what_would_stop_the_round_is_told_instead(toy, quick, monkeypatch):
    def refuse(*given: Any) -> None:
        raise AlcoreError("the images are too small")

    monkeypatch.setattr(timing, "measure_apart", refuse)
    seen = toy.workspace.forecasts
    wait(lambda: seen.look(toy, "mal", 5, "cpu", None, quick) is not None)
    assert str(seen.look(toy, "mal", 5, "cpu", None, quick)) == "the images are too small"


def test_a_job_is_planned_as_was_forecast(toy, quick, quick_one, monkeypatch):
    monkeypatch.setattr(timing, "measure_apart", lambda *_: (COSTS, True))
    job = run_a_job(toy, quick_one("mal"), owner=None)
    assert not plan(toy.workspace, job, toy.workspace.forecasts.stages).measured
    wait(lambda: toy.workspace.forecasts.look(toy, "mal", 5, "cpu", None, quick) is not None)
    planned = plan(toy.workspace, job, toy.workspace.forecasts.stages)
    assert planned.measured
    assert {p.stage: p.seconds for p in planned.stages} == pytest.approx(
        {
            "training: minimax game": 15.0, "training: task model": 3.0, "testing": 0.78, "scoring": 0.8,
            "neighbors": 0.004, "layout": 0.016,
        }
    )  # fmt: skip
    assert dataclasses.replace(job) == toy.workspace.job_rows.job(job.id)


def test_the_train_page_says_it_below_both_buttons(tmp_path, make_source, monkeypatch, timed_apart):
    monkeypatch.setenv("ALCORE_HOME", str(tmp_path / "home"))
    opened = workspaces.shared()
    made = Project.import_into(opened, "toy", make_source(tmp_path / "images"))
    made.label_from_truth(10, seed=0)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=60.0).switch_page("train.py")

    def lines() -> list[str]:
        assert not at.run().exception
        return [caption.value for caption in at.caption if ":material/schedule:" in caption.value]

    assert len(lines()) == 2
    line = ":material/schedule: About 61 seconds on cpu: train 60 (5 steps were timed)."  # 600 steps of 0.1 s
    wait(lambda: lines() == [line, line])
    next(n for n in at.number_input if n.label == "Steps").set_value(60_000)
    long = ":material/schedule: About 1.7 hours on cpu: train 1.7 (5 steps were timed). Shorter with fewer steps, smaller images or a GPU."
    assert lines() == [line, long]
    assert len(timed_apart) == 1
    opened.close()


def test_the_command_line_says_it_before_it_trains(toy, home, capsys):
    toy.workspace.close()
    train = ["train", "--project", "toy", "--strategy", "mcdal", "--query-size", "6", "--home", str(home), "--json"]
    train += ["--device", "cpu", "--set", "steps=4", "--set", "batch_size=8"]
    for how in ("4 steps were timed", "as round 1 took"):
        assert main(train) == 0
        first, second, *_ = capsys.readouterr().err.splitlines()
        assert first.startswith("alcore: ")
        assert first.endswith(f"({how}).")
        assert " on cpu: train " in first
        assert second.startswith("training")


def test_no_steps_are_timed_where_they_are_not_wanted(toy, quick, timed_apart, monkeypatch):
    monkeypatch.setenv("ALCORE_FORECAST", "0")
    told = toy.workspace.forecasts.look(toy, "margin", 4, "cpu", train=quick)
    assert (dict(told.seconds), timed_apart) == ({}, [])
