"""Many points sorted into cells, so that near ones are looked for in a few cells instead of everywhere: nearly all are found, in a time
that grows with the points and not with their pairs. Knows arrays, no image and no project."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

SIZE = 256  # points of a cell, about
PROBED = 4  # cells that a point is looked for in: those whose middles are nearest to it
PART = 2**17  # points whose neighbors are looked for at a time
ROWS = 8192  # points whose cells are looked for at a time
GROUP = 32  # columns whose least distance is looked at first
STEPS = 2  # of k-means, on a sample, that even the cells out
SAMPLED = 32  # points of the sample for each cell


class Cells:
    """Cells of some points: each belongs to the one whose middle is nearest. The same points and seed give the same cells.

    Args:
        points: (n, d) float32, n >= 1.
        size: points of a cell, about.
    """

    def __init__(self, points: np.ndarray, size: int = SIZE, seed: int = 0) -> None:
        n = len(points)
        self.count = max(1, round(n / size))
        rng = np.random.default_rng(seed)
        sample = torch.from_numpy(points[np.sort(rng.permutation(n)[: SAMPLED * self.count])])
        self._middles = sample[torch.from_numpy(np.sort(rng.permutation(len(sample))[: self.count]))].clone()
        for _ in range(STEPS):
            found = torch.from_numpy(self.of(sample.numpy(), 1)[:, 0])
            sums = torch.zeros_like(self._middles).index_add_(0, found, sample)
            counts = torch.bincount(found, minlength=self.count)[:, None]
            self._middles = torch.where(counts > 0, sums / counts.clamp_min(1), self._middles)

    def of(self, points: np.ndarray, k: int = PROBED, looked: Callable[[int], None] = lambda done: None) -> np.ndarray:
        """(m, min(k, count)) int64: the cells whose middles are nearest to these points, the nearest first.

        Args:
            looked: told how many points have been looked at; may raise to stop.
        """
        k = min(k, self.count)
        columns = -(-self.count // GROUP) * GROUP
        padded = torch.zeros((columns, self._middles.shape[1]))
        padded[: self.count] = self._middles
        squares = torch.full((columns,), torch.inf)  # the columns that fill up the last group are never near
        squares[: self.count] = self._middles.square().sum(1)
        result = np.empty((len(points), k), np.int64)
        for start in range(0, len(points), ROWS):
            part = torch.from_numpy(np.ascontiguousarray(points[start : start + ROWS]))
            far = torch.addmm(squares, part, padded.T, alpha=-2)
            at = least(far, k)
            order = far.gather(1, at).argsort(dim=1, stable=True)
            result[start : start + ROWS] = at.gather(1, order).numpy()
            looked(start + len(part))
        return result


def least(values: torch.Tensor, k: int) -> torch.Tensor:
    """Columns of the k least values of each row, in any order. They lie in the k groups of GROUP columns whose least values are least: most
    columns are read only once.

    Args:
        values: (m, c), c a multiple of GROUP.
    """
    grouped = values.view(len(values), -1, GROUP)
    if grouped.shape[1] <= k:
        return values.topk(k, dim=1, largest=False).indices
    chosen = grouped.amin(dim=2).topk(k, dim=1, largest=False).indices  # (rows, k)
    columns = (chosen[:, :, None] * GROUP + torch.arange(GROUP, device=values.device)).flatten(1)  # (rows, k * GROUP)
    return columns.gather(1, values.gather(1, columns).topk(k, dim=1, largest=False).indices)


def members(cells: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """For each of `count` cells the flat places in `cells` (any shape) that name it, ascending."""
    flat = cells.ravel()
    order = np.argsort(flat, kind="stable")
    yield from np.split(order, np.searchsorted(flat[order], np.arange(1, count)))


def nearest_in(
    points: np.ndarray, known: np.ndarray, asked: np.ndarray, k: int, *, size: int = 128, looked: Callable[[int], None] = lambda done: None
) -> np.ndarray:
    """(m, k) places in `known`: those whose points are nearest to each that is asked for, among those in the cells nearest to it, the
    nearest first. Where these cells hold fewer than k, the last one found stands for those that are missing; without any, the first of
    all does.

    Args:
        points: (n, d) float32; known, asked: (c,) and (m,) rows of it; of the latter a part is copied at a time.
        size: known points of a cell, about.
        looked: told how many have been looked for; may raise to stop.
    """
    base = points[known]
    cells = Cells(base, size)
    inside = list(members(cells.of(base, 1), cells.count))
    squares = np.einsum("ij,ij->i", base, base)
    result = np.empty((len(asked), k), np.int64)
    for start in range(0, len(asked), PART):
        query = points[asked[start : start + PART]]
        result[start : start + PART] = _nearest_of(query, cells, base, squares, inside, k)
        looked(start + len(query))
    return result


def _nearest_of(query: np.ndarray, cells: Cells, base: np.ndarray, squares: np.ndarray, inside: list[np.ndarray], k: int) -> np.ndarray:
    asked = cells.of(query)
    m, probed = asked.shape
    far, found = np.full((m, probed, k), np.inf, np.float32), np.full((m, probed, k), -1, np.int64)
    for rows, places in zip(inside, members(asked, cells.count), strict=True):
        near = min(k, len(rows))
        if not near:
            continue
        for start in range(0, len(places), ROWS):
            some, slot = np.divmod(places[start : start + ROWS], probed)
            apart = squares[rows] - 2 * (query[some] @ base[rows].T)
            first = np.argpartition(apart, near - 1, axis=1)[:, :near]
            far[some, slot, :near], found[some, slot, :near] = np.take_along_axis(apart, first, 1), rows[first]
    order = np.argsort(far.reshape(m, -1), axis=1, kind="stable")[:, :k]
    result: np.ndarray = np.take_along_axis(found.reshape(m, -1), order, 1)
    for at in range(1, k):
        result[:, at] = np.where(result[:, at] < 0, result[:, at - 1], result[:, at])
    result[result < 0] = 0
    return result
