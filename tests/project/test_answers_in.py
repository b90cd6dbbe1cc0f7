"""Who said what in another program comes in under their names, counts as answers given without sight of one another, and goes out again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alcore.formats import read
from alcore.project import exporting
from alcore.project.facade import Project, Workspace
from tests.formats.peers import CLASSES, painted, source
from tests.sources import labels_of, pictures, write


def task(image: str, *said: tuple[int, str | None], sure: int | None = None) -> dict[str, Any]:
    annotations = [
        {
            "completed_by": who,
            "was_cancelled": name is None,
            "ground_truth": who == sure,
            "result": [] if name is None else [{"id": "r", "from_name": "x", "type": "choices", "value": {"choices": [name]}}],
        }
        for who, name in said
    ]
    return {"data": {"image": image}, "annotations": annotations, "predictions": []}


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    pictures(tmp_path / "set", *(f"{name}.png" for name in "abcdef"))
    tasks = [
        task("a.png", (1, "cat"), (2, "dog"), (3, "cat")),
        task("b.png", (1, "cat")),
        task("c.png", (1, "cat"), (2, "dog")),
        task("d.png", (1, None)),
        task("e.png", (1, "cat"), (2, "cat"), (3, "dog"), sure=3),
    ]
    write(tmp_path / "set" / "tasks.json", json.dumps(tasks))
    return tmp_path / "set"


def states(project: Project) -> dict[str, tuple[Any, ...]]:
    rows = project.items.rows(list(project.items.paths()))
    return {Path(row["path"]).stem: (row["label"], row["disputed"], row["skipped"]) for row in rows.values()}


STATES = {
    "a": ("cat", False, False),
    "b": ("cat", False, False),
    "c": ("cat", True, False),  # waits for a review
    "d": (None, False, True),
    "e": ("dog", False, False),
    "f": (None, False, False),
}


def test_answers_of_several_people_count_as_their_opinions(answered: Path, workspace: Workspace) -> None:
    project = Project.import_into(workspace, "studio", answered, truth="labels", hold_out=0.0)
    assert states(project) == STATES
    told = [(e["path"], e["kind"], e["value"], e["annotator"], e["opinions"]) for e in project.journal.events() if e["path"] == "a.png"]
    assert told == [("a.png", "label", "cat", "user 1", 3), ("a.png", "label", "dog", "user 2", 3), ("a.png", "label", "cat", "user 3", 3)]
    assert project.journal.differences() == 0
    project.refresh()  # nobody says it twice
    assert (states(project), len(project.journal.events())) == (STATES, 10)


def test_hidden_they_are_the_truth_that_most_of_them_said(answered: Path, workspace: Workspace) -> None:
    project = Project.import_into(workspace, "hidden", answered, hold_out=0.0)
    assert project.journal.events() == []
    truths = project.items.truths()
    assert {project.items.paths()[i]: truth for i, truth in truths.items()} == {"a.png": "cat", "b.png": "cat", "e.png": "dog"}


def test_a_project_that_is_labeled_on_goes_out_whole_and_comes_in_the_same(answered: Path, workspace: Workspace, tmp_path: Path) -> None:
    project = Project.import_into(workspace, "on", answered, truth="labels", hold_out=0.0)
    ids = {path: i for i, path in project.items.paths().items()}
    project.annotate({ids["f.png"]: "dog", ids["b.png"]: "dog"}, annotator="ann@example.org")  # b in sight of what user 1 said
    told = exporting.export(project, "labelstudio", tmp_path / "out")
    assert (told["items"], told["renamed"]) == (6, [])
    again = Project.import_into(workspace, "back", tmp_path / "out", truth="labels", hold_out=0.0)
    assert states(again) == {**STATES, "b": ("dog", False, False), "f": ("dog", False, False)}
    who = {(Path(e["path"]).stem, e["annotator"]): e["value"] for e in again.journal.events()}
    assert (who["b", "user 1"], who["b", "ann@example.org"], who["f", "ann@example.org"]) == ("cat", "dog", "dog")
    cvat = exporting.export(project, "cvat", tmp_path / "cvat")
    assert cvat["items"] == 6
    assert {Path(path).stem: label for path, label in labels_of(read(tmp_path / "cvat")).items()} == {
        "a": "cat", "b": "dog", "c": "cat", "d": None, "e": "dog", "f": "dog"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "tool", "name"), [("labelstudio_masks.json", "labelstudio", "labelstudio"), ("cvat_masks.xml", "cvat", "cvat")]
)
def test_masks_move_in_and_out_with_every_pixel(workspace: Workspace, tmp_path: Path, file: str, tool: str, name: str) -> None:
    folder = source(tmp_path / "set", file, *(f"images/{one}.png" for one in "abcd"))
    project = Project.import_into(workspace, tool, folder, truth="labels", hold_out=0.0)
    ids = {Path(path).stem: i for i, path in project.items.paths().items()}
    project.annotate({ids["d"]: np.zeros((18, 24), np.uint8)}, annotator="carl")
    exporting.export(project, name, tmp_path / "out")
    reading = read(tmp_path / "out")
    wanted = painted(tool)
    assert set(reading.classes) == set(CLASSES)
    for entry, mask in zip(reading.entries, reading.masks, strict=True):
        stem = Path(entry.path).stem
        table = np.full(256, 255, np.uint8)
        table[:3] = [reading.classes.index(one) for one in (CLASSES if stem in wanted else project.classes)]
        np.testing.assert_array_equal(mask, table[wanted.get(stem, np.zeros((18, 24), np.uint8))])
    if tool == "labelstudio":
        people = {Path(reading.entries[at].path).stem: said[0].annotator for at, said in reading.answers.items()}
        assert people == {"a": "ann@example.org", "b": "ann@example.org", "c": "bob@example.org", "d": "carl"}
