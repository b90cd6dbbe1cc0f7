"""The packed cache: exact rows, those kept from before, disks that fill."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from alcore.errors import AlcoreError, BadInput, Cancelled
from alcore.formats import read
from alcore.pixels import packing
from alcore.pixels.images import decode, suggest_size
from alcore.pixels.packing import open_packed, pack
from alcore.pixels.streaming import sources_of
from alcore.progress import Progress
from tests.house import ROOT
from tests.pixels.pictures import noise

SHARED = ROOT.parent / "shared" / "data"


# ---- pack


def test_rows_are_exact_copies_where_the_size_fits_and_smooth_where_not(tmp_path: Path) -> None:
    same, grey, halves = noise(8, 8), noise(8, 8, 1)[..., 0], np.zeros((40, 80, 3), np.uint8)
    halves[:, 40:] = 255
    files = []
    for name, array in (("same", same), ("grey", grey), ("halves", halves)):
        files.append(tmp_path / f"{name}.png")
        Image.fromarray(array).save(files[-1])
    for sources in (files, [same, grey, halves]):
        packed = pack(sources, 8, tmp_path / "out.npy")
        rows = open_packed(packed.path)
        assert rows.shape == (3, 8, 8, 3)
        np.testing.assert_array_equal(rows[0], same)
        np.testing.assert_array_equal(rows[1], np.repeat(grey[..., None], 3, 2))
        assert rows[2, :, :3].max() == 0  # nothing cropped: both halves are there
        assert rows[2, :, 5:].min() == 255
        assert packed.sizes.tolist() == [[8, 8], [8, 8], [80, 40]]
        assert packed.failed == {}
        assert np.load(packed.path).dtype == np.uint8


def test_order_is_kept_over_many_chunks_and_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "CHUNK_BYTES", 8 * 8 * 3 * 20)
    sources = [np.full((9, 9), number % 251, np.uint8) for number in range(509)]
    pack(sources, 8, tmp_path / "out.npy", workers=5)
    assert open_packed(tmp_path / "out.npy")[:, 3, 3, 1].tolist() == [number % 251 for number in range(509)]


def test_what_cannot_be_decoded_is_black_with_a_reason(tmp_path: Path) -> None:
    Image.fromarray(noise(8, 8)).save(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    sources = [
        tmp_path / "empty.png",
        tmp_path / "good.png",
        tmp_path / "text.png",
        tmp_path / "gone.png",
        np.zeros((4, 4), float),
        np.zeros((0, 4), np.uint8),
    ]
    packed = pack(sources, 8, tmp_path / "out.npy")
    assert list(packed.failed) == [0, 2, 3, 4, 5]
    assert packed.failed[0] == "empty: the file has 0 bytes"
    assert packed.failed[2].startswith("not an image of a known kind")
    assert packed.failed[3] == "cannot be read: No such file or directory"
    assert "float64" in packed.failed[4]
    assert packed.sizes.tolist() == [[0, 0], [8, 8], [0, 0], [0, 0], [0, 0], [0, 0]]
    assert open_packed(packed.path).reshape(6, -1).any(1).tolist() == [False, True, False, False, False, False]


def test_a_rotated_big_photo_is_decoded_reduced_and_reported_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    left_dark = np.zeros((600, 800, 3), np.uint8)
    left_dark[:, 400:] = 255
    Image.fromarray(left_dark).save(tmp_path / "photo.jpg", exif=exif, quality=95)
    packed = pack([tmp_path / "photo.jpg"], 16, tmp_path / "out.npy")
    row = open_packed(packed.path)[0]
    assert packed.sizes.tolist() == [[600, 800]]
    assert row[:7].max() < 20
    assert row[9:].min() > 235
    assert decode(tmp_path / "photo.jpg", at_least=100).size == (150, 200)
    assert decode(tmp_path / "photo.jpg").size == (600, 800)


def test_reused_rows_are_copied_and_not_decoded(tmp_path: Path) -> None:
    old = [noise(8, 8, seed) for seed in range(4)]
    out = tmp_path / "out.npy"
    pack(old, 8, out)
    gone = tmp_path / "gone.png"
    new = noise(8, 8, 9)
    packed = pack([gone, new, gone], 8, out, reuse=(out, np.array([3, -1, 1])))
    np.testing.assert_array_equal(open_packed(out), [old[3], new, old[1]])
    assert packed.failed == {}
    assert packed.sizes.tolist() == [[-1, -1], [8, 8], [-1, -1]]


@pytest.mark.parametrize("spoil", ["size", "damage", "missing", "row"])
def test_an_old_cache_that_does_not_fit_is_not_used(tmp_path: Path, spoil: str) -> None:
    old = tmp_path / "old.npy"
    pack([np.zeros((8, 8), np.uint8)], 16 if spoil == "size" else 8, old)
    if spoil == "damage":
        old.write_bytes(old.read_bytes()[:-1])
    if spoil == "missing":
        old.unlink()
    new = noise(8, 8)
    packed = pack([new], 8, tmp_path / "out.npy", reuse=(old, np.array([5 if spoil == "row" else 0])))
    np.testing.assert_array_equal(open_packed(packed.path)[0], new)


def test_cancelling_leaves_no_file_and_the_old_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "SEEN_EVERY", 0.0)
    out = tmp_path / "out.npy"
    pack([noise(8, 8)], 8, out)
    before = out.read_bytes()

    def stop(progress: Progress) -> None:
        if progress.done > 0:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        pack([noise(8, 8)] * 3000, 8, out, report=stop)
    assert os.listdir(tmp_path) == ["out.npy"]
    assert out.read_bytes() == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_progress_is_told_in_order_and_not_too_often(tmp_path: Path) -> None:
    told: list[Progress] = []
    pack([noise(9, 9)] * 2000, 8, tmp_path / "out.npy", report=told.append)
    assert told[0] == Progress("reading images", 0, 2000)
    assert (told[-1].done, told[-1].total) == (2000, 2000)
    assert told[-1].values["images_per_second"] > 0
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert len(told) < 50


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**9, used=10**9, free=1000))
    with pytest.raises(AlcoreError, match=r"needs 0\.2 MB in .*0\.0 MB are free: free some space"):
        pack([noise(8, 8)] * 1000, 8, tmp_path / "out.npy")
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AlcoreError, match="the disk is full"):
        pack([noise(8, 8)], 8, tmp_path / "out.npy")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("sources", "size", "words"), [([], 8, "no image to read"), ([noise(8, 8)], 7, "use 8 to 2048"), ([noise(8, 8)], 4096, "use 8 to 2048")]
)
def test_pack_refuses_what_makes_no_sense(tmp_path: Path, sources: list[np.ndarray], size: int, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        pack(sources, size, tmp_path / "out.npy")
    assert os.listdir(tmp_path) == []


def test_packed_rows_keep_their_file_and_damage_is_told(tmp_path: Path) -> None:
    path = pack([noise(8, 8)], 8, tmp_path / "out.npy").path
    rows = open_packed(path)
    assert isinstance(rows, np.memmap)
    whole = path.read_bytes()
    rows[0] = 255 - rows[0]  # torch takes writable arrays only: what is written stays in memory
    assert path.read_bytes() == whole
    np.save(tmp_path / "floats.npy", np.zeros((1, 8, 8, 3)))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    for name, content in (("short", whole[:-1]), ("empty", b""), ("other", b"hello"), ("heading", whole[:50])):
        (tmp_path / f"{name}.npy").write_bytes(content)
    for name in ("short", "empty", "other", "heading", "floats", "objects", "missing"):
        with pytest.raises(BadInput, match="import"):
            open_packed(tmp_path / f"{name}.npy")


def test_real_photos_are_packed(tmp_path: Path) -> None:
    if not (SHARED / "clothing").is_dir():
        pytest.skip("the shared data set clothing is not on this machine")
    sources = sources_of(read(SHARED / "clothing" / "test"))
    packed = pack(sources, 64, tmp_path / "out.npy")
    assert packed.failed == {}
    assert len(open_packed(packed.path)) == 372
    assert packed.sizes.max() == 160
    assert suggest_size(sources) == 64
    with Image.open(sources[5]) as photo:
        whole = np.asarray(photo.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC), float)
    assert np.abs(open_packed(packed.path)[5] - whole).mean() < 2


# ---- marks and mended ends


def test_marks_are_those_of_the_rows_also_of_reused_and_black_ones(tmp_path: Path) -> None:
    old = [noise(8, 8, seed) for seed in range(3)]
    pack(old, 8, tmp_path / "old.npy")
    (tmp_path / "text.png").write_text("hello")
    sources = [noise(8, 8, 1), tmp_path / "gone.png", tmp_path / "text.png", noise(8, 8, 7)]
    packed = pack(sources, 8, tmp_path / "out.npy", reuse=(tmp_path / "old.npy", np.array([-1, 1, -1, -1])))
    rows = open_packed(packed.path)
    assert packed.marks.dtype == np.uint32
    assert packed.marks.tolist() == [zlib.crc32(row.tobytes()) for row in rows]
    assert packed.marks[0] == packed.marks[1] == zlib.crc32(noise(8, 8, 1).tobytes())
    assert packed.marks[2] == zlib.crc32(bytes(192))
    assert len(set(packed.marks.tolist())) == 3
