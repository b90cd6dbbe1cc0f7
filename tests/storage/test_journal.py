"""The journal: exact rows in, exact rows out, also with many writers and a killed process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alcore.storage.database import Database
from alcore.storage.items import Items
from alcore.storage.journal import Journal
from alcore.storage.schema import current
from tests.house import ROOT
from tests.storage.rows import add_project, address, journal_rows, label, mark, states

pytestmark = pytest.mark.both_databases

CLASSES = ("cat", "dog")


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
        {"seq": 4, "reason": "unknown kind 'erase': use one of label, skip, flag, undo, mask, region, again"},
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


def test_with_own_nobody_takes_back_what_another_said(journal):
    journal.take([label(1, 1, annotator="ann"), label(2, 2, annotator="ann")], CLASSES)
    refused = [{"seq": 1, "reason": "there is nothing of yours to take back"}]
    assert journal.take([mark(1, 1, "undo", "b", annotator="bea")], CLASSES, own=True).rejected == refused
    both = [label(2, 1, "dog", "b", annotator="bea"), mark(3, 1, "undo", "b", annotator="bea"), mark(4, 1, "undo", "b", annotator="bea")]
    taken = journal.take(both, CLASSES, own=True)
    assert (taken.acked, [one["seq"] for one in taken.rejected]) == ([2, 3], [4])
    assert journal.take([mark(9, 2, "undo", "a", annotator="ann")], CLASSES, own=True).acked == [9]
    assert journal.take([mark(5, 1, "undo", "b", annotator="bea")], CLASSES).acked == [5]  # of whoever
