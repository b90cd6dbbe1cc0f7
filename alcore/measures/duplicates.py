"""Near-duplicate groups of vectors by their cosine, in blocks, never an n x n matrix: exact, or by cells where the pairs are too many to
look at each. Knows arrays, no image and no project."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alcore.measures.cells import Cells, members
from alcore.measures.clusters import of_length_one, principal_axes
from alcore.progress import Progress, Report, ignore_progress

# What near duplicates of photos reach. Measured with lite0, on JPEG at quality 50, half the size, cuts of 5 and 10 %, 15 % more and less
# light, a shift of 4 %, a turn by 2 degrees: of 43 photos of cameras and phones 0.94 catches 88, 100, 91, 49, 98, 98, 79 and 88 %, and 98 %
# of the mirrored. Of 3,781 photos of clothes it joins two pairs: one is a photo that is there twice, one two trousers before the same wall.
# 0.92 catches 95, 100, 98, 79, 98, 98, 91 and 98 %, but joins ten pairs of those, most of them different clothes before one wall. Of
# thumbnails (120 pixels), saved again or halved, 0.94 catches 49 % and none.
CLOSE = 0.94
# Of a series of photos the camera tells: taken within SERIES seconds of the one before. Of all pairs of the photos of clothes 0.2 % reach
# 0.75, so of two that chance put next to each other hardly any do.
SERIES, SERIES_CLOSE = 2.0, 0.75
ROWS = 2048  # of a block of products: 16 MB, and about as fast as larger ones
NARROW = 128  # principal axes that pairs are compared on first
SAMPLE = 4096  # vectors whose principal axes are taken, and that are read at a time
FEW = 256  # up to so many new rows are compared in full at once: the axes would cost more than they save
CHUNK = 4096  # pairs compared one by one at a time
STRIPE = 2**18  # pairs of a block that are joined at a time
GATHERED = 48  # products of a block that cost as much as one pair compared by itself
PAIRS = 5 * 10**9  # of rows, all of which are looked at: 100,000 rows, two minutes on two cores; of more, those within cells
TIE = 1e-6  # a cosine this far below the limit still reaches it: equal rows do at a limit of 1
ROUNDED = 1e-5  # more than float32 can be wrong in a cosine; what is nearer to the limit is computed in float64


def near_duplicates(vectors: np.ndarray, cosine: float, *, known: np.ndarray | None = None, report: Report = ignore_progress) -> np.ndarray:
    """Groups of rows that are joined by pairs of at least this cosine, directly or through others.

    Exact for up to PAIRS pairs. Most of them are ruled out on principal axes: with P a projection and Q what is left of a vector of
    length 1, cos(a, b) = Pa.Pb + Qa.Qb <= Pa.Pb + |Qa| |Qb|. Only pairs of different groups that may reach the limit are compared in full.

    Of more, the same is done with those pairs that share one of the few cells nearest to each (cells.py), so that the time grows with the
    rows. A pair is missed when its two rows lie apart although they are so alike; none is ever joined that does not reach the limit.

    Args:
        vectors: (n, d) float16 of any length, perhaps memory-mapped; a row of zeros is like no other.
        cosine: above 0, at most 1.
        known: (m,) what this gave for the first m rows at the same cosine: only the rows since are compared with all.
        report: told after each block; may raise to stop.

    Returns:
        (n,) int64: of each row the smallest row of its group, which is itself where it has no near duplicate.
    """
    n, m = len(vectors), 0 if known is None else len(known)
    if not 0 < cosine <= 1:
        raise ValueError(f"cosine={cosine}: near duplicates need one above 0, at most 1")
    groups = _Groups(n, known)
    axes = _axes(vectors) if n - m > FEW and vectors.shape[1] > NARROW else None
    seen = None if axes is None else _on(axes, vectors)
    if seen is not None and (n - m) * (n + m) // 2 > PAIRS:
        _join_in_cells(vectors, m, groups, seen, cosine, report)
        return groups.of(np.arange(n))
    starts = range(m, n, ROWS)
    blocks, done = sum(-(-min(start + ROWS, n) // ROWS) for start in starts), 0
    for start in starts:
        stop = min(start + ROWS, n)
        rows = _Block(vectors, np.arange(start, stop), groups)
        for at in range(0, stop, ROWS):
            _join(rows, _Block(vectors, np.arange(at, min(at + ROWS, stop)), groups), groups, seen, cosine)
            done += 1
            report(Progress("near duplicates", (n - m) * done // blocks, n - m))
    return groups.of(np.arange(n))


def _join_in_cells(vectors: np.ndarray, m: int, groups: _Groups, seen: np.ndarray, cosine: float, report: Report) -> None:
    """Joins the groups of near duplicates of which one lies in a cell that is among those nearest to the other; pairs of the first m rows
    are left out."""
    n = len(vectors)
    cells = Cells(seen[:, :-1])
    found = cells.of(seen[:, :-1], looked=lambda done: report(Progress("near duplicates", done // 2, n)))
    done = 0
    for inside, places in zip(members(found[:, 0], cells.count), members(found, cells.count), strict=True):
        about = places // found.shape[1]
        for start in range(0, len(inside), ROWS):
            some = inside[start : start + ROWS]
            new = int(np.searchsorted(some, m))
            for rows, others in ((some[new:], about), (some[:new], about[np.searchsorted(about, m) :])):
                for at in range(0, len(others) if len(rows) else 0, ROWS):
                    _join(_Block(vectors, rows, groups), _Block(vectors, others[at : at + ROWS], groups), groups, seen, cosine)
        done += len(inside)
        report(Progress("near duplicates", (n + done) // 2, n))


def with_series(groups: np.ndarray, vectors: np.ndarray, moments: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """The groups, and photos of one series in one: each is compared with the one that the same camera took before.

    Args:
        groups: (n,) as `near_duplicates` gives them.
        vectors: (n, d).
        moments: (n,) seconds of the camera's clock, NaN where they are not known.
        cameras: (n,) a number for each camera.

    Returns:
        (n,) int64: of each row the smallest row of its group.
    """
    known = np.flatnonzero(~np.isnan(moments))
    order = known[np.lexsort((moments[known], cameras[known]))]
    before, after = order[:-1], order[1:]
    near = (cameras[before] == cameras[after]) & (moments[after] - moments[before] <= SERIES) & (groups[before] != groups[after])
    before, after = before[near], after[near]
    found = _Groups(len(groups), groups)
    for start in range(0, len(before), CHUNK):
        one, other = before[start : start + CHUNK], after[start : start + CHUNK]
        cosines = np.einsum("ij,ij->i", of_length_one(vectors, one), of_length_one(vectors, other))
        found.join(one[cosines >= SERIES_CLOSE], other[cosines >= SERIES_CLOSE])
    return found.of(np.arange(len(groups)))


def closest_pairs(vectors: np.ndarray, cosine: float, most: int, report: Report = ignore_progress) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of highest cosine, at least `cosine`: what a person looks at to choose a limit.

    Returns:
        pairs (m, 2) int64, the smaller row first, and their cosines (m,) float32, falling; m <= most.
    """
    units = of_length_one(vectors)
    pairs, found = np.empty((0, 2), np.int64), np.empty(0, np.float32)
    for start in range(0, len(units), ROWS):
        cosines = units[start : start + ROWS] @ units[start:].T
        limit = max(cosine, float(found[-1])) if len(found) == most else cosine
        i, j = np.nonzero(np.triu(cosines >= limit, 1))
        pairs = np.concatenate([pairs, np.stack([i, j], 1) + start])
        found = np.concatenate([found, cosines[i, j]])
        order = np.argsort(-found, kind="stable")[:most]
        pairs, found = pairs[order], found[order]
        report(Progress("near duplicates", min(start + ROWS, len(units)), len(units)))
    return pairs, found


class _Groups:
    """Disjoint sets of rows 0...n-1 as a forest: `above` a row stands a smaller one of its group, above the smallest itself."""

    def __init__(self, n: int, known: np.ndarray | None) -> None:
        self.above, self.count = np.arange(n), n
        if known is None:
            return
        if len(known) > n or (known < 0).any() or (known > self.above[: len(known)]).any() or (known[known] != known).any():
            raise ValueError(f"known groups of {len(known)} rows are none that {n} rows can have")
        self.above[: len(known)] = known

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The smallest row of each of these rows' groups."""
        while True:
            above: np.ndarray = self.above[rows]
            higher = self.above[above]
            if (above == higher).all():
                return above
            self.above[rows] = higher

    def join(self, one: np.ndarray, other: np.ndarray) -> None:
        """Makes one group of those of each pair."""
        while True:
            one, other = self.of(one), self.of(other)
            apart = one != other
            if not apart.any():
                return
            one, other = one[apart], other[apart]
            np.minimum.at(self.above, np.maximum(one, other), np.minimum(one, other))


class _Block:
    """Some rows of the vectors, ascending, and their groups."""

    def __init__(self, vectors: np.ndarray, rows: np.ndarray, groups: _Groups) -> None:
        self.vectors, self.rows, self.groups = vectors, rows, groups

    def units(self, some: np.ndarray) -> np.ndarray:
        """(b, d) float32: of these rows of it, of length 1. Read anew each time: few of a block's are ever asked for."""
        return of_length_one(self.vectors, self.rows[some])

    def group(self, some: np.ndarray | None = None) -> np.ndarray:
        """(b,) the groups that its rows, or these of them, are in now."""
        return self.groups.of(self.rows if some is None else self.rows[some])


def _join(rows: _Block, columns: _Block, groups: _Groups, seen: np.ndarray | None, cosine: float) -> None:
    """Joins the groups of two blocks' near duplicates."""
    one, other = rows.group(), columns.group()
    if (one == one[0]).all() and (other == one[0]).all():
        return
    if seen is None:
        _join_all(rows, columns, groups, np.arange(len(one)), np.arange(len(other)), cosine)
        return
    maybe = seen[rows.rows] @ seen[columns.rows].T >= cosine - ROUNDED
    if np.count_nonzero(maybe) > STRIPE:  # before so many pairs are listed, those of one group already are left out
        maybe &= one[:, None] != other
    if np.count_nonzero(maybe) * GATHERED >= maybe.size:
        _join_all(rows, columns, groups, np.flatnonzero(maybe.any(1)), np.flatnonzero(maybe.any(0)), cosine)
        return
    i, j = np.divmod(np.flatnonzero(maybe), len(other))
    apart = one[i] != other[j]  # a row and itself are no pair either
    i, j = i[apart], j[apart]
    if not len(i):
        return
    some, more = np.unique(i), np.unique(j)
    if len(some) * len(more) <= GATHERED * len(i):
        _join_all(rows, columns, groups, some, more, cosine)
    else:
        _join_pairs(rows, columns, groups, i, j, cosine)


def _join_all(rows: _Block, columns: _Block, groups: _Groups, some: np.ndarray, more: np.ndarray, cosine: float) -> None:
    """Compares some rows of a block with some of another, all with all."""
    units, others = rows.units(some), columns.units(more)
    height = max(1, STRIPE // len(more))
    for start in range(0, len(some), height):
        stripe = some[start : start + height]
        cosines = units[start : start + height] @ others.T
        i, j = np.nonzero(cosines > cosine - ROUNDED)
        apart = rows.group(stripe)[i] != columns.group(more)[j]
        i, j = i[apart], j[apart]
        _settle(rows, columns, groups, stripe[i], more[j], cosines[i, j], cosine)


def _join_pairs(rows: _Block, columns: _Block, groups: _Groups, i: np.ndarray, j: np.ndarray, cosine: float) -> None:
    """Compares the i-th row of a block with the j-th of another, pair by pair."""
    some, more = np.unique(i), np.unique(j)
    units, others = rows.units(some), columns.units(more)
    for one, other in _in_turn(rows, columns, i, j):
        cosines = np.einsum("ij,ij->i", units[np.searchsorted(some, one)], others[np.searchsorted(more, other)])
        _settle(rows, columns, groups, one, other, cosines, cosine)


def _settle(rows: _Block, columns: _Block, groups: _Groups, i: np.ndarray, j: np.ndarray, cosines: np.ndarray, cosine: float) -> None:
    """Joins the pairs that reach the limit: by their cosines in float32, and by float64 where these are too near to it to tell."""
    sure, close = cosines >= cosine + ROUNDED, abs(cosines - cosine) < ROUNDED
    groups.join(rows.rows[i[sure]], columns.rows[j[sure]])
    for one, other in _in_turn(rows, columns, i[close], j[close]):
        a = rows.vectors[rows.rows[one]].astype(np.float64)
        b = columns.vectors[columns.rows[other]].astype(np.float64)
        lengths = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)
        reached = (np.einsum("ij,ij->i", a, b) >= (cosine - TIE) * np.sqrt(lengths)) & (lengths > 0)
        groups.join(rows.rows[one[reached]], columns.rows[other[reached]])


def _in_turn(rows: _Block, columns: _Block, i: np.ndarray, j: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pairs in parts; those that are in one group by then are left out. First come one of each two groups: where it joins them, the
    others need no look. The more pairs have been in vain, the more come at once."""
    size = 32
    while len(i):
        one, other = rows.group(i), columns.group(j)
        apart = one != other
        i, j, both = i[apart], j[apart], (one * columns.groups.count + other)[apart]
        now = np.zeros(len(i), bool)
        now[np.unique(both, return_index=True)[1][:CHUNK]] = True
        size = min(2 * size, CHUNK)
        now[np.flatnonzero(~now)[: max(0, size - np.count_nonzero(now))]] = True
        yield i[now], j[now]
        i, j = i[~now], j[~now]


def _axes(vectors: np.ndarray) -> np.ndarray:
    """(d, NARROW) float32, orthonormal: on which vectors of length 1 have most of their length."""
    some = np.sort(np.random.default_rng(0).permutation(len(vectors))[:SAMPLE])
    return principal_axes(of_length_one(vectors[some]), NARROW)


def _on(axes: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(n, NARROW + 1) float32: of each vector, at length 1, what is on the axes, and how long the rest is. No product of two of them is
    less than the vectors' cosine, but for rounding."""
    result = np.empty((len(vectors), NARROW + 1), np.float32)
    for start in range(0, len(vectors), SAMPLE):
        units, part = of_length_one(vectors[start : start + SAMPLE]), result[start : start + SAMPLE]
        part[:, :-1] = units @ axes
        rest = np.einsum("ij,ij->i", units, units) - np.einsum("ij,ij->i", part[:, :-1], part[:, :-1])
        part[:, -1] = np.sqrt(np.maximum(rest, 0) + ROUNDED)  # the root of a rounding is not small: none may make it too short
    return result
