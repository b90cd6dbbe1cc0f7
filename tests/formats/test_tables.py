"""Tables beside images, as other people write them."""

from __future__ import annotations

from alcore.formats import read
from tests.formats.folders import (
    kaggle,
    one_hot,
    tiny_imagenet,
)
from tests.sources import labels_of, pictures, write


def test_tables_of_other_people_are_understood(tmp_path):
    cases = {
        "filename,class\na.jpg,cat\nb.jpg,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "image_id,species\na,cat\nb,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "file_name;width;category\na.jpg;12;cat\nb.jpg;12;dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "id,cat,dog\na,1,0\nb,0,1\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "image_path\tlabel\n/home/me/set/images/a.jpg\tcat\n/home/me/set/images/b.jpg\tdog\n": {
            "images/a.jpg": "cat",
            "images/b.jpg": "dog",
        },
        "Path,Label\nC:\\me\\images\\a.jpg,cat\n..\\..\\images\\b.jpg,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
        "path,label\nIMAGES/A.JPG,cat\nimages/b.jpg,dog\n": {"images/a.jpg": "cat", "images/b.jpg": "dog"},
    }
    for at, (text, expected) in enumerate(cases.items()):
        folder = pictures(tmp_path / str(at), "images/a.jpg", "images/b.jpg")
        write(folder / "labels.csv", text)
        reading = read(folder)
        assert (reading.format, labels_of(reading)) == ("csv", expected), text


def test_a_column_that_no_row_is_marked_in_is_a_class_all_the_same(tmp_path):
    one_hot(tmp_path)
    reading = read(tmp_path)
    assert reading.classes == ("MEL", "NV", "BCC")
    assert labels_of(reading) == {"images/ISIC_01.jpg": "NV", "images/ISIC_02.jpg": "MEL", "images/ISIC_03.jpg": "NV"}


def test_kaggles_dummy_labels_are_nobodys(tmp_path):
    kaggle(tmp_path)
    assert labels_of(read(tmp_path)) == {
        "train/1.png": "cat",
        "train/2.png": "dog",
        "train/3.png": "cat",
        "test/4.png": None,
        "test/5.png": None,
    }


def test_tiny_imagenet_has_the_labels_of_val_in_its_text(tmp_path):
    tiny_imagenet(tmp_path)
    labels = labels_of(read(tmp_path))
    assert labels["val/images/val_0.JPEG"] == "n02"
    assert labels["val/images/val_1.JPEG"] == "n01"
    assert labels["train/n01/images/n01_1.JPEG"] == "n01"
