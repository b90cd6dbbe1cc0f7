"""Who waits for whom on a busy processor."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from alcore.priority import JOB, NO_HURRY, step_back


def own() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_thread_that_steps_back_takes_those_it_starts_along_and_nobody_else():
    before = own()

    def work() -> tuple[int, int]:
        step_back(JOB)
        with ThreadPoolExecutor(1) as pool:
            return own(), pool.submit(own).result()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == (max(JOB, before), max(JOB, before))
    assert own() == before


def test_people_come_before_jobs_and_jobs_before_what_has_no_hurry():
    assert 0 < JOB < NO_HURRY <= 19


def test_where_it_is_not_allowed_work_goes_on(monkeypatch):
    def refuse(*_: int) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr(os, "setpriority", refuse)
    step_back(JOB)
    monkeypatch.delattr(os, "setpriority")
    step_back(JOB)
