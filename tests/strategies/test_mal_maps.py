"""MAL on maps: prototypes as a convolution, who updates whom, scores of images and pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.measures import scores
from alcore.nets.models import evaluating
from alcore.nets.tasks import train_params
from alcore.strategies.base import Strategy
from alcore.training.batches import Batches
from alcore.training.walk import walk
from tests.training.masked import build

CPU = torch.device("cpu")
SHORT = {"steps": 4, "batch_size": 4, "flip": True, "crop": 0.125}
PARAMS = train_params("segmentation", SHORT)


@pytest.fixture
def batches(dense_pixels, dense_pool, dense) -> Batches:
    return Batches(dense_pixels, dense_pool, PARAMS, CPU, 5, dense=dense)


def test_mals_classifier_is_a_1x1_convolution_of_prototypes_and_its_discriminator_reads_maps():
    strategy = build("mal")
    assert strategy.c.form == "single"
    assert strategy.c.prototypes.weight.shape == (3, 48)
    assert [name for name, _ in strategy.c.named_parameters()] == ["prototypes.weight"]
    assert sum(p.numel() for p in strategy.d.parameters()) == (9 * 48 * 128 + 128) + (9 * 128 * 64 + 64) + (9 * 64 * 32 + 32) + 33
    assert build("mal", head="mme_deep").c.form == "mme_deep"


def pixel_entropy(strategy: Strategy, x: torch.Tensor) -> torch.Tensor:
    return scores.entropy(strategy.task.full(strategy.c(strategy.f(x)))).mean()


@pytest.mark.parametrize(("side", "sign"), [("f", -1), ("c", +1)])
def test_one_small_step_on_maps_lowers_entropy_by_the_features_and_raises_it_by_the_prototypes(side, sign):
    strategy = build("mal")
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    before = pixel_entropy(strategy, x).item()
    _, entropy = strategy._unlabeled_entropy(x)
    assert entropy.item() == pytest.approx(before, abs=1e-6)
    (-entropy).backward()
    parameters = [p for p in getattr(strategy, side).parameters() if p.grad is not None]
    rate = 2e-4 / sum(p.grad.square().sum().item() for p in parameters)
    with torch.no_grad():
        for p in parameters:
            p -= rate * p.grad
        assert pixel_entropy(strategy, x).item() - before == pytest.approx(sign * 2e-4, rel=0.15)


def test_mals_discriminator_step_leaves_features_and_classifier_alone_and_cross_entropy_leaves_the_discriminator(batches):
    strategy = build("mal")
    strategy.train()
    x = torch.randn(4, 48, 4, 4)
    before = [p.clone() for p in [*strategy.f.parameters(), *strategy.c.parameters()]]
    strategy._discriminator_step(x, x + 1)
    assert all(torch.equal(a, b) for a, b in zip(before, [*strategy.f.parameters(), *strategy.c.parameters()], strict=True))
    d = [p.clone() for p in strategy.d.parameters()]
    strategy.update(strategy.task.loss(strategy.task.full(strategy.c(strategy.f(batches.labeled()[0]))), batches.labeled()[1]), "game")
    assert all(torch.equal(a, b) for a, b in zip(d, strategy.d.parameters(), strict=True))


def test_mals_scores_are_the_pixel_mean_of_the_entropy_and_one_logit_an_image(batches, dense_pool):
    strategy = build("mal")
    walked = walk(strategy, batches, dense_pool.unlabeled)
    with evaluating(strategy):
        for part, x in batches.walk(dense_pool.unlabeled):
            assert strategy.score(x)["entropy"].shape == (len(part), 16, 16)
            each = [pixel_entropy(strategy, one[None]).item() for one in x]
    np.testing.assert_allclose(walked.parts["entropy"], each, rtol=1e-4)
    assert walked.parts["labeledness_logit"].shape == (20,)
