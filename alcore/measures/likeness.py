"""Cosines of many vectors to the middle of a few. Knows numpy and torch alone."""

from __future__ import annotations

import numpy as np
import torch

from alcore.measures.clusters import of_length_one

BLOCK = 16_384  # vectors in memory as float32 at a time


def cosines(vectors: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(n,) float32 cosine of each vector to the mean of the unit vectors of `to`; 0 for a vector of length 0.

    Args:
        vectors: (n, d), memory-mapped if they are many; read in blocks.
        to: (m, d), m >= 1.
    """
    middle = torch.from_numpy(of_length_one(to).mean(0, dtype=np.float64).astype(np.float32))
    middle = middle / max(float(middle.norm()), 1e-12)
    result = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = torch.from_numpy(np.ascontiguousarray(vectors[start : start + BLOCK])).float()
        result[start : start + BLOCK] = (block @ middle / block.norm(dim=1).clamp_min(1e-12)).numpy()
    return result
