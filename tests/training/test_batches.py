"""Draws and augmentation: every image equally often, streams apart, flips and shifts against a slow loop."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch

from alcore.params import TrainParams
from alcore.training.batches import Batches
from alcore.training.draws import Stream
from alcore.training.pool import Pool

CPU = torch.device("cpu")


def numbered() -> tuple[np.ndarray, Pool]:
    """Ten images whose every pixel is ten times their row; rows 0...6 labeled, 7...9 unlabeled, ids 100 + row."""
    pixels = np.repeat(np.arange(10, dtype=np.uint8) * 10, 8 * 8 * 3).reshape(10, 8, 8, 3)
    ids = 100 + np.arange(10)
    none = np.array([], np.int64)
    return pixels, Pool(ids[:7], np.arange(7), ids[7:], none, none, ids, np.arange(10))


PLAIN = TrainParams(batch_size=16, flip=False, crop=0.0)


def rows_of(images: torch.Tensor) -> list[int]:
    return [round(((v * 0.25 + 0.5) * 25.5).item()) for v in images[:, 0, 4, 4]]


def test_every_image_comes_equally_often_and_batches_are_always_full():
    batches = Batches(*numbered(), PLAIN, CPU, 0)
    drawn, targets, unlabeled = [], [], []
    for _ in range(7):  # 112 draws of 7 labeled and of 3 unlabeled images, fewer than a batch
        x, y = batches.labeled()
        assert x.shape == (16, 3, 8, 8)
        drawn += rows_of(x)
        targets += y.tolist()
        unlabeled += rows_of(batches.unlabeled())
    assert Counter(drawn) == dict.fromkeys(range(7), 16)
    assert targets == drawn  # each image comes with its own target
    assert set(unlabeled) == {7, 8, 9}
    assert sorted(Counter(unlabeled).values()) == [37, 37, 38]
    assert drawn[:7] != drawn[7:14]  # shuffled anew each time


def test_labeled_draws_are_the_same_whether_or_not_unlabeled_ones_are_made(pixels, pool):
    alone, beside = (Batches(pixels, pool, TrainParams(batch_size=8, rotation=10), CPU, 6) for _ in range(2))
    for _ in range(4):
        x, y = alone.labeled()
        beside.unlabeled()
        other_x, other_y = beside.labeled()
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_when_nothing_is_unlabeled_the_labeled_images_stand_in():
    pixels, pool = numbered()
    full = dataclasses.replace(pool, labeled=pool.ids, targets=np.arange(10), unlabeled=np.array([], np.int64))
    batches = Batches(pixels, full, PLAIN, CPU, 0)
    assert set(rows_of(batches.unlabeled())) <= set(range(10))


def test_state_and_restore_continue_every_stream(pixels, pool):
    params = TrainParams(batch_size=5, rotation=5)
    first, second = Batches(pixels, pool, params, CPU, 1), Batches(pixels, pool, params, CPU, 2)
    first.labeled(), first.unlabeled()
    state = first.state()
    expected = [*first.labeled(), first.unlabeled(), first.labeled()[0]]
    first.unlabeled()  # must not change the state that was taken
    second.restore(state)
    found = [*second.labeled(), second.unlabeled(), second.labeled()[0]]
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def shifted(image: np.ndarray, flip: bool, dy: int, dx: int) -> np.ndarray:
    """Pixel by pixel: moved by (dy, dx) with black outside, then mirrored."""
    h, w, _ = image.shape
    out = np.zeros_like(image)
    for y in range(h):
        for x in range(w):
            if 0 <= y + dy < h and 0 <= x + dx < w:
                out[y, x] = image[y + dy, x + dx]
    return out[:, ::-1] if flip else out


@pytest.mark.parametrize(("flip", "crop", "reach"), [(True, 0.125, 1), (False, 0.25, 2), (True, 0.0, 0)])
def test_augmentation_gives_every_flip_and_shift_and_nothing_else(flip, crop, reach):
    image = np.random.default_rng(0).integers(1, 256, (1, 8, 8, 3), dtype=np.uint8)
    none = np.array([], np.int64)
    pool = Pool(np.array([0]), np.array([0]), none, none, none, np.array([0]), np.array([0]))
    batches = Batches(image, pool, TrainParams(batch_size=400, flip=flip, crop=crop), CPU, 0)
    expected = {
        shifted(image[0], f, dy, dx).tobytes()
        for f in ({False, True} if flip else {False})
        for dy in range(-reach, reach + 1)
        for dx in range(-reach, reach + 1)
    }
    x, _ = batches.labeled()
    back = ((x * 0.25 + 0.5) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    seen = Counter(one.tobytes() for one in back)
    assert seen.keys() == expected
    usual = 400 / len(expected)
    assert max(seen.values()) < usual + 6 * usual**0.5


@pytest.mark.parametrize(
    ("architecture", "weights", "asked", "expected"),
    [
        ("small_cnn", "none", "weights", ((0.5, 0.25),) * 3),
        ("resnet18", "imagenet", "weights", ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))),
        ("drn_d_22", "drn.pth", "weights", ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))),
        ("drn_d_22", "drn.pth", "centered", ((0.5, 0.25),) * 3),
        ("efficientnet_lite0", "lite0", "weights", ((127 / 255, 128 / 255),) * 3),
    ],
)
def test_pixels_are_normalized_as_the_starting_weights_want_them(architecture, weights, asked, expected):
    pixels, pool = numbered()
    params = dataclasses.replace(PLAIN, batch_size=7, architecture=architecture, weights=weights, normalization=asked)
    x, _ = Batches(pixels, pool, params, CPU, 0).labeled()
    for channel, (mean, std) in enumerate(expected):
        assert sorted({round(v, 3) for v in x[:, channel].flatten().tolist()}) == [round((r * 10 / 255 - mean) / std, 3) for r in range(7)]


@pytest.mark.parametrize("rotation", [0.0, 15.0])
def test_images_stay_channels_last_whatever_is_done_to_them(rotation):
    pixels, pool = numbered()
    x, _ = Batches(pixels, pool, TrainParams(batch_size=4, rotation=rotation), CPU, 0).labeled()
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert not x.is_contiguous()


def test_a_full_turn_of_nothing_keeps_the_image_and_rotation_keeps_its_center():
    pixels, pool = numbered()
    x, y = Batches(pixels, pool, dataclasses.replace(PLAIN, rotation=180.0), CPU, 0).labeled()
    assert rows_of(x) == y.tolist()  # the middle of an even image stays
    assert x.abs().max() <= 2.0
    assert (x[:, :, 0, 0] == 0).any()  # corners turned in from outside are mid grey


def test_walking_shows_every_id_once_in_order_without_augmentation(pixels, pool):
    batches = Batches(pixels, pool, TrainParams(batch_size=4, rotation=90), CPU, 0)
    ids = pool.unlabeled[::-1]
    seen, shown = [], []
    for part, x in batches.walk(ids, 7):
        assert len(part) == len(x) <= 7
        seen += part.tolist()
        shown.append(x)
    assert seen == ids.tolist()
    expected = (torch.from_numpy(pixels[pool.rows_of(ids)]).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
    torch.testing.assert_close(torch.cat(shown), expected)


def test_an_augmented_walk_shows_an_image_alike_whatever_else_is_walked(pixels, pool):
    params = TrainParams(batch_size=4, rotation=30, crop=0.25)
    batches = Batches(pixels, pool, params, CPU, 0)

    def walked(ids: np.ndarray, batch_size: int) -> dict[int, torch.Tensor]:
        return {int(i): image for part, x in batches.walk(ids, batch_size, augmented=True) for i, image in zip(part, x, strict=True)}

    drawn = batches.labeled()[0]
    whole = walked(pool.unlabeled, 512)
    state = batches.state()
    again = walked(pool.unlabeled[::-1][:7], 3)
    assert all(torch.equal(whole[i], image) for i, image in again.items())
    plain = {int(i): image for part, x in batches.walk(pool.unlabeled) for i, image in zip(part, x, strict=True)}
    assert sum(torch.equal(whole[i], plain[i]) for i in plain) < 4
    other = Batches(pixels, pool, params, CPU, 1)
    assert not torch.equal(next(other.walk(pool.unlabeled, augmented=True))[1][0], whole[int(pool.unlabeled[0])])
    fresh = Batches(pixels, pool, params, CPU, 0)  # walking takes nothing from the training draws
    assert torch.equal(fresh.labeled()[0], drawn)
    fresh.restore(state)
    assert torch.equal(fresh.labeled()[0], batches.labeled()[0])


def test_an_augmented_walk_flips_and_shifts_as_training_does():
    image = np.random.default_rng(0).integers(1, 256, (1, 8, 8, 3), dtype=np.uint8)
    none, ids = np.array([], np.int64), np.arange(300)
    pool = Pool(ids[:1], np.array([0]), ids[1:], none, none, ids, np.zeros(300, np.int64))
    batches = Batches(image, pool, TrainParams(batch_size=2, crop=0.125), CPU, 0)
    expected = {shifted(image[0], f, dy, dx).tobytes() for f in (False, True) for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
    (_, x), = batches.walk(ids, augmented=True)  # fmt: skip
    back = ((x * 0.25 + 0.5) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert {one.tobytes() for one in back} == expected


def test_looking_ahead_changes_no_draw():
    looked, plain = Stream(7, 3), Stream(7, 3)
    ahead = looked.peek(5, 20).tolist()
    state = looked.state()
    drawn = [i for _ in range(6) for i in plain.take(5).tolist()]
    assert drawn[5:25] == ahead
    assert [i for _ in range(6) for i in looked.take(5).tolist()] == drawn
    looked.restore(state)
    assert looked.take(30).tolist() == drawn
