"""Processes that are killed or share the work: what they leave is finished to the same numbers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from alcore.simulation.conduct import simulate
from tests.house import ROOT
from tests.simulation.toys import but_times

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


def script(toy: Path, out: Path, workers: int) -> subprocess.Popen:
    """The experiment in a process of its own; it says READY once it trains round 2, and stays there until it is ended."""
    code = f"""
        import time
        from alcore.simulation.conduct import simulate
        def report(p):
            if "round 2: training" in p.message:
                print("READY", flush=True)
                time.sleep(60)
        if __name__ == "__main__":
            simulate({str(toy)!r}, ["random", "entropy"], init=8, query_size=5, rounds=2, seeds=[0], device="cpu", workers={workers},
                     settings={SETTINGS!r}, out={str(out)!r}, report=report)
    """
    file = out.parent / f"{out.name}.py"
    file.write_text(textwrap.dedent(code))
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(file)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def uninterrupted(toy, tmp_path_factory) -> pd.DataFrame:
    return simulate(toy, ["random", "entropy"], out=tmp_path_factory.mktemp("uninterrupted"), **ASKED)


@pytest.mark.slow
def test_a_killed_process_leaves_what_the_same_command_finishes(toy, tmp_path, uninterrupted):
    process = script(toy, tmp_path / "out", 1)
    assert process.stdout.readline() == "READY\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    made = len(list(tmp_path.glob("out/runs/*/round-*.json")))
    assert 1 <= made < 4
    frame = simulate(toy, ["random", "entropy"], out=tmp_path / "out", **ASKED)
    pd.testing.assert_frame_equal(but_times(frame), but_times(uninterrupted), check_exact=True)


@pytest.mark.slow
def test_two_workers_give_what_one_gives_and_a_terminated_one_is_finished(toy, tmp_path, uninterrupted):
    process = script(toy, tmp_path / "out", 2)
    assert process.stdout.readline() == "READY\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "out" / "results.csv").is_file()
    frame = simulate(toy, ["random", "entropy"], out=tmp_path / "out", **ASKED, workers=2)
    pd.testing.assert_frame_equal(but_times(frame), but_times(uninterrupted), check_exact=True)
