"""Answers to regions that come late, at the same moment, or while a round trains: nothing is lost, nothing asked twice."""

from __future__ import annotations

import contextlib
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from alcore.pixels import masks
from alcore.project import answers, loop
from alcore.project import regions as asked_module
from alcore.project.facade import Project, Workspace
from alcore.project.regions import answered_areas
from alcore.storage.events import fold
from alcore.types import Annotation
from tests.project.painted import asked, truth
from tests.scenes import QUICK, H, W, write_scenes

REGIONS = {**QUICK, "query_unit": "tiles", "region_count": 6}
VOID = masks.VOID


@pytest.fixture
def source(tmp_path) -> Path:
    return write_scenes(tmp_path / "scenes")


@pytest.fixture
def scenes(workspace, source) -> Project:
    """Ten scenes in the pool, three of them labeled."""
    project = Project.import_into(workspace, "scenes", source)
    project.label_from_truth(3, seed=0)
    return project


def area_of(project: Project, item: int, number: int | None = None) -> np.ndarray:
    """bool (H, W): all that a round asks of an item."""
    row = project.items.row(item)
    return np.logical_or.reduce([masks.resized(r, row["height"], row["width"]) for r in project.files(project.round(number)).regions(item)])


def answer(project: Project, item: int, mask: np.ndarray, kind: str, number: int | None, seq: int = 1, client: str = "tab") -> None:
    """What the route does with a painted mask."""
    event = Annotation(client, seq, item, kind, annotator=client, round=number)
    _, taken = answers.answer(project, event, zlib.compress(mask.tobytes()))
    assert (taken.acked, taken.rejected, taken.conflicts) == ([seq], [], [])


def while_training(monkeypatch, act) -> None:
    """`act(outcome)` happens between the end of a round's training and its being stored."""
    trained = loop.run

    def run(*args, **options):
        outcome = trained(*args, **options)
        act(outcome)
        return outcome

    monkeypatch.setattr(loop, "run", run)


def test_a_late_region_does_not_take_the_rest_of_a_whole_mask_away(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    area = area_of(scenes, item)
    answer(scenes, item, truth(scenes, item), "mask", 1, client="whole")
    answer(scenes, item, np.where(area, 2, VOID).astype(np.uint8), "region", 1, client="late")  # painted over an older, empty mask
    assert np.array_equal(scenes.mask(item), np.where(area, 2, truth(scenes, item)))
    assert not scenes.items.row(item)["partial"]
    assert scenes.journal.differences() == 0


def test_a_region_answer_changes_nothing_outside_of_what_was_asked(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    area = area_of(scenes, item)
    answer(scenes, item, np.where(area, 1, VOID).astype(np.uint8), "region", 1, client="first")
    answer(scenes, item, np.where(area, 2, 0).astype(np.uint8), "region", 1, client="second")
    assert np.array_equal(scenes.mask(item), np.where(area, 2, VOID))
    assert scenes.items.row(item)["partial"]


@pytest.mark.parametrize("second", ["a person", "the command line"])
def test_answers_to_different_regions_at_the_same_moment_in_two_processes_both_survive(scenes, monkeypatch, second):
    """Two stores on one file share no lock of Python's, as two processes do not. Whoever reads first waits for the other to read too: who
    reads outside of the transaction that stores gets its wish, and one of the answers is lost."""
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    left, right = np.zeros((32, 32), bool), np.zeros((32, 32), bool)
    left[:, :16], right[:, 16:] = True, True
    scenes.run_round("margin", 42, seed=2, train=REGIONS)
    monkeypatch.setattr(
        asked_module, "asked_areas", lambda project, ids, round_=None: dict.fromkeys(ids, left if round_ and round_.number == 1 else right)
    )
    elsewhere = Workspace(scenes.workspace.home)
    both_have_read, honest = threading.Barrier(2), asked_module.laid_over

    def laid_over(*args):
        result = honest(*args)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_have_read.wait(0.3)
        return result

    monkeypatch.setattr(asked_module, "laid_over", laid_over)
    with ThreadPoolExecutor(2) as threads:
        mine = threads.submit(answer, scenes, item, np.full((H, W), 1, np.uint8), "region", 1)
        if second == "a person":
            answer(elsewhere.project("scenes"), item, np.full((H, W), 2, np.uint8), "region", 2, client="other")
        else:
            elsewhere.project("scenes").label_query_from_truth()
        mine.result()
    elsewhere.close()
    wanted = np.full((H, W), 2, np.uint8) if second == "a person" else truth(scenes, item)
    assert np.array_equal(scenes.mask(item), np.where(masks.resized(left, H, W), 1, wanted))
    assert scenes.journal.differences() == 0


def test_the_fold_keeps_an_image_whole_that_was_painted_as_a_whole():
    events = [("mask", "a", "ann", 1.0), ("region", "b", "ben", 2.0)]
    assert (fold(events)["label"], fold(events)["partial"]) == ("b", False)
    assert fold([("mask", "a", "ann", 1.0), ("undo", None, "ann", 2.0), ("region", "b", "ben", 3.0)])["partial"]
    assert fold([("mask", "a", "ann", 1.0), ("skip", None, "ann", 2.0), ("region", "b", "ben", 3.0)])["partial"]


def test_regions_of_a_round_that_nobody_answered_do_not_count_as_answered(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    first = {i: area_of(scenes, i, 1) for i in asked(scenes)}
    scenes.run_round("margin", 40, seed=2, train=REGIONS)  # round 1 was left as it was
    second = {i: area_of(scenes, i, 2) for i in asked(scenes)}
    scenes.label_query_from_truth()
    side = scenes.settings["image_size"]
    answered = {i: masks.resized(area, H, W) for i, area in answered_areas(scenes).items()}
    assert side >= H
    assert answered.keys() == second.keys()
    for item, area in answered.items():
        assert np.array_equal(area, second[item])
    assert any((first[i] & ~second[i]).any() for i in first.keys() & second.keys())  # else this tests nothing


def test_a_late_answer_to_an_older_round_leaves_the_newer_question_open(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    scenes.run_round("margin", 42, seed=2, train=REGIONS)  # all regions of all images
    assert item in asked(scenes)
    answer(scenes, item, np.where(area_of(scenes, item, 1), truth(scenes, item), VOID).astype(np.uint8), "region", 1)
    assert item in asked(scenes)
    answer(scenes, item, truth(scenes, item), "region", 2, seq=2)
    assert item not in asked(scenes)
    assert np.array_equal(scenes.mask(item), np.where(area_of(scenes, item, 2), truth(scenes, item), scenes.mask(item)))
    scenes.journal.record([Annotation("tab", 3, item, "undo", annotator="tab")], scenes.classes)
    assert item in asked(scenes)


def test_regions_answered_while_the_next_round_trains_are_not_asked_again(scenes, monkeypatch):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    before = asked(scenes)
    while_training(monkeypatch, lambda outcome: scenes.label_query_from_truth())
    done = scenes.run_round("entropy", 5, seed=1, train=REGIONS)  # the same pool and seed: the same regions
    assert before
    assert not set(before) & set(asked(scenes))
    assert scenes.round(done.number).query == tuple(asked(scenes))


def test_an_image_painted_as_a_whole_while_a_region_round_trains_is_not_asked(scenes, monkeypatch):
    painted = []

    def paint(outcome) -> None:
        painted.append(int(outcome.scores.selected[0]))
        scenes.annotate({painted[0]: truth(scenes, painted[0])})

    while_training(monkeypatch, paint)
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    assert painted[0] in scenes.round().query
    assert painted[0] not in asked(scenes)


def test_truth_asked_for_at_random_is_whole_masks_also_while_regions_are_asked(scenes):
    scenes.run_round("entropy", 42, seed=1, train=REGIONS)  # regions of all that is not labeled
    assert len(asked(scenes)) == 7
    scenes.label_from_truth(7, seed=1)
    assert scenes.counts()["partial"] == 0
    assert all(np.array_equal(scenes.mask(i), truth(scenes, i)) for i in scenes.round().query)
    assert asked(scenes) == []


def test_an_answer_to_regions_is_taken_only_where_it_was_asked(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    area = np.logical_or.reduce([masks.resized(region, H, W) for region in scenes.files(scenes.round()).regions(item)])
    answer(scenes, item, np.ones((H, W), np.uint8), "region", scenes.round().number)
    assert np.array_equal(scenes.mask(item), np.where(area, 1, masks.VOID))
