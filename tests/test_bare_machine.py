"""A GPU box with torch, torchvision, numpy, pandas and pillow alone trains, simulates and measures. One process does it all: torch takes
seconds to import."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from tests.house import ROOT

TRAINING_SIDE = ("strategies", "nets.backbones", "nets.tasks", "training.turn", "importing.gather", "simulation.conduct", "cli.simulate")
BLOCKED = (
    "streamlit",
    "plotly",
    "umap",
    "sqlalchemy",
    "starlette",
    "safetensors",
    "pillow_heif",
    "numba",
    "sklearn",
    "skimage",
    "scipy",
    "tqdm",
    "timm",
    "huggingface_hub",
    "onnx",
    "onnxruntime",
    "anywidget",
    "ipywidgets",
    "traitlets",
)
SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")


@pytest.fixture(scope="module")
def told(make_source, tmp_path_factory) -> dict[str, Any]:
    """What the process found, part by part; an error of one part keeps none of the others from being tried."""
    toy = make_source(tmp_path_factory.mktemp("bare") / "toy")
    code = f"""
        import contextlib, importlib, json, sys, traceback
        sys.modules.update(dict.fromkeys({BLOCKED!r}))
        told = {{"failed": {{}}}}

        @contextlib.contextmanager
        def part(name):
            try:
                yield
            except BaseException:
                told["failed"][name] = traceback.format_exc()

        with part("training"):
            for name in {TRAINING_SIDE!r}:
                importlib.import_module("alcore." + name)
            from alcore.strategies import STRATEGIES
            told["strategies"] = len(STRATEGIES)
        told["rooms"] = sorted({{m.split(".")[1] for m in sys.modules if m.startswith("alcore.")}})
        with part("simulation"):
            from alcore.simulation.conduct import simulate
            frame = simulate({str(toy)!r}, ["random"], init=8, query_size=5, rounds=1, seeds=[0], device="cpu", settings={SETTINGS!r},
                             out={str(toy.parent / "out")!r})
            told["labeled"] = frame["labeled"].tolist()
        with part("extractors"):
            import torch
            from alcore.extractors import Embedder, extractor_named, families, known_pictures
            told["families"] = len(families())
            told["vectors"] = Embedder(extractor_named("lite0"), torch.device("cpu"))(known_pictures(224)).shape
        with part("measuring"):
            from benchmarks.device import __main__
        print(json.dumps(told))
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_training_side_imports_without_the_apps_libraries(told):
    assert told["failed"].get("training") is None
    assert told["strategies"] >= 5
    assert set(told["rooms"]) & {"storage", "project", "web", "jobs", "door"} == set()


def test_simulations_run_without_the_apps_libraries(told):
    assert told["failed"].get("simulation") is None
    assert told["labeled"] == [8]


def test_the_script_imports_without_the_apps_libraries(told):
    assert told["failed"].get("measuring") is None


def test_extractors_that_need_no_optional_package_work_without_any(told):
    assert told["failed"].get("extractors") is None
    assert told["families"] >= 4
    assert told["vectors"] == [2, 1280]
