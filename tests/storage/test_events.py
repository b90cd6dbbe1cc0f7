"""Folding events into a state: what they leave is compared with what was worked out by hand."""

from __future__ import annotations

import pytest

from alcore.storage.events import differs, fold

# ---- folding events into a state
LEFT = [  # events, and what they leave: (label, skipped, flagged)
    ("", None),
    ("a", ("a", False, False)),
    ("a b", ("b", False, False)),
    ("a b undo", ("a", False, False)),
    ("a undo", None),
    ("undo", None),
    ("undo a", ("a", False, False)),
    ("a undo undo b", ("b", False, False)),
    ("a b undo undo undo", None),
    ("skip", (None, True, False)),
    ("a skip", (None, True, False)),
    ("skip a", ("a", False, False)),
    ("a skip undo", ("a", False, False)),
    ("flag", (None, False, True)),
    ("flag undo", None),
    ("a flag", ("a", False, True)),
    ("flag a", ("a", False, True)),
    ("a flag undo", ("a", False, False)),
    ("flag skip", (None, True, True)),
    ("a flag b undo", ("a", False, True)),
    ("a flag skip undo undo", ("a", False, False)),
    ("skip undo flag undo a", ("a", False, False)),
]


def event(word: str, at: int) -> tuple:
    return (word, None, f"who{at}", float(at)) if word in ("skip", "flag", "undo") else ("label", word, f"who{at}", float(at))


@pytest.mark.parametrize(("words", "expected"), LEFT)
def test_events_leave_the_state_that_was_worked_out_by_hand(words, expected):
    state = fold(event(word, at) for at, word in enumerate(words.split(), 1))
    assert (state and (state["label"], state["skipped"], state["flagged"])) == expected


@pytest.mark.parametrize(("words", "who", "when"), [
    ("a", "who1", 1.0), ("a b", "who2", 2.0), ("a b undo", "who1", 3.0), ("a flag", "who1", 2.0), ("flag a", "who2", 2.0), ("flag", "who1", 1.0), ("a skip", "who2", 2.0),
])  # fmt: skip
def test_a_state_names_who_gave_its_label_and_when_it_last_changed(words, who, when):
    state = fold(event(word, at) for at, word in enumerate(words.split(), 1))
    assert (state["annotator"], state["changed"]) == (who, when)


ANN, BEN = "ann", "ben"


# ---- what contradicts what


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (("label", "dress", ANN, ""), ("label", "shirt", BEN, ""), ("shirt", True, False)),  # neither saw the other
        (("label", "dress", ANN, ""), ("label", "shirt", BEN, "dress"), ("shirt", False, False)),  # ben saw it and corrects it
        (("label", "dress", ANN, ""), ("label", "dress", BEN, ""), ("dress", False, False)),  # they agree
        (("label", "dress", ANN, ""), ("label", "shirt", BEN, None), ("shirt", False, False)),  # a script decides
        (("label", "dress", ANN, ""), ("skip", None, BEN, ""), ("dress", True, False)),  # nothing is taken away unseen
        (("label", "dress", ANN, ""), ("skip", None, BEN, "dress"), (None, False, True)),
        (("skip", None, ANN, ""), ("label", "shirt", BEN, ""), ("shirt", False, False)),  # a skip is no answer
        (("label", "dress", ANN, ""), ("label", "shirt", ANN, ""), ("shirt", True, False)),  # one person, two stale tabs
    ],
)
def test_two_answers_leave_what_was_worked_out_by_hand(first, second, left):
    events = [(kind, value, who, float(at), saw) for at, (kind, value, who, saw) in enumerate((first, second), 1)]
    state = fold(events)
    assert (state["label"], state["disputed"], state["skipped"]) == left


def test_a_dispute_ends_with_an_answer_that_was_given_in_sight_of_it():
    apart = [("label", "dress", ANN, 1.0, ""), ("label", "shirt", BEN, 2.0, "")]
    assert fold([*apart, ("label", "dress", "cleo", 3.0, "shirt")])["disputed"] is False
    assert fold([*apart, ("label", "shirt", "cleo", 3.0, "shirt")])["disputed"] is False
    assert fold([*apart, ("label", "shirt", "cleo", 3.0, "dress")])["disputed"] is True  # cleo has not seen that there are two
    assert fold([*apart, ("flag", None, "cleo", 3.0, "")])["disputed"] is True
    assert fold([*apart, ("undo", None, BEN, 3.0, None)])["disputed"] is False


def test_regions_are_laid_over_and_contradict_nothing():
    assert not differs({"label": "digest"}, "region", "other", "")
    assert differs({"label": "digest"}, "mask", "other", "")


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ([("label", "a", ANN), ("label", "b", BEN), ("undo", None, ANN)], "b"),  # ann takes hers back, not ben's
        ([("label", "a", ANN), ("label", "b", BEN), ("undo", None, BEN)], "a"),
        ([("label", "a", ANN), ("label", "b", BEN), ("undo", None, ANN), ("undo", None, ANN)], None),  # none of her own is left
        ([("label", "a", ANN), ("undo", None, BEN)], None),
        ([("label", "a", ANN), ("label", "b", BEN), ("label", "c", ANN), ("undo", None, ANN), ("undo", None, ANN)], "b"),
    ],
)
def test_an_undo_takes_back_what_its_own_annotator_said(events, left):
    state = fold([(*event, float(at), None) for at, event in enumerate(events)])
    assert (state["label"] if state else None) == left
