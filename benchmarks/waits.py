"""How long a label waits in one project while something long is stored in another: a process of its own that labels five times a second."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

EVERY = 0.2  # seconds between two labels
NAME = "elsewhere"


@contextmanager
def labels_elsewhere(home: Path) -> Iterator[dict[str, float]]:
    """Labels images of the project `elsewhere` while this lasts; then their `median` and `longest` wait in seconds, and how many they were
    (`labels`)."""
    told: dict[str, float] = {}
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_label, args=(str(home), there), daemon=True)
    process.start()
    try:
        here.recv()  # it has begun
        yield told
        here.send("over")
        waits = here.recv()
        told |= {"median": median(waits), "longest": max(waits), "labels": len(waits)}
    finally:
        process.terminate()
        process.join()


def _label(home: str, other: Connection) -> None:
    from alcore.project.facade import Workspace

    workspace = Workspace(home)
    project, waits = workspace.project(NAME), list[float]()
    ids, classes = project.pool().ids.tolist(), project.classes
    project.annotate({ids[0]: classes[0]})
    other.send("begun")
    while not other.poll(EVERY) or not waits:
        at, started = len(waits), time.perf_counter()
        project.annotate({ids[at % len(ids)]: classes[at % len(classes)]})
        waits.append(time.perf_counter() - started)
    other.send(waits)
    workspace.close()
