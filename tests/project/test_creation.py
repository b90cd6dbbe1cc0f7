"""A project is made, read again and deleted with all that is its own."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from alcore.errors import AlcoreError, BadInput, Cancelled, NotFound
from alcore.importing import gather as importing
from alcore.jobs.processes import process_name
from alcore.pixels import packing
from alcore.progress import Progress
from alcore.project import creation, doctor
from alcore.project.facade import Project, Workspace
from alcore.storage import schema
from alcore.storage.importrows import ImportRows
from alcore.storage.journal import Journal
from alcore.types import Annotation
from tests.house import ROOT
from tests.project.played import labeled_project

pytestmark = pytest.mark.both_databases


def table_sizes(workspace: Workspace) -> dict[str, int]:
    with workspace.database.read() as conn:
        return {t.name: conn.scalar(sa.select(sa.func.count()).select_from(t)) for t in schema.meta.sorted_tables}


def test_deleting_removes_rows_and_files_and_leaves_the_source_and_other_projects(project, digits_source, quick):
    labeled_project(project)
    project.run_round("random", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    other = Project.import_into(project.workspace, "other", digits_source / "test")
    project.delete()
    assert not project.folder.exists()
    assert project.workspace.projects() == ["other"]
    sizes = table_sizes(project.workspace)
    assert {name: sizes[name] for name in ("projects", "items", "annotations", "current", "rounds", "queries", "jobs")} == {
        "projects": 1, "items": 16, "annotations": 0, "current": 0, "rounds": 0, "queries": 0, "jobs": 0,
    }  # fmt: skip
    assert other.pixels().shape[0] == 16
    assert len(list(digits_source.rglob("*.png"))) == 56
    again = Project.import_into(project.workspace, "toy", digits_source)
    assert again.rounds() == []
    assert again.workspace.job_rows.jobs("toy") == []


def test_a_project_with_a_running_job_is_not_deleted(project):
    """In whatever process: the jobs of one that is gone keep nobody."""
    jobs = project.workspace.job_rows
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        job = jobs.add_job("round", "toy", "t", {}, "cpu", owner=process_name(other.pid))
        with pytest.raises(AlcoreError, match="a job of 'toy' is still running: cancel it first"):
            project.delete()
        assert project.counts()["items"] == 56
        other.communicate(b"\n")
    assert jobs.job(job.id).state == "running"
    project.delete()
    assert project.workspace.projects() == []
    assert not project.folder.exists()


def test_a_project_that_another_process_works_in_is_not_deleted(project):
    code = "import sys; from pathlib import Path; from alcore.files import at_work\n"
    code += "with at_work(Path(sys.argv[1])): print('in', flush=True); input()"
    command = [sys.executable, "-c", code, str(project.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as other:
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(AlcoreError, match="another process is at work in 'toy', importing or exporting: wait for it, or stop it"):
            project.delete()
        assert project.counts()["items"] == 56
        other.communicate(b"\n")
    project.delete()
    assert project.workspace.projects() == []


def paths(project: Project) -> dict[str, int]:
    return {item.path: item.id for item in project.items.pool()}


def assert_nothing_is_left(workspace: Workspace) -> None:
    with workspace.database.read() as conn:
        assert {t.name: conn.scalar(sa.select(sa.func.count()).select_from(t)) for t in schema.meta.sorted_tables} == dict.fromkeys(
            schema.meta.tables, 0
        )
    folder = workspace.home / "projects"
    assert not folder.exists() or list(folder.iterdir()) == []


def interrupt(stage: str, error: type[BaseException] = Cancelled):
    def report(progress: Progress) -> None:
        if progress.stage.startswith(stage):
            raise error(f"at {stage}")

    return report


def test_an_import_stores_items_classes_splits_and_hidden_truth(project, digits_source):
    assert creation.summary(project) == {
        "project": "toy", "items": 56, "classes": ["0", "1", "2", "3"], "splits": {"pool": 40, "test": 16}, "skipped": [], "labeled": 0,
        "took_for": "class folders below train, test: 4 classes, 56 images", "notes": [],
    }  # fmt: skip
    assert project.counts()["truth"] == {split: dict.fromkeys("0123", n) for split, n in (("pool", 10), ("test", 4))}
    pixels, row = project.pixels(), {r[0]: r[3] for r in project.snapshot()}
    assert pixels.shape == (56, 8, 8, 3)
    for path, item in paths(project).items():
        with Image.open(digits_source / path) as image:
            assert np.array_equal(pixels[row[item]], np.asarray(image.convert("RGB"))), path


def test_labels_instead_of_hidden_truth_label_the_pool_and_keep_the_tests_truth(workspace, digits_source):
    project = Project.import_into(workspace, "toy", digits_source, truth="labels")
    assert project.counts()["labels"] == dict.fromkeys("0123", 10)
    assert project.counts()["truth"] == {"test": dict.fromkeys("0123", 4)}
    assert {e["annotator"] for e in project.journal.events()} == {"import"}
    with pytest.raises(AlcoreError, match="cannot label 1 items from the truth: 0 unlabeled items of 'toy' have one"):
        project.label_from_truth(1)


def test_without_a_test_split_a_fifth_of_each_class_is_held_out_and_stays_so(workspace, digits_source, write_image):
    source = digits_source / "train"
    project = Project.import_into(workspace, "toy", source)
    assert project.counts()["splits"] == {"pool": 32, "test": 8}
    assert project.counts()["truth"]["test"] == dict.fromkeys("0123", 2)
    assert project.settings["notes"] == ["there is no test split: 8 of 40 labeled images are held out for testing"]
    held = {item.path for item in project.items.pool() if item.split == "test"}
    for n in range(20):
        write_image(source / "2" / f"new{n}.png", 2, n)
    project.refresh()
    assert {item.path for item in project.items.pool() if item.split == "test"} == held
    assert project.counts()["splits"] == {"pool": 52, "test": 8}


@pytest.mark.parametrize(("share", "splits"), [(0.5, {"pool": 20, "test": 20}), (0.0, {"pool": 40})])
def test_the_share_that_is_held_out_can_be_chosen(workspace, digits_source, share, splits):
    assert Project.import_into(workspace, "toy", digits_source / "train", hold_out=share).counts()["splits"] == splits


def test_val_serves_as_test_when_there_is_none(workspace, digits_source):
    (digits_source / "test").rename(digits_source / "val")
    project = Project.import_into(workspace, "toy", digits_source)
    assert project.counts()["splits"] == {"pool": 40, "val": 16}
    assert project.settings["notes"] == ["there is no test split: accuracy is measured on the val split"]
    assert len(project.pool().test) == 16


def test_importing_again_decodes_only_what_changed_and_keeps_ids_labels_and_splits(project, digits_source, write_image, decoded):
    before = paths(project)
    project.annotate({before["train/0/00.png"]: "3", before["train/1/05.png"]: "1", before["train/3/09.png"]: "3"})
    write_image(digits_source / "train" / "0" / "00a.png", 0)  # comes second: every other row moves
    write_image(digits_source / "train" / "1" / "05.png", 2, seed=9)
    (digits_source / "train" / "3" / "09.png").unlink()
    summary = project.refresh()
    assert sorted(decoded) == ["00a.png", "05.png"]
    assert (summary["items"], summary["labeled"], summary["splits"]) == (56, 2, {"pool": 40, "test": 16})
    after = paths(project)
    assert {p: i for p, i in after.items() if p != "train/0/00a.png"} == {p: i for p, i in before.items() if p != "train/3/09.png"}
    assert after["train/0/00a.png"] not in before.values()
    assert project.items.labels() == {
        before["train/0/00.png"]: "3", before["train/1/05.png"]: "1", before["train/3/09.png"]: "3",
    }  # fmt: skip
    row = {r[0]: r[3] for r in project.snapshot()}
    for path, item in after.items():
        with Image.open(digits_source / path) as image:
            assert np.array_equal(project.pixels()[row[item]], np.asarray(image.convert("RGB"))), path
    assert len(list(project.folder.glob("packed-*.npy"))) == 1
    decoded.clear()
    project.refresh()
    assert decoded == []


def test_an_image_that_comes_back_is_decoded_and_has_its_id_and_label_again(project, digits_source, decoded):
    file = digits_source / "train" / "2" / "03.png"
    item, content, times = paths(project)["train/2/03.png"], file.read_bytes(), os.stat(file)
    project.annotate({item: "2"})
    file.unlink()
    project.refresh()
    assert project.counts()["labeled"] == 0
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as unpacked again: the same size and time as before
    project.refresh()
    assert decoded == ["03.png"]
    assert paths(project)["train/2/03.png"] == item
    assert project.counts()["labels"] == {"2": 1}
    with Image.open(file) as image:
        row = next(r[3] for r in project.snapshot() if r[0] == item)
        assert np.array_equal(project.pixels()[row], np.asarray(image.convert("RGB")))


def test_new_images_of_a_source_whose_labels_count_come_with_their_labels(workspace, digits_source, write_image):
    project = Project.import_into(workspace, "toy", digits_source, truth="labels")
    project.annotate({paths(project)["train/0/00.png"]: "1"}, annotator="ann")
    write_image(digits_source / "train" / "3" / "new.png", 3)
    project.refresh()
    labels = project.items.labels()
    assert labels[paths(project)["train/3/new.png"]] == "3"
    assert labels[paths(project)["train/0/00.png"]] == "1"  # a person's word stands against the folder's
    assert len(labels) == 41


def test_importing_again_from_a_source_that_is_gone_leaves_the_project_as_it_was(project, digits_source):
    digits_source.rename(digits_source.with_name("elsewhere"))
    with pytest.raises(BadInput, match="does not exist"):
        project.refresh()
    assert project.counts()["items"] == 56
    assert project.pixels().shape == (56, 8, 8, 3)
    assert len(list(project.folder.glob("packed-*"))) == 1


def test_bad_files_are_set_aside_with_reasons_and_never_stop_an_import(workspace, digits_source):
    good = (digits_source / "train" / "0" / "00.png").read_bytes()
    (digits_source / "train" / "0" / "empty.png").write_bytes(b"")
    (digits_source / "train" / "1" / "cut.png").write_bytes(good[:60])
    (digits_source / "train" / "1" / "notes.txt").write_text("hello")
    project = Project.import_into(workspace, "toy", digits_source)
    assert project.counts()["items"] == 56
    reasons = {s.path: s.reason for s in project.items.set_aside()}
    assert reasons.keys() == {"train/0/empty.png", "train/1/cut.png", "train/1/notes.txt"}
    assert reasons["train/0/empty.png"] == "empty: the file has 0 bytes"
    assert reasons["train/1/notes.txt"] == "not an image (its suffix is .txt)"


def test_projects_need_a_name_that_is_free_and_can_be_used(project, digits_source):
    for name in ("", "../x", " a", "a/b", "x" * 81, "ü", "a\n"):
        with pytest.raises(BadInput, match="cannot be a project's name"):
            Project.import_into(project.workspace, name, digits_source)
    with pytest.raises(BadInput, match="a project 'toy' exists already: choose another name, or delete it first"):
        Project.import_into(project.workspace, "toy", digits_source)
    assert project.workspace.projects() == ["toy"]
    assert len(list((project.workspace.home / "projects").iterdir())) == 1


def test_an_unknown_project_is_not_found_and_those_there_are_are_named(project):
    with pytest.raises(NotFound, match=r"there is no project 'toys' \(projects: toy\)"):
        project.workspace.project("toys")


def test_a_project_that_takes_the_name_meanwhile_wins_and_nothing_is_left_of_the_other(workspace, digits_source):
    def report(progress: Progress) -> None:
        if progress.stage == "reading images" and not workspace.projects():
            Project.import_into(workspace, "toy", digits_source / "test")

    with pytest.raises(BadInput, match="a project 'toy' exists already"):
        Project.import_into(workspace, "toy", digits_source, report=report)
    assert workspace.project("toy").counts()["items"] == 16
    assert len(list((workspace.home / "projects").iterdir())) == 1


@pytest.mark.parametrize(("prepare", "options", "words"), [
    (lambda source: None, {}, "does not exist"),
    (lambda source: source.mkdir(), {}, "holds no images"),
    (lambda source: (source.mkdir(), (source / "a.png").write_bytes(b"no image")), {}, "none of its 1 images can be read"),
    (lambda source: (source.mkdir(), (source / "a.txt").write_text("x")), {}, "holds no images"),
    (lambda source: source.mkdir(), {"format": "tfrecord"}, "unknown format 'tfrecord'"),
    (lambda source: source.mkdir(), {"task": "detection"}, "unknown task 'detection': use auto, classification, segmentation"),
    (lambda source: source.mkdir(), {"truth": "shown"}, "truth='shown': use one of hidden, labels"),
    (lambda source: source.mkdir(), {"hold_out": 1.0}, "hold out a share from 0 to below 1, not 1.0"),
])  # fmt: skip
def test_an_import_that_cannot_be_done_says_why_and_leaves_nothing(workspace, tmp_path, prepare, options, words):
    prepare(tmp_path / "bad")
    with pytest.raises(BadInput, match=words):
        Project.import_into(workspace, "toy", tmp_path / "bad", **options)
    assert_nothing_is_left(workspace)


@pytest.mark.parametrize("options", [{"image_size": 4}, {"classes": ["a\nb"]}])
def test_options_that_are_refused_late_leave_nothing_either(workspace, digits_source, options):
    with pytest.raises(BadInput):
        Project.import_into(workspace, "toy", digits_source, **options)
    assert_nothing_is_left(workspace)


@pytest.mark.parametrize("stage", ["reading the source", "reading images"])
def test_an_import_that_is_cancelled_leaves_nothing(workspace, digits_source, stage):
    with pytest.raises(Cancelled):
        Project.import_into(workspace, "toy", digits_source, report=interrupt(stage))
    assert_nothing_is_left(workspace)


def test_a_disk_that_is_too_small_for_the_cache_is_said_and_nothing_is_left(workspace, digits_source, monkeypatch):
    usage = packing.shutil.disk_usage(".")
    monkeypatch.setattr(packing.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(AlcoreError, match=r"the image cache needs 0\.0 MB in .* and 0\.0 MB are free"):
        Project.import_into(workspace, "toy", digits_source, cache="pack")
    assert_nothing_is_left(workspace)


def test_a_disk_that_fills_while_originals_are_kept_is_said_and_nothing_is_left(workspace, tmp_path, make_npz, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(importing.np, "save", full)
    with pytest.raises(AlcoreError, match="the disk is full"):
        Project.import_into(workspace, "toy", make_npz(tmp_path / "arrays", 120))
    assert_nothing_is_left(workspace)


def test_an_import_that_fails_while_its_labels_are_stored_leaves_nothing(workspace, digits_source, monkeypatch):
    def full(*_, **__):
        raise AlcoreError("the disk is full")

    monkeypatch.setattr(Journal, "begin", full)
    with pytest.raises(AlcoreError, match="the disk is full"):
        Project.import_into(workspace, "toy", digits_source, truth="labels")
    assert_nothing_is_left(workspace)


def test_an_import_again_takes_labels_of_images_that_nobody_has_touched(workspace, digits_source):
    project = Project.import_into(workspace, "toy", digits_source, truth="labels")
    ids = [item.id for item in project.items.pool() if item.split == "pool"]
    with workspace.database.write() as conn:  # as versions before 0.5 left it when they were killed
        mine = schema.annotation_rows.c.item_id.in_(ids[:30])
        conn.execute(schema.annotation_rows.delete().where(mine))
        conn.execute(schema.current.delete().where(schema.current.c.item_id.in_(ids[:30])))
    project.journal.record(
        [Annotation("a", 1, ids[0], "skip"), Annotation("a", 2, ids[1], "label", "3"), Annotation("a", 3, ids[1], "undo")], project.classes
    )
    project.refresh()
    labels = project.items.labels()
    paths = project.items.paths()
    assert labels == {i: paths[i].split("/")[1] for i in ids if i not in ids[:2]}
    before = len(project.journal.events())
    project.refresh()
    assert len(project.journal.events()) == before
    assert doctor.findings(project) == []


def test_an_import_again_that_is_not_stored_leaves_the_files_as_they_were(workspace, make_npz, tmp_path, monkeypatch):
    project = Project.import_into(workspace, "arrays", make_npz(tmp_path / "arrays", 120))  # packed smaller, with the originals kept
    before = {path.name: path.read_bytes() for path in project.folder.iterdir()}

    def full(*_, **__):
        raise AlcoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(ImportRows, "replace", full)
        with pytest.raises(AlcoreError, match="the disk is full"):
            project.refresh()
    assert {path.name: path.read_bytes() for path in project.folder.iterdir()} == before
    project.refresh()
    after = {path.name for path in project.folder.iterdir()}
    assert len(after) == len(before) == 4  # the lock, packed images, two originals
    assert after & before.keys() == {".lock"}


def test_a_flat_folder_has_no_classes_until_some_are_added(workspace, digits_source):
    project = Project.import_into(workspace, "flat", digits_source / "train" / "0", classes=["cat", " dog ", "cat", ""])
    assert project.classes == ("cat", "dog")
    assert project.counts()["splits"] == {"pool": 10}
    project.add_class("cow")
    assert workspace.project("flat").classes == ("cat", "dog", "cow")
    for name in ("cow", "  ", "x" * 201, "a\tb"):
        with pytest.raises(BadInput):
            project.add_class(name)
    assert workspace.project("flat").classes == ("cat", "dog", "cow")


NEW_SETTINGS = ("read_as", "read_from", "naming", "asked", "levels", "keep_cut")  # of 0.4.0


def as_of_before(project: Project) -> Project:
    """The project as 0.3.0 had stored it."""
    old = {name: value for name, value in project.settings.items() if name not in NEW_SETTINGS}
    with project.place.database.write() as conn:
        project.place.project_rows.set(conn, project.id, settings=old)
    return project.workspace.project(project.name)


def test_a_project_of_before_is_read_again_decodes_nothing_anew_and_keeps_ids_and_splits(project, decoded):
    before = paths(project), {row[0]: row[1] for row in project.snapshot()}
    old = as_of_before(project)
    decoded.clear()
    old.refresh()
    assert (paths(old), {row[0]: row[1] for row in old.snapshot()}) == before
    assert list(decoded) == []
    assert old.settings["read_as"] == "folder"


def test_a_source_that_is_read_differently_now_is_refused_before_a_label_loses_its_image(workspace, tmp_path, write_image):
    """0.3.0 took a wrapper for a class: its paths begin with it."""
    for number in range(4):
        write_image(tmp_path / "src" / "ds" / ("cat", "dog")[number % 2] / f"{number}.png", number % 4, number)
    project = Project.import_into(workspace, "p", tmp_path / "src")
    assert sorted(paths(project)) == ["cat/0.png", "cat/2.png", "dog/1.png", "dog/3.png"]
    with workspace.database.write() as conn:
        conn.execute(sa.update(schema.items).values(path=sa.literal("ds/") + schema.items.c.path))
    with pytest.raises(BadInput, match=r"none of the 4 images of the project is where it was in .*: put them back, or import"):
        as_of_before(project).refresh()
    assert len(paths(workspace.project("p"))) == 4


def test_the_same_bytes_in_pool_and_test_are_tested_only_and_in_two_classes_are_told(workspace, tmp_path, write_image):
    source = tmp_path / "src"
    for split, name, number, kind in (("train", "cat", 0, 0), ("train", "dog", 1, 1), ("train", "dog", 2, 2), ("test", "cat", 3, 3)):
        write_image(source / split / name / f"{number}.png", kind, number)
    (source / "train" / "cat" / "twin.png").write_bytes((source / "test" / "cat" / "3.png").read_bytes())
    (source / "train" / "cat" / "torn.png").write_bytes((source / "train" / "dog" / "2.png").read_bytes())
    project = Project.import_into(workspace, "apart", source)
    assert "train/cat/twin.png" not in paths(project)
    (aside,) = project.items.set_aside()
    assert (aside.path, aside.reason) == ("train/cat/twin.png", "the same bytes as test/cat/3.png, which is held out: not trained on")
    said = " | ".join(project.settings["notes"])
    assert "4 images have the very bytes of another" in said
    assert "1 image in two classes at once: train/cat/torn.png = train/dog/2.png" in said
    kept = Project.import_into(workspace, "kept", source, duplicates="keep")
    assert ("train/cat/twin.png" in paths(kept), kept.items.set_aside()) == (True, [])


def test_of_few_images_a_class_some_are_held_out_all_the_same(workspace, tmp_path, write_image):
    for number in range(12):
        write_image(tmp_path / "src" / f"class {number // 2}" / f"{number}.png", number % 4)
    project = Project.import_into(workspace, "p", tmp_path / "src", duplicates="keep")
    assert project.counts()["splits"] == {"pool": 10, "test": 2}  # a fifth of 12, none of them alone in its class
