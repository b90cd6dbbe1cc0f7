"""A whole model as one network and as an ONNX file."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from alcore.errors import AlcoreError
from alcore.nets.tasks import TASKS, train_params
from alcore.strategies import strategy_named
from alcore.training.tracing import Whole, write_onnx

SIDE, K, T = 6, 3, 0.7
MEAN, STD = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)


class Corner(nn.Module):
    """The first four values of each picture's red."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0, :4]


class Deciding(nn.Module):
    """What no exporter can write."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.matrix_exp(x[:, 0])[:, 0, :4]


def whole(net: nn.Module, name: str = "margin") -> Whole:
    torch.manual_seed(3)
    train = train_params("classification", {"architecture": "features", "weights": "none"})
    strategy = strategy_named(name)(TASKS["classification"](K, 0, 4), train)
    nn.init.normal_(strategy.backbone.outer.weight)  # else the adapter is the identity
    nn.init.normal_(strategy.backbone.outer.bias)
    with torch.no_grad():
        strategy.head.prototypes.weight *= 0.05  # over a temperature of 0.05 all would be 0 or 1
    return Whole(net, MEAN, STD, strategy.eval(), T)


def by_hand(made: Whole, images: np.ndarray) -> np.ndarray:
    """The same in numpy."""
    state = {name: value.double().numpy() for name, value in made.strategy.state_dict().items()}
    x = (images[:, 0, 0, :4] - MEAN[0]) / STD[0]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    hidden = np.maximum(x @ state["backbone.inner.weight"].T + state["backbone.inner.bias"], 0)
    z = x + hidden @ state["backbone.outer.weight"].T + state["backbone.outer.bias"]
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    logits = z @ state["head.prototypes.weight"].T / 0.05 / T
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("name", ["margin", "mal", "mcdal", "qbc", "learning_loss", "bald", "vaal"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_file_gives_the_probabilities_worked_out_by_hand(tmp_path, name, count):
    made = whole(Corner(), name)
    images = np.random.default_rng(count).random((count, 3, SIDE, SIDE)).astype(np.float32)
    write_onnx(made, SIDE, {"a": "1", "ü": "ß"}, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["probabilities"], {"images": images})
    expected = by_hand(made, images)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert expected.max() < 0.999  # else softmax would hide what differs
    assert session.get_modelmeta().custom_metadata_map == {"a": "1", "ü": "ß"}
    onnx.checker.check_model(onnx.load(tmp_path / "m.onnx"))


def test_writing_changes_neither_the_model_nor_its_mode(tmp_path):
    made = whole(Corner())
    before = {name: value.clone() for name, value in made.state_dict().items()}
    made.train()
    write_onnx(made, SIDE, {}, tmp_path / "m.onnx")
    assert made.training
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())


class Attending(nn.Module):
    """Attention, which torch computes in one piece where nothing is learned."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention = nn.MultiheadAttention(SIDE, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x[:, 0], x[:, 0], x[:, 0], need_weights=False)[0][:, 0, :4]


def test_attention_goes_out_too(tmp_path):
    made = whole(Attending())
    images = torch.rand((3, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = made.eval()(images).numpy()
    write_onnx(made, SIDE, {}, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"images": images.numpy()})[0], expected, atol=1e-5)
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_network_that_cannot_be_written_is_told_in_a_line_and_nothing_is_printed(tmp_path, capfd):
    with pytest.raises(AlcoreError, match=r"cannot be written as ONNX \(.*: train a round with extractor=lite0"):
        write_onnx(whole(Deciding()), SIDE, {}, tmp_path / "m.onnx")
    assert capfd.readouterr() == ("", "")


def test_a_disk_that_refuses_is_not_the_networks_fault(tmp_path):
    with pytest.raises(OSError):
        write_onnx(whole(Corner()), SIDE, {}, tmp_path / "no" / "m.onnx")


def test_a_file_says_what_classes_that_were_merged_since_have_together(tmp_path):
    made = whole(Corner())
    moved = Whole(made.net, MEAN, STD, made.strategy, T, places=(2, 0, 2))
    images = np.random.default_rng(1).random((3, 3, SIDE, SIDE)).astype(np.float32)
    write_onnx(moved, SIDE, {}, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["probabilities"], {"images": images})
    state = {name: value.double().numpy() for name, value in made.strategy.state_dict().items()}
    assert state["head.prototypes.weight"].shape[0] == K
    apart = by_hand(made, images) ** T  # up to a factor a row, the probabilities before the temperature
    together = np.stack([apart[:, 1], np.zeros(3), apart[:, 0] + apart[:, 2]], 1) ** (1 / T)
    np.testing.assert_allclose(found, together / together.sum(1, keepdims=True), atol=1e-5)
