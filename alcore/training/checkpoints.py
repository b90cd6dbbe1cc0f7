"""What a training that is stopped leaves behind and goes on from; only finite weights are kept. Knows strategies and batches."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from alcore.errors import AlcoreError, disk_full_told
from alcore.files import written_whole
from alcore.strategies.base import Strategy
from alcore.training.draws import PoolDraws
from alcore.training.precision import uses_bf16


@dataclass
class Clock:
    """Seconds since the start, held across a resume."""

    before: float = 0.0

    def __post_init__(self) -> None:
        self.started = time.perf_counter()

    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.started


def first_nonfinite(strategy: Strategy) -> str:
    """The name of the first parameter or statistic that holds a number which is not finite; "" when there is none."""
    state = {name: value for name, value in strategy.state_dict().items() if value.is_floating_point()}
    finite = torch.stack([value.isfinite().all() for value in state.values()]).tolist()  # one wait for the device
    return next((name for name, fine in zip(state, finite, strict=True) if not fine), "")


def check_finite(strategy: Strategy, batches: PoolDraws, stage: str, step: int) -> None:
    """Losses may stay finite while weights do not: a gradient that was never written, a network whose loss is not told.

    Raises:
        AlcoreError: a parameter or a statistic of the networks is not finite.
    """
    if name := first_nonfinite(strategy):
        cure = "Lower the learning rate, or use precision=fp32," if uses_bf16(batches.params, batches.device) else "Lower the learning rate"
        raise AlcoreError(f"training diverged: {name} is not finite after step {step} ({stage}). {cure} and start again.")


def save(strategy: Strategy, batches: PoolDraws, folder: Path, done: int, clock: Clock) -> None:
    """Keeps everything the steps after `done` depend on in checkpoint.pt, whole or not at all.

    Raises:
        DiskFull: there is no space; the checkpoint that was there before stays.
    """
    state = {
        "done": done,
        "seconds": clock.seconds(),
        "model": strategy.state_dict(),
        "optimizers": {name: o.state_dict() for name, o in strategy.optimizers.items()},
        "batches": batches.state(),
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state(batches.device) if batches.device.type == "cuda" else None,
    }
    whole = io.BytesIO()  # torch's own writer turns a full disk into a RuntimeError
    torch.save(state, whole)
    with disk_full_told(folder, "the checkpoint"), written_whole(folder / "checkpoint.pt") as file:
        file.write(whole.getbuffer())


def resume(strategy: Strategy, batches: PoolDraws, folder: Path | None) -> tuple[int, Clock]:
    """Steps done and seconds spent before, with strategy, batches and generators as they were then; 0 without a checkpoint.

    Raises:
        AlcoreError: the checkpoint is of a version whose networks or optimizers were others: going on would give another round.
    """
    path = folder / "checkpoint.pt" if folder else None
    if path is None or not path.is_file():
        return 0, Clock()
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        strategy.load_state_dict(state["model"])
        for name, optimizer in strategy.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
    except (KeyError, RuntimeError, ValueError) as wrong:
        raise AlcoreError(
            f"the checkpoint {path} was made by another version of alcore, which trained otherwise: start a new round"
        ) from wrong
    batches.restore(state["batches"])
    torch.set_rng_state(state["rng"])
    if state["rng_cuda"] is not None and batches.device.type == "cuda":
        torch.cuda.set_rng_state(state["rng_cuda"], batches.device)
    return int(state["done"]), Clock(before=float(state["seconds"]))
