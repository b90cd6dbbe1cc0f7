"""Core-set: ask for the images that leave no image far from a labeled one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from alcore.measures.centers import k_center, nearest
from alcore.progress import Report
from alcore.strategies.base import ScoreInfo, Seen, Strategy


class CoreSet(Strategy):
    """Active learning as k-center (Sener & Savarese 2018, arXiv 1708.00489), Algorithm 1.

    The labeled images' embeddings are the first centers. Each pick is the image farthest from every center and becomes one itself, which
    keeps the largest distance within twice the least possible (Gonzalez 1985).
    """

    name = "coreset"
    title = "Core-set"
    paper = "Sener & Savarese 2018, arXiv 1708.00489"
    differences = (
        "The greedy k-center alone; the paper improves its answer by mixed-integer programs that set outliers aside, "
        "and the README of its own code points to the greedy one for ordinary use.",
        "Distances are Euclidean between penultimate features as they are, not normalized.",
    )
    greedy = True
    score_info = (
        ScoreInfo(
            "total", "Priority", "Distance to the nearest labeled image, as the model sees them: high when nothing like it is labeled."
        ),
    )

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """Distance to the nearest labeled image's embedding."""
        return nearest(seen.unlabeled["embedding"], seen.labeled["embedding"], device=seen.device)

    def select(self, total: np.ndarray, seen: Seen, n: int, rng: np.random.Generator, report: Report) -> np.ndarray:
        """Farthest first; after the first pick what is asked already counts as labeled."""
        embedding = seen.unlabeled["embedding"]
        result: np.ndarray = seen.ids[k_center(embedding, None, n, seen.ids, covered=total, device=seen.device, report=report)]
        return result

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return f"{values['total']:.2g} units away from its nearest labeled image, rank {rank['total']:,} of {n:,}"
