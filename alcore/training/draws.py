"""Draws from a pool: who comes when, labeled and unlabeled, and an exact state to go on from. Knows no pixel, no strategy and no store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alcore.nets.crew import crew
from alcore.params import TrainParams
from alcore.training.pool import Pool


class Stream:
    """An endless shuffle of `n` positions: permutations in a row, so a batch is always full and all positions come as often."""

    def __init__(self, n: int, seed: int) -> None:
        self.n = n
        self.generator = torch.Generator().manual_seed(seed)
        self.waiting = torch.empty(0, dtype=torch.long)

    def take(self, count: int) -> Tensor:
        taken = self.peek(0, count)
        self.waiting = self.waiting[count:]
        return taken

    def peek(self, start: int, count: int) -> Tensor:
        """What `take` will give after `start` more. Shuffling early changes no draw: generator and waiting line together are the state."""
        while len(self.waiting) < start + count:
            self.waiting = torch.cat([self.waiting, torch.randperm(self.n, generator=self.generator)])
        return self.waiting[start : start + count]

    def state(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state(), "waiting": self.waiting.clone()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])
        self.waiting = state["waiting"]


class PoolDraws:
    """Endless draws of a round's labeled and unlabeled images, and walks over any of them, whatever an image is made of.

    Labeled and unlabeled draws have a shuffle and a stream of noise each: a strategy that draws no unlabeled images sees the same labeled
    batches as one that does.

    Attributes:
        shape: of one image as networks see it: (3, H, W), or (d,) of a vector.
        asked: id -> bool (H, W), what a query of regions has asked of an image already.
        walk_size: images at a time when walking; halved when the device runs out of memory.
    """

    shape: tuple[int, ...]
    walk_size: int

    def __init__(self, pool: Pool, params: TrainParams, device: torch.device, seed: int) -> None:
        self.pool, self.params, self.device = pool, params, device
        self.asked: Mapping[int, np.ndarray] = {}
        self._share = crew().share(params.batch_size)  # of each batch: all are drawn, whoever works on them
        self._rows = {"labeled": torch.from_numpy(pool.rows_of(pool.labeled)), "unlabeled": torch.from_numpy(pool.rows_of(pool.unlabeled))}
        self._targets = torch.from_numpy(pool.targets)
        *seeds, self._walk_seed = (int(s) for s in np.random.SeedSequence(seed).generate_state(5, np.uint64) >> np.uint64(1))
        self._streams = {name: Stream(len(rows), s) for (name, rows), s in zip(self._rows.items(), seeds[:2], strict=True)}
        self._noise = {name: torch.Generator().manual_seed(s) for name, s in zip(self._rows, seeds[2:], strict=True)}

    @property
    def labeled_count(self) -> int:
        """How many labeled images there are."""
        return len(self.pool.labeled)

    def labeled(self) -> tuple[Tensor, Tensor]:
        """A labeled batch as training sees it: images (B, *shape) float32, targets (B,) or masks (B, H, W), int64."""
        raise NotImplementedError

    def unlabeled(self) -> Tensor:
        """An unlabeled batch (B, *shape); the labeled images' batch when nothing is unlabeled any more."""
        raise NotImplementedError

    def target(self, values: np.ndarray) -> Tensor:
        """What these targets of the pool are, on the device: class indices (b,), or masks (b, H, W), int64."""
        return torch.from_numpy(values).to(self.device).long()

    def walk(self, ids: np.ndarray, batch_size: int = 0, augmented: bool = False) -> Iterator[tuple[np.ndarray, Tensor]]:
        """(ids, images) in order; every id exactly once, the last batch smaller.

        Args:
            batch_size: images at a time; 0 is `walk_size`.
            augmented: as training draws are.
        """
        raise NotImplementedError

    def pictures(self, x: Tensor) -> np.ndarray:
        """The images (b, H, W, 3) uint8 that were walked as `x`."""
        raise NotImplementedError

    def _source(self, name: str) -> str:
        """Where a draw of this name comes from."""
        return name if self._streams[name].n else "labeled"

    def _drawn(self, name: str) -> Tensor:
        """(4, B) in 0...1, all drawn whether used or not, so that switching one augmentation off leaves the others' draws as they are."""
        return torch.rand((4, self.params.batch_size), generator=self._noise[name])[:, self._share]

    # ---- exact resume

    def state(self) -> dict[str, Any]:
        """Where every stream stands, as tensors; what is only fetched ahead has not been drawn."""
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
