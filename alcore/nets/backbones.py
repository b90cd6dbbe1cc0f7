"""Backbones: images to features, their starting weights, and what pixels are normalized by for them. Knows the networks beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.errors import BadInput
from alcore.nets import efficientnet
from alcore.nets.convolution import make_strides_safe
from alcore.nets.drn import STRIDES, Dilated, repository_names


class Normalization(NamedTuple):
    """What values of 0...1 are made by, a number a channel: (x - mean) / std."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


CENTERED = Normalization((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))  # fixed, so that unlabeled images leave no trace in it
IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LITE = Normalization((efficientnet.MEAN,) * 3, (efficientnet.STD,) * 3)


class Backbone(nn.Module):
    """Images (B, 3, H, W) to features (B, out_features), or, for dense labels, to a map of them (B, out_features, h, w).

    Attributes:
        widths: channels of each block's map.
        smallest: side in pixels below which no map is left.
        pretrained: the name of torchvision's weights for it, or None.
        otherwise: what to do without them.
        dense: True when the features keep their places.
    """

    out_features: int
    widths: tuple[int, ...]
    smallest: int = 4
    pretrained: str | None = None
    otherwise: str = "use a file, or architecture=resnet18"
    dense: bool = False

    def maps(self, x: Tensor) -> list[Tensor]:
        """The output of each block, (B, widths[i], h, w), the last one being the final feature map."""
        raise NotImplementedError

    def pool(self, features: Tensor) -> Tensor:
        """The final feature map (B, C, h, w) to features (B, out_features): the mean over space."""
        return features.mean(dim=(2, 3))

    def embedding(self, features: Tensor) -> Tensor:
        """What images are compared by, (B, e), from features (B, out_features, *S)."""
        return features

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.maps(x)[-1])

    def adapted(self, state: dict[str, Any]) -> dict[str, Any]:
        """A state dict of torchvision's network, or of this backbone, by this backbone's names and without the classifier."""
        return state


class SmallCNN(Backbone):
    """Three blocks of convolution, batch norm, ReLU and pooling, then the mean over what is left: a minute on two CPU cores.

    Args:
        width: channels of the first block; the others have twice and four times as many.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.widths = (width, 2 * width, 4 * width)
        channels = 3
        for block, out in enumerate(self.widths):
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2)] if block < 2 else []
            channels = out
        self.blocks = nn.Sequential(*layers)
        self.out_features = channels

    def maps(self, x: Tensor) -> list[Tensor]:
        result = []
        for at, layer in enumerate(self.blocks):
            x = layer(x)
            if at in (3, 7, 10):
                result.append(x)
        return result


class ResNet18(Backbone):
    """torchvision's ResNet-18 without its classifier.

    Args:
        cifar_stem: a 3x3 convolution of stride 1 and no pooling (MCDAL); else the 7x7/2 ImageNet stem (MAL, also for 32x32: methods 1.1).
    """

    pretrained = "ResNet18_Weights.IMAGENET1K_V1"

    def __init__(self, cifar_stem: bool = False) -> None:
        from torchvision.models import resnet18  # as long to load as all of torch: only who trains one of its networks waits

        super().__init__()
        net = resnet18(weights=None)
        if cifar_stem:
            net.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
            nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
            net.maxpool = nn.Identity()
        net.fc = nn.Identity()
        make_strides_safe(net)  # small images leave the last blocks a map of one place
        self.net = net
        self.out_features = 512
        self.widths = (64, 128, 256, 512)

    def maps(self, x: Tensor) -> list[Tensor]:
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        result = []
        for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = layer(x)
            result.append(x)
        return result

    def adapted(self, state: dict[str, Any]) -> dict[str, Any]:
        state = {"net." + k.removeprefix("net."): v for k, v in state.items() if not k.removeprefix("net.").startswith("fc.")}
        if isinstance(self.net.maxpool, nn.Identity) and state.get("net.conv1.weight", self.net.conv1.weight).shape[-1] == 7:
            state["net.conv1.weight"] = self.net.conv1.weight.data  # the 3x3 stem has no counterpart in ImageNet's file
        return state


class VGG16BN(Backbone):
    """torchvision's VGG-16 with batch norm without its classifier: features of 512 x 7 x 7 (MAL 5.1 and Table 9)."""

    pretrained = "VGG16_BN_Weights.IMAGENET1K_V1"
    smallest = 32

    def __init__(self) -> None:
        from torchvision.models import vgg16_bn  # as above

        super().__init__()
        layers = vgg16_bn(weights=None).features
        self.features = layers
        self.out_features = 512 * 7 * 7
        self.widths = (64, 128, 256, 512, 512)

    def maps(self, x: Tensor) -> list[Tensor]:
        result = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                result.append(x)
        return result

    def pool(self, features: Tensor) -> Tensor:
        """Averaged (or repeated, as at 32 pixels) to 7 x 7, then flattened."""
        return F.adaptive_avg_pool2d(features, 7).flatten(1)

    def embedding(self, features: Tensor) -> Tensor:
        """The mean over the 7 x 7 places, (B, 512): where they repeat one value, distances are those of the features but for a factor."""
        result: Tensor = features.unflatten(1, (512, 49)).mean(2)
        return result

    def adapted(self, state: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in state.items() if not k.startswith("classifier.")}


class DRN(Backbone):
    """DRN-D-22, or a smaller dilated residual network: features are a map, an eighth of the image (MAL 3.2 and MCDAL IV-B segment so).

    Args:
        channels, blocks, stem, strides: as Dilated's.
    """

    dense = True
    smallest = 8
    otherwise = "give the DRN repository's file as weights=PATH"

    def __init__(
        self,
        channels: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 512, 512),
        blocks: tuple[int, ...] = (1, 1, 2, 2, 2, 2, 1, 1),
        stem: int = 7,
        strides: tuple[int, ...] = STRIDES,
    ) -> None:
        super().__init__()
        self.net = Dilated(channels, blocks, stem, strides)
        self.out_features = channels[-1]
        self.widths = channels

    def maps(self, x: Tensor) -> list[Tensor]:
        result: list[Tensor] = self.net(x)
        return result

    def pool(self, features: Tensor) -> Tensor:
        """The map as it is: every place keeps its features."""
        return features

    def embedding(self, features: Tensor) -> Tensor:
        """The mean over the places, (B, out_features)."""
        return features.mean(dim=(2, 3))

    def adapted(self, state: dict[str, Any]) -> dict[str, Any]:
        state = state.get("state_dict", state)  # the DRN repository's checkpoints hold epoch and score beside it
        return {"net." + k: v for k, v in repository_names({k.removeprefix("net."): v for k, v in state.items()}).items()}


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 without its classifier; its published weights come as a small package (weights=lite0)."""

    otherwise = "use weights=lite0"

    def __init__(self) -> None:
        super().__init__()
        self.net = efficientnet.EfficientNetLite("lite0")
        self.out_features = efficientnet.FEATURES
        self.widths = self.net.widths

    def maps(self, x: Tensor) -> list[Tensor]:
        return self.net.maps(x)

    def adapted(self, state: dict[str, Any]) -> dict[str, Any]:
        ours = efficientnet.our_names({name.removeprefix("net."): value for name, value in state.items()})
        return {"net." + name: value for name, value in ours.items() if not name.startswith("classifier.")}


class SmallDRN(DRN):
    """The same idea for two CPU cores and small images: a block a level, few channels, and maps of a quarter of the image, since an eighth
    of 96 pixels leaves twelve places in a row: at equal cost 0.31 mean IoU on CamVid after 200 steps, against 0.29 with an eighth."""

    otherwise = "use a file"

    def __init__(self) -> None:
        super().__init__((8, 16, 32, 48, 48, 48, 48, 48), (1,) * 8, stem=3, strides=(1, 2, 2, 1, 1, 1, 1, 1))


class Adapter(Backbone):
    """Vectors of a frozen network to features of the same width: z = x + W2 relu(W1 x), which starts as the identity (W2 = 0), so that
    what the network knows is there before the first label and a few labels bend it little.

    Args:
        features: d of the vectors.
        width: of the hidden layer.
    """

    smallest = 0

    def __init__(self, features: int, width: int = 256) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(features, width), nn.Linear(width, features)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)
        self.out_features = features
        self.widths = (width, features)

    def maps(self, x: Tensor) -> list[Tensor]:
        """The hidden layer (B, width) and the features (B, d), which have no places."""
        hidden = F.relu(self.inner(x))
        return [hidden, x + self.outer(hidden)]

    def pool(self, features: Tensor) -> Tensor:
        return features

    def embedding(self, features: Tensor) -> Tensor:
        """Of length 1: a cosine compares them."""
        return F.normalize(features, dim=1)


BACKBONES: dict[str, Callable[[], Backbone]] = {
    "small_cnn": SmallCNN,
    "resnet18": lambda: ResNet18(cifar_stem=False),
    "resnet18_cifar": lambda: ResNet18(cifar_stem=True),
    "vgg16_bn": VGG16BN,
    "small_drn": SmallDRN,
    "drn_d_22": DRN,
    "efficientnet_lite0": EfficientNetLite0,
}
# What the published weights of an architecture were trained with; an architecture that is not here has none.
PUBLISHED: dict[str, Normalization] = {
    "resnet18": IMAGENET,
    "resnet18_cifar": IMAGENET,
    "vgg16_bn": IMAGENET,
    "drn_d_22": IMAGENET,
    "efficientnet_lite0": LITE,
}


def normalization(architecture: str, weights: str, asked: str = "weights") -> Normalization:
    """What the pixels of a run are normalized by. The weights decide: a network that starts from weights sees what they were trained on.

    Args:
        weights: as for `make_backbone`. A file is taken for the architecture's published weights.
        asked: "weights", or "centered" for a file that was trained from scratch here: names and shapes do not tell it from a published one.
    """
    if weights == "none" or asked == "centered":
        return CENTERED
    return PUBLISHED.get(architecture, CENTERED)


def make_backbone(architecture: str, weights: str = "none") -> Backbone:
    """A new backbone.

    Args:
        weights: "none", "imagenet" (torchvision's file from its cache, by its name), "lite0" (efficientnet_lite0's, from its package) or
            the path of a state dict; loaded weights-only.

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
    if weights == "imagenet":
        if backbone.pretrained is None:
            raise BadInput(f"torchvision has no ImageNet weights for {architecture}: {backbone.otherwise}, or use weights=none")
        from torchvision.models import get_weight  # as above

        state = torchvision_state(get_weight(backbone.pretrained))
    elif weights == "lite0":
        if architecture != "efficientnet_lite0":
            raise BadInput(f"weights=lite0 are of architecture=efficientnet_lite0, not of {architecture}: change one of them")
        try:
            path, _ = efficientnet.weights_file("lite0")
        except BadInput as missing:
            raise BadInput(f"{missing}, or give its file as weights=PATH") from missing
        state = _state_of(path)
    else:
        path = Path(weights)
        if not path.is_file():
            raise BadInput(f"no weights at {path}: use none, imagenet, lite0, or the path of a state dict")
        state = _state_of(path)
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise BadInput(f"weights {weights}: the file holds a {type(state).__name__}, not a state dict of named tensors")
    try:
        result = backbone.load_state_dict(backbone.adapted(state), strict=False)
    except RuntimeError as wrong:
        first = [line.strip() for line in str(wrong).splitlines()][1:2] or [str(wrong)]  # torch lists every tensor
        raise BadInput(f"weights {weights} do not fit {architecture}: {first[0]}") from wrong
    if result.missing_keys or result.unexpected_keys:
        raise BadInput(
            f"weights {weights} do not fit {architecture}: {len(result.missing_keys)} tensors missing, "
            f"{len(result.unexpected_keys)} too many"
        )


def _state_of(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as wrong:  # torch raises pickle, zip, EOF and runtime errors alike for a file that is no state dict
        raise BadInput(f"{path} is not a state dict torch can load safely: {wrong}") from wrong


def torchvision_state(entry: Any) -> dict[str, Any]:
    """The state dict of an entry of torchvision's table of weights, from its cache or the network. Raises BadInput with the cure."""
    kept = Path(torch.hub.get_dir()) / "checkpoints" / entry.url.rsplit("/", 1)[-1]
    try:
        result: dict[str, Any] = entry.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True)
        return result
    except OSError as wrong:  # no network and no file in the cache (URLError is an OSError)
        raise BadInput(f"{entry} weights are neither in torchvision's cache nor downloadable ({wrong}): put the file at {kept}") from wrong
    except Exception as wrong:  # as above: a damaged file fails in many ways
        raise BadInput(f"{kept} is damaged ({wrong}): delete it, so that it is downloaded again") from wrong
