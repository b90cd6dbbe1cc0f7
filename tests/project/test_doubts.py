"""Wrong labels are found first, fixed or confirmed, and confirmed ones never come back."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.project import doubts as room
from alcore.project.batches import Batch
from alcore.project.catalog import catalog
from alcore.project.doubts import confirm, doubts
from alcore.project.features import Features
from alcore.project.views import View, found, look


@pytest.fixture
def labeled(photos, monkeypatch):
    """Every photo of the pool labeled by its truth, three of them wrong."""
    monkeypatch.setattr(room, "LEAST", 10)
    Features(photos).complete("cpu")
    snapshot = photos.snapshot()
    pool = snapshot.splits == 0
    truths = {int(i): snapshot.names[k] for i, k in zip(snapshot.ids[pool], snapshot.truths[pool], strict=True)}
    classes = photos.classes
    wrong = list(truths)[1:20:7]
    given = truths | {i: classes[(classes.index(truths[i]) + 1) % len(classes)] for i in wrong}
    photos.annotate(given)
    return photos, wrong, truths


def ids(project, **filters) -> list[int]:
    of, _, at = found(project, View(**filters))
    return of.ids[at].tolist()


def test_planted_errors_come_first_and_are_named(labeled):
    project, wrong, truths = labeled
    assert set(ids(project, order="doubt")[: len(wrong)]) == set(wrong)
    doubted = ids(project, doubted=True)
    assert set(wrong) <= set(doubted)
    assert len(doubted) <= 6  # of forty: the colors of some photos are their neighbors'
    told = doubts(project, of := catalog(project))
    at = of.places(np.array(wrong))
    assert [project.classes[k] for k in told.likelier[at]] == [truths[i] for i in wrong]


def test_fixed_ones_go_and_confirmed_ones_never_come_back(labeled, monkeypatch):
    project, wrong, truths = labeled
    monkeypatch.setattr(room, "STALE", 0.1)  # of forty
    before = set(ids(project, doubted=True))
    assert confirm(project, wrong[:1], annotator="ann") == Batch(1)
    assert set(ids(project, doubted=True)) == before - {wrong[0]}
    project.annotate({wrong[1]: truths[wrong[1]]})
    assert set(ids(project, doubted=True)) == before - set(wrong[:2])  # what was computed of the old label says nothing of the new one
    monkeypatch.setattr(room, "STALE", -1.0)  # all is computed anew
    again = set(ids(project, doubted=True))
    assert [i in again for i in wrong] == [False, False, True]
    project.annotate({wrong[0]: project.items.row(wrong[0])["label"]})  # given anew: doubted anew
    again = set(ids(project, doubted=True))
    assert [i in again for i in wrong] == [True, False, True]
    assert project.journal.differences() == 0


def test_it_is_computed_once_while_few_labels_change(labeled, monkeypatch):
    project, _, truths = labeled
    asked = []
    real = room.given_label
    monkeypatch.setattr(room, "given_label", lambda *given: (asked.append(1), real(*given))[1])
    room._known.forget(Features(project).state)
    for _ in range(3):
        ids(project, order="doubt")
    assert len(asked) == 1
    project.annotate(dict.fromkeys(list(truths)[:9], project.classes[0]))
    ids(project, order="doubt")
    assert len(asked) == 2


def test_what_has_no_label_is_not_confirmed(toy):
    free, labeled = int(toy.pool().unlabeled[0]), next(iter(toy.items.labels()))
    assert confirm(toy, [free, labeled], annotator="ann") == Batch(1, 1, "without a label")
    assert toy.queries.sure() == [labeled]
    with pytest.raises(BadInput, match="nothing is selected"):
        confirm(toy, [], annotator="ann")


def test_too_few_one_class_masks_and_no_features_have_words(toy, scenes):
    with pytest.raises(AlcoreError, match="once there are 20: 'toy' has 10"):
        ids(toy, order="doubt")
    with pytest.raises(AlcoreError, match="once there are 20"):
        ids(scenes, doubted=True)
    toy.annotate({int(i): "1" for i in toy.snapshot().ids})
    with pytest.raises(AlcoreError, match="all labels are of one class"):
        ids(toy, order="doubt")
    toy.annotate({int(i): "2" for i in toy.snapshot().ids[:20]})
    with pytest.raises(AlcoreError, match="0 of the labeled images"):
        ids(toy, order="doubt")


def test_a_view_asks_once_however_often_it_needs_the_answer(labeled, monkeypatch):
    project, wrong, _ = labeled
    asked = []
    monkeypatch.setattr(room, "doubts", lambda of, columns: asked.append(columns) or doubts(of, columns))
    seen = look(project, View(doubted=True, order="doubt"))
    assert len(asked) == 1
    assert seen.doubts is not None
    assert set(seen.of.ids[seen.at].tolist()) >= set(wrong)
    np.testing.assert_array_equal(seen.doubts.p, doubts(project, seen.of).p)
    assert look(project, View(order="name")).doubts is None
    assert len(asked) == 1


def test_people_who_see_different_labels_share_what_was_computed(labeled, monkeypatch):
    """Each would else throw away what the other's answer was made of, a minute's work with many labels."""
    project, _, truths = labeled
    made = []
    usual = room._anew
    monkeypatch.setattr(room, "_anew", lambda *given: made.append(1) or usual(*given))
    of = catalog(project)
    whole, halves = doubts(project, of), (list(truths)[::2], list(truths)[1::2])
    for hidden in (*halves, *halves):
        told = doubts(project, of.without(hidden))
        at = of.places(np.array(hidden))
        assert np.isnan(told.p[at]).all()
        assert (told.likelier[at] == -1).all()
        rest = np.setdiff1d(np.arange(len(of)), at)
        np.testing.assert_array_equal(told.p[rest], whole.p[rest])
    assert len(made) <= 1
