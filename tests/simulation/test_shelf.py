"""Experiments in a folder: what is told of them is what their files say, also while records land."""

from __future__ import annotations

import json
import os
import shutil

import pandas as pd
import pytest

from alcore.errors import BadInput
from alcore.simulation import shelf
from alcore.simulation.records import record_path, run_folder
from alcore.simulation.shelf import Kept
from tests.simulation.toys import records

NAMES = ["random", "mcdal", "mal:select_by=random+minimax=false"]


def test_the_newest_come_first_and_files_are_no_experiments(tmp_path):
    assert shelf.names(tmp_path / "nowhere") == []
    for age, name in enumerate(("b", "a", "c")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "note.txt").touch()
    assert shelf.names(tmp_path) == ["b", "a", "c"]


def test_a_finished_one_says_what_its_tables_say(done):
    out, frame = done
    kept = Kept.of(out)
    assert (kept.finished, kept.planned) == (18, 18)
    pd.testing.assert_frame_equal(kept.frame(), frame)
    said = json.loads((out / "summary.json").read_text())
    assert kept.summary()["strategies"] == said["strategies"]
    assert [kept.called(text) for text in NAMES] == ["Random", "MCDAL", NAMES[2]]
    took = frame[frame["strategy"] == "mcdal"]
    training, rest = kept.seconds()["mcdal"]
    assert training == pytest.approx(took["train_seconds"].mean())
    assert rest == pytest.approx((took["evaluate_seconds"] + took["score_seconds"] + took["select_seconds"]).mean())


def test_queries_are_the_ids_of_the_records(done):
    out, _ = done
    found = Kept.of(out).queries(7, 2)
    assert found == {name: records(out, name, 7)[1]["query"]["ids"] for name in NAMES}
    assert found["random"] != found["mcdal"]
    assert Kept.of(out).queries(3, 1) == {}


def test_records_are_seen_as_they_land_and_what_was_read_is_kept(done, tmp_path):
    out = tmp_path / "grows"
    assert Kept.of(out) is None
    shutil.copytree(done[0], out, ignore=lambda folder, names: ["data", "runs"] if folder == str(done[0]) else [])
    kept = Kept.of(out)
    assert (kept.finished, len(kept.frame())) == (0, 0)
    assert kept.summary()["strategies"] == {}
    for number in (1, 2):
        there = run_folder(out, "random", 0)
        there.mkdir(parents=True, exist_ok=True)
        shutil.copy(record_path(run_folder(done[0], "random", 0), number), record_path(there, number))
        again = Kept.of(out, kept)
        assert again is kept
        assert (kept.finished, kept.frame()["labeled"].tolist()) == (number, [8, 13][:number])
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**config, "rounds": 9}))
    os.utime(out / "config.json", ns=(1, 1))
    assert Kept.of(out, kept).planned == 54


def test_a_damaged_one_is_told(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadInput, match="is damaged"):
        Kept.of(tmp_path)
