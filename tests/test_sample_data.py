"""The digits that the project makes itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.formats import read
from sample_data import make_digits


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_digits.main(tmp_path_factory.mktemp("sample") / "digits")


def test_digits_are_read_as_class_folders_with_a_stratified_split(digits: Path) -> None:
    reading = read(digits)
    assert reading.took_for == "class folders below train, test: 10 classes, 1,797 images"
    assert reading.classes == tuple("0123456789")
    assert reading.skipped == []
    counts = {
        split: [sum(e.split == split and e.label == label for e in reading.entries) for label in reading.classes]
        for split in ("pool", "test")
    }
    assert sum(counts["pool"]) == 1438
    assert sum(counts["test"]) == 359
    assert counts["test"] == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]


def test_digits_hold_the_pixels_of_scikit_learn(digits: Path) -> None:
    from sklearn.datasets import load_digits

    original = load_digits()
    for path in sorted(digits.glob("*/*/*.png"))[::97]:
        row = int(path.stem)
        with Image.open(path) as image:
            assert image.mode == "L"
            np.testing.assert_array_equal(np.asarray(image), np.rint(original.images[row] * 255 / 16))
        assert path.parent.name == str(original.target[row])


def test_second_run_writes_nothing_and_a_lost_file_is_made_again(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(make_digits, "_write", lambda *_: pytest.fail("wrote although everything is there"))
        make_digits.main(digits)
    lost = next(digits.glob("test/3/*.png"))
    content = lost.read_bytes()
    lost.unlink()
    make_digits.main(digits)
    assert lost.read_bytes() == content


def test_source_and_terms_are_named() -> None:
    text = (Path(make_digits.__file__).parent / "README.md").read_text()
    for word in ("Alpaydin", "Kaynak", "1998", "UCI", "CC BY 4.0", "load_digits"):
        assert word in text
