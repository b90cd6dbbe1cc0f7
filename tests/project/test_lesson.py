"""What a class takes of a project: its pool, its test images and vectors; nothing of the project is written."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import sqlalchemy as sa

from alcore.errors import BadInput, Unavailable
from alcore.project import lesson as lessons
from alcore.project.facade import Project
from alcore.project.features import Features
from alcore.project.lesson import digits, lesson
from alcore.storage.schema import annotation_rows


def test_the_whole_pool_is_asked_for_whatever_the_project_has_labeled(toy):
    found = lesson(toy)
    pool = found.material.pool
    now = toy.pool()
    assert (found.project, found.classes) == ("toy", toy.classes)
    assert pool.unlabeled.tolist() == sorted([*now.labeled.tolist(), *now.unlabeled.tolist()])
    assert (pool.labeled.tolist(), len(pool.unlabeled)) == ([], 40)
    assert (pool.test.tolist(), pool.test_targets.tolist()) == (now.test.tolist(), now.test_targets.tolist())


def test_vectors_are_the_pixels_around_what_is_common(toy):
    material = lesson(toy).material
    pixels, snapshot = np.asarray(toy.pixels()), toy.snapshot()
    wanted = pixels[snapshot.rows].reshape(56, -1).astype(np.float32) / 255
    wanted -= wanted.mean(0)
    wanted /= np.sqrt((wanted**2).sum(1))[:, None]
    assert material.pixels[material.pool.rows_of(snapshot.ids)] == pytest.approx(wanted, abs=1e-3)
    assert (material.side, material.dim) == (0, 8 * 8 * 3)


def test_larger_pictures_are_looked_at_smaller(workspace, tmp_path, make_npz):
    make_npz(tmp_path / "small", 8)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (80, 40, 40, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", x_train=pixels[20:], y_train=np.arange(60) % 2, x_test=pixels[:20], y_test=np.arange(20) % 2)
    project = Project.import_into(workspace, "forty", tmp_path / "set.npz")
    material = lesson(project).material
    assert material.dim == 16 * 16 * 3
    x = np.asarray(project.pixels(), np.float32)[project.snapshot().rows] / 255
    edges = [int(40 * k / 16) for k in range(17)]
    across = np.stack([x[:, a:b].mean(1) for a, b in pairwise(edges)], 1)
    wanted = np.stack([across[:, :, a:b].mean(2) for a, b in pairwise(edges)], 2)
    wanted = wanted.reshape(80, -1) - wanted.reshape(80, -1).mean(0)
    wanted /= np.sqrt((wanted**2).sum(1))[:, None]
    assert np.asarray(material.pixels, np.float32) == pytest.approx(wanted, abs=1e-3)


def test_photos_come_as_what_the_pretrained_network_saw(apart):
    material, found = lesson(apart).material, Features(apart)
    rows = dict(zip(found.ids.tolist(), found.rows.tolist(), strict=True))
    ids = material.pool.ids
    assert np.array_equal(material.pixels, found.store.vectors()[[rows[i] for i in ids.tolist()]])
    assert material.dim == found.extractor.dim


def test_photos_that_nobody_has_read_are_asked_to_be_read(photos):
    with pytest.raises(Unavailable, match=r"^the photos of 'photos' have not been read yet \(0 of 56\): read them on the Data page first$"):
        lesson(photos)


def test_without_test_images_some_of_known_class_are_held_out(workspace, tmp_path, make_source):
    source = make_source(tmp_path / "s", train=15, test=2)  # 8 test images say nothing
    project = Project.import_into(workspace, "few", source)
    pool = lesson(project).material.pool
    assert (len(pool.unlabeled), len(pool.test)) == (45, 15)
    assert not set(pool.unlabeled.tolist()) & set(pool.test.tolist())
    snapshot = project.snapshot()
    codes = snapshot.indices(snapshot.truths, {name: k for k, name in enumerate(project.classes)})
    truth = dict(zip(snapshot.ids.tolist(), codes.tolist(), strict=True))
    assert pool.test_targets.tolist() == [truth[i] for i in pool.test.tolist()]


def test_a_plan_gives_the_same_again_whatever_was_labeled_meanwhile(toy):
    first = lesson(toy)
    plan = json.loads(json.dumps(first.plan()))
    toy.label_from_truth(20, seed=3)
    again = lesson(toy, plan)
    for name in ("unlabeled", "test", "test_targets", "ids", "rows"):
        assert np.array_equal(getattr(again.material.pool, name), getattr(first.material.pool, name))
    assert np.array_equal(again.material.pixels, first.material.pixels)
    plan["pool"].append(10**9)  # gone since
    assert np.array_equal(lesson(toy, plan).material.pool.unlabeled, first.material.pool.unlabeled)


def test_of_a_large_pool_a_part_is_drawn_and_always_the_same(toy, monkeypatch):
    monkeypatch.setattr(lessons, "MOST", 25)
    monkeypatch.setattr(lessons, "MOST_TESTED", 12)
    found, again = lesson(toy), lesson(toy)
    assert (len(found.material.pool.unlabeled), len(found.material.pool.test)) == (25, 12)
    assert found.plan() == again.plan()


def test_nothing_of_the_project_is_written(toy, workspace):
    def state() -> tuple[object, ...]:
        now = workspace.project("toy")
        with workspace.database.read() as conn:
            events = conn.execute(sa.select(sa.func.count()).select_from(annotation_rows)).scalar_one()
        return now.counts(), dict(now.settings), events

    before = state()
    lesson(toy)
    assert state() == before


def test_what_a_class_cannot_label_is_said(workspace, scenes, toy, tmp_path, make_source, monkeypatch):
    with pytest.raises(BadInput, match=r"is labeled pixel by pixel: a class labels whole images, choose another project$"):
        lesson(scenes)
    small = Project.import_into(workspace, "small", make_source(tmp_path / "small", train=2, test=2))
    with pytest.raises(
        BadInput, match=r"^'small' has \d+ images to label and \d+ of known class to test on: a class wants at least 20 and 10$"
    ):
        lesson(small)
    monkeypatch.setattr(lessons, "MOST_CLASSES", 3)
    with pytest.raises(BadInput, match=r"^'toy' has 4 classes: a class in one room takes 2 to 3$"):
        lesson(toy)


@pytest.mark.slow
def test_the_bundled_digits_are_imported_once(workspace):
    assert digits(workspace) == "digits" == digits(workspace)
    assert workspace.projects() == ["digits"]
    found = lesson(workspace.project("digits"))
    assert len(found.material.pool.unlabeled) == 1438
