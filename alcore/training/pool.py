"""Pool: who is labeled and who is not, frozen when a round starts. Labels made later count for the next round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from alcore.columns import Snapshot
from alcore.errors import NotEnoughLabels
from alcore.types import HELD, SLICE, SPLITS


def _nobody() -> np.ndarray:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Pool:
    """Item ids and targets of one round.

    Attributes:
        labeled, targets: (l,) int64 ids and their class indices; of dense labels, rows of an array of masks.
        unlabeled: (u,) int64 ids a query may name.
        test, test_targets: (t,) held-out ids and their targets; empty without a test split.
        ids, rows: every id above, ascending, and its row in the packed images.
        partial: (p,) int64 ids that are labeled in part and may be asked for the rest; a query of whole images does not name them.
    """

    labeled: np.ndarray
    targets: np.ndarray
    unlabeled: np.ndarray
    test: np.ndarray
    test_targets: np.ndarray
    ids: np.ndarray
    rows: np.ndarray
    partial: np.ndarray = field(default_factory=_nobody)

    def __post_init__(self) -> None:
        if np.isin(self.labeled, self.unlabeled).any():  # by a table: a sort of a million ids takes seconds
            raise ValueError("an item is labeled and unlabeled at once")
        if np.isin(self.partial, self.unlabeled).any():
            raise ValueError("an item is labeled in part and unlabeled at once")
        if (np.diff(self.ids) <= 0).any():
            raise ValueError("the ids of a pool must ascend")

    @classmethod
    def of(cls, snapshot: Snapshot, classes: Sequence[str]) -> Pool:
        """Who is what in a project. Skipped items, and flagged ones without a label, are neither labeled nor unlabeled; val stands in for
        a test split without truth, and images drawn or held out to be tested on are, once people have labeled them."""
        index = {name: i for i, name in enumerate(classes)}
        return cls._split(snapshot, snapshot.indices(snapshot.labels, index), snapshot.indices(snapshot.truths, index))

    @classmethod
    def of_masks(cls, snapshot: Snapshot) -> tuple[Pool, tuple[str, ...]]:
        """The same where labels and truths are masks' digests, and the digests that the targets are positions in, each once."""
        every = cls._split(snapshot, snapshot.labels.astype(np.int64), snapshot.truths.astype(np.int64))
        used = np.union1d(every.targets, every.test_targets)
        pool = replace(every, targets=np.searchsorted(used, every.targets), test_targets=np.searchsorted(used, every.test_targets))
        return pool, tuple(snapshot.names[code] for code in used.tolist())

    @classmethod
    def _split(cls, snapshot: Snapshot, label: np.ndarray, truth: np.ndarray) -> Pool:
        of_split = {name: snapshot.splits == code for code, name in enumerate(SPLITS)}
        labeled = of_split["pool"] & (label >= 0)
        wanted = of_split["pool"] & ~snapshot.skipped & ~snapshot.flagged
        unlabeled, partial = wanted & (snapshot.labels < 0), wanted & labeled & snapshot.partial
        given = of_split["test"] & (truth >= 0)
        if not given.any():
            given = of_split["val"] & (truth >= 0)
        # what people said of these, whatever truth may lie hidden
        drawn = (of_split[SLICE] | of_split[HELD]) & (label >= 0) & ~snapshot.skipped
        test, answer = given | drawn, np.where(drawn, label, truth)
        ids = snapshot.ids
        return cls(ids[labeled], label[labeled], ids[unlabeled], ids[test], answer[test], ids, snapshot.rows, partial=ids[partial])

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Rows in the packed images, in the order of `ids`."""
        at = np.searchsorted(self.ids, ids)
        if (at >= len(self.ids)).any() or (self.ids[at] != ids).any():
            raise KeyError("an id is not of this pool")
        return self.rows[at]

    def check_trainable(self, classes: int, seen: int | None = None) -> None:
        """Raises NotEnoughLabels unless there are labels of at least two classes.

        Args:
            classes: of the project.
            seen: how many classes the labels show; None counts those of `targets`.
        """
        if classes < 2:
            raise NotEnoughLabels(f"the project has {classes} class(es): training needs at least two. Add classes on the Data page.")
        if len(self.labeled) == 0:
            raise NotEnoughLabels(
                "nothing is labeled yet: label a first query (strategy random starts one without a model), "
                "or take labels from the hidden truth with `label --from-truth N`."
            )
        dense = seen is not None  # of masks the targets are no classes
        if seen is None:
            seen = len(np.unique(self.targets))
        if seen == 0:
            raise NotEnoughLabels(f"all {len(self.labeled)} masks are void: paint at least two classes before training.")
        if seen < 2:
            masked = "; if pixels of a class were read as void, import again and say which value is void" if dense else ""
            raise NotEnoughLabels(
                f"all {len(self.labeled)} labels are of one class: label images of at least two classes before training{masked}."
            )
