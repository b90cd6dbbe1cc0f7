"""The map of 20,000 x 64 beside umap-learn, alone and handed our neighbors: seconds, and the share of true neighbors kept."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from alcore.measures.layout import layout, neighbors, warm_up

N, D, CLUSTERS = 20_000, 64, 10


def run() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(CLUSTERS, D)) * 3
    points = (centers[rng.integers(0, CLUSTERS, N)] + rng.normal(size=(N, D))).astype(np.float32)
    warm_up().join()
    started = time.perf_counter()
    ours = layout(points, seed=0)
    seconds = {"ours": time.perf_counter() - started}
    moved = points + 0.05 * rng.normal(size=points.shape).astype(np.float32)
    started = time.perf_counter()
    layout(moved, start=ours, seed=0)
    seconds["ours from the last positions"] = time.perf_counter() - started

    import umap

    umap.UMAP(n_neighbors=5, n_epochs=2).fit(points[:200])  # its compilation is not counted
    started = time.perf_counter()
    index, distance = neighbors(points)
    handed = umap.UMAP(n_neighbors=15, precomputed_knn=(index, distance, None), init="pca").fit_transform(points)
    seconds["umap-learn with our neighbors"] = time.perf_counter() - started
    started = time.perf_counter()
    umap.UMAP(n_neighbors=15).fit_transform(points)
    seconds["umap-learn alone"] = time.perf_counter() - started
    result: dict[str, Any] = {"seconds": seconds, "umap-learn alone / ours": seconds["umap-learn alone"] / seconds["ours"]}
    result["neighbors kept"] = {"ours": _kept(index, ours), "umap-learn": _kept(index, handed)}
    for name, value in seconds.items():
        print(f"  {name:30s} {value:7.1f} s")
    print(f"  umap-learn alone / ours: {result['umap-learn alone / ours']:.1f}; neighbors kept: {result['neighbors kept']}")
    return result


def _kept(index: np.ndarray, xy: np.ndarray) -> float:
    """Mean share of a point's 14 nearest that are among its 14 nearest on the map."""
    near, _ = neighbors(xy.astype(np.float32))
    return float(np.mean([len(np.intersect1d(a[1:], b[1:], assume_unique=True)) for a, b in zip(index, near, strict=True)]) / 14)
