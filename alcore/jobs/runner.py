"""Background jobs: one at a time a device, live progress, cancel within one report, durable state. Knows no torch, no SQL, no page.

A job is a call `kind(job, report) -> result`. It calls `report(Progress)` as often as it likes (every training step); that keeps the newest
progress in memory, writes it to the table at most twice a second and raises `Cancelled` when somebody asked it to stop. What a job needs to
go on after an interruption (its checkpoint) is its own affair: it finds it by `job.id`.

A device is claimed in the table, by the name of a process, so that the app, a terminal and a notebook on one database take turns in the
order they came; a process that ended claims nothing. Rounds claim the processor or the card they compute on. Imports claim "disk": whoever
reads pictures while a round trains slows it down a little, and need not wait an hour to see them. No job claims two devices.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from alcore.errors import AlcoreError, Cancelled, NotFound, Unavailable
from alcore.jobs.contract import RESUMABLE, Claim, JobKind, JobTable, log_line
from alcore.jobs.pace import Course, Plan
from alcore.jobs.processes import process_name, process_words
from alcore.priority import JOB, step_back
from alcore.progress import Progress, Report, ignore_progress
from alcore.types import Job

WRITE_EVERY = 0.5  # seconds between two writes of the same job's progress
POLL_EVERY = 0.5  # seconds between two looks for what came from another process: a cancel, a free device
WATCH_EVERY = 10.0  # seconds between two looks for what a process left that is gone: of two apps on one database the other goes on with it
RETRY_EVERY = 5.0  # seconds until a worker looks again when the table could not be read
LOG_LINES = 500  # how many lines of a run wait in memory at most
WAITING = "waiting for the device"

logger = logging.getLogger(__name__)


class JobRunner:
    """Runs jobs, one at a time a device, in threads of this process (`submit`) or in the caller's thread (`run_now`).

    Thread-safe. Worker threads are daemons and start with the first job of their device.
    """

    def __init__(
        self,
        table: JobTable,
        kinds: Mapping[str, JobKind],
        *,
        clock: Callable[[], float] = time.monotonic,
        plan: Callable[[Job], Plan] | None = None,
    ) -> None:
        self.owner = process_name()
        self._table = table
        self._kinds = kinds
        self._clock = clock
        self._plan = plan
        self._changed = threading.Condition()  # guards the five below
        self._workers: dict[str, threading.Thread] = {}
        self._wanted: set[str] = set()  # devices whose worker should look into the queue
        self._live: dict[int, _Run] = {}
        self._owed: dict[int, tuple[str, Mapping[str, Any] | None, str | None]] = {}  # ends that could not be written
        self._watcher: threading.Thread | None = None
        self._stopping = threading.Event()

    # ---- asking for work

    def submit(self, kind: str, project: str, title: str, arguments: Mapping[str, Any], device: str = "cpu", *, alone: bool = False) -> Job:
        """Queues a job behind the others of its device and returns it as stored.

        Args:
            alone: Busy is raised while another of the kind and the project is queued or running, in whatever process.
        """
        self._check(kind)
        job = self._table.add_job(kind, project, title, arguments, device, waiter=self.owner, alone=alone)
        self._wake(device)
        return job

    def resume(self, id: int) -> Job:
        """Queues a job that was interrupted, cancelled or failed once more, in its own row.

        Raises:
            AlcoreError: the job is queued, running or done.
        """
        self._requeue(id)
        job = self._table.job(id)
        self._wake(job.device)
        return job

    def run_now(
        self, kind: str, project: str, title: str, arguments: Mapping[str, Any], *, device: str = "cpu", report: Report = ignore_progress
    ) -> Job:
        """Runs a job in this thread with the same bookkeeping and returns it when it is done.

        While another job has the device or waits longer for it, this one waits, and `report` says for which. Whatever the job raises is
        raised again after it was written down; Ctrl-C leaves it `interrupted`.
        """
        self._check(kind)
        return self._attend(self._table.add_job(kind, project, title, arguments, device, waiter=self.owner, attended=True), report)

    def resume_now(self, id: int, *, report: Report = ignore_progress) -> Job:
        """`resume` in this thread, as `run_now` does it."""
        self._requeue(id, attended=True)
        return self._attend(self._table.job(id), report)

    def cancel(self, id: int) -> None:
        """Asks a job to stop: felt at its next report, or at once when it is still queued. Harmless when it is over."""
        self._table.request_cancel(id)  # first: a run that begins after this line finds it in the table
        with self._changed:
            run = self._live.get(id)
        if run:
            run.asked.set()

    # ---- looking

    def snapshot(self, id: int) -> Job:
        """The job as stored, with the progress of this moment when it runs here."""
        return self._fresh(self._table.job(id))

    def jobs(self, project: str | None = None, limit: int = 50) -> list[Job]:
        """Snapshots, newest first."""
        return [self._fresh(job) for job in self._table.jobs(project, limit)]

    def log(self, id: int) -> list[str]:
        """The job's stages and messages, oldest first, with the traceback at the end if it failed by a bug."""
        with self._changed:
            run = self._live.get(id)
            waiting = list(run.lines) if run else []
        return [*self._table.log(id), *waiting]

    def eta_seconds(self, job: Job) -> float | None:
        """Seconds until the job ends, or of a job without a plan the running stage; None when it runs elsewhere, not at all, or too
        shortly to tell."""
        with self._changed:
            run = self._live.get(job.id)
            return run.course.eta(self._clock()) if run else None

    def fraction(self, job: Job) -> float | None:
        """How much of all its stages a job has behind it, 0...1, and never less than before; None when it runs elsewhere or not at all."""
        with self._changed:
            run = self._live.get(job.id)
            return run.course.fraction if run else None

    # ---- life

    def start(self) -> list[Job]:
        """What the app does first: `recover`, then go on with what was left in the queue. Returns the interrupted jobs."""
        interrupted = self._go_on()
        with self._changed:
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="alcore-watch", daemon=True)
                self._watcher.start()
        return interrupted

    def _go_on(self) -> list[Job]:
        interrupted = self.recover()
        for device in self._table.queued_devices():
            self._wake(device)
        return interrupted

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_EVERY):
            self._unless_away("the watch", self._go_on)

    def recover(self) -> list[Job]:
        """Turns jobs whose process is gone into `interrupted`; those of other living processes go on. Returns the former."""
        with self._changed:
            owed = dict(self._owed)
        for id, (state, result, error) in owed.items():
            self._table.finish_job(id, state, result=result, error=error, owner=self.owner)
            with self._changed:
                self._owed.pop(id, None)
        return self._table.recover()

    def stop(self, timeout: float = 5.0) -> None:
        """Interrupts what runs, leaves the queue for the next start, and returns within about `timeout` seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
            workers = [*self._workers.values(), *([self._watcher] if self._watcher else [])]
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            stuck = [run for run in self._live.values() if run.thread in workers and not run.ending]
            for run in stuck:
                run.abandoned = True  # its thread may still come to an end; the row has been written then
        for run in stuck:
            self._table.finish_job(run.job.id, "interrupted", owner=self.owner)

    # ---- inside

    def _check(self, kind: str) -> None:
        if kind not in self._kinds:
            raise NotFound(f"there is no kind of job {kind!r}; there are: {', '.join(sorted(self._kinds))}")
        if self._stopping.is_set():
            raise AlcoreError("the app is shutting down and takes no more jobs. Start it again.")

    def _requeue(self, id: int, attended: bool = False) -> None:
        before = self._table.job(id)
        self._check(before.kind)
        self.recover()  # it may be of a process that was killed
        if not self._table.requeue(id, self.owner, attended=attended):
            raise AlcoreError(f"job {id} is {self._table.job(id).state}; only one that is {' or '.join(RESUMABLE)} resumes")

    def _fresh(self, job: Job) -> Job:
        with self._changed:
            run = self._live.get(job.id)
            return dataclasses.replace(job, progress=run.progress) if run and job.state == "running" else job

    def _wake(self, device: str) -> None:
        with self._changed:
            self._wanted.add(device)
            if device not in self._workers and not self._stopping.is_set():
                self._workers[device] = threading.Thread(target=self._work, args=(device,), name=f"alcore-{device}", daemon=True)
                self._workers[device].start()
            self._changed.notify_all()

    def _work(self, device: str) -> None:
        step_back(JOB)
        again: float | None = None  # when to look into the queue unasked
        while True:
            with self._changed:
                self._changed.wait_for(lambda: device in self._wanted or self._stopping.is_set(), again)
                if self._stopping.is_set():
                    return
                self._wanted.discard(device)  # before looking: what is queued after the look wakes us again
            try:
                again = POLL_EVERY if self._serve(device) else None
            except Exception as wrong:  # the table itself failed (disk full, database gone): the worker must outlive it
                logger.error("no job table for %s: %s", device, wrong, exc_info=not isinstance(wrong, AlcoreError))
                again = RETRY_EVERY

    def _serve(self, device: str) -> bool:
        """Runs what is queued for the device; True when the next one waits for another process or thread."""
        while not self._stopping.is_set():
            self.recover()  # nobody waits for the dead
            claim = self._table.claim(device, self.owner)
            if claim.job is None:
                if claim.waits and claim.waits.progress != (waiting := _waiting(device, claim)):
                    self._table.save_progress(claim.waits.id, waiting)
                return claim.before is not None
            self._execute(claim.job, also=ignore_progress, reraise=False)
        return False

    def _attend(self, job: Job, report: Report) -> Job:
        """Waits for the job's turn, then runs it in this thread."""
        try:
            mine = self._await_turn(job, report)
        except BaseException as stopped:  # Ctrl-C most of all
            state = "cancelled" if isinstance(stopped, Cancelled) and not self._stopping.is_set() else "interrupted"
            self._table.finish_job(job.id, state, owner=self.owner)
            raise
        return self._execute(mine, also=report, reraise=True)

    def _await_turn(self, job: Job, report: Report) -> Job:
        told: Progress | None = None
        while not self._stopping.is_set():
            self.recover()
            claim = self._table.claim(job.device, self.owner, job.id)
            if claim.job is not None:
                return claim.job
            if claim.before is None:
                break  # somebody cancelled it
            waiting = _waiting(job.device, claim)
            if waiting != told:
                self._table.save_progress(job.id, waiting)
                self._table.append_log(job.id, log_line(f"{waiting.stage}: {waiting.message}"))
                report(waiting)
                told = waiting
            with self._changed:
                self._changed.wait(POLL_EVERY)
        raise Cancelled(f"job {job.id} was asked to stop")

    def _execute(self, job: Job, *, also: Report, reraise: bool) -> Job:
        run = _Run(job, self._clock())
        with self._changed:
            self._live[job.id] = run

        def report(progress: Progress) -> None:
            self._take(run, progress)
            also(progress)

        result: dict[str, Any] | None = None
        error: str | None = None
        raised: Exception | None = None
        try:
            self._obey(run)
            if self._plan is not None:
                run.course = Course(self._clock(), self._plan(job))
            result = dict(self._kinds[job.kind](job, report))
            json.dumps(result)  # here, where it is the job's fault, and not while its end is written
            state = "done"
        except Cancelled as stopped:
            state, raised = "interrupted" if self._stopping.is_set() and not run.asked.is_set() else "cancelled", stopped
        except AlcoreError as problem:
            state, error, raised = "failed", str(problem), problem
        except Exception as bug:  # whatever a job does wrong ends that job, never the worker
            state, result, raised = "failed", None, bug
            error = f"this is a bug in alcore: {type(bug).__name__}: {bug}"
            self._note(run, traceback.format_exc())
            logger.exception("job %d (%s) failed", job.id, job.title)
        except BaseException:  # Ctrl-C in the command line
            self._finish(run, "interrupted", None, None)
            raise
        self._finish(run, state, result, error)
        if reraise and raised:
            raise raised
        return self._table.job(job.id)

    def _take(self, run: _Run, progress: Progress) -> None:
        now = self._clock()
        with self._changed:
            before, run.progress = run.progress, progress
            entered = progress.stage != before.stage or run.written is None
            run.course.add(now, progress, entered)
            if entered:
                run.lines.append(log_line(progress.stage))
            if progress.message and progress.message != before.message:
                run.lines.append(log_line(f"{progress.stage}: {progress.message}"))
            is_due = entered or now - (run.written or 0.0) >= WRITE_EVERY
            run.written = now if is_due else run.written
        if is_due:
            self._unless_away(f"job {run.job.id}", lambda: self._write(run, progress))
        self._obey(run)

    def _unless_away(self, who: str, act: Callable[[], object]) -> None:
        """A database that is restarted ends no job: a later report tells what this one could not."""
        try:
            act()
        except Unavailable as away:
            logger.warning("%s could not reach the job table: %s", who, away)

    def _write(self, run: _Run, progress: Progress) -> None:  # outside the lock: who looks at another job does not wait for the disk
        self._table.save_progress(run.job.id, progress)
        with self._changed:
            lines, run.lines = run.lines, collections.deque(maxlen=LOG_LINES)
        for line in lines:
            self._table.append_log(run.job.id, line)

    def _obey(self, run: _Run) -> None:
        now = self._clock()
        if not run.asked.is_set() and (run.polled is None or now - run.polled >= POLL_EVERY):
            run.polled = now
            id, owner = run.job.id, self.owner
            self._unless_away(f"job {id}", lambda: run.asked.set() if self._table.must_stop(id, owner) else None)
        if run.asked.is_set() or self._stopping.is_set():
            raise Cancelled(f"job {run.job.id} was asked to stop")

    def _note(self, run: _Run, line: str) -> None:
        with self._changed:
            run.lines.append(line)

    def _finish(self, run: _Run, state: str, result: Mapping[str, Any] | None, error: str | None) -> None:
        with self._changed:
            run.ending = True
        try:
            if not run.abandoned:
                self._note(run, log_line(state + (f": {error}" if error else "")))
                self._write(run, run.progress)
                whole = run.course.stages(self._clock()) if state == "done" and not run.job.spent else None
                self._table.finish_job(run.job.id, state, result=result, error=error, owner=self.owner, stages=whole)
        except Exception:  # a row that says "running" would keep everybody from the device: `recover` tries again
            with self._changed:
                self._owed[run.job.id] = state, result, error
            raise
        finally:
            with self._changed:
                if self._live.get(run.job.id) is run:  # it may have been resumed meanwhile in another thread
                    del self._live[run.job.id]
                self._changed.notify_all()  # the device is free


class _Run:
    """One execution of a job in this process. Everything but the two events is guarded by the runner's lock."""

    def __init__(self, job: Job, now: float) -> None:
        self.job = job
        self.thread = threading.current_thread()
        self.progress = job.progress
        self.asked = threading.Event()
        self.ending = False  # its end is being written: stop() must not write another
        self.abandoned = False  # stop() has written its end
        self.written: float | None = None
        self.polled: float | None = None
        self.lines: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self.course = Course(now)


def _waiting(device: str, claim: Claim) -> Progress:
    """What a job is doing that waits for its turn."""
    before = claim.before
    if before is None:
        return Progress("waiting", 0, 0)
    does = "is running" if before.state == "running" else "is next"
    message = f"job {before.id}, {before.title!r} of {before.project}, {does} in {process_words(claim.owner)}"
    return Progress(f"{WAITING} {device}", 0, 0, message=message)
