"""The kinds of background job: imports, imports again, features and rounds, from a job's JSON arguments. Knows no thread and no page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alcore.errors import disk_full_told
from alcore.files import at_work
from alcore.importing.request import ImportRequest
from alcore.jobs.contract import JobKind
from alcore.jobs.runner import JobRunner
from alcore.params import TrainParams
from alcore.progress import Report, ignore_progress
from alcore.project import creation, loop
from alcore.project.features import Features, suits
from alcore.project.place import Place
from alcore.project.stored import Stored, stored
from alcore.training.devices import pick_device
from alcore.training.turn import Order
from alcore.types import Job

IMPORTS = ("import", "refresh")  # the kinds that read a source
DISK = "disk"  # their device: two of them would only wait for each other
READING = "features"  # the device of features: made beside the rounds that take what there is of them


def submit_import(runner: JobRunner, name: str, options: Mapping[str, Any]) -> Job:
    """Imports a source as a new project, in the background.

    Args:
        options: `source` and those of ImportRequest, as JSON takes them.
    """
    return runner.submit("import", name, f"Importing {name}", options, DISK)


def submit_refresh(runner: JobRunner, of: Stored, levels: tuple[float, float] | None = None) -> Job:
    """Imports a project's source again, in the background; see creation.refresh."""
    arguments = {"levels": list(levels)} if levels else {}
    return runner.submit("refresh", of.name, f"Reading {of.source.name} again", arguments, DISK)


def submit_features(runner: JobRunner, of: Stored, extractor: str = TrainParams.extractor, device: str = "auto") -> Job:
    """Makes what is missing of a project's features, in the background; labels and rounds do not wait for it. BadInput when there is no
    such extractor."""
    return runner.submit("features", of.name, *_features(of, extractor, device), READING)


def make_features(
    runner: JobRunner, of: Stored, extractor: str = TrainParams.extractor, device: str = "auto", report: Report = ignore_progress
) -> Mapping[str, Any]:
    """The same here and now; what the job tells at its end (features.Features.complete)."""
    title, arguments = _features(of, extractor, device)
    return runner.run_now("features", of.name, title, arguments, device=READING, report=report).result or {}


def _features(of: Stored, extractor: str, device: str) -> tuple[str, dict[str, Any]]:
    """The title and the arguments of a job, which are checked first."""
    found = Features(of, extractor).extractor
    return f"Reading the images of {of.name} with {found.name}", {"extractor": extractor, "device": str(pick_device(device))}


def begin_features(runner: JobRunner, of: Stored) -> Job | None:
    """Begins to make the features of a project of photos by itself; None for others, and where they are being made."""
    if not suits(of) or any(job.kind == "features" and not job.over for job in of.place.job_rows.jobs(of.name)):
        return None
    return submit_features(runner, of)


def kinds(place: Place, follow: Callable[[Stored], object] = lambda of: None) -> dict[str, JobKind]:
    """name -> what runs it.

    Args:
        follow: called with the project when an import is done, to begin what comes next by itself.
    """

    def import_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        options = dict(job.arguments)
        if options.pop("again", False):  # queued by a version before 0.6
            return refresh_job(job, report)
        source = Path(options.pop("source"))
        creation.import_into(place, job.project, ImportRequest.of(source, options), report)
        follow(of := stored(place, job.project))
        return creation.summary(of)

    def refresh_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        told = creation.refresh(of := stored(place, job.project), report, job.arguments.get("levels"))
        follow(of)
        return told

    def round_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        of = stored(place, job.project)
        with at_work(of.folder), disk_full_told(of.folder, "the round"):  # its checkpoint, its frozen pool, its losses
            done = loop.perform_round(of, Order.read(job.arguments), of.job_folder(job.id), report)
        return {
            "round": done.number,
            "metrics": dict(done.metrics),
            "seconds": dict(done.seconds),
            "labeled": done.labeled,
            "query": len(done.query),
        }

    def features_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        found = Features(stored(place, job.project), job.arguments["extractor"])
        told = found.complete(job.arguments["device"], report)
        found.map(report)
        return told

    return {"import": import_job, "refresh": refresh_job, "round": round_job, "features": features_job}
