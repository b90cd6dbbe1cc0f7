"""Images to vectors: each its own, batch by batch, stopped anywhere and gone on with; nothing twice, nothing held that is not needed."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from alcore.errors import AlcoreError, Cancelled, DiskFull
from alcore.extractors import Embedder, extraction, prepared
from alcore.extractors.extraction import AHEAD, Extracted, Wanted, batches_of, extract, image_key
from alcore.extractors.vectors import VECTORS, VectorStore
from alcore.pixels.images import decode
from alcore.pixels.levels import Decoding
from alcore.priority import NO_HURRY
from alcore.progress import Progress, ignore_progress
from tests.extractors.colors import DIM, SIDE, Colors, colors

CPU = torch.device("cpu")


def picture(seed: int, height: int = 20, width: int = 24) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (3, 3, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BILINEAR))


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """Ten pictures; the last two are copies of the first two."""
    folder = tmp_path / "images"
    folder.mkdir()
    for at in range(8):
        Image.fromarray(picture(at)).save(folder / f"{at}.png")
    for at in (0, 1):
        shutil.copy(folder / f"{at}.png", folder / f"{8 + at}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(colors(), CPU)


@pytest.fixture
def embedded(monkeypatch) -> list[int]:
    """How many pictures the network was given, each time."""
    counts: list[int] = []
    honest = Embedder.__call__

    def count(self, pixels):
        counts.append(len(pixels))
        return honest(self, pixels)

    monkeypatch.setattr(Embedder, "__call__", count)
    return counts


@pytest.fixture
def store(tmp_path) -> VectorStore:
    return VectorStore(tmp_path / "vectors", DIM)


def wanted(files: Sequence[Path]) -> list[Wanted]:
    return [Wanted(image_key(file.name, "1"), file) for file in files]


def run(embedder: Embedder, store: VectorStore, some: Sequence[Wanted], size: int = 3, **options) -> Extracted:
    with store.writing() as mine:
        assert mine
        left = [one for one in some if store.rows(np.array([one.key], np.uint64))[0] < 0]
        return extract(batches_of(left, size=size), len(some), embedder, store, done=len(some) - len(left), **options)


def rows(store: VectorStore, some: Sequence[Wanted]) -> list[int]:
    return store.rows(np.array([one.key for one in some], np.uint64)).tolist()


def expected(embedder: Embedder, some: Sequence[Wanted]) -> np.ndarray:
    shown = [Image.fromarray(one.source).convert("RGB") if isinstance(one.source, np.ndarray) else decode(one.source) for one in some]
    return embedder(np.stack([prepared(image, SIDE) for image in shown]))


def test_an_image_is_known_by_its_path_and_its_fingerprint():
    keys = {
        image_key(*pair) for pair in (("a.png", "1"), ("a.png", "2"), ("b.png", "1"), ("a.pn", "g1"), ("a.png1", ""), ("\udcff.png", "1"))
    }
    assert len(keys) == 6
    assert image_key("a.png", "1") == image_key("a.png", "1") < 2**64


def test_every_image_gets_the_vector_of_its_own_content(files, embedder, store):
    found = run(embedder, store, wanted(files))
    assert (found.done, found.failed, len(store)) == (10, {}, 8)
    at = rows(store, wanted(files))
    assert at[8:] == at[:2]
    np.testing.assert_allclose(store.vectors()[at].astype(np.float32), expected(embedder, wanted(files)), atol=4e-3)


def test_arrays_give_what_files_of_them_give(files, embedder, store):
    color = [Wanted(at, np.asarray(Image.open(file))) for at, file in enumerate(files)]
    grey = Wanted(99, picture(5)[..., 0].copy())
    found = run(embedder, store, [*color, grey])
    assert (found.done, found.known, len(store)) == (11, 2, 9)
    np.testing.assert_allclose(store.vectors()[rows(store, color)].astype(np.float32), expected(embedder, wanted(files)), atol=4e-3)
    np.testing.assert_allclose(store.vectors()[rows(store, [grey])].astype(np.float32), expected(embedder, [grey]), atol=4e-3)
    turned = Wanted(100, np.ascontiguousarray(picture(0).reshape(24, 20, 3)))  # the same bytes in another shape
    assert run(embedder, store, [turned]).known == 0


def test_what_is_known_by_its_content_needs_no_network(files, embedder, store, embedded, tmp_path):
    run(embedder, store, wanted(files), size=5)
    assert sum(embedded) == 8
    moved = tmp_path / "moved"
    moved.mkdir()
    renamed = [shutil.copy(file, moved / f"new-{file.name}") for file in files]
    found = run(embedder, store, wanted([Path(file) for file in renamed]))
    assert (found.done, found.known, sum(embedded), len(store)) == (10, 10, 8, 8)
    assert rows(store, wanted([Path(file) for file in renamed])) == rows(store, wanted(files))


def test_images_shown_with_other_levels_are_other_images(embedder, store, tmp_path):
    deep = np.linspace(0, 65535, 400).astype(np.uint16).reshape(20, 20)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    for at, levels in enumerate(((0.0, 65535.0), (0.0, 4095.0))):
        run(embedder, store, [Wanted(at, tmp_path / "deep.png")], decoding=Decoding(levels=levels))
    first, second = store.vectors()[rows(store, [Wanted(0, tmp_path), Wanted(1, tmp_path)])].astype(float)
    assert second[0] > first[0] + 0.5  # brighter


def test_progress_tells_of_every_batch_and_of_all_that_was_there(files, embedder, store):
    told: list[Progress] = []
    run(embedder, store, wanted(files[:4]), size=4)
    run(embedder, store, wanted(files), size=3, report=told.append)
    assert [(p.stage, p.done, p.total) for p in told] == [("features", done, 10) for done in (4, 7, 10)]
    assert [sorted(p.values) for p in told] == [[], ["images_per_second"], ["images_per_second"]]
    assert all(p.values["images_per_second"] > 0 for p in told[1:])


@pytest.mark.parametrize("stop", range(4))
def test_stopped_at_any_batch_it_goes_on_from_there(stop, files, embedder, store, embedded):
    def report(progress: Progress) -> None:
        if progress.done >= 3 * stop:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(embedder, store, wanted(files), report=report)
    reopened = VectorStore(store.folder, DIM)
    assert sum(row >= 0 for row in rows(reopened, wanted(files))) == 3 * stop
    found = run(embedder, reopened, wanted(files))
    assert found.done == 10 - 3 * stop
    assert sum(embedded) == 8
    np.testing.assert_allclose(
        reopened.vectors()[rows(reopened, wanted(files))].astype(np.float32), expected(embedder, wanted(files)), atol=4e-3
    )


def test_what_cannot_be_read_is_told_and_the_others_go_on(files, embedder, store):
    files[0].unlink()
    files[3].write_bytes(files[3].read_bytes()[:60])
    files[5].write_text("no picture")
    found = run(embedder, store, wanted(files))
    assert found.done == 7
    assert found.failed.keys() == {str(files[at]) for at in (0, 3, 5)}
    assert found.failed[str(files[0])] == "it cannot be read: No such file or directory"
    assert all(found.failed.values())
    assert [at for at, row in enumerate(rows(store, wanted(files))) if row < 0] == [0, 3, 5]
    shutil.copy(files[1], files[0])
    assert run(embedder, store, wanted(files)).done == 1  # it is tried again


def test_a_file_that_changed_between_two_runs_is_read_as_it_is_then(files, embedder, store):
    run(embedder, store, wanted(files[:3]))
    shutil.copy(files[7], files[1])
    changed = Wanted(image_key(files[1].name, "2"), files[1])  # as importing it again tells
    run(embedder, store, [changed])
    np.testing.assert_allclose(store.vectors()[rows(store, [changed])].astype(np.float32), expected(embedder, [changed]), atol=4e-3)


def test_a_full_disk_stops_it_and_it_goes_on_when_there_is_space(files, embedder, store, monkeypatch):
    honest, failures = VectorStore._append, ["second"]

    def full(self, name, values, **options):
        if name == VECTORS and self.count and failures:
            raise OSError(28, "No space left on device")
        honest(self, name, values, **options)

    monkeypatch.setattr(VectorStore, "_append", full)
    with pytest.raises(DiskFull, match="Free some space and try again"):
        run(embedder, store, wanted(files))
    assert sum(row >= 0 for row in rows(VectorStore(store.folder, DIM), wanted(files))) == 3
    failures.clear()
    assert run(embedder, store, wanted(files)).done == 7


class Holed(Colors):
    """Gives no number for what is bright."""

    def forward(self, x):
        made = super().forward(x)
        return torch.where(made[:, :1] > 0.9, torch.nan, made)


def test_a_network_that_gives_no_numbers_leaves_nothing_of_its_batch(files, store):
    Image.new("RGB", (20, 20), (255, 255, 255)).save(files[4])
    with pytest.raises(AlcoreError, match="gave numbers that are not finite for 1 of 3 pictures"):
        run(Embedder(colors(Holed), CPU), store, wanted(files))
    assert rows(store, wanted(files)) == [0, 1, 2, *[-1] * 7]
    assert np.isfinite(store.vectors()).all()


class Huge(nn.Module):
    """Numbers that float16 does not hold."""

    def forward(self, x):
        return 1e5 * Colors()(x)


def test_vectors_too_large_to_be_kept_are_refused(files, store):
    with pytest.raises(AlcoreError, match=r"the vectors of \d images are not finite, or past 65,504"):
        run(Embedder(colors(Huge), CPU), store, wanted(files))
    assert len(VectorStore(store.folder, DIM)) == 0


# ---- the order


def keys(batches: Iterator[Sequence[Wanted]]) -> list[list[int]]:
    return [[one.key for one in batch] for batch in batches]


def images(numbers: Sequence[int]) -> list[Wanted]:
    return [Wanted(number, Path(str(number))) for number in numbers]


def test_batches_keep_their_order_and_what_is_urgent_comes_first_and_once():
    asked: list[Callable[[], list[Wanted]]] = [lambda: images([6, 3]), lambda: images([6, 3]), lambda: images([0, 9, 9, 20, 21, 22])]

    def urgent() -> list[Wanted]:
        return asked.pop(0)() if asked else images([6])

    assert keys(batches_of(images(range(10)), urgent, size=4)) == [[6, 3, 0, 1], [2, 4, 5, 7], [9, 20, 21, 22], [8]]
    assert keys(batches_of([], tuple, size=4)) == []
    assert keys(batches_of([], lambda: images([1]), size=4)) == [[1]]


def test_no_more_images_are_held_than_are_being_read(embedder, store):
    given, most = [0], [0]

    def arrays() -> Iterator[Wanted]:
        for at in range(60):
            given[0] += 1
            most[0] = max(most[0], given[0] - store.count)
            yield Wanted(at, picture(at))

    with store.writing():
        extract(batches_of(arrays(), size=2), 60, embedder, store, report=ignore_progress)
    assert len(store) == 60
    assert most[0] <= 2 * (AHEAD + 1)


def test_reading_and_the_network_leave_the_processor_to_everybody_else(files, embedder, store, monkeypatch):
    found = set()

    def own() -> None:
        found.add((threading.current_thread().name.split("_")[0], os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))

    read, embed = extraction._read, Embedder.__call__
    monkeypatch.setattr(extraction, "_read", lambda *args: (own(), read(*args))[1])
    monkeypatch.setattr(Embedder, "__call__", lambda *args: (own(), embed(*args))[1])
    run(embedder, store, wanted(files))
    assert found == {("decode", NO_HURRY), ("features", NO_HURRY)}
