"""Who is here: windows that speak and fall silent, in two processes' databases, and what is written down how often."""

from __future__ import annotations

import pytest

from alcore.storage.database import Database
from alcore.storage.presence import FORGOTTEN, GONE, MOVED, RENEWED, Presence, Seat, others
from tests.storage.rows import add_project, address

pytestmark = pytest.mark.both_databases

NOW = 1_000_000.0


@pytest.fixture
def presence(database, project) -> Presence:
    return Presence(database, project)


def test_a_window_is_seen_by_another_process_until_it_is_silent_for_a_minute(presence, project, tmp_path):
    assert presence.beat("w1", "ann", 3, NOW)
    other = Database(address(tmp_path))
    seen = Presence(other, project)
    assert seen.seats(NOW + GONE - 1) == [Seat("w1", "ann", NOW, 3)]
    assert seen.seats(NOW + GONE) == []
    assert Presence(other, add_project(other, "other", ["x.png"])).seats(NOW) == []
    other.close()


def test_what_is_said_again_is_written_down_now_and_then(presence):
    assert presence.beat("w1", "ann", 1, NOW)
    assert not presence.beat("w1", "ann", 1, NOW + RENEWED - 1)
    assert presence.seats(NOW + 20)[0].seen == NOW
    assert not presence.beat("w1", "ann", 2, NOW + MOVED - 1)
    assert presence.seats(NOW + 20)[0].item == 1
    assert not presence.beat("w1", "ann", 2, NOW + MOVED)
    assert presence.seats(NOW + 20) == [Seat("w1", "ann", NOW + MOVED, 2)]
    assert not presence.beat("w1", "ann", 2, NOW + MOVED + RENEWED)
    assert presence.seats(NOW + 20)[0].seen == NOW + MOVED + RENEWED


def test_what_a_window_holds_stays_while_it_speaks_and_is_gone_with_it(presence, database):
    with database.write() as conn:
        presence.sit(Seat("w1", "ann", NOW, None, (4, 2)), conn)
    assert not presence.beat("w1", "ann", 5, NOW + RENEWED)
    assert presence.seats(NOW + RENEWED) == [Seat("w1", "ann", NOW + RENEWED, 5, (4, 2))]
    assert presence.beat("w1", "ann", 5, NOW + RENEWED + GONE)  # it had been taken for gone
    assert presence.seats(NOW + RENEWED + GONE)[0].held == ()


def test_a_window_under_another_name_is_another_person_and_holds_nothing(presence, database):
    with database.write() as conn:
        presence.sit(Seat("w1", "ann", NOW, 1, (4, 2)), conn)
    assert presence.beat("w1", "Anna", 1, NOW + 1)
    assert presence.seats(NOW + 1) == [Seat("w1", "Anna", NOW + 1, 1)]


def test_windows_long_gone_are_forgotten(presence, database):
    presence.beat("w1", "ann", 1, NOW)
    presence.beat("w2", "ben", 1, NOW + FORGOTTEN + 1)
    assert [seat.client for seat in presence.seats(NOW - 1e9)] == ["w2"]


def test_each_other_person_is_named_once_with_what_they_look_at_last():
    seats = [Seat("w1", "ann", 5.0, 1), Seat("w2", "ben", 6.0, 2), Seat("w3", "ben", 9.0, 3), Seat("w4", "cleo", 1.0)]
    assert others(seats, "ann") == [("ben", 3), ("cleo", None)]
    assert others(seats, "dora") == [("ann", 1), ("ben", 3), ("cleo", None)]
    assert others([Seat(f"w{n}", f"p{n:02}", 1.0) for n in range(20)], "p03") == [(f"p{n:02}", None) for n in range(20) if n != 3]
