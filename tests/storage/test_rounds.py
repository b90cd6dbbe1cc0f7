"""Rounds are numbered from one, and a query that names no item is not stored."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from alcore.errors import Busy
from alcore.storage.rounds import Rounds
from tests.storage.rows import add_project, round_values

pytestmark = pytest.mark.both_databases


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


def test_a_round_that_must_get_a_number_is_refused_where_somebody_was_quicker(database, project):
    rounds = Rounds(database, project, "pets")
    assert rounds.add(**round_values("start:random", folder="", number=0), query=[3]).number == 0
    with pytest.raises(Busy, match="round 0 of 'pets' is there already"):
        rounds.add(**round_values("start:random", folder="", number=0), query=[1])
    assert rounds.add(**round_values("mal", number=1), query=[2]).number == 1
    with pytest.raises(Busy, match="round 1 of 'pets' is there already"):
        rounds.add(**round_values("mal", number=1), query=[1])
    assert [(r.number, r.query) for r in rounds.all()] == [(0, (3,)), (1, (2,))]


def test_a_round_whose_query_names_no_item_is_not_stored(database, project):
    with pytest.raises(sa.exc.IntegrityError):
        Rounds(database, project, "pets").add(**round_values("mal"), query=[1, 99])
    assert Rounds(database, project, "pets").all() == []
