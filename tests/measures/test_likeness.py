"""Cosines in blocks are those of plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.measures import likeness
from alcore.measures.likeness import cosines, lengths_of


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


@pytest.mark.parametrize("many", [1, 3])
def test_a_rough_look_at_many_is_right_to_a_thousandth_and_fine_where_it_matters(monkeypatch, many):
    monkeypatch.setattr(likeness, "BLOCK", 500)
    monkeypatch.setattr(likeness, "FINE", 60)
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=(3000, 64)) * rng.uniform(0.1, 40, (3000, 1))).astype(np.float16)
    vectors[17] = 0
    to = vectors[rng.permutation(3000)[:many]]
    exact, found = cosines(vectors, to), cosines(vectors, to, lengths_of(vectors))
    np.testing.assert_allclose(found, exact, atol=1e-3)
    best = np.argsort(-exact)[:40]
    np.testing.assert_array_equal(found[best], exact[best])
    assert np.argsort(-found)[:40].tolist() == best.tolist()
    assert found[17] == 0


def test_vectors_too_long_for_float16_are_worked_out_in_float32(monkeypatch):
    monkeypatch.setattr(likeness, "BLOCK", 50)
    vectors = np.full((100, 64), 60_000, np.float16)
    vectors[:50, :32] = 0
    np.testing.assert_allclose(cosines(vectors, vectors[-1:], lengths_of(vectors)), [0.5**0.5] * 50 + [1] * 50, atol=1e-6)
