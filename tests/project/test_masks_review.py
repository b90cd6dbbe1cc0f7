"""Faults that a review of projects of masks found: each test names what went wrong. Regions and late answers, replaced pictures, damaged
files, full disks."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.errors import AlcoreError, BadInput
from alcore.formats import read
from alcore.pixels import maskfiles, masks
from alcore.project import answers, doctor, drafts, loop
from alcore.project import regions as asked_module
from alcore.project.exporting import export
from alcore.project.facade import Project, Workspace
from alcore.project.regions import answered_areas
from alcore.storage.events import fold
from alcore.types import Annotation
from alcore.web.routes import routes
from tests.scenes import QUICK, H, W, scene, truth_of, write_scenes

REGIONS = {**QUICK, "query_unit": "tiles", "region_count": 6}
VOID = masks.VOID


@pytest.fixture
def source(tmp_path) -> Path:
    return write_scenes(tmp_path / "scenes")


@pytest.fixture
def scenes(workspace, source) -> Project:
    """Ten scenes in the pool, three of them labeled."""
    project = Project.import_into(workspace, "scenes", source)
    project.label_from_truth(3, seed=0)
    return project


def truth(project: Project, item: int) -> np.ndarray:
    return truth_of(int(Path(project.items.paths()[item]).stem))


def area_of(project: Project, item: int, number: int | None = None) -> np.ndarray:
    """bool (H, W): all that a round asks of an item."""
    row = project.items.row(item)
    return np.logical_or.reduce([masks.resized(r, row["height"], row["width"]) for r in project.files(project.round(number)).regions(item)])


def asked(project: Project) -> list[int]:
    return [entry["id"] for entry in project.queue(100)["items"]]


def answer(project: Project, item: int, mask: np.ndarray, kind: str, number: int | None, seq: int = 1, client: str = "tab") -> None:
    """What the route does with a painted mask."""
    event = Annotation(client, seq, item, kind, annotator=client, round=number)
    _, taken = answers.answer(project, event, zlib.compress(mask.tobytes()))
    assert (taken.acked, taken.rejected, taken.conflicts) == ([seq], [], [])


def while_training(monkeypatch, act) -> None:
    """`act(outcome)` happens between the end of a round's training and its being stored."""
    trained = loop.run

    def run(*args, **options):
        outcome = trained(*args, **options)
        act(outcome)
        return outcome

    monkeypatch.setattr(loop, "run", run)


# ---- regions


def test_a_late_region_does_not_take_the_rest_of_a_whole_mask_away(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    area = area_of(scenes, item)
    answer(scenes, item, truth(scenes, item), "mask", 1, client="whole")
    answer(scenes, item, np.where(area, 2, VOID).astype(np.uint8), "region", 1, client="late")  # painted over an older, empty mask
    assert np.array_equal(scenes.mask(item), np.where(area, 2, truth(scenes, item)))
    assert not scenes.items.row(item)["partial"]
    assert scenes.journal.differences() == 0


def test_a_region_answer_changes_nothing_outside_of_what_was_asked(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    area = area_of(scenes, item)
    answer(scenes, item, np.where(area, 1, VOID).astype(np.uint8), "region", 1, client="first")
    answer(scenes, item, np.where(area, 2, 0).astype(np.uint8), "region", 1, client="second")
    assert np.array_equal(scenes.mask(item), np.where(area, 2, VOID))
    assert scenes.items.row(item)["partial"]


@pytest.mark.parametrize("second", ["a person", "the command line"])
def test_answers_to_different_regions_at_the_same_moment_in_two_processes_both_survive(scenes, monkeypatch, second):
    """Two stores on one file share no lock of Python's, as two processes do not. Whoever reads first waits for the other to read too: who
    reads outside of the transaction that stores gets its wish, and one of the answers is lost."""
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    left, right = np.zeros((32, 32), bool), np.zeros((32, 32), bool)
    left[:, :16], right[:, 16:] = True, True
    scenes.run_round("margin", 42, seed=2, train=REGIONS)
    monkeypatch.setattr(
        asked_module, "asked_areas", lambda project, ids, round_=None: dict.fromkeys(ids, left if round_ and round_.number == 1 else right)
    )
    elsewhere = Workspace(scenes.workspace.home)
    both_have_read, honest = threading.Barrier(2), asked_module.laid_over

    def laid_over(*args):
        result = honest(*args)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_have_read.wait(0.3)
        return result

    monkeypatch.setattr(asked_module, "laid_over", laid_over)
    with ThreadPoolExecutor(2) as threads:
        mine = threads.submit(answer, scenes, item, np.full((H, W), 1, np.uint8), "region", 1)
        if second == "a person":
            answer(elsewhere.project("scenes"), item, np.full((H, W), 2, np.uint8), "region", 2, client="other")
        else:
            elsewhere.project("scenes").label_query_from_truth()
        mine.result()
    elsewhere.close()
    wanted = np.full((H, W), 2, np.uint8) if second == "a person" else truth(scenes, item)
    assert np.array_equal(scenes.mask(item), np.where(masks.resized(left, H, W), 1, wanted))
    assert scenes.journal.differences() == 0


def test_the_fold_keeps_an_image_whole_that_was_painted_as_a_whole():
    events = [("mask", "a", "ann", 1.0), ("region", "b", "ben", 2.0)]
    assert (fold(events)["label"], fold(events)["partial"]) == ("b", False)
    assert fold([("mask", "a", "ann", 1.0), ("undo", None, "ann", 2.0), ("region", "b", "ben", 3.0)])["partial"]
    assert fold([("mask", "a", "ann", 1.0), ("skip", None, "ann", 2.0), ("region", "b", "ben", 3.0)])["partial"]


def test_regions_of_a_round_that_nobody_answered_do_not_count_as_answered(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    first = {i: area_of(scenes, i, 1) for i in asked(scenes)}
    scenes.run_round("margin", 40, seed=2, train=REGIONS)  # round 1 was left as it was
    second = {i: area_of(scenes, i, 2) for i in asked(scenes)}
    scenes.label_query_from_truth()
    side = scenes.settings["image_size"]
    answered = {i: masks.resized(area, H, W) for i, area in answered_areas(scenes).items()}
    assert side >= H
    assert answered.keys() == second.keys()
    for item, area in answered.items():
        assert np.array_equal(area, second[item])
    assert any((first[i] & ~second[i]).any() for i in first.keys() & second.keys())  # else this tests nothing


def test_a_late_answer_to_an_older_round_leaves_the_newer_question_open(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    scenes.run_round("margin", 42, seed=2, train=REGIONS)  # all regions of all images
    assert item in asked(scenes)
    answer(scenes, item, np.where(area_of(scenes, item, 1), truth(scenes, item), VOID).astype(np.uint8), "region", 1)
    assert item in asked(scenes)
    answer(scenes, item, truth(scenes, item), "region", 2, seq=2)
    assert item not in asked(scenes)
    assert np.array_equal(scenes.mask(item), np.where(area_of(scenes, item, 2), truth(scenes, item), scenes.mask(item)))
    scenes.journal.record([Annotation("tab", 3, item, "undo", annotator="tab")], scenes.classes)
    assert item in asked(scenes)


def test_regions_answered_while_the_next_round_trains_are_not_asked_again(scenes, monkeypatch):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    before = asked(scenes)
    while_training(monkeypatch, lambda outcome: scenes.label_query_from_truth())
    done = scenes.run_round("entropy", 5, seed=1, train=REGIONS)  # the same pool and seed: the same regions
    assert before
    assert not set(before) & set(asked(scenes))
    assert scenes.round(done.number).query == tuple(asked(scenes))


def test_an_image_painted_as_a_whole_while_a_region_round_trains_is_not_asked(scenes, monkeypatch):
    painted = []

    def paint(outcome) -> None:
        painted.append(int(outcome.scores.selected[0]))
        scenes.annotate({painted[0]: truth(scenes, painted[0])})

    while_training(monkeypatch, paint)
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    assert painted[0] in scenes.round().query
    assert painted[0] not in asked(scenes)


def test_truth_asked_for_at_random_is_whole_masks_also_while_regions_are_asked(scenes):
    scenes.run_round("entropy", 42, seed=1, train=REGIONS)  # regions of all that is not labeled
    assert len(asked(scenes)) == 7
    scenes.label_from_truth(7, seed=1)
    assert scenes.counts()["partial"] == 0
    assert all(np.array_equal(scenes.mask(i), truth(scenes, i)) for i in scenes.round().query)
    assert asked(scenes) == []


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


def test_an_answer_to_regions_is_taken_only_where_it_was_asked(scenes):
    scenes.run_round("entropy", 5, seed=1, train=REGIONS)
    item = asked(scenes)[0]
    area = np.logical_or.reduce([masks.resized(region, H, W) for region in scenes.files(scenes.round()).regions(item)])
    answer(scenes, item, np.ones((H, W), np.uint8), "region", scenes.round().number)
    assert np.array_equal(scenes.mask(item), np.where(area, 1, masks.VOID))
