"""MCDAL's three averagings over the pixels against numpy; its auxiliary heads leave the task model alone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from alcore.measures import scores
from alcore.nets.models import evaluating
from alcore.nets.tasks import train_params
from alcore.training.batches import Batches
from alcore.training.walk import walk
from tests.training.masked import build

CPU = torch.device("cpu")
SHORT = {"steps": 4, "batch_size": 4, "flip": True, "crop": 0.125}
PARAMS = train_params("segmentation", SHORT)


@pytest.fixture
def batches(dense_pixels, dense_pool, dense) -> Batches:
    return Batches(dense_pixels, dense_pool, PARAMS, CPU, 5, dense=dense)


def trajectory(name: str, steps: int, draws: Batches, seed: int = 0, **values) -> list[torch.Tensor]:
    strategy = build(name, seed=seed, **values)
    strategy.train()
    for _ in range(steps):
        strategy.step(draws)
    return [*strategy.backbone.state_dict().values(), *strategy.head.state_dict().values()]


@pytest.mark.parametrize("values", [{}, {"heads": 4}, {"averaging": "pixels"}, {"averaging": "logits", "discrepancy_weight": 50.0}])
def test_mcdals_auxiliary_heads_leave_the_task_model_bitwise_as_random_trains_it(values, dense_pixels, dense_pool, dense):
    def draws() -> Batches:
        return Batches(dense_pixels, dense_pool, PARAMS, CPU, 5, dense=dense)

    plain, beside = trajectory("random", 4, draws()), trajectory("mcdal", 4, draws(), **values)
    assert all(torch.equal(a, b) for a, b in zip(plain, beside, strict=True))


def some_heads(count: int, classes: int = 4, side: int = 5) -> list[torch.Tensor]:
    return [2 * torch.randn(3, classes, side, side, generator=torch.Generator().manual_seed(s)) for s in range(count)]


def soft(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("heads", [3, 5])
def test_the_three_averagings_equal_numpy(heads):
    logits = some_heads(heads)
    a = [each.double().numpy() for each in logits]
    wanted = {
        "probabilities": sum(np.abs(soft(p).mean((2, 3)) - soft(q).mean((2, 3))).sum(1) / 4 for p, q in combinations(a, 2)),
        "pixels": sum((np.abs(soft(p) - soft(q)).sum(1) / 4).mean((1, 2)) for p, q in combinations(a, 2)),
        "logits": sum(np.abs(soft(p.mean((2, 3))) - soft(q.mean((2, 3)))).sum(1) / 4 for p, q in combinations(a, 2)),
    }
    for averaging, values in wanted.items():
        np.testing.assert_allclose(scores.image_discrepancy(logits, "l1", averaging).numpy(), values, rtol=1e-5, atol=1e-7)
        given = scores.image_discrepancy(logits, "l1", averaging, [each.softmax(1) for each in logits])
        assert torch.equal(given, scores.image_discrepancy(logits, "l1", averaging))
    with pytest.raises(ValueError, match="unknown averaging 'median'"):
        scores.image_discrepancy(logits, "l1", "median")


def test_averaging_first_never_gives_more_and_gives_the_same_where_signs_agree():
    logits = some_heads(3)
    first, last = (scores.image_discrepancy(logits, "l1", averaging) for averaging in ("probabilities", "pixels"))
    assert (first <= last + 1e-7).all()
    assert (first < 0.7 * last).all()  # pixels disagree in opposite ways here
    p = torch.tensor([0.7, 0.2, 0.1]).view(1, 3, 1, 1).expand(2, 3, 4, 4).log()
    q = torch.tensor([0.4, 0.3, 0.3]).view(1, 3, 1, 1).expand(2, 3, 4, 4).log()
    torch.testing.assert_close(scores.image_discrepancy([p, q]), scores.image_discrepancy([p, q], averaging="pixels"))
    assert scores.image_discrepancy([p, q])[0].item() == pytest.approx(0.6 / 3, abs=1e-6)


def test_without_space_all_averagings_are_one():
    logits = [2 * torch.randn(6, 4, generator=torch.Generator().manual_seed(s)) for s in range(3)]
    found = [scores.image_discrepancy(logits, "l1", averaging) for averaging in scores.AVERAGINGS]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("averaging", scores.AVERAGINGS)
def test_mcdal_scores_images_by_its_averaging_and_pixels_by_their_own(averaging, batches, dense_pool):
    strategy = build("mcdal", averaging=averaging)
    walked = walk(strategy, batches, dense_pool.unlabeled)
    with evaluating(strategy):
        ((_, x),) = batches.walk(dense_pool.unlabeled)
        found = strategy.score(x)
    heads = [found[name] for name in ("logits", "logits_1", "logits_2")]
    torch.testing.assert_close(found["discrepancy"], scores.image_discrepancy(heads, "l1", averaging))
    pixels = sum((p.softmax(1) - q.softmax(1)).abs().mean(1) for p, q in combinations(heads, 2))
    torch.testing.assert_close(found["pixel_discrepancy"], pixels)
    np.testing.assert_allclose(walked.parts["discrepancy"], found["discrepancy"].numpy(), rtol=1e-6)
    np.testing.assert_allclose(walked.parts["pixel_discrepancy"], pixels.mean((1, 2)).numpy(), rtol=1e-5)
    assert (walked.parts["discrepancy"] <= walked.parts["pixel_discrepancy"] + 1e-6).all() or averaging == "logits"
