"""bf16 on a CPU is compared with fp32 before a run uses it. Right and wrong bf16 are made here, so that no processor decides."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from alcore.errors import BadInput
from alcore.nets.tasks import TASKS
from alcore.params import TrainParams, make_params
from alcore.progress import Progress
from alcore.strategies import STRATEGIES, strategy_named
from alcore.strategies.base import Strategy
from alcore.training import precision
from alcore.training import train as training
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.precision import check_bf16
from alcore.training.train import train

CPU = torch.device("cpu")
BF16 = TrainParams(batch_size=8, steps=3, precision="bf16")
EACH = [(name, task) for name in STRATEGIES for task in STRATEGIES[name].tasks]


@pytest.fixture
def draws(pixels, pool, dense_pixels, dense_pool, dense):
    """`draws(task, precision="fp32")` gives batches of the toy images; they have parameters of that precision."""

    def make(task: str = "classification", **changed) -> Batches:
        if task == "classification":
            return Batches(pixels, pool, dataclasses.replace(BF16, **changed), CPU, 5)
        params = dataclasses.replace(BF16, architecture="small_drn", batch_size=4, **changed)
        return Batches(dense_pixels, dense_pool, params, CPU, 5, dense=dense)

    return make


def build(name: str, batches: Batches, task: str = "classification") -> Strategy:
    kind, side = strategy_named(name), batches.pixels.shape[1]
    with seeded(0, CPU):
        return kind(TASKS[task](3, side), batches.params, make_params(kind.Params, {}, name))


def weight_gradient(monkeypatch, change, shape: tuple[int, ...]) -> None:
    """In bf16, and there alone, the gradient of convolutions' weights of this shape is what `change` makes of it."""
    right = F.conv2d

    def conv2d(x, weight, *args):
        if torch.is_autocast_enabled("cpu") and tuple(weight.shape) == shape:
            weight = weight.clone()
            weight.register_hook(change)
        return right(x, weight, *args)

    monkeypatch.setattr(F, "conv2d", conv2d)


def one_number(value: float):
    def change(gradient: torch.Tensor) -> torch.Tensor:
        changed = gradient.clone()
        changed[1, 0, 1, 1] = value
        return changed

    return change


@pytest.mark.parametrize(("name", "task"), EACH)
def test_rounding_alone_is_passed_and_leaves_no_trace(name, task, draws, rounding_bf16):
    batches, other = draws(task), draws(task)
    strategy = build(name, batches, task)
    before = {key: value.clone() for key, value in strategy.state_dict().items()}
    with seeded(4, CPU):
        generator = torch.get_rng_state()
        check_bf16(strategy, batches)
        assert torch.equal(torch.get_rng_state(), generator)
    assert [key for key, value in strategy.state_dict().items() if not torch.equal(value, before[key])] == []
    assert all(p.grad is None for p in strategy.parameters())
    assert all(not optimizer.state for optimizer in strategy.optimizers.values())
    assert not any(module._forward_pre_hooks for module in strategy.modules())
    for _ in range(2):
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(batches.labeled(), other.labeled(), strict=True))
        assert torch.equal(batches.unlabeled(), other.unlabeled())


@pytest.mark.parametrize("name", ["mal", "vaal"])
def test_a_run_that_was_compared_is_bitwise_the_run_that_was_not(name, draws, rounding_bf16, monkeypatch):
    ends = []
    for compared in (True, False):
        if not compared:
            monkeypatch.setattr(training, "check_bf16", lambda *_: None)
        batches = draws(rotation=15.0)
        strategy = build(name, batches)
        with seeded(1, CPU):
            train(strategy, batches, batches.params)
        ends.append(strategy.state_dict())
    assert [key for key, value in ends[0].items() if not torch.equal(value, ends[1][key])] == []


@pytest.mark.parametrize("change", [one_number(torch.nan), one_number(torch.inf), one_number(1e30), one_number(-1e6), torch.zeros_like])
def test_a_gradient_that_is_not_fp32s_is_refused_before_anything_is_done(change, draws, rounding_bf16, monkeypatch, tmp_path):
    weight_gradient(monkeypatch, change, (64, 128, 3, 3))  # the discriminator's second convolution
    batches = draws("segmentation")
    strategy = build("mal", batches, "segmentation")
    with pytest.raises(BadInput) as said:
        train(strategy, batches, batches.params, folder=tmp_path)
    words = str(said.value)
    assert words.startswith("bf16 is not right on this CPU: the weight's gradient of d.layers.2, for input of 8x128x2x2, is ")
    assert words.endswith((" of its largest number. Use precision=fp32.", " is not finite. Use precision=fp32."))
    assert len(words) < 300
    assert "\n" not in words
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "task"), EACH)
def test_every_strategys_networks_are_compared(name, task, draws, rounding_bf16, monkeypatch):
    """Whichever layer is wrong, it is found: each layer a strategy computes in bf16 in turn, by its name."""
    batches = draws(task)
    strategy = build(name, batches, task)
    compared = {call.name for call in precision._calls(strategy, batches)}
    matrices = {key.removesuffix(".weight") for key, p in strategy.named_parameters() if p.dim() > 1 and key.endswith(".weight")}
    in_fp32 = {"c.hidden", "c.prototypes"} if name == "mal" else set()  # divided by T, they would be too coarse in bf16
    beside = {part for part in matrices if part.startswith(("vae.decoder", "vae.first"))} if name == "bald" else set()
    assert matrices - in_fp32 - beside == compared


def test_a_wrong_output_is_refused_too(draws, rounding_bf16, monkeypatch):
    right = F.linear
    monkeypatch.setattr(F, "linear", lambda *args: right(*args) * (1.2 if torch.is_autocast_enabled("cpu") else 1))
    batches = draws()
    with pytest.raises(BadInput, match="the output of head, for input of 8x128, is off fp32's by 0.2"):
        check_bf16(build("random", batches), batches)


@pytest.mark.parametrize("asked", ["fp32", "auto"])
def test_a_run_in_fp32_is_not_looked_at(asked, draws, monkeypatch):
    weight_gradient(monkeypatch, one_number(torch.nan), (32, 3, 3, 3))
    batches, said = draws(precision=asked), []
    train(build("random", batches), batches, batches.params, lambda progress: said.append(progress.message))
    assert set(said) == {""}


def test_the_comparison_is_said(draws, rounding_bf16):
    said: list[Progress] = []
    batches = draws()
    check_bf16(build("random", batches), batches, said.append)
    assert [progress.message for progress in said] == ["comparing bf16 with fp32 on this CPU"]


def test_wrong_is_far_above_what_rounding_gives(draws, rounding_bf16):
    batches = draws("segmentation")
    strategy = build("mal", batches, "segmentation")
    ratios = [r for call in precision._calls(strategy, batches) for _, r in precision._differences(strategy.get_submodule(call.name), call)]
    assert 0 < np.max(ratios) < precision.TOLERANCE / 2
