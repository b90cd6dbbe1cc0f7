"""All that differs between image classification and dense labels: heads, losses, metrics. Knows no strategy and no store."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Classification:
    """One label an image; logits are (B, K).

    Args:
        classes: K.
        size: side of the images in pixels, for parts that are built to it (VAEs).
    """

    name = "classification"
    title = "Image classification"

    def __init__(self, classes: int, size: int = 32) -> None:
        self.classes, self.size = classes, size

    def head(self, features: int) -> nn.Module:
        """The plain linear head of the task model (MAL's T row, MCDAL's F): (B, d) -> (B, K)."""
        return nn.Linear(features, self.classes)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Mean cross-entropy."""
        return F.cross_entropy(logits, target)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of each image, (B,)."""
        return F.cross_entropy(logits, target, reduction="none")

    def metrics(self, logits: Tensor, target: Tensor) -> dict[str, float]:
        """accuracy, balanced_accuracy (mean over the classes that occur) and the mean loss, from all logits (N, K) and targets (N,)."""
        hit = (logits.argmax(1) == target).double()
        count = torch.zeros(self.classes, dtype=torch.double, device=hit.device).index_add_(0, target, torch.ones_like(hit))
        right = torch.zeros_like(count).index_add_(0, target, hit)
        seen = count > 0
        return {
            "accuracy": float(hit.mean()),
            "balanced_accuracy": float((right[seen] / count[seen]).mean()),
            "loss": float(F.cross_entropy(logits.float(), target)),
        }


TASKS: Mapping[str, type[Classification]] = MappingProxyType({Classification.name: Classification})
