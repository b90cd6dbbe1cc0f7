"""One run of an experiment: a strategy and a seed, a chain of rounds in which the oracle answers every query. Resumable at any step."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alcore.errors import AlcoreError, BadInput
from alcore.nets.tasks import FEATURES, TASKS
from alcore.params import TrainParams, milestones
from alcore.pixels.masks import from_rle, to_rle
from alcore.progress import Progress, Report
from alcore.simulation import vectors
from alcore.simulation.environment import environment
from alcore.simulation.experiment import initial, round_seeds
from alcore.simulation.oracle import Data
from alcore.simulation.records import ids_hash, locked, read_json, record_path, run_folder, write_whole
from alcore.strategies import code_of, look, strategy_named
from alcore.strategies.base import Strategy
from alcore.training.devices import pick_device
from alcore.training.pool import Pool
from alcore.training.turn import Material, Order, Seeds, Turn, turn
from alcore.types import FRAMES

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
    file: str = ""  # of a strategy that is not the library's, and what names its content
    code: str = ""

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
    if run.file:
        look(Path(run.file).parent, named=True)  # whoever made the run could read it: a process of its own must be able to
    data = Data.load(run.out / "data", run.thin)
    if run.train["architecture"] == FEATURES:
        data, pixels = vectors.seen(data, run.train["extractor"])
    else:
        pixels = data.pixels()
    known = Answered(initial(data.pool, run.init, run.seed))
    with locked(run.folder / ".lock", wait=True):  # a killed experiment's worker may need a moment to notice
        for number in range(1, run.rounds + 1):
            path = record_path(run.folder, number)
            if path.is_file():
                record = _made_before(path, run, known)
            else:
                _check_code(run)
                record = _round(run, number, data, known, pixels, _named(report, number))
                finished(number)
            known = known.and_answers(record["query"], pixels.shape[1])


@dataclass(frozen=True)
class Answered:
    """What the oracle has answered: whole images, and parts of others when regions are asked for.

    Attributes:
        labeled: ids, ascending.
        asked: id -> bool (side, side).
        regions: how many.
    """

    labeled: np.ndarray
    asked: Mapping[int, np.ndarray] = field(default_factory=dict)
    regions: int = 0

    @property
    def hash(self) -> str:
        """Names all images with an answer."""
        return ids_hash(np.union1d(self.labeled, np.array(list(self.asked), np.int64)))

    def and_answers(self, query: Mapping[str, Any], side: int) -> Answered:
        """The same after a record's query was answered."""
        if "regions" not in query:
            return replace(self, labeled=np.union1d(self.labeled, np.array(query["ids"], np.int64)))
        asked, count = dict(self.asked), 0
        for text, regions in query["regions"].items():
            parts = [from_rle(runs, side, side) for runs in regions]
            before = [asked[int(text)]] if int(text) in asked else []
            asked[int(text)], count = np.logical_or.reduce([*before, *parts]), count + len(parts)
        return replace(self, asked=asked, regions=self.regions + count)


def _check_code(run: Run) -> None:
    """Raises AlcoreError when a strategy of one's own is not what it was when the experiment began: its rounds would be of two methods."""
    strategy_named(run.strategy)
    if code_of(run.strategy) != run.code:
        raise AlcoreError(f"{run.file} has changed since the experiment began: use another --out, or put back what it was")


def _named(report: Report, number: int) -> Report:
    """Progress that says which round it is of."""

    def told(progress: Progress) -> None:
        words = f": {progress.message}" if progress.message else ""
        report(dataclasses.replace(progress, message=f"round {number}: {progress.stage}{words}"))

    return told


def _made_before(path: Path, run: Run, known: Answered) -> dict[str, Any]:
    record = read_json(path)
    if record["config_hash"] != run.config_hash or record["labeled"]["hash"] != known.hash:
        raise BadInput(f"{path} was made in another way than this run: delete {path.parent} to make it again, or use another --out")
    return record


def _round(run: Run, number: int, data: Data, known: Answered, pixels: Any, report: Report) -> dict[str, Any]:
    """One round: train, test, score, choose; its record is written and returned."""
    order = Order(run.strategy, run.query_size, run.seed, run.device, run.params, run.train, data.task)
    train, device, seeds = order.check()[1], pick_device(run.device), round_seeds(run.seed, number)
    by_regions = train.query_unit != FRAMES
    pool, dense = data.round_pool(known.labeled, known.asked if by_regions else None)
    work = run.folder / f"work-{number:03d}"
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    done = turn(order, Material(pool, data.classes, pixels, dense, known.asked), report, seeds=seeds, work=work)
    scored = np.union1d(pool.unlabeled, pool.partial) if by_regions else np.sort(pool.unlabeled)
    if not train.score_sample and not np.array_equal(np.sort(done.scores.ids), scored):
        raise RuntimeError(f"{len(done.scores.ids)} of {len(scored)} unlabeled images were scored")
    record = _record(run, number, data, pool, known, seeds, device, done)
    if (work / "history.csv").is_file():
        os.replace(work / "history.csv", run.folder / f"losses-{number:03d}.csv")
    write_whole(record_path(run.folder, number), [json.dumps(record, allow_nan=False)])
    shutil.rmtree(work, ignore_errors=True)
    return record


def _record(
    run: Run, number: int, data: Data, pool: Pool, known: Answered, seeds: Seeds, device: torch.device, done: Turn
) -> dict[str, Any]:
    """Everything methods.md part 4 asks to be kept of a round; `row` is its line of results.csv."""
    scores, train = done.scores, done.train
    everything = {**scores.parts, "total": scores.total}
    place = {int(i): at for at, i in enumerate(scores.ids)}
    chosen = np.array([place[int(i)] for i in scores.selected], np.int64)
    init = initial(data.pool, run.init, run.seed)
    kind = strategy_named(run.strategy)
    shown = "as in training" if done.strategy.augmented_scoring else "none"
    metric = TASKS[data.task].metric
    # of regions the budget counts: an image that was labeled as a whole is as many as it would be cut into
    budget = len(pool.labeled) if train.query_unit == FRAMES else len(known.labeled) * train.region_count + known.regions
    row: dict[str, Any] = {
        "strategy": run.text,
        "seed": run.seed,
        "round": number,
        "labeled": budget,
        "metric": metric,
        "value": done.metrics[metric],
        **{f"{name}_seconds": done.seconds[name] for name in ("train", "score", "select", "evaluate")},
        "steps": done.steps,
        "device": str(device),
        "init_hash": ids_hash(init),
        "query_hash": ids_hash(scores.selected),
        **{name: done.metrics[name] for name in ("balanced_accuracy", "pixel_accuracy", "loss") if name in done.metrics},
        **{f"fitted_{name}": done.fitted[name] for name in (metric, "loss")},
        **data.cost(known.labeled, known.asked),
        "batch_size": train.batch_size,
    }
    asked: dict[str, Any] = {str(i): [to_rle(region) for region in regions] for i, regions in scores.regions.items()}
    return {
        "row": row,
        "config_hash": run.config_hash,
        "environment": environment(device),
        "seeds": {"run": run.seed, **dataclasses.asdict(seeds)},
        "labeled": {"ids": pool.labeled.tolist(), "hash": known.hash, "histogram": data.seen_classes(known.labeled).tolist()},
        "query": {
            "ids": scores.selected.tolist(),
            "scores": {name: values[chosen].tolist() for name, values in everything.items()},
            **({"regions": asked} if train.query_unit != FRAMES else {}),
        },
        "query_histogram": data.seen_classes(scores.selected).tolist(),
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


def _quantiles(values: np.ndarray) -> list[float]:
    result: list[float] = np.quantile(values, QUANTILES).tolist()
    return result


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
    """The stretches of training and what the base rates were multiplied by, but for the constant ones; None where a stage has a rule of its
    own."""
    run_rule = {"warmup": train.warmup, "decay": train.decay, "at": list(milestones(train.milestones))}
    return [
        {"name": s.name, "steps": s.steps, "rate": None if s.rate else run_rule, "constant": sorted(s.constant)}
        for s in strategy.stages(train.steps)
    ]


def _memory(device: torch.device) -> dict[str, int | None]:
    """Peaks in bytes: of the device during this round, of the process since it began."""
    peak = None
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"device": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None, "process": peak}
