"""The verb simulate: its arguments, what it answers, what it refuses."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from alcore.cli.main import main
from alcore.cli.simulate import add_arguments, run
from alcore.strategies import forget
from tests.strategies.doubt import write

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")


# ---- the command line's part, and the package's


@pytest.fixture
def toy(make_source, tmp_path) -> Path:
    """40 pool and 16 test images of four classes."""
    return make_source(tmp_path / "toy")


def test_the_verb_takes_its_arguments_and_answers_out_and_runs(toy, tmp_path):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.set_defaults(home=tmp_path / "home")
    sets = [word for setting in SETTINGS for word in ("--set", setting)]
    words = [
        str(toy),
        "--strategies",
        "random,mal:select_by=random",
        "--init",
        "8",
        "--query-size",
        "0.1",
        "--rounds",
        "1",
        "--seeds",
        "0,2",
    ]
    answer = run(parser.parse_args([*words, "--out", str(tmp_path), "--device", "cpu", *sets]), lambda p: None)
    assert answer["out"] == str(tmp_path)
    assert [(r["strategy"], r["seed"], r["round"], r["labeled"]) for r in answer["runs"]] == [
        ("random", 0, 1, 8), ("random", 2, 1, 8), ("mal:select_by=random", 0, 1, 8), ("mal:select_by=random", 2, 1, 8)
    ]  # fmt: skip
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert Path(answer["report"]).is_file()


# ---- simulate


def test_simulate_answers_its_runs_and_called_again_does_nothing_more(digits_source, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    asked = f"simulate {digits_source} --strategies random,mcdal --init 8 --query-size 4 --rounds 2 --seeds 0 --out {out} --set steps=3 --set mcdal.heads=4 --json"
    assert main(asked.split()) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["out"] == str(out)
    assert [(r["strategy"], r["seed"], r["round"], r["labeled"]) for r in said["runs"]] == [("random", 0, 2, 12), ("mcdal", 0, 2, 12)]
    for name in ("results.csv", "queries.jsonl", "config.json", "summary.json", "report.html"):
        assert (out / name).is_file()
    rows = (out / "results.csv").read_text()
    monkeypatch.setattr("alcore.training.turn.turn", None)  # nothing is left to train
    assert main(asked.split()) == 0
    assert json.loads(capsys.readouterr().out) == said
    assert (out / "results.csv").read_text() == rows


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("--strategies best --init 8 --query-size 4 --rounds 1 --seeds 0", "unknown strategy 'best'"),
        ("--strategies random --init 8 --query-size 40 --rounds 3 --seeds 0", "40"),
        ("--preset mal-cifar", "unknown preset 'mal-cifar'"),
        ("--strategies random", "must be given"),
    ],
)
def test_simulate_refuses_before_it_works(rest, words, digits_source, tmp_path, capsys):
    assert main([*f"simulate {digits_source} --out {tmp_path / 'out'} {rest}".split()]) == 2
    said = capsys.readouterr().err.splitlines()
    assert words in said[-1]
    assert said[-1].startswith("alcore: ")


def test_the_workspace_says_which_strategies_there_are_beside_the_librarys(toy, tmp_path, capsys):
    forget()
    write(tmp_path / "home" / "strategies")
    words = ["simulate", str(toy), "--strategies", "doubt", "--init", "8", "--query-size", "4", "--rounds", "1", "--seeds", "0"]
    sets = [word for setting in SETTINGS for word in ("--set", setting)]
    assert main([*words, *sets, "--out", str(tmp_path / "out"), "--home", str(tmp_path / "home"), "--json"]) == 0
    assert [run["strategy"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["doubt"]
    forget()
    assert main([*words, *sets, "--out", str(tmp_path / "out"), "--home", str(tmp_path / "elsewhere"), "--json"]) == 2
    assert "unknown strategy 'doubt'" in capsys.readouterr().err
