"""A frame's bytes are what the recording says of that step, plane by plane."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.teaching.film import Film
from alcore.teaching.plane import grid
from alcore.teaching.points import Points, points
from alcore.teaching.recording import REACH, record

SIDE = 12


def filmed(strategy: str, kind: str = "moons", **params) -> Film:
    what = points(kind, 60, seed=1)
    labeled = np.concatenate([np.flatnonzero(what.y == k)[:2] for k in range(what.classes)])
    return Film(strategy, what, record(strategy, what, labeled, params=params, settings={"steps": 6}, seed=2), SIDE)


def read(film: Film, step: int) -> dict[str, np.ndarray]:
    """The planes of a frame, as the layout says."""
    content, at, found = film.frame(step), 0, {}
    for name, dtype, shape in film.planes:
        count = math.prod(shape)
        found[name] = np.frombuffer(content, np.dtype(dtype).newbyteorder("<"), count, at).reshape(shape)
        at += found[name].nbytes
    assert at == len(content) == film.frame_bytes
    return found


@pytest.mark.parametrize("kind", ["moons", "blobs"])
@pytest.mark.parametrize("strategy", ["mal", "mcdal", "margin"])
def test_every_plane_is_what_the_recording_says(strategy, kind):
    film = filmed(strategy, kind)
    recording, step = film.recording, film.recording.steps - 1
    found, told = read(film, step), recording.scored(step, grid(SIDE, REACH))
    at_points = recording.scored(step, film.what.xy)
    assert found["accuracy"][0] == pytest.approx((at_points["task_logits"].argmax(1) == film.what.y).mean())
    np.testing.assert_array_equal(found["features"], recording.features(step, film.what.xy))
    np.testing.assert_array_equal(found["weights"], np.concatenate([w.ravel() for w in recording.directions(step).values()]))
    heads = {
        "mal": {"C": "logits", "M": "task_logits"},
        "mcdal": {"F": "logits", "F1": "logits_1", "F2": "logits_2"},
        "margin": {"F": "logits"},
    }
    assert {name.removeprefix("head ") for name in found if name.startswith("head ")} == set(heads[strategy])
    for head, key in heads[strategy].items():
        planes = found[f"head {head}"].reshape(-1, SIDE * SIDE)
        if kind == "moons":
            expected = np.tanh((told[key][:, 1] - told[key][:, 0]) / 2)[None]
        else:
            others = [np.delete(told[key], k, 1).max(1) for k in range(3)]
            expected = np.tanh(np.stack([told[key][:, k] - others[k] for k in range(3)]) / 2)
        np.testing.assert_allclose(planes / 32767, expected, atol=2e-5)
    scores = [name.removeprefix("score ") for name in found if name.startswith("score ")]
    assert (
        scores
        == {"mal": ["entropy", "margin", "labeledness"], "mcdal": ["entropy", "margin", "discrepancy"], "margin": ["entropy", "margin"]}[
            strategy
        ]
    )
    for score, (low, high) in zip(scores, found["ranges"], strict=True):
        assert (low, high) == (told[score].min(), told[score].max())
        np.testing.assert_allclose(low + found[f"score {score}"].ravel() / 255 * (high - low), told[score], atol=(high - low) / 500)
    pulls = recording.game(step, film.what.xy)
    assert {name for name in found if name.startswith("pull_")} == {f"pull_{name}" for name in pulls}
    for name, value in pulls.items():
        np.testing.assert_allclose(found[f"pull_{name}"], value)


def test_while_the_game_is_played_the_accuracy_is_that_of_c():
    film = filmed("mal")
    for step in (1, 6, 7, 12):
        told = film.recording.scored(step, film.what.xy)
        key = "logits" if step <= 6 else "task_logits"
        assert read(film, step)["accuracy"][0] == pytest.approx((told[key].argmax(1) == film.what.y).mean())


def test_a_flat_score_has_a_range_of_nothing_and_no_nan():
    film = filmed("random")
    step = 0
    logits = film.recording.frames[0].state  # heads that know nothing are flat
    for name in logits:
        logits[name].zero_()
    found = read(film, step)
    assert found["ranges"][0].tolist() == [pytest.approx(math.log(2))] * 2
    assert not found["score entropy"].any()


def test_what_is_told_is_json_and_has_every_steps_losses():
    film = filmed("mal")
    told = json.loads(json.dumps(film.told()))
    assert [(s["name"], s["from"], s["to"]) for s in told["stages"]] == [("minimax game", 1, 6), ("task model", 7, 12)]
    for stage in told["stages"]:
        for name, values in stage["losses"].items():
            exact = [film.recording.frames[step].losses[name] for step in range(stage["from"], stage["to"] + 1)]
            np.testing.assert_allclose(values, exact, rtol=1e-3)
    assert (told["steps"], told["side"], told["classes"], told["frame_bytes"]) == (12, SIDE, 2, len(film.frame(3)))
    np.testing.assert_allclose(told["points"], film.what.xy, atol=1e-5)
    assert told["y"] == film.what.y.tolist()
    assert told["query"] == film.recording.query.tolist()
    assert told["weights"] == {"prototypes": [2, 2]}


def test_films_are_told_apart_by_what_was_learned_and_on_what():
    film, again, other = filmed("mcdal"), filmed("mcdal"), filmed("mcdal", heads=4)
    assert film.name == again.name
    assert film.name != other.name
    moved = Film("mcdal", Points(film.what.xy + 0.1, film.what.y, 2), film.recording, SIDE)
    assert moved.name != film.name
    assert [name for name, *_ in other.planes if name.startswith("head ")] == [f"head F{n or ''}" for n in range(5)]
    with pytest.raises(BadInput, match="there is no step 7: use 0 to 6"):
        film.frame(7)
