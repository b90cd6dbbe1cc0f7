"""The rows of accounts: unique names and addresses, generations that only grow, what happened in order."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.storage.accounts import AccountRows

pytestmark = pytest.mark.both_databases


@pytest.fixture
def rows(database) -> AccountRows:
    found = AccountRows(database)
    with database.write() as conn:
        assert found.add(conn, name="Ann", folded="ann", role="owner", password="h", email="a@b") == 1
        assert found.add(conn, name="bea", folded="bea", role="viewer", password=None, email=None) == 2
        assert found.add(conn, name="Cid", folded="cid", role="viewer", password=None, email=None) == 3
    return found


def test_they_are_listed_by_name_and_found_by_what_is_unique(rows):
    assert [row["name"] for row in rows.all()] == ["Ann", "bea", "Cid"]
    assert (rows.row("folded", "bea")["id"], rows.row("email", "a@b")["id"], rows.row("id", 3)["name"]) == (2, 1, "Cid")
    assert rows.row("folded", "Ann") is None


def test_a_second_of_a_name_or_an_address_is_refused(rows, database):
    for values in ({"folded": "ann", "email": None}, {"folded": "dora", "email": "a@b"}):
        with pytest.raises(BadInput, match="there is an account 'ANN' already, or one with its address"), database.write() as conn:
            rows.add(conn, name="ANN", role="viewer", password=None, **values)
    with pytest.raises(BadInput, match="the address 'a@b' is another account's"), database.write() as conn:
        rows.set(conn, 2, email="a@b")


def test_a_change_anew_raises_the_generation(rows, database):
    with database.write() as conn:
        rows.set(conn, 1, role="viewer")
        rows.set(conn, 2, anew=True, ended=1.5)
    assert [(row["generation"], row["ended"], row["role"]) for row in rows.all()] == [
        (1, None, "viewer"),
        (2, 1.5, "viewer"),
        (1, None, "viewer"),
    ]


def test_one_stands_until_all_have_ended(rows, database):
    assert rows.is_any()
    with database.write() as conn:
        for account in (1, 2, 3):
            rows.set(conn, account, ended=1.0)
    assert not rows.is_any()


def test_invitations_are_found_until_they_are_dropped(rows, database):
    for digest, expires in (("a", 4e9), ("b", 4e9), ("old", 1.0)):
        rows.invite(digest=digest, role="viewer", name="", account_id=None, made_by="Ann", expires=expires)
    assert [row["digest"] for row in rows.invitations()] == ["a", "b"]
    assert (rows.invitation("a")["made_by"], rows.invitation("old"), rows.invitation("c")) == ("Ann", None, None)
    with database.write() as conn:
        assert [rows.drop_invitations(conn, "digest", "a"), rows.drop_invitations(conn, "digest", "a")] == [1, 0]
    assert [row["digest"] for row in rows.invitations()] == ["b"]


def test_what_happened_is_told_the_newest_first(rows, database):
    with database.write() as conn:
        for what in ("added", "role", "ended"):
            rows.note(conn, "Ann", what, "bea", what.upper())
    assert [(e.what, e.details) for e in rows.happened(2)] == [("ended", "ENDED"), ("role", "ROLE")]
