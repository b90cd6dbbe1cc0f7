"""How many labels more until a model is as right as somebody wants: a power law through the rounds there were. Knows metrics only.

The error of a classifier falls about as a power of the number of its labels (Hestness et al. 2017), err(n) = err(now) (n / now)^-b. A test
slice of a hundred images tells both err(now) and b badly, so the answer is a range; b is held near what curves on pretrained features show.
How often the range holds the truth: `python -m benchmarks outlook`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

USUAL, SPREAD = 0.3, 0.1  # of b, over strategies, seeds and data sets
APART = 1.25  # rounds with less than a quarter more labels tell nothing that the one before did not
SIDE = 1.0  # standard errors to either side, of the error and of b at once: together about 80 %
FARTHEST = 20  # times the labels there are: beyond, no law is followed


def exponent(history: Sequence[tuple[int, int]], of: int) -> tuple[float, float]:
    """b and its standard error, by least squares of log error on log labels with the prior of USUAL and SPREAD.

    Args:
        history: (labels, right of `of`) of each round, oldest first.
    """
    points: list[tuple[float, float, float]] = []  # log labels, log error, weight
    for labels, right in history:
        if labels > 0 and (not points or labels >= APART * math.exp(points[-1][0])):
            error = _error(right, of)
            points.append((math.log(labels), math.log(error), of * error / (1 - error)))
    weight, prior = sum(w for _, _, w in points), 1 / SPREAD**2
    if not weight:
        return USUAL, SPREAD
    x0, y0 = (sum(p[at] * p[2] for p in points) / weight for at in (0, 1))
    xx = sum(w * (x - x0) ** 2 for x, _, w in points)
    xy = sum(w * (x - x0) * (y - y0) for x, y, w in points)
    return max(0.05, (USUAL * prior - xy) / (prior + xx)), 1 / math.sqrt(prior + xx)


def labels_to(target: float, history: Sequence[tuple[int, int]], of: int) -> tuple[float, float] | None:
    """The fewest and the most labels more that it may take until a share of `target` is right, at odds of about four to one; the most is
    infinite beyond FARTHEST times the labels there are. None where nothing was measured.

    Args:
        target: above 0 and below 1.
        history: (labels, right of `of`) of each round on the same test images, oldest first.

    Raises:
        ValueError: `target` is not above 0 and below 1.
    """
    if not 0 < target < 1:
        raise ValueError(f"a share of {target} is no goal: use one above 0 and below 1")
    if not history or not of:
        return None
    labels, right = history[-1]
    error, (b, deviation) = _error(right, of), exponent(history, of)
    noise = math.exp(SIDE * math.sqrt((1 - error) / (error * of)))
    few = _factor(error / noise / (1 - target), b + SIDE * deviation)
    most = _factor(error * noise / (1 - target), max(0.05, b - SIDE * deviation))
    return labels * (few - 1), math.inf if most > FARTHEST else labels * (most - 1)


def _factor(ratio: float, b: float) -> float:
    """By how much labels must grow for the error to fall by `ratio`; 1 where it need not."""
    return math.pow(max(1.0, ratio), 1 / b)


def _error(right: int, of: int) -> float:
    """The share wrong, never 0 or 1: half an image is added to either side."""
    return (of - right + 0.5) / (of + 1)
