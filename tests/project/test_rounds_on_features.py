"""Rounds on a project's features: what they wait for, what they take when others are at it, resumed, mapped, shown."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from alcore.errors import AlcoreError, Cancelled, NotEnoughLabels
from alcore.pixels import images
from alcore.progress import Progress
from alcore.project import background, doctor, features, leftovers, loop, tables
from alcore.project.features import Features
from alcore.training.explain import info
from alcore.training.turn import Order
from tests.project.photos import photo
from tests.project.played import paths
from tests.project.test_loop import interrupt
from tests.project.timed import wait

QUICK = {"steps": 12, "batch_size": 8}
ITEMS = 56


def round_of(project, strategy: str = "margin", n: int = 5, seed: int = 1, report=lambda _: None, **train):
    return project.run_round(strategy, n, seed, "cpu", train={**QUICK, **train}, report=report)


@pytest.fixture
def labeled(photos):
    photos.label_from_truth(12, seed=0)
    return photos


@pytest.fixture
def ready(labeled):
    """With features and their map."""
    found = Features(labeled)
    found.complete("cpu")
    found.map()
    return labeled


# ---- what a round waits for


def test_a_round_without_features_makes_them_first(labeled):
    told: list[Progress] = []
    done = round_of(labeled, report=told.append)
    assert done.train["architecture"] == "features"
    assert done.metrics["accuracy"] > 0.8  # chance is 0.25
    assert Features(labeled).done == ITEMS
    stages = list(dict.fromkeys(p.stage for p in told))
    assert stages.index("features") < stages.index("training: training") < stages.index("scoring")
    told.clear()
    round_of(labeled, report=told.append)
    assert "features" not in {p.stage for p in told}


def test_a_first_query_at_random_needs_none(photos):
    assert photos.run_round("random", 5, 0, "cpu", report=lambda _: None).start
    assert Features(photos).done == 0


def some_features(project, count: int, wanted: list[int]) -> None:
    """Features of the images `wanted`, then of others up to `count`."""
    found = Features(project)
    order = [*wanted, *(i for i in found.ids.tolist() if i not in wanted)][:count]
    keys = found._items[1][np.searchsorted(found.ids, order)]
    with found.store.writing():
        found.store.add(keys, np.arange(len(keys), dtype=np.uint64), np.random.default_rng(0).standard_normal((len(keys), 8)))


def test_while_others_make_them_a_round_takes_what_there_is(labeled):
    pool = labeled.pool()
    some = [*pool.labeled[:9].tolist(), *pool.unlabeled[:14].tolist(), *pool.test[:3].tolist()]
    some_features(labeled, len(some), some)
    told: list[Progress] = []
    with Features(labeled).store.writing():
        done = round_of(labeled, report=told.append)
    assert done.labeled == 9
    assert set(done.query) <= set(pool.unlabeled[:14].tolist())
    assert labeled.files(done).ids.tolist() == pool.unlabeled[:14].tolist()
    (message,) = {p.message for p in told if p.stage == "features" and p.message}
    assert message == ("the features of 'photos' are being made by another job: wait for it, or cancel it. This round takes what there is")
    assert round_of(labeled).labeled == 12  # the next one has all


@pytest.mark.parametrize("what", ["labeled", "unlabeled"])
def test_with_no_features_of_what_it_needs_a_round_says_to_wait(what, labeled):
    pool = labeled.pool()
    some = [*(pool.unlabeled if what == "labeled" else pool.labeled).tolist()]
    some_features(labeled, len(some), some)
    count = len(pool.labeled if what == "labeled" else pool.unlabeled)
    with (
        Features(labeled).store.writing(),
        pytest.raises(AlcoreError, match=f"none of the {count} {what} images has features yet: {len(some)} of 56 images do, wait"),
    ):
        round_of(labeled)
    assert labeled.rounds() == []


def test_without_its_source_a_project_goes_on_with_the_features_it_has(ready, photo_source):
    Image.fromarray(photo("sea", 9)).save(photo_source / "train" / "sea" / "new.png")
    ready.refresh()
    photo_source.rename(photo_source.with_name("unplugged"))
    told: list[Progress] = []
    done = round_of(ready, report=told.append)
    assert len(ready.files(done).ids) == 28
    (message,) = {p.message for p in told if p.stage == "features" and p.message}
    assert message.startswith("the source folder ")
    shutil.rmtree(Features(ready).folder)
    with pytest.raises(AlcoreError, match="the source folder .* is gone: put it back"):
        round_of(ready)


def test_labels_of_one_class_alone_are_told_before_training(labeled):
    """The pool has several, and those with features are of one."""
    labels = labeled.items.labels()
    first = next(iter(labels.values()))
    some = [i for i, name in labels.items() if name == first] + labeled.pool().unlabeled.tolist()
    some_features(labeled, len(some), some)
    with Features(labeled).store.writing(), pytest.raises(NotEnoughLabels, match="labels are of one class"):
        round_of(labeled)


def test_an_image_without_features_is_neither_trained_on_nor_asked_for(labeled, photo_source):
    at = {i: path for path, i in paths(labeled).items()}
    pool = labeled.pool()
    broken = [int(pool.labeled[0]), int(pool.unlabeled[0])]
    for i in broken:
        (photo_source / at[i]).write_bytes(b"broken")
    done = round_of(labeled, n=100)
    assert done.labeled == 11
    assert sorted(done.query) == pool.unlabeled[1:].tolist()


# ---- resumed


def test_a_round_that_is_stopped_anywhere_and_resumed_is_the_same_although_features_grew(labeled):
    pool = labeled.pool()
    some = [*pool.labeled.tolist(), *pool.unlabeled[:15].tolist(), *pool.test.tolist()]
    some_features(labeled, len(some), some)
    with Features(labeled).store.writing():
        expected = round_of(labeled, "mal", seed=4)
    runner = labeled.workspace.runner
    arguments = loop.ordered(labeled, "mal", 5, 4, "cpu", None, QUICK).arguments()
    with Features(labeled).store.writing(), pytest.raises(Cancelled):
        runner.run_now("round", "photos", "t", arguments, report=interrupt("training"))
    job = labeled.workspace.job_rows.jobs()[0]
    Features(labeled).complete("cpu")  # meanwhile all others come
    labeled.label_from_truth(3, seed=9)
    for stage in ("testing", "scoring"):
        with pytest.raises(Cancelled):
            runner.resume_now(job.id, report=interrupt(stage))
    resumed = labeled.round(runner.resume_now(job.id).result["round"])
    assert (resumed.query, resumed.metrics, resumed.labeled) == (expected.query, expected.metrics, 12)
    before, after = (labeled.files(r) for r in (expected, resumed))
    assert {name: values.tolist() for name, values in before.scores.items()} == {n: v.tolist() for n, v in after.scores.items()}


def stopped(project) -> int:
    arguments = loop.ordered(project, "entropy", 5, 4, "cpu", None, QUICK).arguments()
    with pytest.raises(Cancelled):
        project.workspace.runner.run_now("round", "photos", "t", arguments, report=interrupt("testing"))
    return project.workspace.job_rows.jobs()[0].id


def test_a_round_is_resumed_although_the_source_was_read_again(ready, photo_source):
    expected = round_of(ready, "entropy", seed=4)
    job = stopped(ready)
    for number in range(5):
        Image.fromarray(photo("sand", 800 + number)).save(photo_source / "train" / "brick" / f"0{number}a.png")
    ready.refresh()
    resumed = ready.round(ready.workspace.runner.resume_now(job).result["round"])
    assert (resumed.query, resumed.metrics) == (expected.query, expected.metrics)


def test_a_round_whose_images_changed_is_not_resumed(ready, photo_source):
    job = stopped(ready)
    Image.fromarray(photo("sand", 800)).save(photo_source / "train" / "sand" / "00.png")
    ready.refresh()
    with pytest.raises(AlcoreError, match="1 images of this round have changed or are gone since it began: .* start a new round"):
        ready.workspace.runner.resume_now(job)


def test_the_map_of_a_round_whose_images_changed_before_it_was_made_is_still_right_for_the_others(ready, photo_source):
    arguments = loop.ordered(ready, "entropy", 5, 4, "cpu", None, QUICK).arguments()
    runner, honest, job = ready.workspace.runner, loop.make_map, []

    def fail(*given):
        raise Cancelled

    loop.make_map = fail
    try:
        with pytest.raises(Cancelled):
            runner.run_now("round", "photos", "t", arguments)
    finally:
        loop.make_map = honest
    job = ready.workspace.job_rows.jobs()[0]
    before_ids, before = Features(ready).kept_map()
    changed = paths(ready)["train/sand/00.png"]
    Image.fromarray(photo("sea", 800)).save(photo_source / "train" / "sand" / "00.png")
    ready.refresh()
    done = ready.round(runner.resume_now(job.id).result["round"])
    ids, xy = ready.files(done).map
    at = dict(zip(before_ids.tolist(), before.tolist(), strict=True))
    assert changed in ids.tolist()
    assert all(xy[row].tolist() == at[i] for row, i in enumerate(ids.tolist()) if i != changed)
    assert np.isfinite(xy).all()


# ---- what is shown of them


def test_all_rounds_have_one_map(ready, monkeypatch):
    kept = dict(zip(*(part.tolist() for part in Features(ready).kept_map()), strict=True))
    monkeypatch.setattr(features, "grown_layout", None)  # nobody lays out again
    for strategy in ("margin", "mal"):
        done = round_of(ready, strategy)
        ready.label_query_from_truth()
        ids, xy = ready.files(done).map
        assert xy.tolist() == [kept[i] for i in ids.tolist()]
        assert "map" in done.seconds
        assert len(ids) == 40
    frame = ready.scores(2)
    assert frame[["x", "y"]].to_numpy().tolist() == [kept[i] for i in frame["id"]]


@pytest.mark.parametrize("strategy", ["mal", "badge", "uherding", "typiclust", "coreset", "vaal"])
def test_everything_that_is_shown_of_a_round_is_there(strategy, ready):
    done = round_of(ready, strategy)
    frame = ready.scores(done)
    assert len(frame) == 28
    assert frame["selected"].sum() == 5
    assert set(frame["prediction"]) <= set(ready.classes)
    for told in tables.columns(ready, done):
        values = tables.column(ready, done, told["name"])
        assert len(values) == 40
        assert np.isfinite(values[:28]).all()
    queued = ready.queue(3)
    assert [one["id"] for one in queued["items"]] == list(done.query[:3])
    for one in queued["items"]:
        assert "of 28" in one["reason"]
        assert one["draft"] in ready.classes
        assert sum(share for _, share in one["top"]) == pytest.approx(1, abs=0.001)
        assert {told["name"] for told in one["details"]} == {name for name in one["scores"] if info(name).listed}
    assert ready.item(int(ready.pool().labeled[0]))["draft"] is None  # what is labeled has no score
    assert ready.status()["rounds"][-1]["metrics"] == dict(done.metrics)
    assert doctor.findings(ready) == []


def test_no_round_keeps_vectors_of_its_own(ready):
    done = round_of(ready)
    assert sorted(file.name for file in (ready.folder / "rounds" / done.folder).iterdir()) == [
        "logits.npy",
        "map.npz",
        "model.safetensors",
        "pictures.npy",
        "scores.npz",
        "walked_ids.npy",
    ]


# ---- as a job, and what lies about


def test_features_are_a_job_that_lays_out_the_map_beside_the_rounds(photos):
    runner = photos.workspace.runner
    job = background.submit_features(runner, photos, device="cpu")
    wait(lambda: runner.snapshot(job.id).over)
    done = runner.snapshot(job.id)
    assert (done.state, done.device, done.title) == ("done", background.READING, "Reading the images of photos with lite0")
    assert (done.result["items"], done.result["made"], done.result["dim"]) == (ITEMS, ITEMS, 8)
    assert len(Features(photos).kept_map()[0]) == ITEMS


def test_what_a_killed_layout_left_is_found_and_vectors_are_not(ready):
    left = Features(ready).folder / ".map.npy.01234567.part"
    left.write_bytes(b"12345")
    found = leftovers.find(ready.place, ready, older_than=-1)
    assert [(one.path, one.size) for one in found] == [(left, 5)]
    leftovers.collect(ready.place, ready, older_than=-1)
    assert not left.exists()
    assert Features(ready).done == ITEMS
    assert Features(ready).kept_map() is not None


def test_a_project_is_deleted_with_its_features(ready):
    ready.delete()
    assert not ready.folder.exists()


def test_images_as_they_were_packed_are_not_needed_for_a_round(ready, monkeypatch):
    monkeypatch.setattr(type(ready), "pixels", None)
    monkeypatch.setattr(images, "_decode", None)
    assert round_of(ready, "entropy").labeled == 12
    assert Order("entropy", 5, 0, "cpu").check()[1].architecture == "small_cnn"
