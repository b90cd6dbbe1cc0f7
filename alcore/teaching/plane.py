"""A plane in the place of images: a tiny encoder whose features are two numbers, so that they can be drawn, and draws of points. Everything
else is the library's: heads, losses, games, scores and queries."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.nets.backbones import Backbone
from alcore.nets.models import CosineHead, Discriminator
from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.training.vectors import VectorDraws

WIDTH = 32  # of the hidden layers, the discriminator's too
DIM = 2  # numbers of a feature


class Encoder(Backbone):
    """Points (B, 2) to features (B, 2): two hidden layers of WIDTH."""

    smallest = 0

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, DIM)
        self.out_features, self.widths = DIM, (WIDTH, WIDTH, DIM)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Both hidden layers and the features, which have no places."""
        first = F.relu(self.first(x))
        second = F.relu(self.second(first))
        return [first, second, self.last(second)]

    def pool(self, features: Tensor) -> Tensor:
        return features


class Plane(Classification):
    """Classification of points: the same heads and losses, behind a tiny encoder and before a narrow discriminator (MAL's has 512)."""

    @property
    def cosine(self) -> str:
        return "single"  # Eq. 1 to the letter: its prototypes are directions of the plane of features

    def backbone(self, train: TrainParams) -> Backbone:
        return Encoder()

    def head(self, features: int, classifier: str = "auto") -> nn.Module:
        return CosineHead(features, self.classes, form="single") if classifier == "cosine" else nn.Linear(features, self.classes)

    def discriminator(self, features: int) -> nn.Module:
        return Discriminator(features, WIDTH)


class PlaneDraws(VectorDraws):
    """Draws of points as they are: of a point its length counts too."""

    def _at(self, rows: Tensor) -> Tensor:
        found: Tensor = self._vectors[rows.to(self._vectors.device)].to(self.device).float()
        return found


def grid(side: int, reach: float) -> np.ndarray:
    """(side * side, 2) float32 middles of a square's cells from -reach to reach, row by row from the top left."""
    at = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 * reach - reach
    return np.stack([np.tile(at, side), np.repeat(-at, side)], 1).astype(np.float32)


def at_points(xy: np.ndarray) -> Tensor:
    """Points as networks take them."""
    return torch.from_numpy(np.ascontiguousarray(xy, np.float32))
