"""Answers are made once for each state, and only the newest are kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

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


def test_who_asks_while_it_is_made_waits_for_it():
    """Six pages that opened at once counted a million guesses six times, side by side."""
    kept, begun, go_on, made = Remembered(2), threading.Event(), threading.Event(), []

    def make() -> int:
        begun.set()
        assert go_on.wait(60)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(4) as several:
        first = several.submit(kept.of, "a", make)
        assert begun.wait(60)
        others = [several.submit(kept.of, "a", make) for _ in range(3)]
        assert kept.of("b", lambda: "at once") == "at once"
        go_on.set()
        assert [one.result(60) for one in (first, *others)] == [1, 1, 1, 1]
    assert made == [1]


def test_of_those_who_wait_the_next_one_tries_where_it_failed():
    kept, begun, go_on = Remembered(2), threading.Event(), threading.Event()

    def fails() -> int:
        begun.set()
        assert go_on.wait(60)
        raise KeyError

    with ThreadPoolExecutor(2) as several:
        first = several.submit(kept.of, "a", fails)
        assert begun.wait(60)
        second = several.submit(kept.of, "a", lambda: 2)
        go_on.set()
        assert second.result(60) == 2
        with pytest.raises(KeyError):
            first.result(60)
    assert kept._making == {}


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
