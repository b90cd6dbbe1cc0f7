"""Dilated residual networks, arch D (Yu, Koltun & Funkhouser 2017, arXiv 1705.09914): eight levels of maps. Knows torch only."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

STRIDES = (1, 2, 2, 2, 1, 1, 1, 1)  # of levels 1 ... 8: the last maps are an eighth of the image
DILATIONS = (1, 1, 1, 1, 2, 4, 2, 1)  # what strides would have made coarser is dilated; the last two levels smooth the grid that leaves
RESIDUAL = (3, 4, 5, 6)  # the other levels are plain convolutions: arch D has no residual that keeps the grid


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions of one dilation with batch norm, and a way past them; a 1x1 convolution where shapes differ."""

    def __init__(self, channels: int, out: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        past = x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + past)
        return result


class Dilated(nn.Module):
    """A stem and eight levels under the names of the DRN repository, layer0 ... layer8, so that its weights load.

    Args:
        channels: of the eight levels; the stem has those of the first.
        blocks: residual blocks, or plain convolutions, of each level.
        stem: side of the stem's kernel.
        strides: of the eight levels.
    """

    def __init__(self, channels: Sequence[int], blocks: Sequence[int], stem: int = 7, strides: Sequence[int] = STRIDES) -> None:
        super().__init__()
        before = channels[0]
        self.layer0 = nn.Sequential(*_convolution(3, before, stem))
        for level, (out, count, stride, dilation) in enumerate(zip(channels, blocks, strides, DILATIONS, strict=True), 1):
            layers: list[nn.Module] = []
            for at in range(count):
                step = stride if at == 0 else 1
                if level in RESIDUAL:
                    layers.append(ResidualBlock(before, out, step, dilation))
                else:
                    layers += _convolution(before, out, 3, step, dilation)
                before = out
            self.add_module(f"layer{level}", nn.Sequential(*layers))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> list[Tensor]:
        """The maps of levels 1 ... 8."""
        x = self.layer0(x)
        maps = []
        for level in range(1, 9):
            x = self.get_submodule(f"layer{level}")(x)
            maps.append(x)
        return maps


def _convolution(channels: int, out: int, side: int, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, out, side, stride, side // 2 * dilation, dilation, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    ]


def repository_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of the DRN repository (the classifier's, or DRNSeg's with its `base.N`) by the names of Dilated, without the heads."""
    named = {}
    for name, value in state.items():
        name = name.removeprefix("module.")
        if name.startswith("base."):
            name = "layer" + name.removeprefix("base.")
        if not name.startswith(("fc.", "seg.", "up.")):
            named[name] = value
    return named
