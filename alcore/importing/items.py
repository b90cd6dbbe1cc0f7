"""What an import found, ready to be stored: rows and labels over columns, so that a million of them need no million objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alcore.types import SPLITS, Answer, Skipped


@dataclass
class Imported:
    """What an import found, ready to be stored.

    Attributes:
        rows: the values of the items table, a row a present image, each made when it is looked at.
        labels: (path, class) of the pool for truth="labels", likewise; empty otherwise. For dense labels digests stand for classes, here
            and in the rows.
        masks: values of the masks table.
    """

    task: str
    classes: tuple[str, ...]
    rows: ItemRows
    skipped: list[Skipped]
    labels: Given
    settings: dict[str, Any]
    took_for: str
    notes: list[str] = field(default_factory=list)
    masks: list[dict[str, Any]] = field(default_factory=list)


class ItemRows(Sequence[dict[str, Any]]):
    """Rows of the items table over columns: `at` are the entries that are pictures, the rest is by entry; `truths` point into `names`."""

    def __init__(
        self,
        paths: Sequence[str],
        at: np.ndarray,
        splits: np.ndarray,
        sizes: np.ndarray,
        prints: np.ndarray,
        names: Sequence[str],
        truths: np.ndarray,
    ) -> None:
        self._paths, self._at, self._names = paths, at, names
        self._splits, self._sizes, self._prints, self._truths = splits, sizes, prints, truths

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        at = int(self._at[number])
        width, height = self._sizes[at].tolist()
        return {
            "path": self._paths[at],
            "split": SPLITS[self._splits[at]],
            "truth": None if self._truths[at] < 0 else self._names[self._truths[at]],
            "row": at,
            "width": width,
            "height": height,
            "fingerprint": self._prints[at].decode(),
        }


class Given(Sequence[tuple[str, str | None]]):
    """(path, name of the truth) of the entries `at`; None where several people said so much that nothing counts, or all skipped it.

    Args:
        answers: entry -> who said what of it, of those where that is known.
    """

    def __init__(
        self, paths: Sequence[str], at: np.ndarray, names: Sequence[str], truths: np.ndarray, answers: Mapping[int, Sequence[Answer]]
    ) -> None:
        self._paths, self._at, self._names, self._truths, self._answers = paths, at, names, truths, answers

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        at = int(self._at[number])
        return self._paths[at], None if self._truths[at] < 0 else self._names[self._truths[at]]

    def said(self, number: int) -> Sequence[Answer]:
        """Who said what of the entry that stands there; empty where the source does not tell."""
        return self._answers.get(int(self._at[number]), ())
