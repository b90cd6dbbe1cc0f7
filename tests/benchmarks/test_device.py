"""The measurements for a GPU, tried on the CPU in tiny sizes: figures, failures that cost nothing else, limits, the table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from alcore.strategies import STRATEGIES
from benchmarks.device import __main__ as script
from benchmarks.device.record import DeviceLost, Record
from benchmarks.device.table import NOT_MEASURED, table
from tests.house import ROOT

CPU = torch.device("cpu")


def part(name: str, out: Path, only: str) -> dict:
    """What a part's process does, in this one."""
    given = ["--part", name, "--seconds", "60", "--tiny", "--device", "cpu", "--only", only, "--out", str(out), "--commit", "abc"]
    assert script.main(given) == 0
    return json.loads((out / f"cpu-tiny-{name}.json").read_text())


def test_every_part_gives_its_figures_and_the_table_shows_them(tmp_path):
    assert table(tmp_path) == NOT_MEASURED
    expected = {
        "correctness": {"draws", "k-center", "classification mcdal", "segmentation mcdal", "regions", "resume mcdal"},
        "train": {"mcdal", "coreset"},
        "score": {"bare pass", "mcdal", "coreset"},
        "dense": {"mcdal"},
        "cifar": {"mcdal round 1"},
        "photos": {"mcdal round 1"},
    }
    for name, figures in expected.items():
        data = part(name, tmp_path, "mcdal" if name in ("correctness", "cifar", "photos") else "mcdal,coreset")
        assert data["failures"] == {}
        assert set(data["figures"]) == figures
        assert (data["state"], data["part"], data["card"]) == ("done", name, "CPU")
        assert torch.__version__.startswith(data["torch"])
        assert "system" not in data
    assert "accuracy" not in data["figures"]["mcdal round 1"]  # the images are noise
    assert data["images"].startswith("no photos here")
    shown = table(tmp_path)
    assert "tiny sizes" in shown
    assert "| coreset |" in shown
    assert "no CIFAR-10 here" in shown


def test_one_failure_costs_nothing_else(tmp_path, monkeypatch):
    def broken(self, batches):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(STRATEGIES["mcdal"], "step", broken)
    data = part("train", tmp_path, "mcdal,entropy")
    assert set(data["figures"]) == {"entropy"}
    assert data["failures"]["mcdal"][-1] == "RuntimeError: no such kernel"
    assert "| mcdal | failed |" in table(tmp_path)


def test_a_lost_device_ends_the_process_and_the_next_one_goes_on(tmp_path, monkeypatch):
    def lost(device):
        raise DeviceLost("illegal access")

    path, taken = tmp_path / "x.json", []
    first = Record(path, {"part": "x"}, time.monotonic() + 60)
    first.take("a", lambda: {"n": 1}, CPU)
    monkeypatch.setattr("benchmarks.device.record._check_alive", lost)
    with pytest.raises(DeviceLost):
        first.take("b", lambda: 1 / 0, CPU)
    second = Record(path, {"part": "x"}, time.monotonic() + 60)
    for name in "abc":
        second.take(name, lambda name=name: taken.append(name) or {"n": 2}, CPU)
    second.take("late", lambda: {}, CPU, least=100)
    assert taken == ["c"]
    assert (set(second.data["figures"]), set(second.data["failures"]), second.data["left_out"]) == ({"a", "c"}, {"b"}, ["late"])


def run_fake(tmp_path: Path, monkeypatch, code: str, seconds: float) -> tuple[str, Path]:
    """`_run` with a program in the place of the part's process."""
    fake, path = tmp_path / "fake", tmp_path / "part.json"
    fake.write_text(f"#!{sys.executable}\nimport json, os, pathlib, sys, time\npath = pathlib.Path({str(path)!r})\n{code}")
    fake.chmod(0o755)
    monkeypatch.setattr(script, "LEAST", 0.0)
    monkeypatch.setattr(script, "GRACE", 0.1)
    monkeypatch.setattr(script.sys, "executable", str(fake))

    class Args:
        device, out, only, tiny, commit, cifar, photos = "cpu", tmp_path, "mal", True, None, None, None

    return script._run(Args, "train", path, time.monotonic() + seconds, "", {}), path


def test_a_part_that_runs_over_is_stopped(tmp_path, monkeypatch):
    state, _ = run_fake(tmp_path, monkeypatch, "time.sleep(60)", 1.0)
    assert state == "stopped: its time was over"


def test_a_process_that_dies_is_followed_by_one_that_leaves_out_what_killed_it(tmp_path, monkeypatch):
    code = """
if path.exists(): sys.exit(0)
path.write_text(json.dumps({"state": "running", "at": "mal", "figures": {}, "failures": {}, "left_out": []}))
os.abort()
"""
    state, path = run_fake(tmp_path, monkeypatch, code, 20.0)
    assert state == "done"
    assert json.loads(path.read_text())["failures"] == {"mal": ["its process ended with code -6"]}


def test_a_process_that_dies_between_two_measurements_is_not_started_again(tmp_path, monkeypatch):
    assert run_fake(tmp_path, monkeypatch, "sys.exit(3)", 20.0)[0] == "stopped: its process ended with code 3"


@pytest.mark.slow
def test_the_shell_script_runs_parts_in_processes_and_counts_what_failed(tmp_path):
    given = ["--tiny", "--device", "cpu", "--parts", "dense", "--only", "random", "--out", str(tmp_path)]
    ended = subprocess.run(
        [str(ROOT / "benchmarks/device.sh"), *given],
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    data = json.loads((tmp_path / "cpu-tiny-dense.json").read_text())
    assert (data["state"], set(data["figures"])) == ("done", {"random"})
    assert data["command"].startswith("benchmarks/device.sh --tiny")
