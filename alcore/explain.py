"""What the scores are called, where they range, which end is wanted; ranks and percentiles. Knows numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ScoreInfo:
    """A score's title, unit, help, and whether the strategies want it high or low."""

    title: str
    unit: str
    wanted: str
    help: str


SCORES: Mapping[str, ScoreInfo] = {
    "total": ScoreInfo("Total", "", "high", "What the strategy ranks by: higher is asked first."),
    "entropy": ScoreInfo(
        "Entropy", "nats", "high", "How flat the model's class distribution is: 0 when sure, ln K when all classes are alike."
    ),
    "margin": ScoreInfo("Margin", "", "low", "Distance between the two likeliest classes: small when it hesitates between two."),
    "confidence": ScoreInfo("Confidence", "", "low", "Probability of the likeliest class."),
    "labeledness": ScoreInfo(
        "Labeledness",
        "",
        "low",
        "The discriminator's probability that the image is from the labeled pool: low means unlike anything labeled.",
    ),
    "labeledness_logit": ScoreInfo(
        "Labeledness (logit)", "", "low", "The same before the sigmoid, where differences near 0 and 1 stay visible."
    ),
    "bald": ScoreInfo("BALD", "nats", "high", "How far dropout masks disagree about its class: 0 when all of them agree."),
    "disagreement": ScoreInfo(
        "Disagreement", "nats", "high", "How far the committee's members disagree about its class: 0 when they agree."
    ),
    "predicted_loss": ScoreInfo("Predicted loss", "", "high", "What the loss module predicts; only its order means something."),
    "state_uncertainty": ScoreInfo(
        "Uncertainty indicator", "", "high", "SRAAL's u: 0 when the task model is sure, 1 when all classes are alike."
    ),
    "pixel_discrepancy": ScoreInfo(
        "Pixel discrepancy", "", "high", "How far the heads' class distributions are apart in each pixel, averaged over the image."
    ),
    "discrepancy": ScoreInfo("Discrepancy", "", "high", "How far the heads' class distributions are apart, summed over all pairs."),
}


def info(name: str) -> ScoreInfo:
    """What is known of a score; a score nobody described is wanted high."""
    return SCORES.get(name, ScoreInfo(name.replace("_", " ").capitalize(), "", "high", ""))


def bounds(name: str, values: np.ndarray, classes: int) -> tuple[float, float]:
    """The range a score can take where theory gives one, else the range it took."""
    theory = {
        "entropy": (0.0, log(max(classes, 2))),
        "margin": (0.0, 1.0),
        "confidence": (0.0, 1.0),
        "labeledness": (0.0, 1.0),
        "state_uncertainty": (0.0, 1.0),
        "bald": (0.0, log(max(classes, 2))),
        "disagreement": (0.0, log(max(classes, 2))),
    }
    if name in theory:
        return theory[name]
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
        if name == "labeledness_logit":
            continue  # the same as labeledness, for maps and histograms
        n, rank = len(values), int(ranks[name][at])
        low, high = bounds(name, values, classes)
        result.append(
            {
                "name": name,
                "title": info(name).title,
                "value": float(values[at]),
                "rank": rank,
                "of": n,
                "percentile": round(100.0 * (n - rank + 1) / n, 1),
                "unit": info(name).unit,
                "low": low,
                "high": high,
            }
        )
    return result
