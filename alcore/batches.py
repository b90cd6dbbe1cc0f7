"""Batches: endless draws of labeled and unlabeled images from one packed array, on the device. Knows no strategy and no store."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from alcore.pool import Pool
from alcore.types import TrainParams

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CENTERED = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))  # fixed, so that unlabeled images leave no trace in the normalization


class _Stream:
    """An endless shuffle of `n` positions: permutations in a row, so a batch is always full and all positions come as often."""

    def __init__(self, n: int, seed: int) -> None:
        self.n = n
        self.generator = torch.Generator().manual_seed(seed)
        self.waiting = torch.empty(0, dtype=torch.long)

    def take(self, count: int) -> Tensor:
        while len(self.waiting) < count:
            self.waiting = torch.cat([self.waiting, torch.randperm(self.n, generator=self.generator)])
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken

    def state(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state(), "waiting": self.waiting.clone()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])
        self.waiting = state["waiting"]


class Batches:
    """Draws for one round.

    Labeled and unlabeled draws have a shuffle and an augmentation stream each: a strategy that draws no unlabeled images sees
    the same labeled batches as one that does.

    Args:
        pixels: (N, H, W, 3) uint8, the packed images; `pool.rows` point into it.
        pool: ids and targets of the round.
        params: batch size and augmentation.
        device: where batches are made; the array moves there when it fits.
        seed: of order and augmentation.
    """

    def __init__(self, pixels: np.ndarray, pool: Pool, params: TrainParams, device: torch.device, seed: int) -> None:
        self.pool, self.params, self.device = pool, params, device
        self.pixels = torch.from_numpy(pixels)
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if self.pixels.nbytes < free // 2:
                self.pixels = self.pixels.to(device)
            else:
                self.pixels = self.pixels.pin_memory()
        self._labeled_rows = torch.from_numpy(pool.rows_of(pool.labeled))
        self._unlabeled_rows = torch.from_numpy(pool.rows_of(pool.unlabeled))
        self._targets = torch.from_numpy(pool.targets)
        seeds = np.random.SeedSequence(seed).generate_state(4, np.uint64) >> np.uint64(1)
        self._streams = {
            "labeled": _Stream(len(self._labeled_rows), int(seeds[0])),
            "unlabeled": _Stream(len(self._unlabeled_rows), int(seeds[1])),
        }
        self._noise = {"labeled": torch.Generator().manual_seed(int(seeds[2])), "unlabeled": torch.Generator().manual_seed(int(seeds[3]))}
        mean, std = IMAGENET if params.weights == "imagenet" else CENTERED
        self._scale = (1 / (255 * torch.tensor(std))).view(3, 1, 1).to(device)
        self._shift = (-torch.tensor(mean) / torch.tensor(std)).view(3, 1, 1).to(device)

    @property
    def labeled_count(self) -> int:
        """How many labeled images there are."""
        return len(self.pool.labeled)

    # ---- training draws

    def labeled(self) -> tuple[Tensor, Tensor]:
        """An augmented labeled batch: images (B, 3, H, W) float32 channels-last, targets (B,)."""
        at = self._streams["labeled"].take(self.params.batch_size)
        return self._augmented(self._labeled_rows[at], self._noise["labeled"]), self._targets[at].to(self.device, non_blocking=True)

    def unlabeled(self) -> Tensor:
        """An augmented unlabeled batch (B, 3, H, W); the labeled images' batch when nothing is unlabeled any more."""
        if self._streams["unlabeled"].n == 0:
            at = self._streams["labeled"].take(self.params.batch_size)
            return self._augmented(self._labeled_rows[at], self._noise["unlabeled"])
        at = self._streams["unlabeled"].take(self.params.batch_size)
        return self._augmented(self._unlabeled_rows[at], self._noise["unlabeled"])

    def _augmented(self, rows: Tensor, noise: torch.Generator) -> Tensor:
        p, b = self.params, len(rows)
        h, w = self.pixels.shape[1:3]
        reach_y, reach_x = round(p.crop * h), round(p.crop * w)
        # every number is drawn whether used or not, so that switching one augmentation off leaves the others' draws as they are
        draws = torch.rand((4, b), generator=noise)
        flipped = (draws[0] < 0.5) & p.flip
        y = torch.arange(h)[None] + ((draws[1] * (2 * reach_y + 1)).long() - reach_y)[:, None]  # (B, H)
        x = torch.arange(w)[None] + ((draws[2] * (2 * reach_x + 1)).long() - reach_x)[:, None]  # (B, W)
        x = torch.where(flipped[:, None], x.flip(1), x)
        inside = ((y >= 0) & (y < h))[:, :, None] & ((x >= 0) & (x < w))[:, None, :]  # (B, H, W)
        place = [t.to(self.pixels.device) for t in (rows, y.clamp(0, h - 1), x.clamp(0, w - 1))]
        images = self.pixels[place[0][:, None, None], place[1][:, :, None], place[2][:, None, :]]  # (B, H, W, 3)
        images = images * inside[..., None].to(images.device)  # outside the image is black, as padding with 0 makes it
        result = self._normalized(images)
        if p.rotation > 0:
            result = _rotate(result, ((draws[3] * 2 - 1) * math.radians(p.rotation)).to(self.device))
        return result

    def _normalized(self, images: Tensor) -> Tensor:
        x = images.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # channels-last memory: the packed layout as it is
        return torch.addcmul(self._shift, x.float(), self._scale)

    # ---- walking

    def walk(self, ids: np.ndarray, batch_size: int = 512, augmented: bool = False) -> Iterator[tuple[np.ndarray, Tensor]]:
        """(ids, images) in order, without augmentation; every id exactly once, the last batch smaller."""
        for start in range(0, len(ids), batch_size):
            part = ids[start : start + batch_size]
            rows = torch.from_numpy(self.pool.rows_of(part)).to(self.pixels.device)
            yield part, self._normalized(self.pixels[rows])

    # ---- exact resume

    def state(self) -> dict[str, Any]:
        """Where every stream stands, as tensors."""
        return {
            "streams": {name: stream.state() for name, stream in self._streams.items()},
            "noise": {name: noise.get_state() for name, noise in self._noise.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue as if the draws before `state` had been made here."""
        for name, stream in self._streams.items():
            stream.restore(state["streams"][name])
        for name, noise in self._noise.items():
            noise.set_state(state["noise"][name])


def _rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Each image turned by its angle in radians about its center, bilinear, 0 (mid grey) outside."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrix = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)  # (B, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
