"""Draws of vectors: what frozen networks made of the images, instead of the images. Knows no network, no strategy and no store."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from alcore.params import TrainParams
from alcore.training.draws import PoolDraws
from alcore.training.pool import Pool

WALKED = 4096  # vectors at a time: 20 MB of 1,280 numbers


class VectorDraws(PoolDraws):
    """Draws of vectors, each scaled to length 1; there is nothing to augment.

    Args:
        vectors: (N, d) float16 or float32, perhaps memory-mapped; `pool.rows` point into it. They move to a GPU when they take less than
            half of what is free; elsewhere no more than the labeled ones and a batch are held as float32.
    """

    def __init__(self, vectors: np.ndarray, pool: Pool, params: TrainParams, device: torch.device, seed: int) -> None:
        super().__init__(pool, params, device, seed)
        self.shape, self.walk_size = (vectors.shape[1],), WALKED
        self._vectors = torch.from_numpy(vectors)
        if device.type == "cuda" and vectors.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
            self._vectors = self._vectors.to(device)
        self._labeled = self._at(self._rows["labeled"])

    def labeled(self) -> tuple[Tensor, Tensor]:
        at = self._streams["labeled"].take(self.params.batch_size)[self._share]
        return self._labeled[at.to(self.device)], self._targets[at].to(self.device).long()

    def unlabeled(self) -> Tensor:
        name = self._source("unlabeled")
        at = self._streams[name].take(self.params.batch_size)[self._share]
        return self._at(self._rows[name][at])

    def walk(self, ids: np.ndarray, batch_size: int = 0, augmented: bool = False) -> Iterator[tuple[np.ndarray, Tensor]]:
        batch_size, rows = batch_size or self.walk_size, torch.from_numpy(self.pool.rows_of(ids))
        for start in range(0, len(ids), batch_size):
            part = slice(start, start + batch_size)
            yield ids[part], self._at(rows[part])

    def _at(self, rows: Tensor) -> Tensor:
        """(b, d) float32 of these rows, of length 1, on the device."""
        found = self._vectors[rows.to(self._vectors.device)].to(self.device).float()
        return torch.nn.functional.normalize(found, dim=1)
