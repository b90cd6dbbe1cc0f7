"""Promises by hand, exact bounds, and how often a promise is kept in made-up projects."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
import pytest

from alcore.measures.promises import Promise, _allowed, _counts, at, least_slice, lower_bound, promised
from alcore.metrics import wilson

FALLING = 1 - np.arange(200) / 1_000  # confidences of slice images, highest first: 1, 0.999, ...


def right_but(*mistakes: int, of: int) -> np.ndarray:
    """Answers of slice images in falling confidence; the positions named are wrong."""
    right = np.ones(of, bool)
    right[list(mistakes)] = False
    return right


def shown(target: float, right: np.ndarray, risk: float = 0.1, confidence: np.ndarray = FALLING) -> int:
    """How many slice images are above the promised threshold; 0 for no promise."""
    found = promised(target, np.zeros(0), confidence[: len(right)], right, risk)
    return found.slice_accepted if found else 0


# ---- at a threshold


def test_a_threshold_counts_what_lies_at_it_or_above():
    found = at(0.8, np.array([0.9, 0.8, 0.79]), np.array([0.95, 0.8, 0.7, 0.85]), np.array([True, True, True, False]))
    assert found == Promise(0.8, 2, 3, 2, 2 / 3, *wilson(2 / 3, 3))


def test_a_threshold_without_slice_images_says_nothing():
    assert at(0.9, np.array([0.95]), np.array([0.5]), np.array([True])) == Promise(0.9, 1, 0, 0, None, 0.0, 1.0)
    assert at(0.9, np.zeros(0), np.zeros(0), np.zeros(0, bool)).accepted == 0


def test_what_is_no_slice_is_refused():
    with pytest.raises(ValueError, match="as many answers as confidences"):
        at(0.5, np.zeros(3), np.zeros(2), np.zeros(3, bool))
    with pytest.raises(ValueError, match="not a number"):
        promised(0.9, np.array([np.nan]), np.zeros(2), np.zeros(2, bool))
    for target, risk in ((0.0, 0.1), (1.0, 0.1), (0.9, 0.0), (0.9, 1.0)):
        with pytest.raises(ValueError, match="must be above 0 and below 1"):
            promised(target, np.zeros(1), np.zeros(2), np.zeros(2, bool), risk)
        with pytest.raises(ValueError, match="must be above 0 and below 1"):
            least_slice(target, risk)


# ---- bounds


@pytest.mark.parametrize(("target", "risk", "n"), [(0.95, 0.1, 45), (0.9, 0.1, 22), (0.99, 0.1, 230), (0.95, 0.05, 59), (0.5, 0.5, 1), (0.05, 0.1, 1)])  # fmt: skip
def test_the_least_slice_is_the_smallest_that_could_prove_it(target, risk, n):
    assert least_slice(target, risk) == n
    assert target**n <= risk
    assert n == 1 or target ** (n - 1) > risk
    assert shown(target, np.ones(n, bool), risk, np.linspace(1, 0.9, n)) == n
    assert shown(target, np.ones(n - 1, bool), risk, np.linspace(1, 0.9, n)) == 0


def test_the_lower_bound_is_clopper_and_pearsons():
    assert lower_bound(0, 10) == 0.0
    assert lower_bound(10, 10) == pytest.approx(0.1 ** (1 / 10), abs=1e-12)
    assert lower_bound(1, 10) == pytest.approx(1 - 0.9 ** (1 / 10), abs=1e-12)
    assert lower_bound(8, 10, 0.025) == pytest.approx(0.443905, abs=1e-6)  # the textbook's 95 % interval of 8 in 10: 0.444 to 0.975
    for right, of in ((45, 45), (70, 77), (3, 5), (900, 1_000)):
        share = lower_bound(right, of)
        tail = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(right, of + 1))
        assert tail == pytest.approx(0.1, abs=1e-9)
    with pytest.raises(ValueError, match="11 of 10 cannot be right"):
        lower_bound(11, 10)


@pytest.mark.parametrize(("target", "risk"), [(0.95, 0.1), (0.9, 0.1), (0.8, 0.05), (0.5, 0.3)])
def test_mistakes_are_allowed_as_long_as_the_lower_bound_is_the_target(target, risk):
    allowed = _allowed(120, target, risk)
    for count in range(1, 121):
        most = allowed[count]
        assert most < 0 or lower_bound(count - most, count, risk) >= target
        assert lower_bound(count - most - 1, count, risk) < target


def test_the_sequence_for_95_percent():
    counts = _counts(_allowed(110, 0.95, 0.1))
    assert counts == [45, 77, 105, 106, 107, 108, 109, 110]
    assert _counts(_allowed(44, 0.95, 0.1)) == []
    assert _counts(_allowed(180, 0.95, 0.1))[:2] == [45, 77]
    assert _counts(_allowed(181, 0.95, 0.1))[:2] == [77, 105]  # 45 are less than a quarter


@pytest.mark.parametrize("images", range(1, 400, 7))
@pytest.mark.parametrize("target", [0.3, 0.8, 0.99])
def test_a_slice_that_could_prove_a_target_is_tried_to_its_end(images, target):
    counts = _counts(_allowed(images, target, 0.1))
    assert counts == sorted(set(counts))
    assert counts[-1:] == ([images] if images >= least_slice(target) else [])


# ---- promises by hand


def test_a_slice_without_a_mistake_is_accepted_whole():
    assert [shown(0.95, np.ones(n, bool)) for n in (0, 1, 44, 45, 60, 100)] == [0, 0, 0, 45, 60, 100]


def test_a_mistake_among_the_first_ends_it_and_a_later_one_need_not():
    assert shown(0.95, right_but(44, of=60)) == 0  # the 45th
    assert shown(0.95, right_but(45, of=60)) == 45  # the 46th: no larger count of 60 can bear one
    assert shown(0.95, right_but(45, of=77)) == 77  # one is borne by 77
    assert shown(0.95, right_but(45, 76, of=104)) == 45
    assert shown(0.95, right_but(45, 100, of=104)) == 100  # behind 77 every count is tried, up to the second mistake
    assert shown(0.95, right_but(45, 50, of=105)) == 45  # 105 bear two, but at 77 there are two, and the first failure ends it


def test_a_mistake_at_the_top_of_a_large_slice_does_not_end_it():
    assert shown(0.95, right_but(0, of=200)) == 200
    assert shown(0.95, right_but(0, of=60)) == 0


def test_the_promise_tells_what_is_accepted():
    rest = np.linspace(0, 1, 1_001)
    found = promised(0.95, rest, FALLING[:60], right_but(50, of=60))
    assert found == at(FALLING[49], rest, FALLING[:60], right_but(50, of=60))
    assert (found.slice_accepted, found.slice_right, found.precision) == (50, 50, 1.0)
    assert found.threshold == pytest.approx(0.951)
    assert found.accepted == int((rest >= found.threshold).sum())


def test_the_order_of_the_slice_does_not_matter():
    right, order = right_but(45, 100, of=104), np.random.default_rng(0).permutation(104)
    assert promised(0.95, np.zeros(3), FALLING[:104][order], right[order]) == promised(0.95, np.zeros(3), FALLING[:104], right)


def test_images_of_one_confidence_go_together():
    tied = FALLING[:60].copy()
    tied[40:50] = tied[40]
    assert shown(0.95, right_but(50, of=60), confidence=tied) == 50
    assert shown(0.95, right_but(49, of=60), confidence=tied) == 0  # 45 and 50 are one step
    assert shown(0.95, right_but(40, of=60), confidence=tied) == 0
    assert shown(0.95, np.ones(60, bool), confidence=np.full(60, 0.7)) == 60
    assert shown(0.95, right_but(3, of=60), confidence=np.full(60, 0.7)) == 0


def test_saturated_confidences_of_one_are_a_tie_too():
    found = promised(0.95, np.array([1.0, 1.0, 0.99]), np.array([1.0] * 50 + [0.4] * 50), np.arange(100) < 50)
    assert (found.threshold, found.accepted, found.slice_accepted) == (1.0, 2, 50)


# ---- made-up projects

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # how likely a guess is right, by its place from the most to the least confident
    "easy": lambda u: 0.998 - 0.15 * u**3,
    "a plateau, then a slope": lambda u: 0.998 - 0.45 * np.clip((u - 0.4) / 0.6, 0, 1) ** 1.2,
    "a curve": lambda u: 0.995 - 0.5 * u**2,
    "a line": lambda u: 0.99 - 0.3 * u,
    "just too bad": lambda u: np.full(len(u), 0.9495),
    "just good enough, then too bad": lambda u: np.where(u < 0.5, 0.95, 0.85),
}
REST = 4_000


def naive(target: float, confidence: np.ndarray, right: np.ndarray) -> float | None:
    """The lowest threshold whose point estimate is the target."""
    order = np.argsort(-confidence)
    good = np.flatnonzero(np.cumsum(right[order]) / np.arange(1, len(order) + 1) >= target)
    return float(confidence[order][good[-1]]) if len(good) else None


def projects(curve: str, images: int, target: float, count: int, seed: int = 0) -> dict[str, float]:
    """Shares of `count` made-up projects: promises broken and images accepted, by `promised` and by the naive rule."""
    rng, likely = np.random.default_rng(seed), CURVES[curve]
    found = dict.fromkeys(("broken", "accepted", "naive_broken", "naive_accepted"), 0.0)
    places = (np.arange(REST) + 0.5) / REST
    precision = np.cumsum(likely(places)) / np.arange(1, REST + 1)
    for _ in range(count):
        u = rng.random(images)
        right = rng.random(images) < likely(u)
        promise = promised(target, 1 - places, 1 - u, right)
        thresholds = {"": promise.threshold if promise else None, "naive_": naive(target, 1 - u, right)}
        for rule, threshold in thresholds.items():
            accepted = 0 if threshold is None else int((1 - places >= threshold).sum())
            found[f"{rule}broken"] += (accepted > 0 and precision[accepted - 1] < target - 1e-9) / count
            found[f"{rule}accepted"] += accepted / REST / count
    return found


@pytest.mark.parametrize("images", [60, 100, 200])
@pytest.mark.parametrize("curve", list(CURVES))
def test_promises_are_kept(curve, images):
    """Broken in a share of 0.1 at most, and what 400 projects add by chance."""
    assert projects(curve, images, 0.95, 400)["broken"] <= 0.1 + 2.6 * np.sqrt(0.1 * 0.9 / 400)


def test_the_lowest_threshold_that_looks_good_enough_breaks_half_of_its_promises():
    found = projects("a curve", 100, 0.95, 400)
    assert found["naive_broken"] > 0.4
    assert found["broken"] < 0.1


@pytest.mark.parametrize(("images", "accepted"), [(60, 0.3), (100, 0.45), (200, 0.6)])
def test_an_easy_project_gets_much_accepted(images, accepted):
    assert projects("easy", images, 0.95, 400)["accepted"] > accepted
