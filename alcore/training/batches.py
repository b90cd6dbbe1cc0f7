"""Batches: endless draws of labeled and unlabeled images, from a packed array or fetched ahead. Knows no strategy and no store."""

from __future__ import annotations

import dataclasses
import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from alcore.nets.backbones import normalization
from alcore.params import TrainParams
from alcore.progress import Progress, Report
from alcore.training.draws import PoolDraws
from alcore.training.pool import Pool
from alcore.types import VOID

AHEAD = 2  # batches under way beside the one handed out
PIECE = 8  # images a thread fetches at a time
WALKED = {"cpu": 1 << 18, "cuda": 1 << 22}  # pixels at a time when maps of them are walked: what stays in cache, what keeps a GPU busy


class Source(Protocol):
    """Images that are fetched when they are asked for: an array of which no more than the rows asked for need be in memory."""

    shape: tuple[int, int, int, int]

    def __len__(self) -> int: ...

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """(b, H, W, 3) uint8 of these rows, in this order. May be called from many threads at once."""

    def __getitem__(self, positions: np.ndarray) -> np.ndarray:
        """The same, with all the threads there are."""


Pixels = np.ndarray | Source


class _Large:
    """A packed array that the device has no room for, as a source."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.shape, self._pixels = pixels.shape, pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        result: np.ndarray = self._pixels[positions]
        return result

    __getitem__ = rows


class _Fetched:
    """A batch under way: threads fill `images`."""

    def __init__(self, images: Tensor, pieces: list[Future[None]]) -> None:
        self._images, self._pieces = images, pieces

    def images(self) -> Tensor:
        """(B, H, W, 3) uint8 on the host, once they are there."""
        for piece in self._pieces:
            piece.result()
        return self._images


class _Fetcher:
    """Fetches batches of a source on threads, into memory that a GPU can copy from while it computes."""

    def __init__(self, source: Source, pinned: bool) -> None:
        self.source, self.pinned = source, pinned
        self.threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="fetch")

    def begin(self, rows: np.ndarray) -> _Fetched:
        images = torch.empty((len(rows), *self.source.shape[1:]), dtype=torch.uint8, pin_memory=self.pinned)
        parts = [slice(start, start + PIECE) for start in range(0, len(rows), PIECE)]
        return _Fetched(images, [self.threads.submit(_fill, images.numpy()[part], self.source, rows[part]) for part in parts])


def _fill(images: np.ndarray, source: Source, rows: np.ndarray) -> None:
    images[...] = source.rows(rows)


def telling(pixels: Pixels, report: Report) -> Report:
    """`report`, with a sentence about images that could not be read: at the first, and again each time there are ten times as many."""
    complaint = getattr(pixels, "complaint", None)
    if complaint is None:
        return report
    next_count = 1

    def tell(progress: Progress) -> None:
        nonlocal next_count
        count, sentence = complaint()
        if count >= next_count:
            next_count = 10 * count
            progress = dataclasses.replace(progress, message=f"{progress.message} {sentence}".strip())
        report(progress)

    return tell


class Batches(PoolDraws):
    """Draws of pictures, augmented. What is not in the device's memory is fetched two batches ahead; that changes no draw.

    Args:
        pixels: (N, H, W, 3) uint8, the packed images, or a source of them; `pool.rows` point into it.
        pool: ids and targets of the round.
        params: batch size and augmentation.
        device: where batches are made; the array moves there when it takes less than half of what is free.
        seed: of order and augmentation.
        dense: (M, H, W) uint8 masks, which the pool's targets are rows of; None when they are class indices. VOID is no class.
        asked: id -> bool (H, W), what a query of regions has asked of an image already.
    """

    def __init__(
        self,
        pixels: Pixels,
        pool: Pool,
        params: TrainParams,
        device: torch.device,
        seed: int,
        *,
        dense: np.ndarray | None = None,
        asked: Mapping[int, np.ndarray] | None = None,
    ) -> None:
        super().__init__(pool, params, device, seed)
        self.asked, self.shape = asked or {}, (3, *pixels.shape[1:3])
        self.pixels: Tensor | Source
        self._fetcher: _Fetcher | None = None
        if not isinstance(pixels, np.ndarray):
            self.pixels = pixels
        elif device.type == "cuda" and pixels.nbytes >= torch.cuda.mem_get_info(device)[0] // 2:
            self.pixels = _Large(pixels)
        else:
            self.pixels = torch.from_numpy(pixels).to(device)
        if not isinstance(self.pixels, Tensor):
            self._fetcher = _Fetcher(self.pixels, device.type == "cuda")
        self._masks = None if dense is None else torch.from_numpy(dense)  # (M, H, W)
        if dense is not None and dense.shape[1:] != pixels.shape[1:3]:
            raise ValueError(f"masks of {dense.shape[1:]} beside images of {pixels.shape[1:3]}")
        if self._masks is not None and device.type == "cuda" and self._masks.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
            self._masks = self._masks.to(device)
        self._ahead: dict[str, deque[_Fetched]] = {name: deque() for name in self._rows}
        mean, std = normalization(params.architecture, params.weights, params.normalization)
        self._scale = (1 / (255 * torch.tensor(std))).view(3, 1, 1).to(device)
        self._shift = (-torch.tensor(mean) / torch.tensor(std)).view(3, 1, 1).to(device)
        self.walk_size = 512
        if dense is not None:
            self.walk_size = max(1, min(512, WALKED[device.type] // (pixels.shape[1] * pixels.shape[2])))

    # ---- training draws

    def labeled(self) -> tuple[Tensor, Tensor]:
        """An augmented labeled batch: images (B, 3, H, W) float32 channels-last, targets (B,) or masks (B, H, W), int64."""
        at, images = self._next("labeled")
        return self._augmented(images, self._rows["labeled"][at], self._drawn("labeled"), self._targets[at])

    def unlabeled(self) -> Tensor:
        """An augmented unlabeled batch (B, 3, H, W); the labeled images' batch when nothing is unlabeled any more."""
        name = self._source("unlabeled")
        at, images = self._next(name)
        return self._augmented(images, self._rows[name][at], self._drawn("unlabeled"))[0]

    def target(self, values: np.ndarray) -> Tensor:
        """What these targets of the pool are, on the device: class indices (b,) or masks (b, H, W), int64."""
        at = torch.from_numpy(values)
        return (at if self._masks is None else self._masks[at.to(self._masks.device)]).to(self.device).long()

    def _next(self, name: str) -> tuple[Tensor, Tensor | None]:
        """Positions of the stream's next batch, and its images where they are not in the device's memory anyway."""
        stream, count = self._streams[name], self.params.batch_size
        if self._fetcher is None:
            return stream.take(count)[self._share], None
        ahead = self._ahead[name]
        while len(ahead) <= AHEAD:
            coming = stream.peek(len(ahead) * count, count)[self._share]
            ahead.append(self._fetcher.begin(self._rows[name][coming].numpy()))
        return stream.take(count)[self._share], ahead.popleft().images()

    def _augmented(self, images: Tensor | None, rows: Tensor, draws: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`draws` (4, B) turned into a flip, a shift and an angle each. `images` (B, H, W, 3) are those of `rows`, None when resident."""
        p = self.params
        h, w = self.pixels.shape[1:3]
        reach_y, reach_x = round(p.crop * h), round(p.crop * w)
        turned = (draws[3] * 2 - 1) * math.radians(p.rotation)
        plan = [
            rows if images is None else torch.arange(len(rows)),
            torch.zeros_like(rows) if targets is None else targets,
            ((draws[0] < 0.5) & p.flip).long(),
            (draws[1] * (2 * reach_y + 1)).long() - reach_y,
            (draws[2] * (2 * reach_x + 1)).long() - reach_x,
            turned.view(torch.int32).long(),
        ]
        at, target, flipped, dy, dx, angle_bits = self._sent(torch.stack(plan)).unbind()  # one transfer a batch
        y = torch.arange(h, device=self.device)[None] + dy[:, None]  # (B, H)
        x = torch.arange(w, device=self.device)[None] + dx[:, None]  # (B, W)
        x = torch.where(flipped[:, None].bool(), x.flip(1), x)
        inside = ((y >= 0) & (y < h))[:, :, None] & ((x >= 0) & (x < w))[:, None, :]  # (B, H, W)
        place = at[:, None, None], y.clamp(0, h - 1)[:, :, None], x.clamp(0, w - 1)[:, None, :]
        moved = self._on_device(images)[place] * inside[..., None]  # outside the image is black, as padding with 0 makes it
        result = self._normalized(moved)
        angles = angle_bits.int().view(torch.float32)
        if p.rotation > 0:
            result = _rotate(result, angles)
        if self._masks is None or targets is None:
            return result, target
        here = self._masks.device.type == self.device.type
        masks = self._masks if here else self._sent(self._masks[targets])
        row = target if here else torch.arange(len(masks), device=self.device)
        shown = torch.where(inside, masks[row[:, None, None], *place[1:]].long(), VOID)  # (B, H, W)
        return result, _rotate_masks(shown, angles) if p.rotation > 0 else shown

    def _on_device(self, images: Tensor | None) -> Tensor:
        """Fetched images, on their way; or all that are resident."""
        return cast(Tensor, self.pixels) if images is None else images.to(self.device, non_blocking=True)

    def _sent(self, numbers: Tensor) -> Tensor:
        """The same on the device, without waiting for it."""
        return numbers.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else numbers

    def _normalized(self, images: Tensor) -> Tensor:
        x = images.permute(0, 3, 1, 2)  # channels-last memory: the packed layout as it is
        return torch.addcmul(self._shift, x.float(), self._scale)

    # ---- walking

    def pictures(self, x: Tensor) -> np.ndarray:
        """The images (b, H, W, 3) uint8 that were walked as `x`."""
        return ((x - self._shift) / self._scale).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def walk(self, ids: np.ndarray, batch_size: int = 0, augmented: bool = False) -> Iterator[tuple[np.ndarray, Tensor]]:
        """(ids, images) in order; every id exactly once, the last batch smaller.

        Args:
            batch_size: images at a time; 0 is `walk_size`.
            augmented: as training draws are. An image's flip and shift follow from the seed and its id: each walk of this round shows it
                alike, whatever else is walked and in whatever order.
        """
        batch_size = batch_size or self.walk_size
        rows = torch.from_numpy(self.pool.rows_of(ids))
        draws = torch.empty(0)
        if augmented:
            drawn = torch.rand((4, len(self.pool.ids)), generator=torch.Generator().manual_seed(self._walk_seed))
            draws = drawn[:, torch.from_numpy(np.searchsorted(self.pool.ids, ids))]
        resident = self._sent(rows) if self._fetcher is None and not augmented and len(rows) else rows
        parts = [slice(start, start + batch_size) for start in range(0, len(ids), batch_size)]
        ahead: deque[_Fetched] = deque()
        for number, part in enumerate(parts):
            images = None
            if self._fetcher:
                ahead.extend(
                    self._fetcher.begin(rows[parts[k]].numpy()) for k in range(number + len(ahead), min(number + AHEAD + 1, len(parts)))
                )
                images = ahead.popleft().images()
            if augmented:
                yield ids[part], self._augmented(images, rows[part], draws[:, part])[0]
            else:
                shown = self._on_device(images)
                yield ids[part], self._normalized(shown[resident[part]] if images is None else shown)

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        for ahead in self._ahead.values():
            ahead.clear()


def _rotate(images: Tensor, angles: Tensor, mode: str = "bilinear") -> Tensor:
    """Each image turned by its angle in radians about its center, 0 (mid grey) outside."""
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrix = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)  # (B, 2, 3)
    with torch.autocast(images.device.type, enabled=False):  # draws are made inside autocast; places in bf16 are off by up to a pixel
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        # grid_sample forgets channels-last: the first layer would convert, and a backbone compiled for such images compile once more
        return F.grid_sample(images, grid, mode, align_corners=False).contiguous(memory_format=torch.channels_last)


def _rotate_masks(masks: Tensor, angles: Tensor) -> Tensor:
    """The same for masks (B, H, W), each pixel taking its nearest one's class, VOID outside."""
    return _rotate((masks - VOID)[:, None].float(), angles, "nearest")[:, 0].long() + VOID
