"""Clicks in the pictures of a project: made ready ahead in the background, answered by value, and what is said where they cannot be."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput, NotFound, Unavailable
from alcore.extractors.sam import Segmenter
from alcore.project import clicks
from alcore.project.clicks import Clicks, State
from alcore.project.facade import Project
from tests.extractors.discs import decoder, disc, encoder, write_pair

W, H = 40, 24
NO_FILES = "to paint by clicks, put the encoder and the decoder of a SAM, two ONNX files, into the workspace's folder models (README, Click to mask)"


@pytest.fixture
def streets(workspace, tmp_path) -> Project:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(5):
        rng = np.random.default_rng(number)
        Image.fromarray(rng.integers(0, 255, (H, W, 3)).astype(np.uint8)).save(folder / f"{number}.png")
    return Project.import_into(workspace, "streets", folder, task="segmentation", classes=["a", "b"])


@pytest.fixture
def ids(streets) -> list[int]:
    return sorted(streets.items.paths())


@pytest.fixture
def models(workspace):
    write_pair(workspace.home / "models")
    return workspace.home / "models"


@pytest.fixture
def looks(monkeypatch):
    """Item numbers in the order the encoder got them, and a bar that it waits at; known by the first pixel of their picture."""
    seen, bar = [], threading.Event()
    bar.set()
    real = Segmenter.look

    def look(self, picture):
        if picture.size == (W, H):  # not the disc that every pair is tried on
            assert bar.wait(30)
            seen.append(picture.getpixel((0, 0)))
        return real(self, picture)

    monkeypatch.setattr(Segmenter, "look", look)
    return seen, bar


def wait(of: Clicks, project: Project, item: int, ahead=()) -> State:
    """Until the item is ready or cannot be; the condition is told of every change."""
    with of._changed:
        assert of._changed.wait_for(lambda: (state := of.state(project, item, ahead)).ready or state.reason, 60)
    return of.state(project, item)


def same(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == (H, W)
    assert (found != wanted).sum() <= max(3, 0.05 * wanted.sum())


def first_pixels(project: Project, ids) -> list:
    rows = project.items.rows(ids)
    return [project.pictures.whole(rows[i]).getpixel((0, 0)) for i in ids]


def test_without_files_it_says_in_a_sentence_how_to_have_them_and_no_thread_is_begun(workspace, streets, ids):
    assert workspace.clicks.state(streets, ids[0]) == State(False, NO_FILES)
    with pytest.raises(BadInput, match="to paint by clicks"):
        workspace.clicks.find(streets, ids[0], [(5, 5, True)])
    assert workspace.clicks._thread is None


def test_a_picture_is_made_ready_and_clicks_boxes_and_clicks_taken_away_are_answered(workspace, models, streets, ids):
    of = workspace.clicks
    with pytest.raises(Unavailable, match="is being made ready for clicks"):
        of.find(streets, ids[1], [(20, 12, True)])
    assert wait(of, streets, ids[1]) == State(True)
    same(of.find(streets, ids[1], [(20, 12, True)]), disc((W, H), 20, 12))
    same(of.find(streets, ids[1], [(20, 12, True), (23, 12, False)]), disc((W, H), 20, 12) & ~disc((W, H), 23, 12))
    box = np.zeros((H, W), bool)
    box[4:20, 6:30] = True
    same(of.find(streets, ids[1], [], (6, 4, 30, 20)), box)
    same(of.find(streets, ids[1], [(9, 9, False)], (6, 4, 30, 20)), box & ~disc((W, H), 9, 9))


def test_from_the_third_click_on_what_was_found_before_is_told_and_the_answer_does_not_depend_on_what_is_remembered(
    workspace, models, streets, ids, monkeypatch
):
    of, told = workspace.clicks, []
    wait(of, streets, ids[0])
    real = Segmenter.find

    def find(self, looked, points, box=None, before=None):
        told.append((len(points), before is not None))
        return real(self, looked, points, box, before)

    monkeypatch.setattr(Segmenter, "find", find)
    three = [(6.0, 6.0, True), (20.0, 12.0, True), (34.0, 18.0, True)]
    fresh = of.find(streets, ids[0], three)
    assert told == [(2, False), (3, True)]
    of._answers.clear()
    told.clear()
    steps = [of.find(streets, ids[0], three[:n]) for n in (1, 2, 3)]
    assert told == [(1, False), (2, False), (3, True)]
    assert np.array_equal(steps[2], fresh)
    same(fresh, disc((W, H), 6, 6) | disc((W, H), 20, 12) | disc((W, H), 34, 18))
    told.clear()
    of.find(streets, ids[0], [(20.0, 12.0, False), (30.0, 12.0, True)], (6.0, 4.0, 30.0, 20.0))
    assert told == [(1, False), (2, True)]


def test_what_is_on_the_stage_comes_first_then_what_is_ahead_and_none_twice(workspace, models, streets, ids, looks):
    seen, bar = looks
    of = workspace.clicks
    bar.clear()
    of.state(streets, ids[0], ids[1:3])
    of.state(streets, ids[4], [ids[3], ids[0], 10**6])  # gone on meanwhile; an item that is not there is passed over
    bar.set()
    with of._changed:  # asking for their state would change the order
        assert of._changed.wait_for(lambda: len(of._ready) == 5, 60)
    wanted = first_pixels(streets, [ids[0], ids[4], ids[3], ids[1], ids[2]])
    assert sorted(seen) == sorted(wanted)
    assert [one for one in seen if one != wanted[0]] == wanted[1:]  # the first may have been begun before the others came
    assert of.state(streets, ids[2]) == State(True)
    assert len(seen) == 5


def test_only_so_many_are_kept_those_that_were_clicked_last(workspace, models, streets, ids, monkeypatch):
    monkeypatch.setattr(clicks, "KEPT", 2)
    of = workspace.clicks
    wait(of, streets, ids[0])
    wait(of, streets, ids[1])
    of.find(streets, ids[0], [(5, 5, True)])
    wait(of, streets, ids[2])
    assert [key[1] for key in of._ready] == [ids[0], ids[2]]


def test_other_files_are_noticed_and_what_the_old_ones_gave_is_forgotten(workspace, models, streets, ids):
    of = workspace.clicks
    assert wait(of, streets, ids[0]).ready
    (models / "decoder.onnx").unlink()
    assert wait(of, streets, ids[0]).reason == "there is no decoder of a SAM in the workspace's folder models"
    decoder(models / "another.onnx")
    assert wait(of, streets, ids[0]).ready
    for file in models.iterdir():
        file.unlink()
    assert of.state(streets, ids[0]) == State(False, NO_FILES)


def test_a_pair_that_does_not_find_the_known_disc_is_refused(workspace, streets, ids):
    folder = workspace.home / "models"
    folder.mkdir()
    encoder(folder / "e.onnx")
    decoder(folder / "d.onnx", radius=20)
    state = wait(workspace.clicks, streets, ids[0])
    assert state == State(
        False, "e.onnx and d.onnx do not find a plain disc from a click (overlap 0.02): bring both from one export of a SAM"
    )
    with pytest.raises(BadInput, match="do not find a plain disc"):
        workspace.clicks.find(streets, ids[0], [(5, 5, True)])


def test_a_picture_that_is_gone_is_named_and_the_others_go_on(workspace, models, streets, ids):
    row = streets.items.row(ids[0])
    original = streets.pictures.original(row)
    assert original is not None
    original.unlink()
    assert "cannot be read any more" in wait(workspace.clicks, streets, ids[0], [ids[1]]).reason
    assert wait(workspace.clicks, streets, ids[1]).ready


@pytest.mark.parametrize(
    ("points", "box", "said"),
    [
        ([], None, "a click or a box is needed"),
        ([(W + 1, 3, True)], None, f"{W + 1}, 3 lies outside the picture of {W} x {H}"),
        ([], (3, 3, 3, 9), "a box must be left, top, right, bottom, and hold something"),
        ([(1, 1, True)] * 41, None, "41 clicks are too many for one mask: take it, and go on with at most 40"),
    ],
)
def test_what_cannot_be_asked_is_said(workspace, streets, ids, points, box, said):
    with pytest.raises(BadInput) as told:
        workspace.clicks.find(streets, ids[0], points, box)
    assert str(told.value) == said
    with pytest.raises(NotFound):
        workspace.clicks.find(streets, 10**6, [(1, 1, True)])


def test_after_closing_nothing_is_begun(workspace, models, streets, ids, looks):
    seen, _ = looks
    of = workspace.clicks
    wait(of, streets, ids[0])
    of.close()
    assert not of._thread.is_alive()
    assert of.state(streets, ids[1]) == State(False)
    assert len(seen) == 1
