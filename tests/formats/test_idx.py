"""MNIST files under all their spellings; damaged ones say how."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.formats import read
from tests.formats.found import found, idx


@pytest.mark.parametrize("style", ["{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte", "{}-{}-idx{}-ubyte.gz", "raw/{}-{}-idx{}-ubyte"])
def test_idx_is_read_under_all_its_spellings(tmp_path: Path, style: str) -> None:
    parts = {"train": (np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2), [7, 0, 7]), "t10k": (np.ones((1, 2, 2), np.uint8), [3])}
    for part, (images, labels) in parts.items():
        for what, content in (("images", idx(images)), ("labels", idx(np.array(labels, np.uint8)))):
            path = tmp_path / style.format(part, what, 3 if what == "images" else 1)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(gzip.compress(content, mtime=0) if style.endswith("gz") else content)
    reading = read(tmp_path)
    assert found(reading) == [
        ("train/00000", "pool", "7"),
        ("train/00001", "pool", "0"),
        ("train/00002", "pool", "7"),
        ("test/00000", "test", "3"),
    ]
    np.testing.assert_array_equal(reading.arrays[0], parts["train"][0])
    np.testing.assert_array_equal(reading.arrays[1], parts["t10k"][0])
    assert reading.classes == ("0", "3", "7")
    assert reading.took_for == "IDX files (MNIST family): 3 train, 1 test images, 3 classes" + (
        ", in raw" if style.startswith("raw") else ""
    )


GOOD = idx(np.zeros((3, 2, 2), np.uint8))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-images-idx3-ubyte", b"\x89PNG" + GOOD[4:], ["not an IDX file of images", "does not begin as one"]),
        ("train-images-idx3-ubyte", b"", ["not an IDX file"]),
        ("train-images-idx3-ubyte", GOOD[:9], ["ends within its heading"]),
        ("train-images-idx3-ubyte", GOOD[:-1], ["should hold 12 bytes (3 x 2 x 2) and holds 11"]),
        ("train-images-idx3-ubyte", GOOD + b"x", ["should hold 12 bytes", "holds more"]),
        ("train-images-idx3-ubyte", GOOD[:4] + b"\xff" * 8 + b"\0" * 4, ["0 x 4294967295 pixels"]),
        ("train-images-idx3-ubyte", GOOD[:4] + b"\xff" * 12, ["GB of memory"]),
        ("train-images-idx3-ubyte.gz", GOOD, ["cannot be read", "gzip"]),
        ("train-images-idx3-ubyte.gz", gzip.compress(GOOD, mtime=0)[:-6], ["cannot be read"]),
    ],
)
def test_idx_that_is_damaged_says_how(tmp_path: Path, name: str, content: bytes, words: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as wrong:
        read(tmp_path)
    for word in words:
        assert word in str(wrong.value)


def test_idx_files_that_disagree_or_are_two_sets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(GOOD)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(2, np.uint8)))
    with pytest.raises(BadInput, match="holds 3 images, train-labels-idx1-ubyte 2 labels"):
        read(tmp_path)
    (tmp_path / "emnist-train-images-idx3-ubyte").write_bytes(GOOD)
    with pytest.raises(BadInput, match="several sets of IDX files"):
        read(tmp_path)
