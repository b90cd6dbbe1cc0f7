"""Several processes at one training: shares, averages, the same losses and the same query as one process, and one that is lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from alcore.errors import AlcoreError, BadInput
from alcore.nets.crew import LOST, Crew, crew, joined
from tests.house import ROOT
from tests.nets.crewed import NAMES

CPU = torch.device("cpu")


def start(task: str, folder: Path, size: int) -> None:
    """`size` processes of crewed.py, until they end."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = []
    for rank in range(size):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        env = {**os.environ, "OMP_NUM_THREADS": "1", **({key: str(value) for key, value in place.items()} if size > 1 else {})}
        command = [sys.executable, "-m", "tests.nets.crewed", task, str(folder)]
        started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    for process in started:
        said = process.communicate()[0]
        assert process.returncode == 0, said


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_and_ask_for_the_same(tmp_path):
    start("rounds", tmp_path / "one", 1)
    start("rounds", tmp_path / "two", 2)
    for name in NAMES:
        alone, together = (json.loads((tmp_path / which / name / "found.json").read_text()) for which in ("one", "two"))
        last = {(stage, loss): value for stage, _, loss, value in alone["losses"]}
        theirs = {(stage, loss): value for stage, _, loss, value in together["losses"]}
        assert last.keys() == theirs.keys()
        for key, value in last.items():
            assert theirs[key] == pytest.approx(value, rel=1e-4, abs=1e-5), (name, key)
        assert together["ids"] == alone["ids"]
        np.testing.assert_allclose(together["logits"], alone["logits"], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(together["total"], alone["total"], rtol=1e-3, atol=1e-4)
        assert together["query"] == alone["query"]
        assert together["metrics"] == pytest.approx(alone["metrics"], rel=1e-4)


@pytest.mark.slow
def test_masks_count_by_their_pixels_and_a_process_that_ends_is_told_of(tmp_path):
    start("masks", tmp_path / "one", 1)
    start("masks", tmp_path / "two", 2)
    alone, together = (json.loads((tmp_path / which / "masks.json").read_text()) for which in ("one", "two"))
    assert together["gradient"] == pytest.approx(alone["gradient"], rel=1e-5, abs=1e-7)
    assert together["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    start("left", tmp_path / "left", 2)
    assert (tmp_path / "left" / "said.txt").read_text() == LOST


def test_a_share_has_each_position_with_its_counterpart_from_the_end():
    shares = [Crew(rank, 3).share(12) for rank in range(3)]
    assert [share.tolist() for share in shares] == [[0, 3, 8, 11], [1, 4, 7, 10], [2, 5, 6, 9]]
    assert all(sorted(11 - p for p in share.tolist()) == share.tolist() for share in shares)
    assert Crew().share(12) == slice(None)


def test_alone_nothing_is_waited_for(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with joined() as own:
        assert own == crew() == Crew()
        own.tell({"order": 1})
        weight = nn.Parameter(torch.ones(2))
        weight.grad = torch.tensor([1.0, 2.0])
        own.average([weight])
        assert weight.grad.tolist() == [1, 2]
        assert own.mean(torch.tensor([3.0])).item() == 3
        assert own.gather({"a": np.arange(3)}, [3])["a"].tolist() == [0, 1, 2]
    assert [part.tolist() for part in Crew(1, 2).parts(np.arange(5))] == [[0, 1, 2], [3, 4]]
    assert Crew(3, 4, 1).device(torch.device("cuda:0")) == torch.device("cuda:1")
    assert Crew(3, 4, 1).device(CPU) == CPU


def test_what_cannot_be_shared_out_is_refused_before_work_starts():
    Crew().check(nn.BatchNorm2d(3), 7, CPU)
    with pytest.raises(BadInput, match="batches of 10 cannot be shared out evenly among 2 processes: use a batch_size that 4 divides"):
        Crew(0, 2).check(nn.Linear(3, 3), 10, CPU)
    with pytest.raises(BadInput, match="batch normalization is shared out among GPUs only"):
        Crew(0, 2).check(nn.Sequential(nn.BatchNorm2d(3)), 8, CPU)
    Crew(0, 2).check(nn.Sequential(nn.BatchNorm2d(3)), 8, torch.device("cuda"))


def test_processes_that_do_not_find_each_other_are_told_so(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AlcoreError, match="do not find each other.*Start them with torchrun"), joined():
        pass
