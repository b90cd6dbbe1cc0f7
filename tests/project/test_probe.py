"""A few real steps are timed: on a clock that the steps themselves move, and nothing is left changed."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
import torch

from alcore.errors import AlcoreError
from alcore.nets.backbones import Backbone
from alcore.project import loop, probe
from alcore.project.facade import Project
from alcore.project.probe import timed
from alcore.storage.schema import meta
from alcore.strategies import STRATEGIES
from tests.scenes import QUICK as QUICK_SCENES
from tests.scenes import write_scenes

# ---- arithmetic


class Moved:
    """A clock that only work moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("first", "step", "each", "steps"), [(1.0, 0.25, 0.25, 4), (9.0, 0.25, 9.0, 1), (0.5, 0.8, 0.8, 3)])
def test_steps_are_timed_after_a_warm_up_until_there_are_enough_or_time_is_over(toy, quick_one, monkeypatch, first, step, each, steps):
    """Of 30 steps at most 3 are timed beside the first, in 2 s; a first one that takes longer is its own measure."""
    clock = Moved()

    class Slow(STRATEGIES["random"]):  # type: ignore[misc,name-defined]
        taken = 0

        def step(self, batches):
            clock.now += step if self.taken else first
            self.taken += 1
            return {"loss": torch.zeros(())}

        def predict(self, x):
            clock.now += 0.002 * len(x)
            return super().predict(x)

        def score(self, x):
            clock.now += 0.003 * len(x)
            return super().score(x)

    monkeypatch.setattr(probe, "strategy_named", lambda name: Slow)
    costs = timed(toy, quick_one("random"), clock)
    assert costs.stages == (("training", 1.0, pytest.approx(each)),)
    assert (costs.timed, costs.test, costs.score) == (steps, pytest.approx(0.002), pytest.approx(0.003))


# ---- real steps


@pytest.fixture
def scenes(workspace, tmp_path) -> Project:
    """Masks: ten scenes in the pool, four labeled, and four for testing."""
    made = Project.import_into(workspace, "scenes", write_scenes(tmp_path / "scenes"))
    made.label_from_truth(4, seed=0)
    return made


def test_regions_are_cut_while_scoring_is_timed(scenes, monkeypatch):
    cut: list[int] = []
    honest = probe.Regions.add
    monkeypatch.setattr(probe.Regions, "add", lambda self, ids, *rest: (cut.extend(ids), honest(self, ids, *rest)))
    regions = {**QUICK_SCENES, "batch_size": 2, "steps": 10, "query_unit": "superpixels", "region_count": 4}
    assert timed(scenes, loop.ordered(scenes, "margin", 2, 0, "cpu", None, regions)).score > 0
    assert len(cut) == 6


def state_of(project: Project) -> tuple[Any, ...]:
    """All that a probe must leave alone: generators, threads, rows, files."""
    with project.place.database.read() as conn:
        rows = {table.name: conn.execute(sa.select(table)).all() for table in meta.sorted_tables}
    files = {str(f): hashlib.sha1(f.read_bytes()).hexdigest() for f in sorted(project.folder.rglob("*")) if f.is_file()}
    generators = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    return generators, torch.get_num_threads(), rows, files


def test_a_probe_leaves_everything_as_it_was_and_a_round_what_it_would_be(toy, quick_one):
    before = state_of(toy)
    timed(toy, quick_one("mal"))
    assert state_of(toy) == before
    order = quick_one("mcdal")
    first = toy.run_round("mcdal", 5, 0, "cpu", train=order.train, report=lambda _: None)
    timed(toy, quick_one("mcdal"))
    second = toy.run_round("mcdal", 5, 0, "cpu", train=order.train, report=lambda _: None)
    assert (second.metrics, second.query) == (first.metrics, first.query)


def test_images_too_small_for_a_network_are_told_before_the_start(toy, quick_one, monkeypatch):
    monkeypatch.setattr(Backbone, "smallest", 16)
    with pytest.raises(AlcoreError, match="small_cnn wants images of at least 16 pixels and these have 8"):
        timed(toy, quick_one("random"))
