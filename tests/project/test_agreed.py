"""How far drafts agree with masks, against what is worked out pixel by pixel; looked at once, and kept."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from alcore.pixels import masks
from alcore.project import agreed
from alcore.project.catalog import catalog
from alcore.project.views import View, found
from alcore.types import Annotation
from tests.scenes import H, W, truth_of


def ids(project, **filters) -> list[int]:
    of, _, at = found(project, View(**filters))
    return of.ids[at].tolist()


@pytest.fixture
def looked(monkeypatch) -> list[int]:
    """The items whose mask and draft are held against one another from now on."""
    seen: list[int] = []
    usual = agreed._look
    monkeypatch.setattr(agreed, "_look", lambda project, files, item, digest: (seen.append(item), usual(project, files, item, digest))[1])
    return seen


def paint(project, item: int, mask: np.ndarray, seq: int) -> str:
    digest = project.masks.keep(mask, 3)
    project.journal.take([Annotation("t", seq, item, "mask", digest, annotator="ann")], project.classes)
    return digest


def told(project) -> dict[int, float]:
    of = catalog(project)
    return {i: value for i, value in zip(of.ids.tolist(), agreed.agreement(project, of).tolist(), strict=True) if not np.isnan(value)}


def test_an_overlap_is_the_mean_over_the_classes_that_either_has_where_something_is_painted():
    mask = np.array([[0, 0, 1, 1], [255, 255, 1, 2]], np.uint8)
    draft = np.array([[0, 1, 1, 1], [0, 1, 1, 0]], np.uint8)
    # class 0: both 1, either {0: 2, draft 2} = 3; class 1: both 3, either 4; class 2: both 0, either 1
    assert agreed.overlap(mask, draft) == pytest.approx((1 / 3 + 3 / 4 + 0) / 3)
    assert agreed.overlap(draft, draft) == 1
    assert np.isnan(agreed.overlap(np.full((2, 4), 255, np.uint8), draft))


def test_images_are_found_and_sorted_by_how_far_their_draft_agrees_with_the_mask(drafted):
    asked = list(drafted.round().query)
    assert np.isnan(agreed.agreement(drafted, catalog(drafted))).all()  # none of those that are painted was drafted
    files = drafted.files(drafted.round())
    drafts = {i: files.detail(i)["draft"] for i in asked}
    wanted = {}
    for seq, (item, mask) in enumerate(zip(asked, (truth_of(5), np.zeros((H, W), np.uint8)), strict=True), 10):
        digest = drafted.masks.keep(mask, 3)
        drafted.journal.take([Annotation("t", seq, item, "mask", digest, annotator="ann")], drafted.classes)
        wanted[item] = agreed.overlap(masks.resized(mask, *drafts[item].shape), drafts[item])
    of = catalog(drafted)
    got = dict(zip(of.ids.tolist(), agreed.agreement(drafted, of).tolist(), strict=True))
    assert {i: got[i] for i in asked} == pytest.approx(wanted)
    low, high = sorted(asked, key=lambda i: (wanted[i], i))
    assert ids(drafted, order="iou")[:2] == [low, high]
    assert ids(drafted, order="iou", back=True)[:2] == [high, low]
    middle = (wanted[low] + wanted[high]) / 2
    if wanted[low] < wanted[high]:
        assert ids(drafted, iou_below=middle) == [low]
        assert ids(drafted, iou_above=middle) == [high]
    assert set(ids(drafted, iou_above=0.0)) == set(asked)


def test_each_mask_is_looked_at_once_also_by_another_process(drafted, looked):
    first, second = sorted(drafted.round().query)
    for seq, item in enumerate((first, second), 10):
        paint(drafted, item, truth_of(5 + seq), seq)
    once = told(drafted)
    assert (sorted(looked), sorted(once)) == ([first, second], [first, second])
    looked.clear()
    assert (told(drafted), looked) == (once, [])
    assert (drafted.files(drafted.round()).folder / agreed.KEPT).is_file()  # all that another process needs
    paint(drafted, second, np.ones((H, W), np.uint8), 20)
    draft = drafted.files(drafted.round()).draft(second)
    assert told(drafted) == {first: once[first], second: pytest.approx(agreed.overlap(np.ones_like(draft), draft))}
    assert looked == [second]


def test_a_mask_whose_file_is_gone_agrees_with_nothing_and_the_others_are_told(drafted, looked):
    first, second = sorted(drafted.round().query)
    digest = paint(drafted, first, truth_of(7), 10)
    paint(drafted, second, truth_of(8), 11)
    next(drafted.folder.rglob(f"*{digest}*")).unlink()
    assert list(told(drafted)) == [second]
    assert ids(drafted, iou_above=0.0) == [second]
    paint(drafted, first, truth_of(7), 12)  # the same again: its file is there
    looked.clear()
    assert (sorted(told(drafted)), looked) == ([first, second], [first])


def test_what_somebody_is_about_to_ask_for_is_looked_at_ahead(drafted, looked):
    (item, *_) = drafted.round().query
    paint(drafted, item, truth_of(7), 10)
    agreed.look_ahead(drafted, catalog(drafted))
    agreed.look_ahead(drafted, catalog(drafted))  # nothing new: nothing is begun
    for thread in threading.enumerate():
        if thread.name == "alcore-agreement":
            thread.join()
    assert looked == [item]
    assert (list(told(drafted)), looked) == ([item], [item])
