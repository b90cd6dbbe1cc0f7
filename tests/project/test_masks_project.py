"""Projects of masks: import, truth, journal, regions, costs, export, doctor; what is stored is compared pixel by pixel.

Longer than 400 lines: one small scene set serves the whole life of such a project.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from alcore.errors import AlcoreError, BadInput, NotEnoughLabels, NotFound
from alcore.formats import read
from alcore.pixels import maskfiles, masks
from alcore.project import answers, doctor, drafts, exporting, labeling, tables
from alcore.project.exporting import export
from alcore.project.facade import Project
from alcore.project.labels import record
from alcore.storage import schema
from alcore.storage.database import Database
from alcore.storage.events import fold
from alcore.storage.items import Items
from alcore.types import Annotation
from tests.scenes import CLASSES, QUICK, H, W, scene, truth_of, write_scenes


@pytest.fixture
def source(tmp_path) -> Path:
    return write_scenes(tmp_path / "scenes")


@pytest.fixture
def scenes(workspace, source) -> Project:
    """Ten scenes in the pool and four for testing, with hidden truth."""
    return Project.import_into(workspace, "scenes", source)


def ids_of(project: Project) -> dict[int, int]:
    """number of the scene -> id."""
    return {int(Path(path).stem): i for i, path in project.items.paths().items()}


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


# ---- labels and the journal


def test_masks_come_back_bit_for_bit_with_holes_thin_lines_and_void(scenes):
    mask = np.full((H, W), masks.VOID, np.uint8)
    mask[1:9, 2:15] = 0
    mask[3:6, 4:9] = masks.VOID  # a hole
    mask[4, 5] = 2  # one pixel in it
    mask[10, :] = 1  # a line of one pixel
    item = ids_of(scenes)[0]
    assert scenes.annotate({item: mask}, annotator="me") == 1
    assert np.array_equal(scenes.mask(item), mask)
    again = Project.open("scenes", scenes.workspace.home)
    assert np.array_equal(again.mask(item), mask)


@pytest.mark.parametrize(
    ("mask", "match"),
    [
        (np.zeros((H, W + 1), np.uint8), "one size"),
        (np.full((H, W), 3, np.uint8), "3"),
        (np.zeros((H, W), np.int64), "uint8"),
        ("box", "gets a mask"),
    ],
)
def test_what_is_no_mask_of_the_image_is_refused_and_nothing_is_recorded(scenes, mask, match):
    items = ids_of(scenes)
    with pytest.raises(BadInput, match=match):
        scenes.annotate({items[0]: truth_of(0), items[1]: mask})
    assert scenes.counts()["labeled"] == 0


def test_events_that_do_not_fit_the_kind_of_project_are_rejected(scenes, project):
    item = ids_of(scenes)[0]
    acked, rejected = scenes.journal.record(
        [Annotation("c", 1, item, "label", "box"), Annotation("c", 2, item, "mask", "0" * 32)], scenes.classes
    )
    assert acked == []
    assert "masks" in rejected[0]["reason"]
    assert "no stored mask" in rejected[1]["reason"]
    first = next(iter(project.items.paths()))
    assert "one class each" in project.journal.record([Annotation("c", 1, first, "mask", "0" * 32)], project.classes)[1][0]["reason"]


def test_a_mask_of_another_size_cannot_be_given_to_an_item(scenes, workspace):
    digest = scenes.masks.keep(np.zeros((3, 3), np.uint8), 3)
    assert scenes.journal.record([Annotation("c", 1, ids_of(scenes)[0], "mask", digest)], scenes.classes)[1][0]["seq"] == 1


def test_a_region_leaves_an_item_labeled_in_part_and_a_skip_keeps_what_was_painted():
    region, mask, skip, undo = (("region", "r1", "a", 1.0), ("mask", "m1", "a", 2.0), ("skip", None, "a", 3.0), ("undo", None, "a", 4.0))
    assert fold([region])["partial"]
    both = fold([region, mask])
    assert (both["label"], both["partial"]) == ("m1", False)
    kept = fold([region, skip])
    assert (kept["label"], kept["partial"], kept["skipped"]) == ("r1", True, True)
    taken = fold([mask, skip])
    assert (taken["label"], taken["skipped"]) == (None, True)
    assert fold([region, mask, undo])["label"] == "r1"


def test_masks_are_labeled_from_a_csv_of_files(scenes, tmp_path):
    Image.fromarray(truth_of(5)).save(tmp_path / "five.png")
    paths = scenes.items.paths()
    item = ids_of(scenes)[5]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label"], [paths[item], "five.png"]])
    assert scenes.label_from_csv(tmp_path / "labels.csv", "me") == 1
    assert np.array_equal(scenes.mask(item), truth_of(5))
    (tmp_path / "labels.csv").write_text(f"path,label\n{paths[item]},none.png\n")
    with pytest.raises(BadInput, match=r"none\.png"):
        scenes.label_from_csv(tmp_path / "labels.csv", "me")


def test_the_truth_answers_with_whole_masks_and_counts_a_click_an_area(scenes):
    assert scenes.label_from_truth(3, seed=1) == 3
    labeled = scenes.items.labeled()
    numbers = [int(Path(row["path"]).stem) for row in labeled]
    for row, number in zip(labeled, numbers, strict=True):
        assert np.array_equal(scenes.masks.load(row["label"]), truth_of(number))
    clicks = {item: clicks for item, _, _, clicks, _ in scenes.masks.events()}
    assert clicks == {row["id"]: masks.components(truth_of(number)) for row, number in zip(labeled, numbers, strict=True)}


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


@pytest.fixture
def asked(scenes) -> Project:
    """After a round of mcdal on five masks, which asked for two frames."""
    scenes.label_from_truth(5, seed=0)
    scenes.run_round("mcdal", query_size=2, seed=0, train=QUICK)
    return scenes


def test_a_round_measures_iou_and_the_queue_shows_draft_layers_and_heads(asked):
    done = asked.round()
    assert 0 <= done.metrics["mean_iou"] <= 1
    assert len(done.query) == 2
    queue = asked.queue(10)
    assert (queue["unit"], queue["colors"]) == ("frames", [[0, 90, 0], [40, 70, 10], [80, 50, 20]])
    first = queue["items"][0]
    assert first["id"] == done.query[0]
    assert [layer["name"] for layer in first["layers"]] == ["entropy", "margin", "confidence", "pixel_discrepancy"]
    assert [head["title"] for head in first["heads"]] == ["F, the task model", "F1", "F2"]
    assert (first["mask"], first["regions"]) == (None, None)
    assert "discrepancy" in {entry["name"] for entry in first["frame"]}
    draft = drafts.draft(asked, done.number, first["id"])
    assert draft.shape == (H, W)
    assert set(np.unique(draft)) <= {0, 1, 2}
    detail = asked.files(done).detail(first["id"])
    picture = np.asarray(Image.open(io.BytesIO(drafts.layer(asked, done.number, first["id"], "entropy"))))
    assert np.array_equal(picture, np.clip(np.rint(detail["entropy"].astype(np.float32) * (255 / np.log(3))), 0, 255).astype(np.uint8))
    head = np.asarray(Image.open(io.BytesIO(drafts.head(asked, done.number, first["id"], "head_1"))))
    assert np.array_equal(head, detail["head_1"])


def test_a_layer_head_or_draft_that_is_not_there_is_said(asked):
    done = asked.round()
    with pytest.raises(NotFound, match="no layer 'labeledness'"):
        drafts.layer(asked, done.number, done.query[0], "labeledness")
    with pytest.raises(NotFound, match="no head"):
        drafts.head(asked, done.number, done.query[0], "head_9")
    other = next(i for i in ids_of(asked).values() if i not in done.query)
    with pytest.raises(NotFound, match="did not ask"):
        drafts.draft(asked, done.number, other)


def test_a_draft_at_twice_the_size_is_each_class_interpolated(asked, monkeypatch):
    done = asked.round()
    small = np.zeros((8, 8), np.uint8)
    small[:, 4:] = 1
    monkeypatch.setattr(drafts, "detail_of", lambda *_: {"draft": small})
    draft = drafts.draft(asked, done.number, done.query[0])
    assert np.array_equal(draft, np.repeat((np.arange(W) >= W // 2)[None].astype(np.uint8), H, axis=0))


def test_labeling_the_query_ends_it_and_the_scores_have_a_class_and_a_label_column(asked):
    done = asked.round()
    assert asked.label_query_from_truth() == 2
    assert labeling.waiting(asked) == 0
    frame = asked.scores(done)
    assert set(frame["prediction"]) <= set(CLASSES)
    labels = dict(
        zip(
            tables.column(asked, asked.round(done.number), "id").tolist(),
            tables.column(asked, asked.round(done.number), "label").tolist(),
            strict=True,
        )
    )
    counts = asked.masks.pixels([asked.items.labels()[done.query[0]]]).popitem()[1]
    assert labels[done.query[0]] == int(np.argmax(counts[:-1]))
    assert tables.samples(asked, 5, 3)[0][1] == 14


def test_the_class_table_counts_pixels_and_images_by_hand(scenes):
    items = ids_of(scenes)
    scenes.annotate({items[n]: truth_of(n) for n in (0, 1)})
    table = {row["class"]: row for row in scenes.class_table()}
    for value, name in enumerate(CLASSES):
        pixels = [int((truth_of(n) == value).sum()) for n in (0, 1)]
        assert (table[name]["pixels"], table[name]["images"]) == (sum(pixels), sum(p > 0 for p in pixels))
    assert sum(row["share"] for row in table.values()) == pytest.approx(1)
    assert [row["pixels"] for row in Project.open("scenes", scenes.workspace.home).class_table()] == [table[c]["pixels"] for c in CLASSES]


# ---- regions


def test_region_queries_are_answered_in_part_and_never_asked_twice(scenes):
    scenes.label_from_truth(3, seed=0)
    train = {**QUICK, "query_unit": "tiles", "region_count": 6}
    shown: dict[int, np.ndarray] = {}
    for number in (1, 2, 3):
        scenes.run_round("entropy", query_size=5, seed=number, train=train)
        queue = scenes.queue(20)
        assert queue["unit"] == "tiles"
        for entry in queue["items"]:
            detail, parts = scenes.files(scenes.round()).detail(entry["id"]), scenes.files(scenes.round()).regions(entry["id"])
            inside = np.logical_or.reduce(parts)
            share = detail["entropy"].astype(np.float32)
            words = "one tile of this image is" if len(parts) == 1 else f"{len(parts)} tiles of this image are"
            wanted = f"{words} asked for: entropy {share[inside].mean():.2g} there, {share.mean():.2g} in the whole image"
            assert entry["reason"] == wanted
        regions = {entry["id"]: [masks.from_rle(runs, H, W) for runs in entry["regions"]] for entry in queue["items"]}
        assert sum(map(len, regions.values())) == 5
        assert queue["remaining"] == len(regions)
        for item, parts in regions.items():
            for part in parts:
                assert part.any()
                assert not (part & shown.get(item, np.zeros((H, W), bool))).any()
                shown[item] = shown.get(item, np.zeros((H, W), bool)) | part
        assert scenes.label_query_from_truth() == len(regions)
        assert labeling.waiting(scenes) == 0
    numbers = {item: number for number, item in ids_of(scenes).items()}
    for item, area in shown.items():
        assert np.array_equal(scenes.mask(item), np.where(area, truth_of(numbers[item]), masks.VOID))
        assert scenes.items.row(item)["partial"]
    assert scenes.counts()["partial"] == len(shown)
    costs = scenes.costs()
    known = [truth_of(numbers[row["id"]]) for row in scenes.items.labeled() if row["id"] not in shown]
    assert costs["images"].iloc[0] == 3
    assert costs["pixels"].iloc[0] == sum(int((mask != masks.VOID).sum()) for mask in known)
    assert costs["clicks"].iloc[0] == sum(masks.components(mask) for mask in known)
    assert costs["pixels"].is_monotonic_increasing


def test_a_strategy_that_judges_whole_images_is_not_asked_for_regions(scenes):
    scenes.label_from_truth(3, seed=0)
    with pytest.raises(BadInput, match="coreset"):
        scenes.run_round("coreset", train={**QUICK, "query_unit": "tiles"})


# ---- over HTTP


def stream(mask: np.ndarray) -> bytes:
    return zlib.compress(mask.tobytes())


def test_a_painted_stream_is_kept_and_one_of_the_wrong_length_or_values_is_not(scenes):
    item = ids_of(scenes)[0]
    digest, taken = answers.answer(scenes, Annotation("tab", 1, item, "mask"), stream(truth_of(0)))
    acked, rejected = taken.acked, taken.rejected
    assert (acked, rejected) == ([1], [])
    assert np.array_equal(scenes.masks.load(digest), truth_of(0))
    for body, match in (
        (b"not zlib", "zlib"),
        (stream(np.zeros((H, W + 1), np.uint8)), f"{W} x {H}"),
        (stream(np.zeros((H, W - 1), np.uint8)), f"{W} x {H}"),
        (zlib.compress(bytes(50_000_000)), f"{W} x {H}"),
        (stream(np.full((H, W), 9, np.uint8)), "9"),
        (stream(truth_of(0))[:-6], f"{W} x {H}"),
    ):
        with pytest.raises(BadInput, match=match):
            answers.answer(scenes, Annotation("tab", 2, item, "mask"), body)
    assert len(scenes.journal.events()) == 1


def test_superpixels_are_made_once_and_cover_the_picture(scenes, monkeypatch):
    item = ids_of(scenes)[0]
    content, width, height, count = drafts.superpixels(scenes, item, 12)
    labels = np.frombuffer(zlib.decompress(content), "<u2").reshape(height, width)
    assert (width, height) == (W, H)
    assert sorted(np.unique(labels)) == list(range(count))
    assert np.array_equal(labels, masks.superpixels(scene(0)[0], 12))
    monkeypatch.setattr(masks, "superpixels", lambda *_: pytest.fail("made again"))
    assert drafts.superpixels(scenes, item, 12) == (content, width, height, count)
    with pytest.raises(BadInput, match="use 2 to"):
        drafts.superpixels(scenes, item, 1)


# ---- out again


@pytest.mark.parametrize("kind", ["camvid", "voc", "coco"])
def test_an_export_read_back_gives_every_painted_pixel(scenes, tmp_path, kind):
    painted = {n: truth_of(n) for n in (0, 3, 7)}
    painted[7] = np.full((H, W), masks.VOID, np.uint8)
    painted[7][2:5, 3:9], painted[7][3, 4], painted[7][6, :] = 1, masks.VOID, 2
    scenes.annotate({ids_of(scenes)[n]: mask for n, mask in painted.items()})
    told = export(scenes, kind, tmp_path / "out", ["train"])
    assert told["items"] == 3
    reading = read(tmp_path / "out", kind)
    back = {int(Path(entry.path).stem.split("__")[-1]): reading.masks[at] for at, entry in enumerate(reading.entries)}
    assert back.keys() == painted.keys()
    names = list(reading.classes)
    for number, mask in painted.items():
        renamed = np.full((H, W), masks.VOID, np.uint8)
        for value, name in enumerate(CLASSES):
            if name in names:
                renamed[mask == value] = names.index(name)
        assert np.array_equal(back[number], renamed), number


def test_an_export_in_one_archive_has_images_and_masks(scenes):
    scenes.label_from_truth(2)
    with zipfile.ZipFile(io.BytesIO(exporting.archive(scenes, "camvid"))) as archive:
        names = archive.namelist()
    assert (
        len([n for n in names if n.startswith("masks/") and n.endswith(".png")]) == 2 + 4
    )  # and those held out with the masks they came with
    assert "classes.csv" in names
    with pytest.raises(BadInput, match="cannot export as 'csv': use one of"):
        export(scenes, "csv", scenes.folder / "x")


def test_the_doctor_misses_a_mask_whose_file_is_gone(scenes):
    assert doctor.findings(scenes) == []
    scenes.label_from_truth(1)
    digest = next(iter(scenes.items.labels().values()))
    maskfiles.place(scenes.folder, digest).unlink()
    (finding,) = doctor.findings(scenes)
    assert digest in finding
    with pytest.raises(AlcoreError, match=digest):
        scenes.masks.load(digest)


# ---- what was there before


def test_a_database_of_before_masks_is_brought_up_and_keeps_its_labels(tmp_path):
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        schema.meta.create_all(conn)
        for statement in (
            "drop table masks",
            "alter table annotations drop column clicks",
            "alter table current drop column partial",
            "alter table annotations drop column replaces",
            "alter table current drop column disputed",
            "create table migrations (name varchar(80) primary key, applied float)",
            "insert into migrations values ('0001_first_schema', 1.0)",
            "insert into projects values (1, 'p', 'classification', 's', 'auto', '[\"a\"]', '{}', 1.0)",
            "insert into items values (1, 1, 'x.png', 'pool', null, 0, 2, 2, 'f', 1)",
            "insert into annotations values (1, 1, 1, 'label', 'a', 'me', 'c', 1, null, null, 5.0)",
            "insert into current values (1, 1, 'a', 0, 0, 'me', 5.0)",
        ):
            conn.exec_driver_sql(statement)
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


def test_record_names_what_was_not_taken(scenes):
    with pytest.raises(BadInput, match="1 of 1 labels were not taken"):
        record(scenes, {ids_of(scenes)[0]: "nowhere"}, "me")


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
