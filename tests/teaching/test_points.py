"""Points in a plane: the same for a seed, in sight, of the classes they say."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.teaching.points import KINDS, MOST, points


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [20, 300, 1001])
def test_points_are_the_same_for_a_seed_and_lie_in_sight(kind, n):
    found, again, other = points(kind, n, 3), points(kind, n, 3), points(kind, n, 4)
    assert (found.xy.shape, found.y.shape, found.xy.dtype, found.y.dtype) == ((n, 2), (n,), np.float32, np.int64)
    np.testing.assert_array_equal(found.xy, again.xy)
    np.testing.assert_array_equal(found.y, again.y)
    assert not np.array_equal(found.xy, other.xy)
    assert sorted(set(found.y.tolist())) == list(range(found.classes))
    assert (np.abs(found.xy) < 1.25).mean() > 0.99


def test_classes_are_even_but_for_the_rare_one():
    for kind in ("moons", "blobs", "rings", "spiral"):
        counts = np.bincount(points(kind, 300).y)
        assert counts.max() - counts.min() <= 1
    assert np.bincount(points("rare", 1000).y).tolist() == [990, 10]
    assert np.bincount(points("rare", 20).y).tolist() == [18, 2]


def test_neighbors_are_mostly_of_one_class():
    """Something to be learned: a point's nearest other one has its class."""
    for kind in KINDS:
        found = points(kind, 400, 1)
        apart = ((found.xy[:, None] - found.xy[None]) ** 2).sum(2)
        np.fill_diagonal(apart, np.inf)
        assert (found.y[apart.argmin(1)] == found.y).mean() > 0.9


def test_what_is_not_there_is_named():
    with pytest.raises(BadInput, match="there are no points 'cubes': use one of moons, blobs, rings, spiral, rare"):
        points("cubes")
    for n in (19, MOST + 1):
        with pytest.raises(BadInput, match=f"cannot draw {n} points"):
            points("moons", n)
