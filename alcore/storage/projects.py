"""The rows of projects. Knows no image and no model.

A project of a million images is made and removed in many transactions, so that whoever labels elsewhere does not wait. Until it is whole,
and from when it begins to go, its row has a name that nobody may give, and no one sees it: what a killed process left is `unfinished`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alcore.errors import BadInput, NotFound
from alcore.storage.database import Database, new_id, remove_in_turns
from alcore.storage.schema import annotation_rows, class_changes, current, items, jobs, masks, presence, projects, queries, rounds, skipped

_HIDDEN = "."  # what the name of a project begins with that nobody sees
_SEEN = projects.c.name.not_like(f"{_HIDDEN}%")


class Projects:
    """All projects of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> list[str]:
        """Sorted."""
        with self._database.read() as conn:
            return list(conn.scalars(sa.select(projects.c.name).where(_SEEN).order_by(projects.c.name)))

    def folders(self) -> dict[str, str]:
        """Folder -> name of every project."""
        with self._database.read() as conn:
            found = conn.execute(sa.select(projects.c.name, projects.c.settings).where(_SEEN))
            return {settings["folder"]: name for name, settings in found}

    def unfinished(self) -> dict[str, int]:
        """Folder -> id of every project that is being made or removed, by somebody who may have been killed."""
        with self._database.read() as conn:
            found = conn.execute(sa.select(projects.c.id, projects.c.settings).where(~_SEEN))
            return {settings["folder"]: id for id, settings in found}

    def row(self, name: str, within: sa.Connection | None = None) -> dict[str, Any]:
        """The project's row, or NotFound naming those there are."""
        with self._database.read(within) as conn:
            row = conn.execute(sa.select(projects).where(projects.c.name == name, _SEEN)).mappings().first()
        if row is None:
            there = ", ".join(self.names()) or "none yet"
            raise NotFound(f"there is no project {name!r} (projects: {there})")
        return dict(row)

    def begin(
        self, conn: sa.Connection, task: str, source: str, format_name: str, classes: Sequence[str], settings: Mapping[str, Any]
    ) -> int:
        """The id of a new project, inside the caller's transaction; nobody sees it until it is `named`."""
        name = _HIDDEN + uuid.uuid4().hex
        values = {"name": name, "task": task, "source": source, "format": format_name, "classes": list(classes), "settings": dict(settings)}
        return new_id(conn.execute(projects.insert().values(**values, created=time.time())))

    def named(self, conn: sa.Connection, project_id: int, name: str) -> None:
        """Lets everybody see a project that was begun, inside the caller's transaction; BadInput when the name is taken."""
        try:
            self.set(conn, project_id, name=name)
        except sa.exc.IntegrityError:
            raise BadInput(f"a project {name!r} exists already: choose another name, or delete it first") from None

    def set(self, conn: sa.Connection, project_id: int, **values: Any) -> None:
        """Changes a project's row, inside the caller's transaction."""
        conn.execute(projects.update().where(projects.c.id == project_id).values(**values))

    def delete(self, project_id: int, name: str) -> None:
        """Removes the project with its items, journal and rounds, and jobs of its name: a later one of that name must not find them."""
        with self._database.write() as conn:
            conn.execute(jobs.delete().where(jobs.c.project == name))
            self.set(conn, project_id, name=_HIDDEN + uuid.uuid4().hex)
        self.clear(project_id)

    def clear(self, project_id: int) -> None:
        """Removes all rows of a project that nobody sees; nothing of one that has got its name meanwhile. Whoever had read it before may
        write to it on the way: what comes after its table was cleared is removed in another go."""
        for last in (False, False, True):
            try:
                self._clear(project_id)
                return
            except sa.exc.IntegrityError:
                if last:
                    raise

    def _clear(self, project_id: int) -> None:
        with self._database.read() as conn:
            if conn.scalar(sa.select(projects.c.id).where(projects.c.id == project_id, ~_SEEN)) is None:
                return
        asked = sa.select(rounds.c.id).where(rounds.c.project_id == project_id)
        remove_in_turns(self._database, queries, queries.c.round_id.in_(asked))
        for table in (rounds, current, annotation_rows, skipped, masks, presence, class_changes, items):
            remove_in_turns(self._database, table, table.c.project_id == project_id)
        remove_in_turns(self._database, projects, projects.c.id == project_id)
