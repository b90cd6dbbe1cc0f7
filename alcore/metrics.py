"""Metrics as people read them: what they are called, in percent or not, how sure one is and whether a change of it means anything."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

ENOUGH = 30  # test images of which an interval says something: of fewer it is more than 33 points wide at 70 %
Z = 1.959964  # of the normal distribution: 95 % lie within


def title(metric: str, start: bool = True) -> str:
    """A metric's name for people, with a capital at the `start` of a sentence."""
    said = metric.replace("_", " ").replace("iou", "IoU")
    return said[:1].upper() + said[1:] if start else said


def is_share(metric: str) -> bool:
    """True for what is a part of a whole, 0 to 1, and told in percent: accuracies and IoU, of one class too."""
    return metric.endswith("accuracy") or metric.split("/")[0].split("_")[-1] == "iou"


def percent(share: float) -> str:
    """0.9331 as 93.3 %."""
    return f"{100 * share:.1f} %"


def signed(value: float) -> str:
    """A difference with its sign and one decimal; one that would round to nothing keeps the digit that it has: -0.03, not -0.0."""
    text = f"{value:+.1f}"
    return text if value == 0 or float(text) else f"{value:+.1g}"


def told(metric: str, value: float) -> str:
    """A metric's value for people: a share in percent, everything else with four digits."""
    return percent(value) if is_share(metric) else f"{value:.4g}"


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a probability of which `n` trials gave `share` (Wilson 1927); never past 0 or 1, unlike the normal one."""
    if n < 1:
        raise ValueError("an interval needs at least one trial")
    middle = share + Z**2 / (2 * n)
    reach = Z * sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def told_right(right: int, of: int) -> str:
    """How often a model was right, for people, with the interval: 84 % right on 100 test images (76 to 90)."""
    low, high = wilson(right / of, of)
    images = f"{of:,} test image{'' if of == 1 else 's'}"
    return f"{100 * right / of:.0f} % right on {images} ({100 * low:.0f} to {100 * high:.0f})"


@dataclass(frozen=True)
class Standing:
    """A metric at the newest round, beside the round before.

    Attributes:
        value, before: the metric then and now; `before` is None at the first round.
        images: how many test images it was measured on.
        is_counted: True where every image is right or wrong, so that theory gives an interval: accuracy. A mean IoU has none without the
            values of single images.
    """

    value: float
    before: float | None
    images: int
    is_counted: bool

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the value."""
        return wilson(self.value, self.images) if self.is_counted and self.images else None

    @property
    def points(self) -> float | None:
        """The change since the round before, in percentage points, as it is shown: with one digit behind the point."""
        return None if self.before is None else round(100 * (self.value - self.before), 1) + 0.0

    @property
    def is_noise(self) -> bool:
        """True for a change that is smaller than the interval is wide to either side: other test images might show the opposite."""
        return self.points is not None and self.interval is not None and abs(self.points) <= self._reach

    @property
    def _reach(self) -> float:
        low, high = self.interval or (self.value, self.value)
        return 50 * (high - low)

    def words(self) -> str:
        """How sure the value is, and whether the change means anything."""
        images = f"{self.images:,} test image{'' if self.images == 1 else 's'}"
        if self.interval is None:
            return f"Over {images}; on others it may differ, by how much is not known." if self.images else ""
        low, high = self.interval
        sure = f"Measured on {images}: the 95 % interval is {100 * low:.1f} to {100 * high:.1f} %"
        if not self.is_noise:
            return f"{sure}."
        return f"{sure}. The change is within the test set's noise: {images}, ±{self._reach:.1f} points."
