"""The statistics of an experiment: hand-worked numbers, known quantiles, brute force, and what is said where a number cannot be had."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

from alcore.errors import BadInput
from alcore.simulation.comparison import area, beats, compare, holm, labels_to_target, paired, sign_flip_p, spread, t_quantile, verdict


def results(curves: dict[str, dict[int, dict[int, float]]]) -> pd.DataFrame:
    """strategy -> seed -> labeled -> value, as rows."""
    return pd.DataFrame(
        [
            {"strategy": name, "seed": seed, "labeled": labeled, "metric": "accuracy", "value": value}
            for name, seeds in curves.items()
            for seed, points in seeds.items()
            for labeled, value in points.items()
        ],
        columns=["strategy", "seed", "labeled", "metric", "value"],
    )


THREE = results({
    "mal": {0: {10: 0.5, 20: 0.7, 40: 0.8}, 1: {10: 0.4, 20: 0.6, 40: 0.9}},
    "random": {0: {10: 0.5, 20: 0.6, 40: 0.7}, 1: {10: 0.4, 20: 0.4, 40: 0.6}},
})  # fmt: skip


# ---- means, spreads, areas


def test_mean_std_and_n_at_each_labeled_count():
    said = compare(THREE)["strategies"]["mal"]
    at = {p["labeled"]: p for p in said["points"]}
    assert list(at) == [10, 20, 40]
    assert at[10]["mean"] == pytest.approx(0.45)
    assert at[10]["std"] == pytest.approx(0.1 / math.sqrt(2))  # two values 0.1 apart
    assert at[10]["n"] == 2
    assert (said["at"], said["n"]) == (40, 2)
    assert said["mean"] == pytest.approx(0.85)


def test_the_area_is_trapezoids_over_the_budgets_width_per_seed():
    # seed 0: (0.6 * 10 + 0.75 * 20) / 30 = 0.7; seed 1: (0.5 * 10 + 0.75 * 20) / 30 = 2/3
    said = compare(THREE)["strategies"]["mal"]["area"]
    assert said["mean"] == pytest.approx((0.7 + 2 / 3) / 2)
    assert said["std"] == pytest.approx((0.7 - 2 / 3) / math.sqrt(2))
    assert area(np.array([5.0, 15.0]), np.array([0.2, 0.4])) == pytest.approx(0.3)


def test_a_run_that_is_not_complete_is_left_out_of_the_area_and_named():
    frame = THREE[~((THREE.strategy == "mal") & (THREE.seed == 1) & (THREE.labeled == 40))]
    said = compare(frame)
    assert said["strategies"]["mal"]["area"] == {"mean": pytest.approx(0.7), "std": None, "n": 1}
    assert said["strategies"]["mal"]["points"][2]["n"] == 1
    assert "mal is not complete for seed 1 (2 of 3 points): left out of its area" in said["notes"]


# ---- differences


def test_differences_to_random_are_paired_by_seed_and_labeled_count():
    said = compare(THREE)["strategies"]["mal"]["difference"]
    first, second, third = said["points"]
    assert (first["mean"], first["std"], first["low"], first["high"]) == (0.0, 0.0, 0.0, 0.0)
    assert second["mean"] == pytest.approx(0.15)  # 0.1 and 0.2
    half = 12.706205 * (0.1 / math.sqrt(2)) / math.sqrt(2)
    assert (second["low"], second["high"]) == (pytest.approx(0.15 - half), pytest.approx(0.15 + half))
    assert third["mean"] == pytest.approx(0.2)  # 0.1 and 0.3
    assert third["p"] == "n too small"
    # areas of random: (0.55 * 10 + 0.65 * 20) / 30 and (0.4 * 10 + 0.5 * 20) / 30
    assert said["area"]["mean"] == pytest.approx(((0.7 - 18.5 / 30) + (2 / 3 - 14 / 30)) / 2)
    assert compare(THREE)["strategies"]["random"]["difference"] is None


def test_seeds_only_one_of_the_two_has_are_in_no_difference():
    frame = results({
        "mal": {0: {10: 0.5}, 1: {10: 0.9}, 2: {10: 0.6}},
        "random": {0: {10: 0.4}, 2: {10: 0.3}, 7: {10: 0.0}},
    })  # fmt: skip
    said = compare(frame)
    assert said["strategies"]["mal"]["difference"]["points"][0]["mean"] == pytest.approx(0.2)
    assert said["strategies"]["mal"]["difference"]["points"][0]["n"] == 2
    assert "mal and random share 2 seeds; only one of them has seed 1, 7, so it is in no difference" in said["notes"]


@pytest.mark.parametrize(("df", "value"), [
    (1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (30, 2.0423), (31, 2.0395), (40, 2.0211), (60, 2.0003), (120, 1.9799), (1000, 1.9623)
])  # fmt: skip
def test_t_quantiles_are_those_of_the_printed_tables(df, value):
    assert t_quantile(df) == pytest.approx(value, abs=6e-5)


def test_t_quantiles_fall_towards_the_normal_one():
    values = [t_quantile(df) for df in range(1, 200)]
    assert all(a > b for a, b in itertools.pairwise(values))
    assert t_quantile(10**9) == pytest.approx(1.959963985, abs=1e-8)
    with pytest.raises(ValueError):
        t_quantile(0)


def brute_p(differences: np.ndarray) -> float:
    signs = np.array(list(itertools.product((1, -1), repeat=len(differences))))
    sums = np.abs(signs @ differences)
    return float((sums >= abs(differences.sum()) - 1e-9).mean())


@pytest.mark.parametrize("n", [6, 7, 10, 13])
def test_the_sign_flip_test_counts_every_pattern(n):
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.3, 1.0):
        differences = rng.normal(shift, 1, n)
        assert sign_flip_p(differences) == pytest.approx(brute_p(differences), abs=1e-12)
    ties = rng.integers(-2, 4, n) / 10  # equal sums must not fall to rounding
    assert sign_flip_p(ties) == pytest.approx(brute_p(ties), abs=1e-12)


def test_the_smallest_p_is_two_patterns_of_all():
    assert sign_flip_p(np.full(6, 0.1)) == pytest.approx(2 / 64)
    assert sign_flip_p(np.linspace(1, 2, 22)) == pytest.approx(2 / 2**22)
    assert sign_flip_p(np.zeros(6)) == 1.0
    assert sign_flip_p(np.full(5, 0.1)) == "n too small"
    assert sign_flip_p(np.ones(41)) == "not computed for more than 40 seeds: read the interval"


def test_the_interval_of_five_seeds_by_hand():
    ours, theirs = pd.Series([3.0, 4, 5, 6, 7]), pd.Series([1.0, 3, 2, 5, 4])  # differences 2 1 3 1 3: mean 2, std 1
    said = paired(ours, theirs)
    assert (said["mean"], said["std"], said["n"]) == (2.0, 1.0, 5)
    assert said["low"] == pytest.approx(2 - 2.776445 / math.sqrt(5))
    assert said["high"] == pytest.approx(2 + 2.776445 / math.sqrt(5))


# ---- many comparisons, and labels for a target


def test_holm_by_hand():
    # ascending 0.01 0.02 0.03 0.2 times 4 3 2 1: 0.04 0.06 0.06 0.2, never falling
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_differences_have_p_values_for_all_of_them_at_once():
    """Six seeds, all better, give 2 / 64; areas are one family, points another, and first points that are equal are in neither."""
    values = {name: {s: {10: 0.5, 20: 0.6 + gain + s / 1000, 30: 0.7 + gain} for s in range(6)} for name, gain in (("a", 0.1), ("b", 0.2))}
    values["random"] = {s: {10: 0.5, 20: 0.6, 30: 0.7} for s in range(6)}
    said = compare(results(values))["strategies"]
    for name in ("a", "b"):
        d = said[name]["difference"]
        assert (d["area"]["p"], d["area"]["p_holm"]) == (pytest.approx(2 / 64), pytest.approx(2 * 2 / 64))
        assert [point["p_holm"] for point in d["points"]] == [1.0, pytest.approx(4 * 2 / 64), pytest.approx(4 * 2 / 64)]
    assert compare(THREE)["strategies"]["mal"]["difference"]["area"]["p_holm"] is None  # two seeds have no p


def test_labels_to_random_s_last_point_are_interpolated_on_the_mean_curves():
    said = compare(THREE)["labels_to_target"]
    # random ends at 0.65 with 40 labels; mal has 0.65 at 20
    assert (said["target"], said["at"]) == (pytest.approx(0.65), 40)
    assert said["strategies"]["mal"] == {"labels": pytest.approx(20), "fewer": pytest.approx(0.5), "within": True}
    assert said["strategies"]["random"]["labels"] == pytest.approx(40)
    assert compare(results({"mal": {0: {10: 0.5}}}))["labels_to_target"] is None

    def curve(*points: tuple[int, float]) -> list[dict[str, float]]:
        return [{"labeled": count, "mean": mean} for count, mean in points]

    curves = {
        "random": curve((100, 0.2), (200, 0.5), (300, 0.6)),
        "better": curve((100, 0.2), (200, 0.7), (300, 0.5)),
        "never": curve((100, 0.2), (200, 0.3), (300, 0.4)),
        "at once": curve((100, 0.6), (200, 0.7), (300, 0.8)),
        "later": curve((100, 0.2), (200, 0.5), (400, 0.7)),
    }
    found = labels_to_target(curves, "random")["strategies"]
    assert found["better"] == {"labels": pytest.approx(180), "fewer": pytest.approx(0.4), "within": True}
    assert found["never"] == {"labels": None, "fewer": None, "within": True}
    assert found["at once"] == {"labels": 100.0, "fewer": pytest.approx(2 / 3), "within": False}
    assert found["later"]["fewer"] == pytest.approx(0.0)
    assert found["random"]["labels"] == pytest.approx(300)


# ---- penalties


def test_one_beats_the_other_where_the_paired_t_test_says_so():
    base = pd.Series([0.0] * 5)
    assert beats(pd.Series([2.0, 1, 3, 1, 3]), base)  # t = 2 sqrt(5) = 4.47 > 2.776
    assert not beats(base, pd.Series([2.0, 1, 3, 1, 3]))
    assert not beats(pd.Series([2.0, -1, 3, -1, 2]), base)  # mean 1, std 1.87: t = 1.2
    assert not beats(base, base)
    assert not beats(pd.Series([0.1] * 5), base)  # no spread at all: nothing to test it against
    assert not beats(pd.Series([0.1]), pd.Series([0.0]))  # one seed is no test


def test_the_penalty_matrix_adds_a_share_of_one_for_each_labeled_count():
    values = {
        "a": {s: {10: 0.5, 20: 0.8 + 0.01 * (s % 2), 30: 0.9, 40: 0.9} for s in range(5)},
        "b": {s: {10: 0.5, 20: 0.6, 30: 0.7 + 0.01 * (s % 2), 40: 0.9} for s in range(5)},
        "c": {s: {10: 0.5, 20: 0.7 + 0.001 * s, 30: 0.95 + 0.001 * s, 40: 0.1 + 0.001 * s} for s in range(5)},
    }
    said = compare(results(values), baseline="b")["penalty"]
    assert said["strategies"] == ["a", "b", "c"]
    # 20: a > c > b; 30: c > a > b; 40: a = b > c
    assert said["matrix"] == [[0.0, 0.5, 0.5], [0.0, 0.0, 0.25], [0.25, 0.5, 0.0]]
    assert said["beaten"] == [0.125, 0.5, 0.375]


# ---- what cannot be had is said


def test_one_seed_and_no_random_are_said_in_words_and_leave_no_nan():
    said = compare(results({"mal": {0: {10: 0.5}}}), semi_supervised={"mal"})
    text = json.dumps(said, allow_nan=False)
    assert "NaN" not in text
    assert said["baseline"] is None
    assert said["strategies"]["mal"]["difference"] is None
    assert said["strategies"]["mal"]["std"] is None
    assert said["strategies"]["mal"]["semi_supervised"] is True
    assert said["strategies"]["mal"]["area"] == {"mean": None, "std": None, "n": 0}
    assert said["notes"] == [
        "random was not run: there are no differences to it. Add it to the strategies.",
        "one seed: there is no spread, no interval and no test. Add seeds.",
        "one labeled count: the budget has no width, so there is no area. Add rounds.",
    ]


def test_no_seed_in_common_gives_no_difference():
    said = compare(results({"mal": {0: {10: 0.5, 20: 0.6}}, "random": {1: {10: 0.5, 20: 0.6}}}))
    assert said["strategies"]["mal"]["difference"]["points"] == []
    assert said["strategies"]["mal"]["difference"]["area"]["mean"] is None
    json.dumps(said, allow_nan=False)


def test_an_empty_frame_compares_to_nothing():
    said = compare(results({}))
    assert (said["metric"], said["strategies"], said["labeled"]) == (None, {}, [])


def test_n_below_six_is_said_with_the_number_that_would_do():
    values = {name: {s: {10: 0.5, 20: 0.6} for s in range(3)} for name in ("mal", "random")}
    assert (
        "n too small for the sign-flip test: 3 seeds cannot reach p < 0.05, 6 can. Read the intervals." in compare(results(values))["notes"]
    )


@pytest.mark.parametrize(("change", "words"), [
    (lambda f: f.drop(columns="seed"), "the results have no column seed"),
    (lambda f: pd.concat([f, f.head(1)]), "mal, seed 0, 10 labels is there twice"),
    (lambda f: f.assign(value=[float("nan"), *f["value"][1:]]), "the value of mal, seed 0, 10 labels is nan"),
    (lambda f: f.assign(metric=["loss", *f["metric"][1:]]), r"several metrics \(loss, accuracy\)"),
])  # fmt: skip
def test_a_frame_that_cannot_be_compared_is_refused(change, words):
    with pytest.raises(BadInput, match=words):
        compare(change(THREE))


def test_seconds_are_means_of_the_rounds_and_none_where_nothing_was_recorded():
    frame = THREE.assign(train_seconds=[1.0, 2, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0], score_seconds=0.5)
    assert compare(frame)["strategies"]["mal"]["seconds"] == {"train": 2.0, "score": 0.5, "select": None}


def test_the_spread_of_nothing_is_nothing():
    assert spread(np.array([])) == {"mean": None, "std": None, "n": 0}


# ---- in words


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ([0.5, 0.6, 0.7], "better than random with 3 seeds"),  # +0.1 each
        ([0.3, 0.4, 0.51], "worse than random with 3 seeds"),
        ([0.5, 0.4, 0.61], "can't tell with 3 seeds"),
        ([0.4, 0.5, 0.6], "the same as random with 3 seeds"),
        ([0.9], "one seed: no interval"),
        ([], "no seed has all its rounds yet"),
    ],
)
def test_a_verdict_says_no_more_than_the_interval(ours, words):
    assert verdict(paired(pd.Series(ours, dtype=float), pd.Series([0.4, 0.5, 0.6][: len(ours)], dtype=float)), "random") == words
