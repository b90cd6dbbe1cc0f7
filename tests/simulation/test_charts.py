"""Charts: round ticks around the values, intervals where their numbers are."""

from __future__ import annotations

import re

import pytest

from alcore.simulation.charts import Look, forest_svg, ticks
from alcore.simulation.report import duration


def test_ticks_are_round_numbers_around_the_values():
    assert ticks(0.0, 100.0) == [0, 20, 40, 60, 80, 100]
    assert ticks(71.2, 93.1) == [70, 75, 80, 85, 90, 95]
    assert ticks(-0.4, 1.3) == [-0.5, 0, 0.5, 1, 1.5]
    assert ticks(5.0, 5.0)[0] < 5 < ticks(5.0, 5.0)[-1]


def test_an_interval_is_drawn_where_its_numbers_are():
    found = [{"mean": 0.01, "low": -0.01, "high": 0.03}]
    drawn = forest_svg(["mal"], [1], found, Look(100.0, "%", "accuracy"))
    zero = float(re.search(r'class="zero" x1="([\d.]+)"', drawn)[1])
    left, right = (float(re.search(r'class="whisker" x1="([\d.]+)" x2="([\d.]+)"', drawn)[i]) for i in (1, 2))
    assert zero - left == pytest.approx((right - zero) / 3, abs=0.02)


@pytest.mark.parametrize(("seconds", "words"), [
    (None, "–"), (0.002, "2.0 ms"), (0.5, "500 ms"), (1.234, "1.23 s"), (61, "61 s"), (125, "2 min"), (3 * 3600 + 240, "3 h 04 min")
])  # fmt: skip
def test_durations_are_written_as_people_read_them(seconds, words):
    assert duration(seconds) == words
