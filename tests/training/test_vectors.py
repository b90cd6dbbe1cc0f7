"""Draws and walks of vectors: whose they are, of length 1, in the order that images have; little of them is held."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from alcore.nets.tasks import train_params
from alcore.progress import Progress, Report
from alcore.training import vectors as module
from alcore.training.batches import Batches
from alcore.training.turn import Material, Order, run, turn
from alcore.training.vectors import VectorDraws
from tests.strategies.tasks import BY_TASK, DIM, toy_vectors
from tests.training.orders import Stop, files

CPU = torch.device("cpu")
PARAMS = dataclasses.replace(BY_TASK["features"], batch_size=5)


@pytest.fixture(scope="module")
def vectors(pixels) -> np.ndarray:
    return toy_vectors(pixels)


def unit(vectors: np.ndarray) -> np.ndarray:
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def whose(x: torch.Tensor, vectors: np.ndarray) -> list[int]:
    """The rows whose vectors these are."""
    near = x.double().numpy() @ unit(vectors).T
    assert near.max(1) == pytest.approx(1, abs=1e-6)
    return near.argmax(1).tolist()


def draws(vectors: np.ndarray, pool, seed: int = 5, **changed) -> VectorDraws:
    return VectorDraws(vectors, dataclasses.replace(pool, **changed), PARAMS, CPU, seed)


def test_labeled_draws_are_those_of_images_and_each_has_its_target(vectors, pool, pixels):
    found, beside = draws(vectors, pool), Batches(pixels, pool, PARAMS, CPU, 5)
    row_of = dict(zip(pool.labeled.tolist(), pool.rows_of(pool.labeled).tolist(), strict=True))
    target_of = {row_of[i]: t for i, t in zip(pool.labeled.tolist(), pool.targets.tolist(), strict=True)}
    seen = []
    for _ in range(12):
        x, y = found.labeled()
        assert (x.shape, x.dtype, y.dtype) == ((5, DIM), torch.float32, torch.int64)
        assert y.tolist() == beside.labeled()[1].tolist()
        at = whose(x, vectors)
        assert [target_of[row] for row in at] == y.tolist()
        seen += at
    assert sorted(seen) == sorted(5 * list(row_of.values()))


def test_unlabeled_draws_are_of_unlabeled_images_and_of_labeled_ones_when_none_are_left(vectors, pool):
    some = draws(vectors, pool)
    assert sorted(row for _ in range(4) for row in whose(some.unlabeled(), vectors)) == sorted(pool.rows_of(pool.unlabeled).tolist())
    none = draws(vectors, pool, unlabeled=np.empty(0, np.int64))
    assert set(whose(none.unlabeled(), vectors)) <= set(pool.rows_of(pool.labeled).tolist())


@pytest.mark.parametrize("size", [0, 1, 7, 100])
def test_a_walk_shows_every_id_once_in_order(size, vectors, pool, monkeypatch):
    monkeypatch.setattr(module, "WALKED", 9)
    ids = np.concatenate([pool.unlabeled[::-1], pool.test])
    parts = list(draws(vectors, pool).walk(ids, size))
    assert [len(part) for part, _ in parts][:-1] == [size or 9] * (len(parts) - 1)
    assert np.concatenate([part for part, _ in parts]).tolist() == ids.tolist()
    shown = torch.cat([x for _, x in parts])
    np.testing.assert_allclose(shown.numpy(), unit(vectors)[pool.rows_of(ids)], atol=1e-6)
    augmented = torch.cat([x for _, x in draws(vectors, pool).walk(ids, augmented=True)])
    assert torch.equal(shown, augmented)  # there is nothing to augment
    assert list(draws(vectors, pool).walk(ids[:0])) == []


def test_vectors_of_float32_and_in_a_file_give_the_same(vectors, pool, tmp_path):
    np.save(tmp_path / "v.npy", vectors)
    kept = [vectors, vectors.astype(np.float32), np.load(tmp_path / "v.npy", mmap_mode="c")]
    first, *others = [draws(one, pool).labeled()[0] for one in kept]
    assert all(torch.equal(first, other) for other in others)


def test_a_vector_of_zeros_stays_one(vectors, pool):
    none = np.zeros_like(vectors)
    assert draws(none, pool).unlabeled().tolist() == [[0.0] * DIM] * 5


def test_draws_go_on_from_their_state(vectors, pool):
    one, other = draws(vectors, pool), draws(vectors, pool, seed=9)
    for _ in range(3):
        one.labeled(), one.unlabeled()
    other.restore(one.state())
    for _ in range(4):
        assert torch.equal(one.labeled()[0], other.labeled()[0])
        assert torch.equal(one.unlabeled(), other.unlabeled())


# ---- a round


def order(name: str, **train) -> Order:
    return Order(name, 6, 3, "cpu", {}, {"architecture": "features", "batch_size": 8, "steps": 12, **train})


def stop_in(stage: str, done: int) -> Report:
    """A report that raises once a stage whose name begins so has come to `done`."""

    def report(progress: Progress) -> None:
        if progress.stage.startswith(stage) and progress.done >= done:
            raise Stop

    return report


@pytest.mark.parametrize("name", ["entropy", "mal", "mcdal", "vaal", "badge"])
def test_a_round_stopped_at_any_stage_ends_as_if_it_had_not_been(name, vectors, pool, tmp_path):
    material, whole = Material(pool, 3, vectors), tmp_path / "whole"
    expected = run(order(name), material, whole)
    for number, (stage, done) in enumerate((("training", 1), ("training", 9), ("scoring", 1))):
        work = tmp_path / f"work{number}"
        with pytest.raises(Stop):
            run(order(name), material, tmp_path / "stopped", stop_in(stage, done), work=work)
        outcome = run(order(name), material, tmp_path / "resumed", work=work)
        assert outcome.scores.selected.tolist() == expected.scores.selected.tolist()
        assert outcome.metrics == expected.metrics
        found, right = files(tmp_path / "resumed" / outcome.folder), files(whole / expected.folder)
        assert all(torch.equal(found[0][key], right[0][key]) for key in right[0])


def test_a_round_learns_the_toys_and_keeps_no_second_copy_of_their_vectors(vectors, pool, tmp_path):
    material = Material(pool, 3, vectors)
    assert (material.side, material.dim) == (0, DIM)
    done = turn(order("margin", steps=60), material)
    assert done.metrics["accuracy"] == 1.0
    outcome = run(order("margin", steps=60), material, tmp_path)
    assert sorted(file.name for file in (tmp_path / outcome.folder).iterdir()) == [
        "logits.npy",
        "model.safetensors",
        "scores.npz",
        "walked_ids.npy",
    ]


def test_images_and_vectors_are_not_mistaken_for_each_other(vectors, pool, pixels):
    with pytest.raises(ValueError, match="architecture features and images do not go together"):
        turn(order("entropy"), Material(pool, 3, pixels))
    with pytest.raises(ValueError, match="architecture small_cnn and vectors do not go together"):
        turn(order("entropy", architecture="small_cnn"), Material(pool, 3, vectors))


def test_the_recipe_of_features_is_that_of_the_network_unless_told_otherwise():
    found = train_params("classification", {"architecture": "features"})
    assert (found.steps, found.learning_rate, found.backbone_rate, found.warmup) == (200, 0.02, 0.1, 0.0)
    assert train_params("classification", {"architecture": "features", "steps": 7}).steps == 7
