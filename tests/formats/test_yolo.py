"""YOLO: where texts lie, what a data.yaml says, what is left out and told, what is written and comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.formats import MASK_WRITERS, read
from alcore.formats.writing import Item
from alcore.formats.yolo_texts import label_of
from tests.formats.exchanged import polygon, yolo, yolo_polygons
from tests.formats.layouts import reasons
from tests.formats.test_writing import ODD, encoded_image, legend
from tests.sources import SIDES, labels_of, picture, write

LEFT = (0, 0, 0.5, 0, 0.5, 1, 0, 1)  # the left half
NAMES = "names: [cat, dog]\n"


def one(folder: Path, text: str | bytes, names: str = NAMES, image: str = "images/a.jpg") -> Path:
    picture(folder / image)
    write(folder / label_of(image), text)
    write(folder / "data.yaml", names)
    return folder


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("images/train/x.rgb.jpg", "labels/train/x.rgb.txt"),
        ("train/images/a b.jpg", "train/labels/a b.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),
        ("my images/a.jpg", "my images/a.txt"),
        ("images.jpg", "images.txt"),
    ],
)
def test_a_text_lies_where_images_reads_labels(image: str, text: str) -> None:
    assert label_of(image) == text


def test_polygons_are_painted_in_shares_of_the_sides_the_smaller_above(tmp_path: Path) -> None:
    text = polygon(1, 0.2, 0.2, 0.4, 0.2, 0.4, 0.6, 0.2, 0.6) + polygon(0, *LEFT)
    reading = read(one(tmp_path, text))
    wanted = np.full(SIDES[::-1], 255, np.uint8)
    wanted[:, :6] = 0
    wanted[2:6, 2:5] = 1  # 12 wide: 2.4 to 4.8 holds the middles 2.5, 3.5 and 4.5
    np.testing.assert_array_equal(reading.masks[0], wanted)
    assert (reading.classes, reading.format) == (("cat", "dog"), "yolo")


def test_an_empty_text_is_an_image_without_objects_and_none_an_unlabeled_one(tmp_path: Path) -> None:
    one(tmp_path, polygon(0, *LEFT))
    picture(tmp_path / "images/empty.jpg")
    write(tmp_path / "labels/empty.txt", "\n")
    picture(tmp_path / "images/unseen.jpg")
    reading = read(tmp_path)
    by_path = {entry.path: reading.masks[at] for at, entry in enumerate(reading.entries)}
    assert (by_path["images/empty.jpg"] == 255).all()
    assert by_path["images/unseen.jpg"] is None
    assert reading.warnings == ["1 image with an empty text: no object is on it"]
    assert labels_of(read(tmp_path, task="classification")) == {"images/a.jpg": "cat", "images/empty.jpg": None, "images/unseen.jpg": None}


def test_boxes_of_one_class_are_the_class_of_the_image_and_of_several_they_are_none(tmp_path: Path) -> None:
    yolo(tmp_path)
    write(tmp_path / "labels/train/b.txt", "0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.2 0.97\n")
    reading = read(tmp_path)
    assert labels_of(reading) == {"images/train/a.jpg": "cat", "images/train/b.jpg": None, "images/val/c.jpg": "cat"}
    assert reading.warnings == ["1 image has objects of several classes and counts as unlabeled"]
    with pytest.raises(BadInput, match="4 objects with boxes and no polygon, so there are no masks: import it as classification"):
        read(tmp_path, task="segmentation")


def test_what_means_nothing_is_left_out_counted_and_told_with_its_line(tmp_path: Path) -> None:
    lines = [
        polygon(0, *LEFT),
        polygon(2, *LEFT),
        polygon(7, *LEFT),
        polygon(0, 0, 0, 312, 0, 312, 200),
        polygon(0, 0, 0, 1, 0, 1, 1, 0),
        "cat 0 0 1 0 1 1\n",
        "-1 0 0 1 0 1 1\n",
        "0 0 0 nan 0 1 1\n",
    ]
    reading = read(one(tmp_path, "".join(lines)), "yolo")
    told = [(skip.path, skip.reason) for skip in reading.skipped]
    assert told == [
        ("labels/a.txt line 2", "1 object left out, this is the first: there is no class 2: 2 classes are named, 0 to 1"),
        ("labels/a.txt line 3", "1 object left out, this is the first: there is no class 7: 2 classes are named, 0 to 1"),
        ("labels/a.txt line 4", "1 object left out, this is the first: its corners are not of 0 to 1, shares of the image's sides"),
        ("labels/a.txt line 5", "1 object left out, this is the first: a polygon needs x and y of three corners at least"),
        ("labels/a.txt line 6", "3 objects left out, this is the first: a line is not of the form class x y …"),
    ]
    assert (reading.masks[0] == 0).sum() == 60


def test_corners_a_little_outside_are_cut_off_at_the_border(tmp_path: Path) -> None:
    reading = read(one(tmp_path, polygon(0, -0.01, -0.1, 0.5, -0.1, 0.5, 1.2, -0.01, 1.2)))
    assert (reading.masks[0][:, :6] == 0).all()
    assert (reading.masks[0][:, 6:] == 255).all()
    assert reading.skipped == []


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        ("names:\n- cat\n- dog\n", ("cat", "dog")),
        ("names:\n  1: dog\n  0: cat\n", ("cat", "dog")),
        ("names: [no, 1]\n", ("no", "1")),
        ("names: ['house cat', \"gr\\xF6\\xDFe\"]\nnc: 2\n", ("house cat", "größe")),
    ],
)
def test_names_are_a_list_or_numbered_and_always_text(tmp_path: Path, names: str, classes: tuple[str, ...]) -> None:
    assert read(one(tmp_path, polygon(0, *LEFT), names)).classes == classes


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("names: [cat, cat]\n", "data.yaml: the class 'cat' is named twice"),
        ("names:\n  0: cat\n  2: dog\n", "data.yaml: names has no class 1: number them 0 to 1"),
        ("names:\n  first: cat\n", "data.yaml: names has 'first' where a class's number should be"),
        ("names: cat\n", "data.yaml: names must be a list of names, or a number and a name a line"),
        ("names: [cat\n", "data.yaml is no YAML"),
        ("- names\n", "data.yaml is no YAML of names"),
    ],
)
def test_a_data_yaml_that_cannot_be_understood_is_a_sentence(tmp_path: Path, names: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read(one(tmp_path, polygon(0, *LEFT), names), "yolo")


def test_nothing_of_a_data_yaml_is_made_but_text(tmp_path: Path) -> None:
    names = "names: [cat, dog]\nx: !!python/object/apply:os.system [touch made]\n"
    assert read(one(tmp_path, polygon(0, *LEFT), names)).classes == ("cat", "dog")


def test_more_names_than_nc_says_are_told(tmp_path: Path) -> None:
    assert read(one(tmp_path, polygon(0, *LEFT), "nc: 80\nnames: [cat, dog]\n")).warnings == [
        "data.yaml says nc: 80 and names 2 classes: the names count"
    ]


def test_splits_are_those_of_data_yaml_wherever_its_path_leads(tmp_path: Path) -> None:
    for place in ("images/first", "images/second", "images/third"):
        for name in ("a", "b"):
            picture(tmp_path / place / f"{name}.jpg")
            write(tmp_path / label_of(f"{place}/{name}.jpg"), polygon(0, *LEFT))
    write(tmp_path / "held out.txt", "./images/third/a.jpg\n/home/me/set/images/third/b.jpg\nimages/nothing.jpg\n")
    write(tmp_path / "data.yaml", f"path: /home/me/set\ntrain: [images/first]\nval: images/second\ntest: held out.txt\n{NAMES}")
    reading = read(tmp_path)
    assert {entry.path: entry.split for entry in reading.entries} == {
        f"images/{place}/{name}.jpg": split for place, split in (("first", "pool"), ("second", "val"), ("third", "test")) for name in "ab"
    }


def test_roboflows_layout_has_its_splits_beside_each_other(tmp_path: Path) -> None:
    yolo_polygons(tmp_path)
    reading = read(tmp_path)
    assert {entry.path: entry.split for entry in reading.entries} == {
        "train/images/a b.jpg": "pool",
        "train/images/x.rgb.jpg": "pool",
        "valid/images/c.jpg": "val",
    }


def test_points_of_a_pose_are_no_polygon(tmp_path: Path) -> None:
    pose = "0 0.5 0.5 0.4 0.4 0.1 0.1 2 0.9 0.9 1\n"
    reading = read(one(tmp_path, pose, f"kpt_shape: [2, 3]\n{NAMES}"))
    assert (reading.masks, labels_of(reading)) == (None, {"images/a.jpg": "cat"})


def test_a_text_that_is_none_leaves_its_image_unlabeled(tmp_path: Path) -> None:
    one(tmp_path, polygon(0, *LEFT))
    picture(tmp_path / "images/b.jpg")
    write(tmp_path / "labels/b.txt", b"\xff\xfe\x00")
    reading = read(tmp_path)
    assert [entry.path for at, entry in enumerate(reading.entries) if reading.masks[at] is None] == ["images/b.jpg"]
    assert "is not UTF-8" in reasons(reading)["labels/b.txt"]


def test_without_names_classes_are_those_that_were_named_or_numbers(tmp_path: Path) -> None:
    one(tmp_path, polygon(1, *LEFT))
    (tmp_path / "data.yaml").unlink()
    assert read(tmp_path, "yolo").classes == ("0", "1")
    write(tmp_path / "classes.txt", "left\nright\n")
    assert (read(tmp_path).format, read(tmp_path).classes) == ("yolo", ("left", "right"))


def test_what_is_written_lies_as_yolo_wants_it(tmp_path: Path) -> None:
    made = np.full((4, 8), 255, np.uint8)
    made[1:3, 2:6] = 1
    items = [Item("deep/x.rgb.jpg", encoded_image(made), "train", made), Item("images/train/y.jpg", encoded_image(made), "val", made)]
    assert MASK_WRITERS["yolo"](tmp_path, items, legend(ODD)) == []
    files = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file())
    assert files == ["data.yaml", "images/train/deep/x.rgb.jpg", "images/val/y.jpg", "labels/train/deep/x.rgb.txt", "labels/val/y.txt"]
    (line,) = (tmp_path / "labels/train/deep/x.rgb.txt").read_text().splitlines()
    known, *corners = line.split()
    assert known == "1"
    np.testing.assert_allclose(sorted({float(value) for value in corners[::2]}), [2.04 / 8, 5.96 / 8])
    np.testing.assert_allclose(sorted({float(value) for value in corners[1::2]}), [1.04 / 4, 2.96 / 4])
    assert read(tmp_path).classes == ODD
