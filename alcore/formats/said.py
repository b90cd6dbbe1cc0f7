"""What people said of images in a labeling program, made a reading: one class an image, or a mask of the shapes they drew.

Knows no single format: Label Studio, CVAT and boxes of VOC hand over who said what of which image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alcore.columns import Entries, Texts
from alcore.errors import BadInput
from alcore.formats.base import count, no_images, split_of_path
from alcore.formats.dense import Color, check_classes
from alcore.formats.shapes import Drawn, Shape, packed
from alcore.naming import class_order, printable
from alcore.reading import Reading
from alcore.types import Answer, Skipped


@dataclass
class Said:
    """One person's answer to one image.

    Attributes:
        annotator: who; "" where the source does not tell.
        classes: of the image as a whole.
        shapes: that were drawn, lowest first.
        size: width and height of the picture that was drawn on; (0, 0) where that is not told.
        skipped: they gave no answer, and said so.
        decides: it counts whatever others said.
        at: when, as a text that sorts.
    """

    annotator: str = ""
    classes: tuple[str, ...] = ()
    shapes: list[Shape] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    skipped: bool = False
    decides: bool = False
    at: str = ""

    def label(self, of_shapes: bool) -> str | None:
        """Its one class, or that of its shapes; None for none and for several."""
        names = {shape[1] for shape in self.shapes} if of_shapes else set(self.classes)
        return next(iter(names)) if len(names) == 1 else None


@dataclass
class Image:
    """An image of the source, by its path below the root, and what was said of it: a person's newest answer, oldest first."""

    path: str
    split: str
    said: list[Said] = field(default_factory=list)
    listing: str = ""

    def add(self, said: Said) -> None:
        """Takes one more answer in the place of that person's last one."""
        self.said = sorted([*self.said, said], key=lambda one: one.at)
        newest = {one.annotator or f"\0{at}": at for at, one in enumerate(self.said)}  # who is not told may be anybody
        self.said = [self.said[at] for at in sorted(newest.values())]


@dataclass
class Source:
    """A source as a format found it.

    Attributes:
        what: the program's name.
        classes: names with their colors, those of a list first; the others are added by their order.
        images: those that are there; `others` are the paths of images that nothing is said of.
    """

    root: Path
    what: str
    classes: dict[str, Color | None]
    images: Sequence[Image]
    others: Iterable[str] = ()
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    used: frozenset[str] = frozenset()


def reading_of(source: Source, task: str) -> Reading:
    """Masks of the shapes that were drawn, or one class an image: by the task, for auto by what there is.

    Raises:
        BadInput: there is no image, or nothing of the kind that is asked for.
    """
    everything = [said for image in source.images for said in image.said]
    drawn, classed = any(said.shapes for said in everything), any(said.classes for said in everything)
    if task == "segmentation" and classed and not drawn:
        raise BadInput(
            f"{source.root}: {source.what} has classes of images and no shapes, so there are no masks: import it as classification"
        )
    dense = task == "segmentation" or (task == "auto" and drawn)
    of_shapes = not dense and drawn and not classed
    names = dict(source.classes)
    met = {one for said in everything for one in ((s[1] for s in said.shapes) if dense or of_shapes else said.classes)}
    names |= dict.fromkeys(name for name in class_order(met) if name not in names)
    reading = _masks(source, names) if dense else _labels(source, names, of_shapes)
    reading.warnings = [*source.warnings, *reading.warnings]
    if dense and classed:
        reading.warnings.append("classes of whole images beside the shapes were not read: import it as classification to take them")
    if not dense and drawn and classed:
        reading.warnings.append("shapes beside the classes of images were not read: import it as segmentation to take them")
    reading.used = source.used
    return reading


def _labels(source: Source, names: Mapping[str, Color | None], of_shapes: bool) -> Reading:
    entries, torn, several = Entries(), 0, 0
    answers: dict[int, Sequence[Answer]] = {}
    for image in source.images:
        votes = [Answer(said.annotator, said.label(of_shapes), said.decides) for said in image.said]
        several += sum(
            vote.value is None and not said.skipped and len(said.classes or said.shapes) > 1
            for vote, said in zip(votes, image.said, strict=True)
        )
        votes = [vote for vote, said in zip(votes, image.said, strict=True) if vote.value is not None or said.skipped]
        label, is_torn = most(votes)
        torn += is_torn
        if any(vote.annotator for vote in votes):
            answers[len(entries)] = votes
        entries.append(image.path, image.split, label)
    return _finished(source, names, entries, answers, torn, several, of_shapes)


def most(votes: Sequence[Answer]) -> tuple[str | None, bool]:
    """(what counts of several answers, whether none of them does because as many said one thing as another): the newest that decides, else
    what most said, a skip being a vote too."""
    deciding = [vote for vote in votes if vote.decides]
    if deciding or not votes:
        return (deciding[-1].value if deciding else None), False
    tally = Counter(vote.value for vote in votes).most_common(2)
    is_torn = len(tally) > 1 and tally[0][1] == tally[1][1]
    return (None if is_torn else tally[0][0]), is_torn


def torn_words(number: int) -> str:
    """What is said of so many images of which no class counts."""
    verbs = ("has", "counts") if number == 1 else ("have", "count")
    return f"{count(number, 'image')} {verbs[0]} as many answers of one class as of another and {verbs[1]} as unlabeled"


def _finished(
    source: Source,
    names: Mapping[str, Color | None],
    entries: Entries,
    answers: Mapping[int, Sequence[Answer]],
    torn: int,
    several: int,
    of_shapes: bool,
) -> Reading:
    for path in source.others:
        entries.append(path, split_of_path(path) or "pool")
    if not len(entries):
        raise no_images(source.root, source.skipped)
    labeled = int((entries.labels >= 0).sum())
    how = f"{source.what}, the class of its objects as that of the image" if of_shapes else f"{source.what}, a class an image"
    counted = f"{count(len(names), 'class', 'classes')}, {count(len(entries), 'image')}"
    reading = Reading(source.root, tuple(names), entries, source.skipped, took_for=f"{how}: {counted}, {labeled:,} of them labeled")
    reading.answers = answers
    people = {vote.annotator for votes in answers.values() for vote in votes}
    if len(people) > 1:
        reading.warnings.append(f"{len(people)} people answered ({_first(people)}): where they differ, what most of them said counts")
    if torn:
        reading.warnings.append(torn_words(torn))
    if several:
        verb = "counts" if several == 1 else "count"
        own = f"{count(several, 'image')} with objects of several classes {verb} as unlabeled"
        reading.warnings.append(own if of_shapes else f"{count(several, 'answer')} of several classes at once left out: an image has one")
    return reading


def _first(names: Iterable[str], shown: int = 3) -> str:
    found = [name[:40] for name in class_order(names)]
    return ", ".join(found[:shown]) + (f" and {len(found) - shown:,} more" if len(found) > shown else "")


def _masks(source: Source, names: Mapping[str, Color | None]) -> Reading:
    entries, files = Entries(), Texts()
    shapes: list[bytes | None] = []
    sizes: list[tuple[int, int]] = []
    answers: dict[int, Sequence[Answer]] = {}
    beside = 0
    for image in source.images:
        given = [said for said in image.said if not said.skipped]
        deciding = [said for said in given if said.decides]
        taken = (deciding or given)[-1] if given else None
        beside += len(given) > 1
        told = taken or (image.said[-1] if image.said else None)
        if told is not None and told.annotator:
            answers[len(entries)] = [Answer(told.annotator, None if taken is None else "")]
        entries.append(image.path, image.split)
        files.append(image.listing if taken is not None else "")
        shapes.append(packed(taken.shapes) if taken is not None else None)
        sizes.append(taken.size if taken is not None else (0, 0))
    for path in source.others:
        entries.append(path, split_of_path(path) or "pool")
        files.append("")
        shapes.append(None)
        sizes.append((0, 0))
    if not len(entries):
        raise no_images(source.root, source.skipped)
    check_classes(source.root, list(names))
    found = Drawn(source.root, entries.paths, shapes, sizes, {name: at for at, name in enumerate(names)})
    having = sum(one is not None for one in shapes)
    told_for = f"{source.what}, a class a pixel: {count(len(names), 'class', 'classes')}, {count(len(entries), 'image')}"
    told_for += ", all with masks" if having == len(entries) else f", {having:,} of them with masks"
    reading = Reading(source.root, tuple(names), entries, source.skipped, took_for=told_for)
    reading.masks, reading.mask_files, reading.answers, reading.remarks = found, files, answers, found.told
    colors = tuple(color for color in names.values() if color is not None)
    reading.colors = colors if len(colors) == len(names) else ()
    if beside:
        verb = "was" if beside == 1 else "were"
        reading.warnings.append(f"{count(beside, 'image')} {verb} drawn on by several people: the newest answer of each image counts")
    return reading


def joined(images: dict[str, Image], image: Image, called: str, skipped: list[Skipped], called_by: dict[str, str]) -> None:
    """Adds an image; one that is listed again under the same name adds its answers, two names of one image set the later one aside."""
    if called_by.setdefault(image.path, called) != called:
        reason = f"{image.listing}: {called_by[image.path][:80]!r} means the same image: the first one counts"
        skipped.append(Skipped(printable(called[:200]), reason))
    elif image.path in images:
        for said in image.said:
            images[image.path].add(said)
    else:
        images[image.path] = image
