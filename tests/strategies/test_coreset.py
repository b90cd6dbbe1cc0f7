"""Core-set: farthest first from the labeled embeddings, in the order picked, and the published traps of its ports."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies.base import Seen
from alcore.strategies.coreset import CoreSet

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def strategy() -> CoreSet:
    return CoreSet(Classification(3), TrainParams())


def seen(unlabeled, labeled, ids=None) -> Seen:
    unlabeled, labeled = np.asarray(unlabeled, np.float32), np.asarray(labeled, np.float32)
    ids = np.arange(len(unlabeled)) if ids is None else np.asarray(ids)
    return Seen(ids, {"embedding": unlabeled}, {"embedding": labeled}, np.zeros(len(labeled), np.int64), CPU)


def ask(strategy: CoreSet, pool: Seen, n: int) -> list[int]:
    rng = np.random.default_rng(0)
    return strategy.select(strategy.total(pool, rng), pool, n, rng, ignore_progress).tolist()


# on a line: one labeled image at 0, unlabeled ones at these places
LINE = seen([[1], [9], [10], [-6], [4]], [[0]], ids=[50, 40, 30, 20, 10])


def test_total_is_the_distance_to_the_nearest_labeled_image(strategy):
    assert strategy.total(LINE, np.random.default_rng(0)).tolist() == [1, 9, 10, 6, 4]
    near_two = seen([[3, 4], [9, 1]], [[0, 0], [9, 0]])
    assert strategy.total(near_two, np.random.default_rng(0)).tolist() == [5, 1]


def test_what_is_asked_counts_as_labeled_for_the_next_pick(strategy):
    # 30 (at 10) first; from then on 40 (at 9) is only 1 away, as 50 is, and the smaller id wins; the b highest totals would be 30, 40, 20
    assert ask(strategy, LINE, 5) == [30, 20, 10, 40, 50]


def test_the_embedding_is_not_normalized(strategy):
    # after normalization both would lie on the labeled image
    pool = seen([[1, 0], [5, 0]], [[2, 0]])
    assert strategy.total(pool, np.random.default_rng(0)).tolist() == [1, 3]


def test_a_chosen_image_is_not_chosen_again_when_all_distances_tie(strategy):
    pool = seen(np.full((6, 4), 0.1), np.full((2, 4), 0.1), ids=[9, 4, 7, 1, 8, 2])
    assert strategy.total(pool, np.random.default_rng(0)).tolist() == [0.0] * 6
    assert ask(strategy, pool, 6) == [1, 2, 4, 7, 8, 9]


def test_cancellation_of_large_embeddings_changes_no_pick(strategy):
    # in a^2 + b^2 - 2ab these distances of about 1 are differences of numbers of about 1e8
    rng = np.random.default_rng(0)
    offsets = rng.integers(-8, 9, (40, 6)) / 8
    near, far = seen(offsets, offsets[:1] / 2), seen(offsets + 4096, offsets[:1] / 2 + 4096)
    assert strategy.total(far, rng).tolist() == strategy.total(near, rng).tolist()
    assert ask(strategy, far, 20) == ask(strategy, near, 20)


def test_positions_in_the_pool_and_ids_are_not_confused(strategy):
    rng = np.random.default_rng(3)
    points, labeled, ids = rng.random((30, 3)), rng.random((4, 3)), rng.permutation(1000)[:30]
    covered, slow, left = [*labeled.astype(np.float32)], [], dict(zip(ids.tolist(), points.astype(np.float32), strict=True))
    while left:
        pick = max(left, key=lambda i: min(math.dist(left[i], c) for c in covered))
        covered.append(left.pop(pick))
        slow.append(pick)
    assert ask(strategy, seen(points, labeled, ids), 30) == slow
    turned = rng.permutation(30)
    assert ask(strategy, seen(points[turned], labeled[::-1], ids[turned]), 30) == slow


def test_it_says_how_far_the_nearest_labeled_image_is():
    said = CoreSet.explain({"total": 3.14159, "entropy": 1.0}, {"total": 7, "entropy": 2}, 1387, 10)
    assert said == "3.1 units away from its nearest labeled image, rank 7 of 1,387"
    assert CoreSet.greedy
