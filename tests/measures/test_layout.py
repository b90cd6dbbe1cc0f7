"""Maps: neighbors against brute force, maps that stay put, are never computed twice, and hold for tiny and degenerate inputs."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from alcore.errors import AlcoreError, Cancelled
from alcore.measures import layout as embedding
from alcore.measures.layout import cached_layout, grown_layout, layout, neighbors, warm_up
from alcore.progress import Progress


def clusters(n: int = 400, d: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    which = np.arange(n) % 4
    return (rng.normal(size=(4, d))[which] * 4 + rng.normal(size=(n, d))).astype(np.float32), which


def brute_force(points: np.ndarray, k: int) -> np.ndarray:
    gaps = points[:, None, :].astype(np.float64) - points[None, :, :].astype(np.float64)
    return np.sort(np.sqrt((gaps**2).sum(axis=2)), axis=1)[:, :k]


@pytest.mark.parametrize("shift", [0.0, 1000.0])
@pytest.mark.parametrize("n", [40, 700, 1900])
def test_neighbors_are_those_of_brute_force(n, shift):
    points = (np.random.default_rng(n).normal(size=(n, 12)) + shift).astype(np.float32)
    index, distance = neighbors(points, 15, block=128)
    np.testing.assert_allclose(distance, brute_force(points, 15), rtol=1e-4, atol=1e-5)
    gaps = points[:, None, :].astype(np.float64) - points[index]
    np.testing.assert_allclose(distance, np.sqrt((gaps**2).sum(axis=2)), rtol=1e-4, atol=1e-5)
    assert (index[:, 0] == np.arange(n)).all()
    assert all(len(set(row)) == 15 for row in index.tolist())


def test_neighbors_among_duplicates_are_at_no_distance_and_each_point_is_first_in_its_row():
    points = np.repeat(np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32) * 100, 40, axis=0)
    index, distance = neighbors(points, 15)
    assert (distance == 0).all()
    assert (index[:, 0] == np.arange(1200)).all()
    assert (index // 40 == np.arange(1200)[:, None] // 40).all()


def test_k_is_at_most_the_number_of_points():
    index, distance = neighbors(np.array([[0.0], [3.0], [1.0]], np.float32), 15)
    assert index.tolist() == [[0, 2, 1], [1, 2, 0], [2, 0, 1]]
    assert distance.tolist() == [[0, 1, 3], [0, 2, 3], [0, 1, 2]]


def test_the_graph_is_symmetric_and_a_nearest_neighbor_belongs_fully():
    points, _ = clusters(60)
    borders, tails, weights = embedding._graph(*neighbors(points, 10))
    dense = np.zeros((60, 60))
    dense[np.repeat(np.arange(60), np.diff(borders)), tails] = weights
    np.testing.assert_array_equal(dense, dense.T)
    np.testing.assert_allclose(dense.max(axis=1), 1)
    assert (np.diag(dense) == 0).all()
    assert weights.min() > 0


def test_the_map_keeps_clusters_together_and_a_seed_gives_one_map(monkeypatch):
    points, which = clusters()
    positions = layout(points, seed=3)
    near = neighbors(positions, 10)[0]
    assert (which[near] == which[:, None]).mean() > 0.98
    monkeypatch.setattr(embedding.os, "cpu_count", lambda: 5)  # another number of threads
    np.testing.assert_array_equal(layout(points, seed=3), positions)
    assert not np.array_equal(layout(points, seed=4), positions)


def test_a_map_that_goes_on_from_the_last_one_stays_put():
    points, _ = clusters()
    first = layout(points, seed=0)[:, ::-1] + np.float32([30, -20])  # where the last round happened to put it
    moved = points + np.random.default_rng(1).normal(scale=0.3, size=points.shape).astype(np.float32)
    again = layout(moved, start=first, seed=1)
    anew = layout(moved, seed=1)
    centered = [positions - positions.mean(axis=0) for positions in (first, again, anew)]
    drift, jump = (float(np.median(np.linalg.norm(other - centered[0], axis=1))) for other in centered[1:])
    assert drift < 0.25 * jump
    assert np.linalg.norm(again.mean(axis=0) - first.mean(axis=0)) < 1


def test_new_points_begin_among_their_neighbors():
    points, which = clusters()
    known = layout(points[:300])
    start = np.full((400, 2), np.nan, np.float32)
    start[:300] = known
    positions = layout(points, start=start)
    centers = np.stack([known[which[:300] == c].mean(axis=0) for c in range(4)])
    closest = np.linalg.norm(positions[300:, None] - centers, axis=2).argmin(axis=1)
    assert (closest == which[300:]).mean() > 0.97


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 15, 16])
def test_tiny_pools_have_a_map(n):
    positions = layout(np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32))
    assert (positions.shape, positions.dtype) == ((n, 2), np.float32)
    assert np.isfinite(positions).all()
    assert len(np.unique(positions, axis=0)) == n


@pytest.mark.parametrize("value", [0.0, 7.0, 1e6])
def test_points_that_are_all_the_same_have_a_finite_map(value):
    points = np.full((100, 8), value, np.float32)
    positions = layout(points)
    assert np.isfinite(positions).all()
    assert np.isfinite(layout(points, start=positions)).all()
    assert np.isfinite(layout(points[:, :1])).all()


def test_points_that_are_not_finite_are_refused():
    points, _ = clusters(40)
    points[17, 3] = np.nan
    with pytest.raises(FloatingPointError, match="row 17"):
        layout(points)


def test_above_the_limit_a_part_is_laid_out_and_the_rest_put_among_it(monkeypatch):
    monkeypatch.setattr(embedding, "LIMIT", 200)
    points, which = clusters(600)
    before = embedding.fits
    positions = layout(points)
    assert embedding.fits == before + 1
    assert np.isfinite(positions).all()
    assert (which[neighbors(positions, 5)[0]] == which[:, None]).mean() > 0.95


def test_a_map_is_never_computed_twice(tmp_path: Path):
    points, _ = clusters(120)
    ids = np.arange(120) * 3
    before = embedding.fits
    first = cached_layout(points, ids, tmp_path)
    again = cached_layout(points.copy(), ids, tmp_path)
    assert embedding.fits == before + 1
    np.testing.assert_array_equal(again, first)
    second = cached_layout(points * 2, ids, tmp_path, previous=(ids, first), seed=0)
    np.testing.assert_array_equal(cached_layout(points * 2, ids, tmp_path, previous=(ids, first), seed=0), second)
    assert embedding.fits == before + 2
    cached_layout(points, ids, tmp_path, seed=1)
    cached_layout(points, ids + 1, tmp_path)
    assert embedding.fits == before + 4
    assert len(list(tmp_path.iterdir())) == 4


def test_the_last_map_is_matched_by_id(tmp_path: Path):
    ids = np.array([5, 9, 2])
    start = embedding._start_from(np.array([2, 7, 9]), ids, np.array([[0, 0], [1, 1], [2, 2]], np.float32))
    np.testing.assert_array_equal(start, np.array([[2, 2], [np.nan, np.nan], [1, 1]], np.float32))
    assert embedding._start_from(np.arange(100, 110), ids, np.zeros((3, 2), np.float32)) is None


def test_a_map_that_cannot_be_kept_says_where(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AlcoreError, match="the map cannot be kept in"):
        cached_layout(np.zeros((3, 2), np.float32), np.arange(3), tmp_path / "file" / "maps")


def test_progress_counts_epochs_and_a_cancel_is_felt_within_one():
    points, _ = clusters(80)
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        seen.append(progress)
        if progress.stage == "layout" and progress.done == 7:
            raise Cancelled("asked to stop")

    with pytest.raises(Cancelled):
        layout(points, report=report)
    assert [(p.stage, p.done, p.total) for p in seen[:3]] == [("neighbors", 0, 80), ("neighbors", 80, 80), ("layout", 0, 500)]
    assert (seen[-1].done, len(seen)) == (7, 10)


def test_without_numba_the_map_is_a_projection_that_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    embedding._compile.cache_clear()
    try:
        warm_up().join(20)
        said: list[str] = []
        points, _ = clusters()
        positions = layout(points, report=lambda progress: said.append(progress.message))
        assert np.isfinite(positions).all()
        assert said[-1] == "numba is not installed: the map is a plain projection"
    finally:
        embedding._compile.cache_clear()


def test_warm_up_compiles_beside_other_callers():
    embedding._compile.cache_clear()
    both = [warm_up() for _ in range(2)]
    for thread in both:
        thread.join(60)
    assert embedding._compile.cache_info().misses == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "alcore-warm-up"]


@pytest.mark.slow
def test_the_map_keeps_as_many_neighbors_as_umap_learn_does():
    import umap
    from sklearn.datasets import load_digits

    points = load_digits().data.astype(np.float32)
    index, distance = neighbors(points)

    def kept(xy: np.ndarray) -> float:
        near, _ = neighbors(xy.astype(np.float32))
        return float(np.mean([len(np.intersect1d(a[1:], b[1:])) for a, b in zip(index, near, strict=True)]) / 14)

    theirs = umap.UMAP(n_neighbors=15, precomputed_knn=(index, distance, None), init="pca", random_state=0, n_jobs=1).fit_transform(points)
    assert kept(layout(points, seed=0)) > 0.95 * kept(theirs)


def test_a_map_that_grows_keeps_its_points_and_one_that_has_doubled_is_laid_out_again():
    rng = np.random.default_rng(8)
    points = (rng.integers(0, 3, 120)[:, None] * 10 + rng.normal(size=(120, 4))).astype(np.float32)
    first = grown_layout(points[:50], np.empty((0, 2), np.float32))
    assert first.tolist() == layout(points[:50]).tolist()
    grown = grown_layout(points[:99], first)
    assert grown[:50].tolist() == first.tolist()
    assert np.isfinite(grown).all()
    assert grown_layout(points[:99], first).tolist() == grown.tolist()
    start = np.full((100, 2), np.nan, np.float32)
    start[:50] = first
    assert grown_layout(points[:100], first).tolist() == layout(points[:100], start=start).tolist()


def test_of_many_new_points_each_comes_among_neighbors_from_the_nearest_cells(monkeypatch):
    points, which = clusters(3000)
    kept = layout(points[:1600])
    exact = grown_layout(points, kept)
    monkeypatch.setattr(embedding, "PAIRS", 0)
    told: list[Progress] = []
    found = grown_layout(points, kept, report=told.append)
    assert (found[:1600] == kept).all()
    assert np.median(np.linalg.norm(found - exact, axis=1)[1600:]) < 0.1 * np.ptp(kept, axis=0).max()
    middles = np.stack([kept[which[:1600] == k].mean(0) for k in range(4)])
    nearest = np.linalg.norm(found[1600:, None] - middles[None], axis=2).argmin(1)
    assert (nearest == which[1600:]).mean() > 0.99
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("neighbors", 1400, 1400)
