"""Images out of containers: the very bytes on the disk, unchanged ones left alone, what is gone removed, what is damaged told."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from alcore.errors import BadInput
from alcore.formats import read
from alcore.importing.unpacking import UNPACKED, unpack
from alcore.project import creation
from alcore.project.facade import Project, Workspace
from tests.formats.exchanged import content, hf, parquet_of_images, shard, webdataset


def test_each_image_is_the_file_its_entry_names(tmp_path: Path) -> None:
    webdataset(tmp_path / "given")
    reading = read(tmp_path / "given")
    unpack(reading, tmp_path)
    assert reading.contents is None
    assert Path(reading.root) == tmp_path / UNPACKED
    files = {file.relative_to(reading.root).as_posix(): file.read_bytes() for file in Path(reading.root).rglob("*") if file.is_file()}
    assert files == {"a.jpg": content("a"), "b.jpg": content("b"), "n/c.jpg": content("c"), "d.jpg": content("d")}


def test_a_second_time_only_what_changed_is_written_and_what_is_gone_is_removed(tmp_path: Path) -> None:
    rows = [(content("a"), "a.jpg", 0), (content("b"), "b.jpg", 1), (content("c"), "c.jpg", 1)]
    unpack(read(parquet_of_images(tmp_path / "x.parquet", rows)), tmp_path)
    before = (tmp_path / UNPACKED / "a.jpg").stat().st_mtime_ns
    unpack(read(parquet_of_images(tmp_path / "x.parquet", [rows[0], (content("new"), "b.jpg", 1)])), tmp_path)
    assert (tmp_path / UNPACKED / "a.jpg").stat().st_mtime_ns == before
    assert (tmp_path / UNPACKED / "b.jpg").read_bytes() == content("new")
    assert not (tmp_path / UNPACKED / "c.jpg").exists()


def test_what_cannot_be_read_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    reading = read(parquet_of_images(tmp_path / "x.parquet", [(content("a"), "a.jpg", 0), (None, "b.jpg", 1)]))
    unpack(reading, tmp_path)
    assert [entry.path for entry in reading.entries] == ["a.jpg"]
    assert [(skip.path, skip.reason) for skip in reading.skipped] == [
        ("b.jpg", "row 2 of x.parquet has no bytes of an image: embed them and export it again")
    ]


def test_a_disk_without_room_for_them_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    webdataset(tmp_path / "given")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 10))
    with pytest.raises(BadInput, match="the disk has 0.0 GB: make room"):
        unpack(read(tmp_path / "given"), tmp_path)
    assert not (tmp_path / UNPACKED).exists()


def test_a_project_of_shards_is_whole_read_again_and_moved_with_its_workspace(tmp_path: Path) -> None:
    webdataset(tmp_path / "given")
    workspace = Workspace(tmp_path / "home")
    project = Project.import_into(workspace, "toy", tmp_path / "given", truth="labels")
    assert (project.counts()["items"], project.counts()["labeled"]) == (4, 3)
    ids = project.items.ids_of(["a.jpg", "d.jpg"])
    shard(tmp_path / "given" / "train-000002.tar", [("e.jpg", content("e")), ("e.cls", "1")])
    creation.refresh(project, lambda _: None)
    assert project.counts()["items"] == 5
    assert project.items.ids_of(list(ids)) == ids
    workspace.close()
    shutil.move(tmp_path / "home", tmp_path / "moved")
    with_moved = Workspace(tmp_path / "moved")
    again = with_moved.project("toy")
    original = again.pictures.original({"path": "a.jpg"})
    assert original == tmp_path / "moved" / "projects" / again.settings["folder"] / UNPACKED / "a.jpg"
    assert original.read_bytes() == content("a")
    with_moved.close()


def test_a_preview_shows_pictures_without_writing_anything(tmp_path: Path) -> None:
    from alcore.importing.preview import preview
    from alcore.importing.request import ImportRequest

    hf(tmp_path / "given")
    before = sorted(tmp_path.rglob("*"))
    found = preview(ImportRequest.of(tmp_path / "given", {}))
    assert [(sample.path, sample.label) for sample in found.samples] == [("a.jpg", "cat"), ("c.jpg", "dog"), ("train/000001", "dog")]
    assert found.picture(found.samples[0], 16)[:4] == b"\x89PNG"
    assert sorted(tmp_path.rglob("*")) == before
