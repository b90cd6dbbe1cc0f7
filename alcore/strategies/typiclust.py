"""TypiClust: ask for the most typical image of each group that has no label yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from alcore.measures.clusters import k_means, neighbor_distance
from alcore.params import param
from alcore.progress import Report
from alcore.strategies.base import ScoreInfo, Seen, Strategy

SMALL = 5  # clusters of fewer images come last: they are outliers more often than groups; deep-al drops those of 5 or fewer
CELL = 1000  # images, about, among which `total` looks for an image's neighbors


@dataclass(frozen=True)
class Params:
    neighbors: int = param(
        20,
        "Nearest neighbors whose mean distance says how typical an image is.",
        title="Neighbors",
        source="TypiClust's published code, deep-al",
        low=1,
        high=1000,
    )
    max_clusters: int = param(
        500,
        "Most groups the pool is divided into; below it there are as many as labeled and asked images together.",
        title="Most groups",
        source="TypiClust's published code: MAX_NUM_CLUSTERS",
        low=1,
        high=10_000,
    )


class TypiClust(Strategy):
    """Typical clustering (Hacohen, Dekel & Weinshall 2022, arXiv 2202.02794), for small budgets.

    The pool, labeled images included, is divided into |L| + b clusters. Clusters with the fewest labels come first, larger ones before
    smaller ones; each gives its most typical image: the one with the smallest mean distance to its nearest neighbors in the cluster.
    """

    name = "typiclust"
    title = "TypiClust"
    paper = "Hacohen, Dekel & Weinshall 2022, arXiv 2202.02794"
    differences = (
        "Features are the task model's embedding, normalized; the paper's come from self-supervised training on the whole pool.",
        "k-means on all points for any number of clusters; the published code takes mini-batches past 50.",
        "Typicality in a cluster is measured once; the published code measures it again after each pick from the same cluster.",
        "Clusters of fewer than 5 images come last, so that every query can be filled; the published code drops those of 5 or fewer.",
        "An image has up to 20 neighbors also in a cluster of fewer than 40; the published code takes half of the cluster then.",
        "The typicality shown is measured among about 1,000 images around one; the query measures it again inside its own clusters.",
    )
    Params = Params
    greedy = True
    score_info = (
        ScoreInfo("total", "Priority", "How typical the image is: high when many images look much like it, low for an odd one out."),
    )

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """Typicality in the pool: 1 / mean distance to the nearest neighbors, looked for in a coarse cell of the pool."""
        order = np.argsort(seen.ids)
        points = _normalized(seen.unlabeled["embedding"][order])
        cells = k_means(points, max(1, len(points) // CELL), rng, device=seen.device)
        result = np.empty(len(points))
        result[order] = self._typicality(points, cells, seen)
        return result

    def select(self, total: np.ndarray, seen: Seen, n: int, rng: np.random.Generator, report: Report) -> np.ndarray:
        """The most typical of each cluster, then the second of each, and so on."""
        order = np.argsort(seen.ids)
        unlabeled = _normalized(seen.unlabeled["embedding"][order])
        labeled = _normalized(seen.labeled["embedding"])
        labeled = labeled[np.lexsort(labeled.T)]  # their ids are not known here, and their order must not matter
        k = min(len(labeled) + n, self.params.max_clusters)
        clusters = k_means(np.concatenate([unlabeled, labeled]), k, rng, device=seen.device, report=report)
        mine, theirs = clusters[: len(unlabeled)], clusters[len(unlabeled) :]
        sizes, labels = np.bincount(clusters, minlength=k), np.bincount(theirs, minlength=k)
        place = np.empty(k, np.int64)
        place[np.lexsort((-sizes, labels))] = np.arange(k)
        within = _rank_within(mine, self._typicality(unlabeled, mine, seen))
        return seen.ids[order][np.lexsort((place[mine], within, sizes[mine] < SMALL))[:n]]

    def _typicality(self, points: np.ndarray, clusters: np.ndarray, seen: Seen) -> np.ndarray:
        # 1e-5 as in the published code: an image with 20 duplicates is typical, not infinitely so
        return 1.0 / (neighbor_distance(points, clusters, self.params.neighbors, device=seen.device) + 1e-5)

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return f"the most typical of its group that is not asked yet; typicality {values['total']:.2g}, rank {rank['total']:,} of {n:,}"


def _normalized(embedding: np.ndarray) -> np.ndarray:
    result: np.ndarray = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
    return result


def _rank_within(clusters: np.ndarray, typicality: np.ndarray) -> np.ndarray:
    """0 for the most typical of a cluster, 1 for the next, ...; ties by position."""
    order = np.lexsort((-typicality, clusters))
    first = np.searchsorted(clusters[order], clusters[order])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - first
    return rank
