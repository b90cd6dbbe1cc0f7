"""What is drawn at a step is what the library computes: a recording equals the same training without one, at every step and at its end."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from alcore.errors import BadInput, NotEnoughLabels
from alcore.measures import scores
from alcore.nets.models import evaluating
from alcore.params import TrainParams
from alcore.strategies import STRATEGIES, params_of
from alcore.teaching.plane import Plane, PlaneDraws, at_points, grid
from alcore.teaching.points import KINDS, points
from alcore.teaching.recording import MOST_STEPS, REACH, RECIPE, record
from alcore.training.devices import seeded
from alcore.training.pool import Pool
from alcore.training.train import train

SHORT = {"steps": 12}
CPU = torch.device("cpu")
MOONS = points("moons", 120, seed=1)
LABELED = np.array([0, 1, 2, 3, 4, 5, 60])
PLAYED = sorted(name for name, kind in STRATEGIES.items() if "classification" in kind.tasks)


@pytest.fixture(scope="module", params=["mal", "mcdal"])
def played(request):
    return request.param, record(request.param, MOONS, LABELED, n=5, settings=SHORT, seed=3)


def trained_by_the_library(name: str, steps: int):
    """A strategy after so many of its steps, without a recording."""
    settings = TrainParams(**{**RECIPE, **SHORT})
    every = np.arange(len(MOONS.xy))
    pool = Pool(LABELED, MOONS.y[LABELED], np.setdiff1d(every, LABELED), every, MOONS.y, every, every)
    with seeded(3, CPU):
        strategy = STRATEGIES[name](Plane(2, 0, 2), settings, params_of(name, {}, settings))
        draws = PlaneDraws(MOONS.xy, pool, settings, CPU, 3)
        told = []

        def stop(progress):
            told.append(progress.done)
            if progress.done == steps:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            train(strategy, draws, settings, stop)
    return strategy


def test_every_step_has_the_librarys_weights(played):
    name, recording = played
    total = {"mal": 2, "mcdal": 1}[name] * SHORT["steps"]  # the game's and the task model's
    assert recording.steps == total
    for step in (1, 2, total // 2, total):
        expected = trained_by_the_library(name, step).state_dict()
        assert expected.keys() == recording.frames[step].state.keys()
        for key, value in expected.items():
            assert torch.equal(value, recording.frames[step].state[key]), (step, key)


def test_its_strategy_is_a_copy_that_can_be_trained_on(played):
    _, recording = played
    recording.field(1)  # leaves the weights of another step
    own = recording.strategy
    for key, value in own.state_dict().items():
        assert torch.equal(value, recording.frames[-1].state[key])
    sum(weight.sum() for weight in own.parameters()).backward()
    for weight in own.parameters():
        weight.data.zero_()
    assert not torch.equal(recording.strategy.backbone.first.weight, own.backbone.first.weight)


def test_losses_and_stages_are_those_of_each_step(played):
    name, recording = played
    stages = [frame.stage for frame in recording.frames]
    assert stages[0] == ""
    assert set(stages[1:]) == ({"minimax game", "task model"} if name == "mal" else {"training"})
    named = {
        "mal": {"cross_entropy", "unlabeled_entropy", "discriminator"},
        "mcdal": {"cross_entropy", "auxiliary_cross_entropy", "discrepancy"},
    }
    assert set(recording.frames[1].losses) == named[name]
    assert all(np.isfinite(list(frame.losses.values())).all() for frame in recording.frames)


def test_a_field_is_what_the_strategy_says_of_each_cell(played):
    name, recording = played
    step, side = recording.steps // 2, 20
    field = recording.field(step, side)
    strategy = trained_by_the_library(name, step)
    with evaluating(strategy), torch.no_grad():
        told = strategy.score(at_points(grid(side, REACH)))
    assert {"entropy", "prediction", {"mal": "labeledness", "mcdal": "discrepancy"}[name]} <= field.keys()
    np.testing.assert_array_equal(field["prediction"].ravel(), told["logits"].argmax(1).numpy())
    np.testing.assert_array_equal(field["entropy"].ravel(), told["entropy"].numpy())
    np.testing.assert_allclose(field["entropy"].ravel(), scores.entropy(told["logits"]).numpy())
    if name == "mcdal":
        p = [told[each].softmax(1) for each in ("logits", "logits_1", "logits_2")]
        pairs = [(p[a] - p[b]).abs().sum(1) for a, b in ((0, 1), (0, 2), (1, 2))]
        np.testing.assert_allclose(field["discrepancy"].ravel(), (sum(pairs) / 2).numpy(), atol=1e-6)  # Eq. 3 with Eq. 4's 1 / C
        np.testing.assert_array_equal(field["prediction_2"].ravel(), told["logits_2"].argmax(1).numpy())


def test_features_and_directions_explain_the_predictions(played):
    name, recording = played
    step = recording.steps // 2
    features, told = recording.features(step, MOONS.xy), recording.scored(step, MOONS.xy)
    heads = recording.directions(step)
    if name == "mal":
        z = F.normalize(torch.from_numpy(features), dim=1).numpy()
        np.testing.assert_allclose(z @ heads["prototypes"].T / 0.05, told["logits"], rtol=1e-4, atol=1e-4)
    else:
        assert set(heads) == {"head", "auxiliary_1", "auxiliary_2"}
        for key, logits in (("head", "logits"), ("auxiliary_1", "logits_1"), ("auxiliary_2", "logits_2")):
            np.testing.assert_allclose(features @ heads[key][:, :2].T + heads[key][:, 2], told[logits], rtol=1e-4, atol=1e-5)


def test_the_task_models_say_comes_beside(played):
    name, recording = played
    step = recording.steps
    strategy = trained_by_the_library(name, step)
    with evaluating(strategy), torch.no_grad():
        expected = strategy.predict(at_points(MOONS.xy))
    told = recording.scored(step, MOONS.xy)
    np.testing.assert_array_equal(told["task_logits"], expected.numpy())
    assert recording.accuracy == pytest.approx((told["task_logits"].argmax(1) == MOONS.y).mean())
    assert np.array_equal(told["task_logits"], told["logits"]) == (name == "mcdal")  # MAL asks C, and is measured by M


def test_the_game_pulls_features_to_less_entropy_and_prototypes_to_more(played):
    """Against differences of the entropy itself, computed from the arrays that are drawn."""
    name, recording = played
    step = recording.steps // 2
    found = recording.game(step, MOONS.xy)
    if name != "mal":
        assert found == {}
        return
    z, w = recording.features(step, MOONS.xy).astype(float), recording.directions(step)["prototypes"].astype(float)

    def entropy(z, w):
        logits = z / np.linalg.norm(z, axis=1, keepdims=True) @ w.T / 0.05
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        return -(p * np.log(np.maximum(p, 1e-300))).sum(1)

    h = 1e-6
    for axis in (0, 1):
        by = np.eye(2)[axis] * h
        np.testing.assert_allclose(found["features"][:, axis], -(entropy(z + by, w) - entropy(z - by, w)) / (2 * h), rtol=5e-3, atol=5e-4)
        for k in (0, 1):
            more, less = w.copy(), w.copy()
            more[k, axis] += h
            less[k, axis] -= h
            expected = (entropy(z, more).mean() - entropy(z, less).mean()) / (2 * h)
            np.testing.assert_allclose(found["prototypes"][k, axis], expected, rtol=5e-3, atol=5e-4)


@pytest.mark.parametrize("name", PLAYED)
def test_every_strategy_asks_for_unlabeled_points_and_the_same_ones_again(name):
    found, again = (record(name, MOONS, LABELED, n=4, settings={"steps": 4}, seed=2) for _ in range(2))
    assert len(set(found.query.tolist())) == 4
    assert not set(found.query.tolist()) & set(LABELED.tolist())
    assert found.query.tolist() == again.query.tolist()
    assert found.unlabeled.tolist() == np.setdiff1d(np.arange(120), LABELED).tolist()
    assert all(len(values) == len(found.unlabeled) for values in found.scores.values())
    assert 0 <= found.accuracy <= 1


def test_the_query_is_what_ranks_highest():
    found = record("margin", MOONS, LABELED, n=3, settings=SHORT)
    best = found.unlabeled[np.lexsort((found.unlabeled, -found.scores["total"]))[:3]]
    assert found.query.tolist() == best.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_learns_every_kind_of_points(kind):
    """With half of the labels, so that the shape can be known at all."""
    what = points(kind, 200, seed=2)
    labeled = np.union1d(np.arange(100), [np.flatnonzero(what.y == k)[0] for k in range(what.classes)])
    assert record("random", what, labeled).accuracy > 0.9


def test_what_cannot_be_played_is_told_before_it_begins():
    with pytest.raises(NotEnoughLabels):
        record("mal", MOONS, LABELED[:0])
    with pytest.raises(NotEnoughLabels):
        record("mal", MOONS, np.flatnonzero(MOONS.y == 0)[:5])
    with pytest.raises(BadInput, match=f"at most {MOST_STEPS}"):
        record("mal", MOONS, LABELED, settings={"steps": MOST_STEPS + 1})
    with pytest.raises(BadInput, match="there is no point 120: use 0 to 119"):
        record("mal", MOONS, np.array([0, 1, 120]))
    with pytest.raises(BadInput, match="unknown strategy 'chess'"):
        record("chess", MOONS, LABELED)
    recording = record("margin", MOONS, LABELED, settings={"steps": 2})
    for step in (-1, 3):
        with pytest.raises(BadInput, match=f"there is no step {step}: use 0 to 2"):
            recording.field(step)
