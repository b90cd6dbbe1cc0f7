"""BDD100K in both layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.errors import BadInput
from alcore.formats import read
from alcore.formats.dense import DRIVING
from tests.formats.layouts import image, mask


@pytest.mark.parametrize(
    ("images", "labels", "tail"),
    [
        ("images/10k", "labels/sem_seg/masks", ""),
        ("bdd100k/images/10k", "bdd100k/labels/sem_seg/masks", ""),
        ("seg/images", "seg/labels", "_train_id"),
        ("bdd100k/seg/images", "bdd100k/seg/labels", "_train_id"),
    ],
)
def test_bdd100k_is_read_in_both_layouts(tmp_path: Path, images: str, labels: str, tail: str) -> None:
    for split, stem in (("train", "0a"), ("train", "0b"), ("val", "1a"), ("test", "2a")):
        image(tmp_path / images / split / f"{stem}.jpg")
    mask(tmp_path / labels / "train" / f"0a{tail}.png", [0, 18, 255, 3])
    mask(tmp_path / labels / "val" / f"1a{tail}.png", 19)
    reading = read(tmp_path)
    assert [entry.split for entry in reading.entries] == ["pool", "pool", "val", "test"]
    assert [bool(name) for name in reading.mask_files] == [True, False, True, False]
    assert reading.masks[0][0].tolist() == [0, 18, 255, 3]
    with pytest.raises(BadInput, match=r"1a.*\.png: values of no class: 19 \(12 pixels\); there may be 0 to 18, 255"):
        reading.masks[2]
    assert reading.classes == tuple(DRIVING)
