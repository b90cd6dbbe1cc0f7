"""Greedy k-center beside the plain loop in numpy and scikit-activeml's CoreSet: seconds, as ratios, on trained and on random embeddings.

Each repeat runs every contender once, one after the other; medians of the ratios, but scikit-activeml runs once. By default 10,000 images
x 512 and 500 picks: two minutes. ALCORE_FULL=1 runs 40,000 images, 5,000 labeled ones and 2,500 picks as well; ALCORE_EMBEDDINGS names an
.npy file (N, d) to be used for the trained embeddings, such as the embedding.npy of a round. scikit-activeml is in
benchmarks/requirements.txt; without it it is left out.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from alcore.measures.centers import k_center
from alcore.nets.backbones import make_backbone

REPEATS = 3
DIGITS = Path(__file__).resolve().parents[1] / "sample_data" / "digits" / "train"
STEPS = 60


def run() -> dict[str, Any]:
    full = os.environ.get("ALCORE_FULL", "") not in ("", "0")
    sizes = [(10_000, 1000, 500)] + [(40_000, 5000, 2500)] * full
    most = max(points + labeled for points, labeled, _ in sizes)
    pools = {"trained": _trained(most), "random": np.random.default_rng(0).normal(size=(most, 512)).astype(np.float32)}
    result: dict[str, Any] = {}
    for count, labeled, picks in sizes:
        for kind, embedding in pools.items():
            count = min(count, len(embedding) - labeled)
            centers, points = embedding[:labeled].copy(), embedding[labeled : labeled + count].copy()
            for start, given in (("with labels", centers), ("without labels", None)):
                name = f"{kind}, {count:,} x {points.shape[1]}, {picks:,} picks, {start}"
                result[name] = _case(name, points, given, picks)
    return result


def _case(name: str, points: np.ndarray, centers: np.ndarray | None, picks: int) -> dict[str, float]:
    ids = np.arange(len(points))
    contenders: dict[str, Callable[[], np.ndarray]] = {"ours": lambda: k_center(points, centers, picks, ids)}
    first = int(contenders["ours"]()[0])
    contenders["plain numpy"] = lambda: plain(points, centers, picks, first)
    if centers is not None and picks <= 500 and importlib.util.find_spec("skactiveml"):
        contenders["scikit-activeml"] = lambda: _peer(points, centers, picks)
    found: dict[str, np.ndarray] = {}
    seconds: dict[str, list[float]] = {contender: [] for contender in contenders}
    for repeat in range(REPEATS):
        for contender, ask in contenders.items():
            if contender == "scikit-activeml" and repeat:
                continue  # once is a minute
            started = time.perf_counter()
            found[contender] = ask()
            seconds[contender].append(time.perf_counter() - started)
    result = {f"{contender} s": median(taken) for contender, taken in seconds.items()}
    print(f"{name}: ours {result['ours s']:.2f} s")
    for contender in list(contenders)[1:]:
        ratio = median(theirs / ours for theirs, ours in zip(seconds[contender], seconds["ours"], strict=False))
        same = len(np.intersect1d(found[contender], found["ours"])) / picks
        result |= {f"{contender} / ours": ratio, f"{contender}, share of the same images": same}
        print(f"  {contender:16s} / ours {ratio:7.1f}   same images {100 * same:5.1f} %")
    return result


def plain(points: np.ndarray, centers: np.ndarray | None, n: int, first: int) -> np.ndarray:
    """The usual loop in float32: squared lengths once, then one product, minimum and argmax over all points a pick."""
    shift = points.mean(0)
    x = points - shift
    square = np.einsum("ij,ij->i", x, x)
    far = np.full(len(x), np.inf, np.float32)
    if centers is not None:
        c = centers - shift
        lengths = np.einsum("ij,ij->i", c, c)
        for start in range(0, len(x), 1024):
            rows = slice(start, start + 1024)
            far[rows] = (lengths - 2 * (x[rows] @ c.T)).min(1) + square[rows]
    picks = np.empty(n, np.int64)
    for at in range(n):
        picks[at] = pick = first if at == 0 and centers is None else int(far.argmax())
        apart = x @ x[pick]
        apart *= -2
        apart += square
        apart += square[pick]
        np.minimum(far, apart, out=far)
        far[pick] = -1
    return picks


def _peer(points: np.ndarray, centers: np.ndarray, picks: int) -> np.ndarray:
    from skactiveml.pool import CoreSet  # type: ignore[import-not-found, unused-ignore]

    labels = np.concatenate([np.zeros(len(centers)), np.full(len(points), np.nan)])
    return CoreSet(random_state=0).query(np.concatenate([centers, points]), labels, batch_size=picks) - len(centers)


def _trained(count: int) -> np.ndarray:
    """(count, d) embeddings of a trained network, in random order."""
    given = os.environ.get("ALCORE_EMBEDDINGS")
    embedding = np.load(given).astype(np.float32) if given else _of_digits(count)
    return embedding[np.random.default_rng(0).permutation(len(embedding))[:count]]


def _of_digits(count: int) -> np.ndarray:
    """(count, 512): the bundled digits, each many times, turned and moved, through a ResNet-18 that learned them."""
    files = sorted(DIGITS.glob("*/*.png"))
    pixels = torch.from_numpy(np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])).permute(0, 3, 1, 2).float()
    targets = torch.tensor([int(file.parent.name) for file in files])
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = make_backbone("resnet18")
        net = nn.Sequential(backbone, nn.Linear(512, 10)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(STEPS):
        some = torch.randint(0, len(pixels), (64,), generator=generator)
        loss = F.cross_entropy(net(_moved(pixels[some], generator)), targets[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.inference_mode():
        rows = torch.randint(0, len(pixels), (count,), generator=generator).split(500)
        return torch.cat([backbone(_moved(pixels[some], generator)) for some in rows]).numpy()


def _moved(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """(B, 3, 32, 32) in -2...2: turned by up to 20 degrees, moved by up to a tenth, lighter or darker."""
    angle, dx, dy, light = (2 * torch.rand(4, len(pixels), generator=generator) - 1) * torch.tensor([[0.35], [0.2], [0.2], [0.3]])
    turn = torch.stack([angle.cos(), -angle.sin(), dx, angle.sin(), angle.cos(), dy], 1).view(-1, 2, 3)
    x = F.grid_sample(pixels, F.affine_grid(turn, [len(pixels), 3, 32, 32], align_corners=False), align_corners=False)
    return ((x / 255 * (1 + light)[:, None, None, None]) - 0.5) / 0.25
