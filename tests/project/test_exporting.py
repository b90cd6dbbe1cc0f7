"""Pictures for browsers and labels for other programs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.project.exporting import export
from alcore.project.facade import Project


def paths(project: Project) -> dict[str, int]:
    return {item.path: item.id for item in project.items.pool()}


# ---- pictures


def test_a_picture_is_never_enlarged_and_its_etag_follows_the_file(project, digits_source, write_image, decoded):
    item = paths(project)["train/0/00.png"]
    encoded, mime, etag = project.picture(item, 96)
    assert mime == "image/png"
    with Image.open(io.BytesIO(encoded)) as image, Image.open(digits_source / "train/0/00.png") as original:
        assert image.size == (8, 8)
        assert np.array_equal(np.asarray(image.convert("L")), np.asarray(original))
    assert project.picture(item, 96) == (encoded, mime, etag)
    assert decoded == ["00.png"]  # the second time from disk
    assert project.picture(item, 4)[2] != etag
    write_image(digits_source / "train/0/00.png", 3, seed=5)
    project.refresh()
    again = project.picture(item, 96)
    assert again[0] != encoded
    assert again[2] != etag


def test_a_picture_whose_file_is_gone_is_not_found(project, digits_source):
    (digits_source / "train/1/00.png").unlink()
    with pytest.raises(NotFound, match=r"the picture of 'train/1/00\.png' cannot be read any more"):
        project.picture(paths(project)["train/1/00.png"], 96)
    with pytest.raises(NotFound, match="there is no item 999"):
        project.picture(999, 96)


@pytest.mark.parametrize("side", [16, 120])  # packed as they are; packed smaller, with the originals kept
def test_pictures_of_arrays_show_every_pixel(workspace, tmp_path, make_npz, side):
    source = make_npz(tmp_path / "arrays", side)
    project = Project.import_into(workspace, "arrays", source)
    with np.load(source) as stored:
        pixels = stored["x_train"][3]
    encoded, _, _ = project.picture(paths(project)["train/00003"], 4096)
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.size == (side, side)
        if side <= 64:
            assert np.array_equal(np.asarray(image), pixels)
    assert project.pixels().shape[1] == (16 if side == 16 else 64)


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
    with pytest.raises(BadInput, match="cannot export as 'coco': use one of csv, folder"):
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
