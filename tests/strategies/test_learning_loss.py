"""Learning Loss: the ranking loss by hand, whom it reaches and when."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.nets.models import LossModule
from alcore.params import TrainParams
from alcore.strategies.learning_loss import ranking_loss
from alcore.training.batches import Batches
from alcore.training.walk import query, walk
from tests.strategies.built import Fixed, build, copy_of, moved

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=4, flip=False, crop=0.0)


def test_the_ranking_loss_by_hand():
    # pairs (0, 3) and (1, 2): losses 2 > 1, so the first should be larger: 3 - 1 = 2 past the margin; 0.5 < 4: 1 - 0 is on the wrong side
    predicted, actual = torch.tensor([3.0, 1.0, 0.0, 1.0]), torch.tensor([2.0, 0.5, 4.0, 1.0])
    assert ranking_loss(predicted, actual).item() == pytest.approx((0.0 + 2.0) / 2)
    assert ranking_loss(predicted, actual, margin=3.0).item() == pytest.approx((1.0 + 4.0) / 2)


def test_a_pair_in_the_right_order_by_the_margin_costs_nothing():
    assert ranking_loss(torch.tensor([2.0, 0.0]), torch.tensor([9.0, 8.0])).item() == 0.0
    assert ranking_loss(torch.tensor([0.5, 0.0]), torch.tensor([9.0, 8.0])).item() == 0.5


def test_equal_losses_count_as_smaller_and_an_odd_batch_leaves_its_middle_alone():
    assert ranking_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0])).item() == 1.0
    odd = ranking_loss(torch.tensor([2.0, 77.0, 0.0]), torch.tensor([9.0, 0.0, 8.0]))
    assert odd.item() == 0.0


def test_the_loss_module_has_the_papers_parameters_on_resnet18():
    assert sum(p.numel() for p in LossModule((64, 128, 256, 512)).parameters()) == 123_905


def test_the_ranking_loss_reaches_the_backbone_only_before_its_share_of_the_steps():
    """A loop that rebinds `feature = feature.detach()` detaches nothing: here the gradient itself is looked at."""
    draws = Fixed()
    for step, reaches in (("step", True), ("apart_step", False)):
        pair = [build("learning_loss", loss_weight=weight) for weight in (0.0, 50.0)]
        for strategy in pair:
            getattr(strategy, step)(draws)
        assert moved(pair[1].backbone, copy_of(pair[0].backbone)) is reaches
        assert moved(pair[1].loss_module, copy_of(build("learning_loss").loss_module))


def test_the_two_stretches_share_one_schedule_and_all_steps():
    strategy = build("learning_loss", detach_after=0.6)
    first, second = strategy.stages(100)
    assert (first.steps, second.steps) == (60, 40)
    trace = [first.rate(s, None) for s in range(60)] + [second.rate(s, None) for s in range(40)]
    plain = [min((s + 1) / 2, 1.0) * 0.2 ** sum(s >= m for m in (30, 60, 80)) for s in range(100)]
    assert trace == pytest.approx(plain)
    assert [s.steps for s in build("learning_loss", detach_after=0.0).stages(10)] == [10]
    assert [s.steps for s in build("learning_loss", detach_after=1.0).stages(10)] == [10]


def test_learning_loss_asks_for_the_highest_prediction_not_the_lowest(pixels, pool):
    strategy = build("learning_loss")
    found, walked, _ = query(strategy, Batches(pixels, pool, TRAIN, CPU, 0), 3, np.random.default_rng(0))
    predicted = dict(zip(walked.ids.tolist(), walked.parts["predicted_loss"].tolist(), strict=True))
    asked = [predicted[i] for i in found.selected.tolist()]
    assert asked == sorted((predicted[i] for i in pool.unlabeled.tolist()), reverse=True)[:3]


def test_scores_stand_at_the_ids_they_were_computed_for(pixels, pool):
    """A shuffled scoring loader gives scores to the wrong images."""
    strategy, batches = build("learning_loss").eval(), Batches(pixels, pool, TRAIN, CPU, 0)
    walked = walk(strategy, batches, pool.unlabeled)
    for i, (ids, x) in zip(range(5), batches.walk(pool.unlabeled[:5], batch_size=1), strict=True):
        with torch.no_grad():
            alone = strategy.score(x)["predicted_loss"].item()
        assert walked.ids[i] == ids[0]
        assert walked.parts["predicted_loss"][i] == pytest.approx(alone, abs=1e-5)
