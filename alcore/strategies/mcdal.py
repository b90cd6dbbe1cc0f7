"""MCDAL: ask where two auxiliary heads, trained to disagree, disagree with each other and with the task model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alcore import scores
from alcore.models import unchanged_statistics
from alcore.strategies.base import Draws, Losses, Strategy, basic_scores
from alcore.tasks import Classification
from alcore.types import TrainParams, param


@dataclass(frozen=True)
class Params:
    distance: str = param(
        "l1",
        "Discrepancy between two heads' probabilities. The paper uses L1; L2 and KL do no better than random there.",
        source="MCDAL Eq. 4, Fig. 8",
        choices=("l1", "l2", "kl"),
    )
    heads: int = param(
        2,
        "Auxiliary heads. The paper uses 2 and finds 4, 6, 8 alike; all pairs with the main head count.",
        source="MCDAL 3.2, Fig. 9",
        choices=(2, 4, 6, 8),
    )
    discrepancy_weight: float = param(
        1.0,
        "Weight of the discrepancy the auxiliary heads maximize; 0 leaves only their initialization to make them differ.",
        source="MCDAL Eq. 2 (1), Fig. 10 (0)",
        low=0,
        high=1000,
    )


class MCDAL(Strategy):
    """Maximum Classifier Discrepancy for Active Learning (Cho, Kim, Jung, Oh, Youn & Kweon 2021, arXiv 2107.11049).

    The task model G, F learns from labels alone. Beside it two heads F1, F2 read the detached features: they must be right on
    labeled images and as different as they can on unlabeled ones. Where they still agree, the labels decide; where not, a label is missing.
    """

    name = "mcdal"
    title = "MCDAL"
    paper = "Cho et al. 2021, arXiv 2107.11049"
    differences = (
        "One auxiliary update a step, on the joint loss of Eq. 2; the published code makes two (cross-entropy, then both).",
        "The unlabeled forward leaves no trace in the batch-norm statistics; in the published code it makes 37 % of them.",
        "The pool is scored whole, in evaluation mode and fp32; the published code scores augmented images and drops the last batch.",
        "The warm-up never exceeds the peak rate; in the published code it reaches ten times that at 10 % labels.",
        "The main head's output p is detached in the discrepancy: that saves a backward pass whose gradients the published code discards.",
    )
    Params = Params
    rank_by = "discrepancy"

    def __init__(self, task: Classification, train: TrainParams, params: Any = None) -> None:
        super().__init__(task, train, params)
        # made one after the other, so that they differ: equal heads would get equal gradients for ever
        self.auxiliary = nn.ModuleList(task.head(self.backbone.out_features) for _ in range(self.params.heads))
        self.optimizers["auxiliary"] = self.sgd(self.auxiliary)

    def step(self, batches: Draws) -> Losses:
        x, y = batches.labeled()
        features = self.backbone(x)
        cross_entropy = self.task.loss(self.head(features), y)
        self.update(cross_entropy, "task")  # L_CE(F, G)

        with torch.no_grad(), unchanged_statistics(self.backbone):
            unlabeled = self.backbone(batches.unlabeled())
            p = self.head(unlabeled).float().softmax(1)
        auxiliary_ce = torch.stack([self.task.loss(head(features.detach()), y) for head in self.auxiliary]).sum()
        apart = self._discrepancy(p, unlabeled).mean()  # Eq. 3
        self.update(auxiliary_ce - self.params.discrepancy_weight * apart, "auxiliary")  # Eq. 2
        return {"cross_entropy": cross_entropy.detach(), "auxiliary_cross_entropy": auxiliary_ce.detach(), "discrepancy": apart.detach()}

    def _discrepancy(self, p: Tensor, features: Tensor) -> Tensor:
        """Sum over all pairs of {F, F1, F2, ...}: (B,), 0...6/C for two auxiliary heads."""
        others = [head(features).float().softmax(1) for head in self.auxiliary]
        return scores.per_image(scores.discrepancy([p, *others], self.params.distance))

    def score(self, x: Tensor) -> dict[str, Tensor]:
        embedding = self.backbone(x)
        result = basic_scores(self.head(embedding))
        heads = {f"logits_{i}": head(embedding).float() for i, head in enumerate(self.auxiliary, 1)}
        return result | heads | {"discrepancy": self._discrepancy(result["logits"].softmax(1), embedding), "embedding": embedding}

    def total(
        self, parts: Mapping[str, np.ndarray], labeled: Mapping[str, np.ndarray], ids: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Eq. 5: D(x) minus the labeled images' mean D. The mean is one number a round, so it moves no rank; it makes rounds comparable."""
        return parts["discrepancy"] - labeled["discrepancy"].mean()

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return (
            f"the heads disagree by {values['discrepancy']:.2g}, rank {rank['discrepancy']:,} of {n:,}; "
            f"entropy {values['entropy']:.2g} of {np.log(classes):.2g} nats"
        )
