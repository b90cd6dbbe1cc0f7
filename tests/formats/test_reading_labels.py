"""Labels as they were meant, from the source into the project and out again: the right picture, upright, void where it is void, by one rule.

Longer than 400 lines: what goes wrong silently on the way in is looked for again on the way out, on the same sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from alcore.cli.main import main
from alcore.errors import AlcoreError, BadInput
from alcore.formats import ReadOptions, read
from alcore.pixels import masks
from alcore.project import creation, samples
from alcore.project.exporting import export
from alcore.project.facade import Project
from alcore.reading import Reading
from tests.sources import SIDES, box, coco, labels_of, mask, noise, picture, pictures, reasons_of, turned, write

W, H = SIDES
ORIENTATIONS = range(1, 9)


def masks_of(reading: Reading) -> dict[str, list[list[int]] | None]:
    return {entry.path: None if found is None else found.tolist() for entry, found in zip(reading.entries, reading.masks, strict=True)}


def painted(value: int, left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    """A mask of SIDES, void but for a box of that value."""
    made = np.full((H, W), 255, np.uint8)
    made[top:bottom, left:right] = value
    return made.tolist()


# ---- 1: a file of COCO is found by its path


def coco_of(folder: Path, there: list[str], *listed: str, name: str = "annotations/instances.json") -> Reading:
    """Pictures, and a file whose image number n, one of `listed`, has a box n pixels wide of category 1 (cat)."""
    pictures(folder, *there)
    write(folder / name, coco(listed, [(at, 1, box(0, 0, at, 2)) for at in range(1, len(listed) + 1)]))
    return read(folder, "coco")


def test_what_is_drawn_on_an_image_that_is_not_there_is_not_painted_on_another(tmp_path):
    reading = coco_of(tmp_path, ["camA/0001.jpg"], "camB/0001.jpg", "camA/0001.jpg")
    assert masks_of(reading) == {"camA/0001.jpg": painted(0, 0, 0, 2, 2)}
    assert reasons_of(reading) == {"camB/0001.jpg": "annotations/instances.json: there is no such image"}


@pytest.mark.parametrize(("there", "listed", "taken"), [
    (["camA/0001.jpg"], "camB/0001.jpg", {"camA/0001.jpg": None}),
    (["images/camA/0001.jpg"], "/home/me/set/camA/0001.jpg", {"images/camA/0001.jpg": painted(0, 0, 0, 1, 2)}),
    (["images/camA/0001.jpg", "images/camB/0001.jpg"], "x/camB/0001.jpg",
     {"images/camA/0001.jpg": None, "images/camB/0001.jpg": painted(0, 0, 0, 1, 2)}),
    (["a/cam/0001.jpg", "b/cam/0001.jpg"], "c/cam/0001.jpg", {"a/cam/0001.jpg": None, "b/cam/0001.jpg": None}),
    (["deep/er/0001.jpg"], "0001.jpg", {"deep/er/0001.jpg": painted(0, 0, 0, 1, 2)}),
    (["a/0001.jpg", "b/0001.jpg"], "0001.jpg", {"a/0001.jpg": None, "b/0001.jpg": None}),
    (["0001.jpg"], r"C:\set\cam\0001.jpg", {"0001.jpg": painted(0, 0, 0, 1, 2)}),
])  # fmt: skip
def test_an_image_is_found_by_its_path_or_its_longest_end(tmp_path, there, listed, taken):
    assert masks_of(coco_of(tmp_path, there, listed)) == taken


def test_the_objects_of_a_split_that_is_not_there_are_nobodys(tmp_path):
    pictures(tmp_path, "train/0001.jpg", "train/0002.jpg")
    write(tmp_path / "annotations" / "instances_train.json", coco(["0001.jpg"], [(1, 1, box(0, 0, 1, 2))]))
    write(
        tmp_path / "annotations" / "instances_val.json", coco(["0001.jpg", "0002.jpg"], [(1, 2, box(0, 0, 9, 9)), (2, 2, box(0, 0, 9, 9))])
    )
    reading = read(tmp_path)
    assert masks_of(reading) == {"train/0001.jpg": painted(0, 0, 0, 1, 2), "train/0002.jpg": None}
    assert {entry.path: entry.split for entry in reading.entries} == {"train/0001.jpg": "pool", "train/0002.jpg": "pool"}


def test_two_claims_on_one_file_set_both_aside_by_name(tmp_path):
    reading = coco_of(tmp_path, ["0001.jpg", "0002.jpg"], "camA/0001.jpg", "camB/0001.jpg", "0002.jpg")
    assert masks_of(reading) == {"0001.jpg": None, "0002.jpg": painted(0, 0, 0, 3, 2)}
    (reason,) = [one.reason for one in reading.skipped]
    assert "camA/0001.jpg" in reason
    assert "camB/0001.jpg" in reason


# ---- 2: pictures that a camera turned


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """What Pillow's own turning makes of values stored with that orientation."""
    stored = Image.fromarray(values)
    stored.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(stored))


@pytest.mark.parametrize("told", ["raw sides", "upright sides", "no sides"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_polygons_lie_on_the_picture_they_were_drawn_on(tmp_path, orientation, told):
    picture(tmp_path / "images" / "a.jpg", **turned(orientation))
    across = orientation > 4
    width, height = (H, W) if across and told == "upright sides" else (W, H)
    left, top, right, bottom = (0, 0, 9, 2) if told == "upright sides" else (2, 1, W, 4)
    content = json.loads(coco(["a.jpg"], [(1, 1, box(left, top, right, bottom))]))
    content["images"][0] |= {"width": width, "height": height}
    if told == "no sides":
        del content["images"][0]["width"], content["images"][0]["height"]
    write(tmp_path / "annotations" / "a.json", json.dumps(content))
    drawn = np.full((height, width), 255, np.uint8)
    drawn[top:bottom, left:right] = 0
    reading = read(tmp_path)
    found = reading.masks[0]
    if across and told == "upright sides":
        assert found.tolist() == drawn.tolist()
    elif across:
        assert found.tolist() == upright(drawn, orientation).tolist()
    else:
        assert found.tolist() == drawn.tolist()  # half turns and mirrors cannot be told: as on the upright picture
        assert len(reading.remarks()) == (orientation > 1)
    assert not reading.skipped


@pytest.mark.parametrize("kind", ["camvid", "voc", "cityscapes", "bdd100k", "beside"])
@pytest.mark.parametrize("orientation", [3, 5, 6, 7, 8])
def test_masks_of_the_raw_pixels_are_turned_with_the_picture_in_every_format(tmp_path, kind, orientation):
    image, found = {
        "camvid": ("images/a.jpg", "masks/a.png"),
        "voc": ("JPEGImages/a.jpg", "SegmentationClass/a.png"),
        "cityscapes": ("leftImg8bit/train/x/a_leftImg8bit.jpg", "gtFine/train/x/a_gtFine_labelTrainIds.png"),
        "bdd100k": ("images/10k/train/a.jpg", "labels/sem_seg/masks/train/a.png"),
        "beside": ("a.jpg", "a_mask.png"),
    }[kind]
    picture(tmp_path / image, **turned(orientation))
    drawn = np.zeros((H, W), np.uint8)
    drawn[1:4, 2:11] = 1
    write(tmp_path / found, masks.encode(drawn))
    reading = read(tmp_path, {"beside": "camvid"}.get(kind, kind), options=ReadOptions(classes=("a", "b")))
    expected = upright(drawn, orientation) if orientation > 4 else drawn
    assert reading.masks[0].tolist() == expected.tolist()
    assert len(reading.remarks()) == (orientation == 3)


def test_what_cannot_be_told_is_said_once_for_the_import(tmp_path, workspace):
    for number in range(6):
        picture(tmp_path / "images" / f"{number}.jpg", (10, 10), **turned(6))
        mask(tmp_path / "masks" / f"{number}.png", 0, 1, sides=(10, 10))
    write(tmp_path / "classes.txt", "a\nb\n")
    project = Project.import_into(workspace, "square", tmp_path)
    assert [note for note in creation.summary(project)["notes"] if "EXIF" in note] == [
        "6 images (the first is images/0.jpg) turned by the EXIF orientation: the masks do not tell which way they were drawn and were taken "
        "as drawn on the upright picture"
    ]


# ---- 4: hidden truth


def test_hidden_truth_is_in_no_name_that_people_see(project, workspace, tmp_path):
    items = {row.path: row.id for row in project.items.pool()}
    assert project.shown_name(items["train/3/07.png"], "train/3/07.png") == "train/07.png"
    assert project.item(items["train/3/07.png"])["name"] == "train/07.png"
    project.start(8)
    assert all(entry["name"].count("/") == 1 for entry in project.queue()["items"])
    assert {name for _, _, images in samples.samples(project, 10, 3) for _, name in images} <= {
        f"{split}/{n:02d}.png" for split in ("train", "test") for n in range(10)
    }
    pictures(tmp_path / "named", *(f"{name}.{n}.jpg" for name in ("cat", "dog") for n in range(3)))
    write(
        tmp_path / "named" / "labels.csv", "path,label\n" + "".join(f"{name}.{n}.jpg,{name}\n" for name in ("cat", "dog") for n in range(3))
    )
    other = Project.import_into(workspace, "named", tmp_path / "named")
    names = [other.item(row.id)["name"] for row in other.items.pool()]
    assert not [name for name in names if "cat" in name or "dog" in name]
    shown = Project.import_into(workspace, "shown", tmp_path / "named", truth="labels")
    assert {shown.item(row.id)["name"] for row in shown.items.pool()} == {f"{name}.{n}.jpg" for name in ("cat", "dog") for n in range(3)}


# ---- 11: one bad object costs only itself
ODD = {
    "degenerate": [[0, 47, 1024, 706]],
    "a point": [[128, 128]],
    "nothing": [],
    "none": None,
    "a flat list": [0, 0, 4, 0, 4, 2, 0, 2],
    "text": [["0", "0", "4", "0", "4", "2", "0", "2"]],
    "pairs": [[[0, 0], [4, 0], [4, 2], [0, 2]]],
    "one good of two": [[1, 1], [0, 0, 4, 0, 4, 2, 0, 2]],
    "damaged runs": {"size": [H, W], "counts": "~~~"},
    "far away": [[0, 0, 99999, 0, 99999, 99999]],
    "a word": "polygon",
    "not finite": [[0, 0, float("nan"), 0, 4, 2, 0, 2]],
}
MEANT = ("a flat list", "text", "pairs", "one good of two")


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_object_costs_only_itself(tmp_path, workspace, odd):
    pictures(tmp_path, "images/a.jpg", "images/b.jpg")
    objects = [(1, 1, ODD[odd]), (1, 2, box(6, 3, 9, 5)), (2, 2, box(0, 0, 2, 2))]
    write(tmp_path / "annotations" / "x.json", coco(["a.jpg", "b.jpg"], objects))
    project = Project.import_into(workspace, "odd", tmp_path, truth="labels", hold_out=0)
    found = {row["path"]: project.masks.load(row["label"]).tolist() for row in project.items.labeled()}
    expected = np.array(painted(1, 6, 3, 9, 5), np.uint8)
    if odd in MEANT:
        expected[0:2, 0:4] = 0
    assert found == {"images/a.jpg": expected.tolist(), "images/b.jpg": painted(1, 0, 0, 2, 2)}
    told = [one.reason for one in project.items.set_aside()] + creation.summary(project)["notes"]
    assert bool([one for one in told if "left out" in one]) == (odd not in MEANT)
    assert all("annotation 1" in one or "objects with a box" in one for one in told if "left out" in one)


def test_ids_and_numbers_are_taken_as_they_are_meant(tmp_path):
    pictures(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg")
    write(tmp_path / "annotations" / "x.json", json.dumps({
        "images": [
            {"id": "1", "file_name": "a.jpg", "width": str(W), "height": float(H)},
            {"id": 2.0, "file_name": "b.jpg", "width": W, "height": H},
            {"id": 3, "file_name": "c.jpg", "width": W, "height": H},
            {"id": 3, "file_name": "c.jpg", "width": W, "height": H},
        ],
        "annotations": [
            {"id": "x", "image_id": 1, "category_id": "0", "iscrowd": "0", "segmentation": box(0, 0, 3, 3)},
            {"id": 2, "image_id": "2", "category_id": 1.0, "iscrowd": 0.0, "segmentation": box(0, 0, 3, 3)},
            {"id": 3, "image_id": "3.0", "category_id": 0, "iscrowd": False, "segmentation": box(0, 0, 3, 3)},
            {"id": 4, "image_id": 3, "category_id": 1, "iscrowd": "1", "segmentation": box(4, 4, 6, 6)},
        ],
        "categories": [{"id": 0, "name": "cat"}, {"id": "1", "name": "dog"}],
    }))  # fmt: skip
    reading = read(tmp_path)
    assert reading.classes == ("cat", "dog")
    assert masks_of(reading) == {
        "images/a.jpg": painted(0, 0, 0, 3, 3),
        "images/b.jpg": painted(1, 0, 0, 3, 3),
        "images/c.jpg": painted(0, 0, 0, 3, 3),
    }


def test_boxes_are_classes_of_images_and_never_masks(tmp_path, workspace):
    pictures(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg", "images/d.jpg")
    objects = [(1, 1, []), (1, 1, []), (2, 2, []), (3, 1, []), (3, 2, [])]
    write(tmp_path / "boxes.json", coco(["a.jpg", "b.jpg", "c.jpg"], objects))
    project = Project.import_into(workspace, "boxes", tmp_path, truth="labels", hold_out=0)
    assert project.task == "classification"
    assert {row["path"]: row["label"] for row in project.items.labeled()} == {
        "images/a.jpg": "cat",
        "images/b.jpg": "dog",
    }
    with pytest.raises(BadInput, match="with boxes and no area at all, so there are no masks: import it as classification"):
        read(tmp_path, task="segmentation")
    assert labels_of(read(tmp_path, task="classification"))["images/c.jpg"] is None


# ---- 13: one reader for every table
TABLES = {
    "semicolons": b"Path;Label\r\nimages\\caf\xc3\xa9.jpg;K\xc3\xa4fer\r\n",
    "capitals and quotes": 'PATH,LABEL\n"images/café.jpg","Käfer"\n'.encode(),
    "cp1252": "path;label\r\nimages\\café.jpg;Käfer\r\n".encode("cp1252"),
    "BOM": "\ufeffpath,label\r\nimages/café.jpg,Käfer\r\n".encode(),
    "UTF-16": "path\tlabel\r\nimages/café.jpg\tKäfer\r\n".encode("utf-16"),
    "tabs": "path\tlabel\nimages/café.jpg\tKäfer\n".encode(),
    "more columns": "split,label,note,path\ntrain,Käfer,x,images/café.jpg\n".encode(),
    "old line ends": "path,label\rimages/café.jpg,Käfer\r".encode(),
}


@pytest.mark.parametrize("name", TABLES)
def test_labels_and_imports_read_the_same_tables(tmp_path, workspace, capsys, name):
    source = pictures(tmp_path / "set", "images/café.jpg", "images/b.jpg")
    table = write(source / "labels.csv", TABLES[name])
    assert labels_of(read(table)) == {"images/café.jpg": "Käfer"}
    Project.import_into(workspace, "toy", source / "images", classes=["Käfer", "Biene"])
    Project.import_into(workspace, "whole", source, format="flat", classes=["Käfer", "Biene"])
    capsys.readouterr()
    assert main(["label", "--project", "whole", "--csv", str(table), "--home", str(workspace.home), "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert (answer["labeled"], answer["total"]) == (1, 1)
    project = workspace.project("whole")
    assert {row["path"]: row["label"] for row in project.items.labeled()} == {"images/café.jpg": "Käfer"}
    said = f"{captured.err}{answer}{read(table).warnings}"
    assert said.count("cp1252") == (2 if name == "cp1252" else 0)


def test_a_classes_file_is_a_table_like_any_other(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "images" / f"{name}.jpg")
        mask(tmp_path / "masks" / f"{name}.png", 0, 1)
    write(tmp_path / "classes.csv", "Name;Index\r\nStraße;0\r\nBüro;1\r\n".encode("cp1252"))
    reading = read(tmp_path)
    assert reading.classes == ("Straße", "Büro")
    assert any("cp1252" in warning for warning in reading.warnings)


# ---- 15: deep pictures through an import
DEPTHS = {
    "12 bits in 16": (np.uint16, 4095, (0.0, 4095.0)),
    "8 bits in 16": (np.uint16, 255, (0.0, 255.0)),
    "int32": (np.int32, 100_000, None),
    "float": (np.float32, 1.0, (0.0, 1.0)),
}


@pytest.mark.parametrize("cache", ["pack", "stream"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_pictures_are_seen_in_one_range_by_models_and_people(tmp_path, workspace, depth, cache):
    kind, top, levels = DEPTHS[depth]
    ramp = np.linspace(0, 1, 256).reshape(16, 16)
    for number in range(4):
        shown = np.roll(ramp, number) * top * (0.5 if number == 3 else 1)  # a dark one stays dark: one range for all
        (tmp_path / "set").mkdir(exist_ok=True)
        Image.fromarray((shown if kind is np.float32 else np.rint(shown)).astype(kind)).save(tmp_path / "set" / f"{number}.tif")
    project = Project.import_into(workspace, "deep", tmp_path / "set", cache=cache, classes=["a", "b"])
    if levels is not None:
        assert tuple(project.settings["levels"]) == levels
    rows = {item: row for item, _, _, row, *_ in project.snapshot()}
    seen = {item: np.asarray(project.pixels()[np.array([row])])[0] for item, row in rows.items()}
    first, *_, dark = [seen[item][..., 0] for item in sorted(seen)]
    assert first.min() <= 3
    assert first.max() >= 252
    assert 120 <= dark.max() <= 135
    for item in seen:
        assert np.array_equal(np.asarray(project.pictures.whole(project.items.row(item))), seen[item])
    project.refresh(levels=(0.0, top / 2))
    assert np.asarray(project.pixels()[np.array([rows[max(rows)]])]).max() >= 252


# ---- 18: what goes out comes back


def stored(project: Project) -> dict[str, tuple[str, Any]]:
    """Path -> (split, class or mask as lists) of what is labeled or held out with a label."""
    rows = project.items.labeled(given=True)
    return {row["path"]: (row["split"], project.masks.load(row["label"]).tolist() if project.dense else row["label"]) for row in rows}


def by_stem(found: Mapping[str, Any]) -> dict[str, Any]:
    return {Path(path).stem.removesuffix("_leftImg8bit"): value for path, value in found.items()}


def dense_source(kind: str, folder: Path, splits: tuple[str, ...]) -> Path:
    """Six images, some below folders, one turned by a camera, with masks of classes 0, 1, void and 2, as `kind` lays them out."""
    for number in range(6):
        split = splits[number % len(splits)]
        name, suffix = f"{'day' if number % 2 else 'night'}/f{number}", ".jpg" if number < 4 else ".png"
        sides = (H, W) if number == 1 else SIDES
        options = turned(6) if number == 1 else {}
        values = [0, 1, 255, 2][: 2 + number % 3]
        if kind == "camvid":
            picture(folder / "images" / f"{name}{suffix}", **options)
            values = [11 if value == 255 else value for value in values]
            place = folder / "masks" / f"{name}_L.png"
            write(folder / "classes.csv", "name,index,r,g,b,ignore\nsky,0,1,2,3,0\nroad,1,9,9,9,0\nVoid,11,0,0,0,1\ncar,2,200,0,0,0\n")
            with (folder / f"{split}.txt").open("a") as listing:
                listing.write(f"images/{name}{suffix}\n")
        elif kind == "trainannot":
            name = f"f{number}"
            picture(folder / split / f"{name}{suffix}", **options)
            values = [11 if value == 255 else value for value in values]
            place = folder / f"{split}annot" / f"{name}.png"
        elif kind == "voc":
            name = f"f{number}"
            picture(folder / "JPEGImages" / f"{name}{suffix}", **options)
            place = folder / "SegmentationClass" / f"{name}.png"
            (folder / "ImageSets" / "Segmentation").mkdir(parents=True, exist_ok=True)
            with (folder / "ImageSets" / "Segmentation" / f"{split}.txt").open("a") as listing:
                listing.write(f"{name}\n")
        elif kind == "bdd100k":
            name = f"f{number}"
            picture(folder / "images" / "10k" / split / f"{name}{suffix}", **options)
            place = folder / "labels" / "sem_seg" / "masks" / split / f"{name}.png"
        else:
            name = f"{split}/{'ulm' if number % 2 else 'bonn'}/f{number}"
            picture(folder / "leftImg8bit" / f"{name}_leftImg8bit{suffix}", **options)
            place = folder / "gtFine" / f"{name}_gtFine_labelTrainIds.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        painted_now = mask(place, *values, sides=sides)
        place.write_bytes(masks.encode(painted_now))
    return folder


def coco_source(folder: Path, splits: tuple[str, ...]) -> Path:
    listed: dict[str, tuple[list[str], list[Any]]] = {}
    for number in range(6):
        split = splits[number % len(splits)]
        name = f"{'day' if number % 2 else 'night'}/f{number}.jpg"
        picture(folder / "images" / name)
        names, objects = listed.setdefault(split, ([], []))
        names.append(name)
        objects += [(len(names), 1 + number % 2, box(0, 0, 4 + number, 3)), (len(names), 3, box(2, 2, 8, 9))]
    for split, (names, objects) in listed.items():
        content = json.loads(coco(names, objects, ("sky", "road", "car")))
        for category in content["categories"]:
            category["id"] *= 10
        for annotation in content["annotations"]:
            annotation["category_id"] *= 10
        write(folder / "annotations" / f"instances_{split}.json", json.dumps(content))
    return folder


SOURCES = ("camvid", "trainannot", "voc", "cityscapes", "bdd100k", "coco")
OWN = {"trainannot": "camvid"}


@pytest.mark.slow
@pytest.mark.parametrize("splits", [("train", "val", "test"), ("train",)], ids=["three splits", "held out by us"])
@pytest.mark.parametrize("out", ["camvid", "voc", "coco", "cityscapes"])
@pytest.mark.parametrize("kind", SOURCES)
def test_masks_come_back_from_every_format(tmp_path, workspace, kind, out, splits):
    source = coco_source(tmp_path / "source", splits) if kind == "coco" else dense_source(kind, tmp_path / "source", splits)
    project = Project.import_into(workspace, "first", source, task="segmentation")
    assert not project.items.set_aside()
    free = sum(1 for _, split, truth, *_ in project.snapshot() if split == "pool" and truth)
    project.label_from_truth(free)
    if out == "cityscapes" and kind not in ("cityscapes", "bdd100k"):
        with pytest.raises(BadInput, match="Cityscapes has its own 19 classes"):
            export(project, out, tmp_path / "out")
        return
    if out != "cityscapes":  # a class that came later, painted once
        project.add_class("later")
        at, row = next((row["path"], row) for row in project.items.labeled() if row["split"] == "pool")
        mine = project.masks.load(row["label"]).copy()
        mine[:2, :2] = len(project.classes) - 1
        project.annotate({row["id"]: mine}, annotator="me")
        assert stored(project)[at][1] == mine.tolist()
    told = export(project, out, tmp_path / "out")
    assert told["items"] == 6
    assert told["renamed"] == []
    assert told["splits"] == {{"pool": "train"}.get(split, split): n for split, n in project.counts()["splits"].items()}
    again = Project.import_into(workspace, "second", tmp_path / "out", truth="labels", task="segmentation")
    assert not again.items.set_aside()
    assert again.classes == project.classes
    assert by_stem(stored(again)) == by_stem(stored(project))
    if out in (kind, OWN.get(kind)):

        def place(path: str, split: str) -> str:  # the folders of Cityscapes are the splits
            return re.sub(r"^leftImg8bit/\w+/", f"leftImg8bit/{split}/", path)

        assert stored(again).keys() == {place(path, {"pool": "train"}.get(split, split)) for path, (split, _) in stored(project).items()}
    for file in (tmp_path / "out").rglob("*.jpg"):
        with Image.open(file) as image:
            assert image.getexif().get(0x0112, 1) == 1
            assert image.size == ((H, W) if file.stem.startswith("f1") and kind != "coco" else SIDES)


@pytest.mark.parametrize("kind", ["camvid", "trainannot"])
def test_camvid_goes_out_byte_for_byte_as_it_came_in(tmp_path, workspace, kind):
    source = dense_source(kind, tmp_path / "source", ("train", "val", "test"))
    project = Project.import_into(workspace, "first", source)
    project.label_from_truth(2)
    export(project, "camvid", tmp_path / "out")
    place = "masks" if kind == "camvid" else "*annot"
    came = {file.relative_to(source).as_posix(): file.read_bytes() for file in source.glob(f"{place}/**/*.png")}
    went = {file.relative_to(tmp_path / "out").as_posix(): file.read_bytes() for file in (tmp_path / "out").glob(f"{place}/**/*.png")}
    assert went == came
    images = {file.relative_to(source).as_posix() for file in source.rglob("f*") if "annot" not in str(file) and "masks" not in str(file)}
    assert {
        file.relative_to(tmp_path / "out").as_posix()
        for file in (tmp_path / "out").rglob("f*")
        if "annot" not in str(file) and "masks" not in str(file)
    } == images


@pytest.mark.parametrize("out", ["camvid", "voc", "coco"])
def test_a_conflict_of_names_gets_a_suffix_and_is_told(tmp_path, workspace, out):
    for number, name in enumerate(("day/a.jpg", "night/a.jpg", "c.jpg")):
        picture(tmp_path / "source" / "images" / name)
        mask(tmp_path / "source" / "masks" / f"{name[:-4]}.png", *((0, 1), (1, 0), (0, 1, 1))[number])
    write(tmp_path / "source" / "classes.txt", "x\ny\n")
    project = Project.import_into(workspace, "first", tmp_path / "source", truth="labels", hold_out=0)
    told = export(project, out, tmp_path / "out")
    assert told["renamed"] == ([{"path": "images/night/a.jpg", "name": "JPEGImages/a-2.jpg"}] if out == "voc" else [])
    again = Project.import_into(workspace, "second", tmp_path / "out", truth="labels", hold_out=0)
    assert sorted(mask for _, mask in stored(again).values()) == sorted(mask for _, mask in stored(project).values())


def test_only_the_splits_that_are_asked_for_go_out(tmp_path, workspace, capsys):
    project = Project.import_into(workspace, "first", dense_source("camvid", tmp_path / "source", ("train", "val", "test")))
    project.label_from_truth(2)
    home = str(workspace.home)
    assert (
        main(
            [
                "export",
                "--project",
                "first",
                "--format",
                "camvid",
                "--out",
                str(tmp_path / "out"),
                "--splits",
                "val,test",
                "--home",
                home,
                "--json",
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["splits"] == {"val": 2, "test": 2}
    assert not (tmp_path / "out" / "train.txt").exists()
    assert (
        main(["export", "--project", "first", "--format", "camvid", "--out", str(tmp_path / "x"), "--splits", "dev", "--home", home]) == 2
    )
    assert capsys.readouterr().err == "alcore: unknown split 'dev': use train, val, test\n"


# ---- the same of classes


def labeled_source(folder: Path, splits: tuple[str, ...]) -> Path:
    for number in range(12):
        split = splits[number % len(splits)]
        name = "b cat" if number % 4 < 2 else "a dog"
        picture(folder / split / name / ("far" if number == 5 else "") / f"{number}.jpg", **(turned(6) if number == 3 else {}))
    return folder


@pytest.mark.parametrize("splits", [("train", "val", "test"), ("train",)], ids=["three splits", "held out by us"])
@pytest.mark.parametrize("out", ["csv", "folder"])
def test_labels_come_back_from_every_format(tmp_path, workspace, out, splits):
    source = labeled_source(tmp_path / "source", splits)
    project = Project.import_into(workspace, "first", source)
    project.add_class("0 later")
    project.label_from_truth(sum(1 for _, split, truth, *_ in project.snapshot() if split == "pool" and truth))
    item = next(row for row in project.items.labeled() if row["split"] == "pool")
    project.annotate({item["id"]: "0 later"}, annotator="me")
    place = source / "labels.csv" if out == "csv" else tmp_path / "out"
    told = export(project, out, place)
    assert told["items"] == 12
    again = Project.import_into(workspace, "second", place, truth="labels")
    assert not again.items.set_aside()
    assert sorted(again.classes) == sorted(project.classes)
    if out == "csv":
        assert stored(again) == stored(project)
    else:
        assert again.classes == project.classes  # in their order
        assert by_stem(stored(again)) == by_stem(stored(project))
        assert any("/far/" in path for path in stored(again))
        for file in place.rglob("*.jpg"):
            with Image.open(file) as image:
                assert image.getexif().get(0x0112, 1) == 1
                assert image.size == ((H, W) if file.stem == "3" else SIDES)


# ---- masks out again as every pair of names and every void came in
PAIRS = {
    "images and masks": ("images/{}.jpg", "masks/{}.png"),
    "tails": ("imgs/{}.jpg", "labels/{}_L.png"),
    "suffix kept": ("images/{}.jpg", "masks/{}.jpg.png"),
    "beside": ("{}.jpg", "{}_mask.png"),
    "head": ("{}.jpg", "mask_{}.png"),
    "below": ("sub/{}.jpg", "sub/{}_seg.png"),
    "in splits": ("train/images/{}.jpg", "train/masks/{}.png"),
    "splits beside": ("train/{}.png", "train_labels/{}_L.png"),
    "annot": ("train/{}.png", "trainannot/{}.png"),
}


@pytest.mark.parametrize("layout", PAIRS)
def test_every_pair_of_names_goes_out_as_it_came_in(tmp_path, workspace, layout):
    image, found = PAIRS[layout]
    for name in "abcdef":
        picture(tmp_path / "in" / image.format(name))
        mask(tmp_path / "in" / found.format(name), 0, 1, 255, 0)
    project = Project.import_into(workspace, "in", tmp_path / "in", truth="labels", classes=["x", "y"], hold_out=0)
    assert not project.items.set_aside()
    export(project, "camvid", tmp_path / "out")
    went = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.*")}
    assert went >= {image.format(name) for name in "abcdef"} | {found.format(name) for name in "abcdef"}
    assert {name for name in went if name.endswith((".png", ".jpg"))} == {
        pattern.format(name) for pattern in (image, found) for name in "abcdef"
    }
    again = Project.import_into(workspace, "out", tmp_path / "out", truth="labels", hold_out=0)
    assert not again.items.set_aside()
    assert (again.classes, stored(again)) == (project.classes, stored(project))


@pytest.mark.parametrize("out", ["camvid", "voc", "coco"])
@pytest.mark.parametrize(("listing", "values", "void"), [
    ({"classes.txt": "x\ny\n"}, (0, 255), "auto"),
    ({"classes.txt": "x\ny\n"}, (0, 255, 1), "none"),
    ({"classes.txt": "x\ny\n"}, (0, 1, 255), "auto"),
    ({"classes.txt": "x\ny\n"}, (0, 1, 2), "0"),
    ({"classes.txt": "none\nx\ny\n"}, (0, 1, 2), "0"),
    ({"classes.csv": "name,index,ignore\nx,7,0\ny,200,0\nnobody,0,1\n"}, (0, 7, 200), "auto"),
    ({"classes.csv": "name,index\nx,3\ny,255\n"}, (3, 255), "auto"),
    ({"classes.csv": "name,index,ignore\nx,0,0\nedge,1,1\nhood,2,1\ny,3,0\n"}, (0, 1, 2, 3, 255), "auto"),
], ids=str)  # fmt: skip
def test_every_meaning_of_values_survives_an_export(tmp_path, workspace, listing, values, void, out):
    for name in "abc":
        picture(tmp_path / "in" / "images" / f"{name}.png")
        mask(tmp_path / "in" / "masks" / f"{name}.png", *(values if name != "c" else values[:1] * 2 + values[1:]))
    for name, text in listing.items():
        write(tmp_path / "in" / name, text)
    if void == "none":  # 1 is of no class then
        with pytest.raises(AlcoreError):
            export(Project.import_into(workspace, "in", tmp_path / "in", truth="labels", void=void, hold_out=0), out, tmp_path / "out")
        return
    project = Project.import_into(workspace, "in", tmp_path / "in", truth="labels", void=void, hold_out=0)
    assert project.classes == ("x", "y")
    assert len(stored(project)) == 3
    export(project, out, tmp_path / "out")
    again = Project.import_into(workspace, "out", tmp_path / "out", truth="labels", hold_out=0)
    assert again.classes == ("x", "y")
    assert by_stem(stored(again)) == by_stem(stored(project))
    if out == "camvid":
        for name in "abc":
            with (
                Image.open(tmp_path / "in" / "masks" / f"{name}.png") as came,
                Image.open(tmp_path / "out" / "masks" / f"{name}.png") as went,
            ):
                same = np.asarray(came) == np.asarray(went)
                both_void = np.array(stored(project)[f"images/{name}.png"][1]) == 255
                assert (same | both_void).all()
                assert same.all() or "hood" in str(listing)  # of several void values the export has one


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("out", ["camvid", "voc", "coco"])
def test_every_turned_kind_of_picture_goes_out_upright_and_without_the_tag(tmp_path, workspace, kind, out):
    suffix = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif"}[kind]
    for orientation in ORIENTATIONS:
        file = tmp_path / "in" / "images" / f"f{orientation}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(noise(file)).save(
            file, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {})
        )
        mask(tmp_path / "in" / "masks" / f"f{orientation}.png", 0, 1, 1, sides=(H, W) if orientation > 4 else (W, H))
    write(tmp_path / "in" / "classes.txt", "x\ny\n")
    project = Project.import_into(workspace, "in", tmp_path / "in", truth="labels", hold_out=0)
    assert not project.items.set_aside()
    export(project, out, tmp_path / "out")
    for file in (tmp_path / "out").rglob(f"f*.{suffix}"):
        if "masks" in str(file) or "SegmentationClass" in str(file):
            continue
        orientation = int(file.stem[1:])
        with Image.open(file) as image, Image.open(tmp_path / "in" / "images" / file.name) as came:
            assert image.getexif().get(0x0112, 1) == 1
            expected = np.asarray(ImageOps.exif_transpose(came).convert("RGB"), np.int16)
            assert image.size == expected.shape[1::-1]
            assert np.abs(np.asarray(image.convert("RGB"), np.int16) - expected).mean() < (12 if kind == "JPEG" else 0.01), orientation
    again = Project.import_into(workspace, "out", tmp_path / "out", truth="labels", hold_out=0)
    assert by_stem(stored(again)) == by_stem(stored(project))


@pytest.mark.parametrize("out", ["camvid", "voc", "coco"])
def test_pictures_of_any_suffix_go_out_under_their_names(tmp_path, workspace, out):
    kinds = {"a.tga": "TGA", "b.jfif": "JPEG", "c": "PNG", "d.HEIC": "HEIF", "e.dat": "GIF", "f.v2.png": "PNG"}
    for name, kind in kinds.items():
        file = tmp_path / "in" / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if kind == "HEIF":
            picture(file)
        else:
            Image.fromarray(noise(file)).save(file, kind)
        mask(tmp_path / "in" / "masks" / f"{Path(name).stem}.png", 0, 1, 1)
    write(tmp_path / "in" / "classes.txt", "x\ny\n")
    project = Project.import_into(workspace, "in", tmp_path / "in", truth="labels", hold_out=0)
    assert not project.items.set_aside()
    assert len(stored(project)) == 6
    told = export(project, out, tmp_path / "out")
    place = "JPEGImages" if out == "voc" else "images"
    assert told["renamed"] == [{"path": "images/c", "name": f"{place}/c.png"}]
    again = Project.import_into(workspace, "out", tmp_path / "out", truth="labels", hold_out=0)
    assert not again.items.set_aside()
    assert {Path(path).name for path in stored(again)} == {name if name != "c" else "c.png" for name in kinds}
    assert by_stem(stored(again)) == by_stem(stored(project))


@pytest.mark.parametrize("side", [16, 120])
def test_arrays_come_back_as_files(tmp_path, workspace, make_npz, side):
    project = Project.import_into(workspace, "in", make_npz(tmp_path / "in", side), truth="labels")
    export(project, "folder", tmp_path / "out")
    again = Project.import_into(workspace, "out", tmp_path / "out", truth="labels")
    assert again.classes == project.classes
    assert {Path(path).stem: value for path, value in stored(again).items() if value[0] == "pool"} == {
        Path(path).stem: value for path, value in stored(project).items() if value[0] == "pool"
    }
    assert again.counts()["splits"] == project.counts()["splits"]
