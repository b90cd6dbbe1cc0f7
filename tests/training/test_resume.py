"""Rounds that were stopped end as if they had not been, and leave everything else as it was found."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError
from alcore.params import TrainParams
from alcore.progress import Progress
from alcore.strategies import STRATEGIES
from alcore.strategies.base import Strategy
from alcore.training import train as training
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.train import train
from alcore.training.turn import Material, run
from tests.training.orders import Stop, build, files, history, order

CPU = torch.device("cpu")
SHORT = {"steps": 6, "batch_size": 8}
PARAMS = TrainParams(**SHORT)


def stop_at(stage: str, done: int):
    """A report that raises once a stage whose name begins so has come to `done`."""

    def report(progress: Progress) -> None:
        if progress.stage.startswith(stage) and progress.done >= done:
            raise Stop

    return report


# ---- exact resume


@pytest.fixture(scope="module")
def uninterrupted(pixels, pool, tmp_path_factory):
    """name -> (outcome, weights, scores file) of a round that nothing disturbed."""
    result = {}
    for name in STRATEGIES:
        folder = tmp_path_factory.mktemp(name)
        outcome = run(order(name), Material(pool, 3, pixels), folder)
        result[name] = (outcome, *files(folder / outcome.folder))
    return result


INTERRUPTIONS = [
    *((name, [("training: ", k)]) for name in STRATEGIES for k in (1, 4, 6)),
    ("sraal", [("training: state relabeling", 7)]),
    ("sraal", [("training: task model", 6), ("training: state relabeling", 8)]),
    ("learning_loss", [("training: training, loss module apart", 5)]),
    ("mal", [("training: minimax game", 6)]),  # the last of the game: M has not started from F yet
    ("mal", [("training: task model", 7)]),  # the first of the task model: it must not start from F again
    ("mal", [("training: task model", 8)]),
    ("mal", [("training: minimax game", 3), ("training: minimax game", 5), ("training: task model", 8), ("scoring", 0)]),
    ("mcdal", [("training: training", 2), ("testing", 0), ("scoring", 0)]),
]


@pytest.mark.parametrize(("name", "interruptions"), INTERRUPTIONS)
def test_an_interrupted_round_ends_as_if_it_had_never_stopped(name, interruptions, uninterrupted, pixels, pool, tmp_path):
    for stage, done in interruptions:
        with pytest.raises(Stop):
            run(order(name), Material(pool, 3, pixels), tmp_path / "rounds", stop_at(stage, done), work=tmp_path / "work")
    outcome = run(order(name), Material(pool, 3, pixels), tmp_path / "rounds", work=tmp_path / "work")
    expected, weights, scores = uninterrupted[name]
    found_weights, found_scores = files(tmp_path / "rounds" / outcome.folder)
    assert found_weights.keys() == weights.keys()
    assert [key for key in weights if not torch.equal(weights[key], found_weights[key])] == []
    assert found_scores.keys() == scores.keys()
    assert [key for key in scores if not np.array_equal(scores[key], found_scores[key])] == []
    assert outcome.metrics == expected.metrics
    assert outcome.scores.selected.tolist() == expected.scores.selected.tolist()


def run_steps(name: str, pixels, pool, folder: Path | None, seed: int = 0, **kwargs) -> Strategy:
    strategy = build(name, seed)
    with seeded(seed + 1, CPU):
        train(strategy, Batches(pixels, pool, PARAMS, CPU, 2), PARAMS, folder=folder, **kwargs)
    return strategy


def test_a_process_killed_between_checkpoints_goes_on_from_the_last_one(pixels, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "REPORT_EVERY", 0.0)
    whole = run_steps("mal", pixels, pool, tmp_path / "whole")

    class Killed(BaseException):
        pass

    saves, save = [], training.save
    monkeypatch.setattr(training, "save", lambda *a: (save(*a), saves.append(a[3])) if not saves else None)
    seen = []
    with pytest.raises(Killed):
        # the first checkpoint is written at step 1; at step 5 the process dies without writing another

        def report(progress: Progress) -> None:
            seen.append(progress.done)
            if progress.done == 5:
                raise Killed

        run_steps("mal", pixels, pool, tmp_path / "work", report=report, checkpoint_every=0.0)
    assert saves == [1]
    monkeypatch.setattr(training, "save", save)
    again = run_steps("mal", pixels, pool, tmp_path / "work", seed=77)  # other first weights: everything comes from the checkpoint
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))
    assert history(tmp_path / "work") == history(tmp_path / "whole")  # steps 2 to 5 ran twice and stand there once


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_while_a_checkpoint_is_written_is_told_and_leaves_the_older_one(pixels, pool, tmp_path, monkeypatch):
    with pytest.raises(Stop):
        train(build("random"), Batches(pixels, pool, PARAMS, CPU, 0), PARAMS, stop_at("training: training", 2), folder=tmp_path)
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    honest = Path.open

    def full(path: Path, *how, **more):
        return honest(Path("/dev/full"), "wb") if path.name.startswith(".checkpoint") else honest(path, *how, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(AlcoreError, match="the disk is full: the checkpoint could not be written"):
        train(build("random"), Batches(pixels, pool, PARAMS, CPU, 0), PARAMS, folder=tmp_path, checkpoint_every=0.0)
    assert (tmp_path / "checkpoint.pt").read_bytes() == kept


def test_the_seconds_of_all_attempts_are_added(pixels, pool, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])

    def slow(progress: Progress) -> None:
        now[0] += 10
        if progress.done == 2 and not (tmp_path / "checkpoint.pt").exists():
            raise Stop

    batches = Batches(pixels, pool, PARAMS, CPU, 0)
    with pytest.raises(Stop):
        train(build("random"), batches, PARAMS, slow, folder=tmp_path, checkpoint_every=1e9)
    now[0] = 1e6
    result = train(build("random"), Batches(pixels, pool, PARAMS, CPU, 0), PARAMS, slow, folder=tmp_path, checkpoint_every=1e9)
    assert result == {"seconds": 60.0, "steps": 6.0}


# ---- what is left as it was found


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_round_leaves_the_global_generators_as_they_were(name, pixels, pool, tmp_path):
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002 - the global generator is what this is about
    torch.manual_seed(3)
    before = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2], torch.get_rng_state()  # noqa: NPY002
    run(order(name), Material(pool, 3, pixels), tmp_path)
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before[1:3]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[3])


def test_a_round_does_not_depend_on_the_global_generators(uninterrupted, pixels, pool, tmp_path):
    torch.manual_seed(99)
    outcome = run(order("mcdal"), Material(pool, 3, pixels), tmp_path)
    weights, _ = files(tmp_path / outcome.folder)
    assert all(torch.equal(weights[key], value) for key, value in uninterrupted["mcdal"][1].items())


def test_another_seed_gives_another_model_and_another_query(uninterrupted, pixels, pool, tmp_path):
    outcome = run(dataclasses.replace(order("random"), seed=4), Material(pool, 3, pixels), tmp_path)
    weights, scores = files(tmp_path / outcome.folder)
    assert not torch.equal(weights["head.weight"], uninterrupted["random"][1]["head.weight"])
    assert scores["selected"].tolist() != uninterrupted["random"][2]["selected"].tolist()
