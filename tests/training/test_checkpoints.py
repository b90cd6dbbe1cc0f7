"""Only finite weights are kept: what a stage ends with, what a checkpoint holds, and who is heard when a run is stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError
from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import Progress
from alcore.strategies import strategy_named
from alcore.strategies.base import Strategy
from alcore.training import train as training
from alcore.training.batches import Batches
from alcore.training.checkpoints import first_nonfinite
from alcore.training.devices import seeded
from alcore.training.pool import Pool
from alcore.training.train import train
from alcore.training.turn import Material, Order, run

CPU = torch.device("cpu")
SHORT = {"steps": 6, "batch_size": 8}
PARAMS = TrainParams(**SHORT)


class Stop(Exception):
    pass


def build(name: str) -> Strategy:
    with seeded(0, CPU):
        return strategy_named(name)(Classification(3), PARAMS)


def spoil(strategy: Strategy, name: str, at: int, value: float, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """At its step `at` one number of this parameter or statistic becomes `value`, once; the losses stay. Gives the steps taken."""
    taken, honest = [], strategy.stages

    def spoiled(stage):
        def step(batches):
            losses = stage.step(batches)
            taken.append(stage.name)
            if len(taken) == at:
                with torch.no_grad():
                    strategy.state_dict()[name].view(-1)[-1] = value
            return {loss: torch.zeros(()) for loss in losses}

        return dataclasses.replace(stage, step=step)

    monkeypatch.setattr(strategy, "stages", lambda steps: tuple(spoiled(stage) for stage in honest(steps)))
    return lambda: len(taken)


def draws(pixels: np.ndarray, pool: Pool) -> Batches:
    return Batches(pixels, pool, PARAMS, CPU, 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["d.layers.4.weight", "f.blocks.1.running_var", "backbone.blocks.0.weight", "c.prototypes.weight"])
def test_the_first_name_that_holds_a_number_which_is_none_is_told(name, value):
    strategy = build("mal")
    assert first_nonfinite(strategy) == ""
    strategy.state_dict()[name].view(-1)[0] = value
    assert first_nonfinite(strategy) == name


def test_weights_are_looked_at_when_their_stage_ends_although_losses_are_finite(pixels, pool, tmp_path, monkeypatch):
    strategy = build("mal")
    steps = spoil(strategy, "d.layers.4.weight", 6, float("nan"), monkeypatch)  # the last of the game: nothing spreads it
    with pytest.raises(AlcoreError) as said:
        train(strategy, draws(pixels, pool), PARAMS, folder=tmp_path)
    assert str(said.value) == (
        "training diverged: d.layers.4.weight is not finite after step 6 (minimax game). Lower the learning rate and start again."
    )
    assert steps() == 6
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_run_in_bf16_is_told_of_fp32(pixels, pool, monkeypatch):
    strategy, params = build("random"), dataclasses.replace(PARAMS, precision="bf16")
    monkeypatch.setattr(training, "check_bf16", lambda *_: None)  # what this processor makes of bf16 is not asked here
    spoil(strategy, "head.weight", 6, float("inf"), monkeypatch)
    with pytest.raises(AlcoreError, match=r"\(training\)\. Lower the learning rate, or use precision=fp32, and start again\.$"):
        train(strategy, Batches(pixels, pool, params, CPU, 0), params)


def test_a_checkpoint_of_weights_that_are_no_numbers_is_not_written_and_the_older_one_stays(pixels, pool, tmp_path, monkeypatch):
    strategy = build("random")
    steps = spoil(strategy, "backbone.blocks.1.running_mean", 3, float("nan"), monkeypatch)
    kept = []

    def remember(progress: Progress) -> None:
        kept.append((tmp_path / "checkpoint.pt").read_bytes() if progress.done > 1 else b"")

    with pytest.raises(AlcoreError, match=r"backbone\.blocks\.1\.running_mean is not finite after step 3 \(training\)"):
        train(strategy, draws(pixels, pool), PARAMS, remember, folder=tmp_path, checkpoint_every=0.0)
    assert steps() == 3
    assert kept[1] != kept[2] == (tmp_path / "checkpoint.pt").read_bytes()  # that of step 2
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["done"] == 2


def test_whoever_stops_a_run_is_heard_and_its_weights_are_kept_only_if_they_are_numbers(pixels, pool, tmp_path, monkeypatch):
    def stop(progress: Progress) -> None:
        if progress.done == 4:
            raise Stop

    for value, kept in ((float("nan"), False), (1.0, True)):
        strategy = build("random")
        spoil(strategy, "head.weight", 4, value, monkeypatch)
        with pytest.raises(Stop):
            train(strategy, draws(pixels, pool), PARAMS, stop, folder=tmp_path / str(kept))
        assert (tmp_path / str(kept) / "checkpoint.pt").exists() == kept


def test_a_round_of_weights_that_are_no_numbers_stores_nothing(pixels, pool, tmp_path, monkeypatch):
    honest = strategy_named("random").step

    def step(self: Strategy, batches: Batches) -> dict[str, torch.Tensor]:
        losses = honest(self, batches)
        with torch.no_grad():
            self.head.bias[1] = torch.nan
        return {name: torch.ones(()) for name in losses}

    monkeypatch.setattr(strategy_named("random"), "step", step)
    with pytest.raises(AlcoreError, match=r"training diverged: backbone\.blocks\.0\.weight is not finite after step 6"):
        run(Order("random", 5, 3, "cpu", train=SHORT), Material(pool, 3, pixels), tmp_path / "rounds", work=tmp_path / "work")
    assert not [path for path in Path(tmp_path).rglob("*") if path.is_file() and path.name != "history.csv"]


def test_a_checkpoint_of_a_version_that_trained_otherwise_is_refused_with_the_cure(pixels, pool, tmp_path):
    """Going on from it would give another round than either version does."""

    def stop(progress: Progress) -> None:
        if progress.done == 3:
            raise Stop

    with pytest.raises(Stop):
        train(build("mal"), draws(pixels, pool), PARAMS, stop, folder=tmp_path)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    groups = kept["optimizers"]["task"]["param_groups"]
    assert len(groups) == 2  # M's backbone has a rate of its own, which it had not before 0.7
    kept["optimizers"]["task"]["param_groups"] = [{**groups[0], "params": [i for group in groups for i in group["params"]]}]
    torch.save(kept, tmp_path / "checkpoint.pt")
    with pytest.raises(AlcoreError, match="another version of alcore, which trained otherwise: start a new round"):
        train(build("mal"), draws(pixels, pool), PARAMS, folder=tmp_path)
