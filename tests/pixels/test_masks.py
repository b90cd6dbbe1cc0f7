"""Masks: what is read and refused, sizes and regions against slow restatements, bytes that stay the same."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels import masks
from tests.house import ROOT

SHARED = ROOT.parent / "shared" / "data" / "camvid"
SMALL = np.array([[0, 1, 2], [255, 7, 253]], np.uint8)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def with_palette(values: np.ndarray) -> Image.Image:
    picture = Image.fromarray(values)
    picture.putpalette([channel for at in range(256) for channel in (255 - at, at, 7)])
    return picture


def grey_png(values: list[int], bits: int) -> bytes:
    """One row of grey PNG with fewer than 8 bits a pixel, which Pillow cannot write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row = "".join(f"{value:0{bits}b}" for value in values)
    heading = struct.pack(">IIBBBBB", len(values), 1, bits, 0, 0, 0, 0)
    body = zlib.compress(b"\0" + int(row, 2).to_bytes(len(row) // 8, "big"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", heading) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# ---- reading


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("make", [Image.fromarray, with_palette], ids=["grey", "palette"])
def test_values_are_read_as_they_are_stored(make, kind: str, tmp_path: Path) -> None:
    content = encoded(make(SMALL), kind)
    (tmp_path / "mask").write_bytes(content)
    for source in (content, tmp_path / "mask"):
        read = masks.read_mask(source)
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, SMALL)


@pytest.mark.parametrize(("bits", "values"), [(2, [0, 1, 2, 3]), (4, [0, 1, 9, 15])])
def test_grey_of_few_bits_is_not_spread_over_255(bits: int, values: list[int]) -> None:
    assert masks.read_mask(grey_png(values, bits)).tolist() == [values]


def test_a_black_and_white_picture_holds_zeros_and_ones() -> None:
    read = masks.read_mask(encoded(Image.fromarray(np.array([[True, False, True]]))))
    assert (read.dtype, read.tolist()) == (np.uint8, [[1, 0, 1]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (encoded(Image.new("RGB", (2, 2))), ["in color and without a palette", "PNG of 8 bits"]),
        (encoded(Image.new("RGBA", (2, 2))), ["in color and without a palette"]),
        (encoded(Image.new("LA", (2, 2))), ["transparency"]),
        (encoded(Image.fromarray(np.zeros((2, 2), np.uint16))), ["16 bits a pixel"]),
        (encoded(Image.fromarray(np.zeros((2, 2), np.int32)), "TIFF"), ["32 bits a pixel"]),
        (encoded(Image.fromarray(np.zeros((2, 2), np.float32)), "TIFF"), ["32 bits a pixel"]),
        (encoded(Image.new("L", (2, 2)), "JPEG"), ["a JPEG does not keep the exact values", "8-bit PNG"]),
        (encoded(Image.new("L", (2, 2)), "GIF"), ["a GIF does not keep"]),
        (encoded(Image.fromarray(np.random.default_rng(0).integers(0, 9, (99, 99), np.uint8)))[:-900], ["cut short"]),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, ["not an image"]),
        (b"sky,road", ["not an image"]),
        (b"", ["empty"]),
    ],
)
def test_what_is_no_mask_is_refused_with_a_reason_and_a_cure(content: bytes, words: list[str]) -> None:
    with pytest.raises(BadInput) as wrong:
        masks.read_mask(content)
    for word in words:
        assert word in str(wrong.value)


def test_a_picture_in_color_is_read_by_the_colors_of_the_classes() -> None:
    rgb = np.array([[[1, 2, 3], [255, 255, 255]], [[0, 0, 0], [1, 2, 3]]], np.uint8)
    colors = {(1, 2, 3): 4, (255, 255, 255): 0, (0, 0, 0): 255}
    assert masks.read_mask(encoded(Image.fromarray(rgb)), colors).tolist() == [[4, 0], [255, 4]]
    assert masks.from_colors(rgb, colors).tolist() == [[4, 0], [255, 4]]


def test_colors_of_no_class_are_named_with_their_pixels() -> None:
    rgb = np.zeros((3, 4, 3), np.uint8)
    rgb[0, :2] = (9, 9, 9)
    for at in range(4):
        rgb[1, at] = (100, 0, at)
    with pytest.raises(BadInput, match=r"6 pixels have colors of no class: \(9, 9, 9\), \(100, 0, 0\), \(100, 0, 1\) and 2 more"):
        masks.from_colors(rgb, {(0, 0, 0): 0})
    with pytest.raises(BadInput, match="no class has a color"):
        masks.from_colors(rgb, {})


# ---- checking


def test_a_mask_that_fits_its_image_passes_even_when_it_is_all_void() -> None:
    masks.check(SMALL, (3, 2), 254)
    masks.check(np.full((2, 3), 255, np.uint8), (3, 2), 0)
    assert masks.is_void(np.full((2, 3), 255, np.uint8))
    assert not masks.is_void(SMALL)


@pytest.mark.parametrize(
    ("size", "classes", "words"),
    [
        ((2, 3), 254, "the mask has 3 x 2 pixels and its image 2 x 3: they must be of one size"),
        ((3, 2), 8, r"values of no class: 253 \(1 pixels\); there may be 0 to 7, 255 \(255 is void\)"),
        ((3, 2), 1, r"values of no class: 1 \(1 pixels\), 2 \(1 pixels\), 7 \(1 pixels\) and 1 more; there may be 0, 255"),
    ],
)
def test_sizes_and_values_that_do_not_fit_are_named(size: tuple[int, int], classes: int, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        masks.check(SMALL, size, classes)


def test_an_array_that_is_no_mask_is_refused() -> None:
    for wrong in (SMALL.astype(np.int64), np.zeros((2, 3, 1), np.uint8)):
        with pytest.raises(BadInput, match="is no mask"):
            masks.check(wrong, (3, 2), 254)


def test_relabeling_keeps_void_unless_it_is_named_and_refuses_what_is_not() -> None:
    table = {0: 5, 1: 255, 2: 0, 7: 1, 253: 2}
    assert masks.relabeled(SMALL, table).tolist() == [[5, 255, 0], [255, 1, 2]]
    assert masks.relabeled(SMALL, {**table, 255: 9}).tolist() == [[5, 255, 0], [9, 1, 2]]
    with pytest.raises(BadInput, match=r"values of no class: 7 \(1 pixels\), 253 \(1 pixels\); there may be 0 to 2, 255"):
        masks.relabeled(SMALL, {0: 0, 1: 1, 2: 2})


def test_pixel_counts_end_with_void() -> None:
    assert masks.pixel_counts(np.array([[0, 0, 2], [255, 255, 0]], np.uint8), 3) == [3, 0, 1, 2]


# ---- storing


def test_equal_masks_give_equal_bytes_and_digests_and_come_back_exactly() -> None:
    rng = np.random.default_rng(3)
    mask = rng.integers(0, 256, (17, 31), np.uint8)
    turned = np.asfortranarray(mask)  # the same mask, differently in memory
    assert masks.encode(mask) == masks.encode(turned) == masks.encode(mask[::-1][::-1])
    np.testing.assert_array_equal(masks.decode(masks.encode(mask)), mask)
    assert masks.digest(mask) == masks.digest(turned) == hashlib.blake2b(b"17x31:" + mask.tobytes(), digest_size=16).hexdigest()
    with Image.open(io.BytesIO(masks.encode(mask))) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (31, 17))


def test_digests_tell_sizes_and_single_pixels_apart() -> None:
    flat = np.zeros(12, np.uint8)
    other = flat.copy()
    other[5] = 1
    digests = {masks.digest(flat.reshape(3, 4)), masks.digest(flat.reshape(4, 3)), masks.digest(other.reshape(3, 4))}
    assert len(digests) == 3
    assert {len(one) for one in digests} == {32}


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 7), (5, 9), (10, 18), (13, 4), (40, 40)])
def test_resizing_takes_the_pixel_under_the_center(height: int, width: int) -> None:
    mask = np.random.default_rng(0).integers(0, 5, (5, 9), np.uint8)
    slow = [[mask[int((i + 0.5) * 5 / height), int((j + 0.5) * 9 / width)] for j in range(width)] for i in range(height)]
    assert masks.resized(mask, height, width).tolist() == slow


# ---- regions


@pytest.mark.parametrize(
    ("region", "runs"),
    [
        ([[0, 0, 1], [1, 0, 0]], [2, 2, 2]),
        ([[1, 1], [0, 1]], [0, 2, 1, 1]),
        ([[0, 0], [0, 0]], [4]),
        ([[1, 1], [1, 1]], [0, 4]),
    ],
)
def test_run_lengths_start_with_what_is_outside(region: list[list[int]], runs: list[int]) -> None:
    array = np.array(region, bool)
    assert masks.to_rle(array) == runs
    np.testing.assert_array_equal(masks.from_rle(runs, *array.shape), array)


def test_run_lengths_of_any_region_come_back() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        region = rng.random((rng.integers(1, 9), rng.integers(1, 9))) < rng.random()
        np.testing.assert_array_equal(masks.from_rle(masks.to_rle(region), *region.shape), region)


@pytest.mark.parametrize("runs", [[3], [2, 3], [], [5, -1], [True, 3], [1.0, 3], ["4"]])
def test_run_lengths_that_do_not_fill_the_picture_are_refused(runs: list[object]) -> None:
    with pytest.raises(BadInput):
        masks.from_rle(runs, 2, 2)  # type: ignore[arg-type]


def test_tiles_are_almost_square_and_numbered_row_by_row() -> None:
    assert masks.tiles(4, 6, 6).tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2
    found = masks.tiles(96, 128, 48)
    assert (found.dtype, found.max() + 1) == (np.int32, 48)
    assert set(np.bincount(found.ravel())) == {16 * 16}
    for height, width, n in ((1, 1, 48), (1, 100, 48), (3, 2, 48), (7, 5, 1), (33, 17, 1000)):
        found = masks.tiles(height, width, n)
        assert found.shape == (height, width)
        assert sorted(set(found.ravel().tolist())) == list(range(found.max() + 1))


@pytest.mark.parametrize(("shape", "n"), [((1, 1), 150), ((1, 9), 4), ((2, 3), 150), ((40, 60), 1), ((40, 60), 30), ((97, 131), 150)])
def test_superpixels_are_numbered_without_gaps_and_always_the_same(shape: tuple[int, int], n: int) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    found = masks.superpixels(rgb, n)
    assert (found.shape, found.dtype) == (shape, np.int32)
    assert sorted(set(found.ravel().tolist())) == list(range(found.max() + 1))
    np.testing.assert_array_equal(found, masks.superpixels(rgb.copy(), n))


def test_superpixels_keep_to_the_edges_of_flat_areas() -> None:
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[:, :33] = (200, 40, 40)
    rgb[25:, 33:] = (30, 60, 220)
    area = (rgb[..., 0] > 100) + 2 * (rgb[..., 2] > 100)
    found = masks.superpixels(rgb, 24)
    table = np.zeros((found.max() + 1, 3), int)
    np.add.at(table, (found.ravel(), area.ravel()), 1)
    assert 12 <= len(table) <= 36
    assert table.max(axis=1).sum() > 0.97 * 60 * 80  # as many tiles leave more than 5 % on the wrong side
    tiled = np.zeros((30, 3), int)
    np.add.at(tiled, (masks.tiles(60, 80, len(table)).ravel(), area.ravel()), 1)
    assert tiled.max(axis=1).sum() < 0.95 * 60 * 80


def test_superpixels_of_a_big_picture_lie_on_the_grid_of_the_reduced_one() -> None:
    big = np.random.default_rng(0).integers(0, 256, (701, 903, 3), np.uint8)  # 0.6 megapixels, odd
    found = masks.superpixels(big, 40)
    assert found.shape == (701, 903)
    assert sorted(set(found.ravel().tolist())) == list(range(found.max() + 1))
    np.testing.assert_array_equal(found, np.repeat(np.repeat(found[::2, ::2], 2, axis=0), 2, axis=1)[:701, :903])


def test_regions_go_by_their_kind() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    np.testing.assert_array_equal(masks.regions_of(rgb, "tiles", 12), masks.tiles(24, 32, 12))
    np.testing.assert_array_equal(masks.regions_of(rgb, "superpixels", 12), masks.superpixels(rgb, 12))
    with pytest.raises(BadInput, match="use superpixels or tiles"):
        masks.regions_of(rgb, "frames", 12)


def slow_components(mask: np.ndarray) -> int:
    left = {(i, j) for i in range(mask.shape[0]) for j in range(mask.shape[1]) if mask[i, j] != 255}
    found = 0
    while left:
        found += 1
        pending = [left.pop()]
        while pending:
            i, j = pending.pop()
            for near in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if near in left and mask[near] == mask[i, j]:
                    left.remove(near)
                    pending.append(near)
    return found


def test_components_are_those_a_slow_search_finds() -> None:
    rng = np.random.default_rng(1)
    assert masks.components(np.full((4, 4), 255, np.uint8)) == 0
    assert masks.components(np.array([[0, 1], [1, 0]], np.uint8)) == 4  # corners do not connect
    for _ in range(20):
        mask = rng.choice(np.array([0, 1, 255], np.uint8), (9, 11))
        region = rng.random((9, 11)) < 0.6
        assert masks.components(mask) == slow_components(mask)
        assert masks.components(mask, region) == slow_components(np.where(region, mask, np.uint8(255)))


# ---- colors


def test_given_colors_come_first_and_all_are_told_apart() -> None:
    given = [(230, 25, 75), (10, 10, 10)]
    found = masks.colors(254, given)
    assert found[:2] == given
    assert len(set(found)) == 254
    assert all(0 <= channel <= 255 for color in found for channel in color)
    near = np.array(masks.colors(40, given), float)
    assert np.linalg.norm(near[:, None] - near[None], axis=2)[~np.eye(40, dtype=bool)].min() > 20
    assert masks.colors(1, given) == given[:1]


def test_a_further_class_changes_no_color() -> None:
    assert masks.colors(5) == masks.colors(30)[:5] == [(230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared CamVid is not here")
def test_superpixels_of_camvid_follow_its_classes() -> None:
    with Image.open(SHARED / "images" / "0001TP_006690.jpg") as picture:
        rgb = np.asarray(picture.convert("RGB"))
    mask = masks.read_mask(SHARED / "masks" / "0001TP_006690.png")
    masks.check(mask, (480, 360), 12)
    found = masks.superpixels(rgb)
    table = np.zeros((found.max() + 1, 12), int)
    np.add.at(table, (found.ravel(), mask.ravel()), 1)
    assert 120 <= found.max() + 1 <= 180
    assert table[:, :11].max(axis=1).sum() / (mask < 11).sum() > 0.9  # each region painted in its commonest class


@pytest.mark.parametrize("longest", [masks.LONGEST_RUN, 7])
def test_runs_of_the_editor_hold_every_pixel(monkeypatch, longest):
    monkeypatch.setattr(masks, "LONGEST_RUN", longest)
    mask = np.repeat(np.array([[3, 3, 0], [0, 255, 3]], np.uint8), 9, axis=1)
    found = np.frombuffer(masks.words(mask), "<u4")
    assert found.max() >> 8 <= longest
    assert np.array_equal(np.repeat(found & 255, found >> 8), mask.ravel())
    if longest > 18:
        assert found.tolist() == [18 << 8 | 3, 18 << 8, 9 << 8 | 255, 9 << 8 | 3]
