"""Parts of the two papers' methods that can be switched off or changed at the Learn page, and what that does to accuracy, measured. Knows
numbers in words alone."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alcore.metrics import signed

MEASURED = Path(__file__).with_name("switches.csv")  # made by `python -m benchmarks switches`


@dataclass(frozen=True)
class Switch:
    """One change of a method.

    Attributes:
        name: of it among those of its strategy.
        strategy: mal or mcdal.
        title: what stands on it.
        params: what differs from the method as the page plays it.
        why: what one sees, in a sentence.
    """

    name: str
    strategy: str
    title: str
    params: Mapping[str, Any]
    why: str


SWITCHES: tuple[Switch, ...] = (
    Switch(
        "without-discrepancy",
        "mcdal",
        "Without the discrepancy loss",
        {"discrepancy_weight": 0.0},
        "F1 and F2 learn the labels alone: where they still differ, it is from how they began.",
    ),
    Switch(
        "l2",
        "mcdal",
        "Distance L2",
        {"distance": "l2"},
        "The heads are pushed apart by squared differences, which press least where they nearly agree.",
    ),
    Switch(
        "kl",
        "mcdal",
        "Distance KL",
        {"distance": "kl"},
        "This distance has no upper end: a few points on which the heads are sure and differ outweigh all others.",
    ),
    Switch(
        "4-heads",
        "mcdal",
        "4 auxiliary heads",
        {"heads": 4},
        "More heads, more borders: all pairs count.",
    ),
    Switch(
        "8-heads",
        "mcdal",
        "8 auxiliary heads",
        {"heads": 8},
        "Eight heads share the plane among them; what one pair disagrees on is a small part of the sum.",
    ),
    Switch(
        "full-weight",
        "mcdal",
        "Discrepancy at full weight",
        {"discrepancy_weight": 1.0},
        "Eq. 2 unweighted: with features of two numbers the heads run apart before the labels hold them.",
    ),
    Switch(
        "without-game",
        "mal",
        "Without the game",
        {"minimax": False},
        "Nothing draws unlabeled points to the prototypes: F learns the labels alone.",
    ),
    Switch(
        "uncertainty",
        "mal",
        "By uncertainty alone",
        {"select_by": "uncertainty"},
        "The discriminator is not asked: only the border counts, however close to labeled points.",
    ),
    Switch(
        "diversity",
        "mal",
        "By diversity alone",
        {"select_by": "diversity"},
        "The classifier is not asked: what looks least like labeled points comes, sure or not.",
    ),
)


@dataclass(frozen=True)
class Effect:
    """What a switch does to accuracy, as measured.

    Attributes:
        strategy, switch: which; "" is the method as it is played.
        points: kind of points.
        seeds: how many boards, paired.
        labels: asked for one by one, over which accuracy is averaged.
        accuracy: mean, a share.
        difference: to the method as it is played, with a 95 % interval from `low` to `high`.
    """

    strategy: str
    switch: str
    points: str
    seeds: int
    labels: int
    accuracy: float
    difference: float
    low: float
    high: float


def measured() -> list[Effect]:
    """What `python -m benchmarks switches` found, in the order in which it was measured."""
    lines = [line for line in MEASURED.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [
        Effect(
            row["strategy"],
            row["switch"],
            row["points"],
            int(row["seeds"]),
            int(row["labels"]),
            *(float(row[name]) for name in ("accuracy", "difference", "low", "high")),
        )
        for row in csv.DictReader(lines)
    ]


def in_words(effects: Sequence[Effect]) -> str:
    """What was measured of one switch, in a sentence; empty without anything."""
    if not effects:
        return ""
    parts = []
    for effect in effects:
        difference, low, high = (100 * value for value in (effect.difference, effect.low, effect.high))
        interval = f"({signed(low)} to {signed(high)})"
        if low <= 0 <= high:
            parts.append(f"on {effect.points} no difference can be told {interval}")
        else:
            parts.append(f"on {effect.points} {abs(difference):.1f} points {'more' if difference > 0 else 'fewer'} {interval}")
    return f"Mean accuracy over {effects[0].labels} labels, {effects[0].seeds} seeds: {'; '.join(parts)}."
