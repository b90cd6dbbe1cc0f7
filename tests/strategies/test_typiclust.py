"""TypiClust: groups without labels first, the most typical image of each; k-means and neighbor distances against slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from alcore.measures.clusters import k_means
from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies.base import Seen
from alcore.strategies.typiclust import Params, TypiClust

CPU = torch.device("cpu")


def strategy(**values) -> TypiClust:
    return TypiClust(Classification(3), TrainParams(), Params(**values))


def seen(unlabeled, labeled, ids=None) -> Seen:
    unlabeled = np.asarray(unlabeled, np.float32)
    labeled = np.asarray(labeled, np.float32).reshape(-1, unlabeled.shape[1])
    ids = np.arange(len(unlabeled)) if ids is None else np.asarray(ids)
    return Seen(ids, {"embedding": unlabeled}, {"embedding": labeled}, np.zeros(len(labeled), np.int64), CPU)


def ask(strategy: TypiClust, pool: Seen, n: int, seed: int = 0) -> list[int]:
    rng = np.random.default_rng(seed)
    return strategy.select(strategy.total(pool, rng), pool, n, rng, ignore_progress).tolist()


def group(degrees: float, count: int, spread: float = 1.0, length: float = 1.0) -> np.ndarray:
    """`count` directions in the plane around one, symmetric about it; the middle one is the most typical where half of `count` is even,
    so that as many neighbors lie on either side."""
    angles = np.radians(degrees + spread * np.linspace(-1, 1, count) * np.abs(np.linspace(-1, 1, count)))
    return length * np.stack([np.cos(angles), np.sin(angles)], axis=1)


# ---- what is asked


def test_the_largest_groups_without_a_label_come_first_and_give_their_middle():
    sizes = {0: 21, 90: 13, 180: 33, 270: 17}
    groups = [group(degrees, count) for degrees, count in sizes.items()]
    pool = seen(np.concatenate(groups), groups[2][:1])  # the group of 33 has a label
    first = np.cumsum([0, 21, 13, 33])
    middle = {degrees: int(start + count // 2) for start, (degrees, count) in zip(first, sizes.items(), strict=True)}
    for seed in range(5):
        assert ask(strategy(), pool, 3, seed) == [middle[0], middle[270], middle[90]]


def test_clusters_are_as_many_as_labeled_and_asked_together_up_to_the_most_allowed(monkeypatch):
    asked = []
    honest = k_means
    monkeypatch.setattr(
        "alcore.strategies.typiclust.k_means",
        lambda points, k, *rest, **more: asked.append((len(points), k)) or honest(points, k, *rest, **more),
    )
    pool = seen(np.random.default_rng(0).normal(size=(40, 3)), np.random.default_rng(1).normal(size=(6, 3)))
    for n, most in ((4, 500), (4, 8), (40, 500)):
        ask(strategy(max_clusters=most), pool, n)
    assert [k for points, k in asked if points == 46] == [10, 8, 46]


def test_groups_give_their_second_image_only_after_each_gave_its_first():
    pool = seen(np.concatenate([group(0, 21), group(120, 9), group(240, 17)]), [])
    asked = ask(strategy(max_clusters=3), pool, 7)
    where = [0 if i < 21 else 1 if i < 30 else 2 for i in asked]
    assert where == [0, 2, 1, 0, 2, 1, 0]
    assert asked[:3] == [10, 38, 25]


def test_groups_of_five_images_or_fewer_come_after_all_others_have_given_everything():
    # the published code never asks for theirs
    pool = seen(np.concatenate([group(0, 20), group(100, 5), group(200, 20), group(280, 6)]), [])
    asked = ask(strategy(max_clusters=4), pool, 51)
    assert sorted(asked) == list(range(51))
    assert set(asked[46:]) == set(range(20, 25))
    assert asked[2] in range(45, 51)  # six are enough


def published(points: np.ndarray, clusters: np.ndarray, labeled: int, n: int) -> list[int]:
    """The published rule, slowly: rows of `points` (labeled ones last) asked for, given the clusters of all of them."""
    count = len(points) - labeled
    kept = []
    for c in sorted(set(clusters.tolist())):
        size = int((clusters == c).sum())
        if size > 5:
            kept.append((int((clusters[count:] == c).sum()), -size, c))
    kept.sort()
    free = list(range(count))
    asked: list[int] = []
    for turn in range(n):
        c = kept[turn % len(kept)][2]
        inside = [i for i in free if clusters[i] == c]
        k = min(20, len(inside) // 2)
        typical = []
        for i in inside:
            apart = sorted(sum((points[i] - points[j]) ** 2) for j in inside if j != i)[:k]
            typical.append(1 / (sum(apart) / k + 1e-5))
        best = inside[int(np.argmax(typical))]
        asked.append(best)
        free.remove(best)
    return asked


@pytest.mark.parametrize(("seed", "n", "most"), [(0, 12, 6), (1, 24, 4), (2, 9, 500)])
def test_the_query_is_that_of_the_published_rule(monkeypatch, seed, n, most):
    """Restated slowly, on the clusters that k-means found here: neighbors up to half of what is left, squared distances, measured
    again after each pick."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(4, 5))
    points = np.repeat(middles, 40, axis=0) + 0.3 * rng.normal(size=(160, 5))
    pool = seen(points[:150], points[150:])
    found = []
    monkeypatch.setattr("alcore.strategies.typiclust.k_means", lambda *a, **o: found.append((a[0], k_means(*a, **o))) or found[-1][1])
    asked = strategy(max_clusters=most).select(np.zeros(150), pool, n, np.random.default_rng(seed), ignore_progress).tolist()
    ((normalized, clusters),) = found
    assert asked == published(normalized.astype(float), clusters, 10, n)


def test_lengths_of_embeddings_do_not_matter():
    groups = [group(0, 21), group(120, 33), group(240, 13)]
    lengths = np.random.default_rng(0).uniform(0.1, 100, (67, 1))
    plain, long = seen(np.concatenate(groups), []), seen(np.concatenate(groups) * lengths, [])
    assert ask(strategy(), long, 3) == ask(strategy(), plain, 3)


def test_one_seed_asks_for_the_same_images_whatever_the_order_of_the_pool():
    rng = np.random.default_rng(2)
    points, labeled, ids = rng.normal(size=(80, 4)), rng.normal(size=(5, 4)), rng.permutation(500)[:80]
    turned = rng.permutation(80)
    plain, other = seen(points, labeled, ids), seen(points[turned], labeled[::-1], ids[turned])
    assert ask(strategy(), plain, 12) == ask(strategy(), other, 12)
    a, b = (strategy().total(pool, np.random.default_rng(0)) for pool in (plain, other))
    assert a[turned].tolist() == b.tolist()


def test_equal_images_and_zero_embeddings_are_asked_by_id():
    assert ask(strategy(), seen(np.zeros((6, 3)), np.zeros((1, 3)), ids=[9, 3, 7, 1, 5, 8]), 6) == [1, 3, 5, 7, 8, 9]


# ---- typicality


def test_total_is_one_over_the_mean_squared_distance_to_the_nearest_neighbors():
    angles = np.array([0, 10, 25, 80])
    pool = seen(np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1), [])

    def chord(a, b):
        return 2 * math.sin(math.radians(abs(a - b)) / 2)

    expected = [1 / (np.mean(sorted(chord(a, b) ** 2 for b in angles if b != a)[:2]) + 1e-5) for a in angles]
    assert strategy(neighbors=2).total(pool, np.random.default_rng(0)).tolist() == pytest.approx(expected, rel=1e-5)


def test_total_is_finite_for_duplicates_and_for_one_image_alone():
    rng = np.random.default_rng(0)
    assert np.isfinite(strategy().total(seen(np.ones((4, 2)), []), rng)).all()
    assert strategy().total(seen([[1.0, 2.0]], []), rng).tolist() == [0.0]


def test_it_says_how_typical_the_image_is():
    said = TypiClust.explain({"total": 1.234, "entropy": 1.0}, {"total": 8, "entropy": 2}, 1387, 10)
    assert said == "the most typical of its group that is not asked yet; typicality 1.2, rank 8 of 1,387"
    assert TypiClust.greedy
