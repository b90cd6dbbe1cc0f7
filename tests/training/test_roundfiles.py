"""The files of a round hold what was scored."""

from __future__ import annotations

import numpy as np

from alcore.training.roundfiles import RoundFiles
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
