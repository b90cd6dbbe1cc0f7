"""Passes over the pool: metrics of the task model, a sample that is scored and asked from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from alcore.nets.tasks import TASKS
from alcore.params import TrainParams
from alcore.strategies import badge, base
from alcore.training import walk as walks
from alcore.training.batches import Batches
from alcore.training.train import train
from alcore.training.walk import evaluate, query
from tests.training.orders import build

CPU = torch.device("cpu")
SHORT = {"steps": 6, "batch_size": 8}
PARAMS = TrainParams(**SHORT)


# ---- evaluation


def test_metrics_are_those_of_the_task_model_on_the_test_items_in_evaluation_mode(pixels, pool):
    strategy, batches = build("mal").train(), Batches(pixels, pool, PARAMS, CPU, 0)
    train(strategy, batches, PARAMS)
    buffers = {key: value.clone() for key, value in strategy.named_buffers()}
    found = evaluate(strategy, batches)
    strategy.eval()
    hits, losses = [], []
    row = dict(zip(pool.ids.tolist(), pool.rows.tolist(), strict=True))
    for i, target in zip(pool.test.tolist(), pool.test_targets.tolist(), strict=True):
        x = (torch.from_numpy(pixels[row[i]]).permute(2, 0, 1)[None].float() / 255 - 0.5) / 0.25
        with torch.no_grad():
            logits = strategy.head(strategy.backbone(x))[0]
        hits.append(int(logits.argmax()) == target)
        losses.append(-logits.log_softmax(0)[target].item())
    assert found["accuracy"] == pytest.approx(sum(hits) / 6)
    assert found["loss"] == pytest.approx(sum(losses) / 6, rel=1e-4)
    per_class = [np.mean([h for h, t in zip(hits, pool.test_targets, strict=True) if t == k]) for k in set(pool.test_targets.tolist())]
    assert found["balanced_accuracy"] == pytest.approx(np.mean(per_class))
    assert all(torch.equal(value, buffers[key]) for key, value in strategy.named_buffers())


def test_balanced_accuracy_counts_each_class_that_occurs_once():
    logits = torch.tensor([[2.0, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0, 0]])
    tally = TASKS["classification"](3).tally()
    tally.add(logits[:3], torch.tensor([0, 0, 0]))
    tally.add(logits[3:], torch.tensor([1]))
    found = tally.result()
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.5


def test_without_test_items_there_are_no_metrics(pixels, pool):
    none = dataclasses.replace(pool, test=np.array([], np.int64), test_targets=np.array([], np.int64))
    assert evaluate(build("random"), Batches(pixels, none, PARAMS, CPU, 0)) == {}


# ---- scoring a sample


def test_a_sample_of_the_pool_is_scored_and_asked_from(pixels, pool):
    params = dataclasses.replace(PARAMS, score_sample=9)
    found, walked, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 4, np.random.default_rng(5))
    assert len(found.ids) == 9
    assert set(found.selected.tolist()) <= set(found.ids.tolist()) <= set(pool.unlabeled.tolist())
    assert walked.ids.tolist() == [*found.ids.tolist(), *pool.labeled.tolist()]
    again, _, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 4, np.random.default_rng(5))
    other, _, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 4, np.random.default_rng(6))
    assert again.ids.tolist() == found.ids.tolist() != other.ids.tolist()
    larger, _, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 12, np.random.default_rng(5))
    assert len(larger.selected) == 12  # a query larger than the sample draws as many as it needs


# ---- near duplicates


def asked(pixels, pool, alike: np.ndarray | None, n: int = 6, name: str = "margin", **train: object) -> list[int]:
    """The query of an untrained strategy."""
    params = dataclasses.replace(PARAMS, **train)
    scores, _, _ = query(build(name), Batches(pixels, pool, params, CPU, 0), n, np.random.default_rng(5), alike=alike)
    return scores.selected.tolist()


@pytest.mark.parametrize("name", ["margin", "mcdal", "badge", "coreset", "typiclust", "uherding", "random"])
def test_where_nothing_is_alike_the_query_is_the_same(pixels, pool, name):
    assert asked(pixels, pool, np.arange(len(pool.ids)), name=name) == asked(pixels, pool, None, name=name)


@pytest.mark.parametrize("name", ["margin", "badge", "coreset", "random"])
def test_of_near_duplicates_one_is_asked_for_and_none_of_what_is_labeled(pixels, pool, name):
    whole = asked(pixels, pool, None, n=len(pool.unlabeled), name=name)
    alike = pool.ids.copy()
    where = {int(i): at for at, i in enumerate(pool.ids)}
    alike[where[whole[1]]] = alike[where[whole[4]]] = whole[0]  # three of a kind, of which the first comes first
    alike[where[whole[2]]] = pool.labeled[0]
    found = asked(pixels, pool, alike, n=5, name=name)
    assert len(found) == 5
    groups = [int(alike[where[i]]) for i in found]
    assert len(set(groups)) == 5
    assert whole[2] not in found
    if name in ("margin", "coreset"):
        expected = [i for i in whole if i not in (whole[1], whole[4], whole[2])]
        assert found == expected[:5]


def test_of_fewer_groups_than_are_asked_for_each_gives_one(pixels, pool):
    alike = np.where(np.isin(pool.ids, pool.unlabeled), np.arange(len(pool.ids)) % 3, pool.ids + 100)
    found = asked(pixels, pool, alike, n=6)
    assert sorted(alike[np.searchsorted(pool.ids, found)].tolist()) == [0, 1, 2]


def test_where_all_is_like_something_labeled_the_first_choice_is_asked_all_the_same(pixels, pool):
    assert asked(pixels, pool, np.zeros(len(pool.ids), np.int64)) == asked(pixels, pool, None)


def test_a_sample_of_the_pool_that_is_used_up_gives_what_it_has(pixels, pool):
    alike = np.where(np.isin(pool.ids, pool.unlabeled), pool.ids % 2, pool.ids + 100)
    found = asked(pixels, pool, alike, n=4, score_sample=8)
    assert sorted({i % 2 for i in found}) == sorted(i % 2 for i in found)
    assert 1 <= len(found) <= 2


# ---- of so many that their outputs lie in files


@pytest.mark.parametrize(("name", "batch"), [("entropy", "diverse"), ("mcdal", "diverse"), ("badge", "auto"), ("coreset", "auto")])
def test_outputs_in_files_ask_for_the_same_images_to_the_bit(name, batch, pixels, pool, tmp_path, monkeypatch):
    params = dataclasses.replace(PARAMS, batch=batch)

    def asked(room):
        strategy, batches = build(name, params=params), Batches(pixels, pool, params, CPU, 0)
        return query(strategy, batches, 5, np.random.default_rng(1), alike=np.arange(len(pool.ids)) // 2, room=room)

    scores, walked, _ = asked(None)
    monkeypatch.setattr(walks, "IN_MEMORY", 0)
    monkeypatch.setattr(base, "COPIED", 0)
    monkeypatch.setattr(badge, "ROWS", 3)
    filed, there, _ = asked(tmp_path / "room")
    assert filed.selected.tolist() == scores.selected.tolist()
    assert filed.total.tolist() == scores.total.tolist()
    assert there.arrays.keys() == walked.arrays.keys()
    assert all((there.arrays[key] == walked.arrays[key]).all() for key in walked.arrays)
    assert list((tmp_path / "room").iterdir()) == []  # the files have no name


def test_a_disk_without_room_for_the_outputs_says_so(pixels, pool, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(walks, "IN_MEMORY", 0)
    monkeypatch.setattr(walks.os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        query(build("entropy"), Batches(pixels, pool, PARAMS, CPU, 0), 5, np.random.default_rng(0), room=tmp_path)
