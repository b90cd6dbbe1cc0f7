"""What a person asks of an experiment, as a script, the command line and a page say it, made a checked Experiment. Reads no data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from alcore.errors import BadInput
from alcore.simulation import experiment
from alcore.simulation.experiment import Experiment
from alcore.simulation.presets import preset_named

NEEDED = ("strategies", "init", "query_size", "rounds", "seeds")  # by the question itself or by its preset


@dataclass(frozen=True)
class Asked:
    """The arguments of `conduct.simulate` but for the folder and the report; None is what a preset, or a default, is to say.

    Attributes:
        train: training parameters by name; `settings` win over them.
    """

    source: str
    strategies: Sequence[str] | None = None
    init: float | None = None
    query_size: float | None = None
    rounds: int | None = None
    seeds: Sequence[int] | None = None
    preset: str | None = None
    settings: Sequence[str] = ()
    train: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    workers: int = 1
    image_size: int = 0
    format: str = "auto"
    hold_out: float | None = None
    thin: Sequence[float] | None = None
    task: str = "auto"
    on: str = ""

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Asked:
        """What `stored` gave, also after it was JSON."""
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
        return cls(**given)

    def stored(self) -> dict[str, Any]:
        """What was given, as JSON takes it."""
        given = {name: value for name, value in asdict(self).items() if value != _DEFAULTS.get(name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}

    def plan(self, out: str | Path) -> Experiment:
        """The experiment in the folder `out`.

        Raises:
            BadInput: with everything that is wrong and can be known without the data.
        """
        usual = {"thin": self.thin, "image_size": self.image_size or None, "task": None if self.task == "auto" else self.task}
        made = Experiment(
            source=Path(self.source),
            out=Path(out),
            device=self.device,
            workers=self.workers,
            on=self.on,
            format=self.format,
            hold_out=self.hold_out,
            **_over_preset(self.preset, {name: getattr(self, name) for name in NEEDED}, usual, self.settings, self.train),
        )
        experiment.check(made)
        return made

    def words(self) -> list[str]:
        """The words behind `python -m alcore simulate` that ask the same, but for --out."""
        said = [self.source]
        for name, value in self.stored().items():
            if name not in ("source", "settings", "train"):
                said += [f"--{name.replace('_', '-')}", _text(value)]
        for setting in (*(f"{name}={value}" for name, value in self.train.items()), *self.settings):
            said += ["--set", setting]
        return said

    def command(self, out: str | Path) -> str:
        """The line for a shell."""
        return shlex.join(["python", "-m", "alcore", "simulate", *self.words(), "--out", str(out)])


_DEFAULTS: Mapping[str, Any] = {spec.name: {} if spec.name == "train" else spec.default for spec in fields(Asked)}


def _text(value: Any) -> str:
    """A number without what it does not need, a list with commas."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _over_preset(
    preset: str | None, asked: Mapping[str, Any], usual: Mapping[str, Any], settings: Sequence[str], train: Mapping[str, Any]
) -> dict[str, Any]:
    """The rest of an Experiment: what was asked over what the preset says, None standing for what was not asked.

    Args:
        asked: what must be known in the end; `usual`: what has a default of its own.
    """
    named = preset_named(preset) if preset is not None else None
    given: dict[str, Any] = {name: getattr(named, name, None) if value is None else value for name, value in {**asked, **usual}.items()}
    if lacking := [name for name in asked if given[name] is None]:
        raise BadInput(f"{', '.join(lacking)} must be given, as --{lacking[0].replace('_', '-')}, or a preset that has it")
    if isinstance(given["strategies"], str):
        raise BadInput(f"strategies = {given['strategies']!r} is one text: give a list of names")
    texts = [text.strip() for text in given["strategies"]]
    for_all, own = experiment.settings_of_runs(settings, texts)
    base_train, base = (named.train, named.params) if named else ({}, {})
    params = {name: {**base.get(name, {}), **own.get(name, {})} for name in {**base, **own}}
    all_train = {**base_train, **train, **for_all}
    return {
        "variants": tuple(experiment.variant_of(text, params, all_train) for text in texts),
        "init": given["init"],
        "query_size": given["query_size"],
        "rounds": given["rounds"],
        "seeds": tuple(given["seeds"]),
        "train": all_train,
        "thin": tuple(given["thin"] or ()),
        "image_size": given["image_size"] or 0,
        "task": given["task"] or "auto",
        "preset": preset,
    }
