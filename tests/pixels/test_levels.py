"""Deep pictures: one range for a project, by which models and people see the same grey."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels import images, kinds, packing, streaming
from alcore.pixels.images import decode
from alcore.pixels.levels import Decoding, suggest_levels
from alcore.pixels.pictures import Pictures


def written(folder: Path, *arrays: np.ndarray) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number}.tif" for number in range(len(arrays))]
    for file, array in zip(files, arrays, strict=True):
        Image.fromarray(array).save(file)
    return files


def grey(source: Path | bytes, decoding: Decoding = Decoding()) -> np.ndarray:  # noqa: B008
    values = np.asarray(decode(source, decoding=decoding))
    assert (values == values[..., :1]).all()
    return values[..., 0]


def ramp(low: float, high: float, kind: type, side: int = 32) -> np.ndarray:
    return np.linspace(low, high, side * side).reshape(side, side).astype(kind)


# coco-annotator#601 and CVAT#10178: 12 bits in 16 are shown black, signed values and floats white or black
LOOKS = [
    ("8 bits in 16", ramp(0, 255, np.uint16), (0, 255)),
    ("12 bits in 16", ramp(0, 4095, np.uint16), (0, 4095)),
    ("16 bits", ramp(0, 65535, np.uint16), (0, 65535)),
    ("signed", ramp(-1000, 3000, np.int32), (-980, 2980)),
    ("floats to 1", ramp(0, 1, np.float32), (0, 1)),
    ("floats to 65535", ramp(0, 65535, np.float32), (0, 65535)),
    ("zero and one", ramp(0, 1.9, np.int32), (0, 1)),
]


@pytest.mark.parametrize(("name", "array", "levels"), LOOKS, ids=[look[0] for look in LOOKS])
def test_a_deep_picture_is_seen_from_black_to_white(tmp_path, name, array, levels):
    (file,) = written(tmp_path, array)
    assert suggest_levels([file]) == levels
    seen = grey(file, Decoding(levels))
    black, white = levels
    expected = np.clip(np.rint((array.astype(float) - black) * 255 / (white - black)), 0, 255)
    assert np.abs(seen - expected).max() <= (1 if array.dtype == np.float32 else 0)
    assert (seen.min(), seen.max(), int(np.median(seen)) in (0, 127, 128, 255)) == (0, 255, True)


def test_eight_bits_in_sixteen_keep_each_value(tmp_path):
    values = np.arange(256, dtype=np.uint16).reshape(16, 16)
    (file,) = written(tmp_path, values)
    np.testing.assert_array_equal(grey(file, Decoding((0, 255))), values)
    assert not grey(file).any()  # what it looked like


def test_full_range_pictures_come_out_as_before_within_one(tmp_path):
    (file,) = written(tmp_path, np.random.default_rng(0).integers(0, 65536, (50, 50)).astype(np.uint16))
    levels = suggest_levels([file])
    assert levels == (0, 65535)
    assert np.abs(grey(file, Decoding(levels)).astype(int) - grey(file)).max() == 1


def test_levels_by_hand(tmp_path):
    (file,) = written(tmp_path, np.array([[90, 100, 150, 300, 400]], np.int32))
    assert grey(file, Decoding((100, 300))).tolist() == [[0, 0, 64, 255, 255]]  # 50 * 255 / 200 = 63.75
    (deep,) = written(tmp_path, np.array([[90, 100, 150, 300, 400]], np.uint16))
    assert grey(deep, Decoding((100, 300))).tolist() == [[0, 0, 64, 255, 255]]
    (floats,) = written(tmp_path, np.array([[-1, 0, 0.25, 0.5, 2]], np.float32))
    assert grey(floats, Decoding((0, 0.5))).tolist() == [[0, 0, 128, 255, 255]]


def test_big_endian_and_pgm_are_scaled_alike(tmp_path):
    pgm = b"P5 2 1 65535 " + struct.pack(">HH", 100, 200)
    assert grey(pgm, Decoding((100, 200))).tolist() == [[0, 255]]
    png = io.BytesIO()
    Image.fromarray(np.array([[100, 200]], np.uint16)).save(png, "PNG")
    assert grey(png.getvalue(), Decoding((100, 200))).tolist() == [[0, 255]]


def test_many_rows_are_scaled_in_bands_as_at_once(tmp_path, monkeypatch):
    array = np.random.default_rng(1).integers(0, 4096, (37, 21)).astype(np.uint16)
    (file,) = written(tmp_path, array)
    whole = [grey(file), grey(file, Decoding((10, 4000)))]
    monkeypatch.setattr("alcore.pixels.levels.BAND", 50)
    np.testing.assert_array_equal([grey(file), grey(file, Decoding((10, 4000)))], whole)


def test_levels_leave_pictures_of_8_bits_alone(tmp_path):
    file = tmp_path / "a.png"
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(file)
    np.testing.assert_array_equal(np.asarray(decode(file, decoding=Decoding((0, 10)))), np.asarray(decode(file)))


def test_of_16_bits_a_channel_the_upper_8_are_all_there_is(tmp_path):
    """Pillow reads no more: were it otherwise one day, levels would have to reach them."""
    values = np.array([[[0x1234, 0xABCD, 0x00FF]]], ">u2")
    ihdr = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"\0" + values.tobytes())) + chunk(b"IEND", b"")
    for decoding in (Decoding(), Decoding((0, 4095))):
        assert np.asarray(decode(png, decoding=decoding)).tolist() == [[[0x12, 0xAB, 0x00]]]


def test_the_first_frame_of_a_deep_tiff_is_taken(tmp_path):
    frames = [Image.fromarray(np.full((2, 2), value, np.uint16)) for value in (100, 200)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    assert grey(tmp_path / "a.tif", Decoding((0, 255))).tolist() == [[100, 100], [100, 100]]


# ---- suggesting


def test_a_few_hot_and_dead_pixels_do_not_set_the_range(tmp_path):
    array = np.random.default_rng(0).integers(1000, 2001, (100, 100)).astype(np.uint16)
    array[0, :20], array[1, :20] = 65535, 0
    low, high = suggest_levels(written(tmp_path, array)) or (0, 0)
    assert 1000 <= low <= 1010
    assert 1990 <= high <= 2000
    assert low == int(low)
    assert high == int(high)


def test_the_range_is_of_all_files_together_and_always_the_same(tmp_path):
    files = written(tmp_path, *[np.full((20, 20), 100 * n, np.uint16) for n in range(1, 11)], np.array([[0, 1050]], np.uint16))
    assert suggest_levels(files) == suggest_levels(files) == (5, 1045)  # of 0 and 1050, the only ones that are not blank
    files = written(tmp_path, *[ramp(100 * n, 100 * n + 100, np.uint16, 20) for n in range(1, 11)])
    assert suggest_levels(files) == suggest_levels(files) == (104, 1095)  # 0.5 % of 100..1100
    assert suggest_levels(files[:1]) == (100, 199)


def test_floats_that_are_no_whole_numbers_stay_so(tmp_path):
    low, high = suggest_levels(written(tmp_path, ramp(0.1, 0.3, np.float32))) or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.101, 0.299)


def test_blank_pictures_and_values_that_are_no_numbers_have_no_say(tmp_path):
    blank, seen = np.full((20, 20), 60000, np.uint16), ramp(100, 3000, np.uint16)
    files = written(tmp_path, blank, seen, blank)
    assert suggest_levels(files) == suggest_levels(files[1:2]) == (114, 2985)
    assert suggest_levels(files[:1]) is None
    hurt = ramp(100, 3000, np.float32)
    hurt[0], hurt[1], hurt[2] = np.nan, np.inf, -np.inf
    low, high = suggest_levels(written(tmp_path / "hurt", hurt)) or (0, 0)
    assert 300 < low < 420
    assert 2900 < high < 3000
    assert suggest_levels(written(tmp_path / "nothing", np.full((4, 4), np.nan, np.float32))) is None
    assert suggest_levels(written(tmp_path / "two", np.full((4, 4), 7, np.uint16), np.full((4, 4), 9, np.uint16))) == (7, 9)


def test_what_differs_is_the_picture_when_nearly_all_is_of_one_value(tmp_path):
    array = np.zeros((100, 100), np.uint16)
    array[50, 50:60] = 3000
    assert suggest_levels(written(tmp_path, array)) == (0, 3000)


def test_no_levels_where_nothing_is_deep_and_only_headings_are_read(tmp_path, monkeypatch):
    files = [tmp_path / "a.png", tmp_path / "b.txt", tmp_path / "gone.png"]
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(files[0])
    files[1].write_text("hello")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert suggest_levels([*files, np.zeros((4, 4), np.uint8)]) is None
    assert suggest_levels([]) is None


def test_a_sample_is_spread_over_all_files(tmp_path, monkeypatch):
    files = written(tmp_path, *[ramp(0, n, np.uint16, 8) for n in range(100, 110)])
    looked: list[str] = []
    honest = kinds.opened
    monkeypatch.setattr("alcore.pixels.levels.opened", lambda source: (looked.append(source.name), honest(source))[1])
    suggest_levels(files, sample=4)
    assert looked == ["0.tif", "3.tif", "6.tif", "9.tif"]


# ---- one decoding everywhere


def test_a_decoding_reads_settings_and_refuses_nonsense():
    assert Decoding.of({}) == Decoding.of({"levels": None, "keep_cut": False}) == Decoding()
    assert Decoding.of({"levels": [0, 4095], "keep_cut": True}) == Decoding((0.0, 4095.0), True)
    for levels in ([1, 1], [2, 1], [0], [0, 1, 2], ["a", 1], [float("nan"), 1], [0, float("inf")], 5):
        with pytest.raises(BadInput, match="levels=.*: give two numbers"):
            Decoding.of({"levels": levels})


def test_the_mark_is_empty_by_default_and_another_for_each_decoding():
    marks = [Decoding(levels, cut).mark for levels in (None, (0, 255), (0, 4095), (1, 4095)) for cut in (False, True)]
    assert marks[0] == ""
    assert len(set(marks)) == 8
    assert all(len(mark) == 7 and mark[0] == "-" and int(mark[1:], 16) >= 0 for mark in marks[1:])
    assert Decoding((0, 4095)).mark == Decoding.of({"levels": [-0.0, 4095.0]}).mark == "-9a8110"  # stored with every item


def test_marks_stand_behind_the_fingerprints_of_files_only(tmp_path):
    files = [*written(tmp_path, ramp(0, 9, np.uint16)), np.zeros((2, 2), np.uint8), tmp_path / "gone.png"]
    plain, marked = streaming.fingerprints(files), streaming.fingerprints(files, mark="-abcdef")
    assert marked.tolist() == [plain[0] + b"-abcdef", plain[1], b"gone"]
    assert streaming.fingerprints(files, mark="").tolist() == plain.tolist()


def test_packed_streamed_and_shown_pictures_are_the_same(tmp_path):
    files = written(tmp_path / "files", ramp(0, 4095, np.uint16), ramp(4095, 0, np.uint16))
    settings = {"levels": [0, 4095], "root": str(tmp_path / "files"), "image_size": 32, "array_source": False, "arrays": []}
    decoding = Decoding.of(settings)
    packed = packing.open_packed(packing.pack(files, 32, tmp_path / "p.npy", decoding=decoding).path)
    expected = [np.asarray(decode(file, decoding=decoding)) for file in files]
    assert (expected[0].min(), expected[0].max()) == (0, 255)
    np.testing.assert_array_equal(packed, expected)
    streaming.save_paths([file.name for file in files], tmp_path / "list.npz")
    rows = streaming.open_pixels(tmp_path, settings | {"cache": "stream", "packed": "list.npz"})
    np.testing.assert_array_equal(rows[np.arange(2)], expected)
    row = np.zeros((32, 32, 3), np.uint8)
    assert images.fit(files[0], row, decoding=decoding) == (32, 32)
    np.testing.assert_array_equal(row, expected[0])
    pictures = Pictures(tmp_path, tmp_path, settings)
    item = {"id": 5, "path": "0.tif", "row": 0, "fingerprint": "f" + decoding.mark}
    np.testing.assert_array_equal(np.asarray(pictures.whole(item)), expected[0])
    shown, mime, etag = pictures.picture(item, 64)
    assert (mime, etag) == ("image/png", f"f{decoding.mark}-64")
    np.testing.assert_array_equal(np.asarray(decode(shown)), expected[0])


def test_another_range_shows_another_thumbnail(tmp_path):
    (file,) = written(tmp_path, ramp(0, 255, np.uint16))
    settings = {"root": str(tmp_path), "array_source": False}
    seen = []
    for levels in (None, [0, 255], [0, 510]):
        settings["levels"] = levels
        item = {"id": 5, "path": file.name, "row": 0, "fingerprint": "f" + Decoding.of(settings).mark}
        seen.append(int(np.asarray(decode(Pictures(tmp_path, tmp_path, settings).picture(item, 32)[0])).max()))
    assert seen == [0, 255, 128]
