"""Counts by hand and against scikit-learn's, which the map's library brings."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from alcore.measures.confusion import by_class, counts


def test_counts_worked_by_hand():
    found = counts(np.array([0, 0, 0, 1, 2, 2, -1, 1]), np.array([0, 1, 1, 1, 0, 2, 2, -1]), 4)
    assert found.tolist() == [[1, 2, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    first, second, third, fourth = by_class(found)
    assert (first.labeled, first.guessed, first.right, first.mixed) == (3, 2, 1, ((1, 2),))
    assert (first.recall, first.precision) == (1 / 3, 1 / 2)
    assert (second.recall, second.precision, second.mixed) == (1.0, 1 / 3, ())
    assert third.mixed == ((0, 1),)
    assert (fourth.recall, fourth.precision) == (None, None)


def test_any_counts_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    for k in (2, 5, 40):
        labels, guesses = rng.integers(0, k, 300), rng.integers(0, k, 300)
        found = counts(labels, guesses, k)
        np.testing.assert_array_equal(found, confusion_matrix(labels, guesses, labels=range(k)))
        precision, recall, _, support = precision_recall_fscore_support(labels, guesses, labels=range(k), zero_division=0)
        rows = by_class(found)
        np.testing.assert_allclose([row.precision or 0 for row in rows], precision)
        np.testing.assert_allclose([row.recall or 0 for row in rows], recall)
        assert [row.labeled for row in rows] == support.tolist()
