"""What an import writes of a project's items: in blocks, of an import again what differs, and known ones keep their ids."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from alcore.storage import importrows
from alcore.storage.database import Database
from alcore.storage.importrows import ImportRows
from alcore.storage.items import Items
from alcore.storage.projects import Projects
from alcore.storage.schema import items
from alcore.types import Item, Skipped
from tests.storage.rows import CLASSES, add_project, label, row, states

pytestmark = pytest.mark.both_databases


def item_table(database: Database) -> list[tuple]:
    with database.read() as conn:
        return [tuple(r) for r in conn.execute(sa.select(items.c.id, items.c.path, items.c.row, items.c.present).order_by(items.c.id))]


def test_items_imported_again_keep_their_ids_and_what_is_gone_keeps_its_history(database, project, journal):
    journal.record([label(1, 2, "dog"), label(2, 5)], CLASSES)
    with database.write() as conn:
        again = [row("0.png", 0), row("2.png", 1, truth="dog", fingerprint="new"), *(row(f"{n}.png", n) for n in (1, 3, 4))]
        ImportRows(database, project).replace(conn, again, [Skipped("bad.png", "empty")])
    assert item_table(database) == [(1, "1.png", 1, True), (2, "2.png", 1, True), (3, "3.png", 3, True), (4, "4.png", 4, True), (5, "5.png", 4, False), (6, "6.png", 5, False), (7, "0.png", 0, True)]  # fmt: skip
    assert Items(database, project).pool()[1] == Item(2, "2.png", "pool", "dog")
    assert [i.id for i in Items(database, project).pool()] == [1, 2, 3, 4, 7]
    assert Items(database, project).paths()[5] == "5.png"
    assert states(database) == {2: ("dog", False, False), 5: ("cat", False, False)}
    assert Items(database, project).set_aside() == [Skipped("bad.png", "empty")]
    assert [r[0] for r in Items(database, project).snapshot()] == [1, 2, 3, 4, 7]
    with database.write() as conn:
        ImportRows(database, project).replace(conn, [row("5.png", 0)], [])
    assert [(i.id, i.path) for i in Items(database, project).pool()] == [(5, "5.png")]
    assert Items(database, project).set_aside() == []


def test_of_items_imported_again_only_those_that_changed_are_written(database, project):
    """Whoever labels waits for it: of a million that are as they were, none is written."""
    written = []
    sa.event.listen(
        database.engine,
        "before_cursor_execute",
        lambda c, cursor, text, values, *_: written.append(values) if text.startswith(("UPDATE items", "INSERT INTO items")) else None,
    )
    again = [row(f"{n}.png", at) for at, n in enumerate(range(1, 7))]
    with database.write() as conn:
        ImportRows(database, project).replace(conn, again, [])
    assert written == []
    with database.write() as conn:
        ImportRows(database, project).replace(conn, [again[0], again[1] | {"truth": "dog"}, *again[2:5]], [])
    assert len(written) == 2
    assert [(i.id, i.truth) for i in Items(database, project).pool()] == [(1, "cat"), (2, "dog"), (3, "cat"), (4, "cat"), (5, "cat")]


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
        ImportRows(database, project).replace(conn, rows, (Skipped(f"bad{n}", "x") for n in range(9)))
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


def settled(database: Database, project: int, **changes) -> None:
    """As after an import, so that its items have a state."""
    with database.write() as conn:
        Projects(database).set(conn, project, settings={"folder": f"f{project}", "packed": "packed-1", **changes})


def state_of(database: Database, project: int):
    with database.read() as conn:
        return Items(database, project).state(conn)


@pytest.mark.parametrize("seed", range(12))
def test_writing_the_difference_gives_what_writing_all_of_it_does(database, seed, monkeypatch):
    monkeypatch.setattr("alcore.storage.database.ROWS", 7)
    rng, first = np.random.default_rng(seed), [f"{n}.png" for n in range(20)]
    mine, other = (add_project(database, name, first) for name in ("mine", "other"))
    settled(database, mine)
    for turn in range(3):
        for project in (mine, other):  # some are drawn to be tested on
            ids = Items(database, project).ids_of(first[turn::9])
            with database.write() as conn:
                conn.execute(items.update().where(items.c.id.in_(ids.values())).values(split="slice"))
        numbers = rng.permutation(26)[: int(rng.integers(1, 24))].tolist()
        kinds = rng.choice(["cat", "dog"], 26)
        rows = [row(f"{n}.png", at, truth=str(kinds[n]), fingerprint=f"f{rng.integers(2)}") for at, n in enumerate(numbers)]
        differs = ImportRows(database, mine).difference(iter(rows), state_of(database, mine))
        assert differs is not None
        with database.write() as conn:
            assert Items(database, mine).state(conn) == differs.state
            ImportRows(database, mine).replace(conn, differs.rows, [], differs.gone)
            ImportRows(database, other).replace(conn, rows, [])
        tables = []
        for project in (mine, other):
            columns = [items.c[name] for name in ("path", "split", "truth", "origin", "row", "width", "height", "fingerprint", "present")]
            with database.read() as conn:
                tables.append(
                    [tuple(r) for r in conn.execute(sa.select(*columns).where(items.c.project_id == project).order_by(items.c.path))]
                )
        assert tables[0] == tables[1]
        assert sum(r[-1] for r in tables[0]) == len(numbers)


def test_a_difference_holds_while_the_rows_are_as_they_were_and_may_be_too_much(database, project, monkeypatch):
    rows = [row(f"{n}.png", n) for n in range(9)]
    assert ImportRows(database, project).difference(rows, state_of(database, project)) is None  # no import has made it
    settled(database, project)
    found = ImportRows(database, project).difference(rows, state_of(database, project))
    with database.read() as conn:
        assert Items(database, project).state(conn) == found.state
    settled(database, project, packed="packed-2")
    with database.read() as conn:
        assert Items(database, project).state(conn) != found.state
    monkeypatch.setattr(importrows, "MOST", 4)
    assert ImportRows(database, project).difference(rows, state_of(database, project)) is None
