"""A strategy as tests build it, noise to feed it with, and whether its weights moved."""

from __future__ import annotations

import torch
from torch import nn

from alcore.nets.tasks import Classification
from alcore.params import TrainParams, make_params
from alcore.strategies import strategy_named
from alcore.strategies.base import Strategy
from alcore.training.devices import seeded

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=4, flip=False, crop=0.0)


def build(name: str, *, classes: int = 3, seed: int = 0, train_params: TrainParams = TRAIN, **values) -> Strategy:
    kind = strategy_named(name)
    with seeded(seed, CPU):
        return kind(Classification(classes, 8), train_params, make_params(kind.Params, values, name))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(net: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def copy_of(net: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in net.state_dict().items()}


def moved(net: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return not same(net, before)


class Fixed:
    """Draws that are always the same two batches."""

    labeled_count = 12

    def __init__(self) -> None:
        self.x, self.y, self.x_u = noise(8, 3, 8, 8), torch.arange(8) % 3, noise(8, 3, 8, 8, seed=1)

    def labeled(self):
        return self.x, self.y

    def unlabeled(self):
        return self.x_u
