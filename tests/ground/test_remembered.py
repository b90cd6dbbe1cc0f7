"""Answers are made once for each state, and only the newest are kept."""

from __future__ import annotations

import pytest

from alcore.remembered import Remembered


def test_an_answer_is_made_once_for_each_state_and_the_oldest_goes_first():
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    kept = Remembered(2)
    assert [kept.of(name, lambda name=name: make(name)) for name in "aabab"] == list("AABAB")
    assert made == ["a", "b"]
    assert kept.of("c", lambda: make("c")) == "C"
    assert [kept.of(name, lambda name=name: make(name)) for name in "cba"] == list("CBA")
    assert made == ["a", "b", "c", "a"]


def test_what_cannot_be_made_is_asked_again():
    kept = Remembered(2)
    with pytest.raises(KeyError):
        kept.of("a", lambda: {}["a"])
    assert kept.of("a", lambda: 1) == 1


def test_an_answer_at_hand_is_told_and_forgotten():
    kept = Remembered(2)
    assert kept.at_hand("a") is None
    kept.of("a", lambda: 1)
    assert kept.at_hand("a") == 1
    kept.forget("a")
    kept.forget("a")  # nobody has to know whether it is there
    assert kept.at_hand("a") is None
    assert kept.of("a", lambda: 2) == 2
