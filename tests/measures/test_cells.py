"""Cells: who lies in which, against brute force; neighbors by cells are those of brute force but for a few."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.errors import Cancelled
from alcore.measures import cells as module
from alcore.measures.cells import Cells, least, members, nearest_in


def clouds(n: int, d: int = 24, seed: int = 0, kinds: int = 20) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(kinds, d))[rng.integers(0, kinds, n)] * 2 + rng.normal(size=(n, d))).astype(np.float32)


def gaps(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    result: np.ndarray = ((points[:, None].astype(np.float64) - others[None]) ** 2).sum(2)
    return result


@pytest.mark.parametrize("rows", [64, 8192])
def test_a_point_is_looked_for_in_the_cells_of_the_nearest_middles(rows, monkeypatch):
    monkeypatch.setattr(module, "ROWS", rows)
    points = clouds(1500)
    cells = Cells(points, 20)
    assert cells.count == 75
    found = cells.of(points, 3)
    apart = gaps(points, cells._middles.numpy())
    np.testing.assert_allclose(np.take_along_axis(apart, found, 1), np.sort(apart, 1)[:, :3], rtol=1e-4, atol=1e-3)
    sizes = np.bincount(found[:, 0], minlength=75)
    assert sizes.max() < 10 * 20


def test_the_same_points_and_seed_give_the_same_cells():
    points = clouds(700)
    assert (Cells(points, 16, 3).of(points) == Cells(points.copy(), 16, 3).of(points)).all()
    assert (Cells(points, 16, 3)._middles != Cells(points, 16, 4)._middles).any()


@pytest.mark.parametrize("k", [1, 4, 64])
def test_least_are_those_of_a_sort(k):
    values = torch.from_numpy(np.random.default_rng(k).normal(size=(50, 320)).astype(np.float32))
    assert (values.gather(1, least(values, k)).sort(1).values == values.sort(1).values[:, :k]).all()


def test_members_are_the_places_that_name_a_cell():
    found = np.array([[2, 0], [0, 1], [2, 1]])
    assert [places.tolist() for places in members(found, 4)] == [[1, 2], [3, 5], [0, 4], []]
    assert [places.tolist() for places in members(np.array([0, 0]), 1)] == [[0, 1]]


def test_neighbors_by_cells_are_nearly_all_those_of_brute_force(monkeypatch):
    monkeypatch.setattr(module, "PART", 300)
    points = clouds(4000, seed=2)
    known, asked = np.arange(0, 4000, 2), np.arange(1, 4000, 2)
    done: list[int] = []
    found = nearest_in(points, known, asked, 3, size=64, looked=done.append)
    right = np.argsort(gaps(points[asked], points[known]), axis=1)[:, :3]
    same = np.mean([len(set(a) & set(b)) / 3 for a, b in zip(found.tolist(), right.tolist(), strict=True)])
    assert same > 0.9
    apart = gaps(points[asked], points[known])
    assert np.take_along_axis(apart, found, 1).mean() < 1.03 * np.sort(apart, 1)[:, :3].mean()
    assert (np.diff(np.take_along_axis(apart, found, 1), axis=1) > -1e-3).all()
    assert done == [300, 600, 900, 1200, 1500, 1800, 2000]


def test_where_every_cell_is_looked_into_they_are_those_of_brute_force():
    points = clouds(600, seed=5)
    known, asked = np.arange(500), np.arange(500, 600)
    found = nearest_in(points, known, asked, 3, size=125)
    assert (found == np.argsort(gaps(points[asked], points[known]), axis=1)[:, :3]).all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_fewer_known_points_than_are_asked_for_stand_for_those_that_are_missing(n):
    points = np.concatenate([np.arange(n, dtype=np.float32)[:, None], np.full((3, 1), 0.1, np.float32)])
    found = nearest_in(points, np.arange(n), np.arange(n, n + 3), 3, size=1)
    assert found[:, 0].tolist() == [0, 0, 0]
    assert set(found.ravel().tolist()) <= set(range(n))


def test_equal_points_are_no_trouble():
    points = np.ones((300, 4), np.float32)
    assert nearest_in(points, np.arange(200), np.arange(200, 300), 2, size=10).shape == (100, 2)


def test_who_is_told_may_stop_it():
    def stop(done: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        nearest_in(clouds(100), np.arange(50), np.arange(50, 100), 1, looked=stop)
