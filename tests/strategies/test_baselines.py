"""BALD, QBC, Learning Loss, VAAL and SRAAL: their formulas by hand, and the traps public ports fell into, each in a test of its name."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from alcore.measures import scores
from alcore.nets.models import VAE, Discriminator, LossModule, gaussian_kl
from alcore.nets.tasks import Classification
from alcore.params import TrainParams, make_params
from alcore.strategies import strategy_named
from alcore.strategies.base import Strategy
from alcore.strategies.learning_loss import ranking_loss
from alcore.strategies.sraal import uncertainty
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.train import train
from alcore.training.walk import query, walk

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, steps=4, flip=False, crop=0.0)


def build(name: str, *, classes: int = 3, seed: int = 0, train_params: TrainParams = TRAIN, **values) -> Strategy:
    kind = strategy_named(name)
    with seeded(seed, CPU):
        return kind(Classification(classes, 8), train_params, make_params(kind.Params, values, name))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(net: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def copy_of(net: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in net.state_dict().items()}


def moved(net: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return not same(net, before)


class Fixed:
    """Draws that are always the same two batches."""

    labeled_count = 12

    def __init__(self) -> None:
        self.x, self.y, self.x_u = noise(8, 3, 8, 8), torch.arange(8) % 3, noise(8, 3, 8, 8, seed=1)

    def labeled(self):
        return self.x, self.y

    def unlabeled(self):
        return self.x_u


# ---- disagreement: BALD's mutual information, QBC's Jensen-Shannon divergence


def test_disagreement_by_hand():
    # one says (1, 0), the other (0, 1): the mean has ln 2, each has 0
    sure = [torch.tensor([[50.0, -50.0]]), torch.tensor([[-50.0, 50.0]])]
    assert scores.disagreement(sure).item() == pytest.approx(math.log(2), abs=1e-6)
    p, q = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.5, 0.5]])
    h = lambda a: -sum(x * math.log(x) for x in a)  # noqa: E731
    expected = h((0.7, 0.3)) - 0.5 * (h((0.9, 0.1)) + math.log(2))
    assert scores.disagreement([p.log(), q.log()]).item() == pytest.approx(expected, abs=1e-6)


def test_disagreement_is_between_0_and_ln_k_0_when_all_agree_and_for_one():
    logits = [5 * noise(40, 7, seed=s) for s in range(6)]
    found = scores.disagreement(logits)
    assert ((found >= 0) & (found <= math.log(7))).all()
    assert scores.disagreement([logits[0]] * 4).abs().max() < 1e-6
    assert scores.disagreement([logits[0]]).abs().max() < 1e-6


def test_disagreement_reads_dense_logits_place_by_place():
    dense = [noise(2, 4, 3, 5, seed=s) for s in range(3)]
    found = scores.disagreement(dense)
    assert found.shape == (2, 3, 5)
    torch.testing.assert_close(found[1, 2, 4], scores.disagreement([d[1:, :, 2, 4] for d in dense])[0])


def test_probabilities_of_zero_give_no_nan():
    assert torch.isfinite(scores.disagreement([torch.tensor([[1e4, -1e4, 0.0]]), torch.tensor([[-1e4, 1e4, 0.0]])])).all()


# ---- BALD


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


# ---- QBC


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


# ---- Learning Loss


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


# ---- VAE


def test_the_vae_and_its_discriminator_have_the_papers_parameters():
    assert sum(p.numel() for p in VAE(32, 32, 128).parameters()) == 22_835_139
    assert sum(p.numel() for p in Discriminator(32).parameters()) == 280_065


@pytest.mark.parametrize(("size", "side"), [(8, 8), (13, 8), (16, 16), (28, 16), (32, 32), (48, 32)])
def test_the_vae_rebuilds_images_at_the_largest_side_that_fits(size, side):
    seen, made, mu, log_variance, z = VAE(size, 6, 4)(noise(3, 3, size, size))
    assert seen.shape == made.shape == (3, 3, side, side)
    assert mu.shape == log_variance.shape == z.shape == (3, 6)


def test_kl_is_0_for_the_prior_and_the_textbook_number_elsewhere():
    assert gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3)).abs().max() == 0
    found = gaussian_kl(torch.tensor([[1.5]]), torch.tensor([[math.log(4.0)]]))
    assert found.item() == pytest.approx(0.5 * (1.5**2 + 4 - 1 - math.log(4)))


# ---- VAAL


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


@pytest.mark.parametrize("name", ["vaal", "sraal", "mcdal", "coreset", "entropy", "badge", "typiclust"])
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


def test_vaal_asks_for_what_looks_least_labeled(pixels, pool):
    strategy = build("vaal")
    found, _, _ = query(strategy, Batches(pixels, pool, TRAIN, CPU, 0), 4, np.random.default_rng(0))
    least = found.ids[np.argsort(found.parts["labeledness"])][:4]
    assert sorted(found.selected.tolist()) == sorted(least.tolist())


# ---- SRAAL


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
