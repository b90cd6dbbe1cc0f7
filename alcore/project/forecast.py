"""How long a round would take, before it starts: as an earlier one took, by a few timed steps, or by a rule. Knows projects and probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alcore.errors import BadInput
from alcore.params import TrainParams, make_params
from alcore.project.place import Place
from alcore.project.plans import MAP, ruled, to_read
from alcore.project.probe import Costs, timed
from alcore.project.stored import Stored
from alcore.strategies import params_of, strategy_named
from alcore.training.turn import Order
from alcore.types import Round

LONG = 600.0  # seconds past which a forecast names a cure
PICK = 5e-7  # seconds an image a pick, of strategies that look at all images again after each
# a step costs the same whatever they are
CHEAP = ("steps", "score_sample", "learning_rate", "momentum", "weight_decay", "decay", "warmup", "milestones")

Measure = Callable[[Stored, Order], Costs | None]


@dataclass(frozen=True)
class Forecast:
    """How long a round would take.

    Attributes:
        device: where.
        seconds: features (where images are still to be read), train, test, score, select, map; empty when nobody can tell.
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
        about, number = ("under", 1) if self.total < 1 else ("about", _number(self.total, size))
        parts = [f"{name} {_part(value, size)}" for name, value in self.seconds.items() if value >= 0.05 * self.total]
        return f"{about} {number} {one if number == 1 else many} on {self.device}: {', '.join(parts)} ({self.how})"

    def cure(self) -> str:
        """What makes a long round shorter, or why the next one will be; empty when it is not long."""
        if self.total <= LONG:
            return ""
        if self.total - (read := self.seconds.get("features", 0.0)) <= read:
            return "Images are read for their features once; the rounds after this one do not wait for that."
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


def _number(seconds: float, size: float) -> float:
    """Hours to a tenth, as half an hour more or less matters; minutes and seconds whole."""
    return round(seconds / size, 1) if size == 3600.0 else round(seconds / size)


def _part(seconds: float, size: float) -> str:
    return "under 1" if seconds < size and size < 3600.0 else f"{_number(seconds, size)}"


def forecast(project: Stored, order: Order, measure: Measure = timed) -> Forecast:
    """How long a round with this checked order (`loop.ordered`) takes here.

    As the newest round like it took, with other numbers of steps and images; else by steps that `measure` times, unless a job runs on
    the device; else by the rule for strategies, on the pace of the newest round with this network.

    Raises:
        AlcoreError: what the round itself would say after its start.
    """
    found = known(project, order, None)
    if found is not None:
        return found
    costs = measure(project, order)
    return by_rule(project, order) if costs is None else by_costs(project, order, costs)


def known(project: Stored, order: Order, costs: Costs | None) -> Forecast | None:
    """The forecast, if no step needs to be timed for it, or none can be."""
    if like := _round_like(project, order):
        return _as_before(project, order, like)
    if costs is not None:
        return by_costs(project, order, costs)
    return by_rule(project, order) if is_busy(project.place, order.device) else None


def is_busy(place: Place, device: str) -> bool:
    """Whether a job runs on the device."""
    return any(job.state == "running" and job.device == device for job in place.job_rows.jobs())


# ---- counting


@dataclass(frozen=True)
class _Images:
    """How many images a round tests, scores, and lays out."""

    tested: int
    scored: int

    @classmethod
    def of(cls, project: Stored, train: TrainParams, labeled: int | None = None) -> _Images:
        """Now, or when `labeled` were."""
        has = project.counts()
        labeled = has["labeled"] if labeled is None else labeled
        unlabeled = max(0, has["splits"].get("pool", 0) - labeled)
        test = has["splits"].get("test", has["splits"].get("val", 0))
        return cls(test + labeled, min(unlabeled, train.score_sample or unlabeled) + labeled)


def by_costs(project: Stored, order: Order, costs: Costs) -> Forecast:
    train = order.check()[1].for_labels(project.counts()["labeled"])
    images = _Images.of(project, train)
    stages = {f"training: {name}": share * train.steps * cost for name, share, cost in costs.stages}
    picks = order.query_size * images.scored * PICK if _picks_in_turn(order) else 0.0
    read, to_map = to_read(project, train, order.device)
    mapped = _map_seconds(project, images.scored) * to_map
    first = {"features": read} if read else {}
    seconds = {**first, "train": sum(stages.values()), "test": costs.test * images.tested, "score": costs.score * images.scored}
    stages = {**first, **stages}
    stages |= {"testing": seconds["test"], "scoring": seconds["score"], "neighbors": mapped / 5, "layout": mapped * 4 / 5}
    how = f"{costs.timed} steps were timed"
    return Forecast(order.device, {**seconds, "select": picks, "map": mapped}, how, stages)


def _picks_in_turn(order: Order) -> bool:
    """Whether all images are looked at again after each pick."""
    params, train = order.check()
    strategy = strategy_named(order.strategy)
    return strategy.greedy or strategy.is_diverse(params, train)


def _map_seconds(project: Stored, items: int) -> float:
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


def costly(train: TrainParams) -> dict[str, Any]:
    return {name: value for name, value in vars(train).items() if name not in CHEAP}


def _round_like(project: Stored, order: Order) -> Round | None:
    """The newest round whose steps cost what these would."""
    params, train = order.check()
    for round_ in reversed(project.rounds()):
        was = _trained(round_)
        if (round_.strategy, round_.device) != (order.strategy, order.device) or was is None or costly(was) != costly(train):
            continue
        try:
            if params_of(order.strategy, round_.params, was) == params:
                return round_
        except BadInput:
            continue  # of before its parameters were what they are now
    return None


def _as_before(project: Stored, order: Order, before: Round) -> Forecast:
    """The seconds of a round like it, with the steps and images of now."""
    train = order.check()[1].for_labels(project.counts()["labeled"])
    was = make_params(TrainParams, before.train, "the round")
    now, then = _Images.of(project, train), _Images.of(project, was, before.labeled)
    scored = now.scored / max(1, then.scored)
    picks = order.query_size / max(1, len(before.query)) if _picks_in_turn(order) else 1.0
    took, (read, to_map) = before.seconds, to_read(project, train, order.device)
    seconds = {
        **({"features": read} if read else {}),
        "train": took["train"] * train.steps / was.steps,
        "test": took.get("evaluate", 0.0) * now.tested / max(1, then.tested),
        "score": took.get("score", 0.0) * scored,
        "select": took.get("select", 0.0) * scored * picks,
        "map": (took["map"] * scored if "map" in took else _map_seconds(project, now.scored)) * to_map,
    }
    return Forecast(order.device, seconds, f"as round {before.number} took")


def by_rule(project: Stored, order: Order) -> Forecast:
    """What the rule says of strategies, at the pace of the newest round with this network."""
    _, train = order.check()
    busy = f"another job runs on {order.device}"
    for before in reversed(project.rounds()):
        was = _trained(before)
        if (
            was is not None
            and before.device == order.device
            and (was.architecture, was.batch_size) == (train.architecture, train.batch_size)
        ):
            like = replace(order, strategy=before.strategy, query_size=max(1, len(before.query)), params=before.params, train=before.train)
            pace = before.seconds["train"] / _ruled(project, like)["train"]
            seconds = {name: value * (1.0 if name in ("map", "features") else pace) for name, value in _ruled(project, order).items()}
            return Forecast(order.device, seconds, f"reckoned from round {before.number}'s pace, as {busy}")
    return Forecast(order.device, {}, f"{busy}, and no round with this network tells")


def _ruled(project: Stored, order: Order) -> dict[str, float]:
    seconds = dict.fromkeys(("train", "test", "score", "select", "map"), 0.0)
    names = {"testing": "test", "scoring": "score", "neighbors": "map", "layout": "map", "features": "features"}
    for planned in ruled(project, order):
        name = names.get(planned.stage, "train")
        seconds[name] = seconds.get(name, 0.0) + planned.seconds
    return seconds
