"""What is odd is said before the import."""

from __future__ import annotations

import json

import pytest

from alcore.cli.main import main
from alcore.errors import BadInput
from alcore.formats import read
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from tests.formats.folders import (
    splits_in_words,
    stray,
)
from tests.sources import labels_of, mask, picture, pictures, splits_of, write


@pytest.mark.parametrize(("names", "listings", "words"), [
    (["images/1.jpg", "masks/2.jpg"], {}, "'images', 'masks' are classes here"),
    (["cat/1.jpg", "labels/2.jpg"], {}, "'labels' is a class here"),
    (["bus/1.jpg", "train/2.jpg"], {}, "'train' is a class here"),
    (["annotations/1.jpg", "dog/2.jpg"], {}, "'annotations' is a class here"),
    (["Test/1.jpg", "dog/2.jpg"], {}, "'Test' is a class here"),
    (["cat/1.jpg"], {}, "every labeled image is of the one class 'cat'"),
    (["cat/1.jpg", "dog/2.jpg"], {"meta.csv": "a,b\n1,2\n"}, "'meta.csv' lies beside the images and was not read"),
    (["cat/1.jpg", "dog/2.jpg"], {"classes.txt": "cow\npig\n"}, "'classes.txt' lies beside the images and was not read"),
    (["cat/1.jpg", "dog/2.jpg"], {"package.json": "{}"}, "'package.json' lies beside the images and was not read"),
    (["ds/cat/1.jpg", "ds/dog/2.jpg"], {"labels.csv": "a,b\n1,2\n"}, "'labels.csv' lies beside the images and was not read"),
    (["ds/cat/1.jpg", "ds/dog/2.jpg"], {"labels/1.txt": "0 1 1 1 1", "labels/2.txt": "0"}, "'labels/1.txt and 1 more like it' lies"),
    (["setA/train/cat/1.jpg", "setB/test/cat/2.jpg"], {}, "splits lie below 'setA', 'setB', taken for classes here: give the folder of one"),
    (["1.jpg", "2.jpg"], {"1.txt": "0 1 1 1 1", "2.txt": "0 1 1 1 1"}, "'1.txt and 1 more like it' lies"),
    (["images/1.jpg", "images/2.jpg"], {"labels/1.txt": "0 1 1 1 1", "labels/2.txt": "0 1 1 1 1"}, "'labels/1.txt and 1 more like it' lies"),
    (["train/images/1.jpg", "val/images/2.jpg"], {"train/labels/1.txt": "0 1", "val/labels/2.txt": "0"}, "'train/labels/1.txt and 1 more"),
])  # fmt: skip
def test_what_is_odd_is_a_warning_before_the_import(tmp_path, names, listings, words):
    folder = pictures(tmp_path / "given", *names)
    for name, text in listings.items():
        write(folder / name, text)
    warnings = preview(ImportRequest.of(folder, {})).answer()["warnings"]
    assert any(words in warning for warning in warnings), warnings
    assert all(len(warning) < 300 and "\n" not in warning for warning in warnings)


def test_masks_among_the_pictures_of_classes_are_told(tmp_path):
    for name in ("benign", "normal"):
        picture(tmp_path / name / "1.png")
        mask(tmp_path / name / "1_mask.png", 0, 1)
    with pytest.raises(BadInput, match="name the classes"):
        read(tmp_path)
    warnings = read(tmp_path, task="classification").warnings
    assert any("called like the mask of one beside it: import it as segmentation" in warning for warning in warnings)


@pytest.mark.parametrize(
    "layout",
    ["images/{}.jpg labels/{}.txt", "{}.jpg {}.txt", "train/images/{}.jpg train/labels/{}.txt", "images/train/{}.jpg labels/train/{}.txt"],
)
def test_yolos_boxes_are_never_classes_of_folders(tmp_path, layout):
    for number in range(4):
        image, text = layout.format(number, number).split()
        picture(tmp_path / image)
        write(tmp_path / text, "0 0.5 0.5 0.1 0.1\n")
    reading = read(tmp_path)
    assert reading.classes == ()
    assert splits_of(reading) == {"pool": 4}


def test_a_dry_run_answers_with_what_the_import_would_take(tmp_path, capsys):
    folder = tmp_path / "given"
    splits_in_words(folder)
    write(folder / "Val" / "notes.txt", "x")
    assert main(["import", str(folder), "--dry-run", "--json", "--home", str(tmp_path / "home")]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "format": "folder",
        "task": "classification",
        "took_for": "class folders below Training_Set, Val, test-images: 2 classes, 5 images",
        "source": str(folder),
        "items": 5,
        "classes": ["cat", "dog"],
        "splits": {"pool": 2, "val": 1, "test": 2},
        "skipped": [{"path": "Val/notes.txt", "reason": "not an image (its suffix is .txt)"}],
        "warnings": [],
        "samples": [
            {"path": "test-images/cat/5.jpg", "label": "cat"}, {"path": "Training_Set/cat/1.jpg", "label": "cat"}, {"path": "Val/cat/3.jpg", "label": "cat"},
            {"path": "test-images/dog/4.jpg", "label": "dog"}, {"path": "Training_Set/dog/2.jpg", "label": "dog"},
        ],
    }  # fmt: skip
    assert not (tmp_path / "home").exists()


def test_a_stray_image_beside_class_folders_costs_no_label(tmp_path):
    stray(tmp_path)
    labels = labels_of(read(tmp_path))
    assert labels.pop("preview.png") is None
    assert labels == {f"{name}/{number}.jpg": name for name in ("cat", "dog") for number in range(6)}
