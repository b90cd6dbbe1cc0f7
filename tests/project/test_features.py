"""A project's features: made once in the order they are needed, kept over kills, changes and new images, mapped once."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from alcore.errors import AlcoreError, BadInput, Busy, Cancelled
from alcore.extractors import Embedder, prepared
from alcore.extractors import extraction as extraction_module
from alcore.extractors.vectors import VectorStore
from alcore.nets.tasks import train_params
from alcore.pixels.images import decode
from alcore.progress import Progress
from alcore.project import features as module
from alcore.project import loop
from alcore.project.facade import Project
from alcore.project.features import Features, left_to_do, suits
from alcore.remembered import Remembered
from tests.extractors.colors import DIM, MARK, SIDE, colors, stand_in
from tests.house import ROOT
from tests.project.photos import photo
from tests.project.played import paths

ITEMS = 56


@pytest.fixture
def embedded(monkeypatch) -> list[int]:
    """How many pictures a network was given, each time; the two known ones are not counted."""
    counts: list[int] = []
    honest = extraction_module._keep

    def keep(batch, found, embedder, store, result):
        before = result.done - result.known
        honest(batch, found, embedder, store, result)
        counts.append(result.done - result.known - before)

    monkeypatch.setattr(extraction_module, "_keep", keep)
    return counts


@pytest.fixture
def added(monkeypatch) -> list[int]:
    """Keys in the order in which they were kept."""
    keys: list[int] = []
    honest = VectorStore.add

    def add(self, its_keys, digests, vectors):
        honest(self, its_keys, digests, vectors)
        keys.extend(its_keys.tolist())

    monkeypatch.setattr(VectorStore, "add", add)
    return keys


def small_batches(monkeypatch, size: int) -> None:
    monkeypatch.setattr(module, "batches_of", functools.partial(module.batches_of, size=size))


def ids_of(found: Features, keys: list[int]) -> list[int]:
    by_key = dict(zip(found._items[1].tolist(), found.ids.tolist(), strict=True))
    return [by_key[key] for key in keys]


def vector_of(project: Project, found: Features, item: int) -> np.ndarray:
    row = found.rows[found.ids.tolist().index(item)]
    assert row >= 0
    return found.store.vectors()[row].astype(np.float32)


def expected(image: Image.Image) -> np.ndarray:
    return Embedder(colors(), torch.device("cpu"))(prepared(image, SIDE)[None].copy())[0]


def assert_all_right(project: Project) -> None:
    found = Features(project)
    assert found.done == len(found.ids) == project.counts()["items"]
    for path, item in paths(project).items():
        np.testing.assert_allclose(vector_of(project, found, item), expected(decode(project.source / path)), atol=4e-3)


# ---- for whom


def test_photos_train_on_features_and_small_images_do_not(photos, project, scenes):
    assert (suits(photos), suits(project), suits(scenes)) == (True, False, False)
    assert photos.settings["image_size"] == 64
    assert loop.defaults(photos)["architecture"] == "features"
    assert loop.ordered(photos, "random", 5).check()[1].architecture == "features"
    assert "architecture" not in loop.defaults(project)


def test_without_the_network_photos_train_as_other_images(photos, monkeypatch):
    def gone(name, models=None):
        raise BadInput("not here")

    monkeypatch.setattr(module, "extractor_named", gone)
    assert not suits(photos)
    assert "architecture" not in loop.defaults(photos)


def test_an_unknown_extractor_is_refused_with_those_there_are(photos):
    with pytest.raises(BadInput, match="unknown extractor 'lite9': use lite0"):
        Features(photos, "lite9")
    assert not (photos.folder / "features").exists()


# ---- making


def test_every_image_gets_the_vector_of_its_file(photos, embedded):
    assert Features(photos).done == 0
    assert not (photos.folder / "features").exists()  # looking makes nothing
    told = Features(photos).complete("cpu")
    assert told.pop("images_per_second") > 0
    assert told.pop("seconds") >= 0
    assert told == {
        "project": "photos",
        "extractor": "lite0",
        "items": ITEMS,
        "dim": DIM,
        "made": ITEMS,
        "known": 0,
        "unreadable": [],
        "unreadable_count": 0,
    }
    assert sum(embedded) == ITEMS
    assert_all_right(photos)
    assert Features(photos).folder == photos.folder / "features" / f"lite0-{MARK}"


def test_what_is_there_is_not_made_again(photos, embedded):
    Features(photos).complete("cpu")
    again = Features(photos).complete("cpu")
    assert (again["items"], again["made"], again["images_per_second"], again["seconds"]) == (ITEMS, 0, 0.0, 0.0)
    assert sum(embedded) == ITEMS


def test_vectors_of_another_mark_are_others(photos, monkeypatch):
    Features(photos).complete("cpu")
    stand_in(monkeypatch.setattr, colors(mark="d1" * 6))
    other = Features(photos)
    assert (other.done, other.folder.name) == (0, f"lite0-{'d1' * 6}")


def test_labeled_and_asked_images_come_first_then_some_for_testing_then_the_rest_at_random(photos, added, monkeypatch):
    monkeypatch.setattr(module, "TESTED_FIRST", 5)
    photos.label_from_truth(4, seed=0)
    photos.start(3, seed=1)
    needed = {*photos.items.labels(), *photos.queries.open().waiting}
    test = set(photos.pool().test.tolist())
    found = Features(photos)
    found.complete("cpu")
    order = ids_of(found, added)
    assert sorted(order) == found.ids.tolist()
    assert set(order[:7]) == needed
    assert set(order[7:12]) <= test
    rest = order[12:]
    assert 0 < len(test & set(rest[: len(rest) // 2])) < 11  # mixed with the pool
    assert rest != sorted(rest)
    shutil.rmtree(found.folder)
    added.clear()
    Features(photos).complete("cpu")
    assert ids_of(found, added) == order


def test_what_is_labeled_meanwhile_comes_next(photos, added, monkeypatch):
    small_batches(monkeypatch, 2)
    found, late = Features(photos), []

    def report(progress: Progress) -> None:
        if progress.done == 6:
            last = [i for i in photos.pool().unlabeled.tolist() if i not in ids_of(found, added)][-1]
            late.append(last)
            photos.annotate({last: "sea"})

    found.complete("cpu", report)
    assert ids_of(found, added).index(late[0]) <= 6 + 2 * (extraction_module.AHEAD + 1)


@pytest.mark.parametrize("stop", [0, 8, 40])
def test_a_cancel_keeps_what_was_made(stop, photos, embedded, monkeypatch):
    small_batches(monkeypatch, 8)

    def report(progress: Progress) -> None:
        if progress.total and progress.done >= stop:
            raise Cancelled

    with pytest.raises(Cancelled):
        Features(photos).complete("cpu", report)
    assert Features(photos).done == stop
    told: list[Progress] = []
    Features(photos).complete("cpu", told.append)
    assert next((p.done, p.total) for p in told if p.total) == (stop, ITEMS)
    assert sum(embedded) == ITEMS
    assert_all_right(photos)


def test_an_image_that_cannot_be_read_any_more_is_told_and_asked_for_once_a_run(photos, photo_source):
    photos.label_from_truth(30, seed=0)  # urgent ones among the broken
    broken = [photo_source / "train" / kind / f"{number:02d}.png" for kind in ("brick", "sea") for number in range(3)]
    for at, file in enumerate(broken):
        file.write_bytes(b"" if at % 2 else b"no picture")
    broken[0].unlink()
    told = Features(photos).complete("cpu")
    assert (told["items"], told["made"], told["unreadable_count"]) == (ITEMS - 6, ITEMS - 6, 6)
    assert {one["path"] for one in told["unreadable"]} == {str(file) for file in broken}
    assert all(one["reason"] for one in told["unreadable"])
    assert Features(photos).unread.sum() == 1  # the one that is gone may come back; what is no picture stays none
    once_more = Features(photos).complete("cpu")
    assert (once_more["made"], [one["path"] for one in once_more["unreadable"]]) == (0, [str(broken[0])])
    assert Features(photos).unread.sum() == 1
    again = Features(photos).complete("cpu", again=True)
    assert (again["made"], again["unreadable_count"]) == (0, 6)


def test_a_file_that_is_mended_is_read_when_asked_again_or_once_the_source_was_read_again(photos, photo_source):
    one = photo_source / "train" / "sea" / "00.png"
    whole = one.read_bytes()
    one.write_bytes(b"no picture")
    assert Features(photos).complete("cpu")["unreadable_count"] == 1
    one.write_bytes(whole)
    assert Features(photos).complete("cpu")["made"] == 0
    assert Features(photos).complete("cpu", again=True)["made"] == 1
    assert not Features(photos).unread.any()
    assert Features(photos).complete("cpu")["unreadable_count"] == 0


def test_without_the_source_nothing_begins(photos, photo_source):
    photo_source.rename(photo_source.with_name("elsewhere"))
    with pytest.raises(AlcoreError, match=r"the source folder .*photos is gone: put it back"):
        Features(photos).complete("cpu")
    photo_source.with_name("elsewhere").rename(photo_source)
    Features(photos).complete("cpu")
    photo_source.rename(photo_source.with_name("elsewhere"))
    assert Features(photos).complete("cpu")["made"] == 0  # nothing is to be read


def test_of_two_who_make_them_the_second_is_told(photos):
    with Features(photos).store.writing(), pytest.raises(Busy, match="the features of 'photos' are being made by another job: wait"):
        Features(photos).complete("cpu")


@pytest.mark.parametrize("side", [64, 300])  # packed as they are, and kept beside
def test_arrays_are_sources_too(side, workspace, make_npz, tmp_path, monkeypatch):
    stand_in(monkeypatch.setattr)
    project = Project.import_into(workspace, "arrays", make_npz(tmp_path / "npz", side), image_size=64)
    told = Features(project).complete("cpu")
    assert (told["items"], told["made"]) == (12, 12)
    with np.load(tmp_path / "npz" / "set.npz") as stored:
        arrays = {"test": stored["x_test"], "train": stored["x_train"]}
    found, rows = Features(project), {row["path"]: i for i, row in project.items.rows(list(paths(project).values())).items()}
    for path, item in rows.items():
        split, number = ("test" if "test" in path else "train"), int("".join(c for c in path if c.isdigit()))
        np.testing.assert_allclose(vector_of(project, found, item), expected(Image.fromarray(arrays[split][number])), atol=4e-3)
    (tmp_path / "npz" / "set.npz").unlink()
    shutil.rmtree(found.folder)
    assert Features(project).complete("cpu")["made"] == 12  # they lie in the workspace


def test_after_importing_again_only_new_content_is_looked_at(photos, photo_source, embedded):
    Features(photos).complete("cpu")
    embedded.clear()
    Image.fromarray(photo("grass", 5000)).save(photo_source / "train" / "grass" / "00.png")  # changed
    (photo_source / "train" / "brick" / "00.png").rename(photo_source / "train" / "brick" / "renamed.png")
    shutil.copy(photo_source / "train" / "sea" / "01.png", photo_source / "train" / "sea" / "copy.png")
    Image.fromarray(photo("sand", 5001)).save(photo_source / "train" / "sand" / "new.png")
    (photo_source / "train" / "sand" / "01.png").unlink()
    photos.refresh()
    found = Features(photos)
    assert len(found.ids) - found.done == 4
    told = found.complete("cpu")
    assert (told["items"], told["made"], told["known"], sum(embedded)) == (ITEMS + 1, 4, 2, 2)
    assert_all_right(photos)


CHILD = """
import sys
from alcore.extractors.vectors import VectorStore
from alcore.project import features
from alcore.project.facade import Workspace
from tests.extractors.colors import stand_in
stand_in()
honest, batches, left = VectorStore._append, features.batches_of, [int(sys.argv[2])]
def append(self, name, values, **options):
    if left[0] == 0:  # in the midst of a batch, with half of a file
        with (self.folder / name).open("ab") as file:
            file.write(values.tobytes()[: values.nbytes // 2])
        print("now", flush=True)
        sys.stdin.read()
    left[0] -= 1
    honest(self, name, values, **options)
VectorStore._append = append
features.batches_of = lambda *given: batches(*given, size=8)
features.Features(Workspace(sys.argv[1]).project("photos")).complete("cpu")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("appended", "there", "known"),
    [(3, 8, 0), (7, 16, 4), (11, 28, 4)],  # killed with half of the vectors, the digests, the (key, row) of a batch on the disk
)
def test_a_process_killed_amid_its_work_leaves_what_was_whole_and_no_lock(appended, there, known, photos, embedded):
    command = [sys.executable, "-c", CHILD, str(photos.place.home), str(appended)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "now\n"
        with pytest.raises(Busy):
            Features(photos).complete("cpu")
        child.kill()
    assert child.returncode == -9
    assert Features(photos).done == there
    assert Features(photos).complete("cpu")["made"] == ITEMS - there
    assert sum(embedded) == ITEMS - there - known  # what had its digest needed no network
    assert_all_right(photos)


@pytest.mark.slow
def test_the_network_that_comes_along_tells_little_photos_apart(workspace, photo_source):
    project = Project.import_into(workspace, "photos", photo_source)
    found = Features(project)
    told = found.complete("cpu")
    assert (told["items"], told["dim"]) == (ITEMS, 1280)
    vectors = found.store.vectors()[found.rows].astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kinds = np.array([path.split("/")[1] for path in (project.items.paths()[i] for i in found.ids.tolist())])
    near = vectors @ vectors.T
    np.fill_diagonal(near, -1)
    assert (kinds[near.argmax(1)] == kinds).mean() > 0.9


# ---- the map, and what is left to do


def test_the_map_is_laid_out_once_and_new_images_move_nothing(photos, photo_source, monkeypatch):
    found = Features(photos)
    assert found.kept_map() is None
    found.complete("cpu")
    ids, xy = found.map()
    assert ids.tolist() == found.ids.tolist()
    assert np.isfinite(xy).all()
    for number in range(20):
        Image.fromarray(photo("sea", 7000 + number)).save(photo_source / "train" / "sea" / f"new{number}.png")
    photos.refresh()
    grown = Features(photos)
    grown.complete("cpu")
    early_ids, early = grown.kept_map()  # before anybody lays the new ones out
    assert (early_ids.tolist(), early.tolist()) == (ids.tolist(), xy.tolist())
    later_ids, later = grown.map()
    assert len(later_ids) == ITEMS + 20
    stay = np.isin(later_ids, ids)
    assert later[stay].tolist() == xy.tolist()
    sea = [path.split("/")[1] == "sea" for path in (photos.items.paths()[i] for i in ids.tolist())]
    new = later[~stay]
    apart = np.linalg.norm(new[:, None] - xy[None], axis=2)
    assert np.array(sea)[apart.argmin(1)].mean() > 0.8  # among their neighbors
    monkeypatch.setattr(module, "grown_layout", None)  # no more of it
    assert grown.map()[1].tolist() == later.tolist()


def test_what_is_left_to_do_is_counted(photos, project):
    wanted = train_params("classification", {"architecture": "features"})
    assert left_to_do(photos, wanted) == (ITEMS, True)
    found = Features(photos)
    found.complete("cpu")
    assert left_to_do(photos, wanted) == (0, True)
    found.map()
    assert left_to_do(photos, wanted) == (0, False)
    assert left_to_do(project, train_params("classification", {})) == (0, True)


def test_models_that_people_bring_lie_in_the_workspace_or_where_they_say(photos, tmp_path, monkeypatch):
    monkeypatch.delenv("ALCORE_MODELS", raising=False)
    assert module.models_folder(photos.place.home) == photos.place.home / "models"
    monkeypatch.setenv("ALCORE_MODELS", str(tmp_path / "mine"))
    assert module.models_folder(photos.place.home) == tmp_path / "mine"


def test_the_list_of_many_images_is_kept_beside_the_vectors_until_the_next_import(photos, monkeypatch):
    monkeypatch.setattr(module, "KEPT_FROM", 10)

    def listed() -> list[tuple]:
        monkeypatch.setattr(module, "_listed", Remembered(2))  # as in a process that has just begun
        ids, keys, paths, rows = Features(photos.place.project("photos"))._items
        return list(zip(ids.tolist(), keys.tolist(), paths, rows.tolist(), strict=True))

    right = listed()
    assert not (Features(photos).folder / module.LISTED).exists()  # nothing has been read yet
    photos.features(device="cpu", report=lambda progress: None)
    assert listed() == right
    assert (Features(photos).folder / module.LISTED).is_file()
    with monkeypatch.context() as kept:
        kept.setattr(Features, "_read_items", lambda self: pytest.fail("they were read again"))
        assert listed() == right
    (photos.source / right[0][2]).unlink()
    photos.refresh()
    assert [row[:3] for row in listed()] == [row[:3] for row in right[1:]]
