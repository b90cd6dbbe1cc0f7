"""Every image of a project as columns, kept up to date by the journal's new events: what views filter and sort. Reads only.

A project of a million images is read in ten seconds the first time, in one after a start; from then on an answer costs as much as it
changes.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from alcore.columns import KEPT_FROM, SPLIT_CODES, Texts, in_blocks, places
from alcore.files import kept_columns
from alcore.naming import natural_places
from alcore.project import sharing
from alcore.project.predictions import newest_model
from alcore.project.stored import ROOM, Stored
from alcore.remembered import Remembered
from alcore.training.roundfiles import RoundFiles
from alcore.types import SPLITS, Round

LABELED, SKIPPED, FLAGGED, DISPUTED = 1, 2, 4, 8  # bits of a state; 0 is an image nobody dealt with
NAMES = "names.npz"
FEW = 4  # projects whose columns are remembered: a million images take 60 MB
MANY = 20_000  # events after which reading everything again is quicker


class Names:
    """What images are called: these never change between two imports.

    Args:
        paths: of the images, in the order of the columns.
        shown: what people see of each.
    """

    def __init__(self, paths: Texts, shown: Texts) -> None:
        self.paths, self.shown = paths, shown

    @cached_property
    def places(self) -> np.ndarray:
        """(n,) int32: where each comes when they are sorted by name in natural order, equal names in the order of the columns."""
        return natural_places(list(self.shown))

    @cached_property
    def _folded(self) -> list[str]:
        return [name.casefold() for name in self.shown]

    def with_text(self, text: str) -> np.ndarray:
        """(n,) bool: whose name has the text in it, whatever its case."""
        wanted = text.casefold()
        return np.fromiter((wanted in name for name in self._folded), bool, len(self.shown))


@dataclass(frozen=True)
class Catalog:
    """The columns at one moment, by id. Never changed: `catalog` makes a new one.

    Attributes:
        ids: (n,) int64, ascending.
        names: what they are called.
        splits: (n,) int8 positions in SPLITS.
        labels: (n,) int16 class indices, -1 for none; digests of masks count as class 0.
        states: (n,) uint8 bits: LABELED, SKIPPED, FLAGGED, DISPUTED.
        people: annotators by the order in which they were met.
        annotators: (n,) int16 positions in `people`, -1 where nobody said anything.
        changed: (n,) float64 seconds since 1970 of the newest event, 0 for none.
        event: number of the newest event of the journal that it knows.
    """

    ids: np.ndarray
    names: Names
    splits: np.ndarray
    labels: np.ndarray
    states: np.ndarray
    people: tuple[str, ...]
    annotators: np.ndarray
    changed: np.ndarray
    event: int

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, ids: np.ndarray) -> np.ndarray:
        """(m,) int64 places of ids in the columns, -1 for those that are not there."""
        return places(self.ids, ids)

    def without(self, ids: Sequence[int]) -> Catalog:
        """The same, as if nobody had said anything of some images."""
        at = self.places(np.array(ids, np.int64))
        at = at[at >= 0]
        if not len(at):
            return self
        labels, states, annotators, changed = (column.copy() for column in (self.labels, self.states, self.annotators, self.changed))
        labels[at], states[at], annotators[at], changed[at] = -1, 0, -1, 0.0
        return replace(self, labels=labels, states=states, annotators=annotators, changed=changed)


@dataclass(frozen=True)
class Guesses:
    """What the newest model says, beside a catalog's columns.

    Attributes:
        number: of its round.
        classes: (n,) int16 class indices, -1 where it was not asked.
        confidence: (n,) float32 probability of that class, NaN where it was not asked.
        scores: name -> (n,) float32 of the round's strategy, NaN for what was not scored.
    """

    number: int
    classes: np.ndarray
    confidence: np.ndarray
    scores: dict[str, np.ndarray]


_kept: OrderedDict[Path, tuple[object, Catalog]] = OrderedDict()
_lock = threading.Lock()
_guesses = Remembered(FEW)


def catalog(project: Stored) -> Catalog:
    """The columns as of now."""
    stamp = (project.settings["packed"], project.classes, project.settings.get("truth"))
    with _lock:
        known = _kept.get(project.folder)
    newest = project.queries.newest_event()
    if known is None or known[0] != stamp or not 0 <= newest - known[1].event <= MANY:
        made = _read(project, newest)
    elif newest > known[1].event:
        made = _followed(project, known[1], newest)
    else:
        return known[1]
    with _lock:
        _kept[project.folder] = (stamp, made)
        _kept.move_to_end(project.folder)
        while len(_kept) > FEW:
            _kept.popitem(last=False)
    return made


def catalog_for(project: Stored, viewer: str | None) -> Catalog:
    """The columns as somebody may see them: where several people answer an image without sight of one another's answers, nothing of what
    was said of those that still want this person's own. All of it for None."""
    of = catalog(project)
    return of if viewer is None else of.without(sharing.unseen(project, viewer))


class _Columns:
    """Columns in the making."""

    def __init__(self, project: Stored, n: int, people: tuple[str, ...] = ()) -> None:
        self.splits, self.states = np.zeros(n, np.int8), np.zeros(n, np.uint8)
        self.labels, self.annotators = np.full(n, -1, np.int16), np.full(n, -1, np.int16)
        self.changed = np.zeros(n, np.float64)
        self.people = {name: at for at, name in enumerate(people)}
        self._classes = None if project.dense else {name: k for k, name in enumerate(project.classes)}

    def put(self, at: int, split: str, label: str | None, skip: bool, flag: bool, disputed: bool, who: str | None, time: float) -> None:
        self.splits[at] = SPLIT_CODES[split]
        self.states[at] = LABELED * (label is not None) + SKIPPED * bool(skip) + FLAGGED * bool(flag) + DISPUTED * bool(disputed)
        self.labels[at] = -1 if label is None else 0 if self._classes is None else self._classes.get(label, -1)
        self.annotators[at] = -1 if who is None else self.people.setdefault(who, len(self.people))
        self.changed[at] = time or 0.0


def _read(project: Stored, newest: int) -> Catalog:
    """Everything. `newest` was asked for before, so that what happens meanwhile is followed the next time."""
    lying = project.items.lying()
    columns = _Columns(project, len(lying))
    columns.splits = lying.splits.copy()
    for part in project.items.said():
        for at, (_, *marks) in zip(places(lying.ids, [row[0] for row in part]).tolist(), part, strict=True):
            if at >= 0:
                columns.put(at, SPLITS[columns.splits[at]], *marks)
    return _made(lying.ids, _names(project, lying.ids), columns, newest)


def _names(project: Stored, ids: np.ndarray) -> Names:
    """What these images, all that are there, are called; read from a file where they are many."""
    hides = hashlib.blake2b("\n".join(sorted(project.telling)).encode(), digest_size=8).hexdigest()
    state = f"{project.settings['packed']} {hides} {hashlib.blake2b(ids.tobytes(), digest_size=8).hexdigest()}"

    def read() -> dict[str, np.ndarray]:
        paths, shown = Texts(), Texts()
        for part in project.items.names():
            for item, path in part:
                paths.append(path)
                shown.append(project.shown_name(item, path))
        found = {"paths": paths.columns(), "shown": shown.columns()}
        return {f"{name}_{part}": values for name, both in found.items() for part, values in zip(("text", "ends"), both, strict=True)}

    kept = kept_columns(project.folder / ROOM / NAMES, state, read) if len(ids) >= KEPT_FROM else read()
    paths, shown = (Texts(kept[f"{name}_text"].tobytes(), kept[f"{name}_ends"]) for name in ("paths", "shown"))
    return Names(paths, shown)


def _followed(project: Stored, known: Catalog, newest: int) -> Catalog:
    """The same with what was said since."""
    touched: set[int] = set()
    after = known.event
    while after < newest:
        found = project.queries.changes(after)
        if not found.items:
            break
        touched.update(found.items)
        after = found.newest
    columns = _Columns(project, 0, known.people)
    columns.splits, columns.states, columns.labels = known.splits.copy(), known.states.copy(), known.labels.copy()
    columns.annotators, columns.changed = known.annotators.copy(), known.changed.copy()
    for part in project.items.states(sorted(touched)):
        for at, (_, split, *marks) in zip(places(known.ids, [row[0] for row in part]).tolist(), part, strict=True):
            if at >= 0:
                columns.put(at, split, *marks)
    return _made(known.ids, known.names, columns, max(newest, after))


def _made(ids: np.ndarray, names: Names, columns: _Columns, event: int) -> Catalog:
    people = tuple(columns.people)
    return Catalog(ids, names, columns.splits, columns.labels, columns.states, people, columns.annotators, columns.changed, event)


def guesses(project: Stored, of: Catalog, round_: Round | None = None) -> Guesses | None:
    """What a round, the newest with a model for None, said of these images when it was made; None without a model, and of masks."""
    round_ = None if project.dense else round_ or newest_model(project)
    files = project.files(round_) if round_ else None
    if round_ is None or files is None:
        return None
    number = round_.number
    return _guesses.of(
        (files.folder, files.places, project.settings["packed"], len(of), int(of.ids[-1]) if len(of) else 0),
        lambda: _guessed(files, of, number),
    )


def _guessed(files: RoundFiles, of: Catalog, number: int) -> Guesses:
    n = len(of)
    classes, confidence = np.full(n, -1, np.int16), np.full(n, np.nan, np.float32)
    at, logits = of.places(files.walked_ids), files.logits
    for part in in_blocks(len(at)):
        some = at[part]
        block = np.asarray(logits[part], np.float32)[some >= 0]
        classes[some[some >= 0]] = block.argmax(1)
        confidence[some[some >= 0]] = 1 / np.exp(block - block.max(1, keepdims=True)).sum(1)
    scored = of.places(files.ids)
    scores = {}
    for name, values in files.scores.items():
        scores[name] = np.full(n, np.nan, np.float32)
        scores[name][scored[scored >= 0]] = values[scored >= 0]
    return Guesses(number, classes, confidence, scores)
