"""Progress as a line or a bar: what is printed, and when, on a clock that the tests move."""

from __future__ import annotations

import pytest

from alcore import progress
from alcore.progress import Bar, JsonLines, Line, Progress, duration, on_stderr, progress_of, took


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_elsewhere_than_on_a_terminal_each_stage_and_message_is_one_line(clock, capsys):
    line = Line()
    for told in (
        Progress("reading", 1, 10),
        Progress("reading", 2, 10),
        Progress("reading", 3, 10, message="one was set aside"),
        Progress("training", 0, 1500),
        Progress("reading", 4, 10),  # workers take turns: what was said is not said again
        Progress("training", 1200, 1500, message="half way"),
    ):
        line(told)
    assert capsys.readouterr().err == "reading\nreading 3/10: one was set aside\ntraining\ntraining 1,200/1,500: half way\n"


def test_a_terminal_gets_one_line_a_stage_rewritten_five_times_a_second_at_most(clock, capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    line = Line()
    for seconds, told in (
        (0.0, Progress("training", 0, 40)),
        (0.1, Progress("training", 1, 40)),  # too soon
        (0.3, Progress("training", 2, 40)),
        (0.35, Progress("training", 2, 40, message="batch halved")),  # a new message waits for nothing
        (4.3, Progress("training", 10, 40)),
        (4.4, Progress("scoring", 0, 0)),
    ):
        clock.now = 100.0 + seconds
        line(told)
    shown = ["training 0/40", "training 2/40", "training 2/40: batch halved", "training 10/40, 13 s left"]
    assert capsys.readouterr().err == "".join(f"\r\x1b[K{text}" for text in shown) + "\n\r\x1b[Kscoring"


@pytest.mark.parametrize(
    ("seconds", "done", "left"),
    [
        (2.9, 20, ""),  # too early to tell
        (3.0, 20, ", 6 s left"),  # 10 in 3 s since the stage was seen at 10 of 40
        (60.0, 20, ", 2 min left"),
        (60.0, 40, ""),
        (60.0, 10, ""),  # nothing was done yet
    ],
)
def test_what_is_left_is_told_from_where_the_stage_began(clock, seconds, done, left):
    line = Line()
    line(Progress("training", 10, 40))
    assert line._left(100.0 + seconds, Progress("training", done, 40)) == left


def test_a_bar_follows_the_stage_and_ends_with_its_block(capsys):
    with Bar() as report:
        report(Progress("reading", 3, 4))
        report(Progress("training", 1, 8))
        report(Progress("training", 6, 8))
    last = capsys.readouterr().err.rsplit("\r", 1)[1]
    assert last.startswith("training: ")
    assert "6/8" in last


def test_a_process_gets_lines_that_it_reads_back_and_numbers_alone_five_times_a_second_at_most(clock, capsys):
    lines = JsonLines()
    told = [Progress("simulating", n, 9, {"loss": 0.5}, "mal, seed 0") for n in range(3)]
    lines(told[0])
    clock.now += 0.15
    lines(told[1])
    clock.now += 0.15
    lines(told[2])
    lines(Progress("simulating", 2, 9, {}, "round 1: done"))
    read = [progress_of(line) for line in capsys.readouterr().err.splitlines()]
    assert read == [told[0], told[2], Progress("simulating", 2, 9, {}, "round 1: done")]


@pytest.mark.parametrize("line", ["", "alcore: a sentence", "{", "3", "null", '["progress"]', '{"other": 1}'])
def test_other_lines_are_no_progress(line):
    assert progress_of(line) is None


def test_who_reads_stderr_decides_how_it_is_told(monkeypatch):
    monkeypatch.delenv("ALCORE_PROGRESS", raising=False)
    assert isinstance(on_stderr(), Line)
    monkeypatch.setenv("ALCORE_PROGRESS", "json")
    assert isinstance(on_stderr(), JsonLines)


@pytest.mark.parametrize(
    ("seconds", "rough", "fine"),
    [
        (0.04, "0 s", "0.0 s"),
        (9.44, "9 s", "9.4 s"),
        (59.6, "1 min 00 s", "1 min 00 s"),
        (125, "2 min 05 s", "2 min 05 s"),
        (4199, "1 h 09 min", "1 h 09 min"),
    ],
)
def test_seconds_are_said_as_people_do(seconds, rough, fine):
    assert (duration(seconds), took(seconds)) == (rough, fine)
