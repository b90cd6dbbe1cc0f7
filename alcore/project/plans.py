"""How long the stages of a job may take: as those of the last job of its kind did, as was forecast, else by a rule. Knows projects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from alcore.jobs.pace import Plan, Planned
from alcore.nets.tasks import FEATURES
from alcore.params import TrainParams
from alcore.project.features import left_to_do
from alcore.project.place import Place
from alcore.project.stored import Stored, stored
from alcore.strategies import strategy_named
from alcore.training.turn import Order
from alcore.types import Job

STEP = 0.025  # seconds of a supervised step where nothing was measured; only the proportions to it matter
PASS = 1 / 3  # of a step: its forward pass, which is what scoring an image takes
READ = 0.04  # seconds to read an image for its features, where nothing was measured
TELLING = 32  # images that must have been read for a pace
ADAPTED = 0.3  # of a step: one on features
MAP = 0.0004  # seconds a point of the map
IMPORT = (("reading the source", 0.2), ("looking at files", 0.2), ("reading images", 0.5), ("storing", 0.1))


Timed = Callable[[Stored, Order], Mapping[str, float]]


def untimed(project: Stored, order: Order) -> Mapping[str, float]:
    """Nothing is known of steps."""
    return {}


def plan(place: Place, job: Job, timed: Timed = untimed) -> Plan:
    """The plan of a job; an empty one where its stages tell nothing of the whole.

    Args:
        timed: what is known of a round's stages from steps that were timed; empty where none were.
    """
    if job.kind in ("import", "refresh"):
        read = "reading headings" if job.arguments.get("cache") == "stream" else "reading images"
        guessed = tuple(Planned(read if stage == "reading images" else stage, seconds) for stage, seconds in IMPORT)
        like: dict[str, Any] = {}
    elif job.kind == "features":
        return Plan((Planned("features", 0.95), Planned("neighbors", 0.01), Planned("layout", 0.04)))
    elif job.kind == "simulation":
        return Plan((Planned("simulating", 1.0),))  # rounds count: what is read before them is done in one of their times
    elif job.kind == "round":
        project, order = stored(place, job.project), Order.read(job.arguments)
        guessed = ruled(project, order)
        like = {name: job.arguments.get(name) for name in ("strategy", "params", "task")}
        like["train"] = _without_steps(job.arguments)
    else:
        return Plan()
    for earlier in place.job_rows.jobs(job.project, limit=100):
        same = earlier.kind == job.kind and earlier.device == job.device and earlier.stages
        if same and all(_told(earlier.arguments, name) == value for name, value in like.items()):
            return Plan(_measured(guessed, earlier.stages, _steps(job.arguments) / _steps(earlier.arguments)), measured=True)
    if job.kind == "round" and (seen := timed(project, order)):
        return Plan(_measured(guessed, seen), measured=True)
    return Plan(guessed)


def ruled(project: Stored, order: Order) -> tuple[Planned, ...]:
    """The stages of a round by the rule: in proportion, and as long as on a slow core with the small network."""
    params, train = order.check()
    has = project.counts()
    train = train.for_labels(has["labeled"])
    step = STEP * (ADAPTED if train.architecture == FEATURES else 1.0)
    passes = step * PASS / train.batch_size  # an image
    read, mapped = to_read(project, train, order.device)
    unlabeled, tested = has["splits"].get("pool", 0) - has["labeled"], has["splits"].get("test", has["splits"].get("val", 0))
    scored = min(unlabeled, train.score_sample or unlabeled)
    stages = strategy_named(order.strategy).costs(params)
    steps = [max(1, round(train.steps * share)) for _, share, _ in stages]
    training, done = [], 0
    for (name, _, cost), number in zip(stages, steps, strict=True):
        whole = f"training: {name}" if name else "training"
        training.append(Planned(whole, step * cost * number, begin=done / sum(steps), end=(done + number) / sum(steps)))
        done += number
    return (
        *((Planned("features", read, fixed=True),) if read else ()),
        *training,
        Planned("testing", passes * (tested + has["labeled"])),
        Planned("scoring", passes * scored),
        Planned("neighbors", MAP * (scored + has["labeled"]) / 4 * mapped, fixed=True),
        Planned("layout", MAP * (scored + has["labeled"]) * mapped, fixed=True),
    )


def to_read(project: Stored, train: TrainParams, device: str) -> tuple[float, bool]:
    """Seconds until all images have features for a round with these parameters, and whether a map is to be laid out.

    At the pace of the newest job here that read as many as tell, of this project or another one, else by the rule.
    """
    unread, mapped = left_to_do(project, train)
    if not unread:
        return 0.0, mapped
    rows = project.place.job_rows
    for job in (*rows.jobs(project.name, limit=100), *rows.jobs(limit=100)):
        told = job.result or {}
        same = job.kind == "features" and job.arguments.get("extractor") == train.extractor and job.arguments.get("device") == device
        looked_at = told.get("made", 0) - told.get("known", 0)
        if same and looked_at >= TELLING and told["images_per_second"] > 0:
            return unread * told["made"] / (told["images_per_second"] * looked_at), mapped
    return READ * unread, mapped


def _measured(guessed: tuple[Planned, ...], seen: Mapping[str, float], steps: float = 1.0) -> tuple[Planned, ...]:
    """The same stages with the seconds that those of a job were `seen` to take, which took 1/`steps` as many steps."""
    result = []
    for planned in guessed:
        names = [name for name in seen if name == planned.stage or name.startswith(f"{planned.stage}:")]
        seconds = sum(seen[name] for name in names) * (steps if planned.stage.startswith("training") else 1.0)
        result.append(dataclasses.replace(planned, seconds=seconds, fixed=False))
    return tuple(result)


def _steps(arguments: Mapping[str, Any]) -> int:
    return int(arguments.get("train", {}).get("steps", TrainParams.steps))


def _without_steps(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.get("train", {}).items() if name != "steps"}


def _told(arguments: Mapping[str, Any], name: str) -> Any:
    return _without_steps(arguments) if name == "train" else arguments.get(name)
