"""Masks: scoring beside a bare inference pass, superpixels, saving a mask of 2048x1024 over HTTP, the first query on the street scenes.

Scoring: the bare pass is normalize, forward, softmax, entropy a pixel, its mean kept; each repeat runs every contender once, medians of the
ratios. Saving: from the POST to the answer after the commit, from another process.
"""

from __future__ import annotations

import http.client
import time
import zlib
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from PIL import Image
from torch import nn

from alcore.importing.samples import bundled_street
from alcore.nets.backbones import make_backbone
from alcore.nets.tasks import Segmentation, train_params
from alcore.pixels import masks
from alcore.project.facade import Project, Workspace
from alcore.strategies import STRATEGIES
from alcore.training.batches import Batches
from alcore.training.devices import pick_device
from alcore.training.pool import Pool
from alcore.training.walk import walk
from benchmarks.server import folder, p95, served

CLASSES, SIDE, IMAGES, REPEATS = 11, 128, 96, 5
SAVES = 60


def run(device_name: str = "cpu") -> dict[str, Any]:
    return {"scoring": _scoring(device_name), "superpixels": _superpixels(), "saving": _saving(), "first query": _first_query()}


def _scoring(device_name: str) -> dict[str, Any]:
    device = pick_device(device_name)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    ids, none = np.arange(IMAGES), np.empty(0, np.int64)
    pool = Pool(none, none, ids, none, none, ids, ids)
    params, task = train_params("segmentation", {}), Segmentation(CLASSES, SIDE)
    batches = Batches(pixels, pool, params, device, 0, dense=np.zeros((1, SIDE, SIDE), np.uint8))
    backbone = make_backbone(params.architecture)
    net = nn.Sequential(backbone, task.head(backbone.out_features)).to(device).to(memory_format=torch.channels_last).eval()
    dense = {name: kind for name, kind in STRATEGIES.items() if task.name in kind.tasks}
    strategies = {name: kind(task, params).to(device).to(memory_format=torch.channels_last) for name, kind in dense.items()}

    def bare() -> torch.Tensor:
        kept = []
        with torch.inference_mode():
            for start in range(0, IMAGES, batches.walk_size):
                x = torch.as_tensor(pixels[start : start + batches.walk_size]).to(device).permute(0, 3, 1, 2).float()
                p = task.full(net((x / 255 - 0.5) / 0.25)).softmax(1)
                kept.append(-(p * p.clamp_min(1e-12).log()).sum(1).mean((1, 2)))
            return torch.cat(kept).cpu()

    seconds: dict[str, list[float]] = {name: [] for name in ("bare pass", *strategies)}
    for repeat in range(REPEATS + 1):
        spent = {"bare pass": _timed(bare)}
        for name, strategy in strategies.items():
            spent[name] = _timed(lambda strategy=strategy: walk(strategy, batches, ids))
        for name, value in spent.items() if repeat else ():
            seconds[name].append(value)
    print(f"  scoring {IMAGES} images of {SIDE}x{SIDE}, {params.architecture}: bare pass {median(seconds['bare pass']):.2f} s")
    ratios = {n: median(s / b for s, b in zip(seconds[n], seconds["bare pass"], strict=True)) for n in strategies}
    for name, ratio in ratios.items():
        print(f"    {name:15s} {ratio:5.2f}x")
    return {"bare pass seconds": median(seconds["bare pass"]), "over bare pass": ratios}


def _superpixels() -> dict[str, float]:
    rng = np.random.default_rng(0)
    result = {}
    for width, height in ((480, 360), (2048, 1024)):
        # smooth blobs with noise: SLIC's time hardly depends on what is in the picture
        small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
        picture = np.clip(np.asarray(small).astype(int) + rng.integers(-10, 11, (height, width, 3)), 0, 255).astype(np.uint8)
        masks.superpixels(picture, 150)  # the first one imports scikit-image
        result[f"{width}x{height} ms"] = 1000 * median(
            _timed(lambda picture=picture: masks.superpixels(picture, 150)) for _ in range(REPEATS)
        )
    print("  superpixels:", ", ".join(f"{name} {value:.0f}" for name, value in result.items()))
    return result


def _saving() -> dict[str, float]:
    width, height = 2048, 1024
    with folder() as home:
        source = home / "images"
        source.mkdir(parents=True)
        rng = np.random.default_rng(0)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(source / "one.jpg", quality=90)
        workspace = Workspace(home)
        project = Project.import_into(workspace, "p", source, task="segmentation", classes=[str(n) for n in range(19)])
        token, item = workspace.token, next(iter(project.items.paths()))
        workspace.close()
        with served(home) as address:
            took = _save_all(address, token, item, rng, width, height)
    result = {"median ms": median(took), "p95 ms": p95(took)}
    print(f"  saving {width}x{height}: acknowledged median {result['median ms']:.0f} ms, p95 {result['p95 ms']:.0f} ms")
    return result


def _save_all(address: str, token: str, item: int, rng: np.random.Generator, width: int, height: int) -> list[float]:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    took = []
    for seq in range(1, SAVES + 1):
        mask = np.repeat(np.repeat(rng.integers(0, 19, (height // 16, width // 16), dtype=np.uint8), 16, 0), 16, 1)  # none twice
        body = zlib.compress(mask.tobytes(), 1)
        started = time.perf_counter()
        connection.request("POST", f"/api/v1/projects/p/items/{item}/mask?client=bench&seq={seq}&kind=mask", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        took.append(1000 * (time.perf_counter() - started))
        if answer.status != 200 or f"[{seq}]".encode() not in content:
            raise RuntimeError(f"mask {seq} was not taken: {answer.status} {content[:200]!r}")
    return took[5:]


def _first_query() -> dict[str, Any]:
    result: dict[str, Any] = {}
    with folder() as home:
        workspace = Workspace(Path(home))
        started = time.perf_counter()
        project = Project.import_into(workspace, "street", bundled_street())
        result["import seconds"] = time.perf_counter() - started
        project.label_from_truth(10, seed=0)
        for strategy in ("entropy", "mcdal", "mal"):
            started = time.perf_counter()
            done = project.run_round(strategy, query_size=10, seed=0, report=lambda _: None)
            result[strategy] = {"seconds": time.perf_counter() - started, "mean_iou": done.metrics["mean_iou"], **done.seconds}
            print(f"  street, {strategy}: {result[strategy]['seconds']:.0f} s to the query, mean IoU {done.metrics['mean_iou']:.3f}")
        workspace.close()
    return result


def _timed(call: Any) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started
