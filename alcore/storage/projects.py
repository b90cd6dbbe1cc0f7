"""The rows of projects. Knows no image and no model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alcore.errors import BadInput, NotFound
from alcore.storage.database import Database, new_id
from alcore.storage.schema import annotation_rows, class_changes, current, items, jobs, masks, presence, projects, queries, rounds, skipped


class Projects:
    """All projects of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> list[str]:
        """Sorted."""
        with self._database.read() as conn:
            return list(conn.scalars(sa.select(projects.c.name).order_by(projects.c.name)))

    def folders(self) -> dict[str, str]:
        """Folder -> name of every project."""
        with self._database.read() as conn:
            return {settings["folder"]: name for name, settings in conn.execute(sa.select(projects.c.name, projects.c.settings))}

    def row(self, name: str, within: sa.Connection | None = None) -> dict[str, Any]:
        """The project's row, or NotFound naming those there are."""
        with self._database.read(within) as conn:
            row = conn.execute(sa.select(projects).where(projects.c.name == name)).mappings().first()
        if row is None:
            there = ", ".join(self.names()) or "none yet"
            raise NotFound(f"there is no project {name!r} (projects: {there})")
        return dict(row)

    def add(
        self, conn: sa.Connection, name: str, task: str, source: str, format_name: str, classes: Sequence[str], settings: Mapping[str, Any]
    ) -> int:
        """A new project's id, inside the caller's transaction; BadInput when the name is taken."""
        values = {"name": name, "task": task, "source": source, "format": format_name, "classes": list(classes), "settings": dict(settings)}
        try:
            return new_id(conn.execute(projects.insert().values(**values, created=time.time())))
        except sa.exc.IntegrityError:
            raise BadInput(f"a project {name!r} exists already: choose another name, or delete it first") from None

    def set(self, conn: sa.Connection, project_id: int, **values: Any) -> None:
        """Changes a project's row, inside the caller's transaction."""
        conn.execute(projects.update().where(projects.c.id == project_id).values(**values))

    def delete(self, project_id: int, name: str) -> None:
        """Removes the project with its items, journal and rounds, and jobs of its name: a later one of that name must not find them."""
        with self._database.write() as conn:
            conn.execute(jobs.delete().where(jobs.c.project == name))
            mine = sa.select(items.c.id).where(items.c.project_id == project_id).scalar_subquery()
            conn.execute(current.delete().where(current.c.item_id.in_(mine)))
            conn.execute(annotation_rows.delete().where(annotation_rows.c.project_id == project_id))
            conn.execute(queries.delete().where(queries.c.item_id.in_(mine)))
            for table in (rounds, skipped, masks, presence, class_changes, items):
                conn.execute(table.delete().where(table.c.project_id == project_id))
            conn.execute(projects.delete().where(projects.c.id == project_id))
