"""Which value of a mask is void, and which class every other one is: by what a person says, else by the masks. Knows no format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alcore.errors import BadInput
from alcore.pixels import masks
from alcore.types import VOID

CHOICES = ("auto", "none", "0", "255")
SAYS_NOTHING = ("auto", "255")  # what every format does anyway
FREQUENT = 0.002  # share of the pixels from which on a value is no slip of the brush
LOOKED_AT = 64  # masks whose values are counted; all of them before a class is said to be missing
SHOWN = 8  # values a message lists


@dataclass(frozen=True)
class Values:
    """What the values of a source's masks mean.

    Attributes:
        names: the classes, in order.
        classes: value -> class index, or VOID.
        void: the value that is void in the source; None when there is none.
        notes: what was chosen and why, a sentence each.
    """

    names: tuple[str, ...]
    classes: Mapping[int, int]
    void: int | None = VOID
    notes: tuple[str, ...] = field(default=())


def chosen(names: Sequence[str], asked: str, counts: Callable[[int], np.ndarray]) -> Values:
    """The meaning of masks whose values are places in a list of names.

    Args:
        asked: one of CHOICES. auto: 255 is void, unless it is frequent while the last class has no pixel anywhere: then it is that class,
            as in masks of 0 and 255. none: 255 is the last class. 0: 0 is void, and the names are those of 1, 2, ...; where the masks
            have no value beyond the names, the first name is void's own.
        counts: (256,) pixels of each value in the first so many masks, evenly drawn; 0 counts all.
    """
    if asked not in CHOICES:
        raise BadInput(f"void={asked!r}: use one of {', '.join(CHOICES)}")
    n = len(names)
    plain = {at: at for at in range(min(n, 256))}
    if asked == "0":
        if n < 256 and counts(0)[n]:
            return Values(
                tuple(names), {0: VOID, **{at + 1: at for at in range(n)}}, 0, ("0 is void, as asked; the names are those of 1, 2, …",)
            )
        if n < 2:
            raise BadInput(f"void=0 leaves no class: {names[0]!r} is the only name. Name the classes of the other values too")
        rest = {at: at - 1 for at in range(1, n)}
        return Values(tuple(names[1:]), {0: VOID, **rest}, 0, (f"0 is void, as asked: {names[0]!r} is none of the classes",))
    last = {at: at for at in range(n - 1)} | {VOID: n - 1}
    if asked == "none":
        return Values(tuple(names), last, None, (f"no value is void, as asked: 255 is the class {names[-1]!r}",))
    if asked == "255" or n > VOID or n < 1:
        return Values(tuple(names), plain)
    seen = counts(LOOKED_AT)
    if seen[VOID] >= FREQUENT * max(1, seen.sum()) and not seen[n - 1]:
        seen = counts(0)
        if not seen[n - 1]:
            share = seen[VOID] / seen.sum()
            said = f"255 has {share:.0%} of the pixels and {names[-1]!r} (value {n - 1}) none: 255 was taken for it; if it is void, say so"
            return Values(tuple(names), last, None, (said,))
        return Values(tuple(names), plain)
    absent = [names[at] for at in range(n) if not seen[at]]
    if seen[VOID] and absent and seen[VOID] >= 0.5 * seen.sum():
        said = f"{seen[VOID] / seen.sum():.0%} are 255, thus void, and {absent[0]!r} has hardly any pixel: if 255 is a class, say void=none"
        return Values(tuple(names), plain, VOID, (said,))
    return Values(tuple(names), plain)


def counter(root: Path, names: Sequence[str], colors: Mapping[tuple[int, int, int], int] | None = None) -> Callable[[int], np.ndarray]:
    """What `chosen` wants as `counts`, of these masks below `root`. One that cannot be read counts nothing: it is told when
    its image's turn comes."""

    def values(name: str) -> np.ndarray | None:
        try:
            return masks.read_mask(root / name, colors)
        except BadInput:
            return None

    def counts(most: int) -> np.ndarray:
        step = max(1, len(names) // most) if most else 1
        return counted(values(name) for name in names[::step])

    return counts


def counted(found: Iterable[np.ndarray | None]) -> np.ndarray:
    """(256,) pixels of each value in these masks."""
    total = np.zeros(256, np.int64)
    for mask in found:
        if mask is not None:
            total += np.bincount(mask.ravel(), minlength=256)
    return total


def told(counts: np.ndarray) -> str:
    """The values there are with their share of the pixels: "0 (61 %), 1 (30 %), 255 (9 %)"."""
    there = np.flatnonzero(counts)
    if not len(there):
        return "none that can be read"
    listed = ", ".join(f"{value} ({counts[value] / counts.sum():.0%})" for value in there[:SHOWN].tolist())
    return listed + (f" and {len(there) - SHOWN} more" if len(there) > SHOWN else "")
