"""Cosines in blocks are those of plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.measures import likeness
from alcore.measures.likeness import cosines


@pytest.mark.parametrize("block", [3, 7, 1000])
def test_cosines_to_the_middle_of_a_few(monkeypatch, block):
    monkeypatch.setattr(likeness, "BLOCK", block)
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, 12)).astype(np.float16)
    to = vectors[[4, 9, 11]]
    wide = vectors.astype(np.float64)
    middle = (wide[[4, 9, 11]] / np.linalg.norm(wide[[4, 9, 11]], axis=1, keepdims=True)).mean(0)
    expected = wide @ middle / np.linalg.norm(wide, axis=1) / np.linalg.norm(middle)
    np.testing.assert_allclose(cosines(vectors, to), expected, atol=2e-6)


def test_a_vector_is_like_itself_and_a_zero_is_like_nothing():
    vectors = np.array([[3, 4], [-4, 3], [0, 0], [-6, -8]], np.float16)
    np.testing.assert_allclose(cosines(vectors, vectors[:1]), [1, 0, 0, -1], atol=1e-6)
