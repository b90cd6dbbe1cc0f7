"""Random: every item equally often, and its number is its own."""

from __future__ import annotations

import numpy as np

from alcore.progress import ignore_progress
from tests.strategies.tasks import build, seen


def test_random_draws_every_item_equally_often():
    strategy, ids = build("random"), np.arange(20) * 3
    count = dict.fromkeys(ids.tolist(), 0)
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        chosen = strategy.select(strategy.total(seen(ids, {}), rng), seen(ids, {}), 5, rng, ignore_progress).tolist()
        assert len(set(chosen)) == 5
        for i in chosen:
            count[i] += 1
    # binomial(2000, 1/4): mean 500, standard deviation 19.4
    assert min(count.values()) > 500 - 4.5 * 19.4
    assert max(count.values()) < 500 + 4.5 * 19.4


def test_random_gives_an_item_the_same_number_wherever_it_stands():
    strategy, ids = build("random"), np.array([5, 1, 9, 7])
    a = strategy.total(seen(ids, {}), np.random.default_rng(0))
    b = strategy.total(seen(ids[::-1], {}), np.random.default_rng(0))
    assert a.tolist() == b[::-1].tolist()
    assert a[[1, 0, 3, 2]].tolist() == np.random.default_rng(0).random(4).tolist()
