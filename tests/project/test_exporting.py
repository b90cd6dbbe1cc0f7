"""Pictures for browsers and labels for other programs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alcore.errors import AlcoreError, BadInput
from alcore.files import made_beside
from alcore.formats import read
from alcore.pixels import masks
from alcore.project import exporting
from alcore.project.exporting import export
from alcore.project.facade import Project
from tests.house import ROOT
from tests.project.painted import ids_of
from tests.project.played import paths
from tests.scenes import CLASSES, H, W, truth_of

# ---- labels out


def test_labels_are_exported_as_csv_with_any_class_name(workspace, digits_source, tmp_path):
    names = ("a/b", 'it\'s, "quoted"', "ü 100 %", "-rm *")
    project = Project.import_into(workspace, "odd", digits_source / "train" / "0", classes=names)
    ids = sorted(paths(project).values())[:4]
    project.annotate(dict(zip(ids, names, strict=True)), annotator="me")
    assert export(project, "csv", tmp_path / "out" / "labels.csv") == {
        "format": "csv",
        "items": 4,
        "splits": {"train": 4},
        "renamed": [],
        "out": str(tmp_path / "out" / "labels.csv"),
    }
    assert (tmp_path / "out" / "labels.csv").read_bytes().decode().split("\r\n") == [
        "path,label,split,annotator", "00.png,a/b,train,me", "01.png,\"it's, \"\"quoted\"\"\",train,me", "02.png,ü 100 %,train,me", "03.png,-rm *,train,me", "",
    ]  # fmt: skip
    other = Project.import_into(workspace, "again", digits_source / "train" / "0", classes=names)
    assert other.label_from_csv(tmp_path / "out" / "labels.csv", annotator="copy") == 4
    assert other.items.labels() == dict(zip(sorted(paths(other).values())[:4], names, strict=True))
    with pytest.raises(BadInput, match="class 'a/b' cannot be a folder's name: export as csv"):
        export(project, "folder", tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir() if "folder" in p.name) == []


def test_labels_are_exported_as_class_folders(project, digits_source, tmp_path):
    at = paths(project)
    project.annotate({at["train/0/00.png"]: "3", at["train/1/00.png"]: "1"})
    told = export(project, "folder", tmp_path / "out")
    assert (told["items"], told["splits"], told["renamed"]) == (18, {"train": 2, "test": 16}, [])
    found = {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*.png")}
    held_out = {p.relative_to(digits_source).as_posix(): p.read_bytes() for p in (digits_source / "test").rglob("*.png")}
    assert found == {
        "train/3/00.png": (digits_source / "train/0/00.png").read_bytes(),
        "train/1/00.png": (digits_source / "train/1/00.png").read_bytes(),
        **held_out,
    }
    assert export(project, "folder", tmp_path / "train", ["train"])["splits"] == {"train": 2}
    assert len(list((tmp_path / "train").rglob("*.png"))) == 2


def test_two_images_that_get_one_name_are_told_apart_and_said(project, tmp_path):
    at = paths(project)
    project.annotate({at["train/0/00.png"]: "3", at["train/1/00.png"]: "3"})
    assert export(project, "folder", tmp_path / "out", ["train"])["renamed"] == [{"path": "train/1/00.png", "name": "train/3/00-2.png"}]
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.png")) == ["00-2.png", "00.png"]


@pytest.mark.parametrize(("side", "suffix", "kind"), [(16, ".png", "PNG"), (120, ".jpg", "JPEG")])
def test_exported_pictures_of_arrays_are_what_their_names_say(workspace, tmp_path, make_npz, side, suffix, kind):
    project = Project.import_into(workspace, "arrays", make_npz(tmp_path / "arrays", side), truth="labels")
    export(project, "folder", tmp_path / "out", ["train"])
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(files) == 10
    for file in files:
        assert file.suffix == suffix
        with Image.open(file) as image:
            assert (image.format, image.size) == (kind, (side, side))


def test_an_export_that_cannot_be_done_says_why_and_writes_nothing(project, digits_source, tmp_path):
    with pytest.raises(AlcoreError, match="nothing of 'toy' is labeled yet: there is nothing to export"):
        export(project, "csv", tmp_path / "out")
    project.label_from_truth(40)
    words = "cannot export as 'coco': use one of csv, cvat, fiftyone, folder, hf, imagefolder, labelstudio, parquet, webdataset"
    with pytest.raises(BadInput, match=words):
        export(project, "coco", tmp_path / "out")
    (digits_source / "train/2/05.png").unlink()
    with pytest.raises(AlcoreError, match=r"train/2/05\.png"):
        export(project, "folder", tmp_path / "out")
    assert not [p for p in tmp_path.iterdir() if "out" in p.name]
    with pytest.raises(AlcoreError, match="cannot be written"):
        export(project, "csv", digits_source / "train/0/00.png" / "x.csv")
    (tmp_path / "there").mkdir()
    with pytest.raises(BadInput, match="there exists already: name a new path"):
        export(project, "csv", tmp_path / "there")
    project.refresh()
    assert export(project, "csv", tmp_path / "out", ["train"])["items"] == 39  # labels of images that are gone stay in the journal


EXPORT = """
import os, signal, sys
from pathlib import Path
from alcore.project.exporting import export
from alcore.formats import writing
from alcore.project.facade import Workspace
import alcore.formats.folder as module
project = Workspace(sys.argv[1]).project("toy")
honest, copied = module.copy_upright, []
def copy(*given):
    copied.append(1)
    if len(copied) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return honest(*given)
module.copy_upright = copy
export(project, "folder", Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_under_its_name_and_the_next_one_cleans_up(project, workspace, tmp_path):
    project.label_from_truth(12, seed=0)
    out = tmp_path / "labels"
    killed = subprocess.run([sys.executable, "-c", EXPORT, str(workspace.home), str(out)], cwd=ROOT, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    (part,) = tmp_path.glob(".labels*")
    assert len(list(part.rglob("*.png"))) == 4
    assert not out.exists()
    mine = tmp_path / ".labels.of-mine.part"  # no name of ours
    mine.mkdir()
    assert export(project, "folder", out)["items"] == 28  # with those held out
    assert [path.name for path in tmp_path.glob(".labels*")] == [mine.name]
    with pytest.raises(AlcoreError, match="exists already"):
        export(project, "folder", out)


def test_two_exports_to_one_place_do_not_take_each_other_for_litter(tmp_path):
    out, both = tmp_path / "out.csv", threading.Barrier(2)

    def make(content: str) -> None:
        with made_beside(out) as part:
            part.write_text(content)
            both.wait(60)
            both.wait(60)

    one = threading.Thread(target=make, args=("a",))
    one.start()
    both.wait(60)
    with made_beside(out) as part:
        part.write_text("b")
    assert out.read_text() == "b"
    both.wait(60)
    one.join(60)
    assert out.read_text() == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


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
    with zipfile.ZipFile(exporting.archive(scenes, "camvid")) as archive:
        names = archive.namelist()
    assert (
        len([n for n in names if n.startswith("masks/") and n.endswith(".png")]) == 2 + 4
    )  # and those held out with the masks they came with
    assert "classes.csv" in names
    with pytest.raises(BadInput, match="cannot export as 'csv': use one of"):
        export(scenes, "csv", scenes.folder / "x")


# ---- formats of other programs


@pytest.mark.parametrize("name", ["fiftyone", "folder", "hf", "imagefolder", "webdataset"])
def test_a_project_goes_out_and_comes_in_again_with_its_splits_and_classes(project, workspace, tmp_path, name):
    ids = project.pool().unlabeled[:6].tolist()
    project.annotate({id: project.classes[at % 4] for at, id in enumerate(ids)}, annotator="me")
    told = export(project, name, tmp_path / "out")
    assert (told["items"], told["splits"]["train"]) == (sum(told["splits"].values()), 6)
    again = Project.import_into(workspace, "again", tmp_path / "out", truth="labels", hold_out=0.0)
    assert again.settings["read_as"] == name
    assert again.classes == project.classes
    assert again.counts()["labeled"] == 6
    assert {written: again.counts()["splits"].get(split, 0) for split, written in (("pool", "train"), ("test", "test"))} == told["splits"]
    with pytest.raises(BadInput, match="exists already"):
        export(project, name, tmp_path / "out")


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_every_column_is_of_every_image_with_its_scores_and_is_read_again(project, quick, tmp_path, name):
    ids = project.pool().unlabeled[:8].tolist()
    project.annotate({id: project.classes[at % 4] for at, id in enumerate(ids)}, annotator="me")
    project.run_round("entropy", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    told = export(project, name, tmp_path / f"all.{name}", every_column=True)
    frame = pd.read_csv(tmp_path / "all.csv") if name == "csv" else pd.read_parquet(tmp_path / "all.parquet")
    assert (len(frame), told["items"], told["splits"]) == (56, 56, {"train": 40, "test": 16})
    assert {"id", "path", "split", "state", "label", "annotator", "time", "guess", "confidence", "entropy", "total"} <= set(frame.columns)
    by_id = frame.set_index("id")
    assert by_id.loc[ids, "annotator"].tolist() == ["me"] * 8
    assert by_id.loc[ids[1], "label"] in (project.classes[1], int(project.classes[1]))
    assert (frame[frame["split"] == "test"]["annotator"] == "given").all()
    scored = frame[frame["entropy"].notna()]
    assert 0 < len(scored) <= 48
    assert scored["entropy"].between(0, np.log(4) + 1e-6).all()


def test_every_column_is_of_tables_alone(project, tmp_path):
    with pytest.raises(BadInput, match="cannot export as 'hf': use one of csv, parquet"):
        export(project, "hf", tmp_path / "out", every_column=True)
