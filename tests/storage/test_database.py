"""What a database refuses is a sentence with its cure, whatever asked: a lock, missing rights, a folder that is gone, no file handles."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.errors import AlcoreError, Unavailable, of_machine
from alcore.project.facade import Workspace
from alcore.storage import schema
from alcore.storage.database import Database
from alcore.storage.items import Items
from alcore.storage.projects import Projects
from alcore.storage.schema import annotation_rows, items
from alcore.web.routes import routes
from tests.house import ROOT
from tests.storage.rows import address, applied_names, journal_rows, mark, states

pytestmark = pytest.mark.both_databases


def hold(path: Path) -> sqlite3.Connection:
    """Another program that writes."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_lock_of_another_program_is_waited_for_and_then_named(file):
    database = Database(f"sqlite:///{file}", patience=0.01)
    other = hold(file)
    with pytest.raises(Unavailable) as told, database.write():
        pass
    assert str(told.value) == f"another program has held the database {file} for 0.01 s. End that program, or try again when it is done."
    with database.read() as conn:
        assert conn.scalar(sa.text("select 1")) == 1
    other.close()
    with database.write() as conn:
        assert conn.scalar(sa.text("select 1")) == 1
    database.close()


def test_a_database_that_may_only_be_read_is_read_and_says_so_when_it_is_written(file):
    database = Database(f"sqlite:///file:{file}?mode=ro&uri=true")
    with database.read() as conn:
        assert conn.scalar(sa.text("select count(*) from migrations")) > 0
    told = r"kept\.sqlite is read-only: nothing was stored\. Make the file and its folder writable, or choose another workspace"
    with pytest.raises(Unavailable, match=told):
        database.check_writable()
    database.close()
    writable = Database(f"sqlite:///{file}")
    writable.check_writable()
    writable.close()


def test_a_folder_that_is_gone_says_so(tmp_path):
    with pytest.raises(Unavailable, match=r"/gone/x\.sqlite cannot be opened: its folder is missing or not writable\."):
        Database(f"sqlite:///{tmp_path}/gone/x.sqlite")


def test_without_file_handles_the_cause_is_named_and_not_the_folder(file):
    code = f"""
import os, resource
from alcore.storage.database import Database
from alcore.errors import Unavailable
database = Database("sqlite:///{file}")
database.close()
taken = [os.open(os.devnull, os.O_RDONLY)]
resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    with database.read():
        pass
except Unavailable as told:
    print(told)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.stdout == "too many files are open: end other programs or raise the limit (`ulimit -n`), then try again.\n", ended.stderr


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.sqlite_only
def test_the_routes_answer_503_and_the_browser_keeps_what_it_has(workspace, monkeypatch, caplog, number):
    def refused(project: str) -> None:
        raise OSError(number, os.strerror(number), "/home/x")

    monkeypatch.setattr(Workspace, "project", lambda self, name: refused(name))
    with TestClient(Starlette(routes=routes(lambda: workspace)), headers={"Authorization": f"Bearer {workspace.token}"}) as http:
        answer = http.get("/api/v1/projects/toy/status")
    told = of_machine(OSError(number, "", "/home/x"))
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (503, {"error": str(told)}, "5")
    assert caplog.text == "", "it is no bug"


@pytest.mark.sqlite_only
def test_a_locked_database_is_a_503_too(workspace, home, monkeypatch):
    impatient = Database(f"sqlite:///{home / 'alcore.sqlite'}", patience=0.01)
    monkeypatch.setattr(workspace.database, "read", impatient.write)  # whatever waits for the lock
    other = hold(home / "alcore.sqlite")
    with TestClient(Starlette(routes=routes(lambda: workspace)), headers={"Authorization": f"Bearer {workspace.token}"}) as http:
        answer = http.get("/api/v1/projects/toy/status")
    other.close()
    impatient.close()
    assert (answer.status_code, "another program has held the database" in answer.json()["error"]) == (503, True)


CLASSES = ("cat", "dog")


@pytest.mark.sqlite_only
def test_sqlite_runs_in_wal_with_full_synchronisation_and_foreign_keys(database):
    with database.read() as conn:
        found = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 120000]
    with pytest.raises(sa.exc.IntegrityError), database.write() as conn:
        conn.execute(annotation_rows.insert().values(project_id=77, item_id=1, kind="skip", annotator="", client="x", seq=1, created=0))


def test_a_new_database_may_be_opened_by_many_at_once(tmp_path):
    folder = tmp_path / "fresh"
    folder.mkdir()
    barrier = threading.Barrier(5)

    def open_it(_):
        barrier.wait()
        opened = Database(address(folder))
        names = applied_names(opened)
        opened.close()
        return names

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(open_it, range(5))) == [[name for name, _ in schema.MIGRATIONS]] * 5


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path):
    (tmp_path / "alcore.sqlite").write_bytes(b"this is not a database, but long enough to look like one" * 20)
    with pytest.raises(AlcoreError, match=r"alcore\.sqlite cannot be opened: file is not a database"):
        Database(address(tmp_path))


@pytest.mark.parametrize("url", ["no address at all", "mongodb://host/db"])
def test_an_address_that_cannot_be_used_is_refused_with_words(url):
    with pytest.raises(AlcoreError, match="ALCORE_DATABASE"):
        Database(url)


def test_a_folder_that_is_not_there_is_named_and_a_password_is_not(tmp_path):
    with pytest.raises(AlcoreError, match=r"/no/where\.sqlite cannot be opened: its folder is missing or not writable"):
        Database(f"sqlite:///{tmp_path}/no/where.sqlite")
    with pytest.raises(AlcoreError) as refused:
        Database("postgresql+psycopg2://me:secret-word@localhost:1/db")  # no driver here, or nobody who listens
    assert "secret-word" not in str(refused.value)


def test_a_write_that_fails_leaves_nothing(database, project):
    with pytest.raises(RuntimeError, match="stop"), database.write() as conn:
        Projects(database).set(conn, project, name="other")
        conn.execute(items.delete())
        raise RuntimeError("stop")
    assert Projects(database).names() == ["pets"]
    assert len(Items(database, project).pool()) == 6


@pytest.mark.sqlite_only
def test_a_full_disk_is_said_and_nothing_is_stored(database, journal):
    with database.write() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
    sa.event.listen(database.engine, "begin", lambda conn: conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))
    long = [mark(seq, 1, "flag", value="x" * 400) for seq in range(300)]
    with pytest.raises(AlcoreError, match="the disk is full: nothing was stored"):
        journal.record(long, CLASSES)
    assert journal_rows(database) == []
    assert states(database) == {}


def test_an_error_of_our_own_stays_one(file):
    database = Database(f"sqlite:///{file}")
    with pytest.raises(sa.exc.OperationalError, match="no such table"), database.read() as conn:
        conn.exec_driver_sql("select * from nowhere")
    database.close()
