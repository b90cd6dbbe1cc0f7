"""The Train page with strategies of a person's own: they are offered as any, broken ones are told of, and the app goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.project import facade as workspaces
from alcore.project.facade import Project
from alcore.strategies import forget
from tests.pages.headless import show
from tests.strategies.doubt import write


@pytest.fixture
def toy(digits_source: Path, home: Path, monkeypatch: pytest.MonkeyPatch):
    """A project with a label of each class, in the workspace that the pages see."""
    forget()
    monkeypatch.setenv("ALCORE_HOME", str(home))
    opened = workspaces.shared()
    project = Project.create("toy", digits_source)
    project.label_from_truth(12, seed=1)
    yield project
    opened.close()
    workspaces._shared.pop(home)
    forget()


def test_a_file_that_comes_while_the_app_runs_is_offered_with_its_parameters(toy, home):
    assert "Doubt" not in show("train", "toy").button_group(key="strategy").options
    write(home / "strategies")
    at = show("train", "toy")
    assert at.button_group(key="strategy").options[-1] == "Doubt"
    assert [one.value for one in at.warning] == []
    at.button_group(key="strategy").set_value("doubt").run()
    assert list(at.exception) == []
    assert "Power" in [one.label for one in at.number_input]
    assert any("Lewis & Gale 1994" in one.value for one in at.caption)
    write(home / "strategies", text="1 / 0\n")  # while it is the chosen one
    at.run()
    assert list(at.exception) == []
    assert "Doubt" not in at.button_group(key="strategy").options


def test_a_broken_file_is_told_of_and_the_others_are_offered(toy, home):
    path = write(home / "strategies", "broken", "1 / 0\n")
    write(home / "strategies")
    at = show("train", "toy")
    assert [one.value for one in at.warning] == [
        f"A strategy of your own is missing: {path}, line 1: ZeroDivisionError: division by zero. Mend the file: it is read again by itself."
    ]
    assert at.button_group(key="strategy").options[-1] == "Doubt"
    write(home / "strategies", "broken", "1 / 1\n")
    path.unlink()
    assert list(show("train", "toy").warning) == []


def test_what_a_strategy_asked_for_that_is_gone_can_still_be_labeled(toy, home, quick):
    path = write(home / "strategies")
    toy.run_round("doubt", 5, 0, "cpu", train=quick, report=lambda progress: None)
    asked = [(entry["id"], entry["rank"], entry["draft"]) for entry in toy.queue()["items"]]
    assert len(asked) == 5
    path.unlink()
    toy.workspace.look_for_strategies()
    told = toy.queue()["items"]
    assert [(entry["id"], entry["rank"], entry["draft"]) for entry in told] == asked
    assert told[0]["reason"].startswith("entropy ")
    for page in ("label", "explore", "progress"):
        show(page, "toy")
