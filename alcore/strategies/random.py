"""Random: the baseline every curve is read against."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from alcore.strategies.base import Strategy, entropy_words


class Random(Strategy):
    """Uniform draws without replacement. A round's generator is its own, so two rounds of one run draw differently."""

    name = "random"
    title = "Random"
    paper = "baseline"

    def total(
        self, parts: Mapping[str, np.ndarray], labeled: Mapping[str, np.ndarray], ids: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Uniform numbers, given out in the order of the ids, so that the order of the pool does not matter."""
        result = np.empty(len(ids))
        result[np.argsort(ids)] = rng.random(len(ids))
        return result

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return "drawn at random; " + entropy_words(values, rank, n, classes)
