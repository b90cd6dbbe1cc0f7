"""The rows of a project's rounds and of what each asked for. Knows no model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alcore.errors import Busy
from alcore.storage.database import Database, new_id
from alcore.storage.schema import queries, rounds
from alcore.types import Round, is_start


class Rounds:
    """The rounds of one project."""

    def __init__(self, database: Database, project_id: int, project: str) -> None:
        self._database, self._project, self._name = database, project_id, project

    def add(
        self,
        strategy: str,
        query: Sequence[int],
        *,
        seed: int,
        labeled: int,
        device: str,
        seconds: Mapping[str, float],
        params: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        folder: str = "",
        classes: Sequence[str] = (),
        change: int = 0,
        event: int | None = None,
        digest: str = "",
        number: int | None = None,
    ) -> Round:
        """Stores a round with its query, in one transaction, as the next number; a start before all others gets 0.

        Args:
            number: the one that it must get.

        Raises:
            Busy: that one is taken: somebody was quicker.
        """
        values: dict[str, Any] = {"strategy": strategy, "seed": seed, "labeled": labeled, "device": device, "folder": folder}
        values |= {"classes": list(classes), "change": change, "event": event, "digest": digest}
        values |= {"params": dict(params or {}), "train": dict(train or {}), "metrics": dict(metrics or {}), "seconds": dict(seconds)}
        with self._database.write() as conn:
            last = conn.scalar(sa.select(sa.func.max(rounds.c.number)).where(rounds.c.project_id == self._project))
            following = 0 if last is None and is_start(strategy) else (last or 0) + 1
            if number not in (None, following):
                raise Busy(f"round {number} of {self._name!r} is there already: somebody was quicker. Look again.")
            row = {"project_id": self._project, "number": following, "created": time.time(), **values}
            round_id = new_id(conn.execute(rounds.insert().values(**row)))
            asked = [{"round_id": round_id, "position": i, "item_id": int(item)} for i, item in enumerate(query)]
            if asked:
                conn.execute(queries.insert(), asked)
        return self.all(following)[0]

    def update(self, round_id: int, **values: Any) -> None:
        """Changes a round's row."""
        with self._database.write() as conn:
            conn.execute(rounds.update().where(rounds.c.id == round_id).values(**values))

    def all(self, number: int | None = None) -> list[Round]:
        """All rounds by number, with their queries; or the one of that number."""
        where = (rounds.c.project_id == self._project, *(() if number is None else (rounds.c.number == number,)))
        with self._database.read() as conn:
            rows = conn.execute(sa.select(rounds).where(*where).order_by(rounds.c.number)).mappings().all()
            asked: dict[int, list[int]] = {}
            mine = sa.select(rounds.c.id).where(*where).scalar_subquery()
            query = (
                sa.select(queries.c.round_id, queries.c.item_id)
                .where(queries.c.round_id.in_(mine))
                .order_by(queries.c.round_id, queries.c.position)
            )
            for round_id, item in conn.execute(query):
                asked.setdefault(round_id, []).append(item)
        given = ("id", "number", "strategy", "params", "train", "seed", "labeled", "metrics", "seconds", "device", "folder", "created")

        def told(row: sa.RowMapping) -> Round:
            names, query = tuple(row["classes"] or ()), tuple(asked.get(row["id"], ()))
            told = {name: row[name] for name in given} | {"digest": row["digest"] or ""}
            return Round(project=self._name, query=query, classes=names, change=row["change"], event=row["event"], **told)

        return [told(row) for row in rows]
