"""How long a job says that it still takes, at 10, 25, 50 and 75 % of its time and before it starts, beside what it took: on the digits."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

from alcore.importing.samples import bundled_digits
from alcore.measures.layout import warm_up
from alcore.progress import Progress, Report
from alcore.project import loop
from alcore.project.facade import Workspace
from alcore.types import Job
from benchmarks.server import folder

AT = (0.1, 0.25, 0.5, 0.75)
ROUNDS = ("random", "mcdal", "mal", "random", "mal")  # the last two know from the first how long their stages take
EVERY = 0.05
PARTS = {"train": "train", "test": "evaluate", "score": "score", "select": "select", "map": "map"}  # of a forecast, of a round


def run() -> dict[str, Any]:
    warm_up().join()  # as the app does when it starts
    with folder() as home:
        workspace = Workspace(home)
        jobs = {"import": _watched(workspace, "import", "digits", {"source": str(bundled_digits())}, "disk")}
        project = workspace.project("digits")
        project.label_from_truth(50, seed=0)
        for number, strategy in enumerate(ROUNDS):
            order = loop.ordered(project, strategy, 50, 0, "cpu")
            name = f"{strategy}{', again' if strategy in ROUNDS[:number] else ''}"
            told = workspace.forecasts.forecast(project, order)
            jobs[name] = _watched(workspace, "round", "digits", order.arguments(), "cpu")
            took = project.round().seconds
            jobs[name]["forecast"] = {part: [told.seconds[part], took[stored]] for part, stored in PARTS.items()}
            jobs[name] |= {"forecast total": told.total, "forecast from": told.how}
        workspace.close()
    print(f"  {'':16s}{'seconds':>9s}" + "".join(f"{f'at {at:.0%}':>18s}" for at in AT))
    for name, job in jobs.items():
        cells = (f"{_seconds(job['said'][at])} of {job['left'][at]:.1f}" for at in map(str, AT))
        print(f"  {name:16s}{job['seconds']:9.1f}" + "".join(f"{cell:>18s}" for cell in cells))
    print(f"  {'before the start':16s}{'forecast':>9s}{'took':>9s}")
    for name, job in jobs.items():
        if "forecast" in job:
            parts = ", ".join(f"{part} {said:.1f} of {took:.1f}" for part, (said, took) in job["forecast"].items())
            print(f"  {name:16s}{job['forecast total']:9.1f}{job['seconds']:9.1f}  {parts} ({job['forecast from']})")
    return jobs


def _seconds(said: float | None) -> str:
    return "?" if said is None else f"{said:.1f}"


def _watched(workspace: Workspace, kind: str, name: str, arguments: dict[str, Any], device: str) -> dict[str, Any]:
    """A job with what it said and how much was done, looked at while it ran."""
    runner = workspace.runner
    seen: list[tuple[float, float | None, float]] = []
    started = time.perf_counter()

    def watch(job: Job, report: Report) -> Any:
        def told(progress: Progress) -> None:
            report(progress)
            now = time.perf_counter() - started
            if not seen or now - seen[-1][0] >= EVERY:
                seen.append((now, runner.eta_seconds(job), runner.fraction(job) or 0.0))

        return honest(job, told)

    honest = runner._kinds[kind]
    runner._kinds = {**runner._kinds, kind: watch}
    title = arguments["strategy"] if kind == "round" else Path(arguments["source"]).name
    runner.run_now(kind, name, title, arguments, device=device)
    runner._kinds = {**runner._kinds, kind: honest}
    took = time.perf_counter() - started
    said, left, done = {}, {}, {}
    for at in AT:
        when, eta, fraction = min(seen, key=lambda look: abs(look[0] - at * took))
        said[str(at)], left[str(at)], done[str(at)] = eta, took - when, fraction
    falls = sum(later[2] < earlier[2] for earlier, later in itertools.pairwise(seen))
    stages = workspace.job_rows.jobs(name)[0].stages
    return {"seconds": took, "stages": dict(stages), "said": said, "left": left, "fraction": done, "fraction fell": falls}
