"""Pace and goals: what counts as work, what is said of a share and of a deadline, and what is refused."""

from __future__ import annotations

import math

import pytest

from alcore.errors import BadInput
from alcore.measures import outlook
from alcore.project import creation, goals, live, sharing, slices
from alcore.project.goals import Goal
from alcore.storage.items import Items
from alcore.types import Annotation


def moments(monkeypatch, *seconds: float, **others: list[float]) -> None:
    """Labels were given at these times, by one person and by others of these names."""
    given = [("me", at) for at in seconds] + [(who, at) for who, of_one in others.items() for at in of_one]
    monkeypatch.setattr(Items, "label_moments", lambda self, n: sorted(given, key=lambda one: -one[1])[:n])


def test_the_pace_leaves_pauses_out(photos, monkeypatch):
    assert goals.pace(photos) is None
    moments(monkeypatch, *range(0, 50, 10))
    assert goals.pace(photos) is None  # four times between two are no pace yet
    moments(monkeypatch, *range(0, 60, 10), *range(5000, 5060, 10))
    assert goals.pace(photos) == pytest.approx(6.0)
    moments(monkeypatch, *[7.0] * 20)  # stored at one moment
    assert goals.pace(photos) is None


def test_the_pace_of_several_people_is_the_sum_of_theirs(photos, monkeypatch):
    ann, ben = [float(at) for at in range(0, 200, 10)], [float(at) for at in range(3, 203, 20)]
    moments(monkeypatch, ann=ann, ben=ben)
    assert goals.pace(photos) == pytest.approx(6.0 + 3.0)
    # ann's pauses are no work, though ben labels through them
    moments(monkeypatch, ann=[*ann[:10], *(at + 1000 for at in ann[:10])], ben=[float(at) for at in range(0, 1200, 20)])
    assert goals.pace(photos) == pytest.approx(6.0 + 3.0)
    moments(monkeypatch, ann=ann, ben=[at + 2000 for at in ben])  # ann left half an hour ago
    assert goals.pace(photos) == pytest.approx(3.0)
    moments(monkeypatch, ann=ann, ben=ben[:3])  # three labels say nothing of how fast ben is
    assert goals.pace(photos) == pytest.approx(6.0)
    many = {f"p{n}": [float(n + at) for at in range(0, 100, 10)] for n in range(20)}
    moments(monkeypatch, **many)
    assert goals.pace(photos) == pytest.approx(20 * 6.0)


def test_where_each_image_takes_two_people_their_labels_make_half_as_many(photos, monkeypatch):
    moments(monkeypatch, ann=list(range(0, 60, 5)), ben=list(range(0, 60, 5)))
    goals.aim(photos, minutes=20)
    until = goals.goal(photos).until
    assert goals.told(photos, until - 600) == ["10 min left: about 240 labels more"]
    sharing.choose(photos, opinions=2)
    assert goals.pace(photos) == pytest.approx(12.0)
    assert goals.told(photos, until - 600) == ["10 min left: about 120 labels more"]


def test_moments_are_those_of_labels_that_people_gave_one_by_one(photos):
    ids = photos.pool().unlabeled[:3].tolist()
    events = [
        Annotation("t", 1, ids[0], "label", photos.classes[0], 700, annotator="me"),
        Annotation("t", 2, ids[1], "skip", None, 700, annotator="me"),
        Annotation("t", 3, ids[2], "label", photos.classes[0], None, annotator="me"),  # by a program: it says no time
    ]
    assert photos.journal.record(events, photos.classes)[1] == []
    assert len(photos.items.label_moments(10)) == 1
    photos.label_from_truth(5, seed=0)
    assert len(photos.items.label_moments(10)) == 1


def test_a_goal_is_kept_beside_other_choices_and_taken_away(photos):
    live.choose(photos, True, 7)
    assert goals.goal(photos) == Goal()
    goals.aim(photos, 0.85, 20)
    assert (goals.goal(photos).accuracy, live.settings(photos).every) == (0.85, 7)
    other = photos.workspace.project("photos")
    live.choose(other, True, 9)
    goals.aim(photos, 0.9)
    assert (goals.goal(other), live.settings(photos).every) == (Goal(0.85, goals.goal(other).until), 9)
    goals.forget(photos)
    assert (goals.goal(photos), goals.told(photos)) == (Goal(), [])


def test_what_was_chosen_while_the_source_was_read_again_stays(photos, monkeypatch):
    gather = creation.importing.gather

    def slow(*given, **more):
        goals.aim(photos.workspace.project("photos"), 0.9)
        return gather(*given, **more)

    live.choose(photos, True, 7)
    monkeypatch.setattr(creation.importing, "gather", slow)
    photos.refresh(report=lambda _: None)
    assert (goals.goal(photos).accuracy, live.settings(photos).every) == (0.9, 7)


@pytest.mark.parametrize(
    ("asked", "words"), [((1.0, None), "share of 1.0"), ((0.0, None), "share of 0.0"), ((None, 0), "0 minutes"), ((None, 1e6), "1e+06")]
)
def test_a_goal_that_makes_no_sense_is_refused(photos, asked, words):
    with pytest.raises(BadInput, match=words.replace("+", r"\+")):
        goals.aim(photos, *asked)
    assert goals.goal(photos) == Goal()


def test_a_deadline_says_how_many_labels_it_leaves(photos, monkeypatch):
    goals.aim(photos, minutes=20)
    until = goals.goal(photos).until
    assert goals.told(photos, until - 600) == ["10 min left"]
    moments(monkeypatch, *range(0, 60, 5))
    assert goals.told(photos, until - 599) == ["10 min left: about 120 labels more"]
    assert goals.told(photos, until) == ["the time is over"]


def test_without_test_images_the_way_to_a_share_is_not_known(photos):
    goals.aim(photos, 0.9)
    assert goals.told(photos) == ["how far 90 % is off is not known without test images"]


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ((12.3, 137.0), "85 % takes 12 to 140 labels more (1 min to 11 min)"),
        ((0.0, 31.0), "85 % may be reached, or takes up to 31 labels (3 min) more"),
        ((9.0, math.inf), "85 % takes at least 9 labels (less than a minute) more"),
        ((0.0, math.inf), "how far 85 % is off cannot be told yet"),
        ((1000.0, math.inf), "85 % may take more labels than there are images"),
    ],
)
def test_the_way_to_a_share_is_a_range_in_labels_and_minutes(guessing, monkeypatch, span, words):
    asked = []
    monkeypatch.setattr(outlook, "labels_to", lambda *given: asked.append(given) or span)
    moments(monkeypatch, *range(0, 60, 5))
    goals.aim(guessing, 0.85)
    assert goals.told(guessing) == [words]
    found = slices.measured(guessing)
    assert asked == [(0.85, [(12, found.right)], found.of)]


def test_a_share_that_the_interval_lies_above_is_reached(guessing):
    low, _ = slices.measured(guessing).interval
    goals.aim(guessing, max(0.01, low - 0.001))
    assert goals.told(guessing)[0].endswith(" % reached")
