"""Networks: parameter counts of the papers, gradient reversal, the cosine head's forms, weights from files, what must not leak."""

from __future__ import annotations

import urllib.error
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from alcore.errors import BadInput
from alcore.nets.backbones import ResNet18, SmallCNN, make_backbone
from alcore.nets.models import CosineHead, Discriminator, evaluating, reverse_gradient, unchanged_statistics
from alcore.nets.tasks import Classification


def size(*nets: nn.Module) -> int:
    return sum(p.numel() for net in nets for p in net.parameters())


def seeded_noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- gradient reversal


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_reversal_is_the_identity_forward_and_minus_eta_times_the_gradient_backward(eta):
    x = seeded_noise(3, 4).requires_grad_()
    upstream = seeded_noise(3, 4, seed=1)
    y = reverse_gradient(x, eta)
    assert torch.equal(y, x)
    y.backward(upstream)
    assert torch.equal(x.grad, -eta * upstream)


def test_reversing_twice_restores_the_sign():
    x = seeded_noise(5).requires_grad_()
    reverse_gradient(reverse_gradient(x, 0.5), 2.0).sum().backward()
    assert x.grad.tolist() == [1.0] * 5


def test_reversal_turns_the_sign_below_it_and_not_above_it():
    g, w = torch.tensor(3.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)
    (reverse_gradient(g) * w).backward()
    assert (g.grad.item(), w.grad.item()) == (-5.0, 3.0)


# ---- parameter counts: methods 1.1 (K = 100) and 2.4 (K = 10)


def test_parameter_counts_of_mal_equal_the_papers_table():
    f = ResNet18()
    assert size(f) == 11_176_512
    assert size(CosineHead(512, 100)) == 156_928
    assert size(Discriminator(512)) == 525_825
    assert size(f, Classification(100).head(f.out_features)) == 11_227_812
    assert size(CosineHead(512, 100, form="single")) == 51_200


def test_parameter_counts_of_mcdal_equal_the_papers_table():
    g = ResNet18(cifar_stem=True)
    heads = [Classification(10).head(g.out_features) for _ in range(3)]
    assert size(g) == 11_168_832
    assert size(g, heads[0]) == 11_173_962
    assert size(g, *heads) == 11_184_222


def test_the_small_network_has_three_blocks_of_32_64_and_128_channels():
    assert size(SmallCNN()) == 3 * 32 * 9 + 64 + 32 * 64 * 9 + 128 + 64 * 128 * 9 + 256


@pytest.mark.parametrize(("architecture", "width"), [("small_cnn", 128), ("resnet18", 512), ("resnet18_cifar", 512)])
def test_backbones_give_features_of_their_width_for_odd_sizes_too(architecture, width):
    backbone = make_backbone(architecture).eval()
    assert backbone.out_features == width
    with torch.no_grad():
        assert backbone(seeded_noise(2, 3, 9, 11)).shape == (2, width)


# ---- cosine head


def test_mme_deep_is_hidden_layer_then_norm_then_prototypes_over_the_temperature():
    head, x = CosineHead(6, 4, hidden=5), seeded_noise(7, 6)
    h = x @ head.hidden.weight.T + head.hidden.bias
    h = h / h.square().sum(1, keepdim=True).sqrt()
    torch.testing.assert_close(head(x), h @ head.prototypes.weight.T / 0.05)
    assert head.prototypes.bias is None
    assert head.hidden.bias.tolist() == [0.0] * 5


def test_single_is_equation_one_and_ignores_the_length_of_the_feature():
    head, x = CosineHead(6, 4, form="single"), seeded_noise(7, 6)
    torch.testing.assert_close(head(x), F.normalize(x, dim=1) @ head.prototypes.weight.T / 0.05)
    torch.testing.assert_close(head(x), head(123.0 * x))


@pytest.mark.parametrize("form", ["mme_deep", "single"])
def test_logits_are_bounded_by_the_prototypes_length_over_the_temperature(form):
    head = CosineHead(6, 4, form=form, hidden=5)
    bound = head.prototypes.weight.norm(dim=1) / 0.05
    assert (head(100 * seeded_noise(200, 6)).abs() <= bound * (1 + 1e-5)).all()


def test_norm_w_gives_cosines_over_the_temperature():
    head, x = CosineHead(6, 4, form="norm_w", hidden=5, temperature=0.1), seeded_noise(9, 6)
    with torch.no_grad():
        expected = F.cosine_similarity(head.hidden(x)[:, None], head.prototypes.weight[None], dim=2) / 0.1
        torch.testing.assert_close(head(x), expected)
        head.prototypes.weight *= 7
        torch.testing.assert_close(head(x), expected)


def test_half_the_temperature_doubles_the_logits():
    cold, warm = CosineHead(6, 4, temperature=0.05), CosineHead(6, 4, temperature=0.1)
    warm.load_state_dict(cold.state_dict())
    x = seeded_noise(3, 6)
    torch.testing.assert_close(cold(x), 2 * warm(x))


@pytest.mark.parametrize("form", ["mme_deep", "single", "norm_w"])
def test_a_feature_of_zeros_gives_finite_logits_and_gradients(form):
    head = CosineHead(6, 4, form=form)
    x = torch.zeros(2, 6, requires_grad=True)
    logits = head(x)
    assert logits.tolist() == [[0.0] * 4] * 2
    logits.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="unknown form 'deep'"):
        CosineHead(6, 4, form="deep")


def test_eta_reverses_the_gradient_below_the_norm_and_leaves_the_prototypes_side():
    head, weights = CosineHead(6, 4, hidden=5), seeded_noise(7, 4, seed=3)

    def gradients(eta):
        head.zero_grad()
        x = seeded_noise(7, 6).requires_grad_()
        (head(x, eta=eta) * weights).sum().backward()
        return x.grad, head.hidden.weight.grad.clone(), head.prototypes.weight.grad.clone()

    plain, turned = gradients(None), gradients(1.0)
    assert torch.equal(turned[0], -plain[0])
    assert torch.equal(turned[1], -plain[1])
    assert torch.equal(turned[2], plain[2])


def test_the_discriminator_is_three_linear_layers_with_relu_and_one_logit_an_image():
    d, x = Discriminator(6, hidden=5), seeded_noise(4, 6)
    first, second, last = (layer for layer in d.layers if isinstance(layer, nn.Linear))
    slow = last(torch.relu(second(torch.relu(first(x)))))[:, 0]
    torch.testing.assert_close(d(x), slow)


# ---- what must not leak


def buffers(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.named_buffers()}


def test_unchanged_statistics_leave_every_buffer_bitwise_and_normalize_by_the_batch():
    net, x = SmallCNN().train(), seeded_noise(8, 3, 8, 8)
    before = buffers(net)
    with unchanged_statistics(net):
        quiet = net(x)
    for name, value in net.named_buffers():
        assert torch.equal(value, before[name]), name
    assert torch.equal(net(x), quiet)  # an ordinary forward in training mode, which records
    assert not torch.equal(net.blocks[1].running_mean, before["blocks.1.running_mean"])
    assert net.blocks[1].num_batches_tracked == 1


def test_statistics_are_recorded_again_after_an_error_inside():
    net = SmallCNN()
    with pytest.raises(RuntimeError, match="stop"), unchanged_statistics(net):
        raise RuntimeError("stop")
    net(seeded_noise(4, 3, 8, 8))
    assert net.blocks[1].num_batches_tracked == 1


@pytest.mark.parametrize("training", [True, False])
def test_evaluating_gives_the_mode_back_also_after_an_error(training):
    net = SmallCNN().train(training)
    with pytest.raises(RuntimeError, match="stop"), evaluating(net):
        assert not any(module.training for module in net.modules())
        assert not net(seeded_noise(2, 3, 8, 8)).requires_grad
        raise RuntimeError("stop")
    assert all(module.training is training for module in net.modules())


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


def test_vgg16_has_the_papers_parameters():
    """MAL 5.1: F 14.72M, C 12.90M, D 13.11M, T 17.23M."""
    backbone = make_backbone("vgg16_bn")
    assert size(backbone) == 14_723_136
    assert size(CosineHead(25_088, 100, hidden=512)) == 12_896_768
    assert size(Discriminator(25_088)) == 13_108_737
    assert size(backbone, Classification(100).head(backbone.out_features)) == 17_232_036


def test_vgg16_repeats_its_one_place_at_32_pixels_and_is_compared_by_the_mean():
    backbone = make_backbone("vgg16_bn").eval()
    with torch.no_grad():
        features = backbone(seeded_noise(2, 3, 32, 32))
    assert features.shape == (2, 512 * 49)
    places = features.view(2, 512, 49)
    assert torch.equal(places, places[:, :, :1].expand(-1, -1, 49))
    torch.testing.assert_close(backbone.embedding(features), places[:, :, 0])


def test_torchvisions_vgg16_state_dict_is_taken_without_its_classifier(tmp_path):
    layers = make_backbone("vgg16_bn").state_dict()
    state = {**layers, "classifier.0.weight": torch.zeros(3), "classifier.6.bias": torch.zeros(3)}
    torch.save(state, tmp_path / "w.pth")
    loaded = make_backbone("vgg16_bn", str(tmp_path / "w.pth")).state_dict()
    assert all(torch.equal(loaded[name], layers[name]) for name in layers)


@pytest.mark.parametrize("architecture", ["small_cnn", "resnet18", "resnet18_cifar", "vgg16_bn"])
def test_maps_have_the_widths_that_are_said_and_the_last_one_is_pooled(architecture):
    backbone = make_backbone(architecture).eval()
    with torch.no_grad():
        maps = backbone.maps(seeded_noise(2, 3, 32, 32))
        assert tuple(m.shape[1] for m in maps) == backbone.widths
        assert torch.equal(backbone.pool(maps[-1]), backbone(seeded_noise(2, 3, 32, 32)))


def test_a_cifar_stems_own_weights_load_again(tmp_path):
    kept = make_backbone("resnet18_cifar")
    torch.save(kept.state_dict(), tmp_path / "w.pth")
    loaded = make_backbone("resnet18_cifar", str(tmp_path / "w.pth"))
    assert torch.equal(kept.net.conv1.weight, loaded.net.conv1.weight)
