"""Little photos of four classes, told apart by their color, in files and as a project whose lite0 takes no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLORS = {"brick": (200, 60, 40), "grass": (60, 180, 50), "sea": (40, 70, 200), "sand": (220, 200, 120)}
POOL, TEST = 10, 4  # of each class


def photo(kind: str, seed: int, side: int = 64) -> np.ndarray:
    """(side, side, 3) uint8: blotches of about the color of its kind."""
    rng = np.random.default_rng((list(COLORS).index(kind), seed))
    coarse = np.clip(np.array(COLORS[kind]) + rng.normal(0, 35, (4, 4, 3)), 0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def write_photos(folder: Path, pool: int = POOL, test: int = TEST) -> Path:
    """`train/<class>/00.png` ... and `test/<class>/00.png` ..., no two alike."""
    for at, kind in enumerate(COLORS):
        for split, count, first in (("train", pool, 0), ("test", test, 1000)):
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                Image.fromarray(photo(kind, 100 * at + first + number)).save(folder / split / kind / f"{number:02d}.png")
    return folder
