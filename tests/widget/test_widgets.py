"""The widgets in a kernel without a page: what they tell it, what they take from it, and what they refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alcore import widget
from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.project.facade import Project, Workspace
from alcore.widget.widgets import Labeler, Part
from tests.scenes import write_scenes


@pytest.fixture
def asked(project: Project) -> Project:
    """`toy` with a query of 5, drawn at random."""
    project.start(5, seed=0)
    return project


@pytest.fixture
def trained(project: Project, quick: dict[str, Any]) -> Project:
    """`toy` after a round."""
    project.label_from_truth(8, seed=0)
    project.run_round("margin", query_size=4, seed=0, train=quick)
    return project


@pytest.fixture
def painted(workspace: Workspace, tmp_path: Path) -> Project:
    """A project of masks with a query of 2."""
    made = Project.import_into(workspace, "scenes", write_scenes(tmp_path / "scenes"), task="segmentation")
    made.start(2, "random", seed=0)
    return made


def state(made: Part) -> dict[str, Any]:
    """What is written into a notebook of it."""
    kept: dict[str, Any] = made.get_state()
    return kept


def test_a_labeler_tells_its_page_all_it_needs_and_no_token(asked: Project):
    made = widget.labeler(asked, "ann", mode="grid", height=400)
    assert made._data == {
        "project": "toy",
        "token": "",
        "api": "/api/v1",
        "height": 400,
        "classes": ["0", "1", "2", "3"],
        "annotator": "ann",
        "round": asked.round().number,
        "identity": asked.identity,
        "empty": "Nothing was asked for yet: project.run_round(…) asks for images.",
        "pace": 5000,
        "mode": "grid",
        "looks": {},
    }
    kept = json.dumps({name: value for name, value in state(made).items() if name not in ("_esm", "layout", "tabbable", "tooltip")})
    assert asked.workspace.token not in kept
    assert ".labeler {" in made._style
    assert ".alcore-notebook {" in made._style
    assert "export default $notebook$labeler.default" in made._esm
    made.close()


def test_its_requests_are_answered_on_its_own_channel_in_its_name(asked: Project, monkeypatch: pytest.MonkeyPatch):
    came: list[Any] = []
    there = threading.Event()
    monkeypatch.setattr(Labeler, "send", lambda self, content, buffers=None: (came.append((content, buffers)), there.set()))
    made = widget.labeler(asked, " ann ")
    item = asked.round().query[0]
    body = json.dumps({"client": "c", "events": [{"seq": 1, "item": item, "kind": "label", "value": "3"}]}).encode()
    ask = {"kind": "alcore:ask", "id": "a", "method": "POST", "url": "/api/v1/projects/toy/annotations"}
    made._handle_custom_msg(ask | {"headers": {"content-type": "application/json"}}, [memoryview(body)])
    assert there.wait(30)
    ((content, (answer,)),) = came
    assert (content["kind"], content["id"], content["status"], json.loads(answer)["acked"]) == ("alcore:answer", "a", 200, [1])
    assert [(event["item_id"], event["value"], event["annotator"]) for event in asked.journal.events()] == [(item, "3", "ann")]
    assert (asked.counts()["labeled"], asked.item(item)["state"]["label"]) == (1, "3")
    made.close()
    there.clear()
    made._line.take(ask | {"id": "b"}, [memoryview(body)])
    assert len(came) == 1


def test_a_query_that_is_used_up_is_told(asked: Project):
    made = widget.labeler(asked)
    heard: list[Any] = []
    made.observe(lambda change: heard.append(change["new"]), "finished")
    counts = {"round": 0, "total": 5, "labeled": 4, "skipped": 1, "flagged": 0}
    assert made.finished == {}
    made.set_state({"_finished": counts})
    assert (made.finished, heard) == (counts, [counts])
    made.close()


def test_a_mask_editor_tells_colors_and_what_is_asked_for(painted: Project):
    made = widget.mask_editor(painted, "ann")
    told = made._data
    assert (told["classes"], told["unit"], told["round"]) == (list(painted.classes), "frames", painted.round().number)
    assert told["colors"] == [list(color) for color in painted.colors]
    assert made._style.count(".editor") > 1
    made.close()


def test_a_map_shows_what_the_round_ranks_by_and_takes_another_column(trained: Project):
    made = widget.map(trained)
    assert (made.round, made.color, made.columns[0]) == (trained.round().number, "total", "total")
    assert {"entropy", "prediction", "label"} <= set(made.columns)
    assert {"x", "y", "selected"} & set(made.columns) == set()
    made.color = "entropy"
    made.order = "least"
    assert (made._data["color"], made._data["order"], made._data["round"]) == ("entropy", "least", made.round)
    with pytest.raises(BadInput, match="has no column 'beauty' to color by: say one of total"):
        made.color = "beauty"
    assert (made.color, made._data["color"]) == ("entropy", "entropy")
    made.close()


def test_a_lasso_comes_back_as_ids_in_the_order_of_the_page(trained: Project):
    made = widget.map(trained, "label")
    heard: list[Any] = []
    made.observe(lambda change: heard.append((change["new"], made.count)), "selection")
    assert (made.selection, made.count) == ((), 0)
    made.set_state({"_selection": {"ids": [5, 3, 9], "count": 3000}})
    assert (made.selection, made.count, heard) == ((5, 3, 9), 3000, [((5, 3, 9), 3000)])
    made.close()


def test_the_slider_over_the_rounds_sets_the_round(trained: Project):
    made = widget.map(trained)
    assert [r["number"] for r in made._data["rounds"]] == [r.number for r in trained.rounds() if not r.start]
    made.set_state({"_round": 4})
    assert (made.round, made._data["round"], made._data["color"]) == (4, 4, "total")
    made.close()


def test_the_selection_is_the_pages_to_change(trained: Project):
    made = widget.map(trained)
    with pytest.raises(Exception, match="read-only"):
        made.selection = (1,)
    made.close()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda p: widget.labeler(p), r"nothing was asked for in 'toy' yet: project.start\(50\) asks for first images, at random"),
        (lambda p: widget.mask_editor(p), r"'toy' has classes, no masks: use alcore.widget.labeler\(project\)"),
        (lambda p: widget.map(p), r"'toy' has no map: project.run_round\(…\) makes one, for photos project.features\(\) does too"),
    ],
)
def test_what_cannot_be_shown_yet_says_what_is_to_be_done(project: Project, make: Callable[[Project], Any], why: str):
    with pytest.raises(BadInput, match=f"^{why}$"):
        make(project)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"annotator": "  "}, "the annotator '  ' is no name: give one of 1 to 60 printable characters"),
        ({"annotator": "x" * 61}, "is no name"),
        ({"annotator": "a\nb"}, "is no name"),
        ({"height": 20}, "a height of 20 pixels is not possible: give 300 to 4000"),
        ({"mode": "list"}, "mode 'list' is unknown: say single or grid"),
    ],
)
def test_what_cannot_be_is_told(asked: Project, given: dict[str, Any], why: str):
    with pytest.raises(BadInput, match=why):
        widget.labeler(asked, **given)


def test_a_project_of_masks_has_no_labeler_and_one_class_is_too_few(painted: Project, make_source, tmp_path: Path):
    with pytest.raises(BadInput, match=r"'scenes' has masks: use alcore.widget.mask_editor\(project\)"):
        widget.labeler(painted)
    one = Project.import_into(painted.workspace, "one", make_source(tmp_path / "one", classes=("a",)))
    with pytest.raises(BadInput, match=r"labeling needs two classes, 'one' has 1: project.add_class"):
        widget.labeler(one)


def test_a_round_that_is_not_there_is_told(trained: Project):
    with pytest.raises(NotFound, match="has no round 7"):
        widget.map(trained, round=7)


def test_a_widget_that_could_not_be_made_is_closed_in_peace(project: Project):
    with pytest.raises(AlcoreError):
        widget.labeler(project)
    Part.close_all()
