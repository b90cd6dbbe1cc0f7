"""MAL against the invariants of its paper: the signs of the game, who updates whom, the sampling rule, the task model.

Longer than 400 lines: the invariants of one method, read beside each other.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from alcore.measures import scores
from alcore.measures.criteria import combine
from alcore.nets.tasks import Classification, Segmentation
from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies.base import Seen
from alcore.strategies.mal import MAL, Params
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.train import train

CPU = torch.device("cpu")
TRAIN = TrainParams(batch_size=8, flip=False, crop=0.0)


def build(*, classes: int = 3, seed: int = 0, **values) -> MAL:
    with seeded(seed, CPU):
        return MAL(Classification(classes), TRAIN, Params(**values)).train()


@cache
def any_mal() -> MAL:
    """For what asks no weight."""
    return build()


class Same:
    """The same labeled and unlabeled batch at every draw."""

    def __init__(self, seed: int = 0) -> None:
        g = torch.Generator().manual_seed(seed)
        self.x, self.y, self.x_u = torch.randn(8, 3, 8, 8, generator=g), torch.arange(8) % 3, torch.randn(8, 3, 8, 8, generator=g)

    def labeled(self):
        return self.x, self.y

    def unlabeled(self):
        return self.x_u


def states(strategy: MAL) -> dict[str, dict[str, torch.Tensor]]:
    """Weights and statistics of every part, cloned."""
    return {name: {k: v.clone() for k, v in net.state_dict().items()} for name, net in strategy.named_children()}


def changed(before, after) -> set[str]:
    return {name for name in before if any(not torch.equal(before[name][k], after[name][k]) for k in before[name])}


def weights(net: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in net.parameters()]


def watch(strategy: MAL, monkeypatch) -> list[tuple[str, set[str]]]:
    """What each update of the strategy changes: (optimizer, parts), in order."""
    log: list[tuple[str, set[str]]] = []
    honest = strategy.update

    def update(loss, *names, **options):
        before = states(strategy)
        honest(loss, *names, **options)
        log.append((*names, changed(before, states(strategy))))

    monkeypatch.setattr(strategy, "update", update)
    return log


# ---- 1.1: what it is made of


def test_parts_have_the_papers_parameter_counts_for_resnet18_and_100_classes():
    with seeded(0, CPU):
        strategy = MAL(Classification(100), TrainParams(architecture="resnet18"))
    counts = {name: sum(p.numel() for p in net.parameters()) for name, net in strategy.named_children()}
    assert counts == {"backbone": 11_176_512, "head": 51_300, "f": 11_176_512, "c": 156_928, "d": 525_825}
    assert counts["backbone"] + counts["head"] == 11_227_812


# ---- 1.3: signs


def entropy_of(strategy: MAL, x: torch.Tensor) -> float:
    with torch.no_grad():
        return scores.entropy(strategy.c(strategy.f(x))).mean().item()


@pytest.mark.parametrize(("head", "side", "sign"), [
    ("mme_deep", lambda s: s.f, -1), ("mme_deep", lambda s: s.c.hidden, -1), ("mme_deep", lambda s: s.c.prototypes, +1),
    ("single", lambda s: s.f, -1), ("single", lambda s: s.c, +1), ("norm_w", lambda s: s.c.prototypes, +1),
])  # fmt: skip
def test_one_small_step_lowers_the_entropy_by_the_features_and_raises_it_by_the_prototypes(head, side, sign):
    strategy, x = build(head=head), Same().x_u
    before = entropy_of(strategy, x)
    _, entropy = strategy._unlabeled_entropy(x)
    (-entropy).backward()
    assert entropy.item() == pytest.approx(before, abs=1e-6)
    steepness = sum(p.grad.square().sum().item() for p in side(strategy).parameters())
    rate = 2e-4 / steepness  # a change of 0.0002 to first order
    with torch.no_grad():
        for p in side(strategy).parameters():
            p -= rate * p.grad
    assert entropy_of(strategy, x) - before == pytest.approx(sign * 2e-4, rel=0.1)


def test_eta_scales_the_features_gradient_and_not_the_prototypes():
    def gradients(eta):
        strategy = build(eta=eta)
        (-strategy._unlabeled_entropy(Same().x_u)[1]).backward()
        return strategy.f.blocks[0].weight.grad, strategy.c.prototypes.weight.grad

    (f_half, c_half), (f_one, c_one) = gradients(0.5), gradients(1.0)
    torch.testing.assert_close(f_half, 0.5 * f_one)
    assert torch.equal(c_half, c_one)


# ---- 1.4: order of updates and who is touched


@pytest.mark.parametrize(("values", "expected"), [
    ({}, [("game", {"f", "c"}), ("discriminator", {"d"})]),
    ({"update": "two_step"}, [("game", {"f", "c"}), ("game", {"f", "c"}), ("discriminator", {"d"})]),
    ({"minimax": False}, [("game", {"f", "c"}), ("discriminator", {"d"})]),
])  # fmt: skip
def test_a_game_step_updates_features_and_classifier_then_the_discriminator_alone(values, expected, monkeypatch):
    strategy = build(**values)
    log = watch(strategy, monkeypatch)
    strategy.game_step(Same())
    assert log == expected


def test_the_discriminator_leaves_no_gradient_on_the_features():
    strategy, draws = build(), Same()
    strategy._discriminator_step(strategy.f(draws.x).detach(), strategy.f(draws.x_u).detach())
    assert all(p.grad is None for net in (strategy.f, strategy.c, strategy.backbone) for p in net.parameters())
    assert all(p.grad is not None for p in strategy.d.parameters())


def test_the_discriminator_learns_labeled_from_unlabeled_on_normalized_features():
    strategy = build(temperature_d=2.0)
    labeled, unlabeled = torch.rand(4, 128), torch.rand(6, 128)
    with torch.no_grad():
        chance = [torch.sigmoid(strategy.d(F.normalize(x, dim=1)) / 2.0) for x in (labeled, unlabeled)]
    expected = -(chance[0].log().sum() + (1 - chance[1]).log().sum()) / 10
    assert strategy._discriminator_step(7 * labeled, 0.1 * unlabeled).item() == pytest.approx(expected.item(), abs=1e-5)


def test_the_task_model_is_not_touched_by_the_game_and_touches_nothing_of_it(monkeypatch):
    strategy = build()
    game, task = strategy.stages(4)
    before = states(strategy)
    game.step(Same())
    assert changed(before, states(strategy)) == {"f", "c", "d"}
    before = states(strategy)
    task.step(Same())
    assert changed(before, states(strategy)) == {"backbone", "head"}


def first_update(strategy: MAL, draws: Same) -> list[torch.Tensor]:
    """Weights of F and C after the first update of a game step."""

    class Stop(Exception):
        pass

    honest = strategy.update

    def update(loss, *names, **options):
        honest(loss, *names, **options)
        raise Stop

    strategy.update = update
    with pytest.raises(Stop):
        strategy.game_step(draws)
    return weights(strategy.f) + weights(strategy.c)


def test_without_entropy_joint_and_two_step_begin_with_the_same_cross_entropy_update():
    joint = first_update(build(entropy_weight=0.0), Same())
    for other in ({"entropy_weight": 0.0, "update": "two_step"}, {"entropy_weight": 5.0, "update": "two_step"}, {"minimax": False}):
        assert all(torch.equal(a, b) for a, b in zip(joint, first_update(build(**other), Same()), strict=True))


def test_lambda_changes_the_first_joint_update_but_would_not_with_an_adam_of_its_own():
    def alone(weight: float) -> list[torch.Tensor]:
        strategy = build()
        adam = torch.optim.Adam(strategy.c.parameters(), lr=1e-3, eps=1e-20)
        (-weight * strategy._unlabeled_entropy(Same().x_u)[1]).backward()
        adam.step()
        return weights(strategy.c)

    start = weights(build().c)
    for before, small, large in zip(start, alone(1.0), alone(100.0), strict=True):
        torch.testing.assert_close(small - before, large - before, rtol=0, atol=1e-6)
        assert ((small - before).abs() < 1.01e-3).all()
    small, large = (first_update(build(entropy_weight=w), Same()) for w in (1.0, 100.0))
    assert max((a - b).abs().max().item() for a, b in zip(small, large, strict=True)) > 1e-4


def test_the_entropy_shares_the_one_optimizer_of_features_and_classifier():
    strategy = build(learning_rate_f=1e-4, learning_rate_c=2e-3, learning_rate_d=3e-3)
    game = strategy.optimizers["game"].param_groups
    assert [(g["lr"], {id(p) for p in g["params"]}) for g in game] == [
        (1e-4, {id(p) for p in strategy.f.parameters()}),
        (2e-3, {id(p) for p in strategy.c.parameters()}),
    ]
    assert [g["lr"] for g in strategy.optimizers["discriminator"].param_groups] == [3e-3]


@pytest.mark.parametrize("update", ["joint", "two_step"])
def test_the_game_draws_the_features_of_unlabeled_images_to_prototypes(update):
    """With C at rest, F's updates lower H; with F at rest, C's raise it: the whole step, optimizer and all."""
    for rate_f, rate_c, sign in ((1e-3, 1e-12, -1), (1e-12, 1e-3, +1)):
        rates = {"learning_rate_f": rate_f, "learning_rate_c": rate_c}
        strategy = build(update=update, head="single", entropy_weight=100.0, temperature=0.5, **rates)
        before = entropy_of(strategy, Same().x_u)
        strategy.game_step(Same())
        assert sign * (entropy_of(strategy, Same().x_u) - before) > 1e-4


def test_without_the_game_unlabeled_images_leave_no_trace_in_features_and_classifier():
    def after(unlabeled: torch.Tensor):
        strategy, draws = build(minimax=False), Same()
        draws.x_u = unlabeled
        for _ in range(3):
            strategy.game_step(draws)
        found = states(strategy)
        return found["f"], found["c"], found["d"]

    one, other = after(Same().x_u), after(9 * torch.randn(8, 3, 8, 8))
    assert changed({"f": one[0], "c": one[1]}, {"f": other[0], "c": other[1]}) == set()
    assert changed({"d": one[2]}, {"d": other[2]}) == {"d"}


# ---- Algorithm 3


def test_the_stages_are_the_game_and_then_the_task_model_for_its_share_of_the_steps():
    assert [(s.name, s.steps) for s in build().stages(600)] == [("minimax game", 600), ("task model", 600)]
    assert [s.steps for s in build(task_steps=0.01).stages(10)] == [10, 1]


def test_what_the_task_model_takes_from_the_features_has_a_rate_of_its_own_and_its_new_head_the_runs():
    def rates(task=Classification, run: float = 0.07, **values) -> list[tuple[float, list[str]]]:
        params = TrainParams(batch_size=8, learning_rate=run, architecture=task.architectures[0])
        with seeded(0, CPU):
            strategy = MAL(task(3, 16), params, Params(**values))
        names = {id(p): name.partition(".")[0] for name, p in strategy.named_parameters()}
        groups = strategy.optimizers["task"].param_groups
        return [(group["lr"], sorted({names[id(p)] for p in group["params"]})) for group in groups]

    assert rates(learning_rate_m=0.02) == [(0.02, ["backbone"]), (0.07, ["head"])]
    assert rates() == [(0.01, ["backbone"]), (0.07, ["head"])]
    assert rates(run=0.003) == [(0.003, ["backbone", "head"])]  # never above the run's by itself
    assert rates(Segmentation) == [(0.07, ["backbone", "head"])]
    assert rates(Segmentation, learning_rate_m=0.02) == [(0.02, ["backbone"]), (0.07, ["head"])]
    assert rates(init_from_f=False) == [(0.07, ["backbone", "head"])]  # from scratch it is trained as any other task model


def test_the_game_falls_as_the_run_does_or_as_in_mme(pixels, pool, monkeypatch):
    rates = {}
    for schedule in ("run", "mme"):
        strategy = build(game_schedule=schedule, learning_rate_f=1.0, learning_rate_d=2.0, learning_rate_m=3.0)
        told: list[list[float]] = []

        def look(_, told=told, optimizers=strategy.optimizers):
            told.append([o.param_groups[0]["lr"] for o in optimizers.values()])
            return {"nothing": torch.zeros(())}

        monkeypatch.setattr(strategy, "game_step", look)
        monkeypatch.setattr(strategy, "step", look)
        params = TrainParams(batch_size=8, steps=10, warmup=0.0, flip=False, crop=0.0)
        train(strategy, Batches(pixels, pool, params, CPU, 0), params)
        rates[schedule] = {"game": told[:10], "task": told[10:]}
    falls = [0.2 ** sum(10 * m <= step for m in (0.3, 0.6, 0.8)) for step in range(10)]
    assert rates["run"]["game"] == [pytest.approx([f, 2 * f, 3 * f]) for f in falls]
    mme = [(1 + 5 * step / 10) ** -0.75 for step in range(10)]
    assert rates["mme"]["game"] == [pytest.approx([f, 2 * f, 3 * f]) for f in mme]
    assert rates["mme"]["task"] == rates["run"]["task"] == rates["run"]["game"]


def test_the_hidden_layer_is_as_wide_as_the_papers_parameter_counts_want_it():
    sizes = {}
    for architecture, hidden in (("resnet18", 0), ("resnet18", 128), ("vgg16_bn", 0)):
        with seeded(0, CPU):
            strategy = MAL(Classification(100, 32), TrainParams(architecture=architecture), Params(hidden=hidden))
        sizes[architecture, hidden] = sum(p.numel() for p in strategy.c.parameters())
    assert sizes == {("resnet18", 0): 156_928, ("resnet18", 128): 512 * 128 + 128 + 12_800, ("vgg16_bn", 0): 12_896_768}


@pytest.mark.parametrize("update", ["joint", "two_step"])
def test_the_discriminator_sees_both_kinds_through_the_same_features(update, monkeypatch):
    """In two steps unlabeled images pass F after its cross-entropy update, and so must labeled ones: equal images look equal to D."""
    strategy, draws, given = build(update=update, learning_rate_f=0.1), Same(), []
    draws.x_u = draws.x
    honest = strategy._discriminator_step
    monkeypatch.setattr(strategy, "_discriminator_step", lambda *both: given.append(both) or honest(*both))
    first = strategy.f(draws.x).detach()
    strategy.game_step(draws)
    ((labeled, unlabeled),) = given
    assert torch.equal(labeled, unlabeled)
    assert torch.equal(labeled, first) is (update == "joint")


def test_the_task_model_starts_from_the_features_with_their_statistics():
    strategy = build()
    game, task = strategy.stages(2)
    game.step(Same())
    task.start()
    found = states(strategy)
    assert changed({"x": found["f"]}, {"x": found["backbone"]}) == set()
    task.step(Same())
    found_later = states(strategy)
    assert changed({"f": found["f"]}, {"f": found_later["f"]}) == set()  # a copy, not the same weights
    assert changed({"b": found["backbone"]}, {"b": found_later["backbone"]}) == {"b"}


@pytest.mark.parametrize("init", [True, False])
def test_training_starts_the_task_model_from_f_once_or_from_its_own_weights(init, pixels, pool, monkeypatch):
    strategy, starts = build(init_from_f=init), []
    first = states(strategy)["backbone"]
    honest = strategy.step

    def step(batches):
        found = states(strategy)
        starts.append((changed({"x": found["backbone"]}, {"x": found["f"]}), changed({"x": found["backbone"]}, {"x": first})))
        return honest(batches)

    monkeypatch.setattr(strategy, "step", step)
    params = TrainParams(batch_size=8, steps=4, flip=False, crop=0.0)
    train(strategy, Batches(pixels, pool, params, CPU, 0), params)
    assert len(starts) == 4
    assert starts[0] == ((set(), {"x"}) if init else ({"x"}, set()))
    assert starts[1] == ({"x"}, {"x"})


# ---- 1.5: the sampling rule


def brute_force(entropy, d, b: int) -> tuple[set[int], set[int]]:
    """Positions both lists share for the smallest k that gives at least b of them, and for k - 1."""
    n = len(d)
    before: set[int] = set()
    for k in range(1, n + 1):
        most_unlabeled = {i for i in range(n) if sum(d[j] < d[i] for j in range(n)) < k}
        most_unsure = {i for i in range(n) if sum(entropy[j] > entropy[i] for j in range(n)) < k}
        shared = most_unlabeled & most_unsure
        if len(shared) >= b:
            return shared, before
        before = shared
    raise AssertionError


def seen(ids, parts) -> Seen:
    return Seen(np.asarray(ids), parts, {}, np.empty(0, np.int64), torch.device("cpu"))


def asked(strategy, what: Seen) -> list[int]:
    total = strategy.total(what, np.random.default_rng(0))
    return strategy.select(total, what, len(what.ids), np.random.default_rng(0), ignore_progress).tolist()


def chosen(entropy, d, ids, b: int, rule: str = "minmax_rank") -> list[int]:
    total = combine(rule, np.asarray(entropy, float), np.asarray(d, float), 10)
    return any_mal().select(total, seen(ids, {}), b, np.random.default_rng(0), ignore_progress).tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [1000, 4])  # 4: many ties
def test_minmax_rank_takes_what_the_two_lists_share_for_the_smallest_k(seed, levels):
    rng = np.random.default_rng(seed)
    entropy, d = rng.integers(0, levels, 15) / levels, rng.integers(0, levels, 15) / levels
    ids = rng.permutation(15) * 2
    for b in range(1, 16):
        found = chosen(entropy, d, ids, b)
        shared, before = brute_force(entropy, d, b)
        assert len(set(found)) == b
        inside, certain = {int(ids[i]) for i in shared}, {int(ids[i]) for i in before}
        assert certain <= set(found) <= inside
        assert sorted(set(found) - certain) == sorted(inside - certain)[: b - len(certain)]  # ties by id


def test_a_constant_discriminator_leaves_entropy_and_a_constant_entropy_leaves_the_discriminator():
    rng = np.random.default_rng(0)
    values, ids, flat = rng.permutation(12) / 12, rng.permutation(12), np.full(12, 0.3)
    by_entropy = [int(ids[i]) for i in np.argsort(-values)]
    by_d = [int(ids[i]) for i in np.argsort(values)]
    for b in (1, 5, 12):
        assert chosen(values, flat, ids, b) == by_entropy[:b]
        assert chosen(flat, values, ids, b) == by_d[:b]


RULES = ("minmax_rank", "filter_rank", "two_stage", "product", "ranksum", "strict")


@pytest.mark.parametrize("rule", RULES)
def test_permuting_the_pool_permutes_the_answer_under_every_rule(rule):
    rng = np.random.default_rng(2)
    entropy, d = rng.integers(0, 4, 30) / 4, rng.integers(-3, 4, 30).astype(float)
    ids, turned = rng.permutation(30) * 5, rng.permutation(30)
    assert chosen(entropy[turned], d[turned], ids[turned], 9, rule) == chosen(entropy, d, ids, 9, rule)


def test_each_rule_on_a_hand_worked_pool():
    #          id:   10   11   12   13   14   15
    entropy = np.array([2.0, 1.8, 1.5, 1.0, 0.5, 0.1])  # ranks 1 2 3 4 5 6
    d = np.array([3.0, 2.0, -1.0, -2.0, 1.0, -3.0])  # ranks 6 5 3 2 4 1
    ids = np.arange(10, 16)
    # max of both ranks: 6 5 3 4 5 6
    assert chosen(entropy, d, ids, 6) == [12, 13, 11, 14, 10, 15]
    # the same, ties by the smaller rank: 11 has (5, 2), 14 (4, 5), 10 (6, 1), 15 (1, 6)
    assert chosen(entropy, d, ids, 6, "strict") == [12, 13, 11, 14, 10, 15]
    # d < 0: 12, 13, 15 by entropy; then 14, 11, 10 by smallest d
    assert chosen(entropy, d, ids, 6, "filter_rank") == [12, 13, 15, 14, 11, 10]
    # the most unlabeled third is 15, 13: by entropy 13, 15; then 12, 14, 11, 10 by smallest d
    assert chosen(entropy, d, ids, 6, "two_stage") == [13, 15, 12, 14, 11, 10]
    # sums 7 7 6 6 9 7
    assert chosen(entropy, d, ids, 6, "ranksum") == [12, 13, 10, 11, 15, 14]


def test_the_query_ranks_by_what_it_is_told_to():
    parts = {"entropy": np.array([0.2, 0.9, 0.5]), "labeledness_logit": np.array([-5.0, 4.0, 0.0])}
    ids = np.array([7, 8, 9])

    def first(select_by):
        strategy = build(select_by=select_by)
        return asked(strategy, seen(ids, parts))

    assert first("uncertainty") == [8, 9, 7]
    assert first("diversity") == [7, 9, 8]
    assert first("both") == [9, 7, 8]
    drawn = dict(zip([7, 8, 9], np.random.default_rng(0).random(3), strict=True))
    assert first("random") == sorted(drawn, key=drawn.get, reverse=True)


def test_a_saturated_discriminator_still_ranks_by_its_logit():
    parts = {"entropy": np.full(3, 0.5), "labeledness": np.ones(3), "labeledness_logit": np.array([300.0, 100.0, 200.0])}
    ids = np.array([1, 2, 3])
    strategy = build()
    assert asked(strategy, seen(ids, parts)) == [2, 3, 1]


def test_scores_come_from_features_classifier_and_discriminator():
    strategy, x = build().eval(), Same().x
    with torch.no_grad():
        found = strategy.score(x)
        features = strategy.f(x)
        torch.testing.assert_close(found["embedding"], features)
        torch.testing.assert_close(found["logits"], strategy.c(features))
        torch.testing.assert_close(found["labeledness_logit"], strategy.d(F.normalize(features, dim=1)))
        torch.testing.assert_close(found["labeledness"], 1 / (1 + (-found["labeledness_logit"]).exp()))
        torch.testing.assert_close(strategy.predict(x), strategy.head(strategy.backbone(x)))
