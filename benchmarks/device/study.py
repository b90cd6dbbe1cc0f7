"""The first stages of simulations: MCDAL's CIFAR-10 experiment in a tenth of its steps, and ImageNet's weights fine-tuned on photos;
without these images the same on noise, for the time alone."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alcore.progress import Progress
from alcore.simulation.conduct import simulate
from alcore.simulation.presets import preset_named
from benchmarks.device.measures import FULL, Size
from benchmarks.device.record import OutOfTime, Record

STRATEGIES = ("random", "mcdal", "mal")
MOST_ROUNDS = 3
SPARE = 4.0  # seconds to end in
TINY_FEWER = 10_000  # what the preset's steps are divided by in a try


@dataclass(frozen=True)
class Study:
    """One of the simulations.

    Attributes:
        images: what they are called.
        real, generated: what the preset's steps are divided by, on such images and on generated ones.
        side: of the images; None leaves it to `Size`.
        pool: how many are generated.
    """

    preset: str
    images: str
    real: int
    generated: int
    side: int | None
    pool: int


STUDIES = {
    "cifar": Study("mcdal-cifar10", "CIFAR-10", 10, 60, None, 50_000),
    "photos": Study("photos-finetune", "photos", 1, 3, 128, 1_000),
}


def study(record: Record, size: Size, device: torch.device, names: list[str], which: str = "cifar", given: Path | None = None) -> None:
    """Round by round for all strategies, for as long as there is time. Accuracy is recorded of real images alone."""
    of = STUDIES[which]
    with tempfile.TemporaryDirectory(prefix="alcore-study-") as folder:
        real = given is not None and given.is_dir()
        source = given if given is not None and real else _generated(Path(folder) / "noise.npz", size, of)
        record.data["images"] = of.images if real else f"no {of.images} here: generated images, for the time alone; no accuracy"
        fewer = TINY_FEWER if size != FULL else of.real if real else of.generated
        steps = max(4, preset_named(of.preset).train["steps"] // fewer)
        took = dict.fromkeys(STRATEGIES, 12.0)
        for number in range(1, (MOST_ROUNDS if real else 1) + 1):
            for name in [n for n in STRATEGIES if n in names]:
                what = f"{name} round {number}"
                record.take(
                    what,
                    lambda name=name, number=number: _round(
                        record, source, name, number, steps, size, device, Path(folder), bool(real), of
                    ),  # type: ignore[misc]
                    device,
                    least=took[name] * (1.3 if number > 1 else 1.0),
                )
                took[name] = record.figures.get(what, {}).get("took", 1e9)  # what failed once is not begun again


def _round(
    record: Record, source: Path, name: str, number: int, steps: int, size: Size, device: torch.device, folder: Path, real: bool, of: Study
) -> dict[str, Any]:
    def report(progress: Progress) -> None:
        if record.left() < SPARE:
            raise OutOfTime

    out = folder / "out"
    train: dict[str, Any] = {"steps": steps}
    if size != FULL:
        train |= {"architecture": size.architecture, "batch_size": size.batch}
    if size != FULL or not real:
        train["weights"] = "none"
    frame = simulate(
        source,
        [name],
        rounds=number,
        seeds=[0],
        out=out,
        preset=of.preset,
        train=train,
        device=str(device),
        image_size=of.side if of.side and size == FULL else size.side,
        report=report,
    )
    row = frame[(frame["strategy"] == name) & (frame["round"] == number)].iloc[0]
    config = json.loads((out / "config.json").read_text())
    (path,) = out.glob(f"runs/{name}*/round-{number:03d}.json")
    stored = json.loads(path.read_text())
    found = {
        "steps": int(row["steps"]),
        "pool": config["pool"],
        "test": config["test"],
        "labeled": int(row["labeled"]),
        "train seconds": float(row["train_seconds"]),
        "labeled images/s": float(row["steps"]) * config["train"]["batch_size"] / float(row["train_seconds"]),
        "score seconds": float(row["score_seconds"]),
        "select seconds": float(row["select_seconds"]),
        "evaluate seconds": float(row["evaluate_seconds"]),
        "peak GB": stored["memory"]["device"] / 1e9 if stored["memory"]["device"] else None,
        "asked": len(stored["query"]["ids"]),
        "query hash": row["query_hash"],
    }
    return found | ({"accuracy": float(row["value"]), "notes": config["notes"]} if real else {})


def _generated(path: Path, size: Size, of: Study) -> Path:
    rng = np.random.default_rng(0)
    pool, test = (of.pool, 2_000) if size == FULL else (80, 20)
    side = of.side if of.side and size == FULL else size.side
    images = rng.integers(0, 256, (pool + test, side, side, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, pool + test)
    np.savez(path, x_train=images[:pool], y_train=labels[:pool], x_test=images[pool:], y_test=labels[pool:])
    return path
