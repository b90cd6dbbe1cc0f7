"""What a mask may not be, told when it is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.formats import read
from alcore.pixels import masks
from tests.formats.layouts import camvid, found, image, mask, write

SIZE = (3, 4)  # height and width of the toy images


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Image.fromarray(np.zeros(SIZE, np.uint16)), "masks/a.png: 16 bits a pixel"),
        (Image.new("RGB", SIZE[::-1], "white"), r"masks/a.png: 12 pixels have colors of no class: \(255, 255, 255\)"),
        (Image.new("L", (5, 3)), "masks/a.png: the mask has 5 x 3 pixels and its image 4 x 3: they must be of one size"),
        (Image.new("L", SIZE[::-1], 77), r"masks/a.png: values of no class: 77 \(12 pixels\); there may be 0 to 3, 255"),
        (b"\x89PNG\r\n\x1a\nnonsense", "masks/a.png: cut short"),
        (b"", "masks/a.png: empty"),
    ],
)
def test_a_mask_that_will_not_do_is_told_when_it_is_asked_for(tmp_path: Path, content: Image.Image | bytes, words: str) -> None:
    camvid(tmp_path)
    if isinstance(content, bytes):
        write(tmp_path / "masks" / "a.png", content)
    else:
        content.save(tmp_path / "masks" / "a.png")
    reading = read(tmp_path)
    assert found(reading) == [("images/a.jpg", "pool", "masks/a.png")]
    with pytest.raises(BadInput, match=words):
        reading.masks[0]


def test_a_mask_in_color_without_colors_in_the_classes_file_is_refused(tmp_path: Path) -> None:
    camvid(tmp_path, "name\nsky\n")
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "masks" / "a.png")
    with pytest.raises(BadInput, match="masks/a.png: in color and without a palette"):
        read(tmp_path).masks[0]


def test_a_mask_of_void_alone_is_a_mask_and_a_damaged_image_is_named(tmp_path: Path) -> None:
    camvid(tmp_path, values=255)
    reading = read(tmp_path)
    assert masks.is_void(reading.masks[0])
    write(tmp_path / "images" / "a.jpg", "no picture")
    with pytest.raises(BadInput, match="images/a.jpg: not an image"):
        reading.masks[0]


def test_wide_and_odd_images_have_masks_too_and_threads_may_ask_at_once(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "a\nb\n")
    rng = np.random.default_rng(0)
    truth = {}
    for stem, size in (("wide", (9, 12_000)), ("dot", (1, 1)), ("line", (301, 1))):
        image(tmp_path / "images" / f"{stem}.png", size)
        truth[f"images/{stem}.png"] = rng.integers(0, 2, size, np.uint8)
        mask(tmp_path / "masks" / f"{stem}.png", truth[f"images/{stem}.png"], size)
    reading = read(tmp_path)
    asked = [at for at in range(3) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        for at, got in zip(asked, pool.map(reading.masks.__getitem__, asked), strict=True):
            np.testing.assert_array_equal(got, truth[reading.entries[at].path])
    assert len(reading.masks) == 3
    assert len(reading.masks[1:]) == 2
