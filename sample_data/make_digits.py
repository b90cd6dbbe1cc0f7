"""Writes the 1,797 handwritten digits that scikit-learn carries as PNG class folders: `python sample_data/make_digits.py`.

The split is stratified and always the same. Where the files are already there, nothing is done and scikit-learn is not even imported.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).parent / "digits"
IMAGES = 1797
TEST_SHARE = 0.2
SEED = 0
STAMP = ".complete"  # written last, so that a run that was stopped is done again


def main(out: Path = OUT) -> Path:
    """Makes `out/train/<digit>/NNNN.png` and `out/test/<digit>/NNNN.png`, 8 x 8 grey, and returns `out`.

    NNNN is the row in scikit-learn's set.
    """
    if (out / STAMP).is_file() and sum(1 for _ in out.glob("*/*/*.png")) == IMAGES:
        return out

    from sklearn.datasets import load_digits  # a second to import, and only needed here

    digits = load_digits()
    in_test = _test_rows(digits.target)
    # The original holds 0 to 16, ink bright.
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    for row, (picture, label) in enumerate(zip(pixels, digits.target, strict=True)):
        path = out / ("test" if in_test[row] else "train") / str(label) / f"{row:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, picture)
    (out / STAMP).touch()
    return out


def _test_rows(labels: np.ndarray) -> np.ndarray:
    """(n,) bool: the fifth of every class that is kept for testing."""
    rng = np.random.default_rng(SEED)
    in_test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        in_test[rows[: round(TEST_SHARE * len(rows))]] = True
    return in_test


def _write(path: Path, picture: np.ndarray) -> None:
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, "PNG")
    partial = path.with_name(f".{path.name}.{os.getpid()}")  # two makes at once must not leave half a picture
    partial.write_bytes(encoded.getvalue())
    os.replace(partial, path)


if __name__ == "__main__":
    print(f"{IMAGES} digits in {main().name}")
