"""Dilated residual networks: counts by hand, a slow restatement of arch D, the repository's names, and the fixed enlargement."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from alcore.errors import BadInput
from alcore.nets.backbones import BACKBONES, Backbone, make_backbone
from alcore.nets.models import CosineHead, MapDiscriminator, upsampled
from alcore.nets.tasks import Segmentation
from alcore.training.devices import seeded

CPU = torch.device("cpu")


def build(name: str, seed: int = 0) -> Backbone:
    with seeded(seed, CPU):
        return make_backbone(name)


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# ---- what it is made of


def block(channels: int, out: int) -> int:
    """Parameters of two 3x3 convolutions, each with batch norm, and of a 1x1 one past them where the widths differ."""
    return 9 * channels * out + 9 * out * out + 4 * out + ((channels + 2) * out if channels != out else 0)


def test_drn_d_22_has_the_parameters_of_the_repositorys_network_to_the_unit():
    levels = [
        7 * 7 * 3 * 16 + 2 * 16,
        9 * 16 * 16 + 2 * 16,
        9 * 16 * 32 + 2 * 32,
        block(32, 64) + block(64, 64),
        block(64, 128) + block(128, 128),
        block(128, 256) + block(256, 256),
        block(256, 512) + block(512, 512),
        9 * 512 * 512 + 2 * 512,
        9 * 512 * 512 + 2 * 512,
    ]
    assert levels == [2384, 2336, 4672, 131_712, 525_568, 2_099_712, 8_393_728, 2_360_320, 2_360_320]
    net = build("drn_d_22")
    assert [count(net.net.get_submodule(f"layer{level}")) for level in range(9)] == levels
    assert count(net) == sum(levels) == 15_880_752
    # DRNSeg: a 1x1 convolution with bias on 512 channels; its enlargement is fixed and trains nothing
    assert count(net) + count(Segmentation(19, 688).head(512)) == 15_880_752 + 512 * 19 + 19 == 15_890_499


def test_small_drn_is_a_hundredth_of_it_and_keeps_a_quarter_of_the_side():
    net = build("small_drn")
    plain = [9 * 3 * 8 + 16, 9 * 8 * 8 + 16, 9 * 8 * 16 + 32, 9 * 48 * 48 + 96, 9 * 48 * 48 + 96]
    assert count(net) == sum(plain) + block(16, 32) + block(32, 48) + block(48, 48) + block(48, 48) == 177_912
    assert net(torch.zeros(1, 3, 96, 96)).shape == (1, 48, 24, 24)


def test_mals_discriminator_of_maps_has_three_convolutions_and_one_output():
    net = MapDiscriminator(512)
    assert count(net) == (9 * 512 * 128 + 128) + (9 * 128 * 64 + 64) + (9 * 64 * 32 + 32) + (32 + 1) == 682_241
    assert net(torch.zeros(3, 512, 5, 7)).shape == (3,)


@pytest.mark.parametrize(("name", "side", "places"), [
    ("drn_d_22", 64, [64, 32, 16, 8, 8, 8, 8, 8]), ("drn_d_22", 21, [21, 11, 6, 3, 3, 3, 3, 3]), ("drn_d_22", 8, [8, 4, 2, 1, 1, 1, 1, 1]),
    ("small_drn", 96, [96, 48, 24, 24, 24, 24, 24, 24]), ("small_drn", 8, [8, 4, 2, 2, 2, 2, 2, 2]),
])  # fmt: skip
def test_the_maps_are_those_of_the_eight_levels_and_the_last_is_the_feature_map(name, side, places):
    net = build(name).eval()
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = net.maps(x)
        features = net(x)
    assert [tuple(m.shape) for m in maps] == [(2, width, at, at) for width, at in zip(net.widths, places, strict=True)]
    assert torch.equal(features, maps[-1])
    torch.testing.assert_close(net.embedding(features), features.flatten(2).double().mean(2).float())
    assert net.dense
    assert side >= net.smallest


def test_only_the_two_networks_for_dense_labels_are_dense():
    with torch.device("meta"):  # no weights are needed
        dense = {name for name in BACKBONES if make_backbone(name).dense}
    assert dense == set(Segmentation.architectures) == {"small_drn", "drn_d_22"}


def arch_d(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """DRN-D-22 in evaluation mode, written down from the paper's Fig. 4 and the repository's tables, tensor by tensor."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, gain, shift = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt() * gain[:, None, None] + shift[:, None, None]

    def plain(x, level, stride=1, dilation=1, side=3):
        x = F.conv2d(x, state[f"layer{level}.0.weight"], None, stride, dilation * (side // 2), dilation)
        return norm(x, f"layer{level}.1").relu()

    def residual(x, name, stride, dilation):
        y = norm(F.conv2d(x, state[f"{name}.conv1.weight"], None, stride, dilation, dilation), f"{name}.bn1").relu()
        y = norm(F.conv2d(y, state[f"{name}.conv2.weight"], None, 1, dilation, dilation), f"{name}.bn2")
        if f"{name}.downsample.0.weight" in state:
            x = norm(F.conv2d(x, state[f"{name}.downsample.0.weight"], None, stride), f"{name}.downsample.1")
        return (x + y).relu()

    x = plain(x, 0, side=7)
    x = plain(x, 1)
    x = plain(x, 2, stride=2)
    for level, stride, dilation in ((3, 2, 1), (4, 2, 1), (5, 1, 2), (6, 1, 4)):
        x = residual(x, f"layer{level}.0", stride, dilation)
        x = residual(x, f"layer{level}.1", 1, dilation)
    x = plain(x, 7, dilation=2)
    return plain(x, 8)


def stirred(net: torch.nn.Module) -> None:
    """Other batch-norm statistics and gains than those of the start, so that leaving one out is seen."""
    generator = torch.Generator().manual_seed(5)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for values, low in ((layer.running_mean, -0.2), (layer.running_var, 0.5), (layer.weight.data, 0.5), (layer.bias.data, -0.2)):
                values.copy_(low + torch.rand(values.shape, generator=generator))


def test_the_network_equals_a_restatement_of_arch_d():
    net = build("drn_d_22").eval()
    stirred(net)
    state = {name.removeprefix("net."): value for name, value in net.state_dict().items()}
    x = torch.randn(2, 3, 24, 40, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(net(x), arch_d(state, x), rtol=1e-4, atol=1e-4)


def test_weights_start_as_the_repository_draws_them():
    net = build("drn_d_22")
    weight = net.net.layer6[1].conv2.weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 512)), rel=0.01)
    assert weight.mean().item() == pytest.approx(0, abs=1e-4)


# ---- weights from the repository


def repository_state(prefix: str) -> dict[str, torch.Tensor]:
    """Seed 3's weights by the names of DRNSeg (`base.N`) or of the classifier (`layerN`), as old torch saved them."""
    net = build("drn_d_22", seed=3)
    state = {k.removeprefix("net."): v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    return {prefix + k.removeprefix("layer"): v for k, v in state.items()}


HEADS = {
    "layer": {"fc.weight": torch.zeros(1000, 512, 1, 1), "fc.bias": torch.zeros(1000)},
    "base.": {"seg.weight": torch.zeros(19, 512, 1, 1), "seg.bias": torch.zeros(19), "up.weight": torch.zeros(19, 1, 16, 16)},
}


@pytest.mark.parametrize("prefix", ["layer", "base."])
@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_the_repositorys_files_load_whatever_wraps_them(prefix, parallel, whole, tmp_path):
    state = repository_state(prefix) | HEADS[prefix]
    if parallel:
        state = {f"module.{name}": value for name, value in state.items()}
    torch.save({"epoch": 3, "arch": "drn_d_22", "best_prec1": 0.5, "state_dict": state} if whole else state, tmp_path / "drn.pth")
    net, other = make_backbone("drn_d_22", str(tmp_path / "drn.pth")), build("drn_d_22", seed=3)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_its_own_weights_load_too_and_those_of_another_network_are_refused(tmp_path):
    torch.save(build("small_drn", seed=4).state_dict(), tmp_path / "own.pt")
    net, other = make_backbone("small_drn", str(tmp_path / "own.pt")), build("small_drn", seed=4)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))
    with pytest.raises(BadInput, match="do not fit drn_d_22"):
        make_backbone("drn_d_22", str(tmp_path / "own.pt"))
    torch.save({"a": torch.zeros(1)}, tmp_path / "strange.pt")
    with pytest.raises(BadInput, match="do not fit small_drn: .* tensors missing, 1 too many"):
        make_backbone("small_drn", str(tmp_path / "strange.pt"))
    with pytest.raises(
        BadInput, match="torchvision has no ImageNet weights for drn_d_22: give the DRN repository's file as weights=PATH, or use"
    ):
        make_backbone("drn_d_22", "imagenet")


# ---- the fixed enlargement


def drn_up(classes: int, factor: int) -> torch.nn.ConvTranspose2d:
    """DRN's last layer: a grouped transposed convolution with the weights its code fills in, written as its loops."""
    side = 2 * factor
    up = torch.nn.ConvTranspose2d(classes, classes, side, stride=factor, padding=factor // 2, groups=classes, bias=False)
    half = math.ceil(side / 2)
    center = (2 * half - 1 - half % 2) / (2.0 * half)
    with torch.no_grad():
        for i in range(side):
            for j in range(side):
                up.weight[:, 0, i, j] = (1 - abs(i / half - center)) * (1 - abs(j / half - center))
    return up


@pytest.mark.parametrize(
    ("places", "factor", "side"), [(3, 8, 24), (3, 8, 20), (3, 8, 17), (86, 8, 688), (6, 4, 24), (6, 4, 21), (24, 4, 96), (5, 2, 9)]
)
def test_enlarging_equals_drns_transposed_convolution_cut_to_the_images_size(places, factor, side):
    maps = torch.randn(2, 5, places, places, generator=torch.Generator().manual_seed(3), requires_grad=True)
    wanted = drn_up(5, factor)(maps)
    assert wanted.shape[-1] == places * factor
    wanted = wanted[:, :, :side, :side]
    found = upsampled(maps, side)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(4))
    (slow,) = torch.autograd.grad((wanted * weights).sum(), maps)
    (fast,) = torch.autograd.grad((found * weights).sum(), maps)
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)


def test_enlarging_by_one_changes_nothing_and_has_no_weights_to_train():
    maps = torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(upsampled(maps, 9), maps, rtol=0, atol=0)
    assert [name for name, _ in Segmentation(19, 688).head(512).named_parameters()] == ["weight", "bias"]


def test_enlarging_is_in_single_precision_also_inside_autocast():
    maps = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(3))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(upsampled(maps, 24), upsampled(maps, 24).float())
        inside = upsampled(maps, 24)
    assert torch.equal(inside, upsampled(maps, 24))


# ---- the cosine head on maps


@pytest.mark.parametrize("form", ["mme_deep", "single", "norm_w"])
def test_a_cosine_head_on_a_map_is_the_same_head_at_every_place(form):
    with seeded(0, CPU):
        head = CosineHead(6, 4, form=form, hidden=5)
    maps = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(6))
    found = head(maps, eta=1.0)
    assert found.shape == (2, 4, 3, 4)
    for y in range(3):
        for x in range(4):
            torch.testing.assert_close(found[:, :, y, x], head(maps[:, :, y, x]))


def test_the_single_form_is_a_1x1_convolution_of_prototypes_without_bias():
    with seeded(0, CPU):
        head = CosineHead(6, 4, form="single", temperature=0.05)
    maps = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(6))
    wanted = F.conv2d(maps / maps.norm(dim=1, keepdim=True), head.prototypes.weight[:, :, None, None]) / 0.05
    torch.testing.assert_close(head(maps), wanted)
    assert count(head) == 24
