"""Cityscapes: ids by the official table, tests without masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alcore.formats import read
from alcore.formats.dense import DRIVING
from tests.formats.layouts import image, mask, reasons, write


def test_cityscapes_ids_become_train_ids_by_the_official_table(tmp_path: Path) -> None:
    train_ids = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15}
    train_ids |= {31: 16, 32: 17, 33: 18}
    ids = [*range(34), 255, 0]
    image(tmp_path / "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png", (4, 9))
    mask(tmp_path / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png", np.array(ids).reshape(4, 9), (4, 9))
    reading = read(tmp_path)
    assert reading.masks[0].ravel().tolist() == [train_ids.get(value, 255) for value in ids]
    assert (reading.classes, reading.colors) == (tuple(DRIVING), tuple(DRIVING.values()))
    assert (reading.classes[0], reading.classes[13], reading.colors[13]) == ("road", "car", (0, 0, 142))
    assert reading.took_for == "Cityscapes: 19 classes, 1 image, all with masks"


def test_cityscapes_prefers_train_ids_and_takes_blank_tests_for_none(tmp_path: Path) -> None:
    for split, city in (("train", "ulm"), ("val", "bonn"), ("test", "rome"), ("test", "oslo")):
        image(tmp_path / f"leftImg8bit/{split}/{city}/{city}_1_leftImg8bit.png")
        for kind, value in (("labelIds", 7), ("color", 200), ("instanceIds", 7)):
            mask(tmp_path / f"gtFine/{split}/{city}/{city}_1_gtFine_{kind}.png", 0 if city == "rome" else value)
        write(tmp_path / f"gtFine/{split}/{city}/{city}_1_gtFine_polygons.json", "{}")
    mask(tmp_path / "gtFine/train/ulm/ulm_1_gtFine_labelTrainIds.png", 18)
    mask(tmp_path / "gtFine/train/ulm/ulm_2_gtFine_labelIds.png", 7)
    image(tmp_path / "leftImg8bit/val/bonn/bonn_2_leftImg8bit.png")
    image(tmp_path / "leftImg8bit/train_extra/nice/nice_1_leftImg8bit.png")
    reading = read(tmp_path)
    assert [
        (e.split, Path(e.path).name[:6], None if m is None else m[0, 0]) for e, m in zip(reading.entries, reading.masks, strict=True)
    ] == [
        ("test", "oslo_1", 0),
        ("test", "rome_1", None),
        ("pool", "ulm_1_", 18),
        ("val", "bonn_1", 0),
        ("val", "bonn_2", None),
    ]
    assert reasons(reading) == {
        "leftImg8bit/train_extra": "the folder is none of train, val, test: its images are left out",
        "gtFine/train/ulm/ulm_2_gtFine_labelIds.png": "a mask without its image",
    }
