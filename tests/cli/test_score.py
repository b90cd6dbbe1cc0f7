"""The verb `score`, and where work may be spread, as people call it."""

from __future__ import annotations

import csv
import json
import sys

import pytest

from alcore.cli.main import main

SET = ["--set", "steps=12", "--set", "batch_size=8"]


@pytest.fixture
def run(home, capsys):
    """`run(verb, ..., code=0)` gives the JSON answer, or with code 2 the line on stderr."""

    def call(*arguments: object, code: int = 0):
        capsys.readouterr()
        assert main([*map(str, arguments), "--home", str(home), "--json"]) == code
        captured = capsys.readouterr()
        return captured.err.splitlines()[-1] if code else json.loads(captured.out)

    return call


@pytest.fixture
def trained(run, digits_source):
    """A project "toy" after a round of margin, which asked for 3 of 28."""
    run("import", digits_source, "--project", "toy")
    run("label", "--project", "toy", "--from-truth", 12)
    run("train", "--project", "toy", "--strategy", "margin", "--query-size", 3, "--device", "cpu", *SET)
    return run


def test_a_table_of_the_pool_is_written_and_what_would_be_asked_for_is_told(trained, tmp_path):
    out = tmp_path / "scores.csv"
    told = trained("score", "--project", "toy", "--query-size", 4, "--csv", out, "--device", "cpu")
    assert (told["project"], told["round"], told["strategy"], told["images"], told["out"]) == ("toy", 1, "margin", 28, str(out))
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "id", "total", "entropy", "margin", "confidence", "rank", "asked", "prediction"]
    assert [int(row["rank"]) for row in rows] == list(range(1, 29))
    totals = [float(row["total"]) for row in rows]
    assert totals == sorted(totals, reverse=True)
    assert [int(row["asked"]) for row in rows] == [1, 2, 3, 4] + [0] * 24
    assert [entry["path"] for entry in told["query"]] == [row["path"] for row in rows[:4]]
    asked = trained("query", "--project", "toy")["items"]
    assert [entry["id"] for entry in told["query"]][:3] == [item["id"] for item in asked]
    assert told["query"][0]["total"] == pytest.approx(asked[0]["scores"]["total"])


def test_what_cannot_be_is_refused_before_anything_is_done(trained, tmp_path, monkeypatch):
    nowhere = tmp_path / "nowhere" / "scores.csv"
    assert trained("score", "--project", "toy", "--csv", nowhere, code=2) == (
        f"alcore: {nowhere} cannot be written: there is no folder {nowhere.parent}"
    )
    assert "no round 7" in trained("score", "--project", "toy", "--round", 7, code=2)
    cure = "is about a cluster: add --on ray"
    assert cure in trained("score", "--project", "toy", "--workers", 2, code=2)
    assert cure in trained("features", "--project", "toy", "--workers", 2, code=2)
    monkeypatch.setitem(sys.modules, "ray", None)
    for verb in ("score", "features"):
        assert "ray is not installed: pip install ray==2.60.0" in trained(verb, "--project", "toy", "--on", "ray", code=2)
