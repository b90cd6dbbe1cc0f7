"""A class's labels are learned by the library's own strategies, after each twenty and at the end; what goes wrong is told, and the class goes on."""

from __future__ import annotations

import time

import numpy as np
import pytest

from alcore.errors import NotEnoughLabels
from alcore.strategies import STRATEGIES
from alcore.teaching import learner
from alcore.teaching.learner import TRAINING, Learner, learn
from alcore.training.turn import Order, turn
from tests.teaching.rooms_made import classroom, material, say, truth


def labels(n: int) -> dict[int, int]:
    return {item: truth(item) for item in range(100, 100 + n)}


def wait(condition) -> None:
    """For what another thread does; a test that waits for ever is ended from outside."""
    while not condition():
        time.sleep(0.01)


@pytest.mark.parametrize("strategy", ["random", "mcdal"])
def test_it_is_the_librarys_round_number_for_number(strategy):
    made, known = material(), labels(24)
    found = learn(made, known, strategy, 6, seed=3)
    ids = np.array(sorted(known))
    pool = made.pool
    here = type(pool)(ids, ids % 3, np.setdiff1d(pool.unlabeled, ids), pool.test, pool.test_targets, pool.ids, pool.rows)
    round_ = turn(Order(strategy, 6, 3, "cpu", train=TRAINING), type(made)(here, 3, made.pixels))
    assert list(found.query) == round_.scores.selected.tolist()
    assert (found.right, found.of) == (round(30 * round_.metrics["accuracy"]), 30)
    assert found == learn(made, known, strategy, 6, seed=3)
    assert not set(found.query) & set(known)


def test_more_labels_teach_more():
    few, many = (learn(material(), labels(n), "random", 1, seed=0).right for n in (6, 60))
    assert few < many
    assert many >= 24


def test_with_every_image_labeled_it_still_learns_and_asks_for_nothing():
    found = learn(material(), labels(90), "mcdal", 5, seed=0)
    assert found.query == ()
    assert found.right >= 24


def test_a_single_class_cannot_be_learned():
    with pytest.raises(NotEnoughLabels, match=r"all 3 labels are of one class"):
        learn(material(), {100: 0, 103: 0, 106: 0}, "random", 1, seed=0)


def test_both_strategies_of_a_race_are_the_librarys():
    from alcore.teaching.classroom import MODES

    assert {strategy for teams in MODES.values() for _, strategy, _ in teams} <= set(STRATEGIES)


def test_the_thread_learns_after_twenty_and_what_is_left_at_the_end(tmp_path):
    room = classroom(tmp_path / "A.jsonl")
    room.join("a")
    room.act("start")
    thread = Learner(room, material())
    first = room.teams["all"].query[:]
    say(room, "a", 20)
    wait(lambda: len(room.teams["all"].curve) == 1)
    asked = learn(material(), dict(room.teams["all"].answered), "mcdal", 130, room._seed + 20)
    assert room.teams["all"].query == list(asked.query) != first
    say(room, "a", 7)
    room.act("end")
    wait(lambda: len(room.teams["all"].curve) == 2)
    assert [labels for labels, _, _ in room.teams["all"].curve] == [20, 27]
    thread.close()
    assert not thread._thread.is_alive()


def test_labels_of_one_class_are_no_error_and_more_is_asked(tmp_path):
    room = classroom(tmp_path / "A.jsonl")
    room.join("a")
    room.act("start")
    thread = Learner(room, material())
    for n in range(20):
        room.answer("a", str(n), room.next("a")["items"][0], 1, 0)
    wait(lambda: room.teams["all"].learned == 20)
    assert (room.teams["all"].problem, room.teams["all"].curve) == ("", [])
    assert len(room.next("a")["items"]) == 2
    thread.close()


def test_a_bug_is_told_to_the_teacher_and_the_class_goes_on(tmp_path, monkeypatch, caplog):
    def broken(*given):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(learner, "learn", broken)
    room = classroom(tmp_path / "A.jsonl")
    room.join("a")
    room.act("start")
    thread = Learner(room, material())
    say(room, "a", 20)
    wait(lambda: room.teams["all"].problem != "")
    assert room.teams["all"].problem == "the labels could not be learned: no such luck. The server's log has the details"
    assert "the class ABCDEF could not learn its labels" in caplog.text
    monkeypatch.undo()
    say(room, "a", 20)
    wait(lambda: len(room.teams["all"].curve) == 1)
    assert room.teams["all"].problem == ""
    thread.close()
