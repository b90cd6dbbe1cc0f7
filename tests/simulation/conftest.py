"""What the tests of simulation share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from alcore.simulation.conduct import simulate

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


@pytest.fixture(scope="module")
def toy(make_source, tmp_path_factory) -> Path:
    """40 pool and 16 test images of four classes."""
    return make_source(tmp_path_factory.mktemp("toy") / "toy")


@pytest.fixture(scope="module")
def done(toy, tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """A finished experiment, which no test changes."""
    out = tmp_path_factory.mktemp("done")
    names = ["random", "mcdal", "mal:select_by=random+minimax=false"]
    return out, simulate(toy, names, out=out, **{**ASKED, "rounds": 3, "seeds": [0, 7]})
