"""Pool: who is labeled and who is not, frozen when a round starts. Labels made later count for the next round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alcore.columns import Snapshot
from alcore.errors import NotEnoughLabels
from alcore.types import SPLITS


@dataclass(frozen=True)
class Pool:
    """Item ids and class indices of one round.

    Attributes:
        labeled, targets: (l,) int64 ids and their class indices.
        unlabeled: (u,) int64 ids a query may name.
        test, test_targets: (t,) held-out ids and class indices; empty without a test split.
        ids, rows: every id above, ascending, and its row in the packed images.
    """

    labeled: np.ndarray
    targets: np.ndarray
    unlabeled: np.ndarray
    test: np.ndarray
    test_targets: np.ndarray
    ids: np.ndarray
    rows: np.ndarray

    def __post_init__(self) -> None:
        if np.intersect1d(self.labeled, self.unlabeled).size:
            raise ValueError("an item is labeled and unlabeled at once")
        if (np.diff(self.ids) <= 0).any():
            raise ValueError("the ids of a pool must ascend")

    @classmethod
    def of(cls, snapshot: Snapshot, classes: Sequence[str]) -> Pool:
        """Who is what in a project. Skipped items, and flagged ones without a label, are neither labeled nor unlabeled; val stands in for
        a test split without truth."""
        index = {name: i for i, name in enumerate(classes)}
        label, truth = snapshot.indices(snapshot.labels, index), snapshot.indices(snapshot.truths, index)
        of_split = {name: snapshot.splits == code for code, name in enumerate(SPLITS)}
        labeled = of_split["pool"] & (label >= 0)
        unlabeled = of_split["pool"] & (snapshot.labels < 0) & ~snapshot.skipped & ~snapshot.flagged
        test = of_split["test"] & (truth >= 0)
        if not test.any():
            test = of_split["val"] & (truth >= 0)
        ids = snapshot.ids
        return cls(ids[labeled], label[labeled], ids[unlabeled], ids[test], truth[test], ids, snapshot.rows)

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Rows in the packed images, in the order of `ids`."""
        at = np.searchsorted(self.ids, ids)
        if (at >= len(self.ids)).any() or (self.ids[at] != ids).any():
            raise KeyError("an id is not of this pool")
        return self.rows[at]

    def check_trainable(self, classes: int) -> None:
        """Raises NotEnoughLabels unless there are labels of at least two classes."""
        if classes < 2:
            raise NotEnoughLabels(f"the project has {classes} class(es): training needs at least two. Add classes on the Data page.")
        if len(self.labeled) == 0:
            raise NotEnoughLabels(
                "nothing is labeled yet: label a first query (strategy random starts one without a model), "
                "or take labels from the hidden truth with `label --from-truth N`."
            )
        seen = len(np.unique(self.targets))
        if seen < 2:
            raise NotEnoughLabels(f"all {len(self.labeled)} labels are of one class: label images of at least two classes before training.")
