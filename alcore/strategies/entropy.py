"""Entropy sampling: ask where the task model's class distribution is flattest."""

from __future__ import annotations

from alcore.strategies.base import Strategy


class Entropy(Strategy):
    """The b images of highest H(p) (Shannon 1948; as active learning: Settles 2009). log-softmax in fp32, so p = 0 gives no NaN."""

    name = "entropy"
    title = "Entropy"
    paper = "Wang & Shang 2014; MAL's baseline 'Entropy'"
    rank_by = "entropy"
    better_diverse = True
    heat = "entropy"
