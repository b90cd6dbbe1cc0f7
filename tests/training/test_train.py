"""The loop: exact resume, the schedule, what is written, what is left as it was found.

Longer than 400 lines: one loop, and every way it can be stopped.
"""

from __future__ import annotations

import dataclasses

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
from alcore.training.train import rate_factor, train
from alcore.training.turn import Material, Order, run
from tests.training.orders import build, history

CPU = torch.device("cpu")
SHORT = {"steps": 6, "batch_size": 8}
PARAMS = TrainParams(**SHORT)


# ---- schedule


def test_the_rate_rises_never_above_its_peak_and_falls_at_30_60_and_80_percent():
    params = TrainParams(warmup=0.05, decay=0.2)
    factors = [rate_factor(step, 100, params) for step in range(100)]
    assert factors[:6] == [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    assert max(factors) == 1.0
    assert [step for step in range(1, 100) if factors[step] < factors[step - 1]] == [30, 60, 80]
    assert factors[30] == pytest.approx(0.2)
    assert factors[60] == pytest.approx(0.04)
    assert factors[99] == pytest.approx(0.008)


def test_the_milestones_are_where_they_are_asked_for():
    once = TrainParams(warmup=0.0, decay=0.1, milestones="0.5")
    assert [rate_factor(step, 150, once) for step in (0, 74, 75, 149)] == [1.0, 1.0, 0.1, 0.1]
    assert {rate_factor(step, 9, TrainParams(warmup=0.0, milestones="")) for step in range(9)} == {1.0}


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_short_runs_have_a_rate_above_zero_at_every_step(steps):
    for warmup in (0.0, 0.02, 0.5):
        assert all(0 < rate_factor(s, steps, TrainParams(warmup=warmup)) <= 1 for s in range(steps))


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_every_optimizer_follows_the_schedule_of_its_stage(name, pixels, pool, monkeypatch):
    params = TrainParams(steps=20, batch_size=8, warmup=0.1)
    strategy = build(name, params=params)
    base = {key: [g["lr"] for g in o.param_groups] for key, o in strategy.optimizers.items()}
    trace: dict[str, list[dict[str, list[float]]]] = {}

    def watched(stage):
        def step(batches):
            trace.setdefault(stage.name, []).append({k: [g["lr"] for g in o.param_groups] for k, o in strategy.optimizers.items()})
            return stage.step(batches)

        return dataclasses.replace(stage, step=step)

    honest = strategy.stages
    monkeypatch.setattr(strategy, "stages", lambda steps: tuple(watched(stage) for stage in honest(steps)))
    result = train(strategy, Batches(pixels, pool, params, CPU, 0), params)
    assert result["steps"] == sum(len(rates) for rates in trace.values())
    own = {stage.name: stage.rate for stage in honest(20)}
    constant = {stage.name: stage.constant for stage in honest(20)}
    for stage_name, rates in trace.items():
        n = len(rates)
        for step, everyone in enumerate(rates):
            assert all(everyone[key] == base[key] for key in constant[stage_name])
            at = {key: values for key, values in everyone.items() if key not in constant[stage_name]}
            if own[stage_name]:
                assert own[stage_name](step, None) <= 1
                assert all(v == pytest.approx([r * own[stage_name](step, None) for r in base[k]]) for k, v in at.items())
                continue
            factor = (step + 1) / round(0.1 * n) if step < round(0.1 * n) else 0.2 ** sum(step >= m * n for m in (0.3, 0.6, 0.8))
            for key, values in at.items():
                assert values == pytest.approx([rate * factor for rate in base[key]])
                assert all(value <= rate for value, rate in zip(values, base[key], strict=True))


@pytest.mark.parametrize("labels", [2, 12])
def test_the_number_of_steps_does_not_depend_on_the_number_of_labels(labels, pixels, pool):
    few = dataclasses.replace(pool, labeled=pool.labeled[:labels], targets=pool.targets[:labels])
    steps = []
    train(build("random"), Batches(pixels, few, PARAMS, CPU, 0), PARAMS, lambda progress: steps.append(progress.done))
    assert steps == [1, 2, 3, 4, 5, 6]


def test_history_has_the_losses_that_the_steps_returned(pixels, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "REPORT_EVERY", 0.0)
    strategy, returned = build("mal"), []

    def remember(method, stage):
        def step(batches):
            losses = method(batches)
            returned.extend([stage, str(len(returned_steps) + 1), name, f"{value.item():.6g}"] for name, value in losses.items())
            returned_steps.append(stage)
            return losses

        return step

    returned_steps: list[str] = []
    monkeypatch.setattr(strategy, "game_step", remember(strategy.game_step, "minimax game"))
    monkeypatch.setattr(strategy, "step", remember(strategy.step, "task model"))
    train(strategy, Batches(pixels, pool, PARAMS, CPU, 0), PARAMS, folder=tmp_path)
    assert returned_steps == ["minimax game"] * 6 + ["task model"] * 6
    assert history(tmp_path) == returned


def test_progress_names_stage_step_and_the_newest_losses(pixels, pool, monkeypatch):
    monkeypatch.setattr(training, "REPORT_EVERY", 0.0)
    seen: list[Progress] = []
    train(build("mcdal"), Batches(pixels, pool, PARAMS, CPU, 0), PARAMS, seen.append)
    assert [(p.stage, p.done, p.total) for p in seen] == [("training: training", k, 6) for k in range(1, 7)]
    assert {"cross_entropy", "auxiliary_cross_entropy", "discrepancy"} <= seen[0].values.keys()
    assert seen[-1].values["images_per_second"] > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_losses_that_are_no_numbers_stop_the_training_with_words(value, pixels, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "REPORT_EVERY", 0.0)
    strategy, steps = build("random"), []
    honest = strategy.step

    def step(batches):
        steps.append(1)
        return {"cross_entropy": torch.tensor(value)} if len(steps) == 3 else honest(batches)

    monkeypatch.setattr(strategy, "step", step)
    with pytest.raises(AlcoreError) as said:
        train(strategy, Batches(pixels, pool, PARAMS, CPU, 0), PARAMS, folder=tmp_path)
    assert str(said.value) == (
        f"training diverged: cross_entropy is {value} at step 3 (training). Lower the learning rate, or this loss's weight, and start again."
    )
    assert len(history(tmp_path)) == 2
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_rate_that_is_far_too_high_is_called_divergence(pixels, pool):
    params = TrainParams(steps=40, batch_size=8, learning_rate=10, weight_decay=1, warmup=0, decay=1)
    with pytest.raises(AlcoreError, match="training diverged: cross_entropy is"):
        train(build("random", params=params), Batches(pixels, pool, params, CPU, 0), params)


def test_a_net_learns_the_toy_images_in_thirty_steps(pixels, pool, quick, tmp_path):
    outcome = run(Order("entropy", 5, 0, "cpu", train=quick), Material(pool, 3, pixels), tmp_path)
    assert outcome.metrics["accuracy"] == 1.0


# ---- compiled backbones


def compiled(name: str, pixels, pool, said: list[str], **change) -> Strategy:
    params = dataclasses.replace(PARAMS, learning_rate=0.01, **change)
    strategy = build(name, params=params)
    with seeded(1, CPU):
        train(strategy, Batches(pixels, pool, params, CPU, 2), params, lambda p: said.append(p.message))
    return strategy


@pytest.mark.slow
def test_a_compiled_backbone_learns_what_the_plain_one_does_and_scores_as_written(pixels, pool):
    said: list[str] = []
    plain, fast = compiled("entropy", pixels, pool, []), compiled("entropy", pixels, pool, said, compile="on")
    assert "compiling the backbone" in said
    assert not [m for m in said if m.startswith("not compiled")]
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(fast.state_dict()[key], value, atol=1e-4, rtol=1e-3)
    assert all(module._compiled_call_impl is None for module in fast.modules())


@pytest.mark.parametrize("kind", [torch._dynamo.exc.TorchDynamoException, AssertionError])  # the latter: CUDA graphs in another thread
def test_what_cannot_be_compiled_is_trained_as_it_is_and_said(pixels, pool, monkeypatch, kind):
    def broken(*args, **options):
        raise kind("no compiler here\nand a long trace")

    monkeypatch.setattr(torch, "compile", broken)
    said: list[str] = []
    plain, fallen = compiled("entropy", pixels, pool, []), compiled("entropy", pixels, pool, said, compile="on")
    assert "not compiled, going on without: no compiler here" in said
    assert all(torch.equal(value, fallen.state_dict()[key]) for key, value in plain.state_dict().items())
