"""The benchmark of rounds on features, on a few short vectors."""

from __future__ import annotations

import numpy as np

from benchmarks import rounds


def test_a_round_is_timed_by_part_and_its_memory_told(tmp_path, monkeypatch):
    monkeypatch.setattr(rounds, "DIM", 16)
    file = rounds._vectors(tmp_path, 900)
    vectors = np.fromfile(file, np.float16).reshape(900, 16).astype(float)
    centers = np.stack([vectors[k::10].mean(0) for k in range(10)])
    assert np.abs(centers - centers.mean(0)).mean() > 0.5  # ten clouds
    found = rounds.once(str(file), "margin", {"steps": 5, "batch": "diverse"})
    assert found.keys() == {"seconds", "train", "evaluate", "score", "select", "memory"}
    assert found["seconds"] >= sum(found[part] for part in ("train", "evaluate", "score", "select"))
    assert found["memory"] > 1
