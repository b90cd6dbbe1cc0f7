"""k-means++ seeding, also of outer products that are never made, k-means, clusters' middles, and how near points are to their neighbors.

Rows are to be handed over in the order of their ids: then random numbers and ties fall the same way whatever the order of the pool.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from alcore.progress import Progress, Report, ignore_progress

BLOCK = 16 * 2**20  # bytes: the largest matrix of products, which stays in the cache
NOISE = 1e-12  # squared distances below this share of the squared lengths are rounding
NOISE_32 = 1e-6  # the same where distances are computed in float32
REJECTED = 64  # draws that led nowhere, after which all weights are brought up to date
REPORT_EVERY = 50  # picks
ITERATIONS = 50
NARROW = 128  # numbers of a vector that a map looks at, at most
SAMPLE = 8192  # vectors whose principal axes are taken, and that are in memory at a time
ROWS = 1024  # of a block of distances, so that the passes over it stay in the cache


def of_length_one(points: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """(N, d) float32: a copy of the points, or of these rows of them, each of length 1 but for zeros. No second copy is made on the way."""
    result = np.array(points, np.float32) if rows is None else np.take(points, rows, axis=0).astype(np.float32, copy=False)
    result /= np.maximum(np.sqrt(np.einsum("ij,ij->i", result, result)), 1e-12)[:, None]
    return result


class Units:
    """The points of length 1, as `of_length_one` gives them, each made when it is asked for: of a million no copy is ever made.

    Args:
        points: (n, d), perhaps memory-mapped.
        rows: (m,) those that are meant, in that order.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, points: np.ndarray, rows: np.ndarray) -> None:
        self._points, self._rows = points, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, some: np.ndarray | slice) -> np.ndarray:
        return of_length_one(self._points, self._rows[some])


def squared_lengths(
    points: np.ndarray | Units, kind: type[np.floating[Any]] | np.dtype[Any] = np.float64, middle: np.ndarray | None = None
) -> np.ndarray:
    """(N, d) -> (N,) |x - middle|^2, computed in `kind` without a copy of all points in it."""
    result = np.empty(len(points), kind)
    for start in range(0, len(points), ROWS):
        some = _of_kind(points[start : start + ROWS], kind, middle)
        np.einsum("ij,ij->i", some, some, out=result[start : start + ROWS])
    return result


def _of_kind(points: np.ndarray, kind: type[np.floating[Any]] | np.dtype[Any], middle: np.ndarray | None) -> np.ndarray:
    points = points.astype(kind, copy=False)
    return points if middle is None else points - middle


def spread(
    factors: tuple[np.ndarray | Units, ...],
    n: int,
    rng: np.random.Generator,
    report: Report = ignore_progress,
    *,
    importance: np.ndarray | None = None,
    middle: np.ndarray | None = None,
) -> np.ndarray:
    """k-means++ seeding (Arthur & Vassilvitskii 2007) of g_i = u_i (x) v_i (x) ..., the outer products of the factors' rows.

    The first pick has the largest |g|; each other is drawn with probability proportional to D^2, its squared distance to the nearest
    pick. With <g_i, g_j> = <u_i, u_j> <v_i, v_j> ... no g is ever made. What is left when every D is 0 goes by the largest |g|.
    With an importance the first pick is the most important one, each other is drawn in proportion to importance times D^2, and what is
    left goes by importance.

    D^2 only falls, so old values are upper bounds: a row is drawn by its old value and kept with probability new / old, which is the same
    distribution, and one product of matrices brings all values up to date after many picks instead of one of a vector after each.

    Args:
        factors: matrices of N rows each, or what gives some of its rows when it is asked (Units); one of float32 without a middle is
            computed in float32, anything else in float64.
        n: how many; all N when there are fewer.
        importance: (N,) at least 0.
        middle: (d,) taken from each row of the one factor there is, so that lengths are those about it.

    Returns:
        (n,) int64 rows in the order picked, none twice.
    """
    apart = _Apart(factors, n, importance, middle)
    n, rejected = len(apart.picks), 0
    while 0 < apart.done < n:
        if rejected >= REJECTED:
            apart.update_all()
            rejected = 0
        sums = apart.weights.cumsum()
        if sums[-1] <= 0:
            break
        row = int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
        if row == len(sums):  # the product was rounded up to the sum
            continue
        before = apart.weights[row]
        apart.update(np.array([row]))
        if rng.random() * before >= apart.weights[row]:
            rejected += 1
            continue
        apart.take(row)
        if apart.done % REPORT_EVERY == 0:
            report(Progress("choosing", apart.done, n))
    left = apart.order[~np.isin(apart.order, apart.picks[: apart.done])]
    return np.concatenate([apart.picks[: apart.done], left[: n - apart.done]])


class _Apart:
    """The rows' squared distances to the nearest of the picks, starting with the longest, or most important, row.

    Attributes:
        squares: (N,) |g|^2; order: rows, the longest or most important first.
        picks: (n,) rows, of which the first `done` are filled.
        weights: (N,) importance times D^2, or an upper bound; 0 for picks.
        seen: (N,) how many picks the weight has been compared with.
    """

    def __init__(
        self, factors: tuple[np.ndarray | Units, ...], n: int, importance: np.ndarray | None = None, middle: np.ndarray | None = None
    ) -> None:
        precise = len(factors) > 1 or factors[0].dtype != np.float32 or middle is not None
        self.factors, self.middle, self.kind = factors, middle, np.dtype(np.float64 if precise else np.float32)
        self.noise = NOISE if precise else NOISE_32
        self.squares = np.prod([squared_lengths(f, self.kind, middle) for f in factors], axis=0)
        self.importance = np.ones(1) if importance is None else importance
        self.order = np.argsort(-(self.squares if importance is None else importance), kind="stable")
        self.picks = np.empty(min(n, len(self.squares)), np.int64)
        self.weights = np.full(len(self.squares), np.inf)
        self.seen = np.zeros(len(self.squares), np.int64)
        self.done = 0
        if len(self.picks):
            self.take(self.order[0])
            self.update_all()

    def take(self, row: int) -> None:
        self.picks[self.done] = row
        self.done += 1
        self.weights[row] = 0.0

    def update(self, rows: np.ndarray) -> None:
        """Compares the rows with all the picks that the first of them has missed."""
        missed = self.picks[self.seen[rows[0]] : self.done]
        if not len(missed):
            return
        products = self._products(self.factors[0], rows, missed)
        for factor in self.factors[1:]:
            products *= self._products(factor, rows, missed)
        both = self.squares[rows][:, None] + self.squares[missed]
        apart = both - 2 * products
        apart[apart <= self.noise * both] = 0.0  # or duplicates of a pick could be drawn
        importance = self.importance[rows] if len(self.importance) > 1 else self.importance
        self.weights[rows] = np.minimum(self.weights[rows], importance * apart.min(1))
        self.seen[rows] = self.done

    def _products(self, factor: np.ndarray | Units, rows: np.ndarray, missed: np.ndarray) -> np.ndarray:
        """Only these rows are ever made float64: of a whole pool's features that would be half a gigabyte."""
        one, other = (_of_kind(factor[some], self.kind, self.middle) for some in (rows, missed))
        result: np.ndarray = one @ other.T
        return result

    def update_all(self) -> None:
        order = np.argsort(self.seen, kind="stable")  # the first of a block has missed the most
        for start in range(0, len(order), ROWS):
            self.update(order[start : start + ROWS])


def k_means(
    points: np.ndarray, k: int, rng: np.random.Generator, *, device: torch.device | None = None, report: Report = ignore_progress
) -> np.ndarray:
    """Lloyd's k-means from a k-means++ start: (N, d) float32 -> (N,) int64 clusters 0...k-1, some of them perhaps empty.

    It ends when no more than a thousandth of the points change their cluster, or after ITERATIONS.
    """
    seeds = spread((points,), k, rng, report, middle=points.mean(0))
    x = torch.from_numpy(np.ascontiguousarray(points)).to(device or "cpu").float()
    centers = x[torch.from_numpy(seeds).to(x.device)]
    k = len(centers)
    rows = max(1, BLOCK // (4 * k))
    labels = torch.full((len(x),), -1, dtype=torch.int64, device=x.device)
    for iteration in range(ITERATIONS):
        square = centers.square().sum(1)
        found = torch.cat([torch.addmm(square, block, centers.T, alpha=-2).argmin(1) for block in x.split(rows)])
        changed = int((found != labels).sum())
        labels = found
        report(Progress("choosing", iteration + 1, ITERATIONS))
        if changed <= len(x) // 1000:
            break
        counts = torch.bincount(labels, minlength=k)
        sums = _sums(x, labels, k, rows)
        centers = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp_min(1), centers)
    return labels.cpu().numpy()


def _sums(x: torch.Tensor, labels: torch.Tensor, k: int, rows: int) -> torch.Tensor:
    """(k, d) sums of each cluster's points."""
    sums = torch.zeros(k, x.shape[1], device=x.device)
    if x.device.type == "cpu":
        return sums.index_add_(0, labels, x)
    for part, block in zip(labels.split(rows), x.split(rows), strict=True):  # a GPU's index_add_ adds in any order
        sums += torch.nn.functional.one_hot(part, k).to(x.dtype).T @ block
    return sums


def neighbor_distance(points: np.ndarray, labels: np.ndarray, neighbors: int, *, device: torch.device | None = None) -> np.ndarray:
    """Mean squared distance of each point to its nearest `neighbors` in its own cluster, or to all of them when there are fewer.

    Returns:
        (N,) float64; infinite for a point that is alone.
    """
    result = np.full(len(points), np.inf)
    order = np.argsort(labels, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        apart, _ = nearest(points[members], neighbors, device=device)
        if apart.shape[1]:
            result[members] = apart.mean(1)
    return result


def nearest(points: np.ndarray, neighbors: int, *, device: torch.device | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances of each point to its nearest `neighbors`, ascending, and their rows: (N, m) float64 and (N, m) int64.

    m is less than `neighbors` when there are not so many others; a point is no neighbor of itself. Distances are rounded to float32, so
    that two points are as far from each other, whichever comes first.
    """
    m = max(0, min(neighbors, len(points) - 1))
    x = torch.from_numpy(points).to(device or "cpu").double()
    x = x - x.mean(0)
    square = x.square().sum(1)
    rows = max(1, BLOCK // (8 * max(1, len(x))))
    parts = []
    for start in range(0, len(x), rows):
        block = slice(start, start + rows)
        apart = torch.addmm(square, x[block], x.T, alpha=-2) + square[block, None]
        apart = apart.float().double()
        itself = torch.arange(len(apart), device=x.device)
        apart[itself, itself + start] = torch.inf
        parts.append([each.cpu() for each in apart.topk(m, dim=1, largest=False)])
    if not parts:
        return np.empty((0, 0)), np.empty((0, 0), np.int64)
    apart, found = (torch.cat(column) for column in zip(*parts, strict=True))
    return apart.clamp_min(0).numpy(), found.numpy()


def middles(points: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Rows nearest to the mean of each cluster, of larger clusters first."""
    found, sizes = np.unique(clusters, return_counts=True)
    result = []
    for c in found[np.argsort(-sizes, kind="stable")]:
        members = np.flatnonzero(clusters == c)
        inside = points[members].astype(np.float64)
        apart = ((inside - inside.mean(0)) ** 2).sum(1)
        result.append(members[np.argmax(apart <= apart.min() * (1 + 1e-6))])  # of two, both are as near: the first, whatever the rounding
    return np.array(result, np.int64)


def principal_axes(units: np.ndarray, n: int) -> np.ndarray:
    """(d, n) float32, orthonormal: on which these rows (m, d) have most of their length, nearly the first n of a singular value
    decomposition. Powers of what is spread turn any axes into the principal ones; all of them at once would take ten times as long."""
    spread_ = torch.from_numpy(units.T @ units).double()
    axes = torch.from_numpy(np.random.default_rng(0).standard_normal((units.shape[1], n)))
    for _ in range(4):
        axes = torch.linalg.qr(spread_ @ axes)[0]  # numpy's takes 2 s where this takes 4 ms
    return axes.float().numpy()


def narrowed(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float16 to (n, at most NARROW) float32, of length 1 before: on their principal axes, where neighbors are found ten times as
    fast and no second copy of all vectors is in memory."""
    if vectors.shape[1] <= NARROW:
        return of_length_one(vectors)
    some = of_length_one(vectors[np.sort(np.random.default_rng(0).permutation(len(vectors))[:SAMPLE])])
    middle = some.mean(0)
    some -= middle
    axes = principal_axes(some, NARROW)
    result = np.empty((len(vectors), NARROW), np.float32)
    for start in range(0, len(vectors), SAMPLE):
        result[start : start + SAMPLE] = (of_length_one(vectors[start : start + SAMPLE]) - middle) @ axes
    return result
