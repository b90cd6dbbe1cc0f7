"""Who is in a class, who is asked what, what counts, and that all of it is as it was after a restart."""

from __future__ import annotations

import threading

import pytest

from alcore.errors import BadInput, NotFound
from alcore.metrics import wilson
from alcore.teaching.classroom import ABSENT, AHEAD, EACH, MOST_STUDENTS, NotNow
from alcore.teaching.ledger import events
from tests.teaching.rooms_made import Clock, again, classroom, labeled, say, truth


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ABCDEF.jsonl"


@pytest.fixture
def running(path):
    """Ann and Ben in a class that runs."""
    room = classroom(path)
    room.join("a", "Ann")
    room.join("b", "Ben")
    room.act("start")
    return room


def test_nobody_is_asked_before_the_start_while_it_is_paused_or_after_the_end(path):
    room = classroom(path)
    room.join("a", "Ann")
    assert room.next("a") == {"state": "waiting", "era": 0, "items": [], "wait": "", "answered": 0, "name": "Ann", "team": ""}
    with pytest.raises(NotNow, match=r"^the class has not begun$"):
        room.answer("a", "1", 100, 0, 0)
    room.act("start")
    (item, _) = room.next("a")["items"]
    room.act("pause")
    assert room.next("a")["items"] == []
    with pytest.raises(NotNow, match=r"^the class is paused$"):
        room.answer("a", "1", item, 0, 0)
    room.act("start")
    assert room.next("a")["items"][0] == item  # what was on the screen is there again
    assert room.answer("a", "1", item, 0, 0)
    room.act("end")
    with pytest.raises(NotNow, match=r"^the class is over$"):
        room.answer("a", "2", 101, 0, 0)
    with pytest.raises(NotNow, match=r"^the class is over$"):
        room.join("c")


def test_what_a_teacher_cannot_do_is_said(running):
    with pytest.raises(NotNow, match=r"^cannot start: the class is running$"):
        running.act("start")
    with pytest.raises(BadInput, match=r"^there is no action 'stop': use one of start, pause, end, reset$"):
        running.act("stop")
    running.act("end")
    for action in ("start", "pause", "end", "reset"):
        with pytest.raises(NotNow, match=rf"^cannot {action}: the class is over$"):
            running.act(action)


def test_everybody_is_asked_something_else_and_gets_the_next_one_early(running):
    ann, ben = running.next("a")["items"], running.next("b")["items"]
    assert len(ann) == len(ben) == AHEAD
    assert set(ann) & set(ben) == set()
    assert ann + ben == running.teams["all"].query[:4]  # the most wanted first
    assert running.next("a")["items"] == ann  # asked twice is given once
    running.answer("a", "1", ann[0], 0, 0)
    assert running.next("a")["items"] == [ann[1], running.teams["all"].query[4]]


def test_the_first_answer_to_an_image_counts_and_a_repeated_one_is_taken_once(running):
    (item, _) = running.next("a")["items"]
    assert running.answer("a", "x", item, 2, 0) is True
    assert running.answer("a", "x", item, 2, 0) is True  # the same, sent again
    assert running.answer("a", "x", item, 1, 0) is True  # and whatever it says now
    assert running.answer("b", "x", item, 1, 0) is False  # another's own x, later
    assert labeled(running) == {"all": {item: 2}}
    assert [running.next(sid)["answered"] for sid in "ab"] == [1, 0]


@pytest.mark.parametrize(
    ("item", "label", "told"),
    [
        (99, 0, "there is no image 99 in this class"),
        (190, 0, "there is no image 190 in this class"),
        (100, 3, "there is no class 3: use 0 to 2"),
    ],
)
def test_what_cannot_be_answered_is_refused_and_not_kept(running, path, item, label, told):
    before = events(path)
    with pytest.raises(BadInput) as refused:
        running.answer("a", "1", item, label, 0)
    assert str(refused.value) == told
    assert events(path) == before


def test_strangers_are_told_to_join(running):
    for ask in (lambda: running.next("z"), lambda: running.answer("z", "1", 100, 0, 0), lambda: running.board("z")):
        with pytest.raises(NotFound, match=r"^you are not in this class: join it again$"):
            ask()


def test_a_class_is_full_at_its_most_students(path):
    room = classroom(path)
    names = [room.join(str(n), "Kim").name for n in range(MOST_STUDENTS)]
    assert len(set(names)) == MOST_STUDENTS
    with pytest.raises(NotNow, match=rf"^the class is full: {MOST_STUDENTS} students are in it$"):
        room.join("late")


def test_a_race_has_two_teams_of_one_size_that_begin_with_the_same_images(path):
    room = classroom(path, "race")
    assert [room.join(str(n)).team for n in range(5)] == ["random", "mcdal", "random", "mcdal", "random"]
    assert room.teams["random"].query == room.teams["mcdal"].query
    room.act("start")
    first = room.next("0")["items"][0]
    assert room.next("1")["items"][0] == first
    assert room.answer("0", "1", first, 0, 0)
    assert room.answer("1", "1", first, 1, 0)  # each team has its own labels
    assert labeled(room) == {"random": {first: 0}, "mcdal": {first: 1}}


def test_images_of_who_is_gone_are_given_to_others_where_there_are_no_more(path):
    clock = Clock()
    room = classroom(path, pool=3, clock=clock)
    room.join("a")
    room.join("b")
    room.act("start")
    held, (last,) = room.next("a")["items"], room.next("b")["items"]
    room.answer("b", "1", last, 0, 0)
    assert room.next("b") == {"state": "running", "era": 0, "items": [], "wait": "learning", "answered": 1, "name": "Heron", "team": ""}
    clock.now += ABSENT + 1
    assert room.next("b")["items"] == held
    room.answer("b", "2", held[0], 0, 0)
    assert room.answer("a", "1", held[0], 1, 0) is False
    room.answer("b", "3", held[1], 0, 0)
    assert room.next("b")["wait"] == "done"


def test_a_reset_keeps_students_and_forgets_labels_also_those_still_on_their_way(running, path):
    items = say(running, "a", 5)
    (late, _) = running.next("a")["items"]
    running.act("reset")
    assert (running.state, labeled(running), running.next("a")["era"]) == ("waiting", {"all": {}}, 1)
    assert [student["name"] for student in running.board(everybody=True)["names"]] == ["Ann", "Ben"]
    running.act("start")
    assert running.answer("a", "late", late, 0, 0) is False  # it was meant for what is gone
    assert labeled(running) == {"all": {}}
    assert running.answer("a", "new", items[0], 1, 1) is True
    running._ledger.close()
    after = again(path)
    assert (after.state, after.era, labeled(after)) == ("running", 1, {"all": {items[0]: 1}})


def test_a_restart_in_the_middle_finds_everything_as_it_was(running, path):
    say(running, "a", 23)
    say(running, "b", 4)
    task = running.due()
    assert task is not None
    left = [item for item in range(100, 190) if item not in task.labels][5:9]
    running.learned(task, 20, 30, left)
    (before_kill, _) = running.next("a")["items"]
    before, board = labeled(running), running.board(everybody=True)
    running._ledger.close()
    after = again(path)
    assert labeled(after) == before
    assert after.board(everybody=True) == board
    assert after.teams["all"].query == left
    assert after.answer("a", "a-0", 100, 0, 0) == running._given["a", "a-0"]  # sent again: known
    assert after.answer("a", "kept in the browser", before_kill, 1, 0) is True  # it was on the screen when the server died


def test_a_board_tells_the_interval_and_only_the_teacher_everybodys_names(running):
    say(running, "a", 20)
    task = running.due()
    assert task is not None
    running.learned(task, 24, 30, [])
    low, high = wilson(0.8, 30)
    board = running.board("a")
    (team,) = board["teams"]
    assert team["curve"] == [[20, 24, 30, round(low, 4), round(high, 4)]]
    assert (team["labels"], team["students"], team["learning"], board["students"], board["pool"]) == (20, 2, False, 2, 90)
    assert "names" not in board
    assert running.board(everybody=True)["names"] == [
        {"name": "Ann", "team": "all", "answered": 20, "here": True},
        {"name": "Ben", "team": "all", "answered": 0, "here": True},
    ]


# ---- what is due


def waits(room) -> bool:
    """Whether nothing is due: who asks is still waiting when the class closes."""
    found: list[object] = []
    asking = threading.Thread(target=lambda: found.append(room.due()))
    asking.start()
    room.close()
    asking.join()
    return found == [None]


def test_a_team_learns_after_each_full_twenty_answers(running):
    say(running, "a", EACH)
    task = running.due()
    assert task is not None
    assert (task.team, task.strategy, task.labels, task.era) == ("all", "mcdal", dict(running.teams["all"].answered), 0)
    assert running.board()["teams"][0]["learning"]
    running.learned(task, 1, 2, list(range(150, 190)))
    say(running, "b", EACH - 1)
    assert waits(running)


def test_at_the_end_what_is_left_is_learned(running):
    say(running, "a", 3)
    running.act("end")
    task = running.due()
    assert task is not None
    assert len(task.labels) == 3
    running.learned(task, 1, 2, [])
    assert running.teams["all"].curve == [(3, 1, 2)]
    assert waits(running)


def test_the_team_with_more_new_labels_learns_first(path):
    room = classroom(path, "race")
    room.join("r")
    room.join("m")
    room.act("start")
    say(room, "r", 20)
    say(room, "m", 22)
    first = room.due()
    assert first is not None
    assert (first.team, first.strategy) == ("mcdal", "mcdal")
    room.learned(first, 1, 2, list(range(150, 190)))
    second = room.due()
    assert second is not None
    assert (second.team, second.strategy) == ("random", "random")


def test_what_was_learned_of_labels_that_were_reset_is_dropped(running):
    say(running, "a", 20)
    task = running.due()
    assert task is not None
    running.act("reset")
    running.learned(task, 1, 2, [100])
    assert running.teams["all"].curve == []
    assert len(running.teams["all"].query) > 1


def test_where_nothing_could_be_learned_the_team_is_asked_at_random_and_told_why(running):
    given = say(running, "a", 20)
    task = running.due()
    assert task is not None
    running.not_learned(task, "it broke")
    team = running.board()["teams"][0]
    assert (team["problem"], team["learning"], team["curve"]) == ("it broke", False, [])
    assert set(running.teams["all"].query) & set(given) == set()
    assert running.teams["all"].fresh == 0  # tried again after twenty more
    say(running, "a", 5)


def test_a_quick_team_gets_a_longer_query(path):
    room = classroom(path)
    room.join("a")
    room.act("start")
    say(room, "a", 20)
    first = room.due()
    say(room, "a", 50)  # while the model learns
    assert first is not None
    room.learned(first, 1, 2, [item for item in range(100, 190) if item not in room.teams["all"].answered])
    second = room.due()
    assert second is not None
    assert (first.wanted, second.wanted) == (130, 150)


def test_many_students_at_once_answer_each_image_once(path):
    room = classroom(path)
    for n in range(8):
        room.join(str(n))
    room.act("start")
    counted: list[int] = []

    def label(sid: str) -> None:
        while items := room.next(sid)["items"]:
            if room.answer(sid, f"{items[0]}", items[0], truth(items[0]), 0):
                counted.append(items[0])

    threads = [threading.Thread(target=label, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == sorted(room.teams["all"].query) == list(range(100, 190))
    assert labeled(room) == {"all": {item: truth(item) for item in range(100, 190)}}
