"""Runs one after another here, or side by side in processes that share the device. A run that fails does not stop the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from alcore.errors import AlcoreError, Cancelled
from alcore.progress import Progress
from alcore.simulation.runs import Run, perform

TOLD_EVERY = 0.1  # seconds between two reports of one process
GRACE = 30.0  # seconds a process has to keep its state before it is ended

Told = Callable[[Run, Progress], None]
Finished = Callable[[Run, int], None]


@dataclass(frozen=True)
class Failure:
    """A run that could not be made. `error` is what a person can cure, or in this process the bug itself; `trace` is a bug's elsewhere."""

    run: Run
    error: Exception
    trace: str = ""


def perform_all(runs: Sequence[Run], workers: int, told: Told, finished: Finished) -> list[Failure]:
    """Makes all runs. What `told` or `finished` raises stops everything, after every run has kept where it is."""
    if workers == 1 or len(runs) < 2:
        return _in_turn(runs, told, finished)
    with terminated_is_raised(), _Crew(runs, min(workers, len(runs))) as crew:
        return crew.work(told, finished)


class _Stop(BaseException):
    """Carries what a report raised past the handler of failed runs."""


def _in_turn(runs: Sequence[Run], told: Told, finished: Finished) -> list[Failure]:
    failures = []
    for run in runs:

        def report(progress: Progress, run: Run = run) -> None:
            try:
                told(run, progress)
            except Exception as wish:
                raise _Stop from wish

        def done(number: int, run: Run = run) -> None:
            try:
                finished(run, number)
            except Exception as wish:
                raise _Stop from wish

        try:
            with terminated_is_raised():
                perform(run, report, done)
        except _Stop as stop:
            if stop.__cause__ is None:
                raise
            raise stop.__cause__ from None
        except Exception as wrong:  # whatever it is: the other runs go on, and `simulate` raises it at the end
            failures.append(Failure(run, wrong))
    return failures


@contextmanager
def terminated_is_raised() -> Iterator[None]:
    """SIGTERM ends the main thread as an exception does, so that children are stopped and files are closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(signum: int, frame: object) -> None:
        raise SystemExit(128 + signum)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Crew:
    """Processes with a pipe each. A process that is killed costs its run, and a new one takes the next."""

    def __init__(self, runs: Sequence[Run], count: int) -> None:
        self.waiting = list(reversed(runs))
        self.count = count
        self.threads = max(1, (os.cpu_count() or 1) // count)
        self.context = multiprocessing.get_context("spawn")
        self.busy: dict[Connection, tuple[Any, Run]] = {}
        self.idle: list[tuple[Connection, Any]] = []
        self.heard: set[Connection] = set()  # those that began their run
        self.failures: list[Failure] = []

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *raised: object) -> None:
        """Asks those that work to keep their state and end; ends those that do not."""
        for conn, (process, _) in self.busy.items():
            if conn not in self.heard:
                process.kill()  # still loads its libraries, and has nothing to keep
            with suppress(OSError):
                conn.send("stop")
        for conn, _process in self.idle:
            with suppress(OSError):
                conn.send(None)
        everybody = [(conn, process) for conn, (process, _) in self.busy.items()] + self.idle
        deadline = time.monotonic() + GRACE
        for conn, process in everybody:
            _drain(conn, process, deadline)
            if process.is_alive():
                process.kill()
            process.join()
            conn.close()

    def work(self, told: Told, finished: Finished) -> list[Failure]:
        while self.waiting or self.busy:
            while self.waiting and len(self.busy) < self.count:
                self._give(self.waiting.pop())
            by_sentinel = {process.sentinel: conn for conn, (process, _) in self.busy.items()}
            for ready in wait([*self.busy, *by_sentinel]):
                conn = by_sentinel.get(ready, ready)
                if conn in self.busy:
                    self._hear(conn, told, finished)
        return self.failures

    def _give(self, run: Run) -> None:
        conn, process = self.idle.pop() if self.idle else self._hire()
        self.busy[conn] = (process, run)
        self.heard.discard(conn)
        with suppress(OSError):  # a process that died while idle is noticed when it is listened to
            conn.send(run)

    def _hire(self) -> tuple[Connection, Any]:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(theirs,), daemon=True)
        given = os.environ.get("OMP_NUM_THREADS")
        share = min(self.threads, int(given)) if given and given.isdigit() and int(given) else self.threads
        os.environ["OMP_NUM_THREADS"] = str(share)  # read when the child loads torch
        try:
            process.start()
        finally:
            if given is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = given
        theirs.close()  # so that the pipe ends with the process
        return ours, process

    def _hear(self, conn: Connection, told: Told, finished: Finished) -> None:
        process, run = self.busy[conn]
        try:
            kind, value = conn.recv()
        except (EOFError, OSError):
            del self.busy[conn]
            conn.close()
            process.join()
            self.failures.append(Failure(run, AlcoreError(_ended(process.exitcode))))
            return
        self.heard.add(conn)
        if kind == "progress":
            told(run, value)
        elif kind == "round":
            finished(run, value)
        else:
            del self.busy[conn]
            self.idle.append((conn, process))
            if kind == "refused":
                self.failures.append(Failure(run, AlcoreError(value)))
            elif kind == "broken":
                self.failures.append(Failure(run, RuntimeError(value[0]), value[1]))


def _drain(conn: Connection, process: Any, deadline: float) -> None:
    """Empties the pipe until the process ends: one that waits for room in it would never hear."""
    while process.is_alive() and time.monotonic() < deadline:
        if conn in wait([conn, process.sentinel], timeout=max(0.0, deadline - time.monotonic())):
            try:
                conn.recv()
            except (EOFError, OSError):
                process.join(max(0.0, deadline - time.monotonic()))
                return


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was killed by signal {-code}, perhaps because memory ran out: use fewer workers. The same command goes on."
    return (
        f"its process ended with code {code} before it could work. "
        "A script must call simulate below `if __name__ == '__main__':` to use workers."
    )


# ---- in the process


def _serve(conn: Connection) -> None:
    """Makes runs until told to end, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which stops this process when its state is kept
    while True:
        try:
            run = conn.recv()
        except (EOFError, OSError):
            return
        if not isinstance(run, Run):
            return
        answer: tuple[str, Any] = ("done", None)
        try:
            perform(run, _Reporter(conn), lambda number: _send(conn, "round", number))
        except Cancelled:
            return
        except AlcoreError as problem:
            answer = ("refused", str(problem))
        except Exception as bug:  # its traceback must reach the parent, which has none of this process's frames
            answer = ("broken", (f"{type(bug).__name__}: {bug}", traceback.format_exc()))
        _send(conn, *answer)


def _send(conn: Connection, kind: str, value: Any) -> None:
    try:
        conn.send((kind, value))
    except OSError:
        raise SystemExit(1) from None  # the parent is gone


class _Reporter:
    """Sends progress, but not every step's, and hears when to stop."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.at, self.message = 0.0, ""

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.message == self.message and now - self.at < TOLD_EVERY:
            return
        self.at, self.message = now, progress.message
        try:
            stop = self.conn.poll() and self.conn.recv() == "stop"
        except (EOFError, OSError):
            raise SystemExit(1) from None
        if stop:
            raise Cancelled("the experiment was stopped")
        _send(self.conn, "progress", progress)
