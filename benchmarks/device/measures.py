"""Speed and memory on the device: training beside a bare loop, scoring and choosing, dense labels, compiled backbones."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from alcore.nets.backbones import make_backbone
from alcore.nets.models import evaluating
from alcore.nets.tasks import TASKS
from alcore.params import TrainParams, make_params
from alcore.progress import Progress
from alcore.simulation.presets import PAPER_NETWORKS, preset_named
from alcore.strategies import STRATEGIES
from alcore.strategies.base import Strategy
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.pool import Pool
from alcore.training.train import train
from alcore.training.walk import query, walk
from benchmarks.device.record import Record, forget_peak, peak, synchronize
from benchmarks.score import _bare as bare_pass
from benchmarks.train import _augment as augment

CLASSES = 10


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    architecture: str = "resnet18_cifar"
    side: int = 32
    batch: int = 128
    steps: int = 120
    block: int = 20  # steps between two looks at the clock, each of which waits for the device
    warm: int = 1  # blocks at the start that do not count
    trained: int = 30  # steps before scoring
    pool: int = 45_000
    labeled: int = 5_000
    asked: int = 2_500
    dense_architecture: str = "drn_d_22"
    dense_side: int = 688
    dense_steps: int = 30
    dense_block: int = 5
    frames: int = 200
    classes: int = 19


FULL = Size()
TINY = Size(
    architecture="small_cnn",
    side=16,
    batch=8,
    steps=8,
    block=2,
    trained=2,
    pool=60,
    labeled=20,
    asked=5,
    dense_architecture="small_drn",
    dense_side=32,
    dense_steps=4,
    dense_block=2,
    frames=6,
    classes=4,
)


class Blocks:
    """A report that looks at the clock after every `block` steps of a stage, when the device has done them."""

    def __init__(self, block: int, device: torch.device) -> None:
        self.block, self.device = block, device
        self.marks: dict[str, list[float]] = {}  # stage -> clock at its first step and after each block
        self.count: dict[str, int] = {}
        self.messages: list[str] = []
        self.values: Mapping[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        if progress.message:
            self.messages.append(progress.message)
        if not progress.stage.startswith("training: "):
            return
        stage = progress.stage.removeprefix("training: ")
        self.values = progress.values or self.values
        self.count[stage] = self.count.get(stage, 0) + 1
        if self.count[stage] == 1 or (self.count[stage] - 1) % self.block == 0:
            synchronize(self.device)
            self.marks.setdefault(stage, []).append(time.perf_counter())

    def seconds(self, warm: int) -> dict[str, list[float]]:
        """stage -> seconds a step of each block but the first `warm`; of all where there are no more."""
        return {stage: _a_step(marks, self.block, warm) for stage, marks in self.marks.items() if len(marks) > 1}


def _a_step(marks: list[float], block: int, warm: int) -> list[float]:
    seconds = [s / block for s in np.diff(marks).tolist()]
    return seconds[warm:] or seconds


def made(name: str, task: str, params: TrainParams, classes: int, side: int, device: torch.device, values: Mapping[str, Any]) -> Strategy:
    """A strategy on the device as a round makes it."""
    kind = STRATEGIES[name]
    with seeded(0, device):
        strategy = kind(TASKS[task](classes, side), params, make_params(kind.Params, values, name))
        return strategy.to(device).to(memory_format=torch.channels_last)


def flat_pool(size: Size) -> tuple[np.ndarray, Pool]:
    """Random images of `size.side` pixels, of which the first `labeled` have a random class."""
    rng = np.random.default_rng(0)
    n, none = size.labeled + size.pool, np.empty(0, np.int64)
    pixels = rng.integers(0, 256, (n, size.side, size.side, 3), dtype=np.uint8)
    ids = np.arange(n)
    labels = rng.integers(0, CLASSES, size.labeled)
    return pixels, Pool(ids[: size.labeled], labels, ids[size.labeled :], none, none, ids, ids)


# ---- training beside a bare loop


def training(record: Record, size: Size, device: torch.device, names: list[str]) -> None:
    """Every strategy's step beside a bare loop over the same model, batch and augmentation, measured just before it."""
    params = TrainParams(architecture=size.architecture, batch_size=size.batch, steps=size.steps)
    pixels, pool = flat_pool(size)
    for name in names:
        record.take(name, lambda name=name: _beside_bare(name, params, pixels, pool, size, device), device, least=8.0)  # type: ignore[misc]


def _beside_bare(name: str, params: TrainParams, pixels: np.ndarray, pool: Pool, size: Size, device: torch.device) -> dict[str, Any]:
    forget_peak(device)
    bare = _bare_loop(pixels[: size.labeled], pool.targets, params, size, device)
    bare_peak = peak(device)["peak GB"]
    blocks, memory, strategy = _trained(name, params, pixels, pool, size, device)
    seconds = blocks.seconds(size.warm)
    step = median(bare)
    stages = {stage: 1000 * median(each) for stage, each in seconds.items()}
    long = {stage.name: stage.steps for stage in strategy.stages(params.steps)}
    whole = sum(stages[stage] * steps for stage, steps in long.items() if stage in stages) / params.steps
    return {
        "bare ms a step": 1000 * step,
        "bare images/s": size.batch / step,
        "bare spread": (max(bare) - min(bare)) / step,
        "ms a step": stages,
        "ms of a round / steps": whole,
        "ratio": whole / (1000 * step),
        "stage ratios": {stage: ms / (1000 * step) for stage, ms in stages.items()},
        "labeled images/s": 1000 * size.batch / whole,
        "losses": dict(blocks.values),
        "bare peak GB": bare_peak,
        **memory,
    }


def _trained(
    name: str, params: TrainParams, pixels: np.ndarray, pool: Pool, size: Size, device: torch.device
) -> tuple[Blocks, dict[str, Any], Strategy]:
    forget_peak(device)
    strategy = made(name, "classification", params, CLASSES, size.side, device, PAPER_NETWORKS.get(name, {}))
    blocks = Blocks(size.block, device)
    with seeded(1, device):
        train(strategy, Batches(pixels, pool, params, device, 0), params, blocks)
    return blocks, peak(device), strategy


def _bare_loop(pixels: np.ndarray, labels: np.ndarray, params: TrainParams, size: Size, device: torch.device) -> list[float]:
    """Seconds a step of each block of what a person would write: pad and crop, flip, forward in bf16, backward, step."""
    x = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
    y = torch.from_numpy(labels).to(device)
    backbone = make_backbone(params.architecture)
    net = nn.Sequential(backbone, nn.Linear(backbone.out_features, CLASSES)).to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        net.parameters(), lr=params.learning_rate, momentum=params.momentum, weight_decay=params.weight_decay, fused=True
    )
    reach = round(params.crop * x.shape[2])
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    order, marks = torch.randperm(len(x)), list[float]()
    for step in range(params.steps + 1):
        if step % size.block == 0:
            synchronize(device)
            marks.append(time.perf_counter())
        at = order[torch.arange(step * size.batch, (step + 1) * size.batch) % len(x)].to(device)
        with autocast:
            loss = F.cross_entropy(net(augment(x[at], reach)), y[at])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return _a_step(marks, size.block, size.warm)


# ---- compiled backbones


def graphs(record: Record, size: Size, device: torch.device, names: list[str]) -> None:
    """The same strategies with compile=graphs and off; on the CPU compile=on, since graphs are CUDA's."""
    base = TrainParams(architecture=size.architecture, batch_size=size.batch, steps=size.steps)
    pixels, pool = flat_pool(size)
    for name in [n for n in ("entropy", "mcdal", "mal") if n in names]:

        def measured(name: str = name) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for mode in ("off", "graphs" if device.type == "cuda" else "on"):
                torch._dynamo.reset()
                started = time.perf_counter()
                params = dataclasses.replace(base, compile=mode)
                blocks, memory, strategy = _trained(name, params, pixels, pool, size, device)
                if said := [m for m in blocks.messages if m.startswith("not compiled")]:
                    raise RuntimeError(said[0])
                stages = {stage: 1000 * median(each) for stage, each in blocks.seconds(size.warm).items()}
                whole = sum(stages[s.name] * s.steps for s in strategy.stages(params.steps) if s.name in stages) / params.steps
                result[mode] = {"ms a step": stages, "ms of a round / steps": whole, "losses": dict(blocks.values), **memory}
                result[mode]["seconds in all"] = time.perf_counter() - started
            off, compiled = (each["ms of a round / steps"] for each in result.values())
            return result | {"speed-up": off / compiled}

        record.take(name, measured, device, least=15.0)


# ---- scoring and choosing


def scoring(record: Record, size: Size, device: torch.device, names: list[str]) -> None:
    """Seconds to score the pool (and the labeled images) and to choose, after a few steps of training; one bare pass beside them."""
    params = TrainParams(architecture=size.architecture, batch_size=size.batch, steps=size.trained)
    pixels, pool = flat_pool(size)

    def bare() -> dict[str, Any]:
        backbone = make_backbone(params.architecture)
        net = nn.Sequential(backbone, nn.Linear(backbone.out_features, CLASSES)).to(device).to(memory_format=torch.channels_last)
        batches = Batches(pixels, pool, params, device, 0)
        with evaluating(net):  # float32 as ours: no TensorFloat-32
            bare_pass(net, batches, pool.unlabeled[:2048])
            forget_peak(device)
            spent = _timed(lambda: bare_pass(net, batches, pool.unlabeled), device)
        return {"score seconds": spent, "images": len(pool.unlabeled), "images/s": len(pool.unlabeled) / spent, **peak(device)}

    record.take("bare pass", bare, device)
    for name in names:

        def measured(name: str = name) -> dict[str, Any]:
            strategy = made(name, "classification", params, CLASSES, size.side, device, PAPER_NETWORKS.get(name, {}))
            batches = Batches(pixels, pool, params, device, 0)
            with seeded(1, device):
                train(strategy, batches, params)
            walk(strategy, batches, pool.unlabeled[:2048])  # pays for what only a first call does
            forget_peak(device)
            scores, walked, spent = query(strategy, batches, size.asked, np.random.default_rng(0))
            if len(scores.selected) != size.asked:
                raise RuntimeError(f"{len(scores.selected)} images were chosen instead of {size.asked}")
            return {
                "score seconds": spent["score"],
                "select seconds": spent["select"],
                "images": len(walked.ids),
                "images/s": len(walked.ids) / spent["score"],
                "asked": size.asked,
                **peak(device),
            }

        record.take(name, measured, device, least=8.0)


# ---- dense labels


def dense(record: Record, size: Size, device: torch.device, names: list[str]) -> None:
    """DRN at the papers' size: images/s and memory of training with the presets' batches, seconds to score frames."""
    rng = np.random.default_rng(0)
    labeled, side, none = min(40, size.frames), size.dense_side, np.empty(0, np.int64)
    n = labeled + size.frames
    pixels = rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    masks = rng.integers(0, size.classes, (labeled, side // 8, side // 8), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    ids = np.arange(n)
    pool = Pool(ids[:labeled], np.arange(labeled), ids[labeled:], none, none, ids, ids)
    presets = {"random": "mal-cityscapes", "mal": "mal-cityscapes", "mcdal": "mcdal-cityscapes"}
    for name in [n for n in presets if n in names]:
        preset = preset_named(presets[name])
        given = {**preset.train, "weights": "none", "architecture": size.dense_architecture, "steps": size.dense_steps}
        params = make_params(TrainParams, {**TASKS["segmentation"].recipe, **given}, "training")

        def measured(name: str = name, preset: Any = preset, params: TrainParams = params) -> dict[str, Any]:
            while True:
                try:
                    return _dense_one(name, params, pixels, masks, pool, size, device, preset.params.get(name, {}))
                except torch.OutOfMemoryError:
                    if params.batch_size <= 1:
                        raise
                params = dataclasses.replace(params, batch_size=params.batch_size // 2)
                forget_peak(device)

        record.take(name, measured, device, least=10.0)


def _dense_one(
    name: str, params: TrainParams, pixels: np.ndarray, masks: np.ndarray, pool: Pool, size: Size, device: torch.device, values: Any
) -> dict[str, Any]:
    forget_peak(device)
    strategy = made(name, "segmentation", params, size.classes, size.dense_side, device, values)
    batches = Batches(pixels, pool, params, device, 0, dense=masks)
    blocks = Blocks(size.dense_block, device)
    with seeded(1, device):
        train(strategy, batches, params, blocks)
    trained = peak(device)
    stages = {stage: 1000 * median(each) for stage, each in blocks.seconds(size.warm).items()}
    walk(strategy, batches, pool.unlabeled[:16])
    forget_peak(device)
    spent = _timed(lambda: walk(strategy, batches, pool.unlabeled), device)
    scored = peak(device)
    return {
        "batch": params.batch_size,
        "ms a step": stages,
        "labeled images/s": {stage: 1000 * params.batch_size / ms for stage, ms in stages.items()},
        "losses": dict(blocks.values),
        **trained,
        "frames": len(pool.unlabeled),
        "score seconds": spent,
        "score frames/s": len(pool.unlabeled) / spent,
        "score peak GB": scored["peak GB"],
        "walked at once": batches.walk_size,
    }


def _timed(call: Any, device: torch.device) -> float:
    synchronize(device)
    started = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - started
