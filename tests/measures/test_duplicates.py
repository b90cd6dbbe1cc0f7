"""Near duplicates: groups against brute force, at ties and in degenerate cases, and grown from a part against those made at once."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from alcore.errors import Cancelled
from alcore.measures import duplicates
from alcore.measures.cells import Cells
from alcore.measures.clusters import of_length_one
from alcore.measures.duplicates import CLOSE, near_duplicates, with_series
from alcore.progress import Progress


@pytest.fixture(params=["as it is", "small"])
def blocks(request, monkeypatch):
    """Every case once in blocks as they are, and once so small that each has many, most ruled out on a few axes."""
    if request.param == "small":
        for name, value in {"ROWS": 32, "FEW": 2, "NARROW": 8, "SAMPLE": 50, "CHUNK": 5, "STRIPE": 100}.items():
            monkeypatch.setattr(duplicates, name, value)


def brute_force(vectors: np.ndarray, cosine: float) -> list[int]:
    """Groups by going from row to row."""
    units = of_length_one(vectors)
    near = units @ units.T >= cosine
    groups = [-1] * len(vectors)
    for first in range(len(vectors)):
        waiting = [first] if groups[first] < 0 else []
        while waiting:
            row = waiting.pop()
            if groups[row] < 0:
                groups[row] = first
                waiting += np.flatnonzero(near[row]).tolist()
    return groups


def photos(n: int, d: int, seed: int, noise: float = 0.5) -> np.ndarray:
    """Rows of any length about fewer middles, all with something in common as features have, in any order."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(max(1, n // 3), d)) + 0.5
    rows = middles[rng.integers(0, len(middles), n)] + noise * rng.uniform(size=(n, 1)) * rng.normal(size=(n, d))
    return (rows * rng.uniform(0.01, 100, (n, 1))).astype(np.float16)


def untied(vectors: np.ndarray, cosine: float) -> float:
    """The limit, moved to the middle of the widest gap of cosines near it: no pair is then a tie."""
    units = of_length_one(vectors)
    cosines = np.sort((units @ units.T)[np.triu_indices(len(units), 1)])
    some = cosines[abs(cosines - cosine) < 0.02]
    at = int(np.diff(some).argmax())
    return float(some[at] + some[at + 1]) / 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "d", "cosine"), [(300, 40, 0.9), (300, 40, 0.97), (200, 200, 0.85), (150, 5, 0.9)])
def test_groups_are_those_of_brute_force(blocks, n, d, cosine, seed):
    vectors = photos(n, d, seed)
    limit = untied(vectors, cosine)
    groups = near_duplicates(vectors, limit)
    assert groups.dtype == np.int64
    assert groups.tolist() == brute_force(vectors, limit)
    assert 1 < len(set(groups.tolist())) < n


def test_groups_of_more_than_one_block_are_those_of_brute_force():
    vectors = photos(4500, 160, 0, noise=0.4)
    limit = untied(vectors, 0.93)
    groups = near_duplicates(vectors, limit)
    assert groups.tolist() == brute_force(vectors, limit)
    assert 1000 < len(set(groups.tolist())) < 4500


@pytest.mark.parametrize("seed", range(6))
def test_groups_grown_from_a_part_are_those_made_at_once(blocks, seed):
    vectors = photos(260, 30, seed)
    rng, limit = np.random.default_rng(seed), untied(vectors, 0.92)
    whole = near_duplicates(vectors, limit)
    borders = [*sorted(rng.integers(0, 261, 3).tolist()), 260, 260]
    known = None
    for border in borders:
        known = near_duplicates(vectors[:border], limit, known=known)
        assert known.tolist() == brute_force(vectors[:border], limit)
    assert known.tolist() == whole.tolist()


def test_what_is_known_is_not_compared_again_and_not_changed():
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float16)
    known = np.array([0, 1], np.int64)  # that these are equal is not looked for any more
    assert near_duplicates(vectors, 0.9, known=known).tolist() == [0, 1, 2, 2]
    assert known.tolist() == [0, 1]


@pytest.mark.parametrize("known", [[1, 1], [0, 2, 2], [0, 0, 1], [-1], [0, 1, 2, 3]])
def test_known_groups_that_cannot_be_are_refused(known):
    with pytest.raises(ValueError, match=r"known groups of \d rows are none that 3 rows can have"):
        near_duplicates(np.ones((3, 4), np.float16), 0.9, known=np.array(known))


@pytest.mark.parametrize("cosine", [0.0, -0.5, 1.01, float("nan")])
def test_a_cosine_that_is_no_limit_is_refused(cosine):
    with pytest.raises(ValueError, match="near duplicates need one above 0, at most 1"):
        near_duplicates(np.ones((3, 4), np.float16), cosine)


def test_one_row_is_its_own_group_and_of_none_there_is_none(blocks):
    assert near_duplicates(np.ones((1, 40), np.float16), 0.9).tolist() == [0]
    none = near_duplicates(np.empty((0, 40), np.float16), 0.9)
    assert none.dtype == np.int64
    assert none.tolist() == []
    assert near_duplicates(np.empty((0, 40), np.float16), 0.9, known=none).tolist() == []


@pytest.mark.parametrize("cosine", [1.0, 0.9])
def test_equal_directions_are_one_group_even_at_a_limit_of_1(blocks, cosine):
    rng = np.random.default_rng(0)
    few = rng.integers(-50, 50, (40, 60))  # doubled and tripled they are still exact
    which, length = rng.integers(0, 40, 300), rng.integers(1, 4, 300)
    groups = near_duplicates((few[which] * length[:, None]).astype(np.float16), cosine)
    assert groups.tolist() == [int(np.flatnonzero(which == one)[0]) for one in which]


def test_a_pair_at_the_limit_counts_and_one_just_below_does_not(blocks):
    vectors = np.zeros((40, 30), np.float16)
    vectors[np.arange(40), np.arange(40) % 30] = 1  # 30...39 are copies of 0...9
    vectors[5, [5, 6]] = 3, 4  # at 0.8 from 6, and from its copy 36; at 0.6 from 35
    assert near_duplicates(vectors, 0.8)[[5, 6, 35, 36]].tolist() == [5, 5, 35, 5]
    assert near_duplicates(vectors, 0.8 + 5e-6)[[5, 6, 35, 36]].tolist() == [5, 6, 35, 6]
    assert near_duplicates(vectors, 0.8 - 5e-6)[[5, 6, 35, 36]].tolist() == [5, 5, 35, 5]


def test_a_chain_is_one_group_though_its_ends_are_apart(blocks):
    angles = np.random.default_rng(0).permutation(200) / 60  # 3.3 radians in steps of a degree
    vectors = np.zeros((201, 12), np.float16)
    vectors[:200, 0], vectors[:200, 1] = np.cos(angles), np.sin(angles)
    vectors[200, 5] = 1
    assert near_duplicates(vectors, 0.999).tolist() == [0] * 200 + [200]


def test_rows_of_zeros_are_like_no_other(blocks):
    vectors = np.ones((80, 20), np.float16)
    vectors[[3, 50, 79]] = 0
    groups = near_duplicates(vectors, 1e-6)
    assert groups[[0, 3, 50, 78, 79]].tolist() == [0, 3, 50, 0, 79]


def test_many_near_rows_take_no_more_comparisons_than_they_must(monkeypatch):
    """Pairs of one group are left out: not even half of the 9 million near pairs of two kinds of rows are looked at."""
    settled = []
    settle = duplicates._settle
    monkeypatch.setattr(duplicates, "_settle", lambda *given: (settled.append(len(given[3])), settle(*given)))
    kinds = np.random.default_rng(0).normal(size=(2, 200)).astype(np.float16)
    groups = near_duplicates(kinds[np.arange(6000) % 2], 0.95)
    assert groups.tolist() == [0, 1] * 3000
    assert 6000 - 2 <= sum(settled) < 4_500_000


def test_a_map_of_a_file_is_read_and_left_as_it_is(tmp_path):
    vectors = photos(600, 160, 1)
    vectors.tofile(tmp_path / "vectors.f16")
    mapped = np.memmap(tmp_path / "vectors.f16", np.float16, "r", shape=vectors.shape)
    assert near_duplicates(mapped, 0.9).tolist() == near_duplicates(vectors, 0.9).tolist()


def test_progress_counts_new_rows_to_the_last_and_what_it_raises_comes_through(blocks):
    told: list[Progress] = []
    vectors = photos(150, 20, 0)
    known = near_duplicates(vectors[:50], CLOSE)
    near_duplicates(vectors, CLOSE, known=known, report=told.append)
    assert {(one.stage, one.total) for one in told} == {("near duplicates", 100)}
    done = [one.done for one in told]
    assert done == sorted(done)
    assert done[-1] == 100

    def stop(progress: Progress) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled, match="stopped"):
        near_duplicates(vectors, CLOSE, report=stop)


# ---- series, and pairs to look at


def test_photos_of_one_camera_within_two_seconds_are_compared_less_strictly():
    far, near = np.array([1.0, 0.0]), np.array([0.8, 0.6])  # a cosine of 0.8
    vectors = np.array([far, near, far, near, far, near, [0.0, 1.0], far], np.float16)
    moments = np.array([0, 2, 100, 102.1, 200, 201, 202, np.nan])
    cameras = np.array([1, 1, 1, 1, 1, 2, 1, 1])
    alone = np.arange(8)
    found = with_series(alone, vectors, moments, cameras)
    # 0 and 1; 2 and 3 are too late, 4 and 5 another camera's, 4 and 6 unlike, 7 has no time
    assert found.tolist() == [0, 0, 2, 3, 4, 5, 6, 7]


def test_a_series_is_one_group_however_long_and_joins_groups_that_are_there():
    turn = np.linspace(0, 1.5, 12)
    vectors = np.stack([np.cos(turn), np.sin(turn)], 1).astype(np.float16)
    kept = np.arange(12)
    kept[11] = 0
    assert with_series(kept, vectors, np.arange(12.0), np.ones(12)).tolist() == [0] * 12
    assert with_series(kept, vectors, np.full(12, np.nan), np.ones(12)).tolist() == kept.tolist()
    assert with_series(np.empty(0, np.int64), vectors[:0], np.empty(0), np.empty(0)).tolist() == []


@pytest.mark.parametrize("most", [5, 10_000])
def test_the_closest_pairs_are_those_of_brute_force(monkeypatch, most):
    monkeypatch.setattr(duplicates, "ROWS", 16)
    vectors = np.random.default_rng(0).standard_normal((70, 4)).astype(np.float16)
    units = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    expected = sorted(((float(units[i] @ units[j]), i, j) for i in range(70) for j in range(i + 1, 70)), reverse=True)
    expected = [one for one in expected if one[0] >= 0.9][:most]
    pairs, cosines = duplicates.closest_pairs(vectors, 0.9, most)
    assert [tuple(pair) for pair in pairs.tolist()] == [(i, j) for _, i, j in expected]
    np.testing.assert_allclose(cosines, [cosine for cosine, _, _ in expected], atol=1e-6)


# ---- of so many that only pairs within cells are looked at


@pytest.fixture
def by_cells(monkeypatch):
    """Cells of 40 rows, in blocks so small that each cell has several."""
    monkeypatch.setattr(duplicates, "Cells", functools.partial(Cells, size=40))
    for name, value in {"PAIRS": 0, "ROWS": 32, "FEW": 2, "NARROW": 16, "SAMPLE": 200}.items():
        monkeypatch.setattr(duplicates, name, value)


@pytest.mark.parametrize("seed", range(4))
def test_by_cells_nearly_all_groups_are_found_and_none_that_is_none(by_cells, seed):
    vectors = photos(1200, 60, seed, noise=0.4)
    limit = untied(vectors, 0.92)
    right, found = np.array(brute_force(vectors, limit)), near_duplicates(vectors, limit)
    assert all(len(set(right[found == group].tolist())) == 1 for group in np.unique(found))  # no group that brute force has not
    joined, meant = len(found) - len(np.unique(found)), len(right) - len(np.unique(right))
    assert meant > 300
    assert joined > 0.97 * meant


def test_by_cells_groups_grown_from_a_part_hold_what_is_known_and_find_the_new(by_cells):
    vectors = photos(900, 60, 1, noise=0.3)
    vectors[600:] = vectors[:300]  # each new row has its twin among the known
    known = near_duplicates(vectors[:600], 0.95)
    found = near_duplicates(vectors, 0.95, known=known)
    assert (found[600:] == found[:300]).all()
    assert len(np.unique(found[:600])) <= len(np.unique(known))
    assert (found[:600] <= known).all()


def test_by_cells_progress_is_told_to_the_end_and_may_stop_it(by_cells):
    told: list[Progress] = []
    near_duplicates(photos(300, 40, 0), 0.95, report=told.append)
    assert (told[-1].done, told[-1].total) == (300, 300)
    assert [one.done for one in told] == sorted(one.done for one in told)

    def stop(progress: Progress) -> None:
        if progress.done > 200:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        near_duplicates(photos(300, 40, 0), 0.95, report=stop)
