"""What a results frame says about its strategies: means, areas, paired differences, penalties. Knows numpy and pandas, no strategy.

Every number that cannot be had (one seed, no baseline, one round) is None and said in words; nothing here gives a NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from alcore.errors import BadInput

BASELINE = "random"
TOO_SMALL = "n too small"
LEAST_PAIRS = 6  # 2 / 2^n, the smallest two-sided p of n sign flips, is below 0.05 from here on
MOST_PAIRS = 40  # two halves of 2^20 sums
NEEDED = ("strategy", "seed", "labeled", "metric", "value")
SECONDS = ("train", "score", "select")

# The 97.5 % quantile of Student's t for 1 to 30 degrees of freedom.
T_975 = (
    *(12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139),
    *(2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963),
    *(2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272),
)
Z_975 = 1.959963984540054


def compare(frame: pd.DataFrame, semi_supervised: Collection[str] = (), baseline: str = BASELINE) -> dict[str, Any]:
    """Everything about one experiment, as JSON.

    Args:
        frame: a row per strategy, seed and labeled count, columns as in results.csv; other columns are not needed.
        semi_supervised: strategies whose task model learned from unlabeled images too; they are marked.
        baseline: the strategy the differences are taken to.

    Returns:
        `metric`, `labeled` (counts, ascending), `baseline` (None when it was not run), `strategies` (name -> `points`, `area`,
        `difference`, `seconds`, `seeds`, and `mean`, `std`, `n` at `at`, its last labeled count), `labels_to_target` (see there),
        `penalty`, and `notes` in words.

    Raises:
        BadInput: columns are missing, a value is not finite, a row is there twice, or there is more than one metric.
    """
    _check(frame)
    notes: list[str] = []
    curves = _curves(frame)
    counts = sorted({int(c) for c in frame["labeled"]})
    there = baseline in curves
    if not there and curves:
        notes.append(f"{baseline} was not run: there are no differences to it. Add it to the strategies.")
    strategies = {}
    for name, curve in curves.items():
        notes += _incomplete(name, curve)
        strategies[name] = {
            "semi_supervised": name in semi_supervised,
            "seeds": [int(s) for s in curve.index],
            **_last(curve),
            "points": [{"labeled": c, **spread(curve[c].dropna().to_numpy())} for c in counts if curve[c].notna().any()],
            "area": spread(_areas(curve).to_numpy()),
            "difference": _difference(curve, curves[baseline], counts) if there and name != baseline else None,
            "seconds": _seconds(frame[frame["strategy"] == name]),
        }
        if there and name != baseline:
            notes += _unpaired(name, curve, baseline, curves[baseline])
    _holm([s["difference"]["area"] for s in strategies.values() if s["difference"]])
    _holm([point for s in strategies.values() if s["difference"] for point in s["difference"]["points"]])
    most = max((len(s["seeds"]) for s in strategies.values()), default=0)
    if most == 1:
        notes.append("one seed: there is no spread, no interval and no test. Add seeds.")
    elif 1 < most < LEAST_PAIRS:
        notes.append(f"n too small for the sign-flip test: {most} seeds cannot reach p < 0.05, {LEAST_PAIRS} can. Read the intervals.")
    if len(counts) == 1:
        notes.append("one labeled count: the budget has no width, so there is no area. Add rounds.")
    return {
        "metric": str(frame["metric"].iloc[0]) if len(frame) else None,
        "labeled": counts,
        "baseline": baseline if there else None,
        "strategies": strategies,
        "labels_to_target": labels_to_target({name: s["points"] for name, s in strategies.items()}, baseline) if there else None,
        "penalty": _penalty(curves, counts),
        "notes": notes,
    }


def _check(frame: pd.DataFrame) -> None:
    if missing := [name for name in NEEDED if name not in frame]:
        raise BadInput(f"the results have no column {', '.join(missing)}: give the columns of results.csv")
    if frame["metric"].nunique() > 1:
        raise BadInput(f"the results hold several metrics ({', '.join(map(str, frame['metric'].unique()))}): compare one at a time")
    bad = frame[~np.isfinite(frame["value"].astype(float))]
    if len(bad):
        row = bad.iloc[0]
        raise BadInput(
            f"the value of {row['strategy']}, seed {row['seed']}, {row['labeled']} labels is {row['value']}: "
            "run that round again or drop its row"
        )
    twice = frame[frame.duplicated(["strategy", "seed", "labeled"])]
    if len(twice):
        row = twice.iloc[0]
        raise BadInput(f"{row['strategy']}, seed {row['seed']}, {row['labeled']} labels is there twice: keep one row")


def _curves(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """strategy, in order of appearance -> seeds down, labeled counts of the whole experiment across, NaN where nothing was measured."""
    counts = sorted(frame["labeled"].unique())
    return {
        str(name): rows.pivot(index="seed", columns="labeled", values="value").reindex(columns=counts).astype(float)
        for name, rows in frame.groupby("strategy", sort=False)
    }


def spread(values: np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation (ddof 1; None for fewer than two) and n."""
    n = len(values)
    return {"mean": float(values.mean()) if n else None, "std": float(values.std(ddof=1)) if n > 1 else None, "n": n}


def _last(curve: pd.DataFrame) -> dict[str, Any]:
    at = max(c for c in curve.columns if curve[c].notna().any())
    return {"at": int(at), **spread(curve[at].dropna().to_numpy())}


# ---- area under the budget curve


def area(labeled: np.ndarray, values: np.ndarray) -> float:
    """Trapezoids over the labeled count, divided by the budget's width: a mean of the metric, in its unit.

    Args:
        labeled: (r,) ascending counts, at least two.
        values: (r,) the metric at each.
    """
    return float(np.trapezoid(values, labeled) / (labeled[-1] - labeled[0]))


def _areas(curve: pd.DataFrame) -> pd.Series:
    """Per seed that has every point; areas of shorter curves are over another budget and could not be compared."""
    whole = curve.dropna()
    if len(curve.columns) < 2 or whole.empty:
        return pd.Series(dtype=float)
    counts = np.array(curve.columns, dtype=float)
    return pd.Series({seed: area(counts, row.to_numpy()) for seed, row in whole.iterrows()})


def _incomplete(name: str, curve: pd.DataFrame) -> list[str]:
    lacking = curve.isna().sum(axis=1)
    short = [f"{seed} ({len(curve.columns) - int(n)} of {len(curve.columns)} points)" for seed, n in lacking.items() if n]
    return [f"{name} is not complete for seed {', '.join(short)}: left out of its area"] if short else []


# ---- differences to the baseline


def t_quantile(df: int) -> float:
    """The 97.5 % quantile of Student's t: a table up to 30 degrees of freedom, then Abramowitz & Stegun 26.7.5."""
    if df < 1:
        raise ValueError(f"Student's t has at least 1 degree of freedom, not {df}")
    if df <= len(T_975):
        return T_975[df - 1]
    z = Z_975
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(z + sum(term / df ** (power + 1) for power, term in enumerate(terms)))


def sign_flip_p(differences: np.ndarray) -> float | str:
    """Two-sided p of the exact permutation test: the share of all 2^n sign patterns whose |sum| is at least the observed one.

    Without an effect each difference is as likely to have the other sign. Text when n cannot reach 0.05, or is past 40.
    """
    n = len(differences)
    if n < LEAST_PAIRS:
        return TOO_SMALL
    if n > MOST_PAIRS:
        return f"not computed for more than {MOST_PAIRS} seeds: read the interval"
    # every pattern is one of the first half joined with one of the second: two sorted lists instead of one of 2^n
    left, right = _signed_sums(differences[: n // 2]), np.sort(_signed_sums(differences[n // 2 :]))
    observed = abs(float(differences.sum()))
    reach = observed - 1e-9 * max(float(np.abs(differences).sum()), 1e-300)  # sums of the same numbers in another order
    if reach <= 0:
        return 1.0
    above = len(right) - np.searchsorted(right, reach - left, side="left")
    below = np.searchsorted(right, -reach - left, side="right")
    return float((above.sum() + below.sum()) / 2.0**n)


def _signed_sums(values: np.ndarray) -> np.ndarray:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def paired(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Ours minus theirs over the seeds both have: mean, std, n, a 95 % t-interval (low, high; None for one seed) and the sign-flip p."""
    differences = (ours - theirs).dropna().to_numpy(dtype=float)
    result = spread(differences)
    low = high = None
    if result["std"] is not None:
        half = t_quantile(result["n"] - 1) * result["std"] / np.sqrt(result["n"])
        low, high = result["mean"] - float(half), result["mean"] + float(half)
    return {**result, "low": low, "high": high, "p": sign_flip_p(differences)}


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979) of the p values of one family: what is below 0.05 then holds for all of them at once."""
    corrected, least = [0.0] * len(p), 0.0
    for rank, at in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        least = max(least, min(1.0, (len(p) - rank) * p[at]))
        corrected[at] = least
    return corrected


def _holm(family: Sequence[dict[str, Any]]) -> None:
    """Gives each of the differences `p_holm`, None where it has no p. Where all seeds agree to the digit, as on the first labels,
    nothing was tested: those do not count among the others."""
    tested = [d for d in family if isinstance(d["p"], float) and not (d["mean"] == 0 and d["std"] == 0)]
    for d in family:
        d["p_holm"] = 1.0 if isinstance(d["p"], float) else None
    for d, corrected in zip(tested, holm([d["p"] for d in tested]), strict=True):
        d["p_holm"] = corrected


def verdict(found: Mapping[str, Any], baseline: str) -> str:
    """What a paired difference allows to say, without its numbers: more, less, or that it can't be told."""
    if not found["n"]:
        return "no seed has all its rounds yet"
    if found["low"] is None:
        return "one seed: no interval"
    seeds = f"with {found['n']} seeds"
    if found["low"] == found["high"] == 0:
        return f"the same as {baseline} {seeds}"
    if found["low"] <= 0 <= found["high"]:
        return f"can't tell {seeds}"
    return f"{'better' if found['mean'] > 0 else 'worse'} than {baseline} {seeds}"


def _difference(curve: pd.DataFrame, base: pd.DataFrame, counts: list[int]) -> dict[str, Any]:
    at_each = ((c, paired(curve[c], base[c])) for c in counts)
    return {
        "points": [{"labeled": c, **found} for c, found in at_each if found["n"]],
        "area": paired(_areas(curve), _areas(base)),
    }


def _unpaired(name: str, curve: pd.DataFrame, baseline: str, base: pd.DataFrame) -> list[str]:
    alone = sorted(set(curve.index) ^ set(base.index))
    if not alone:
        return []
    shared = len(set(curve.index) & set(base.index))
    listed = ", ".join(map(str, alone))
    return [f"{name} and {baseline} share {shared} seeds; only one of them has seed {listed}, so it is in no difference"]


# ---- labels for a target


def labels_to_target(curves: Mapping[str, Sequence[Mapping[str, Any]]], baseline: str) -> dict[str, Any]:
    """How many labels each strategy needs for the mean that the baseline has at its last budget.

    Args:
        curves: strategy -> its points, each with `labeled` and `mean`.

    Returns:
        `target`, the mean; `at`, the baseline's labels there; `strategies`: name -> `labels`, where its mean curve first reaches the
        target, by linear interpolation between points, and `fewer`, the share of `at` that this saves (negative for more labels); both
        are None when it never does. `within` is False where the first point is past the target already, so that fewer might do.
    """
    last = curves[baseline][-1]
    target, at = last["mean"], last["labeled"]
    found = {}
    for name, points in curves.items():
        reached = next((i for i, point in enumerate(points) if point["mean"] >= target), None)
        labels = None
        if reached is not None:
            labels = float(points[reached]["labeled"])
            if reached:
                before, after = points[reached - 1], points[reached]
                way = (target - before["mean"]) / (after["mean"] - before["mean"])
                labels = before["labeled"] + float(way) * (after["labeled"] - before["labeled"])
        found[name] = {"labels": labels, "fewer": None if labels is None else 1 - labels / at, "within": reached != 0}
    return {"target": target, "at": at, "strategies": found}


# ---- pairwise penalties


def beats(ours: pd.Series, theirs: pd.Series) -> bool:
    """A paired two-sided t test at 0.05 over the seeds both have, won by ours."""
    differences = (ours - theirs).dropna().to_numpy(dtype=float)
    n = len(differences)
    if n < 2 or differences.mean() <= 0 or differences.std(ddof=1) == 0:
        return False  # seeds that agree to the digit say nothing about how far others would be apart
    return bool(differences.mean() * np.sqrt(n) > t_quantile(n - 1) * differences.std(ddof=1))


def _penalty(curves: Mapping[str, pd.DataFrame], counts: list[int]) -> dict[str, Any]:
    """P[i][j]: the share of labeled counts at which i beats j (Ash et al. 2020, 4.3; Ji et al. 2023).

    `beaten` is each column's mean over the others: how often a strategy is beaten, lower = better.
    """
    names = list(curves)
    matrix = [[sum(beats(curves[i][c], curves[j][c]) for c in counts) / len(counts) if i != j else 0.0 for j in names] for i in names]
    others = max(1, len(names) - 1)
    return {"strategies": names, "matrix": matrix, "beaten": [sum(row[j] for row in matrix) / others for j in range(len(names))]}


# ---- time


def _seconds(rows: pd.DataFrame) -> dict[str, float | None]:
    """Mean seconds a round spent training, scoring and choosing; None where it was not recorded."""
    return {kind: _mean(rows[f"{kind}_seconds"]) if f"{kind}_seconds" in rows else None for kind in SECONDS}


def _mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None
