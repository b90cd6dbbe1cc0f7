"""SRAAL: uncertainty by hand, relabeling, its two trainings one after the other."""

from __future__ import annotations

import pytest
import torch

from alcore.nets.models import gaussian_kl
from alcore.strategies.sraal import uncertainty
from alcore.training.devices import seeded
from tests.strategies.built import CPU, Fixed, build, copy_of, noise, same


def test_uncertainty_by_hand():
    # p = (0.6, 0.3, 0.1): mean 1/3, variance ((0.2667)^2 + (0.0333)^2 + (0.2333)^2) / 3; least: the rest 0.2 each
    p = torch.tensor([[0.6, 0.3, 0.1]])
    variance = sum((v - 1 / 3) ** 2 for v in (0.6, 0.3, 0.1)) / 3
    least = ((1 / 3 - 0.6) ** 2 + 2 * (1 / 3 - 0.2) ** 2) / 3
    assert uncertainty(p).item() == pytest.approx(1 - 0.6 * least / variance, rel=1e-5)


def test_uncertainty_is_0_for_one_hot_and_1_for_uniform_and_between_for_all_others():
    """torch's unbiased variance would give a one-hot 1/K, and a uniform distribution 0/0."""
    assert uncertainty(torch.eye(5)).tolist() == [0.0] * 5
    assert uncertainty(torch.full((2, 4), 0.25)).tolist() == [1.0, 1.0]
    found = uncertainty((4 * noise(300, 6)).softmax(1))
    assert ((found >= 0) & (found <= 1)).all()
    assert torch.isfinite(found).all()


def test_sraal_trains_the_task_model_first_and_leaves_it_alone_afterwards():
    strategy, draws = build("sraal"), Fixed()
    first, second = strategy.stages(10)
    assert (first.name, first.steps, second.steps) == ("task model", 10, 5)
    before = copy_of(strategy.backbone)
    second.step(draws)
    assert same(strategy.backbone, before)
    assert strategy.backbone.training


def test_sraal_relabels_unlabeled_images_by_one_minus_their_uncertainty():
    strategy, draws = build("sraal"), Fixed()
    strategy.backbone.eval()
    strategy.vae.train()
    with torch.no_grad():
        u = uncertainty(strategy.predict(draws.x_u).softmax(1))
        probe = build("sraal")
        mu, mu_u = (probe.vae.encode(x)[0] for x in (draws.x, draws.x_u))
        p, p_u = strategy.d(mu).sigmoid(), strategy.d(mu_u).sigmoid()
        slow = -p.log().mean() - ((1 - u) * p_u.log() + u * (1 - p_u).log()).mean()
    assert strategy._discriminator_step(draws.x, draws.x_u).item() == pytest.approx(slow.item(), rel=1e-4)


def test_sraals_second_half_of_the_latent_learns_the_labels_of_its_own_images():
    strategy, draws = build("sraal", latent=20), Fixed()
    assert strategy.vae.decoded == 10
    assert strategy.classifier[0].in_features == 10
    for _ in range(40):
        strategy._vae_step(draws.x, draws.y, draws.x_u)
    strategy.vae.train()
    with torch.no_grad():
        guessed = strategy.classifier(strategy.vae.encode(draws.x)[0][:, 10:]).argmax(1)
    assert guessed.tolist() == draws.y.tolist()


def test_sraals_rate_falls_thirty_times_by_15_percent():
    _, second = build("sraal", relabeling_steps=1.0).stages(300)
    assert second.rate(0, None) == 1.0
    assert second.rate(10, None) == pytest.approx(0.85)
    assert second.rate(299, None) == pytest.approx(0.85**29)


def test_the_published_kl_is_a_sum_over_dimensions():
    draws, losses = Fixed(), []
    for kl_sum in (False, True):
        strategy = build("sraal", latent=20, kl_sum=kl_sum)
        with seeded(5, CPU):
            losses.append(strategy._vae_step(draws.x, draws.y, draws.x_u).item())
    again = build("sraal", latent=20)
    with seeded(5, CPU), torch.no_grad():
        kl = [gaussian_kl(*again.vae(x)[2:4]).mean().item() for x in (draws.x, draws.x_u)]
    assert losses[1] - losses[0] == pytest.approx(19 * sum(kl), rel=1e-4)
