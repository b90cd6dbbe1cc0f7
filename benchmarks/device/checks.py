"""Correctness on the device: small rounds beside the same rounds on the CPU, draws, bf16, resume, k-center, and memory that runs out."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alcore.measures.centers import k_center, nearest
from alcore.measures.clusters import k_means
from alcore.nets.tasks import TASKS, train_params
from alcore.params import TrainParams
from alcore.progress import Progress
from alcore.strategies import STRATEGIES
from alcore.training import train as training
from alcore.training.batches import Batches, Pixels
from alcore.training.devices import seeded
from alcore.training.pool import Pool
from alcore.training.train import train
from alcore.training.turn import Material, Order, Turn, turn
from alcore.training.walk import evaluate, inspect, walk
from alcore.types import VOID
from benchmarks.device.measures import Size, made
from benchmarks.device.record import Record

CPU = torch.device("cpu")
CLASSES, SIDE, ASKED, STEPS = 3, 32, 5, 4
# the device draws noise of its own: dropout, and the VAE's z
NOISY = {"bald": {"cross_entropy"}, "vaal": {"vae", "discriminator"}, "sraal": {"vae", "discriminator"}}
LOSS_OFF, SCORE_OFF = 0.05, 2e-3  # relative to 1 + |value|: training may use TensorFloat-32, scoring may not


def checks(record: Record, size: Size, device: torch.device, names: list[str]) -> None:
    """Everything; a figure is how far the device was from the CPU."""
    record.take("draws", lambda: _draws(device), device)
    record.take("k-center", lambda: _centers(device), device)
    for task in TASKS:
        for name in names:
            if task in STRATEGIES[name].tasks:
                record.take(f"{task} {name}", lambda task=task, name=name: _round(task, name, device), device)  # type: ignore[misc]
    record.take("regions", lambda: _regions("tiles", device), device)  # superpixels need scikit-image and no device
    for name in [n for n in ("entropy", "mal", "mcdal") if n in names]:
        record.take(f"resume {name}", lambda name=name: _resumed(name, device), device)  # type: ignore[misc]
    if device.type == "cuda":
        record.take("memory runs out", lambda: _memory(device), device)


# ---- what is looked at


class _Unpacked:
    """The same images as a source that is not in memory, so that they are fetched by threads."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.shape, self._pixels = pixels.shape, pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        return self._pixels[positions]

    __getitem__ = rows


def _data(task: str) -> tuple[np.ndarray, Pool, np.ndarray | None]:
    """Noise whose color shows the class, of the image or of each of its quarters; 24 labeled, 40 not, 12 for the test."""
    rng = np.random.default_rng(0)
    n, ids = 76, np.arange(76)
    masks: np.ndarray | None = None
    if not TASKS[task].dense:
        labels = rng.integers(0, CLASSES, n)
        means = 60 + 60 * labels[:, None, None, None]
        shown = labels
    else:
        quarters = rng.integers(0, CLASSES, (n, 2, 2), dtype=np.uint8)
        masks = quarters.repeat(SIDE // 2, 1).repeat(SIDE // 2, 2)
        means = 60 + 60 * masks[..., None].astype(np.int64)
        masks[:, :2] = VOID
        shown = np.arange(n)
    pixels = np.clip(means + rng.integers(-40, 41, (n, SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    pool = Pool(ids[:24], shown[:24], ids[24:64], ids[64:], shown[64:], ids, ids)
    return pixels, pool, masks


def _params(task: str, **change: Any) -> TrainParams:
    return train_params(task, {"steps": STEPS, "batch_size": 8, "learning_rate": 0.02, "rotation": 10.0, "precision": "fp32", **change})


@contextmanager
def _every_loss() -> Iterator[None]:
    """Inside, training reads the losses of every step."""
    before, training.REPORT_EVERY = training.REPORT_EVERY, -1.0
    try:
        yield
    finally:
        training.REPORT_EVERY = before


def _turned(task: str, name: str, device: torch.device, params: TrainParams) -> tuple[Turn, dict[str, float]]:
    pixels, pool, masks = _data(task)
    losses: dict[str, float] = {}

    def report(progress: Progress) -> None:
        if progress.stage.startswith("training: "):
            stage = progress.stage.removeprefix("training: ")
            speeds = ("images_per_second", "device_memory")
            losses.update({f"{stage}: {loss}": value for loss, value in progress.values.items() if loss not in speeds})

    with _every_loss():
        order = Order(name, ASKED, 0, str(device), train=vars(params), task=task)
        done = turn(order, Material(pool, CLASSES, pixels, masks), report)
    return done, losses


def _off(here: Any, there: Any) -> float:
    """The largest difference, relative to 1 + |value|."""
    here, there = np.asarray(here, np.float64), np.asarray(there, np.float64)
    if here.shape != there.shape:
        raise AssertionError(f"shapes {here.shape} and {there.shape}")
    if not (np.isfinite(here).all() and np.isfinite(there).all()):
        raise AssertionError("not finite")
    return float((np.abs(here - there) / (1 + np.abs(there))).max()) if here.size else 0.0


def _within(what: str, off: float, most: float) -> None:
    if off > most:
        raise AssertionError(f"{what} is off by {off:.3g}, more than {most:g}")


# ---- checks


def _round(task: str, name: str, device: torch.device) -> dict[str, Any]:
    """A round there and on the CPU: losses, metrics and query; the CPU's weights scored there; a round in bf16; pixels for the editor."""
    params = _params(task)
    there, losses_there = _turned(task, name, device, params)
    here, losses_here = _turned(task, name, CPU, params)
    for done in (there, here):
        if len(done.scores.selected) != ASKED:
            raise AssertionError(f"{len(done.scores.selected)} asked instead of {ASKED}")
        _off(done.scores.total, done.scores.total)
    if losses_here.keys() != losses_there.keys():
        raise AssertionError(f"losses {sorted(losses_there)} instead of {sorted(losses_here)}")
    noisy = NOISY.get(name, set())
    off = {loss: _off(losses_there[loss], value) for loss, value in losses_here.items()}
    for loss, value in off.items():
        if loss.split(": ")[-1] not in noisy:
            _within(f"loss {loss}", value, LOSS_OFF)
    pixels, pool, masks = _data(task)
    strategy = made(name, task, params, CLASSES, SIDE, device, {})
    strategy.load_state_dict(here.strategy.state_dict())
    batches = Batches(pixels, pool, params, device, 0, dense=masks)
    walked = walk(strategy, batches, here.walked.ids)
    score_off = 0.0
    for which, shown in (("parts", here.walked.parts), ("arrays", here.walked.arrays)):
        for score, values in shown.items():
            one = _off(getattr(walked, which)[score], values)
            _within(f"score {score} of the same weights", one, SCORE_OFF)
            score_off = max(score_off, one)
    metric_off = max(_off(value, here.metrics[key]) for key, value in evaluate(strategy, batches).items())
    half, _ = _turned(task, name, device, dataclasses.replace(params, precision="bf16"))
    if TASKS[task].dense and not list(inspect(strategy, batches, pool.unlabeled[:3])):
        raise AssertionError("no pixels to show")
    return {
        "losses off": max((value for loss, value in off.items() if loss.split(": ")[-1] not in noisy), default=None),
        "scores off": score_off,
        "metrics off": metric_off,
        "same query": bool(np.array_equal(there.scores.selected, here.scores.selected)),
        "bf16 loss": half.fitted["loss"],
        "fp32 loss": there.fitted["loss"],
    }


def _draws(device: torch.device) -> dict[str, Any]:
    """Batches that are in the device's memory, and batches that are fetched, are those of the CPU."""
    figures = {}
    for task in TASKS:
        pixels, pool, masks = _data(task)
        params = _params(task, rotation=15.0)
        sources: dict[str, tuple[Pixels, torch.device]] = {
            "resident": (pixels, device),
            "fetched": (_Unpacked(pixels), device),
            "cpu": (pixels, CPU),
        }
        drawn = {name: _drawn(source, pool, params, where, masks) for name, (source, where) in sources.items()}
        for name in ("resident", "fetched"):
            images = max(_off(a, b) for a, b in zip(drawn[name][0], drawn["cpu"][0], strict=True))
            # a rotated corner may round to another pixel on another device
            targets = max(float((a != b).mean()) for a, b in zip(drawn[name][1], drawn["cpu"][1], strict=True))
            _within(f"{name} images of {task}", images, 1e-3)
            _within(f"share of other {name} targets of {task}", targets, 0.005)
            figures[f"{task} {name} off"] = images
            figures[f"{task} {name} targets off"] = targets
    return figures


def _drawn(
    source: Pixels, pool: Pool, params: TrainParams, where: torch.device, masks: np.ndarray | None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    batches = Batches(source, pool, params, where, 0, dense=masks)
    images, targets = [], []
    for _ in range(5):
        x, y = batches.labeled()
        images += [x, batches.unlabeled()]
        targets.append(y)
    images += [x for _, x in batches.walk(pool.unlabeled, 7)]
    images += [x for _, x in batches.walk(pool.unlabeled, 7, augmented=True)]
    targets.append(batches.target(pool.targets))
    if any(t.device.type != where.type for t in (*images, *targets)):
        raise AssertionError("something was left on the CPU")
    return [x.cpu().numpy() for x in images], [y.cpu().numpy() for y in targets]


def _centers(device: torch.device) -> dict[str, Any]:
    """Distances and picks of k-center, and clusters, equal to the CPU's; with duplicates and ties."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 64)).astype(np.float32)
    points[1000:1100] = points[:100]  # duplicates
    points[2000:2200, 8:] = 0.0
    centers, ids = np.concatenate([points[500:520], rng.normal(size=(180, 64)).astype(np.float32)]), rng.permutation(3000)
    off = _off(nearest(points, centers, device=device), nearest(points, centers))
    _within("nearest", off, 1e-12)
    for covered in (None, centers):
        there, here = (k_center(points, covered, 300, ids, device=where) for where in (device, None))
        if not np.array_equal(there, here):
            raise AssertionError(f"{int((there != here).sum())} of 300 picks differ, the first is number {int((there != here).argmax())}")
    labels = [k_means(points, 20, np.random.default_rng(0), device=where) for where in (device, CPU)]
    return {"nearest off": off, "picks": 300, "k-means alike": float((labels[0] == labels[1]).mean())}


def _regions(unit: str, device: torch.device) -> dict[str, Any]:
    done, _ = _turned("segmentation", "mcdal", device, _params("segmentation", query_unit=unit, region_count=4))
    if not done.scores.regions:
        raise AssertionError("no region was asked for")
    return {"regions": sum(map(len, done.scores.regions.values()))}


class _Stop(Exception):
    pass


def _resumed(name: str, device: torch.device) -> dict[str, Any]:
    """Stopped in the middle and gone on with, the weights are those of a training that was not stopped; twice without a stop says how
    alike two trainings are on this device at all."""
    pixels, pool, _ = _data("classification")
    params = _params("classification", steps=8, precision="auto")

    def trained(stop: int = 0) -> np.ndarray:
        def report(progress: Progress) -> None:
            if progress.stage.startswith("training: ") and progress.done == stop:
                raise _Stop

        def once(folder: Path | None, report: Any) -> np.ndarray:
            with seeded(0, device):
                strategy = made(name, "classification", params, CLASSES, SIDE, device, {})
                train(strategy, Batches(pixels, pool, params, device, 0), params, report, folder=folder)
            return np.concatenate([v.detach().float().cpu().numpy().ravel() for v in strategy.state_dict().values()])

        with tempfile.TemporaryDirectory() as folder:
            if stop:
                try:
                    once(Path(folder), report)
                except _Stop:
                    return once(Path(folder), lambda _: None)
                raise AssertionError("it was not stopped")
            return once(None, lambda _: None)

    whole, again, resumed = trained(), trained(), trained(stop=5)
    noise, off = _off(again, whole), _off(resumed, whole)
    _within("a resumed training", off, max(10 * noise, 5e-4))  # what is forgotten at a stop shows as 0.01 or more
    return {"resumed off": off, "two runs off": noise}


def _memory(device: torch.device) -> dict[str, Any]:
    """When memory runs out the batch is halved until it fits."""
    pixels, pool, _ = _data("classification")
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.8e9 / total, device)
    try:
        params = TrainParams(batch_size=8192, steps=2, precision="fp32")
        done = turn(Order("entropy", ASKED, 0, str(device), train=vars(params)), Material(pool, CLASSES, pixels))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
        torch.cuda.empty_cache()
    if done.train.batch_size >= 8192:
        raise AssertionError("8,192 images fitted, so nothing was shown")
    return {"batch": done.train.batch_size}
