"""What each switch of the Learn page does to accuracy: ten seeds of points, ten labels asked for one by one, paired."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from alcore.simulation.comparison import paired
from alcore.strategies import strategy_named
from alcore.teaching.lessons import PLANE_PARAMS, Board
from alcore.teaching.recording import record
from alcore.teaching.switches import MEASURED, SWITCHES

KINDS, SEEDS, LABELS = ("moons", "rings"), 10, 10
COLUMNS = ("strategy", "switch", "points", "seeds", "labels", "accuracy", "difference", "low", "high")


def run() -> list[dict[str, object]]:
    """Writes teaching/switches.csv, which the page tells of."""
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    for strategy in ("mcdal", "mal"):
        changes: dict[str, Mapping[str, object]] = {"": {}} | {
            switch.name: switch.params for switch in SWITCHES if switch.strategy == strategy
        }
        for kind in KINDS:
            played: np.ndarray | None = None
            for switch, params in changes.items():
                found = np.array(
                    [_mean_accuracy(strategy, {**PLANE_PARAMS.get(strategy, {}), **params}, kind, seed) for seed in range(SEEDS)]
                )
                played = found if played is None else played
                told = paired(pd.Series(found), pd.Series(played))
                mean, low, high = told["mean"], told["low"], told["high"]
                row = {"strategy": strategy, "switch": switch, "points": kind, "seeds": SEEDS, "labels": LABELS, "accuracy": found.mean()}
                rows.append({**row, "difference": mean, "low": low, "high": high})
                name = f"{strategy_named(strategy).title}, {switch or 'as played'}, {kind}"
                print(f"{name}: {found.mean():.3f}, {mean:+.3f} ({low:+.3f} to {high:+.3f})", flush=True)
    with MEASURED.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# python -m benchmarks switches: {SEEDS} seeds, {LABELS} labels asked for one by one, mean accuracy over them\n")
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **{name: f"{row[name]:.4f}" for name in COLUMNS[5:]}} for row in rows)
    return rows


def _mean_accuracy(strategy: str, params: dict[str, object], kind: str, seed: int) -> float:
    """Of the task model on all points, over LABELS labels asked for one by one from Board's start."""
    board = Board.of({"kind": kind, "points_seed": seed, "seed": seed})
    right = []
    for _ in range(LABELS + 1):
        found = record(strategy, board.what, np.array(board.labeled), n=1, params=params, seed=seed)
        right.append(found.accuracy)
        board = dataclasses.replace(board, labeled=tuple(sorted({*board.labeled, int(found.query[0])})))
    return float(np.mean(right[1:]))
