"""What is asked for is checked before any training: seeds, shares, presets, and what is refused by its words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.simulation import runs
from alcore.simulation.conduct import simulate
from alcore.simulation.experiment import derived, initial
from alcore.simulation.presets import preset_named

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


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


def test_networks_that_cannot_be_made_are_told_before_training(toy, tmp_path):
    with pytest.raises(BadInput, match=r"nowhere\.pt"):
        simulate(toy, ["random"], out=tmp_path / "a", **{**ASKED, "settings": [*SETTINGS, "weights=nowhere.pt"]})
    assert not (tmp_path / "a" / "config.json").exists()
