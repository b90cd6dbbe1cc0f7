"""Hugging Face's imagefolder: the lines of metadata.jsonl, damaged ones, what is written and comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alcore.errors import BadInput
from alcore.formats import LABEL_WRITERS, read
from tests.formats.exchanged import content, imagefolder, imagefolder_csv
from tests.formats.test_hf import items
from tests.sources import labels_of, write


@pytest.mark.parametrize(("make", "format"), [(imagefolder, "imagefolder"), (imagefolder_csv, "csv")])
def test_a_file_name_is_meant_from_its_own_folder(tmp_path: Path, make, format: str) -> None:
    make(tmp_path)
    reading = read(tmp_path)
    assert (reading.format, labels_of(reading)) == (format, {"test/c.jpg": "cat", "train/a.jpg": "cat", "train/b.jpg": "dog"})


def test_null_is_unlabeled_and_a_missing_image_is_named_with_its_line(tmp_path: Path) -> None:
    imagefolder(tmp_path)
    lines = [{"file_name": "a.jpg", "label": None}, {"file_name": "b.jpg", "label": 7}, {"file_name": "no.jpg", "label": "x"}]
    write(tmp_path / "train" / "metadata.jsonl", "\n\n".join(map(json.dumps, lines)))
    reading = read(tmp_path)
    assert labels_of(reading) == {"test/c.jpg": "cat", "train/a.jpg": None, "train/b.jpg": "7"}
    assert ("no.jpg", "line 5: there is no such file") in [(skip.path, skip.reason) for skip in reading.skipped]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"file_name": "a.jpg", "label": "x"}\n{"file_name": \n', "line 2 is no JSON"),
        ("[1]\n", "line 1 is no JSON object"),
        ("\n", "is empty: it needs a JSON object a line"),
        (b'{"file_name": "\xff"}\n', "is no JSON"),
    ],
)
def test_lines_that_are_none_are_a_sentence(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read(write(tmp_path / "metadata.jsonl", text), "imagefolder")


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    given = items(("x/a.jpg", "train", "1"), ("b", "val", "NA"), ("c.jpg", "test", "größe"), ("train/d.jpg", "train", "1"))
    assert LABEL_WRITERS["imagefolder"](tmp_path / "out", given, ("1", "NA", "größe")) == []
    reading = read(tmp_path / "out")
    assert {(entry.path, entry.split, entry.label) for entry in reading.entries} == {
        ("train/x/a.jpg", "pool", "1"), ("validation/b.jpg", "val", "NA"), ("test/c.jpg", "test", "größe"), ("train/d.jpg", "pool", "1"),
    }  # fmt: skip
    assert (tmp_path / "out" / "train" / "x" / "a.jpg").read_bytes() == content("x/a.jpg")
