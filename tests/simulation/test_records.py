"""Records and folders of runs: one process at a time, never of another run."""

from __future__ import annotations

import json
import os

import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.simulation.conduct import simulate
from alcore.simulation.records import locked, run_folder
from alcore.strategies import STRATEGIES

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


def test_a_folder_in_use_is_refused_by_its_process(toy, tmp_path):
    with locked(tmp_path / ".lock"), pytest.raises(BadInput, match=f"is in use by process {os.getpid()}: wait until it ends"):
        simulate(toy, ["random"], out=tmp_path, **ASKED)


def test_a_record_of_another_run_is_not_gone_on_from(toy, tmp_path):
    simulate(toy, ["random"], out=tmp_path, **{**ASKED, "rounds": 1})
    path = next(tmp_path.glob("runs/*/round-001.json"))
    record = json.loads(path.read_text())
    record["labeled"]["hash"] = "0" * 16
    path.write_text(json.dumps(record))
    with pytest.raises(AlcoreError, match=r"round-001\.json was made in another way than this run: delete"):
        simulate(toy, ["random"], out=tmp_path, **ASKED)


def test_folders_of_runs_differ_where_texts_differ(tmp_path):
    texts = [*STRATEGIES, "mal:a=1", "mal-a=1", "MAL", "../../etc", "a" * 200, "a" * 201]
    folders = {run_folder(tmp_path, text, 0) for text in texts}
    assert len(folders) == len(texts)
    assert {folder.parent for folder in folders} == {tmp_path / "runs"}
