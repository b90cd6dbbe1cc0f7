"""One run of an experiment: a strategy and a seed, a chain of rounds in which the oracle answers every query. Resumable at any step."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alcore.errors import BadInput
from alcore.pool import Pool
from alcore.rounds import Seeds, Turn, turn
from alcore.simulation.environment import environment
from alcore.simulation.experiment import METRIC, initial, round_seeds
from alcore.simulation.oracle import Data
from alcore.simulation.records import ids_hash, locked, read_json, record_path, run_folder, write_whole
from alcore.strategies import strategy_named
from alcore.strategies.base import Strategy
from alcore.training import pick_device
from alcore.types import Progress, Report, TrainParams, make_params

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Run:
    """All that a process of its own needs to make a run; every value is JSON or a path."""

    out: Path
    text: str
    strategy: str
    params: Mapping[str, Any]
    train: Mapping[str, Any]
    seed: int
    rounds: int
    init: int
    query_size: int
    thin: tuple[float, ...]
    device: str
    config_hash: str

    @property
    def title(self) -> str:
        return f"{self.text}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        return run_folder(self.out, self.text, self.seed)

    def finished(self) -> int:
        """How many of its rounds have a record."""
        return sum(record_path(self.folder, number).is_file() for number in range(1, self.rounds + 1))


def perform(run: Run, report: Report, finished: Callable[[int], None]) -> None:
    """Makes the rounds that are missing; `finished` is called with each one's number once its record is written.

    A round that was begun goes on from its checkpoint and gives the record it would have given.
    """
    if run.finished() == run.rounds:
        return
    data = Data.load(run.out / "data", run.thin)
    pixels = data.pixels()
    labeled = initial(data.pool, run.init, run.seed)
    with locked(run.folder / ".lock", wait=True):  # a killed experiment's worker may need a moment to notice
        for number in range(1, run.rounds + 1):
            path = record_path(run.folder, number)
            if path.is_file():
                queried = _queried(path, run, labeled)
            else:
                queried = _round(run, number, data, labeled, pixels, _named(report, number))
                finished(number)
            labeled = np.union1d(labeled, queried)


def _named(report: Report, number: int) -> Report:
    """Progress that says which round it is of."""

    def told(progress: Progress) -> None:
        words = f": {progress.message}" if progress.message else ""
        report(dataclasses.replace(progress, message=f"round {number}: {progress.stage}{words}"))

    return told


def _queried(path: Path, run: Run, labeled: np.ndarray) -> np.ndarray:
    record = read_json(path)
    if record["config_hash"] != run.config_hash or record["labeled"]["hash"] != ids_hash(labeled):
        raise BadInput(f"{path} was made in another way than this run: delete {path.parent} to make it again, or use another --out")
    return np.array(record["query"]["ids"], np.int64)


def _round(run: Run, number: int, data: Data, labeled: np.ndarray, pixels: Any, report: Report) -> np.ndarray:
    """One round: train, test, score, choose; its record is written and the queried ids are returned."""
    pool = data.round_pool(labeled)
    seeds, device = round_seeds(run.seed, number), pick_device(run.device)
    params = make_params(strategy_named(run.strategy).Params, run.params, f"strategy {run.text}")
    train = make_params(TrainParams, run.train, "training")
    work = run.folder / f"work-{number:03d}"
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    done = turn(run.strategy, params, train, pool, data.classes, pixels, run.query_size, seeds, device, report, work=work)
    if not train.score_sample and not np.array_equal(np.sort(done.scores.ids), pool.unlabeled):
        raise RuntimeError(f"{len(done.scores.ids)} of {len(pool.unlabeled)} unlabeled images were scored")
    record = _record(run, number, data, pool, seeds, device, done)
    if (work / "history.csv").is_file():
        os.replace(work / "history.csv", run.folder / f"losses-{number:03d}.csv")
    write_whole(record_path(run.folder, number), [json.dumps(record, allow_nan=False)])
    shutil.rmtree(work, ignore_errors=True)
    return done.scores.selected


def _record(run: Run, number: int, data: Data, pool: Pool, seeds: Seeds, device: torch.device, done: Turn) -> dict[str, Any]:
    """Everything methods.md part 4 asks to be kept of a round; `row` is its line of results.csv."""
    scores, train = done.scores, done.train
    everything = {**scores.parts, "total": scores.total}
    place = {int(i): at for at, i in enumerate(scores.ids)}
    chosen = np.array([place[int(i)] for i in scores.selected], np.int64)
    init = initial(data.pool, run.init, run.seed)
    kind = strategy_named(run.strategy)
    shown = "as in training" if done.strategy.augmented_scoring else "none"
    row = {
        "strategy": run.text,
        "seed": run.seed,
        "round": number,
        "labeled": len(pool.labeled),
        "metric": METRIC,
        "value": done.metrics[METRIC],
        **{f"{name}_seconds": done.seconds[name] for name in ("train", "score", "select", "evaluate")},
        "steps": done.steps,
        "device": str(device),
        "init_hash": ids_hash(init),
        "query_hash": ids_hash(scores.selected),
        **{name: done.metrics[name] for name in ("balanced_accuracy", "loss")},
        **{f"fitted_{name}": done.fitted[name] for name in ("accuracy", "loss")},
        "batch_size": train.batch_size,
    }
    return {
        "row": row,
        "config_hash": run.config_hash,
        "environment": environment(device),
        "seeds": {"run": run.seed, **dataclasses.asdict(seeds)},
        "labeled": {"ids": pool.labeled.tolist(), "hash": ids_hash(pool.labeled), "histogram": _histogram(pool.targets, data.classes)},
        "query": {
            "ids": scores.selected.tolist(),
            "scores": {name: values[chosen].tolist() for name, values in everything.items()},
        },
        "query_histogram": _histogram(data.truth(scores.selected), data.classes),
        "score_quantiles": {name: dict(zip(map(str, QUANTILES), _quantiles(values), strict=True)) for name, values in everything.items()},
        "scoring": {"scored": len(scores.ids), "unlabeled": len(pool.unlabeled), "mode": "eval", "transforms": shown, "precision": "fp32"},
        "train": dataclasses.asdict(train),
        "params": dict(run.params),
        "stages": _stages(done.strategy, train),
        "steps": done.steps,
        "samples": done.steps * train.batch_size,
        "optimizers": _optimizers(done.strategy),
        "seconds": dict(done.seconds),
        "memory": _memory(device),
        "parameters": {
            "all": sum(p.numel() for p in done.strategy.parameters()),
            "task_model": sum(p.numel() for net in (done.strategy.backbone, done.strategy.head) for p in net.parameters()),
        },
        "metrics": dict(done.metrics),
        "metrics_at": "last step",
        "validation": "none",
        "test_size": len(pool.test),
        "fitted": dict(done.fitted),
        "reinitialized": True,
        "unlabeled_touched_task_model": kind.semi_supervised(done.strategy.params),
    }


def _histogram(targets: np.ndarray, classes: int) -> list[int]:
    return np.bincount(targets, minlength=classes).tolist()


def _quantiles(values: np.ndarray) -> list[float]:
    return np.quantile(values, QUANTILES).tolist()


def _optimizers(strategy: Strategy) -> dict[str, Any]:
    """Class and settings of each; `initial_lr` is the rate the schedule multiplies."""
    return {
        name: {
            "class": type(optimizer).__name__,
            "groups": [{k: v for k, v in g.items() if isinstance(v, int | float | str | bool | tuple)} for g in optimizer.param_groups],
        }
        for name, optimizer in strategy.optimizers.items()
    }


def _stages(strategy: Strategy, train: TrainParams) -> list[dict[str, Any]]:
    """The stretches of training and what the base rates were multiplied by; None where a stage has a rule of its own."""
    run_rule = {"warmup": train.warmup, "decay": train.decay, "at": [0.3, 0.6, 0.8]}
    return [{"name": s.name, "steps": s.steps, "rate": None if s.rate else run_rule} for s in strategy.stages(train.steps)]


def _memory(device: torch.device) -> dict[str, int | None]:
    """Peaks in bytes: of the device during this round, of the process since it began."""
    peak = None
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"device": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None, "process": peak}
