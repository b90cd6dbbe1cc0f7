"""A strategy of each task, and what it has seen, as the checks of all strategies have them."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from alcore.nets.tasks import TASKS
from alcore.params import TrainParams, make_params
from alcore.strategies import strategy_named
from alcore.strategies.base import Seen, Strategy
from alcore.training.devices import seeded

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=3, flip=False, crop=0.0)
BY_TASK = {"classification": TRAIN, "segmentation": dataclasses.replace(TRAIN, architecture="small_drn", batch_size=4)}
SIDE = {"classification": 8, "segmentation": 16}


def build(name: str, task: str = "classification", *, classes: int = 3, seed: int = 0, **values) -> Strategy:
    kind = strategy_named(name)
    with seeded(seed, CPU):
        return kind(TASKS[task](classes, SIDE[task]), BY_TASK[task], make_params(kind.Params, values, name))


def seen(ids: np.ndarray, parts: dict[str, np.ndarray]) -> Seen:
    return Seen(ids, parts, {}, np.empty(0, np.int64), CPU)
