"""Whether "95 % of these are right" holds: 20 labeling projects played over the features of one that has truth, each with other labels.

    python -m benchmarks promise WORKSPACE

WORKSPACE is an alcore workspace whose first project is one of classes with hidden truth and features (`import`, `features`). Each made-up
project labels LABELED images of the pool at random for training and TESTED to be tested on, trains one round, and asks from which
confidence on TARGET of the guesses are right; the truth then says how many of the accepted ones are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

TRIALS, LABELED, TARGET, STRATEGY = 20, 300, 0.95, "mcdal"
TESTED = (100, 200)


def run(home: Path) -> dict[str, Any]:
    from alcore.project.facade import Workspace

    workspace = Workspace(home)
    try:
        project = workspace.project(workspace.projects()[0])
        result: dict[str, Any] = {}
        for tested in TESTED:
            trials = [_trial(project, tested, seed) for seed in range(TRIALS)]
            given = [one for one in trials if one["accepted"]]
            kept = [one for one in given if one["right"] >= TARGET]
            told = {
                "projects": TRIALS,
                "promises": len(given),
                "kept": len(kept),
                "not broken": TRIALS - len(given) + len(kept),
                "accepted, share": float(np.mean([one["accepted"] / one["rest"] for one in trials])),
                "least right": min((one["right"] for one in given), default=None),
                "truth in the interval": sum(bool(one["low"] <= one["truth"] <= one["high"]) for one in trials),
            }
            result[f"slice of {tested}"] = {**told, "trials": trials}
            print(f"  slice of {tested}: " + ", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
        return result
    finally:
        workspace.close()


def failed(result: Mapping[str, Any]) -> bool:
    """Whether more than a tenth of the promises were broken."""
    return any(told["not broken"] < 0.9 * told["projects"] for told in result.values())


def _trial(project: Any, tested: int, seed: int) -> dict[str, Any]:
    from alcore.measures import promises
    from alcore.measures.calibration import probabilities, temperature
    from alcore.metrics import wilson
    from alcore.project.features import Features
    from alcore.training.pool import Pool
    from alcore.training.predict import logits_of
    from alcore.training.turn import Material, Order, turn

    found = Features(project)
    rows = dict(zip(found.ids.tolist(), found.rows.tolist(), strict=True))
    classes = {name: at for at, name in enumerate(project.classes)}
    known = [(i, classes[truth]) for i, split, truth, *_ in project.snapshot() if split == "pool" and truth and rows.get(i, -1) >= 0]
    ids, target = (np.array(column, np.int64) for column in zip(*known, strict=True))
    mixed = np.random.default_rng(seed).permutation(len(ids))
    labeled, of_slice, rest = mixed[:LABELED], mixed[LABELED : LABELED + tested], np.sort(mixed[LABELED + tested :])
    at = np.array([rows[i] for i in ids.tolist()], np.int64)
    pool = Pool(ids[labeled], target[labeled], ids[rest], ids[of_slice], target[of_slice], ids, at)
    material = Material(pool, len(classes), found.store.vectors())
    done = turn(Order(STRATEGY, 50, seed, "cpu", {}, {"architecture": "features"}), material)
    told, guessed = (logits_of(done.strategy, done.batches, ids[part]) for part in (of_slice, rest))
    t = temperature(told, target[of_slice])
    sure, sure_slice = probabilities(guessed, t).max(1), probabilities(told, t).max(1)
    right, right_slice = guessed.argmax(1) == target[rest], told.argmax(1) == target[of_slice]
    promise = promises.promised(TARGET, sure, sure_slice, right_slice)
    accepted = sure >= promise.threshold if promise else np.zeros(len(rest), bool)
    low, high = wilson(right_slice.mean(), tested)
    return {
        "seed": seed,
        "rest": len(rest),
        "accepted": int(accepted.sum()),
        "right": float(right[accepted].mean()) if accepted.any() else None,
        "truth": float(right.mean()),
        "low": float(low),
        "high": float(high),
    }
