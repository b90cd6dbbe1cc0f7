"""MCDAL against the invariants of its paper: the auxiliary heads leave the task model alone, and what they are trained to do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from alcore.measures import scores
from alcore.nets.models import unchanged_statistics
from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies.base import Seen
from alcore.strategies.mcdal import MCDAL, Params
from alcore.strategies.random import Random
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.train import train
from alcore.training.turn import Order
from alcore.training.walk import evaluate

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=6)


def build(*, classes: int = 3, seed: int = 0, train: TrainParams = TRAIN, **values) -> MCDAL:
    with seeded(seed, CPU):
        return MCDAL(Classification(classes), train, Params(**values)).train()


class Fixed:
    """The same labeled and unlabeled batch at every draw."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, x_u: torch.Tensor) -> None:
        self.x, self.y, self.x_u = x, y, x_u

    def labeled(self):
        return self.x, self.y

    def unlabeled(self):
        return self.x_u


def images(seed: int = 0) -> Fixed:
    g = torch.Generator().manual_seed(seed)
    return Fixed(torch.randn(8, 3, 8, 8, generator=g), torch.arange(8) % 3, torch.randn(8, 3, 8, 8, generator=g))


def features(strategy: MCDAL, seed: int = 0) -> Fixed:
    """Fixed features instead of images: the backbone is taken away and only heads learn."""
    strategy.backbone = nn.Identity()
    g = torch.Generator().manual_seed(seed)
    x, x_u = torch.randn(12, 128, generator=g) / 8, torch.randn(12, 128, generator=g) / 8
    return Fixed(x, torch.arange(12) % 3, x_u)


def copied(net: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in net.state_dict().items()}


def same(a, b) -> bool:
    return all(torch.equal(a[key], b[key]) for key in a)


# ---- what it is made of


def test_resnet18_with_the_cifar_stem_and_two_more_heads_has_the_papers_parameters():
    strategy = build(classes=10, train=TrainParams(architecture="resnet18_cifar"))
    assert sum(p.numel() for p in strategy.parameters()) == 11_184_222


@pytest.mark.parametrize("heads", [2, 4, 6, 8])
def test_heads_are_as_many_as_asked_and_differ_from_the_start(heads):
    strategy = build(heads=heads)
    every = [strategy.head, *strategy.auxiliary]
    assert len(every) == heads + 1
    assert len({head.weight.sum().item() for head in every}) == heads + 1
    with torch.no_grad():
        found = strategy.eval().score(images().x)
    assert {f"logits_{i}" for i in range(1, heads + 1)} < found.keys()
    p = [found["logits"].softmax(1), *(found[f"logits_{i}"].softmax(1) for i in range(1, heads + 1))]
    slow = sum((p[i] - p[j]).abs().sum(1) / 3 for i in range(heads + 1) for j in range(i))
    torch.testing.assert_close(found["discrepancy"], slow)


def test_the_score_never_exceeds_six_over_the_number_of_classes():
    strategy = build().eval()
    with torch.no_grad():
        for head in strategy.auxiliary:
            head.weight *= 1000  # as sure of themselves as can be
        found = strategy.score(images().x)["discrepancy"]
    assert found.max() <= 6 / 3 + 1e-6
    assert found.max() > 0.5


# ---- the auxiliary heads leave the task model alone


def test_each_loss_reaches_its_own_part_only(monkeypatch):
    strategy, log = build(), []
    honest = strategy.update
    task = [*strategy.backbone.parameters(), *strategy.head.parameters()]
    auxiliary = list(strategy.auxiliary.parameters())

    def update(loss, *names):
        grads = [None if p.grad is None else p.grad.clone() for p in task]
        values = [p.detach().clone() for p in [*task, *auxiliary]]
        honest(loss, *names)
        moved = [not torch.equal(a, b) for a, b in zip(values, [*task, *auxiliary], strict=True)]
        log.append((names, any(moved[: len(task)]), any(moved[len(task) :])))
        if names == ("task",):
            assert all(p.grad is not None for p in task)
            assert all(p.grad is None for p in auxiliary)
        else:
            assert all(torch.equal(p.grad, before) for p, before in zip(task, grads, strict=True))
            assert all(p.grad.abs().sum() > 0 for p in auxiliary)

    monkeypatch.setattr(strategy, "update", update)
    strategy.step(images())
    assert log == [(("task",), True, False), (("auxiliary",), False, True)]


def test_the_discrepancy_gives_gradients_to_the_auxiliary_heads_only():
    strategy, draws = build(), images()
    with torch.no_grad():
        unlabeled = strategy.backbone(draws.x_u)
        main = strategy.head(unlabeled)
    strategy._discrepancy([main, *strategy._auxiliary_logits(unlabeled)]).mean().backward()
    assert all(q.grad is None for net in (strategy.backbone, strategy.head) for q in net.parameters())
    assert all(head.weight.grad.abs().sum() > 0 for head in strategy.auxiliary)


@pytest.fixture(scope="module")
def trajectories(pixels, pool):
    """Task model and metrics after the same round of random, of MCDAL, of MCDAL without discrepancy and of MCDAL with eight heads."""
    result = {}
    plans = {
        "random": (Random, None),
        "on": (MCDAL, Params()),
        "off": (MCDAL, Params(discrepancy_weight=0.0)),
        "eight": (MCDAL, Params(heads=8)),
    }
    for name, (kind, params) in plans.items():
        with seeded(4, CPU):
            strategy = kind(Classification(3), TRAIN, params)
            batches = Batches(pixels, pool, TRAIN, CPU, 9)
            train(strategy, batches, TRAIN)
            result[name] = (copied(strategy.backbone), copied(strategy.head), evaluate(strategy, batches), strategy)
    return result


@pytest.mark.parametrize("name", ["on", "off", "eight"])
def test_the_task_model_is_bitwise_the_one_that_random_trains(name, trajectories):
    backbone, head, metrics, _ = trajectories["random"]
    assert same(trajectories[name][0], backbone)  # batch-norm statistics too
    assert same(trajectories[name][1], head)
    assert trajectories[name][2] == metrics


def test_the_weight_of_the_discrepancy_does_change_the_auxiliary_heads(trajectories):
    on, off = (copied(trajectories[name][3].auxiliary) for name in ("on", "off"))
    assert not same(on, off)


def test_unlabeled_images_leave_no_trace_in_the_task_model():
    def after(draws):
        strategy = build()
        for _ in range(3):
            strategy.step(draws)
        return strategy

    draws, others = images(), images()
    others.x_u = 50 * torch.rand(8, 3, 8, 8)
    one, two = after(draws), after(others)
    assert same(copied(one.backbone), copied(two.backbone))
    assert same(copied(one.head), copied(two.head))
    assert not same(copied(one.auxiliary), copied(two.auxiliary))


# ---- Eq. 2 and 3


def test_a_step_descends_on_cross_entropies_minus_the_weighted_discrepancy():
    strategy = build(discrepancy_weight=2.5)
    draws = features(strategy)
    strategy.optimizers["task"].param_groups[0]["lr"] = 0.0
    p = strategy.head(draws.x_u).softmax(1).detach()
    outputs = [head(draws.x_u).softmax(1) for head in strategy.auxiliary]
    apart = sum((a - b).abs().sum(1).mean() / 3 for a, b in ((outputs[0], p), (outputs[1], p), (outputs[0], outputs[1])))
    ce = sum(-head(draws.x).log_softmax(1)[torch.arange(12), draws.y].mean() for head in strategy.auxiliary)
    expected = torch.autograd.grad(ce - 2.5 * apart, list(strategy.auxiliary.parameters()))
    losses = strategy.step(draws)
    assert losses["discrepancy"].item() == pytest.approx(apart.item(), abs=1e-6)
    assert losses["auxiliary_cross_entropy"].item() == pytest.approx(ce.item(), abs=1e-6)
    for parameter, gradient in zip(strategy.auxiliary.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_equal_heads_get_no_gradient_and_different_ones_move_apart():
    strategy = build()
    draws = features(strategy)
    main = strategy.head(draws.x_u).detach()
    independent = copied(strategy.auxiliary)
    for head in strategy.auxiliary:
        head.load_state_dict(strategy.head.state_dict())
    strategy._discrepancy([main, *strategy._auxiliary_logits(draws.x_u)]).mean().backward()
    assert all(q.grad.abs().max() == 0 for q in strategy.auxiliary.parameters())

    strategy.auxiliary.load_state_dict(independent)
    apart = []
    for _ in range(5):
        mean = strategy._discrepancy([main, *strategy._auxiliary_logits(draws.x_u)]).mean()
        apart.append(mean.item())
        gradients = torch.autograd.grad(mean, list(strategy.auxiliary.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(strategy.auxiliary.parameters(), gradients, strict=True):
                parameter += gradient
    assert apart == sorted(apart)
    assert apart[-1] > 1.1 * apart[0]


def test_two_equal_auxiliary_heads_stay_equal_for_ever():
    strategy = build()
    draws = features(strategy)
    strategy.auxiliary[1].load_state_dict(strategy.auxiliary[0].state_dict())
    for _ in range(5):
        strategy.step(draws)
    assert torch.equal(strategy.auxiliary[0].weight, strategy.auxiliary[1].weight)


def pair_distance(strategy: MCDAL, x: torch.Tensor) -> float:
    with torch.no_grad():
        p1, p2 = (head(x).softmax(1) for head in strategy.auxiliary)
    return scores.distance(p1, p2).mean().item()


def test_without_the_discrepancy_convex_heads_agree_in_the_end_and_with_it_they_do_not():
    params = TrainParams(batch_size=12, weight_decay=0.05, learning_rate=0.3)
    ends = {}
    for weight in (0.0, 1.0):
        strategy = build(train=params, discrepancy_weight=weight)
        draws = features(strategy)
        start = pair_distance(strategy, draws.x_u)
        for _ in range(400):
            strategy.step(draws)
        ends[weight] = pair_distance(strategy, draws.x_u)
    assert start > 0.01
    assert ends[0.0] < 1e-5
    assert ends[1.0] > 0.01


# ---- Eq. 5


def test_subtracting_the_labeled_mean_moves_no_rank():
    strategy, rng, ids = build(), np.random.default_rng(0), np.arange(30)
    pool, labeled = rng.random(30), rng.random(8)
    seen = Seen(ids, {"discrepancy": pool}, {"discrepancy": labeled}, np.zeros(8, np.int64), torch.device("cpu"))
    total = strategy.total(seen, rng)
    np.testing.assert_allclose(total, pool - sum(labeled) / 8)
    for ranked_by in (total, pool):
        assert strategy.select(ranked_by, seen, 30, rng, ignore_progress).tolist() == np.argsort(-pool).tolist()


def test_kl_stays_finite_for_heads_that_are_certain_of_different_things():
    strategy = build(distance="kl")
    draws = features(strategy)
    with torch.no_grad():
        for head in strategy.auxiliary:
            head.weight *= 1e4
    for _ in range(3):
        losses = strategy.step(draws)
        assert all(math.isfinite(value.item()) for value in losses.values())
    assert all(torch.isfinite(p).all() for p in strategy.parameters())


# ---- the published code's behaviour, by switch


def test_official_updates_make_two_auxiliary_updates_and_leave_the_task_model_as_it_was():
    plain, official = build(), build(official_updates=True)
    draws, steps = images(), []
    for strategy in (plain, official):
        honest = strategy.optimizers["auxiliary"].step
        strategy.optimizers["auxiliary"].step = lambda honest=honest: (steps.append(1), honest())
        strategy.step(draws)
        steps.append(0)
    assert steps == [1, 0, 1, 1, 0]
    assert torch.equal(plain.head.weight, official.head.weight)
    assert not torch.equal(plain.auxiliary[0].weight, official.auxiliary[0].weight)


def test_official_updates_move_the_batch_norm_statistics_twice_and_say_so():
    plain, official = build().train(), build(official_updates=True).train()
    draws = images()
    for strategy in (plain, official):
        strategy.step(draws)
    for name, value in plain.backbone.state_dict().items():
        other = official.backbone.state_dict()[name]
        if "num_batches" in name:
            assert (value.item(), other.item()) == (1, 2)
        else:
            assert torch.equal(value, other) is ("running" not in name), name
    assert MCDAL.first_point(Params(official_updates=True)) == "its second forward pass moves the batch-norm statistics twice a step"
    assert MCDAL.first_point(Params(algorithm_1=True)) == ""
    assert not MCDAL.semi_supervised(Params(official_updates=True))  # labeled images move them


def test_algorithm_1_updates_on_cross_entropy_and_then_on_the_discrepancy_alone():
    strategy, draws = build(algorithm_1=True).train(), images()
    twin = build().train()
    strategy.step(draws)
    x, y = draws.labeled()
    features = twin.backbone(x)
    twin.update(twin.task.loss(twin.head(features), y), "task")
    optimizer = twin.optimizers["auxiliary"]
    optimizer.zero_grad()
    sum(torch.nn.functional.cross_entropy(head(features.detach()), y) for head in twin.auxiliary).backward()
    optimizer.step()
    optimizer.zero_grad()
    with torch.no_grad(), unchanged_statistics(twin.backbone):
        unlabeled = twin.backbone(draws.unlabeled())
    p = [head(unlabeled).softmax(1) for head in (twin.head, *twin.auxiliary)]
    apart = sum((p[i] - p[j]).abs().mean(1) for i, j in ((0, 1), (0, 2), (1, 2))).mean()
    (-apart).backward()
    optimizer.step()
    for mine, theirs in zip(strategy.auxiliary, twin.auxiliary, strict=True):
        torch.testing.assert_close(mine.weight, theirs.weight, rtol=0, atol=1e-6)
    assert not torch.equal(strategy.auxiliary[0].weight, build().auxiliary[0].weight)
    one = build().train()
    one.step(draws)
    assert not torch.allclose(strategy.auxiliary[0].weight, one.auxiliary[0].weight, atol=1e-5)


def test_official_statistics_let_unlabeled_images_into_batch_norm():
    ends = []
    for official in (False, True):
        strategy, draws = build(official_statistics=official), images()
        strategy.train()
        strategy.step(draws)
        ends.append({k: v.clone() for k, v in strategy.backbone.state_dict().items() if "running" in k})
    assert all(not torch.equal(ends[0][k], ends[1][k]) for k in ends[0])


def test_official_warmup_climbs_past_the_peak_and_comes_back_to_it():
    train_params = TrainParams(steps=990, batch_size=8, warmup=0.1)
    strategy = MCDAL(Classification(3), train_params, Params(official_warmup=True))
    (stage,) = strategy.stages(990)

    class Ninety:
        labeled_count = 90

    rates = [stage.rate(step, Ninety()) for step in range(990)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[98] == pytest.approx(99 / 11)
    assert rates[99] == 1.0
    (plain,) = MCDAL(Classification(3), train_params, Params()).stages(990)
    assert plain.rate is None


def test_official_scoring_asks_for_nobody_in_the_last_incomplete_batch():
    strategy = MCDAL(Classification(3), TrainParams(batch_size=8), Params(official_scoring=True))
    assert strategy.augmented_scoring
    assert not build().augmented_scoring
    pool, ids = np.random.default_rng(0).random(30), np.arange(30)
    seen = Seen(ids, {"discrepancy": pool.copy()}, {"discrepancy": np.zeros(4)}, np.zeros(4, np.int64), torch.device("cpu"))
    total = strategy.total(seen, np.random.default_rng(1))
    last = np.flatnonzero(total == total.min())
    assert len(last) == 30 % 8
    assert total.min() < pool.min()
    assert np.array_equal(np.delete(total, last), np.delete(pool, last))


def test_on_features_the_discrepancy_weighs_a_tenth_and_elsewhere_as_in_the_paper():
    def weight(**given):
        return Order("mcdal", train={"architecture": "features"}, params=given).check()[0].discrepancy_weight

    assert (weight(), weight(discrepancy_weight=1.0)) == (0.1, 1.0)
    assert Order("mcdal").check()[0].discrepancy_weight == 1.0
