"""Files of models that went out: what is refused of them. What they give is tested where they are written, in project/test_carrying.py."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from alcore.errors import BadInput
from alcore.extractors import known_pictures
from alcore.extractors.carried import CarriedModel, metadata, need
from alcore.pixels.levels import Decoding

SIDE = 8


def write(path, about=None, classes=3, **changed):
    """A model that gives the softmax of the mean color."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["probabilities"], axis=1),
    ]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3])
    model = helper.make_model(helper.make_graph(nodes, "g", [given], [out]), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    facts = metadata(tuple("abcdef"[:classes]), SIDE, Decoding((0.0, 9.0), True), {"round": 4, "project": "p"}) if about is None else about
    for key, value in {**facts, **changed}.items():
        if value is not None:
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
    onnx.save(model, path)
    return path


def test_a_file_tells_what_it_is_and_gives_probabilities(tmp_path):
    model = CarriedModel(write(tmp_path / "m.onnx"))
    assert (model.classes, model.side, model.decoding, model.words) == (("a", "b", "c"), SIDE, Decoding((0.0, 9.0), True), "round 4 of p")
    pictures = known_pictures(SIDE)
    e = np.exp(pictures.mean((1, 2)) / 255)
    np.testing.assert_allclose(model(pictures), e / e.sum(1, keepdims=True), atol=1e-6)


def test_metadata_are_texts_that_json_reads():
    facts = metadata(("ü", 'a "b"'), 224, Decoding(), {"round": 1, "temperature": repr(0.1)})
    assert json.loads(facts["classes"]) == ["ü", 'a "b"']
    assert (facts["levels"], facts["keep_cut"], facts["side"], facts["round"], facts["temperature"]) == ("null", "false", "224", "1", "0.1")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"about": {}}, "m.onnx is no model that alcore wrote: write one with `export --format onnx`"),
        ({"kind": "another"}, "is no model that alcore wrote"),
        ({"classes": 4}, "m.onnx names 4 classes and gives 3: write it again"),
        ({"side": "9"}, "m.onnx is damaged or was changed .*: write it again with `export --format onnx`"),
        ({"side": None}, "is damaged or was changed"),
        ({"side": "many"}, "is damaged or was changed .invalid literal"),
        ({"levels": "[9, 0]"}, "is damaged or was changed .levels="),
        ({"keep_cut": "perhaps"}, "is damaged or was changed"),
    ],
)
def test_other_files_and_changed_ones_are_refused(tmp_path, changed, words):
    with pytest.raises(BadInput, match=words):
        CarriedModel(write(tmp_path / "m.onnx", **changed))


@pytest.mark.parametrize("names", ['"abc"', "[1, 2, 3]", "[", "{}"])
def test_classes_that_are_no_names_are_refused(tmp_path, names):
    facts = metadata(("a", "b", "c"), SIDE, Decoding(), {}) | {"classes": names}
    with pytest.raises(BadInput, match="is damaged or was changed"):
        CarriedModel(write(tmp_path / "m.onnx", facts))


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_what_is_no_onnx_is_refused_with_its_path(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(BadInput, match="m.onnx is no ONNX file that onnxruntime can load"):
        CarriedModel(tmp_path / "m.onnx")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInput, match="there is no model .*m.onnx: write one with `export --format onnx --out m.onnx`"):
        CarriedModel(tmp_path / "m.onnx")


def test_without_the_package_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    path = write(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadInput, match="the model .*m.onnx needs the package onnxruntime: pip install onnxruntime"):
        CarriedModel(path)
    need("json", what="nothing")
