"""torchvision: its classifiers without their last layer, from a brought file or its cache."""

from __future__ import annotations

import urllib.error

import numpy as np
import pytest
import torch
import torchvision

from alcore.errors import BadInput
from alcore.extractors import Embedder, extractor_named, known_pictures
from alcore.extractors.torchvision import _without_last_layer
from tests.extractors.brought import drawn

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def plain():
    return drawn(lambda: torchvision.models.shufflenet_v2_x0_5(weights=None))


def test_a_brought_file_gives_what_stands_before_the_last_layer(tmp_path, plain):
    torch.save(plain.state_dict(), tmp_path / "shufflenet_v2_x0_5.pth")
    extractor = extractor_named("torchvision:shufflenet_v2_x0_5", tmp_path)
    assert (extractor.side, extractor.dim, extractor.mean) == (224, 1024, (0.485, 0.456, 0.406))
    assert extractor.source == f"the file {tmp_path / 'shufflenet_v2_x0_5.pth'}"
    made = Embedder(extractor, CPU)(known_pictures(224))
    x = torch.from_numpy(known_pictures(224)).permute(0, 3, 1, 2) / 255
    x = (x - torch.tensor(extractor.mean).view(3, 1, 1)) / torch.tensor(extractor.std).view(3, 1, 1)
    with torch.no_grad():
        logits = plain(x).numpy()
    weight, bias = plain.fc.weight.detach().numpy(), plain.fc.bias.detach().numpy()
    np.testing.assert_allclose(made @ weight.T + bias, logits, atol=0.02 * np.abs(logits).max())


def test_weights_in_torchvisions_cache_need_no_network(tmp_path, monkeypatch, plain):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("downloaded"))
    (tmp_path / "checkpoints").mkdir()
    torch.save(plain.state_dict(), tmp_path / "checkpoints" / "shufflenetv2_x0.5-f707e7126e.pth")
    extractor = extractor_named("torchvision:shufflenet_v2_x0_5")
    assert extractor.source == "torchvision, ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1"
    torch.save(plain.state_dict(), tmp_path / "shufflenet_v2_x0_5.pth")
    assert extractor.mark == extractor_named("torchvision:shufflenet_v2_x0_5", tmp_path).mark  # the weights, wherever they come from


def test_weights_that_cannot_be_had_name_the_place_to_put_them(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(BadInput, match="no route") as refused:
        extractor_named("torchvision:resnet50")
    assert str(tmp_path / "checkpoints" / "resnet50-11ad3fa6.pth") in str(refused.value)


def test_a_file_of_another_network_is_refused(tmp_path, plain):
    torch.save(plain.state_dict(), tmp_path / "resnet18.pth")
    with pytest.raises(BadInput, match=r"resnet18.pth do not fit resnet18 \(\d+ tensors missing, \d+ too many"):
        extractor_named("torchvision:resnet18", tmp_path)


@pytest.mark.parametrize("name", ["resnet5", "fcn_resnet50", "raft_large"])
def test_what_is_no_classifier_of_torchvision_is_refused(name):
    with pytest.raises(BadInput, match=f"torchvision knows no classifier '{name}': use alexnet, .* resnet50"):
        extractor_named(f"torchvision:{name}")


@pytest.mark.parametrize(
    ("name", "dim"),
    [("vgg11", 4096), ("convnext_tiny", 768), ("mobilenet_v3_small", 1024), ("vit_b_16", 768), ("googlenet", 1024), ("densenet121", 1024)],
)
def test_the_last_layer_is_found_in_every_kind_of_network(name, dim):
    with torch.device("meta"):
        options = {"init_weights": False} if name == "googlenet" else {}
        net = torchvision.models.get_model(name, weights=None, **options).eval()
        _without_last_layer(net, name)
        assert net(torch.empty(2, 3, 224, 224)).shape == (2, dim)


def test_a_network_without_a_linear_layer_is_refused():
    with torch.device("meta"), pytest.raises(BadInput, match="ends in no linear layer"):
        _without_last_layer(torchvision.models.squeezenet1_0(weights=None), "torchvision:squeezenet1_0")
