"""Regions of pictures: a score's mean over each, which of them are still open, and which are asked first. Knows masks and numpy only."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from alcore.pixels.masks import regions_of

AHEAD = 8  # pictures waiting for each thread; more would only take memory


class Regions:
    """The open regions of many pictures, cut on threads while the next pictures are scored.

    Args:
        kind: "tiles" or "superpixels", about `count` to a picture.
        asked: id -> bool (S, S), what was asked of it; a region with more than half of its pixels there is not open.
    """

    def __init__(self, kind: str, count: int, asked: Mapping[int, np.ndarray]) -> None:
        self.kind, self.count, self.asked = kind, count, asked
        self.found: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # id -> numbers (k,) and values (k,)
        self._waiting: deque[tuple[int, Future[tuple[np.ndarray, np.ndarray]]]] = deque()
        self._workers = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="regions")

    def add(self, ids: Sequence[int], pictures: np.ndarray, heat: np.ndarray) -> None:
        """Takes a batch: pictures (b, S, S, 3) uint8 and a score at each of their pixels (b, S, S)."""
        for i, picture, values in zip(ids, pictures, heat, strict=True):
            self._waiting.append((i, self._threads.submit(self._look, i, picture, values)))
        self._collect(AHEAD * self._workers)

    def close(self) -> None:
        """Waits for all that were added; `found` is whole then."""
        self._collect(0)
        self._threads.shutdown()

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """(S, S) int32 numbers of the picture's regions; the same picture gives the same ones."""
        return regions_of(picture, self.kind, self.count)

    def _look(self, i: int, picture: np.ndarray, heat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        regions = self.cut(picture)
        numbers = open_regions(regions, self.asked.get(i))
        return numbers, means(regions, heat)[numbers]

    def _collect(self, left: int) -> None:
        while len(self._waiting) > left:
            i, looked = self._waiting.popleft()
            self.found[i] = looked.result()


def means(regions: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(m,) mean of `heat` (S, S) over each region of `regions` (S, S), numbered 0 ... m - 1."""
    flat = regions.ravel()
    return np.bincount(flat, heat.ravel().astype(np.float64)) / np.bincount(flat)


def open_regions(regions: np.ndarray, asked: np.ndarray | None) -> np.ndarray:
    """Numbers of the regions of which at most half of the pixels were asked."""
    sizes = np.bincount(regions.ravel())
    if asked is None:
        return np.arange(len(sizes))
    return np.flatnonzero(2 * np.bincount(regions.ravel(), asked.ravel()) <= sizes)


def first_regions(total: np.ndarray, ids: np.ndarray, numbers: np.ndarray, n: int) -> np.ndarray:
    """Positions of the `n` regions of highest total (r,), best first; ties by the image's id, then by number."""
    return np.lexsort((numbers, ids, -total))[:n]
