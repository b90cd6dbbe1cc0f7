"""Processes that are killed or share the work: what they leave is finished to the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from alcore import strategies
from alcore.errors import AlcoreError, BadInput
from alcore.progress import Progress
from alcore.simulation.conduct import simulate
from tests.house import ROOT
from tests.simulation.toys import but_times
from tests.strategies.doubt import DOUBT, write

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


@pytest.fixture
def own(tmp_path):
    """A strategy in a file, known to this process."""
    strategies.forget()
    path = write(tmp_path / "strategies")
    strategies.look(path.parent)
    yield path
    strategies.forget()


@pytest.mark.slow
def test_processes_know_a_strategy_of_ones_own_by_its_file(toy, tmp_path, own):
    """And give what this process gives, whatever the environment names."""
    names = ["random", "doubt:power=2"]
    one = simulate(toy, names, out=tmp_path / "one", **ASKED)
    two = simulate(toy, names, out=tmp_path / "two", workers=2, **ASKED)
    assert set(two["strategy"]) == set(names)
    pd.testing.assert_frame_equal(but_times(two), but_times(one), check_exact=True)
    config = json.loads((tmp_path / "two" / "config.json").read_text())
    assert config["strategies"]["doubt:power=2"]["code"] == strategies.code_of("doubt")
    assert "code" not in config["strategies"]["random"]


def test_results_of_a_file_that_has_changed_are_not_mixed_with_those_of_before(toy, tmp_path, own):
    asked = {**ASKED, "rounds": 1}
    simulate(toy, ["doubt"], out=tmp_path / "out", **asked)
    before = strategies.code_of("doubt")
    write(own.parent, text=DOUBT.replace("1.0 - seen", "2.0 - seen"))
    with pytest.raises(BadInput, match=f"results made in another way: the file of doubt was {before} and is "):
        simulate(toy, ["doubt"], out=tmp_path / "out", **{**asked, "rounds": 2})
    write(own.parent)
    assert len(simulate(toy, ["doubt"], out=tmp_path / "out", **{**asked, "rounds": 2})) == 2


def test_a_file_that_changes_while_an_experiment_runs_ends_it(toy, tmp_path, own):
    def report(progress: Progress) -> None:
        if "round 1: done" in progress.message:
            write(own.parent, text=DOUBT.replace("1.0 - seen", "2.0 - seen"))

    with pytest.raises(AlcoreError, match="doubt.py has changed since the experiment began: use another --out"):
        simulate(toy, ["doubt"], out=tmp_path / "out", report=report, **ASKED)
    assert [path.name for path in tmp_path.glob("out/runs/*/round-*.json")] == ["round-001.json"]


def test_a_class_without_a_file_needs_one_process(toy, tmp_path, own):
    strategies.add_strategy(type("Mine", (strategies.strategy_named("doubt"),), {"name": "mine"}))
    with pytest.raises(BadInput, match="mine was added in this process and no other one can know it: use workers=1 here, or save it as"):
        simulate(toy, ["random", "mine"], out=tmp_path / "out", workers=2, **ASKED)
    assert not (tmp_path / "out" / "config.json").exists()
    assert len(simulate(toy, ["mine"], out=tmp_path / "out", **ASKED)) == 2
