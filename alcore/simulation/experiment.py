"""What an experiment is to do, checked before any work: strategies and their parameters, sizes, seeds. Trains nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alcore.errors import BadInput
from alcore.nets.tasks import RECIPES, TASKS, train_params
from alcore.params import TrainParams, make_params
from alcore.simulation.ablations import paper_names
from alcore.simulation.oracle import Data
from alcore.simulation.presets import preset_named
from alcore.simulation.vectors import dim_of
from alcore.strategies import code_of, is_of_this_process, params_of, strategy_named
from alcore.training.devices import pick_device, seeded
from alcore.training.turn import Seeds, check_side, check_strategy
from alcore.types import FRAMES

# Streams of chance that must not touch each other; the numbers are part of every result, so none may be used again for another purpose.
PURPOSES = {"pool": 0, "model": 1, "order": 2, "acquisition": 3}
MOST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Variant:
    """A strategy under the text it was asked by, such as mal:select_by=random+batch=diverse, with its parameters, and what of training is
    its own."""

    text: str
    strategy: str
    params: Any
    train: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        return dataclasses.asdict(self.params)

    @property
    def first_point(self) -> str:
        return strategy_named(self.strategy).first_point(self.params)

    @property
    def semi_supervised(self) -> bool:
        return strategy_named(self.strategy).semi_supervised(self.params)


@dataclass(frozen=True)
class Experiment:
    """Everything that was asked for, before the data is known. `init` and `query_size` below 1 are shares of the pool."""

    source: Path
    out: Path
    variants: tuple[Variant, ...]
    init: float
    query_size: float
    rounds: int
    seeds: tuple[int, ...]
    train: Mapping[str, Any]
    thin: tuple[float, ...]
    device: str
    workers: int
    image_size: int
    format: str
    hold_out: float | None
    task: str
    preset: str | None
    on: str = ""

    def request(self) -> dict[str, Any]:
        """What the data depends on."""
        return {
            "source": str(self.source.expanduser().absolute()),
            "format": self.format,
            "task": self.task,
            "hold_out": self.hold_out,
            "image_size": self.image_size,
        }


def derived(seed: int, purpose: str, number: int = 0) -> int:
    """A seed of its own for each purpose and round of a run."""
    return int(np.random.SeedSequence(seed, spawn_key=(PURPOSES[purpose], number)).generate_state(1, np.uint32)[0])


def round_seeds(seed: int, number: int) -> Seeds:
    """The seeds of a round; the same for every strategy, so that supervised ones share their first model to the digit."""
    return Seeds(*(derived(seed, purpose, number) for purpose in ("model", "order", "acquisition")))


def initial(pool: np.ndarray, n: int, seed: int) -> np.ndarray:
    """(n,) ids of the initial labels, ascending: uniform without replacement, the same for every strategy of a seed."""
    return np.sort(np.random.default_rng(derived(seed, "pool")).choice(pool, n, replace=False))


# ---- from texts


def variant_of(text: str, settings: Mapping[str, Mapping[str, Any]], train: Mapping[str, Any]) -> Variant:
    """`mal` or `mal:select_by=random+batch=diverse`, over the parameters given for the strategy as a whole, and those of training."""
    name, _, own = text.strip().partition(":")
    strategy_named(name)
    values = dict(settings.get(name, {}))
    for piece in own.split("+") if own else ():
        parameter, equals, value = piece.partition("=")
        if not equals:
            raise BadInput(f"strategy {text!r}: write a variant as {name}:parameter=value+parameter=value")
        values[parameter.strip()] = value.strip()
    own_train = {key: values.pop(key) for key in [*values] if key in TrainParams.__dataclass_fields__}
    all_train = {**train, **own_train}
    usual = RECIPES.get(str(all_train.get("architecture")), {})
    its = make_params(TrainParams, {**usual, **all_train}, "training")
    return Variant(text.strip(), name, params_of(name, values, its, f"strategy {text.strip()}"), own_train)


def settings_of_runs(settings: Sequence[str], strategies: Sequence[str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """NAME=VALUE for training and S.NAME=VALUE for strategy S, apart."""
    train: dict[str, str] = {}
    own: dict[str, dict[str, str]] = {}
    bases = [text.strip().partition(":")[0] for text in strategies]
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise BadInput(f"--set {setting!r}: write NAME=VALUE, or STRATEGY.NAME=VALUE")
        strategy, dot, parameter = name.strip().rpartition(".")
        if not dot:
            train[parameter] = value.strip()
        elif strategy in bases:
            own.setdefault(strategy, {})[parameter] = value.strip()
        else:
            raise BadInput(
                f"--set {setting!r}: {strategy} is not among the strategies ({', '.join(strategies)}). Add it, or leave this out."
            )
    return train, own


def check(e: Experiment) -> None:
    """BadInput with everything that is wrong and can be known without the data."""
    wrong = []
    if e.task not in ("auto", *TASKS):
        wrong.append(f"unknown task {e.task!r}: use auto, {', '.join(TASKS)}")
    texts = [v.text for v in e.variants]
    if not texts:
        wrong.append("no strategy is given: name some with --strategies")
    if twice := sorted({t for t in texts if texts.count(t) > 1}):
        wrong.append(f"strategies repeat: {', '.join(twice)}. Name each once.")
    if e.task in TASKS:
        wrong += _unserved(e, e.task)
    if e.on not in ("", "ray"):
        wrong.append(f"on = {e.on!r} cannot be: use ray, or leave it out for this machine alone")
    if e.workers > 1 or e.on:
        cure = "use workers=1 here, or save it as a file in a folder of strategies"
        own = sorted({v.strategy for v in e.variants if is_of_this_process(v.strategy)})
        wrong += [f"{name} was added in this process and no other one can know it: {cure}" for name in own]
    if not e.seeds:
        wrong.append("no seed is given: name some with --seeds 0,1,2")
    if twice_seeds := sorted({s for s in e.seeds if e.seeds.count(s) > 1}):
        wrong.append(f"seeds repeat: {', '.join(map(str, twice_seeds))}. Name each once.")
    wrong += [f"seed {s} cannot be used: take one from 0 to {MOST_SEED}" for s in e.seeds if not 0 <= s <= MOST_SEED]
    for name, value in (("init", e.init), ("query_size", e.query_size)):
        if not value > 0 or (value >= 1 and value != int(value)):
            wrong.append(f"{name} = {value:g} cannot be: use a whole number of images, or a share of the pool between 0 and 1")
    for name, least, number in (("rounds", 1, e.rounds), ("workers", 1, e.workers), ("image_size", 0, e.image_size)):
        if number < least:
            wrong.append(f"{name} = {number} cannot be: use at least {least}")
    if e.hold_out is not None and not 0 <= e.hold_out < 1:
        wrong.append(f"hold_out = {e.hold_out:g} cannot be: hold out a share from 0 to below 1")
    if bad := [r for r in e.thin if not 0 < r <= 1]:
        wrong.append(f"thin = {', '.join(f'{r:g}' for r in bad)} cannot be: keep a share above 0 and up to 1 of each class")
    if wrong:
        raise BadInput("; ".join(wrong))
    pick_device(e.device)
    make_params(TrainParams, e.train, "training")
    if not e.source.expanduser().exists() and not (e.out / "data" / "data.json").is_file():
        raise BadInput(f"there is no {e.source}: give a folder or file with labeled images")


def _unserved(e: Experiment, task: str) -> list[str]:
    return [f"strategy {v.strategy} does not do {task}: leave it out" for v in e.variants if task not in strategy_named(v.strategy).tasks]


# ---- with the data


def images_of(size: float, pool: int) -> int:
    """A number of images, also from a share of the pool."""
    return int(size) if size >= 1 else max(1, round(size * pool))


def described(e: Experiment, data: Data) -> dict[str, Any]:
    """config.json without its versions: everything needed to run it again, with all defaults filled in."""
    pool = len(data.pool)
    if wrong := _unserved(e, data.task):
        raise BadInput("; ".join(wrong))
    given = {"flip": data.facts["settings"]["flip"], **e.train}
    train = train_params(data.task, given)
    own: dict[str, dict[str, Any]] = {}
    for variant in e.variants:
        its = train_params(data.task, {**given, **variant.train})
        check_strategy(strategy_named(variant.strategy), data.task, its)
        if its.query_unit != train.query_unit:
            raise BadInput(f"{variant.text}: what a query asks for is the same for all strategies: give query_unit without a strategy")
        own[variant.text] = {k: v for k, v in dataclasses.asdict(its).items() if v != getattr(train, k)}
    return {
        "dataset": e.source.expanduser().absolute().name,
        "source": str(e.source),
        "fingerprint": data.fingerprint,
        "format": e.format,
        "hold_out": e.hold_out,
        "image_size": data.facts["settings"]["image_size"],
        "task": data.task,
        "metric": TASKS[data.task].metric,
        "preset": e.preset,
        "protocol": _protocol(e.preset),
        "classes": data.classes,
        "pool": pool,
        "test": len(data.test),
        "init": images_of(e.init, pool),
        "query_size": images_of(e.query_size, pool * (1 if train.query_unit == FRAMES else train.region_count)),
        "rounds": e.rounds,
        "seeds": list(e.seeds),
        "strategies": {v.text: {"strategy": v.strategy, "params": v.values, "train": own[v.text], **_code(v)} for v in e.variants},
        "names": paper_names(v.text for v in e.variants),
        "semi_supervised": [v.text for v in e.variants if v.semi_supervised],
        "first_points": {v.text: v.first_point for v in e.variants if v.first_point},
        "train": dataclasses.asdict(train),
        "thin": list(e.thin),
        "notes": list(data.facts["notes"]),
    }


def _code(variant: Variant) -> dict[str, str]:
    """What names the content of a strategy's file, where it is not the library's."""
    code = code_of(variant.strategy)
    return {"code": code} if code else {}


def _protocol(preset: str | None) -> dict[str, Any] | None:
    if preset is None:
        return None
    named = preset_named(preset)
    return {"title": named.title, "paper": named.paper, "sources": dict(named.sources)}


def check_models(e: Experiment, config: Mapping[str, Any]) -> None:
    """BadInput when a strategy's networks cannot be made, such as for weights that are not there or images that are too small."""
    with seeded(0, torch.device("cpu")):
        for variant in e.variants:
            values = train_of(config, variant.text)
            task = TASKS[config["task"]](config["classes"], config["image_size"], dim := dim_of(values))
            made = strategy_named(variant.strategy)(task, make_params(TrainParams, values, "training"), variant.params)
            if not dim:
                check_side(made, config["image_size"])


def train_of(config: Mapping[str, Any], text: str) -> dict[str, Any]:
    """All training parameters of a strategy: those of the experiment, and its own."""
    return {**config["train"], **config["strategies"][text].get("train", {})}


def check_sizes(config: Mapping[str, Any], data: Data) -> None:
    """BadInput when the pool is too small for the rounds, or an initial pool has images of one class only."""
    init, step, rounds, pool = config["init"], config["query_size"], config["rounds"], config["pool"]
    if config["train"]["query_unit"] != FRAMES:  # an image may be asked for more than once, region by region
        step = -(-step // config["train"]["region_count"])
    check_budget(init, step, rounds, pool)
    for seed in config["seeds"]:
        if (data.seen_classes(initial(data.pool, init, seed)) > 0).sum() < 2:
            raise BadInput(f"the {init:,} initial labels of seed {seed} are all of one class: raise init, or leave this seed out")


def check_budget(init: int, query_size: int, rounds: int, pool: int) -> None:
    """BadInput when a pool of so many images is too small for the rounds."""
    needed = init + query_size * (rounds - 1)
    if needed >= pool:
        raise BadInput(
            f"{init:,} initial labels and {rounds - 1} queries of {query_size:,} are {needed:,} labels, and the pool has {pool:,} images, "
            "one of which must be left to be queried last: lower init, query size or rounds"
        )


SHARED = ("fingerprint", "image_size", "thin", "init", "query_size", "train", "task")  # what all results in one folder must share


def merged(new: Mapping[str, Any], old: Mapping[str, Any] | None, out: Path) -> dict[str, Any]:
    """`new`, with the strategies, seeds and rounds that are in `out` already.

    Raises:
        BadInput: what is there was made in another way.
    """
    if old is None:
        return dict(new)
    changed = [text for name in SHARED for text in _changes(name, old[name], new[name])]
    if old["fingerprint"] != new["fingerprint"]:  # why the images are others
        changed += [text for name in ("source", "format", "hold_out") for text in _changes(name, old[name], new[name])]
    for text in new["strategies"]:
        if text in old["strategies"]:
            before, now = old["strategies"][text], new["strategies"][text]
            changed += _changes(text, before["params"], now["params"])
            changed += _changes(f"the file of {text}", before.get("code", ""), now.get("code", ""))
            changed += _changes(text, train_of(old, text), train_of(new, text))
    if changed:
        raise BadInput(f"{out} holds results made in another way: {'; '.join(changed)}. Use another --out, or what was used there.")
    return {
        **new,
        "rounds": max(new["rounds"], old["rounds"]),
        "seeds": [*new["seeds"], *(s for s in old["seeds"] if s not in new["seeds"])],
        "strategies": {**new["strategies"], **{t: v for t, v in old["strategies"].items() if t not in new["strategies"]}},
        "semi_supervised": sorted({*new["semi_supervised"], *old["semi_supervised"]}),
        "names": {**old.get("names", {}), **new["names"]},
        "first_points": {**old.get("first_points", {}), **new["first_points"]},
    }


def _changes(name: str, old: Any, new: Any) -> list[str]:
    """What differs, parameter by parameter. A parameter that one version does not know is no difference."""
    if isinstance(old, Mapping):
        return [text for key in old if key in new for text in _changes(f"{name} {key}", old[key], new[key])]
    return [] if old == new else [f"{name} was {old} and is {new}"]


def config_hash(config: Mapping[str, Any], text: str) -> str:
    """Names the way one strategy's rounds are made; rounds and seeds may grow under it."""
    of_strategy = {name: value for name, value in config["strategies"][text].items() if value or name != "train"}
    made = {name: config[name] for name in SHARED} | {"params": of_strategy}
    return hashlib.blake2b(json.dumps(made, sort_keys=True).encode(), digest_size=8).hexdigest()
