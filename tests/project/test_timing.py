"""What is timed apart from the app, when it begins, and where its forecast shows."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from alcore.cli.main import main
from alcore.errors import AlcoreError
from alcore.project import facade as workspaces
from alcore.project import loop, timing
from alcore.project.facade import Project
from alcore.project.forecast import Forecast
from alcore.project.timing import measure_apart
from tests.house import ROOT
from tests.project.timed import run_a_job, wait

NAVIGATION = ROOT / "pages" / "navigation.py"


@pytest.mark.slow
def test_steps_are_timed_in_a_process_of_their_own(toy, quick_one):
    began = []
    costs, done = measure_apart(toy, quick_one("mcdal"), began.append)
    assert done
    assert [name for name, *_ in costs.stages] == ["training"]
    assert costs.stages[0][2] > 0
    assert began[0].returncode == 0
    assert began[1] is None


@pytest.mark.parametrize("how", ["a job starts", "it is stopped"])
def test_the_process_ends_when_its_device_is_wanted(toy, quick_one, how):
    order, began = quick_one("mcdal"), []

    def want(process: Any) -> None:
        began.append(process)
        if process is not None and how == "a job starts":
            run_a_job(toy, order)
        elif process is not None:
            process.kill()

    assert measure_apart(toy, order, want) == (None, False)
    assert began[0].returncode < 0


def test_a_look_begins_the_timing_once_and_other_numbers_of_steps_need_none(toy, quick, timed_apart):
    seen = toy.workspace.forecasts

    def look(**train: Any) -> Forecast | AlcoreError | None:
        return seen.look(toy, loop.drafted(toy, "mal", 5, 0, "cpu", None, {**quick, **train}))

    first = look()
    assert first is None
    wait(lambda: look() is not None)
    assert look().seconds["train"] == pytest.approx(3.0)
    assert look(steps=600, learning_rate=0.01).seconds["train"] == pytest.approx(60.0)
    assert len(timed_apart) == 1
    assert look(batch_size=8) is None
    wait(lambda: look(batch_size=8) is not None)
    assert len(timed_apart) == 2


def test_what_would_stop_the_round_is_told_instead(toy, quick, monkeypatch):
    def refuse(*given: Any) -> None:
        raise AlcoreError("the images are too small")

    monkeypatch.setattr(timing, "measure_apart", refuse)
    seen = toy.workspace.forecasts
    wait(lambda: seen.look(toy, loop.drafted(toy, "mal", 5, 0, "cpu", None, quick)) is not None)
    assert str(seen.look(toy, loop.drafted(toy, "mal", 5, 0, "cpu", None, quick))) == "the images are too small"


def test_the_train_page_says_it_below_both_buttons(tmp_path, make_source, monkeypatch, timed_apart):
    monkeypatch.setenv("ALCORE_HOME", str(tmp_path / "home"))
    opened = workspaces.shared()
    made = Project.import_into(opened, "toy", make_source(tmp_path / "images"))
    made.label_from_truth(10, seed=0)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=60.0).switch_page("train.py")

    def lines() -> list[str]:
        assert not at.run().exception
        return [caption.value for caption in at.caption if ":material/schedule:" in caption.value]

    assert len(lines()) == 2
    line = ":material/schedule: About 61 seconds on cpu: train 60 (5 steps were timed)."  # 600 steps of 0.1 s
    wait(lambda: lines() == [line, line])
    next(n for n in at.number_input if n.label == "Steps").set_value(60_000)
    long = ":material/schedule: About 1.7 hours on cpu: train 1.7 (5 steps were timed). Shorter with fewer steps, smaller images or a GPU."
    assert lines() == [line, long]
    assert len(timed_apart) == 1
    opened.close()


def test_the_command_line_says_it_before_it_trains(toy, home, capsys):
    toy.workspace.close()
    train = ["train", "--project", "toy", "--strategy", "mcdal", "--query-size", "6", "--home", str(home), "--json"]
    train += ["--device", "cpu", "--set", "steps=4", "--set", "batch_size=8"]
    for how in ("4 steps were timed", "as round 1 took"):
        assert main(train) == 0
        first, second, *_ = capsys.readouterr().err.splitlines()
        assert first.startswith("alcore: ")
        assert first.endswith(f"({how}).")
        assert " on cpu: " in first  # parts that took next to nothing beside the others are not named
        assert second.startswith("training")


def test_no_steps_are_timed_where_they_are_not_wanted(toy, quick, timed_apart, monkeypatch):
    monkeypatch.setenv("ALCORE_FORECAST", "0")
    told = toy.workspace.forecasts.look(toy, loop.drafted(toy, "margin", 4, 0, "cpu", train=quick))
    assert (dict(told.seconds), timed_apart) == ({}, [])
