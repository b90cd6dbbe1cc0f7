"""Masks beside their images: flipped, shifted and turned as they are, and drawn alike."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from alcore.nets.tasks import VOID, train_params
from alcore.training.batches import Batches

CPU = torch.device("cpu")
SHORT = {"steps": 4, "batch_size": 4, "flip": True, "crop": 0.125}
PARAMS = train_params("segmentation", SHORT)


@pytest.fixture
def batches(dense_pixels, dense_pool, dense) -> Batches:
    return Batches(dense_pixels, dense_pool, PARAMS, CPU, 5, dense=dense)


def index_images(dense: np.ndarray) -> np.ndarray:
    """Pictures that show the masks: each pixel's value is its class + 1, and void is 0, as is what lies beyond the edge."""
    return np.repeat(dense[..., None] + np.uint8(1), 3, axis=3)


def seen_classes(x: torch.Tensor) -> torch.Tensor:
    """The masks that drawn index images show."""
    value = ((x[:, 0] * 0.25 + 0.5) * 255).round().long()
    return torch.where(value == 0, VOID, value - 1)


@pytest.mark.parametrize(("flip", "crop"), [(False, 0.0), (True, 0.0), (False, 0.25), (True, 0.4)])
def test_a_mask_is_flipped_and_shifted_exactly_as_its_image(flip, crop, dense, dense_pool):
    params = dataclasses.replace(PARAMS, flip=flip, crop=crop, batch_size=9)
    batches = Batches(index_images(dense), dense_pool, params, CPU, 3, dense=dense)
    shown = set()
    for _ in range(6):
        x, y = batches.labeled()
        assert y.dtype == torch.int64
        assert torch.equal(y, seen_classes(x))
        shown |= {one.numpy().tobytes() for one in y}
    assert len(shown) > (12 if crop else 5 if flip else 2)


def turned_by_hand(mask: np.ndarray, angle: float) -> np.ndarray:
    """Pixel by pixel: the class of the nearest pixel of where each came from, VOID from beyond the edge."""
    side = len(mask)
    out = np.full_like(mask, VOID)
    for i in range(side):
        for j in range(side):
            x, y = (2 * j + 1) / side - 1, (2 * i + 1) / side - 1
            from_x = math.cos(angle) * x - math.sin(angle) * y
            from_y = math.sin(angle) * x + math.cos(angle) * y
            u, v = (round(((at + 1) * side - 1) / 2) for at in (from_x, from_y))
            if 0 <= u < side and 0 <= v < side:
                out[i, j] = mask[v, u]
    return out


def test_a_mask_is_turned_by_its_images_angle_and_takes_the_nearest_class(dense, dense_pixels, dense_pool, monkeypatch):
    from alcore.training import batches as module

    angles, honest = [], module._rotate

    def watched(images, angle, mode="bilinear"):
        angles.append((mode, angle.clone()))
        return honest(images, angle, mode)

    monkeypatch.setattr(module, "_rotate", watched)
    plain = dataclasses.replace(PARAMS, flip=False, crop=0.0, batch_size=12)
    before = Batches(dense_pixels, dense_pool, plain, CPU, 3, dense=dense).labeled()[1]
    after = Batches(dense_pixels, dense_pool, dataclasses.replace(plain, rotation=45.0), CPU, 3, dense=dense).labeled()[1]
    (_, of_images), (mode, of_masks) = angles
    assert mode == "nearest"
    assert torch.equal(of_images, of_masks)
    for mask, turned, angle in zip(before.numpy(), after.numpy(), of_masks.tolist(), strict=True):
        assert (turned == turned_by_hand(mask, angle)).mean() > 0.99  # a point half-way between two pixels may fall to either
    assert (after == VOID).sum() > (before == VOID).sum()


def test_images_are_drawn_alike_with_and_without_masks(dense_pixels, dense_pool, dense):
    params = dataclasses.replace(PARAMS, rotation=20.0)
    with_masks = Batches(dense_pixels, dense_pool, params, CPU, 3, dense=dense)
    without = Batches(dense_pixels, dense_pool, params, CPU, 3)
    for _ in range(3):
        assert torch.equal(with_masks.labeled()[0], without.labeled()[0])
        assert torch.equal(with_masks.unlabeled(), without.unlabeled())


def test_masks_of_another_size_than_the_images_are_refused(dense_pixels, dense_pool, dense):
    with pytest.raises(ValueError, match="masks of .12, 16. beside images of .16, 16."):
        Batches(dense_pixels, dense_pool, PARAMS, CPU, 0, dense=dense[:, :12])
