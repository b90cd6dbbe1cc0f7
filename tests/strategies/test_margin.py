"""Margin asks for the smallest, entropy for the largest."""

from __future__ import annotations

import numpy as np

from alcore.progress import ignore_progress
from tests.strategies.tasks import build, seen


def test_margin_asks_for_the_smallest_and_entropy_for_the_largest():
    ids = np.arange(4)
    parts = {"margin": np.array([0.9, 0.1, 0.5, 0.2]), "entropy": np.array([0.1, 0.8, 0.9, 0.2])}
    rng = np.random.default_rng(0)
    what = seen(ids, parts)
    for name, wanted in (("margin", [1, 3, 2, 0]), ("entropy", [2, 1, 3, 0])):
        strategy = build(name)
        assert strategy.select(strategy.total(what, rng), what, 4, rng, ignore_progress).tolist() == wanted
