"""What is taken for what: counts of labels against guesses, and what they say of each class. Numbers of arrays alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Class:
    """One class, of those that were guessed.

    Attributes:
        labeled, guessed, right: how many images have the label, how many were guessed to, and how many both.
        mixed: (other class, count) it was taken for, most first, without zeros; equal counts by the class.
    """

    labeled: int
    guessed: int
    right: int
    mixed: tuple[tuple[int, int], ...]

    @property
    def recall(self) -> float | None:
        """Of the images with the label, the share that was guessed; None without one."""
        return self.right / self.labeled if self.labeled else None

    @property
    def precision(self) -> float | None:
        """Of the images that were guessed to have it, the share that has; None without one."""
        return self.right / self.guessed if self.guessed else None


def counts(labels: np.ndarray, guesses: np.ndarray, classes: int) -> np.ndarray:
    """(K, K) int64: images with the label of the row that were guessed to be of the column; pairs with a negative one are left out."""
    labels, guesses = np.asarray(labels, np.int64), np.asarray(guesses, np.int64)
    known = (labels >= 0) & (guesses >= 0)
    flat = np.bincount(labels[known] * classes + guesses[known], minlength=classes * classes)
    result: np.ndarray = flat.reshape(classes, classes)
    return result


def by_class(counted: np.ndarray) -> list[Class]:
    """What the counts say of each class."""
    rows = []
    for k, row in enumerate(counted):
        others = sorted(((j, int(n)) for j, n in enumerate(row) if n and j != k), key=lambda other: (-other[1], other[0]))
        rows.append(Class(int(row.sum()), int(counted[:, k].sum()), int(row[k]), tuple(others)))
    return rows
