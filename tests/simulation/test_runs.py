"""A run that fails stops no other and keeps its words; a person who cancels stops all."""

from __future__ import annotations

import pandas as pd
import pytest

from alcore.errors import AlcoreError, Cancelled
from alcore.simulation import runs
from alcore.simulation.conduct import simulate
from tests.simulation.toys import but_times

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


class Stop(Exception):
    pass


def test_a_report_that_raises_in_the_middle_leaves_a_run_that_goes_on(toy, tmp_path):
    whole = simulate(toy, ["random", "mal"], out=tmp_path / "whole", **ASKED)
    stops = iter([("random, seed 0, round 1", 3), ("random, seed 0, round 2", 2), ("mal, seed 0, round 2", 5)])
    at, steps = next(stops), [0]

    def stop(progress):
        if at and progress.message.startswith(at[0]) and ": training" in progress.message:
            steps[0] += 1
            if steps[0] == at[1]:
                raise Stop

    while at:
        with pytest.raises(Stop):
            simulate(toy, ["random", "mal"], out=tmp_path / "cut", **ASKED, report=stop)
        at, steps = next(stops, None), [0]
    assert list(tmp_path.glob("cut/runs/*/work-*/checkpoint.pt"))
    cut = simulate(toy, ["random", "mal"], out=tmp_path / "cut", **ASKED)
    pd.testing.assert_frame_equal(but_times(cut), but_times(whole), check_exact=True)
    assert list(tmp_path.glob("cut/runs/*/work-*")) == []
    assert (tmp_path / "cut/queries.jsonl").read_text() == (tmp_path / "whole/queries.jsonl").read_text()


def test_a_run_that_fails_does_not_stop_the_others(toy, tmp_path, monkeypatch):
    honest = runs.turn

    def turn(order, *rest, **named):
        if order.strategy == "mcdal":
            raise AlcoreError("training diverged: loss is nan")
        return honest(order, *rest, **named)

    monkeypatch.setattr(runs, "turn", turn)
    with pytest.raises(
        AlcoreError,
        match=r"1 of 2 runs failed \(the others are complete, the same command tries these again\), the first is mcdal, seed 0: training diverged",
    ):
        simulate(toy, ["mcdal", "random"], out=tmp_path, **ASKED)
    assert pd.read_csv(tmp_path / "results.csv")["strategy"].tolist() == ["random", "random"]


def test_a_bug_in_a_run_keeps_its_traceback_and_names_the_run(toy, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(runs, "turn", broken)
    with pytest.raises(ZeroDivisionError, match="a bug") as caught:
        simulate(toy, ["random"], out=tmp_path, **ASKED)
    assert caught.traceback[-1].name == "broken"
    assert "the first is random, seed 0: a bug" in caught.value.__notes__[0]


def test_a_person_who_cancels_stops_all_runs(toy, tmp_path):
    def cancel(progress):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        simulate(toy, ["random", "entropy"], out=tmp_path, **ASKED, report=lambda p: cancel(p) if p.stage == "simulating" else None)
    assert list(tmp_path.glob("runs/*/round-*.json")) == []
