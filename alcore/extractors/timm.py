"""timm's networks by their names: weights from a file that people bring, the hub's cache, or the network. timm is an optional package."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

from torch import Tensor

from alcore.errors import BadInput
from alcore.extractors.base import Extractor, Family, brought, digest_of_state, mark_of, state_dict_of, width_of

PREFIX = "timm:"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
ANSWER_WITHIN = 10.0  # seconds; the hub's own client tries for a minute where there is no network


def _named(name: str, models: Path | None) -> Extractor:
    try:
        import timm
    except ImportError:
        raise BadInput(f"{name} needs the package timm: pip install timm, or use lite0") from None
    model = name.removeprefix(PREFIX)
    if not timm.is_model(model):
        like = ", ".join(timm.list_models(f"*{model}*", pretrained=True)[:3])
        raise BadInput(f"timm knows no {model[:60]!r}: {f'perhaps {like}' if like else 'timm.list_models() names all it has'}")
    configured = timm.get_pretrained_cfg(model)
    file = brought(models, model)
    state = state_dict_of(file) if file else _published(model, configured, models)
    overlay = {"state_dict": state, "custom_load": False}
    try:
        # with its classifier: without, timm loads what fits and leaves the rest as it was drawn
        net: Any = timm.create_model(model, pretrained=True, pretrained_cfg_overlay=overlay).eval()
    except (RuntimeError, KeyError, ValueError) as wrong:
        raise BadInput(f"the weights {file or model} do not fit {name} ({wrong}): bring the file of that network") from wrong
    net.reset_classifier(0)
    data = timm.data.resolve_model_data_config(net)
    channels, side, wide = data["input_size"]
    if channels != 3 or side != wide:
        raise BadInput(f"{name} takes pictures of {channels} x {side} x {wide}: use a network of three channels and a square")
    mean, std = _three(data["mean"]), _three(data["std"])
    return Extractor(
        name,
        f"{model} (timm)",
        side,
        mean,
        std,
        width_of(name, net, side),
        getattr(configured, "license", None) or "see the network's own page",
        f"the file {file}" if file else "timm",
        mark_of(digest_of_state(net.state_dict()), side, mean, std),
        functools.partial(copy.deepcopy, net),
    )


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third


def _published(model: str, configured: Any, models: Path | None) -> dict[str, Tensor]:
    """The weights as they were published, from the hub's cache or from the hub."""
    import huggingface_hub as hub

    repository = getattr(configured, "hf_hub_id", None)
    if not repository:
        raise BadInput(f"timm has no published weights for {model}: {_cure(model, models)}")
    files = [configured.hf_hub_filename] if configured.hf_hub_filename else HUB_FILES
    for file in files:
        if isinstance(kept := hub.try_to_load_from_cache(repository, file), str):
            return state_dict_of(Path(kept))
    try:
        there = {one.rfilename for one in hub.HfApi().model_info(repository, timeout=ANSWER_WITHIN).siblings or ()}
        (file, *_) = [one for one in files if one in there] or files
        got = hub.hf_hub_download(repository, file)
    except Exception as wrong:  # errors of the client, of its own and of two libraries below it have no base in common
        raise BadInput(
            f"the weights of {model} are not here and cannot be downloaded ({type(wrong).__name__}): {_cure(model, models)}"
        ) from wrong
    return state_dict_of(Path(got))


def _cure(model: str, models: Path | None) -> str:
    place = models if models else "the folder of models"
    return f"put its state dict as {model}.safetensors or {model}.pth into {place}"


TIMM = Family("timm", _named, prefix=PREFIX)
