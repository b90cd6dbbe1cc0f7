"""The oracle experiment: strategies x seeds x rounds on one data set, resumable, with statistics and a report. Trains nothing itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from alcore.cluster.joining import check
from alcore.errors import AlcoreError, BadInput
from alcore.nets.tasks import FEATURES
from alcore.progress import Progress, Report, ignore_progress
from alcore.simulation import experiment, oracle, vectors
from alcore.simulation.asking import Asked
from alcore.simulation.cluster import perform_on_ray
from alcore.simulation.environment import environment
from alcore.simulation.experiment import Experiment
from alcore.simulation.oracle import Data
from alcore.simulation.records import Tables, locked, read_json, write_whole
from alcore.simulation.runs import Run
from alcore.simulation.workers import Failure, perform_all
from alcore.strategies import code_of, file_of
from alcore.training.devices import pick_device


def simulate(
    source: str | Path,
    strategies: Sequence[str] | None = None,
    *,
    init: float | None = None,
    query_size: float | None = None,
    rounds: int | None = None,
    seeds: Sequence[int] | None = None,
    out: str | Path,
    preset: str | None = None,
    settings: Sequence[str] = (),
    train: Mapping[str, Any] | None = None,
    device: str = "auto",
    workers: int = 1,
    image_size: int = 0,
    format: str = "auto",
    hold_out: float | None = None,
    thin: Sequence[float] | None = None,
    task: str = "auto",
    on: str = "",
    report: Report = ignore_progress,
) -> pd.DataFrame:
    """Which strategy would have been best: each labels a pool whose truth is known, with the same first labels for all.

    Called again with the same `out` it does only what is missing, and goes on with rounds that were begun; more strategies, seeds or
    rounds extend what is there.

    Args:
        source: labeled images in any known format.
        strategies: names or variants, such as "mcdal" and "mal:select_by=random+minimax=false".
        init, query_size: a number of images, or a share of the pool below 1.
        rounds: trainings a run, the first on the initial labels; the last one's query is recorded too.
        seeds: one run each for every strategy.
        out: folder for results.csv, queries.jsonl, config.json, summary.json, report.html, and the records they are made from.
        preset: name of a published protocol; arguments given here win over it.
        settings: "NAME=VALUE" for training, "STRATEGY.NAME=VALUE" for one strategy.
        train: training parameters by name; `settings` win.
        workers: processes that share the device.
        on: "ray" spreads the runs over a Ray cluster, whose machines all see `out`; workers is then how many share a GPU.
        hold_out, format, image_size, task: as in an import. thin: share of each class kept in the pool, for imbalanced ones.

    Returns:
        A row per strategy, seed and round, as results.csv: everything `out` holds.

    Raises:
        BadInput: something cannot be done as asked, before any training. AlcoreError: some runs failed; the others are complete.
    """
    asked = Asked(
        str(source), strategies, init, query_size, rounds, seeds, preset, settings, train or {}, device, workers, image_size, format,
        hold_out, thin, task, on,
    )  # fmt: skip
    plan = asked.plan(out)
    check(plan.on)  # said before anything is read
    with locked(plan.out / ".lock"):
        return _conducted(plan, report)


def _conducted(plan: Experiment, report: Report) -> pd.DataFrame:
    """The experiment inside its locked folder."""
    config, data = _configured(plan, report)
    device = pick_device(plan.device)
    config["environment"] = environment(device)
    write_whole(plan.out / "config.json", [json.dumps(config, indent=1, allow_nan=False)])
    trains = [experiment.train_of(config, variant.text) for variant in plan.variants]
    vectors.make(data, sorted({t["extractor"] for t in trains if t["architecture"] == FEATURES}), str(device), report)
    runs = [
        Run(
            out=plan.out.absolute(),
            text=variant.text,
            strategy=variant.strategy,
            params=variant.values,
            train=experiment.train_of(config, variant.text),
            seed=seed,
            rounds=plan.rounds,
            init=config["init"],
            query_size=config["query_size"],
            thin=data.thin,
            device=str(device),
            config_hash=experiment.config_hash(config, variant.text),
            file=str(file_of(variant.strategy) or ""),
            code=code_of(variant.strategy),
        )
        for variant in plan.variants
        for seed in plan.seeds
    ]
    tables = Tables(plan.out, config)
    total = len(runs) * plan.rounds
    done = sum(run.finished() for run in runs)

    def told(run: Run, progress: Progress) -> None:
        report(Progress("simulating", done, total, progress.values, f"{run.title}, {progress.message}"))

    def finished(run: Run, number: int) -> None:
        nonlocal done
        done += 1
        tables.write(now=False)
        report(Progress("simulating", done, total, message=f"{run.title}, round {number}: done"))

    try:
        left = [run for run in runs if run.finished() < run.rounds]
        failures = (perform_on_ray if plan.on == "ray" else perform_all)(left, plan.workers, told, finished)
    finally:
        frame = tables.write(now=True)
    _raise(failures, len(runs), plan.out)
    assert frame is not None
    return frame


def _configured(plan: Experiment, report: Report) -> tuple[dict[str, Any], Data]:
    """config.json as it will be, and the data; everything that depends on the data is checked here."""
    folder, request = plan.out / "data", plan.request()
    has_results = any(plan.out.glob("runs/*/round-*.json"))
    old = read_json(plan.out / "config.json") if has_results and (plan.out / "config.json").is_file() else None
    if has_results and old is None:
        raise BadInput(f"{plan.out} has results and no config.json: use another --out, or put the file back")
    if oracle.is_current(folder, request):
        data = Data.load(folder)
    elif old is None:
        data = oracle.prepare(request, folder, report)
    else:  # the source was moved, touched or changed: only its content tells
        beside = plan.out / "data.again"
        data = oracle.prepare(request, beside, report)
        if data.fingerprint == old["fingerprint"]:
            vectors.carry(folder, beside)
            shutil.rmtree(folder, ignore_errors=True)
            beside.rename(folder)
            data = Data.load(folder)
    data = Data.load(data.folder, plan.thin)
    try:
        data.check(plan.source)
        config = experiment.described(plan, data)
        merged = experiment.merged(config, old, plan.out)
        experiment.check_sizes(config, data)
        experiment.check_models(plan, config)
    finally:
        shutil.rmtree(plan.out / "data.again", ignore_errors=True)
    return merged, data


def _raise(failures: Sequence[Failure], runs: int, out: Path) -> None:
    if not failures:
        return
    words = f"{failures[0].run.title}: {str(failures[0].error).replace(f'{out}/', '')}"
    told = f"{len(failures)} of {runs} runs failed (the others are complete, the same command tries these again), the first is {words}"
    for f in failures:
        if not isinstance(f.error, AlcoreError):
            f.error.add_note(f"{told}\n{f.trace}")
            raise f.error
    raise AlcoreError(told)
