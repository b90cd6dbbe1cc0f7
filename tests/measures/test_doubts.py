"""Labels that others speak against: planted ones are found, and nobody is judged by a model that has seen it."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.measures import doubts
from alcore.measures.doubts import FOLDS, given_label


def clusters(seed: int, n: int = 600, k: int = 6, dim: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    return (rng.normal(size=(k, dim))[labels] + 0.9 * rng.normal(size=(n, dim))).astype(np.float16), labels


@pytest.mark.parametrize("seed", range(3))
def test_of_five_percent_planted_seven_in_ten_are_among_the_first_eight(seed):
    vectors, labels = clusters(seed)
    rng = np.random.default_rng(100 + seed)
    planted = rng.choice(len(labels), 30, replace=False)
    given = labels.copy()
    given[planted] = (given[planted] + rng.integers(1, 6, 30)) % 6
    p, likeliest = given_label(vectors, given, 6)
    first = np.argsort(p)[: int(0.08 * len(labels))]
    assert np.isin(planted, first).mean() >= 0.7
    assert (likeliest[planted] == labels[planted]).mean() >= 0.7
    assert ((p >= 0) & (p <= 1)).all()


def test_the_folds_spread_each_class(monkeypatch):
    labels = np.array([0] * 10 + [1] * 10 + [2] * 3)
    fold = doubts._folds(labels, 0)
    assert all(np.bincount(fold[labels == k], minlength=FOLDS).tolist() == [2] * FOLDS for k in (0, 1))
    assert np.bincount(fold[labels == 2], minlength=FOLDS).max() == 1
    assert doubts._folds(labels, 0).tolist() == fold.tolist() != doubts._folds(labels, 1).tolist()


def test_nobody_is_judged_by_a_model_that_has_seen_it(monkeypatch):
    vectors, labels = clusters(0, n=60)
    seen = []

    def fitted(x, y, classes):
        seen.append(len(x))
        return lambda rows: rows[:, :classes] * 0

    monkeypatch.setattr(doubts, "_fitted", fitted)
    p, _ = given_label(vectors, labels, 6)
    assert seen == [48] * FOLDS
    np.testing.assert_allclose(p, 1 / 6, rtol=1e-6)


def test_the_same_seed_says_the_same_and_few_are_refused():
    vectors, labels = clusters(1, n=80)
    one, other = given_label(vectors, labels, 6)[0], given_label(vectors, labels, 6)[0]
    np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="4 labels cannot be parted"):
        given_label(vectors[:4], labels[:4], 6)
