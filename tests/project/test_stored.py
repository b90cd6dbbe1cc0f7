"""A project's row and what reads it: everything is read when it is asked for, and two objects see the same."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import AlcoreError, NotFound
from alcore.project import classes as kinds
from alcore.project import holding, slices
from alcore.project.facade import Project
from alcore.project.stored import Stored, stored
from alcore.remembered import Remembered
from alcore.storage import items as rows
from alcore.training.roundfiles import round_files
from alcore.types import HELD, Annotation


@pytest.fixture
def of(project) -> Stored:
    """The project "toy" as its modules get it."""
    return stored(project.place, "toy")


def asked_for(project) -> list[int]:
    """Ids of the split that queries are drawn from."""
    return [item.id for item in project.items.pool() if item.split == "pool"]


def test_the_row_is_read_as_it_was_stored(of, home, digits_source):
    assert (of.name, of.task, of.classes, of.dense, of.metric) == ("toy", "classification", ("0", "1", "2", "3"), False, "accuracy")
    assert of.source == digits_source
    assert of.folder.parent == home / "projects"
    assert of.job_folder(7) == of.folder / "jobs" / "7"
    assert repr(of) == f"Stored('toy', home={str(home)!r})"
    assert of.pixels().shape == (56, 8, 8, 3)


def test_a_project_that_is_not_there_names_those_there_are(project):
    with pytest.raises(NotFound, match="toy"):
        stored(project.place, "digits")


def test_what_changes_is_seen_by_all_but_the_row_which_is_read_again(project, of):
    project.add_class("4")
    assert of.classes == ("0", "1", "2", "3")
    of.reread()
    assert of.classes == ("0", "1", "2", "3", "4")
    first = asked_for(project)[0]
    project.journal.record([Annotation("t", 1, first, "label", "2")], project.classes)
    assert of.counts()["labels"] == {"2": 1}
    assert of.pool().labeled.tolist() == [first]


def test_items_that_are_skipped_or_flagged_without_a_label_are_neither_labeled_nor_asked_for(project, of):
    a, b, c, d = asked_for(project)[:4]
    events = [(a, "label", "1"), (b, "skip", None), (c, "flag", None), (d, "label", "3"), (d, "flag", None)]
    project.journal.record([Annotation("t", at, item, kind, value) for at, (item, kind, value) in enumerate(events)], project.classes)
    pool = of.pool()
    assert dict(zip(pool.labeled.tolist(), pool.targets.tolist(), strict=True)) == {a: 1, d: 3}
    assert set(pool.unlabeled.tolist()) == set(asked_for(project)) - {a, b, c, d}
    assert len(pool.test) == 16
    assert sorted(id for id, *_ in of.snapshot()) == sorted(of.items.paths())


def test_rounds_are_found_by_number_and_the_newest_without_one(project, of, quick):
    assert (of.rounds(), of.newest_round()) == ([], None)
    with pytest.raises(NotFound, match="^'toy' has no round: run `train` first$"):
        of.round()
    project.start(4, "random", seed=0)
    project.label_from_truth(8, seed=0)
    made = project.run_round("random", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    assert [round_.number for round_ in of.rounds()] == [0, 1]
    assert (of.round().number, of.newest_round().number, of.round(0).strategy) == (1, 1, "start:random")
    assert of.files(of.round(0)) is None
    assert set(made.query) <= set(of.files(of.round()).ids.tolist())
    with pytest.raises(NotFound, match="^'toy' has no round 7: run `train` first$"):
        of.round(7)


def test_names_tell_no_class_while_the_truth_is_hidden(workspace, digits_source, project, of):
    assert of.shown_name(5, "train/3/00.png") == "train/00.png"
    assert of.shown_name(5, "train/3/3.png") == "train/image 5"
    told = type(project).import_into(workspace, "told", digits_source, truth="labels")
    assert stored(workspace, "told").shown_name(5, "train/3/00.png") == "train/3/00.png"
    assert told.counts()["labeled"] == 40


def test_of_masks_there_is_one_truth_and_a_color_for_each_class(scenes):
    of = stored(scenes.place, "scenes")
    assert (of.dense, of.metric) == (True, "mean_iou")
    assert of.counts()["labels"] == {}
    assert of.counts()["truth"] == {"pool": {"mask": 10}, "val": {"mask": 4}} or of.counts()["truth"] == {
        "pool": {"mask": 10},
        "test": {"mask": 4},
    }
    assert of.colors == [(0, 90, 0), (40, 70, 10), (80, 50, 20)]
    assert np.shape(of.pixels())[0] == 14


def test_files_of_a_round_that_are_gone_are_said_with_the_cure(project, of, quick):
    project.label_from_truth(12, seed=0)
    done = project.run_round("entropy", 3, seed=0, train=quick, report=lambda _: None)
    folder = of.folder / "rounds" / done.folder
    (folder / "scores.npz").unlink()
    round_files.cache_clear()  # as after a restart
    with pytest.raises(AlcoreError) as said:
        of.files(of.round())
    assert str(said.value) == f"the files of round 1 of 'toy' are gone: bring back {folder}, or train a new round"


def test_a_project_that_is_made_anew_is_another_one_to_a_browser(project, workspace, digits_source):
    first = project.identity
    assert workspace.project("toy").identity == first
    project.delete()
    again = Project.import_into(workspace, "toy", digits_source)
    assert again.identity != first


def test_the_items_of_now_are_told_though_they_are_remembered(project, workspace, monkeypatch):
    """Whatever changes them: labels, a hold and its taking back, a slice, names of classes, another import, by this object or another."""
    other = workspace.project(project.name)

    def right() -> None:
        known = [(list(each.snapshot()), each.counts()) for each in (project, other)]
        monkeypatch.setattr(rows, "_lying", Remembered(rows.FEW))
        assert known == [(list(each.snapshot()), each.counts()) for each in (project, other)]

    right()
    ids = project.pool().unlabeled.tolist()
    project.annotate({ids[0]: "1", ids[1]: "2"})
    right()
    done = holding.hold(other, ids[2:5], annotator="ann", client="hold-1")
    assert done.stored == 3
    right()
    assert set(ids[2:5]) <= {i for i, split, *_ in project.snapshot() if split == HELD}
    holding.hold(project, ids[2:4], annotator="ann", client="hold-2", back=True)
    holding.hold(project, ids[6:8], annotator="ann", client="hold-3")  # as many are held out as before: others
    right()
    slices.draw(other, 4)
    right()
    kinds.rename(other, "1", "one")
    right()
    assert "one" in project.counts()["truth"]["pool"]
    kinds.undo(project, kinds.changes(project)[0]["id"])
    right()
    assert "1" in other.counts()["truth"]["pool"]
    before = list(project.snapshot())
    for gone in sorted(path for path in other.source.rglob("*") if path.is_file() and path.suffix == ".png")[:4]:
        gone.unlink()
    other.refresh()
    right()
    assert len(list(project.snapshot())) == len(before) - 4
