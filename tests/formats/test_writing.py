"""What is written comes back pixel for pixel; what cannot be written is refused before."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alcore import formats
from alcore.errors import BadInput
from alcore.formats import MASK_WRITERS, read
from alcore.formats.dense import DRIVING
from alcore.formats.writing import Item, Legend
from alcore.pixels import masks
from tests.formats.layouts import write

SIZE = (3, 4)  # height and width of the toy images


def legend(classes: Sequence[str], colors: Sequence[Sequence[int]] = (), **naming: Any) -> Legend:
    return Legend(classes, colors, naming)


def items(rng: np.random.Generator, n_classes: int) -> list[Item]:
    """Masks with holes, lines of one pixel, void inside and around, all classes, one class, only void, and odd sizes."""
    ring = np.full((21, 33), 255, np.uint8)
    ring[3:18, 4:30] = 1
    ring[6:12, 9:20] = 255
    ring[8, 10:18] = 0
    ring[:, 31] = n_classes - 1
    made = {"ring": ring, "void": np.full((5, 7), 255, np.uint8), "one": np.zeros((1, 1), np.uint8)}
    made["noise"] = rng.choice(np.array([*range(n_classes), 255], np.uint8), (47, 61))
    made["line"] = rng.choice(np.array([0, 255], np.uint8), (1, 301))
    made["Größe 3, b.c"] = np.ascontiguousarray(rng.integers(0, n_classes, (64, 48), np.uint8).T)
    return [
        Item(f"{name}.jpg", encoded_image(values), ("train", "val", "test")[at % 3], values)
        for at, (name, values) in enumerate(made.items())
    ]


def encoded_image(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", values.shape[::-1], "olive").save(content, "JPEG")
    return content.getvalue()


ODD = ("sky", 'a, "b"', "it's; c", "größer", "no #")


@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_what_is_written_comes_back_pixel_for_pixel(tmp_path: Path, name: str) -> None:
    classes: Sequence[str] = tuple(DRIVING) if name == "cityscapes" else ODD
    colors = masks.colors(len(classes))
    given = items(np.random.default_rng(4), len(classes))
    if name == "cvat":  # it knows no difference between an image that nobody has looked at and one in which nothing is
        given = [one for one in given if one.path != "void.jpg"]
    on_disk = write(tmp_path / "from" / "odd.JPG", given[0][1])
    given[0] = given[0]._replace(path="ring.JPG", image=on_disk)
    renamed = MASK_WRITERS[name](tmp_path / "out", iter(given), legend(classes, colors))
    assert renamed == []
    reading = read(tmp_path / "out")
    assert reading.took_for.endswith(f"{len(classes)} classes, {len(given)} images, all with masks")
    assert reading.took_for == read(tmp_path / "out", name, "segmentation").took_for
    assert (reading.classes, reading.skipped) == (tuple(classes), [])
    if name in ("camvid", "voc", "labelstudio", "cvat"):
        assert reading.colors == tuple(colors)
    back = {Path(entry.path).stem.removesuffix("_leftImg8bit"): at for at, entry in enumerate(reading.entries)}
    assert sorted(back) == sorted(Path(path).stem for path, *_ in given)
    for path, content, split, values, *_ in given:
        at = back[Path(path).stem]
        assert reading.entries[at].split == {"train": "pool"}.get(split, split)
        assert (tmp_path / "out" / reading.entries[at].path).read_bytes() == (
            content if isinstance(content, bytes) else content.read_bytes()
        )
        got = reading.masks[at]
        np.testing.assert_array_equal(got, values)
        assert got.dtype == np.uint8


def test_254_classes_fit_and_colors_given_twice_are_told_apart(tmp_path: Path) -> None:
    classes = [f"class {at}" for at in range(254)]
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    values[values == 254] = 255
    for name in ("camvid", "voc", "coco"):
        MASK_WRITERS[name](tmp_path / name, [Item("a.jpg", encoded_image(values), "train", values)], legend(classes, [(1, 2, 3)] * 254))
        reading = read(tmp_path / name)
        np.testing.assert_array_equal(reading.masks[0], values)
        assert len(set(reading.colors)) == (0 if name == "coco" else 254)
    with pytest.raises(BadInput, match="255 classes"):
        MASK_WRITERS["voc"](tmp_path / "more", [], legend([*classes, "too many"]))


def test_a_class_that_no_pixel_has_is_no_annotation_but_a_category(tmp_path: Path) -> None:
    values = np.full((2, 2), 1, np.uint8)
    MASK_WRITERS["coco"](tmp_path / "out", [Item("a.jpg", encoded_image(values), "train", values)], legend(["x", "y", "z"]))
    content = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    assert [one["category_id"] for one in content["annotations"]] == [2]
    assert [one["name"] for one in content["categories"]] == ["x", "y", "z"]
    assert (content["annotations"][0]["area"], content["annotations"][0]["bbox"], content["images"][0]["width"]) == (
        4,
        [0.0, 0.0, 2.0, 2.0],
        2,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"split": "pool"}, "use train, val, test"),
        ({"image": b"no image"}, "a.jpg: not an image"),
        ({"mask": np.zeros((2, 4), np.uint8)}, "a.jpg: the mask has 4 x 2 pixels and its image 4 x 3"),
        ({"mask": np.full(SIZE, 99, np.uint8)}, r"a.jpg: values of no class: 99 \(12 pixels\)"),
    ],
)
@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, change: dict[str, Any], words: str) -> None:
    values = np.zeros(SIZE, np.uint8)
    item = Item("a.jpg", encoded_image(values), "train", values)
    classes = tuple(DRIVING) if name == "cityscapes" else ("one", "two")
    with pytest.raises(BadInput, match=words):
        MASK_WRITERS[name](tmp_path / "out", [item._replace(path="good.jpg"), item._replace(**change)], legend(classes))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/a.jpg", "a\nb.jpg", "..", "x" * 300 + ".jpg", "a:b?.jpg", "con/../../a.jpg"])
@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_a_path_that_no_file_can_have_is_written_below_the_folder_and_told(tmp_path: Path, name: str, path: str) -> None:
    values = np.zeros(SIZE, np.uint8)
    classes = tuple(DRIVING) if name == "cityscapes" else ("one", "two")
    renamed = MASK_WRITERS[name](tmp_path / "out", [Item(path, encoded_image(values), "train", values)], legend(classes))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out"]
    reading = read(tmp_path / "out", name)
    assert ([one.tolist() for one in reading.masks], len(reading.entries)) == ([values.tolist()], 1)
    assert [was for was, _ in renamed] == ([] if name in ("voc", "cityscapes") and path.endswith("/a.jpg") else [path])


@pytest.mark.parametrize("name", list(MASK_WRITERS))
def test_two_images_of_one_name_both_go_out(tmp_path: Path, name: str) -> None:
    classes = tuple(DRIVING) if name == "cityscapes" else ("one", "two")
    given = [
        Item(path, encoded_image(np.zeros(SIZE)), "train", np.full(SIZE, at, np.uint8)) for at, path in enumerate(("p/a.jpg", "p/A.png"))
    ]
    ((path, place),) = MASK_WRITERS[name](tmp_path / "out", given, legend(classes))
    assert (path, Path(place).stem[:3]) == ("p/A.png", "A-2" if name != "cityscapes" else "A_l")
    reading = read(tmp_path / "out", name)
    assert sorted(one[0, 0] for one in reading.masks) == [0, 1]


def test_classes_a_format_cannot_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Cityscapes has its own 19 classes"):
        MASK_WRITERS["cityscapes"](tmp_path / "out", [], legend(["sky"]))
    for odd in ("a:b", "#a"):
        with pytest.raises(BadInput, match="cannot be in a labelmap.txt"):
            MASK_WRITERS["voc"](tmp_path / "out", [], legend([odd]))
    for name in ("camvid", "voc", "coco"):
        with pytest.raises(BadInput, match="cannot be a class"):
            MASK_WRITERS[name](tmp_path / "out", [], legend(["two\nlines"]))
    assert list(tmp_path.iterdir()) == []
    assert formats.MASK_WRITERS is MASK_WRITERS
