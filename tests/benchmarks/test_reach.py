"""The benchmark of a million images: its table, its memory, and vectors that stand under the images' own keys."""

from __future__ import annotations

import os

import numpy as np
import pytest

from alcore.project.facade import Project
from alcore.project.features import Features
from benchmarks import reach
from tests.extractors.colors import stand_in
from tests.project.photos import write_photos


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(1.0, "hardly"), (1.4, "hardly"), (4.0, "slower than the images"), (128.0, "as the images"), (128.0**2, "faster than the images")],
)
def test_growth_is_told_by_its_power(ratio, words):
    assert reach.growth(ratio, 128) == words
    assert reach.growth(float("nan"), 128) == reach.growth(ratio, 1) == "-"


def test_the_table_sets_each_measure_beside_that_of_fewer_images():
    found = {"images a second": 90.0, "1,000": {"import, s": 2.0, "disk, MB": 0.0}, "100,000": {"import, s": 210.0, "disk, MB": 3.0}}
    assert reach.table(found) == [
        "| what | 1,000 | 100,000 | ratio | grows |",
        "|---|---|---|---|---|",
        "| import, s | 2 | 210 | 105 | as the images |",
        "| disk, MB | 0 | 3 | nan | - |",
    ]


def test_memory_of_its_own_is_seen_and_that_of_files_is_not(tmp_path):
    np.zeros(8_000_000).tofile(tmp_path / "file")
    with reach._Memory(os.getpid()) as before:
        pass
    with reach._Memory(os.getpid()) as mapped:
        np.memmap(tmp_path / "file", np.float64, "r").sum()
    with reach._Memory(os.getpid()) as held:
        kept = np.ones(8_000_000)  # more than malloc ever takes from what was freed
        held._now()
    assert kept.sum() == 8_000_000
    assert held.most - before.most > 50
    assert mapped.most - before.most < 50


def test_every_image_gets_a_vector_of_its_own_and_one_in_so_many_a_near_duplicate(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "PLANTED", 5)
    stand_in(monkeypatch.setattr)
    photos = Project.import_into(workspace, "photos", write_photos(tmp_path / "photos"))
    found = Features(photos)
    reach.fill(photos, found)
    n = len(found.ids)
    assert (found.done, found.store.count) == (n, n)
    vectors = found.store.vectors().astype(float)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", units[5::5], units[4:-1:5][: len(units[5::5])]).min() > 0.9
