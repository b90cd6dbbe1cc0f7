"""What is asked of an experiment means the same as arguments, as words of the command line and as JSON."""

from __future__ import annotations

import argparse
import json

import pytest

from alcore.cli.simulate import add_arguments
from alcore.errors import BadInput
from alcore.simulation.asking import Asked

FULL = Asked(
    "a folder/set", ("random", "mal:select_by=random"), 8, 0.1, 2, (0, 7), settings=("steps=6", "mal.beta=0.5"), train={"batch_size": 8},
    hold_out=0.25, thin=(0.5, 1), image_size=16, workers=2, format="folder",
)  # fmt: skip


def test_the_command_lines_parser_reads_its_words_as_it_was_asked():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args([*FULL.words(), "--out", "x"])
    assert (args.source, args.strategies, args.init, args.query_size, args.rounds, args.seeds) == (
        "a folder/set", ["random", "mal:select_by=random"], 8, 0.1, 2, [0, 7],
    )  # fmt: skip
    assert (args.set, args.hold_out, args.thin) == (["batch_size=8", "steps=6", "mal.beta=0.5"], 0.25, [0.5, 1.0])
    assert (args.image_size, args.workers, args.format, args.task, args.device, args.preset) == (16, 2, "folder", "auto", "auto", None)


def test_what_is_as_usual_is_not_said():
    asked = Asked("set", ("random",), 50, 50.0, 10, (0, 1))
    assert asked.words() == ["set", *["--strategies", "random", "--init", "50", "--query-size", "50", "--rounds", "10", "--seeds", "0,1"]]
    assert asked.command("my out").endswith("--seeds 0,1 --out 'my out'")
    assert FULL.command("o").startswith("python -m alcore simulate 'a folder/set' --strategies random,mal:select_by=random --init 8 ")


def test_it_comes_back_from_json():
    assert Asked.read(json.loads(json.dumps(FULL.stored()))) == FULL


def test_a_plan_is_what_the_arguments_of_simulate_make_of_it(tmp_path):
    (tmp_path / "set").mkdir()
    plan = Asked(str(tmp_path / "set"), ["random", "mcdal"], 8, 4, 2, [0], settings=["steps=3", "mcdal.heads=4"]).plan(tmp_path / "out")
    assert [v.text for v in plan.variants] == ["random", "mcdal"]
    assert plan.variants[1].values["heads"] == 4
    assert (plan.train, plan.init, plan.rounds, plan.seeds, plan.out) == ({"steps": "3"}, 8, 2, (0,), tmp_path / "out")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"strategies": ()}, "no strategy is given"),
        ({"strategies": ("nonsense",)}, "nonsense"),
        ({"init": None}, "init must be given"),
        ({"rounds": 0}, "rounds = 0 cannot be"),
        ({"seeds": (0, 0)}, "seeds repeat: 0"),
        ({"settings": ("steps=many",)}, "steps='many'"),
        ({"source": "/nowhere"}, "there is no /nowhere"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(changed, words, tmp_path):
    given = {"source": str(tmp_path), "strategies": ("random",), "init": 8, "query_size": 4, "rounds": 2, "seeds": (0,)}
    with pytest.raises(BadInput, match=words):
        Asked(**{**given, **changed}).plan(tmp_path / "out")
    assert not (tmp_path / "out").exists()
