"""An experiment's files: a record a finished round, tables and a report made from all of them. Each appears whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alcore.errors import BadInput, disk_full_told
from alcore.files import hold
from alcore.simulation.comparison import compare
from alcore.simulation.report import render

COLUMNS = (
    *("dataset", "task", "strategy", "seed", "round", "labeled", "metric", "value", "train_seconds", "score_seconds", "select_seconds"),
    *("steps", "device", "init_hash", "query_hash"),
    *("evaluate_seconds", "balanced_accuracy", "loss", "fitted_accuracy", "fitted_loss", "batch_size"),
    *("pixel_accuracy", "fitted_mean_iou", "pixels", "clicks"),  # of masks
)
SPARE = 20  # tables are written again once this many times as long as writing them takes has passed


def ids_hash(ids: np.ndarray) -> str:
    """Names a set of ids, whatever their order."""
    return hashlib.blake2b(np.sort(ids).astype("<i8").tobytes(), digest_size=8).hexdigest()


def write_whole(path: Path, parts: Iterable[str]) -> None:
    """Writes beside `path` and renames, so that a reader sees the old file or the new one. Beside it always under the same name, unlike
    files.written_whole: nobody collects what a killed simulation left, and the next one writes over it."""
    part = path.with_name(f".{path.name}.part")
    with disk_full_told(path.parent, path.name):
        with part.open("w", encoding="utf-8", newline="") as file:
            for text in parts:
                file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)


def read_json(path: Path) -> dict[str, Any]:
    """An object this module wrote.

    Raises:
        BadInput: the file was damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError):
        raise BadInput(f"{path} is damaged: delete it, and the same command makes it again") from None
    return dict(found)


def run_folder(out: Path, strategy: str, seed: int) -> Path:
    """Where a run's records lie. Texts that differ have folders that differ."""
    slug = re.sub(r"[^a-z0-9._=-]+", "-", strategy.lower())[:80]
    if slug != strategy:
        slug += "-" + hashlib.blake2b(strategy.encode(), digest_size=4).hexdigest()
    return out / "runs" / f"{slug}-s{seed}"


def record_path(folder: Path, number: int) -> Path:
    return folder / f"round-{number:03d}.json"


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Holds `path` against other processes; the system lets go of it when this one ends, however it ends.

    Raises:
        BadInput: another process holds it and `wait` is False.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        if hold(file, wait=wait) is False:
            file.seek(0)
            raise BadInput(
                f"{path.parent} is in use by process {file.read().strip() or 'unknown'}: wait until it ends, stop it, or use another --out"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class Tables:
    """results.csv, queries.jsonl, summary.json and report.html, made from the records of the rounds that are finished."""

    def __init__(self, out: Path, config: Mapping[str, Any]) -> None:
        self.out, self.config = out, config
        self._rows: dict[Path, dict[str, Any]] = {}
        self._written, self._took = 0.0, 0.0

    def paths(self) -> list[Path]:
        """The records there are, in the order of strategies, seeds and rounds."""
        folders = (run_folder(self.out, text, seed) for text in self.config["strategies"] for seed in self.config["seeds"])
        candidates = (record_path(folder, number) for folder in folders for number in range(1, self.config["rounds"] + 1))
        return [path for path in candidates if path in self._rows or path.is_file()]

    def frame(self) -> pd.DataFrame:
        """results.csv."""
        paths = self.paths()
        for path in paths:
            if path not in self._rows:
                self._rows[path] = read_json(path)["row"]
        rows = [{"dataset": self.config["dataset"], "task": self.config["task"], **self._rows[path]} for path in paths]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def write(self, *, now: bool) -> pd.DataFrame | None:
        """Writes all four. Not `now` leaves them when that would take more than a small share of the time."""
        started = time.monotonic()
        if not now and started - self._written < SPARE * self._took:
            return None
        frame = self.frame()
        config = self.config
        planned = len(config["strategies"]) * len(config["seeds"]) * config["rounds"]
        summary = compare(frame, config["semi_supervised"]) | {"finished": len(frame), "planned": planned}
        summary["notes"] += _made_differently(frame)
        with disk_full_told(self.out, "results.csv"):
            write_whole(self.out / "results.csv", [frame.to_csv(index=False)])
            write_whole(self.out / "queries.jsonl", (_query_line(path) for path in self.paths()))
            write_whole(self.out / "summary.json", [json.dumps(summary, indent=1, allow_nan=False)])
            write_whole(self.out / "report.html", [render(summary, config)])
        self._written = time.monotonic()
        self._took = self._written - started
        return frame


def _query_line(path: Path) -> str:
    record = read_json(path)
    query = {name: record["row"][name] for name in ("strategy", "seed", "round")} | record["query"]
    return json.dumps(query, allow_nan=False) + "\n"


def _made_differently(frame: pd.DataFrame) -> list[str]:
    """What the rounds do not share although the configuration is one."""
    notes = []
    devices = list(frame["device"].unique())
    if len(devices) > 1:
        notes.append(f"the rounds were made on different devices ({', '.join(devices)}): the same seed gives other numbers there")
    if frame["batch_size"].nunique() > 1:
        notes.append("memory ran out in some rounds, which were trained with smaller batches: see batch_size in results.csv")
    return notes
