"""Accept every guess above a confidence: how many are right, and where a labeled slice shows that enough are. Knows numpy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log

import numpy as np

from alcore.metrics import wilson

START = 0.25  # of a slice of 1,000, 45 images are too few to begin with: one mistake among them would end it all


@dataclass(frozen=True)
class Promise:
    """What accepting all guesses of at least a confidence would mean.

    Attributes:
        threshold: that confidence, 0 to 1.
        accepted: how many images of the rest have it.
        slice_accepted: how many images of the slice have it.
        slice_right: how many of those are right.
        precision: their share, 0 to 1; None without any.
        low, high: the two-sided 95 % Wilson interval of the precision; 0 to 1, so all of it, without any.
    """

    threshold: float
    accepted: int
    slice_accepted: int
    slice_right: int
    precision: float | None
    low: float
    high: float


def at(threshold: float, confidence_rest: np.ndarray, confidence_slice: np.ndarray, right_slice: np.ndarray) -> Promise:
    """What accepting all guesses of at least `threshold` would mean. Its interval holds for one threshold that was chosen without looking
    at the slice; `promised` is for choosing by it.

    Args:
        confidence_rest: (N,) of the images nobody labeled.
        confidence_slice: (n,) of a random slice that the model was not trained on.
        right_slice: (n,) whether the guess was right.

    Raises:
        ValueError: confidences that are no numbers, or not as many of the slice as answers.
    """
    rest, of_slice, right = _checked(confidence_rest, confidence_slice, right_slice)
    inside = of_slice >= threshold
    count, hits = int(inside.sum()), int(right[inside].sum())
    low, high = wilson(hits / count, count) if count else (0.0, 1.0)
    return Promise(float(threshold), int((rest >= threshold).sum()), count, hits, hits / count if count else None, low, high)


def promised(
    target: float, confidence_rest: np.ndarray, confidence_slice: np.ndarray, right_slice: np.ndarray, risk: float = 0.1
) -> Promise | None:
    """The lowest threshold at which the slice shows a precision of at least `target`; None where none does.

    Of many projects, at most a share of `risk` get a threshold above which fewer than `target` are right. The lowest threshold with enough
    right on the slice keeps no such promise: of many thresholds tried, one looks better than it is. So they are tested from the highest
    confidence down, each by the exact lower bound of Clopper & Pearson (1934), and the first that fails ends it (fixed sequence testing;
    "Learn then Test", Angelopoulos, Bates, Candès, Jordan & Lei 2021). A false promise must then pass at the first threshold that is too
    low, and it passes there in a share of `risk` at most; whatever came before, no share is needed for it. This is exact where precision
    does not rise as the threshold falls, which is what a confidence is for, and the slice is a random part of the same images as the rest.
    The risk is of one promise: who asks again each round and keeps the best of many answers breaks more of them.

    A failure ends all, so a test that one early mistake decides must not be taken: a sequence that went down image by image from the
    smallest count that can prove anything, 45 for 95 %, would mostly end at the first mistake after it. Tested are the smallest counts
    that prove the target with no mistake, with one, with two (45, 77, 105, ... for 95 %), from the first with a quarter of the slice
    (START) on, and behind the last that the slice has images for, where there is nothing left to lose, every count. Images of one
    confidence go together.

    Args:
        target: the precision asked for, above 0 and below 1.
        risk: how often the promise may be broken, above 0 and below 1.
        confidence_rest, confidence_slice, right_slice: as `at`.

    Raises:
        ValueError: as `at`, or a target or risk outside 0 to 1.
    """
    _check_shares(target, risk)
    _, of_slice, right = _checked(confidence_rest, confidence_slice, right_slice)
    order = np.argsort(-of_slice, kind="stable")
    falling, mistakes = of_slice[order], np.cumsum(~right[order])
    ends = np.flatnonzero(np.append(falling[1:] < falling[:-1], True)[: len(falling)]) + 1  # counts that part no two of one confidence
    allowed = _allowed(len(falling), target, risk)
    shown = 0
    for count in dict.fromkeys(int(ends[np.searchsorted(ends, wanted)]) for wanted in _counts(allowed)):
        if mistakes[count - 1] > allowed[count]:
            break
        shown = count
    return at(float(falling[shown - 1]), confidence_rest, confidence_slice, right_slice) if shown else None


def least_slice(target: float, risk: float = 0.1) -> int:
    """How many slice images are needed at the very least, all of them right, to promise `target`: the smallest n of target^n <= risk.

    Raises:
        ValueError: a target or risk outside 0 to 1.
    """
    _check_shares(target, risk)
    n = max(1, ceil(log(risk) / log(target)) - 1)
    while target**n > risk:
        n += 1
    return n


def lower_bound(right: int, of: int, risk: float = 0.1) -> float:
    """The exact one-sided lower bound of a probability (Clopper & Pearson 1934): with it, `right` or more `of` come in a share of `risk`.

    Raises:
        ValueError: more right than there are, or a risk outside 0 to 1.
    """
    if not 0 <= right <= of:
        raise ValueError(f"{right} of {of} cannot be right")
    _check_shares(0.5, risk)
    low, high = 0.0, 1.0
    if right:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _at_most(of - right, of, 1 - middle) <= risk else (low, middle)
    return low


def _counts(allowed: tuple[int, ...]) -> list[int]:
    """The counts to test in turn: from START on those that allow one mistake more than the count before, and all behind the last one."""
    more = [count for count in range(1, len(allowed)) if allowed[count] > allowed[count - 1]]
    first = [count for count in more if count >= START * (len(allowed) - 1)]
    return (first or more[-1:]) + list(range(more[-1] + 1, len(allowed))) if more else []


@lru_cache(maxsize=64)
def _allowed(images: int, target: float, risk: float) -> tuple[int, ...]:
    """By count, 0 to `images`: with how many mistakes the lower bound is still at least `target`; -1 where it is not with none."""
    found = [-1]
    for count in range(1, images + 1):
        more = found[-1] + 1  # one image more never allows two mistakes more
        found.append(more if more < count and _at_most(more, count, 1 - target) <= risk else found[-1])
    return tuple(found)


def _at_most(mistakes: int, of: int, share: float) -> float:
    """P(X <= mistakes) of X binomial with `of` trials of probability `share`."""
    if mistakes >= of or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    k = np.arange(mistakes + 1)
    ratios = np.log(of - k[1:] + 1) - np.log(k[1:])  # of one binomial coefficient to the one before
    logs = np.concatenate([[0.0], np.cumsum(ratios)]) + k * log(share) + (of - k) * np.log1p(-share)
    return float(min(1.0, np.exp(logs).sum()))


def _check_shares(target: float, risk: float) -> None:
    for name, value in (("target", target), ("risk", risk)):
        if not 0 < value < 1:
            raise ValueError(f"the {name} must be above 0 and below 1, not {value}")


def _checked(rest: np.ndarray, of_slice: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rest, of_slice, right = np.asarray(rest, np.float64), np.asarray(of_slice, np.float64), np.asarray(right, bool)
    if of_slice.ndim != 1 or of_slice.shape != right.shape:
        raise ValueError(f"the slice needs as many answers as confidences, not {right.shape} and {of_slice.shape}")
    if np.isnan(rest).any() or np.isnan(of_slice).any():
        raise ValueError("a confidence is not a number")
    return rest, of_slice, right
