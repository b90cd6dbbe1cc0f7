"""The oracle experiment: its protocol, what stays equal when it is killed, extended or spread over processes, what it refuses.

Longer than 400 lines: one finished experiment serves most of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import alcore
from alcore.errors import BadInput
from alcore.simulation import oracle, runs
from alcore.simulation.conduct import simulate
from alcore.simulation.experiment import initial, round_seeds
from alcore.simulation.oracle import Data
from alcore.simulation.records import COLUMNS, ids_hash
from tests.simulation.toys import but_times, records

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


# ---- the protocol


def test_all_strategies_of_a_seed_start_from_the_same_labels(done):
    _, frame = done
    first = frame[frame["round"] == 1]
    assert first.groupby("seed")["init_hash"].nunique().tolist() == [1, 1]
    assert first["init_hash"].nunique() == 2
    assert first["init_hash"].equals(first["init_hash"])
    assert (frame["labeled"] == 8 + 5 * (frame["round"] - 1)).all()


def test_supervised_strategies_share_their_first_model_to_the_digit(done):
    _, frame = done
    first = frame[frame["round"] == 1].set_index(["strategy", "seed"])
    for seed in (0, 7):
        ours, theirs = first.loc[("mcdal", seed)], first.loc[("random", seed)]
        assert [ours[c] for c in ("value", "loss", "fitted_loss")] == [theirs[c] for c in ("value", "loss", "fitted_loss")]
        assert ours["query_hash"] != theirs["query_hash"]


def test_labeled_and_unlabeled_partition_the_pool_in_every_round(done):
    out, frame = done
    data = Data.load(out / "data")
    for strategy, seed in frame[["strategy", "seed"]].drop_duplicates().itertuples(index=False):
        labeled = initial(data.pool, 8, seed)
        for number, record in enumerate(records(out, strategy, seed), 1):
            assert record["labeled"]["ids"] == labeled.tolist()
            assert record["labeled"]["hash"] == ids_hash(labeled)
            pool, _ = data.round_pool(labeled)
            assert sorted([*pool.labeled.tolist(), *pool.unlabeled.tolist()]) == data.pool.tolist()
            assert record["scoring"]["scored"] == 40 - len(labeled)
            queried = record["query"]["ids"]
            assert len(set(queried)) == 5
            assert set(queried) <= set(pool.unlabeled.tolist())
            assert record["seeds"] == {"run": seed, **vars(round_seeds(seed, number))}
            labeled = np.union1d(labeled, queried)


def test_the_oracle_answers_with_the_sources_labels(done):
    out, _ = done
    data = Data.load(out / "data")
    listed = pd.read_csv(out / "data" / "items.csv", dtype={"truth": str})
    for row in listed.itertuples():
        kind = Path(row.path).parent.name
        assert row.truth == kind
        assert data.truth(np.array([row.id])).tolist() == [data.facts["classes"].index(kind)]
    record = records(out, "random", 0)[0]
    kinds = listed.set_index("id").loc[record["query"]["ids"], "truth"].astype(int)
    assert record["query_histogram"] == np.bincount(kinds, minlength=4).tolist()


def test_a_round_is_recorded_whole(done):
    out, _ = done
    record = records(out, "mal:select_by=random+minimax=false", 0)[1]
    assert record["params"]["select_by"] == "random"
    assert record["params"]["minimax"] is False
    assert record["unlabeled_touched_task_model"] is False  # without the game, F never learns from them
    assert records(out, "mal:select_by=random+minimax=false", 0)[1]["scoring"]["transforms"] == "none"
    assert record["optimizers"]["game"]["class"] == "Adam"
    assert record["optimizers"]["task"]["groups"][0]["momentum"] == 0.9
    assert [group["initial_lr"] for group in record["optimizers"]["task"]["groups"]] == [0.01, 0.05]
    assert record["samples"] == record["steps"] * 8
    assert record["steps"] == sum(stage["steps"] for stage in record["stages"])
    assert {"python", "torch", "torchvision", "numpy", "cudnn", "gpu", "deterministic", "matmul_precision", "threads", "commit"} <= set(
        record["environment"]
    )
    entropy = record["score_quantiles"]["entropy"]
    assert list(entropy.values()) == sorted(entropy.values())
    assert len(record["query"]["scores"]["entropy"]) == 5
    assert record["parameters"]["all"] > record["parameters"]["task_model"] > 90_000


def test_the_tables_say_what_the_records_say(done):
    out, frame = done
    assert tuple(frame.columns) == COLUMNS
    pd.testing.assert_frame_equal(pd.read_csv(out / "results.csv"), frame, check_exact=True)
    lines = [json.loads(line) for line in (out / "queries.jsonl").read_text().splitlines()]
    assert [(q["strategy"], q["seed"], q["round"]) for q in lines] == list(
        frame[["strategy", "seed", "round"]].itertuples(index=False, name=None)
    )
    assert [ids_hash(np.array(q["ids"])) for q in lines] == frame["query_hash"].tolist()
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["finished"], summary["planned"]) == (18, 18)
    assert summary["strategies"]["mal:select_by=random+minimax=false"]["semi_supervised"] is False
    assert summary["strategies"]["mcdal"]["difference"]["points"][0]["mean"] == 0.0
    config = json.loads((out / "config.json").read_text())
    assert (config["init"], config["query_size"], config["rounds"], config["seeds"]) == (8, 5, 3, [0, 7])
    assert config["train"]["steps"] == 6
    assert config["environment"]["torch"]
    assert "mal:select_by=random+minimax=false" in (out / "report.html").read_text()


# ---- again, more, and elsewhere


def test_the_same_command_again_trains_nothing(done, toy, monkeypatch):
    out, frame = done
    monkeypatch.setattr(runs, "turn", None)
    monkeypatch.setattr(oracle, "gather", None)
    again = simulate(toy, list(dict.fromkeys(frame["strategy"])), out=out, **{**ASKED, "rounds": 3, "seeds": [0, 7]})
    pd.testing.assert_frame_equal(again, frame, check_exact=True)


def test_strategies_seeds_and_rounds_extend_what_is_there(toy, tmp_path):
    simulate(toy, ["random"], out=tmp_path / "a", **{**ASKED, "rounds": 1})
    trained = []

    def watch(progress):
        if progress.message.endswith("done"):
            trained.append(progress.message)

    more = simulate(toy, ["random", "entropy"], out=tmp_path / "a", **{**ASKED, "seeds": [0, 1]}, report=watch)
    assert len(trained) == 7
    assert "random, seed 0, round 1: done" not in trained
    whole = simulate(toy, ["random", "entropy"], out=tmp_path / "b", **{**ASKED, "seeds": [0, 1]})
    pd.testing.assert_frame_equal(but_times(more), but_times(whole), check_exact=True)
    fewer = simulate(toy, ["entropy"], out=tmp_path / "a", **{**ASKED, "rounds": 1})
    assert len(fewer) == 8  # what is there is kept


def test_the_module_can_be_called_as_the_function_it_holds(tmp_path, toy):
    with pytest.raises(BadInput, match="no strategy is given"):
        alcore.simulate(toy, [], out=tmp_path, **ASKED)
