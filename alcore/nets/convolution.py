"""A convolution of stride 2 that may come upon a map of one place. Knows torch only."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class StridedConv2d(nn.Conv2d):
    """nn.Conv2d whose stride counts only along a side where its kernel has more than one place; weights and results are the same.

    torch 2.15's bf16 convolution on a CPU (oneDNN from AVX512 on) leaves parts of the weights' gradient, and of a map one pixel wide
    also the output, as it found the memory when a stride above 1 meets a padded side that the kernel fills: 3x3, 5x5 and 7x7 alike. Every
    loss stays finite meanwhile. With one place there is no next one to stride to, so stride 1 gives the same map.
    """

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.padding, str):  # "same" wants stride 1 anyway, "valid" pads nothing
            return super().forward(x)
        sides = zip(x.shape[-2:], self.padding, self.dilation, self.kernel_size, self.stride, strict=True)
        stride = [step if side + 2 * padding > dilation * (kernel - 1) + 1 else 1 for side, padding, dilation, kernel, step in sides]
        return F.conv2d(x, self.weight, self.bias, stride, self.padding, self.dilation, self.groups)


def make_strides_safe(net: nn.Module) -> None:
    """Every strided nn.Conv2d of a network that was built elsewhere is a StridedConv2d afterwards, with the weights it has."""
    for layer in net.modules():
        if type(layer) is nn.Conv2d and max(layer.stride) > 1:
            layer.__class__ = StridedConv2d  # it has no state of its own; a new layer would draw weights and shift all later draws
