"""The rows of background jobs: what jobs.runner asks of a table, in SQL."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alcore.errors import Busy, NotFound
from alcore.jobs.contract import GONE, RESUMABLE, Claim, log_line
from alcore.jobs.processes import FRESH, is_alive
from alcore.progress import Progress
from alcore.storage.database import Database, new_id
from alcore.storage.schema import job_log, jobs
from alcore.types import Job

NOTHING_YET = Progress("waiting", 0, 0)


class Jobs:
    """jobs.contract.JobTable over a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_job(
        self,
        kind: str,
        project: str,
        title: str,
        arguments: Mapping[str, Any],
        device: str,
        owner: str | None = None,
        *,
        waiter: str | None = None,
        attended: bool = False,
        alone: bool = False,
    ) -> Job:
        now = time.time()
        values = {
            "kind": kind,
            "project": project,
            "title": title,
            "arguments": dict(arguments),
            "device": device,
            "created": now,
            "seen": now,
            "cancel": False,
            "attended": attended,
        }
        state = {"state": "running" if owner else "queued", "owner": owner or waiter, "started": now if owner else None}
        with self._database.write() as conn:
            mine = (jobs.c.kind == kind, jobs.c.project == project, jobs.c.state.in_(("running", "queued")))
            if alone and (before := conn.scalar(sa.select(jobs.c.id).where(*mine).limit(1))) is not None:
                raise Busy(f"job {before} of {project!r} is on its way already")
            made = conn.execute(jobs.insert().values(**values, **state, progress=_to_json(NOTHING_YET)))
        return self.job(new_id(made))

    def job(self, id: int) -> Job:
        with self._database.read() as conn:
            row = conn.execute(sa.select(jobs).where(jobs.c.id == id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no job {id}")
        return _job(dict(row))

    def jobs(self, project: str | None = None, limit: int = 50) -> list[Job]:
        query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        with self._database.read() as conn:
            return [
                _job(dict(r)) for r in conn.execute(query.where(jobs.c.project == project) if project is not None else query).mappings()
            ]

    def claim(self, device: str, owner: str, id: int | None = None) -> Claim:
        line = sa.select(jobs).where(jobs.c.device == device, jobs.c.state.in_(("running", "queued"))).order_by(jobs.c.id)
        with self._database.read() as conn:  # who waits looks often: that must not keep writers waiting
            claim = _next(conn.execute(line).mappings().all(), owner, id)
        if claim.job is None:
            self._still_here(owner, device)
            return claim
        with self._database.write() as conn:
            # SQLite has one writer at a time; elsewhere two processes that claim side by side meet at these rows
            rows = conn.execute(line.with_for_update()).mappings().all()
            claim = _next(rows, owner, id)
            if claim.job is None:
                return claim
            for row in rows:
                if row["state"] == "running":  # and yet it is free: who ran it has died since the last `recover`
                    _interrupt(conn, row)
            now = time.time()
            state = {"state": "running", "owner": owner, "started": now, "seen": now, "progress": _to_json(NOTHING_YET)}
            conn.execute(jobs.update().where(jobs.c.id == claim.job.id).values(**state))
        return Claim(self.job(claim.job.id))

    def _still_here(self, owner: str, device: str) -> None:
        """A sign of life of jobs that wait, for processes on other hosts."""
        waiting = (jobs.c.owner == owner, jobs.c.device == device, jobs.c.state == "queued", jobs.c.seen < time.time() - FRESH / 10)
        with self._database.read() as conn:
            old = list(conn.scalars(sa.select(jobs.c.id).where(*waiting)))
        if old:
            with self._database.write() as conn:
                conn.execute(jobs.update().where(jobs.c.id.in_(old)).values(seen=time.time()))

    def requeue(self, id: int, waiter: str | None = None, *, attended: bool = False) -> bool:
        clean = {"cancel": False, "error": None, "result": None, "finished": None, "started": None}
        state = {"state": "queued", "owner": waiter, "attended": attended, "seen": time.time()}
        spent = jobs.c.spent + sa.func.coalesce(jobs.c.finished - jobs.c.started, 0.0)
        with self._database.write() as conn:
            changed = conn.execute(jobs.update().where(jobs.c.id == id, jobs.c.state.in_(RESUMABLE)).values(**clean, **state, spent=spent))
        return changed.rowcount == 1

    def save_progress(self, id: int, progress: Progress) -> None:
        self._update(id, progress=_to_json(progress), seen=time.time())

    def finish_job(
        self,
        id: int,
        state: str,
        *,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
        owner: str | None = None,
        stages: Mapping[str, float] | None = None,
    ) -> bool:
        values = {
            "stages": dict(stages or {}),
            "state": state,
            "result": dict(result) if result is not None else None,
            "error": error,
            "finished": time.time(),
        }
        with self._database.write() as conn:
            there = jobs.update().where(jobs.c.id == id)
            if owner is not None:
                there = there.where(jobs.c.owner == owner, jobs.c.state.in_(("running", "queued")))
            changed = conn.execute(there.values(**values)).rowcount
        if not changed and owner is None:
            raise NotFound(f"there is no job {id}")
        return changed == 1

    def request_cancel(self, id: int) -> None:
        with self._database.write() as conn:
            state = conn.scalar(sa.select(jobs.c.state).where(jobs.c.id == id))
            if state is None:
                raise NotFound(f"there is no job {id}")
            if state == "queued":
                conn.execute(jobs.update().where(jobs.c.id == id).values(state="cancelled", finished=time.time()))
            elif state == "running":
                conn.execute(jobs.update().where(jobs.c.id == id).values(cancel=True))

    def must_stop(self, id: int, owner: str) -> bool:
        with self._database.read() as conn:
            row = conn.execute(sa.select(jobs.c.cancel, jobs.c.owner, jobs.c.state).where(jobs.c.id == id)).first()
        return row is None or row.cancel or row.owner != owner or row.state != "running"

    def recover(self) -> list[Job]:
        left = sa.select(jobs).where(sa.or_(jobs.c.state == "running", sa.and_(jobs.c.state == "queued", jobs.c.attended)))
        with self._database.read() as conn:
            dead = [r["id"] for r in conn.execute(left).mappings() if not _lives(r)]
        if not dead:
            return []
        found = []
        with self._database.write() as conn:
            for row in conn.execute(left.where(jobs.c.id.in_(dead)).order_by(jobs.c.id).with_for_update()).mappings().all():
                if not _lives(row):
                    _interrupt(conn, row)
                    found.append(row["id"])
        return [self.job(i) for i in found]

    def queued_devices(self) -> set[str]:
        with self._database.read() as conn:
            return set(conn.scalars(sa.select(jobs.c.device).where(jobs.c.state == "queued", ~jobs.c.attended).distinct()))

    def at_work(self) -> dict[int, str]:
        """id -> the name of its process, of every job that a living one runs."""
        with self._database.read() as conn:
            return {r["id"]: r["owner"] for r in conn.execute(sa.select(jobs).where(jobs.c.state == "running")).mappings() if _lives(r)}

    def ids(self) -> set[int]:
        """Of every job."""
        with self._database.read() as conn:
            return set(conn.scalars(sa.select(jobs.c.id)))

    def append_log(self, id: int, line: str) -> None:
        with self._database.write() as conn:
            conn.execute(job_log.insert().values(job_id=id, line=line))

    def log(self, id: int) -> list[str]:
        with self._database.read() as conn:
            return list(conn.scalars(sa.select(job_log.c.line).where(job_log.c.job_id == id).order_by(job_log.c.id)))

    def _update(self, id: int, **values: Any) -> None:
        with self._database.write() as conn:
            if conn.execute(jobs.update().where(jobs.c.id == id).values(**values)).rowcount == 0:
                raise NotFound(f"there is no job {id}")


def _lives(row: Mapping[Any, Any]) -> bool:
    return is_alive(row["owner"] or "", row["seen"])


def _interrupt(conn: sa.Connection, row: Mapping[Any, Any]) -> None:
    """Ends a job whose process is gone."""
    ended = max(row["started"] or row["created"], row["seen"] or 0.0)  # not now: nobody worked on it since
    conn.execute(jobs.update().where(jobs.c.id == row["id"]).values(state="interrupted", finished=ended))
    conn.execute(job_log.insert().values(job_id=row["id"], line=log_line(GONE)))


def _next(rows: Sequence[Mapping[Any, Any]], owner: str, id: int | None) -> Claim:
    """Whose turn it is, of a device's running and queued jobs in the order they came: the wanted one's, or who is before it."""
    busy = next((row for row in rows if row["state"] == "running" and _lives(row)), None)
    for row in rows:
        if row["state"] != "queued":
            continue
        lives = _lives(row)
        # a queue outlives the app that kept it, so any worker goes on with it; who waited in a terminal that was closed does not
        wanted = row["id"] == id if id is not None else not row["attended"] and (row["owner"] == owner or not lives)
        if wanted:
            if busy is None:
                return Claim(_job(row))
            return Claim(waits=_job(row), before=_job(busy), owner=busy["owner"] or "")
        if lives and busy is None:
            busy = row  # its turn comes first
    return Claim()


def _to_json(progress: Progress) -> dict[str, Any]:
    return {**dataclasses.asdict(progress), "values": dict(progress.values)}


def _job(row: Mapping[Any, Any]) -> Job:
    names = {f.name for f in dataclasses.fields(Job)} - {"progress", "stages"}
    return Job(progress=Progress(**row["progress"]), stages=row["stages"] or {}, **{n: row[n] for n in names})
