"""What every strategy must do, whichever it is: one set of checks, each for every strategy and task.

Longer than 400 lines: one contract, read in one place; the tasks share every check of it.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from alcore import strategies
from alcore.errors import AlcoreError, BadInput
from alcore.nets.models import evaluating
from alcore.nets.tasks import TASKS
from alcore.params import TrainParams, make_params
from alcore.progress import ignore_progress
from alcore.strategies import SCORES, STRATEGIES, strategy_named
from alcore.strategies.base import ScoreInfo, Seen, Strategy
from alcore.strategies.random import Random
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.explain import info
from alcore.training.pool import Pool
from alcore.training.train import train
from alcore.training.walk import query, walk

CPU = torch.device("cpu")
Toys = dict[str, tuple[np.ndarray, Pool, np.ndarray | None]]
TRAIN = TrainParams(batch_size=8, steps=3, flip=False, crop=0.0)
BY_TASK = {"classification": TRAIN, "segmentation": dataclasses.replace(TRAIN, architecture="small_drn", batch_size=4)}
SIDE = {"classification": 8, "segmentation": 16}
EACH = [(name, task) for name in STRATEGIES for task in STRATEGIES[name].tasks]
each = pytest.mark.parametrize(("name", "task"), EACH)


def build(name: str, task: str = "classification", *, classes: int = 3, seed: int = 0, **values) -> Strategy:
    kind = strategy_named(name)
    with seeded(seed, CPU):
        return kind(TASKS[task](classes, SIDE[task]), BY_TASK[task], make_params(kind.Params, values, name))


def draws_of(task: str, toys: Toys, *, seed: int = 5, pool: Pool | None = None, **changed) -> Batches:
    """Batches of the toy images of a task."""
    pixels, its_pool, masks = toys[task]
    return Batches(pixels, pool or its_pool, dataclasses.replace(BY_TASK[task], **changed), CPU, seed, dense=masks)


def seen(ids: np.ndarray, parts: dict[str, np.ndarray]) -> Seen:
    return Seen(ids, parts, {}, np.empty(0, np.int64), CPU)


def state_of(strategy: Strategy) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in strategy.state_dict().items()}


def assert_same_state(strategy: Strategy, before: dict[str, torch.Tensor]) -> None:
    after = strategy.state_dict()
    assert after.keys() == before.keys()
    assert [key for key in before if not torch.equal(after[key], before[key])] == []


@pytest.fixture
def task() -> str:
    """The task of tests that do not name theirs."""
    return "classification"


@pytest.fixture(scope="module")
def toys(pixels, pool, dense_pixels, dense_pool, dense) -> Toys:
    """By task the images, the pool, and the masks that its targets are rows of."""
    return {"classification": (pixels, pool, None), "segmentation": (dense_pixels, dense_pool, dense)}


@pytest.fixture
def batches(task, toys) -> Batches:
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
    whole = Batches.walk
    monkeypatch.setattr(Batches, "walk", lambda self, ids, **options: whole(self, ids, 7, **options))
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
def test_a_strategy_says_what_it_is(name, task):
    kind = STRATEGIES[name]
    assert kind.name == name
    assert task in TASKS
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


def test_explanations_are_sentences_with_the_numbers_in_them():
    values = {"entropy": 2.1, "margin": 0.03, "labeledness": 0.041, "discrepancy": 0.123}
    rank = {"entropy": 3, "margin": 7, "labeledness": 12, "discrepancy": 1}

    def said(name, classes=10, **other):
        return STRATEGIES[name].explain(values | other, rank, 1387, classes)

    assert said("entropy") == "entropy 2.1 of at most 2.3, rank 3 of 1,387"
    assert said("random") == "drawn at random; entropy 2.1 of at most 2.3, rank 3 of 1,387"
    assert said("margin") == "its two likeliest classes are 3 points apart, rank 7 of 1,387"
    assert said("mal") == ("entropy 2.1 of at most 2.3, rank 3 of 1,387; the discriminator gives it 4 % to be labeled, rank 12")
    assert "gives it under 1 % to be labeled" in said("mal", labeledness=0.002)
    assert said("mcdal") == "the heads disagree by 0.12, rank 1 of 1,387; entropy 2.1 of at most 2.3"


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
    with pytest.raises(BadInput, match="unknown strategy 'bold': use one of mal, mcdal, entropy, margin, random, badge, bald"):
        strategy_named("bold")


# ---- parameters from outside


def test_parameters_given_as_text_become_their_types():
    params = make_params(TrainParams, {"steps": "12", "flip": "False", "learning_rate": "1e-2", "architecture": "resnet18"}, "training")
    assert (params.steps, params.flip, params.learning_rate, params.architecture) == (12, False, 0.01, "resnet18")
    assert type(params.steps) is int


def test_everything_that_is_wrong_is_said_at_once():
    wrong = {
        "steps": 2.5,
        "flip": "maybe",
        "momentum": 2,
        "architecture": "vit",
        "speed": 1,
        "decay": "nan",
        "crop": "wide",
        "batch_size": "inf",
    }
    with pytest.raises(BadInput) as refused:
        make_params(TrainParams, wrong, "training")
    said = str(refused.value)
    assert said.startswith("parameters of training: ")
    for part in (
        "steps=2.5: use a whole number",
        "flip='maybe': use true or false",
        "momentum=2: use a value from 0 to 0.999",
        "architecture='vit': use one of small_cnn, resnet18, resnet18_cifar, vgg16_bn",
        "speed is not a parameter (there are: architecture, weights",
        "decay='nan': use a finite number",
        "crop='wide': use a number",
        "batch_size='inf': use a finite number",
    ):
        assert part in said


# ---- random and margin


def test_random_draws_every_item_equally_often():
    strategy, ids = build("random"), np.arange(20) * 3
    count = dict.fromkeys(ids.tolist(), 0)
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        chosen = strategy.select(strategy.total(seen(ids, {}), rng), seen(ids, {}), 5, rng, ignore_progress).tolist()
        assert len(set(chosen)) == 5
        for i in chosen:
            count[i] += 1
    # binomial(2000, 1/4): mean 500, standard deviation 19.4
    assert min(count.values()) > 500 - 4.5 * 19.4
    assert max(count.values()) < 500 + 4.5 * 19.4


def test_random_gives_an_item_the_same_number_wherever_it_stands():
    strategy, ids = build("random"), np.array([5, 1, 9, 7])
    a = strategy.total(seen(ids, {}), np.random.default_rng(0))
    b = strategy.total(seen(ids[::-1], {}), np.random.default_rng(0))
    assert a.tolist() == b[::-1].tolist()
    assert a[[1, 0, 3, 2]].tolist() == np.random.default_rng(0).random(4).tolist()


def test_margin_asks_for_the_smallest_and_entropy_for_the_largest():
    ids = np.arange(4)
    parts = {"margin": np.array([0.9, 0.1, 0.5, 0.2]), "entropy": np.array([0.1, 0.8, 0.9, 0.2])}
    rng = np.random.default_rng(0)
    what = seen(ids, parts)
    for name, wanted in (("margin", [1, 3, 2, 0]), ("entropy", [2, 1, 3, 0])):
        strategy = build(name)
        assert strategy.select(strategy.total(what, rng), what, 4, rng, ignore_progress).tolist() == wanted


# ---- the pool


def test_a_pool_refuses_an_item_that_is_labeled_and_unlabeled_and_ids_out_of_order(pool):
    with pytest.raises(ValueError, match="labeled and unlabeled at once"):
        dataclasses.replace(pool, unlabeled=pool.labeled[:1])
    with pytest.raises(ValueError, match="must ascend"):
        dataclasses.replace(pool, ids=pool.ids[::-1])


def test_rows_follow_ids_in_any_order_and_unknown_ids_are_refused(pool: Pool):
    row = dict(zip(pool.ids.tolist(), pool.rows.tolist(), strict=True))
    asked = pool.unlabeled[::-1]
    assert pool.rows_of(asked).tolist() == [row[i] for i in asked.tolist()]
    for unknown in (6, 10_000, 0):
        with pytest.raises(KeyError):
            pool.rows_of(np.array([unknown]))
