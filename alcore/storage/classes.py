"""The rows of what was done to a project's classes. What they mean is said in lineage.py."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from alcore.storage.database import Database, new_id
from alcore.storage.lineage import Change, Lineage
from alcore.storage.schema import annotation_rows, class_changes, projects


class Classes:
    """The classes of one project: their names now, in order, and every change that made them so."""

    def __init__(self, database: Database, project_id: int) -> None:
        self._database, self._project = database, project_id

    def now(self, within: sa.Connection | None = None) -> tuple[str, ...]:
        """Their names, in order."""
        with self._database.read(within) as conn:
            return tuple(conn.scalar(sa.select(projects.c.classes).where(projects.c.id == self._project)) or ())

    def lineage(self, within: sa.Connection | None = None) -> Lineage:
        """Every change, oldest first."""
        c = class_changes.c
        query = sa.select(c.id, c.kind, c.name, c.value, c.before, c.after, c.annotator, c.created)
        with self._database.read(within) as conn:
            return Lineage(Change(*row) for row in conn.execute(query.where(c.project_id == self._project).order_by(c.id)))

    def newest(self, within: sa.Connection | None = None) -> int:
        """The number of the newest change, 0 before the first."""
        query = sa.select(sa.func.max(class_changes.c.id)).where(class_changes.c.project_id == self._project)
        with self._database.read(within) as conn:
            return int(conn.scalar(query) or 0)

    def note(self, conn: sa.Connection, kind: str, name: str, annotator: str, value: Any = None, before: Any = None) -> Change:
        """Stores a change, inside the caller's transaction."""
        newest = sa.select(annotation_rows.c.id).where(annotation_rows.c.project_id == self._project)
        after = int(conn.scalar(newest.order_by(annotation_rows.c.id.desc()).limit(1)) or 0)
        told = {"kind": kind, "name": name, "value": value, "before": before, "after": after}
        told |= {"annotator": annotator, "created": time.time()}
        return Change(new_id(conn.execute(class_changes.insert().values(project_id=self._project, **told))), **told)
