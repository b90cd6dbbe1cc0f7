"""Costs of steps as they might be, and a round to plan."""

from __future__ import annotations

import time
from collections.abc import Callable

from alcore.project.facade import Project
from alcore.training.turn import Order
from alcore.types import Job


def run_a_job(project: Project, order: Order, owner: str | None = "somebody") -> Job:
    """A job in the table, running under `owner`."""
    table = project.workspace.job_rows
    return table.job(table.add_job("round", project.name, "t", order.arguments(), "cpu", owner=owner).id)


def wait(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")
