"""Temperatures against a brute-force grid and hand-worked cases, softmax of any size, bins of confidence against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alcore.measures.calibration import COLDEST, PRIOR, WARMEST, Bin, calibration_error, probabilities, reliability, temperature
from alcore.metrics import wilson

HUGE = [1e4, 1e150, 1e300, 1.7e308]


def costs(logits: np.ndarray, targets: np.ndarray, of: np.ndarray) -> np.ndarray:
    """What a temperature costs, by the definition: -log softmax summed, and the prior."""
    found = []
    for t in of:
        total = math.log(t) ** 2 / (2 * PRIOR**2)
        for row, target in zip(logits / t, targets, strict=True):
            top = row.max()
            total += top + math.log(sum(math.exp(x - top) for x in row)) - row[target]
        found.append(total)
    return np.array(found)


def some_slice(seed: int, images: int, warmth: float, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Logits `warmth` times as steep as the labels drawn from them are sure."""
    rng = np.random.default_rng(seed)
    true = 2 * rng.normal(size=(images, classes))
    return warmth * true, np.array([rng.choice(classes, p=p) for p in probabilities(true)])


@pytest.mark.parametrize(("images", "warmth"), [(1, 1.0), (2, 3.0), (7, 0.2), (20, 6.0), (60, 0.5), (60, 2.0)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_temperature_of_a_fine_grid_is_better(images, warmth, seed):
    logits, targets = some_slice(seed, images, warmth)
    grid = np.geomspace(COLDEST, WARMEST, 1_201)
    of_grid, found = costs(logits, targets, grid), temperature(logits, targets)
    assert costs(logits, targets, np.array([found]))[0] <= of_grid.min() + 1e-9
    assert found == pytest.approx(grid[of_grid.argmin()], rel=0.006)  # the grid's own width


@pytest.mark.parametrize("warmth", [0.25, 1.0, 3.0])
def test_many_images_find_how_much_too_steep_the_logits_are(warmth):
    assert temperature(*some_slice(3, 20_000, warmth)) == pytest.approx(warmth, rel=0.03)


def test_two_classes_by_hand():
    """Logits (4, 0), 80 % right: sigmoid(4 / T) = 0.8, so T = 4 / ln 4."""
    logits, targets = np.tile([4.0, 0.0], (10_000, 1)), np.repeat([0, 1], [8_000, 2_000])
    assert temperature(logits, targets) == pytest.approx(4 / math.log(4), rel=1e-3)


def test_one_image_by_hand():
    """Of logits (1, 0), class 0: the derivative by u = log T is sigmoid(-1/T) / T + u / PRIOR^2, and 0 at the best."""
    t = temperature(np.array([[1.0, 0.0]]), np.array([0]))
    assert t < 1
    assert 1 / (1 + math.exp(1 / t)) / t + math.log(t) / PRIOR**2 == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("logits", [np.zeros((0, 3)), np.zeros((5, 3)), np.full((5, 3), 7.0), np.ones((4, 1))])
def test_what_says_nothing_leaves_one(logits):
    assert temperature(logits, np.zeros(len(logits), int)) == pytest.approx(1, abs=1e-6)


def test_the_prior_holds_ten_images_and_lets_a_hundred_go():
    """All right at 90 % each would ask for T = 0."""
    logits = np.array([[math.log(9), 0.0]])
    ten, hundred = (temperature(np.tile(logits, (n, 1)), np.zeros(n, int)) for n in (10, 100))
    assert 0.4 < ten < 0.7
    assert 0.2 < hundred < 0.4
    warm = temperature(np.tile(logits, (10, 1)), np.ones(10, int))  # all wrong
    assert 2 < warm < WARMEST


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("images", [1, 100])
def test_huge_logits_give_a_finite_temperature(size, images):
    rows = np.tile([size, -size, 0.0], (images, 1))
    assert temperature(rows, np.zeros(images, int)) == pytest.approx(1, abs=1e-6)  # right, and nothing to add
    assert temperature(rows, np.ones(images, int)) == pytest.approx(WARMEST, rel=1e-3)
    mixed = temperature(np.vstack([rows, [[0.0, 1.0, 2.0]]]), np.append(np.zeros(images, int), 0))
    assert COLDEST <= mixed <= WARMEST


def test_it_stays_in_range_and_takes_halves():
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1.0, 1e3):
        logits = (scale * rng.normal(size=(50, 5))).astype(np.float16)
        for targets in (logits.argmax(1), logits.argmin(1), np.zeros(50, int)):
            assert COLDEST <= temperature(logits, targets) <= WARMEST


@pytest.mark.parametrize(
    ("logits", "targets", "said"),
    [
        ([[1.0, np.nan]], [0], "1 of 1 rows of logits are not finite"),
        ([[1.0, np.inf], [0.0, 1.0]], [0, 0], "1 of 2 rows"),
        ([1.0, 2.0], [0, 1], r"must be \(images, classes\)"),
        ([[1.0, 2.0]], [0, 1], "1 rows of logits need as many targets"),
        ([[1.0, 2.0]], [2], "targets must be 0 to 1, not 2 to 2"),
        ([[1.0, 2.0]], [-1], "targets must be 0 to 1, not -1 to -1"),
    ],
)
def test_what_is_no_slice_is_refused(logits, targets, said):
    with pytest.raises(ValueError, match=said):
        temperature(np.array(logits), np.array(targets))


# ---- probabilities


def test_probabilities_by_hand():
    assert probabilities(np.log([[1.0, 2.0, 5.0]]))[0] == pytest.approx([0.125, 0.25, 0.625])
    assert probabilities(2 * np.log([[1.0, 2.0, 5.0]]), 2.0)[0] == pytest.approx([0.125, 0.25, 0.625])
    assert probabilities(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("size", HUGE)
def test_probabilities_of_huge_logits_sum_to_one(size):
    p = probabilities(np.array([[size, size, -size], [-size, 0.0, size]]), 0.05)
    assert p.dtype == np.float64
    assert p.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]


def test_probabilities_are_float64_of_floats_of_any_kind():
    logits = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float16)
    p = probabilities(logits, 1.7)
    assert p.dtype == np.float64
    assert p.sum(1) == pytest.approx(np.ones(20), abs=1e-15)
    assert (p.argmax(1) == logits.argmax(1)).all()


@pytest.mark.parametrize("t", [0.0, -1.0, math.nan, math.inf])
def test_a_temperature_is_above_zero(t):
    with pytest.raises(ValueError, match="a temperature must be above 0 and finite"):
        probabilities(np.zeros((1, 2)), t)


# ---- reliability


def test_bins_by_hand():
    found = reliability(np.array([0.0, 0.25, 0.3, 0.5, 0.51, 1.0]), np.array([False, True, True, False, True, True]), bins=4)
    assert found == [
        Bin(0.0, 0.25, 2, 0.125, 0.5, wilson(0.5, 2)),
        Bin(0.25, 0.5, 2, 0.4, 0.5, wilson(0.5, 2)),
        Bin(0.5, 0.75, 1, 0.51, 1.0, wilson(1.0, 1)),
        Bin(0.75, 1.0, 1, 1.0, 1.0, wilson(1.0, 1)),
    ]


def test_an_empty_bin_knows_nothing():
    found = reliability(np.array([0.95]), np.array([True]))
    assert [bin_.count for bin_ in found] == [0] * 9 + [1]
    assert found[3] == Bin(0.3, 0.4, 0, None, None, None)
    assert sum(bin_.count for bin_ in reliability(np.zeros(0), np.zeros(0, bool))) == 0


def test_the_calibration_error_is_what_the_bins_say():
    rng = np.random.default_rng(0)
    confidence = rng.random(500)
    right = rng.random(500) < confidence**2
    for bins in (1, 10, 15):
        of_bins = sum(b.count * abs(b.right - b.confidence) for b in reliability(confidence, right, bins) if b.count) / 500
        assert calibration_error(confidence, right, bins) == pytest.approx(of_bins, abs=1e-12)
    assert calibration_error(confidence, right, 1) == pytest.approx(abs(confidence.mean() - right.mean()), abs=1e-12)


def test_the_temperature_brings_the_calibration_error_down():
    logits, targets = some_slice(5, 4_000, 3.0)

    def error(t: float) -> float:
        p = probabilities(logits[100:], t)
        return calibration_error(p.max(1), p.argmax(1) == targets[100:])

    assert error(1.0) > 0.15
    assert error(temperature(logits[:100], targets[:100])) < 0.06


@pytest.mark.parametrize(
    ("confidence", "right", "bins", "said"),
    [
        ([1.1], [True], 10, "confidences must be 0 to 1"),
        ([np.nan], [True], 10, "confidences must be 0 to 1"),
        ([0.5, 0.5], [True], 10, "as many confidences as answers"),
        ([0.5], [True], 0, "at least 1 bin"),
        ([], [], 10, "needs at least one image"),
    ],
)
def test_what_cannot_be_binned_is_refused(confidence, right, bins, said):
    with pytest.raises(ValueError, match=said):
        calibration_error(np.array(confidence), np.array(right, bool), bins)
