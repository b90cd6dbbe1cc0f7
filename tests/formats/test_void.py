"""Masks of 0 and 255: which value is void, as it is chosen or asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from alcore.cli.main import main
from alcore.errors import AlcoreError, BadInput
from alcore.formats import ReadOptions, read
from alcore.project import creation
from alcore.project.facade import Project
from tests.sources import SIDES, box, coco, mask, picture, write

W, H = SIDES
QUICK = {"steps": 2, "batch_size": 2, "warmup": 0.0}


def grey_masks(folder: Path, *, values: tuple[int, ...] = (0, 255)) -> Path:
    for number in range(6):
        picture(folder / "images" / f"{number}.jpg")
        mask(folder / "masks" / f"{number}.png", *values)
    write(folder / "classes.txt", "ground\nbuilding\n")
    return folder


@pytest.mark.parametrize(("void", "expected", "classes"), [
    ("auto", [0, 1], ("ground", "building")), ("none", [0, 1], ("ground", "building")), ("255", [0, 255], ("ground", "building")),
])  # fmt: skip
def test_255_is_the_last_class_when_that_has_no_pixel_or_as_asked(tmp_path, workspace, void, expected, classes):
    project = Project.import_into(workspace, "grey", grey_masks(tmp_path / "set"), truth="labels", void=void, hold_out=0)
    assert project.classes == classes
    assert project.mask(next(iter(project.snapshot()))[0]).tolist() == [[expected[0]] * 6 + [expected[1]] * 6] * H
    said = [note for note in creation.summary(project)["notes"] if "255" in note]
    assert len(said) == (void != "255")
    if void == "auto":
        assert said == ["255 has 50% of the pixels and 'building' (value 1) none: 255 was taken for it; if it is void, say so"]
    if void == "255":
        with pytest.raises(AlcoreError, match="void"):
            project.run_round("random", query_size=1, train=QUICK)


def test_zero_is_void_when_asked(tmp_path, workspace):
    project = Project.import_into(workspace, "grey", grey_masks(tmp_path / "set", values=(0, 1, 2)), truth="labels", void="0", hold_out=0)
    assert project.classes == ("ground", "building")
    assert project.mask(next(iter(project.snapshot()))[0]).tolist() == [[255] * 4 + [0] * 4 + [1] * 4] * H


def test_the_command_line_takes_void_and_the_dry_run_says_what_was_chosen(tmp_path, capsys):
    source = str(grey_masks(tmp_path / "set"))
    assert main(["import", source, "--dry-run", "--json"]) == 0
    (warning,) = [one for one in json.loads(capsys.readouterr().out)["warnings"] if "255" in one]
    assert "255 was taken for it" in warning
    assert main(["import", source, "--dry-run", "--json", "--void", "255"]) == 0
    assert not [one for one in json.loads(capsys.readouterr().out)["warnings"] if "255" in one]
    assert main(["import", source, "--dry-run", "--json", "--void", "7"]) == 2
    assert capsys.readouterr().err == "alcore: void='7': use one of auto, none, 0, 255\n"


def test_void_of_a_voc_with_its_own_classes_is_chosen_likewise(tmp_path):
    for number in range(3):
        picture(tmp_path / "JPEGImages" / f"{number}.jpg")
        mask(tmp_path / "SegmentationClass" / f"{number}.png", 0, 255)
    write(tmp_path / "labelmap.txt", "ground:0,0,0::\nbuilding:200,0,0::\n")
    assert np.unique(read(tmp_path).masks[0]).tolist() == [0, 1]
    assert any("255 was taken for it" in warning for warning in read(tmp_path).warnings)
    assert np.unique(read(tmp_path, options=ReadOptions(void="255")).masks[0]).tolist() == [0, 255]


@pytest.mark.parametrize("kind", ["voc", "cityscapes", "bdd100k", "coco"])
def test_void_that_a_format_fixes_itself_is_refused_when_another_is_asked(tmp_path, kind):
    image, found = {
        "voc": ("JPEGImages/a.jpg", "SegmentationClass/a.png"),
        "cityscapes": ("leftImg8bit/train/x/a_leftImg8bit.jpg", "gtFine/train/x/a_gtFine_labelTrainIds.png"),
        "bdd100k": ("images/10k/train/a.jpg", "labels/sem_seg/masks/train/a.png"),
        "coco": ("images/a.jpg", ""),
    }[kind]
    picture(tmp_path / image)
    if kind == "coco":
        write(tmp_path / "annotations" / "a.json", coco(["a.jpg"], [(1, 1, box(0, 0, 2, 2))]))
    else:
        mask(tmp_path / found, 0, 255)
    for asked in ("none", "0"):
        with pytest.raises(BadInput, match=f"void={asked}"):
            read(tmp_path, kind, options=ReadOptions(void=asked))
    assert len(read(tmp_path, kind, options=ReadOptions(void="255")).entries) == 1
