"""Runs on a Ray cluster of this machine: the rows of one process, whoever is killed in the middle, and whichever machine is lost. Ray is
asked for in requirements.txt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.simulation import cluster
from alcore.simulation.conduct import simulate
from alcore.simulation.runs import Run
from tests.cluster.nodes import machines
from tests.house import ROOT
from tests.simulation.toys import but_times

SETTINGS = ("steps=150", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 3, "seeds": [0], "device": "cpu", "settings": SETTINGS}
STRATEGIES = ["random", "mal"]  # the second is still at work when the first has been made


@pytest.fixture(scope="module", autouse=True)
def alone() -> None:
    """The cluster is one that is started here, whatever the machine knows of."""
    before = os.environ.pop("RAY_ADDRESS", None)
    yield
    if before:
        os.environ["RAY_ADDRESS"] = before


@pytest.fixture(scope="module")
def uninterrupted(toy, tmp_path_factory) -> pd.DataFrame:
    return simulate(toy, STRATEGIES, out=tmp_path_factory.mktemp("uninterrupted"), **ASKED)


def at_work() -> list[int]:
    """Processes of the cluster that make a run."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "cmdline").read_bytes().startswith(b"ray::made"):
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


def records(out: Path) -> int:
    return len(list(out.glob("runs/*/round-*.json")))


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_the_rows_are_those_of_one_process(toy, tmp_path, uninterrupted):
    killed = []

    def report(progress) -> None:
        if not killed and 1 <= records(tmp_path / "out") < 6 and (found := at_work()):
            for process in found:
                os.kill(process, signal.SIGKILL)
            killed.extend(found)

    frame = simulate(toy, STRATEGIES, out=tmp_path / "out", on="ray", report=report, **ASKED)
    assert killed
    pd.testing.assert_frame_equal(but_times(frame), but_times(uninterrupted), check_exact=True)


@pytest.mark.slow
def test_the_run_of_a_machine_that_is_gone_is_gone_on_with_by_another(toy, tmp_path, uninterrupted):
    with machines(1, 1) as (cluster, nodes):
        removed = []

        def report(progress) -> None:
            if not removed and 1 <= records(tmp_path / "out") < 6:
                cluster.remove_node(nodes[1])
                removed.append(nodes[1])

        frame = simulate(toy, STRATEGIES, out=tmp_path / "out", on="ray", report=report, **ASKED)
    assert removed
    pd.testing.assert_frame_equal(but_times(frame), but_times(uninterrupted), check_exact=True)


@pytest.mark.slow
def test_a_killed_driver_is_gone_on_from_by_the_same_command(toy, tmp_path, uninterrupted):
    code = f"""
        from alcore.simulation.conduct import simulate
        if __name__ == "__main__":
            simulate({str(toy)!r}, {STRATEGIES!r}, out={str(tmp_path / "out")!r}, on="ray", **{ASKED!r})
    """
    (tmp_path / "driver.py").write_text(textwrap.dedent(code))
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(tmp_path / "driver.py")], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while records(tmp_path / "out") < 1:
        assert process.poll() is None, process.communicate()[0].decode()
        time.sleep(0.05)
    process.kill()
    process.wait()
    made = records(tmp_path / "out")
    assert 1 <= made < 6
    frame = simulate(toy, STRATEGIES, out=tmp_path / "out", on="ray", **ASKED)
    pd.testing.assert_frame_equal(but_times(frame), but_times(uninterrupted), check_exact=True)


def run_of(folder: Path, **changed) -> Run:
    given = {"strategy": "random", "params": {}, "train": {"architecture": "small_cnn"}, "seed": 0, "rounds": 1, "init": 8}
    given |= {"query_size": 5, "thin": (), "device": "cpu", "config_hash": "", **changed}
    return Run(out=folder, text="random", **given)


def test_what_a_task_answers_when_it_cannot_or_has_a_fault(tmp_path, monkeypatch):
    def refuse(run, *rest) -> None:
        raise AlcoreError("no labels")

    monkeypatch.setattr(cluster, "perform", refuse)
    assert cluster.made(run_of(tmp_path)) == ("refused", "no labels")
    monkeypatch.setattr(cluster, "perform", lambda *rest: 1 / 0)
    kind, (said, trace) = cluster.made(run_of(tmp_path))
    assert (kind, said) == ("broken", "ZeroDivisionError: division by zero")
    assert "Traceback" in trace
    seen = []
    monkeypatch.setattr(cluster, "perform", lambda run, *rest: seen.append(run.device))
    assert cluster.made(run_of(tmp_path, device="cuda:3")) == ("done", None)
    assert seen == ["cuda:0"]


def test_without_ray_it_is_said_before_anything_is_read(tmp_path, toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match="ray is not installed: pip install ray==2.60.0"):
        simulate(toy, ["random"], out=tmp_path / "out", on="ray", **ASKED)
    assert not (tmp_path / "out" / "data").exists()
    with pytest.raises(BadInput, match="on = 'slurm' cannot be: use ray"):
        simulate(toy, ["random"], out=tmp_path / "out", on="slurm", **ASKED)
