"""Tasks: losses with void, metrics against slow loops, what a pass over the pool keeps, and each task's recipe."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from alcore.errors import BadInput
from alcore.measures import scores
from alcore.nets.tasks import TASKS, VOID, Classification, Segmentation, task_named, train_params
from alcore.params import TrainParams
from alcore.pixels import masks
from alcore.training import batches


def some_logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_masks(count: int, side: int, classes: int, seed: int = 0) -> torch.Tensor:
    """(count, side, side) int64; about a fifth of the pixels are void."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, classes, (count, side, side))
    values[rng.random(values.shape) < 0.2] = VOID
    return torch.from_numpy(values)


def test_void_is_the_same_number_everywhere():
    assert VOID == batches.VOID == masks.VOID == 255


# ---- losses


def slow_losses(logits: torch.Tensor, target: torch.Tensor) -> list[list[float]]:
    """Cross-entropy of every pixel that has a class, image by image."""
    result = []
    for scores_of, classes in zip(logits.double().tolist(), target.tolist(), strict=True):
        found = []
        for y, row in enumerate(classes):
            for x, k in enumerate(row):
                if k != VOID:
                    values = [channel[y][x] for channel in scores_of]
                    found.append(math.log(sum(math.exp(v) for v in values)) - values[k])
        result.append(found)
    return result


def test_the_loss_is_the_mean_over_all_pixels_with_a_class_and_losses_are_the_images_own_means():
    task, logits, target = Segmentation(4, 5), some_logits(3, 4, 5, 5), some_masks(3, 5, 4)
    target[2, 1:] = VOID
    slow = slow_losses(logits, target)
    assert task.loss(logits, target).item() == pytest.approx(sum(map(sum, slow)) / sum(map(len, slow)), rel=1e-5)
    assert task.losses(logits, target).tolist() == pytest.approx([sum(each) / len(each) for each in slow], rel=1e-5)


def test_what_is_predicted_under_void_changes_neither_loss_nor_gradient():
    task, target = Segmentation(3, 6), some_masks(2, 6, 3)
    found = []
    for garbage in (0.0, 1e3, -50.0):
        logits = some_logits(2, 3, 6, 6)
        logits[(target == VOID)[:, None].expand_as(logits)] += (
            garbage * some_logits(2, 3, 6, 6, seed=9)[(target == VOID)[:, None].expand_as(logits)]
        )
        logits.requires_grad_()
        loss = task.loss(logits, target)
        loss.backward()
        assert logits.grad.movedim(1, -1)[target == VOID].abs().max() == 0
        found.append((loss.item(), task.losses(logits, target).tolist(), logits.grad.movedim(1, -1)[target != VOID]))
    assert all(each[:2] == found[0][:2] for each in found)
    assert all(torch.equal(each[2], found[0][2]) for each in found)


def test_an_image_that_is_all_void_adds_nothing_and_a_batch_of_them_is_zero_not_nan():
    task, logits, target = Segmentation(3, 4), some_logits(3, 3, 4, 4).requires_grad_(), some_masks(3, 4, 3)
    target[1] = VOID
    assert task.loss(logits, target).item() == pytest.approx(task.loss(logits[[0, 2]], target[[0, 2]]).item(), rel=1e-6)
    assert task.losses(logits, target)[1].item() == 0.0
    nothing = task.loss(logits, torch.full_like(target, VOID))
    nothing.backward()
    assert nothing.item() == 0.0
    assert logits.grad.abs().max() == 0.0
    assert task.losses(logits, torch.full_like(target, VOID)).tolist() == [0.0, 0.0, 0.0]


def test_the_target_of_a_whole_image_is_its_class_or_the_shares_of_its_classes():
    assert Classification(3).image_target(torch.tensor([2, 0])).tolist() == [2, 0]
    target = torch.tensor([[[0, 0, 1], [VOID, 2, 0]], [[VOID] * 3] * 2, [[1] * 3] * 2])
    assert Segmentation(4, 3).image_target(target).tolist() == [pytest.approx([0.6, 0.2, 0.2, 0]), [0, 0, 0, 0], [0, 1, 0, 0]]


# ---- metrics


def tallied(task, logits: torch.Tensor, target: torch.Tensor, parts: int) -> dict[str, float]:
    tally = task.tally()
    for some, of in zip(logits.chunk(parts), target.chunk(parts), strict=True):
        tally.add(some, of)
    return tally.result()


def test_mean_iou_equals_a_slow_loop_over_pixels():
    task, logits, target = (
        Segmentation(5, 7),
        some_logits(6, 5, 7, 7, seed=1),
        some_masks(6, 7, 3, seed=2),
    )  # 3 and 4 never occur in the truth
    union, both, truth, right, pixels = dict.fromkeys(range(5), 0), dict.fromkeys(range(5), 0), set(), 0, 0
    for scores_of, classes in zip(logits, target, strict=True):
        for y, x in itertools.product(range(7), range(7)):
            k, taken = int(classes[y, x]), max(range(5), key=lambda c: float(scores_of[c, y, x]))
            if k == VOID:
                continue
            truth.add(k)
            pixels, right = pixels + 1, right + (k == taken)
            for c in range(5):
                union[c] += c in (k, taken)
                both[c] += c == k == taken
    found = tallied(task, logits, target, 3)
    assert truth == {0, 1, 2}
    assert {name for name in found if name.startswith("iou/")} == {"iou/0", "iou/1", "iou/2"}
    for k in truth:
        assert found[f"iou/{k}"] == pytest.approx(both[k] / union[k])
    assert found["mean_iou"] == pytest.approx(sum(both[k] / union[k] for k in truth) / 3)
    assert found["pixel_accuracy"] == pytest.approx(right / pixels)
    slow = [loss for image in slow_losses(logits, target) for loss in image]
    assert found["loss"] == pytest.approx(sum(slow) / len(slow), rel=1e-6)


@pytest.mark.parametrize("name", TASKS)
def test_metrics_do_not_depend_on_how_the_images_come(name):
    logits, target = (
        (some_logits(12, 3, 5, 5), some_masks(12, 5, 3)) if name == "segmentation" else (some_logits(12, 3), torch.arange(12) % 3)
    )
    whole = tallied(TASKS[name](3, 5), logits, target, 1)
    assert set(whole) >= {TASKS[name].metric, "loss"}
    for parts in (2, 5, 12):
        assert tallied(TASKS[name](3, 5), logits, target, parts) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_nothing_tallied_gives_no_metrics(name):
    assert TASKS[name](3, 4).tally().result() == {}


def test_masks_without_any_class_give_no_metrics():
    tally = Segmentation(3, 4).tally()
    tally.add(some_logits(2, 3, 4, 4), torch.full((2, 4, 4), VOID))
    assert tally.result() == {}


def test_hand_worked_ious():
    logits = torch.tensor([[[[5.0, 5, 0, 0]], [[0, 0, 5, 5]]]])  # predicts 0 0 1 1
    found = tallied(Segmentation(2, 4), logits, torch.tensor([[[0, 1, 1, VOID]]]), 1)
    assert (found["iou/0"], found["iou/1"], found["mean_iou"], found["pixel_accuracy"]) == (0.5, 0.5, 0.5, pytest.approx(2 / 3))


def test_accuracy_balanced_accuracy_and_loss_are_those_of_all_images_at_once():
    logits, target = some_logits(50, 4), torch.arange(50) % 3
    found = tallied(Classification(4), logits, target, 7)
    hit = (logits.argmax(1) == target).double()
    assert found["accuracy"] == hit.mean().item()
    assert found["balanced_accuracy"] == pytest.approx(sum(hit[target == k].mean().item() for k in range(3)) / 3)
    assert found["loss"] == torch.nn.functional.cross_entropy(logits, target).item()  # to the digit


# ---- what a pass over the pool keeps


def test_a_pass_keeps_means_over_space_and_the_logarithm_of_the_mean_probabilities():
    logits, other, entropy = some_logits(3, 4, 5, 5), some_logits(3, 4, 5, 5, seed=1), some_logits(3, 5, 5, seed=2)
    embedding, d = some_logits(3, 6, seed=3), some_logits(3, seed=4)
    outputs = {"logits": logits, "logits_1": other, "entropy": entropy, "embedding": embedding, "labeledness": d}
    kept = Segmentation(4, 5).summary(outputs)
    assert kept.keys() == {"logits", "entropy", "embedding", "labeledness"}
    p = logits.double().softmax(1).mean((2, 3))
    torch.testing.assert_close(kept["logits"].double().exp(), p, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(kept["logits"].softmax(1).double(), p, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(kept["entropy"], entropy.mean((1, 2)))
    assert kept["embedding"] is embedding
    assert torch.equal(kept["labeledness"], d)
    shared = Segmentation(4, 5).summary(outputs | {"shares": scores.of_pixels(logits)[3]})
    torch.testing.assert_close(shared["logits"], kept["logits"])
    assert shared.keys() == kept.keys()


def test_probabilities_that_underflow_keep_a_finite_logarithm():
    logits = torch.tensor([1e4, -1e4, 0.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    kept = Segmentation(3, 4).summary({"logits": logits})["logits"]
    assert kept.isfinite().all()
    assert kept.softmax(1).tolist() == [pytest.approx([1.0, 0.0, 0.0], abs=1e-30)]


def test_of_one_label_an_image_everything_is_kept_as_it_is():
    outputs = {"logits": some_logits(3, 4), "logits_1": some_logits(3, 4, seed=1), "entropy": some_logits(3)}
    kept = Classification(4).summary(outputs)
    assert list(kept) == list(outputs)
    assert all(kept[name] is value for name, value in outputs.items())


@pytest.mark.parametrize("classes", [2, 3, 11])
def test_the_scores_of_pixels_equal_the_ones_computed_apart(classes):
    logits = some_logits(4, classes, 6, 7)
    logits[0] = 0.0  # all alike
    logits[1, 0] = 1e4  # sure
    logits[2, :2] = 50.0  # a tie
    entropy, margin, confidence, shares = scores.of_pixels(logits)
    torch.testing.assert_close(entropy, scores.entropy(logits), rtol=1e-4, atol=2e-6)
    torch.testing.assert_close(margin, scores.margin(logits), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(confidence, scores.confidence(logits), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(shares, logits.softmax(1).mean((2, 3)), rtol=1e-5, atol=1e-6)
    assert entropy.min() >= 0
    assert margin[2].max() == 0


# ---- recipes


def test_segmentation_fills_in_its_own_recipe_and_leaves_what_is_given():
    plain, dense = train_params("classification", {}), train_params("segmentation", {"steps": "7"})
    assert plain == TrainParams()
    assert dense.steps == 7
    assert dense.architecture == "small_drn"
    recipe = {name: value for name, value in Segmentation.recipe.items() if name != "steps"}
    assert {name: getattr(dense, name) for name in recipe} == recipe
    assert all(getattr(TrainParams(), name) != value for name, value in Segmentation.recipe.items())  # else it would say nothing


@pytest.mark.parametrize(("task", "architecture", "cure"), [
    ("classification", "drn_d_22", "architecture=drn_d_22 is not for image classification: use one of small_cnn, resnet18, resnet18_cifar, vgg16_bn"),
    ("segmentation", "resnet18", "architecture=resnet18 is not for semantic segmentation: use one of small_drn, drn_d_22"),
])  # fmt: skip
def test_an_architecture_of_another_task_is_refused(task, architecture, cure):
    with pytest.raises(BadInput, match=cure):
        train_params(task, {"architecture": architecture})


def test_an_unknown_task_names_those_there_are():
    with pytest.raises(BadInput, match="unknown task 'detection': use one of classification, segmentation"):
        train_params("detection", {})
    assert task_named("segmentation") is TASKS["segmentation"]
    with pytest.raises(TypeError):
        TASKS["mine"] = Classification
