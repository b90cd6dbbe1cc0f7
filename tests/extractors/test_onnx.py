"""ONNX files: their vectors, maps and metadata; what is refused of them."""

from __future__ import annotations

import builtins

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from alcore.errors import BadInput
from alcore.extractors import Embedder, extractor_named, known_pictures

CPU = torch.device("cpu")


def write(path, shape=("batch", 3, 16, 16), kind=TensorProto.FLOAT, pooled=True, metadata=(), factor=1.0, data=None):
    """A network that gives the mean color times `factor`: as a vector, or as a map of 2 x 2."""
    pool = (
        [helper.make_node("GlobalAveragePool", ["scaled"], ["pool"]), helper.make_node("Flatten", ["pool"], ["out"])]
        if pooled
        else [helper.make_node("AveragePool", ["scaled"], ["out"], kernel_shape=[8, 8], strides=[8, 8])]
    )
    nodes = [helper.make_node("Mul", ["x", "factor"], ["scaled"]), *pool]
    weights = [helper.make_tensor("factor", kind, [1], [factor])]
    given = helper.make_tensor_value_info("x", kind, shape)
    out = helper.make_tensor_value_info("out", kind, [shape[0], 3] if pooled else [shape[0], 3, 2, 2])
    model = helper.make_model(helper.make_graph(nodes, "g", [given], [out], weights), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    for key, value in metadata:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
    return path


def mean_color(side: int, mean, std) -> np.ndarray:
    return (known_pictures(side).mean((1, 2)) / 255 - mean) / std


@pytest.mark.parametrize("shape", [("batch", 3, 16, 16), (1, 3, 16, 16), (4, 3, 16, 16)])
@pytest.mark.parametrize("pooled", [True, False])
def test_a_file_gives_the_mean_of_its_maps_or_its_vectors_whatever_its_batch(tmp_path, shape, pooled):
    path = write(tmp_path / "mean.onnx", shape, pooled=pooled)
    extractor = extractor_named(f"onnx:{path}")
    assert (extractor.title, extractor.side, extractor.dim, extractor.source) == ("mean", 16, 3, f"the file {path}")
    made = Embedder(extractor, CPU)(known_pictures(16))
    np.testing.assert_allclose(made, mean_color(16, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), atol=1e-4)


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_an_exported_network_gives_what_it_gave(tmp_path):
    from alcore.extractors.lite import network
    from alcore.nets.efficientnet import weights_file

    net = network("lite0", weights_file("lite0")[0])
    session = tmp_path / "lite0.onnx"
    torch.onnx.export(net, (torch.zeros(2, 3, 64, 64),), session, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    made = Embedder(extractor_named(f"onnx:{session}"), CPU)(known_pictures(64))
    x = torch.from_numpy((known_pictures(64) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        np.testing.assert_allclose(made, net(x).numpy(), atol=2e-3)


def test_a_file_that_leaves_its_side_open_gets_224(tmp_path):
    path = write(tmp_path / "mean.onnx", ("batch", 3, "height", "width"))
    assert extractor_named(f"onnx:{path}").side == 224


def test_metadata_say_how_pixels_are_normalized(tmp_path):
    told = (("mean", "[0.5, 0.5, 0.5]"), ("std", "[0.25, 0.5, 1]"), ("title", "Mean color"), ("license", "MIT"))
    extractor = extractor_named(f"onnx:{write(tmp_path / 'mean.onnx', metadata=told)}")
    assert (extractor.title, extractor.licence, extractor.mean, extractor.std) == ("Mean color", "MIT", (0.5,) * 3, (0.25, 0.5, 1.0))
    made = Embedder(extractor, CPU)(known_pictures(16))
    np.testing.assert_allclose(made, mean_color(16, 0.5, (0.25, 0.5, 1.0)), atol=1e-4)


@pytest.mark.parametrize(
    ("key", "value"), [("mean", "0.5"), ("mean", "[1, 2]"), ("std", "[1, 1, 0]"), ("std", "[1, NaN, 1]"), ("mean", "grey")]
)
def test_metadata_that_are_no_normalization_are_refused(tmp_path, key, value):
    with pytest.raises(BadInput, match=f"mean.onnx says {key}="):
        extractor_named(f"onnx:{write(tmp_path / 'mean.onnx', metadata=[(key, value)])}")


def test_a_file_in_the_folder_of_models_is_found_by_its_name(tmp_path):
    path = write(tmp_path / "mean.onnx")
    assert extractor_named("onnx:mean.onnx", tmp_path).source == f"the file {path}"
    with pytest.raises(BadInput, match=r"no ONNX file at gone.onnx or in .*: give its path as onnx:PATH"):
        extractor_named("onnx:gone.onnx", tmp_path)


def test_a_mark_follows_the_file_and_what_carries_its_tensors(tmp_path):
    path = write(tmp_path / "mean.onnx")
    mark = extractor_named(f"onnx:{path}").mark
    assert extractor_named(f"onnx:{path}").mark == mark
    (tmp_path / "mean.onnx.data").write_bytes(b"tensors")
    beside = extractor_named(f"onnx:{path}").mark
    write(path, factor=2.0)
    assert len({mark, beside, extractor_named(f"onnx:{path}").mark}) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": ("batch", 1, 16, 16)}, r"takes x tensor\(float\) .*: export a network with one input"),
        ({"shape": ("batch", 3, 16, 24)}, "takes pictures of 16 x 24: export it for a square"),
        ({"kind": TensorProto.FLOAT16}, r"takes x tensor\(float16\)"),
    ],
)
def test_files_that_take_something_else_are_refused(tmp_path, change, words):
    with pytest.raises(BadInput, match=words):
        extractor_named(f"onnx:{write(tmp_path / 'mean.onnx', **change)}")


@pytest.mark.parametrize("content", [b"", b"no network"])
def test_a_damaged_file_is_refused_with_its_path(tmp_path, content):
    (tmp_path / "mean.onnx").write_bytes(content)
    with pytest.raises(BadInput, match="mean.onnx is no ONNX file that onnxruntime can load .*: export it again"):
        extractor_named(f"onnx:{tmp_path / 'mean.onnx'}")


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch):
    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: _missing(name) if name == "onnxruntime" else original(name, *rest))
    with pytest.raises(BadInput, match="onnx:x.onnx needs the package onnxruntime: pip install onnxruntime, or use lite0"):
        extractor_named("onnx:x.onnx")


def _missing(name: str):
    raise ImportError(name)
