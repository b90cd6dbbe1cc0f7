"""The table and the figure of an experiment's evidence, from a summary written by hand."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import evidence


def told(name: str, means: list[float], difference: dict | None) -> dict:
    points = [{"labeled": 50 * (at + 1), "mean": mean, "std": 0.01, "n": 6} for at, mean in enumerate(means)]
    seconds = {"train": 1.5, "score": 0.25, "select": 0.05}
    area = {"mean": sum(means) / len(means), "std": 0.01, "n": 6}
    return {"n": 6, "points": points, "area": area, "difference": difference, "seconds": seconds, "semi_supervised": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    better = {"area": {"mean": 0.021, "low": 0.01, "high": 0.032, "p": 0.031, "p_holm": 0.0625}, "points": []}
    summary = {
        "metric": "accuracy",
        "labeled": [50, 100, 150, 200],
        "baseline": "random",
        "strategies": {
            "random": told("random", [0.5, 0.6, 0.7, 0.75], None),
            "margin": told("margin", [0.5, 0.65, 0.76, 0.8], better),
        },
        "labels_to_target": {
            "target": 0.75,
            "at": 200,
            "strategies": {"random": {"labels": 200.0, "fewer": 0.0}, "margin": {"labels": 145.5, "fewer": 0.2727}},
        },
    }
    config = {
        "dataset": "toy",
        "strategies": {"random": {"params": {}, "train": {}}, "margin": {"params": {}, "train": {"batch": "diverse"}}},
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_the_table_has_the_best_first_with_its_interval_and_the_labels_it_needs(folder: Path):
    lines = evidence.table(evidence.kept(folder)).splitlines()
    assert lines[0].startswith("| strategy | seeds | at 100 | at 100 | at 200 |")
    assert lines[2] == "| `margin` | 6 | 65.0 | 65.0 | 80.0 | +2.1 (+1.0 to +3.2) | 0.062 | 146 (27 % fewer) |"
    assert lines[3] == "| `random` | 6 | 60.0 | 60.0 | 75.0 | - | - | 200 (0 % fewer) |"


def test_what_never_gets_there_says_so(folder: Path):
    summary = json.loads((folder / "summary.json").read_text())
    summary["labels_to_target"]["strategies"]["margin"] = {"labels": None, "fewer": None}
    (folder / "summary.json").write_text(json.dumps(summary))
    assert "| not reached |" in evidence.table(evidence.kept(folder))


def test_the_figure_is_an_svg_with_a_curve_a_strategy(folder: Path):
    drawn = ET.fromstring(evidence.drawing(evidence.kept(folder)))
    lines = [e for e in drawn if e.tag.endswith("polyline")]
    assert len(lines) == 2
    first, last = (tuple(map(float, point.split(","))) for point in (lines[1].get("points") or "").split()[::3])
    assert first == (evidence.LEFT, evidence.BOTTOM)  # 50 %, the lowest
    assert last == (evidence.RIGHT, evidence.TOP)  # 80 %, the highest


def test_what_is_written_down_says_how_it_was_made(folder: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "RESULTS", tmp_path / "results")
    assert evidence.main([f"toy={folder}"]) == 0
    written = json.loads((tmp_path / "results" / "features-toy.json").read_text())
    assert written["strategies"]["margin"]["own"] == {"params": {}, "train": {"batch": "diverse"}}
    assert written["made"]["dataset"] == "toy"
    assert "`margin`" in capsys.readouterr().out
