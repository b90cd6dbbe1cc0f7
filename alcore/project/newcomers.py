"""Images of a folder that belong to no project: a model's guess of each, as a table. Knows no project and no store."""

from __future__ import annotations

import csv
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from alcore.errors import AlcoreError, BadInput
from alcore.files import made_beside
from alcore.formats.base import no_images, walk
from alcore.progress import Progress, Report, ignore_progress
from alcore.types import Skipped

COLUMNS = ("path", "label", "confidence")
BATCH = 32
AHEAD = 3  # batches being decoded while one is looked at


class Model(Protocol):
    """What guesses."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of the probabilities."""

    @property
    def words(self) -> str:
        """Whose model it is."""

    def row(self, path: Path) -> np.ndarray:
        """(side, side, 3) uint8 of a file, as the model wants it; called from many threads."""

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """(n, side, side, 3) to probabilities (n, K)."""


def check(folder: Path, out: Path, above: float) -> None:
    """Raises BadInput for what can be told before a model is loaded."""
    if not 0 <= above <= 1:
        raise BadInput(f"cannot accept guesses above {above}: use a confidence of 0 to 1")
    if out.exists():
        raise BadInput(f"{out} exists already: name a new path with --out")
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder: name one with images in it, at any depth")


def predict_folder(model: Model, folder: Path, out: Path, above: float = 0.0, report: Report = ignore_progress) -> dict[str, Any]:
    """Writes a row for each image below `folder`, in natural order: its path from there, the label, the confidence. `out` appears whole or
    not at all.

    Args:
        out: of a CSV.
        above: the least confidence of a label; below, it is empty.

    Returns:
        model, out, items (rows written), labeled, below, classes (label -> images), skipped ([{path, reason}]: files that are no images,
        or cannot be read), seconds, images_per_second.

    Raises:
        BadInput: as `check`, or no image in `folder` can be read.
        AlcoreError: `out` cannot be written.
    """
    check(folder, out, above)
    skipped: list[Skipped] = []
    report(Progress("predicting", 0, 0, message=f"looking for images in {folder}"))
    paths = list(walk(folder, skipped))
    if not paths:
        raise no_images(folder, skipped)
    labels: Counter[str] = Counter()
    started, below = time.perf_counter(), 0
    try:
        with made_beside(out) as part, part.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            writer.writerow(COLUMNS)
            for path, probabilities in _guessed(model, folder, paths, skipped, report):
                best = int(probabilities.argmax())
                confidence = float(probabilities[best])
                sure = confidence >= above
                writer.writerow([path, model.classes[best] if sure else "", f"{confidence:.4f}"])
                labels[model.classes[best]] += sure
                below += not sure
            if not labels:
                raise no_images(folder, skipped)
    except OSError as wrong:
        raise AlcoreError(f"{out} cannot be written: {wrong.strerror}: {wrong.filename}") from wrong
    seconds, labeled = time.perf_counter() - started, labels.total()
    return {
        "model": model.words,
        "out": str(out),
        "items": labeled + below,
        "labeled": labeled,
        "below": below,
        "classes": {name: labels[name] for name in model.classes if labels[name]},
        "skipped": [{"path": one.path, "reason": one.reason} for one in skipped],
        "seconds": round(seconds, 1),
        "images_per_second": round((labeled + below) / seconds, 1),
    }


def _guessed(model: Model, folder: Path, paths: list[str], skipped: list[Skipped], report: Report) -> Iterator[tuple[str, np.ndarray]]:
    """(path, (K,) probabilities) of every image that can be read; files are decoded by threads while the model looks at others."""
    starts = iter(range(0, len(paths), BATCH))
    ahead: deque[tuple[list[str], list[Future[np.ndarray | str]]]] = deque()
    done = 0
    with ThreadPoolExecutor(os.cpu_count() or 1, "decode") as pool:
        try:
            while True:
                while len(ahead) <= AHEAD and (start := next(starts, None)) is not None:
                    batch = paths[start : start + BATCH]
                    ahead.append((batch, [pool.submit(_row, model, folder / path) for path in batch]))
                if not ahead:
                    return
                batch, pending = ahead.popleft()
                good, rows = [], []
                for path, each in zip(batch, pending, strict=True):
                    found = each.result()
                    if isinstance(found, str):
                        skipped.append(Skipped(path, found))
                    else:
                        good.append(path)
                        rows.append(found)
                if rows:
                    yield from zip(good, model(np.stack(rows)), strict=True)
                done += len(batch)
                report(Progress("predicting", done, len(paths)))
        finally:
            pool.shutdown(cancel_futures=True)


def _row(model: Model, path: Path) -> np.ndarray | str:
    """A file's pixels, or why it cannot be read."""
    try:
        return model.row(path)
    except OSError as wrong:
        return f"it cannot be read: {wrong.strerror}"
    except BadInput as wrong:
        return str(wrong)
