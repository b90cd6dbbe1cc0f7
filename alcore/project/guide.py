"""The first minutes with a folder of photos: classes named, a test slice drawn, a first query chosen, learning on. Knows no page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alcore.errors import BadInput
from alcore.naming import clean_classes
from alcore.project import classes as kinds
from alcore.project import features, live, loop, slices
from alcore.project.features import Features
from alcore.project.stored import Stored
from alcore.types import Round

FIRST = 20  # images of the first query: with one of each group of photos most classes show


@dataclass(frozen=True)
class Found:
    """What is known of the photos before the first label.

    Attributes:
        photos: how many may be asked for.
        read: how many images the pretrained network has looked at, of `images`.
        alike: how many are near duplicates of another one; None before that is known.
    """

    photos: int
    images: int
    read: int
    alike: int | None

    def words(self) -> str:
        """12,400 photos, 310 near duplicates."""
        told = [f"{self.photos:,} photo{'' if self.photos == 1 else 's'}"]
        if self.alike is not None:
            told.append(f"{self.alike:,} near duplicate{'' if self.alike == 1 else 's'}" if self.alike else "no near duplicates")
        if self.read < self.images:
            told.append(f"{self.read:,} read so far")
        return ", ".join(told)


def found(project: Stored) -> Found:
    """The project's photos as far as they are known; compares nothing anew."""
    counts, of = project.counts(), Features(project)
    groups = of.known_groups()
    alike = None if groups is None else int((groups != np.arange(len(groups))).sum())
    return Found(counts["splits"].get("pool", 0), counts["items"], of.done, alike)


def most_tested(project: Stored) -> int:
    """The largest test slice that leaves most of the photos for learning."""
    return min(slices.MOST, int(project.counts()["splits"].get("pool", 0)) // 4)


def begin(
    project: Stored, classes: Sequence[str] = (), test: int = slices.USUAL, *, test_first: bool = False, learn: bool = True, seed: int = 0
) -> Round:
    """Names classes, draws the test slice, switches learning on or off and asks for the first images: typical ones of each group where the
    photos have been read, others at random.

    Raises:
        BadInput: fewer than two classes, or a slice that cannot be drawn; nothing is changed then.
    """
    names = clean_classes(classes)
    every = list(dict.fromkeys([*project.classes, *names]))
    if len(every) < 2:
        raise BadInput(f"{len(every)} class{'' if len(every) == 1 else 'es'} to choose from: name at least two, with commas between them")
    if project.newest_round() is not None:
        raise BadInput(f"{project.name!r} has begun already: label what is asked for")
    if test > most_tested(project):
        raise BadInput(f"cannot test on {test} of {project.counts()['splits'].get('pool', 0):,} photos: use at most {most_tested(project)}")
    slices.draw(project, test, seed)
    for name in names:
        if name not in project.classes:
            kinds.add(project, name)
    live.choose(project, learn, live.settings(project).every)
    how = next(iter(features.ways_to_start(project, FIRST)))
    left = len(project.pool().unlabeled)
    return loop.start(project, min(FIRST, left), how, seed, slice_first=test_first)
