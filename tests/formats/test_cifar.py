"""CIFAR batches: read without running anything, from every layout; damaged ones are named."""

from __future__ import annotations

import lzma
import pickle
from pathlib import Path

import numpy as np
import pytest

from alcore import formats
from alcore.errors import BadInput
from alcore.formats import read
from tests.house import ROOT

SHARED = ROOT.parent / "shared" / "data"


def batch(path: Path, images: np.ndarray, labels: list[int], key: bytes = b"labels", protocol: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    path.write_bytes(pickle.dumps({b"data": np.ascontiguousarray(rows), key: labels}, protocol))


def pictures(number: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (number, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_cifar10_is_read_from_its_folder_or_the_one_above(tmp_path: Path, protocol: int) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    batch(folder / "data_batch_1", pictures(3), [6, 9, 0], protocol=protocol)
    batch(folder / "test_batch", pictures(2, 1), [1, 3], protocol=protocol)
    for src in (folder, tmp_path):
        reading = read(src)
        assert [(entry.path, entry.split, entry.label) for entry in reading.entries] == [
            ("train/00000", "pool", "frog"),
            ("train/00001", "pool", "truck"),
            ("train/00002", "pool", "airplane"),
            ("test/00000", "test", "automobile"),
            ("test/00001", "test", "cat"),
        ]
        np.testing.assert_array_equal(np.concatenate(reading.arrays), np.concatenate([pictures(3), pictures(2, 1)]))
        inside = "" if src == folder else ", in cifar-10-batches-py"
        assert reading.took_for == f"CIFAR-10 python batches: 3 train (only 1 of 5 batches are there), 2 test images, 10 classes{inside}"


def test_compressed_batches_are_read_as_plain_ones_and_damaged_ones_are_named(tmp_path: Path) -> None:
    batch(tmp_path / "data_batch_1", pictures(3), [6, 9, 0])
    plain = formats.read(tmp_path, "cifar")
    content = (tmp_path / "data_batch_1").read_bytes()
    (tmp_path / "data_batch_1").unlink()
    (tmp_path / "data_batch_1.xz").write_bytes(lzma.compress(content))
    reading = formats.read(tmp_path)
    assert reading.took_for == plain.took_for
    assert np.array_equal(reading.arrays[0], plain.arrays[0])
    assert list(reading.entries) == list(plain.entries)
    (tmp_path / "data_batch_1.xz").write_bytes(b"\xfd7zXZ\x00 not any more")
    with pytest.raises(BadInput, match=r"data_batch_1\.xz is not a CIFAR batch"):
        formats.read(tmp_path, "cifar")


def test_cifar100_uses_the_fine_labels_and_their_names(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(100)]
    for name, seed in (("train", 0), ("test", 1)):
        batch(tmp_path / name, pictures(2, seed), [99, 3], b"fine_labels")
    (tmp_path / "meta").write_bytes(pickle.dumps({"fine_label_names": names}, 2))
    reading = read(tmp_path)
    assert reading.classes == tuple(names)
    assert [entry.label for entry in reading.entries] == ["class 99", "class 3"] * 2


RAN: list[str] = []


def leave_a_mark(mark: str) -> str:
    RAN.append(mark)
    return mark


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return leave_a_mark, ("ran",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": Attack()}, 2),
        pickle.dumps({"data": np.array([Attack()], object), "labels": [0]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072)), "labels": [0]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": ["cat"]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [0, 1]}, 2),
        pickle.dumps({"data": np.zeros((1, 3071), np.uint8), "labels": [0]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [0]}, 2)[:-40],
        pickle.dumps([1, 2], 2),
        b"cnumpy\nndarray\n(I1\ntRq\x00.",
        b"cnumpy\ndtype\n(S'O8'\ntR.",
        b"\x80\x02]q\x00h\x05.",
        b"",
        b"\x80\x63",
        b"hello",
    ],
)
def test_pickles_that_are_no_cifar_batch_are_refused_and_run_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data_batch_1").write_bytes(content)
    with pytest.raises(BadInput, match="data_batch_1"):
        read(tmp_path)
    assert RAN == []


def test_a_real_cifar_batch_agrees_with_the_plain_unpickler(tmp_path: Path) -> None:
    packed = SHARED / "cifar10" / "test_batch.xz"
    if not packed.is_file():
        pytest.skip("the shared data set cifar10 is not on this machine")
    content = lzma.decompress(packed.read_bytes())
    (tmp_path / "test_batch").write_bytes(content)
    (tmp_path / "batches.meta").write_bytes(lzma.decompress((SHARED / "cifar10" / "batches.meta.xz").read_bytes()))
    reading = read(tmp_path)
    plain = pickle.loads(content, encoding="bytes")
    assert reading.classes == ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    assert [reading.classes.index(entry.label) for entry in reading.entries] == plain[b"labels"]
    np.testing.assert_array_equal(reading.arrays[0], plain[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
