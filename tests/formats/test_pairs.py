"""Masks that lie in pairs with their images."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.formats import ReadOptions, read
from tests.formats.folders import (
    camvid_published,
)
from tests.sources import counts_of, mask, picture


@pytest.mark.parametrize(("image", "found"), [
    ("imgs/a.jpg", "masks/a.png"),
    ("Images/a.jpg", "Labels/a.png"),
    ("images/a.jpg", "annotations/a.png"),
    ("images/city/a.jpg", "masks/city/a.png"),
    ("img/a.jpg", "gt/a_gt.png"),
    ("JPEGImages/a.jpg", "SegmentationClass/a.png"),
    ("images/a.jpg", "labels/a_L.png"),
    ("images/a.jpg", "masks/a.jpg.png"),
    ("train/a.jpg", "train_labels/a_L.png"),
    ("train/a.jpg", "train_masks/a_mask.png"),
    ("train/images/a.jpg", "train/masks/a.png"),
    ("val/img/a.jpg", "val/annotations/a.png"),
    ("a.jpg", "a_seg.png"),
    ("a.jpg", "a_mask.png"),
    ("a.jpg", "mask_a.png"),
    ("a.jpg", "a-mask.png"),
    ("a.png", "a.jpg.png"),
    ("a.jpg", "a.jpg.png"),
    ("a.jpg", "a_label.png"),
    ("a.jpg", "a_segmentation.png"),
    ("x/a.jpg", "x/a_mask.png"),
])  # fmt: skip
def test_pairs_of_images_and_masks_are_known_by_their_structure(tmp_path, image, found):
    for name in ("a", "b", "c"):
        folder, _, own = image.rpartition("/")
        picture(tmp_path / folder / own.replace("a", name, 1))
        folder, _, own = found.rpartition("/")
        at = own.index("mask_a") + 5 if "mask_a" in own else 0
        mask(tmp_path / folder / f"{own[:at]}{name}{own[at + 1 :]}", 0, 1)
    reading = read(tmp_path, options=ReadOptions(classes=("ground", "box")))
    assert reading.format == "camvid"
    assert dict(zip((entry.path for entry in reading.entries), reading.mask_files, strict=True))[image] == found
    assert counts_of(reading) == {"masks": 3}
    assert reading.classes == ("ground", "box")


def test_masks_without_a_list_of_classes_say_which_values_there_are(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    mask(tmp_path / "masks" / "a.png", 0, 3, 3, 255)
    with pytest.raises(BadInput) as told:
        read(tmp_path)
    assert "name the classes (--classes, or the field Classes)" in str(told.value)
    assert "0 (25%), 3 (50%), 255 (25%)" in str(told.value)
    assert len(str(told.value).replace(str(tmp_path), "")) < 300
    assert "\n" not in str(told.value)


def test_camvid_as_published_has_its_values(tmp_path):
    camvid_published(tmp_path)
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == [
        "test/Seq05VD_1.png",
        "train/0001TP_1.png",
        "train/0001TP_2.png",
        "val/0016E5_1.png",
    ]
    assert reading.masks[0].tolist() == [[0] * 4 + [8] * 4 + [255] * 4] * 10
    assert reading.classes[8] == "Car"
    assert not reading.skipped
