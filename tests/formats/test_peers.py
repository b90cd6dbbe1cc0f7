"""What the peers' own exporters wrote (tests/data/peers), read value for value; benchmarks/peers_vision.py tries the other way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alcore.formats import read
from alcore.importing.unpacking import unpack
from benchmarks.peers_vision import CLASSES, PATHS, SPLITS, areas
from tests.house import ROOT

PEERS = ROOT / "tests" / "data" / "peers"


@pytest.mark.parametrize("name", ["hf", "webdataset", "fiftyone"])
def test_splits_and_classes_are_those_that_were_exported(tmp_path: Path, name: str) -> None:
    reading = read(PEERS / name)
    unpack(reading, tmp_path)
    assert reading.format == name
    found = sorted((Path(entry.path).stem.split(".")[0].replace("_", " "), entry.split, entry.label) for entry in reading.entries)
    wanted = sorted(
        (Path(path).stem.split(".")[0], {"train": "pool"}.get(split, split), CLASSES[at % len(CLASSES)])
        for at, (path, split) in enumerate(zip(PATHS, SPLITS, strict=True))
    )
    assert found == wanted
    assert all((Path(reading.root) / entry.path).read_bytes()[:3] == b"\xff\xd8\xff" for entry in reading.entries)


def test_fiftyones_tree_is_read_with_its_unlabeled_image() -> None:
    reading = read(PEERS / "tree")
    found = {(Path(entry.path).name, entry.label) for entry in reading.entries}
    assert found == {(Path(path).name, None if at == 4 else CLASSES[at % len(CLASSES)]) for at, path in enumerate(PATHS)}


def test_the_panoptic_export_of_datumaro_gives_every_pixel() -> None:
    reading = read(PEERS / "panoptic")
    assert (reading.format, reading.classes) == ("panoptic", CLASSES[:3])
    for at, (_, _, mask) in enumerate(areas()):
        np.testing.assert_array_equal(reading.masks[at], mask)


@pytest.mark.parametrize("name", ["yolo", "coco"])
def test_polygons_of_supervision_lack_the_last_row_and_column_that_it_does_not_write(name: str) -> None:
    """It names the last pixel where COCO means the edge behind it: areas come one pixel shorter, to the right and to the bottom."""
    reading = read(PEERS / f"supervision_{name}")
    assert (reading.format, reading.classes) == (name, CLASSES[:3])
    for at, (_, _, mask) in enumerate(areas()):
        wanted = np.full_like(mask, 255)
        for value in range(3):
            ys, xs = np.nonzero(mask == value)
            wanted[ys.min() : ys.max(), xs.min() : xs.max()] = value
        np.testing.assert_array_equal(reading.masks[at], wanted)
