"""FiftyOne's image classification: numbers, names and nothing as labels, what is missing, what is written and comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alcore.errors import BadInput
from alcore.formats import LABEL_WRITERS, read
from tests.formats.exchanged import content, fiftyone
from tests.formats.layouts import reasons
from tests.formats.test_hf import items
from tests.sources import labels_of, pictures, write


def labeled(folder: Path, **told: Any) -> Path:
    pictures(folder / "data", "a.jpg", "b.jpg")
    write(folder / "labels.json", json.dumps(told))
    return folder


def test_images_are_called_by_their_path_without_its_suffix(tmp_path: Path) -> None:
    fiftyone(tmp_path)
    assert labels_of(read(tmp_path)) == {"data/a.jpg": "cat", "data/b c.jpg": "dog", "data/none.jpg": None, "data/deep/x.rgb.jpg": "dog"}


@pytest.mark.parametrize(
    ("told", "label"),
    [
        ({"classes": ["x", "y"], "labels": {"a": 1}}, "y"),
        ({"classes": None, "labels": {"a": "y"}}, "y"),
        ({"labels": {"a": 4}}, "4"),
        ({"classes": ["x", "y"], "labels": {"a": {"label": "y", "confidence": 0.4, "attributes": {}}}}, "y"),
        ({"classes": ["x", "y"], "labels": {"a.jpg": 0}}, "x"),
        ({"classes": ["x", "y"], "labels": {}}, None),
    ],
)
def test_a_label_is_a_number_or_a_name(tmp_path: Path, told: dict[str, Any], label: str | None) -> None:
    assert labels_of(read(labeled(tmp_path, **told))) == {"data/a.jpg": label, "data/b.jpg": None}


def test_what_cannot_be_a_label_is_told(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "c.jpg")
    reading = read(labeled(tmp_path, classes=["x"], labels={"a": 1, "b": ["x", "y"], "c": 0, "gone": 0}))
    assert labels_of(reading) == {"data/c.jpg": "x"}
    assert reasons(reading) == {
        "data/a.jpg": "its class is 1 and 1 class is named: add it to `classes`",
        "data/b.jpg": "it has 2 labels in a list: an image has one class here",
        "gone": "labels.json names it and no such image lies in data",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"labels": {"a": ', "labels.json is no JSON"),
        ('{"labels": [1]}', "labels.json has no `labels` that name images"),
        ('{"labels": {}, "classes": ["x", "x"]}', "labels.json: classes names 'x' twice"),
        ('{"labels": {}, "classes": {"0": "x"}}', "labels.json has `classes` that are no list of names"),
    ],
)
def test_a_labels_json_that_is_none_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    labeled(tmp_path)
    write(tmp_path / "labels.json", text)
    with pytest.raises(BadInput, match=words):
        read(tmp_path, "fiftyone")


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    given = items(("x/a.jpg", "train", "1"), ("b", "val", "größe"), ("data/a.jpg", "train", "1"), ("a.png.jpg", "train", "größe"))
    assert LABEL_WRITERS["fiftyone"](tmp_path / "out", given, ("1", "größe", "none")) == []
    reading = read(tmp_path / "out")
    assert reading.classes == ("1", "größe", "none")
    assert {(entry.path, entry.split, entry.label) for entry in reading.entries} == {
        ("train/data/x/a.jpg", "pool", "1"),
        ("val/data/b.jpg", "val", "größe"),
        ("train/data/a.jpg", "pool", "1"),
        ("train/data/a.png.jpg", "pool", "größe"),
    }
    assert (tmp_path / "out/train/data/x/a.jpg").read_bytes() == content("x/a.jpg")


def test_the_folder_of_unlabeled_images_of_its_tree_is_no_class(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/1.jpg", "dog/2.jpg", "_unlabeled/3.jpg")
    reading = read(tmp_path)
    assert (reading.classes, labels_of(reading)) == (("cat", "dog"), {"cat/1.jpg": "cat", "dog/2.jpg": "dog", "_unlabeled/3.jpg": None})
