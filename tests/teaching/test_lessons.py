"""What is asked of lessons is checked before anything is learned; films are kept, and each is the library's own."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from alcore.errors import BadInput, NotEnoughLabels, NotFound, Unavailable
from alcore.teaching import lessons
from alcore.teaching.lessons import ASKING, PLANE_PARAMS, START, Board, Lessons, start
from alcore.teaching.points import points
from alcore.teaching.recording import record

SMALL = {"kind": "moons", "n": 40, "steps": 3}
PAINTED = {"xy": [[0, 0], [0.1, 0], [1, 1], [0.9, 1], [1, 0.9]], "y": [2, 2, 0, 0, 0]}


def test_a_board_begins_with_labels_of_every_class_drawn_by_the_seed():
    for kind in ("moons", "blobs", "rare"):
        board, again, other = Board.of({"kind": kind}), Board.of({"kind": kind}), Board.of({"kind": kind, "seed": 1})
        assert np.bincount(board.what.y[list(board.labeled)]).tolist() == [START] * board.what.classes
        assert board.labeled == again.labeled == start(board.what, 0)
        assert board.labeled != other.labeled
        assert (board.key == again.key, board.key == other.key) == (True, False)


def test_painted_points_keep_their_places_and_classes_are_counted_from_0():
    board = Board.of({**PAINTED, "labeled": [4, 0, 4]})
    assert board.what.xy.tolist() == np.float32(PAINTED["xy"]).tolist()
    assert board.what.y.tolist() == [1, 1, 0, 0, 0]
    assert (board.what.classes, board.labeled) == (2, (0, 4))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "cubes"}, "there are no points 'cubes': use one of moons"),
        ({"kind": ["moons"]}, "there are no points"),
        ({"kind": "moons", "n": 601}, "n must be a whole number from 20 to 600"),
        ({"kind": "moons", "n": True}, "n must be a whole number"),
        ({"kind": "moons", "seed": -1}, "seed must be a whole number"),
        ({"kind": "moons", "labeled": [0, 300]}, "labeled must be a list of positions from 0 to 299"),
        ({"kind": "moons", "labeled": "01"}, "labeled must be a list"),
        ({"xy": [[0, 0]], "y": [0]}, "1 points are painted: paint 4 to 600"),
        ({"xy": [[0, 0]] * 4, "y": [0] * 3}, "as many classes"),
        ({"xy": [[0, 9]] * 4, "y": [0, 1, 0, 1]}, "pairs of numbers from -1.5 to 1.5"),
        ({"xy": [[0, float("nan")]] * 4, "y": [0, 1, 0, 1]}, "pairs of numbers"),
        ({"xy": [[0, 0]] * 4, "y": [0, 1, 0, 4]}, "y must be classes from 0 to 3"),
        ({"xy": [[0, 0]] * 4, "y": [1] * 4}, "all painted points are of one class"),
    ],
)
def test_a_board_that_cannot_be_is_told(given, told):
    with pytest.raises(BadInput, match=told):
        Board.of(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"strategy": "chess"}, "there is no strategy 'chess'"),
        ({"params": [1]}, "params must be an object"),
        ({"steps": 401}, "steps must be a whole number from 1 to 400"),
        ({"strategy": "mcdal", "params": {"head": 3}}, "head"),
    ],
)
def test_a_method_that_cannot_be_is_told(given, told):
    with pytest.raises(BadInput, match=told):
        Lessons().film({**SMALL, **given})


def test_labels_of_one_class_are_too_few():
    what = points("moons", 40)
    with pytest.raises(NotEnoughLabels):
        Lessons().film({**SMALL, "labeled": np.flatnonzero(what.y == 0)[:3].tolist()})


def test_a_film_is_the_recording_of_what_was_asked_with_the_planes_own_parameters():
    film = Lessons().film({**SMALL, "strategy": "mcdal", "seed": 4})
    board = Board.of({**SMALL, "seed": 4})
    expected = record("mcdal", board.what, np.array(board.labeled), params=PLANE_PARAMS["mcdal"], settings={"steps": 3}, seed=4)
    assert film.recording.query.tolist() == expected.query.tolist()
    for key, value in expected.frames[-1].state.items():
        assert value.equal(film.recording.frames[-1].state[key])
    whole = Lessons().film({**SMALL, "strategy": "mcdal", "seed": 4, "params": {"discrepancy_weight": 1.0}})
    assert whole.name != film.name


def test_the_newest_films_are_kept_and_found_by_name():
    kept = Lessons(kept=2)
    films = [kept.film({**SMALL, "seed": seed}) for seed in range(2)]
    assert kept.film({**SMALL, "seed": 0}) is films[0]
    newest = kept.film({**SMALL, "seed": 2})
    assert kept.named(films[0].name) is films[0]
    assert kept.named(newest.name) is newest
    with pytest.raises(NotFound, match="ask for it again"):
        kept.named(films[1].name)
    assert kept.film({**SMALL, "seed": 1}).name == films[1].name


def test_what_is_asked_for_and_what_it_is_worth():
    found = Lessons().asked({**SMALL, "seed": 3})
    assert list(found) == list(ASKING)
    board = Board.of({**SMALL, "seed": 3})
    labeled = np.array(board.labeled)
    before = record("random", board.what, labeled, settings={"steps": 3}, seed=3).accuracy
    for name, told in found.items():
        params = PLANE_PARAMS.get(name, {})
        assert told["point"] == record(name, board.what, labeled, params=params, settings={"steps": 3}, seed=3).query[0]
        after = record("random", board.what, np.union1d(labeled, told["point"]), settings={"steps": 3}, seed=3).accuracy
        assert (told["before"], told["after"]) == (before, after)


def test_one_learns_at_a_time_and_others_are_told_to_wait(monkeypatch):
    monkeypatch.setattr(lessons, "PATIENCE", 0.01)
    begun, go_on = threading.Event(), threading.Event()
    real = lessons.record

    def slow(*args, **more):
        begun.set()
        assert go_on.wait(30)
        return real(*args, **more)

    monkeypatch.setattr(lessons, "record", slow)
    shared = Lessons()
    other = threading.Thread(target=shared.film, args=({**SMALL, "seed": 9},))
    other.start()
    assert begun.wait(30)
    with pytest.raises(Unavailable, match="others' points are being learned"):
        shared.film(SMALL)
    go_on.set()
    other.join()
    assert shared.film(SMALL).told()["steps"] == 3
