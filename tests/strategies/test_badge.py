"""BADGE: gradient embeddings that are never made against ones that are, and k-means++ seeding against its distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.measures.clusters import spread
from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies.badge import Badge
from alcore.strategies.base import Seen

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def strategy() -> Badge:
    return Badge(Classification(3), TrainParams())


def seen(logits, embedding, ids=None) -> Seen:
    logits, embedding = np.asarray(logits, np.float32), np.asarray(embedding, np.float32)
    ids = np.arange(len(logits)) if ids is None else np.asarray(ids)
    return Seen(ids, {"logits": logits, "embedding": embedding}, {}, np.empty(0, np.int64), CPU)


def some(seed: int, count: int = 40, classes: int = 4, d: int = 5) -> Seen:
    rng = np.random.default_rng(seed)
    return seen(2 * rng.normal(size=(count, classes)), rng.normal(size=(count, d)), rng.permutation(10 * count)[:count])


def made(pool: Seen) -> np.ndarray:
    """The gradient embeddings (u, K d), by autograd of the last layer's cross-entropy with the predicted class for a label."""
    rows = []
    for logits, h in zip(pool.unlabeled["logits"], pool.unlabeled["embedding"], strict=True):
        features = torch.from_numpy(h).double()
        weight = torch.zeros(len(logits), len(h), dtype=torch.float64, requires_grad=True)
        out = weight @ features + torch.from_numpy(logits).double()
        torch.nn.functional.cross_entropy(out[None], out.argmax()[None]).backward()
        rows.append(weight.grad.flatten().numpy())
    return np.stack(rows)


# ---- gradient embeddings


def test_total_is_the_length_of_the_last_layers_gradient(strategy):
    pool = some(0)
    np.testing.assert_allclose(strategy.total(pool, np.random.default_rng(0)), np.linalg.norm(made(pool), axis=1), rtol=1e-6)


def test_total_of_a_hand_worked_image(strategy):
    # p = (3/4, 1/4), so p - onehot = (-1/4, 1/4) of length sqrt(1/8); |h| = 5
    pool = seen(np.log([[3.0, 1.0]]), [[3.0, 4.0]])
    assert strategy.total(pool, np.random.default_rng(0)).tolist() == pytest.approx([5 * np.sqrt(1 / 8)], rel=1e-6)


def test_a_certain_image_has_no_gradient_and_no_nan(strategy):
    pool = seen([[1e4, -1e4], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]])
    assert strategy.total(pool, np.random.default_rng(0)).tolist() == pytest.approx([0.0, 1.0])


def test_distances_without_the_embeddings_are_those_with_them(strategy):
    pool = some(1, count=60)
    order = np.argsort(pool.ids)
    g = made(pool)[order]
    for seed in range(5):
        with_them = pool.ids[order][spread((g,), 20, np.random.default_rng(seed))]
        without = strategy.select(strategy.total(pool, None), pool, 20, np.random.default_rng(seed), ignore_progress)
        assert without.tolist() == with_them.tolist()


# ---- the picks


def test_the_longest_comes_first_and_none_comes_twice(strategy):
    pool = some(2)
    total = strategy.total(pool, np.random.default_rng(0))
    for seed in range(20):
        asked = strategy.select(total, pool, 40, np.random.default_rng(seed), ignore_progress)
        assert asked[0] == pool.ids[total.argmax()]
        assert sorted(asked.tolist()) == sorted(pool.ids.tolist())


def test_one_seed_asks_for_the_same_images_whatever_the_order_of_the_pool(strategy):
    pool = some(3)
    turned = np.random.default_rng(0).permutation(40)
    other = Seen(pool.ids[turned], {k: v[turned] for k, v in pool.unlabeled.items()}, {}, pool.targets, CPU)
    asked = [
        strategy.select(strategy.total(p, None), p, 15, np.random.default_rng(seed), ignore_progress).tolist()
        for seed in (0, 0, 1)
        for p in (pool, other)
    ]
    assert asked[0] == asked[1] == asked[2] == asked[3]
    assert asked[4] == asked[5] != asked[0]


def test_when_everything_is_covered_the_longest_come_next_and_ties_go_by_id(strategy):
    # two different gradients, each several times; after one of each all distances are 0
    long, short = [[0.0, 0.0], [4.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]
    rows = [short, long, short, long, short]
    pool = seen([r[0] for r in rows], [r[1] for r in rows], ids=[5, 9, 3, 7, 1])
    for seed in range(10):
        asked = strategy.select(strategy.total(pool, None), pool, 5, np.random.default_rng(seed), ignore_progress).tolist()
        assert asked[0] == 7
        assert asked[1] in (1, 3, 5)
        assert asked[2:] == [9, *sorted({1, 3, 5} - {asked[1]})]


def test_a_model_that_is_certain_of_everything_is_asked_by_id(strategy):
    pool = seen([[1e4, -1e4]] * 4, np.ones((4, 3)), ids=[8, 2, 6, 4])
    assert strategy.select(strategy.total(pool, None), pool, 3, np.random.default_rng(0), ignore_progress).tolist() == [2, 4, 6]


def test_it_says_how_long_the_gradient_is():
    said = Badge.explain({"total": 0.756, "entropy": 2.1}, {"total": 4, "entropy": 3}, 1387, 10)
    assert said == "its gradient is 0.76 long, rank 4 of 1,387; entropy 2.1 of at most 2.3, rank 3 of 1,387"
    assert Badge.greedy
