"""The street scenes that the project draws itself."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.formats import read
from alcore.pixels import masks
from sample_data import make_street

NAMES = tuple(name for name, _ in make_street.CLASSES)


@pytest.fixture(scope="module")
def street() -> Path:
    return make_street.main()


def shares(reading, split: str) -> dict[str, float]:
    counts = sum(
        np.array(masks.pixel_counts(mask, len(reading.classes)))
        for entry, mask in zip(reading.entries, reading.masks, strict=True)
        if entry.split == split
    )
    return dict(zip((*reading.classes, "void"), (counts / counts.sum()).tolist(), strict=True))


def test_the_street_is_read_as_images_with_masks_and_its_void_is_ignored(street: Path) -> None:
    reading = read(street, task="segmentation")
    assert reading.took_for == "images, masks and classes.csv: 8 classes, 200 images, all with masks"
    assert reading.classes == NAMES[:-1] == ("sky", "road", "sidewalk", "building", "tree", "car", "person", "sign")
    assert [sum(entry.split == split for entry in reading.entries) for split in ("pool", "val", "test")] == [160, 40, 0]
    assert reading.skipped == []
    assert reading.colors[0] == (70, 130, 180)
    with Image.open(street / reading.entries[0].path) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (128, 96))


def test_the_classes_are_as_unequal_as_on_a_real_street(street: Path) -> None:
    reading = read(street)
    for split in ("pool", "val"):
        found = shares(reading, split)
        assert found["road"] + found["sky"] + found["building"] > 0.65
        assert 0.001 < found["person"] < 0.01
        assert 0.001 < found["sign"] < 0.01
        assert 0.005 < found["void"] < 0.05
    assert shares(reading, "val")["person"] > shares(reading, "pool")["person"]
    for entry, mask in zip(reading.entries, reading.masks, strict=True):
        assert {0, 1, 2} <= set(np.unique(mask).tolist()), entry.path


def test_drawing_again_gives_the_same_masks_and_pixels(street: Path, tmp_path: Path) -> None:
    again = make_street.main(tmp_path / "street")
    for name in ("classes.csv", "train.txt", "val.txt"):
        assert (again / name).read_bytes() == (street / name).read_bytes()
    files = sorted(file.relative_to(again) for kind in ("images/*.jpg", "masks/*.png") for file in again.glob(kind))
    assert len(files) == 400
    for file in files:
        with Image.open(again / file) as new, Image.open(street / file) as old:
            np.testing.assert_array_equal(np.asarray(new), np.asarray(old))


def test_frames_of_one_street_are_alike_and_other_streets_are_not(street: Path) -> None:
    train = [masks.read_mask(street / "masks" / f"street_{at:03d}.png") for at in range(160)]
    same = np.array([(one == other).mean() for one, other in pairwise(train)])
    assert 40 < (same > 0.85).sum() < 120
    val = [masks.read_mask(street / "masks" / f"street_{at:03d}.png") for at in range(160, 200)]
    assert max((one == other).mean() for one, other in pairwise(val)) < 0.93


def test_a_second_run_draws_nothing_and_a_lost_file_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_street, "TRAIN", 3)
    monkeypatch.setattr(make_street, "VAL", 1)
    out = make_street.main(tmp_path / "few")
    lost = out / "masks" / "street_002.png"
    content = lost.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(make_street, "_write", lambda *_: pytest.fail("drew although everything is there"))
        make_street.main(out)
    lost.unlink()
    make_street.main(out)
    assert lost.read_bytes() == content


def test_the_folder_is_small_and_its_origin_is_named(street: Path) -> None:
    assert sum(file.stat().st_size for file in street.rglob("*") if file.is_file()) < 2_500_000
    text = (Path(make_street.__file__).parent / "README.md").read_text()
    for word in ("## street", "make_street.py", "160 to train", "person", "ignored"):
        assert word in text
