"""Labels given, drawn from the truth, or read from a CSV: what is stored, and that nothing is when not all can be."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.pixels import masks
from alcore.project.facade import Project
from alcore.project.labels import record
from alcore.storage.events import fold
from alcore.types import Annotation
from tests.project.painted import ids_of
from tests.scenes import H, W, truth_of

pytestmark = pytest.mark.both_databases

# ---- labels


def test_labels_from_the_truth_are_right_distinct_and_drawn_by_the_seed(project):
    assert project.label_from_truth(12, seed=0) == 12
    labels = project.items.labels()
    truth = {item.id: item.truth for item in project.items.pool() if item.split == "pool"}
    assert len(labels) == 12
    assert all(truth[i] == label for i, label in labels.items())
    first = {e["item_id"] for e in project.journal.events()}
    project.label_from_truth(12, seed=0)
    assert len(project.items.labels()) == 24
    assert not first & {e["item_id"] for e in project.journal.events()[12:]}
    assert {e["annotator"] for e in project.journal.events()} == {"oracle"}
    for n in (0, -3):
        with pytest.raises(BadInput, match=f"cannot label {n} items"):
            project.label_from_truth(n)
    with pytest.raises(AlcoreError, match="cannot label 17 items from the truth: 16 unlabeled items of 'toy' have one. Lower the number"):
        project.label_from_truth(17)


@pytest.mark.parametrize(("labels", "error", "words"), [
    ({1: "0", 2: "9", 3: "nine"}, BadInput, "not a class of toy: 9, nine. Classes are 0, 1, 2, 3; add_class adds one"),
    ({1: "0", 999: "1"}, NotFound, "there is no item 999 in project 'toy'"),
    ({1: None}, BadInput, "not a class of toy: None"),
])  # fmt: skip
def test_annotations_that_cannot_all_be_taken_write_nothing(project, labels, error, words):
    with pytest.raises(error, match=words):
        project.annotate(labels)
    assert project.journal.events() == []
    assert project.counts()["labeled"] == 0


def test_annotate_appends_to_the_journal_with_the_annotator(project):
    assert project.annotate({np.int64(3): "2", 5: "0"}, annotator="me") == 2
    assert project.annotate({3: "1"}, annotator="you") == 1
    assert [(e["item_id"], e["value"], e["annotator"], e["round"]) for e in project.journal.events()] == [
        (3, "2", "me", None),
        (5, "0", "me", None),
        (3, "1", "you", None),
    ]
    assert project.items.labels() == {3: "1", 5: "0"}


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_come_from_a_csv_by_path_and_rows_without_a_label_are_passed_over(project, tmp_path):
    text = "\ufeffid,path,label\n1,train/0/00.png,0\n2,train/1/00.png,\n3,train/2/00.png,2\n4,train/3/00.png\n"
    assert project.label_from_csv(write_csv(tmp_path / "l.csv", text), annotator="ann") == 2
    found = {e["path"]: e["value"] for e in project.journal.events()}
    assert found == {"train/0/00.png": "0", "train/2/00.png": "2"}


@pytest.mark.parametrize(("text", "words"), [
    ("path,class\na,b\n", "has no column label: its columns are path, class"),
    ("", "l.csv is empty: its first line must name the columns"),
    ("path,label\ntrain/0/00.png,0\nnowhere.png,1\n", "1 paths are not in project 'toy', first 'nowhere.png'"),
    ("path,label\ntrain/0/00.png,0\ntrain/1/00.png,9\n", "not a class of toy: 9"),
])  # fmt: skip
def test_a_csv_that_cannot_all_be_taken_writes_nothing(project, tmp_path, text, words):
    with pytest.raises(BadInput, match=words):
        project.label_from_csv(write_csv(tmp_path / "l.csv", text), annotator="ann")
    assert project.journal.events() == []


def test_a_csv_that_is_none_is_refused_with_its_name(project, tmp_path):
    (tmp_path / "l.csv").write_bytes(b"path,label\n\x81\x8d,0\n")
    with pytest.raises(BadInput, match=r"l\.csv is neither UTF-8 nor cp1252 nor UTF-16"):
        project.label_from_csv(tmp_path / "l.csv", annotator="ann")
    with pytest.raises(BadInput, match=r"gone\.csv cannot be read: there is no such file"):
        project.label_from_csv(tmp_path / "gone.csv", annotator="ann")
    with pytest.raises(BadInput, match="cannot be read: a folder, not a file"):
        project.label_from_csv(tmp_path, annotator="ann")


# ---- labels and the journal


def test_masks_come_back_bit_for_bit_with_holes_thin_lines_and_void(scenes):
    mask = np.full((H, W), masks.VOID, np.uint8)
    mask[1:9, 2:15] = 0
    mask[3:6, 4:9] = masks.VOID  # a hole
    mask[4, 5] = 2  # one pixel in it
    mask[10, :] = 1  # a line of one pixel
    item = ids_of(scenes)[0]
    assert scenes.annotate({item: mask}, annotator="me") == 1
    assert np.array_equal(scenes.mask(item), mask)
    again = Project.open("scenes", scenes.workspace.home)
    assert np.array_equal(again.mask(item), mask)


@pytest.mark.parametrize(
    ("mask", "match"),
    [
        (np.zeros((H, W + 1), np.uint8), "one size"),
        (np.full((H, W), 3, np.uint8), "3"),
        (np.zeros((H, W), np.int64), "uint8"),
        ("box", "gets a mask"),
    ],
)
def test_what_is_no_mask_of_the_image_is_refused_and_nothing_is_recorded(scenes, mask, match):
    items = ids_of(scenes)
    with pytest.raises(BadInput, match=match):
        scenes.annotate({items[0]: truth_of(0), items[1]: mask})
    assert scenes.counts()["labeled"] == 0


def test_events_that_do_not_fit_the_kind_of_project_are_rejected(scenes, project):
    item = ids_of(scenes)[0]
    acked, rejected = scenes.journal.record(
        [Annotation("c", 1, item, "label", "box"), Annotation("c", 2, item, "mask", "0" * 32)], scenes.classes
    )
    assert acked == []
    assert "masks" in rejected[0]["reason"]
    assert "no stored mask" in rejected[1]["reason"]
    first = next(iter(project.items.paths()))
    assert "one class each" in project.journal.record([Annotation("c", 1, first, "mask", "0" * 32)], project.classes)[1][0]["reason"]


def test_a_mask_of_another_size_cannot_be_given_to_an_item(scenes, workspace):
    digest = scenes.masks.keep(np.zeros((3, 3), np.uint8), 3)
    assert scenes.journal.record([Annotation("c", 1, ids_of(scenes)[0], "mask", digest)], scenes.classes)[1][0]["seq"] == 1


def test_a_region_leaves_an_item_labeled_in_part_and_a_skip_keeps_what_was_painted():
    region, mask, skip, undo = (("region", "r1", "a", 1.0), ("mask", "m1", "a", 2.0), ("skip", None, "a", 3.0), ("undo", None, "a", 4.0))
    assert fold([region])["partial"]
    both = fold([region, mask])
    assert (both["label"], both["partial"]) == ("m1", False)
    kept = fold([region, skip])
    assert (kept["label"], kept["partial"], kept["skipped"]) == ("r1", True, True)
    taken = fold([mask, skip])
    assert (taken["label"], taken["skipped"]) == (None, True)
    assert fold([region, mask, undo])["label"] == "r1"


def test_masks_are_labeled_from_a_csv_of_files(scenes, tmp_path):
    Image.fromarray(truth_of(5)).save(tmp_path / "five.png")
    paths = scenes.items.paths()
    item = ids_of(scenes)[5]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label"], [paths[item], "five.png"]])
    assert scenes.label_from_csv(tmp_path / "labels.csv", "me") == 1
    assert np.array_equal(scenes.mask(item), truth_of(5))
    (tmp_path / "labels.csv").write_text(f"path,label\n{paths[item]},none.png\n")
    with pytest.raises(BadInput, match=r"none\.png"):
        scenes.label_from_csv(tmp_path / "labels.csv", "me")


def test_the_truth_answers_with_whole_masks_and_counts_a_click_an_area(scenes):
    assert scenes.label_from_truth(3, seed=1) == 3
    labeled = scenes.items.labeled()
    numbers = [int(Path(row["path"]).stem) for row in labeled]
    for row, number in zip(labeled, numbers, strict=True):
        assert np.array_equal(scenes.masks.load(row["label"]), truth_of(number))
    clicks = {item: clicks for item, _, _, clicks, _ in scenes.masks.events()}
    assert clicks == {row["id"]: masks.components(truth_of(number)) for row, number in zip(labeled, numbers, strict=True)}


def test_record_names_what_was_not_taken(scenes):
    with pytest.raises(BadInput, match="1 of 1 labels were not taken"):
        record(scenes, {ids_of(scenes)[0]: "nowhere"}, "me")
