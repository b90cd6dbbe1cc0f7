"""batch=diverse: k-means++ weighted by the score, against its distribution, and for which strategies it draws the query."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies import STRATEGIES, title_of
from alcore.strategies.base import Seen, diverse
from alcore.training.devices import seeded
from alcore.training.train import train
from alcore.training.vectors import VectorDraws
from alcore.training.walk import Walked, query
from alcore.types import Scores
from tests.strategies.tasks import BY_TASK, CPU, build, toy_vectors

IDS = np.array([4, 9, 2, 7, 5])
TOTAL = np.array([0.3, 0.9, 0.5, 0.1, 0.6])
EMBEDDING = np.array([[3.0, 0.1], [1.0, 1.0], [0.0, 0.5], [-2.0, 0.2], [0.2, -1.0]])


def seen(ids: np.ndarray, embedding: np.ndarray) -> Seen:
    return Seen(ids, {"embedding": embedding.astype(np.float32)}, {}, np.empty(0, np.int64), CPU)


def drawn(total=TOTAL, n: int = 3, seed: int = 0, embedding=EMBEDDING, ids=IDS, **options) -> list[int]:
    return diverse(total, seen(ids, embedding), n, np.random.default_rng(seed), ignore_progress, **options).tolist()


def chances(n: int, power: float) -> dict[tuple[int, ...], float]:
    """The probability of every sequence of n ids, by the definition."""
    unit = EMBEDDING / np.linalg.norm(EMBEDDING, axis=1, keepdims=True)
    weight = (TOTAL - TOTAL.min()) ** power
    by_id = np.argsort(IDS)
    first = int(by_id[np.argmax(weight[by_id])])
    result = {}
    for rest in itertools.permutations([row for row in range(len(IDS)) if row != first], n - 1):
        chance, picked = 1.0, [first]
        for row in rest:
            square = weight * np.min([((unit - unit[p]) ** 2).sum(1) for p in picked], axis=0)
            chance *= square[row] / square.sum()
            picked.append(row)
        result[tuple(IDS[picked].tolist())] = chance
    return result


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_sequences_of_picks_have_the_probabilities_of_the_definition(power):
    expected, draws = chances(3, power), 4000
    assert sum(expected.values()) == pytest.approx(1)
    rng = np.random.default_rng(1)
    of = seen(IDS, EMBEDDING)
    found = Counter(tuple(diverse(TOTAL, of, 3, rng, ignore_progress, power=power).tolist()) for _ in range(draws))
    assert found.keys() <= {sequence for sequence, chance in expected.items() if chance > 0}
    for sequence, chance in expected.items():
        deviation = np.sqrt(draws * chance * (1 - chance))
        assert abs(found[sequence] - draws * chance) < 4.5 * deviation + 1, sequence


def test_the_order_of_the_pool_does_not_matter():
    rng = np.random.default_rng(2)
    ids, total, embedding = rng.permutation(200) * 3, rng.random(200), rng.normal(size=(200, 6))
    whole = drawn(total, 40, 7, embedding, ids)
    turned = rng.permutation(200)
    assert drawn(total[turned], 40, 7, embedding[turned], ids[turned]) == whole
    assert len(set(whole)) == 40
    assert whole[0] == ids[np.argmax(total)]


def test_the_scale_and_the_zero_of_a_score_do_not_matter():
    assert drawn(TOTAL * 1e-200, 5) == drawn(TOTAL, 5)
    assert drawn(64 * TOTAL - 32, 5) == drawn(TOTAL, 5)


def test_past_the_images_of_positive_score_and_past_duplicates_the_rest_goes_by_score_and_id():
    total = np.array([0.0, 0.0, 0.7, 0.0, 0.2])
    assert drawn(total, 5) == [2, 5, 4, 7, 9]
    assert drawn(total, 99) == [2, 5, 4, 7, 9]
    assert drawn(total, 0) == []
    alike = np.tile([[1.0, 2.0]], (5, 1)) * np.arange(1, 6)[:, None]  # of one direction: at no distance
    assert drawn(TOTAL, 4, embedding=alike) == [9, 5, 2, 4]


def test_where_all_scores_are_equal_distances_alone_decide():
    corners = np.array([[1.0, 0.0], [1.0, 1e-3], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])  # of 4 and 9 one is enough
    four = [set(drawn(np.full(5, 0.5), 4, seed, corners)) for seed in range(20)]
    assert all({2, 5, 7} < picked for picked in four)
    assert [drawn(np.full(5, 0.5), 4, seed) for seed in range(20)] == [drawn(np.zeros(5), 4, seed, power=0) for seed in range(20)]


def test_near_duplicates_of_the_best_are_passed_over_for_what_lies_apart():
    rng = np.random.default_rng(3)
    crowd = np.array([1.0, 0.0, 0.0]) + 1e-3 * rng.normal(size=(50, 3))
    others = np.eye(3)[[1, 1, 2, 2]] + 1e-3 * rng.normal(size=(4, 3))
    total = np.concatenate([np.linspace(0.9, 1, 50), np.full(4, 0.6), [0.0]])
    embedding, ids = np.concatenate([crowd, others, [[1.0, 1.0, 1.0]]]), np.arange(55)
    directions = [sorted({int(embedding[i].argmax()) for i in drawn(total, 3, seed, embedding, ids)}) for seed in range(20)]
    assert directions == [[0, 1, 2]] * 20


# ---- who draws so

Asked = tuple[Scores, Walked]


@pytest.fixture(scope="module")
def asked(pixels, pool) -> Callable[..., Asked]:
    """`asked(name, batch, **changed)`: what a strategy that was trained on toy vectors asks for, 6 of 20, and what it saw."""
    vectors = toy_vectors(pixels)

    def ask(name: str, batch: str, **changed) -> Asked:
        params = dataclasses.replace(BY_TASK["features"], batch=batch, **changed)
        strategy, draws = build(name, "features"), VectorDraws(vectors, pool, params, CPU, 5)
        strategy.train_params = params
        with seeded(1, CPU):
            train(strategy, draws, params)
        return query(strategy, draws, 6, np.random.default_rng(3))[:2]

    return ask


# alfa_mix does not read cosines yet: test_strategies.py
CLASSIFIERS = [name for name, kind in STRATEGIES.items() if "classification" in kind.tasks and name != "alfa_mix"]
RANKING = [name for name in CLASSIFIERS if STRATEGIES[name].ranks(STRATEGIES[name].Params())]


def test_all_that_rank_are_known():
    assert set(RANKING) == {"mal", "mcdal", "entropy", "margin", "bald", "learning_loss", "qbc", "sraal", "vaal"}
    assert TrainParams.batch == "auto"
    assert {name for name in RANKING if STRATEGIES[name].better_diverse} == {"mcdal", "entropy"}
    assert not STRATEGIES["mal"].ranks(STRATEGIES["mal"].Params(select_by="random"))


@pytest.mark.parametrize("name", RANKING)
def test_a_strategy_that_ranks_asks_for_high_scores_that_lie_apart(name, asked):
    top, (found, walked) = asked(name, "top")[0], asked(name, "diverse")
    assert np.array_equal(top.total, found.total)
    of = seen(found.ids, walked.arrays["embedding"][: len(found.ids)])
    assert found.selected.tolist() == diverse(found.total, of, 6, np.random.default_rng(3), ignore_progress).tolist()
    assert found.selected[0] == top.selected[0]
    assert asked(name, "diverse", batch_power=50.0)[0].selected.tolist() != asked(name, "diverse", batch_power=0.0)[0].selected.tolist()


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name not in RANKING])
def test_of_the_others_it_changes_nothing(name, asked):
    assert asked(name, "diverse")[0].selected.tolist() == asked(name, "top")[0].selected.tolist()


@pytest.mark.parametrize(
    ("name", "batch", "architecture", "params", "expected"),
    [
        ("mcdal", "auto", "features", {}, True),
        ("mcdal", "auto", "small_cnn", {}, False),  # as the paper has it
        ("mcdal", "top", "features", {}, False),
        ("margin", "auto", "features", {}, False),
        ("margin", "diverse", "small_cnn", {}, True),
        ("random", "diverse", "features", {}, False),
        ("badge", "diverse", "features", {}, False),
        ("mal", "diverse", "features", {"select_by": "random"}, False),
    ],
)
def test_by_the_strategy_a_query_is_drawn_as_it_was_measured_to_be_better_and_is_called_so(name, batch, architecture, params, expected):
    kind = STRATEGIES[name]
    assert kind.is_diverse(kind.Params(**params), TrainParams(batch=batch, architecture=architecture)) is expected
    title = title_of(name, params, {"batch": batch, "architecture": architecture})
    assert title == kind.title + (", drawn diversely" if expected else "")
