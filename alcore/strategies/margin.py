"""Margin sampling: ask where the two likeliest classes are closest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from alcore.strategies.base import ScoreInfo, Seen, Strategy


class Margin(Strategy):
    """The b images of smallest p(1st) - p(2nd) (Scheffer, Decomain & Wrobel 2001)."""

    name = "margin"
    title = "Margin"
    paper = "Scheffer, Decomain & Wrobel 2001"
    heat = "margin"
    score_info = (ScoreInfo("total", "Priority", "1 minus the margin: high when the two likeliest classes are close."),)

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """1 - margin: higher = label first."""
        return 1.0 - seen.unlabeled["margin"]

    def region_total(self, values: np.ndarray, frame: np.ndarray, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """1 - the region's mean margin."""
        return 1.0 - values

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return f"its two likeliest classes are {100 * values['margin']:.0f} points apart, rank {rank['margin']:,} of {n:,}"
