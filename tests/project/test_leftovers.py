"""What killed work leaves below a workspace: named with its size, removed when nobody is at work, and nothing else with it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from alcore.files import LOCK, alone_in, at_work
from alcore.pixels import maskfiles, masks
from alcore.project import doctor, exporting, leftovers
from alcore.project.doctor import leftover_words
from alcore.project.facade import Project, Workspace
from alcore.project.leftovers import Leftover, collect, collect_in_background, find
from tests.scenes import H, W, truth_of, write_scenes

AGO = 2 * leftovers.OLD


def plant(path: Path, content: bytes = b"12345", age: float = AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    make_old(path, age)
    return path


def make_old(path: Path, age: float = AGO) -> None:
    for one in (*path.rglob("*"), path) if path.is_dir() else (path,):
        os.utime(one, (time.time() - age, time.time() - age))


def files(home: Path) -> dict[str, int]:
    """Every file below the projects, but locks."""
    return {
        path.relative_to(home).as_posix(): path.stat().st_size
        for path in sorted((home / "projects").rglob("*"))
        if path.is_file() and path.name != LOCK
    }


@pytest.fixture
def scenes(workspace, tmp_path) -> Project:
    """A project of masks with a round, a painted mask, pictures and superpixels."""
    project = Project.import_into(workspace, "scenes", write_scenes(tmp_path / "scenes"))
    project.label_from_truth(3, seed=0)
    item = project.items.pool()[5].id
    project.annotate({item: np.ones((H, W), np.uint8)})
    project.run_round("random", 2, 0, "cpu", train={"steps": 2, "batch_size": 4}, report=lambda _: None)
    project.picture(item, 8)
    from alcore.project.drafts import superpixels

    superpixels(project, item, 12)
    return project


# what killed work leaves in a project's folder; the first three are of versions before 0.5
LITTER = (
    ".packed-aabbccdd.npy.0123456789abcdef0123456789abcdef.partial",
    "original-0.npy.part.npy",
    "tmpq7x2/export/a.csv",
    ".packed-aabbccdd.npy.01234567.part",
    "packed-aabbccdd.npy",
    "original-aabbccdd-0.npy",
    ".export-x1/export.zip",
    "masks/ab/.abcd.01234567.part",
    "masks/ab/abcdefabcdefabcdefabcdefabcdefab.png",
    "thumbs/96/.1-ff.jpg.01234567.part",
    "thumbs/96/999-ff.jpg",
    "superpixels/150/999-ff.z",
    "rounds/.0123456789abcdef.01234567.part/scores.npz",
    "rounds/0123456789abcdef/scores.npz",
    "jobs/77/checkpoint.pt",
    "maps/.map-00.npy.01234567.part",
)


def test_what_no_row_owns_is_found_with_its_size_and_removed_and_all_else_stays(scenes, workspace):
    make_old(scenes.folder)
    owned = files(workspace.home)
    assert {path.split("/")[2] for path in owned} >= {"masks", "thumbs", "superpixels", "rounds", "jobs", "maps"}
    assert find(workspace) == []
    plant(scenes.folder / "notes of mine.txt")  # whose it is, alcore does not know
    own = next((scenes.folder / "rounds").iterdir())
    litter = [plant(scenes.folder / name) for name in LITTER]
    litter += [plant(own / ".map.npz.01234567.part"), plant(own / "map.part.npz")]
    litter += [plant(scenes.job_folder(1) / ".checkpoint.pt.01234567.part"), plant(scenes.job_folder(1) / "checkpoint.part")]
    litter += [plant(workspace.home / "projects" / "0123456789ab" / "packed-00.npy"), plant(scenes.folder / ".deleted")]
    young = [plant(path.with_name(f".young{n}.01234567.part"), age=10) for n, path in enumerate(litter[3:6])]
    make_old(workspace.home / "projects" / "0123456789ab")
    for folder in ("tmpq7x2", ".export-x1", "rounds/.0123456789abcdef.01234567.part", "rounds/0123456789abcdef", "jobs/77"):
        make_old(scenes.folder / folder)
    found = find(workspace)
    assert {left.size for left in found} == {5}
    assert len(found) == len(litter)
    assert leftover_words(workspace, None, rebuild=False) == ["22 leftovers of killed work, 0.0 MB: `doctor --rebuild` removes them"]
    assert len(find(workspace, scenes)) == len(litter) - 1
    assert leftover_words(workspace, None, rebuild=True) == ["22 leftovers of killed work, 0.0 MB: removed"]
    left = files(workspace.home).keys() - owned.keys()
    assert left == {path.relative_to(workspace.home).as_posix() for path in (*young, scenes.folder / "notes of mine.txt")}
    assert files(workspace.home).items() >= owned.items()
    assert (find(workspace), doctor.findings(scenes)) == ([], [])
    assert len(find(workspace, older_than=0)) == len(young)
    assert leftovers.told([Leftover(Path("a"), 22_100_000)]) == "1 leftover of killed work, 22.1 MB"


def test_a_picture_of_a_file_that_was_replaced_is_left_and_the_present_one_is_not(project, workspace, digits_source, write_image):
    item = next(i.id for i in project.items.pool() if i.path == "train/0/00.png")
    project.picture(item, 4)
    (old,) = (project.folder / "thumbs" / "4").iterdir()
    write_image(digits_source / "train/0/00.png", 3, seed=5)
    project.refresh()
    project.picture(item, 4)
    assert [left.path for left in collect(workspace, older_than=0)] == [old]
    assert len(list((project.folder / "thumbs" / "4").iterdir())) == 1


def test_nothing_is_collected_where_somebody_is_at_work(project, workspace):
    plant(project.folder / "packed-aabbccdd.npy")
    importing = workspace.home / "projects" / "0123456789ab"  # an import that reads for hours, with no row yet
    plant(importing / "packed-00112233.npy")
    with at_work(project.folder), at_work(importing), at_work(importing):
        make_old(importing)
        assert find(workspace) == collect(workspace) == []
    assert {left.path.name for left in collect(workspace)} == {"packed-aabbccdd.npy", "0123456789ab"}
    with alone_in(project.folder) as alone, alone_in(project.folder) as second:
        assert (alone, second) == (True, False)


def test_a_round_an_import_and_an_archive_are_at_work_while_they_last(project, workspace, digits_source, quick, monkeypatch):
    project.label_from_truth(8, seed=0)
    seen = []

    def report(progress):
        for folder in (workspace.home / "projects").iterdir():
            with alone_in(folder) as alone:
                seen.append((folder == project.folder, alone))

    project.run_round("random", 3, 0, "cpu", train={**quick, "steps": 2}, report=report)
    assert set(seen) == {(True, False)}
    seen.clear()
    project.refresh(report)
    assert set(seen) == {(True, False)}
    seen.clear()
    Project.import_into(workspace, "other", digits_source, report=report)
    assert set(seen) == {(True, True), (False, False)}
    seen.clear()
    monkeypatch.setattr(exporting, "LABEL_WRITERS", {"folder": lambda out, items, classes: (out.mkdir(), report(None), [])[2]})
    exporting.archive(project, "folder")
    assert (True, False) in seen
    assert (True, True) not in seen


def test_a_project_whose_deletion_was_killed_goes_at_once(project, workspace, monkeypatch):
    """After its rows were removed its files are nobody's: there is no import that may still want them."""
    monkeypatch.setattr("alcore.project.creation.shutil.rmtree", lambda *_, **__: None)
    project.delete()
    assert project.folder.is_dir()
    monkeypatch.undo()
    again = Workspace(workspace.home)
    assert [left.path for left in find(again)] == [project.folder]
    collect_in_background(again).join(60)
    again.close()
    assert not project.folder.exists()


def test_a_mask_that_is_painted_again_while_its_old_file_is_collected_keeps_a_file(scenes, workspace, monkeypatch):
    """Its file is old and nobody's when the collector looks; then somebody paints the very same mask."""
    mask = np.full((H, W), 2, np.uint8)
    digest, _ = maskfiles.keep(scenes.folder, mask, 3)
    path = maskfiles.place(scenes.folder, digest)
    make_old(path)
    item = scenes.items.pool()[0].id
    honest = scenes.masks.remove_unnamed.__func__

    def painted_first(self, named):
        scenes.annotate({item: mask})
        return honest(self, named)

    with monkeypatch.context() as patch:
        patch.setattr("alcore.storage.maskstore.MaskStore.remove_unnamed", painted_first)
        assert path not in [left.path for left in collect(workspace)]
    assert np.array_equal(scenes.mask(item), mask)
    other = np.full((H, W), 1, np.uint8)
    other[0] = 0
    written = scenes.masks.write(other, 3)
    gone = maskfiles.place(scenes.folder, written["digest"])
    gone.unlink()  # collected between the file and its row
    digest = scenes.masks.settle(written, other)
    assert np.array_equal(masks.decode(gone.read_bytes()), other)
    assert scenes.masks.missing() == []
    assert np.array_equal(scenes.masks.load(digest), other)
    assert not np.array_equal(other, truth_of(0))
