"""Networks: backbones, heads, the discriminator, gradient reversal. Knows torch only, nothing of strategies or data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.errors import BadInput


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, eta: float) -> Tensor:
        ctx.eta = eta
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.eta * grads[0], None


def reverse_gradient(x: Tensor, eta: float = 1.0) -> Tensor:
    """Identity forward, gradient times -eta backward (Ganin & Lempitsky 2015; MME's grad_reverse)."""
    return _Reversal.apply(x, eta)


# ---- backbones


class Backbone(nn.Module):
    """Images (B, 3, H, W) to features (B, out_features)."""

    out_features: int


class SmallCNN(Backbone):
    """Three blocks of convolution, batch norm, ReLU and pooling, then the mean over what is left: a minute on two CPU cores.

    Args:
        width: channels of the first block; the others have twice and four times as many.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for block in range(3):
            out = width * 2**block
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2)] if block < 2 else []
            channels = out
        self.blocks = nn.Sequential(*layers)
        self.out_features = channels

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x).mean(dim=(2, 3))


class ResNet18(Backbone):
    """torchvision's ResNet-18 without its classifier.

    Args:
        cifar_stem: a 3x3 convolution of stride 1 and no pooling (MCDAL); else the 7x7/2 ImageNet stem (MAL, also for 32x32: methods 1.1).
    """

    def __init__(self, cifar_stem: bool = False) -> None:
        super().__init__()
        net = torchvision.models.resnet18(weights=None)
        if cifar_stem:
            net.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
            nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
            net.maxpool = nn.Identity()
        net.fc = nn.Identity()
        self.net = net
        self.out_features = 512

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


BACKBONES: dict[str, Callable[[], Backbone]] = {
    "small_cnn": SmallCNN,
    "resnet18": lambda: ResNet18(cifar_stem=False),
    "resnet18_cifar": lambda: ResNet18(cifar_stem=True),
}


def make_backbone(architecture: str, weights: str = "none") -> Backbone:
    """A new backbone.

    Args:
        weights: "none", "imagenet" (torchvision's file from its cache, by its name) or the path of a state dict; loaded weights-only.

    Raises:
        BadInput: unknown architecture, weights that are not there or do not fit.
    """
    if architecture not in BACKBONES:
        raise BadInput(f"unknown architecture {architecture!r}: use one of {', '.join(BACKBONES)}")
    backbone = BACKBONES[architecture]()
    if weights != "none":
        _load_weights(backbone, architecture, weights)
    return backbone


def _load_weights(backbone: Backbone, architecture: str, weights: str) -> None:
    if not isinstance(backbone, ResNet18):
        raise BadInput(f"no weights={weights!r} for {architecture}: use weights=none, or architecture=resnet18")
    if weights == "imagenet":
        entry = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
        kept = Path(torch.hub.get_dir()) / "checkpoints" / entry.url.rsplit("/", 1)[-1]
        try:
            state = entry.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True)
        except OSError as wrong:  # no network and no file in the cache (URLError is an OSError)
            raise BadInput(
                f"ImageNet weights are neither in torchvision's cache nor downloadable ({wrong}): put the file at {kept}"
            ) from wrong
        except Exception as wrong:  # as below
            raise BadInput(f"{kept} is damaged ({wrong}): delete it, so that it is downloaded again") from wrong
    else:
        path = Path(weights)
        if not path.is_file():
            raise BadInput(f"no weights at {path}: use none, imagenet, or the path of a state dict")
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as wrong:  # torch raises pickle, zip, EOF and runtime errors alike for a file that is no state dict
            raise BadInput(f"{path} is not a state dict torch can load safely: {wrong}") from wrong
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise BadInput(f"weights {weights}: the file holds a {type(state).__name__}, not a state dict of named tensors")
    state = {k.removeprefix("net."): v for k, v in state.items() if not k.removeprefix("net.").startswith("fc.")}
    if isinstance(backbone.net.maxpool, nn.Identity):
        state.pop("conv1.weight", None)  # the 3x3 stem has no counterpart in ImageNet's file
        missing_ok = {"conv1.weight"}
    else:
        missing_ok = set()
    try:
        result = backbone.net.load_state_dict(state, strict=False)
    except RuntimeError as wrong:
        raise BadInput(f"weights {weights} do not fit {architecture}: {wrong}") from wrong
    if set(result.missing_keys) - missing_ok or result.unexpected_keys:
        raise BadInput(
            f"weights {weights} do not fit {architecture}: {len(result.missing_keys)} tensors missing, "
            f"{len(result.unexpected_keys)} too many"
        )


# ---- heads


class CosineHead(nn.Module):
    """MAL's classifier C (Eq. 1): logits = W^T normalized(h) / T, prototypes W without bias.

    Args:
        features: d, the backbone's width.
        classes: K.
        form: "mme_deep" puts a Linear(d, hidden) without activation before the norm (methods 1.1: what the paper's parameter counts force);
            "single" is Eq. 1 to the letter; "norm_w" is mme_deep with the prototypes normalized too.
        temperature: T.
    """

    def __init__(self, features: int, classes: int, *, form: str = "mme_deep", hidden: int = 256, temperature: float = 0.05) -> None:
        super().__init__()
        if form not in ("mme_deep", "single", "norm_w"):
            raise ValueError(f"unknown form {form!r}")
        self.form, self.temperature = form, temperature
        self.hidden: nn.Module = nn.Identity() if form == "single" else nn.Linear(features, hidden)
        self.prototypes = nn.Linear(features if form == "single" else hidden, classes, bias=False)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor, *, eta: float | None = None) -> Tensor:
        """Logits (B, K) of features (B, d). With `eta` the gradient is reversed between the hidden layer and the norm, as MME does."""
        h = self.hidden(features)
        if eta is not None:
            h = reverse_gradient(h, eta)
        w = F.normalize(self.prototypes.weight, dim=1) if self.form == "norm_w" else self.prototypes.weight
        return F.linear(F.normalize(h, dim=1), w) / self.temperature


class Discriminator(nn.Module):
    """MAL's D (Eq. 3): d -> 512 -> 512 -> 1, ReLU; returns the logit of "labeled". The caller normalizes and detaches."""

    def __init__(self, features: int, hidden: int = 512) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(1)  # (B,)


# ---- what must not leak


@contextmanager
def unchanged_statistics(net: nn.Module) -> Iterator[None]:
    """Inside, batch norm normalizes by the batch but records nothing: unlabeled images leave no trace in the task model."""
    layers = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients inside; the mode comes back afterwards, also after an error."""
    before = net.training
    net.eval()
    try:
        # TensorFloat-32 keeps ten bits of a product: enough to train, not to rank near ties
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, allow_tf32=False):
            yield
    finally:
        net.train(before)
