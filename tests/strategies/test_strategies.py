"""What every strategy must do, whichever it is: one set of checks, each for every strategy and task.

Longer than 400 lines: one contract, read in one place; the tasks, and classification of frozen vectors (`features`), share every check.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from alcore import strategies
from alcore.errors import AlcoreError, BadInput
from alcore.nets.models import CosineHead, evaluating
from alcore.nets.tasks import FEATURES, TASKS
from alcore.params import TrainParams, make_params
from alcore.progress import ignore_progress
from alcore.strategies import SCORES, STRATEGIES, strategy_named
from alcore.strategies.base import ScoreInfo, Strategy
from alcore.strategies.random import Random
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.draws import PoolDraws
from alcore.training.explain import info
from alcore.training.pool import Pool
from alcore.training.train import train
from alcore.training.vectors import VectorDraws
from alcore.training.walk import query, walk
from tests.strategies.tasks import BY_TASK, TRAIN, build, columns, seen, toy_vectors

CPU = torch.device("cpu")
Toys = dict[str, tuple[np.ndarray, Pool, np.ndarray | None]]
EACH = [(name, task) for name in STRATEGIES for task in columns(name)]
each = pytest.mark.parametrize(("name", "task"), EACH)


def draws_of(task: str, toys: Toys, *, seed: int = 5, pool: Pool | None = None, **changed) -> PoolDraws:
    """Draws of the toy images, or vectors, of a task."""
    pixels, its_pool, masks = toys[task]
    if task == FEATURES:
        return VectorDraws(pixels, pool or its_pool, dataclasses.replace(BY_TASK[task], **changed), CPU, seed)
    return Batches(pixels, pool or its_pool, dataclasses.replace(BY_TASK[task], **changed), CPU, seed, dense=masks)


def state_of(strategy: Strategy) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in strategy.state_dict().items()}


def assert_same_state(strategy: Strategy, before: dict[str, torch.Tensor]) -> None:
    after = strategy.state_dict()
    assert after.keys() == before.keys()
    assert [key for key in before if not torch.equal(after[key], before[key])] == []


@pytest.fixture(scope="module")
def toys(pixels, pool, dense_pixels, dense_pool, dense) -> Toys:
    """By task the images or vectors, the pool, and the masks that its targets are rows of."""
    return {
        "classification": (pixels, pool, None),
        "segmentation": (dense_pixels, dense_pool, dense),
        FEATURES: (toy_vectors(pixels), pool, None),
    }


@pytest.fixture
def batches(task, toys) -> PoolDraws:
    return draws_of(task, toys)


@pytest.fixture(scope="module")
def trained(toys):
    """Each strategy of each task after a few steps, so that scores differ from image to image; made when it is first asked for."""

    class Trained(dict):
        def __missing__(self, key: tuple[str, str]) -> Strategy:
            name, task = key
            self[key] = build(name, task)
            with seeded(1, CPU):
                train(self[key], draws_of(task, toys), BY_TASK[task])
            return self[key]

    return Trained()


# ---- training


@each
def test_every_stage_steps_and_returns_finite_losses_without_gradients(name, task, batches):
    strategy = build(name, task)
    strategy.train()
    before = state_of(strategy)
    for stage in strategy.stages(4):
        assert stage.steps >= 1
        if stage.start:
            stage.start()
        losses = stage.step(batches)
        assert losses
        for loss in losses.values():
            assert loss.shape == ()
            assert not loss.requires_grad
            assert math.isfinite(loss.item())
    assert not all(torch.equal(before[key], value) for key, value in strategy.state_dict().items())


@each
def test_the_task_model_starts_from_the_same_weights_under_every_strategy(name, task):
    plain, strategy = build("random", task, seed=9), build(name, task, seed=9)
    for part in ("backbone", "head"):
        mine, theirs = getattr(strategy, part).state_dict(), getattr(plain, part).state_dict()
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


@each
def test_every_optimizer_serves_parameters_of_its_own_and_together_all_of_them(name, task):
    strategy = build(name, task)
    served = [id(p) for o in strategy.optimizers.values() for group in o.param_groups for p in group["params"]]
    assert sorted(served) == sorted(id(p) for p in strategy.parameters())


CHOICES = [
    (name, task, field.name, value)
    for name, task in EACH
    for field in dataclasses.fields(STRATEGIES[name].Params)
    for value in (field.metadata["choices"] or ((True, False) if field.type == "bool" else ()))
]


@pytest.mark.parametrize(("name", "task", "parameter", "value"), CHOICES)
def test_every_choice_of_every_parameter_trains_and_queries(name, task, parameter, value, batches):
    strategy = build(name, task, **{parameter: value})
    train(strategy, batches, dataclasses.replace(BY_TASK[task], steps=2))
    found, _, _ = query(strategy, batches, 5, np.random.default_rng(0))
    assert len(found.selected) == 5


@each
def test_a_step_in_bf16_never_reads_weights_of_before_an_update(name, task, toys):
    """autocast keeps the weights it cast for as long as it lasts; a second forward of a step would read the old ones."""
    ends = []
    for forgetful in (False, True):
        strategy = build(name, task)
        strategy.train()
        draws = draws_of(task, toys)
        for optimizer in strategy.optimizers.values() if forgetful else ():
            optimizer.register_step_post_hook(lambda *_: torch.clear_autocast_cache())
        with seeded(2, CPU), torch.autocast("cpu", torch.bfloat16):
            for stage in strategy.stages(2):
                stage.step(draws)
        ends.append(state_of(strategy))
    assert [key for key in ends[0] if not torch.equal(ends[0][key], ends[1][key])] == []


@pytest.mark.slow
@each
def test_every_strategy_trains_in_bf16_and_scores_in_fp32(name, task, toys, rounding_bf16):
    strategy, draws = build(name, task), draws_of(task, toys, precision="bf16", rotation=15.0)
    train(strategy, draws, draws.params)
    assert all(p.dtype == torch.float32 for p in strategy.parameters())
    found, walked, _ = query(strategy, draws, 5, np.random.default_rng(0))
    assert len(found.selected) == 5
    assert walked.arrays["logits"].dtype == np.float32


# ---- scoring


@each
def test_scores_are_one_finite_number_an_image_beside_logits_and_embedding(name, task, trained, batches, pool):
    walked = walk(trained[name, task], batches, pool.unlabeled)
    assert {"entropy", "margin", "confidence"} <= walked.parts.keys()
    for values in walked.parts.values():
        assert values.shape == (20,)
        assert np.isfinite(values).all()
    assert walked.arrays["logits"].shape == (20, 3)
    assert walked.arrays["embedding"].shape == (20, trained[name, task].backbone.out_features)
    assert all(len(values) == 20 and values.ndim == 2 for values in walked.arrays.values())
    assert walked.parts["entropy"].std() > 0
    with evaluating(trained[name, task]):
        logits = torch.cat([trained[name, task].score(x)["logits"] for _, x in batches.walk(pool.unlabeled)])
    logits = logits.flatten(2).double().numpy() if task == "segmentation" else logits[..., None].double().numpy()  # (20, K, pixels)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    np.testing.assert_allclose(walked.parts["entropy"], -(p * np.log(p)).sum(1).mean(1), atol=1e-5)
    np.testing.assert_allclose(walked.parts["confidence"], p.max(1).mean(1), atol=1e-6)
    top = np.sort(p, axis=1)
    np.testing.assert_allclose(walked.parts["margin"], (top[:, -1] - top[:, -2]).mean(1), atol=1e-6)
    kept = np.exp(walked.arrays["logits"].astype(np.float64))
    np.testing.assert_allclose(kept / kept.sum(1, keepdims=True), p.mean(2), atol=1e-6)


@each
@pytest.mark.parametrize("training", [True, False])
def test_scoring_leaves_weights_statistics_and_mode_as_they_were(name, task, training, trained, batches):
    strategy = trained[name, task].train(training)
    before = state_of(strategy)
    query(strategy, batches, 5, np.random.default_rng(0))
    assert_same_state(strategy, before)
    assert all(module.training is training for module in strategy.modules())


@each
def test_scores_are_taken_in_evaluation_mode_without_gradients(name, task, trained, batches, monkeypatch):
    strategy, seen = trained[name, task].train(), []
    honest = strategy.score

    def spy(x):
        seen.append((strategy.training, strategy.backbone.training, torch.is_grad_enabled()))
        return honest(x)

    monkeypatch.setattr(strategy, "score", spy)
    query(strategy, batches, 5, np.random.default_rng(0))
    assert seen == [(False, False, False)]


@each
def test_the_logits_beside_the_scores_are_those_that_the_task_model_predicts(name, task, trained, batches, toys):
    """What a round keeps is told as the model's guesses, beside what the model says later of images that it did not score."""
    strategy = trained[name, task]
    with evaluating(strategy), torch.no_grad():
        for _, x in batches.walk(toys[task][1].unlabeled[:4]):
            alike = torch.allclose(strategy.score(x)["logits"], strategy.predict(x), atol=1e-5, rtol=1e-5)
            assert alike is strategy.scores_by_task_model


@each
def test_the_same_weights_give_the_same_scores_and_query_twice(name, task, trained, batches):
    first, second = (query(trained[name, task], batches, 6, np.random.default_rng(3))[0] for _ in range(2))
    assert first.selected.tolist() == second.selected.tolist()
    assert np.array_equal(first.total, second.total)
    assert all(np.array_equal(first.parts[key], second.parts[key]) for key in first.parts)


@each
def test_neither_the_order_of_the_pool_nor_the_size_of_the_batches_changes_the_query(name, task, trained, toys, monkeypatch):
    turned, pool = np.random.default_rng(8).permutation(20), toys[task][1]
    other = dataclasses.replace(pool, unlabeled=pool.unlabeled[turned], labeled=pool.labeled[::-1], targets=pool.targets[::-1].copy())
    first, _, _ = query(trained[name, task], draws_of(task, toys), 7, np.random.default_rng(3))
    kind = VectorDraws if task == FEATURES else Batches
    whole = kind.walk
    monkeypatch.setattr(kind, "walk", lambda self, ids, **options: whole(self, ids, 7, **options))
    second, _, _ = query(trained[name, task], draws_of(task, toys, pool=other), 7, np.random.default_rng(3))
    assert second.ids.tolist() == first.ids[turned].tolist()
    np.testing.assert_allclose(second.total, first.total[turned], atol=1e-5)
    assert second.selected.tolist() == first.selected.tolist()


@each
def test_a_query_names_exactly_n_distinct_unlabeled_items_best_first(name, task, trained, batches, pool):
    found, walked, seconds = query(trained[name, task], batches, 7, np.random.default_rng(0))
    assert len(set(found.selected.tolist())) == 7
    assert set(found.selected.tolist()) <= set(pool.unlabeled.tolist())
    assert found.ids.tolist() == pool.unlabeled.tolist()
    if not trained[name, task].greedy:
        best = sorted(zip(-found.total, found.ids.tolist(), strict=True))[:7]
        assert found.selected.tolist() == [i for _, i in best]
    assert walked.ids.tolist() == [*pool.unlabeled.tolist(), *pool.labeled.tolist()]
    assert seconds.keys() == {"score", "select"}


@each
def test_a_query_larger_than_the_pool_names_all_of_it(name, task, trained, batches, pool):
    found, _, _ = query(trained[name, task], batches, 1000, np.random.default_rng(0))
    assert sorted(found.selected.tolist()) == sorted(pool.unlabeled.tolist())


def test_a_query_of_a_pool_without_unlabeled_items_says_what_to_do(trained, pixels, pool):
    empty = dataclasses.replace(pool, unlabeled=np.array([], np.int64))
    with pytest.raises(AlcoreError, match="nothing is left to query"):
        query(trained["entropy", "classification"], Batches(pixels, empty, TRAIN, CPU, 0), 5, np.random.default_rng(0))


@pytest.mark.parametrize(("name", "task"), [pair for pair in EACH if not STRATEGIES[pair[0]].greedy])
def test_equal_totals_are_asked_for_in_the_order_of_their_ids(name, task, trained):
    ids = np.array([9, 3, 7, 1])
    total = np.array([0.5, 0.5, 0.9, 0.5])
    assert trained[name, task].select(total, seen(ids, {}), 3, np.random.default_rng(0), ignore_progress).tolist() == [7, 1, 3]


# ---- what lists and forms show


@each
def test_a_strategy_says_what_its_stages_cost(name, task):
    """As a first guess of how long a round takes: in the order, and of the length, that they have."""
    strategy = build(name, task)
    told, stages = strategy.costs(strategy.params), strategy.stages(40)
    if len(told) == 1 and not told[0][0]:  # all of them together
        assert (told[0][1], sum(stage.steps for stage in stages)) == (1.0, 40)
    else:
        assert [(label, max(1, round(40 * share))) for label, share, _ in told] == [(stage.name, stage.steps) for stage in stages]
    assert all(cost > 0 for *_, cost in told)


@each
def test_a_strategy_says_what_it_is(name, task):
    kind = STRATEGIES[name]
    assert kind.name == name
    assert set(kind.tasks) <= set(TASKS)
    assert kind.title
    assert kind.paper
    assert all(sentence.endswith(".") for sentence in kind.differences)
    assert kind.__doc__ != Strategy.__doc__


@each
def test_a_strategy_says_what_each_of_its_scores_means(name, task, trained, batches):
    found, _, _ = query(trained[name, task], batches, 3, np.random.default_rng(0))
    told = STRATEGIES[name].score_columns()
    assert {"total", *found.parts} - told.keys() == set()
    assert {about.name for about in STRATEGIES[name].score_info} - {"total", *found.parts} <= {"pixel_discrepancy"}  # of masks only
    for about in told.values():
        assert about.wanted in ("high", "low")
        assert about.title[0].isupper()
        assert "_" not in about.title
        assert about.help.endswith(".")
        if about.span:
            low, high = about.span(3)
            values = found.parts.get(about.name, np.zeros(1))
            assert low <= values.min()
            assert values.max() <= high + 1e-6


def test_every_score_is_told_of_once_and_what_is_ranked_by_differs(monkeypatch):
    assert SCORES.keys() == {name for kind in STRATEGIES.values() for name in kind.score_columns()}
    assert info("total", "coreset").help.startswith("Distance to the nearest labeled image")
    assert info("total", "entropy") == info("total")
    assert info("labeledness").wanted == "low"
    assert info("of_a_strategy_that_is_gone").title == "Of a strategy that is gone"
    other = ScoreInfo("bald", "Something else", "Not what BALD means.")
    monkeypatch.setattr(STRATEGIES["qbc"], "score_info", (*STRATEGIES["qbc"].score_info, other))
    with pytest.raises(ValueError, match="qbc says something else of the score 'bald'"):
        strategies._told()


@pytest.mark.parametrize("kind", [*(STRATEGIES[name].Params for name in STRATEGIES), TrainParams])
def test_every_parameter_has_help_a_source_and_a_default_within_its_bounds(kind):
    for field in dataclasses.fields(kind):
        meta = field.metadata
        assert len(meta["help"]) > 10, field.name
        assert meta["source"], field.name
        assert meta["title"][0].isupper(), field.name
        assert "_" not in meta["title"], field.name
        assert not any("_" in words for words in (meta["words"] or {}).values()), field.name
        if meta["choices"] and isinstance(field.default, str):
            assert meta["words"].keys() == set(meta["choices"]), field.name
        assert type(field.default) in (bool, int, float, str)
        if type(field.default) in (int, float) and not meta["choices"]:
            assert meta["low"] <= field.default <= meta["high"], field.name
        if meta["choices"]:
            assert field.default in meta["choices"], field.name
    assert make_params(kind, {f.name: str(f.default) for f in dataclasses.fields(kind)}, "x") == kind()


@each
def test_every_strategy_explains_its_own_scores(name, task, trained, batches):
    found, _, _ = query(trained[name, task], batches, 3, np.random.default_rng(0))
    values = {key: float(v[0]) for key, v in (found.parts | {"total": found.total}).items()}
    said = STRATEGIES[name].explain(values, dict.fromkeys(values, 4), 20, 3)
    assert "of 20" in said
    assert "nan" not in said


def test_the_list_of_strategies_is_read_only_and_names_the_papers_first():
    assert list(STRATEGIES)[:2] == ["mal", "mcdal"]
    assert {"random", "entropy", "margin", "mal", "mcdal"} <= set(STRATEGIES)
    with pytest.raises(TypeError):
        STRATEGIES["mine"] = Random
    with pytest.raises(BadInput, match="unknown strategy 'bold': use one of mal, mcdal, entropy, margin, random, alfa_mix, badge, bald"):
        strategy_named("bold")


@pytest.mark.parametrize("changed", [{"optimizer": "adam", "learning_rate": 1e-3}, {"classifier": "linear"}, {"classifier": "cosine"}])
@each
def test_every_optimizer_and_classifier_serves_every_strategy(name, task, changed, toys):
    params = dataclasses.replace(BY_TASK[task], **changed)
    strategy = build(name, task, train=params)
    before = {key: value.clone() for key, value in strategy.head.state_dict().items()}
    train(strategy, draws_of(task, toys, **changed), params)
    assert not all(torch.equal(before[key], value) for key, value in strategy.head.state_dict().items())
    if "optimizer" in changed:
        assert isinstance(strategy.optimizers["task"], torch.optim.Adam)
    else:
        assert isinstance(strategy.head, CosineHead) == (changed["classifier"] == "cosine")
