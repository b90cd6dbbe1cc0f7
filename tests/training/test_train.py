"""The loop: exact resume, the schedule, what is written, what is left as it was found.

Longer than 400 lines: one loop, and every way it can be stopped.
"""

from __future__ import annotations

import csv
import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from alcore.errors import AlcoreError
from alcore.nets.tasks import TASKS, Classification
from alcore.params import TrainParams
from alcore.progress import Progress
from alcore.strategies import STRATEGIES, strategy_named
from alcore.strategies.base import Strategy
from alcore.training import train as training
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.train import rate_factor, train
from alcore.training.turn import Material, Order, run
from alcore.training.walk import evaluate, query

CPU = torch.device("cpu")
SHORT = {"steps": 6, "batch_size": 8}
PARAMS = TrainParams(**SHORT)


class Stop(Exception):
    pass


def stop_at(stage: str, done: int):
    """A report that raises once a stage whose name begins so has come to `done`."""

    def report(progress: Progress) -> None:
        if progress.stage.startswith(stage) and progress.done >= done:
            raise Stop

    return report


def build(name: str, seed: int = 0, params: TrainParams = PARAMS) -> Strategy:
    with seeded(seed, CPU):
        return strategy_named(name)(Classification(3), params)


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


def order(name: str, **train) -> Order:
    return Order(name, query_size=5, seed=3, device="cpu", train={**SHORT, **train})


def files(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, np.ndarray]]:
    with np.load(folder / "scores.npz") as stored:
        return load_file(folder / "model.safetensors"), dict(stored)


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
    for stage_name, rates in trace.items():
        n = len(rates)
        for step, at in enumerate(rates):
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


# ---- what the loop writes and says


def history(folder: Path) -> list[list[str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.reader(file))


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


# ---- evaluation


def test_metrics_are_those_of_the_task_model_on_the_test_items_in_evaluation_mode(pixels, pool):
    strategy, batches = build("mal").train(), Batches(pixels, pool, PARAMS, CPU, 0)
    train(strategy, batches, PARAMS)
    buffers = {key: value.clone() for key, value in strategy.named_buffers()}
    found = evaluate(strategy, batches)
    strategy.eval()
    hits, losses = [], []
    row = dict(zip(pool.ids.tolist(), pool.rows.tolist(), strict=True))
    for i, target in zip(pool.test.tolist(), pool.test_targets.tolist(), strict=True):
        x = (torch.from_numpy(pixels[row[i]]).permute(2, 0, 1)[None].float() / 255 - 0.5) / 0.25
        with torch.no_grad():
            logits = strategy.head(strategy.backbone(x))[0]
        hits.append(int(logits.argmax()) == target)
        losses.append(-logits.log_softmax(0)[target].item())
    assert found["accuracy"] == pytest.approx(sum(hits) / 6)
    assert found["loss"] == pytest.approx(sum(losses) / 6, rel=1e-4)
    per_class = [np.mean([h for h, t in zip(hits, pool.test_targets, strict=True) if t == k]) for k in set(pool.test_targets.tolist())]
    assert found["balanced_accuracy"] == pytest.approx(np.mean(per_class))
    assert all(torch.equal(value, buffers[key]) for key, value in strategy.named_buffers())


def test_balanced_accuracy_counts_each_class_that_occurs_once():
    logits = torch.tensor([[2.0, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0, 0]])
    tally = TASKS["classification"](3).tally()
    tally.add(logits[:3], torch.tensor([0, 0, 0]))
    tally.add(logits[3:], torch.tensor([1]))
    found = tally.result()
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.5


def test_without_test_items_there_are_no_metrics(pixels, pool):
    none = dataclasses.replace(pool, test=np.array([], np.int64), test_targets=np.array([], np.int64))
    assert evaluate(build("random"), Batches(pixels, none, PARAMS, CPU, 0)) == {}


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


# ---- scoring a sample


def test_a_sample_of_the_pool_is_scored_and_asked_from(pixels, pool):
    params = dataclasses.replace(PARAMS, score_sample=9)
    found, walked, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 4, np.random.default_rng(5))
    assert len(found.ids) == 9
    assert set(found.selected.tolist()) <= set(found.ids.tolist()) <= set(pool.unlabeled.tolist())
    assert walked.ids.tolist() == [*found.ids.tolist(), *pool.labeled.tolist()]
    again, _, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 4, np.random.default_rng(5))
    other, _, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 4, np.random.default_rng(6))
    assert again.ids.tolist() == found.ids.tolist() != other.ids.tolist()
    larger, _, _ = query(build("entropy"), Batches(pixels, pool, params, CPU, 0), 12, np.random.default_rng(5))
    assert len(larger.selected) == 12  # a query larger than the sample draws as many as it needs
