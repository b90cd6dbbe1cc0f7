"""Folding events into a state: what they leave is compared with what was worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.storage.events import differs, fold, left_standing
from alcore.types import NOTES

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


# ---- several opinions


def opinion(word: str, at: int) -> tuple:
    """`ann:a2` is ann's label a as one of two opinions, `ann:-2` her skip, `ann:a` an answer in shared mode that saw nothing, `ann:a>b` one in
    sight of b, `ann:a>` a script's, `ann:undo` and `ann:flag` what they say."""
    who, _, said = word.partition(":")
    if said in ("undo", "flag"):
        return (said, None, who, float(at), None, None)
    said, seen, saw = said.partition(">")
    of = int(said[1:]) if len(said) > 1 else None
    return ("skip" if said[0] == "-" else "label", None if said[0] == "-" else said[0], who, float(at), (saw or None) if seen else "", of)


OPINIONS = [  # events, and what they leave: label, disputed, missing, whose it is
    ("ann:a2", ("a", False, 1, "ann")),
    ("ann:a2 ben:a2", ("a", False, 0, "ben")),
    ("ann:a2 ben:b2", ("a", True, 0, "ann")),  # a tie: the label that was first trains until somebody decides
    ("ann:a3 ben:b3", ("a", False, 1, "ann")),  # the third may decide
    ("ann:a3 ben:b3 cleo:b3", ("b", False, 0, "cleo")),
    ("ann:a3 ben:b3 cleo:c3", ("a", True, 0, "ann")),
    ("ann:a4 ben:b4 cleo:b4 dora:c4", ("b", False, 0, "cleo")),  # most, though not more than half
    ("ann:a4 ben:b4 cleo:b4 dora:a4", ("a", True, 0, "dora")),
    ("ann:a2 ann:b2", ("b", False, 1, "ann")),  # one person has one vote, the newest
    ("ann:a2 ann:b2 ben:b2", ("b", False, 0, "ben")),
    ("ann:a2 ben:b2 ann:undo", ("b", False, 1, "ben")),
    ("ann:a2 ben:b2 ben:undo ben:a2", ("a", False, 0, "ben")),
    ("ann:a2 ann:undo", None),
    ("ann:-2", (None, False, 1, "ann")),
    ("ann:-2 ben:-2", (None, False, 0, "ben")),
    ("ann:a2 ben:-2", ("a", True, 0, "ann")),  # a skip takes nothing away
    ("ann:-3 ben:a3 cleo:-3", (None, False, 0, "cleo")),
    ("ann:a2 ben:b2 cleo:b>a", ("b", False, 0, "cleo")),  # in sight of both: that decides
    ("ann:a2 ben:b2 cleo:c>a", ("c", False, 0, "cleo")),
    ("ann:a2 ben:b2 cleo:c>a cleo:undo", ("a", True, 0, "ann")),
    ("ann:a2 ben:b2 cleo:a>a dora:b2", ("a", True, 0, "cleo")),  # who had it on the stage meanwhile is heard, and outvotes no decision
    ("ann:a2 ben:b2 cleo:a>a dora:a2", ("a", False, 0, "cleo")),
    ("ann:a2 cleo:b>", ("b", False, 0, "cleo")),  # a script decides
    ("ann:a ben:b2", ("a", True, 0, "ann")),  # ann answered before opinions were asked for, unseen as well
    ("ann:a ben:a2", ("a", False, 0, "ben")),
    ("ann:a2 ben:b", ("a", True, 0, "ann")),  # a window that does not know of it: what it says is an opinion, too
    ("ann:a ann:b>a ben:b2", ("b", False, 0, "ben")),  # her own correction is no decision over others
    ("ann:a2 ann:flag ben:b2", ("a", True, 0, "ann")),
]


@pytest.mark.parametrize(("words", "left"), OPINIONS)
def test_opinions_leave_what_was_worked_out_by_hand(words, left):
    state = fold(opinion(word, at) for at, word in enumerate(words.split(), 1))
    assert (state and (state["label"], state["disputed"], state["missing"], state["annotator"])) == left


def test_a_note_changes_nothing_not_even_the_time():
    events = [("label", "a", ANN, 1.0, "")]
    for kind in NOTES:
        assert fold([*events, (kind, "b", ANN, 9.0, None, None)]) == fold(events)
        assert fold([(kind, "b", ANN, 9.0, None, None)]) is None


@pytest.mark.parametrize("seed", range(5))
def test_what_old_journals_mean_has_not_changed(seed):
    """Every journal without opinions leaves what the rules of before left, written out here as they were."""
    rng = np.random.default_rng(seed)
    for _ in range(400):
        events = []
        for at in range(int(rng.integers(1, 9))):
            kind = str(rng.choice(["label", "skip", "flag", "undo", "mask", "region"], p=[0.5, 0.12, 0.08, 0.15, 0.05, 0.1]))
            saw = [None, "", "a", "b"][int(rng.integers(4))]
            value = str(rng.choice(["a", "b", "c"])) if kind in ("label", "mask", "region") else None
            events.append((kind, value, str(rng.choice([ANN, BEN, "cleo"])), float(at), saw))
        now = fold([(*event, None) for event in events])
        assert (now and {name: value for name, value in now.items() if name != "missing"}) == as_before(events)
        assert not now or now["missing"] == 0


def as_before(events: list[tuple]) -> dict | None:
    standing = left_standing(events)
    if not standing:
        return None
    state = {"label": None, "partial": False, "disputed": False, "skipped": False, "flagged": False}
    state |= {"annotator": standing[-1][2], "changed": events[-1][3]}
    for kind, value, who, _, saw in standing:
        if kind == "flag":
            state["flagged"] = True
            continue
        unseen = differs(state, kind, value, saw)
        if unseen or saw is None or saw == (state["label"] or ""):
            state["disputed"] = unseen
        if kind != "skip":
            state |= {"label": value, "partial": kind == "region" and (state["label"] is None or state["partial"]), "skipped": False}
        elif state["partial"]:
            state["skipped"] = True
        elif not unseen:
            state |= {"label": None, "skipped": True}
        state["annotator"] = who
    return state
