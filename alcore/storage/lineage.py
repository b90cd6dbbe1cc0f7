"""What became of a project's classes: what a name of some time is called today. Pure: no database.

The journal keeps the names that people said, for ever; a class that was renamed, merged into another or taken away since is found here.
A name that is free again may be given to a new class: which one is meant follows from when it was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

ADD, RENAME, MERGE, REMOVE, ARRANGE, LOOK, UNDO = "add", "rename", "merge", "remove", "arrange", "look", "undo"
NAMING = (RENAME, MERGE, REMOVE)  # kinds after which a name means something else


@dataclass(frozen=True)
class Change:
    """One change of a project's classes.

    Attributes:
        id: later changes have higher ones.
        kind: ADD to UNDO.
        name: of the class, as it was called then; empty where it concerns all.
        value: the new name (rename), the class it became part of (merge), what is set (arrange: all names in order; look: color, key,
            about), the id of the change that is taken back (undo).
        before: what was set before, of arrange and look; where a class stood and how it looked, of merge and remove; the id of the
            change by which it was done, of undo.
        after: number of the newest event of the journal at that time: what was said up to it used the names of before.
        annotator, created: whose, and when in seconds since 1970.
    """

    id: int
    kind: str
    name: str
    value: Any
    before: Any
    after: int
    annotator: str
    created: float


class Lineage:
    """What names mean.

    Args:
        changes: all of a project, oldest first.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        self.changes = tuple(changes)
        taken_back = {int(change.value) for change in self.changes if change.kind == UNDO}
        self.naming = tuple(c for c in self.changes if c.kind in NAMING and c.id not in taken_back)
        self.taken_back = frozenset(taken_back)

    def __bool__(self) -> bool:
        """Whether any name may mean another class than the one of that name."""
        return bool(self.naming)

    def today(self, name: str | None, event: int) -> str | None:
        """What is called today what an event of the journal called `name`; None for a class that was taken away."""
        return self._follow(name, (change for change in self.naming if change.after >= event))

    def since(self, name: str, change: int) -> str | None:
        """What is called today what was called `name` right after a change; None for a class that was taken away."""
        return self._follow(name, (later for later in self.naming if later.id > change))

    def meant(self, name: str, classes: Sequence[str]) -> str | None:
        """The class that somebody means who has not heard of the newest changes: `name` where there is such a class, else what the last
        one of that name became; None where there never was one, or it was taken away."""
        if name in classes:
            return name
        last = max((at for at, change in enumerate(self.naming) if change.name == name), default=None)
        return None if last is None else self._follow(name, self.naming[last:])

    def until(self, change: int) -> Lineage:
        """What names meant after a change."""
        return Lineage(one for one in self.changes if one.id <= change)

    def names_before(self, change: Change) -> set[str]:
        """Every name under which the journal may speak of what a change was done to."""
        names = {change.name}
        for earlier in reversed([c for c in self.naming if c.id < change.id]):
            if earlier.value in names:
                names.add(earlier.name)
        return names

    @staticmethod
    def _follow(name: str | None, changes: Iterable[Change]) -> str | None:
        for change in changes:
            if name is not None and change.name == name:
                name = None if change.kind == REMOVE else str(change.value)
        return name
