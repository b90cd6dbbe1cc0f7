"""The files of a round hold what was scored."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.training.roundfiles import Positions, RoundFiles, columns_of, in_places, round_files
from alcore.training.turn import Material, run
from tests.training.orders import order


def test_the_files_of_a_round_hold_what_was_scored(pixels, pool, tmp_path):
    outcome = run(order("mal"), Material(pool, 3, pixels), tmp_path)
    kept = RoundFiles(tmp_path / outcome.folder)
    assert kept.ids.tolist() == pool.unlabeled.tolist()
    assert kept.walked_ids.tolist() == [*pool.unlabeled.tolist(), *pool.labeled.tolist()]
    assert kept.selected.tolist() == outcome.scores.selected.tolist()
    assert kept.array("logits").shape == (32, 3)
    assert kept.map is None
    for name, values in kept.scores.items():
        wanted_high = name in ("entropy", "total")
        slow = sorted(range(20), key=lambda i: (-values[i] if wanted_high else values[i], kept.ids[i]))
        assert [int(kept.ranks[name][i]) for i in slow] == list(range(1, 21)), name
    p = kept.probabilities([4, 0])
    logits = kept.array("logits")[[4, 0]].astype(np.float64)
    np.testing.assert_allclose(p, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-9)
    kept.write_map(kept.walked_ids, np.zeros((32, 2), np.float32))
    ids, xy = kept.map
    assert ids.tolist() == kept.walked_ids.tolist()
    assert xy.shape == (32, 2)


def test_outputs_are_brought_to_todays_places():
    """Four outputs: b and d are one class by now, c is gone, a class that came later stands at place 1."""
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]], np.float32))
    found = in_places(logits, (2, 0, -1, 0))
    p = np.exp(found) / np.exp(found).sum(1, keepdims=True)
    np.testing.assert_allclose(p, [[0.6 / 0.7, 0, 0.1 / 0.7], [0.2 / 0.9, 0, 0.7 / 0.9]], atol=1e-6)
    assert in_places(logits, ()) is logits
    assert columns_of((2, 0, -1, 0), 4) == [[1, 3], [], [0]]
    assert columns_of((2, 0, -1, 0), 2) == [[1], [], [0]]  # a model of the first two of them


def test_what_a_round_says_of_classes_is_in_todays_order(pixels, pool, tmp_path):
    outcome = run(order("margin"), Material(pool, 3, pixels), tmp_path)
    before = round_files(tmp_path / outcome.folder)
    moved = round_files(tmp_path / outcome.folder, (1, 2, 0))
    np.testing.assert_array_equal(moved.logits, np.array(before.logits)[:, [2, 0, 1]])
    np.testing.assert_allclose(moved.probabilities([3]), before.probabilities([3])[:, [2, 0, 1]], rtol=1e-12)
    merged = round_files(tmp_path / outcome.folder, (0, 0, 1))
    p = before.probabilities([3, 5])
    np.testing.assert_allclose(merged.probabilities([3, 5]), np.stack([p[:, 0] + p[:, 1], p[:, 2]], 1), atol=1e-6)
    assert merged.trained_classes == 3


@pytest.mark.parametrize("ids", [[3, 5, 9, 20], [9, 3, 20, 5], [7], []])
def test_positions_are_found_whatever_the_order_of_the_ids(ids):
    found = Positions(np.array(ids, np.int64))
    assert [i for i in range(25) if i in found] == sorted(ids)
    assert [found[i] for i in ids] == list(range(len(ids)))
    assert "3" not in found
    with pytest.raises(KeyError):
        found[4]
