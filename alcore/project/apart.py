"""A verb of the command line in a process of its own, watched and ended by the job that started it. Knows no verb."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from alcore.errors import AlcoreError
from alcore.progress import READ_BY_A_PROCESS, Progress, Report, progress_of

LOOK = 0.25  # seconds between two reports of a process that says nothing, so that a cancel is felt
GRACE = 40.0  # seconds it has to keep what it did, before it is killed; a simulation gives its own processes 30
LAST_LINES = 40  # of what it said, for the traceback of a bug
ROOT = Path(__file__).resolve().parents[2]


def run_verb(words: Sequence[str], report: Report) -> None:
    """Runs `python -m alcore WORDS` and reports what it reports. Whatever `report` raises ends the process, and all it started.

    Should this process be killed, that one ends at its next report, for then nobody reads it.

    Raises:
        AlcoreError: what the verb said that the user can cure, or that it was killed. RuntimeError: a bug in it, with its traceback.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        [sys.executable, "-m", "alcore", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": path, READ_BY_A_PROCESS: "json"},
        start_new_session=True,  # a group of its own: Ctrl-C in the app's terminal is the app's to pass on
    ) as process:
        try:
            said = _followed(process, report)
        except BaseException:
            _end(process)
            raise
    if process.returncode == 0:
        return
    if process.returncode < 0:
        raise AlcoreError(
            f"its process was killed by signal {-process.returncode}, perhaps because memory ran out. "
            "Started again, it goes on with what is missing."
        )
    last = said[-1] if said else ""
    if process.returncode == 2 and last.startswith("alcore: "):
        raise AlcoreError(last.removeprefix("alcore: "))
    raise RuntimeError(f"python -m alcore {words[0]} ended with {process.returncode}:\n" + "\n".join(said))


def _followed(process: subprocess.Popen[str], report: Report) -> list[str]:
    """Reports until the process has ended; the last lines it said that were no progress."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    thread = threading.Thread(target=_read, args=(process, lines), name="alcore-verb", daemon=True)
    thread.start()
    newest, others = Progress("starting", 0, 0), deque[str](maxlen=LAST_LINES)
    while True:
        try:
            line = lines.get(timeout=LOOK)
        except queue.Empty:
            report(newest)
            continue
        if line is None:
            process.wait()
            return list(others)
        told = progress_of(line)
        if told is None:
            others.append(line)
        else:
            report(newest := told)


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """Asks the process to end, which lets its own ones keep where they are, and kills what of its group is left."""
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # all of them have ended
