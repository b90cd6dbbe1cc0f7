"""Names: class order as people count."""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.formats import read
from alcore.naming import class_order
from tests.formats.found import found, put


def test_class_order_is_natural_whatever_the_digits() -> None:
    assert class_order(["b10", "B2", "b2", "a", "b10", "b" + "9" * 5000, "b01"]) == ("a", "b01", "B2", "b2", "b10", "b" + "9" * 5000)


@pytest.mark.parametrize("val", ["val", "valid", "VALIDATION"])
def test_split_folders_are_recognised_and_a_class_of_the_test_split_is_a_class(tmp_path: Path, val: str) -> None:
    for path in ("Train/cat/x/1.png", f"{val}/cat/2.png", "test/dog/3.png", "Train/4.png"):
        put(tmp_path / path)
    reading = read(tmp_path)
    assert sorted(found(reading)) == sorted(
        [
            ("Train/cat/x/1.png", "pool", "cat"),
            (f"{val}/cat/2.png", "val", "cat"),
            ("test/dog/3.png", "test", "dog"),
            ("Train/4.png", "pool", None),
        ]
    )
    assert reading.classes == ("cat", "dog")
    assert reading.took_for == f"class folders below Train, {val}, test: 2 classes, 4 images, 1 of them in no class folder and so unlabeled"
