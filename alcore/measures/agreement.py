"""How far people agree who answered the same images without seeing each other's answers: percent agreement, Cohen's kappa of two (Cohen
1960), Fleiss' kappa of several (Fleiss 1971, with the usual extension to images that not all of them answered), each in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alcore.metrics import wilson

FEW = 20  # images in common below which nothing is said: of fewer, the interval of their agreement is 40 points wide


def cohen(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two people's answers to the same images: 1 is agreement on all, 0 what chance gives to people who say each class as
    often as they do; None where it is not defined: without images, or where both said but one class."""
    n = len(pairs)
    if not n:
        return None
    same = sum(a == b for a, b in pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(count * second[name] for name, count in first.items())  # times n squared: whole numbers are equal or they are not
    if by_chance == n * n:
        return None
    return (same * n - by_chance) / (n * n - by_chance)


def fleiss(table: np.ndarray) -> float | None:
    """Fleiss' kappa of (images, classes) counts of answers; None where it is not defined.

    Images with fewer than two answers are left out. Where all others have equally many it is Fleiss' own; else each image's pairs of
    answers count as much as another's.
    """
    counts = np.asarray(table, np.int64)
    given = counts.sum(1)
    counts, given = counts[given > 1], given[given > 1]
    if not len(counts):
        return None
    share = counts.sum(0) / given.sum()
    by_chance = float((share**2).sum())
    if np.count_nonzero(counts.sum(0)) < 2:
        return None
    return (_pairs_alike(counts, given) - by_chance) / (1 - by_chance)


def _pairs_alike(counts: np.ndarray, given: np.ndarray) -> float:
    """The mean over images of the share of its pairs of answers that are the same."""
    return float((((counts**2).sum(1) - given) / (given * (given - 1))).mean())


@dataclass(frozen=True)
class Agreement:
    """How far people agree.

    Attributes:
        who: their names.
        images: those that at least two of them answered.
        share: of two people the images they said the same of, of several the pairs of answers to an image that are the same; 0 to 1, None
            without an image.
        kappa: Cohen's or Fleiss'; None where it is not defined.
    """

    who: tuple[str, ...]
    images: int
    share: float | None
    kappa: float | None

    @property
    def tells(self) -> bool:
        """Whether there are enough images in common to say anything."""
        return self.images >= FEW

    @property
    def short(self) -> str:
        """For a cell of a table: 90 % of 50, kappa 0.85."""
        if self.share is None or not self.tells:
            return f"can't tell ({self.images:,} in common)"
        return f"{100 * self.share:.0f} % of {self.images:,}" + (f", kappa {self.kappa:.2f}" if self.kappa is not None else "")

    def words(self) -> str:
        """A sentence for people."""
        names = f"{', '.join(self.who[:-1])} and {self.who[-1]}" if len(self.who) <= 4 else f"These {len(self.who)} people"
        if self.share is None:
            return f"{names} have no image in common yet."
        if not self.tells:
            common = f"{self.images:,} image{'' if self.images == 1 else 's'}"
            whose = names if len(self.who) <= 4 else names.lower()
            return f"Can't tell yet whether {whose} agree: {common} in common, {FEW} are needed."
        if len(self.who) == 2:
            low, high = wilson(self.share, self.images)
            same = f"said the same of {round(self.share * self.images):,} of {self.images:,} images ({100 * low:.0f} to {100 * high:.0f} %)"
        else:
            same = f"agree in {100 * self.share:.0f} % of the pairs of answers to {self.images:,} images"
        if self.kappa is None:
            return f"{names} {same}; all of it is one class, so how much of that is chance cannot be told."
        return f"{names} {same}. Kappa is {self.kappa:.2f}: 1 is always, 0 is what chance gives."


def of_two(first: tuple[str, Mapping[int, str]], second: tuple[str, Mapping[int, str]]) -> Agreement:
    """Of two people, each a name and {image: class}, on the images both answered."""
    (one, a), (other, b) = first, second
    pairs = [(a[i], b[i]) for i in sorted(a.keys() & b.keys())]
    return Agreement((one, other), len(pairs), sum(x == y for x, y in pairs) / len(pairs) if pairs else None, cohen(pairs))


def of_all(said: Mapping[str, Mapping[int, str]]) -> Agreement:
    """Of all people who answered, {name: {image: class}}: `of_two` of two, Fleiss' kappa of more."""
    if len(said) == 2:
        one, other = said.items()
        return of_two(one, other)
    classes = sorted({label for answers in said.values() for label in answers.values()})
    at = {name: k for k, name in enumerate(classes)}
    rows: dict[int, np.ndarray] = {}
    for answers in said.values():
        for image, label in answers.items():
            rows.setdefault(image, np.zeros(len(classes), np.int64))[at[label]] += 1
    table = np.stack([row for row in rows.values() if row.sum() > 1]) if any(row.sum() > 1 for row in rows.values()) else None
    if table is None:
        return Agreement(tuple(said), 0, None, None)
    return Agreement(tuple(said), len(table), _pairs_alike(table, table.sum(1)), fleiss(table))


def with_others(name: str, said: Mapping[str, Mapping[int, str]]) -> Agreement | None:
    """Of one person with all others together: each image counts once for every other person who answered it; None for somebody alone.

    The number of images is that of different ones, so an image many answered does not make little look like much.
    """
    others = [answers for other, answers in said.items() if other != name]
    if not others or name not in said:
        return None
    own = said[name]
    pairs = [(own[i], answers[i]) for answers in others for i in sorted(own.keys() & answers.keys())]
    images = {i for answers in others for i in own.keys() & answers.keys()}
    return Agreement((name, "the others"), len(images), sum(a == b for a, b in pairs) / len(pairs) if pairs else None, cohen(pairs))
