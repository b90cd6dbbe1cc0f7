"""Strides on maps of one place: the same numbers as nn.Conv2d's, without the stride that bf16 on a CPU gets wrong."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from alcore.nets.backbones import BACKBONES, make_backbone
from alcore.nets.convolution import StridedConv2d, make_strides_safe
from alcore.nets.models import VAE, MapDiscriminator


class Strides(TorchDispatchMode):
    """Notes (stride, shape of the input, shape of the weights) of convolutions that stride where the kernel has one place."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[tuple[list[int], tuple[int, ...], tuple[int, ...]]] = []
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution.default and not args[6]:
            x, weight, _, stride, padding, dilation = args[:6]
            self.count += 1
            sides = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
            if any(s > 1 and side + 2 * p == d * (k - 1) + 1 for side, k, s, p, d in sides):
                self.wrong.append((stride, tuple(x.shape), tuple(weight.shape)))
        return func(*args, **(kwargs or {}))


def strides_of(net: nn.Module, x: torch.Tensor) -> Strides:
    with torch.no_grad(), Strides() as seen:
        net.eval()(x)
    assert seen.count
    return seen


def test_the_watch_sees_what_it_is_there_for():
    assert strides_of(nn.Conv2d(3, 5, 3, 2, 1), torch.zeros(2, 3, 1, 1)).wrong == [([2, 2], (2, 3, 1, 1), (5, 3, 3, 3))]
    assert strides_of(nn.Conv2d(3, 5, 3, 2, 1), torch.zeros(2, 3, 2, 2)).wrong == []


@pytest.mark.parametrize("architecture", list(BACKBONES))
def test_no_backbone_strides_over_one_place_at_any_size_it_takes(architecture):
    net = make_backbone(architecture)
    for side in range(net.smallest, net.smallest + 16):
        assert strides_of(net, torch.zeros(2, 3, side, side)).wrong == [], side


def test_neither_the_map_discriminator_nor_the_vae_strides_over_one_place():
    for side in range(1, 12):
        assert strides_of(MapDiscriminator(6), torch.zeros(2, 6, side, side)).wrong == [], side
    for side in (4, 8, 16, 32, 48):
        assert strides_of(VAE(side, latent=4, width=4), torch.zeros(2, 3, side, side)).wrong == [], side


CASES = [  # kernel, stride, padding, dilation, height, width
    *((k, 2, k // 2, 1, h, w) for k in (1, 3, 5, 7) for h, w in ((1, 1), (1, 6), (6, 1), (2, 2), (5, 8))),
    (3, 3, 1, 1, 1, 1),
    (3, 2, 2, 2, 1, 1),
    (3, 2, 0, 1, 3, 7),
    (4, 2, 1, 1, 2, 6),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "h", "w"), CASES)
def test_outputs_and_gradients_are_those_of_the_plain_convolution(kernel, stride, padding, dilation, h, w):
    torch.manual_seed(0)
    ours = StridedConv2d(3, 5, kernel, stride, padding, dilation)
    plain = nn.Conv2d(3, 5, kernel, stride, padding, dilation)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, h, w)
    pull = torch.randn_like(plain(x))
    found = []
    for layer in (ours, plain):
        leaf = x.clone().requires_grad_()
        y = layer(leaf)
        found.append([y, *torch.autograd.grad(y, [leaf, layer.weight, layer.bias], pull)])
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_on_larger_maps_the_very_same_operation_is_called(monkeypatch):
    called, honest = [], F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *args: called.append(args[3:]) or honest(*args))
    layer = StridedConv2d(3, 5, 3, 2, 1)
    for side in ((1, 1), (1, 4), (4, 1), (2, 2), (9, 9)):
        layer(torch.zeros(1, 3, *side))
    strides = [stride for stride, *rest in called]
    assert strides == [[1, 1], [1, 2], [2, 1], [2, 2], [2, 2]]
    assert all(rest == [(1, 1), (1, 1), 1] for _, *rest in called)


def test_a_network_from_elsewhere_keeps_its_weights_names_and_the_generator():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Sequential(nn.Conv2d(4, 4, 3, 1, 1), nn.Conv2d(4, 2, 1, 2)))
    state, generator = net.state_dict(), torch.get_rng_state()
    make_strides_safe(net)
    assert [type(layer) for layer in (net[0], *net[1])] == [StridedConv2d, nn.Conv2d, StridedConv2d]
    assert torch.equal(torch.get_rng_state(), generator)
    assert [value.data_ptr() for value in net.state_dict().values()] == [value.data_ptr() for value in state.values()]
    assert list(net.state_dict()) == list(state)
