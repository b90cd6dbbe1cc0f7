"""Formats against real, odd and hostile sources.

Longer than 400 lines: every format meets the same kinds of hostile source, read side by side.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alcore import formats
from alcore.errors import BadInput
from alcore.formats import FORMATS, read
from tests.formats.found import found, put


def test_every_format_of_the_folder_is_found_and_the_mapping_is_read_only() -> None:
    assert list(FORMATS) == [
        *("bdd100k", "camvid", "cifar", "cityscapes", "coco", "csv", "cvat", "fiftyone", "flat", "folder", "hf", "idx", "imagefolder"),
        *("labelstudio", "npz", "panoptic", "parquet", "voc", "webdataset", "yolo"),
    ]
    with pytest.raises(TypeError):
        FORMATS["mine"] = FORMATS["csv"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: (d / "nothing", "auto"), ["nothing does not exist", "give a folder"]),
        (
            lambda d: (d, "jpeg2000"),
            ["unknown format 'jpeg2000'", "use auto, bdd100k, camvid, cifar, cityscapes, coco, csv, cvat, fiftyone, flat, folder, "],
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


def test_formats_never_decode_while_recognising(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "cat" / "1.png")
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("decoded"))
    assert formats.recognize(tmp_path).name == "folder"
