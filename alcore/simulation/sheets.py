"""Contact sheets: the images a strategy asked for as one picture. Knows numpy and the data of an experiment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alcore.simulation.oracle import Data

SIDE = 40  # pixels of an image on a sheet
GAP = 4


def sheet(pictures: np.ndarray, columns: int, side: int = SIDE, gap: int = GAP) -> np.ndarray:
    """(h, w, 4) uint8: the pictures row by row, transparent between them.

    Args:
        pictures: (n, s, s, 3) uint8, at least one.
    """
    shown = _scaled(pictures, side)
    n, side = len(shown), shown.shape[1]
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    page = np.zeros((rows * (side + gap) - gap, columns * (side + gap) - gap, 4), np.uint8)
    for at, picture in enumerate(shown):
        top, left = (side + gap) * (at // columns), (side + gap) * (at % columns)
        page[top : top + side, left : left + side, :3] = picture
        page[top : top + side, left : left + side, 3] = 255
    return page


def pictures_of(data: Data, ids: Sequence[int]) -> np.ndarray:
    """(n, s, s, 3) uint8, as models see the images of these ids."""
    pixels, rows = data.pixels(), data.rows[np.array(ids, np.int64) - 1]
    return np.stack([np.asarray(pixels[int(row) : int(row) + 1])[0] for row in rows])


def _scaled(pictures: np.ndarray, side: int) -> np.ndarray:
    """About `side` pixels wide: each pixel repeated, or the mean of a square of them, a whole number of times."""
    n, s = pictures.shape[:2]
    if s <= side:
        times = side // s
        return pictures.repeat(times, 1).repeat(times, 2)
    by = -(-s // side)
    kept = s // by * by
    squares = pictures[:, :kept, :kept].reshape(n, kept // by, by, kept // by, by, 3)
    return np.asarray(squares.mean(axis=(2, 4)).round().astype(np.uint8))
