"""The sentence about stopping: which rounds it compares, its words and numbers, and how often it is wrong on made-up learning curves."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.measures.stopping import STAYED, advice, compared_with
from alcore.metrics import ENOUGH


@pytest.mark.parametrize(
    ("labeled", "at"),
    [
        ([], None),
        ([100], None),
        ([100, 150], None),
        ([100, 150, 199], None),
        ([100, 150, 200], 0),
        ([50, 100, 110, 120, 200, 220, 240], 3),  # the newest of those with half, not the oldest
        ([10, 20], 0),
        ([100, 200, 200], 0),  # trained twice on the same labels
        ([200, 400, 100], None),  # labels taken back
        ([0, 50], None),  # a round without labels had no model
    ],
)
def test_the_newest_round_is_compared_with_the_newest_of_at_most_half_its_labels(labeled, at):
    assert compared_with(labeled) == at


def test_little_is_left_when_the_guesses_stayed_while_labels_doubled():
    said = advice([(100, 0.8), (200, 0.96), (300, None), (400, 1.0)], 84, 100, 40_000)
    assert said.kind == "little_left"
    assert said.words == (
        "Little left to gain: while the labels grew from 200 to 400, 96 % of the guesses stayed the same; "
        "84 % right on 100 test images (76 to 90)."
    )
    assert {name: said.numbers[name] for name in ("labeled", "before", "agreement", "right", "of", "accuracy")} == {
        "labeled": 400, "before": 200, "agreement": 0.96, "right": 84, "of": 100, "accuracy": 0.84,
    }  # fmt: skip
    assert (said.numbers["low"], said.numbers["high"]) == pytest.approx((0.7558, 0.8990), abs=1e-4)
    assert said.numbers["agreement_low"] == pytest.approx(0.958, abs=1e-3)


def test_it_goes_on_while_guesses_change_whether_or_not_there_is_a_test_slice():
    said = advice([(200, 0.88), (1_000, 1.0)], 0, 0, 40_000)
    assert said.kind == "go_on"
    assert said.words == "Go on: while the labels grew from 200 to 1,000, 12 % of the guesses changed."
    assert advice([(200, 0.88), (1_000, 1.0)], 1, 1, 40_000).words.endswith("changed; 100 % right on 1 test image (21 to 100).")


def test_ten_labels_that_change_nothing_are_no_reason_to_stop():
    """Each round agrees with the one before, but with half the labels the guesses were others."""
    history = [(n, 0.85 if n <= 100 else 0.99) for n in range(60, 201, 10)]
    assert advice(history, 84, 100, 40_000).kind == "go_on"


def test_without_a_round_of_half_the_labels_it_cannot_tell():
    said = advice([(100, 0.99), (150, 1.0)], 84, 100, 40_000)
    assert said.kind == "cannot_tell"
    assert said.words == (
        "Too early to tell: no earlier round had at most half of the 150 labels to compare the guesses with; "
        "84 % right on 100 test images (76 to 90)."
    )
    assert advice([], 0, 0, 40_000).words == "Too early to tell: no model yet to compare the guesses with."
    assert advice([(50, 1.0), (100, 1.0)], 84, 100, 0).words.startswith("Too early to tell: no images to compare")


@pytest.mark.parametrize(("of", "kind"), [(0, "cannot_tell"), (ENOUGH - 1, "cannot_tell"), (ENOUGH, "little_left")])
def test_guesses_that_stay_are_no_news_without_test_images_enough(of, kind):
    said = advice([(200, 0.99), (400, 1.0)], of, of, 40_000)
    assert said.kind == kind
    assert "99 % of the guesses stayed the same" in said.words


def test_on_few_images_the_same_share_proves_less():
    history = [(200, STAYED + 0.02), (400, 1.0)]
    assert [advice(history, 84, 100, images).kind for images in (100, 400, 40_000)] == ["go_on", "go_on", "little_left"]


def test_the_border_is_the_lower_end_of_the_interval():
    assert advice([(1, STAYED), (2, 1.0)], 84, 100, 10**9).kind == "go_on"
    assert advice([(1, STAYED + 1e-4), (2, 1.0)], 84, 100, 10**9).kind == "little_left"


@pytest.mark.parametrize("agreement", [None, -0.1, 1.1, float("nan")])
def test_the_share_that_is_needed_must_be_one(agreement):
    with pytest.raises(ValueError, match="the round of 200 labels needs the share of guesses that stayed"):
        advice([(200, agreement), (400, 1.0)], 84, 100, 40_000)


def test_no_more_are_right_than_were_tested():
    with pytest.raises(ValueError, match="11 of 10 cannot be right"):
        advice([], 11, 10, 40_000)


# ---- made-up projects

IMAGES = 2_000


def guesses(rng: np.random.Generator, labeled: list[int], accuracy: list[float], best: float) -> np.ndarray:
    """(rounds, IMAGES) classes, 0 the right one, of a model whose accuracy is as told.

    An image's class and two rivals have scores: a margin that is above 0 for the share `best`, the most that can be right, and noise of
    the fit. How much noise is what the accuracy says. The noise of n labels and that of m < n correlate as (m / n)^h: h of 1/2 is that of a
    mean over labels, less that of networks on good features, which change less; part of it is new each round, the seed.
    """
    h, seed = rng.choice([0.25, 0.5, 1.0]), rng.choice([0.0, 0.1, 0.3])
    margin = rng.normal(size=IMAGES)
    margin -= np.quantile(margin, 1 - best)
    rival = -0.7 * np.abs(rng.normal(size=IMAGES))
    clear = np.stack([margin, np.zeros(IMAGES), rival])
    fit, found = rng.normal(size=(3, IMAGES)), []
    for at, wanted in enumerate(accuracy):
        if at:
            same = (labeled[at - 1] / labeled[at]) ** h
            fit = same * fit + np.sqrt(1 - same**2) * rng.normal(size=fit.shape)
        noise = np.sqrt(1 - seed) * fit + np.sqrt(seed) * rng.normal(size=fit.shape)
        low, high = 0.0, 50.0
        for _ in range(18):
            middle = (low + high) / 2
            low, high = (middle, high) if ((clear + middle * noise).argmax(0) == 0).mean() > wanted else (low, middle)
        found.append((clear + low * noise).argmax(0))
    return np.stack(found)


def said_of_curves(low: float, high: float, count: int = 150) -> dict[str, float]:
    """What is said, as shares of made-up projects along accuracy(n) = best - b n^-c that gain `low` to `high` with the next doubling."""
    rng, kinds = np.random.default_rng(0), []
    while len(kinds) < count:
        c, best, n, step = rng.uniform(0.2, 1.2), rng.uniform(0.75, 0.99), int(rng.integers(80, 800)), int(rng.choice([10, 25, 50]))
        labeled = [*range(n % step or step, n, step), n]
        at = compared_with(labeled)
        left = rng.uniform(low, high) / (1 - 2**-c)  # b n^-c
        if at is None or best - left * (n / labeled[at]) ** c < 0.3:
            continue
        compared = [labeled[at], n]
        before, now = guesses(rng, compared, [best - left * (n / m) ** c for m in compared], best)
        history: list[tuple[int, float | None]] = [(m, None) for m in labeled]
        history[at] = (labeled[at], float((before == now).mean()))
        kinds.append(advice(history, int((now[:100] == 0).sum()), 100, IMAGES).kind)
    return {kind: kinds.count(kind) / count for kind in ("go_on", "little_left", "cannot_tell")}


def test_made_up_guesses_are_right_as_often_as_told():
    found = guesses(np.random.default_rng(1), [100, 200], [0.6, 0.7], 0.9)
    assert (found == 0).mean(1) == pytest.approx([0.6, 0.7], abs=1e-3)
    assert ((found[0] == found[1]) & (found[0] != 0)).any()
    assert 0.5 < (found[0] == found[1]).mean() < 0.9


@pytest.mark.parametrize(("low", "high"), [(0.03, 0.03), (0.03, 0.08)])
def test_it_does_not_stop_where_three_points_or_more_are_to_be_gained(low, high):
    assert said_of_curves(low, high)["little_left"] <= 0.05


def test_it_stops_on_most_flat_curves():
    assert said_of_curves(0.0, 0.005)["little_left"] >= 0.7
