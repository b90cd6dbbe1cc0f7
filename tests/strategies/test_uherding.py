"""UHerding: the greedy picks against plain loops, the kernel's width, the temperature, and coverage measured on a part of the pool."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies import uherding as module
from alcore.strategies.base import Seen
from alcore.strategies.uherding import TEMPERATURES, Params, UHerding, _fitted, _smallest_distance, _uncertainty, calibration_error

CPU = torch.device("cpu")


def strategy(classes: int = 3, **values) -> UHerding:
    return UHerding(Classification(classes), TrainParams(), Params(**values))


def pool(seed: int, count: int = 50, labeled: int = 8, classes: int = 3, d: int = 4) -> Seen:
    rng = np.random.default_rng(seed)
    of = {name: rng.normal(size=(count + labeled, k)).astype(np.float32) for name, k in (("embedding", d), ("logits", classes))}
    ids = rng.permutation(10 * count)[:count]
    parts = [{name: values[rows] for name, values in of.items()} for rows in (slice(count), slice(count, None))]
    return Seen(ids, *parts, rng.integers(0, classes, labeled), CPU)


def ask(mine: UHerding, seen: Seen, n: int) -> list[int]:
    total = mine.total(seen, np.random.default_rng(0))
    return mine.select(total, seen, n, np.random.default_rng(1), ignore_progress).tolist()


def slow(mine: UHerding, seen: Seen, n: int) -> tuple[list[int], np.ndarray]:
    """Greedy picks of the objective, evaluated whole for every candidate each time, and the first gains."""
    x, labeled = (p["embedding"] / np.linalg.norm(p["embedding"], axis=1, keepdims=True) for p in (seen.unlabeled, seen.labeled))
    radius = min(np.linalg.norm(a - b) for i, a in enumerate(labeled) for b in labeled[:i])
    logits = seen.unlabeled["logits"].astype(float) / mine._temperature(seen)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    top = np.sort(p, axis=1)
    u = 1 - (top[:, -1] - top[:, -2])

    def covered(centers: list[np.ndarray]) -> float:
        kernel = [np.exp(-(((x - c) ** 2).sum(1)) / radius**2) for c in centers]
        return float((u * np.max(kernel, axis=0)).sum())

    asked: list[int] = []
    first: list[float] = []
    by_id = np.argsort(seen.ids).tolist()
    for _ in range(n):
        taken = [*labeled, *x[asked]]
        gains = {i: covered([*taken, x[i]]) - covered(taken) for i in by_id if i not in asked}
        first = first or [gains[i] for i in range(len(x))]
        asked.append(max(by_id, key=lambda i: gains.get(i, -1)))
    return seen.ids[asked].tolist(), np.array(first)


@pytest.mark.parametrize("seed", range(3))
def test_picks_and_first_gains_are_those_of_the_plain_greedy(seed):
    mine, seen = strategy(), pool(seed)
    expected, first = slow(mine, seen, 12)
    np.testing.assert_allclose(mine.total(seen, np.random.default_rng(0)), first, rtol=1e-4, atol=1e-5)
    assert ask(mine, seen, 12) == expected


def test_what_total_kept_is_used_for_its_own_pool_alone():
    mine, one, other = strategy(), pool(1), pool(2)
    total = mine.total(other, np.random.default_rng(0))
    mine.total(one, np.random.default_rng(0))
    assert mine.select(total, other, 9, np.random.default_rng(0), ignore_progress).tolist() == ask(strategy(), other, 9)
    assert mine._kept is None


def test_a_pick_covers_its_neighbors_and_sure_images_count_for_nothing():
    # two tight groups of unsure images, the larger one first; a third, larger still, that the model is sure of
    angles = np.radians([*np.linspace(-2, 2, 7), *np.linspace(88, 92, 5), *np.linspace(178, 182, 30), 270, 330])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    logits = np.zeros((44, 2), np.float32)
    logits[12:42] = [40, 0]
    seen = Seen(
        np.arange(42),
        {"embedding": x[:42], "logits": logits[:42]},
        {"embedding": x[42:], "logits": logits[42:]},
        np.array([0, 1]),
        CPU,
    )
    mine = strategy(2, radius=0.2, calibrated=False)
    assert ask(mine, seen, 2) == [3, 9]  # their middles
    assert mine.total(seen, np.random.default_rng(0))[12:42].max() < 1e-3


def test_the_measures_of_uncertainty_by_hand():
    logits = torch.tensor([[3.0, 1.0, 1.0]]).double().log()  # 0.6 0.2 0.2
    assert _uncertainty(logits, "margin").item() == pytest.approx(0.6)
    assert _uncertainty(logits, "confidence").item() == pytest.approx(0.4)
    assert _uncertainty(logits, "entropy").item() == pytest.approx(-0.6 * np.log(0.6) - 0.4 * np.log(0.2))


@pytest.mark.parametrize("block", [2**25, 1])
def test_the_radius_is_the_smallest_distance_between_two_different_labeled_images(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.6, 0.8]])
    assert _smallest_distance(x) == pytest.approx(np.hypot(0.6, 0.2))
    assert _smallest_distance(x[:1]) == 1.0
    assert _smallest_distance(x[2:]) == 1.0
    assert _smallest_distance(x[:0]) == 1.0


def test_the_calibration_error_of_a_hand_worked_example():
    p = torch.tensor([[0.9, 0.1], [0.92, 0.08], [0.6, 0.4], [0.3, 0.7]]).double()
    y = torch.tensor([0, 1, 0, 1])
    # bins of a fifteenth: 0.9 and 0.92 share one (1 of 2 right, mean 0.91); 0.6 and 0.7 are alone and right
    assert calibration_error(p, y) == pytest.approx((2 * 0.41 + 0.4 + 0.3) / 4)


def test_labels_that_cannot_be_learned_make_it_warm_and_clear_ones_do_not():
    """With labels at chance every confidence above 1/K is too high: the highest temperature is best. Clear ones keep the model's own."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    x = (8 * np.eye(3)[y] + rng.normal(size=(90, 3))).astype(np.float32)
    logits = (6 * np.eye(3)[y] + 0.1 * rng.normal(size=(90, 3))).astype(np.float32)

    def temperature(targets: np.ndarray, count: int = 90) -> float:
        labeled = {"embedding": x[:count], "logits": logits[:count]}
        return strategy()._temperature(Seen(np.arange(1), labeled, labeled, targets[:count], CPU))

    assert temperature(y) <= 1.0
    assert temperature(rng.integers(0, 3, 90)) > 3.0
    assert temperature(y, 4) == TEMPERATURES[-1]  # too few to leave any out


def test_heads_fitted_to_rows_in_fewer_columns_say_the_same():
    x, y = torch.from_numpy(np.random.default_rng(0).normal(size=(30, 80))), torch.arange(30) % 3
    few = torch.linalg.qr(x.T).R.T
    assert few.shape == (30, 30)
    for wide, narrow in zip(_fitted(x[:20], y[:20], x, 3), _fitted(few[:20], y[:20], few, 3), strict=True):
        torch.testing.assert_close(wide, narrow, rtol=1e-3, atol=1e-3)
    inside, every = _fitted(x[:20], y[:20], x, 3)
    assert torch.equal(inside, every[:20])
    assert (inside.argmax(1) == y[:20]).all()


def test_a_part_of_the_pool_estimates_the_gains_of_all_of_it(monkeypatch):
    seen = pool(5, count=400)
    estimates = []
    monkeypatch.setattr(module, "WORK", 100 * 400 * 4)
    drawn = np.random.default_rng
    for seed in range(60):
        monkeypatch.setattr(module.np.random, "default_rng", lambda s=None, seed=seed: drawn(seed))
        estimates.append(strategy(calibrated=False).total(seen, None))
    monkeypatch.undo()
    exact = strategy(calibrated=False).total(seen, drawn(0))
    error = np.abs(np.mean(estimates, axis=0) - exact) / np.std(estimates, axis=0).clip(1e-9) * np.sqrt(60)
    assert np.std(estimates, axis=0).max() > 0
    assert error.mean() < 1.5  # unbiased: about 0.8 standard errors


def test_it_says_how_many_images_it_stands_for():
    said = UHerding.explain({"total": 12.3, "entropy": 1.0}, {"total": 1, "entropy": 5}, 1387, 10)
    assert said == "it covers the uncertainty of 12 images, rank 1 of 1,387; entropy 1 of at most 2.3, rank 5 of 1,387"
