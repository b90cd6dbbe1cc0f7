"""Rounds to order, and to stop."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import Progress
from alcore.strategies import strategy_named
from alcore.strategies.base import Strategy
from alcore.training.devices import seeded
from alcore.training.turn import Order

SHORT = {"steps": 6, "batch_size": 8}


class Stop(Exception):
    pass


def stop_at(stage: str, done: int):
    """A report that raises once `stage` has come to `done`."""

    def report(progress: Progress) -> None:
        if progress.stage == stage and progress.done >= done:
            raise Stop

    return report


def order(name: str, **train) -> Order:
    return Order(name, query_size=5, seed=3, device="cpu", train={**SHORT, **train})


def files(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, np.ndarray]]:
    with np.load(folder / "scores.npz") as stored:
        return load_file(folder / "model.safetensors"), dict(stored)


CPU = torch.device("cpu")
PARAMS = TrainParams(**SHORT)


def build(name: str, seed: int = 0, params: TrainParams = PARAMS) -> Strategy:
    with seeded(seed, CPU):
        return strategy_named(name)(Classification(3), params)


def history(folder: Path) -> list[list[str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.reader(file))
