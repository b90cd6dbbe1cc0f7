"""Decoding, thumbnails and the packed cache.

Longer than 400 lines: many kinds of image file, a few lines each.
"""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels import images
from alcore.pixels.images import Decoding, decode, looks_like_glyphs, suggest_size, thumbnail
from alcore.pixels.packing import open_packed, pack
from alcore.pixels.streaming import sources_of
from alcore.reading import Reading
from alcore.types import Entry
from tests.pixels.pictures import noise


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def pixels(source: Path | bytes) -> list[list[int]]:
    image = decode(source)
    assert image.mode == "RGB"
    return np.asarray(image).reshape(-1, 3).tolist()


def row_of(*values: object, mode: str) -> Image.Image:
    image = Image.new(mode, (len(values), 1))
    image.putdata(values)  # type: ignore[arg-type]
    return image


# ---- decode


def test_grey_binary_and_palette_become_rgb() -> None:
    assert pixels(encoded(row_of(0, 7, 255, mode="L"))) == [[0] * 3, [7] * 3, [255] * 3]
    assert pixels(encoded(row_of(0, 255, mode="1"))) == [[0] * 3, [255] * 3]
    palette = row_of(0, 1, mode="P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert pixels(encoded(palette)) == [[10, 20, 30], [40, 50, 60]]
    assert pixels(encoded(palette, transparency=1)) == [[10, 20, 30], [255, 255, 255]]
    assert pixels(encoded(palette, "GIF")) == [[10, 20, 30], [40, 50, 60]]


def test_transparency_lies_over_white() -> None:
    assert pixels(encoded(row_of((10, 20, 30, 255), (0, 0, 0, 0), (0, 0, 0, 51), mode="RGBA"))) == [[10, 20, 30], [255] * 3, [204] * 3]
    assert pixels(encoded(row_of((10, 255), (0, 0), mode="LA"))) == [[10] * 3, [255] * 3]
    assert pixels(encoded(row_of((1, 2, 3), (9, 9, 9), mode="RGB"), transparency=(9, 9, 9))) == [[1, 2, 3], [255] * 3]


def test_sixteen_bits_are_scaled_by_their_full_range() -> None:
    deep = Image.fromarray(np.array([[0, 255, 256, 65535]], np.uint16))
    expected = [[0] * 3, [0] * 3, [1] * 3, [255] * 3]
    assert pixels(encoded(deep)) == expected
    assert pixels(encoded(deep, "TIFF")) == expected
    assert pixels(b"P5 4 1 65535 " + np.array([0, 255, 256, 65535], ">u2").tobytes()) == expected
    big_endian = b"MM\0*\0\0\0\x08\0\x08" + b"".join(
        struct.pack(">HHIHH" if kind == 3 else ">HHII", tag, kind, 1, *((value, 0) if kind == 3 else (value,)))
        for tag, kind, value in ((256, 3, 2), (257, 3, 1), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 110), (278, 3, 1), (279, 4, 4))
    )
    assert pixels(big_endian + b"\0" * 4 + b"\x01\x00\xff\xff") == [[1] * 3, [255] * 3]


def test_float_images_are_taken_and_broken_ones_refused() -> None:
    assert pixels(encoded(Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), "TIFF")) == [[0] * 3, [128] * 3, [255] * 3]
    assert pixels(encoded(Image.fromarray(np.array([[-3, 100, 400]], np.float32)), "TIFF")) == [[0] * 3, [100] * 3, [255] * 3]
    with pytest.raises(BadInput, match="no numbers"):
        decode(encoded(Image.fromarray(np.array([[np.nan]], np.float32)), "TIFF"))


def test_cmyk_becomes_rgb() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert pixels(encoded(image, "TIFF")) == [[255, 0, 0]] * 64
    red, green, blue = pixels(encoded(image, "JPEG", quality=95))[0]
    assert red > 245
    assert max(green, blue) < 10


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_rotation_ends_upright(kind: str, orientation: int) -> None:
    upright = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14
    # How the camera stores it, per orientation: the inverse of what the viewer has to do.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    content = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options)
    np.testing.assert_array_equal(np.asarray(decode(content)), upright)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_broken_exif_block_costs_nothing(tmp_path: Path) -> None:
    content = encoded(Image.fromarray(noise(8, 8)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(content).size == (8, 8)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (2, 2), color) for color in ("red", "blue")]
    assert pixels(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0] == [255, 0, 0]


PNG = encoded(Image.fromarray(noise(64, 64)))


def claim(width: int, height: int) -> bytes:
    heading = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + heading + struct.pack(">I", zlib.crc32(heading)) + b"\0\0\0\0IDAT"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty: the file has 0 bytes"),
        (b"not an image", "not an image of a known kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known kind"),
        (PNG[:500], "cut short"),
        (PNG[:20], "not an image of a known kind|cut short|damaged|cannot be read"),
        (encoded(Image.fromarray(noise(64, 64)), "JPEG")[:900], "cut short"),
        (encoded(Image.fromarray(noise(64, 64)), "TIFF")[:-900], "cut short|cannot be read"),
        (PNG[:60] + b"\xff" * 400 + PNG[460:], "damaged|cannot be read|cut short"),
        (claim(100_000, 100_000), "too large"),
    ],
)
def test_what_is_no_picture_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.png").write_bytes(content)
    for source in (content, tmp_path / "x.png"):
        with pytest.raises(BadInput, match=reason) as wrong:
            decode(source)
        assert str(tmp_path) not in str(wrong.value)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage_never_raises_anything_else() -> None:
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM"):
        content = np.frombuffer(encoded(Image.fromarray(noise(16, 16)), kind), np.uint8)
        for _ in range(60):
            hurt = content.copy()
            hurt[rng.integers(0, len(hurt), 6)] = rng.integers(0, 256, 6)
            try:
                image = decode(hurt[: rng.integers(1, len(hurt) + 1)].tobytes())
            except BadInput:
                continue
            assert image.mode == "RGB"


def test_missing_files_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name, reason in (("gone.png", "No such file"), ("pipe.png", "not a regular file"), ("", "not a regular file")):
        with pytest.raises(BadInput, match=reason):
            decode(tmp_path / name)


# ---- thumbnail


def test_thumbnail_keeps_the_aspect_and_is_never_enlarged() -> None:
    photo = Image.fromarray(noise(300, 600))
    for size, expected, mime in (
        (96, (96, 48), "image/jpeg"),
        (64, (64, 32), "image/png"),
        (1000, (600, 300), "image/jpeg"),
        (1, (1, 1), "image/png"),
    ):
        content, kind = thumbnail(photo, size)
        assert (Image.open(io.BytesIO(content)).size, kind) == (expected, mime)
    assert photo.size == (600, 300)
    with pytest.raises(BadInput):
        thumbnail(photo, 0)


def test_small_pictures_are_sent_exactly() -> None:
    small = noise(8, 8)
    content, mime = thumbnail(Image.fromarray(small), 96)
    np.testing.assert_array_equal(np.asarray(decode(content)), small)
    assert mime == "image/png"


# ---- what to pack


def test_small_images_keep_their_size_and_big_ones_become_64(tmp_path: Path) -> None:
    def blank(*sides: int) -> list[np.ndarray]:
        return [np.zeros((side, side // 2 or 1), np.uint8) for side in sides]

    assert suggest_size(blank(*[28] * 100)) == 28
    assert suggest_size(blank(*[4] * 10)) == 8
    assert suggest_size(blank(*[96] * 9, 500)) == 96
    assert suggest_size(blank(*[96] * 8, 500, 500)) == 64
    assert suggest_size(blank(20, 20, 30, 30)) == 30
    assert suggest_size([]) == 64
    Image.fromarray(noise(40, 30)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("hello")
    assert suggest_size([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "gone.png"]) == 40
    assert suggest_size([tmp_path / "b.png"]) == 64


def test_only_small_grey_rows_look_like_glyphs() -> None:
    grey = np.repeat(noise(28, 28)[None, ..., :1], 3, 3)
    assert looks_like_glyphs(grey)
    assert not looks_like_glyphs(noise(28, 28)[None])
    assert not looks_like_glyphs(np.repeat(grey, 2, 1))
    assert not looks_like_glyphs(grey[:0])


def test_sources_of_a_reading_are_files_or_rows(tmp_path: Path) -> None:
    entries = [Entry("a/1.png"), Entry("b/2.png")]
    assert list(sources_of(Reading(tmp_path, (), entries))) == [tmp_path / "a" / "1.png", tmp_path / "b" / "2.png"]
    blocks = [np.zeros((2, 4, 4), np.uint8), np.zeros((0, 4, 4), np.uint8), np.ones((1, 5, 5, 3), np.uint8)]
    rows = sources_of(Reading(tmp_path, (), entries, arrays=blocks))
    assert len(rows) == 3
    assert [row.shape for row in rows] == [(4, 4), (4, 4), (5, 5, 3)]
    assert np.shares_memory(rows[1], blocks[0])
    assert rows[-1].max() == 1


KEPT = Decoding(keep_cut=True)
PHOTO = np.asarray(Image.fromarray(noise(12, 16)).resize((320, 240), Image.Resampling.BICUBIC))


def jpegs(photo: np.ndarray) -> dict[str, bytes]:
    """A JPEG of one kind each: in one scan, in many, upright only after turning."""
    image = Image.fromarray(photo)
    return {
        "baseline": encoded(image, "JPEG", quality=85),
        "progressive": encoded(image, "JPEG", quality=85, progressive=True),
        "restarts": encoded(image, "JPEG", quality=85, restart_marker_rows=1),
        "MPO": encoded(image, "MPO", quality=85, save_all=True, append_images=[image]),
    }


JPEGS = jpegs(PHOTO)


def test_a_jpeg_cut_short_is_kept_when_asked_for_and_grey_where_nothing_is() -> None:
    whole = np.asarray(decode(JPEGS["baseline"])).astype(int)
    cut = JPEGS["baseline"][: len(JPEGS["baseline"]) // 2]
    with pytest.raises(BadInput, match="^cut short: the file ends before the picture does$"):
        decode(cut)
    found = np.asarray(decode(cut, decoding=KEPT)).astype(int)
    assert found.shape == (240, 320, 3)
    np.testing.assert_array_equal(found[:90], whole[:90])
    assert (found[150:] == 128).all()


@pytest.mark.parametrize("kind", JPEGS)
def test_wherever_a_jpeg_is_cut_behind_its_heading_it_can_be_kept(kind: str) -> None:
    """Also within the tables between two scans, where an end alone would be taken for a part of them."""
    content = jpegs(PHOTO[::2, ::2])[kind]
    first = content.index(b"\xff\xda")
    end = content.index(b"\xff\xd9")
    for length in range(first + 20, end - 1, 7):
        with pytest.raises(BadInput, match="cut short"):
            decode(content[:length])
        found = images._decode(content[:length], None, KEPT)
        assert (found.cut, found.size) == (True, (160, 120))
    for length in range(3, first, 11):
        with pytest.raises(BadInput):
            decode(content[:length], decoding=KEPT)
    assert not images._decode(content, None, KEPT).cut


def test_what_is_kept_of_a_cut_photo_is_turned_reduced_and_counted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(Image.fromarray(PHOTO), "JPEG", quality=85, exif=exif)
    (tmp_path / "whole.jpg").write_bytes(content)
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "start.jpg").write_bytes(content[:100])
    (tmp_path / "cut.png").write_bytes(PNG[: len(PNG) // 2])
    sources = [tmp_path / name for name in ("cut.jpg", "whole.jpg", "start.jpg", "cut.png")]
    refused = pack(sources, 8, tmp_path / "a.npy")
    assert (list(refused.failed), refused.cut, refused.mended) == ([0, 2, 3], 0, ())
    kept = pack([*sources, sources[0]], 8, tmp_path / "b.npy", decoding=KEPT)
    assert (list(kept.failed), kept.cut, kept.mended) == ([2, 3], 2, (0, 4))
    assert kept.failed[3] == refused.failed[0] == "cut short: the file ends before the picture does"
    assert kept.sizes[:2].tolist() == [[240, 320], [240, 320]]
    rows = open_packed(kept.path)
    assert (rows[0, :, :2] == 128).all()  # turned right, the lower half is on the left
    assert np.abs(rows[0, :, 6:].astype(int) - rows[1, :, 6:]).max() <= 2  # the column between is smoothed with the grey
    assert not rows[3].any()


def test_keeping_what_is_cut_changes_nothing_for_other_threads(tmp_path: Path) -> None:
    cut = JPEGS["progressive"][:-500]
    (tmp_path / "cut.jpg").write_bytes(cut)
    told: list[bool] = []

    def ask(keep: bool) -> None:
        for _ in range(20):
            try:
                decode(cut, decoding=Decoding(keep_cut=keep))
                told.append(keep)
            except BadInput:
                told.append(not keep)

    threads = [threading.Thread(target=ask, args=(bool(number % 2),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [True] * 80
