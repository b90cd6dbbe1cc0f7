"""The kinds of background job: imports (again), features, rounds, guesses, simulations, archives, from a job's JSON arguments. Knows no
thread and no page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alcore.cluster.joining import check as check_spread
from alcore.errors import BadInput, disk_full_told
from alcore.files import at_work
from alcore.importing.request import ImportRequest
from alcore.jobs.contract import JobKind
from alcore.jobs.runner import JobRunner
from alcore.params import TrainParams
from alcore.progress import Report, ignore_progress
from alcore.project import confined, creation, loop, predictions, proposals, remote
from alcore.project.apart import run_verb
from alcore.project.features import Features, suits
from alcore.project.place import Place
from alcore.project.stored import Stored, stored
from alcore.training.devices import pick_device
from alcore.training.turn import Order
from alcore.types import Job, Round
from alcore.uploads import fetching, tables
from alcore.uploads.reach import Reach
from alcore.uploads.roots import UPLOADS
from alcore.uploads.shelf import Shelf

IMPORTS = ("import", "refresh")  # the kinds that read a source
GUESSES = "guesses"  # the kind that looks at every image with a model
COMPARISON = "comparison"  # the kind that finds what each method would ask for
COMPARING = "comparison"  # its device: seconds of work, which need not wait for a round
SIMULATION = "simulation"  # the kind that runs an experiment in a process of its own
SIMULATIONS = "simulations"  # the folder of the workspace in which they lie
UNPACK = "unpack"  # the kind that opens the archives of an upload
FETCH = "fetch"  # the kind that gets what lies at an address
DISK = "disk"  # their device: two of them would only wait for each other
ARRIVING = "uploads"  # the device of archives: somebody waits for one, whatever is imported or fetched meanwhile
FETCHES = "fetches"  # the device of what comes from addresses, one upload at a time
READING = "features"  # the device of features: made beside the rounds that take what there is of them


def submit_import(runner: JobRunner, place: Place, name: str, options: Mapping[str, Any]) -> Job:
    """Imports a source as a new project, in the background.

    Args:
        options: `source` and those of ImportRequest, as JSON takes them.

    Raises:
        BadInput: the source, or its table, lies where pages may not read.
    """
    confined.check_import(place, options)
    if options.get("metadata"):
        options = {**options, "metadata": str(tables.own(place.home, options["metadata"]))}
    return runner.submit("import", name, f"Importing {name}", options, DISK)


def submit_refresh(runner: JobRunner, of: Stored, levels: tuple[float, float] | None = None) -> Job:
    """Imports a project's source again, in the background; see creation.refresh."""
    arguments = {"levels": list(levels)} if levels else {}
    return runner.submit("refresh", of.name, f"Reading {of.source.name} again", arguments, DISK)


def submit_features(runner: JobRunner, of: Stored, extractor: str = TrainParams.extractor, device: str = "auto") -> Job:
    """Makes what is missing of a project's features, in the background; labels and rounds do not wait for it. BadInput when there is no
    such extractor, or none that pages may read."""
    confined.check_settings(of.place, {"extractor": extractor})
    return runner.submit("features", of.name, *_features(of, extractor, device), READING)


def make_features(
    runner: JobRunner,
    of: Stored,
    extractor: str = TrainParams.extractor,
    device: str = "auto",
    report: Report = ignore_progress,
    on: str = "",
    workers: int = 0,
) -> Mapping[str, Any]:
    """The same here and now; what the job tells at its end (features.Features.complete, which says what `on` and `workers` are)."""
    title, arguments = _features(of, extractor, device, on, workers)
    return runner.run_now("features", of.name, title, arguments, device=READING, report=report).result or {}


def _features(of: Stored, extractor: str, device: str, on: str = "", workers: int = 0) -> tuple[str, dict[str, Any]]:
    """The title and the arguments of a job, which are checked first."""
    found = Features(of, extractor).extractor
    title = f"Reading the images of {of.name} with {found.name}"
    if check_spread(on):  # what devices there are the cluster says
        return f"{title} on a Ray cluster", {"extractor": extractor, "device": device, "on": on, "workers": workers}
    if workers:
        raise BadInput(f"--workers {workers} is about a cluster: add --on ray, or leave it out")
    return title, {"extractor": extractor, "device": str(pick_device(device))}


def begin_features(runner: JobRunner, of: Stored) -> Job | None:
    """Begins to make the features of a project of photos by itself; None for others, and where they are being made."""
    if not suits(of) or any(job.kind == "features" and not job.over for job in of.place.job_rows.jobs(of.name)):
        return None
    return submit_features(runner, of)


def submit_guesses(runner: JobRunner, of: Stored, round_: Round) -> Job:
    """Lets a round's model look at every image, in the background; what it says is remembered by this process."""
    return runner.submit(
        GUESSES, of.name, f"Guessing every image with round {round_.number}", {"round": round_.number}, str(pick_device("auto"))
    )


def submit_comparison(runner: JobRunner, of: Stored, size: int) -> Job:
    """Finds what each method would ask for by the newest look at the pool, in the background; see proposals.compare.

    Raises:
        AlcoreError: there is nothing to compare.
    """
    round_ = proposals.check(of, size)
    title = f"Comparing what methods would ask for by round {round_.number}"
    return runner.submit(COMPARISON, of.name, title, {"size": size}, COMPARING)


def simulation_of(name: str) -> str:
    """What stands in the place of a project for the jobs of a simulation: its folder in the workspace, which is no project's name."""
    return f"{SIMULATIONS}/{name}"


def submit_simulation(runner: JobRunner, place: Place, name: str, words: Sequence[str], asked: Mapping[str, Any], rounds: int) -> Job:
    """Runs `python -m alcore simulate WORDS` in the background, into the workspace's folder simulations/NAME. Submitted again, it does what
    is missing there.

    Args:
        words: the source and the options, but --out.
        asked: the same as who submits it wants to read it again.
        rounds: how many there are to be in all.

    Raises:
        BadInput: the name cannot be a folder's, or the words name a file that pages may not read.
    """
    confined.check_words(place, words)
    if not creation.NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot be a simulation's name: use up to 80 letters, digits, spaces, dots, dashes; begin with a letter or digit"
        )
    arguments = {"name": name, "words": list(words), "asked": dict(asked), "rounds": rounds}
    return runner.submit(SIMULATION, simulation_of(name), f"Simulation {name}", arguments, str(pick_device("auto")))


def unpacking_of(upload: str) -> str:
    """What stands in the place of a project for the job of an upload."""
    return f"{UPLOADS}/{upload}"


def submit_unpack(runner: JobRunner, upload: str) -> Job:
    """Unpacks the archives of an upload in the background; the job there is, where one has not ended."""
    for job in runner.jobs(unpacking_of(upload)):
        if not job.over:
            return job
    return runner.submit(UNPACK, unpacking_of(upload), f"Unpacking {upload}", {"upload": upload}, ARRIVING)


def submit_fetch(runner: JobRunner, place: Place, text: str) -> Job:
    """Fetches what lies at an address as an upload, in the background, as far as pages may; the job there is, where one has not ended.

    Raises:
        AlcoreError: it may not be fetched.
    """
    reach = Reach.of_pages(place.home)
    address = reach.check(text)
    if address.scheme != "s3":
        reach.machines(address)  # said at once, and looked at again when it is connected to
    name = fetching.begin(Shelf(place.home), text).name
    for job in runner.jobs(unpacking_of(name)):
        if not job.over:
            return job
    return runner.submit(FETCH, unpacking_of(name), f"Fetching {address.text[:120]}", {"upload": name}, FETCHES)


def fetch_now(runner: JobRunner, place: Place, text: str, report: Report = ignore_progress) -> Path:
    """The same here and now, for whoever works at this machine: from anywhere. What an import takes.

    Raises:
        AlcoreError: it cannot be fetched; what is here by then stays, and the next call goes on.
    """
    standing = fetching.begin(Shelf(place.home), text)
    title = f"Fetching {standing.address[:120]}"
    told = runner.run_now(
        FETCH, unpacking_of(standing.name), title, {"upload": standing.name, "all": True}, device=FETCHES, report=report
    ).result
    return Path((told or {})["source"])


def _nothing(of: Stored) -> None:
    pass


def kinds(
    place: Place, imported: Callable[[Stored], object] = _nothing, learned: Callable[[Stored], object] = _nothing
) -> dict[str, JobKind]:
    """name -> what runs it.

    Args:
        imported, learned: called with the project when an import, or a round, is done, to begin what comes next by itself.
    """

    def import_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        options = dict(job.arguments)
        if options.pop("again", False):  # queued by a version before 0.6
            return refresh_job(job, report)
        source = Path(options.pop("source"))
        creation.import_into(place, job.project, ImportRequest.of(source, options), report)
        tables.drop(place.home, options.get("metadata") or "")  # not before: a job that was broken off reads it when it is resumed
        imported(of := stored(place, job.project))
        return creation.summary(of)

    def refresh_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        of = stored(place, job.project)
        remote.bring_again(of, Reach.of_pages(place.home), report)
        told = creation.refresh(of, report, job.arguments.get("levels"))
        imported(of)
        return told

    def round_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        of = stored(place, job.project)
        with at_work(of.folder), disk_full_told(of.folder, "the round"):  # its checkpoint, its frozen pool, its losses
            done = loop.perform_round(of, Order.read(job.arguments), of.job_folder(job.id), report)
        learned(of)
        return {
            "round": done.number,
            "metrics": dict(done.metrics),
            "seconds": dict(done.seconds),
            "labeled": done.labeled,
            "query": len(done.query),
        }

    def features_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        found = Features(stored(place, job.project), job.arguments["extractor"])
        spread = {name: job.arguments[name] for name in ("on", "workers") if name in job.arguments}
        told = found.complete(job.arguments["device"], report, again=True, **spread)
        _, group = found.groups(report)
        found.map(report)
        return {**told, "near_duplicates": len(group) - len(set(group.tolist()))}

    def guesses_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        of = stored(place, job.project)
        ids, _ = predictions.logits(of, of.round(job.arguments["round"]), report=report)
        return {"images": len(ids)}

    def comparison_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        return proposals.compare(stored(place, job.project), int(job.arguments["size"]), report)

    def simulation_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        run_verb(["simulate", *job.arguments["words"], "--out", str(place.home / job.project)], report)
        return {"rounds": job.arguments["rounds"]}

    def unpack_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        done = Shelf(place.home).unpack(job.arguments["upload"], report)
        return {"source": done.source, "notes": list(done.notes)}

    def fetch_job(job: Job, report: Report, /) -> Mapping[str, Any]:
        reach = Reach(all_=True) if job.arguments.get("all") else Reach.of_pages(place.home)
        done = fetching.fetch(Shelf(place.home), job.arguments["upload"], reach, report)
        return {"source": done.source, "notes": list(done.notes)}

    return {
        "import": import_job,
        "refresh": refresh_job,
        "round": round_job,
        "features": features_job,
        GUESSES: guesses_job,
        COMPARISON: comparison_job,
        SIMULATION: simulation_job,
        UNPACK: unpack_job,
        FETCH: fetch_job,
    }
