"""The open query is the newest one, in its order."""

from __future__ import annotations

import pytest

from alcore.storage.importrows import ImportRows
from alcore.storage.queries import OpenQuery, Queries
from alcore.storage.rounds import Rounds
from tests.storage.rows import label, mark, round_values, row

pytestmark = pytest.mark.both_databases

CLASSES = ("cat", "dog")


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
        ImportRows(database, project).replace(conn, [row("6.png", 0), row("1.png", 1)], [])
    assert queries.open() == OpenQuery(2, [6, 1], 5, 0, 0)
