"""Dense labels: masks beside their images, MAL and MCDAL on maps, rounds that are resumed, and what a round leaves of every pixel.

Longer than 400 lines: one path, from the mask beside its image to the files of a round.
"""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from alcore.errors import BadInput, NotEnoughLabels
from alcore.nets.models import evaluating
from alcore.nets.tasks import VOID, train_params
from alcore.progress import Progress
from alcore.strategies import STRATEGIES
from alcore.training.batches import Batches
from alcore.training.pool import Pool
from alcore.training.roundfiles import RoundFiles
from alcore.training.train import train
from alcore.training.turn import Material, Order, run
from alcore.training.walk import evaluate, inspect, query
from tests.training.masked import build

CPU = torch.device("cpu")
SHORT = {"steps": 4, "batch_size": 4, "flip": True, "crop": 0.125}
PARAMS = train_params("segmentation", SHORT)


@pytest.fixture
def batches(dense_pixels, dense_pool, dense) -> Batches:
    return Batches(dense_pixels, dense_pool, PARAMS, CPU, 5, dense=dense)


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
