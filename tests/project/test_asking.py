"""What is asked for by hand comes first, says so, and is taken back."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.project import labeling, slices
from alcore.project.asking import ANSWERED, ask, take_back
from alcore.project.batches import Batch
from alcore.types import Annotation


def waiting(project) -> list[int]:
    return project.queries.open().waiting


@pytest.fixture
def asked(toy):
    toy.start(6, seed=0)
    return toy


def others(project, n: int) -> list[int]:
    return [i for i in project.pool().unlabeled.tolist() if i not in waiting(project)][:n]


def test_it_comes_first_and_says_so(asked):
    before = waiting(asked)
    chosen = [*others(asked, 3)[::-1], before[2]]
    assert ask(asked, chosen, annotator="ann", client="one") == Batch(4)
    assert ask(asked, chosen, annotator="ann", client="one") == Batch(4)  # sent again
    rest = [i for i in before if i != before[2]]
    assert waiting(asked) == [*chosen, *rest]
    told = labeling.query(asked, 20, asked.newest_round().number)
    assert [item["id"] for item in told["items"]] == [*chosen, *rest]
    assert [item["reason"] == "chosen by hand" for item in told["items"]] == [True] * 4 + [False] * 5
    assert (told["remaining"], told["total"]) == (9, 9)
    assert asked.queries.left() == [(0, 9)]
    asked.annotate({chosen[0]: "1"})
    assert waiting(asked) == [*chosen[1:], *rest]
    assert asked.journal.differences() == 0
    assert asked.journal.rebuild() == 0


def test_it_stays_first_when_a_newer_round_asks(asked, quick):
    chosen = others(asked, 2)
    ask(asked, chosen, annotator="ann")
    asked.run_round("margin", 5, 0, "cpu", train=quick, report=lambda _: None)
    assert waiting(asked)[:2] == chosen
    entry = labeling.query(asked, 1)["items"][0]
    assert entry["reason"].startswith("chosen by hand; ")
    assert entry["draft"] in asked.classes  # with what the model thinks of it


def test_it_is_taken_back(asked):
    before = waiting(asked)
    chosen = others(asked, 3)
    ask(asked, chosen, annotator="ann", client="one")
    asked.annotate({chosen[0]: "2"}, annotator="ann")
    assert take_back(asked, "one", annotator="ann") == Batch(3)
    assert waiting(asked) == before
    assert asked.items.row(chosen[0])["label"] == "2"
    ask(asked, chosen[1:], annotator="ben")
    assert waiting(asked)[:2] == chosen[1:]  # asked for anew
    for who, client in (("ben", "one"), ("ann", "two")):
        with pytest.raises(BadInput, match="nothing of yours"):
            take_back(asked, client, annotator=who)


def test_what_is_answered_or_held_out_is_not_asked_for(asked):
    labeled = next(iter(asked.items.labels()))
    tested = int(asked.pool().test[0])
    skipped, free = others(asked, 2)
    asked.journal.take([Annotation("s", 1, skipped, "skip", annotator="ann")])
    assert ask(asked, [labeled, tested, skipped, free], annotator="ann") == Batch(1, 3, ANSWERED)
    assert waiting(asked)[0] == free
    assert ask(asked, [10**6], annotator="ann") == Batch(0, 1, "there is no item 1000000 in this project")


def test_before_the_first_round_it_is_the_first_query(project):
    chosen = project.pool().unlabeled[[4, 2]].tolist()
    assert ask(project, chosen, annotator="ann") == Batch(2)
    round_ = project.newest_round()
    assert (round_.number, round_.start, round_.query) == (0, "wanted", tuple(chosen))
    assert [item["reason"] for item in project.queue()["items"]] == ["chosen by hand"] * 2
    assert waiting(project) == chosen


def test_a_test_image_that_waits_may_be_asked_for(toy):
    slices.draw(toy, 5, seed=0)
    open_ = [i for i, _, waits in toy.items.slice() if waits]
    toy.start(4, seed=0)
    assert ask(toy, open_[:1], annotator="ann") == Batch(1)
    assert waiting(toy)[0] == open_[0]
