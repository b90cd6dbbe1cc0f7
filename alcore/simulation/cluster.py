"""Runs spread over the machines of a cluster by Ray, an optional package. What a run made lies in the experiment's folder, which all share.

A task is a run. One whose process or machine is lost is given to another, which goes on from the checkpoint in the folder; when whoever
asked for it all is lost, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alcore.cluster.dealing import LOOK_EVERY, TRIES
from alcore.cluster.dealing import told as answered
from alcore.cluster.joining import joined
from alcore.errors import AlcoreError
from alcore.progress import Progress, ignore_progress
from alcore.simulation.runs import Run, perform
from alcore.simulation.workers import Failure, Finished, Told

if TYPE_CHECKING:
    from types import ModuleType


def perform_on_ray(runs: Sequence[Run], workers: int, told: Told, finished: Finished) -> list[Failure]:
    """Makes all runs on the cluster of RAY_ADDRESS, that of this machine, or one that is started here and ended.

    Args:
        workers: runs that share one GPU; a run on CPUs takes one core.

    What `told` or `finished` raises stops everything; whatever is not finished goes on from its checkpoint when it is asked for again.
    """
    with joined() as ray:
        tasks = _Tasks(ray, runs, workers)
        try:
            return tasks.work(told, finished)
        finally:
            tasks.end()  # they are not to write beside those of the next time


class _Tasks:
    """A task for each run, and what was told of its rounds."""

    def __init__(self, ray: ModuleType, runs: Sequence[Run], workers: int) -> None:
        self.ray = ray
        needs = {"num_gpus": 1 / workers, "num_cpus": 1} if runs and runs[0].device.startswith("cuda") else {"num_cpus": 1}
        task = ray.remote(max_retries=TRIES, **needs)(made)
        self.waiting = {task.remote(run): run for run in runs}
        self.counted = {id(run): run.finished() for run in runs}

    def work(self, told: Told, finished: Finished) -> list[Failure]:
        failures = []
        while self.waiting:
            ready, _ = self.ray.wait(list(self.waiting), timeout=LOOK_EVERY)
            for run in self.waiting.values():
                self._count(run, told, finished)
            for ref in ready:
                run = self.waiting.pop(ref)
                if failure := self._ended(ref, run):
                    failures.append(failure)
        return failures

    def end(self) -> None:
        """Ends what has not been made."""
        for ref in self.waiting:
            self.ray.cancel(ref, force=True)

    def _count(self, run: Run, told: Told, finished: Finished) -> None:
        """Tells of the rounds whose records are there now."""
        while self.counted[id(run)] < run.finished():
            self.counted[id(run)] += 1
            finished(run, self.counted[id(run)])
        told(run, Progress("simulating", 0, 0, message=f"{len(self.waiting)} runs on the cluster"))

    def _ended(self, ref: Any, run: Run) -> Failure | None:
        try:
            kind, value = self.ray.get(ref)
        except self.ray.exceptions.RayError as lost:
            why = str(lost).strip().splitlines()[0]
            said = f"its process was lost {TRIES + 1} times ({why}), perhaps because memory ran out. The same command goes on."
            return Failure(run, AlcoreError(said))
        if kind == "refused":
            return Failure(run, AlcoreError(value))
        return Failure(run, RuntimeError(value[0]), value[1]) if kind == "broken" else None


def made(run: Run) -> tuple[str, Any]:
    """Makes a run in a process of the cluster: `done`, `refused` with a sentence, or `broken` with the bug and its traceback."""
    return answered(_made, _on_its_gpu(run) if run.device.startswith("cuda") else run)


def _made(run: Run) -> None:
    perform(run, ignore_progress, lambda number: None)


def _on_its_gpu(run: Run) -> Run:
    """Ray shows a process the GPU that it gave to it alone, as the first."""
    return replace(run, device="cuda:0")
