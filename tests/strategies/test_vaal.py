"""VAAL: who updates whom, and the traps public ports fell into."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from alcore.nets.models import gaussian_kl
from alcore.params import TrainParams
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.train import train
from alcore.training.walk import query
from tests.strategies.built import Fixed, build, copy_of, moved, same

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=4, flip=False, crop=0.0)


def test_the_adversarial_term_reaches_the_encoder():
    """A port detaches mu inside the generator's loss: the encoder then never hears of the discriminator."""
    strategy = build("vaal", adversary_weight=1.0)
    x = Fixed().x
    F.binary_cross_entropy_with_logits(strategy.d(strategy.vae.encode(x)[0]), torch.ones(8)).backward()
    assert strategy.vae.mu.weight.grad.abs().max() > 0
    assert strategy.vae.encoder[0].weight.grad.abs().max() > 0
    ends = []
    for weight in (0.0, 20.0):
        each = build("vaal", adversary_weight=weight)
        with seeded(3, CPU):
            each._vae_step(Fixed().x, Fixed().x_u)
        ends.append(copy_of(each.vae))
    assert not torch.equal(ends[0]["mu.weight"], ends[1]["mu.weight"])


def test_the_vae_step_leaves_the_discriminator_and_the_task_model_alone_and_the_other_way_round():
    strategy, draws = build("vaal"), Fixed()
    d, task = copy_of(strategy.d), copy_of(strategy.backbone)
    strategy._vae_step(draws.x, draws.x_u)
    assert same(strategy.d, d)
    assert same(strategy.backbone, task)
    parameters = {n: p.detach().clone() for n, p in strategy.vae.named_parameters()}
    strategy._discriminator_step(draws.x, draws.x_u)
    assert all(torch.equal(p, parameters[n]) for n, p in strategy.vae.named_parameters())
    assert moved(strategy.d, d)


def test_the_discriminator_learns_to_call_labeled_images_labeled():
    strategy, draws = build("vaal"), Fixed()
    for _ in range(60):
        strategy._discriminator_step(draws.x, draws.x_u)
    strategy.vae.train()
    with torch.no_grad():
        labeled, unlabeled = (strategy.d(strategy.vae.encode(x)[0]) for x in (draws.x, draws.x_u))
    assert labeled.min() > unlabeled.max()


def test_official_kl_sums_over_batch_and_dimensions():
    plain, official = build("vaal", adversary_weight=0.0), build("vaal", adversary_weight=0.0, official_kl=True)
    draws, losses = Fixed(), []
    for strategy in (plain, official):
        with seeded(5, CPU):
            losses.append(strategy._vae_step(draws.x, draws.x_u).item())
    again = build("vaal", adversary_weight=0.0)
    with seeded(5, CPU), torch.no_grad():
        kl = [gaussian_kl(*again.vae(x)[2:4]) for x in (draws.x, draws.x_u)]
    assert losses[1] - losses[0] == pytest.approx(sum(float(k.sum() - k.mean()) for k in kl), rel=1e-4)


@pytest.mark.parametrize("name", ["vaal", "sraal", "mcdal", "coreset", "entropy", "badge", "typiclust", "uherding", "alfa_mix"])
def test_a_strategy_beside_the_task_model_leaves_its_training_as_under_random(name, pixels, pool):
    """Its validation or its other networks must not put the task model into evaluation mode, nor draw its images away."""
    ends = []
    for each in ("random", name):
        strategy = build(each)
        with seeded(1, CPU):
            train(strategy, Batches(pixels, pool, TRAIN, CPU, 5), TRAIN)
        assert strategy.first_point(strategy.params) == ""
        ends.append(copy_of(strategy.backbone) | {"head": strategy.head.weight.clone()})
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_vaals_networks_keep_their_rate_while_the_task_models_falls():
    (stage,) = build("vaal").stages(10)
    assert stage.constant == {"vae", "discriminator"}
    assert (stage.steps, stage.rate) == (10, None)


def test_vaal_asks_for_what_looks_least_labeled(pixels, pool):
    strategy = build("vaal")
    found, _, _ = query(strategy, Batches(pixels, pool, TRAIN, CPU, 0), 4, np.random.default_rng(0))
    least = found.ids[np.argsort(found.parts["labeledness"])][:4]
    assert sorted(found.selected.tolist()) == sorted(least.tolist())
