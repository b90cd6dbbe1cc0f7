"""Greedy k-center against a loop in float64: on the CPU, where most distances are left out, and the loop written for devices."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from alcore.measures import centers as module
from alcore.measures.centers import k_center, nearest
from alcore.progress import Progress, ignore_progress

CPU = torch.device("cpu")


def slow_k_center(points, centers, n, ids) -> list[int]:
    """Greedy in float64, one pair at a time; returns positions."""
    points = points.astype(np.float64)
    covered = [] if centers is None else list(centers.astype(np.float64))
    far = [min((math.dist(p, c) for c in covered), default=math.inf) for p in points]
    picked: list[int] = []
    for _ in range(min(n, len(points))):
        if covered:
            left = [i for i in range(len(points)) if i not in picked]
            best = max(far[i] for i in left)
            pick = min((i for i in left if far[i] == best), key=lambda i: ids[i])
        else:
            mean = points.mean(0)
            pick = min(range(len(points)), key=lambda i: (math.dist(points[i], mean), ids[i]))
        picked.append(pick)
        covered.append(points[pick])
        far = [min(a, math.dist(p, points[pick])) for a, p in zip(far, points, strict=True)]
    return picked


def on_the_cpu(points, centers, n, ids) -> list[int]:
    return k_center(points, centers, n, ids).tolist()


def as_on_a_device(points, centers, n, ids) -> list[int]:
    """What k_center does for a GPU, on tensors of the CPU."""
    put = module._put
    covered = None if centers is None else np.sqrt(module._nearest_on(put(points, CPU), put(centers, CPU), ignore_progress).numpy())
    return module._on(CPU, points, covered, min(n, len(points)), np.argsort(ids), ignore_progress).tolist()


both = pytest.mark.parametrize("pick", [on_the_cpu, as_on_a_device])


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks so small that every loop over them turns many times."""
    for name, size in {"ROWS": 7, "COLUMNS": 5, "PAIRS": 3, "EAGER": 16, "BATCH": 4}.items():
        monkeypatch.setattr(module, name, size)


def drawn(seed: int, count: int, d: int, kind: str = "uniform") -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "grid":
        return rng.integers(0, 3, (count, d)).astype(np.float32)
    if kind == "long tails":
        return (rng.normal(size=(count, d)) * 10 ** rng.normal(size=(count, 1)) + 100).astype(np.float32)
    if kind == "duplicates":
        return rng.random((max(1, count // 4), d), dtype=np.float32)[rng.integers(0, max(1, count // 4), count)]
    if kind == "crowded":  # a far cluster of points that float32 products cannot tell apart
        return (50 + 1e-3 * rng.normal(size=(count, d))).astype(np.float32)
    return rng.random((count, d), dtype=np.float32)


KINDS = ("uniform", "grid", "long tails", "duplicates", "crowded")


# ---- the picks


@both
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_k_center_equals_a_double_precision_loop(pick, seed, kind, small_blocks):
    points, centers = drawn(seed, 70, 6, kind), drawn(seed + 50, 9, 6, kind)
    ids = np.random.default_rng(seed).permutation(1000)[:70]
    assert pick(points, centers, 40, ids) == slow_k_center(points, centers, 40, ids)
    assert pick(points, None, 40, ids) == slow_k_center(points, None, 40, ids)


@both
def test_k_center_at_full_block_sizes_equals_the_loop(pick):
    points, centers = drawn(1, 300, 20), drawn(2, 50, 20)
    ids = np.arange(300)
    assert pick(points, centers, 60, ids) == slow_k_center(points, centers, 60, ids)
    assert pick(points, None, 60, ids) == slow_k_center(points, None, 60, ids)


@both
def test_distances_that_differ_in_the_eighth_digit_far_from_the_origin_are_told_apart(pick):
    # |x|^2 is about 1e8 and the distances 1: a^2 + b^2 - 2ab in float32 has no correct digit left
    center = np.full((1, 4), 4096.0, np.float32)
    step = np.float32(2.0**-11)  # the distance of neighboring float32 numbers there
    offsets = np.array([[1, 0, 0, 0], [0, 1 + step, 0, 0], [0, 0, 1 + 2 * step, 0], [0, 0, 0, -1 - 3 * step]], np.float32)
    assert pick(center + offsets, center, 4, np.arange(4)) == [3, 2, 1, 0]


@both
def test_k_center_breaks_ties_by_id_on_a_grid_of_equal_distances(pick):
    square = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], np.float32)
    ids = np.array([9, 7, 8, 6])
    # 6 first; opposite to it 9, at 2 sqrt 2 from 6, but its own distance to the center is what counts: all are sqrt 2 away, so by id
    assert pick(square, np.zeros((1, 2), np.float32), 4, ids) == [3, 1, 2, 0]


@both
@pytest.mark.parametrize("seed", range(3))
def test_k_center_takes_duplicates_of_centers_last_and_by_id(pick, seed):
    centers = (5 + 10 * np.random.default_rng(seed).normal(size=(6, 30))).astype(np.float32)
    near = centers[:1] + np.float32(0.05)  # nearer than any two centers, yet no duplicate
    points, ids = np.concatenate([centers, near]), np.array([16, 15, 14, 13, 12, 11, 20])
    assert pick(points, centers, 7, ids) == [6, 5, 4, 3, 2, 1, 0]


@both
def test_k_center_of_equal_points_picks_each_once_by_id(pick):
    assert pick(np.full((5, 3), 0.3, np.float32), None, 9, np.array([5, 3, 4, 1, 2])) == [3, 4, 1, 2, 0]


@both
def test_k_center_names_the_same_items_when_the_pool_is_permuted(pick, small_blocks):
    rng = np.random.default_rng(4)
    points, ids = rng.integers(0, 4, (60, 2)).astype(np.float32), np.arange(60) * 7
    turned = rng.permutation(60)
    for centers in (None, points[:1]):
        chosen = ids[pick(points, centers, 15, ids)]
        assert ids[turned][pick(points[turned], centers, 15, ids[turned])].tolist() == chosen.tolist()


@both
def test_without_centers_the_point_nearest_to_the_mean_comes_first(pick):
    points = np.array([[0, 0], [1, 0], [10, 0], [4, 0], [2, 0]], np.float32)  # mean 3.4
    assert pick(points, None, 3, np.arange(5)) == [3, 2, 0]
    assert pick(points, np.empty((0, 2), np.float32) if pick is on_the_cpu else None, 3, np.arange(5)) == [3, 2, 0]


@both
@pytest.mark.parametrize("seed", range(6))
def test_greedy_radius_is_at_most_twice_the_best_there_is(pick, seed):
    points, b = drawn(20 + seed, 10, 2), 2 + seed % 3
    picked = pick(points, None, b, np.arange(10))
    best = min(radius(points, [*some]) for some in itertools.combinations(range(10), b))
    assert radius(points, picked) <= 2 * best + 1e-6


def radius(points: np.ndarray, chosen: list[int]) -> float:
    return max(min(math.dist(p, points[c]) for c in chosen) for p in points)


@both
def test_the_covering_radius_never_grows_with_the_picks(pick, small_blocks):
    points = drawn(9, 30, 3)
    picked = pick(points, None, 30, np.arange(30))
    radii = [radius(points, picked[:k]) for k in range(1, 31)]
    assert radii == sorted(radii, reverse=True)
    assert radii[-1] == 0
    assert sorted(picked) == list(range(30))


def test_points_are_compared_only_when_they_could_be_the_farthest():
    """The work that is left out: of 5,000 points those never near the top are never compared with a pick."""
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(5000, 32)).astype(np.float32), rng.normal(size=(400, 32)).astype(np.float32)
    far = nearest(points, centers)
    state = module._Lazy(points, far.copy(), module._Filter(points.mean(0)), 100)
    for _ in range(100):
        state.take(int(state.top()[0]))
    assert (state.seen > 0).sum() + state.eager.sum() < 1500
    assert state.picks.tolist() == k_center(points, centers, 100, np.arange(5000)).tolist()


def test_nothing_asked_and_nothing_there():
    assert k_center(drawn(0, 5, 2), None, 0, np.arange(5)).tolist() == []
    assert k_center(np.empty((0, 2), np.float32), drawn(0, 3, 2), 4, np.empty(0, np.int64)).tolist() == []


@both
def test_the_points_are_left_as_they_were(pick):
    points, centers = drawn(0, 40, 3), drawn(1, 4, 3)
    before = points.copy(), centers.copy()
    pick(points, centers, 10, np.arange(40))
    assert np.array_equal(points, before[0])
    assert np.array_equal(centers, before[1])


# ---- the distances to what is covered


@pytest.mark.parametrize("kind", KINDS)
def test_nearest_equals_differences_in_double_precision_to_the_last_bit_but_one(kind, small_blocks):
    points, centers = drawn(3, 60, 11, kind), drawn(4, 23, 11, kind)
    centers[:2] = points[:2]
    slow = [min(math.dist(p, c) for c in centers.astype(np.float64)) for p in points.astype(np.float64)]
    put = module._put
    for found in (nearest(points, centers), np.sqrt(module._nearest_on(put(points, CPU), put(centers, CPU), ignore_progress).numpy())):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, slow, rtol=1e-14)
        assert found[:2].tolist() == [0.0, 0.0]


def test_a_distance_does_not_depend_on_the_block_it_is_computed_in(monkeypatch):
    points, centers = drawn(5, 100, 37, "long tails"), drawn(6, 40, 37, "long tails")
    whole = nearest(points, centers)
    monkeypatch.setattr(module, "ROWS", 9)
    monkeypatch.setattr(module, "COLUMNS", 4)
    monkeypatch.setattr(module, "PAIRS", 2)
    assert nearest(points, centers).tolist() == whole.tolist()


def test_distances_that_are_known_already_need_not_be_computed_again():
    points, centers, ids = drawn(7, 80, 5), drawn(8, 10, 5), np.arange(80)
    given = k_center(points, None, 20, ids, covered=nearest(points, centers))
    assert given.tolist() == k_center(points, centers, 20, ids).tolist()


@pytest.mark.parametrize("d", [3, 64, 512])
def test_the_bound_on_rounding_holds(d):
    rng = np.random.default_rng(d)
    a = (rng.normal(size=(200, d)) * 10 ** rng.normal(size=(200, 1)) + 3).astype(np.float32)
    b = (rng.normal(size=(150, d)) + 3).astype(np.float32)
    filter = module._Filter(a.mean(0))
    left, right = filter(a), filter(b)
    single = left.square[:, None] + right.square - 2 * left.x @ right.x.T
    double = ((a[:, None].astype(np.float64) - b[None]) ** 2).sum(2)
    assert (np.abs(single - double) <= module._rounding(d) * (left.square[:, None] + right.square)).all()


# ---- small blocks, and embeddings that lie nearly flat


def flat(seed: int, count: int) -> np.ndarray:
    """(count, 40) with nearly all variance in three directions, as a trained network's embeddings."""
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(np.random.default_rng(99).normal(size=(40, 40)))[0]
    return (5 + (rng.normal(size=(count, 40)) * np.r_[9, 5, 3, np.full(37, 0.05)]) @ turned).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_picks_and_distances_of_flat_embeddings_in_small_blocks_equal_the_loop(seed, small_blocks):
    points, centers, ids = flat(seed, 200), flat(seed + 10, 60), np.random.default_rng(seed).permutation(200)
    points[:5], points[5:10] = centers[:5], points[10:15]
    assert k_center(points, centers, 60, ids).tolist() == slow_k_center(points, centers, 60, ids)
    assert k_center(points, None, 60, ids).tolist() == slow_k_center(points, None, 60, ids)
    slow = [min(math.dist(p, c) for c in centers.astype(np.float64)) for p in points.astype(np.float64)]
    np.testing.assert_allclose(nearest(points, centers), slow, rtol=1e-14)


# ---- who watches


@both
def test_progress_is_told_at_least_every_hundred_picks_and_what_it_raises_goes_through(pick):
    points, told = drawn(0, 260, 2), []

    def stop(progress: Progress) -> None:
        told.append((progress.stage, progress.done, progress.total))
        if progress.done > 100:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        if pick is on_the_cpu:
            k_center(points, None, 250, np.arange(260), report=stop)
        else:
            module._on(CPU, points, None, 250, np.arange(260), stop)
    assert told == [("choosing", 50, 250), ("choosing", 100, 250), ("choosing", 150, 250)]
