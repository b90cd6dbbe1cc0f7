"""Training beside a bare PyTorch loop over the same model, batch and augmentation: images/s of entropy, time a step of the others.

Each repeat runs every contender once, one after the other, so that whatever else the machine does hits all of them; medians of the ratios.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.nets.backbones import make_backbone
from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.strategies import STRATEGIES
from alcore.training.batches import Batches
from alcore.training.devices import pick_device
from alcore.training.pool import Pool
from alcore.training.train import train

CLASSES = 10
REPEATS = 7
CONTENDERS = ("entropy", "learning_loss", "mcdal", "mal")


def run(device_name: str = "cpu") -> dict[str, Any]:
    """Ratios for 8x8 digits and 32x32 images on the CPU; ResNet-18 as well on a GPU."""
    device = pick_device(device_name)
    cases = [("small_cnn", 8, 64, 300), ("small_cnn", 32, 64, 60)]
    if device.type == "cuda":
        cases = [("small_cnn", 32, 128, 400), ("resnet18_cifar", 32, 128, 200)]
    return {f"{architecture} {side}x{side}": _case(architecture, side, batch, steps, device) for architecture, side, batch, steps in cases}


def _case(architecture: str, side: int, batch: int, steps: int, device: torch.device) -> dict[str, float]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6000, side, side, 3), dtype=np.uint8)
    ids = np.arange(6000)
    labels = rng.integers(0, CLASSES, 6000)
    none = np.empty(0, np.int64)
    pool = Pool(ids[:2000], labels[:2000], ids[2000:], none, none, ids, ids)
    params = TrainParams(architecture=architecture, batch_size=batch, steps=steps)
    contenders: dict[str, Callable[[], float]] = {"bare loop": lambda: _bare(pixels[:2000], labels[:2000], params, device)}
    for name in CONTENDERS:
        contenders[name] = partial(_ours, name, pixels, pool, params, device)
    for contender in contenders.values():  # the first run pays for allocations and kernels
        contender()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(REPEATS):
        for name, contender in contenders.items():
            seconds[name].append(contender() / steps)
    result = {"bare loop images/s": batch / median(seconds["bare loop"])}
    for name in CONTENDERS:
        result[f"{name} time a step / bare"] = median(s / b for s, b in zip(seconds[name], seconds["bare loop"], strict=True))
    result["entropy images/s / bare"] = 1 / result["entropy time a step / bare"]
    print(f"{architecture} at {side}x{side}, batch {batch}, {device}")
    for name, value in result.items():
        print(f"  {name:32s} {value:10.2f}")
    return result


def _ours(name: str, pixels: np.ndarray, pool: Pool, params: TrainParams, device: torch.device) -> float:
    """Seconds of one training; of MAL the game alone, since its task model is trained after it."""
    strategy = STRATEGIES[name](Classification(CLASSES), params).to(device).to(memory_format=torch.channels_last)
    batches = Batches(pixels, pool, params, device, 0)
    if name == "mal":
        game = strategy.stages(params.steps)[0]
        strategy.stages = lambda steps: (game,)  # type: ignore[method-assign]
    return train(strategy, batches, params)["seconds"]


def _bare(pixels: np.ndarray, labels: np.ndarray, params: TrainParams, device: torch.device) -> float:
    """What a person would write: pad and crop, flip, forward, backward, step; with torch's own number of threads."""
    torch.set_num_threads(os.cpu_count() or 1)
    x = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
    y = torch.from_numpy(labels).to(device)
    backbone = make_backbone(params.architecture)
    net = nn.Sequential(backbone, nn.Linear(backbone.out_features, CLASSES)).to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    reach = round(params.crop * x.shape[2])
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    order = torch.randperm(len(x))
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    for step in range(params.steps):
        at = order[torch.arange(step * params.batch_size, (step + 1) * params.batch_size) % len(x)].to(device)
        with autocast:
            loss = F.cross_entropy(net(_augment(x[at], reach)), y[at])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _augment(x: Tensor, reach: int) -> Tensor:
    b, _, h, w = x.shape
    x = F.pad(x, (reach,) * 4)
    rows = torch.arange(h, device=x.device)[None] + torch.randint(0, 2 * reach + 1, (b, 1), device=x.device)
    columns = torch.arange(w, device=x.device)[None] + torch.randint(0, 2 * reach + 1, (b, 1), device=x.device)
    columns = torch.where(torch.rand(b, 1, device=x.device) < 0.5, columns.flip(1), columns)
    x = x.permute(0, 2, 3, 1)[torch.arange(b, device=x.device)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return ((x.permute(0, 3, 1, 2).float() / 255) - 0.5) / 0.25
