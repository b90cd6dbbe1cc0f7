"""Dense labels: masks beside their images, MAL and MCDAL on maps, rounds that are resumed, and what a round leaves of every pixel.

Longer than 400 lines: one path, from the mask beside its image to the files of a round.
"""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import combinations

import numpy as np
import pytest
import torch

from alcore.columns import Snapshot
from alcore.errors import BadInput, NotEnoughLabels
from alcore.measures import scores
from alcore.nets.models import evaluating
from alcore.nets.tasks import VOID, Segmentation, train_params
from alcore.params import TrainParams, make_params
from alcore.progress import Progress
from alcore.strategies import STRATEGIES, strategy_named
from alcore.strategies.base import Strategy
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.pool import Pool
from alcore.training.roundfiles import RoundFiles
from alcore.training.train import train
from alcore.training.turn import Material, Order, run
from alcore.training.walk import evaluate, inspect, query, walk

CPU = torch.device("cpu")
SHORT = {"steps": 4, "batch_size": 4, "flip": True, "crop": 0.125}
PARAMS = train_params("segmentation", SHORT)


def build(name: str, *, seed: int = 0, params: TrainParams = PARAMS, size: int = 16, **values) -> Strategy:
    kind = strategy_named(name)
    with seeded(seed, CPU):
        return kind(Segmentation(3, size), params, make_params(kind.Params, values, name))


@pytest.fixture
def batches(dense_pixels, dense_pool, dense) -> Batches:
    return Batches(dense_pixels, dense_pool, PARAMS, CPU, 5, dense=dense)


# ---- masks beside their images


def index_images(dense: np.ndarray) -> np.ndarray:
    """Pictures that show the masks: each pixel's value is its class + 1, and void is 0, as is what lies beyond the edge."""
    return np.repeat(dense[..., None] + np.uint8(1), 3, axis=3)


def seen_classes(x: torch.Tensor) -> torch.Tensor:
    """The masks that drawn index images show."""
    value = ((x[:, 0] * 0.25 + 0.5) * 255).round().long()
    return torch.where(value == 0, VOID, value - 1)


@pytest.mark.parametrize(("flip", "crop"), [(False, 0.0), (True, 0.0), (False, 0.25), (True, 0.4)])
def test_a_mask_is_flipped_and_shifted_exactly_as_its_image(flip, crop, dense, dense_pool):
    params = dataclasses.replace(PARAMS, flip=flip, crop=crop, batch_size=9)
    batches = Batches(index_images(dense), dense_pool, params, CPU, 3, dense=dense)
    shown = set()
    for _ in range(6):
        x, y = batches.labeled()
        assert y.dtype == torch.int64
        assert torch.equal(y, seen_classes(x))
        shown |= {one.numpy().tobytes() for one in y}
    assert len(shown) > (12 if crop else 5 if flip else 2)


def turned_by_hand(mask: np.ndarray, angle: float) -> np.ndarray:
    """Pixel by pixel: the class of the nearest pixel of where each came from, VOID from beyond the edge."""
    side = len(mask)
    out = np.full_like(mask, VOID)
    for i in range(side):
        for j in range(side):
            x, y = (2 * j + 1) / side - 1, (2 * i + 1) / side - 1
            from_x = math.cos(angle) * x - math.sin(angle) * y
            from_y = math.sin(angle) * x + math.cos(angle) * y
            u, v = (round(((at + 1) * side - 1) / 2) for at in (from_x, from_y))
            if 0 <= u < side and 0 <= v < side:
                out[i, j] = mask[v, u]
    return out


def test_a_mask_is_turned_by_its_images_angle_and_takes_the_nearest_class(dense, dense_pixels, dense_pool, monkeypatch):
    from alcore.training import batches as module

    angles, honest = [], module._rotate

    def watched(images, angle, mode="bilinear"):
        angles.append((mode, angle.clone()))
        return honest(images, angle, mode)

    monkeypatch.setattr(module, "_rotate", watched)
    plain = dataclasses.replace(PARAMS, flip=False, crop=0.0, batch_size=12)
    before = Batches(dense_pixels, dense_pool, plain, CPU, 3, dense=dense).labeled()[1]
    after = Batches(dense_pixels, dense_pool, dataclasses.replace(plain, rotation=45.0), CPU, 3, dense=dense).labeled()[1]
    (_, of_images), (mode, of_masks) = angles
    assert mode == "nearest"
    assert torch.equal(of_images, of_masks)
    for mask, turned, angle in zip(before.numpy(), after.numpy(), of_masks.tolist(), strict=True):
        assert (turned == turned_by_hand(mask, angle)).mean() > 0.99  # a point half-way between two pixels may fall to either
    assert (after == VOID).sum() > (before == VOID).sum()


def test_images_are_drawn_alike_with_and_without_masks(dense_pixels, dense_pool, dense):
    params = dataclasses.replace(PARAMS, rotation=20.0)
    with_masks = Batches(dense_pixels, dense_pool, params, CPU, 3, dense=dense)
    without = Batches(dense_pixels, dense_pool, params, CPU, 3)
    for _ in range(3):
        assert torch.equal(with_masks.labeled()[0], without.labeled()[0])
        assert torch.equal(with_masks.unlabeled(), without.unlabeled())


def test_masks_of_another_size_than_the_images_are_refused(dense_pixels, dense_pool, dense):
    with pytest.raises(ValueError, match="masks of .12, 16. beside images of .16, 16."):
        Batches(dense_pixels, dense_pool, PARAMS, CPU, 0, dense=dense[:, :12])


def test_maps_are_walked_few_at_a_time_and_the_pictures_come_back_to_the_bit(batches, dense_pixels, dense_pool):
    assert batches.walk_size == 512
    big = Batches(
        np.zeros((2, 512, 512, 3), np.uint8),
        Pool(*[np.empty(0, np.int64)] * 5, np.arange(2), np.arange(2)),
        PARAMS,
        CPU,
        0,
        dense=np.zeros((0, 512, 512), np.uint8),
    )
    assert big.walk_size == 1
    noise = np.random.default_rng(0).integers(0, 256, dense_pixels.shape, dtype=np.uint8)
    for weights in ("none", "imagenet"):
        noisy = Batches(noise, dense_pool, dataclasses.replace(PARAMS, weights=weights), CPU, 0)
        for part, x in noisy.walk(dense_pool.unlabeled, 7):
            assert np.array_equal(noisy.pictures(x), noise[dense_pool.rows_of(part)])


def test_evaluation_is_that_of_the_masks_one_by_one(batches, dense_pixels, dense_pool, dense):
    strategy = build("random")
    train(strategy, batches, PARAMS)
    found = evaluate(strategy, batches)
    tally = strategy.task.tally()
    with evaluating(strategy):
        for i in dense_pool.test.tolist():
            row = dense_pool.rows_of(np.array([i]))
            x = (torch.from_numpy(dense_pixels[row]).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
            tally.add(strategy.predict(x), torch.from_numpy(dense[row]).long())
    assert found == pytest.approx(tally.result(), rel=1e-5)
    assert {"mean_iou", "pixel_accuracy", "loss", "iou/0"} <= found.keys()
    fitted = evaluate(strategy, batches, on="labeled")
    assert fitted["loss"] != found["loss"]


# ---- what void and the unlabeled leave alone


@pytest.mark.parametrize("name", [name for name in STRATEGIES if "segmentation" in STRATEGIES[name].tasks])
def test_a_batch_that_is_all_void_gives_finite_losses_and_leaves_the_head_alone(name, dense_pixels, dense_pool, dense):
    params = dataclasses.replace(PARAMS, weight_decay=0.0)
    strategy = build(name, params=params)
    strategy.train()
    void = Batches(dense_pixels, dense_pool, params, CPU, 5, dense=np.full_like(dense, VOID))
    before = [p.clone() for p in strategy.head.parameters()]
    for stage in strategy.stages(2):
        losses = stage.step(void)
        assert all(math.isfinite(loss.item()) for loss in losses.values())
        assert losses.get("cross_entropy", torch.zeros(())).item() == 0.0
    assert all(torch.equal(a, b) for a, b in zip(before, strategy.head.parameters(), strict=True))


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


# ---- MAL on maps


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


# ---- MCDAL's three averagings


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


# ---- rounds


class Stop(Exception):
    pass


def order(name: str, **train) -> Order:
    return Order(name, query_size=4, seed=3, device="cpu", train={**SHORT, **train}, task="segmentation")


@pytest.mark.parametrize(("name", "at"), [("random", 2), ("mal", 3), ("mal", 6), ("mcdal", 3), ("bald", 3)])
def test_an_interrupted_round_of_masks_ends_as_if_it_had_never_stopped(name, at, dense_pixels, dense_pool, dense, tmp_path):
    def stop(progress: Progress) -> None:
        if progress.stage.startswith("training: ") and progress.done >= at:
            raise Stop

    whole = run(order(name), Material(dense_pool, 3, dense_pixels, dense=dense), tmp_path / "a")
    with pytest.raises(Stop):
        run(order(name), Material(dense_pool, 3, dense_pixels, dense=dense), tmp_path / "b", stop, work=tmp_path / "work")
    resumed = run(order(name), Material(dense_pool, 3, dense_pixels, dense=dense), tmp_path / "b", work=tmp_path / "work")
    one, other = (folder / outcome.folder for folder, outcome in ((tmp_path / "a", whole), (tmp_path / "b", resumed)))
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert whole.scores.selected.tolist() == resumed.scores.selected.tolist()
    assert whole.metrics == resumed.metrics


def test_a_round_keeps_a_draft_and_every_pixels_scores_of_what_it_asks_for(dense_pixels, dense_pool, dense, tmp_path):
    outcome = run(order("mcdal"), Material(dense_pool, 3, dense_pixels, dense=dense), tmp_path)
    files = RoundFiles(tmp_path / outcome.folder)
    for i in outcome.scores.selected.tolist():
        kept = files.detail(i)
        assert kept.keys() == {"draft", "head_1", "head_2", "entropy", "margin", "confidence", "pixel_discrepancy"}
        assert {name for name, value in kept.items() if value.dtype == np.uint8} == {"draft", "head_1", "head_2"}
        assert all(value.shape == (16, 16) for value in kept.values())
        at = files.position[i]
        assert kept["entropy"].dtype == np.float16
        assert kept["entropy"].mean(dtype=np.float64) == pytest.approx(files.scores["entropy"][at], rel=2e-3)
    left_out = next(i for i in dense_pool.unlabeled.tolist() if i not in outcome.scores.selected)
    assert files.detail(left_out) is None
    assert files.regions(int(outcome.scores.selected[0])) == []
    shares = files.probabilities([0, 1])
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-9)
    assert outcome.train.architecture == "small_drn"


def test_what_is_inspected_is_the_likeliest_class_and_score_of_the_images_as_they_are(batches, dense_pool):
    strategy = build("mcdal", official_scoring=True)  # scores shifted images; what is shown lies over the picture
    with evaluating(strategy):
        ((part, x),) = batches.walk(dense_pool.unlabeled[:5])
        wanted = {int(i): strategy.score(one[None]) for i, one in zip(part, x, strict=True)}
    shown = dict(inspect(strategy, batches, dense_pool.unlabeled[:5]))
    assert shown.keys() == wanted.keys()
    for i, view in shown.items():
        assert np.array_equal(view["draft"], wanted[i]["logits"][0].argmax(0).numpy())
        assert np.array_equal(view["head_2"], wanted[i]["logits_2"][0].argmax(0).numpy())
        np.testing.assert_allclose(view["pixel_discrepancy"], wanted[i]["pixel_discrepancy"][0].numpy(), rtol=2e-3, atol=1e-4)


def test_inspecting_leaves_mode_and_gradients_as_they_were(batches, dense_pool):
    strategy = build("mal").train()
    for _ in inspect(strategy, batches, dense_pool.unlabeled[:3]):
        assert strategy.training
        assert not torch.is_inference_mode_enabled()


def test_an_order_of_masks_is_json_and_is_checked_before_work_starts():
    plan = order("mal")
    assert Order(**json.loads(json.dumps(dataclasses.asdict(plan)))) == plan
    assert Order("mal").task == "classification"
    assert plan.check()[1] == PARAMS
    for wrong, words in (
        ({"strategy": "badge"}, "strategy badge does not do segmentation: use one of mal, mcdal, entropy"),
        ({"task": "detection"}, "unknown task 'detection': use one of classification, segmentation"),
        ({"train": {"architecture": "small_cnn"}}, "architecture=small_cnn is not for semantic segmentation: use one of small_drn, drn_d_22"),
        ({"train": {"query_unit": "tiles"}, "strategy": "coreset"}, "strategy coreset has no score of single pixels.*use query_unit=frames, or one of mal, mcdal, entropy, margin, random, bald, qbc$"),
        ({"train": {"query_unit": "tiles"}, "task": "classification"}, "query_unit=tiles is for segmentation"),
        ({"train": {"region_count": 3}}, "region_count=3: use a value from 4 to 1000"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=words):
            dataclasses.replace(plan, **wrong).check()


def test_masks_and_a_task_without_them_do_not_go_together(dense_pixels, dense_pool, dense, tmp_path):
    for plan, masks in ((order("random"), None), (dataclasses.replace(order("random"), task="classification", train={}), dense)):
        with pytest.raises(ValueError, match="do not go together"):
            run(plan, Material(dense_pool, 3, dense_pixels, dense=masks), tmp_path)


@pytest.mark.parametrize(
    ("value", "words"), [(1, "all 12 labels are of one class"), (VOID, "all 12 masks are void: paint at least two classes")]
)
def test_masks_of_one_class_or_none_train_nothing(value, words, dense_pixels, dense_pool, dense, tmp_path):
    masks = np.full_like(dense, VOID)
    masks[:, 3:5] = value
    with pytest.raises(NotEnoughLabels, match=words):
        run(order("random"), Material(dense_pool, 3, dense_pixels, dense=masks), tmp_path)


def test_images_too_small_for_the_network_are_refused_with_a_cure(dense_pool, tmp_path):
    with pytest.raises(BadInput, match="small_drn wants images of at least 8 pixels and these have 6: import with --image-size 8"):
        run(
            order("random"),
            Material(dense_pool, 3, np.zeros((40, 6, 6, 3), np.uint8), dense=np.tile(np.arange(6, dtype=np.uint8) % 3, (40, 6, 1))),
            tmp_path,
        )


def test_images_of_an_odd_side_train_and_query(dense_pixels, dense_pool, dense):
    params = dataclasses.replace(PARAMS, steps=2)
    batches = Batches(
        np.ascontiguousarray(dense_pixels[:, :13, :13]), dense_pool, params, CPU, 1, dense=np.ascontiguousarray(dense[:, :13, :13])
    )
    strategy = build("mal", size=13, params=params)
    train(strategy, batches, params)
    found, _, _ = query(strategy, batches, 5, np.random.default_rng(0))
    assert len(found.selected) == 5


# ---- the pool of masks


def test_a_pool_of_masks_points_its_targets_at_each_digest_once():
    rows = [
        (3, "pool", "aa", 0, "bb", None, None, None), (4, "pool", "aa", 1, None, None, None, None), (5, "pool", "cc", 2, "aa", None, None, True),
        (6, "test", "aa", 3, None, None, None, None), (7, "test", "dd", 4, None, None, None, None), (8, "pool", None, 5, "bb", None, None, False),
        (9, "pool", "ee", 6, None, True, None, None), (10, "pool", "ff", 7, None, None, True, None), (11, "val", "gg", 8, None, None, None, None),
    ]  # fmt: skip
    pool, digests = Pool.of_masks(Snapshot.of([rows]))
    assert pool.labeled.tolist() == [3, 5, 8]
    assert [digests[at] for at in pool.targets] == ["bb", "aa", "bb"]
    assert pool.unlabeled.tolist() == [4]
    assert pool.partial.tolist() == [5]
    assert pool.test.tolist() == [6, 7]
    assert [digests[at] for at in pool.test_targets] == ["aa", "dd"]
    assert sorted(digests) == ["aa", "bb", "dd"]


def test_validation_stands_in_for_a_test_split_without_masks():
    rows = [
        (1, "pool", None, 0, "aa", None, None, None),
        (2, "test", None, 1, None, None, None, None),
        (3, "val", "bb", 2, None, None, None, None),
    ]
    pool, digests = Pool.of_masks(Snapshot.of([rows]))
    assert pool.test.tolist() == [3]
    assert [digests[at] for at in (*pool.targets, *pool.test_targets)] == ["aa", "bb"]
    empty, none = Pool.of_masks(Snapshot.of([[(1, "pool", None, 0, None, None, None, None)]]))
    assert (empty.unlabeled.tolist(), none) == ([1], ())
