"""The notebook of an experiment is one, runs in Jupyter's kernel, and makes the rows that the experiment made."""

from __future__ import annotations

import json
import os

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from alcore.simulation.asking import Asked
from alcore.simulation.notebook import notebook_of
from tests.house import ROOT
from tests.simulation.conftest import SETTINGS
from tests.simulation.toys import but_times

SECONDS = 240  # that a cell may take, on a loaded machine too


@pytest.mark.slow
def test_it_runs_and_gives_the_same_rows(done, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
    names = ("random", "mcdal", "mal:select_by=random+minimax=false")
    asked = Asked(str(toy), names, 8, 5, 3, (0, 7), settings=SETTINGS, device="cpu")
    notebook = nbformat.reads(notebook_of(asked, "again"), as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    again = pd.read_csv(tmp_path / "again" / "results.csv")
    before = pd.read_csv(done[0] / "results.csv")
    pd.testing.assert_frame_equal(but_times(again), but_times(before))
    printed = "".join(
        out.text for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs if out.output_type == "stream"
    )
    said = json.loads((done[0] / "summary.json").read_text())["strategies"]["mcdal"]["difference"]["area"]
    assert f"mcdal {said['mean']} {said['low']} {said['high']} n = 2" in printed


def test_it_names_the_command_line_and_every_argument():
    text = notebook_of(Asked("set", ("random",), 8, 4, 2, (0,)), "small")
    cells = json.loads(text)["cells"]
    assert "".join(cells[0]["source"]).startswith("# small\n")
    assert "python -m alcore simulate set --strategies random --init 8 --query-size 4 --rounds 2 --seeds 0 --out small" in "".join(
        cells[0]["source"]
    )
    assert "    source='set',\n    strategies=['random'],\n    init=8,\n" in "".join(cells[1]["source"])
