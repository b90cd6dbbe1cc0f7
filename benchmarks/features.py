"""Vectors of an extractor: files to vectors by the Embedder beside the plain loop in PyTorch, images a second and their ratio.

The plain loop is what a person would write: each file opened, its center square resized, batches of 32, the network in evaluation mode in
fp32 as it was made. Both see the same files and have all cores. The files are made, 480 x 640 as JPEG, or are those of the folder that
ALCORE_PHOTOS names. Each repeat runs both, one after the other; medians of the ratios. Cosines of their vectors are told too.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image

from alcore.extractors import Embedder, Extractor, extractor_named, prepared
from alcore.pixels.images import decode

IMAGES, BATCH, REPEATS = 96, 32, 3


def run(name: str = "lite0") -> dict[str, Any]:
    extractor, device = extractor_named(name), torch.device("cpu")
    embedder = Embedder(extractor, device)
    with tempfile.TemporaryDirectory() as made:
        files = _files(Path(made))
        contenders: dict[str, Callable[[], np.ndarray]] = {
            "plain": lambda: plain(extractor, files),
            "ours": lambda: ours(embedder, files),
        }
        seconds: dict[str, list[float]] = {contender: [] for contender in contenders}
        found: dict[str, np.ndarray] = {}
        for repeat in range(REPEATS + 1):
            for contender, ask in contenders.items():
                started = time.perf_counter()
                found[contender] = ask()
                if repeat:  # the first time warms up
                    seconds[contender].append(time.perf_counter() - started)
    ratio = median(theirs / own for theirs, own in zip(seconds["plain"], seconds["ours"], strict=True))
    result: dict[str, Any] = {f"{contender} images/s": len(files) / median(taken) for contender, taken in seconds.items()}
    result |= {"plain / ours": ratio, "least cosine": float(_cosines(found["plain"], found["ours"]).min())}
    print(
        f"{name}, {len(files)} files: plain {result['plain images/s']:.1f} images/s, ours {result['ours images/s']:.1f}, "
        f"{ratio:.1f} times as fast; least cosine of their vectors {result['least cosine']:.4f}"
    )
    return result


def plain(extractor: Extractor, files: list[Path]) -> np.ndarray:
    """(N, dim), as a person would write it."""
    net, vectors = extractor.make(), []
    mean, std = torch.tensor(extractor.mean).view(3, 1, 1), torch.tensor(extractor.std).view(3, 1, 1)
    with torch.no_grad():
        for start in range(0, len(files), BATCH):
            rows = []
            for file in files[start : start + BATCH]:
                rows.append(torch.from_numpy(prepared(Image.open(file).convert("RGB"), extractor.side).copy()))
            x = torch.stack(rows).permute(0, 3, 1, 2).contiguous().float() / 255
            vectors.append(net((x - mean) / std).numpy())
    return np.concatenate(vectors)


def ours(embedder: Embedder, files: list[Path]) -> np.ndarray:
    """(N, dim): files are decoded on threads, reduced where the format can, while the network looks at those before."""
    side, threads = embedder.extractor.side, os.cpu_count() or 1
    parts = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    with ThreadPoolExecutor(threads) as pool:
        rows = [[pool.submit(_row, file, side) for file in part] for part in parts]
        return np.concatenate([embedder(np.stack([row.result() for row in part])) for part in rows])


def _row(file: Path, side: int) -> np.ndarray:
    return prepared(decode(file, at_least=side), side)


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    result: np.ndarray = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return result


def _files(folder: Path) -> list[Path]:
    """Somebody's photos, or made ones: soft blotches of color, as large as a phone's small ones."""
    if given := os.environ.get("ALCORE_PHOTOS"):
        return sorted(file for file in Path(given).rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))[:IMAGES]
    write_photos(folder, IMAGES)
    return sorted(folder.iterdir())


def write_photos(folder: Path, n: int) -> None:
    """Made photos, each with a content of its own."""
    rng = np.random.default_rng(0)
    for at in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 9, 3), dtype=np.uint8))
        coarse.resize((480, 640), Image.Resampling.BICUBIC).save(folder / f"{at}.jpg", quality=90)
