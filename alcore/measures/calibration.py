"""How far a model's confidence can be believed: the temperature that fits a labeled slice, the share right by confidence. Knows numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from alcore.metrics import wilson

COLDEST, WARMEST = 0.05, 20.0  # beyond them every probability is as good as 0 or 1, or all classes are alike
PRIOR = log(2)  # standard deviation of log T: networks are mostly within a factor of two of right (Guo et al. 2017: T of 1 to 2.5)
STEPS = 61  # first tried between COLDEST and WARMEST, 1 among them
GOLDEN = (sqrt(5) - 1) / 2
CLOSE = 1e-7  # of log T
HUGE = 1e290  # as far below the first as a logit can count, so that no sum of them overflows


def temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The T, COLDEST to WARMEST, whose softmax(logits / T) fits the labels of a slice best (temperature scaling, Guo et al. 2017).

    It minimizes the negative log-likelihood summed over the slice, plus (log T / PRIOR)^2 / 2: a normal prior on log T around T = 1. A
    slice where all are right would ask for T = 0, one where all are wrong for T without end, and ten images say next to nothing; there the
    prior decides, and with a hundred it is hardly felt. An empty slice gives 1. The likelihood is convex in 1 / T, but with the prior there
    may be two minima, so a grid finds the lower one before a golden section narrows it down.

    Args:
        logits: (n, K) finite, of images the model was not trained on.
        targets: (n,) their classes, 0 to K - 1.

    Raises:
        ValueError: logits that are not finite or not (n, K), or targets that are no classes of them.
    """
    below = _below_first(logits)
    targets = np.asarray(targets)
    if targets.shape != below.shape[:1]:
        raise ValueError(f"{len(below)} rows of logits need as many targets, not an array of {targets.shape}")
    if not len(below):
        return 1.0
    targets = targets.astype(np.int64)
    if targets.min() < 0 or targets.max() >= below.shape[1]:
        raise ValueError(f"targets must be 0 to {below.shape[1] - 1}, not {targets.min()} to {targets.max()}")
    of_targets = below[np.arange(len(below)), targets]

    def cost(log_t: float) -> float:
        sums = np.exp(below / exp(log_t)).sum(1)
        return float((np.log(sums) - of_targets / exp(log_t)).sum()) + (log_t / PRIOR) ** 2 / 2

    tried = np.linspace(log(COLDEST), log(WARMEST), STEPS)
    best = int(np.argmin([cost(each) for each in tried]))
    low, high = float(tried[max(0, best - 1)]), float(tried[min(STEPS - 1, best + 1)])
    return min(WARMEST, max(COLDEST, exp(_lowest(cost, low, high))))


def _lowest(cost: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum between low and high has it, by golden section."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    of_left, of_right = cost(left), cost(right)
    while high - low > CLOSE:
        if of_left <= of_right:
            high, right, of_right = right, left, of_left
            left = high - GOLDEN * (high - low)
            of_left = cost(left)
        else:
            low, left, of_left = left, right, of_right
            right = low + GOLDEN * (high - low)
            of_right = cost(right)
    return (low + high) / 2


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """softmax(logits / temperature) as float64 (n, K); each row sums to 1, however large the logits.

    Raises:
        ValueError: logits that are not finite or not (n, K), or a temperature that is not above 0.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"a temperature must be above 0 and finite, not {temperature}")
    with np.errstate(over="ignore"):  # what overflows is a probability of 0
        p: np.ndarray = np.exp(_below_first(logits) / temperature)
    p /= p.sum(1, keepdims=True)
    return p


def _below_first(logits: np.ndarray) -> np.ndarray:
    """Each row (n, K) less its largest, float64: 0 and below."""
    values = np.asarray(logits, np.float64)
    if values.ndim != 2 or values.shape[1] < 1:
        raise ValueError(f"logits must be (images, classes), not {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).any(1).sum())} of {len(values)} rows of logits are not finite")
    with np.errstate(over="ignore"):
        below: np.ndarray = np.maximum(values - values.max(1, keepdims=True), -HUGE)
    return below


@dataclass(frozen=True)
class Bin:
    """Images of about the same confidence.

    Attributes:
        low, high: the bin is above `low`, up to and with `high`; the first holds 0 too.
        count: how many images.
        confidence: their mean; None of an empty bin.
        right: the share of them that are right, 0 to 1; None of an empty bin.
        interval: the 95 % Wilson interval of that share; None of an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    right: float | None
    interval: tuple[float, float] | None


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> list[Bin]:
    """The share right in `bins` bins of confidence of equal width, lowest first; where confidence can be believed the two are equal.

    Args:
        confidence: (n,) 0 to 1.
        right: (n,) whether the guess was.

    Raises:
        ValueError: confidences outside 0 to 1, arrays of different length, or no bin.
    """
    counts, sure, hits = _binned(confidence, right, bins)
    found = []
    for at, count in enumerate(counts.tolist()):
        low, high = at / bins, (at + 1) / bins
        if not count:
            found.append(Bin(low, high, 0, None, None, None))
            continue
        share = float(hits[at] / count)
        found.append(Bin(low, high, count, float(sure[at] / count), share, wilson(share, count)))
    return found


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """The expected calibration error, 0 to 1: |share right - mean confidence| of the bins of `reliability`, weighed by their images
    (Naeini et al. 2015; Guo et al. 2017). On few images it is above 0 by chance alone.

    Raises:
        ValueError: as `reliability`, and for no images.
    """
    counts, sure, hits = _binned(confidence, right, bins)
    if not counts.sum():
        raise ValueError("a calibration error needs at least one image")
    return float(np.abs(hits - sure).sum() / counts.sum())


def _binned(confidence: np.ndarray, right: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each bin: how many images, the sum of their confidences, how many are right."""
    confidence, right = np.asarray(confidence, np.float64), np.asarray(right, bool)
    if bins < 1:
        raise ValueError(f"there must be at least 1 bin, not {bins}")
    if confidence.ndim != 1 or confidence.shape != right.shape:
        raise ValueError(f"as many confidences as answers are needed, not {confidence.shape} and {right.shape}")
    if not ((confidence >= 0) & (confidence <= 1 + 1e-9)).all():
        raise ValueError("confidences must be 0 to 1")
    bin_ = np.clip(np.ceil(confidence * bins).astype(np.int64), 1, bins) - 1
    return (
        np.bincount(bin_, minlength=bins),
        np.bincount(bin_, weights=confidence, minlength=bins),
        np.bincount(bin_, weights=right, minlength=bins),
    )
