"""How long a round would take: the arithmetic on a clock that the steps themselves move, what is asked first, what a probe leaves alone."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from alcore.project import loop
from alcore.project.facade import Project
from alcore.project.features import Features
from alcore.project.forecast import Forecast, forecast
from alcore.project.plans import READ, ruled
from alcore.project.probe import Costs
from alcore.strategies import STRATEGIES
from alcore.training.turn import Order
from tests.project.timed import run_a_job
from tests.scenes import QUICK as QUICK_SCENES
from tests.scenes import write_scenes

COSTS = Costs((("minimax game", 1.0, 0.5), ("task model", 0.5, 0.2)), test=0.03, score=0.02, timed=7)
SECONDS = {"train": 8.0, "evaluate": 2.6, "score": 4.0, "select": 0.5, "map": 2.0}


def add_round(project: Project, order: Order, seconds: dict[str, float] = SECONDS, device: str = "cpu") -> None:
    """A round as if it had been trained with this order."""
    asked = project.pool().unlabeled[: order.query_size].tolist()
    train = vars(order.check()[1])
    project.round_rows.add(order.strategy, asked, seed=0, labeled=10, device=device, seconds=seconds, params=order.params, train=train)


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
    assert told.how == "reckoned from round 1's pace, as another job runs on cpu"
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


# ---- features


def features_job(project: Project, made: int, pace: float, device: str = "cpu", extractor: str = "lite0", known: int = 0) -> None:
    """A job as if it had read `made` images at this pace."""
    table, told = project.workspace.job_rows, {"made": made, "known": known, "images_per_second": pace}
    job = table.add_job("features", project.name, "t", {"extractor": extractor, "device": device}, "features", owner="me")
    assert table.finish_job(job.id, "done", result=told, owner="me")


def round_on_features(project: Project, strategy: str = "mal") -> Order:
    return loop.ordered(project, strategy, 5, 0, "cpu", None, {"steps": 30, "batch_size": 16})


def test_images_that_are_still_to_be_read_are_part_of_a_forecast(photos):
    photos.label_from_truth(10, seed=0)
    told = forecast(photos, round_on_features(photos), lambda *_: COSTS)
    assert next(iter(told.seconds)) == "features"
    assert told.seconds["features"] == pytest.approx(56 * READ)
    assert told.seconds["map"] == pytest.approx(1.25 * 0.0004 * 40)
    assert told.stages["features"] == told.seconds["features"]
    assert told.words().startswith("about 23 seconds on cpu: features 2, train 19")
    Features(photos).complete("cpu")
    Features(photos).map()
    told = forecast(photos, round_on_features(photos), lambda *_: COSTS)
    assert "features" not in told.seconds
    assert told.seconds["map"] == 0.0  # it is laid out


def test_the_pace_of_reading_is_that_of_the_last_job_that_tells(photos, toy):
    photos.label_from_truth(10, seed=0)

    def seconds() -> float:
        return forecast(photos, round_on_features(photos), lambda *_: COSTS).seconds["features"]

    features_job(toy, 500, 20.0)  # of another project: better than a rule
    assert seconds() == pytest.approx(56 / 20)
    features_job(photos, 56, 7.0)
    features_job(toy, 500, 90.0)
    assert seconds() == pytest.approx(56 / 7)
    features_job(photos, 3, 0.5)  # too few images tell nothing
    features_job(photos, 0, 0.0)
    features_job(photos, 400, 800.0, known=390)
    features_job(photos, 400, 900.0, device="cuda")
    features_job(photos, 400, 2.0, extractor="lite2")
    assert seconds() == pytest.approx(56 / 7)
    features_job(photos, 400, 40.0, known=300)  # what was known took no time to speak of
    assert seconds() == pytest.approx(56 / 10)


def test_reading_goes_at_its_own_pace_beside_that_of_rounds(photos):
    photos.label_from_truth(10, seed=0)
    order = round_on_features(photos)
    add_round(photos, order, {**SECONDS, "train": 500.0})
    run_a_job(photos, order)
    other = round_on_features(photos, "entropy")
    assert forecast(photos, other, never).seconds["features"] == pytest.approx(56 * READ)
    assert forecast(photos, order, never).seconds["features"] == pytest.approx(56 * READ)


def test_a_long_reading_is_said_to_come_once():
    read = {"features": 5000.0, "train": 60.0, "score": 0.0}
    assert Forecast("cpu", read, "").cure() == "Images are read for their features once; the rounds after this one do not wait for that."
    both = {"features": 700.0, "train": 800.0, "score": 0.0}
    assert Forecast("cpu", both, "").cure() == "Shorter with fewer steps, smaller images or a GPU."


def test_a_round_on_features_is_as_the_last_one_like_it_took(photos):
    """What a strategy takes there by itself is no difference: mal plays no game in either."""
    photos.label_from_truth(10, seed=0)
    first = round_on_features(photos)
    photos.run_round("mal", first.query_size, seed=0, device="cpu", params=first.params, train=first.train, report=lambda _: None)
    assert forecast(photos, round_on_features(photos), lambda *_: COSTS).how == "as round 1 took"
    other = dataclasses.replace(first, params={"minimax": True})
    assert forecast(photos, other, lambda *_: COSTS).how == "7 steps were timed"
