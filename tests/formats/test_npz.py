"""Arrays in npz files: their pixels, labels and names, and what is refused before room is made for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.formats import read
from alcore.types import Entry, Skipped


def save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_npz_gives_arrays_entries_and_class_names(tmp_path: Path) -> None:
    train = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)
    test = np.full((1, 4, 5, 1), 9, np.uint8)
    src = save(
        tmp_path / "set.npz",
        **{
            "x_train": train,
            "y_train": [[1], [0], [-1]],
            "X_test": test,
            "Y_test": [1],
            "x_val": train[:1],
            "class_names": ["cat", "dog"],
            "extra": 1,
        },
    )
    reading = read(src)
    assert reading.entries == [
        Entry("train/00000", "pool", "dog"),
        Entry("train/00001", "pool", "cat"),
        Entry("train/00002", "pool", None),
        Entry("val/00000", "val", None),
        Entry("test/00000", "test", "dog"),
    ]
    np.testing.assert_array_equal(reading.arrays[0], train)
    np.testing.assert_array_equal(reading.arrays[2], np.full((1, 4, 5), 9))
    assert [block.dtype for block in reading.arrays] == [np.uint8] * 3
    assert reading.classes == ("cat", "dog")
    assert reading.skipped == [Skipped("extra", "this array is not used")]
    assert reading.took_for == "NumPy arrays: 3 train, 1 val, 1 test images, 2 classes"


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        (np.array([0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([0, 0.5, 1.0], np.float16), [0, 128, 255]),
        (np.array([0.0, 17, 255]), [0, 17, 255]),
        (np.array([0, 17, 255], np.int64), [0, 17, 255]),
        (np.array([0, 257, 65535], np.uint16), [0, 1, 255]),
        (np.array([0, 17, 255], np.uint16), [0, 17, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_npz_pixels_of_other_types_are_scaled(tmp_path: Path, train: np.ndarray, expected: list[int]) -> None:
    reading = read(save(tmp_path / "set.npz", x_train=train.reshape(3, 1, 1)))
    assert reading.arrays[0].dtype == np.uint8
    assert reading.arrays[0].ravel().tolist() == expected


def test_npz_scale_is_the_same_for_all_arrays(tmp_path: Path) -> None:
    reading = read(save(tmp_path / "set.npz", x_train=np.array([[[0.0]], [[255.0]]]), x_test=np.array([[[1.0]]])))
    assert [block.ravel().tolist() for block in reading.arrays] == [[0, 255], [1]]


@pytest.mark.parametrize("channels", [1, 3])
def test_npz_with_channels_first_is_turned(tmp_path: Path, channels: int) -> None:
    pixels = np.arange(2 * channels * 5 * 4, dtype=np.uint8).reshape(2, channels, 5, 4)
    block = read(save(tmp_path / "set.npz", x_train=pixels)).arrays[0]
    np.testing.assert_array_equal(block, pixels[:, 0] if channels == 1 else pixels.transpose(0, 2, 3, 1))


def test_npz_labels_may_be_names(tmp_path: Path) -> None:
    reading = read(save(tmp_path / "set.npz", x_train=np.zeros((3, 2, 2), np.uint8), y_train=np.array([b"b", b"a", b""])))
    assert [entry.label for entry in reading.entries] == ["b", "a", None]
    assert reading.classes == ("a", "b")


X = np.zeros((2, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_train": np.array([X[0], None], object)}, ["x_train is an array of Python objects", "uint8"]),
        ({"x_train": X, "y_train": np.array(["a", 1], object)}, ["y_train is an array of Python objects"]),
        ({"x_train": X, "y_train": [0, 1, 2]}, ["x_train holds 2 images and y_train 3 labels"]),
        ({"x_train": X, "y_train": [[0, 1], [1, 0]]}, ["y_train has shape (2, 2)", "argmax"]),
        ({"x_train": X, "y_train": [0.5, 1]}, ["y_train has type float64"]),
        ({"x_train": X, "y_train": [np.nan, 1]}, ["y_train has type float64"]),
        ({"x_train": X, "y_train": [0, 2], "class_names": ["a", "b"]}, ["class number 2", "0 to 1 by class_names"]),
        ({"x_train": X, "y_train": [0, -2]}, ["class number -2"]),
        ({"x_train": X, "y_train": ["a", "c"], "class_names": ["a", "b"]}, ["class 'c'", "class_names lacks"]),
        ({"x_train": X, "class_names": ["a", "a"]}, ["class_names repeats a"]),
        ({"x_train": X, "class_names": [1, 2]}, ["class_names must be a list of texts"]),
        ({"x_train": X, "y_test": [1]}, ["y_test and no x_test"]),
        ({"x_test": X, "foo": 1}, ["no array x_train", "it has x_test, foo"]),
        ({"x_train": X[0]}, ["x_train has shape (4, 4)"]),
        ({"x_train": np.zeros((2, 4, 4, 4), np.uint8)}, ["x_train has shape (2, 4, 4, 4)"]),
        ({"x_train": np.zeros((2, 0, 4), np.uint8)}, ["x_train has shape (2, 0, 4)"]),
        ({"x_train": X[:0]}, ["x_train holds no images"]),
        ({"x_train": X.astype(complex)}, ["x_train has type complex128"]),
        ({"x_train": X.astype(float) + np.nan}, ["from nan to nan"]),
        ({"x_train": X - 1.5}, ["from -1.5 to -1.5", "floats with 0 to 1"]),
        ({"x_train": X + 1.5}, ["from 1.5 to 1.5"]),
        ({"x_train": np.array(5)}, ["x_train is empty or a single value"]),
    ],
)
def test_npz_that_cannot_be_taken_says_why(tmp_path: Path, arrays: dict[str, object], words: list[str]) -> None:
    with pytest.raises(BadInput) as wrong:
        read(save(tmp_path / "set.npz", **arrays))
    for word in words:
        assert word in str(wrong.value)


def test_npz_that_is_damaged_or_claims_terabytes_is_refused(tmp_path: Path) -> None:
    good = save(tmp_path / "good.npz", x_train=X).read_bytes()
    heading = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    heading += f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**10}, 64, 64, 3), }}".encode().ljust(117) + b"\n"
    for number, content in enumerate((b"", good[:-30], b"PK" + good[2:60], good[:40] + b"\xff" * 60 + good[100:], b"no zip")):
        (tmp_path / f"{number}.npz").write_bytes(content)
        with pytest.raises(BadInput):
            read(tmp_path / f"{number}.npz")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("x_train.npy", heading)
    with pytest.raises(BadInput, match="x_train should hold 122,880,000,000,000 bytes and has 128"):
        read(tmp_path / "bomb.npz")
