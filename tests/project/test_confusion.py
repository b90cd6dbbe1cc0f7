"""What is taken for what: on test images by the newest model, on labels by the others, each counted again by hand."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.project import classes, confusion, delivery, doubts, predictions, slices
from alcore.project.catalog import catalog
from tests.project.sliced import say


def test_test_images_are_counted_by_the_newest_model(guessing):
    found = confusion.confusion(guessing)
    round_ = guessing.round()
    every, logits = predictions.logits(guessing, round_)
    guess = dict(zip(every.tolist(), logits.argmax(1).tolist(), strict=True))
    rows = guessing.items.rows(guessing.snapshot().ids.tolist())
    sliced = slices.slice_of(guessing).labels
    truth = {i: row["truth"] for i, row in rows.items() if row["split"] == "test"} | sliced
    expected = np.zeros((4, 4), int)
    for i, name in truth.items():
        expected[guessing.classes.index(name), guess[i]] += 1
    np.testing.assert_array_equal(found.counted, expected)
    assert (found.round, len(found.ids), found.right) == (round_.number, 22, int(np.trace(expected)))
    label, other = (int(k) for k in np.argwhere(expected)[0])
    ids = found.cell(label, other).tolist()
    assert ids == sorted(i for i, name in truth.items() if guessing.classes.index(name) == label and guess[i] == other)
    assert found.cell(None, other).tolist() == sorted(i for i in truth if guess[i] == other)


def test_a_merge_moves_counts_together(guessing):
    before = confusion.confusion(guessing)
    a, b = guessing.classes.index("sea"), guessing.classes.index("grass")
    classes.merge(guessing, "sea", "grass")
    after = confusion.confusion(guessing)
    assert after.counted.shape == (3, 3)
    assert after.counted.sum() == before.counted.sum()
    assert after.classes[after_index(guessing, "grass")].labeled == before.counted[[a, b]].sum()


def after_index(project, name: str) -> int:
    return project.classes.index(name)


def test_labels_are_held_against_what_the_others_say(guessing):
    say(guessing, guessing.pool().unlabeled[:20].tolist())
    wrong = int(guessing.pool().labeled[0])
    truth = guessing.items.rows([wrong])[wrong]["truth"]
    other = next(name for name in guessing.classes if name != truth)
    guessing.annotate({wrong: other})
    found = confusion.confusion(guessing, confusion.LABELED)
    told = doubts.doubts(guessing, of := catalog(guessing))
    at = of.places(found.ids)
    np.testing.assert_array_equal(found.guesses, told.likelier[at])
    assert wrong in found.cell(guessing.classes.index(other), guessing.classes.index(truth)).tolist()
    assert len(found.ids) == int((told.likelier >= 0).sum())


def test_why_there_is_nothing_to_measure(photos, toy, quick, asked, monkeypatch):
    with pytest.raises(AlcoreError, match="no model has been trained yet"):
        confusion.confusion(photos)
    with pytest.raises(BadInput, match="there is no way 'x' to look at mistakes: use tested or labeled"):
        confusion.confusion(photos, "x")
    with pytest.raises(AlcoreError, match="labeled pixel by pixel: its classes are measured on the Progress page"):
        confusion.confusion(asked)
    toy.run_round("margin", 5, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    with pytest.raises(AlcoreError, match="the model has not looked at all images yet"):
        confusion.confusion(toy)
    nothing = (np.empty(0, np.int64), np.empty((0, 4), np.float32))
    with monkeypatch.context() as other:
        other.setattr(predictions, "at_hand", lambda *of: True)
        other.setattr(predictions, "logits", lambda *of: nothing)
        with pytest.raises(AlcoreError, match="the model has looked at none of the labeled test images"):
            confusion.confusion(toy)
    delivery.guesses(toy)
    assert confusion.confusion(toy).counted.sum() == 16
