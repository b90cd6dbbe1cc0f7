"""The oracle experiment: its protocol, what stays equal when it is killed, extended or spread over processes, what it refuses.

Longer than 400 lines: one finished experiment serves most of them.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import alcore
from alcore.cli.simulate import add_arguments, run
from alcore.errors import AlcoreError, BadInput, Cancelled
from alcore.simulation import oracle, runs
from alcore.simulation.conduct import simulate
from alcore.simulation.experiment import derived, initial, round_seeds
from alcore.simulation.oracle import Data
from alcore.simulation.presets import preset_named
from alcore.simulation.records import COLUMNS, ids_hash, locked, run_folder
from alcore.strategies import STRATEGIES
from tests.house import ROOT

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
TIMES = ["train_seconds", "score_seconds", "select_seconds", "evaluate_seconds"]
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


@pytest.fixture(scope="module")
def toy(make_source, tmp_path_factory) -> Path:
    """40 pool and 16 test images of four classes."""
    return make_source(tmp_path_factory.mktemp("toy") / "toy")


@pytest.fixture(scope="module")
def done(toy, tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """A finished experiment, which no test changes."""
    out = tmp_path_factory.mktemp("done")
    names = ["random", "mcdal", "mal:select_by=random+minimax=false"]
    return out, simulate(toy, names, out=out, **{**ASKED, "rounds": 3, "seeds": [0, 7]})


def but_times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=TIMES).reset_index(drop=True)


def records(out: Path, strategy: str, seed: int) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(run_folder(out, strategy, seed).glob("round-*.json"))]


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
    assert record["optimizers"]["task"]["groups"][0]["initial_lr"] == 0.05
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


def test_seeds_of_different_purposes_and_rounds_differ():
    seeds = [derived(s, purpose, r) for s in range(3) for purpose in ("pool", "model", "order", "acquisition") for r in range(4)]
    assert len(set(seeds)) == len(seeds)
    pool = np.arange(1, 41)
    assert initial(pool, 8, 0).tolist() == sorted(set(initial(pool, 8, 0).tolist()))
    often = np.bincount(np.concatenate([initial(pool, 8, s) for s in range(2000)]), minlength=41)[1:]
    assert abs(often / 2000 - 0.2).max() < 0.04  # each image as likely


def test_shares_of_the_pool_are_numbers_of_images(toy, tmp_path):
    frame = simulate(toy, ["random"], out=tmp_path, **{**ASKED, "init": 0.2, "query_size": 0.1})
    assert frame["labeled"].tolist() == [8, 12]


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


# ---- runs that fail


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


# ---- what is refused, before any training


@pytest.mark.parametrize(("change", "words"), [
    ({"strategies": ["best"]}, "unknown strategy 'best': use one of mal, mcdal"),
    ({"strategies": []}, "no strategy is given"),
    ({"strategies": "mal"}, "strategies = 'mal' is one text: give a list of names"),
    ({"strategies": ["random", "random"]}, "strategies repeat: random"),
    ({"strategies": ["mal:select_by=luck"]}, "parameters of strategy mal:select_by=luck: select_by='luck': use one of both"),
    ({"strategies": ["mal:minimax"]}, "strategy 'mal:minimax': write a variant as mal:parameter=value"),
    ({"settings": ["steps"]}, "--set 'steps': write NAME=VALUE, or STRATEGY.NAME=VALUE"),
    ({"settings": ["mal.minimax=false"]}, r"--set 'mal\.minimax=false': mal is not among the strategies \(random\)"),
    ({"settings": ["speed=9"]}, "parameters of training: speed is not a parameter"),
    ({"settings": ["random.speed=9"]}, "parameters of strategy random: speed is not a parameter"),
    ({"device": "cuda:99"}, "there is no cuda:99 here"),
    ({"init": None}, "init must be given, as --init, or a preset that has it"),
    ({"init": 2.5}, "init = 2.5 cannot be: use a whole number of images, or a share of the pool between 0 and 1"),
    ({"query_size": 0}, "query_size = 0 cannot be"),
    ({"seeds": [3, 1, 3]}, "seeds repeat: 3"),
    ({"seeds": [-1]}, "seed -1 cannot be used: take one from 0 to 4294967295"),
    ({"seeds": []}, "no seed is given"),
    ({"rounds": 0, "workers": 0}, "rounds = 0 cannot be: use at least 1; workers = 0 cannot be"),
    ({"thin": [0.5, 2]}, "thin = 2 cannot be: keep a share above 0 and up to 1"),
    ({"task": "telepathy"}, "unknown task 'telepathy'"),
    ({"hold_out": 1.5}, "hold_out = 1.5 cannot be"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything_is_read(change, words, toy, tmp_path):
    asked = {"strategies": ["random"], **ASKED, **change}
    with pytest.raises(BadInput, match=words):
        simulate(toy, out=tmp_path / "out", **asked)
    assert not (tmp_path / "out" / "data").exists()


@pytest.mark.parametrize(("change", "words"), [
    ({"rounds": 8}, "8 initial labels and 7 queries of 5 are 43 labels, and the pool has 40 images"),
    ({"init": 30, "query_size": 10}, "30 initial labels and 1 queries of 10 are 40 labels"),  # nothing would be left to be queried last
    ({"init": 1}, "the 1 initial labels of seed 0 are all of one class: raise init"),
])  # fmt: skip
def test_sizes_the_pool_has_no_room_for_are_refused_before_training(change, words, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "turn", None)
    with pytest.raises(BadInput, match=words):
        simulate(toy, ["random"], out=tmp_path, **{**ASKED, **change})
    assert not (tmp_path / "config.json").exists()


def test_data_without_truth_or_without_a_test_split_are_refused(toy, write_image, tmp_path):
    for number in range(3):
        write_image(tmp_path / "plain" / f"{number}.png", number)
    with pytest.raises(BadInput, match="has 0 pool images with a class, of 0 classes"):
        simulate(tmp_path / "plain", ["random"], out=tmp_path / "a", **ASKED)
    with pytest.raises(BadInput, match="has no test split with labels: give one, or hold a share out with --hold-out"):
        simulate(toy / "train", ["random"], out=tmp_path / "b", **ASKED, hold_out=0.0)
    with pytest.raises(BadInput, match="there is no .*nowhere"):
        simulate(tmp_path / "nowhere", ["random"], out=tmp_path / "c", **ASKED)


@pytest.mark.parametrize(("change", "words"), [
    ({"init": 9}, "init was 8 and is 9"),
    ({"query_size": 6}, "query_size was 5 and is 6"),
    ({"settings": [*SETTINGS, "steps=7"]}, "train steps was 6 and is 7"),
    ({"settings": [*SETTINGS, "mcdal.heads=4"]}, "mcdal heads was 2 and is 4"),
    ({"image_size": 16}, "image_size was 8 and is 16"),
])  # fmt: skip
def test_a_folder_with_other_results_is_refused_by_what_differs(change, words, done, toy):
    out, _ = done
    before = {path: path.read_bytes() for path in out.glob("*.*")}
    with pytest.raises(BadInput, match=f"holds results made in another way: .*{words}.* Use another --out"):
        simulate(toy, ["random", "mcdal"], out=out, **{**ASKED, **change})
    assert {path: path.read_bytes() for path in out.glob("*.*")} == before
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["data", "runs"]


def test_other_images_are_refused_and_the_same_ones_moved_are_not(toy, make_source, tmp_path):
    simulate(toy, ["random"], out=tmp_path / "out", **{**ASKED, "rounds": 1})
    other = make_source(tmp_path / "other", train=11)
    with pytest.raises(BadInput, match="fingerprint was .* and is "):
        simulate(other, ["random"], out=tmp_path / "out", **ASKED)
    moved = make_source(tmp_path / "moved")
    assert len(simulate(moved, ["random"], out=tmp_path / "out", **ASKED)) == 2


def test_a_preset_gives_what_is_not_given_and_arguments_win(toy, tmp_path):
    named = preset_named("mcdal-cifar10")
    asked = {"init": 8, "rounds": 1, "seeds": [4], "device": "cpu", "settings": ["architecture=small_cnn", "steps=2", "batch_size=4"]}
    frame = simulate(toy, ["random", "vaal"], out=tmp_path, preset="mcdal-cifar10", train={"rotation": 0}, image_size=16, **asked)
    assert frame[["strategy", "seed", "labeled"]].values.tolist() == [["random", 4, 8], ["vaal", 4, 8]]
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["query_size"] == round(named.query_size * 40) == 2
    assert config["image_size"] == 16
    assert (config["train"]["steps"], config["train"]["rotation"], config["train"]["warmup"]) == (2, 0, named.train["warmup"])
    assert config["strategies"]["vaal"]["params"]["width"] == named.params["vaal"]["width"]
    assert config["protocol"]["title"] in (tmp_path / "report.html").read_text()


def test_a_thinned_pool_keeps_its_share_of_each_class(toy, tmp_path):
    simulate(toy, ["random"], out=tmp_path, **{**ASKED, "rounds": 1}, thin=[0.5, 1])
    data = Data.load(tmp_path / "data", [0.5, 1])
    assert sorted(np.bincount(data.truth(data.pool))) == [5, 5, 10, 10]
    assert len(data.test) == 16
    labeled = records(tmp_path, "random", 0)[0]["labeled"]["ids"]
    assert set(labeled) <= set(data.pool.tolist())
    with pytest.raises(BadInput, match=r"thin was \[0\.5, 1\] and is \[\]"):
        simulate(toy, ["random"], out=tmp_path, **ASKED)


def test_networks_that_cannot_be_made_are_told_before_training(toy, tmp_path):
    with pytest.raises(BadInput, match=r"nowhere\.pt"):
        simulate(toy, ["random"], out=tmp_path / "a", **{**ASKED, "settings": [*SETTINGS, "weights=nowhere.pt"]})
    assert not (tmp_path / "a" / "config.json").exists()


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


# ---- the command line's part, and the package's


def test_the_verb_takes_its_arguments_and_answers_out_and_runs(toy, tmp_path):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
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


def test_the_module_can_be_called_as_the_function_it_holds(tmp_path, toy):
    with pytest.raises(BadInput, match="no strategy is given"):
        alcore.simulate(toy, [], out=tmp_path, **ASKED)


def test_folders_of_runs_differ_where_texts_differ(tmp_path):
    texts = [*STRATEGIES, "mal:a=1", "mal-a=1", "MAL", "../../etc", "a" * 200, "a" * 201]
    folders = {run_folder(tmp_path, text, 0) for text in texts}
    assert len(folders) == len(texts)
    assert {folder.parent for folder in folders} == {tmp_path / "runs"}


def test_simulations_run_without_the_apps_libraries(toy, tmp_path):
    blocked = ("streamlit", "plotly", "umap", "sqlalchemy", "starlette", "safetensors", "scipy", "sklearn", "numba", "tqdm")
    code = f"""
        import sys
        sys.modules.update(dict.fromkeys({blocked!r}))
        from alcore.simulation.conduct import simulate
        simulate({str(toy)!r}, ["random"], init=8, query_size=5, rounds=1, seeds=[0], device="cpu", settings={SETTINGS!r}, out={str(tmp_path)!r})
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
