"""The database and the journal: exact rows in, exact rows out, also with many writers and a killed process.

Longer than 400 lines: rows are compared whole, as literals.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.storage import schema
from alcore.storage.database import Database, database_url
from alcore.storage.events import fold
from alcore.storage.items import Items
from alcore.storage.jobtable import Jobs
from alcore.storage.journal import Journal
from alcore.storage.projects import Projects
from alcore.storage.queries import OpenQuery, Queries
from alcore.storage.rounds import Rounds
from alcore.storage.schema import annotation_rows, current, items
from alcore.types import Annotation, Item, Skipped
from tests.house import ROOT

CLASSES = ("cat", "dog")


def address(folder: Path) -> str:
    return database_url(folder, None)


@pytest.fixture
def database(tmp_path):
    opened = Database(address(tmp_path))
    yield opened
    opened.close()


def row(path: str, at: int, **changes) -> dict:
    return {"path": path, "split": "pool", "truth": "cat", "row": at, "width": 8, "height": 8, "fingerprint": f"f{at}"} | changes


def add_project(database: Database, name: str, paths: list[str]) -> int:
    with database.write() as conn:
        project = Projects(database).add(conn, name, "classification", "/src", "folder", CLASSES, {"folder": "x"})
        Items(database, project).replace(conn, [row(path, at) for at, path in enumerate(paths)], [])
    return project


@pytest.fixture
def project(database) -> int:
    """Project 1 with the items 1...6."""
    return add_project(database, "pets", [f"{n}.png" for n in range(1, 7)])


@pytest.fixture
def journal(database, project) -> Journal:
    return Journal(database, project)


def label(seq: int, item: int, value: str = "cat", client: str = "tab", **other) -> Annotation:
    return Annotation(client, seq, item, "label", value, **other)


def mark(seq: int, item: int, kind: str, client: str = "tab", **other) -> Annotation:
    return Annotation(client, seq, item, kind, **other)


def states(database: Database) -> dict[int, tuple]:
    with database.read() as conn:
        return {r.item_id: (r.label, r.skipped, r.flagged) for r in conn.execute(sa.select(current).order_by(current.c.item_id))}


def journal_rows(database: Database) -> list[tuple]:
    columns = [annotation_rows.c[n] for n in ("project_id", "item_id", "kind", "value", "annotator", "client", "seq", "round", "ms")]
    with database.read() as conn:
        return [tuple(r) for r in conn.execute(sa.select(*columns).order_by(annotation_rows.c.id))]


# ---- folding events into a state

LEFT = [  # events, and what they leave: (label, skipped, flagged)
    ("", None),
    ("a", ("a", False, False)),
    ("a b", ("b", False, False)),
    ("a b undo", ("a", False, False)),
    ("a undo", None),
    ("undo", None),
    ("undo a", ("a", False, False)),
    ("a undo undo b", ("b", False, False)),
    ("a b undo undo undo", None),
    ("skip", (None, True, False)),
    ("a skip", (None, True, False)),
    ("skip a", ("a", False, False)),
    ("a skip undo", ("a", False, False)),
    ("flag", (None, False, True)),
    ("flag undo", None),
    ("a flag", ("a", False, True)),
    ("flag a", ("a", False, True)),
    ("a flag undo", ("a", False, False)),
    ("flag skip", (None, True, True)),
    ("a flag b undo", ("a", False, True)),
    ("a flag skip undo undo", ("a", False, False)),
    ("skip undo flag undo a", ("a", False, False)),
]


def event(word: str, at: int) -> tuple:
    return (word, None, f"who{at}", float(at)) if word in ("skip", "flag", "undo") else ("label", word, f"who{at}", float(at))


@pytest.mark.parametrize(("words", "expected"), LEFT)
def test_events_leave_the_state_that_was_worked_out_by_hand(words, expected):
    state = fold(event(word, at) for at, word in enumerate(words.split(), 1))
    assert (state and (state["label"], state["skipped"], state["flagged"])) == expected


@pytest.mark.parametrize(("words", "who", "when"), [
    ("a", "who1", 1.0), ("a b", "who2", 2.0), ("a b undo", "who1", 3.0), ("a flag", "who1", 2.0), ("flag a", "who2", 2.0), ("flag", "who1", 1.0), ("a skip", "who2", 2.0),
])  # fmt: skip
def test_a_state_names_who_gave_its_label_and_when_it_last_changed(words, who, when):
    state = fold(event(word, at) for at, word in enumerate(words.split(), 1))
    assert (state["annotator"], state["changed"]) == (who, when)


# ---- recording


def test_events_become_exactly_these_rows(database, journal):
    events = [
        label(1, 3, "dog", annotator="ann", round=2, ms=812),
        mark(2, 4, "skip", annotator="ann"),
        mark(3, 5, "flag", value="blurred"),
        mark(4, 3, "undo"),
    ]
    assert journal.record(events, CLASSES) == ([1, 2, 3, 4], [])
    assert journal_rows(database) == [
        (1, 3, "label", "dog", "ann", "tab", 1, 2, 812),
        (1, 4, "skip", None, "ann", "tab", 2, None, None),
        (1, 5, "flag", "blurred", "", "tab", 3, None, None),
        (1, 3, "undo", None, "", "tab", 4, None, None),
    ]
    assert states(database) == {4: (None, True, False), 5: (None, False, True)}


def test_the_same_event_again_is_acknowledged_and_stored_once(database, journal):
    assert journal.record([label(1, 3, "dog")], CLASSES) == ([1], [])
    assert journal.record([label(2, 3, "cat")], CLASSES) == ([2], [])
    assert journal.record([label(1, 3, "dog"), label(2, 3, "cat"), label(2, 3, "cat")], CLASSES) == ([1, 2, 2], [])
    assert len(journal_rows(database)) == 2
    assert states(database) == {3: ("cat", False, False)}  # the first one, sent late, does not win


def test_the_same_number_from_another_client_is_another_event(database, journal):
    journal.record([label(1, 3, "dog", client="a"), label(1, 3, "cat", client="b")], CLASSES)
    assert [r[5] for r in journal_rows(database)] == ["a", "b"]


def test_what_cannot_be_taken_is_rejected_with_a_reason_and_the_rest_is_stored(database, journal):
    other = add_project(database, "other", ["x.png"])
    assert other == 2
    events = [
        label(1, 3, "dog"),
        label(2, 99),
        label(3, 4, "bird"),
        mark(4, 4, "erase"),
        label(5, 7),
        label(6, 4, None),
        label(7, 5, "cat"),
    ]
    acked, rejected = journal.record(events, CLASSES)
    assert acked == [1, 7]
    assert rejected == [
        {"seq": 2, "reason": "there is no item 99 in this project"},
        {"seq": 3, "reason": "'bird' is not a class of this project"},
        {"seq": 4, "reason": "unknown kind 'erase': use one of label, skip, flag, undo, mask, region"},
        {"seq": 5, "reason": "there is no item 7 in this project"},
        {"seq": 6, "reason": "None is not a class of this project"},
    ]
    assert states(database) == {3: ("dog", False, False), 5: ("cat", False, False)}
    # a rejected event was not stored: with a class that is known meanwhile it is taken
    assert journal.record([label(3, 4, "bird")], (*CLASSES, "bird")) == ([3], [])


def test_more_events_than_a_statement_holds_are_stored_in_order(database):
    project = add_project(database, "big", [f"{n:04d}" for n in range(1200)])
    first = min(Items(database, project).paths())
    events = [label(n, first + n, "dog" if n % 3 else "cat") for n in range(1200)]
    journal = Journal(database, project)
    assert journal.record(events, CLASSES) == (list(range(1200)), [])
    assert journal.record(events, CLASSES) == (list(range(1200)), [])
    assert [r[6] for r in journal_rows(database)] == list(range(1200))
    assert sum(state[0] == "cat" for state in states(database).values()) == 400


def test_events_are_listed_with_their_paths_in_both_orders(journal):
    journal.record([label(1, 3), label(2, 5)], CLASSES)
    assert [(e["path"], e["seq"]) for e in journal.events()] == [("3.png", 1), ("5.png", 2)]
    assert [e["seq"] for e in journal.events(limit=1, newest_first=True)] == [2]


# ---- rebuilding


def test_rebuilding_a_sound_table_changes_nothing(database, journal):
    journal.record([label(1, 1), label(2, 2, "dog"), mark(3, 2, "flag"), mark(4, 3, "skip"), label(5, 4), mark(6, 4, "undo")], CLASSES)
    before = states(database)
    assert journal.differences() == 0
    assert journal.rebuild() == 0
    assert states(database) == before == {1: ("cat", False, False), 2: ("dog", False, True), 3: (None, True, False)}


def test_labels_that_were_tampered_with_are_found_and_rebuilt(database, journal):
    journal.record([label(1, 1), label(2, 2, "dog"), label(3, 3)], CLASSES)
    right = states(database)
    with database.write() as conn:
        conn.execute(current.delete().where(current.c.item_id == 1))
        conn.execute(current.update().where(current.c.item_id == 2).values(label="cat"))
        conn.execute(current.insert().values(item_id=6, project_id=1, label="dog", skipped=False, flagged=False, annotator="", changed=0))
    assert journal.differences() == 3
    assert journal.rebuild() == 3
    assert states(database) == right
    assert journal.differences() == 0


def test_rebuilding_one_project_leaves_the_other(database, journal):
    other = Journal(database, add_project(database, "other", ["x.png"]))
    journal.record([label(1, 1)], CLASSES)
    other.record([label(1, 7, "dog")], CLASSES)
    with database.write() as conn:
        conn.execute(current.delete())
    assert (journal.differences(), other.differences()) == (1, 1)
    assert journal.rebuild() == 1
    assert states(database) == {1: ("cat", False, False)}
    assert other.differences() == 1


# ---- many writers, and a killed one


def test_many_threads_and_two_stores_lose_no_row(tmp_path, database, project):
    second = Database(address(tmp_path))
    barrier = threading.Barrier(6)

    def write(worker: int) -> list[int]:
        journal = Journal((database, second)[worker % 2], project)
        barrier.wait()
        acked = []
        for seq in range(15):
            acked += journal.record(
                [label(seq, 1 + seq % 6, CLASSES[worker % 2], client=f"w{worker}"), label(seq, 1 + seq % 6, client="all")], CLASSES
            )[0]
        return acked

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(write, range(6)))
    second.close()
    assert results == [[seq for seq in range(15) for _ in range(2)]] * 6
    rows = [(r[5], r[6]) for r in journal_rows(database)]
    assert sorted(rows) == sorted([(f"w{w}", s) for w in range(6) for s in range(15)] + [("all", s) for s in range(15)])
    assert Journal(database, project).differences() == 0


def test_a_reader_sees_either_all_or_nothing_of_a_write(database, journal):
    with database.write() as conn:
        conn.execute(current.insert().values(item_id=1, project_id=1, label="cat", skipped=False, flagged=False, annotator="", changed=0))
        assert states(database) == {}
    assert states(database) == {1: ("cat", False, False)}


CHILD = """
import sys
from alcore.storage.journal import Journal
from alcore.storage.database import Database
from alcore.types import Annotation
journal = Journal(Database(sys.argv[1]), 1)
for seq in range(100000):
    acked, _ = journal.record([Annotation("child", seq, 1 + seq % 6, "label", ("cat", "dog")[seq % 2])], ("cat", "dog"))
    print(acked[0], flush=True)
"""


def test_a_process_killed_in_the_middle_loses_no_acknowledged_event(tmp_path, database, project):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, address(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    acked = [int(child.stdout.readline()) for _ in range(25)]
    child.send_signal(signal.SIGKILL)
    acked += [int(line) for line in child.stdout.read().split("\n")[:-1]]
    assert child.wait() == -signal.SIGKILL
    assert acked == list(range(len(acked)))
    stored = [r[6] for r in journal_rows(database)]
    assert stored == list(range(len(stored)))  # in order, without a gap
    assert len(stored) - len(acked) in (0, 1)  # at most one was committed and not yet acknowledged
    journal = Journal(database, project)
    assert journal.differences() == 0
    assert journal.record([label(s, 1 + s % 6, CLASSES[s % 2], client="child") for s in stored], CLASSES)[0] == stored
    assert len(journal_rows(database)) == len(stored)


# ---- the database


def test_sqlite_runs_in_wal_with_full_synchronisation_and_foreign_keys(database):
    with database.read() as conn:
        found = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 120000]
    with pytest.raises(sa.exc.IntegrityError), database.write() as conn:
        conn.execute(annotation_rows.insert().values(project_id=77, item_id=1, kind="skip", annotator="", client="x", seq=1, created=0))


def applied_names(database: Database) -> list[str]:
    with database.read() as conn:
        return list(conn.scalars(sa.select(schema.applied.c.name).order_by(schema.applied.c.applied)))


def test_migrations_run_once_and_in_order(tmp_path, database, project, monkeypatch):
    runs = []

    def second(conn):
        runs.append(2)
        conn.exec_driver_sql("ALTER TABLE projects ADD COLUMN note TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("0002_note", second)))
    for _ in range(2):
        again = Database(address(tmp_path))
        assert applied_names(again) == [name for name, _ in schema.MIGRATIONS]
        assert Projects(again).names() == ["pets"]
        again.close()
    assert runs == [2]


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path, database, project, monkeypatch):
    before = applied_names(database)

    def broken(conn):
        conn.exec_driver_sql("CREATE TABLE half (x)")
        raise RuntimeError("stop")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("0002_broken", broken)))
    with pytest.raises(RuntimeError, match="stop"):
        Database(address(tmp_path))
    assert applied_names(database) == before
    assert not sa.inspect(database.engine).has_table("half")


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


def test_a_full_disk_is_said_and_nothing_is_stored(database, journal):
    with database.write() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
    sa.event.listen(database.engine, "begin", lambda conn: conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))
    long = [mark(seq, 1, "flag", value="x" * 400) for seq in range(300)]
    with pytest.raises(AlcoreError, match="the disk is full: nothing was stored"):
        journal.record(long, CLASSES)
    assert journal_rows(database) == []
    assert states(database) == {}


# ---- items


def item_table(database: Database) -> list[tuple]:
    with database.read() as conn:
        return [tuple(r) for r in conn.execute(sa.select(items.c.id, items.c.path, items.c.row, items.c.present).order_by(items.c.id))]


def test_items_imported_again_keep_their_ids_and_what_is_gone_keeps_its_history(database, project, journal):
    journal.record([label(1, 2, "dog"), label(2, 5)], CLASSES)
    with database.write() as conn:
        again = [row("0.png", 0), row("2.png", 1, truth="dog", fingerprint="new"), *(row(f"{n}.png", n) for n in (1, 3, 4))]
        Items(database, project).replace(conn, again, [Skipped("bad.png", "empty")])
    assert item_table(database) == [(1, "1.png", 1, True), (2, "2.png", 1, True), (3, "3.png", 3, True), (4, "4.png", 4, True), (5, "5.png", 4, False), (6, "6.png", 5, False), (7, "0.png", 0, True)]  # fmt: skip
    assert Items(database, project).pool()[1] == Item(2, "2.png", "pool", "dog")
    assert [i.id for i in Items(database, project).pool()] == [1, 2, 3, 4, 7]
    assert Items(database, project).paths()[5] == "5.png"
    assert states(database) == {2: ("dog", False, False), 5: ("cat", False, False)}
    assert Items(database, project).set_aside() == [Skipped("bad.png", "empty")]
    assert [r[0] for r in Items(database, project).snapshot()] == [1, 2, 3, 4, 7]
    with database.write() as conn:
        Items(database, project).replace(conn, [row("5.png", 0)], [])
    assert [(i.id, i.path) for i in Items(database, project).pool()] == [(5, "5.png")]
    assert Items(database, project).set_aside() == []


def test_items_are_stored_in_blocks_from_anything_that_can_be_read_once(database, monkeypatch):
    monkeypatch.setattr("alcore.storage.database.ROWS", 4)
    largest = []
    sa.event.listen(
        database.engine,
        "before_cursor_execute",
        lambda c, cursor, text, values, *_: largest.append(len(values) if "items" in text and isinstance(values, list) else 0),
    )
    project = add_project(database, "blocks", [f"{n}.png" for n in range(10)])
    assert max(largest) == 4
    with database.write() as conn:
        rows = (row(f"{n}.png", n, split="test" if n == 3 else "pool") for n in (11, 3, 4, 10, 5, 12, 6, 0, 9))
        Items(database, project).replace(conn, rows, (Skipped(f"bad{n}", "x") for n in range(9)))
    assert [(r[1], r[2]) for r in item_table(database) if r[3]] == [(f"{n}.png", n) for n in (0, 3, 4, 5, 6, 9, 11, 10, 12)]
    assert [r[0] for r in item_table(database)] == list(range(1, 14))
    assert [s.path for s in Items(database, project).set_aside()] == [f"bad{n}" for n in range(9)]
    snapshot = Items(database, project).snapshot()
    assert snapshot.ids.tolist() == [1, 4, 5, 6, 7, 10, 11, 12, 13]
    assert snapshot.rows.tolist() == [0, 3, 4, 5, 6, 9, 11, 10, 12]
    assert [split for _, split, *_ in snapshot] == ["pool", "test"] + ["pool"] * 7
    known = Items(database, project).known()
    assert (len(known), int(known.present.sum())) == (13, 9)
    assert known.prints[known.at(["12.png", "1.png"])].tolist() == [b"f12", b"f1"]
    assert Items(database, project).ids_of(["12.png", "nothing", "1.png"]) == {"12.png": 13, "1.png": 2}
    assert Items(database, project + 1).ids_of(["12.png"]) == {}


def test_a_snapshot_carries_labels_and_marks(database, project, journal):
    journal.record([label(1, 2, "dog"), mark(2, 2, "flag"), mark(3, 3, "skip")], CLASSES)
    rest = [(i, "pool", "cat", i - 1, None, False, False) for i in (1, 4, 5, 6)]
    marked = [(2, "pool", "cat", 1, "dog", False, True), (3, "pool", "cat", 2, None, True, False)]
    assert list(Items(database, project).snapshot()) == sorted(rest + marked)


def test_an_items_row_carries_its_state_and_items_of_others_are_not_given(database, project, journal):
    other = add_project(database, "other", ["x.png"])
    journal.record([label(1, 2, "dog"), mark(2, 2, "flag"), mark(3, 3, "skip")], CLASSES)
    found = Items(database, project).rows([1, 2, 3, 7, 99])
    assert {i: (r["path"], r["label"], r["skipped"], r["flagged"]) for i, r in found.items()} == {
        1: ("1.png", None, False, False), 2: ("2.png", "dog", False, True), 3: ("3.png", None, True, False),
    }  # fmt: skip
    with pytest.raises(NotFound, match="there is no item 7 in this project"):
        Items(database, project).row(7)
    assert Items(database, other).row(7)["path"] == "x.png"


def test_counts_are_those_worked_out_by_hand(database):
    with database.write() as conn:
        project = Projects(database).add(conn, "p", "classification", "/src", "folder", CLASSES, {})
        rows = [
            row("a", 0),
            row("b", 1, truth="dog"),
            row("c", 2, truth=None),
            row("d", 3),
            row("t", 4, split="test"),
            row("v", 5, split="val", truth="dog"),
        ]
        Items(database, project).replace(conn, rows, [Skipped("x", "y"), Skipped("z", "y")])
    Journal(database, project).record([label(1, 1), label(2, 2, "dog"), mark(3, 3, "skip"), mark(4, 2, "flag"), label(5, 5)], CLASSES)
    expected = {
        "items": 6, "splits": {"pool": 4, "test": 1, "val": 1}, "labeled": 2, "labels": {"cat": 1, "dog": 1}, "skipped": 1, "flagged": 1, "partial": 0,
        "truth": {"pool": {"cat": 2, "dog": 1}, "test": {"cat": 1}, "val": {"dog": 1}}, "set_aside": 2,
    }  # fmt: skip
    assert Items(database, project).counts() == expected
    assert Items(database, project).labeled_count() == 2
    with database.write() as conn:
        Items(database, project).replace(conn, rows[1:], [])  # the labeled image "a" is gone
    assert Items(database, project).counts()["labeled"] == Items(database, project).labeled_count() == 1
    assert [r["path"] for r in Items(database, project).labeled()] == ["b", "t"]


def test_samples_are_spread_over_the_items_of_a_class(database, project, journal):
    journal.record([label(1, 6, "dog")], CLASSES)  # the others are cats by their truth
    found = Items(database, project).samples(["cat", "dog"], 2)
    assert found["dog"] == (1, [(6, "6.png", "f5")])
    assert found["cat"] == (5, [(2, "2.png", "f1"), (4, "4.png", "f3")])  # every second one of five, two of them
    assert set(found) == {"cat", "dog"}  # nobody is without a label or truth
    assert set(Items(database, project).samples(["dog"], 2)) == {"dog"}
    assert Items(database, project).label_times() == []
    journal.record([label(2, 1, annotator="ann", ms=700)], CLASSES)
    assert Items(database, project).label_times() == [("ann", 700)]


def test_projects_are_found_by_name_and_a_second_of_that_name_is_refused(database, project):
    assert Projects(database).row("pets")["classes"] == ["cat", "dog"]
    with pytest.raises(NotFound, match=r"there is no project 'pet' \(projects: pets\)"):
        Projects(database).row("pet")
    with pytest.raises(BadInput, match="a project 'pets' exists already"):
        add_project(database, "pets", ["a"])
    assert Projects(database).names() == ["pets"]


def test_deleting_a_project_removes_all_of_it_and_nothing_else(database, project, journal):
    other = add_project(database, "other", ["x.png"])
    jobs = Jobs(database)
    for name, owner, first in (("pets", project, 1), ("other", other, 7)):
        Journal(database, owner).record([label(1, first)], CLASSES)
        Rounds(database, owner, name).add(**round_values("random"), query=[first])
        with database.write() as conn:
            conn.execute(schema.masks.insert().values(project_id=owner, digest="ab", width=2, height=1, pixels=[1, 0, 1]))
        job = jobs.add_job("round", name, "t", {}, "cpu")
        jobs.append_log(job.id, f"line of {name}")
    Projects(database).delete(project, "pets")
    assert Projects(database).names() == ["other"]
    with database.read() as conn:
        left = {table.name: conn.scalar(sa.select(sa.func.count()).select_from(table)) for table in schema.meta.sorted_tables}
    assert left == {
        "projects": 1,
        "items": 1,
        "skipped": 0,
        "annotations": 1,
        "current": 1,
        "masks": 1,
        "rounds": 1,
        "queries": 1,
        "jobs": 1,
        "job_log": 1,
    }
    assert [job.project for job in jobs.jobs()] == ["other"]
    assert add_project(database, "pets", ["1.png"]) not in (project, other)  # ids are for ever


# ---- rounds


def round_values(strategy: str, **changes) -> dict:
    values = {"strategy": strategy, "params": {"a": 1}, "train": {"steps": 2}, "seed": 3, "labeled": 4, "metrics": {"accuracy": 0.5}}
    return values | {"seconds": {"train": 1.5}, "device": "cpu", "folder": "abc"} | changes


def test_rounds_are_numbered_from_one_and_a_start_without_a_model_is_round_zero(database, project):
    other = add_project(database, "other", ["x.png"])
    Rounds(database, project, "pets").add(**round_values("start:random", folder=""), query=[3, 1])
    Rounds(database, project, "pets").add(**round_values("mal"), query=[6, 2, 4])
    Rounds(database, other, "other").add(**round_values("mcdal"), query=[7])
    found = Rounds(database, project, "pets").all()
    assert [(r.number, r.strategy, r.query, r.project) for r in found] == [
        (0, "start:random", (3, 1), "pets"),
        (1, "mal", (6, 2, 4), "pets"),
    ]
    assert (found[1].params, found[1].train, found[1].seed, found[1].labeled) == ({"a": 1}, {"steps": 2}, 3, 4)
    assert (found[1].metrics, found[1].seconds, found[1].device, found[1].folder) == ({"accuracy": 0.5}, {"train": 1.5}, "cpu", "abc")
    assert [r.number for r in Rounds(database, other, "other").all()] == [1]
    Rounds(database, project, "pets").update(found[1].id, seconds={"train": 9.0})
    assert Rounds(database, project, "pets").all()[1].seconds == {"train": 9.0}


def test_a_round_whose_query_names_no_item_is_not_stored(database, project):
    with pytest.raises(sa.exc.IntegrityError):
        Rounds(database, project, "pets").add(**round_values("mal"), query=[1, 99])
    assert Rounds(database, project, "pets").all() == []


def test_the_open_query_is_the_newest_in_its_order_without_what_was_dealt_with(database, project, journal):
    queries = Queries(database, project)
    assert queries.open() is None
    Rounds(database, project, "pets").add(**round_values("mal"), query=[1, 2])
    Rounds(database, project, "pets").add(**round_values("mal"), query=[6, 2, 4, 1, 3])
    assert queries.open() == OpenQuery(2, [6, 2, 4, 1, 3], 5, 0, 0)
    journal.record([label(1, 4), mark(2, 6, "skip"), mark(3, 3, "flag")], CLASSES)
    assert queries.open() == OpenQuery(2, [2, 1], 5, skipped=1, flagged=1, answered=(3, 4, 6))  # of one moment: what was asked for last
    journal.record([mark(4, 6, "undo"), label(5, 3)], CLASSES)
    assert queries.open() == OpenQuery(2, [6, 2, 1], 5, skipped=0, flagged=0, answered=(3, 4))
    assert queries.open(1) == OpenQuery(1, [1, 2], 2, 0, 0)
    assert queries.left() == [(1, 2), (2, 3)]
    with database.write() as conn:
        Items(database, project).replace(conn, [row("6.png", 0), row("1.png", 1)], [])
    assert queries.open() == OpenQuery(2, [6, 1], 5, 0, 0)
