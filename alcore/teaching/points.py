"""Points in a plane to learn on, about -1 to 1. Knows numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alcore.errors import BadInput

MOST = 5000  # points


@dataclass(frozen=True)
class Points:
    """Points and what they are.

    Attributes:
        xy: (n, 2) float32.
        y: (n,) int64 classes from 0.
        classes: how many.
    """

    xy: np.ndarray
    y: np.ndarray
    classes: int


def points(kind: str, n: int = 300, seed: int = 0) -> Points:
    """One of KINDS; the same for the same seed.

    Raises:
        BadInput: no such kind, or `n` is not in 20 ... MOST.
    """
    if kind not in KINDS:
        raise BadInput(f"there are no points {kind!r}: use one of {', '.join(KINDS)}")
    if not 20 <= n <= MOST:
        raise BadInput(f"cannot draw {n} points: use 20 to {MOST}")
    rng = np.random.default_rng(seed)
    xy, y = KINDS[kind](n, rng)
    order = rng.permutation(n)
    return Points(xy[order].astype(np.float32), y[order].astype(np.int64), int(y.max()) + 1)


def _moons(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 2
    turn = rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(turn) * (1 - 2 * y) + y - 0.5, np.sin(turn) * (1 - 2 * y) + 0.5 * y - 0.25], 1)
    return 0.65 * x + rng.normal(0, 0.07, (n, 2)), y


def _blobs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 3
    turn = np.pi / 2 + 2 * np.pi * y / 3
    return 0.6 * np.stack([np.cos(turn), np.sin(turn)], 1) + rng.normal(0, 0.2, (n, 2)), y


def _rings(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 2
    turn, far = rng.uniform(0, 2 * np.pi, n), 0.35 + 0.5 * y + rng.normal(0, 0.06, n)
    return np.stack([far * np.cos(turn), far * np.sin(turn)], 1), y


def _spiral(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 2
    along = np.sqrt(rng.uniform(0.02, 1, n))
    turn = 2.2 * np.pi * along + np.pi * y
    return 0.95 * along[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1) + rng.normal(0, 0.03, (n, 2)), y


def _rare(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One in a hundred is of the second class, and lies apart."""
    y = np.zeros(n, np.int64)
    y[: max(2, round(n / 100))] = 1
    middle = np.where(y[:, None] == 1, (0.75, 0.7), (-0.15, -0.1))
    return middle + rng.normal(0, 1, (n, 2)) * np.where(y[:, None] == 1, 0.06, 0.3), y


KINDS: dict[str, Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]] = {
    "moons": _moons,
    "blobs": _blobs,
    "rings": _rings,
    "spiral": _spiral,
    "rare": _rare,
}
