"""Names: class order as people count."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from alcore import naming
from alcore.formats import read
from alcore.naming import class_order, folded, natural, natural_places, neutral
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


def shown_slowly(path: str, classes: frozenset[str], item: int) -> str:
    """What `neutral` says, class by class."""
    *folders, name = path.split("/")
    words, stem = set(re.split(r"[\W_\d]+", name.casefold())), name.rsplit(".", 1)[0].casefold()
    if any(known == stem or known in words or (len(known) > 3 and known in stem) for known in classes):
        name = f"image {item}"
    return "/".join([*(folder for folder in folders if folder.casefold() not in classes), name])


@pytest.mark.parametrize("seed", range(5))
def test_a_name_that_tells_a_class_is_told_by_none_whatever_the_number_of_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    letters = list("abc_ 1-")
    words = ["".join(rng.choice(letters, rng.integers(1, 7))).strip() or "a" for _ in range(30)]
    classes = folded(tuple(words[:12]))
    paths = ["/".join("".join(rng.choice(words, 2)) for _ in range(rng.integers(1, 3))) + ".jpg" for _ in range(300)]
    shown = [neutral(path, classes, at) for at, path in enumerate(paths)]
    assert shown == [shown_slowly(path, classes, at) for at, path in enumerate(paths)]
    assert any(name.endswith(f"image {at}") for at, name in enumerate(shown))


def test_without_classes_a_path_is_shown_as_it_is() -> None:
    assert neutral("a/b.jpg", folded(()), 3) == "a/b.jpg"


@pytest.mark.parametrize("wide", [40, 1])
@pytest.mark.parametrize("seed", range(4))
def test_places_in_natural_order_are_those_of_a_sort_by_its_key(seed: int, wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "WIDE", wide)
    rng = np.random.default_rng(seed)
    parts = ["a", "A", "b", "-", " ", "/", "~", "0", "00", "1", "01", "10", "9", "123", "é", "ß", "."]
    names = ["".join(rng.choice(parts, rng.integers(0, 6))) for _ in range(400)]
    order = sorted(range(400), key=lambda at: (natural(names[at]), at))
    assert [order.index(at) for at in range(400)] == natural_places(names).tolist()
    assert natural_places([]).tolist() == []
