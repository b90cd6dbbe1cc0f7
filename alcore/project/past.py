"""A project as it was when a round began: its labels, rebuilt from the journal and held against what the round noted. Reads only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from alcore.errors import AlcoreError
from alcore.project.catalog import DISPUTED, FLAGGED, LABELED, SKIPPED, Catalog, catalog
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.types import Round

FEW = 4  # pasts that are remembered

_known = Remembered(FEW)


@dataclass(frozen=True)
class Moment:
    """What a round notes of when it began: the newest change of the classes, the newest event of the journal, and the labels' digest."""

    change: int
    event: int | None = None
    digest: str = ""


@dataclass(frozen=True)
class Past:
    """What was said of a project's images when a round began.

    Attributes:
        states: id -> what storage/events.py folds: label (by the name of that time), skipped, flagged, disputed, annotator, changed.
        as_noted: whether these are the labels that the round had, by their digest.
    """

    states: Mapping[int, Mapping[str, Any]]
    as_noted: bool

    @property
    def labels(self) -> dict[int, str]:
        """id -> label, of those that had one."""
        return {item: state["label"] for item, state in self.states.items() if state["label"] is not None}


def digest_of(labels: Mapping[int, str]) -> str:
    """The same for the same labels, whatever their order."""
    made = hashlib.blake2b(digest_size=16)
    for item in sorted(labels):
        made.update(f"{item}\t{labels[item]}\n".encode())
    return made.hexdigest()


def moment_of(project: Stored, within: Any = None) -> Moment:
    """Now, as of one look at the database."""
    with project.place.database.read(within) as conn:
        labels = digest_of(project.items.labels(conn))
        return Moment(project.class_rows.newest(conn), project.queries.newest_event(conn), labels)


def past(project: Stored, round_: Round) -> Past:
    """The project when a round began.

    Raises:
        AlcoreError: the round is of a version that noted no moment.
    """
    if round_.event is None:
        raise AlcoreError(f"round {round_.number} of {project.name!r} was stored by an older version, which did not note when it began")
    event, change = round_.event, round_.change

    def read() -> Past:
        found = Past(project.journal.then(event, change), False)
        return replace(found, as_noted=digest_of(found.labels) == round_.digest)

    return _known.of((project.folder, round_.id), read)


def catalog_of(project: Stored, round_: Round) -> Catalog:
    """The columns of the images there are now, with what had been said of each when a round began; classes by their places of now."""
    then, of = past(project, round_), catalog(project)
    lineage = project.class_rows.lineage()
    index = {name: at for at, name in enumerate(project.classes)}
    place = {name: index.get(lineage.since(name, round_.change) or "", -1) for name in set(then.labels.values())}
    n, people = len(of), {name: at for at, name in enumerate(of.people)}
    labels, annotators = np.full(n, -1, np.int16), np.full(n, -1, np.int16)
    states, changed = np.zeros(n, np.uint8), np.zeros(n, np.float64)
    places = of.places(np.array(list(then.states), np.int64)).tolist() if then.states else []
    for at, state in zip(places, then.states.values(), strict=True):
        if at < 0:
            continue
        label = state["label"]
        labels[at] = -1 if label is None else 0 if project.dense else place[label]
        marks = (label is not None, state["skipped"], state["flagged"], state["disputed"])
        states[at] = sum(bit for bit, on in zip((LABELED, SKIPPED, FLAGGED, DISPUTED), marks, strict=True) if on)
        annotators[at] = people.setdefault(state["annotator"], len(people))
        changed[at] = state["changed"]
    return replace(of, labels=labels, annotators=annotators, states=states, changed=changed, people=tuple(people))
