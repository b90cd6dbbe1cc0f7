"""The job runner over a table in memory. Threads are led by events: nothing here sleeps or depends on how fast the machine is.

Longer than 400 lines: one table and one set of gates serve all the races.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from alcore.errors import AlcoreError, BadInput, Cancelled, NotFound, Unavailable
from alcore.jobs import runner as runner_module
from alcore.jobs.contract import GONE, RESUMABLE, Claim, log_line
from alcore.jobs.processes import is_alive, process_name
from alcore.jobs.runner import JobRunner
from alcore.priority import JOB
from alcore.progress import Progress, Report
from alcore.types import Job

PATIENCE = 20  # seconds a test waits for an event before it fails; never reached when all is well


class MemoryTable:
    """A JobTable in memory, with counters and an event for each state a job reaches."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.reached = threading.Condition(self.lock)
        self.rows: dict[int, Job] = {}
        self.owners: dict[int, str] = {}
        self.attended: dict[int, bool] = {}
        self.lines: dict[int, list[str]] = {}
        self.writes: list[tuple[int, Progress]] = []
        self.time = 0.0

    def _set(self, id: int, **changes: Any) -> Job:
        with self.lock:
            self.rows[id] = dataclasses.replace(self.job(id), **changes)
            self.reached.notify_all()
            return self.rows[id]

    def _tick(self) -> float:
        self.time += 1
        return self.time

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
        with self.lock:
            id = len(self.rows) + 1
            state = "running" if owner else "queued"
            self.rows[id] = Job(id, kind, project, title, dict(arguments), device, state, Progress("", 0, 0), created=self._tick())
            self.lines[id] = []
            self.owners[id] = owner or waiter or ""
            self.attended[id] = attended
            return self.rows[id]

    def job(self, id: int) -> Job:
        with self.lock:
            if id not in self.rows:
                raise NotFound(f"there is no job {id}")
            return self.rows[id]

    def jobs(self, project: str | None = None, limit: int = 50) -> list[Job]:
        with self.lock:
            return [job for id, job in sorted(self.rows.items(), reverse=True) if project in (None, job.project)][:limit]

    def claim(self, device: str, owner: str, id: int | None = None) -> Claim:
        with self.lock:
            mine = [job for _, job in sorted(self.rows.items()) if job.device == device]
            running = next((job for job in mine if job.state == "running"), None)
            for job in mine:
                if job.state == "queued" and (job.id == id if id else not self.attended[job.id]):
                    if running:
                        return Claim(waits=job, before=running, owner=self.owners[running.id])
                    self.owners[job.id] = owner
                    return Claim(self._set(job.id, state="running", started=self._tick()))
        return Claim()

    def requeue(self, id: int, waiter: str | None = None, *, attended: bool = False) -> bool:
        with self.lock:
            if self.job(id).state not in RESUMABLE:
                return False
            self.owners[id], self.attended[id] = waiter or "", attended
            self._set(id, state="queued", cancel=False, error=None, result=None, finished=None)
            return True

    def save_progress(self, id: int, progress: Progress) -> None:
        with self.lock:
            self.writes.append((id, progress))
            self._set(id, progress=progress)

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
        with self.lock:
            mine = owner is None or (self.owners[id] == owner and not self.job(id).over)
            if mine:
                self._set(id, state=state, result=result, error=error, finished=self._tick(), stages=stages or {})
            return mine

    def request_cancel(self, id: int) -> None:
        with self.lock:
            if self.job(id).state == "queued":
                self._set(id, state="cancelled", finished=self._tick())
            elif self.job(id).state == "running":
                self._set(id, cancel=True)

    def must_stop(self, id: int, owner: str) -> bool:
        with self.lock:
            return self.job(id).cancel or self.owners[id] != owner or self.job(id).state != "running"

    def recover(self) -> list[Job]:
        with self.lock:
            found = [id for id, job in self.rows.items() if job.state == "running" or (job.state == "queued" and self.attended[id])]
            dead = [id for id in found if not is_alive(self.owners[id])]
            for id in dead:
                self.lines[id].append(log_line(GONE))
            return [self._set(id, state="interrupted", finished=self._tick()) for id in dead]

    def queued_devices(self) -> set[str]:
        with self.lock:
            return {job.device for id, job in self.rows.items() if job.state == "queued" and not self.attended[id]}

    def append_log(self, id: int, line: str) -> None:
        with self.lock:
            self.lines[id].append(line)

    def log(self, id: int) -> list[str]:
        with self.lock:
            return list(self.lines[id])

    def await_state(self, id: int, *states: str) -> Job:
        with self.lock:
            assert self.reached.wait_for(lambda: self.rows[id].state in states, PATIENCE), f"job {id} is {self.rows[id].state}"
            return self.rows[id]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """A job that says when it has begun and reports each time it is let through."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()
        self.reports = 0

    def __call__(self, job: Job, report: Report) -> Mapping[str, Any]:
        report(Progress("train", 0, 10))
        self.begun.set()
        assert self.open.wait(PATIENCE)
        self.reports += 1
        report(Progress("train", 1, 10))
        return {"job": job.id}


def after_stage(report: Report, work: Callable[[], Any]) -> Any:
    report(Progress("work", 0, 1))
    return work()


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


def started(table: MemoryTable, runners: list[JobRunner], kinds: Mapping[str, Any], clock: Clock | None = None) -> JobRunner:
    runner = JobRunner(table, kinds, clock=clock) if clock else JobRunner(table, kinds)
    runners.append(runner)
    return runner


@pytest.fixture
def runners():
    made: list[JobRunner] = []
    yield made
    for runner in made:
        runner.stop()


def test_jobs_of_a_device_run_one_after_the_other_in_the_order_they_came(table, runners):
    order: list[int] = []
    gate = Gate()
    kinds = {"wait": gate, "note": lambda job, report: order.append(job.id) or {"n": job.arguments["n"]}}
    runner = started(table, runners, kinds)
    runner.submit("wait", "p", "first", {})
    others = [runner.submit("note", "p", f"job {n}", {"n": n}) for n in range(4)]
    assert gate.begun.wait(PATIENCE)
    assert [table.job(job.id).state for job in others] == ["queued"] * 4
    gate.open.set()
    table.await_state(others[-1].id, "done")
    assert order == [job.id for job in others]
    assert [table.job(job.id).result for job in others] == [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}]
    assert table.job(1).result == {"job": 1}
    assert [job.id for job in runner.jobs(limit=2)] == [5, 4]


def test_two_devices_run_at_the_same_time(table, runners):
    meeting = threading.Barrier(2)
    runner = started(table, runners, {"meet": lambda job, report: {"place": meeting.wait(PATIENCE) * 0}})
    first = runner.submit("meet", "p", "on cpu", {}, device="cpu")
    second = runner.submit("meet", "p", "on gpu", {}, device="cuda:0")
    assert table.await_state(first.id, "done", "failed").state == "done"
    assert table.await_state(second.id, "done", "failed").state == "done"


def test_cancel_is_felt_at_the_next_report(table, runners):
    gate = Gate()
    runner = started(table, runners, {"wait": gate})
    job = runner.submit("wait", "p", "t", {})
    assert gate.begun.wait(PATIENCE)
    runner.cancel(job.id)
    gate.open.set()
    over = table.await_state(job.id, "cancelled", "done")
    assert (over.state, over.result, over.error, gate.reports) == ("cancelled", None, None, 1)


def test_a_cancel_from_another_process_is_felt_after_half_a_second(table, runners):
    clock, seen = Clock(), []

    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        report(Progress("train", 0, 100))
        table.request_cancel(job.id)  # not through this runner
        for step in range(1, 100):
            clock.now += 0.1
            seen.append(step)
            report(Progress("train", step, 100))
        return {}

    runner = started(table, runners, {"train": kind}, clock)
    with pytest.raises(Cancelled):
        runner.run_now("train", "p", "t", {})
    assert table.job(1).state == "cancelled"
    assert seen in ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6])


def test_a_queued_job_that_is_cancelled_never_runs(table, runners):
    gate, ran = Gate(), []
    runner = started(table, runners, {"wait": gate, "note": lambda job, report: ran.append(job.id) or {}})
    runner.submit("wait", "p", "first", {})
    waiting = runner.submit("note", "p", "second", {})
    last = runner.submit("note", "p", "third", {})
    runner.cancel(waiting.id)
    gate.open.set()
    table.await_state(last.id, "done")
    assert table.job(waiting.id).state == "cancelled"
    assert ran == [last.id]


def test_a_cancel_between_claim_and_start_is_not_lost(table, runners):
    claim, ran = table.claim, []

    def claim_then_cancel(device: str, owner: str) -> Claim:
        taken = claim(device, owner)
        if taken.job:
            runner.cancel(taken.job.id)  # the worker holds the job but has not begun it
        return taken

    table.claim = claim_then_cancel
    runner = started(table, runners, {"note": lambda job, report: ran.append(job.id) or {}})
    job = runner.submit("note", "p", "t", {})
    assert table.await_state(job.id, "cancelled", "done").state == "cancelled"
    assert ran == []


def test_no_cancel_is_lost_when_many_come_at_any_moment(table, runners):
    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        while True:
            report(Progress("spin", 0, 0))

    runner = started(table, runners, {"spin": kind})
    jobs = [runner.submit("spin", "p", str(n), {}) for n in range(30)]
    for job in jobs:
        runner.cancel(job.id)
    assert {table.await_state(job.id, "cancelled", "done", "failed").state for job in jobs} == {"cancelled"}


def test_cancel_of_a_job_that_is_over_changes_nothing(table, runners):
    runner = started(table, runners, {"note": lambda job, report: {"a": 1}})
    job = runner.run_now("note", "p", "t", {})
    runner.cancel(job.id)
    assert table.job(job.id) == job
    assert job.state == "done"


def test_what_a_user_can_cure_is_the_error_and_a_bug_leaves_its_traceback_in_the_log(table, runners):
    def cure(job: Job, report: Report) -> Mapping[str, Any]:
        raise BadInput("the file a.csv has no column path. Add it.")

    runner = started(table, runners, {"cure": cure, "bug": lambda job, report: after_stage(report, lambda: [][1])})
    first, second = runner.submit("cure", "p", "t", {}), runner.submit("bug", "p", "t", {})
    assert table.await_state(first.id, "failed").error == "the file a.csv has no column path. Add it."
    assert table.await_state(second.id, "failed").error == "this is a bug in alcore: IndexError: list index out of range"
    log = "\n".join(runner.log(second.id))
    assert "Traceback (most recent call last)" in log
    assert "[][1]" in log
    assert "Traceback" not in "\n".join(runner.log(first.id))


def test_a_result_that_does_not_go_into_json_is_a_bug_of_the_job(table, runners):
    runner = started(table, runners, {"bad": lambda job, report: {"a": object()}})
    job = runner.submit("bad", "p", "t", {})
    over = table.await_state(job.id, "failed", "done")
    assert (over.state, over.result) == ("failed", None)
    assert over.error.startswith("this is a bug in alcore: TypeError")


def test_a_table_that_fails_once_does_not_end_the_worker(table, runners):
    claim, failures = table.claim, [OSError("disk full")]
    failed = threading.Event()

    def failing(device: str, owner: str) -> Claim:
        if failures:
            failed.set()
            raise failures.pop()
        return claim(device, owner)

    table.claim = failing
    runner = started(table, runners, {"note": lambda job, report: {}})
    first = runner.submit("note", "p", "t", {})
    assert failed.wait(PATIENCE)
    second = runner.submit("note", "p", "t", {})
    assert [table.await_state(job.id, "done").state for job in (first, second)] == ["done", "done"]


def test_a_table_that_is_away_for_a_while_ends_no_job(table, runners, caplog):
    save, stop, away = table.save_progress, table.must_stop, [True]

    def failing(usual: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*given: Any) -> Any:
            if away:
                raise Unavailable("the database does not answer")
            return usual(*given)

        return asked

    def work(job: Job, report: Report) -> dict[str, Any]:
        table.save_progress, table.must_stop = failing(save), failing(stop)
        report(Progress("one", 1, 3))
        away.clear()
        report(Progress("two", 2, 3))
        return {"n": 1}

    runner = started(table, runners, {"note": work})
    done = table.await_state(runner.submit("note", "p", "t", {}).id, "done")
    assert (done.result, "could not reach the job table: the database does not answer" in caplog.text) == ({"n": 1}, True)
    assert [line[9:] for line in runner.log(done.id)] == ["one", "two", "done"]


def test_what_a_dead_process_left_in_the_queue_is_gone_on_with_while_this_one_runs(table, runners, monkeypatch):
    monkeypatch.setattr(runner_module, "WATCH_EVERY", 0.02)
    runner = started(table, runners, {"note": lambda job, report: {}})
    runner.start()
    dead = table.add_job("note", "p", "ran in an app that was killed", {}, "cpu", owner="999999999:1")
    left = table.add_job("note", "p", "waited in it", {}, "cpu", waiter="999999999:1")
    assert table.await_state(left.id, "done").result == {}
    assert table.await_state(dead.id, "interrupted").result is None


def test_recover_interrupts_jobs_of_dead_processes_only(table, runners):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        living = table.add_job("train", "p", "command line", {}, "cpu", process_name(other.pid))
        reused = table.add_job("train", "p", "number used again", {}, "cpu", f"{other.pid}:1")
        waiting = table.add_job("train", "p", "queued", {}, "cpu")
        with subprocess.Popen([sys.executable, "-c", ""]) as gone:
            name = process_name(gone.pid)
        dead = table.add_job("train", "p", "app", {}, "cpu", name)
        runner = started(table, runners, {})
        assert [job.id for job in runner.recover()] == [reused.id, dead.id]
        states = [table.job(job.id).state for job in (living, reused, waiting, dead)]
        assert states == ["running", "interrupted", "queued", "interrupted"]
        assert is_alive(process_name(other.pid))
        other.communicate(b"\n")
    assert not is_alive(name)
    assert not is_alive("nonsense")


def test_start_goes_on_with_the_queue_of_the_last_time(table, runners):
    left = table.add_job("note", "p", "t", {}, "cpu")
    runner = started(table, runners, {"note": lambda job, report: {}})
    assert runner.start() == []
    assert table.await_state(left.id, "done").result == {}


def test_resume_runs_the_same_row_again(table, runners):
    calls: list[int] = []

    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        calls.append(job.id)
        report(Progress("train", 5 * len(calls), 10))
        if len(calls) == 1:
            raise AlcoreError("no space left on the disk. Make some.")
        return {"calls": len(calls)}

    runner = started(table, runners, {"train": kind})
    job = runner.submit("train", "p", "t", {})
    table.await_state(job.id, "failed")
    assert runner.resume(job.id).id == job.id
    over = table.await_state(job.id, "done")
    assert (over.result, over.error, calls) == ({"calls": 2}, None, [1, 1])
    with pytest.raises(AlcoreError, match=r"job 1 is done; only one that is interrupted or cancelled or failed resumes"):
        runner.resume(job.id)
    assert len(table.rows) == 1


def test_a_cancelled_job_can_be_resumed_in_the_callers_thread(table, runners):
    runner = started(table, runners, {"note": lambda job, report: {"cancel": job.cancel}})
    job = table.add_job("note", "p", "t", {}, "cpu")
    runner.cancel(job.id)
    assert runner.resume_now(job.id).result == {"cancel": False}


def test_stop_interrupts_what_runs_and_leaves_the_queue(table, runners):
    begun = threading.Event()

    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        while True:
            report(Progress("train", 1, 10))
            begun.set()

    runner = started(table, runners, {"train": kind})
    running, waiting = runner.submit("train", "p", "t", {}), runner.submit("train", "p", "t", {})
    assert begun.wait(PATIENCE)
    runner.stop(timeout=PATIENCE)
    assert [table.job(job.id).state for job in (running, waiting)] == ["interrupted", "queued"]
    assert not [thread for thread in threading.enumerate() if thread.name == "alcore-cpu"]
    with pytest.raises(AlcoreError, match="shutting down"):
        runner.submit("train", "p", "t", {})


def test_stop_does_not_wait_for_a_job_that_never_reports_and_its_late_end_writes_nothing(table, runners):
    gate = Gate()
    kinds = {"stuck": lambda job, report: gate.begun.set() or (gate.open.wait(PATIENCE) and {"late": True})}
    runner = started(table, runners, kinds)
    job = runner.submit("stuck", "p", "t", {})
    assert gate.begun.wait(PATIENCE)
    worker = next(thread for thread in threading.enumerate() if thread.name == "alcore-cpu")
    runner.stop(timeout=0.05)
    stopped = table.job(job.id)
    assert stopped.state == "interrupted"
    gate.open.set()
    worker.join(PATIENCE)
    assert table.job(job.id) == stopped


def test_progress_is_written_at_most_twice_a_second_and_when_the_stage_changes(table, runners):
    clock = Clock()

    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        for step in range(1000):  # 10 s
            clock.now += 0.01
            report(Progress("train", step, 1000))
        for step in range(3):
            report(Progress("score", step, 3))
        return {}

    runner = started(table, runners, {"train": kind}, clock)
    runner.run_now("train", "p", "t", {})
    written = [(progress.stage, progress.done) for _, progress in table.writes]
    assert written[0] == ("train", 0)
    assert len([stage for stage, _ in written if stage == "train"]) in (19, 20, 21)
    assert [step for stage, step in written if stage == "score"] == [0, 2]  # on entering, and the last one at the end
    assert [line.split(" ", 1)[1] for line in table.log(1)] == ["train", "score", "done"]


def test_messages_go_to_the_log_once_and_the_snapshot_is_of_this_moment(table, runners):
    clock, looks = Clock(), []

    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        report(Progress("train", 0, 10))
        for step in range(1, 4):
            report(Progress("train", step, 10, {"loss": 0.5}, message="batch halved to 32" if step > 1 else ""))
        looks.extend([runner.snapshot(job.id).progress, runner.jobs()[0].progress, table.job(job.id).progress.done, runner.log(job.id)])
        return {}

    runner = started(table, runners, {"train": kind}, clock)
    runner.run_now("train", "p", "t", {})
    now = Progress("train", 3, 10, {"loss": 0.5}, "batch halved to 32")
    assert looks[:3] == [now, now, 0]
    assert [line.split(" ", 1)[1] for line in looks[3]] == ["train", "train: batch halved to 32"]
    assert [line.split(" ", 1)[1] for line in runner.log(1)] == ["train", "train: batch halved to 32", "done"]


def test_eta_is_silent_at_first_and_counts_from_where_the_stage_began(table, runners):
    clock, etas = Clock(), {}

    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        report(Progress("train", 500, 1000))  # resumed in the middle
        for step in range(501, 601):
            clock.now += 0.1
            report(Progress("train", step, 1000))
            etas[step] = runner.eta_seconds(job)
        clock.now += 5
        etas["later"] = runner.eta_seconds(job)
        report(Progress("score", 0, 10))
        etas["score"] = runner.eta_seconds(job)
        return {}

    runner = started(table, runners, {"train": kind}, clock)
    job = runner.run_now("train", "p", "t", {})
    assert etas[501] is None
    assert etas[519] is None
    assert etas[520] == pytest.approx(48.0)  # 480 steps of 0.1 s
    assert etas[600] == pytest.approx(40.0)
    assert etas["later"] == pytest.approx(35.0)
    assert etas["score"] is None
    assert runner.eta_seconds(job) is None


def test_run_now_reports_to_the_caller_and_raises_what_the_job_raised(table, runners):
    seen: list[Progress] = []

    def fail(job: Job, report: Report) -> Mapping[str, Any]:
        raise BadInput("no images in the folder")

    runner = started(table, runners, {"note": lambda job, report: after_stage(report, dict), "fail": fail})
    over = runner.run_now("note", "p", "t", {}, report=seen.append)
    assert (over.state, over.result, seen) == ("done", {}, [Progress("work", 0, 1)])
    with pytest.raises(BadInput, match="no images in the folder"):
        runner.run_now("fail", "p", "t", {})
    assert [job.state for job in table.jobs()] == ["failed", "done"]
    assert table.owners[1] == process_name(os.getpid())


def test_ctrl_c_leaves_the_job_interrupted(table, runners):
    def kind(job: Job, report: Report) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    runner = started(table, runners, {"train": kind})
    with pytest.raises(KeyboardInterrupt):
        runner.run_now("train", "p", "t", {})
    assert table.job(1).state == "interrupted"


def test_an_unknown_kind_is_refused_before_anything_is_written(table, runners):
    runner = started(table, runners, {"train": lambda job, report: {}})
    with pytest.raises(NotFound, match="no kind of job 'fly'; there are: train"):
        runner.submit("fly", "p", "t", {})
    assert table.rows == {}


def test_a_background_job_steps_back_behind_the_pages_and_one_that_is_waited_for_does_not(table, runners):
    def own(job: Job, report: Report) -> Mapping[str, Any]:
        return {"nice": os.getpriority(os.PRIO_PROCESS, threading.get_native_id())}

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    runner = started(table, runners, {"own": own})
    job = runner.submit("own", "p", "own", {})
    assert table.await_state(job.id, "done").result == {"nice": max(JOB, before)}
    assert runner.run_now("own", "p", "own", {}).result == {"nice": before}
