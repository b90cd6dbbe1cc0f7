"""Scoring a pool beside one bare inference pass of the same network over the same images, every strategy; and choosing 500 of it.

The bare pass is what a person would write: normalize, forward, softmax, entropy, all of it kept. Each repeat runs every contender once;
medians of the ratios.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from alcore.nets.backbones import make_backbone
from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.strategies import STRATEGIES
from alcore.training.batches import Batches
from alcore.training.devices import pick_device
from alcore.training.pool import Pool
from alcore.training.walk import query, walk

CLASSES = 10
REPEATS = 5
QUERY = 100


def run(device_name: str = "auto") -> dict[str, Any]:
    """Seconds and ratios; 45,000 images of 32x32 under resnet18_cifar on a GPU, 2,048 under small_cnn on a CPU."""
    device = pick_device(device_name)
    n, architecture = (45_000, "resnet18_cifar") if device.type == "cuda" else (2_048, "small_cnn")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n + 1000, 32, 32, 3), dtype=np.uint8)
    ids, none = np.arange(n + 1000), np.empty(0, np.int64)
    pool = Pool(ids[n:], rng.integers(0, CLASSES, 1000), ids[:n], none, none, ids, ids)
    params = TrainParams(architecture=architecture)
    batches = Batches(pixels, pool, params, device, 0)
    backbone = make_backbone(architecture)
    net = nn.Sequential(backbone, nn.Linear(backbone.out_features, CLASSES)).to(device).to(memory_format=torch.channels_last).eval()
    strategies = {
        name: kind(Classification(CLASSES, 32), params).to(device).to(memory_format=torch.channels_last)
        for name, kind in STRATEGIES.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in ("bare pass", *strategies)}
    for repeat in range(REPEATS + 1):
        spent = {"bare pass": _timed(device, lambda: _bare(net, batches, pool.unlabeled))}
        for name, strategy in strategies.items():
            spent[name] = _timed(device, lambda strategy=strategy: walk(strategy, batches, pool.unlabeled))
        for name, value in spent.items() if repeat else ():  # the first pays for allocations and kernels
            seconds[name].append(value)
    result: dict[str, Any] = {"images": n, "bare pass images/s": n / median(seconds["bare pass"])}
    print(f"{architecture}, {n:,} images of 32x32, {device}: bare pass {median(seconds['bare pass']):.2f} s")
    for name, strategy in strategies.items():
        _, _, spent = query(strategy, batches, QUERY, np.random.default_rng(0))
        ratio = median(s / b for s, b in zip(seconds[name], seconds["bare pass"], strict=True))
        result[name] = {"seconds": median(seconds[name]), "over bare pass": ratio, "choose seconds": spent["select"]}
        print(f"  {name:15s} {median(seconds[name]):7.2f} s, {ratio:6.2f}x; choosing {QUERY}: {spent['select']:.2f} s")
    return result


def _bare(net: nn.Module, batches: Batches, ids: np.ndarray) -> torch.Tensor:
    kept = []
    with torch.inference_mode():
        for start in range(0, len(ids), 512):
            x = torch.as_tensor(batches.pixels[ids[start : start + 512]]).to(batches.device).permute(0, 3, 1, 2).float()
            p = net((x / 255 - 0.5) / 0.25).softmax(1)
            kept.append(-(p * p.clamp_min(1e-12).log()).sum(1))
        return torch.cat(kept).cpu()


def _timed(device: torch.device, call: Any) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
