"""Experiments on features: made once beside the data, used by the strategies that train on them, each with parameters of its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.pixels import images
from alcore.simulation import vectors
from alcore.simulation.conduct import simulate
from alcore.simulation.oracle import Data
from alcore.simulation.records import read_json
from tests.extractors.colors import stand_in
from tests.simulation.conftest import ASKED
from tests.simulation.toys import records

ON_FEATURES = {**ASKED, "settings": ("steps=6", "passes=0", "batch_size=8", "architecture=features")}


@pytest.fixture(autouse=True)
def mean_colors(monkeypatch):
    """An extractor that takes no time."""
    stand_in(monkeypatch.setattr)


def test_vectors_are_made_once_of_pool_and_test_and_are_those_of_the_files(toy: Path, tmp_path: Path):
    out = tmp_path / "out"
    simulate(toy, ["random"], out=out, **ON_FEATURES)
    data, found = vectors.seen(Data.load(out / "data"), "lite0")
    assert (data.rows >= 0).all()
    assert len(data.rows) == 56
    for at, path in enumerate(data.paths()):
        picture = np.asarray(images.decode(toy / path))
        np.testing.assert_allclose(found[data.rows[at]][:3], (picture.mean((0, 1)) / 255 - 0.5) / 0.25, atol=0.1)
    before = [file.stat().st_mtime_ns for file in (out / "data").rglob("vectors.f16")]
    simulate(toy, ["random", "margin"], out=out, **ON_FEATURES)
    assert [file.stat().st_mtime_ns for file in (out / "data").rglob("vectors.f16")] == before
    os.utime(toy, ns=(1, 1))  # the folder was copied or unpacked again: what is in it is the same
    simulate(toy, ["random", "entropy"], out=out, **ON_FEATURES)
    assert [file.stat().st_mtime_ns for file in (out / "data").rglob("vectors.f16")] == before


def test_a_variant_has_training_parameters_of_its_own_and_starts_from_the_same_labels(toy: Path, tmp_path: Path):
    out, names = tmp_path / "out", ["entropy:batch=top", "entropy:batch=diverse", "random:architecture=small_cnn"]
    simulate(toy, names, out=out, **ON_FEATURES)
    config = read_json(out / "config.json")
    assert config["strategies"]["entropy:batch=diverse"]["train"] == {"batch": "diverse"}
    assert config["strategies"]["random:architecture=small_cnn"]["train"]["architecture"] == "small_cnn"
    assert config["strategies"]["random:architecture=small_cnn"]["train"]["learning_rate"] == 0.1  # that network's, not the features'
    top, spread, pixels = (records(out, name, 0)[0] for name in names)
    assert top["labeled"] == spread["labeled"] == pixels["labeled"]
    assert (top["train"]["batch"], spread["train"]["batch"]) == ("top", "diverse")
    assert top["metrics"] == spread["metrics"]  # the first model is the same, the query is not
    assert top["query"]["ids"] != spread["query"]["ids"]
    assert pixels["train"]["architecture"] == "small_cnn"


def test_parameters_of_a_strategy_are_what_was_measured_on_features(toy: Path, tmp_path: Path):
    out = tmp_path / "out"
    simulate(toy, ["mal", "mal:minimax=true"], out=out, **{**ON_FEATURES, "rounds": 1})
    config = read_json(out / "config.json")
    assert config["strategies"]["mal"]["params"]["minimax"] is False
    assert config["strategies"]["mal:minimax=true"]["params"]["minimax"] is True


def test_what_a_query_asks_for_is_the_same_for_all(toy: Path, tmp_path: Path):
    with pytest.raises(BadInput, match="query_unit"):
        simulate(toy, ["random", "entropy:query_unit=tiles"], out=tmp_path / "out", **ON_FEATURES)
    with pytest.raises(BadInput, match=r"batch='best': use one of auto, top, diverse"):
        simulate(toy, ["entropy:batch=best"], out=tmp_path / "out", **ON_FEATURES)


def test_another_batch_is_another_experiment_in_the_same_folder(toy: Path, tmp_path: Path):
    out = tmp_path / "out"
    simulate(toy, ["entropy"], out=out, **{**ON_FEATURES, "rounds": 1})
    with pytest.raises(BadInput, match="made in another way"):
        simulate(toy, ["entropy"], out=out, **{**ON_FEATURES, "rounds": 1, "settings": (*ON_FEATURES["settings"], "batch=top")})
