"""Folding events into a state: what they leave is compared with what was worked out by hand."""

from __future__ import annotations

import pytest

from alcore.storage.events import fold

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
