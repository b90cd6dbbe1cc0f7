"""What was found in a source, in short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from alcore.reading import Reading


def put(path: Path, color: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:  # by handle: the suffix may be anything
        Image.new("RGB", (4, 4), color).save(file, "PNG")
    return path


def found(reading: Reading) -> list[tuple[str, str, str | None]]:
    return [(entry.path, entry.split, entry.label) for entry in reading.entries]


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
