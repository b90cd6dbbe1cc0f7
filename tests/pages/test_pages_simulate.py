"""The Simulate page, headless: its form and what it refuses, a run from it beside the command line's, a cancel that is gone on with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from alcore.cli.main import main
from alcore.project.background import SIMULATION, simulation_of, submit_simulation
from alcore.project.facade import Project, Workspace
from alcore.simulation.asking import Asked
from alcore.types import Job
from tests.pages.headless import button, field, press, ran, show, words
from tests.scenes import few_streets
from tests.simulation.toys import but_times

PATIENCE = 120.0  # seconds for a process that imports torch and trains a few steps, on a loaded machine


def number(at: AppTest, label: str, value: int) -> None:
    next(f for f in at.number_input if f.label == label).set_value(value)


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.02)


def ended(workspace: Workspace, id: int) -> Job:
    wait(lambda: workspace.runner.snapshot(id).over)
    return workspace.runner.snapshot(id)


def jobs(workspace: Workspace) -> list[Job]:
    return [job for job in workspace.runner.jobs() if job.kind == SIMULATION]


def errors(at: AppTest) -> list[str]:
    return [str(error.value) for error in at.error]


# ---- the form


def test_without_a_project_the_digits_are_offered_and_nothing_was_started_yet(fresh):
    at = show("simulate")
    said = words(at)
    for text in ("Simulate", "1,797 handwritten digits", "200 rounds; how long they take is known once some were measured", "None yet."):
        assert text in said
    [strategies] = at.multiselect
    assert (strategies.value, strategies.options[:2]) == (["mal", "mcdal", "margin", "random"], ["MAL", "MCDAL"])
    assert "On pretrained features" not in said  # the digits are no photos


def test_a_projects_own_source_comes_first_and_its_steps_foretell_how_long(fresh, digits_source):
    Project.create("toy", digits_source)
    at = show("simulate", project="toy")
    wait(lambda: "forecast from the project toy" in words(ran(at)))
    assert "40 images in the pool with a label that came with them" in words(at)
    assert "200 rounds, about " in words(at)


def test_a_typed_path_says_what_is_wrong_with_it(fresh, digits_source, tmp_path, write_image):
    at = show("simulate")
    at.button_group[0].set_value("path")
    ran(at)
    assert "Labeled images: class folders" in words(at)
    field(at, "Folder, CSV or array file on this machine").set_value("/nowhere")
    assert errors(ran(at)) == ["there is no /nowhere on this machine: give a folder or file with labeled images"]
    write_image(tmp_path / "bare" / "a.png", 0)
    field(at, "Folder, CSV or array file on this machine").set_value(str(tmp_path / "bare"))
    assert "has no labels: a simulation needs the label of every image" in errors(ran(at))[0]
    field(at, "Folder, CSV or array file on this machine").set_value(str(digits_source))
    ran(at)
    assert errors(at) == []
    assert "40 images in the pool with a label · Image classification" in words(at)
    assert "On pretrained features" in at.button_group[1].options[0]


def test_what_cannot_be_is_refused_before_a_job_is_there(fresh):
    at = show("simulate")
    number(at, "Start labels", 1400)
    press(at, "Start")
    assert "1,400 initial labels and 9 queries of 50 are 1,850 labels, and the pool has 1,438 images" in errors(at)[0]
    number(at, "Start labels", 50)
    at.multiselect[0].set_value([])
    press(at, "Start")
    assert errors(at) == ["no strategy is given: name some with --strategies"]
    assert jobs(fresh) == []
    assert not (fresh.home / "simulations").exists()


def test_a_project_without_known_labels_leaves_the_digits(fresh, tmp_path, write_image):
    for at in range(4):
        write_image(tmp_path / "bare" / f"{at}.png", at)
    Project.create("bare", tmp_path / "bare")
    said = words(show("simulate", project="bare"))
    assert "1,797 handwritten digits" in said
    assert "This project" not in said


def test_masks_are_asked_for_by_the_strategies_that_do_them(fresh, tmp_path):
    Project.create("street", few_streets(tmp_path / "streets"))
    at = show("simulate", project="street")
    assert "BADGE" not in at.multiselect[0].options  # one class an image alone
    assert "On pretrained features" not in words(at)
    assert next(f.value for f in at.number_input if f.label == "Query size") == 10


@pytest.mark.slow
def test_a_folders_odd_name_becomes_one_that_can_be(fresh, digits_source):
    odd = digits_source.rename(digits_source.with_name("mine (1) é.v2"))
    at = show("simulate")
    at.button_group[0].set_value("path")
    ran(at)
    field(at, "Folder, CSV or array file on this machine").set_value(str(odd))
    ran(at)
    number(at, "Start labels", 2)
    number(at, "Query size", 2)
    press(at, "Start")
    assert [job.arguments["name"] for job in jobs(fresh)] == ["mine-1"]


# ---- a run


def started(at: AppTest, fresh: Workspace, steps: int, **numbers: int) -> Job:
    at.multiselect[0].set_value(["mcdal", "random"])
    for label, value in {"Steps": steps, "Start labels": 20, "Query size": 10, "Rounds": 2, "Seeds": 2, **numbers}.items():
        number(at, label, value)
    press(at, "Start")
    [job] = jobs(fresh)
    return job


def without_times(path: Path) -> bytes:
    """results.csv but for the seconds, which no two runs share."""
    return but_times(pd.read_csv(path, dtype=str)).to_csv(index=False).encode()


@pytest.mark.slow
def test_a_run_from_the_page_is_the_command_lines(fresh, tmp_path):
    at = show("simulate")
    job = started(at, fresh, steps=4)
    assert at.query_params["simulation"] in ("digits", ["digits"])
    assert "Simulation digits" in words(at)
    assert (job.project, job.arguments["rounds"]) == (simulation_of("digits"), 8)
    told = ended(fresh, job.id)
    assert (told.state, told.error, told.result) == ("done", None, {"rounds": 8})
    assert told.progress.done == told.progress.total == 8
    page = fresh.home / "simulations" / "digits"
    before = (page / "results.csv").read_bytes()
    assert main(["simulate", *job.arguments["words"], "--out", str(tmp_path / "line")]) == 0
    assert without_times(page / "results.csv") == without_times(tmp_path / "line" / "results.csv")
    assert main(["simulate", *job.arguments["words"], "--out", str(page)]) == 0  # nothing is missing: the very bytes
    assert (page / "results.csv").read_bytes() == before

    said = words(ran(at))
    for text in ("finished", "8 of 8 rounds done", "Against random", "MCDAL", "Who beats whom", "What each asked for", "Take it along"):
        assert text in said
    assert "with 2 seeds" in said
    assert f"--rounds 2 --seeds 0,1 --set steps=4 --out {page}" in at.code[0].value
    assert at.code[0].value.startswith("python -m alcore simulate /")
    number(at, "After round", 2)
    assert "10 images" in words(ran(at))
    press(at, "All simulations")
    assert "8 of 8 rounds" in words(at)
    assert "200 rounds, about " in words(at)  # as these rounds took


@pytest.mark.slow
def test_a_cancelled_run_goes_on_and_ends_like_one_that_was_not(fresh, tmp_path):
    at = show("simulate")
    job = started(at, fresh, steps=60)
    records = fresh.home / "simulations" / "digits" / "runs"
    wait(lambda: len(list(records.glob("*/round-*.json"))) >= 3)
    button(at, "Cancel").click()
    ran(at)
    assert ended(fresh, job.id).state == "cancelled"
    done = len(list(records.glob("*/round-*.json")))
    assert 3 <= done < 8
    said = words(ran(at))
    assert f"**Cancelled at {done} of 8 rounds.** What is done is kept." in said
    press(at, "All simulations")
    assert f"{done} of 8 rounds" in words(at)
    press(at, "Go on")
    assert ended(fresh, job.id).state == "done"
    assert main(["simulate", *job.arguments["words"], "--out", str(tmp_path / "line")]) == 0
    assert without_times(records.parent / "results.csv") == without_times(tmp_path / "line" / "results.csv")


@pytest.mark.slow
def test_what_went_wrong_in_the_process_is_said_in_its_words(fresh, digits_source):
    asked = Asked(str(digits_source), ("random",), 39, 5, 2, (0,))
    job = submit_simulation(fresh.runner, fresh, "big", asked.words(), asked.stored(), 2)
    assert ended(fresh, job.id).state == "failed"
    at = show("simulate", simulation="big")
    assert errors(at)[0].startswith("39 initial labels and 1 queries of 5 are 44 labels, and the pool has 40 images")
    assert "It failed before its first round was done." in words(at)
    assert button(at, "Go on").label == "Go on"


def test_a_name_that_is_no_folders_is_refused(fresh):
    with pytest.raises(Exception, match="cannot be a simulation's name"):
        submit_simulation(fresh.runner, fresh, "../out", [], {}, 1)
    assert jobs(fresh) == []


def test_a_damaged_one_is_told_and_the_others_are_listed(fresh):
    for name in ("broken", "empty"):
        (fresh.home / "simulations" / name).mkdir(parents=True)
    (fresh.home / "simulations" / "broken" / "config.json").write_text("{")
    at = show("simulate")
    said = words(at)
    assert "damaged" in said
    assert any("config.json is damaged" in error for error in errors(at))
    assert "no round yet" in said
