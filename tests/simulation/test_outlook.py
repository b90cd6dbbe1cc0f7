"""How long an experiment may take: hand-worked sums, and which measured rounds count."""

from __future__ import annotations

import dataclasses

import pytest

from alcore.simulation.asking import Asked
from alcore.simulation.outlook import Outlook, measured, outlook
from alcore.simulation.shelf import Kept

HOW = "as rounds of this data took"


@pytest.fixture
def plan(toy, tmp_path):
    asked = Asked(str(toy), ("random", "mcdal"), 8, 5, 3, (0, 1), settings=("steps=12", "batch_size=8", "flip=false"))
    return asked.plan(tmp_path / "new")


def test_seconds_of_each_strategy_times_its_seeds_and_rounds(plan):
    assert outlook(plan, {"random": 2.0, "mcdal": 5.0, "badge": 100.0}, HOW) == Outlook(12, 42.0, HOW)


def test_what_was_not_measured_is_taken_for_the_mean_and_that_is_said(plan):
    assert outlook(plan, {"random": 2.0}, HOW) == Outlook(12, 24.0, f"{HOW}, what was not measured taken for the mean")
    assert outlook(plan, {"badge": 4.0, "bald": 6.0}, HOW).seconds == 60.0
    assert outlook(plan, {}, "unknown") == Outlook(12, None, "unknown")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Outlook(1, 0.2, HOW), f"1 round, about 1 seconds ({HOW})"),
        (Outlook(80, 720.0, HOW), f"80 rounds, about 12 minutes ({HOW})"),
        (Outlook(1000, 9000.0, HOW), f"1,000 rounds, about 2.5 hours ({HOW})"),
        (Outlook(80, None, "nobody knows"), "80 rounds; nobody knows"),
    ],
)
def test_it_says_about_how_long(found, words):
    assert found.words() == words


def test_rounds_of_the_same_data_count_by_their_steps(done, plan):
    kept = Kept.of(done[0])
    training, rest = kept.seconds()["mcdal"]
    found = measured(plan, [kept])
    assert set(found) == set(kept.config["strategies"])
    assert found["mcdal"] == pytest.approx(2 * training + rest)  # twelve steps instead of six


def test_other_data_and_other_networks_do_not_count(done, plan, tmp_path):
    kept = Kept.of(done[0])
    assert measured(dataclasses.replace(plan, source=tmp_path), [kept]) == {}
    assert measured(dataclasses.replace(plan, train={**plan.train, "architecture": "resnet18"}), [kept]) == {}
    assert measured(plan, []) == {}
