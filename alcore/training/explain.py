"""Scores as people read them: where they range, how an item ranks by each. What they mean is said by the strategies that have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from alcore.strategies import SCORES, STRATEGIES
from alcore.strategies.base import ScoreInfo


def info(name: str, strategy: str = "") -> ScoreInfo:
    """What is known of a score column, of `total` by the strategy that ranks by it."""
    if name == "total" and strategy in STRATEGIES:
        return STRATEGIES[strategy].score_columns()[name]
    # a stored round may be of a strategy that is not there any more
    return SCORES.get(name) or ScoreInfo(name, name.replace("_", " ").capitalize(), "")


def bounds(name: str, values: np.ndarray, classes: int) -> tuple[float, float]:
    """The range a score can take where theory gives one, else the range it took."""
    if (span := info(name).span) is not None:
        return span(classes)
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)


def wanted_ranks(name: str, values: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """1 for the most wanted value ... n; ties by id."""
    key = -values if info(name).wanted == "high" else values
    result = np.empty(len(values), np.int64)
    result[np.lexsort((ids, key))] = np.arange(1, len(values) + 1)
    return result


def details(scores: Mapping[str, np.ndarray], ranks: Mapping[str, np.ndarray], at: int, classes: int) -> list[dict[str, Any]]:
    """Each score of the item at position `at`: value, rank (1 = most wanted), percentile (100 = most wanted) and range."""
    result = []
    for name, values in scores.items():
        about = info(name)
        if not about.listed:
            continue
        n, rank = len(values), int(ranks[name][at])
        low, high = bounds(name, values, classes)
        result.append(
            {
                "name": name,
                "title": about.title,
                "value": float(values[at]),
                "rank": rank,
                "of": n,
                "percentile": round(100.0 * (n - rank + 1) / n, 1),
                "unit": about.unit,
                "low": low,
                "high": high,
            }
        )
    return result
