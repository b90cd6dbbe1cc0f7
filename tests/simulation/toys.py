"""What a small experiment is asked, and what it recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from alcore.simulation.records import run_folder

TIMES = ["train_seconds", "score_seconds", "select_seconds", "evaluate_seconds"]


def but_times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=TIMES).reset_index(drop=True)


def records(out: Path, strategy: str, seed: int) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(run_folder(out, strategy, seed).glob("round-*.json"))]
