"""When and by what a photo was taken: what cameras write, what programs leave of it, and what is none."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from alcore.pixels.taken import taken


def photo(path: Path, moment: str | None = None, part: str | None = None, make: str = "Acme", model: str = "One") -> Path:
    """A picture with the EXIF block of a camera."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = make, model
    inner = exif.get_ifd(0x8769)
    if moment is not None:
        inner[0x9003] = moment
    if part is not None:
        inner[0x9291] = part
    Image.new("RGB", (8, 8), (90, 20, 20)).save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_the_cameras_clock_in_seconds_and_parts_of_one(tmp_path, suffix):
    found = taken(photo(tmp_path / f"a.{suffix}", "2024:05:06 07:08:09", "25"))
    assert found is not None
    assert found[0] == (datetime(2024, 5, 6, 7, 8, 9) - datetime(1970, 1, 1)).total_seconds() + 0.25


def test_cameras_are_told_apart_and_the_same_one_is_the_same(tmp_path):
    moment = "2024:05:06 07:08:09"
    one, again, other = (taken(photo(tmp_path / f"{n}.jpg", moment, model=model)) for n, model in enumerate(["One", "One", "Two"]))
    assert (one == again, one == other) == (True, False)
    assert one[0] == other[0]


@pytest.mark.parametrize(
    "moment", [None, "", "0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", "2024:05:06", "2024-05-06 07:08:09"]
)
def test_what_is_no_moment_is_none(tmp_path, moment):
    assert taken(photo(tmp_path / "a.jpg", moment)) is None


def test_parts_that_are_no_digits_are_left_out(tmp_path):
    whole = taken(photo(tmp_path / "a.jpg", "2024:05:06 07:08:09"))
    assert taken(photo(tmp_path / "b.jpg", "2024:05:06 07:08:09", "x5")) == whole


def test_files_that_are_no_pictures_or_have_a_broken_block_are_none(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("hello")
    sound = photo(tmp_path / "a.jpg", "2024:05:06 07:08:09").read_bytes()
    at = sound.index(b"Exif\0\0") + 6
    for number in range(8, 60):
        broken = sound[: at + number] + b"\xff" * 12 + sound[at + number + 12 :]
        (tmp_path / "broken.jpg").write_bytes(broken)
        assert taken(tmp_path / "broken.jpg") is None or isinstance(taken(tmp_path / "broken.jpg"), tuple)
    for name in ("empty.jpg", "text.jpg", "nowhere.jpg"):
        assert taken(tmp_path / name) is None
