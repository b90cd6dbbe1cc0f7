"""The pool: who may not be in it, and rows that follow ids."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alcore.columns import Snapshot
from alcore.training.pool import Pool

# ---- the pool


def marked(parts: list[list[tuple]]) -> Snapshot:
    """From blocks of rows with what was said at their end, as the two tables give them."""
    lying = Snapshot.of([[row[:4] for row in part] for part in parts])
    return lying.marked([[(row[0], *row[4:]) for row in part] for part in parts])


def test_a_pool_refuses_an_item_that_is_labeled_and_unlabeled_and_ids_out_of_order(pool):
    with pytest.raises(ValueError, match="labeled and unlabeled at once"):
        dataclasses.replace(pool, unlabeled=pool.labeled[:1])
    with pytest.raises(ValueError, match="must ascend"):
        dataclasses.replace(pool, ids=pool.ids[::-1])


def test_rows_follow_ids_in_any_order_and_unknown_ids_are_refused(pool: Pool):
    row = dict(zip(pool.ids.tolist(), pool.rows.tolist(), strict=True))
    asked = pool.unlabeled[::-1]
    assert pool.rows_of(asked).tolist() == [row[i] for i in asked.tolist()]
    for unknown in (6, 10_000, 0):
        with pytest.raises(KeyError):
            pool.rows_of(np.array([unknown]))


# ---- the pool of masks


def test_a_pool_of_masks_points_its_targets_at_each_digest_once():
    rows = [
        (3, "pool", "aa", 0, "bb", None, None, None), (4, "pool", "aa", 1, None, None, None, None), (5, "pool", "cc", 2, "aa", None, None, True),
        (6, "test", "aa", 3, None, None, None, None), (7, "test", "dd", 4, None, None, None, None), (8, "pool", None, 5, "bb", None, None, False),
        (9, "pool", "ee", 6, None, True, None, None), (10, "pool", "ff", 7, None, None, True, None), (11, "val", "gg", 8, None, None, None, None),
    ]  # fmt: skip
    pool, digests = Pool.of_masks(marked([rows]))
    assert pool.labeled.tolist() == [3, 5, 8]
    assert [digests[at] for at in pool.targets] == ["bb", "aa", "bb"]
    assert pool.unlabeled.tolist() == [4]
    assert pool.partial.tolist() == [5]
    assert pool.test.tolist() == [6, 7]
    assert [digests[at] for at in pool.test_targets] == ["aa", "dd"]
    assert sorted(digests) == ["aa", "bb", "dd"]


def test_validation_stands_in_for_a_test_split_without_masks():
    rows = [
        (1, "pool", None, 0, "aa", None, None, None),
        (2, "test", None, 1, None, None, None, None),
        (3, "val", "bb", 2, None, None, None, None),
    ]
    pool, digests = Pool.of_masks(marked([rows]))
    assert pool.test.tolist() == [3]
    assert [digests[at] for at in (*pool.targets, *pool.test_targets)] == ["aa", "bb"]
    empty, none = Pool.of_masks(marked([[(1, "pool", None, 0, None, None, None, None)]]))
    assert (empty.unlabeled.tolist(), none) == ([1], ())
