"""torchvision's classifiers by their names, without their last layer: weights from a file that people bring, its cache, or the network."""

from __future__ import annotations

import copy
import functools
from pathlib import Path

from torch import nn

from alcore.errors import BadInput
from alcore.extractors.base import Extractor, Family, brought, digest_of_state, fill, mark_of, state_dict_of, width_of
from alcore.nets.backbones import torchvision_state

PREFIX = "torchvision:"


def _named(name: str, models: Path | None) -> Extractor:
    import torchvision  # as long to load as all of torch

    model = name.removeprefix(PREFIX)
    known = torchvision.models.list_models(module=torchvision.models)
    if model not in known:
        raise BadInput(f"torchvision knows no classifier {model[:60]!r}: use {', '.join(known[:3])}, … resnet50, … {known[-1]}")
    weights = torchvision.models.get_model_weights(model).DEFAULT
    preparation = weights.transforms()
    side, mean, std = preparation.crop_size[0], tuple(preparation.mean), tuple(preparation.std)
    file = brought(models, model)
    state = state_dict_of(file) if file else torchvision_state(weights)
    options = {"init_weights": False} if model in ("googlenet", "inception_v3") else {}  # drawing them takes a minute
    net = torchvision.models.get_model(model, weights=None, num_classes=len(weights.meta["categories"]), **options)
    fill(net, state, file or weights.url, model)
    _without_last_layer(net, name)
    return Extractor(
        name,
        f"{model} (torchvision)",
        side,
        mean,
        std,
        width_of(name, net, side),
        "see torchvision's page of the weights",
        f"the file {file}" if file else f"torchvision, {weights}",
        mark_of(digest_of_state(net.state_dict()), side, mean, std),
        functools.partial(copy.deepcopy, net),
    )


def _without_last_layer(net: nn.Module, name: str) -> None:
    """What names the classes is taken away: the last linear layer."""
    linear = [at for at, layer in net.named_modules() if isinstance(layer, nn.Linear) and not at.startswith(("aux", "AuxLogits"))]
    if not linear:
        raise BadInput(f"{name} ends in no linear layer: use torchvision:resnet50 or another network that does")
    net.set_submodule(linear[-1], nn.Identity())


TORCHVISION = Family("torchvision", _named, prefix=PREFIX)
