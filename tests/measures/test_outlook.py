"""How many labels more: hand-worked numbers, and how often the range holds the truth on made-up curves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alcore.measures.outlook import FARTHEST, SPREAD, USUAL, exponent, labels_to


def test_one_round_tells_nothing_of_the_exponent_but_what_is_usual():
    assert exponent([(100, 60)], 100) == pytest.approx((USUAL, SPREAD))
    assert exponent([], 100) == (USUAL, SPREAD)


def test_a_steep_and_exact_curve_pulls_the_exponent_to_its_own():
    of = 100_000
    history = [(n, round(of * (1 - 0.5 * (n / 100) ** -0.6))) for n in (100, 200, 400, 800)]
    b, deviation = exponent(history, of)
    assert b == pytest.approx(0.6, abs=0.005)
    assert deviation < 0.01


def test_rounds_close_to_one_another_count_once():
    assert exponent([(100, 60), (110, 90), (120, 90)], 100) == exponent([(100, 60)], 100)


def test_the_range_in_numbers():
    """100 labels, 70 of 100 right: error 30.5 / 101, its log known to sqrt((1 - e) / (e 100)); b from 0.2 to 0.4."""
    error = 30.5 / 101
    noise = math.exp(math.sqrt((1 - error) / (error * 100)))
    few = 100 * ((error / noise / 0.2) ** (1 / 0.4) - 1)
    most = 100 * ((error * noise / 0.2) ** (1 / 0.2) - 1)
    assert labels_to(0.8, [(100, 70)], 100) == pytest.approx((few, most))
    assert 20 < few < most < 100 * FARTHEST


def test_what_is_near_may_be_there_and_what_is_far_has_no_end():
    few, most = labels_to(0.71, [(100, 70)], 100)
    assert (few, most > 50) == (0.0, True)
    assert labels_to(0.99, [(100, 70)], 100)[1] == math.inf
    assert labels_to(0.6, [(100, 100)], 100) == (0.0, 0.0)
    assert labels_to(0.8, [], 100) is labels_to(0.8, [(100, 0)], 0) is None


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_a_share_that_is_no_goal_is_refused(target):
    with pytest.raises(ValueError, match="is no goal"):
        labels_to(target, [(100, 70)], 100)


@pytest.mark.parametrize("of", [60, 100, 300])
def test_on_curves_of_usual_exponents_the_range_holds_about_three_times_in_four(of):
    rng = np.random.default_rng(of)
    held = []
    for _ in range(600):
        b = rng.normal(USUAL, SPREAD / 2)
        curve = lambda n, b=b: 1 - 0.4 * (n / 100) ** -b  # noqa: E731
        tried = rng.random(of)
        labels = (25, 50, 100)
        few, most = labels_to(curve(200), [(n, int((tried < curve(n)).sum())) for n in labels], of)
        held.append(few <= 100 <= most)
    assert 0.7 <= np.mean(held) <= 0.95
