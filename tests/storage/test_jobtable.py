"""Jobs' rows, and devices that processes claim in them: with stores, processes and Ctrl-C as they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from alcore.errors import Busy, Cancelled, NotFound
from alcore.jobs.contract import GONE
from alcore.jobs.processes import FRESH, host_name, is_alive, process_name, process_words
from alcore.jobs.runner import JobRunner
from alcore.progress import Progress, Report
from alcore.storage import schema
from alcore.storage.database import Database
from alcore.storage.jobtable import Jobs
from alcore.types import Job
from tests.house import ROOT
from tests.storage.rows import address

pytestmark = pytest.mark.both_databases

PATIENCE = 60
DEAD = "999999999:1"  # no such process


@pytest.fixture
def opened(tmp_path, store) -> Iterator[Callable[[], Jobs]]:
    """`opened()` is the job table of a store of its own on the one file, as another process has it."""
    stores: list[Database] = []

    def table() -> Jobs:
        stores.append(Database(address(tmp_path)))
        return Jobs(stores[-1])

    yield table
    for store in stores:
        store.close()


@pytest.fixture
def jobs(opened) -> Jobs:
    return opened()


@pytest.fixture
def other() -> Iterator[str]:
    """The name of a process that lives as long as the test."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process_name(process.pid)
        process.communicate(b"\n")


def set_row(jobs: Jobs, id: int, **values: object) -> None:
    with jobs._database.write() as conn:
        conn.execute(schema.jobs.update().where(schema.jobs.c.id == id).values(**values))


def owner_of(jobs: Jobs, id: int) -> str:
    with jobs._database.read() as conn:
        return str(conn.scalar(sa.select(schema.jobs.c.owner).where(schema.jobs.c.id == id)))


# ---- rows


def test_a_job_goes_through_its_states(jobs):
    job = jobs.add_job("round", "p", "t", {}, "cpu", owner="me")
    assert job.state == "running"
    jobs.save_progress(job.id, Progress("train", 3, 9, {"loss": 0.5}, "hello"))
    assert jobs.job(job.id).progress == Progress("train", 3, 9, {"loss": 0.5}, "hello")
    assert not jobs.must_stop(job.id, "me")
    assert jobs.must_stop(job.id, "you")  # it is not yours
    jobs.request_cancel(job.id)
    assert jobs.must_stop(job.id, "me")
    assert not jobs.requeue(job.id)  # it runs
    assert not jobs.finish_job(job.id, "done", owner="you")
    assert jobs.finish_job(job.id, "failed", error="why", owner="me")
    over = jobs.job(job.id)
    assert (over.state, over.error, over.over, over.finished is not None) == ("failed", "why", True, True)
    assert jobs.requeue(job.id)
    again = jobs.job(job.id)
    assert (again.state, again.error, again.cancel, again.started, again.finished) == ("queued", None, False, None, None)
    jobs.request_cancel(job.id)
    assert jobs.job(job.id).state == "cancelled"
    jobs.finish_job(job.id, "done", result={"round": 1})
    assert not jobs.requeue(job.id)
    jobs.request_cancel(job.id)
    assert (jobs.job(job.id).state, jobs.job(job.id).result) == ("done", {"round": 1})
    jobs.append_log(job.id, "one")
    jobs.append_log(job.id, "two")
    assert jobs.log(job.id) == ["one", "two"]


def test_of_many_who_ask_for_a_job_that_is_to_be_alone_one_gets_it(opened):
    tables, start = (opened(), opened()), threading.Barrier(6)

    def ask(at: int) -> int | str:
        start.wait(PATIENCE)
        try:
            return tables[at % 2].add_job("round", "p", "t", {}, "cpu", waiter=process_name(), alone=True).id
        except Busy as told:
            return str(told)

    with ThreadPoolExecutor(6) as threads:
        got = list(threads.map(ask, range(6)))
    assert sorted(got, key=str) == [1, *["job 1 of 'p' is on its way already"] * 5]
    assert tables[0].add_job("round", "other", "t", {}, "cpu", alone=True).id == 2
    assert tables[0].add_job("features", "p", "t", {}, "cpu", alone=True).id == 3
    tables[0].finish_job(1, "done")
    assert tables[1].add_job("round", "p", "t", {}, "cpu", alone=True).id == 4


def test_jobs_that_run_in_a_living_process_are_told(jobs, other):
    jobs.add_job("round", "p", "dead", {}, "cpu", owner=DEAD)
    jobs.add_job("round", "p", "waits", {}, "cpu", waiter=other)
    lives = jobs.add_job("round", "p", "lives", {}, "cpu", owner=other)
    assert jobs.at_work() == {lives.id: other}


def test_a_job_that_is_not_there_is_not_found(jobs):
    for ask in (jobs.job, jobs.request_cancel, lambda i: jobs.finish_job(i, "done"), lambda i: jobs.save_progress(i, Progress("x", 0, 0))):
        with pytest.raises(NotFound, match="there is no job 5"):
            ask(5)
    assert jobs.must_stop(5, "me")


def test_a_job_took_the_time_of_all_its_attempts(jobs):
    job = jobs.add_job("round", "p", "t", {}, "cpu", owner="me")
    assert job.took is None
    set_row(jobs, job.id, state="interrupted", started=1000.0, finished=1040.0)
    assert jobs.job(job.id).took == 40
    assert jobs.requeue(job.id)
    assert (jobs.job(job.id).spent, jobs.job(job.id).took) == (40, 40)
    set_row(jobs, job.id, state="failed", started=2000.0, finished=2005.0)
    assert jobs.job(job.id).took == 45
    assert jobs.requeue(job.id)
    jobs.request_cancel(job.id)  # before it has begun: this attempt took no time
    assert jobs.job(job.id).took == 45


def test_jobs_of_an_older_database_are_taken_over(opened):
    """Version 0.4 named a process without its host, and had no row for a terminal that waits."""
    old = opened()
    done = old.add_job("round", "p", "done", {}, "cpu", owner=DEAD)
    set_row(old, done.id, state="done", started=10.0, finished=15.0)
    left = old.add_job("round", "p", "in the queue of an app", {}, "cpu")
    killed = old.add_job("round", "p", "killed", {}, "cuda:0", owner=DEAD)
    set_row(old, killed.id, owner=f"{os.getpid()}:1")  # its number was given away again
    with old._database.write() as conn:
        for name in ("attended", "seen", "spent", "stages"):
            conn.exec_driver_sql(f"alter table jobs drop column {name}")
        conn.exec_driver_sql("delete from migrations where name = '0004_job_attempts'")
    now = opened()
    assert (now.job(done.id).took, now.job(done.id).spent, now.job(done.id).stages) == (5, 0, {})
    assert [job.id for job in now.recover()] == [killed.id]
    assert now.claim("cpu", process_name()).job.id == left.id


# ---- whose turn it is


def test_jobs_are_claimed_oldest_first_and_once(opened):
    first, second = opened(), opened()
    me = process_name()
    ids = [first.add_job("round", "p", f"t{n}", {"n": n}, device).id for n, device in enumerate(("cpu", "cpu", "cuda:0"))]
    start = threading.Barrier(6)

    def claim(at: int) -> int | None:
        start.wait(PATIENCE)
        job = (first, second)[at % 2].claim("cpu", me).job
        return job.id if job else None

    with ThreadPoolExecutor(6) as threads:
        claimed = list(threads.map(claim, range(6)))
    assert sorted(claimed, key=str) == [ids[0], *[None] * 5]
    running = second.job(ids[0])
    assert (running.state, running.arguments, running.started is not None) == ("running", {"n": 0}, True)
    blocked = second.claim("cpu", me)
    assert (blocked.job, blocked.waits.id, blocked.before.id, blocked.owner) == (None, ids[1], ids[0], me)
    assert second.claim("cuda:0", me).job.id == ids[2]  # another device
    first.finish_job(ids[0], "done", owner=me)
    assert second.claim("cpu", me).job.id == ids[1]
    assert [job.id for job in first.jobs("p")] == ids[::-1]
    assert first.jobs("other") == []


def test_a_device_waits_for_living_processes_only_and_whoever_came_first_goes_first(opened, other):
    jobs, me = opened(), process_name()
    gone = jobs.add_job("round", "p", "killed", {}, "cpu", owner=DEAD)
    closed = jobs.add_job("round", "p", "its terminal was closed", {}, "cpu", waiter=DEAD, attended=True)
    theirs = jobs.add_job("round", "p", "theirs", {}, "cpu", waiter=other, attended=True)
    mine = jobs.add_job("round", "p", "mine", {}, "cpu", waiter=me, attended=True)
    turn = jobs.claim("cpu", me, mine.id)
    assert (turn.job, turn.waits.id, turn.before.id, turn.owner) == (None, mine.id, theirs.id, other)
    assert opened().claim("cpu", other, theirs.id).job.id == theirs.id
    assert jobs.claim("cpu", me, mine.id).before.id == theirs.id  # now it runs
    assert jobs.claim("cpu", me).waits is None  # a worker takes nothing that somebody attends
    jobs.finish_job(theirs.id, "done", owner=other)
    assert jobs.claim("cpu", me, mine.id).job.id == mine.id
    assert [jobs.job(i.id).state for i in (gone, closed)] == ["interrupted", "queued"]  # whose turn it was, was freed of the dead
    assert [job.id for job in jobs.recover()] == [closed.id]
    assert [jobs.job(i.id).state for i in (gone, closed, theirs, mine)] == ["interrupted", "interrupted", "done", "running"]
    told = [[line[9:] for line in jobs.log(i.id)] for i in (gone, closed, mine)]  # after the time of day
    assert (told, jobs.recover()) == ([[GONE], [GONE], []], [])


def test_what_an_app_left_in_the_queue_is_taken_by_the_next_one(jobs, other):
    left = jobs.add_job("round", "p", "of an app that was killed", {}, "cpu", waiter=DEAD)
    kept = jobs.add_job("round", "p", "of an app that lives", {}, "cpu", waiter=other)
    me = process_name()
    assert (jobs.queued_devices(), jobs.recover()) == ({"cpu"}, [])
    assert jobs.claim("cpu", me).job.id == left.id
    assert owner_of(jobs, left.id) == me
    jobs.finish_job(left.id, "done")
    assert jobs.claim("cpu", me).job is None
    assert owner_of(jobs, kept.id) == other


def test_a_process_on_another_host_lives_while_it_gives_signs(jobs):
    now = time.time()
    for seen, lives in ((now, True), (now - FRESH + 60, True), (now - FRESH - 1, False), (None, False)):
        assert is_alive("elsewhere:12:34", seen) is lives
    far = jobs.add_job("round", "p", "far", {}, "cpu", owner="elsewhere:12:34")
    mine = jobs.add_job("round", "p", "mine", {}, "cpu", waiter=process_name(), attended=True)
    assert jobs.claim("cpu", process_name(), mine.id).owner == "elsewhere:12:34"
    set_row(jobs, far.id, seen=now - 2 * FRESH, started=now - 3 * FRESH)
    jobs.save_progress(far.id, Progress("train", 1, 2))  # a report is a sign
    assert jobs.recover() == []
    set_row(jobs, far.id, seen=now - 2 * FRESH)
    assert [job.id for job in jobs.recover()] == [far.id]
    assert jobs.job(far.id).finished == now - 2 * FRESH  # nobody worked on it since
    assert jobs.claim("cpu", process_name(), mine.id).job.id == mine.id
    assert (process_words("elsewhere:12:34"), process_words(f"{host_name()}:12:34"), process_words("12:34")) == (
        "process 12 on elsewhere", "process 12", "process 12",
    )  # fmt: skip


def test_signs_of_who_waits_are_renewed(jobs, other):
    jobs.add_job("round", "p", "runs", {}, "cpu", owner=other)
    waiting = jobs.add_job("round", "p", "waits", {}, "cpu", waiter=process_name(), attended=True)
    set_row(jobs, waiting.id, seen=time.time() - FRESH)
    jobs.claim("cpu", process_name(), waiting.id)
    with jobs._database.read() as conn:
        assert time.time() - conn.scalar(sa.select(schema.jobs.c.seen).where(schema.jobs.c.id == waiting.id)) < FRESH / 10


# ---- runners, as processes have them


def test_a_runner_waits_for_a_job_of_another_process_and_says_for_which(opened, other):
    jobs, seen = opened(), []
    before = jobs.add_job("round", "digits", "MCDAL, query of 50", {}, "cpu", owner=other)
    runner = JobRunner(opened(), {"round": lambda job, report: {"n": 1}})

    def report(progress: Progress) -> None:
        seen.append(progress)
        assert jobs.job(before.id + 1).state == "queued"
        jobs.finish_job(before.id, "done")

    assert runner.run_now("round", "p", "t", {}, report=report).result == {"n": 1}
    message = f"job {before.id}, 'MCDAL, query of 50' of digits, is running in {process_words(other)}"
    assert seen == [Progress("waiting for the device cpu", 0, 0, message=message)]
    assert [line.split(" ", 1)[1] for line in jobs.log(before.id + 1)] == [f"waiting for the device cpu: {message}", "done"]


def test_whoever_waits_can_be_cancelled_and_ctrl_c_leaves_it_interrupted(opened, other):
    jobs = opened()
    jobs.add_job("round", "digits", "t", {}, "cpu", owner=other)
    runner = JobRunner(opened(), {"round": lambda job, report: {}})
    with pytest.raises(Cancelled):
        runner.run_now("round", "p", "t", {}, report=lambda progress: jobs.request_cancel(2))
    assert jobs.job(2).state == "cancelled"

    def ctrl_c(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run_now("round", "p", "t", {}, report=ctrl_c)
    assert jobs.job(3).state == "interrupted"
    jobs.finish_job(1, "done")
    assert runner.resume_now(3).state == "done"


def test_the_apps_worker_waits_too_and_says_so_in_its_row(opened, other):
    jobs, told = opened(), threading.Event()
    before = jobs.add_job("round", "digits", "MAL, query of 50", {}, "cpu", owner=other)
    table = opened()
    save = table.save_progress

    def save_progress(id: int, progress: Progress) -> None:
        save(id, progress)
        told.set()

    table.save_progress = save_progress  # type: ignore[method-assign]
    runner = JobRunner(table, {"round": lambda job, report: {"n": 2}})
    mine = runner.submit("round", "p", "t", {})
    assert told.wait(PATIENCE)
    waiting = runner.snapshot(mine.id)
    assert (waiting.state, waiting.progress.stage) == ("queued", "waiting for the device cpu")
    assert waiting.progress.message.startswith(f"job {before.id}, 'MAL, query of 50' of digits, is running in process ")
    jobs.finish_job(before.id, "done")
    ended = threading.Event()
    while not runner.snapshot(mine.id).over:
        assert not ended.wait(0.05)
    assert runner.snapshot(mine.id).result == {"n": 2}
    runner.stop()


def test_a_job_that_was_given_up_for_dead_stops_and_writes_nothing(opened):
    jobs, resumed = opened(), []

    def kind(job: Job, report: Report) -> dict[str, int]:
        set_row(jobs, job.id, owner=DEAD)  # as a process that took it over does
        resumed.append(job.id)
        report(Progress("train", 1, 2))
        return {"n": 1}

    clock = iter(range(0, 10_000, 10))
    runner = JobRunner(opened(), {"round": kind}, clock=lambda: next(clock))
    with pytest.raises(Cancelled):
        runner.run_now("round", "p", "t", {})
    assert (jobs.job(1).state, jobs.job(1).result, owner_of(jobs, 1)) == ("running", None, DEAD)


def test_an_end_that_could_not_be_written_is_written_before_anybody_waits_for_it(opened):
    jobs = opened()
    finish, failures = jobs.finish_job, [OSError("no space left")]

    def finish_job(*args: object, **options: object) -> bool:
        if failures:
            raise failures.pop()
        return finish(*args, **options)

    jobs.finish_job = finish_job  # type: ignore[method-assign]
    runner = JobRunner(jobs, {"round": lambda job, report: {"n": job.id}})
    with pytest.raises(OSError, match="no space left"):
        runner.run_now("round", "p", "t", {})
    assert jobs.job(1).state == "running"
    assert runner.run_now("round", "p", "t", {}).result == {"n": 2}
    assert (jobs.job(1).state, jobs.job(1).result) == ("done", {"n": 1})


# ---- real processes

TURN = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without it
from pathlib import Path
from alcore.jobs.runner import JobRunner
from alcore.storage.jobtable import Jobs
from alcore.storage.database import database_url
from alcore.storage.database import Database
home, name = Path(sys.argv[1]), sys.argv[2]
def note(word):
    with (home / "turns.txt").open("a") as file:
        file.write(f"{word} {name}\\n")
def kind(job, report):
    note("begin")
    while not (home / f"go-{name}").exists():
        time.sleep(0.01)
    note("end")
    return {}
def say(progress):
    print(progress.stage + ": " + progress.message, file=sys.stderr, flush=True)
JobRunner(Jobs(Database(database_url(home, os.environ.get("ALCORE_DATABASE")))), {"round": kind}).run_now("round", "digits", "round of " + name, {}, report=say)
"""


def begin_turn(home: Path, name: str) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", TURN, str(home), name], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def await_line(path: Path, line: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while line not in (path.read_text().splitlines() if path.exists() else []):
        assert time.monotonic() < deadline, f"{line!r} never came"
        time.sleep(0.01)


def test_two_processes_take_turns_on_a_device_and_nobody_waits_for_a_corpse(tmp_path, opened):
    jobs, turns = opened(), tmp_path / "turns.txt"
    first = begin_turn(tmp_path, "first")
    await_line(turns, "begin first")
    second = begin_turn(tmp_path, "second")
    assert second.stderr.readline() == (
        f"waiting for the device cpu: job 1, 'round of first' of digits, is running in process {first.pid}\n"
    )
    third = begin_turn(tmp_path, "third")
    assert third.stderr.readline().startswith("waiting for the device cpu: job 1, 'round of first' of digits")
    assert turns.read_text() == "begin first\n"
    third.send_signal(signal.SIGINT)
    third.communicate(timeout=PATIENCE)
    assert [jobs.job(n).state for n in (1, 2, 3)] == ["running", "queued", "interrupted"]
    first.kill()
    first.communicate()
    await_line(turns, "begin second")
    (tmp_path / "go-second").touch()
    second.communicate(timeout=PATIENCE)
    assert turns.read_text().split("\n") == ["begin first", "begin second", "end second", ""]
    assert [jobs.job(n).state for n in (1, 2, 3)] == ["interrupted", "done", "interrupted"]
