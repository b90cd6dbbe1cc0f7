"""The README is run and compared with the code: its Python example, its verbs, strategies and formats."""

from __future__ import annotations

import re
import shlex

import plotly.graph_objects as go
import pytest

from alcore.cli.main import _parser
from alcore.formats import FORMATS
from alcore.simulation.presets import PRESETS
from alcore.strategies import STRATEGIES
from tests.house import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs_as_it_stands(tmp_path, monkeypatch):
    code, in_a_notebook = [code for code in re.findall(r"```python\n(.*?)```", README, re.S) if "import alcore\n" in code]
    shown = []
    monkeypatch.setattr(go.Figure, "show", lambda self: shown.append(self))
    monkeypatch.chdir(ROOT)
    home = f"home={str(tmp_path / 'workspace')!r}"
    code = code.replace('home="workspace"', home)
    code = code.replace(
        "query_size=20, seed=0)", 'query_size=20, seed=0, train={"steps": 40})'
    )  # the example's 600 steps take too long here
    names: dict = {}
    exec(code, names)
    frame = names["frame"]
    assert len(frame) == 1438 - 50
    assert frame["selected"].sum() == 20
    assert frame["rank"].tolist() == list(range(1, len(frame) + 1))
    assert {"id", "path", "entropy", "margin", "confidence", "discrepancy", "total", "rank", "selected", "x", "y"} <= set(frame.columns)
    assert names["project"].status()["labeled"] == 51
    assert len(shown) == 1
    exec(in_a_notebook.replace('home="workspace"', home), names)
    assert (names["labeler"].annotator, names["world"].color, names["world"].selection) == ("ann", "entropy", ())
    assert names["labeler"]._data["round"] == names["project"].round().number
    names["labeler"].close()
    names["world"].close()


def test_the_example_of_points_in_a_plane_runs_as_it_stands():
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", README, re.S) if "alcore.teaching" in code]
    names: dict = {}
    exec(code, names)
    recording = names["recording"]
    assert (recording.steps, len(recording.query)) == (200, 5)
    assert recording.field(step=100)["discrepancy"].shape == (100, 100)


# what stands in each block of Python -> where it is run
PYTHON = {
    "alcore.Project.create": "test_readme.py",
    "alcore.widget": "test_readme.py",
    "alcore.teaching": "test_readme.py",
    "onnxruntime": "project/test_carrying.py",
}


def test_every_block_of_python_is_run_somewhere():
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    for code in blocks:
        assert len([part for part in PYTHON if part in code]) == 1, f"run this in a test and name it in PYTHON:\n{code}"
    assert len(blocks) == len(PYTHON)
    assert all((ROOT / "tests" / file).is_file() for file in PYTHON.values())


def test_every_command_line_of_the_readme_is_understood():
    lines = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("python -m alcore ")]
    parsed = [_parser().parse_args(shlex.split(line)[3:]) for line in lines]
    verbs = {args.verb for args in parsed}
    assert verbs == {
        "quickstart",
        "import",
        "features",
        "train",
        "slice",
        "metadata",
        "query",
        "score",
        "label",
        "status",
        "export",
        "doctor",
        "strategies",
        "simulate",
        "serve",
        "delete",
        "predict",
        "push",
        "account",
        "move-database",
    }


@pytest.mark.parametrize("name", [*STRATEGIES, *FORMATS, *PRESETS])
def test_every_strategy_format_and_preset_is_in_the_readme(name):
    assert f"`{name}`" in README
