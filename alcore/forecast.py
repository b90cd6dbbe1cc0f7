"""How long a round would take, before it starts: as an earlier one took, by a few timed steps, or by a rule. Knows projects and probes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alcore.errors import AlcoreError, BadInput
from alcore.loop import order_arguments
from alcore.plans import MAP, ruled
from alcore.probe import Costs, timed
from alcore.rounds import Order
from alcore.strategies import strategy_named
from alcore.types import Round, TrainParams, make_params

if TYPE_CHECKING:
    from alcore.project import Project
    from alcore.workspace import Workspace

LONG = 600.0  # seconds past which a forecast names a cure
PICK = 5e-7  # seconds an image a pick, of strategies that look at all images again after each
CHEAP = ("steps", "score_sample", "learning_rate", "momentum", "weight_decay", "decay", "warmup")  # a step costs the same whatever they are
PATIENCE = 60.0  # seconds that a process which times steps may take
LOOK = 0.1  # seconds between two looks whether a job wants its device
FEW = 2  # forms of a page whose rounds wait to be timed at most; older ones nobody looks at any more

logger = logging.getLogger(__name__)
Measure = Callable[["Project", Mapping[str, Any]], Costs | None]


@dataclass(frozen=True)
class Forecast:
    """How long a round would take.

    Attributes:
        device: where.
        seconds: train, test, score, select, map; empty when nobody can tell.
        how: what that is known from, in words.
        stages: the same by the stages that a job names, for the plan of its bar; empty unless steps were timed.
    """

    device: str
    seconds: Mapping[str, float]
    how: str
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    def words(self) -> str:
        """`about 4 minutes on cpu: train 3, score 1 (as round 3 took)`; parts below a twentieth of it are left out."""
        if not self.seconds:
            return f"how long it takes is not known yet: {self.how}"
        size, one, many = _unit(self.total)
        number = max(1, round(self.total / size))
        parts = [f"{name} {_part(value, size)}" for name, value in self.seconds.items() if value >= 0.05 * self.total]
        return f"about {_part(self.total, size)} {one if number == 1 else many} on {self.device}: {', '.join(parts)} ({self.how})"

    def cure(self) -> str:
        """What makes a long round shorter; empty when it is not long."""
        if self.total <= LONG:
            return ""
        ways = [] if self.device.startswith("cuda") else ["a GPU"]
        if self.seconds["score"] > self.seconds["train"]:
            ways = ["scoring a sample of the pool", "smaller images", *ways]
        else:
            ways = ["fewer steps", "smaller images", *ways]
        return f"Shorter with {', '.join(ways[:-1])} or {ways[-1]}."


def _unit(seconds: float) -> tuple[float, str, str]:
    if seconds < 90:
        return 1.0, "second", "seconds"
    return (60.0, "minute", "minutes") if seconds < 5400 else (3600.0, "hour", "hours")


def _part(seconds: float, size: float) -> str:
    """Hours to a tenth, as half an hour more or less matters; minutes and seconds whole, and never none."""
    value = seconds / size
    if size == 3600.0:
        return f"{value:.1f}"
    return f"{value:.0f}" if value >= 1 else "under 1"


def forecast(project: Project, arguments: Mapping[str, Any], measure: Measure = timed) -> Forecast:
    """How long a round with these checked arguments (`loop.round_arguments`) takes here.

    As the newest round like it took, with other numbers of steps and images; else by steps that `measure` times, unless a job runs on
    the device; else by the rule for strategies, on the pace of the newest round with this network.

    Raises:
        AlcoreError: what the round itself would say after its start.
    """
    known = _known(project, arguments, None)
    if known is not None:
        return known
    costs = measure(project, arguments)
    return _by_rule(project, arguments) if costs is None else _by_costs(project, arguments, costs)


def _known(project: Project, arguments: Mapping[str, Any], costs: Costs | None) -> Forecast | None:
    """The forecast, if no step needs to be timed for it, or none can be."""
    if like := _round_like(project, arguments):
        return _as_before(project, arguments, like)
    if costs is not None:
        return _by_costs(project, arguments, costs)
    return _by_rule(project, arguments) if is_busy(project.workspace, arguments["device"]) else None


def is_busy(workspace: Workspace, device: str) -> bool:
    """Whether a job runs on the device."""
    return any(job.state == "running" and job.device == device for job in workspace.jobs_table.jobs())


# ---- counting


@dataclass(frozen=True)
class _Images:
    """How many images a round tests, scores, and lays out."""

    tested: int
    scored: int

    @classmethod
    def of(cls, project: Project, train: TrainParams, labeled: int | None = None) -> _Images:
        """Now, or when `labeled` were."""
        has = project.counts()
        labeled = has["labeled"] if labeled is None else labeled
        unlabeled = max(0, has["splits"].get("pool", 0) - labeled)
        test = has["splits"].get("test", has["splits"].get("val", 0))
        return cls(test + labeled, min(unlabeled, train.score_sample or unlabeled) + labeled)


def _by_costs(project: Project, arguments: Mapping[str, Any], costs: Costs) -> Forecast:
    order = Order(**arguments)
    _, train = order.check()
    images = _Images.of(project, train)
    stages = {f"training: {name}": share * train.steps * cost for name, share, cost in costs.stages}
    picks = order.query_size * images.scored * PICK if strategy_named(order.strategy).greedy else 0.0
    mapped = _map_seconds(project, images.scored)
    seconds = {"train": sum(stages.values()), "test": costs.test * images.tested, "score": costs.score * images.scored}
    stages |= {"testing": seconds["test"], "scoring": seconds["score"], "neighbors": mapped / 5, "layout": mapped * 4 / 5}
    how = f"{costs.timed} steps were timed"
    return Forecast(order.device, {**seconds, "select": picks, "map": mapped}, how, stages)


def _map_seconds(project: Project, items: int) -> float:
    """As the newest map took, else by the rule."""
    for round_ in reversed(project.rounds()):
        if "map" in round_.seconds and (was := _trained(round_)):
            before = _Images.of(project, was, round_.labeled).scored
            return round_.seconds["map"] * items / max(1, before)
    return 1.25 * MAP * items


def _trained(round_: Round) -> TrainParams | None:
    """How a round was trained; None for one without a model, or of before the parameters were what they are now."""
    try:
        return make_params(TrainParams, round_.train, "the round") if "train" in round_.seconds else None
    except BadInput:
        return None


def _costly(train: TrainParams) -> dict[str, Any]:
    return {name: value for name, value in vars(train).items() if name not in CHEAP}


def _round_like(project: Project, arguments: Mapping[str, Any]) -> Round | None:
    """The newest round whose steps cost what these would."""
    order = Order(**arguments)
    params, train = order.check()
    for round_ in reversed(project.rounds()):
        was = _trained(round_)
        if (round_.strategy, round_.device) != (order.strategy, order.device) or was is None or _costly(was) != _costly(train):
            continue
        try:
            if make_params(type(params), round_.params, "the round") == params:
                return round_
        except BadInput:
            continue  # of before its parameters were what they are now
    return None


def _as_before(project: Project, arguments: Mapping[str, Any], before: Round) -> Forecast:
    """The seconds of a round like it, with the steps and images of now."""
    order = Order(**arguments)
    _, train = order.check()
    was = make_params(TrainParams, before.train, "the round")
    now, then = _Images.of(project, train), _Images.of(project, was, before.labeled)
    scored = now.scored / max(1, then.scored)
    picks = order.query_size / max(1, len(before.query)) if strategy_named(order.strategy).greedy else 1.0
    took = before.seconds
    seconds = {
        "train": took["train"] * train.steps / was.steps,
        "test": took.get("evaluate", 0.0) * now.tested / max(1, then.tested),
        "score": took.get("score", 0.0) * scored,
        "select": took.get("select", 0.0) * scored * picks,
        "map": took["map"] * scored if "map" in took else _map_seconds(project, now.scored),
    }
    return Forecast(order.device, seconds, f"as round {before.number} took")


def _by_rule(project: Project, arguments: Mapping[str, Any]) -> Forecast:
    """What the rule says of strategies, at the pace of the newest round with this network."""
    order = Order(**arguments)
    _, train = order.check()
    busy = f"another job runs on {order.device}"
    for before in reversed(project.rounds()):
        was = _trained(before)
        if (
            was is not None
            and before.device == order.device
            and (was.architecture, was.batch_size) == (train.architecture, train.batch_size)
        ):
            like = {"strategy": before.strategy, "query_size": max(1, len(before.query)), "params": before.params, "train": before.train}
            pace = before.seconds["train"] / _ruled(project, {**arguments, **like})["train"]
            seconds = {name: value * (1.0 if name == "map" else pace) for name, value in _ruled(project, arguments).items()}
            return Forecast(order.device, seconds, f"a rule on round {before.number}'s pace, as {busy}")
    return Forecast(order.device, {}, f"{busy}, and no round with this network tells")


def _ruled(project: Project, arguments: Mapping[str, Any]) -> dict[str, float]:
    seconds = dict.fromkeys(("train", "test", "score", "select", "map"), 0.0)
    names = {"testing": "test", "scoring": "score", "neighbors": "map", "layout": "map"}
    for planned in ruled(project, arguments):
        seconds[names.get(planned.stage, "train")] += planned.seconds
    return seconds


# ---- in the background


class Forecasts:
    """The forecasts of a process, for pages that cannot wait: what needs timed steps is there some seconds later. Thread-safe.

    What a step costs is kept, so another number of steps or images is a matter of arithmetic.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._changed = threading.Condition()  # guards all below
        self._costs: dict[str, Costs | AlcoreError | None] = {}
        self._wanted: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def look(
        self,
        project: Project,
        strategy: str,
        query_size: int,
        device: str,
        params: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
    ) -> Forecast | AlcoreError | None:
        """The forecast; what would keep the round from running; or None while its steps are being timed, which begins here.

        Raises:
            BadInput: the parameters are no order.
        """
        arguments = order_arguments(project, strategy, query_size, 0, device, params, train)
        key = _key(project, arguments)
        with self._changed:
            has, costs = key in self._costs, self._costs.get(key)
        if isinstance(costs, AlcoreError):
            return costs
        known = _known(project, arguments, costs)
        if known is None and has:
            return _by_rule(project, arguments)  # timing came to nothing
        if known is None:
            self._ask(key, project.name, arguments)
        return known

    def stages(self, project: Project, arguments: Mapping[str, Any]) -> Mapping[str, float]:
        """Seconds by stage of a job with these arguments, where its steps were timed; else empty."""
        with self._changed:
            costs = self._costs.get(_key(project, arguments))
        return _by_costs(project, arguments, costs).stages if isinstance(costs, Costs) else {}

    def forecast(self, project: Project, arguments: Mapping[str, Any]) -> Forecast:
        """`forecast`, here and now; what was timed is kept."""

        def measured(project: Project, arguments: Mapping[str, Any]) -> Costs:
            costs = timed(project, arguments)
            with self._changed:
                self._costs[_key(project, arguments)] = costs
            return costs

        return forecast(project, arguments, measured)

    def stop(self) -> None:
        """Ends what is being timed, for a job is about to start; what waits is timed when somebody looks again."""
        with self._changed:
            self._wanted.clear()
            process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """`stop`, for good."""
        with self._changed:
            self._closed, thread = True, self._thread
        self.stop()
        if thread is not None:
            thread.join()

    # ---- inside

    def _ask(self, key: str, project: str, arguments: Mapping[str, Any]) -> None:
        with self._changed:
            if self._closed or key in self._wanted:
                return
            self._wanted[key] = (project, arguments)
            while len(self._wanted) > FEW:
                del self._wanted[next(iter(self._wanted))]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="alcore-forecast", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._wanted or self._closed:
                    self._thread = None
                    return
                key = next(reversed(self._wanted))  # the newest is what somebody looks at
                project, arguments = self._wanted[key]
            found: Costs | AlcoreError | None = None
            done = True
            try:
                found, done = measure_apart(self._workspace.project(project), arguments, self._began)
            except AlcoreError as problem:
                found = problem
            except Exception:  # a page without a forecast is still a page
                logger.exception("no forecast of a round of %r", project)
            with self._changed:
                self._wanted.pop(key, None)
                if done:
                    self._costs[key] = found

    def _began(self, process: subprocess.Popen[str] | None) -> None:
        with self._changed:
            self._process = process
            stopped = self._closed
        if stopped and process is not None:
            process.kill()


def _key(project: Project, arguments: Mapping[str, Any]) -> str:
    """Rounds of one key have steps of one cost."""
    params, train = Order(**arguments).check()
    told = {"params": vars(params), "train": _costly(train), **{name: arguments[name] for name in ("strategy", "device", "task")}}
    return json.dumps([project.id, project.settings, told], sort_keys=True, default=str)


def measure_apart(
    project: Project, arguments: Mapping[str, Any], began: Callable[[subprocess.Popen[str] | None], None]
) -> tuple[Costs | None, bool]:
    """`probe.timed` in a process of its own, and whether it may be relied on: it is ended when a job starts on the device.

    Args:
        began: gets the process, so that it can be ended, and None at its end.
    """
    workspace, device = project.workspace, arguments["device"]
    command = [sys.executable, "-m", "alcore.probe", str(workspace.home), project.name]
    path = os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        began(process)
        try:
            given: str | None = json.dumps(arguments)
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    out, err = process.communicate(given, timeout=LOOK)
                    break
                except subprocess.TimeoutExpired:
                    given = None
                if is_busy(workspace, device):
                    return None, False
                if time.monotonic() > deadline:
                    return None, True
        finally:
            process.kill()
            began(None)
    if process.returncode < 0:
        return None, False  # `stop`
    if process.returncode:
        raise RuntimeError(f"the process that times steps ended with {process.returncode}: {err.strip()[-2000:]}")
    told = json.loads(out)
    if "error" in told:
        raise AlcoreError(told["error"])
    return Costs.read(told), True
