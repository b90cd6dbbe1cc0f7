"""Images asked again: when, which, where among the others, and what two answers say of a person; played by simulated people."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from alcore.metrics import wilson
from alcore.project import again, labeling, sharing, slices
from alcore.project.again import APART, EVERY, REST, Steady, candidates, places, steady
from alcore.project.labeling import Window
from alcore.project.people import crew
from alcore.storage.queries import Own
from alcore.types import AGAIN, Annotation
from tests.project.crowd import Worker

pytestmark = pytest.mark.both_databases

NOW = 1_000_000.0


def own(item: int, kind: str = "label", value: str | None = "a", at: float = 0.0, round_: int | None = 1) -> Own:
    return Own(item, kind, value, at, round_)


def test_only_what_was_labeled_a_while_ago_is_asked_again():
    events = [own(i, at=NOW - 2 * REST + i) for i in range(30)]
    found, since = candidates(events, NOW)
    assert [item for item, _ in found] == list(range(30 - APART))  # after each of these there were twenty others
    assert since == 30
    assert candidates([own(i, at=NOW - REST + 1) for i in range(30)], NOW)[0] == []  # ten minutes are not over
    assert [i for i, _ in candidates([own(i, at=NOW - REST) for i in range(30)], NOW)[0]] == list(range(10))


def test_what_was_skipped_taken_back_or_asked_again_is_not():
    old = [own(0, "skip", None), own(1), own(1, "undo", None), own(2), own(3), own(3, value="b"), own(4, round_=None), own(5)]
    rest = [own(i) for i in range(100, 100 + APART)]
    assert candidates([*old, *rest], NOW)[0] == [(2, 1), (3, 1), (5, 1)]
    found, since = candidates([*old, *rest, own(2, AGAIN), own(200)], NOW)
    assert (found[:2], since) == ([(3, 1), (5, 1)], 1)
    assert candidates([*old, *rest, own(2, AGAIN), own(2, AGAIN, None)], NOW)[0][:1] == [(3, 1)]  # taken back, it is not asked a third time
    assert candidates([], NOW) == ([], 0)


@pytest.mark.parametrize(
    ("asked", "since", "ready", "at"),
    [
        (100, 0, 9, [19, 38, 57, 76, 95]),
        (100, 15, 2, [4, 23]),
        (12, 400, 5, [0]),
        (19, 0, 5, []),
        (20, 0, 5, [19]),
        (0, 400, 5, []),
        (50, 30, 0, []),
    ],
)
def test_every_twentieth_is_one_and_none_stands_behind_the_last(asked, since, ready, at):
    assert EVERY == 20
    assert places(asked, since, ready) == at


@pytest.fixture
def quick_again(monkeypatch):
    for name, value in (("APART", 4), ("REST", 0.0), ("EVERY", 5)):
        monkeypatch.setattr(again, name, value)


def person(of, name: str, steadiness: float, seed: int) -> Worker:
    """Somebody who answers the whole query, and says the same again with a probability."""
    rng = np.random.default_rng(seed)
    worker, said = Worker(of, name, f"w-{name}"), {}
    worker.fetch()
    while worker.open:
        entry = worker.open[0]
        item = entry.get("again", entry["id"])
        value = said[item] if item in said and rng.random() < steadiness else str(rng.choice(of.classes))
        said.setdefault(item, value)
        worker.answer("label", value)
    return worker


@pytest.mark.parametrize("steadiness", [1.0, 0.5])
def test_a_simulated_person_is_told_how_often_they_said_the_same(project, quick_again, steadiness):
    drawn = set(slices.draw(project, 6).waiting)
    project.start(30, seed=0)
    sharing.choose(project, again=True)
    worker = person(project, "ann", steadiness, 3)
    answers = [(e["kind"], e["item_id"], e["value"]) for e in project.journal.events() if e["annotator"] == "ann"]
    asked = [at for at, (kind, *_) in enumerate(answers) if kind == AGAIN]
    assert len(asked) >= 5
    assert all(later - sooner >= 5 for sooner, later in pairwise(asked))  # never two of the last five
    assert asked[-1] < len(answers) - 1  # the queue does not end with one
    assert not {item for kind, item, _ in answers if kind == AGAIN} & drawn
    assert len(worker.answered) == 36  # and it held up nothing
    first = {item: value for kind, item, value in answers if kind == "label"}
    same = sum(first[item] == value for kind, item, value in answers if kind == AGAIN)
    (told,) = crew(project).people
    assert told.steady == Steady(same, len(asked))
    assert (same == len(asked)) is (steadiness == 1.0)
    assert project.items.labels() == first  # no second answer changed a label
    assert told.labels == 36
    assert project.journal.rebuild() == 0


def test_it_is_off_until_somebody_wants_it_and_only_windows_are_asked(project, quick_again):
    project.start(30, seed=0)
    worker = person(project, "ann", 1.0, 0)
    assert worker.asked_again == []
    project.start(8, seed=1)
    sharing.choose(project, again=True)
    assert not any("again" in entry for entry in labeling.query(project, 8)["items"])
    assert not any("again" in entry for entry in labeling.query(project, 8, window=Window("ben", "w-ben"))["items"])  # ben said nothing yet
    told = labeling.query(project, 8, window=Window("ann", "w-2"))
    entry = told["items"][0]
    assert ["again" in entry for entry in told["items"]] == [True, *[False] * 4, True, *[False] * 4]
    assert (entry["id"], entry["state"], entry["events"], entry["disputed"]) == (
        -entry["again"],
        {"label": None, "skipped": False, "flagged": False},
        [],
        False,
    )
    assert entry["reason"] == "first query, drawn at random: there is no model yet"  # as it was told then
    assert (told["remaining"], told["more"], told["every"]) == (8, 2, 5)


def test_a_second_answer_has_to_be_a_class(project):
    item = project.pool().unlabeled[0]
    events = [Annotation("t", n, int(item), AGAIN, value, annotator="ann") for n, value in enumerate(("0", None, "cat"), 1)]
    taken = project.journal.take(events, project.classes)
    assert taken.acked == [1, 2]
    assert taken.rejected == [{"seq": 3, "reason": "'cat' is not a class of this project"}]
    assert project.items.row(int(item))["label"] is None


def test_the_newest_of_either_answer_counts():
    assert steady([(1, "a"), (2, "b"), (1, "c")], [(1, "c"), (2, "x"), (2, "b"), (3, "a")]) == Steady(2, 2)
    assert steady([(1, "a")], [(1, "a"), (1, None)]) is None
    assert steady([], []) is None


def test_the_sentence_has_wilsons_interval():
    assert Steady(19, 20).words() == "you gave the same answer 19 of 20 times (76 to 99 %)"
    low, high = wilson(0.95, 20)
    assert (round(100 * low), round(100 * high)) == (76, 99)
    assert Steady(1, 1).words("Ann") == "Ann gave the same answer 1 of 1 times (21 to 100 %)"
