"""The tour stands where the project stands, is left, gone on with and switched off, and says what to look at."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from alcore.project.facade import Project, Workspace
from pages.ui.tour import FIRST, MORE, steps
from tests.pages.headless import press, ran, show
from tests.pages.test_pages import class_folders
from tests.scenes import few_streets

QUICK = {"steps": 2, "batch_size": 4, "warmup": 0.0}


def there(at: AppTest, page: str) -> AppTest:
    """By a link, which AppTest cannot press."""
    at.switch_page(f"{page}.py")
    return ran(at)


def links(at: AppTest) -> list[str]:
    """What stands on the tour's links."""
    return [
        node.proto.label for node in at.main if getattr(node, "type", "") == "page_link" and node.proto.label.startswith(("Go to", "Next"))
    ]


def step(at: AppTest) -> str:
    """The title of the step that is shown; empty without one."""
    return next((m.value.split("**")[1] for m in at.markdown if ":material/signpost:" in m.value), "")


def test_it_begins_on_the_first_page_and_is_offered_there_alone(fresh: Workspace) -> None:
    at = show("data")
    assert step(at) == ""
    at = press(at, "Take the tour")
    assert step(at) == "Take some images"
    assert not [b for b in at.button if b.label == "Take the tour"]


def test_it_goes_with_the_project_to_its_second_round(fresh: Workspace, tmp_path: Path) -> None:
    at = press(show("data"), "Take the tour")
    project = Project.create("toys", class_folders(tmp_path / "toys", "a", "b", "c", train=20))
    at = ran(at)
    assert step(at) == "See what there is"
    assert links(at) == ["Next: Ask for the first images"]
    at = there(at, "train")
    assert step(at) == "Ask for the first images"
    assert [b.label for b in at.button if b.label == "Ask for these"]
    project.start(30, "random", seed=0)
    at = ran(at)
    assert step(at) == f"Label {FIRST} of them"
    project.label_from_truth(FIRST, seed=0)
    at = ran(at)
    assert step(at) == "Train a model"
    project.run_round("margin", 15, seed=0, train=QUICK, report=lambda progress: None)
    at = ran(at)
    assert step(at) == "Label what the model asked for"
    project.label_from_truth(MORE - 1, seed=1)
    assert step(ran(at)) == "Label what the model asked for"
    project.label_from_truth(1, seed=2)
    at = ran(at)
    assert step(at) == "Look at the map"
    assert links(at) == ["Go to Explore"]
    assert step(at) == "Look at the map"  # nobody has looked at it yet
    assert links(there(at, "explore")) == ["Next: The second round"]
    at = there(at, "train")
    assert step(at) == "The second round"
    project.run_round("margin", 5, seed=0, train=QUICK, report=lambda progress: None)
    at = ran(at)
    assert step(at) == "Is it worth going on?"
    at = press(there(at, "progress"), "End the tour")
    assert step(at) == ""
    assert not [b for b in at.button if "tour" in b.label]


def test_it_can_be_left_gone_on_with_and_switched_off(fresh: Workspace, tmp_path: Path) -> None:
    at = press(show("data"), "Take the tour")
    Project.create("toys", class_folders(tmp_path / "toys", "a", "b"))
    at = press(ran(at), "Leave")
    assert step(at) == ""
    at = press(at, "Go on with the tour")
    assert step(at) == "See what there is"
    at = press(at, "Never again")
    assert step(at) == ""
    assert not [b for b in at.button if "tour" in b.label]


def test_masks_take_fewer_images_and_every_step_says_where_and_what(fresh: Workspace, tmp_path: Path) -> None:
    street = Project.create("street", few_streets(tmp_path / "street"))
    assert "Paint 3 of them" in [each.title for each in steps(street)]
    for of in (None, street):
        every = steps(of)
        assert len({each.name for each in every}) == len(every) == 9
        assert {each.page for each in every} <= {"Data", "Train", "Label", "Explore", "Progress"}
        assert all(len(each.look) > 40 for each in every if each.name != "second")
