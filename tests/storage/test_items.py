"""Items: their ids, states and counts."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from alcore.errors import NotFound
from alcore.storage.importrows import ImportRows
from alcore.storage.items import Items
from alcore.storage.journal import Journal
from alcore.storage.projects import Projects
from alcore.storage.queries import Queries
from alcore.storage.schema import annotation_rows, class_changes
from alcore.types import HELD, SLICE, Skipped
from tests.storage.rows import add_project, label, mark, row

pytestmark = pytest.mark.both_databases

CLASSES = ("cat", "dog")


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


@pytest.mark.sqlite_only
def test_what_is_looked_for_by_number_is_not_searched_among_all_items_of_the_project(database, project, journal):
    """Of a million images each request of the labeling page took most of a second: SQLite took the index of the project's splits."""
    told = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda c, cursor, text, values, *_: told.append((text, values)))
    some = list(range(1, 7))
    Items(database, project).rows(some)
    list(Items(database, project).states(some))
    journal.record([label(seq, item) for seq, item in enumerate(some, 1)], CLASSES)
    queries = Queries(database, project)
    for look in (queries.newest_event, queries.disputed, lambda: queries.standing(some), lambda: queries.changes(3)):
        look()
    Items(database, project).labeled_count()
    Items(database, project).counts()
    of_items = [(text, values) for text, values in told if text.startswith("SELECT") and "items" in text]
    assert len(of_items) >= 6
    with database.read() as conn:
        for text, values in told:
            if text.startswith("SELECT") and "FROM annotations" in text and "client" not in text:
                plan = " ".join(row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
                assert "autoindex" not in plan, (text, plan)  # all events of the project
                assert "TEMP B-TREE" not in plan or "annotations_by_item" in plan or "annotations_notes" in plan, (text, plan)
        for text, values in of_items:
            plan = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
            reads_all, of_few = "items.truth" in text and "ORDER BY items.id" in text, {SLICE, HELD} & set(values)
            assert reads_all or of_few or not [step for step in plan if "items_by_split" in step], (text, plan)


def test_counts_are_those_worked_out_by_hand(database):
    with database.write() as conn:
        project = Projects(database).begin(conn, "classification", "/src", "folder", CLASSES, {})
        rows = [
            row("a", 0),
            row("b", 1, truth="dog"),
            row("c", 2, truth=None),
            row("d", 3),
            row("t", 4, split="test"),
            row("v", 5, split="val", truth="dog"),
        ]
        ImportRows(database, project).replace(conn, rows, [Skipped("x", "y"), Skipped("z", "y")])
    Journal(database, project).record([label(1, 1), label(2, 2, "dog"), mark(3, 3, "skip"), mark(4, 2, "flag"), label(5, 5)], CLASSES)
    expected = {
        "items": 6, "splits": {"pool": 4, "test": 1, "val": 1}, "labeled": 2, "labels": {"cat": 1, "dog": 1}, "skipped": 1, "flagged": 1, "partial": 0,
        "truth": {"pool": {"cat": 2, "dog": 1}, "test": {"cat": 1}, "val": {"dog": 1}}, "set_aside": 2, "sliced": 0,
    }  # fmt: skip
    assert Items(database, project).counts() == expected
    assert Items(database, project).labeled_count() == 2
    with database.write() as conn:
        ImportRows(database, project).replace(conn, rows[1:], [])  # the labeled image "a" is gone
    assert Items(database, project).counts()["labeled"] == Items(database, project).labeled_count() == 1
    assert [r["path"] for r in Items(database, project).labeled()] == ["b", "t"]


def test_label_times_are_those_of_answers_that_say_how_long_they_took(database, project, journal):
    journal.record([label(1, 6, "dog")], CLASSES)
    assert Items(database, project).label_times() == []
    journal.record([label(2, 1, annotator="ann", ms=700)], CLASSES)
    assert Items(database, project).label_times() == [("ann", 700)]


def test_a_state_is_another_where_its_numbers_are_given_again(database, project, journal):
    """What is kept in a file by that state may be of before the rows were restored to."""
    with database.write() as conn:
        Projects(database).set(conn, project, settings={"folder": "f", "packed": "p"})

    def state():
        with database.read() as conn:
            return Items(database, project).state(conn)

    seen = [state()]
    for at in (5.0, 6.0):
        with database.write() as conn:
            conn.execute(class_changes.delete())
            values = {"project_id": project, "kind": "rename", "name": "cat", "value": "lynx", "after": 0, "annotator": "ann"}
            conn.execute(class_changes.insert().values(id=7, created=at, **values))
        seen.append(state())
    for at in (5.0, 6.0):
        with database.write() as conn:
            conn.execute(annotation_rows.delete())
            values = {"project_id": project, "item_id": 1, "kind": "slice", "annotator": "ann", "client": "c", "seq": 1}
            conn.execute(annotation_rows.insert().values(id=9, created=at, **values))
        seen.append(state())
    assert len(set(seen)) == 5
    assert state() == seen[-1]
