"""What masks hold, how far drafts agree and how they look over a picture, against what is worked out pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels import masks
from alcore.project import painted
from alcore.project.catalog import catalog
from alcore.project.history import history
from alcore.project.views import View, found
from alcore.types import Annotation
from tests.project.painted import ids_of
from tests.scenes import H, W, truth_of


def ids(project, **filters) -> list[int]:
    of, _, at = found(project, View(**filters))
    return of.ids[at].tolist()


def test_the_classes_of_a_mask_and_what_is_painted_are_found_by_views(drafted):
    by = ids_of(drafted)
    three = sorted(by[n] for n in (0, 1, 2))
    assert ids(drafted, holds=("ground",)) == three
    assert ids(drafted, holds=("dot",)) == sorted(by[n] for n in (0, 2))
    assert ids(drafted, holds=("dot", "box")) == three
    assert ids(drafted, painted=("whole",)) == three
    assert ids(drafted, painted=("part",)) == []
    assert set(ids(drafted, painted=("none",))) == set(by.values()) - set(three)
    assert len(ids(drafted, painted=("whole", "none"))) == len(by)


def test_a_mask_that_was_answered_in_part_is_unfinished(scenes):
    item = ids_of(scenes)[3]
    digest = scenes.masks.keep(truth_of(3), 3)
    scenes.start(1, "random", seed=0)
    scenes.journal.take([Annotation("t", 1, item, "region", digest, annotator="ann")], scenes.classes)
    told = painted.painted(scenes, of := catalog(scenes))
    assert scenes.items.row(item)["partial"] == bool(told.partial[int(of.places(np.array([item]))[0])])
    assert ids(scenes, painted=("part",)) == ([item] if scenes.items.row(item)["partial"] else [])


def test_addresses_hold_what_masks_are_asked_and_bounds_are_checked(drafted):
    view = View(holds=("dot", "box"), painted=("part",), iou_below=0.5, order="iou")
    assert view.address() == "holds=dot&holds=box&painted=part&iou_below=0.5&order=iou"
    assert View.of([("holds", "dot"), ("holds", "box"), ("painted", "part"), ("iou_below", "0.5"), ("order", "iou")]) == view
    with pytest.raises(BadInput, match="iou_below must be an IoU from 0 to 1"):
        View.of([("iou_below", "1.5")])
    with pytest.raises(BadInput, match="painted cannot be 'half': use whole, part, none"):
        View.of([("painted", "half")])
    with pytest.raises(BadInput, match="'car' is not a class of"):
        ids(drafted, holds=("car",))


def test_projects_of_classes_have_no_masks_to_ask_for(toy):
    with pytest.raises(BadInput, match="has a class an image"):
        ids(toy, painted=("none",))
    assert not painted.has_drafts(toy)


def test_an_overlay_is_the_mask_in_the_colors_of_its_classes_or_the_newest_draft(drafted):
    by, asked = ids_of(drafted), list(drafted.round().query)
    neither = next(i for n, i in by.items() if n not in (0, 1, 2) and i not in asked)
    own, draft, none, gone = painted.overlay(drafted, [by[0], asked[0], neither, 10**6], 128)
    assert (none, gone) == (b"", b"")
    seen = np.asarray(Image.open(io.BytesIO(own)).convert("RGBA"))
    mask = truth_of(0)
    assert seen.shape == (H, W, 4)
    assert np.array_equal(seen[..., 3] == 0, mask == masks.VOID)
    assert np.array_equal(seen[mask != masks.VOID][:, :3], np.array(drafted.colors)[mask[mask != masks.VOID]])
    small = drafted.files(drafted.round()).detail(asked[0])["draft"]
    shown = np.asarray(Image.open(io.BytesIO(draft)).convert("RGBA"))
    assert np.array_equal(shown[..., :3], np.array(drafted.colors)[masks.resized(small, H, W)])
    reduced = Image.open(io.BytesIO(painted.overlay(drafted, [by[0]], 16)[0]))
    assert reduced.size == (16, round(16 * H / W))


def test_a_mask_whose_file_is_gone_leaves_its_place_empty(drafted):
    by = ids_of(drafted)
    digest = drafted.items.row(by[0])["label"]
    next(drafted.folder.rglob(f"*{digest}*")).unlink()
    own, other = painted.overlay(drafted, [by[0], by[1]], 128)
    assert own == b""
    assert other[:4] == b"\x89PNG"
    assert painted.has_drafts(drafted)


def test_what_the_colors_over_an_image_mean_is_told_the_largest_area_first(drafted):
    by, asked = ids_of(drafted), list(drafted.round().query)
    told = painted.held(drafted, by[0])
    mask = truth_of(0)
    counts = np.bincount(mask[mask != masks.VOID], minlength=3)
    colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in drafted.colors]
    order = sorted(range(3), key=lambda k: (-counts[k], k))
    assert told == {"of": "mask", "classes": [[drafted.classes[k], colors[k], pytest.approx(counts[k] / counts.sum())] for k in order]}
    draft = drafted.files(drafted.round()).draft(asked[0])
    found = painted.held(drafted, asked[0])
    assert found["of"] == "draft"
    shares = {drafted.classes[k]: n / draft.size for k, n in enumerate(np.bincount(draft.ravel())) if n}
    assert {name: share for name, _, share in found["classes"]} == pytest.approx(shares)
    neither = next(i for n, i in by.items() if n not in (0, 1, 2) and i not in asked)
    assert painted.held(drafted, neither) is None
    assert history(drafted, by[0])["holds"] == told
