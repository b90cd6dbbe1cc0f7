"""Groups joined where they share an image, and drawn whole."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.groups import joined, whole


def together(*codes: np.ndarray) -> np.ndarray:
    """(n, n) bool: who belongs to whom, by walking from each to all it can reach."""
    n = len(codes[0])
    near = np.eye(n, dtype=bool)
    for code in codes:
        near |= (code[:, None] == code[None]) & (code[:, None] >= 0)
    while True:
        further = near @ near
        if (further == near).all():
            return near
        near = further


def test_groups_that_share_an_image_are_one():
    assert joined(np.array([0, 0, 1, 1, 2, -1, -1]), np.array([-1, 5, 5, -1, -1, 7, 7])).tolist() == [0, 0, 0, 0, 4, 5, 5]
    assert joined(np.array([], np.int64)).tolist() == []
    assert joined(np.array([-1, -1])).tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(30))
def test_joined_is_what_a_walk_finds(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    codes = [rng.integers(-1, max(1, n // 2), n) for _ in range(int(rng.integers(1, 4)))]
    found = joined(*codes)
    assert ((found[:, None] == found[None]) == together(*codes)).all()
    assert all(found[first] == first for first in np.unique(found))  # called after the first of them


def test_a_long_chain_is_one_group():
    n = 20_000
    chain = joined(np.arange(n) // 2, (np.arange(n) + 1) // 2)
    assert set(chain.tolist()) == {0}


@pytest.mark.parametrize("seed", range(20))
def test_groups_are_drawn_whole_or_not_at_all(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 12, 80)
    taken = whole(groups, 25, seed)
    assert len(taken) <= 25
    assert not set(groups[taken].tolist()) & set(np.delete(groups, taken).tolist())
