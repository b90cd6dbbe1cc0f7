"""Drafts of masks, heat layers and superpixels: what a person sees before anything is painted."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput, NotFound
from alcore.pixels import masks
from alcore.project import drafts
from tests.project.painted import ids_of
from tests.scenes import H, W, scene


def test_a_round_measures_iou_and_the_queue_shows_draft_layers_and_heads(asked):
    done = asked.round()
    assert 0 <= done.metrics["mean_iou"] <= 1
    assert len(done.query) == 2
    queue = asked.queue(10)
    assert (queue["unit"], queue["colors"]) == ("frames", [[0, 90, 0], [40, 70, 10], [80, 50, 20]])
    first = queue["items"][0]
    assert first["id"] == done.query[0]
    assert [layer["name"] for layer in first["layers"]] == ["entropy", "margin", "confidence", "pixel_discrepancy"]
    assert [head["title"] for head in first["heads"]] == ["F, the task model", "F1", "F2"]
    assert (first["mask"], first["regions"]) == (None, None)
    assert "discrepancy" in {entry["name"] for entry in first["frame"]}
    draft = drafts.draft(asked, done.number, first["id"])
    assert draft.shape == (H, W)
    assert set(np.unique(draft)) <= {0, 1, 2}
    detail = asked.files(done).detail(first["id"])
    picture = np.asarray(Image.open(io.BytesIO(drafts.layer(asked, done.number, first["id"], "entropy"))))
    assert np.array_equal(picture, np.clip(np.rint(detail["entropy"].astype(np.float32) * (255 / np.log(3))), 0, 255).astype(np.uint8))
    head = np.asarray(Image.open(io.BytesIO(drafts.head(asked, done.number, first["id"], "head_1"))))
    assert np.array_equal(head, detail["head_1"])


def test_a_layer_head_or_draft_that_is_not_there_is_said(asked):
    done = asked.round()
    with pytest.raises(NotFound, match="no layer 'labeledness'"):
        drafts.layer(asked, done.number, done.query[0], "labeledness")
    with pytest.raises(NotFound, match="no head"):
        drafts.head(asked, done.number, done.query[0], "head_9")
    other = next(i for i in ids_of(asked).values() if i not in done.query)
    with pytest.raises(NotFound, match="did not ask"):
        drafts.draft(asked, done.number, other)


def test_a_draft_at_twice_the_size_is_each_class_interpolated(asked, monkeypatch):
    done = asked.round()
    small = np.zeros((8, 8), np.uint8)
    small[:, 4:] = 1
    monkeypatch.setattr(drafts, "detail_of", lambda *_: {"draft": small})
    draft = drafts.draft(asked, done.number, done.query[0])
    assert np.array_equal(draft, np.repeat((np.arange(W) >= W // 2)[None].astype(np.uint8), H, axis=0))


def test_superpixels_are_made_once_and_cover_the_picture(scenes, monkeypatch):
    item = ids_of(scenes)[0]
    content, width, height, count = drafts.superpixels(scenes, item, 12)
    labels = np.frombuffer(zlib.decompress(content), "<u2").reshape(height, width)
    assert (width, height) == (W, H)
    assert sorted(np.unique(labels)) == list(range(count))
    assert np.array_equal(labels, masks.superpixels(scene(0)[0], 12))
    monkeypatch.setattr(masks, "superpixels", lambda *_: pytest.fail("made again"))
    assert drafts.superpixels(scenes, item, 12) == (content, width, height, count)
    with pytest.raises(BadInput, match="use 2 to"):
        drafts.superpixels(scenes, item, 1)
