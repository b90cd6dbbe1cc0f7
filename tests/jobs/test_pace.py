"""One bar and one ETA over all stages of a job: on clocks that the tests move, and on the plans of real projects."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from alcore.jobs.pace import Course, Plan, Planned
from alcore.progress import Progress

MAL = (
    Planned("training: minimax game", 28.0, begin=0.0, end=0.5),
    Planned("training: task model", 10.0, begin=0.5, end=1.0),
    Planned("testing", 0.4),
    Planned("scoring", 2.0),
    Planned("layout", 1.0, fixed=True),
)


def drive(course: Course, stages: list[tuple[str, int, int, int, float]]) -> Iterator[tuple[float, float | None, float]]:
    """Reports each step of (stage, first, last, total, seconds a step); gives (time, eta, fraction) after each."""
    now = 100.0
    for stage, first, last, total, pace in stages:
        for done in range(first, last + 1):
            course.add(now, Progress(stage, done, total), entered=done == first)
            yield now, course.eta(now), course.fraction
            now += pace


# a machine on which everything computed takes 2.5 times the guess; 400 steps of the game, 400 of the task model
SLOW = [
    ("training: minimax game", 1, 400, 800, 0.175),
    ("training: task model", 401, 800, 800, 0.0625),
    ("testing", 0, 10, 10, 0.1),
    ("testing", 0, 10, 10, 0.1),
    ("scoring", 0, 50, 50, 0.1),
    ("layout", 0, 20, 20, 0.05),
]


@pytest.mark.parametrize("measured", [False, True])
def test_from_a_tenth_on_the_whole_job_is_told_to_a_quarter(measured):
    looks = list(drive(Course(100.0, Plan(MAL, measured)), SLOW))
    start, end = looks[0][0], looks[-1][0]
    for now, eta, fraction in looks:
        past, left = (now - start) / (end - start), end - now
        if 0.1 <= past <= 0.9:
            assert eta == pytest.approx(left, rel=0.25)
            assert fraction == pytest.approx(past, abs=0.1)
    assert all(later[2] >= earlier[2] for earlier, later in itertools.pairwise(looks))
    assert 0.97 < looks[-1][2] < 1


def test_a_guess_says_nothing_before_enough_was_measured_and_what_was_measured_before_says_it_at_once():
    for measured, first in ((False, None), (True, 41.4)):
        course = Course(0.0, Plan(MAL, measured))
        course.add(0.0, Progress("reading masks", 0, 0), entered=True)  # not in the plan
        assert course.eta(0.0) == (pytest.approx(first) if first else None)
        assert course.fraction == 0.0
    reading = Plan((Planned("reading", 1.0), Planned("packing", 9.0)))
    course = Course(0.0, reading)
    course.add(0.0, Progress("reading", 0, 10), entered=True)
    course.add(1.0, Progress("reading", 5, 10), entered=False)
    assert course.eta(1.0) is None  # a tenth of what was guessed says little of the rest
    course.add(2.0, Progress("packing", 0, 10), entered=True)
    course.add(4.0, Progress("packing", 1, 10), entered=False)
    assert course.eta(4.0) == pytest.approx(18.0)


def test_a_resumed_job_counts_what_is_behind_it():
    course = Course(0.0, Plan(MAL))
    course.add(0.0, Progress("training: task model", 600, 800), entered=True)
    assert course.fraction == pytest.approx((28 + 5) / 41.4)
    for step in range(601, 701):
        course.add((step - 600) * 0.025, Progress("training: task model", step, 800), entered=False)
    assert course.fraction == pytest.approx((28 + 7.5) / 41.4)
    assert course.eta(2.5) == pytest.approx(2.5 + 3.4)
    assert course.stages(2.5) == {"training: task model": 2.5}


def test_a_stage_that_begins_again_never_moves_the_bar_back():
    course = Course(0.0, Plan(MAL[:1]))
    for step in (1, 200, 300):
        course.add(step * 0.07, Progress("training: minimax game", step, 800), entered=step == 1)
    before = course.fraction
    course.add(22.0, Progress("training", 0, 800, message="memory ran out"), entered=True)
    course.add(23.0, Progress("training: minimax game", 1, 800), entered=True)
    assert course.fraction == before == pytest.approx(0.75)


def test_without_a_plan_bar_and_eta_are_of_the_stage():
    course = Course(0.0)
    course.add(0.0, Progress("work", 0, 10), entered=True)
    course.add(1.0, Progress("work", 5, 10), entered=False)
    assert (course.eta(1.0), course.fraction) == (1.0, 0.5)
