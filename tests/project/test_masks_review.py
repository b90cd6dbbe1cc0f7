"""Faults that a review of projects of masks found: each test names what went wrong. Regions and late answers, replaced pictures, damaged
files, full disks."""

from __future__ import annotations

import errno
import os
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.errors import AlcoreError, BadInput
from alcore.formats import read
from alcore.pixels import maskfiles, masks
from alcore.project import doctor, drafts, loop
from alcore.project.exporting import export
from alcore.project.facade import Project
from alcore.types import Annotation
from alcore.web.routes import routes
from tests.project.painted import asked, truth
from tests.scenes import QUICK, H, W, scene, truth_of, write_scenes

REGIONS = {**QUICK, "query_unit": "tiles", "region_count": 6}


@pytest.fixture
def source(tmp_path) -> Path:
    return write_scenes(tmp_path / "scenes")


@pytest.fixture
def scenes(workspace, source) -> Project:
    """Ten scenes in the pool, three of them labeled."""
    project = Project.import_into(workspace, "scenes", source)
    project.label_from_truth(3, seed=0)
    return project


# ---- counts


def test_an_undone_flag_does_not_take_a_mask_out_of_the_costs(scenes):
    item = next(i for i, label in scenes.items.labels().items() if label)
    scenes.journal.record(
        [Annotation("c", 1, item, "flag", annotator="a"), Annotation("c", 2, item, "undo", annotator="a")], scenes.classes
    )
    scenes.start(2)
    assert scenes.costs()["images"].tolist() == [scenes.counts()["labeled"]] == [3]


# ---- sources that changed


def replace_by_twice_the_size(source: Path, name: str) -> None:
    for folder, values in zip(("images", "masks"), scene(int(name)), strict=True):
        Image.fromarray(values.repeat(2, 0).repeat(2, 1)).save(source / folder / f"{name}.png")


def test_a_mask_that_no_longer_fits_its_replaced_image_is_told_not_a_traceback(scenes, source):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    scenes.label_query_from_truth()
    name = Path(scenes.items.paths()[item]).stem
    replace_by_twice_the_size(source, name)
    scenes.refresh()
    (finding,) = doctor.findings(scenes)
    assert f"images/{name}.png" in finding
    assert "another size" in finding
    # until it is painted again it neither trains, nor is asked for, nor stops an export
    pool = scenes.pool()
    assert item not in {*pool.labeled.tolist(), *pool.unlabeled.tolist(), *pool.partial.tolist()}
    scenes.run_round("margin", 42, seed=2, train=REGIONS)
    assert item not in scenes.round().query
    scenes.label_query_from_truth()
    export(scenes, "camvid", source.parent / "out")
    assert len(list((source.parent / "out" / "masks").glob("*.png"))) == scenes.counts()["labeled"] - 1 + 4  # and the four held out
    scenes.annotate({item: np.zeros((2 * H, 2 * W), np.uint8)})
    assert doctor.findings(scenes) == []
    assert item in scenes.pool().labeled


def test_a_draft_has_another_address_once_its_picture_was_replaced(scenes, source):
    scenes.run_round("entropy", 3, seed=1, train=QUICK)
    entry = scenes.queue(1)["items"][0]
    replace_by_twice_the_size(source, Path(entry["path"]).stem)
    scenes.refresh()
    assert scenes.item(entry["id"])["draft_mask"] != entry["draft_mask"]


def test_superpixels_of_a_replaced_picture_are_not_the_ones_a_browser_kept(workspace, scenes, source):
    item = min(scenes.items.paths())
    name = Path(scenes.items.paths()[item]).stem
    with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as client:
        client.headers["Authorization"] = f"Bearer {workspace.sign('scenes', 'ann')}"
        address = f"/api/v1/projects/scenes/items/{item}/superpixels?n=2"
        kept = client.get(address)
        assert "no-cache" in kept.headers["Cache-Control"]
        again = {"If-None-Match": kept.headers["ETag"]}
        assert client.get(address, headers=again).status_code == 304
        replace_by_twice_the_size(source, name)
        scenes.refresh()
        new = client.get(address, headers=again)
        assert (new.status_code, new.headers["X-Width"], new.headers["X-Height"]) == (200, str(2 * W), str(2 * H))


def test_superpixels_are_not_made_of_a_picture_that_was_replaced_but_not_read_again(scenes, source):
    item = min(scenes.items.paths())
    replace_by_twice_the_size(source, Path(scenes.items.paths()[item]).stem)
    with pytest.raises(BadInput, match="import the source again"):
        drafts.superpixels(scenes, item, 9)


def test_a_class_added_at_the_end_of_the_source_is_taken(scenes, source):
    with (source / "classes.csv").open("a") as file:
        file.write("late,9,1,2,3,0\n")
    assert scenes.refresh()["classes"] == ["ground", "box", "dot", "late"]
    assert scenes.counts()["labeled"] == 3


def test_an_image_of_a_hostile_name_does_not_keep_the_others_from_being_exported(workspace, source, tmp_path):
    for old, new in (("000", "a\nb"), ("001", "a_b"), ("002", 'quo"te:'), ("003", " lead")):
        for folder in ("images", "masks"):
            (source / folder / f"{old}.png").rename(source / folder / f"{new}.png")
    (source / "train.txt").unlink()
    (source / "val.txt").unlink()
    project = Project.import_into(workspace, "names", source, truth="labels", hold_out=0)
    for kind in ("camvid", "voc", "coco"):
        assert export(project, kind, tmp_path / kind)["items"] == 14
        found = read(tmp_path / kind, kind, "segmentation")
        assert sorted(found.masks[at].tobytes() for at in range(14)) == sorted(truth_of(n).tobytes() for n in range(14))


# ---- files


def test_a_damaged_mask_is_named_found_by_the_doctor_and_mended_from_the_source(scenes):
    digest = next(iter(scenes.items.labels().values()))
    path = maskfiles.place(scenes.folder, digest)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(AlcoreError, match=digest):
        scenes.run_round("entropy", 3, train=QUICK)
    (finding,) = doctor.findings(scenes)
    assert digest in finding
    scenes.refresh()
    assert doctor.findings(scenes) == []
    assert masks.digest(scenes.masks.load(digest)) == digest


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be synchronized there")
def test_the_folder_of_a_mask_is_on_the_disk_before_a_row_names_it(scenes, monkeypatch):
    synchronized = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (synchronized.append(os.readlink(f"/proc/self/fd/{number}")), fsync(number)))
    digest = scenes.masks.keep(np.full((H, W), 2, np.uint8), 3)
    place = maskfiles.place(scenes.folder, digest)
    assert str(place.parent.resolve()) in synchronized
    assert str(place.parent.parent.resolve()) in synchronized


def test_a_full_disk_makes_the_browser_send_again_not_give_up(workspace, scenes, monkeypatch):
    item = min(scenes.items.paths())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    query = {"client": "tab", "seq": 1, "kind": "mask"}
    body, headers = zlib.compress(truth_of(1).tobytes()), {"Content-Type": "application/octet-stream"}
    with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as client:
        client.headers["Authorization"] = f"Bearer {workspace.sign('scenes', 'ann')}"
        with monkeypatch.context() as patched:
            patched.setattr(maskfiles, "keep", full)
            refused = client.post(f"/api/v1/projects/scenes/items/{item}/mask", params=query, content=body, headers=headers)
        assert refused.status_code == 503  # 4xx would be for good
        assert "disk is full" in refused.json()["error"]
        taken = client.post(f"/api/v1/projects/scenes/items/{item}/mask", params=query, content=body, headers=headers)
        assert taken.json()["acked"] == [1]
    assert np.array_equal(scenes.mask(item), truth_of(1))


def test_masks_of_a_csv_are_read_one_after_the_other_and_one_that_is_wrong_records_none(scenes, source, monkeypatch):
    free = [i for i, label in ((r["id"], r["label"]) for r in scenes.items.rows(range(1, 11)).values()) if not label]
    paths = scenes.items.paths()
    for item in free:
        target = source / f"painted-{Path(paths[item]).stem}.png"
        Image.fromarray(truth(scenes, item)).save(target)
    lines = [f"{paths[i]},painted-{Path(paths[i]).stem}.png\n" for i in free]
    (source / "labels.csv").write_text("path,label\n" + "".join(lines))
    order = []
    take, keep = masks.read_mask, type(scenes.masks).keep
    monkeypatch.setattr(masks, "read_mask", lambda *a: (order.append("read"), take(*a))[1])
    monkeypatch.setattr(type(scenes.masks), "keep", lambda *a: (order.append("keep"), keep(*a))[1])
    last = source / f"painted-{Path(paths[free[-1]]).stem}.png"
    shutil.copy(last, source / "good.png")
    Image.fromarray(np.full((H, W), 9, np.uint8)).save(last)
    with pytest.raises(BadInput, match="values of no class: 9"):
        scenes.label_from_csv(source / "labels.csv", "ann")
    assert scenes.counts()["labeled"] == 3
    shutil.copy(source / "good.png", last)
    order.clear()
    assert scenes.label_from_csv(source / "labels.csv", "ann") == len(free)
    assert order == ["read", "keep"] * len(free)
    assert all(np.array_equal(scenes.mask(i), truth(scenes, i)) for i in free)


# ---- jobs


def test_a_round_whose_process_was_killed_is_resumed_without_the_app(scenes):
    arguments = loop.ordered(scenes, "entropy", 3, 1, "cpu", None, QUICK).arguments()
    killed = scenes.workspace.job_rows.add_job("round", scenes.name, "round", arguments, "cpu", owner="999999999:1")
    assert scenes.workspace.runner.resume_now(killed.id).state == "done"
    assert [r.number for r in scenes.rounds()] == [1]
