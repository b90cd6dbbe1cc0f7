"""One round: memory that runs out, the files it leaves, what is refused before work starts, the first query without a model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError, BadInput, NotEnoughLabels
from alcore.strategies import STRATEGIES
from alcore.training import turn as rounds
from alcore.training.pool import Pool
from alcore.training.turn import Material, Order, run, start_query
from tests.training.orders import Stop, files, order, stop_at

# ---- memory that runs out


@pytest.mark.parametrize("name", ["random", "mal"])
def test_when_memory_runs_out_the_batch_is_halved_and_said_plainly(name, pixels, pool, tmp_path, monkeypatch):
    kind = STRATEGIES[name]
    method = "game_step" if name == "mal" else "step"
    honest, failures = getattr(kind, method), [torch.OutOfMemoryError("no room")]
    step_count = []

    def step(self, batches):
        step_count.append(self.train_params.batch_size)
        if len(step_count) == 4 and failures:
            raise failures.pop()
        return honest(self, batches)

    monkeypatch.setattr(kind, method, step)
    said = []
    plan = order(name, batch_size=32)
    with pytest.raises(Stop):  # so that there is a checkpoint of the larger batch, which must not be taken up
        run(
            plan,
            Material(pool, 3, pixels),
            tmp_path / "a",
            stop_at("training: minimax game" if name == "mal" else "training: training", 2),
            work=tmp_path / "work",
        )
    outcome = run(plan, Material(pool, 3, pixels), tmp_path / "a", lambda p: said.append(p.message), work=tmp_path / "work")
    assert outcome.train.batch_size == 16
    assert [m for m in said if m] == ["memory on cpu ran out: starting again with batches of 16"]
    assert step_count == [32] * 4 + [16] * 6
    monkeypatch.undo()
    fresh = run(order(name, batch_size=16), Material(pool, 3, pixels), tmp_path / "b")
    assert outcome.scores.selected.tolist() == fresh.scores.selected.tolist()
    assert outcome.metrics == fresh.metrics


def test_a_halved_batch_stays_halved_when_the_round_is_resumed(pixels, pool, tmp_path, monkeypatch):
    honest, failures = STRATEGIES["random"].step, [torch.OutOfMemoryError("no room")]

    def step(self, batches):
        if failures:
            raise failures.pop()
        return honest(self, batches)

    monkeypatch.setattr(STRATEGIES["random"], "step", step)
    with pytest.raises(Stop):
        run(
            order("random", batch_size=32),
            Material(pool, 3, pixels),
            tmp_path / "a",
            stop_at("training: training", 3),
            work=tmp_path / "work",
        )
    outcome = run(order("random", batch_size=32), Material(pool, 3, pixels), tmp_path / "a", work=tmp_path / "work")
    fresh = run(order("random", batch_size=16), Material(pool, 3, pixels), tmp_path / "b")
    assert outcome.train.batch_size == 16
    assert torch.equal(files(tmp_path / "a" / outcome.folder)[0]["head.weight"], files(tmp_path / "b" / fresh.folder)[0]["head.weight"])


def test_memory_that_never_suffices_ends_with_advice(pixels, pool, tmp_path, monkeypatch):
    tried = []

    def step(self, batches):
        tried.append(self.train_params.batch_size)
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(STRATEGIES["random"], "step", step)
    with pytest.raises(BadInput, match="cpu has too little memory even for batches of 8: use the CPU or a smaller architecture"):
        run(order("random", batch_size=32), Material(pool, 3, pixels), tmp_path)
    assert tried == [32, 16, 8]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["predict", "score"])
def test_memory_that_runs_out_while_judging_costs_no_training(method, pixels, pool, tmp_path, monkeypatch):
    kind, trained = STRATEGIES["entropy"], []
    fresh = run(order("entropy"), Material(pool, 3, pixels), tmp_path / "b")
    honest, step = getattr(kind, method), kind.step

    def small_only(self, x):
        if len(x) > 4 and not self.training:
            raise torch.OutOfMemoryError("no room")
        return honest(self, x)

    monkeypatch.setattr(kind, method, small_only)
    monkeypatch.setattr(kind, "step", lambda self, batches: trained.append(1) or step(self, batches))
    monkeypatch.setattr(rounds, "LEAST_WALK", 2)
    outcome = run(order("entropy"), Material(pool, 3, pixels), tmp_path / "a")
    assert len(trained) == 6
    assert outcome.train.batch_size == 8
    assert outcome.metrics == pytest.approx(fresh.metrics)
    assert outcome.scores.selected.tolist() == fresh.scores.selected.tolist()
    monkeypatch.setattr(rounds, "LEAST_WALK", 8)
    with pytest.raises(BadInput, match="too little memory even to score 8 images at once"):
        run(order("entropy"), Material(pool, 3, pixels), tmp_path / "a")


def test_weights_that_explode_at_the_last_step_are_said_to_diverge(pixels, pool, tmp_path, monkeypatch):
    honest = STRATEGIES["random"].step

    def step(self, batches):
        losses = honest(self, batches)
        with torch.no_grad():
            self.head.weight.fill_(torch.nan)
        return losses

    monkeypatch.setattr(STRATEGIES["random"], "step", step)
    with pytest.raises(AlcoreError, match="training diverged: .*Lower the learning rate"):
        run(order("random", steps=1), Material(pool, 3, pixels), tmp_path)


# ---- a round's files


def test_a_round_that_fails_while_writing_leaves_no_folder(pixels, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(rounds.np, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(AlcoreError, match="the disk is full: the round.s files"):
        run(order("random"), Material(pool, 3, pixels), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("change", "words"), [
    ({"labeled": np.array([], np.int64), "targets": np.array([], np.int64)}, "nothing is labeled yet"),
    ({"targets": np.zeros(12, np.int64)}, "all 12 labels are of one class"),
])  # fmt: skip
def test_nothing_is_trained_without_labels_of_two_classes(change, words, pixels, pool, tmp_path):
    with pytest.raises(NotEnoughLabels, match=words):
        run(order("random"), Material(dataclasses.replace(pool, **change), 3, pixels), tmp_path)


@pytest.mark.parametrize(("change", "words"), [
    ({"query_size": 0}, "cannot query 0 items: use a query size of at least 1"),
    ({"strategy": "best"}, "unknown strategy 'best'"),
    ({"device": "cuda:99"}, "there is no cuda:99 here"),
    ({"device": "quantum"}, "unknown device 'quantum': use auto, cpu or cuda:0"),
    ({"device": "meta"}, "device 'meta' is not supported"),
    ({"params": {"lambda": 1}}, "parameters of strategy random: lambda is not a parameter"),
    ({"train": {"steps": 0}}, "parameters of training: steps=0: use a value from 1 to 10000000"),
])  # fmt: skip
def test_an_order_is_checked_before_work_starts(change, words):
    with pytest.raises(BadInput, match=words):
        dataclasses.replace(order("random"), **change).check()


# ---- a first query without a model


def test_a_start_at_random_draws_without_repeats_and_by_its_seed(pixels, pool):
    first = start_query(pool, pixels, 8, "random", 0).tolist()
    assert len(set(first)) == 8
    assert set(first) <= set(pool.unlabeled.tolist())
    assert start_query(pool, pixels, 8, "random", 0).tolist() == first
    assert start_query(pool, pixels, 8, "random", 1).tolist() != first
    assert sorted(start_query(pool, pixels, 99, "random", 0).tolist()) == pool.unlabeled.tolist()


def test_a_start_by_k_center_covers_every_kind_of_image_first(pixels, pool):
    empty = dataclasses.replace(
        pool,
        labeled=np.array([], np.int64),
        targets=np.array([], np.int64),
        unlabeled=np.sort(np.concatenate([pool.labeled, pool.unlabeled])),
    )
    chosen = start_query(empty, pixels, 3, "kcenter", 0)
    assert sorted(pool.rows_of(chosen) % 3) == [0, 1, 2]
    far_first = start_query(pool, pixels, 4, "kcenter", 0)
    assert not np.isin(far_first, pool.labeled).any()


def test_of_very_many_vectors_a_random_part_is_grouped(monkeypatch):
    rng = np.random.default_rng(0)
    vectors, ids = (np.repeat(rng.normal(size=(4, 6)), 50, 0) + 0.01 * rng.normal(size=(200, 6))).astype(np.float16), np.arange(200)
    none = np.empty(0, np.int64)
    pool = Pool(none, none, ids, none, none, ids, ids)
    monkeypatch.setattr(rounds, "GROUPED", 40)
    chosen = start_query(pool, vectors, 4, "groups", 1)
    assert sorted((chosen // 50).tolist()) == [0, 1, 2, 3]
    assert chosen.tolist() == start_query(pool, vectors, 4, "groups", 1).tolist()
    assert len(set(start_query(pool, vectors, 60, "groups", 1).tolist())) == 60


def test_an_unknown_start_is_refused(pixels, pool):
    with pytest.raises(BadInput, match="cannot start by 'entropy': use random, kcenter or groups"):
        start_query(pool, pixels, 3, "entropy", 0)


def test_a_diverse_query_of_regions_is_refused():
    train = {"query_unit": "tiles", "batch": "diverse"}
    with pytest.raises(BadInput, match="batch=diverse is for whole images, and query_unit=tiles ranks parts of them: use batch=top"):
        Order("entropy", task="segmentation", train=train).check()
    assert Order("entropy", task="segmentation", train={**train, "batch": "auto"}).check()[1].query_unit == "tiles"
