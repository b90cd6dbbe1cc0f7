"""Formats against real, odd and hostile sources.

Longer than 400 lines: every format meets the same kinds of hostile source, read side by side.
"""

from __future__ import annotations

import gzip
import lzma
import os
import pickle
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore import formats
from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats import FORMATS, read
from alcore.naming import class_order
from alcore.reading import Reading
from alcore.types import Entry, Skipped
from tests.house import ROOT

SHARED = ROOT.parent / "shared" / "data"


def put(path: Path, color: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:  # by handle: the suffix may be anything
        Image.new("RGB", (4, 4), color).save(file, "PNG")
    return path


def found(reading: Reading) -> list[tuple[str, str, str | None]]:
    return [(entry.path, entry.split, entry.label) for entry in reading.entries]


def reasons(reading: Reading) -> dict[str, str]:
    return {one.path: one.reason for one in reading.skipped}


# ---- choosing


def test_every_format_of_the_folder_is_found_and_the_mapping_is_read_only() -> None:
    assert list(FORMATS) == ["bdd100k", "camvid", "cifar", "cityscapes", "coco", "csv", "flat", "folder", "idx", "npz", "voc"]
    with pytest.raises(TypeError):
        FORMATS["mine"] = FORMATS["csv"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: (d / "nothing", "auto"), ["nothing does not exist", "give a folder"]),
        (
            lambda d: (d, "jpeg2000"),
            ["unknown format 'jpeg2000'", "use auto, bdd100k, camvid, cifar, cityscapes, coco, csv, flat, folder, idx, npz, voc"],
        ),
        (lambda d: (d, "auto"), ["holds no images", "put images there"]),
        (lambda d: (d, "folder"), ["holds no images", "put files there"]),
        (lambda d: (d, "flat"), ["holds no images"]),
        (lambda d: (d, "cifar"), ["holds no CIFAR batches", "cifar-10-batches-py"]),
        (lambda d: (d, "idx"), ["holds no IDX files"]),
        (lambda d: (d, "csv"), ["holds no CSV file"]),
        (lambda d: (put(d / "one.png"), "auto"), ["is a single image", "import the folder"]),
        (lambda d: (put(d / "one.png"), "flat"), ["is not a folder"]),
        (lambda d: (put(d / "pack.zip"), "auto"), ["is an archive", "unpack it"]),
        (lambda d: (put(d / "what.xyz"), "auto"), ["not a data set of a known format"]),
        (lambda d: ("zero\0byte", "auto"), ["cannot be read"]),
        (lambda d: (d / ("n" * 300), "auto"), ["cannot be read"]),
    ],
)
def test_what_cannot_be_taken_is_named_with_a_cure(tmp_path: Path, make, words: list[str]) -> None:
    src, name = make(tmp_path)
    with pytest.raises(BadInput) as wrong:
        read(src, name)
    for word in words:
        assert word in str(wrong.value)


def test_auto_takes_images_directly_in_the_folder_for_a_flat_one(tmp_path: Path) -> None:
    put(tmp_path / "b.png")
    put(tmp_path / "a.PNG")
    put(tmp_path / "cat" / "1.png")
    reading = read(tmp_path)
    assert found(reading) == [("a.PNG", "pool", None), ("b.png", "pool", None), ("cat/1.png", "pool", None)]
    assert reading.classes == ()
    assert reading.took_for.startswith("a folder of unlabeled images: 3 images, 1 of them in sub-folders")
    assert found(read(str(tmp_path), "folder"))[2] == ("cat/1.png", "pool", "cat")


# ---- class folders


def test_nested_folders_belong_to_their_class_and_classes_sort_as_people_do(tmp_path: Path) -> None:
    for path in ("10/a.JPG", "2/deep/er/b.jpeg", "2/c.TIFF", "1/d.pgm"):
        put(tmp_path / path)
    reading = read(tmp_path)
    assert reading.classes == ("1", "2", "10")
    assert found(reading) == [
        ("1/d.pgm", "pool", "1"),
        ("2/c.TIFF", "pool", "2"),
        ("2/deep/er/b.jpeg", "pool", "2"),
        ("10/a.JPG", "pool", "10"),
    ]
    assert reading.took_for == "class folders: 3 classes, 4 images"


def test_class_order_is_natural_whatever_the_digits() -> None:
    assert class_order(["b10", "B2", "b2", "a", "b10", "b" + "9" * 5000, "b01"]) == ("a", "b01", "B2", "b2", "b10", "b" + "9" * 5000)


@pytest.mark.parametrize("val", ["val", "valid", "VALIDATION"])
def test_split_folders_are_recognised_and_a_class_of_the_test_split_is_a_class(tmp_path: Path, val: str) -> None:
    for path in ("Train/cat/x/1.png", f"{val}/cat/2.png", "test/dog/3.png", "Train/4.png"):
        put(tmp_path / path)
    reading = read(tmp_path)
    assert sorted(found(reading)) == sorted(
        [
            ("Train/cat/x/1.png", "pool", "cat"),
            (f"{val}/cat/2.png", "val", "cat"),
            ("test/dog/3.png", "test", "dog"),
            ("Train/4.png", "pool", None),
        ]
    )
    assert reading.classes == ("cat", "dog")
    assert reading.took_for == f"class folders below Train, {val}, test: 2 classes, 4 images, 1 of them in no class folder and so unlabeled"


def test_train_among_other_vehicles_is_a_class(tmp_path: Path) -> None:
    for path in ("train/1.png", "bus/2.png"):
        put(tmp_path / path)
    assert read(tmp_path).classes == ("bus", "train")


def test_images_beside_split_folders_are_set_aside(tmp_path: Path) -> None:
    for path in ("train/cat/1.png", "test/cat/2.png", "docs/logo.png"):
        put(tmp_path / path)
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == ["test/cat/2.png", "train/cat/1.png"]
    assert reasons(reading) == {"docs/logo.png": "lies beside the train, val and test folders: move it into one of them"}


def test_split_folders_without_classes_are_unlabeled(tmp_path: Path) -> None:
    put(tmp_path / "train" / "1.png")
    put(tmp_path / "test" / "2.png")
    reading = read(tmp_path)
    assert found(reading) == [("test/2.png", "test", None), ("train/1.png", "pool", None)]
    assert reading.took_for == "folders without classes below train, test: 2 images, all unlabeled"


def test_a_text_beside_a_splits_images_that_cannot_be_read_costs_nothing(tmp_path: Path) -> None:
    for path in ("train/n01/images/1.png", "train/n02/images/2.png", "val/images/3.png", "val/images/4.png"):
        put(tmp_path / path)
    (tmp_path / "val" / "annotations.txt").write_text("3.png\tn02\n")
    (tmp_path / "val" / "other.txt").write_bytes(b"\xff\xfe\x81")
    assert found(read(tmp_path))[2:] == [("val/images/3.png", "val", "n02"), ("val/images/4.png", "val", None)]


def test_one_class_is_allowed(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "1.png")
    assert read(tmp_path).took_for == "class folders: 1 class, 1 image"


def test_leftovers_are_passed_over_and_other_files_set_aside(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "1.png")
    for path in ("cat/.hidden.png", ".git/2.png", "__MACOSX/cat/._1.png", "cat/Thumbs.db", "cat/.DS_Store", "cat/desktop.ini"):
        put(tmp_path / path)
    for path in ("cat/notes.txt", "cat/jpg", "LICENSE"):
        (tmp_path / path).write_text("no picture")
    put(tmp_path / "cat" / "photo")  # what is in a file tells, not its suffix
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == ["cat/1.png", "cat/photo"]
    assert reasons(reading) == {
        "cat/notes.txt": "not an image (its suffix is .txt)",
        "cat/jpg": "not an image (its suffix is missing)",
        "LICENSE": "not an image (its suffix is missing)",
    }


def test_hostile_names_are_kept_as_they_are(tmp_path: Path) -> None:
    names = [
        "new\nline.png",
        "quo'te\".png",
        "<script>alert(1)<.png",
        "日本 🐈.png",
        "x" * 246 + ".png",
        "back\\slash.png",
        "%2e%2e.png",
        "-rf.png",
    ]
    for name in names:
        put(tmp_path / "a'; DROP TABLE\n" / name)
    reading = read(tmp_path)
    assert sorted(entry.path for entry in reading.entries) == sorted(f"a'; DROP TABLE\n/{name}" for name in names)
    assert reading.classes == ("a'; DROP TABLE",)  # a class has no blanks around it
    assert reading.skipped == []


def test_names_that_are_not_utf8_are_set_aside_and_can_be_stored(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "1.png")
    put(tmp_path / "cat" / os.fsdecode(b"\xff\xfe.png"))
    put(tmp_path / os.fsdecode(b"dog\xe9") / "2.png")
    reading = read(tmp_path)
    assert [entry.path for entry in reading.entries] == ["cat/1.png"]
    assert [one.path.encode() for one in reading.skipped] == [b"cat/\\udcff\\udcfe.png", b"dog\\udce9/2.png"]
    assert reading.skipped[0].reason == "the name is not valid UTF-8: rename the file or its folder"


def test_composed_and_decomposed_names_are_one_class(tmp_path: Path) -> None:
    for split, form in (("train", "NFC"), ("test", "NFD")):
        put(tmp_path / split / unicodedata.normalize(form, "café") / "1.png")
    assert read(tmp_path).classes == ("café",)


def test_links_neither_loop_nor_leave_and_pipes_do_not_block(tmp_path: Path) -> None:
    src = tmp_path / "src"
    put(src / "cat" / "1.png")
    (src / "cat" / "loop").symlink_to(src)
    (src / "cat" / "self.png").symlink_to("self.png")
    (src / "cat" / "inside.png").symlink_to("1.png")
    (src / "cat" / "outside.png").symlink_to(put(tmp_path / "secret.png"))
    os.mkfifo(src / "cat" / "pipe.png")
    reading = read(src)
    assert [entry.path for entry in reading.entries] == ["cat/1.png", "cat/inside.png"]
    assert reasons(reading) == {
        "cat/loop": "a link to a folder; such links are not followed",
        "cat/self.png": "a link that leads nowhere",
        "cat/outside.png": "a link that leaves the imported folder: put a copy of the file there",
        "cat/pipe.png": "not a regular file",
    }


def test_clothing_is_read_with_its_three_splits() -> None:
    if not (SHARED / "clothing").is_dir():
        pytest.skip("the shared data set clothing is not on this machine")
    reading = read(SHARED / "clothing")
    assert reading.took_for == "class folders below train, validation, test: 10 classes, 3,781 images"
    assert {split: sum(entry.split == split for entry in reading.entries) for split in ("pool", "val", "test")} == {
        "pool": 3068,
        "val": 341,
        "test": 372,
    }
    assert sum(entry.split == "pool" and entry.label == "t-shirt" for entry in reading.entries) == 795
    assert list(reasons(reading)) == ["LICENSE"]


# ---- csv


@pytest.mark.parametrize(("delimiter", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_with_any_delimiter_and_mark(tmp_path: Path, delimiter: str, word: str, encoding: str) -> None:
    for name in ("sub/a.png", "b, c.png", "d.png"):
        put(tmp_path / name)
    lines = ["Path|LABEL|split", "sub/a.png|Katze ü|train", '"b, c.png"||test', "", "d.png|2|valid"]
    (tmp_path / "list.csv").write_text("\r\n".join(lines).replace("|", delimiter), encoding=encoding)
    reading = read(tmp_path / "list.csv")
    assert found(reading) == [("sub/a.png", "pool", "Katze ü"), ("b, c.png", "test", None), ("d.png", "val", "2")]
    assert reading.classes == ("2", "Katze ü")
    assert reading.root == tmp_path
    assert reading.took_for == f"a CSV file (list.csv, separated by {word}): 3 images, 2 classes"


def test_csv_rows_that_cannot_be_used_are_set_aside_with_their_line(tmp_path: Path) -> None:
    src = tmp_path / "src"
    for name in ("ok.png", "twice.png", "torn.png", "half.png", "win/dows.png", "two.png"):
        put(src / name)
    put(tmp_path / "secret.png")
    (src / "link.png").symlink_to(tmp_path / "secret.png")
    (src / "out").symlink_to(tmp_path)
    rows = [
        *("ok.png,a", "gone.png,a", "../secret.png,a", f"{tmp_path}/secret.png,a", "link.png,a", "out/secret.png,a", ",a", "win,a"),
        *("twice.png,a", "./twice.png,a", "torn.png,a", "torn.png,b", "half.png,", "half.png,b", "win\\dows.png,a", "nul\0.png,a"),
        *("x" * 300 + ".png,a", "ok.png/deeper,a", "two.png,a,train", "two.png,a,test", "ok.png,a,holdout", "<script>.png"),
    ]
    (src / "list.csv").write_text("path,label,split\n" + "\n".join(rows) + "\n")
    reading = read(src / "list.csv")
    assert found(reading) == [("ok.png", "pool", "a"), ("twice.png", "pool", "a"), ("half.png", "pool", "b"), ("win/dows.png", "pool", "a")]
    leaves = "the path leaves the folder of the CSV file: put the image below it"
    assert reading.skipped == [
        Skipped("gone.png", "line 3: there is no such file"),
        Skipped("../secret.png", f"line 4: {leaves}"),
        Skipped(f"{tmp_path}/secret.png", f"line 5: {leaves}"),
        Skipped("link.png", f"line 6: {leaves}"),
        Skipped("out/secret.png", f"line 7: {leaves}"),
        Skipped("", "line 8: the path is empty"),
        Skipped("win", "line 9: a folder, not a file"),
        Skipped("nul\0.png", "line 17: the path holds a zero byte"),
        Skipped("x" * 300 + ".png", "line 18: the file cannot be read: File name too long"),
        Skipped("ok.png/deeper", "line 19: there is no such file"),
        Skipped("ok.png", "line 22: unknown split 'holdout': use train, val or test"),
        Skipped("<script>.png", "line 23: there is no such file"),
        Skipped("twice.png", "listed 2 times (lines 10, 11); kept once"),
        Skipped("torn.png", "listed with different labels: a (line 12), b (line 13)"),
        Skipped("half.png", "listed 2 times (lines 14, 15); kept once"),
        Skipped("two.png", "listed with different splits: pool (line 20), test (line 21)"),
    ]


def test_entries_of_files_are_columns_and_equal_a_list(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png"):
        put(tmp_path / name)
    (tmp_path / "list.csv").write_text("path,label\na/1.png,a\nb/2.png,b\n")
    expected = [Entry("a/1.png", "pool", "a"), Entry("b/2.png", "pool", "b")]
    for name, entries in (("folder", expected), ("csv", expected), ("flat", [Entry("a/1.png"), Entry("b/2.png")])):
        found = read(tmp_path, name).entries
        assert isinstance(found, Entries)
        assert found == entries


def test_a_csv_of_windows_is_read_and_said_also_when_only_its_end_gives_it_away(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "b.png")
    lines = b"path,label\n" + b"a.png,x\n" * 5000
    (tmp_path / "list.csv").write_bytes(lines + "b.png,größe\n".encode("cp1252"))
    reading = read(tmp_path / "list.csv")
    assert found(reading) == [("a.png", "pool", "x"), ("b.png", "pool", "größe")]
    assert reading.warnings[0] == "list.csv is not UTF-8 and was read as Windows' cp1252: check the letters with accents"
    (tmp_path / "list.csv").write_bytes(lines + b"\x81,x\n")
    with pytest.raises(BadInput, match="list.csv is neither UTF-8 nor cp1252 nor UTF-16: save it as UTF-8"):
        read(tmp_path / "list.csv")


def test_csv_takes_absolute_paths_below_its_folder(tmp_path: Path) -> None:
    put(tmp_path / "sub" / "a.png")
    (tmp_path / "list.csv").write_text(f"path,label\n{tmp_path}/sub/a.png,x\n")
    assert found(read(tmp_path / "list.csv")) == [("sub/a.png", "pool", "x")]


def test_a_folder_with_one_csv_of_the_right_columns_is_read_by_it(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.png")
    (tmp_path / "labels.csv").write_text("path,label\nimages/a.png,x\n")
    assert found(read(tmp_path)) == [("images/a.png", "pool", "x")]
    (tmp_path / "labels.csv").write_text("name,index,r,g,b\nSky,0,1,2,3\n")
    reading = read(tmp_path)
    assert (found(reading), reading.root) == ([("a.png", "pool", None)], tmp_path / "images")  # no class is called images


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"path;klass\na.png;1\n", ["lacks the column label", "it has path, klass"]),
        (b"file,klass\n", ["lacks the columns path and label"]),
        (b"", ["is empty"]),
        (b"\n \n", ["is empty"]),
        (b"path,label\n", ["lists no usable image (0 rows)"]),
        (b"path,label\nx.png,1\n", ["lists no usable image (1 row; the first, x.png: line 2: there is no such file)"]),
        (b"path,label\n\x81\x8d,1\n", ["is neither UTF-8 nor cp1252 nor UTF-16"]),
        (b'path,label\n"' + b"x" * 200_000 + b'",1\n', ["is not a CSV file", "field larger than field limit"]),
    ],
)
def test_a_csv_without_what_is_needed_says_what(tmp_path: Path, content: bytes, words: list[str]) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(BadInput) as wrong:
        read(tmp_path / "list.csv")
    for word in words:
        assert word in str(wrong.value)


# ---- npz


def save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_npz_gives_arrays_entries_and_class_names(tmp_path: Path) -> None:
    train = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)
    test = np.full((1, 4, 5, 1), 9, np.uint8)
    src = save(
        tmp_path / "set.npz",
        **{
            "x_train": train,
            "y_train": [[1], [0], [-1]],
            "X_test": test,
            "Y_test": [1],
            "x_val": train[:1],
            "class_names": ["cat", "dog"],
            "extra": 1,
        },
    )
    reading = read(src)
    assert reading.entries == [
        Entry("train/00000", "pool", "dog"),
        Entry("train/00001", "pool", "cat"),
        Entry("train/00002", "pool", None),
        Entry("val/00000", "val", None),
        Entry("test/00000", "test", "dog"),
    ]
    np.testing.assert_array_equal(reading.arrays[0], train)
    np.testing.assert_array_equal(reading.arrays[2], np.full((1, 4, 5), 9))
    assert [block.dtype for block in reading.arrays] == [np.uint8] * 3
    assert reading.classes == ("cat", "dog")
    assert reading.skipped == [Skipped("extra", "this array is not used")]
    assert reading.took_for == "NumPy arrays: 3 train, 1 val, 1 test images, 2 classes"


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        (np.array([0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([0, 0.5, 1.0], np.float16), [0, 128, 255]),
        (np.array([0.0, 17, 255]), [0, 17, 255]),
        (np.array([0, 17, 255], np.int64), [0, 17, 255]),
        (np.array([0, 257, 65535], np.uint16), [0, 1, 255]),
        (np.array([0, 17, 255], np.uint16), [0, 17, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_npz_pixels_of_other_types_are_scaled(tmp_path: Path, train: np.ndarray, expected: list[int]) -> None:
    reading = read(save(tmp_path / "set.npz", x_train=train.reshape(3, 1, 1)))
    assert reading.arrays[0].dtype == np.uint8
    assert reading.arrays[0].ravel().tolist() == expected


def test_npz_scale_is_the_same_for_all_arrays(tmp_path: Path) -> None:
    reading = read(save(tmp_path / "set.npz", x_train=np.array([[[0.0]], [[255.0]]]), x_test=np.array([[[1.0]]])))
    assert [block.ravel().tolist() for block in reading.arrays] == [[0, 255], [1]]


@pytest.mark.parametrize("channels", [1, 3])
def test_npz_with_channels_first_is_turned(tmp_path: Path, channels: int) -> None:
    pixels = np.arange(2 * channels * 5 * 4, dtype=np.uint8).reshape(2, channels, 5, 4)
    block = read(save(tmp_path / "set.npz", x_train=pixels)).arrays[0]
    np.testing.assert_array_equal(block, pixels[:, 0] if channels == 1 else pixels.transpose(0, 2, 3, 1))


def test_npz_labels_may_be_names(tmp_path: Path) -> None:
    reading = read(save(tmp_path / "set.npz", x_train=np.zeros((3, 2, 2), np.uint8), y_train=np.array([b"b", b"a", b""])))
    assert [entry.label for entry in reading.entries] == ["b", "a", None]
    assert reading.classes == ("a", "b")


X = np.zeros((2, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_train": np.array([X[0], None], object)}, ["x_train is an array of Python objects", "uint8"]),
        ({"x_train": X, "y_train": np.array(["a", 1], object)}, ["y_train is an array of Python objects"]),
        ({"x_train": X, "y_train": [0, 1, 2]}, ["x_train holds 2 images and y_train 3 labels"]),
        ({"x_train": X, "y_train": [[0, 1], [1, 0]]}, ["y_train has shape (2, 2)", "argmax"]),
        ({"x_train": X, "y_train": [0.5, 1]}, ["y_train has type float64"]),
        ({"x_train": X, "y_train": [np.nan, 1]}, ["y_train has type float64"]),
        ({"x_train": X, "y_train": [0, 2], "class_names": ["a", "b"]}, ["class number 2", "0 to 1 by class_names"]),
        ({"x_train": X, "y_train": [0, -2]}, ["class number -2"]),
        ({"x_train": X, "y_train": ["a", "c"], "class_names": ["a", "b"]}, ["class 'c'", "class_names lacks"]),
        ({"x_train": X, "class_names": ["a", "a"]}, ["class_names repeats a"]),
        ({"x_train": X, "class_names": [1, 2]}, ["class_names must be a list of texts"]),
        ({"x_train": X, "y_test": [1]}, ["y_test and no x_test"]),
        ({"x_test": X, "foo": 1}, ["no array x_train", "it has x_test, foo"]),
        ({"x_train": X[0]}, ["x_train has shape (4, 4)"]),
        ({"x_train": np.zeros((2, 4, 4, 4), np.uint8)}, ["x_train has shape (2, 4, 4, 4)"]),
        ({"x_train": np.zeros((2, 0, 4), np.uint8)}, ["x_train has shape (2, 0, 4)"]),
        ({"x_train": X[:0]}, ["x_train holds no images"]),
        ({"x_train": X.astype(complex)}, ["x_train has type complex128"]),
        ({"x_train": X.astype(float) + np.nan}, ["from nan to nan"]),
        ({"x_train": X - 1.5}, ["from -1.5 to -1.5", "floats with 0 to 1"]),
        ({"x_train": X + 1.5}, ["from 1.5 to 1.5"]),
        ({"x_train": np.array(5)}, ["x_train is empty or a single value"]),
    ],
)
def test_npz_that_cannot_be_taken_says_why(tmp_path: Path, arrays: dict[str, object], words: list[str]) -> None:
    with pytest.raises(BadInput) as wrong:
        read(save(tmp_path / "set.npz", **arrays))
    for word in words:
        assert word in str(wrong.value)


def test_npz_that_is_damaged_or_claims_terabytes_is_refused(tmp_path: Path) -> None:
    good = save(tmp_path / "good.npz", x_train=X).read_bytes()
    heading = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    heading += f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**10}, 64, 64, 3), }}".encode().ljust(117) + b"\n"
    for number, content in enumerate((b"", good[:-30], b"PK" + good[2:60], good[:40] + b"\xff" * 60 + good[100:], b"no zip")):
        (tmp_path / f"{number}.npz").write_bytes(content)
        with pytest.raises(BadInput):
            read(tmp_path / f"{number}.npz")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("x_train.npy", heading)
    with pytest.raises(BadInput, match="x_train should hold 122,880,000,000,000 bytes and has 128"):
        read(tmp_path / "bomb.npz")


# ---- cifar


def batch(path: Path, images: np.ndarray, labels: list[int], key: bytes = b"labels", protocol: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    path.write_bytes(pickle.dumps({b"data": np.ascontiguousarray(rows), key: labels}, protocol))


def pictures(number: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (number, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_cifar10_is_read_from_its_folder_or_the_one_above(tmp_path: Path, protocol: int) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    batch(folder / "data_batch_1", pictures(3), [6, 9, 0], protocol=protocol)
    batch(folder / "test_batch", pictures(2, 1), [1, 3], protocol=protocol)
    for src in (folder, tmp_path):
        reading = read(src)
        assert [(entry.path, entry.split, entry.label) for entry in reading.entries] == [
            ("train/00000", "pool", "frog"),
            ("train/00001", "pool", "truck"),
            ("train/00002", "pool", "airplane"),
            ("test/00000", "test", "automobile"),
            ("test/00001", "test", "cat"),
        ]
        np.testing.assert_array_equal(np.concatenate(reading.arrays), np.concatenate([pictures(3), pictures(2, 1)]))
        inside = "" if src == folder else ", in cifar-10-batches-py"
        assert reading.took_for == f"CIFAR-10 python batches: 3 train (only 1 of 5 batches are there), 2 test images, 10 classes{inside}"


def test_compressed_batches_are_read_as_plain_ones_and_damaged_ones_are_named(tmp_path: Path) -> None:
    batch(tmp_path / "data_batch_1", pictures(3), [6, 9, 0])
    plain = formats.read(tmp_path, "cifar")
    content = (tmp_path / "data_batch_1").read_bytes()
    (tmp_path / "data_batch_1").unlink()
    (tmp_path / "data_batch_1.xz").write_bytes(lzma.compress(content))
    reading = formats.read(tmp_path)
    assert reading.took_for == plain.took_for
    assert np.array_equal(reading.arrays[0], plain.arrays[0])
    assert list(reading.entries) == list(plain.entries)
    (tmp_path / "data_batch_1.xz").write_bytes(b"\xfd7zXZ\x00 not any more")
    with pytest.raises(BadInput, match=r"data_batch_1\.xz is not a CIFAR batch"):
        formats.read(tmp_path, "cifar")


def test_cifar100_uses_the_fine_labels_and_their_names(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(100)]
    for name, seed in (("train", 0), ("test", 1)):
        batch(tmp_path / name, pictures(2, seed), [99, 3], b"fine_labels")
    (tmp_path / "meta").write_bytes(pickle.dumps({"fine_label_names": names}, 2))
    reading = read(tmp_path)
    assert reading.classes == tuple(names)
    assert [entry.label for entry in reading.entries] == ["class 99", "class 3"] * 2


RAN: list[str] = []


def leave_a_mark(mark: str) -> str:
    RAN.append(mark)
    return mark


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return leave_a_mark, ("ran",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": Attack()}, 2),
        pickle.dumps({"data": np.array([Attack()], object), "labels": [0]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072)), "labels": [0]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": ["cat"]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [0, 1]}, 2),
        pickle.dumps({"data": np.zeros((1, 3071), np.uint8), "labels": [0]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [0]}, 2)[:-40],
        pickle.dumps([1, 2], 2),
        b"cnumpy\nndarray\n(I1\ntRq\x00.",
        b"cnumpy\ndtype\n(S'O8'\ntR.",
        b"\x80\x02]q\x00h\x05.",
        b"",
        b"\x80\x63",
        b"hello",
    ],
)
def test_pickles_that_are_no_cifar_batch_are_refused_and_run_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data_batch_1").write_bytes(content)
    with pytest.raises(BadInput, match="data_batch_1"):
        read(tmp_path)
    assert RAN == []


def test_a_real_cifar_batch_agrees_with_the_plain_unpickler(tmp_path: Path) -> None:
    packed = SHARED / "cifar10" / "test_batch.xz"
    if not packed.is_file():
        pytest.skip("the shared data set cifar10 is not on this machine")
    content = lzma.decompress(packed.read_bytes())
    (tmp_path / "test_batch").write_bytes(content)
    (tmp_path / "batches.meta").write_bytes(lzma.decompress((SHARED / "cifar10" / "batches.meta.xz").read_bytes()))
    reading = read(tmp_path)
    plain = pickle.loads(content, encoding="bytes")
    assert reading.classes == ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    assert [reading.classes.index(entry.label) for entry in reading.entries] == plain[b"labels"]
    np.testing.assert_array_equal(reading.arrays[0], plain[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


# ---- idx


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.mark.parametrize("style", ["{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte", "{}-{}-idx{}-ubyte.gz", "raw/{}-{}-idx{}-ubyte"])
def test_idx_is_read_under_all_its_spellings(tmp_path: Path, style: str) -> None:
    parts = {"train": (np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2), [7, 0, 7]), "t10k": (np.ones((1, 2, 2), np.uint8), [3])}
    for part, (images, labels) in parts.items():
        for what, content in (("images", idx(images)), ("labels", idx(np.array(labels, np.uint8)))):
            path = tmp_path / style.format(part, what, 3 if what == "images" else 1)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(gzip.compress(content, mtime=0) if style.endswith("gz") else content)
    reading = read(tmp_path)
    assert found(reading) == [
        ("train/00000", "pool", "7"),
        ("train/00001", "pool", "0"),
        ("train/00002", "pool", "7"),
        ("test/00000", "test", "3"),
    ]
    np.testing.assert_array_equal(reading.arrays[0], parts["train"][0])
    np.testing.assert_array_equal(reading.arrays[1], parts["t10k"][0])
    assert reading.classes == ("0", "3", "7")
    assert reading.took_for == "IDX files (MNIST family): 3 train, 1 test images, 3 classes" + (
        ", in raw" if style.startswith("raw") else ""
    )


GOOD = idx(np.zeros((3, 2, 2), np.uint8))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-images-idx3-ubyte", b"\x89PNG" + GOOD[4:], ["not an IDX file of images", "does not begin as one"]),
        ("train-images-idx3-ubyte", b"", ["not an IDX file"]),
        ("train-images-idx3-ubyte", GOOD[:9], ["ends within its heading"]),
        ("train-images-idx3-ubyte", GOOD[:-1], ["should hold 12 bytes (3 x 2 x 2) and holds 11"]),
        ("train-images-idx3-ubyte", GOOD + b"x", ["should hold 12 bytes", "holds more"]),
        ("train-images-idx3-ubyte", GOOD[:4] + b"\xff" * 8 + b"\0" * 4, ["0 x 4294967295 pixels"]),
        ("train-images-idx3-ubyte", GOOD[:4] + b"\xff" * 12, ["GB of memory"]),
        ("train-images-idx3-ubyte.gz", GOOD, ["cannot be read", "gzip"]),
        ("train-images-idx3-ubyte.gz", gzip.compress(GOOD, mtime=0)[:-6], ["cannot be read"]),
    ],
)
def test_idx_that_is_damaged_says_how(tmp_path: Path, name: str, content: bytes, words: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as wrong:
        read(tmp_path)
    for word in words:
        assert word in str(wrong.value)


def test_idx_files_that_disagree_or_are_two_sets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(GOOD)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(2, np.uint8)))
    with pytest.raises(BadInput, match="holds 3 images, train-labels-idx1-ubyte 2 labels"):
        read(tmp_path)
    (tmp_path / "emnist-train-images-idx3-ubyte").write_bytes(GOOD)
    with pytest.raises(BadInput, match="several sets of IDX files"):
        read(tmp_path)


def test_formats_never_decode_while_recognising(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "cat" / "1.png")
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("decoded"))
    assert formats.recognize(tmp_path).name == "folder"
