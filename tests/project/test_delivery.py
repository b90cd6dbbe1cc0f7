"""Every image's label on its way out: whose it is, how sure, how right that is on the slice, and what a threshold leaves out."""

from __future__ import annotations

import dataclasses
import io
import os

import numpy as np
import pandas as pd
import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.measures.calibration import probabilities, temperature
from alcore.metrics import wilson
from alcore.project import delivery, predictions, slices
from tests.project.sliced import QUICK, say

ITEMS, POOL, TEST, SLICE, LABELED = 56, 40, 16, 10, 12


def test_guesses_are_the_models_and_their_confidence_is_held_against_the_slice(guessing):
    found = delivery.guesses(guessing)
    ids, logits = predictions.logits(guessing, guessing.round())
    labels = slices.slice_of(guessing).labels
    of_slice = np.isin(ids, list(labels))
    target = np.array([guessing.classes.index(labels[i]) for i in ids[of_slice].tolist()])
    t = temperature(logits[of_slice], target)
    assert (found.temperature, found.ids.tolist(), len(ids)) == (t, ids.tolist(), ITEMS)
    np.testing.assert_allclose(found.confidence, probabilities(logits, t).max(1))
    assert found.guess.tolist() == logits.argmax(1).tolist()
    assert (found.tested.sum(), found.rest.sum()) == (6, POOL - SLICE - LABELED - 1)
    assert found.right[found.tested].tolist() == (logits.argmax(1)[of_slice] == target).tolist()
    assert not found.right[~found.tested].any()


def test_every_image_has_a_row_that_says_whose_label_it_has(guessing):
    found = delivery.guesses(guessing)
    frame = delivery.table(guessing, found)
    assert tuple(frame.columns) == delivery.COLUMNS
    assert frame["source"].value_counts().to_dict() == {"model": 17, "human": 18 + TEST, "": 5}
    assert frame["annotator"].eq("given").sum() == TEST
    assert frame["split"].value_counts().to_dict() == {"train": POOL - SLICE, "test": TEST + SLICE}
    rows = {row["path"]: row for row in frame.to_dict("records")}
    items = guessing.items.rows(guessing.pool().ids.tolist())
    for i, item in items.items():
        row = rows[item["path"]]
        at = found.ids.tolist().index(i)
        assert (row["guess"], row["confidence"]) == (guessing.classes[found.guess[at]], round(float(found.confidence[at]), 4))
        if item["label"]:
            assert (row["label"], row["source"]) == (item["label"], "human")
            assert row["annotator"] in ("me", "oracle")
        elif item["split"] == "test":
            assert (row["label"], row["source"], row["annotator"]) == (item["truth"], "human", "given")
        elif item["split"] == "slice" or item["skipped"]:
            assert (pd.isna(row["label"]), row["source"]) == (True, "")  # not accepted: it is drawn to be labeled, or was set aside
        else:
            assert (row["label"], row["source"], row["round"]) == (row["guess"], "model", guessing.round().number)
            assert row["time"].endswith("+00:00")


def test_below_the_threshold_images_stay_without_a_label(guessing):
    found = delivery.guesses(guessing)
    threshold = float(np.median(found.confidence[found.rest]))
    frame = delivery.table(guessing, found, threshold)
    accepted = frame[frame["source"] == "model"]
    assert len(accepted) == found.accepting(threshold).accepted  # as it was counted, whatever digits are written
    assert 0 < len(accepted) < 17
    assert accepted["confidence"].min() >= round(threshold, 4)
    told = found.accepting(threshold)
    sure = found.confidence[found.tested] >= threshold
    assert (told.slice_accepted, told.slice_right) == (sure.sum(), found.right[found.tested][sure].sum())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_hold_the_table(guessing, tmp_path, kind):
    out = tmp_path / f"labels.{kind}"
    told = delivery.deliver(guessing, out, kind, 0.0)
    frame = pd.read_csv(out, keep_default_na=False) if kind == "csv" else pd.read_parquet(out)
    expected = delivery.table(guessing, delivery.guesses(guessing))
    assert (
        frame["label"].replace("", None).where(lambda s: s.notna(), None).tolist()
        == expected["label"].where(expected["label"].notna(), None).tolist()
    )
    assert {name: told[name] for name in ("images", "person", "given", "model", "without")} == {
        "images": ITEMS,
        "person": 18,
        "given": 16,
        "model": 17,
        "without": 5,
    }
    right = int(delivery.guesses(guessing).right.sum())
    low, high = wilson(right / 6, 6)
    assert told["measured"] == {"right": right, "of": 6, "low": round(low, 4), "high": round(high, 4)}
    read = (
        pd.read_csv(io.BytesIO(delivery.content(guessing, "csv")))
        if kind == "csv"
        else pd.read_parquet(io.BytesIO(delivery.content(guessing, kind)))
    )
    assert read["source"].fillna("").tolist() == expected["source"].tolist()


@pytest.mark.parametrize("link", [False, True])
def test_class_folders_have_every_image_that_has_a_label(guessing, tmp_path, link):
    out = tmp_path / "labeled"
    delivery.deliver(guessing, out, "folder", 0.0, link)
    frame = delivery.table(guessing, delivery.guesses(guessing))
    labeled = frame[frame["source"] != ""]
    files = sorted(path for path in out.rglob("*.png"))
    assert len(files) == len(labeled)
    assert (
        pd.Series([path.relative_to(out).parts[-2] for path in files]).value_counts().to_dict() == labeled["label"].value_counts().to_dict()
    )
    assert {os.stat(path).st_nlink > 1 for path in files} == {link}


def test_what_is_asked_wrongly_writes_nothing(guessing, tmp_path):
    out = tmp_path / "out.csv"
    with pytest.raises(BadInput, match="cannot write predictions as 'coco'"):
        delivery.deliver(guessing, out, "coco")
    with pytest.raises(BadInput, match="above 1.5"):
        delivery.deliver(guessing, out, "csv", 1.5)
    assert not out.exists()
    out.write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        delivery.deliver(guessing, out, "csv")
    assert out.read_text() == "mine"


def test_without_a_model_or_for_masks_there_is_nothing_to_guess(photos, scenes, asked):
    with pytest.raises(AlcoreError, match="has no model yet"):
        delivery.guesses(photos)
    with pytest.raises(AlcoreError, match="pixel by pixel"):
        delivery.guesses(asked)


def test_a_promise_needs_as_many_test_images_as_could_show_it(guessing):
    with pytest.raises(AlcoreError, match="6 labeled test images cannot show that 95 % of any guesses are right: that takes at least 45"):
        delivery.threshold_of(guessing, 0.95)
    for target in (0.0, 1.0):
        with pytest.raises(BadInput, match="above 0 and below 1"):
            delivery.threshold_of(guessing, target)
    found = delivery.guesses(guessing)
    if found.right[found.tested].all():
        assert delivery.threshold_of(guessing, 0.6) == found.promised(0.6).threshold  # 0.6^6 < 0.1


def test_a_class_that_is_younger_than_the_model_is_one_it_cannot_guess(guessing):
    guessing.add_class("sky")
    (one, *_) = slices.slice_of(guessing).waiting
    say(guessing, [one], value="sky")
    found = delivery.guesses(guessing)
    at = found.ids.tolist().index(one)
    assert (found.tested[at], found.right[at]) == (True, False)
    assert "sky" not in set(delivery.table(guessing, found)["guess"])


def test_what_is_told_of_a_threshold():
    from alcore.measures.promises import Promise

    told = Promise(0.97, 31204, 99, 98, 98 / 99, 0.9446, 0.9982)
    assert delivery.words(told) == "31,204 images at 97 % and more; 99.0 % right (94.5 to 99.8), 98 of 99 test images"
    nobody = dataclasses.replace(told, slice_accepted=0, slice_right=0, precision=None)
    assert delivery.words(nobody) == "31,204 images at 97 % and more; no test image is that sure, so how many are right is not known"


def test_without_a_slice_what_came_with_labels_shows_how_right_it_is(apart):
    apart.label_from_truth(12, seed=0)
    round_ = apart.run_round("margin", 5, 1, "cpu", train=QUICK, report=lambda _: None)
    found = delivery.guesses(apart)
    pool = apart.pool()
    assert found.given
    assert found.ids[found.tested].tolist() == pool.test.tolist()
    assert found.right.sum() / len(pool.test) == pytest.approx(round_.metrics["accuracy"])
    assert not found.rest[found.tested].any()
    slices.draw(apart, 4)
    assert not delivery.guesses(apart).given
    assert not delivery.guesses(apart).tested.any()  # drawn ones count once they are labeled, and alone
