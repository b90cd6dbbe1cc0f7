"""Whether more labels would still help, in one sentence: by how many guesses changed while the labels doubled. Knows metrics only.

The idea of stabilizing predictions (Bloodgood & Vijay-Shanker 2009): a model whose guesses on a fixed set of images hardly change has
little left to learn from more labels, and to see that takes none. Rounds in a row cannot be compared for it, since ten labels change
little at any time; so the newest is compared with one that had at most half its labels, whatever lies between. That is a bound too:
accuracy cannot have risen by more than the share of guesses that changed, and along a power law the next doubling gains less than the
last did. What changes is mostly several times the gain, as guesses also go from right to wrong and from one wrong class to another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from alcore.metrics import ENOUGH, told_right, wilson

# On simulated curves that gain 3 points or more with the next doubling, more than 8 % of guesses change (tests/measures/test_stopping.py).
STAYED = 0.92


@dataclass(frozen=True)
class Advice:
    """Whether to label more.

    Attributes:
        kind: "go_on", "little_left", or "cannot_tell".
        words: one sentence, with the numbers it comes from.
        numbers: those that are known of: labeled, before (labels then and now), agreement, agreement_low (the lower end of its 95 %
            interval), right, of, accuracy, low, high (of its 95 % interval); shares 0 to 1.
    """

    kind: Literal["go_on", "little_left", "cannot_tell"]
    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)


def compared_with(labeled: Sequence[int]) -> int | None:
    """Which round the newest is to be compared with: the position of the newest that had at most half its labels; None where none had.

    Args:
        labeled: how many labels each round learned from, oldest first.
    """
    return next((at for at in range(len(labeled) - 2, -1, -1) if 0 < labeled[at] <= labeled[-1] / 2), None)


def advice(history: Sequence[tuple[int, float | None]], right: int, of: int, images: int) -> Advice:
    """Whether more labels of the same kind would still help.

    Little is left where 92 % of guesses or more (STAYED) stayed the same while the labels doubled, the lower end of that share's interval
    counts; then the next doubling gains less than 3 points. It is said of this model on these images: another network may know
    more, and a model that has collapsed to one class stays the same too, which only the share right shows.

    Args:
        history: of each round, oldest first: how many labels it learned from, and the share of the pool's images, 0 to 1, for which its
            guess is the newest round's. Only the round that `compared_with` names needs a share, the others may have None.
        right, of: the newest round on the test slice.
        images: how many images of the pool that share is of.

    Raises:
        ValueError: a share outside 0 to 1, none where one is needed, or more right than tested.
    """
    if not 0 <= right <= of:
        raise ValueError(f"{right} of {of} cannot be right")
    tested, numbers = _tested(right, of)
    at = compared_with([labeled for labeled, _ in history])
    now = history[-1][0] if history else 0
    if at is None or images < 1:
        why = "no model yet" if not history else f"no earlier round had at most half of the {now:,} labels" if at is None else "no images"
        return Advice("cannot_tell", f"Too early to tell: {why} to compare the guesses with{tested}.", {**numbers, "labeled": now})
    before, agreement = history[at]
    if agreement is None or not 0 <= agreement <= 1:
        raise ValueError(f"the round of {before} labels needs the share of guesses that stayed, 0 to 1, not {agreement}")
    low = wilson(agreement, images)[0]
    numbers |= {"labeled": now, "before": before, "agreement": agreement, "agreement_low": low}
    grew = f"while the labels grew from {before:,} to {now:,}"
    if low < STAYED:
        return Advice("go_on", f"Go on: {grew}, {_percent(1 - agreement)} of the guesses changed{tested}.", numbers)
    stayed = f"{grew}, {_percent(agreement)} of the guesses stayed the same"
    if of < ENOUGH:
        return Advice("cannot_tell", f"Too few test images to tell how good the guesses are, label {ENOUGH}: {stayed}{tested}.", numbers)
    return Advice("little_left", f"Little left to gain: {stayed}{tested}.", numbers)


def _tested(right: int, of: int) -> tuple[str, dict[str, float]]:
    """What the test slice says, as the end of a sentence and in numbers."""
    if not of:
        return "", {"right": right, "of": of}
    low, high = wilson(right / of, of)
    numbers = {"right": right, "of": of, "accuracy": right / of, "low": low, "high": high}
    return f"; {told_right(right, of)}", numbers


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
