"""The store of vectors: what was added is found, equal content once, and what a kill, a power cut or a full disk leaves is never wrong."""

from __future__ import annotations

import errno
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from alcore.errors import AlcoreError, DiskFull
from alcore.extractors.vectors import CONTENTS, ITEMS, RECORD, VECTORS, VectorStore

DIM = 3
FILES = (VECTORS, CONTENTS, ITEMS)
Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


def made(count: int, start: int = 1, contents: int | None = None) -> Batch:
    """Keys from `start`, the digest of each, and vectors that tell their digest; every `contents`-th image is of the same content."""
    keys = np.arange(start, start + count, dtype=np.uint64)
    digests = keys % np.uint64(contents or 10**9) + np.uint64(2**63)
    return keys, digests, vectors_of(digests)


def vectors_of(digests: np.ndarray) -> np.ndarray:
    return np.stack([np.random.default_rng(int(d) % 2**63).standard_normal(DIM) for d in digests]).astype(np.float16).reshape(-1, DIM)


def written(folder: Path, *batches: Batch) -> VectorStore:
    store = VectorStore(folder, DIM)
    with store.writing() as mine:
        assert mine
        for batch in batches:
            store.add(*batch)
    return store


def found(store: VectorStore, keys: np.ndarray) -> dict[int, list[float]]:
    """key -> vector of those that have one."""
    rows, vectors = store.rows(keys), store.vectors()
    return {int(key): vectors[row].tolist() for key, row in zip(keys, rows, strict=True) if row >= 0}


def right(*batches: Batch) -> dict[int, list[float]]:
    """The same by what was added."""
    return {int(key): vector.tolist() for keys, _, vectors in batches for key, vector in zip(keys, vectors, strict=True)}


def sizes(folder: Path) -> tuple[int, ...]:
    return tuple((folder / name).stat().st_size for name in FILES)


ALL = np.arange(1, 100, dtype=np.uint64)


def test_a_new_store_is_empty(tmp_path):
    store = VectorStore(tmp_path / "none", DIM)
    assert (len(store), store.nbytes, store.vectors().shape, store.row_of_content(5)) == (0, 0, (0, DIM), -1)
    assert store.rows(np.array([1, 2**64 - 1], np.uint64)).tolist() == [-1, -1]
    assert not (tmp_path / "none").exists()  # reading makes nothing


def test_what_was_added_is_found_at_once_and_after_opening_again(tmp_path):
    first, second = made(5), made(4, 20)
    store = written(tmp_path, first, second)
    for one in (store, VectorStore(tmp_path, DIM)):
        assert found(one, ALL) == right(first, second)
        assert (len(one), one.nbytes) == (9, 9 * (2 * DIM + 8 + 16))
        assert one.rows(np.array([21, 3, 99], np.uint64)).tolist() == [6, 2, -1]
        assert one.row_of_content(int(second[1][2])) == 7
        assert one.vectors().dtype == np.float16


def test_images_of_equal_content_share_a_vector_in_a_batch_and_across(tmp_path):
    store = written(tmp_path, made(6, contents=4), made(6, 7, contents=4))
    assert len(store) == 4
    assert found(VectorStore(tmp_path, DIM), ALL) == right(made(12, contents=4))
    again = made(1, 50, contents=4)
    with store.writing():
        store.add(again[0], again[1], np.full((1, DIM), np.nan))  # of known content: not looked at
    assert found(store, again[0]) == right(again)


def test_an_image_that_is_added_again_has_its_newest_vector(tmp_path):
    store = written(tmp_path, made(3))
    _, digests, vectors = made(3, 40)
    with store.writing():
        store.add(made(3)[0], digests, vectors)
    for one in (store, VectorStore(tmp_path, DIM)):
        assert list(found(one, made(3)[0]).values()) == vectors.tolist()


def test_keys_and_digests_of_all_64_bits_are_told_apart(tmp_path):
    keys = np.array([0, 1, 2**53, 2**53 + 1, 2**63, 2**64 - 1], np.uint64)  # as float64 two pairs would be one
    digests = keys[::-1].copy()
    batch = keys, digests, vectors_of(digests)
    store = written(tmp_path, batch)
    assert len(store) == 6
    for one in (store, VectorStore(tmp_path, DIM)):
        assert found(one, keys) == right(batch)
        assert [one.row_of_content(int(d)) for d in digests] == list(range(6))


def test_vectors_are_a_copy_that_nobody_else_sees_change(tmp_path):
    store = written(tmp_path, made(2))
    store.vectors()[:] = 0
    assert found(store, ALL) == right(made(2))


@pytest.mark.parametrize("value", [np.nan, np.inf, 70_000.0])
def test_vectors_that_float16_cannot_hold_are_refused_and_nothing_is_kept_of_their_batch(value, tmp_path):
    store = written(tmp_path, made(2))
    before = sizes(tmp_path)
    keys, digests, vectors = made(3, 10)
    vectors = vectors.astype(np.float32)
    vectors[1, 2] = value
    with store.writing(), pytest.raises(AlcoreError, match="the vectors of 1 images are not finite, or past 65,504"):
        store.add(keys, digests, vectors)
    assert sizes(tmp_path) == before
    assert found(store, ALL) == right(made(2))


# ---- who else is there


def test_of_two_writers_the_second_is_told(tmp_path):
    with VectorStore(tmp_path, DIM).writing() as first, VectorStore(tmp_path, DIM).writing() as second:
        assert (first, second) == (True, False)
    with VectorStore(tmp_path, DIM).writing() as third:
        assert third


def test_a_writer_goes_on_from_what_others_wrote_since_it_looked(tmp_path):
    early = VectorStore(tmp_path, DIM)
    written(tmp_path, made(4))
    assert len(early) == 0
    with early.writing():
        early.add(*made(2, 10))
    assert found(VectorStore(tmp_path, DIM), ALL) == right(made(4), made(2, 10))


def test_two_stores_of_one_folder_do_not_write_into_each_others_memory(tmp_path):
    written(tmp_path, made(5))
    reader, writer = VectorStore(tmp_path, DIM), VectorStore(tmp_path, DIM)
    before = reader.state
    with writer.writing():
        writer.add(*made(3, start=6))
        assert writer.state != before
    assert (len(reader), reader.state, found(reader, ALL)) == (5, before, right(made(5)))
    reader.reload()
    assert reader.state != before
    assert found(reader, ALL) == found(writer, ALL) == right(made(5), made(3, start=6))


def test_a_folder_that_was_made_anew_is_read_anew(tmp_path):
    written(tmp_path / "a", made(5))
    shutil.rmtree(tmp_path / "a")
    assert len(VectorStore(tmp_path / "a", DIM)) == 0
    assert found(written(tmp_path / "a", made(5, start=20)), ALL) == right(made(5, start=20))


def test_a_reader_beside_a_writer_sees_whole_batches_and_right_vectors(tmp_path, monkeypatch):
    writer, reader, seen = VectorStore(tmp_path, DIM), VectorStore(tmp_path, DIM), []
    batches = [made(3, 1), made(2, 4, contents=2), made(3, 6)]
    honest = VectorStore._append

    def between(self, *given, **options):
        honest(self, *given, **options)
        held = reader.vectors()  # of before: it stays as it is
        before = held.copy()
        reader.reload()
        seen.append(found(reader, ALL))
        assert np.array_equal(held, before)

    monkeypatch.setattr(VectorStore, "_append", between)
    with writer.writing():
        for batch in batches:
            writer.add(*batch)
    whole = [right(*batches[:count]) for count in range(4)]
    assert seen == [whole[0]] * 2 + [whole[1]] * 3 + [whole[2]] * 3 + [whole[3]]


# ---- what a kill, a power cut and a full disk leave

BATCHES = [made(3, 1), made(4, 4, contents=5), made(2, 8)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, list[tuple[int, ...]]]:
    """A store of three batches, and the sizes of its files after each."""
    folder = tmp_path_factory.mktemp("whole")
    store, after = VectorStore(folder, DIM), [(0, 0, 0)]
    with store.writing():
        for batch in BATCHES:
            store.add(*batch)
            after.append(sizes(folder))
    return folder, after


def check_cut(folder: Path, whole: tuple[Path, list[tuple[int, ...]]], cut: tuple[int, ...]) -> None:
    """Cut to these sizes a store gives back the batches that are whole, no wrong vector, and takes all again."""
    original, after = whole
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, size in zip(FILES, cut, strict=True):
        (folder / name).write_bytes((original / name).read_bytes()[:size])
    kept = max(at for at, size in enumerate(after) if all(have >= need for have, need in zip(cut, size, strict=True)))
    store, truth = VectorStore(folder, DIM), right(*BATCHES)
    there = found(store, ALL)
    assert there.items() <= truth.items(), cut
    assert there.items() >= right(*BATCHES[:kept]).items(), cut
    others = made(3, 60)  # what comes now takes the rows of what was cut off
    with store.writing():
        assert found(store, ALL) == there
        store.add(*others)
        assert found(VectorStore(folder, DIM), ALL) == there | right(others), cut
        for batch in BATCHES:
            store.add(*batch)
    assert found(VectorStore(folder, DIM), ALL) == truth | right(others), cut
    items = np.fromfile(folder / ITEMS, RECORD)
    assert sizes(folder) == (2 * DIM * len(store), 8 * len(store), 16 * len(items)), cut


def test_of_a_file_cut_off_anywhere_whole_batches_are_left(whole, tmp_path):
    end = whole[1][-1]
    for at in range(3):
        for size in range(end[at]):
            check_cut(tmp_path / "cut", whole, (*end[:at], size, *end[at + 1 :]))


def test_a_process_killed_at_any_byte_loses_its_batch_alone(whole, tmp_path):
    after = whole[1]
    for before, then in itertools.pairwise(after):
        for at in range(3):  # the files are written in this order
            for size in range(before[at], then[at] + 1, 3):
                check_cut(tmp_path / "cut", whole, (*then[:at], size, *before[at + 1 :]))


@pytest.mark.parametrize("seed", range(3))
def test_files_cut_off_anywhere_each_give_no_wrong_vector(seed, whole, tmp_path):
    rng, end = np.random.default_rng(seed), whole[1][-1]
    for _ in range(60):
        check_cut(tmp_path / "cut", whole, tuple(int(rng.integers(size + 1)) for size in end))


def test_vectors_are_on_the_disk_before_anything_names_them(tmp_path, monkeypatch):
    """After a power cut a file may have its length and not its content."""
    events = []
    monkeypatch.setattr("os.fsync", lambda number: events.append(("on the disk", *(p.name for p in sorted(tmp_path.iterdir())))))
    written(tmp_path, made(2))
    assert events == [("on the disk", ".lock", VECTORS)]


@pytest.mark.parametrize("full", FILES)
@pytest.mark.parametrize("part", [0, 5])
def test_on_a_full_disk_nothing_is_lost_and_it_goes_on_afterwards(full, part, tmp_path, monkeypatch):
    store = written(tmp_path, made(4))
    honest, before = VectorStore._append, sizes(tmp_path)

    def fill(self, name, values, **options):
        if name == full:
            with (self.folder / name).open("ab") as file:
                file.write(values.tobytes()[:part])  # what still fitted
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(self, name, values, **options)

    with store.writing():
        monkeypatch.setattr(VectorStore, "_append", fill)
        with pytest.raises(DiskFull, match="the disk is full: the features could not be written in .*nothing was lost"):
            store.add(*made(3, 10))
        assert sizes(tmp_path) == before
        assert found(store, ALL) == found(VectorStore(tmp_path, DIM), ALL) == right(made(4))
        monkeypatch.setattr(VectorStore, "_append", honest)
        store.add(*made(3, 10))
    assert found(VectorStore(tmp_path, DIM), ALL) == right(made(4), made(3, 10))


def test_a_folder_that_cannot_be_read_says_so_and_how_it_is_mended(tmp_path):
    (tmp_path / ITEMS).mkdir()
    with pytest.raises(AlcoreError, match="the features in .* cannot be read: .*Delete that folder; they are made again"):
        VectorStore(tmp_path, DIM)
