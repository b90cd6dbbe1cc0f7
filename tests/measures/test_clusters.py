"""k-means++ against its distribution, k-means and neighbor distances against slow loops."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch

from alcore.measures import clusters as module
from alcore.measures.clusters import k_means, narrowed, nearest, neighbor_distance, of_length_one, principal_axes, spread
from alcore.progress import Progress

# ---- k-means++ seeding


def chances(g: np.ndarray, n: int) -> dict[tuple[int, ...], float]:
    """The probability of every sequence of n picks."""
    first = int(np.argmax((g**2).sum(1)))
    result = {}
    for rest in itertools.permutations([i for i in range(len(g)) if i != first], n - 1):
        chance, picked = 1.0, [first]
        for row in rest:
            square = np.min([((g - g[p]) ** 2).sum(1) for p in picked], axis=0)
            chance *= square[row] / square.sum()
            picked.append(row)
        result[tuple(picked)] = chance
    return result


@pytest.mark.parametrize("rejected", [0, 64])
def test_sequences_of_picks_have_the_probabilities_of_k_means_plus_plus(rejected, monkeypatch):
    # with `rejected` 0 all values are always up to date; with 64 nearly none are, and the rejection must make up for it
    monkeypatch.setattr(module, "REJECTED", rejected)
    g = np.array([[0.0, 0.0], [1.0, 0.2], [5.0, 5.0], [4.8, 5.1], [-2.0, 3.0]])
    expected, draws = chances(g, 4), 6000
    rng = np.random.default_rng(0)
    found = Counter(tuple(spread((g,), 4, rng).tolist()) for _ in range(draws))
    assert sum(expected.values()) == pytest.approx(1)
    for sequence, chance in expected.items():
        deviation = np.sqrt(draws * chance * (1 - chance))
        assert abs(found[sequence] - draws * chance) < 4.5 * deviation + 1, sequence


def test_distances_are_compared_with_every_pick_that_was_missed(monkeypatch):
    # a chain where each pick shortens all distances: whatever is refreshed when, one seed gives one answer up to the rejections
    g = np.random.default_rng(0).normal(size=(200, 3))
    for rejected in (0, 3, 10**9):
        monkeypatch.setattr(module, "REJECTED", rejected)
        picks = spread((g,), 200, np.random.default_rng(1))
        assert sorted(picks.tolist()) == list(range(200))


def test_blocks_of_a_few_rows_give_the_same_picks(monkeypatch):
    g = np.random.default_rng(5).normal(size=(100, 4))
    whole = spread((g,), 30, np.random.default_rng(2)).tolist()
    monkeypatch.setattr(module, "ROWS", 7)
    assert spread((g,), 30, np.random.default_rng(2)).tolist() == whole


def test_more_than_there_are_gives_all_and_none_gives_none():
    g = np.random.default_rng(6).normal(size=(5, 2))
    assert sorted(spread((g,), 9, np.random.default_rng(0)).tolist()) == [0, 1, 2, 3, 4]
    assert spread((g,), 0, np.random.default_rng(0)).tolist() == []


def test_progress_is_told_and_what_it_raises_goes_through():
    told = []

    def stop(progress: Progress) -> None:
        told.append((progress.stage, progress.done, progress.total))
        if progress.done == 100:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        spread((np.random.default_rng(0).normal(size=(300, 2)),), 250, np.random.default_rng(0), stop)
    assert told == [("choosing", 50, 250), ("choosing", 100, 250)]


@pytest.mark.parametrize("block", [256 * 2**20, 100])
@pytest.mark.parametrize("neighbors", [1, 4, 20])
def test_neighbor_distance_equals_a_loop_over_pairs(neighbors, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    rng = np.random.default_rng(neighbors)
    points, labels = (1000 + rng.normal(size=(60, 5))).astype(np.float32), rng.integers(0, 5, 60)
    labels[:1] = 9  # alone
    found = neighbor_distance(points, labels, neighbors)
    for i in range(60):
        others = sorted(math.dist(points[i], points[j]) ** 2 for j in range(60) if j != i and labels[j] == labels[i])
        assert found[i] == pytest.approx(np.mean(others[:neighbors]) if others else math.inf, rel=1e-6)


def test_a_duplicate_is_a_neighbor_but_a_point_is_not_its_own():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]], np.float32)
    assert neighbor_distance(points, np.zeros(3, np.int64), 1).tolist() == pytest.approx([0, 0, 25], abs=1e-6)
    assert neighbor_distance(points, np.zeros(3, np.int64), 2).tolist() == pytest.approx([12.5, 12.5, 25], abs=1e-6)


# ---- k-means


def test_k_means_finds_groups_that_lie_apart():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, 300)
    points = (20 * rng.normal(size=(6, 8))[truth] + rng.normal(size=(300, 8))).astype(np.float32)
    for seed in range(5):
        found = k_means(points, 6, np.random.default_rng(seed))
        assert len({(a, b) for a, b in zip(truth.tolist(), found.tolist(), strict=True)}) == 6


@pytest.mark.parametrize("block", [256 * 2**20, 200])
def test_k_means_ends_where_no_point_is_nearer_to_another_center(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    points = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)  # few enough that not one may still move
    labels = k_means(points, 7, np.random.default_rng(0))
    centers = np.stack([points[labels == c].mean(0) for c in range(7)])
    assert labels.tolist() == ((points[:, None] - centers[None]) ** 2).sum(2).argmin(1).tolist()


def test_k_means_sums_alike_on_the_cpu_and_as_on_a_gpu():
    x, labels = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 6
    slow = torch.stack([x[labels == c].sum(0) for c in range(8)])
    torch.testing.assert_close(module._sums(x, labels, 8, 7), slow)
    on_gpu = sum(torch.nn.functional.one_hot(part, 8).float().T @ block for part, block in zip(labels.split(7), x.split(7), strict=True))
    torch.testing.assert_close(on_gpu, slow)


def test_more_clusters_than_points_and_equal_points_are_no_trouble():
    points = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    assert sorted(k_means(points, 9, np.random.default_rng(0)).tolist()) == [0, 1, 2, 3]
    assert len(set(k_means(np.ones((9, 2), np.float32), 3, np.random.default_rng(0)).tolist())) == 1


def test_two_points_are_as_far_from_each_other_whichever_is_asked():
    """Who is more typical of a cluster of two is then decided by their ids, not by rounding."""
    points = (100 + np.random.default_rng(4).normal(size=(300, 24))).astype(np.float32)
    apart, near = nearest(points, 299)
    full = np.zeros((300, 300))
    np.put_along_axis(full, near, apart, axis=1)
    assert np.array_equal(full, full.T)


def test_points_of_length_one_are_a_copy_and_zeros_stay():
    points = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]], np.float16)
    long = [np.float32(0.6), np.float32(0.8)]
    assert of_length_one(points).tolist() == [long, [0.0, 0.0], [0.0, -1.0]]
    assert of_length_one(points, np.array([2, 0])).tolist() == [[0.0, -1.0], long]
    mine = points.astype(np.float32)
    of_length_one(mine)
    of_length_one(mine, np.array([0, 1, 2]))
    assert mine.tolist() == points.tolist()


# ---- fewer axes


@pytest.mark.parametrize("sample", [8192, 70])
def test_the_map_looks_at_the_principal_axes_of_long_vectors_which_keep_their_neighbors(sample, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", sample)
    monkeypatch.setattr(module, "NARROW", 12)
    rng = np.random.default_rng(3)
    inner = rng.standard_normal((300, 6)) * rng.uniform(1, 9, (300, 1))
    vectors = (inner @ rng.standard_normal((6, 80)) + 0.01 * rng.standard_normal((300, 80))).astype(np.float16)
    narrow = narrowed(vectors)
    assert (narrow.shape, narrow.dtype) == ((300, 12), np.float32)
    unit = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    before, after = (((of[:, None] - of[None]) ** 2).sum(2) for of in (unit, narrow.astype(float)))
    np.testing.assert_allclose(after, before, atol=0.01)
    short = narrowed(vectors[:, :5])
    assert np.linalg.norm(short, axis=1) == pytest.approx(1, abs=1e-5)
    assert short.shape == (300, 5)


def test_principal_axes_are_those_of_a_singular_value_decomposition():
    rng = np.random.default_rng(0)
    points = (rng.standard_normal((200, 30)) * 2.0 ** -np.arange(30)).astype(np.float32)
    axes = principal_axes(points, 5)
    assert (axes.shape, axes.dtype) == ((30, 5), np.float32)
    np.testing.assert_allclose(axes.T @ axes, np.eye(5), atol=1e-5)
    exact = np.linalg.svd(points.astype(float), full_matrices=False)[2][:5]
    assert np.linalg.svd(exact @ axes)[1] == pytest.approx(1, abs=1e-4)
