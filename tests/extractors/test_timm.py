"""timm: a file that was brought is taken, the hub's cache next, and without either the message says what to bring."""

from __future__ import annotations

import builtins

import huggingface_hub as hub
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from alcore.errors import BadInput
from alcore.extractors import Embedder, extractor_named, known_pictures
from tests.extractors.brought import drawn

CPU = torch.device("cpu")
NAME = "test_resnet"  # timm's own, of 0.5 million numbers


@pytest.fixture(scope="module")
def state():
    return drawn(lambda: timm.create_model(NAME, pretrained=False)).state_dict()


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(hub.HfApi, "model_info", refuse)
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: pytest.fail("downloaded"))
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_: None)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_brought_file_gives_the_vectors_of_timms_network(tmp_path, state, no_network, suffix):
    path = tmp_path / f"{NAME}.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    extractor = extractor_named(f"timm:{NAME}", tmp_path)
    assert (extractor.title, extractor.side, extractor.source) == ("test_resnet (timm)", 160, f"the file {path}")
    made = Embedder(extractor, CPU)(known_pictures(160))
    plain = drawn(lambda: timm.create_model(NAME, pretrained=False, num_classes=0))
    x = torch.from_numpy(known_pictures(160)).permute(0, 3, 1, 2) / 255
    x = (x - torch.tensor(extractor.mean).view(3, 1, 1)) / torch.tensor(extractor.std).view(3, 1, 1)
    plain.load_state_dict({name: value for name, value in state.items() if name in plain.state_dict()})
    with torch.no_grad():
        expected = plain(x).numpy()
    assert made.shape == (2, extractor.dim) == expected.shape
    cosines = (made * expected).sum(1) / np.linalg.norm(made, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.99


def test_other_weights_have_another_mark(tmp_path, state, no_network):
    save_file(state, tmp_path / f"{NAME}.safetensors")
    mark = extractor_named(f"timm:{NAME}", tmp_path).mark
    save_file({**state, "conv1.0.weight": state["conv1.0.weight"] * 2}, tmp_path / f"{NAME}.safetensors")
    assert extractor_named(f"timm:{NAME}", tmp_path).mark != mark


def test_the_hubs_cache_needs_no_network(tmp_path, state, no_network, monkeypatch):
    save_file(state, tmp_path / "model.safetensors")
    asked = []
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda repository, file: asked.append((repository, file)) or str(tmp_path / file))
    assert extractor_named(f"timm:{NAME}").source == "timm"
    assert asked == [("timm/test_resnet.r160_in1k", "model.safetensors")]


def test_without_network_and_file_the_message_says_what_to_bring(tmp_path, no_network):
    with pytest.raises(BadInput) as refused:
        extractor_named(f"timm:{NAME}", tmp_path)
    assert str(refused.value) == (
        "the weights of test_resnet are not here and cannot be downloaded (ConnectionError): "
        f"put its state dict as test_resnet.safetensors or test_resnet.pth into {tmp_path}"
    )


def test_a_file_of_another_network_is_refused(tmp_path, no_network):
    save_file({"w": torch.zeros(3)}, tmp_path / f"{NAME}.safetensors")
    with pytest.raises(BadInput, match=rf"do not fit timm:{NAME} .*: bring the file of that network"):
        extractor_named(f"timm:{NAME}", tmp_path)


def test_an_unknown_name_is_answered_with_names_like_it():
    with pytest.raises(BadInput, match="timm knows no 'resnet50d_x': "):
        extractor_named("timm:resnet50d_x")
    with pytest.raises(BadInput, match="timm knows no 'v2_b0': perhaps hgnetv2_b0.ssld_stage1"):
        extractor_named("timm:v2_b0")


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch):
    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: _missing(name) if name == "timm" else original(name, *rest))
    with pytest.raises(BadInput, match="timm:resnet18 needs the package timm: pip install timm, or use lite0"):
        extractor_named("timm:resnet18")


def _missing(name: str):
    raise ImportError(name)
