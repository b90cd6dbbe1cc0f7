"""Query by committee: its members start apart, its first is trained as under random."""

from __future__ import annotations

import torch

from alcore.measures import scores
from alcore.params import TrainParams
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.train import train
from tests.strategies.built import Fixed, build, copy_of, moved

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=4, flip=False, crop=0.0)


def test_qbc_scores_the_jensen_shannon_divergence_of_its_members():
    strategy = build("qbc", members=3).eval()
    with torch.no_grad():
        found = strategy.score(Fixed().x)
    members = [found["logits"], found["logits_1"], found["logits_2"]]
    torch.testing.assert_close(found["disagreement"], scores.disagreement(members))
    assert found["disagreement"].min() > 0


def test_the_committees_first_member_is_trained_as_under_random(pixels, pool):
    ends = []
    for name in ("random", "qbc"):
        strategy = build(name)
        with seeded(1, CPU):
            train(strategy, Batches(pixels, pool, TRAIN, CPU, 5), TRAIN)
        ends.append(copy_of(strategy.backbone) | {"head": strategy.head.weight.clone()})
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_committee_members_start_apart_and_each_of_them_learns():
    strategy = build("qbc", members=3)
    weights = [net.blocks[0].weight for net in (strategy.backbone, *strategy.backbones)]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])
    before = [copy_of(net) for net in strategy.backbones]
    strategy.step(Fixed())
    assert all(moved(net, old) for net, old in zip(strategy.backbones, before, strict=True))
