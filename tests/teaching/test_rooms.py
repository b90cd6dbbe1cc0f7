"""Classes behind codes: one a project, found again after a restart, and codes that cannot be tried for long."""

from __future__ import annotations

import re

import pytest

from alcore.errors import BadInput, NotFound
from alcore.teaching.ledger import events
from alcore.teaching.rooms import MINUTE, SIGNS, WRONG, Guard, Rooms, TooMany, spelled
from tests.teaching.rooms_made import Clock, Made, labeled, say


@pytest.fixture
def make_rooms(tmp_path):
    """`make_rooms()` opens the classes of one folder, as a server does; all are closed at the end."""
    made = []

    def make(**lesson):
        made.append(Rooms(tmp_path / "classes", lambda project, plan: Made(project, **lesson)))
        return made[-1]

    yield make
    for rooms in made:
        rooms.close()


def test_a_code_is_of_signs_that_nobody_takes_for_others(make_rooms):
    codes = [make_rooms().open(f"project {n}", "together").code for n in range(20)]
    assert len(set(codes)) == 20
    assert all(re.fullmatch("[A-Z2-9]{6}", code) for code in codes)
    assert set("IO01LS5") & set(SIGNS) == set()


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("abc def", "ABCDEF"),
        (" AB-CD-EF ", "ABCDEF"),
        ("ABCDE", ""),
        ("ABCDEFG", ""),
        ("ABCDE0", ""),
        ("../../x", ""),
        ("", ""),
        ("A" * 10**6, ""),
    ],
)
def test_a_code_is_read_however_it_was_typed(typed, code):
    assert spelled(typed) == code


def test_a_class_is_found_by_its_code_and_nothing_by_another(make_rooms):
    rooms = make_rooms()
    room = rooms.open("insects", "race")
    assert rooms.find(room.code.lower()) is room
    for wrong in ("ABCDEF" if room.code != "ABCDEF" else "ABCDEG", "", "..", "../token"):
        with pytest.raises(NotFound, match=r"^there is no class with this code: read it again$"):
            rooms.find(wrong)


def test_a_project_has_one_open_class(make_rooms):
    rooms = make_rooms()
    room = rooms.open("insects", "together")
    with pytest.raises(BadInput, match=rf"^'insects' has an open class, {room.code}: go on with it or end it first$"):
        rooms.open("insects", "race")
    other = rooms.open("birds", "race")
    assert rooms.listed() == [{"code": room.code, "project": "insects"}, {"code": other.code, "project": "birds"}]
    room.act("end")
    assert rooms.of("insects") == ""
    assert rooms.open("insects", "race").code != room.code


def test_there_are_two_ways(make_rooms, tmp_path):
    with pytest.raises(BadInput, match=r"^there is no mode 'duel': use one of together, race$"):
        make_rooms().open("insects", "duel")
    assert list((tmp_path / "classes").glob("*")) == []


def test_after_a_restart_the_class_goes_on_where_it_was(make_rooms):
    rooms = make_rooms()
    room = rooms.open("insects", "together")
    room.join("a", "Ann")
    room.act("start")
    say(room, "a", 7)
    ended = rooms.open("birds", "together")
    ended.act("end")
    rooms.close()
    later = make_rooms()
    assert later.listed() == [{"code": room.code, "project": "insects"}]
    with pytest.raises(BadInput, match=room.code):
        later.open("insects", "together")
    after = later.find(room.code)
    assert (after.state, labeled(after)) == ("running", labeled(room))
    assert later.find(room.code) is after
    say(after, "a", 2)
    assert len([event for event in events(later.folder / f"{room.code}.jsonl") if event["event"] == "answer"]) == 9
    with pytest.raises(NotFound):
        later.find(ended.code)


def test_a_damaged_class_keeps_no_other_from_going_on(make_rooms, caplog):
    rooms = make_rooms()
    code = rooms.open("insects", "together").code
    rooms.close()
    (rooms.folder / "BADBAD.jsonl").write_text("not a class\n")
    (rooms.folder / "EMPTYX.jsonl").touch()  # killed before its first line
    later = make_rooms()
    assert later.listed() == [{"code": code, "project": "insects"}]
    assert "line 1 of " in caplog.text
    assert later.find(code).state == "waiting"


def test_a_class_whose_project_has_other_classes_now_is_not_mixed_with_them(make_rooms):
    rooms = make_rooms()
    code = rooms.open("insects", "together").code
    rooms.close()
    with pytest.raises(BadInput, match=r"^the classes of 'insects' have changed since this class began: open a new one$"):
        make_rooms(classes=("bee", "ant", "cat")).find(code)
    assert make_rooms(classes=("ant", "bee", "cat", "dog")).find(code).classes == ("ant", "bee", "cat")  # a new one at the end is no harm


def test_twenty_wrong_codes_are_the_most_in_a_minute():
    clock = Clock()
    guard = Guard(clock)
    for _ in range(WRONG):
        guard.check("10.0.0.7")
        guard.wrong("10.0.0.7")
    with pytest.raises(TooMany, match=r"^20 wrong codes came from this address: wait a minute, and read the code again$"):
        guard.check("10.0.0.7")
    guard.check("10.0.0.8")
    clock.now += MINUTE + 1
    guard.check("10.0.0.7")
