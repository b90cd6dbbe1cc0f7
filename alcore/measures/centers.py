"""Greedy k-center (the farthest point first), exact and fast. Knows arrays only.

Distances are float64 and come from differences, never from |a|^2 + |b|^2 - 2ab: that cancels, and gives a center's duplicates a distance.
The products are used all the same, as a filter: a bound on their rounding says which pairs may matter, and only those are computed exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alcore.progress import Progress, Report, ignore_progress

ROWS, COLUMNS = 1024, 2048  # of a block of products: 8 MB in float32, so that the passes over it stay in the cache
PAIRS = 4096  # exact distances at a time
REPORT_EVERY = 50  # picks


def nearest(points: np.ndarray, centers: np.ndarray, *, device: torch.device | None = None, report: Report = ignore_progress) -> np.ndarray:
    """Distance of each point to its nearest center: (N, d), (M, d) -> (N,) float64; a duplicate of a center has exactly 0."""
    if device is not None and device.type != "cpu":
        result: np.ndarray = np.sqrt(_nearest_on(_put(points, device), _put(centers, device), report).cpu().numpy())
        return result
    far = np.full(len(points), np.inf)
    filter = _Filter(centers.mean(0))
    right = filter(centers)
    for start in range(0, len(points), ROWS):
        rows = slice(start, start + ROWS)
        left = filter(points[rows])
        for first in range(0, len(centers), COLUMNS):
            columns = slice(first, first + COLUMNS)
            far[rows] = _closer(far[rows], points[rows], left, centers[columns], right[columns], filter)
        report(Progress("choosing", min(start + ROWS, len(points)), len(points)))
    return far


def k_center(
    points: np.ndarray,
    centers: np.ndarray | None,
    n: int,
    ids: np.ndarray,
    *,
    covered: np.ndarray | None = None,
    device: torch.device | None = None,
    report: Report = ignore_progress,
) -> np.ndarray:
    """Greedy k-center (Sener & Savarese 2018, Algorithm 1): each pick is the point farthest from all centers and earlier picks.

    The picks are those of the plain loop in float64; see `_Lazy` for how most of its work is left out.

    Args:
        points: (N, d) float32 candidates.
        centers: (M, d) float32 that are covered already, or None; without any, the first pick is the point nearest to the mean.
        n: how many; all N when there are fewer.
        ids: (N,); among equally far points the smallest id wins.
        covered: (N,) what `nearest(points, centers)` gave, if it is known already.
        device: where to compute; None is the CPU.
        report: told every REPORT_EVERY picks; what it raises goes through.

    Returns:
        (n,) int64 positions in `points`, in the order picked, none twice.
    """
    n = min(n, len(points))
    if n == 0:
        return np.empty(0, np.int64)
    if covered is None and centers is not None and len(centers):
        covered = nearest(points, centers, device=device, report=report)
    order = np.argsort(ids, kind="stable")
    if device is not None and device.type != "cpu":
        return _on(device, points, covered, n, order, report)
    return _on_cpu(points, covered, n, order, report)


# ---- the filter


@dataclass
class _Half:
    """One side of the products: points about a common shift (N, d) in float32, and |.|^2 (N,)."""

    x: np.ndarray
    square: np.ndarray

    def __getitem__(self, which: slice | np.ndarray) -> _Half:
        return _Half(self.x[which], self.square[which])


class _Filter:
    """Lower bounds of distances from float32 products.

    Attributes:
        shift: (d,) taken from all points: lengths about the mean are smaller, and with them the rounding.
        off: no squared distance from these products is off by more than off (|a|^2 + |b|^2).
    """

    def __init__(self, shift: np.ndarray) -> None:
        self.shift, self.off = shift, _rounding(len(shift))

    def __call__(self, points: np.ndarray) -> _Half:
        x = points - self.shift
        return _Half(x, np.einsum("ij,ij->i", x, x))

    def low(self, left: _Half, right: _Half) -> np.ndarray:
        """(N, M): with (1 - off) |a|^2 added, at most |a - b|^2."""
        products: np.ndarray = (-2 * left.x) @ right.x.T
        products += (1 - self.off) * right.square
        return products


def _rounding(d: int, unit: float = 2.0**-24) -> float:
    """c such that |a - b|^2 from products is off by at most c (|a|^2 + |b|^2); `unit` is half the distance from 1 to the next number.

    A sum of d products is off by at most d unit |a||b| <= d unit (|a|^2 + |b|^2) / 2, and counts twice; the shift, the squared lengths and
    the last additions make the rest.
    """
    return (d + 32) * unit


def _exact(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances of rows (n, d) to rows (n, d) or to one (d,): differences, squares and sums in float64."""
    difference = a.astype(np.float64)
    difference -= b
    np.square(difference, out=difference)
    result: np.ndarray = np.sqrt(difference.sum(1))
    return result


def _closer(far: np.ndarray, points: np.ndarray, left: _Half, centers: np.ndarray, right: _Half, filter: _Filter) -> np.ndarray:
    """min(far, distance to the nearest of `centers`), exactly; (N,) upper bounds -> (N,)."""
    low = filter.low(left, right)
    far, size = far.copy(), (1 - filter.off) * left.square
    best = low.argmin(1)
    hit = np.flatnonzero((low[np.arange(len(low)), best] <= far * far - size) & (far > 0))
    _compare(far, points, hit, centers, best[hit])
    low[hit, best[hit]] = np.inf
    limit = np.where(far > 0, far * far - size, -np.inf)[:, None].astype(np.float32)
    i, j = np.divmod(np.flatnonzero(low <= limit), low.shape[1])
    _compare(far, points, i, centers, j)
    return far


def _compare(far: np.ndarray, points: np.ndarray, i: np.ndarray, centers: np.ndarray, j: np.ndarray) -> None:
    """far[i] = min(far[i], |points[i] - centers[j]|), in place."""
    for start in range(0, len(i), PAIRS):
        some = slice(start, start + PAIRS)
        np.minimum.at(far, i[some], _exact(points[i[some]], centers[j[some]]))


# ---- on the CPU: most distances are left as upper bounds


EAGER = 1024  # points kept up to date with every pick, in a block that stays in the cache
BATCH = 512  # points brought up to date at a time
TAKEN = -1.0  # the distance of what was picked


class _Lazy:
    """The plain loop, with distances brought up to date only where they could be the largest.

    A distance only ever falls, so one not yet compared with the latest picks is an upper bound: when even that is below an up-to-date one,
    the point cannot be the next pick. Points that come to the top are compared with all the picks they have missed in one product, which
    is several times faster than a product with each pick alone; after that they are kept up to date for as long as they stay near the top.

    Attributes:
        far: (N,) float64; exact when up to date, else an upper bound; TAKEN for picks.
        seen: (N,) with how many picks the distance has been compared; counts only for points that are not `eager`.
        eager: (N,) whether the point is one of `kept`.
        kept: (k,) the points compared with each pick at once; `block` has their rows of the filter, without gaps.
    """

    def __init__(self, points: np.ndarray, far: np.ndarray, filter: _Filter, n: int) -> None:
        self.points, self.far, self.filter, self.half = points, far, filter, filter(points)
        self.seen = np.zeros(len(points), np.int64)
        self.eager = np.zeros(len(points), bool)
        self.picks = np.empty(n, np.int64)
        self.picked = self.half[np.zeros(n, np.int64)]  # the picks' rows, filled as they come
        self.done = 0
        self.kept = np.empty(0, np.int64)
        self.block = self.half[self.kept]

    def top(self) -> np.ndarray:
        """The points of the largest distance, each of them up to date."""
        batch = BATCH
        while True:
            top = np.flatnonzero(self.far == self.far.max())
            if not (~self.eager[top] & (self.seen[top] < self.done)).any():
                return top
            self._refresh(batch)
            batch *= 2  # one pick changed much: larger products, fewer of them

    def take(self, pick: int) -> None:
        """Makes a point the next pick."""
        center, at = self.half[pick : pick + 1], self.done
        self.picks[at] = pick
        self.picked.x[at], self.picked.square[at] = center.x[0], center.square[0]
        self.done += 1
        self.far[pick] = TAKEN
        far = self.far[self.kept]
        # not `@`: on a busy machine, thousands of products this small wait longer for the BLAS's other threads than they take
        low = np.einsum("ij,j->i", self.block.x, -2 * center.x[0]) + (1 - self.filter.off) * (self.block.square + center.square)
        hit = np.flatnonzero((low <= far * far) & (far > 0))
        rows = self.kept[hit]
        self.far[rows] = np.minimum(far[hit], _exact(self.points[rows], self.points[pick]))

    def _refresh(self, batch: int) -> None:
        """Brings the `batch` points of the largest bounds up to date and keeps them so."""
        bounds = np.where(self.eager | (self.seen == self.done), TAKEN, self.far)
        rows = np.argpartition(bounds, -batch)[-batch:] if batch < len(bounds) else np.arange(len(bounds))
        rows = rows[bounds[rows] >= 0]
        rows = rows[np.argsort(self.seen[rows], kind="stable")]  # those that missed the same picks together
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            missed = slice(self.seen[some[0]], self.done)
            centers = self.points[self.picks[missed]]
            self.far[some] = _closer(self.far[some], self.points[some], self.half[some], centers, self.picked[missed], self.filter)
        self._keep(np.concatenate([self.kept, rows]))

    def _keep(self, rows: np.ndarray) -> None:
        """Keeps these points up to date from now on; of more than EAGER the farther half of EAGER."""
        if len(rows) > EAGER:
            high = np.argpartition(self.far[rows], -EAGER // 2)[-EAGER // 2 :]
            self.seen[rows] = self.done
            rows = rows[high]
        self.eager[:] = False
        self.eager[rows] = True
        self.kept, self.block = rows, self.half[rows]


def _on_cpu(points: np.ndarray, covered: np.ndarray | None, n: int, order: np.ndarray, report: Report) -> np.ndarray:
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    mean = _mean(points, order)
    far = np.full(len(points), np.inf) if covered is None else covered.astype(np.float64)
    state = _Lazy(points, far, _Filter(mean.astype(np.float32)), n)
    if covered is None:
        first, state.far = _from_the_mean(points, mean, state, order)
        state.take(first)
    while state.done < n:
        top = state.top()
        state.take(int(top[rank[top].argmin()]))
        if state.done % REPORT_EVERY == 0 or state.done == n:
            report(Progress("choosing", state.done, n))
    return state.picks


def _mean(points: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(d,) float64, added up in the order of the ids, so that the order of the pool moves no last bit."""
    total = np.zeros(points.shape[1])
    for start in range(0, len(order), ROWS):
        total += points[order[start : start + ROWS]].sum(0, dtype=np.float64)
    return total / len(points)


def _from_the_mean(points: np.ndarray, mean: np.ndarray, state: _Lazy, order: np.ndarray) -> tuple[int, np.ndarray]:
    """The point nearest to the mean, by id among equals, and (N,) upper bounds of the distances to it: by way of the mean."""
    length = np.sqrt(state.half.square, dtype=np.float64)
    slack = state.filter.off * length + 2.0**-24 * np.linalg.norm(mean)  # the filter's shift is the mean rounded to float32
    near = order[(length - slack <= (length + slack).min())[order]]
    exact = np.concatenate([_exact(points[near[k : k + PAIRS]], mean) for k in range(0, len(near), PAIRS)])
    first = near[exact.argmin()]
    return int(first), length + slack + length[first] + slack[first]


# ---- on a device: all distances after every pick, in float64, without waiting for it


def _on(device: torch.device, points: np.ndarray, covered: np.ndarray | None, n: int, order: np.ndarray, report: Report) -> np.ndarray:
    """The plain loop, queued on the device: picks stay there, and the host waits only to report.

    Reading the points is what a pick costs, so float64 costs twice the time of float32 and saves every question about near ties.
    """
    x = _put(points[order], device)  # by id, since argmax gives the first of equals
    picks = torch.empty(n, dtype=torch.int64, device=device)
    if covered is None:
        far = torch.full((len(x),), torch.inf, dtype=torch.float64, device=device)
        pick = _differences(x, x.mean(0, keepdim=True)).argmin(0, keepdim=True)
    else:
        far = torch.from_numpy(covered[order]).to(device, torch.float64)
        pick = far.argmax(0, keepdim=True)
    for done in range(n):
        picks[done : done + 1] = pick
        torch.minimum(far, _differences(x, x[pick]), out=far)
        far.index_fill_(0, pick, TAKEN)
        pick = far.argmax(0, keepdim=True)
        if (done + 1) % REPORT_EVERY == 0 or done + 1 == n:
            if x.is_cuda:
                torch.cuda.synchronize(device)  # or the host runs ahead, and a cancelled job goes on
            report(Progress("choosing", done + 1, n))
    result: np.ndarray = order[picks.cpu().numpy()]
    return result


def _put(points: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(points)).to(device).double()


def _differences(x: Tensor, center: Tensor) -> Tensor:
    """(N, d), (1, d) -> (N,) distances from differences; nothing of size (N, d) is made."""
    return torch.cdist(x, center, compute_mode="donot_use_mm_for_euclid_dist")[:, 0]


def _nearest_on(x: Tensor, centers: Tensor, report: Report) -> Tensor:
    """(N,) squared distances of `nearest` on a device: the filter of the CPU in float64, so that only real ties are computed twice.

    The root is numpy's: that of torch on a CPU is off by a last bit on some machines, and ties with later distances would break.
    """
    shift = centers.mean(0)
    right = centers - shift
    square = right.square().sum(1)
    off = _rounding(x.shape[1], 2.0**-53)
    parts = []
    for block in x.split(ROWS):
        left = block - shift
        size = left.square().sum(1, keepdim=True)
        near = (size + square).addmm(left, right.T, alpha=-2)  # (ROWS, M)
        slack = off * (size + square)
        i, j = torch.nonzero(near - slack <= (near + slack).amin(1, keepdim=True), as_tuple=True)
        exact = torch.cat([(block[a] - centers[b]).square().sum(1) for a, b in zip(i.split(PAIRS), j.split(PAIRS), strict=True)])
        parts.append(torch.full_like(block[:, 0], torch.inf).scatter_reduce(0, i, exact, "amin"))
        report(Progress("choosing", sum(map(len, parts)), len(x)))
    return torch.cat(parts)
