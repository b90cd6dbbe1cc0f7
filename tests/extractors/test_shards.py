"""Images in shards: the vectors of one process in the same store, kept as they come in and gone on with; what a machine lacks is said."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alcore.errors import AlcoreError, BadInput, Cancelled, Unavailable
from alcore.extractors import Embedder
from alcore.extractors import shards as module
from alcore.extractors.extraction import Extracted, Wanted, batches_of, extract, image_key
from alcore.extractors.shards import Gathered, Reading, cannot_read, embedded, extract_on_ray
from alcore.extractors.vectors import VectorStore
from alcore.progress import Progress
from alcore.remembered import Remembered
from tests.cluster import in_process
from tests.extractors.colors import DIM, MARK, NAME, colors, stand_in

COUNT = 30


@pytest.fixture
def folder(tmp_path) -> Path:
    """Thirty pictures, of which 28 and 29 are copies of 0 and 1, and 27 is none."""
    folder = tmp_path / "images"
    folder.mkdir()
    for at in range(COUNT):
        rng = np.random.default_rng(at % 28)
        coarse = Image.fromarray(rng.integers(0, 256, (3, 3, 3), dtype=np.uint8))
        coarse.resize((24, 20), Image.Resampling.BILINEAR).save(folder / f"{at:02d}.png")
    (folder / "27.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def wanted(folder) -> list[Wanted]:
    return [Wanted(image_key(file.name, "1"), file) for file in sorted(folder.iterdir())]


@pytest.fixture
def cluster(monkeypatch):
    """The colors in lite0's place, a cluster in this process, shards of two batches of four images."""
    stand_in(monkeypatch.setattr)
    monkeypatch.setattr(module, "_embedders", Remembered(1))
    monkeypatch.setattr(module, "BATCHES", 2)
    in_process.put_in(monkeypatch, module)
    return monkeypatch


def store_in(path: Path) -> VectorStore:
    return VectorStore(path, DIM)


def on_ray(store: VectorStore, wanted: list[Wanted], reading: Reading, **options) -> Extracted:
    with store.writing():
        left = [one for one in wanted if store.rows(np.array([one.key], np.uint64))[0] < 0]
        return extract_on_ray(batches_of(left, size=4), len(wanted), reading, store, done=len(wanted) - len(left), **options)


def here(store: VectorStore, wanted: list[Wanted]) -> Extracted:
    with store.writing():
        return extract(batches_of(wanted, size=4), len(wanted), Embedder(colors(), torch.device("cpu")), store)


def vectors_of(store: VectorStore, wanted: list[Wanted]) -> np.ndarray:
    rows = store.rows(np.array([one.key for one in wanted], np.uint64))
    return store.vectors()[rows[rows >= 0]]


def test_the_store_holds_what_one_process_puts_there(cluster, folder, wanted, tmp_path):
    one, many = store_in(tmp_path / "one"), store_in(tmp_path / "many")
    alone, shared = here(one, wanted), on_ray(many, wanted, Reading(NAME, MARK, root=folder))
    assert (len(many), shared.done, shared.known) == (len(one), alone.done, alone.known) == (27, 29, 2)
    np.testing.assert_array_equal(vectors_of(many, wanted), vectors_of(one, wanted))
    np.testing.assert_array_equal(many.contents(), one.contents())
    assert shared.failed == alone.failed
    assert [Path(path).name for path in shared.failed] == ["27.png"]
    assert shared.damaged == alone.damaged == [wanted[27].key]


def test_a_stopped_run_keeps_the_shards_that_came_in_and_the_next_makes_the_others(cluster, folder, wanted, tmp_path):
    store, told = store_in(tmp_path / "store"), []

    def report(progress: Progress) -> None:
        told.append(progress)
        if progress.done >= 16:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        on_ray(store, wanted, Reading(NAME, MARK, root=folder), report=report)
    assert [(p.done, p.message) for p in told[:3]] == [
        (0, "joining the Ray cluster"),
        (0, "on 2 machines of the Ray cluster"),
        (8, ""),
    ]
    again = store_in(tmp_path / "store")
    assert len(again) == 16
    before = np.array(again.vectors())
    begun: list[int] = []
    in_process.put_in(cluster, module, before=begun.append)
    rest = on_ray(again, wanted, Reading(NAME, MARK, root=folder))
    assert (len(begun), rest.done, rest.known) == (2, 13, 2)
    np.testing.assert_array_equal(again.vectors()[:16], before)
    one = store_in(tmp_path / "one")
    here(one, wanted)
    np.testing.assert_array_equal(vectors_of(again, wanted), vectors_of(one, wanted))


def test_content_that_has_a_vector_is_not_embedded_there_again(cluster, folder, wanted, tmp_path):
    store = store_in(tmp_path / "store")
    on_ray(store, wanted[:10], Reading(NAME, MARK, root=folder))
    counts: list[int] = []
    honest = Embedder.__call__
    cluster.setattr(Embedder, "__call__", lambda self, pixels: counts.append(len(pixels)) or honest(self, pixels))
    touched = [Wanted(image_key(one.source.name, "2"), one.source) for one in wanted]  # new times, the same content
    found = on_ray(store, touched, Reading(NAME, MARK, root=folder))
    assert (sum(counts), found.done, found.known, len(store)) == (17, 29, 12, 27)


def test_arrays_are_sent_and_need_no_folder(cluster, tmp_path):
    rng = np.random.default_rng(0)
    arrays = [Wanted(at, rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for at in range(11)]
    one, many = store_in(tmp_path / "one"), store_in(tmp_path / "many")
    here(one, arrays)
    assert on_ray(many, arrays, Reading(NAME, MARK)).done == 11
    np.testing.assert_array_equal(vectors_of(many, arrays), vectors_of(one, arrays))


def test_numbers_past_float16_are_refused_as_in_one_process(tmp_path):
    gathered = Gathered(2, np.empty(0, np.uint64))
    gathered.add(np.array([1], np.uint64), np.array([5], np.uint64), np.array([[1e6, 0]], np.float32))
    made = gathered.made(Extracted())
    store = VectorStore(tmp_path, 2)
    with store.writing(), pytest.raises(AlcoreError, match="the vectors of 1 images are not finite"):
        store.add(made.keys, made.digests, made.vectors)


def test_what_is_gathered_knows_its_own_content_and_that_of_the_store():
    gathered = Gathered(1, np.array([7, 9], np.uint64))
    gathered.add(np.array([1], np.uint64), np.array([8], np.uint64), np.ones((1, 1), np.float32))
    assert [gathered.row_of_content(digest) >= 0 for digest in (6, 7, 8, 9, 10)] == [False, True, True, True, False]
    assert [len(column) for column in (gathered.made(Extracted()).keys, Gathered(1, gathered.known).made(Extracted()).keys)] == [1, 0]


def test_a_machine_says_what_it_cannot_read(cluster, folder):
    sample = (folder / "00.png", (folder / "00.png").stat().st_size)
    whole = Reading(NAME, MARK, root=folder, sample=sample)
    assert cannot_read(whole) == ""
    gone = dataclasses.replace(whole, root=folder / "gone")
    assert cannot_read(gone) == (
        f"does not see the folder {folder / 'gone'}: put the images on a disk that all machines share, under the same path"
    )
    other = dataclasses.replace(whole, sample=(sample[0], 5))
    assert f"sees another file at {sample[0]} ({sample[1]:,} bytes, not 5)" in cannot_read(other)
    missing = dataclasses.replace(whole, sample=(folder / "xx.png", 5))
    assert cannot_read(missing).startswith(f"does not see {folder / 'xx.png'}: put the images on a disk that all machines share")
    a_folder = dataclasses.replace(whole, sample=(folder, 5))
    assert cannot_read(a_folder) == f"cannot read {folder} (Is a directory): let its user read what lies on the shared disk"
    assert cannot_read(dataclasses.replace(whole, mark="0" * 12)).startswith(f"has other weights of lite0 ({MARK}, not {'0' * 12})")


def test_what_a_machine_lacks_is_said_before_work_starts(cluster, folder, wanted, tmp_path):
    in_process.put_in(cluster, module, before=lambda done: pytest.fail("work has begun"))
    with pytest.raises(BadInput, match="machine near of the Ray cluster does not see the folder .*/gone"):
        on_ray(store_in(tmp_path / "store"), wanted, Reading(NAME, MARK, root=folder / "gone"))


def test_a_machine_that_joined_late_and_does_not_see_the_folder_ends_the_run(cluster, folder, wanted, tmp_path):
    def taken_away(done: int) -> None:
        if done == 1:
            os.rename(folder, tmp_path / "elsewhere")

    store = store_in(tmp_path / "store")
    in_process.put_in(cluster, module, before=taken_away)
    with pytest.raises(AlcoreError, match="a machine of the Ray cluster does not see the folder .*: share it, and give the same command"):
        on_ray(store, wanted, Reading(NAME, MARK, root=folder))
    assert len(store) == 8
    shutil.move(tmp_path / "elsewhere", folder)
    with pytest.raises(Unavailable, match="other weights of lite0"):
        embedded(Reading(NAME, "0" * 12, root=folder), wanted[:1])
