"""Images read on demand: the same rows, batches, rounds as packed ones; what is no picture is found, what breaks later is black and told.

Longer than 400 lines: packed and streamed are held against each other at every level.
"""

from __future__ import annotations

import csv
import io
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alcore.errors import AlcoreError, BadInput, Cancelled
from alcore.importing.gather import gather
from alcore.importing.request import ImportRequest
from alcore.params import TrainParams
from alcore.pixels import images, packing, streaming
from alcore.pixels.images import heading
from alcore.pixels.streaming import FileRows, choose_cache, open_pixels, save_paths
from alcore.progress import Progress
from alcore.project import doctor
from alcore.project.facade import Project
from alcore.training.batches import Batches, telling
from alcore.training.pool import Pool

CPU = torch.device("cpu")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path) -> Path:
    """30 JPEGs of 90x120 in three class folders, with a PNG in between."""
    for number in range(30):
        path = tmp_path / "photos" / f"class{number % 3}" / f"{number:02d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(9, 12, number)).resize((120, 90), Image.Resampling.BICUBIC).save(path, quality=90)
    Image.fromarray(noise(40, 20, 99)).save(tmp_path / "photos" / "class1" / "a.png")
    return tmp_path / "photos"


def names_in(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))


# ---- rows


def test_rows_are_those_a_packed_file_holds_in_any_order(tmp_path, photos):
    names = names_in(photos)
    packed = packing.open_packed(packing.pack([photos / name for name in names], 16, tmp_path / "p.npy").path)
    rows = FileRows(photos, names, 16)
    assert (rows.shape, len(rows)) == ((31, 16, 16, 3), 31)
    at = np.array([30, 0, 7, 7, 12, 29, 3, 4, 5, 6, 1])
    np.testing.assert_array_equal(rows.rows(at), packed[at])
    np.testing.assert_array_equal(rows[at], packed[at])
    assert rows[at[:0]].shape == (0, 16, 16, 3)
    assert rows.unreadable == {}
    assert rows.complaint() == (0, "")


def test_what_breaks_later_is_black_counted_and_listed_once(tmp_path, photos):
    names, listed = names_in(photos), tmp_path / "unreadable.csv"
    (photos / names[1]).write_bytes(b"no picture")
    (photos / names[4]).unlink()
    rows = FileRows(photos, names, 16, listed)
    for _ in range(2):
        found = rows.rows(np.arange(6))
        assert found.reshape(6, -1).any(1).tolist() == [True, False, True, True, False, True]
    assert rows.unreadable.keys() == {names[1], names[4]}
    assert rows.complaint() == (2, f"2 images of the source cannot be read and stay black: {listed} lists them")
    FileRows(photos, names, 16, listed)[np.arange(6)]  # the next round meets them again
    with listed.open(newline="") as file:
        assert list(csv.reader(file)) == [
            [
                names[1],
                "not an image of a known kind (jpg, png, gif, bmp, tiff, webp, avif, heic, jp2, tga, psd and others), or damaged at its start",
            ],
            [names[4], "cannot be read: No such file or directory"],
        ]


def test_a_source_that_is_gone_altogether_is_an_error_and_not_a_black_pool(tmp_path, photos):
    rows = FileRows(photos, names_in(photos), 16)
    photos.rename(tmp_path / "elsewhere")
    with pytest.raises(AlcoreError, match="the source folder .*photos is gone: put it back"):
        rows.rows(np.arange(3))


def test_rows_may_be_asked_for_by_many_threads(photos):
    rows = FileRows(photos, names_in(photos), 8)
    expected, wrong = rows.rows(np.arange(31)), []

    def ask(seed: int) -> None:
        at = np.random.default_rng(seed).permutation(31)
        if not np.array_equal(rows.rows(at), expected[at]):
            wrong.append(seed)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_list_of_files_survives_and_its_damage_is_told(tmp_path, photos):
    save_paths(names_in(photos), tmp_path / "list.npz")
    settings = {"cache": "stream", "packed": "list.npz", "root": str(photos), "image_size": 8}
    opened = open_pixels(tmp_path, settings)
    np.testing.assert_array_equal(opened[np.array([30, 2])], FileRows(photos, names_in(photos), 8)[np.array([30, 2])])
    (tmp_path / "list.npz").write_bytes((tmp_path / "list.npz").read_bytes()[:200])
    for name in ("list.npz", "none.npz"):
        with pytest.raises(BadInput, match="the list of images .* is missing or damaged .*: import the images again"):
            open_pixels(tmp_path, settings | {"packed": name})


# ---- headings


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_heading_gives_the_size_decoding_gives(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "x"
    with open(file, "wb") as stream:
        Image.fromarray(noise(20, 30)).save(stream, kind, exif=exif)
    assert heading(file) == images._decode(file, None)[1] == ((30, 20) if orientation < 5 else (20, 30))


@pytest.mark.parametrize("kind", ["BMP", "GIF", "PPM", "PNG"])
def test_a_heading_is_read_without_the_rest(tmp_path, kind):
    stream = io.BytesIO()
    Image.fromarray(noise(50, 40)).save(stream, kind)
    (tmp_path / "x").write_bytes(stream.getvalue()[:1500])
    assert heading(tmp_path / "x") == (40, 50)


def test_a_heading_of_nothing_has_a_reason(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    big = b"IHDR" + struct.pack(">IIBBBBB", 90_000, 90_000, 8, 2, 0, 0, 0)
    (tmp_path / "big.png").write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + big + b"\0\0\0\0")
    for name, reason in (
        ("empty", "0 bytes"),
        ("text", "not an image of a known kind"),
        ("gone", "No such file"),
        ("big", "too large|not an"),
    ):
        with pytest.raises(BadInput, match=reason):
            heading(tmp_path / f"{name}.png")


def test_headings_are_read_in_threads_in_order_and_known_ones_are_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "RANGE", 3)
    files = [tmp_path / f"{n}.png" for n in range(20)]
    for n, file in enumerate(files):
        Image.fromarray(noise(10 + n, 5)).save(file)
    files[7].write_text("x")
    known = np.zeros(20, bool)
    known[11] = True
    seen: list[Progress] = []
    sizes, failed = streaming.headings(files, known, seen.append)
    expected = [[5, 10 + n] for n in range(20)]
    expected[7], expected[11] = [0, 0], [-1, -1]
    assert sizes.tolist() == expected
    assert list(failed) == [7]
    assert (seen[0], seen[-1].done, seen[-1].total) == (Progress("reading headings", 0, 20), 20, 20)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("look")]


def test_what_reading_headings_raises_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "RANGE", 1)
    monkeypatch.setattr(packing, "SEEN_EVERY", 0.0)

    def stop(progress: Progress) -> None:
        if progress.done:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        streaming.headings([tmp_path / "none.png"] * 400, np.zeros(400, bool), stop)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("look")]


@pytest.mark.parametrize(
    ("asked", "needed", "arrays", "cache"),
    [("auto", 33, False, "pack"), ("auto", 34, False, "stream"), ("auto", 34, True, "pack"), ("pack", 999, False, "pack"), ("stream", 1, False, "stream")],
)  # fmt: skip
def test_a_third_of_the_free_disk_is_packed(asked, needed, arrays, cache):
    assert choose_cache(asked, needed, 100, arrays) == cache


@pytest.mark.parametrize(("asked", "arrays", "words"), [("disk", False, "use one of auto, pack, stream"), ("stream", True, "holds arrays")])
def test_a_cache_that_cannot_be_is_refused(asked, arrays, words):
    with pytest.raises(BadInput, match=words):
        choose_cache(asked, 1, 100, arrays)


# ---- batches


def two(pixels: np.ndarray, folder: Path, pool: Pool, params: TrainParams, seed: int = 6) -> tuple[Batches, Batches]:
    """Batches over the packed array, and over the same images as PNG files."""
    names = []
    for number, image in enumerate(pixels):
        names.append(f"{number}.png")
        Image.fromarray(image).save(folder / names[-1])
    rows = FileRows(folder, names, pixels.shape[1])
    return Batches(pixels, pool, params, CPU, seed), Batches(rows, pool, params, CPU, seed)


ROTATED = TrainParams(batch_size=9, rotation=15, crop=0.25)


def test_draws_from_files_are_those_from_the_packed_array_bit_for_bit(tmp_path, pixels, pool):
    packed, streamed = two(pixels, tmp_path, pool, ROTATED)
    for turn in range(8):
        (x, y), (other_x, other_y) = packed.labeled(), streamed.labeled()
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)
        if turn % 2:
            assert torch.equal(packed.unlabeled(), streamed.unlabeled())
    for augmented in (False, True):
        for (ids, x), (other_ids, other_x) in zip(
            packed.walk(pool.unlabeled[::-1], 6, augmented), streamed.walk(pool.unlabeled[::-1], 6, augmented), strict=True
        ):
            assert ids.tolist() == other_ids.tolist()
            assert torch.equal(x, other_x)


def test_labeled_images_stand_in_for_unlabeled_ones_also_from_files(tmp_path, pixels, pool):
    none = np.array([], np.int64)
    full = Pool(pool.ids, np.arange(40) % 3, none, none, none, pool.ids, pool.rows)
    packed, streamed = two(pixels, tmp_path, full, ROTATED)
    for _ in range(4):
        assert torch.equal(packed.unlabeled(), streamed.unlabeled())
        assert torch.equal(packed.labeled()[0], streamed.labeled()[0])


def test_the_state_is_that_of_what_was_handed_out_not_of_what_was_fetched(tmp_path, pixels, pool):
    """A run over files goes on over a packed array, and the other way round, where it stopped."""
    packed, streamed = two(pixels, tmp_path, pool, ROTATED)
    reference = Batches(pixels, pool, ROTATED, CPU, 6)
    for _ in range(3):
        reference.labeled(), reference.unlabeled(), streamed.labeled(), streamed.unlabeled()
    state = streamed.state()
    expected = [reference.labeled()[0], reference.unlabeled(), reference.labeled()[0], reference.unlabeled()]
    streamed.labeled()  # must not change the state that was taken
    for later in (packed, streamed):
        later.restore(state)
        found = [later.labeled()[0], later.unlabeled(), later.labeled()[0], later.unlabeled()]
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


class Watched:
    """A source that keeps the rows asked for."""

    shape = (40, 8, 8, 3)

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.asked = pixels, []

    def __len__(self) -> int:
        return len(self.pixels)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        self.asked += positions.tolist()
        return self.pixels[positions]

    __getitem__ = rows


def test_a_walk_asks_for_two_batches_ahead_and_for_every_image_once(pixels, pool):
    source = Watched(pixels)
    batches = Batches(source, pool, ROTATED, CPU, 0)
    walk = batches.walk(pool.unlabeled, 4)
    next(walk)
    batches._fetcher.threads.submit(int).result()
    batches._fetcher.threads.shutdown()  # what was asked for has been fetched when this returns
    assert sorted(source.asked) == sorted(pool.rows_of(pool.unlabeled[:12]).tolist())
    source.asked = []
    seen = [ids for ids, _ in Batches(source, pool, ROTATED, CPU, 0).walk(pool.unlabeled, 4)]
    assert np.concatenate(seen).tolist() == pool.unlabeled.tolist()
    assert sorted(source.asked) == sorted(pool.rows_of(pool.unlabeled).tolist())


def test_what_a_source_raises_reaches_who_draws(pixels, pool):
    class Broken(Watched):
        def rows(self, positions):
            raise AlcoreError("the source folder is gone")

    batches = Batches(Broken(pixels), pool, ROTATED, CPU, 0)
    with pytest.raises(AlcoreError, match="is gone"):
        batches.labeled()
    with pytest.raises(AlcoreError, match="is gone"):
        next(batches.walk(pool.unlabeled))


def test_unreadable_images_are_told_once_and_again_when_there_are_ten_times_as_many(pixels):
    class Counting(Watched):
        count = 0

        def complaint(self) -> tuple[int, str]:
            return self.count, f"{self.count} black"

    source, seen = Counting(pixels), []
    report = telling(source, seen.append)
    for source.count in (0, 1, 1, 5, 9, 10, 40, 123):
        report(Progress("training", 1, 2, {"loss": 0.5}, "hello" if source.count == 123 else ""))
    assert [p.message for p in seen] == ["", "1 black", "", "", "", "10 black", "", "hello 123 black"]
    assert all((p.stage, p.done, p.values) == ("training", 1, {"loss": 0.5}) for p in seen)
    assert telling(pixels, print) is print


# ---- projects


def streamed_project(workspace, source, **options) -> Project:
    return Project.import_into(workspace, "stream", source, cache="stream", **options)


def test_a_streamed_import_stores_the_same_items_and_decodes_nothing(workspace, digits_source, photos, decoded):
    for name, source in (("toy", digits_source), ("photos", photos)):
        packed = Project.import_into(workspace, name, source, cache="pack", image_size=16 if name == "photos" else 0)
        decoded.clear()
        project = Project.import_into(workspace, f"{name}-stream", source, cache="stream", image_size=48)
        assert decoded == []
        rows = [
            [{k: v for k, v in row.items() if k not in ("id", "project_id")} for row in p.items.rows(p.snapshot().ids).values()]
            for p in (packed, project)
        ]  # fmt: skip
        assert rows[0] == rows[1]
        assert (packed.settings["cache"], project.settings["cache"]) == ("pack", "stream")
        assert [path.suffix for path in project.folder.iterdir() if path.name != ".lock"] == [".npz"]
        assert doctor.findings(project) == []
        assert (project.pixels().shape[1:], packed.classes) == ((48, 48, 3), project.classes)


def test_digits_are_recognised_without_packing(workspace, digits_source):
    project = streamed_project(workspace, digits_source)
    assert project.settings["flip"] is False
    assert project.settings["image_size"] == 8


def test_a_packed_and_a_streamed_round_are_the_same_round(workspace, digits_source, quick):
    found = []
    for cache in ("pack", "stream"):
        project = Project.import_into(workspace, cache, digits_source, cache=cache)
        project.label_from_truth(12, seed=0)
        round_ = project.run_round("entropy", query_size=5, seed=3, device="cpu", train=quick, report=lambda progress: None)
        frame = project.scores(round_)
        found.append((dict(round_.metrics), list(frame.path), frame.total.tolist()))
    assert found[0] == found[1]


def test_a_start_spread_over_the_pixels_works_on_files(workspace, digits_source):
    starts = []
    for cache in ("pack", "stream"):
        project = Project.import_into(workspace, cache, digits_source, cache=cache)
        paths = project.items.paths()
        starts.append([paths[i] for i in project.start(6, "kcenter").query])
    assert starts[0] == starts[1]


def test_what_is_no_picture_is_set_aside_by_its_heading_and_what_is_cut_short_only_shows_when_read(workspace, digits_source, tmp_path):
    folder = digits_source / "train" / "0"
    whole = (folder / "00.png").read_bytes()
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("hello")
    (folder / "cut.png").write_bytes(whole[:-30])
    project = streamed_project(workspace, digits_source)
    assert {s.path for s in project.items.set_aside()} == {"train/0/empty.png", "train/0/text.png"}
    assert project.counts()["items"] == 57
    path_of = project.items.paths()
    row = {path_of[r[0]]: r[3] for r in project.snapshot()}
    pixels = project.pixels()
    assert not pixels[np.array([row["train/0/cut.png"]])].any()
    with (project.folder / streaming.UNREADABLE).open(newline="") as file:
        assert [line[0] for line in csv.reader(file)] == ["train/0/cut.png"]
    project.refresh()
    assert not (project.folder / streaming.UNREADABLE).exists()


def test_importing_a_stream_again_looks_only_at_what_changed(workspace, digits_source, write_image, monkeypatch):
    project = streamed_project(workspace, digits_source)
    before = {item.path: item.id for item in project.items.pool()}
    project.annotate({before["train/0/00.png"]: "3"})
    write_image(digits_source / "train" / "0" / "00a.png", 0)
    write_image(digits_source / "train" / "1" / "05.png", 2, seed=9)
    os.utime(digits_source / "train" / "1" / "05.png", ns=(1, 1))
    (digits_source / "train" / "3" / "09.png").unlink()
    looked: list[str] = []
    honest = images.heading
    monkeypatch.setattr(images, "heading", lambda source: (looked.append(source.name), honest(source))[1])
    summary = project.refresh()
    assert sorted(looked) == ["00a.png", "05.png"]
    assert (summary["items"], summary["labeled"]) == (56, 1)
    after = {item.path: item.id for item in project.items.pool()}
    assert {p: i for p, i in after.items() if p in before} == {p: i for p, i in before.items() if p in after}
    assert len(list(project.folder.glob("packed-*"))) == 1
    row = {r[0]: r[3] for r in project.snapshot()}
    pixels = project.pixels()
    for path, item in after.items():
        with Image.open(digits_source / path) as image:
            assert np.array_equal(pixels[np.array([row[item]])][0], np.asarray(image.convert("RGB"))), path


@pytest.mark.parametrize("stage", ["looking at files", "reading headings", "storing"])
def test_a_streamed_import_that_is_cancelled_leaves_nothing(workspace, digits_source, stage):
    def report(progress: Progress) -> None:
        if progress.stage == stage:
            raise Cancelled(stage)

    with pytest.raises(Cancelled):
        streamed_project(workspace, digits_source, report=report)
    assert workspace.projects() == []
    assert list((workspace.home / "projects").iterdir()) == []


def test_what_the_disk_has_no_room_for_is_streamed(workspace, digits_source, monkeypatch):
    usage = packing.shutil.disk_usage(".")
    for free, cache in ((56 * 192 * 3, "pack"), (56 * 192 * 3 - 1, "stream")):
        monkeypatch.setattr(packing.shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert Project.import_into(workspace, cache, digits_source).settings["cache"] == cache


def test_arrays_are_never_streamed(workspace, tmp_path, make_npz):
    source = make_npz(tmp_path / "arrays", 12)
    with pytest.raises(BadInput, match="this source holds arrays"):
        streamed_project(workspace, source)
    assert workspace.projects() == []
    assert Project.import_into(workspace, "arrays", source).settings["cache"] == "pack"


def test_a_tree_of_a_few_hundred_hard_links_is_gathered_in_columns(tmp_path, photos):
    tree, names = tmp_path / "tree", names_in(photos)
    for number in range(400):
        path = tree / f"n{number % 20:04d}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(photos / names[number % 30], path)
    (tmp_path / "out").mkdir()
    found = gather(ImportRequest.of(tree, {"cache": "stream", "truth": "labels", "hold_out": 0.1, "duplicates": "keep"}), tmp_path / "out")
    assert len(found.rows) == 400
    rows = list(found.rows)
    assert [row["row"] for row in rows] == list(range(400))
    assert sum(row["split"] == "test" for row in rows) == 40
    assert all(row["split"] == "pool" or row["truth"] == row["path"][:5] for row in rows)
    assert all((row["truth"] is None) == (row["split"] == "pool") for row in rows)
    assert rows[3:5] == found.rows[3:5]
    assert list(found.labels) == [(row["path"], row["path"][:5]) for row in rows if row["split"] == "pool"]
    assert {(row["width"], row["height"]) for row in rows} == {(120, 90), (20, 40)}
