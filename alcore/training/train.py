"""The loop that trains: stages, losses, checkpoints, compiled backbones. Knows strategies and batches; no store, no jobs, no project."""

from __future__ import annotations

import copy
import csv
import io
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alcore.errors import AlcoreError
from alcore.files import written_whole
from alcore.nets.backbones import Backbone
from alcore.nets.crew import crew
from alcore.nets.models import kept_memory
from alcore.params import TrainParams
from alcore.progress import Progress, Report, ignore_progress
from alcore.strategies.base import Strategy, rate_factor
from alcore.training.checkpoints import check_finite, first_nonfinite, resume, save
from alcore.training.draws import PoolDraws
from alcore.training.precision import autocast, check_bf16

REPORT_EVERY = 0.25  # seconds between reads of the losses: each one waits for the device
READ_TOGETHER = 20  # steps between them where several processes read them, whose clocks differ
CHECKPOINT_EVERY = 30.0  # seconds


def train(
    strategy: Strategy,
    batches: PoolDraws,
    params: TrainParams,
    report: Report = ignore_progress,
    *,
    folder: Path | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> dict[str, float]:
    """All stages of `strategy`, in place.

    With a `folder`, the state is kept in checkpoint.pt now and then and when `report` raises, and losses are appended to history.csv;
    called again with the same folder the training goes on from there and gives the result it would have given.

    Returns:
        `seconds` of training (over all attempts) and `steps` taken.

    Raises:
        AlcoreError: losses or weights are not finite any more.
        BadInput: bf16 is asked for on a CPU that computes something else in it.
    """
    _share_cores(batches)
    check_bf16(strategy, batches, report)
    stages = strategy.stages(params.steps)
    total = sum(stage.steps for stage in stages)
    at, clock = resume(strategy, batches, folder)
    base_rates = {
        name: [group.setdefault("initial_lr", group["lr"]) for group in o.param_groups] for name, o in strategy.optimizers.items()
    }
    strategy.train()
    done, saved, reported, images = 0, time.perf_counter(), 0.0, 0
    values: dict[str, float] = {}
    reduced = autocast(params, batches.device)
    own = crew()
    if not own.leads:
        folder = None  # one writes
    with kept_memory(batches.device), _compiled(strategy, batches, report), _history(folder, at) as history:
        for stage in stages:
            for step in range(stage.steps):
                done += 1
                if done <= at:
                    continue
                if step == 0 and stage.start:
                    stage.start()
                factor = stage.rate(step, batches) if stage.rate else rate_factor(step, stage.steps, params)
                for name, optimizer in strategy.optimizers.items():
                    for group, rate in zip(optimizer.param_groups, base_rates[name], strict=True):
                        group["lr"] = rate * (1.0 if name in stage.constant else factor)
                if params.compile == "graphs":
                    torch.compiler.cudagraph_mark_step_begin()
                with reduced():
                    losses = stage.step(batches)
                images += params.batch_size
                now = time.perf_counter()
                due = now - reported > REPORT_EVERY if own.size == 1 else done % READ_TOGETHER == 0
                if due or done == total:
                    read = _read(losses, stage.name, done)
                    values = read | _speed(images, now - reported if reported else 0.0, batches.device)
                    history(stage.name, done, read)
                    reported, images = now, 0
                try:
                    report(Progress("training: " + stage.name, done, total, values))
                except BaseException:
                    if folder and not first_nonfinite(
                        strategy
                    ):  # whoever stops the run is heard, also when there is nothing fit to be kept
                        save(strategy, batches, folder, done, clock)
                    raise
                if folder and now - saved > checkpoint_every:
                    check_finite(strategy, batches, stage.name, done)
                    save(strategy, batches, folder, done, clock)
                    saved = time.perf_counter()
            if done > at:
                check_finite(strategy, batches, stage.name, done)
    if batches.device.type == "cuda":
        torch.cuda.synchronize(batches.device)
    return {"seconds": clock.seconds(), "steps": float(total)}


def _share_cores(batches: PoolDraws) -> None:
    """Small batches get one thread: a second one waits longer at the barriers than it works, and takes the core the web server needs."""
    if batches.device.type == "cpu":
        cores = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        torch.set_num_threads(max(1, min(cores, batches.params.batch_size * math.prod(batches.shape) // 49152)))


@contextmanager
def _compiled(strategy: Strategy, batches: PoolDraws, report: Report) -> Iterator[None]:
    """Inside, the backbones run compiled. One is tried on a batch of zeros first: when that fails, everything stays as it is."""
    mode, nets = batches.params.compile, [m for m in strategy.modules() if isinstance(m, Backbone)]
    if mode == "off" or len(batches.shape) == 1 or crew().size > 1:  # of vectors there is no time to be won back
        yield
        return
    options: dict[str, Any] = {"mode": "reduce-overhead"} if mode == "graphs" else {}
    zeros = torch.zeros(batches.params.batch_size, *batches.shape, device=batches.device).to(memory_format=torch.channels_last)
    report(Progress("training", 0, batches.params.steps, message="compiling the backbone"))
    try:
        with torch.random.fork_rng(devices=[]), autocast(batches.params, batches.device)():
            torch.compile(copy.deepcopy(nets[0]).train(), **options)(zeros).sum().backward()
    except torch.OutOfMemoryError:
        raise  # smaller batches cure that
    except Exception as wrong:  # the compiler's own errors, and an AssertionError from CUDA graphs in a thread that did not load them first
        reason = (str(wrong).strip() or type(wrong).__name__).splitlines()[0][:200]
        report(Progress("training", 0, batches.params.steps, message=f"not compiled, going on without: {reason}"))
        yield
        return
    for net in nets:
        net.compile(**options)
    try:
        yield
    finally:
        for net in nets:
            net._compiled_call_impl = None  # scoring, whose batches differ in size, runs as written


def _read(losses: Mapping[str, Tensor], stage: str, step: int) -> dict[str, float]:
    names = list(losses)
    numbers = crew().mean(torch.stack([losses[n].float() for n in names])).tolist()  # one wait for the device, not one a loss
    for name, number in zip(names, numbers, strict=True):
        if not np.isfinite(number):
            raise AlcoreError(
                f"training diverged: {name} is {number} at step {step} ({stage}). "
                f"Lower the learning rate, or this loss's weight, and start again."
            )
    return dict(zip(names, numbers, strict=True))


def _speed(images: int, seconds: float, device: torch.device) -> dict[str, float]:
    result = {"images_per_second": images / seconds} if seconds else {}
    if device.type == "cuda":
        result["device_memory"] = float(torch.cuda.max_memory_allocated(device))
    return result


@contextmanager
def _history(folder: Path | None, at: int) -> Iterator[Any]:
    """Appends to history.csv; steps after `at`, which a killed process took and this one takes again, are taken out first."""
    if folder is None:
        yield lambda *row: None
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "history.csv"
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            kept = [row for row in csv.reader(file) if len(row) == 4 and int(row[1]) <= at]
        with written_whole(path) as whole, io.TextIOWrapper(whole, encoding="utf-8", newline="") as text:
            csv.writer(text).writerows(kept)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)

        def write(stage: str, step: int, losses: Mapping[str, float]) -> None:
            writer.writerows((stage, step, name, f"{value:.6g}") for name, value in losses.items())
            file.flush()

        yield write
