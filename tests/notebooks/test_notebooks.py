"""Every notebook runs from its first cell to its last in a kernel of Jupyter, in a folder that is not the project's, and is committed without
what it printed. What a notebook claims stands in its own asserts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.house import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 240  # that a cell may take, on a loaded machine too


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_first_round",
        "02_mal_from_the_equations",
        "03_mcdal_from_the_equations",
        "04_compare_strategies",
        "05_segmentation",
        "06_your_own_strategy",
        "07_label_in_the_notebook",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_the_first_cell_to_the_last(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    errors = [out for cell in code for out in cell.outputs if out.output_type == "error"]
    assert errors == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_what_it_printed_and_begins_with_a_title(path: Path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert os.path.getsize(path) < 100_000


@pytest.mark.slow
def test_the_strategy_of_a_notebook_keeps_the_contract_of_the_library(tmp_path: Path):
    """By the command that the notebook and the README give."""
    notebook = nbformat.read(ROOT / "notebooks" / "06_your_own_strategy.ipynb", as_version=4)
    (cell,) = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "class TakingTurns(Strategy):" in cell.source]
    (tmp_path / "turns.py").write_text(cell, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/strategies/test_strategies.py", "-k", "turns"]
    env = {**os.environ, "ALCORE_STRATEGIES": str(tmp_path), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert int(ended.stdout.splitlines()[-1].split(" passed")[0]) >= 30
    for text in (notebook.cells[-1].source, (ROOT / "README.md").read_text(encoding="utf-8")):
        assert "python -m pytest tests/strategies/test_strategies.py -k " in text
