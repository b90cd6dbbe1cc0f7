"""Random: the baseline every curve is read against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from alcore.strategies.base import ScoreInfo, Seen, Strategy, entropy_words, uniform


class Random(Strategy):
    """Uniform draws without replacement. A round's generator is its own, so two rounds of one run draw differently."""

    name = "random"
    title = "Random"
    paper = "baseline"
    heat = "entropy"  # shown, not asked by
    score_info = (ScoreInfo("total", "Priority", "A random number: the highest are asked for, whatever the model thinks."),)

    @classmethod
    def ranks(cls, params: Any) -> bool:
        return False  # spread out it would not be drawn at random

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """Uniform numbers."""
        return uniform(seen.ids, rng)

    def region_total(self, values: np.ndarray, frame: np.ndarray, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """Uniform numbers."""
        return rng.random(len(values))

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return "drawn at random; " + entropy_words(values, rank, n, classes)
