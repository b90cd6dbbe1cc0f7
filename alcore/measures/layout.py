"""Embeddings to 2-D maps that stay put between rounds: exact neighbors, UMAP's graph, UMAP's layout. Knows arrays, no project and no page.

UMAP (McInnes, Healy, Melville 2018, https://arxiv.org/abs/1802.03426), written for this use instead of taken from umap-learn. Differences:

1. Neighbors are exact, by blocked matrix product.
2. The first positions are the two principal components, not the graph's spectrum (as good a start: Kobak, Linderman 2021; far cheaper).
3. Nearness in the map is 1 / (1 + d²), that is a = b = 1 in UMAP's curve and the kernel of t-SNE; so no force needs a power.
4. In each epoch a point moves along its own edges while the others stand where the last epoch left them. So threads share nothing, and the
   map of a seed is the same on any number of threads; umap-learn gives up either the seed or the threads.
5. Only one small function is compiled, once a machine: numba keeps it on disk. umap-learn compiles for about 20 s in every process.

Of the 14 neighbors of a digit (64 pixels) the map keeps 54 % near, umap-learn 53 %; of one in 20,000 points of 64 numbers 5.5 and 4.9 %.
Without numba the map is a plain projection on two principal components, and the report says so.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from alcore.errors import AlcoreError
from alcore.files import written_whole
from alcore.measures.cells import GROUP, least, nearest_in
from alcore.progress import Progress, Report, ignore_progress

VERSION = 1  # goes into the name of kept maps: raise it when the same points would come out elsewhere
NEIGHBORS = 15  # umap-learn's default, the point itself included
LIMIT = 100_000  # points that are laid out; of more, a random part is, and the others are put among their neighbors
NEGATIVES = 5  # random points that push, for each edge that pulls
MOVE_EPOCHS = 30  # from the last round's positions
PAIRS = 10**10  # of new points with known ones that are all looked at; of more, those in the nearest cells

fits = 0  # how many layouts this process has computed; tests look at it


def neighbors(points: np.ndarray, k: int = NEIGHBORS, block: int = 4096, *, device: str = "cpu") -> tuple[np.ndarray, np.ndarray]:
    """Exact nearest neighbors by Euclidean distance.

    Args:
        points: (n, d) float32.
        k: how many, the point itself included; at most n.
        block: rows compared at a time (fewer when n is large, to stay below 256 MB).

    Returns:
        (n, k) int64 indices, nearest first, each point first in its own row, and (n, k) float32 distances.
    """
    at = torch.as_tensor(np.ascontiguousarray(points, dtype=np.float32), device=device)
    index, distance = _nearest(at, at, min(k, len(points)), block, own=True)
    return index.cpu().numpy(), distance.cpu().numpy()


def layout(
    points: np.ndarray, *, start: np.ndarray | None = None, seed: int = 0, report: Report = ignore_progress, device: str = "cpu"
) -> np.ndarray:
    """A map of the points.

    Args:
        points: (n, d) float32, finite.
        start: (n, 2) positions to go on from, so that the map stays put; rows of NaN are new and begin among their nearest known neighbors.
        seed: the same points, start and seed give the same map.
        report: told each epoch; may raise to stop.
        device: where neighbors are searched ("cuda:0" where there is one).

    Returns:
        (n, 2) float32 positions, finite.
    """
    global fits
    points = np.ascontiguousarray(points, dtype=np.float32)
    if not np.isfinite(points).all():
        raise FloatingPointError(f"the embedding of row {int(np.argmin(np.isfinite(points).all(axis=1)))} is not finite")
    fits += 1
    n = len(points)
    if n <= 3:
        angle = 2 * np.pi * np.arange(n) / max(n, 1)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32) * (n > 1)
    rng = np.random.default_rng(seed)
    if n > LIMIT:
        return _layout_of_many(points, start, rng=rng, seed=seed, report=report, device=device)
    report(Progress("neighbors", 0, n))
    index, distance = neighbors(points, device=device)
    report(Progress("neighbors", n, n))
    if start is None:
        epochs, first = 500 if n <= 10_000 else 200, _principal(points, rng)  # umap-learn's numbers
    else:
        epochs, first = MOVE_EPOCHS, _filled(points, np.asarray(start, dtype=np.float32), rng, device, report)
    move = _compiled()
    if move is None:
        report(Progress("layout", 1, 1, message="numba is not installed: the map is a plain projection"))
        return first
    return _optimize(first, *_graph(index, distance), epochs=epochs, seed=seed, move=move, report=report)


def grown_layout(
    points: np.ndarray, kept: np.ndarray, *, seed: int = 0, report: Report = ignore_progress, device: str = "cpu"
) -> np.ndarray:
    """A map of points that become more, of which the first ones have positions: those stay where they are, and the others come among their
    nearest known neighbors. A map that has doubled is laid out again, from where it was: of the few points at its start it showed little.

    Args:
        kept: (m, 2) positions of the first m points; none the first time.
    """
    start = np.full((len(points), 2), np.nan, np.float32)
    start[: len(kept)] = kept
    if len(points) < 2 * len(kept):
        return _filled(np.ascontiguousarray(points, np.float32), start, np.random.default_rng(seed), device, report)
    return layout(points, start=start if len(kept) else None, seed=seed, report=report, device=device)


def cached_layout(
    points: np.ndarray,
    ids: np.ndarray,
    folder: Path,
    *,
    previous: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
    report: Report = ignore_progress,
    device: str = "cpu",
) -> np.ndarray:
    """`layout`, kept in `folder` by content: the same points, ids, previous positions and settings are never computed twice.

    Args:
        ids: (n,) item ids of the points' rows.
        previous: ids and (m, 2) positions of the last map; the new one goes on from it when it knows at least a quarter of the points.
    """
    start = None
    if previous is not None and len(previous[0]) and len(ids):
        start = _start_from(np.asarray(ids), np.asarray(previous[0]), np.asarray(previous[1], dtype=np.float32))
    points = np.ascontiguousarray(points, dtype=np.float32)
    content = hashlib.blake2b(f"{VERSION} {NEIGHBORS} {LIMIT} {seed} {points.shape} {_compiled() is None}".encode(), digest_size=16)
    for part in (points, np.ascontiguousarray(ids, dtype=np.int64), np.zeros(0, np.float32) if start is None else start):
        content.update(part.tobytes())
    kept = Path(folder) / f"map-{content.hexdigest()}.npy"
    if kept.exists():
        result: np.ndarray = np.load(kept, allow_pickle=False)
        return result
    positions = layout(points, start=start, seed=seed, report=report, device=device)
    _write_whole(kept, positions)
    return positions


def warm_up() -> threading.Thread:
    """Compiles the layout in a background thread, or loads it from numba's cache. Harmless without numba."""

    def work() -> None:
        if move := _compiled():
            points = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
            _optimize(points, *_graph(*neighbors(points, 4)), epochs=1, seed=0, move=move, report=ignore_progress)

    thread = threading.Thread(target=work, name="alcore-warm-up", daemon=True)
    thread.start()
    return thread


# ---- neighbors


def _nearest(query: torch.Tensor, base: torch.Tensor, k: int, block: int, *, own: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """(m, k) indices into `base` and distances, nearest first; `own`: query is base, and each row begins with itself."""
    n = len(base)
    center = base.mean(dim=0)  # |a|² + |b|² - 2ab loses digits when the points lie far from 0
    base, query = base - center, query - center
    groups = -(-n // GROUP)
    squares = torch.full((groups * GROUP,), torch.inf, device=base.device)  # the columns that fill up the last group are never near
    squares[:n] = (base * base).sum(dim=1)
    wide = min(n, k + 8)  # fp32 may swap neighbors at the edge: take more, measure exactly, keep k
    rows = max(16, min(block, 2**24 // (groups * GROUP)))
    padded = torch.zeros((groups * GROUP, base.shape[1]), device=base.device)
    padded[:n] = base
    index, distance = [], []
    for low in range(0, len(query), rows):
        part = query[low : low + rows]
        near = torch.addmm(squares, part, padded.T, alpha=-2)  # (rows, n), short of |query|², which ranks nothing
        if own:
            near[torch.arange(len(part)), torch.arange(low, low + len(part))] = -torch.inf
        candidates = least(near, wide)  # (rows, wide)
        exact = ((base[candidates] - part[:, None, :]) ** 2).sum(dim=2).sqrt()
        if own:
            exact[candidates == torch.arange(low, low + len(part), device=base.device)[:, None]] = -1  # before its duplicates
        best, order = exact.sort(dim=1, stable=True)
        index.append(candidates.gather(1, order[:, :k]))
        distance.append(best[:, :k].clamp(min=0))
    return torch.cat(index), torch.cat(distance)


# ---- UMAP


def _graph(index: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The fuzzy neighborhood graph: (n + 1,) borders of the rows, (edges,) other ends, (edges,) weights in 0...1; each edge both ways."""
    n, k = index.shape
    gaps = distance[:, 1:].astype(np.float64)  # without the point itself
    mean = gaps.mean() or 1.0
    nonzero = np.where(gaps > 0, gaps, np.inf).min(axis=1)
    gaps = np.maximum(gaps - np.where(np.isfinite(nonzero), nonzero, 0.0)[:, None], 0.0) / mean
    low, high, width = np.zeros(n), np.full(n, np.inf), np.ones(n)
    for _ in range(48):  # the width at which a point's memberships sum to log2(k)
        is_wide = np.exp(-gaps / width[:, None]).sum(axis=1) > np.log2(k)
        low, high = np.where(is_wide, low, width), np.where(is_wide, width, high)
        width = np.where(np.isinf(high), width * 2, (low + np.where(np.isinf(high), 0.0, high)) / 2)
    width = np.maximum(width, 1e-3 * np.maximum(distance[:, 1:].mean(axis=1) / mean, 1e-9))
    weight = np.exp(-gaps / width[:, None]).ravel()
    head, tail = np.repeat(np.arange(n), k - 1), index[:, 1:].ravel().astype(np.int64)
    # a + b - ab of an edge and its opposite: each key stands once for every direction it was found in
    keys = np.concatenate([head * n + tail, tail * n + head])
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], np.concatenate([weight, weight])[order]
    is_first = np.concatenate([[True], keys[1:] != keys[:-1]])
    union = values[is_first]
    doubled = np.concatenate([~is_first[1:], [False]])[is_first]
    other = values[~is_first]
    union[doubled] = union[doubled] + other - union[doubled] * other
    keys = keys[is_first]
    return np.searchsorted(keys, np.arange(n + 1) * n), keys % n, union


def _optimize(
    first: np.ndarray,
    borders: np.ndarray,
    tails: np.ndarray,
    weights: np.ndarray,
    *,
    epochs: int,
    seed: int,
    move: Callable[..., None],
    report: Report,
) -> np.ndarray:
    every = (weights.max() / np.maximum(weights, 1e-12)).astype(np.float32)  # an edge pulls each so many epochs
    due = every.copy()
    old, new = first.copy(), first.copy()
    threads = min(os.cpu_count() or 1, 8)
    # Equal edges, not equal points, for each thread.
    inner = np.searchsorted(borders, np.linspace(0, borders[-1], threads + 1)[1:-1])
    spans = list(itertools.pairwise([0, *inner.tolist(), len(first)]))
    with ThreadPoolExecutor(threads, thread_name_prefix="alcore-map") as pool:
        for epoch in range(epochs):
            report(Progress("layout", epoch, epochs))
            rate = np.float32(1 - epoch / epochs)
            work = [
                pool.submit(move, new, old, borders, tails, every, due, epoch, rate, np.uint64(seed % 2**64), low, high)
                for low, high in spans
            ]
            for part in work:
                part.result()
            old, new = new, old
    report(Progress("layout", epochs, epochs))
    return old


def _move(new, old, borders, tails, every, due, epoch, rate, seed, low, high):  # type: ignore[no-untyped-def]  # compiled by numba
    """One epoch for the points low...high: each is pulled along its due edges and pushed by random points."""
    n = old.shape[0]
    for i in range(low, high):
        x, y = old[i, 0], old[i, 1]
        state = seed + np.uint64(epoch) * np.uint64(0xD1B54A32D192ED03) + np.uint64(i) * np.uint64(0xBF58476D1CE4E5B9)
        for edge in range(borders[i], borders[i + 1]):
            if due[edge] > epoch:
                continue
            due[edge] += every[edge]
            j = tails[edge]
            dx, dy = x - old[j, 0], y - old[j, 1]
            pull = np.float32(-2) / (np.float32(1) + dx * dx + dy * dy)
            x += rate * min(np.float32(4), max(np.float32(-4), pull * dx))
            y += rate * min(np.float32(4), max(np.float32(-4), pull * dy))
            for _ in range(NEGATIVES):
                state += np.uint64(0x9E3779B97F4A7C15)  # splitmix64
                mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                j = np.int64(mixed >> np.uint64(33)) % n
                dx, dy = x - old[j, 0], y - old[j, 1]
                square = dx * dx + dy * dy
                if j != i:
                    push = np.float32(2) / ((np.float32(0.001) + square) * (np.float32(1) + square))
                    x += rate * min(np.float32(4), max(np.float32(-4), push * dx))
                    y += rate * min(np.float32(4), max(np.float32(-4), push * dy))
        new[i, 0], new[i, 1] = x, y


_compiling = threading.Lock()


def _compiled() -> Callable[..., None] | None:
    """`_move` as machine code that lets go of the GIL, or None without numba."""
    with _compiling:  # else two threads that come at once both compile
        return _compile()


@functools.cache
def _compile() -> Callable[..., None] | None:
    try:
        import numba  # seconds to load, and a machine that only trains does without a map
    except ImportError:
        return None
    signature = "void(f4[:,::1], f4[:,::1], i8[::1], i8[::1], f4[::1], f4[::1], i8, f4, u8, i8, i8)"
    try:
        return numba.njit(signature, cache=True, nogil=True, fastmath=True)(_move)
    except RuntimeError:  # numba finds no folder it may keep its result in
        return numba.njit(signature, nogil=True, fastmath=True)(_move)


# ---- first positions


def _principal(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 2): the two main directions, scaled to -10...10, with a little noise so that duplicates come apart."""
    centered = torch.from_numpy(points).double()
    centered = centered - centered.mean(dim=0)
    _, directions = torch.linalg.eigh(centered.T @ centered)
    main = directions[:, -2:].flip(1)
    main = main * torch.sign(main.gather(0, main.abs().argmax(dim=0, keepdim=True)))  # a direction and its opposite are equally good
    flat = (centered @ main).numpy()
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))  # points of one dimension
    largest = np.abs(flat).max()
    flat = 10 * flat / largest if largest > 1e-9 * max(1.0, float(np.abs(points).max())) else rng.uniform(-1, 1, flat.shape)
    return (flat + rng.normal(scale=1e-4, size=flat.shape)).astype(np.float32)


def _filled(points: np.ndarray, start: np.ndarray, rng: np.random.Generator, device: str, report: Report = ignore_progress) -> np.ndarray:
    """`start` with its NaN rows put at the mean of their three nearest known neighbors."""
    is_known = np.isfinite(start).all(axis=1)
    if not is_known.any():
        return _principal(points, rng)
    if is_known.all():
        return start.copy()
    filled = start.copy()
    known, new = np.flatnonzero(is_known), np.flatnonzero(~is_known)
    k = min(3, len(known))
    if len(known) * len(new) > PAIRS:
        index = nearest_in(points, known, new, k, looked=lambda done: report(Progress("neighbors", done, len(new))))
    else:
        base, query = (torch.as_tensor(points[some], device=device) for some in (known, new))
        index = _nearest(query, base, k, 4096)[0].cpu().numpy()
    mean = start[known][index].mean(axis=1)
    filled[~is_known] = mean + rng.normal(scale=1e-2, size=mean.shape)
    return filled


def _layout_of_many(
    points: np.ndarray, start: np.ndarray | None, *, rng: np.random.Generator, seed: int, report: Report, device: str
) -> np.ndarray:
    global fits
    fits -= 1  # the part counts as the one layout it is
    chosen = np.sort(rng.choice(len(points), LIMIT, replace=False))
    part = layout(points[chosen], start=None if start is None else start[chosen], seed=seed, report=report, device=device)
    whole = np.full((len(points), 2), np.nan, dtype=np.float32)
    whole[chosen] = part
    return _filled(points, whole, rng, device, report)


def _start_from(ids: np.ndarray, known_ids: np.ndarray, positions: np.ndarray) -> np.ndarray | None:
    order = np.argsort(known_ids, kind="stable")
    place = np.minimum(np.searchsorted(known_ids[order], ids), len(known_ids) - 1)
    is_known = known_ids[order][place] == ids
    if is_known.mean() < 0.25:
        return None
    return np.where(is_known[:, None], positions[order][place], np.float32("nan")).astype(np.float32)


def _write_whole(path: Path, positions: np.ndarray) -> None:
    try:
        with written_whole(path) as file:
            np.save(file, positions, allow_pickle=False)
    except OSError as problem:
        raise AlcoreError(f"the map cannot be kept in {path.parent}: {problem.strerror}. Make room or choose another folder.") from problem
