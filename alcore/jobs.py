"""Background jobs: one worker thread a device, live progress, cancel within one report, durable state. Knows no torch, no SQL, no page.

A job is a call `kind(job, report) -> result`. It calls `report(Progress)` as often as it likes (every training step); that keeps the newest
progress in memory, writes it to the table at most twice a second and raises `Cancelled` when somebody asked it to stop. What a job needs to
go on after an interruption (its checkpoint) is its own affair: it finds it by `job.id`.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from alcore.errors import AlcoreError, Cancelled, NotFound
from alcore.types import Job, Progress, Report, ignore_progress

WRITE_EVERY = 0.5  # seconds between two writes of the same job's progress
POLL_EVERY = 0.5  # seconds between two looks for a cancel that came from another process
LOG_LINES = 500  # how many lines of a run wait in memory at most
RATE_MEMORY = 15.0  # seconds over which the speed behind an ETA is smoothed
RESUMABLE = ("interrupted", "cancelled", "failed")

logger = logging.getLogger(__name__)


class JobKind(Protocol):
    """What a kind of job does. Returns its result, which must go into JSON."""

    def __call__(self, job: Job, report: Report, /) -> Mapping[str, Any]: ...


class JobTable(Protocol):
    """Where jobs are kept. Every method is one transaction and may be called from any thread; an unknown id raises NotFound."""

    def add_job(self, kind: str, project: str, title: str, arguments: Mapping[str, Any], device: str, owner: str | None = None) -> Job:
        """A new job: queued, or already running (and started now) when `owner` is given, so that no worker can take it."""

    def job(self, id: int) -> Job: ...

    def jobs(self, project: str | None = None, limit: int = 50) -> list[Job]:
        """Newest first."""

    def claim_next(self, device: str, owner: str) -> Job | None:
        """The oldest queued job of the device becomes running, for one caller only; sets `started`."""

    def requeue(self, id: int, owner: str | None = None) -> bool:
        """A job in one of RESUMABLE becomes queued again (or running when `owner` is given).

        Clears `cancel`, `error`, `result`, `started` and `finished`; False when the job was in another state.
        """

    def save_progress(self, id: int, progress: Progress) -> None: ...

    def finish_job(self, id: int, state: str, *, result: Mapping[str, Any] | None = None, error: str | None = None) -> None:
        """Sets `finished` too."""

    def request_cancel(self, id: int) -> None:
        """A queued job becomes cancelled at once, a running one gets `cancel`, any other stays as it is; decided inside the transaction."""

    def cancel_requested(self, id: int) -> bool: ...

    def running(self) -> list[tuple[Job, str]]:
        """Each running job with its owner."""

    def append_log(self, id: int, line: str) -> None: ...

    def log(self, id: int) -> list[str]: ...


class JobRunner:
    """Runs jobs, one at a time a device, in threads of this process (`submit`) or in the caller's thread (`run_now`).

    Thread-safe. Worker threads are daemons and start with the first job of their device.
    """

    def __init__(self, table: JobTable, kinds: Mapping[str, JobKind], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.owner = process_name(os.getpid())
        self._table = table
        self._kinds = kinds
        self._clock = clock
        self._changed = threading.Condition()  # guards the three below
        self._workers: dict[str, threading.Thread] = {}
        self._wanted: set[str] = set()  # devices whose worker should look into the queue
        self._live: dict[int, _Run] = {}
        self._stopping = threading.Event()

    # ---- asking for work

    def submit(self, kind: str, project: str, title: str, arguments: Mapping[str, Any], device: str = "cpu") -> Job:
        """Queues a job behind the others of its device and returns it as stored."""
        self._check(kind)
        job = self._table.add_job(kind, project, title, arguments, device)
        self._wake(device)
        return job

    def resume(self, id: int) -> Job:
        """Queues a job that was interrupted, cancelled or failed once more, in its own row.

        Raises:
            AlcoreError: the job is queued, running or done.
        """
        self._requeue(id, None)
        job = self._table.job(id)
        self._wake(job.device)
        return job

    def run_now(
        self, kind: str, project: str, title: str, arguments: Mapping[str, Any], *, device: str = "cpu", report: Report = ignore_progress
    ) -> Job:
        """Runs a job in this thread with the same bookkeeping and returns it when it is done.

        Whatever the job raises is raised again after it was written down; Ctrl-C leaves it `interrupted`.
        """
        self._check(kind)
        return self._execute(self._table.add_job(kind, project, title, arguments, device, self.owner), also=report, reraise=True)

    def resume_now(self, id: int, *, report: Report = ignore_progress) -> Job:
        """`resume` in this thread, as `run_now` does it."""
        self._requeue(id, self.owner)
        return self._execute(self._table.job(id), also=report, reraise=True)

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
        """Seconds until the running stage ends; None when it runs elsewhere, not at all, or too shortly to tell."""
        with self._changed:
            run = self._live.get(job.id)
            return run.pace.eta(self._clock()) if run else None

    # ---- life

    def start(self) -> list[Job]:
        """What the app does first: `recover`, then go on with what was left in the queue. Returns the interrupted jobs."""
        interrupted = self.recover()
        for device in {job.device for job in self._table.jobs(limit=1000) if job.state == "queued"}:
            self._wake(device)
        return interrupted

    def recover(self) -> list[Job]:
        """Turns running jobs whose process is gone into `interrupted`; those of other living processes go on. Returns the former."""
        dead = [job for job, owner in self._table.running() if not is_alive(owner)]
        for job in dead:
            self._table.append_log(
                job.id, f"{_now()} interrupted: the process that ran it has ended. Resume it to go on from its checkpoint."
            )
            self._table.finish_job(job.id, "interrupted")
        return [self._table.job(job.id) for job in dead]

    def stop(self, timeout: float = 5.0) -> None:
        """Interrupts what runs, leaves the queue for the next start, and returns within about `timeout` seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
            workers = list(self._workers.values())
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            stuck = [run for run in self._live.values() if run.thread in workers and not run.ending]
            for run in stuck:
                run.abandoned = True  # its thread may still come to an end; the row has been written then
        for run in stuck:
            self._table.finish_job(run.job.id, "interrupted")

    # ---- inside

    def _check(self, kind: str) -> None:
        if kind not in self._kinds:
            raise NotFound(f"there is no kind of job {kind!r}; there are: {', '.join(sorted(self._kinds))}")
        if self._stopping.is_set():
            raise AlcoreError("the app is shutting down and takes no more jobs. Start it again.")

    def _requeue(self, id: int, owner: str | None) -> None:
        before = self._table.job(id)
        self._check(before.kind)
        self.recover()  # it may be of a process that was killed
        if not self._table.requeue(id, owner):
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
        while True:
            with self._changed:
                self._changed.wait_for(lambda: device in self._wanted or self._stopping.is_set())
                if self._stopping.is_set():
                    return
                self._wanted.discard(device)  # before looking: what is queued after the look wakes us again
            try:
                while not self._stopping.is_set() and (job := self._table.claim_next(device, self.owner)):
                    self._execute(job, also=ignore_progress, reraise=False)
            except Exception:  # the table itself failed (disk full, database gone): the worker must outlive it
                logger.exception("the worker of %s could not read or write the job table", device)

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
            run.pace.add(now, progress, entered)
            if entered:
                run.lines.append(f"{_now()} {progress.stage}")
            if progress.message and progress.message != before.message:
                run.lines.append(f"{_now()} {progress.stage}: {progress.message}")
            is_due = entered or now - (run.written or 0.0) >= WRITE_EVERY
            run.written = now if is_due else run.written
        if is_due:
            self._write(run, progress)
        self._obey(run)

    def _write(self, run: _Run, progress: Progress) -> None:
        # Outside the lock: whoever looks at another job must not wait for the disk.
        self._table.save_progress(run.job.id, progress)
        with self._changed:
            lines, run.lines = run.lines, collections.deque(maxlen=LOG_LINES)
        for line in lines:
            self._table.append_log(run.job.id, line)

    def _obey(self, run: _Run) -> None:
        now = self._clock()
        if not run.asked.is_set() and (run.polled is None or now - run.polled >= POLL_EVERY):
            run.polled = now
            if self._table.cancel_requested(run.job.id):
                run.asked.set()
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
                self._note(run, f"{_now()} {state}" + (f": {error}" if error else ""))
                self._write(run, run.progress)
                self._table.finish_job(run.job.id, state, result=result, error=error)
        finally:
            with self._changed:
                if self._live.get(run.job.id) is run:  # it may have been resumed meanwhile in another thread
                    del self._live[run.job.id]


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
        self.pace = _Pace(now)


class _Pace:
    """How fast the present stage goes. Counts from the first report of the stage, so a resumed run is not taken for a fast one."""

    def __init__(self, now: float) -> None:
        self._begin(now, Progress("", 0, 0))

    def _begin(self, now: float, progress: Progress) -> None:
        self._first = self._last = (now, progress.done)
        self._total = progress.total
        self._rate: float | None = None

    def add(self, now: float, progress: Progress, entered: bool) -> None:
        if entered or progress.total != self._total or progress.done < self._last[1]:
            self._begin(now, progress)
        passed, more = now - self._last[0], progress.done - self._last[1]
        if passed > 0 and more > 0:
            # The plain mean at first, then one that forgets.
            weight = min(1.0, max(passed / RATE_MEMORY, passed / (now - self._first[0])))
            self._rate = weight * more / passed + (1 - weight) * (self._rate or 0.0)
            self._last = (now, progress.done)

    def eta(self, now: float) -> float | None:
        elapsed, gained = self._last[0] - self._first[0], self._last[1] - self._first[1]
        if not self._rate or self._total <= 0 or (gained < 0.02 * self._total and elapsed < 3):
            return None
        return max(0.0, (self._total - self._last[1]) / self._rate - (now - self._last[0]))


def process_name(pid: int) -> str:
    """`pid:starttime`, so that a process that got a dead one's number is not taken for it."""
    return f"{pid}:{_start_time(pid) or 0}"


def is_alive(owner: str) -> bool:
    """True while the process named by `process_name` runs."""
    number, _, started = owner.partition(":")
    if not number.isdigit():
        return False
    pid = int(number)
    if pid == os.getpid():
        return started in ("0", str(_start_time(pid) or 0))
    if Path("/proc/self/stat").exists() or os.name == "nt":  # on Windows os.kill(pid, 0) is Ctrl-C
        return started == str(_start_time(pid))
    try:
        os.kill(pid, 0)
    except OSError as refused:
        return isinstance(refused, PermissionError)
    return True


def _start_time(pid: int) -> int | None:
    """Clock ticks from boot to the process's start; None without /proc, without such a process, or when it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name in brackets may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def _now() -> str:
    return time.strftime("%H:%M:%S")
