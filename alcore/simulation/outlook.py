"""How long an experiment may take, from rounds of the same data that were measured. Knows no page; times nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alcore.nets.tasks import train_params
from alcore.simulation.experiment import Experiment, train_of
from alcore.simulation.shelf import Kept

ALIKE = ("architecture", "extractor", "batch_size")  # of training: what makes a step on the same data cost the same


@dataclass(frozen=True)
class Outlook:
    """How long it may take.

    Attributes:
        rounds: strategies x seeds x rounds.
        seconds: all of them one after another; None when no round of any strategy was measured.
        how: what that is known from.
    """

    rounds: int
    seconds: float | None
    how: str

    def words(self) -> str:
        """`80 rounds, about 12 minutes (as rounds of this data took)`."""
        rounds = f"{self.rounds:,} round{'' if self.rounds == 1 else 's'}"
        if self.seconds is None:
            return f"{rounds}; {self.how}"
        if self.seconds < 90:
            return f"{rounds}, about {max(1, round(self.seconds)):,} seconds ({self.how})"
        if self.seconds < 5400:
            return f"{rounds}, about {round(self.seconds / 60):,} minutes ({self.how})"
        return f"{rounds}, about {self.seconds / 3600:,.1f} hours ({self.how})"


def outlook(plan: Experiment, seconds: Mapping[str, float], how: str) -> Outlook:
    """With the seconds that a round of each strategy takes; one that nothing is known of counts as the mean of the others."""
    each = len(plan.seeds) * plan.rounds
    texts = [variant.text for variant in plan.variants]
    known = [seconds[text] for text in texts if text in seconds] or list(seconds.values())
    if not known:
        return Outlook(each * len(texts), None, how)
    mean = sum(known) / len(known)
    if not seconds.keys() >= set(texts):
        how += ", what was not measured taken for the mean"
    return Outlook(each * len(texts), each * sum(seconds.get(text, mean) for text in texts), how)


def measured(plan: Experiment, kept: Iterable[Kept]) -> dict[str, float]:
    """strategy -> seconds a round, from experiments on the same source that train alike; of several the first in the list."""
    found: dict[str, float] = {}
    for one in kept:
        if one.out != plan.out and _place(one.config["source"]) != _place(plan.source):
            continue
        its = train_params(one.config["task"], {"flip": one.config["train"]["flip"], **plan.train})
        for text, (training, rest) in one.seconds().items():
            then = train_of(one.config, text)
            if all(getattr(its, name) == then[name] for name in ALIKE):
                found.setdefault(text, training * its.steps / then["steps"] + rest)
    return found


def _place(source: str | Path) -> Path:
    return Path(source).expanduser().absolute()
