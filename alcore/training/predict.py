"""A stored round's task model, brought back to look at images. Trains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError
from alcore.nets.models import evaluating, kept_memory
from alcore.nets.tasks import TASKS, train_params
from alcore.params import TrainParams
from alcore.progress import Progress, Report, ignore_progress
from alcore.strategies import params_of, strategy_named
from alcore.strategies.base import Strategy
from alcore.training.draws import PoolDraws

MODEL = "model.safetensors"


def restored(
    folder: Path,
    strategy: str,
    params: Mapping[str, Any],
    train: Mapping[str, Any],
    task: str,
    *,
    classes: int,
    side: int = 0,
    dim: int = 0,
) -> Strategy:
    """The strategy of a round as it was when its training ended, in evaluation mode on the CPU.

    Args:
        folder: the round's files.
        params, train: as the round's row has them.
        classes: how many there were then.
        side, dim: of the images in pixels, or of the vectors.

    Raises:
        AlcoreError: the file is gone, or of another version's network.
    """
    from safetensors.torch import load_file  # here, so that simulations run without it

    known = {key: value for key, value in train.items() if key in TrainParams.__dataclass_fields__}
    settled = train_params(task, {**known, "weights": "none"})  # its own are loaded below
    made = strategy_named(strategy)(TASKS[task](classes, side, dim), settled, params_of(strategy, params, settled))
    try:
        made.load_state_dict(load_file(folder / MODEL))
    except FileNotFoundError:
        raise AlcoreError(f"the model of this round is gone: bring back {folder / MODEL}, or train a new round") from None
    except RuntimeError as wrong:  # names and shapes of another version
        raise AlcoreError(f"the model in {folder} does not fit this version of alcore: train a new round") from wrong
    return made.eval()


def logits_of(strategy: Strategy, draws: PoolDraws, ids: np.ndarray, report: Report = ignore_progress) -> np.ndarray:
    """(n, K) float32 of the task model, which accuracy is measured on, for `ids` in their order."""
    made, done = np.empty((len(ids), strategy.task.classes), np.float32), 0
    with kept_memory(draws.device), evaluating(strategy):
        for part, x in draws.walk(ids):
            made[done : done + len(part)] = strategy.predict(x).float().cpu().numpy()
            done += len(part)
            report(Progress("predicting", done, len(ids)))
    return made
