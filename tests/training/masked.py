"""Strategies, batches and rounds of masks."""

from __future__ import annotations

import torch

from alcore.nets.tasks import Segmentation, train_params
from alcore.params import TrainParams, make_params
from alcore.strategies import strategy_named
from alcore.strategies.base import Strategy
from alcore.training.devices import seeded

CPU = torch.device("cpu")
SHORT = {"steps": 4, "batch_size": 4, "flip": True, "crop": 0.125}
PARAMS = train_params("segmentation", SHORT)


def build(name: str, *, seed: int = 0, params: TrainParams = PARAMS, size: int = 16, **values) -> Strategy:
    kind = strategy_named(name)
    with seeded(seed, CPU):
        return kind(Segmentation(3, size), params, make_params(kind.Params, values, name))
