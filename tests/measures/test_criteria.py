"""Both criteria of MAL joined to one number: what no map of a score may change, and a product by hand. Queries by them: strategies/test_mal.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alcore.measures.criteria import combine


@pytest.mark.parametrize("rule", ["minmax_rank", "strict", "ranksum"])
def test_rules_of_ranks_are_unchanged_by_monotone_maps_of_either_score(rule):
    rng = np.random.default_rng(1)
    entropy, d = rng.random(30), rng.normal(size=30)
    plain = combine(rule, entropy, d, 10)
    assert np.array_equal(plain, combine(rule, np.exp(5 * entropy), d / 0.05, 10))
    assert np.array_equal(plain, combine(rule, entropy**3, np.tanh(d), 10))


def test_the_product_by_hand():
    entropy, d = np.array([2.0, 1.8, 1.5, 1.0, 0.5, 0.1]), np.array([3.0, 2.0, -1.0, -2.0, 1.0, -3.0])
    product = [h / math.log(10) * (1 - 1 / (1 + math.exp(-x))) for h, x in zip(entropy, d, strict=True)]
    np.testing.assert_allclose(combine("product", entropy, d, 10), product, rtol=1e-12)
