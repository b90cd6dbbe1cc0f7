"""BALD against its formulas by hand, and the traps public ports fell into."""

from __future__ import annotations

import pytest
import torch

from alcore.params import TrainParams
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.walk import walk
from tests.strategies.built import Fixed, build, copy_of, moved, same

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=4, flip=False, crop=0.0)


def test_bald_is_the_slow_average_over_its_masks():
    strategy = build("bald", passes=5).eval()
    x = Fixed().x
    with torch.no_grad():
        found = strategy.score(x)["bald"]
        last = strategy.backbone.maps(x)[-1]
        p = torch.stack([strategy.head((last * mask).mean(dim=(2, 3))).softmax(1) for mask in strategy.masks(last)])
    mean = p.mean(0)
    slow = -(mean * mean.log()).sum(1) + (p * p.log()).sum(2).mean(0)
    torch.testing.assert_close(found, slow, atol=1e-6, rtol=1e-4)
    assert found.max() > 1e-4


def test_bald_masks_keep_the_mean_and_drop_their_share():
    strategy = build("bald", passes=40, dropout=0.3)
    masks = strategy.masks(torch.zeros(2, 64, 4, 4))
    assert masks.shape == (40, 64, 4, 4)
    assert (masks == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert masks.unique().tolist() == pytest.approx([0.0, 1 / 0.7])


def test_bald_without_dropout_finds_no_disagreement_and_trains_with_it(pixels, pool):
    none = build("bald", dropout=0.0).eval()
    with torch.no_grad():
        assert none.score(Fixed().x)["bald"].abs().max() < 1e-6
    a, b = build("bald", dropout=0.0), build("bald", dropout=0.5)
    for strategy in (a, b):
        with seeded(4, CPU):
            strategy.step(Fixed())
    assert moved(a.backbone, copy_of(b.backbone))


def test_bald_keeps_batch_norm_in_evaluation_mode_while_dropout_is_on(pixels, pool):
    strategy = build("bald")
    before = copy_of(strategy)
    walk(strategy, Batches(pixels, pool, TRAIN, CPU, 0), pool.unlabeled)
    assert same(strategy, before)


def test_bald_runs_the_backbone_once_whatever_the_number_of_masks(monkeypatch):
    strategy, calls = build("bald", passes=9).eval(), []
    honest = strategy.backbone.maps
    monkeypatch.setattr(strategy.backbone, "maps", lambda x: calls.append(len(x)) or honest(x))
    with torch.no_grad():
        strategy.score(Fixed().x)
    assert calls == [8]
