"""A strategy of each column of checks, and what it has seen. A column is a task, or `features`: classification of frozen vectors."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from alcore.nets.tasks import FEATURES, TASKS, Task, train_params
from alcore.params import TrainParams, make_params
from alcore.strategies import STRATEGIES, strategy_named
from alcore.strategies.base import Seen, Strategy
from alcore.training.devices import seeded

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=3, flip=False, crop=0.0)
DIM = 24  # numbers of a toy vector
BY_TASK = {
    "classification": TRAIN,
    "segmentation": dataclasses.replace(TRAIN, architecture="small_drn", batch_size=4),
    FEATURES: train_params("classification", {"architecture": FEATURES, "batch_size": 8, "steps": 3, "batch": "top"}),
}
SIDE = {"classification": 8, "segmentation": 16, FEATURES: 0}


def columns(name: str) -> tuple[str, ...]:
    """The columns that a strategy is checked in."""
    tasks = STRATEGIES[name].tasks
    return (*tasks, FEATURES) if "classification" in tasks else tasks


def task_of(column: str, classes: int = 3) -> Task:
    """The task of a column, built to its toys."""
    name = "classification" if column == FEATURES else column
    return TASKS[name](classes, SIDE[column], DIM if column == FEATURES else 0)


def build(
    name: str, task: str = "classification", *, classes: int = 3, seed: int = 0, train: TrainParams | None = None, **values
) -> Strategy:
    kind, params = strategy_named(name), train or BY_TASK[task]
    with seeded(seed, CPU):
        return kind(task_of(task, classes), params, make_params(kind.Params, {**kind.defaults(params), **values}, name))


def toy_vectors(pixels: np.ndarray) -> np.ndarray:
    """(N, DIM) float16 beside images of which row r shows kind r % 3: a direction a kind, noise, and lengths of 1 to 9."""
    rng = np.random.default_rng(21)
    kinds = rng.standard_normal((3, DIM))
    noisy = kinds[np.arange(len(pixels)) % 3] + 0.7 * rng.standard_normal((len(pixels), DIM))
    return (noisy * rng.uniform(1, 9, (len(pixels), 1)) / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float16)


def seen(ids: np.ndarray, parts: dict[str, np.ndarray]) -> Seen:
    return Seen(ids, parts, {}, np.empty(0, np.int64), CPU)
