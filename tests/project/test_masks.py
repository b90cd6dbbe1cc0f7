"""Projects of masks: import, truth, journal, regions, costs, export, doctor; what is stored is compared pixel by pixel.

Longer than 400 lines: one small scene set serves the whole life of such a project.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from alcore.errors import BadInput, NotEnoughLabels
from alcore.pixels import masks
from alcore.project import drafts
from alcore.project.facade import Project
from alcore.storage import schema
from alcore.storage.database import Database
from alcore.storage.items import Items
from tests.project.painted import ids_of
from tests.scenes import CLASSES, QUICK, H, W, scene, truth_of
from tests.storage.rows import make_first

pytestmark = pytest.mark.both_databases

# ---- import


def test_an_import_keeps_every_mask_to_the_pixel_and_says_what_it_took(scenes):
    assert (scenes.task, scenes.classes, scenes.dense) == ("segmentation", CLASSES, True)
    assert scenes.counts()["splits"] == {"pool": 10, "val": 4}
    assert scenes.counts()["truth"] == {"pool": {"mask": 10}, "val": {"mask": 4}}
    assert scenes.colors == [(0, 90, 0), (40, 70, 10), (80, 50, 20)]
    rows = scenes.items.rows(list(ids_of(scenes).values()))
    for number, item in ids_of(scenes).items():
        stored = scenes.masks.load(rows[item]["truth"])
        assert np.array_equal(stored, truth_of(number))
        counts = scenes.masks.pixels([rows[item]["truth"]])[rows[item]["truth"]]
        assert counts == [int((stored == value).sum()) for value in (0, 1, 2, masks.VOID)]


def test_given_masks_become_labels_when_asked_for(workspace, source):
    project = Project.import_into(workspace, "labels", source, truth="labels")
    assert project.counts()["labeled"] == 10
    assert np.array_equal(project.mask(ids_of(project)[3]), truth_of(3))
    assert project.counts()["truth"] == {"val": {"mask": 4}}


def test_a_share_is_held_out_when_nothing_else_is_there_to_test_on(workspace, source):
    (source / "val.txt").unlink()
    (source / "train.txt").unlink()
    project = Project.import_into(workspace, "held", source)
    assert project.counts()["splits"] == {"pool": 11, "test": 3}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: np.zeros((H, W + 1), np.uint8), f"{W + 1} x {H} pixels and its image {W} x {H}"),
        (lambda m: np.where(m == 0, 77, m).astype(np.uint8), "77"),
        (lambda m: np.full((H, W), 3, np.uint8), "every pixel is void"),
        (lambda m: np.repeat(m[..., None], 3, axis=2), "color"),
        (lambda m: m.astype(np.uint16) * 300, "16 bits"),
    ],
)
def test_a_mask_that_cannot_be_used_is_named_and_its_image_stays_unlabeled(workspace, source, spoil, reason):
    spoiled = spoil(scene(2)[1])
    Image.fromarray(spoiled).save(source / "masks" / "002.png")
    project = Project.import_into(workspace, "spoiled", source)
    (aside,) = project.items.set_aside()
    assert "002.png" in aside.path
    assert "002.png" in aside.reason
    assert reason in aside.reason
    assert project.counts()["splits"] == {"pool": 10, "val": 4}
    assert project.counts()["truth"]["pool"] == {"mask": 9}
    assert any("1 of 14 images have no usable mask" in note for note in project.settings["notes"])


def test_images_without_masks_are_imported_and_said(workspace, source):
    (source / "masks" / "001.png").unlink()
    project = Project.import_into(workspace, "lacking", source)
    assert project.counts()["truth"]["pool"] == {"mask": 9}
    assert any("1 of 14 images" in note for note in project.settings["notes"])


def test_a_folder_of_images_alone_can_be_painted(workspace, source):
    project = Project.import_into(workspace, "bare", source / "images", task="segmentation", classes=["a", "b"])
    assert (project.task, project.counts()["items"]) == ("segmentation", 14)
    item = next(iter(ids_of(project).values()))
    project.annotate({item: np.ones((H, W), np.uint8)})
    assert project.counts()["labeled"] == 1


def test_a_source_of_masks_is_refused_for_classification_with_the_cure(workspace, source):
    with pytest.raises(BadInput, match="segmentation"):
        Project.import_into(workspace, "wrong", source, format="camvid", task="classification")
    assert workspace.projects() == []


def test_reading_the_source_again_keeps_labels_and_ids_and_takes_new_masks(scenes, source):
    before = ids_of(scenes)
    scenes.annotate({before[1]: truth_of(1)})
    (source / "masks" / "001.png").unlink()
    _, changed = scene(99)
    Image.fromarray(changed).save(source / "masks" / "004.png")
    scenes.refresh()
    assert ids_of(scenes) == before
    assert np.array_equal(scenes.mask(before[1]), truth_of(1))
    rows = scenes.items.rows(list(before.values()))
    assert rows[before[1]]["truth"] is None
    assert np.array_equal(scenes.masks.load(rows[before[4]]["truth"]), np.where(changed == 3, 255, changed))


def test_classes_that_changed_their_order_are_not_read_again_over_the_old_masks(scenes, source):
    (source / "classes.csv").write_text("name,index,r,g,b,ignore\nbox,1,0,0,1,0\nground,2,0,1,0,0\ndot,0,1,0,0,0\nnothing,3,9,9,9,1\n")
    with pytest.raises(BadInput, match="import the source as a new project"):
        scenes.refresh()


# ---- rounds


def test_a_round_before_any_mask_or_with_one_class_is_refused_in_words(scenes):
    with pytest.raises(NotEnoughLabels, match="nothing is labeled yet"):
        scenes.run_round("entropy", train=QUICK)
    items = ids_of(scenes)
    scenes.annotate({items[0]: np.zeros((H, W), np.uint8)})
    with pytest.raises(NotEnoughLabels, match="one class"):
        scenes.run_round("entropy", train=QUICK)
    scenes.annotate({items[0]: np.full((H, W), masks.VOID, np.uint8)})
    with pytest.raises(NotEnoughLabels, match="void"):
        scenes.run_round("entropy", train=QUICK)


# ---- what was there before


def test_a_database_of_before_masks_is_brought_up_and_keeps_its_labels(tmp_path):
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        schema.meta.create_all(conn)
        make_first(conn)
    engine.dispose()
    store = Database(url)
    row = Items(store, 1).row(1)
    assert (row["label"], row["partial"], row["disputed"]) == ("a", False, False)
    with store.read() as conn:
        assert conn.execute(sa.text("select clicks, replaces from annotations")).all() == [(None, None)]
    store.close()


def test_the_command_line_imports_trains_and_exports_masks(source, tmp_path, capsys):
    from alcore.cli.main import main

    home = str(tmp_path / "cli")

    def call(*words: str) -> dict:
        assert main([*words, "--home", home, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    told = call("import", str(source), "--project", "p", "--task", "segmentation")
    assert (told["items"], told["classes"]) == (14, list(CLASSES))
    assert call("label", "--project", "p", "--from-truth", "4")["labeled"] == 4
    settings = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]
    trained = call("train", "--project", "p", "--strategy", "mal", "--query-size", "2", *settings)
    assert {row["class"] for row in trained["per_class"]} == set(CLASSES)
    assert trained["metrics"]["mean_iou"] == pytest.approx(np.mean([r["iou"] for r in trained["per_class"] if r["iou"] is not None]))
    told = call("export", "--project", "p", "--format", "camvid", "--out", str(tmp_path / "out"))
    assert (told["items"], told["splits"]) == (8, {"train": 4, "val": 4})


def test_a_picture_twelve_thousand_pixels_wide_goes_through_import_mask_and_superpixels(workspace, tmp_path):
    folder = tmp_path / "wide"
    folder.mkdir()
    wide = np.zeros((40, 12_000, 3), np.uint8)
    wide[:, 6000:] = 200
    Image.fromarray(wide).save(folder / "wide.png")
    project = Project.import_into(workspace, "wide", folder, task="segmentation", classes=["dark", "light"])
    (item,) = ids_of_any(project)
    mask = (wide[..., 0] > 100).astype(np.uint8)
    project.annotate({item: mask})
    assert np.array_equal(project.mask(item), mask)
    _, width, height, count = drafts.superpixels(project, item, 50)
    assert (width, height) == (12_000, 40)
    assert count >= 2


def ids_of_any(project: Project) -> list[int]:
    return list(project.items.paths())
