"""Features and scores on a real Ray cluster of two machines, one of which is taken away in the middle: the same vectors, the same ranking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alcore.cluster.joining import joined
from alcore.errors import Cancelled
from alcore.extractors import shards as feature_shards
from alcore.progress import Progress
from alcore.project.facade import Project, Workspace
from alcore.project.features import Features
from alcore.training import shards as score_shards
from tests.cluster.nodes import machines
from tests.project.photos import write_photos
from tests.project.sliced import QUICK

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def there() -> Iterator[tuple[Any, list[Any]]]:
    with machines(1, 1) as found, joined():  # once for all, so that their processes load torch once
        yield found


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Iterator[Project]:
    """176 photos, which lite0 itself reads: what tests put in its place, no other process knows."""
    folder: Path = tmp_path_factory.mktemp("on-ray")
    workspace = Workspace(folder / "home")
    yield Project.import_into(workspace, "photos", write_photos(folder / "photos", pool=40, test=4))
    workspace.close()


def test_vectors_and_ranking_are_those_of_one_process_though_a_machine_is_lost(there, project, tmp_path, monkeypatch):
    cluster, nodes = there
    monkeypatch.setattr(feature_shards, "BATCHES", 1)

    def enough(progress: Progress) -> None:
        if progress.done:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):  # whoever asked is stopped after the first shard
        Features(project).complete("cpu", enough, on="ray")
    kept = Features(project).done
    assert kept == 32
    removed: list[int] = []

    def one_less(progress: Progress) -> None:
        if progress.message.startswith("on "):
            assert progress.message == "on 2 machines of the Ray cluster"
        if progress.done > kept and not removed:
            cluster.remove_node(nodes[1])
            removed.append(progress.done)

    told = Features(project).complete("cpu", one_less, on="ray", workers=2)
    assert removed
    assert (told["items"], told["made"], told["unreadable"]) == (176, 176 - kept, [])

    elsewhere = Workspace(tmp_path / "home")
    alone = Project.import_into(elsewhere, "photos", project.source)
    Features(alone).complete("cpu")
    (spread, there_), (one, here) = (((f := Features(p)).store.vectors()[f.rows], f.ids) for p in (project, alone))
    assert there_.tolist() == here.tolist()
    a, b = spread.astype(np.float32), one.astype(np.float32)
    cosines = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    assert cosines.min() > 1 - 1e-3
    elsewhere.close()

    monkeypatch.setattr(score_shards, "LEAST", 1)
    monkeypatch.setattr("alcore.training.vectors.WALKED", 24)  # several shards
    project.label_from_truth(20, seed=0)
    project.run_round("mcdal", 5, 1, "cpu", train=QUICK, report=lambda _: None)
    frames = [project.score(None, 5, "cpu", report=lambda _: None, **how) for how in ({}, {"on": "ray"})]
    pd.testing.assert_frame_equal(frames[1], frames[0], check_exact=False, rtol=1e-5, atol=1e-6)
    assert len(frames[0]) == 140
    assert np.abs(np.diff(frames[0]["total"])).min() > 0  # no two are equal, so the ranking is one
