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
    idea = (
        "Every unlabeled image has the same chance. Nothing is learned from the model, so nothing it gets wrong can mislead the choice, "
        "and what is labeled looks like the pool itself."
    )
    equations = ((r"\Pr(Q) = \binom{|U|}{b}^{-1}", "Every set Q of b images of the pool U is as likely as any other."),)
    use = (
        "As the line every other curve is read against, for a test set that must stand for the whole pool, and where you doubt that a "
        "model is worth asking."
    )
    avoid = (
        "Not where labels are dear: on photos of clothing 500 labels at random gave 81.8 %, which many others here reach with a third "
        "fewer. Rare classes come as rarely as they are."
    )
    cost = "Nothing beyond training: the pool is scored only so that its images can be shown with their guesses."
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
