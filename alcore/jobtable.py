"""The rows of background jobs: what jobs.JobRunner asks of a table, in SQL."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from alcore.errors import NotFound
from alcore.schema import job_log, jobs
from alcore.store import Store, new_id
from alcore.types import Job, Progress

RESUMABLE = ("interrupted", "cancelled", "failed")


class Jobs:
    """jobs.JobTable over a Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_job(self, kind: str, project: str, title: str, arguments: Mapping[str, Any], device: str, owner: str | None = None) -> Job:
        now = time.time()
        values = {
            "kind": kind,
            "project": project,
            "title": title,
            "arguments": dict(arguments),
            "device": device,
            "created": now,
            "cancel": False,
        }
        state = {"state": "running" if owner else "queued", "owner": owner, "started": now if owner else None}
        with self._store.write() as conn:
            made = conn.execute(jobs.insert().values(**values, **state, progress=_to_json(Progress("waiting", 0, 0))))
        return self.job(new_id(made))

    def job(self, id: int) -> Job:
        with self._store.read() as conn:
            row = conn.execute(sa.select(jobs).where(jobs.c.id == id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no job {id}")
        return _job(dict(row))

    def jobs(self, project: str | None = None, limit: int = 50) -> list[Job]:
        query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        with self._store.read() as conn:
            return [
                _job(dict(r)) for r in conn.execute(query.where(jobs.c.project == project) if project is not None else query).mappings()
            ]

    def claim_next(self, device: str, owner: str) -> Job | None:
        with self._store.write() as conn:
            found = conn.scalar(sa.select(jobs.c.id).where(jobs.c.state == "queued", jobs.c.device == device).order_by(jobs.c.id).limit(1))
            if found is None:
                return None
            conn.execute(jobs.update().where(jobs.c.id == found).values(state="running", owner=owner, started=time.time()))
        return self.job(found)

    def requeue(self, id: int, owner: str | None = None) -> bool:
        clean = {"cancel": False, "error": None, "result": None, "finished": None}
        state = {"state": "running" if owner else "queued", "owner": owner, "started": time.time() if owner else None}
        with self._store.write() as conn:
            changed = conn.execute(jobs.update().where(jobs.c.id == id, jobs.c.state.in_(RESUMABLE)).values(**clean, **state))
        return changed.rowcount == 1

    def save_progress(self, id: int, progress: Progress) -> None:
        self._update(id, progress=_to_json(progress))

    def finish_job(self, id: int, state: str, *, result: Mapping[str, Any] | None = None, error: str | None = None) -> None:
        self._update(id, state=state, result=dict(result) if result is not None else None, error=error, finished=time.time())

    def request_cancel(self, id: int) -> None:
        with self._store.write() as conn:
            state = conn.scalar(sa.select(jobs.c.state).where(jobs.c.id == id))
            if state is None:
                raise NotFound(f"there is no job {id}")
            if state == "queued":
                conn.execute(jobs.update().where(jobs.c.id == id).values(state="cancelled", finished=time.time()))
            elif state == "running":
                conn.execute(jobs.update().where(jobs.c.id == id).values(cancel=True))

    def cancel_requested(self, id: int) -> bool:
        with self._store.read() as conn:
            return bool(conn.scalar(sa.select(jobs.c.cancel).where(jobs.c.id == id)))

    def running(self) -> list[tuple[Job, str]]:
        with self._store.read() as conn:
            return [(_job(dict(r)), r["owner"] or "") for r in conn.execute(sa.select(jobs).where(jobs.c.state == "running")).mappings()]

    def forget(self, project: str) -> None:
        """Removes the jobs of a project that was deleted: a later one of that name must not find them."""
        with self._store.write() as conn:
            conn.execute(jobs.delete().where(jobs.c.project == project))

    def append_log(self, id: int, line: str) -> None:
        with self._store.write() as conn:
            conn.execute(job_log.insert().values(job_id=id, line=line))

    def log(self, id: int) -> list[str]:
        with self._store.read() as conn:
            return list(conn.scalars(sa.select(job_log.c.line).where(job_log.c.job_id == id).order_by(job_log.c.id)))

    def _update(self, id: int, **values: Any) -> None:
        with self._store.write() as conn:
            if conn.execute(jobs.update().where(jobs.c.id == id).values(**values)).rowcount == 0:
                raise NotFound(f"there is no job {id}")


def _to_json(progress: Progress) -> dict[str, Any]:
    return {**dataclasses.asdict(progress), "values": dict(progress.values)}


def _job(row: Mapping[str, Any]) -> Job:
    names = {f.name for f in dataclasses.fields(Job)} - {"progress"}
    return Job(progress=Progress(**row["progress"]), **{n: row[n] for n in names})
