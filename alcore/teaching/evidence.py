"""What was measured of the strategies on pretrained features, as the README's tables have it. Knows numbers in words alone."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from alcore.metrics import signed

MEASURED = Path(__file__).with_name("evidence.csv")  # the README's tables; a test compares them
TITLES = {"clothing": "Photos of clothing", "cifar10": "CIFAR-10"}
FRONT = ("uherding", "mcdal", "margin", "mal", "random")  # of the small table at the README's top


@dataclass(frozen=True)
class Result:
    """A variant of a strategy on one set of photos.

    Attributes:
        photos: clothing or cifar10.
        variant: as `simulate` names it: the strategy, then what differs from its defaults.
        seeds: paired runs.
        points: three pairs of labels and mean test accuracy there, in percent.
        gain: over random, mean of the whole curve, in points, with its 95 % interval; None for random.
        holm: p after Holm's correction, as it is written; "" for random.
        labels, fewer: mean labels to random's last accuracy, and how many percent fewer that is; None where it was not reached.
    """

    photos: str
    variant: str
    seeds: int
    points: tuple[tuple[int, float], ...]
    gain: tuple[float, float, float] | None
    holm: str
    labels: int | None
    fewer: int | None

    @property
    def strategy(self) -> str:
        """The name of the strategy alone."""
        return self.variant.partition(":")[0]

    @property
    def gain_words(self) -> str:
        """As the tables have it: +1.8 (+1.1 to +2.5)."""
        if self.gain is None:
            return "-"
        mean, low, high = map(signed, self.gain)
        return f"{mean} ({low} to {high})"

    @property
    def labels_words(self) -> str:
        """As the tables have it: 330 (34 % fewer)."""
        return "not reached" if self.labels is None else f"{self.labels} ({self.fewer} % fewer)"

    def line(self) -> str:
        """Its line of the README's table."""
        shown = " | ".join(f"{accuracy:.1f}" for _, accuracy in self.points)
        holm = self.holm or "-"
        return f"| `{self.variant}` | {self.seeds} | {shown} | {self.gain_words} | {holm} | {self.labels_words} |"

    def cells(self) -> tuple[str, ...]:
        """Its cells of a method's table, in Markdown, below `heads`."""
        reached = ", ".join(f"{accuracy:.1f}" for _, accuracy in self.points)
        gain = self.gain_words if self.gain else "what gains are over"
        return (f"`{self.variant}`", str(self.seeds), reached, gain, self.labels_words)

    def heads(self) -> tuple[str, ...]:
        """What stands over its cells."""
        at = ", ".join(str(labels) for labels, _ in self.points)
        return ("Variant", "Seeds", f"% at {at}", "Mean gain (95 %)", "Labels to random's last")


def results() -> list[Result]:
    """Everything measured, in the order of the README's tables: best first."""
    lines = [line for line in MEASURED.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [
        Result(
            row["photos"],
            row["variant"],
            int(row["seeds"]),
            tuple((int(row[at]), float(row[f"at_{at}"])) for at in ("few", "middle", "last")),
            (float(row["gain"]), float(row["low"]), float(row["high"])) if row["gain"] else None,
            row["holm"],
            int(row["labels"]) if row["labels"] else None,
            int(row["fewer"]) if row["fewer"] else None,
        )
        for row in csv.DictReader(lines)
    ]


def of(strategy: str) -> list[Result]:
    """What was measured of a strategy and its variants; random's own lines close it, to compare with."""
    every = results()
    mine = [each for each in every if each.strategy == strategy]
    there = {each.photos for each in mine}
    return mine + [each for each in every if each.variant == "random" and each.photos in there and strategy != "random"]


def front() -> str:
    """The small table at the README's top."""
    shown = [each for each in results() if each.photos == "clothing" and each.variant in FRONT]
    heads = [f"% at {labels}" for labels, _ in shown[0].points]
    lines = [f"| strategy | {' | '.join(heads)} | labels to random's {shown[0].points[-1][0]} |", "|---" * 5 + "|"]
    for each in shown:
        values = " | ".join(f"{accuracy:.1f}" for _, accuracy in each.points)
        lines.append(f"| `{each.variant}` | {values} | {each.labels_words} |")
    return "\n".join(lines)
