"""Which numbers a run computes in, and the trial that a CPU's bf16 has to pass before a run may use it. Knows strategies and batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn

from alcore.errors import BadInput
from alcore.nets.models import kept_memory
from alcore.params import TrainParams
from alcore.progress import Progress, Report, ignore_progress
from alcore.strategies.base import Strategy
from alcore.training.draws import PoolDraws

# of the largest number of a tensor. bf16 has 8 bits: products of all shapes of the networks here are off by up to 0.014, on AVX2, AVX512
# and AMX alike; what is never written is off by 1 and more
TOLERANCE = 0.05


def uses_bf16(params: TrainParams, device: torch.device) -> bool:
    """Whether steps of this run are computed in bf16."""
    return params.precision == "bf16" or (params.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported())


def autocast(params: TrainParams, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
    """What each step of this run is computed in."""
    return (lambda: torch.autocast(device.type, torch.bfloat16)) if uses_bf16(params, device) else nullcontext


def check_bf16(strategy: Strategy, batches: PoolDraws, report: Report = ignore_progress) -> None:
    """Compares bf16 with fp32 on this CPU, for each layer of the strategy and each shape that a step of this run gives it: output and
    gradients. A run that does not use bf16 on a CPU is not looked at.

    Layers are tried one by one, on noise, because the gradient of a whole step may honestly differ by more than its size: where terms
    cancel as in a minimax game, where an order or a sign is taken, where a latent is drawn in bf16. A product of noise never does.
    Strategy, batches and the global generators are as they were afterwards.

    Raises:
        BadInput: something differs by more than rounding.
    """
    if batches.device.type != "cpu" or not uses_bf16(batches.params, batches.device):
        return
    report(Progress("training", 0, batches.params.steps, message="comparing bf16 with fp32 on this CPU"))
    # what a layer leaves unwritten shows once the allocator hands freed memory out again instead of zeros from the kernel
    with kept_memory(batches.device), torch.random.fork_rng(devices=[]):
        for call in _calls(strategy, batches):
            for what, ratio in _differences(strategy.get_submodule(call.name), call):
                if not ratio <= TOLERANCE:  # also when it is no number
                    size = "x".join(str(n) for n in call.shape)
                    wrong = f"is off fp32's by {ratio:.2g} of its largest number" if isfinite(ratio) else "is not finite"
                    raise BadInput(
                        f"bf16 is not right on this CPU: {what} of {call.name}, for input of {size}, {wrong}. Use precision=fp32."
                    )


@dataclass(frozen=True)
class _Call:
    """What a layer was given: shape, strides and type of its input."""

    name: str
    shape: torch.Size
    strides: tuple[int, ...]
    dtype: torch.dtype


def _calls(strategy: Strategy, batches: PoolDraws) -> list[_Call]:
    """The layers that a step of each stage computes in bf16, found by taking these steps on a copy."""
    trial, state = copy.deepcopy(strategy).train(), batches.state()
    for optimizer in trial.optimizers.values():
        for group in optimizer.param_groups:
            group["params"] = []  # no update: one wrong gradient would be seen in the output of all the layers after it
    found: dict[_Call, None] = {}  # in the order of the calls

    def watched(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if torch.is_autocast_enabled("cpu"):  # a layer may ask for fp32, as MAL's cosine head does
                x = inputs[0]
                found[_Call(name, x.shape, x.stride(), x.dtype)] = None

        return note

    layers = {name: layer for name, layer in trial.named_modules() if getattr(layer, "weight", None) is not None and layer.weight.dim() > 1}
    for name, layer in layers.items():
        layer.register_forward_pre_hook(watched(name))
    try:
        for stage in trial.stages(batches.params.steps):
            if stage.start:
                stage.start()
            with autocast(batches.params, batches.device)():
                stage.step(batches)
    finally:
        batches.restore(state)
    return list(found)


def _differences(layer: nn.Module, call: _Call) -> Iterator[tuple[str, float]]:
    """(what, largest difference of bf16 from fp32 as a share of the largest number in fp32)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.empty_strided(call.shape, call.strides).normal_(generator=generator).bfloat16()  # so that both see the same numbers
    names = ["the input's gradient", *(f"the {name}'s gradient" for name, _ in layer.named_parameters(recurse=False))]

    def computed(bf16: bool) -> list[Tensor]:
        inputs = x.to(call.dtype if bf16 else torch.float32).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y = layer(inputs)
        pull = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).bfloat16().to(y.dtype)
        if bf16:
            _leave_nan(inputs, *layer.parameters(recurse=False))
        return [y.detach(), *torch.autograd.grad(y, [inputs, *layer.parameters(recurse=False)], pull)]

    for what, exact, rounded in zip(["the output", *names], computed(False), computed(True), strict=True):
        yield what, ((rounded.float() - exact).abs().max() / exact.abs().max().clamp_min(1e-30)).item()


def _leave_nan(*like: Tensor) -> None:
    """Freed memory of the sizes of these tensors in bf16 and fp32 holds NaN, which whatever takes it and does not write it will show."""
    freed = [torch.full((tensor.numel(),), torch.nan, dtype=dtype) for tensor in like for dtype in (torch.bfloat16, torch.float32) * 4]
    del freed
