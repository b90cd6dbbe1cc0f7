"""The loop and its batches: exact resume, the schedule, what is written, what is left as it was found; draws and augmentation."""

from __future__ import annotations

import csv
import dataclasses
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from alcore import rounds, training
from alcore.batches import Batches
from alcore.errors import AlcoreError, BadInput, NotEnoughLabels
from alcore.pool import Pool
from alcore.rounds import Order, RoundFiles, run, start_query
from alcore.strategies import STRATEGIES, strategy_named
from alcore.strategies.base import Strategy
from alcore.tasks import TASKS, Classification
from alcore.training import evaluate, pick_device, rate_factor, seeded, train
from alcore.types import Progress, TrainParams

CPU = torch.device("cpu")
SHORT = {"steps": 6, "batch_size": 8}
PARAMS = TrainParams(**SHORT)


class Stop(Exception):
    pass


def stop_at(stage: str, done: int):
    """A report that raises once `stage` has come to `done`."""

    def report(progress: Progress) -> None:
        if progress.stage == stage and progress.done >= done:
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
        outcome = run(order(name), pool, 3, pixels, folder)
        result[name] = (outcome, *files(folder / outcome.folder))
    return result


def order(name: str, **train) -> Order:
    return Order(name, query_size=5, seed=3, device="cpu", train={**SHORT, **train})


def files(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, np.ndarray]]:
    with np.load(folder / "scores.npz") as stored:
        return load_file(folder / "model.safetensors"), dict(stored)


INTERRUPTIONS = [
    *((name, [("training: training", k)]) for name in STRATEGIES if name != "mal" for k in (1, 4, 6)),
    ("mal", [("training: minimax game", 1)]),
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
            run(order(name), pool, 3, pixels, tmp_path / "rounds", stop_at(stage, done), work=tmp_path / "work")
    outcome = run(order(name), pool, 3, pixels, tmp_path / "rounds", work=tmp_path / "work")
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

    saves, save = [], training._save
    monkeypatch.setattr(training, "_save", lambda *a: (save(*a), saves.append(a[3])) if not saves else None)
    seen = []
    with pytest.raises(Killed):
        # the first checkpoint is written at step 1; at step 5 the process dies without writing another

        def report(progress: Progress) -> None:
            seen.append(progress.done)
            if progress.done == 5:
                raise Killed

        run_steps("mal", pixels, pool, tmp_path / "work", report=report, checkpoint_every=0.0)
    assert saves == [1]
    monkeypatch.setattr(training, "_save", save)
    again = run_steps("mal", pixels, pool, tmp_path / "work", seed=77)  # other first weights: everything comes from the checkpoint
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))
    assert history(tmp_path / "work") == history(tmp_path / "whole")  # steps 2 to 5 ran twice and stand there once


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
    for rates in trace.values():
        n = len(rates)
        for step, at in enumerate(rates):
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
    assert returned_steps == ["minimax game"] * 6 + ["task model"] * 3
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
    run(order(name), pool, 3, pixels, tmp_path)
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before[1:3]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[3])


def test_a_round_does_not_depend_on_the_global_generators(uninterrupted, pixels, pool, tmp_path):
    torch.manual_seed(99)
    outcome = run(order("mcdal"), pool, 3, pixels, tmp_path)
    weights, _ = files(tmp_path / outcome.folder)
    assert all(torch.equal(weights[key], value) for key, value in uninterrupted["mcdal"][1].items())


def test_another_seed_gives_another_model_and_another_query(uninterrupted, pixels, pool, tmp_path):
    outcome = run(dataclasses.replace(order("random"), seed=4), pool, 3, pixels, tmp_path)
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
    found = TASKS["classification"](3).metrics(logits, torch.tensor([0, 0, 0, 1]))
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.5


def test_without_test_items_there_are_no_metrics(pixels, pool):
    none = dataclasses.replace(pool, test=np.array([], np.int64), test_targets=np.array([], np.int64))
    assert evaluate(build("random"), Batches(pixels, none, PARAMS, CPU, 0)) == {}


def test_a_net_learns_the_toy_images_in_thirty_steps(pixels, pool, quick, tmp_path):
    outcome = run(Order("entropy", 5, 0, "cpu", train=quick), pool, 3, pixels, tmp_path)
    assert outcome.metrics["accuracy"] == 1.0


# ---- memory that runs out


@pytest.mark.parametrize("name", ["random", "mal"])
def test_when_memory_runs_out_the_batch_is_halved_and_said_plainly(name, pixels, pool, tmp_path, monkeypatch):
    kind = STRATEGIES[name]
    method = "game_step" if name == "mal" else "step"
    honest, failures = getattr(kind, method), [torch.OutOfMemoryError("no room")]
    step_count = []

    def step(self, batches):
        step_count.append(self.train_params.batch_size)
        if len(step_count) == 4 and failures:
            raise failures.pop()
        return honest(self, batches)

    monkeypatch.setattr(kind, method, step)
    said = []
    plan = order(name, batch_size=32)
    with monkeypatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_EVERY", 0.0)
        outcome = run(plan, pool, 3, pixels, tmp_path / "a", lambda p: said.append(p.message), work=tmp_path / "work")
    assert outcome.train.batch_size == 16
    assert [m for m in said if m] == ["memory on cpu ran out: starting again with batches of 16"]
    assert step_count == [32] * 4 + [16] * 6
    monkeypatch.undo()
    fresh = run(order(name, batch_size=16), pool, 3, pixels, tmp_path / "b")
    assert outcome.scores.selected.tolist() == fresh.scores.selected.tolist()
    assert outcome.metrics == fresh.metrics


def test_a_halved_batch_stays_halved_when_the_round_is_resumed(pixels, pool, tmp_path, monkeypatch):
    honest, failures = STRATEGIES["random"].step, [torch.OutOfMemoryError("no room")]

    def step(self, batches):
        if failures:
            raise failures.pop()
        return honest(self, batches)

    monkeypatch.setattr(STRATEGIES["random"], "step", step)
    with pytest.raises(Stop):
        run(order("random", batch_size=32), pool, 3, pixels, tmp_path / "a", stop_at("training: training", 3), work=tmp_path / "work")
    outcome = run(order("random", batch_size=32), pool, 3, pixels, tmp_path / "a", work=tmp_path / "work")
    fresh = run(order("random", batch_size=16), pool, 3, pixels, tmp_path / "b")
    assert outcome.train.batch_size == 16
    assert torch.equal(files(tmp_path / "a" / outcome.folder)[0]["head.weight"], files(tmp_path / "b" / fresh.folder)[0]["head.weight"])


def test_memory_that_never_suffices_ends_with_advice(pixels, pool, tmp_path, monkeypatch):
    tried = []

    def step(self, batches):
        tried.append(self.train_params.batch_size)
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(STRATEGIES["random"], "step", step)
    with pytest.raises(BadInput, match="cpu has too little memory even for batches of 8: use the CPU or a smaller architecture"):
        run(order("random", batch_size=32), pool, 3, pixels, tmp_path)
    assert tried == [32, 16, 8]
    assert list(tmp_path.iterdir()) == []


# ---- a round's files


def test_a_round_that_fails_while_writing_leaves_no_folder(pixels, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(rounds.np, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(AlcoreError, match="the disk is full: the round.s files"):
        run(order("random"), pool, 3, pixels, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_files_of_a_round_hold_what_was_scored(uninterrupted, pixels, pool, tmp_path):
    outcome = run(order("mal"), pool, 3, pixels, tmp_path)
    kept = RoundFiles(tmp_path / outcome.folder)
    assert kept.ids.tolist() == pool.unlabeled.tolist()
    assert kept.walked_ids.tolist() == [*pool.unlabeled.tolist(), *pool.labeled.tolist()]
    assert kept.selected.tolist() == outcome.scores.selected.tolist()
    assert kept.array("logits").shape == (32, 3)
    assert kept.map is None
    for name, values in kept.scores.items():
        wanted_high = name in ("entropy", "total")
        slow = sorted(range(20), key=lambda i: (-values[i] if wanted_high else values[i], kept.ids[i]))
        assert [int(kept.ranks[name][i]) for i in slow] == list(range(1, 21)), name
    p = kept.probabilities([4, 0])
    logits = kept.array("logits")[[4, 0]].astype(np.float64)
    np.testing.assert_allclose(p, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-9)
    kept.write_map(kept.walked_ids, np.zeros((32, 2), np.float32))
    ids, xy = kept.map
    assert ids.tolist() == kept.walked_ids.tolist()
    assert xy.shape == (32, 2)


@pytest.mark.parametrize(("change", "words"), [
    ({"labeled": np.array([], np.int64), "targets": np.array([], np.int64)}, "nothing is labeled yet"),
    ({"targets": np.zeros(12, np.int64)}, "all 12 labels are of one class"),
])  # fmt: skip
def test_nothing_is_trained_without_labels_of_two_classes(change, words, pixels, pool, tmp_path):
    with pytest.raises(NotEnoughLabels, match=words):
        run(order("random"), dataclasses.replace(pool, **change), 3, pixels, tmp_path)


@pytest.mark.parametrize(("change", "words"), [
    ({"query_size": 0}, "cannot query 0 items: use a query size of at least 1"),
    ({"strategy": "best"}, "unknown strategy 'best'"),
    ({"device": "cuda:99"}, "there is no cuda:99 here"),
    ({"device": "quantum"}, "unknown device 'quantum': use auto, cpu or cuda:0"),
    ({"device": "meta"}, "device 'meta' is not supported"),
    ({"params": {"lambda": 1}}, "parameters of strategy random: lambda is not a parameter"),
    ({"train": {"steps": 0}}, "parameters of training: steps=0: use a value from 1 to 10000000"),
])  # fmt: skip
def test_an_order_is_checked_before_work_starts(change, words):
    with pytest.raises(BadInput, match=words):
        dataclasses.replace(order("random"), **change).check()


def test_auto_is_the_first_gpu_or_else_the_cpu():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert pick_device("cpu") == CPU


# ---- a first query without a model


def test_a_start_at_random_draws_without_repeats_and_by_its_seed(pixels, pool):
    first = start_query(pool, pixels, 8, "random", 0).tolist()
    assert len(set(first)) == 8
    assert set(first) <= set(pool.unlabeled.tolist())
    assert start_query(pool, pixels, 8, "random", 0).tolist() == first
    assert start_query(pool, pixels, 8, "random", 1).tolist() != first
    assert sorted(start_query(pool, pixels, 99, "random", 0).tolist()) == pool.unlabeled.tolist()


def test_a_start_by_k_center_covers_every_kind_of_image_first(pixels, pool):
    empty = dataclasses.replace(
        pool,
        labeled=np.array([], np.int64),
        targets=np.array([], np.int64),
        unlabeled=np.sort(np.concatenate([pool.labeled, pool.unlabeled])),
    )
    chosen = start_query(empty, pixels, 3, "kcenter", 0)
    assert sorted(pool.rows_of(chosen) % 3) == [0, 1, 2]
    far_first = start_query(pool, pixels, 4, "kcenter", 0)
    assert not np.isin(far_first, pool.labeled).any()


def test_an_unknown_start_is_refused(pixels, pool):
    with pytest.raises(BadInput, match="cannot start by 'entropy': use random or kcenter"):
        start_query(pool, pixels, 3, "entropy", 0)


# ---- batches


def numbered() -> tuple[np.ndarray, Pool]:
    """Ten images whose every pixel is ten times their row; rows 0...6 labeled, 7...9 unlabeled, ids 100 + row."""
    pixels = np.repeat(np.arange(10, dtype=np.uint8) * 10, 8 * 8 * 3).reshape(10, 8, 8, 3)
    ids = 100 + np.arange(10)
    none = np.array([], np.int64)
    return pixels, Pool(ids[:7], np.arange(7), ids[7:], none, none, ids, np.arange(10))


PLAIN = TrainParams(batch_size=16, flip=False, crop=0.0)


def rows_of(images: torch.Tensor) -> list[int]:
    return [round(((v * 0.25 + 0.5) * 25.5).item()) for v in images[:, 0, 4, 4]]


def test_every_image_comes_equally_often_and_batches_are_always_full():
    batches = Batches(*numbered(), PLAIN, CPU, 0)
    drawn, targets, unlabeled = [], [], []
    for _ in range(7):  # 112 draws of 7 labeled and of 3 unlabeled images, fewer than a batch
        x, y = batches.labeled()
        assert x.shape == (16, 3, 8, 8)
        drawn += rows_of(x)
        targets += y.tolist()
        unlabeled += rows_of(batches.unlabeled())
    assert Counter(drawn) == dict.fromkeys(range(7), 16)
    assert targets == drawn  # each image comes with its own target
    assert set(unlabeled) == {7, 8, 9}
    assert sorted(Counter(unlabeled).values()) == [37, 37, 38]
    assert drawn[:7] != drawn[7:14]  # shuffled anew each time


def test_labeled_draws_are_the_same_whether_or_not_unlabeled_ones_are_made(pixels, pool):
    alone, beside = (Batches(pixels, pool, TrainParams(batch_size=8, rotation=10), CPU, 6) for _ in range(2))
    for _ in range(4):
        x, y = alone.labeled()
        beside.unlabeled()
        other_x, other_y = beside.labeled()
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_when_nothing_is_unlabeled_the_labeled_images_stand_in():
    pixels, pool = numbered()
    full = dataclasses.replace(pool, labeled=pool.ids, targets=np.arange(10), unlabeled=np.array([], np.int64))
    batches = Batches(pixels, full, PLAIN, CPU, 0)
    assert set(rows_of(batches.unlabeled())) <= set(range(10))


def test_state_and_restore_continue_every_stream(pixels, pool):
    params = TrainParams(batch_size=5, rotation=5)
    first, second = Batches(pixels, pool, params, CPU, 1), Batches(pixels, pool, params, CPU, 2)
    first.labeled(), first.unlabeled()
    state = first.state()
    expected = [*first.labeled(), first.unlabeled(), first.labeled()[0]]
    first.unlabeled()  # must not change the state that was taken
    second.restore(state)
    found = [*second.labeled(), second.unlabeled(), second.labeled()[0]]
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def shifted(image: np.ndarray, flip: bool, dy: int, dx: int) -> np.ndarray:
    """Pixel by pixel: moved by (dy, dx) with black outside, then mirrored."""
    h, w, _ = image.shape
    out = np.zeros_like(image)
    for y in range(h):
        for x in range(w):
            if 0 <= y + dy < h and 0 <= x + dx < w:
                out[y, x] = image[y + dy, x + dx]
    return out[:, ::-1] if flip else out


@pytest.mark.parametrize(("flip", "crop", "reach"), [(True, 0.125, 1), (False, 0.25, 2), (True, 0.0, 0)])
def test_augmentation_gives_every_flip_and_shift_and_nothing_else(flip, crop, reach):
    image = np.random.default_rng(0).integers(1, 256, (1, 8, 8, 3), dtype=np.uint8)
    none = np.array([], np.int64)
    pool = Pool(np.array([0]), np.array([0]), none, none, none, np.array([0]), np.array([0]))
    batches = Batches(image, pool, TrainParams(batch_size=400, flip=flip, crop=crop), CPU, 0)
    expected = {
        shifted(image[0], f, dy, dx).tobytes()
        for f in ({False, True} if flip else {False})
        for dy in range(-reach, reach + 1)
        for dx in range(-reach, reach + 1)
    }
    x, _ = batches.labeled()
    back = ((x * 0.25 + 0.5) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    seen = Counter(one.tobytes() for one in back)
    assert seen.keys() == expected
    usual = 400 / len(expected)
    assert max(seen.values()) < usual + 6 * usual**0.5


def test_pixels_are_centered_or_normalized_as_imagenet():
    pixels, pool = numbered()
    x, _ = Batches(pixels, pool, dataclasses.replace(PLAIN, batch_size=7), CPU, 0).labeled()
    assert sorted({round(v, 4) for v in x.flatten().tolist()}) == [round((r * 10 / 255 - 0.5) / 0.25, 4) for r in range(7)]
    y, _ = Batches(pixels, pool, dataclasses.replace(PLAIN, batch_size=7, weights="imagenet"), CPU, 0).labeled()
    for channel, (mean, std) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))):
        assert sorted({round(v, 3) for v in y[:, channel].flatten().tolist()}) == [round((r * 10 / 255 - mean) / std, 3) for r in range(7)]


def test_a_full_turn_of_nothing_keeps_the_image_and_rotation_keeps_its_center():
    pixels, pool = numbered()
    x, y = Batches(pixels, pool, dataclasses.replace(PLAIN, rotation=180.0), CPU, 0).labeled()
    assert rows_of(x) == y.tolist()  # the middle of an even image stays
    assert x.abs().max() <= 2.0
    assert (x[:, :, 0, 0] == 0).any()  # corners turned in from outside are mid grey


def test_walking_shows_every_id_once_in_order_without_augmentation(pixels, pool):
    batches = Batches(pixels, pool, TrainParams(batch_size=4, rotation=90), CPU, 0)
    ids = pool.unlabeled[::-1]
    seen, shown = [], []
    for part, x in batches.walk(ids, 7):
        assert len(part) == len(x) <= 7
        seen += part.tolist()
        shown.append(x)
    assert seen == ids.tolist()
    expected = (torch.from_numpy(pixels[pool.rows_of(ids)]).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
    torch.testing.assert_close(torch.cat(shown), expected)
