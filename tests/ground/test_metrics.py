"""Metrics in words: percent or not, the interval of an accuracy, and when a change of it means nothing."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.metrics import Standing, is_share, percent, signed, title, told, wilson
from alcore.project.tables import learning_curve
from alcore.types import Round


@pytest.mark.parametrize(
    ("share", "n", "interval"),
    [  # worked by hand from Wilson 1927
        (0.5, 100, (0.4038, 0.5962)),
        (0.0, 10, (0.0, 0.2775)),
        (1.0, 10, (0.7225, 1.0)),
        (0.75, 120, (0.6656, 0.8189)),
    ],
)
def test_the_interval_of_an_accuracy_is_wilsons(share, n, interval):
    assert wilson(share, n) == pytest.approx(interval, abs=5e-5)


def test_the_interval_holds_the_true_value_19_times_out_of_20():
    rng = np.random.default_rng(0)
    hits = [low <= 0.9 <= high for low, high in (wilson(k / 120, 120) for k in rng.binomial(120, 0.9, 4000))]
    assert 0.93 < np.mean(hits) < 0.97


def test_no_trial_has_no_interval():
    with pytest.raises(ValueError, match="at least one trial"):
        wilson(0.5, 0)


@pytest.mark.parametrize(
    ("metric", "share", "named"),
    [
        ("accuracy", True, "Accuracy"),
        ("balanced_accuracy", True, "Balanced accuracy"),
        ("mean_iou", True, "Mean IoU"),
        ("iou", True, "IoU"),
        ("iou/3", True, "IoU/3"),
        ("loss", False, "Loss"),
        ("rank", False, "Rank"),
    ],
)
def test_metrics_have_names_and_shares_are_told_in_percent(metric, share, named):
    assert (is_share(metric), title(metric)) == (share, named)
    assert told(metric, 0.93314) == ("93.3 %" if share else "0.9331")


def test_a_change_within_the_noise_is_said_to_be():
    standing = Standing(0.75, 0.70, 120, is_counted=True)
    assert (standing.points, standing.is_noise) == (5.0, True)
    assert standing.words() == (
        "Measured on 120 test images: the 95 % interval is 66.6 to 81.9 %. "
        "The change is within the test set's noise: 120 test images, ±7.7 points."
    )


def test_a_large_change_is_no_noise_and_a_fall_keeps_its_sign():
    standing = Standing(0.62, 0.75, 1000, is_counted=True)
    assert (standing.points, standing.is_noise) == (-13.0, False)
    assert standing.words() == "Measured on 1,000 test images: the 95 % interval is 59.0 to 65.0 %."


def test_a_mean_iou_gets_no_interval_that_nobody_measured():
    standing = Standing(0.230, 0.282, 40, is_counted=False)
    assert (standing.interval, standing.points, standing.is_noise) == (None, -5.2, False)
    assert standing.words() == "Over 40 test images; on others it may differ, by how much is not known."


def test_a_change_that_rounds_to_nothing_has_no_sign():
    assert str(Standing(0.7499, 0.75, 120, is_counted=True).points) == "0.0"
    assert Standing(0.75, None, 120, is_counted=True).points is None
    assert percent(1.0) == "100.0 %"


def made(number: int, strategy: str, labeled: int) -> Round:
    metrics = {"accuracy": 0.5} if not strategy.startswith("start") else {}
    return Round(number, "toy", number, strategy, {}, {}, 0, labeled, (), metrics, {}, "cpu", "", 0.0)


def test_the_newest_labels_are_of_the_round_before_until_there_are_newer_ones():
    rounds = [made(0, "start:random", 0), made(1, "mal", 24), made(2, "margin", 40), made(3, "bald", 40), made(4, "mcdal", 60)]
    curve = learning_curve(rounds)
    assert curve["strategy"].tolist() == ["MAL", "Margin", "BALD", "MCDAL"]
    assert curve["asked_by"].tolist() == ["first labels", "MAL", "MAL", "BALD"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.25, "+1.2"), (-4.06, "-4.1"), (0.0, "+0.0"), (-0.03, "-0.03"), (0.0449, "+0.04"), (-0.05, "-0.1"), (1e-9, "+1e-09")],
)
def test_a_difference_that_is_there_is_never_told_as_none(value, text):
    assert signed(value) == text
