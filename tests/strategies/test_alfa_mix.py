"""ALFA-Mix: the solved mixing against mixed features and autograd, the caps, and the middles of clusters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.nets.tasks import Classification
from alcore.params import TrainParams
from alcore.progress import ignore_progress
from alcore.strategies import alfa_mix
from alcore.strategies.alfa_mix import NEVER, AlfaMix, Params
from alcore.strategies.base import Seen
from alcore.training.devices import seeded

CPU = torch.device("cpu")
D, K = 6, 4


def strategy(classes: int = K, features: int = D, **values) -> AlfaMix:
    with seeded(0, CPU):
        made = AlfaMix(Classification(classes), TrainParams(), Params(**values))
        made.head = torch.nn.Linear(features, classes)
        torch.nn.init.normal_(made.head.weight)
    return made


def pool(mix: AlfaMix, seed: int, count: int = 60, labeled: int = 12, scale: float = 1.0) -> Seen:
    rng = np.random.default_rng(seed)
    z, a = (scale * rng.normal(size=(n, D)).astype(np.float32) for n in (count, labeled))
    with torch.no_grad():
        logits = mix.head(torch.from_numpy(z)).numpy()
    ids = rng.permutation(10 * count)[:count]
    return Seen(ids, {"embedding": z, "logits": logits}, {"embedding": a}, rng.integers(0, K - 1, labeled), CPU)  # the last class has none


def changes(mix: AlfaMix, seen: Seen, cap: float) -> np.ndarray:
    """Whose guess changes at a cap, as published: features mixed with every class's anchor by the alpha of Eq. 5, by autograd."""
    z = torch.from_numpy(seen.unlabeled["embedding"]).double().requires_grad_()
    head = torch.nn.Linear(D, K).double()
    head.load_state_dict(mix.head.state_dict())
    out = head(z)
    guess = out.argmax(1)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(out, guess), z)
    labeled = torch.from_numpy(seen.labeled["embedding"]).double()
    changed = torch.zeros(len(z), dtype=torch.bool)
    for k in range(K):
        own = labeled[torch.from_numpy(seen.targets) == k]
        anchor = (own if len(own) else labeled).mean(0)
        apart = anchor - z
        alpha = (cap / D**0.5 * apart.norm(dim=1) / gradient.norm(dim=1))[:, None] * gradient / apart
        changed |= head((1 - alpha) * z + alpha * anchor).argmax(1) != guess
    return changed.numpy()


@pytest.mark.parametrize("seed", range(3))
def test_the_mixing_is_the_smallest_cap_at_which_a_mixed_guess_changes(seed):
    mix = strategy()
    seen = pool(mix, seed)
    mixing = 1 / mix.total(seen, np.random.default_rng(0)) - 1
    for cap in (0.05, 0.2, 0.5, 1.0, 3.0):
        assert (mixing <= cap).tolist() == changes(mix, seen, cap).tolist()
    assert 0 < (mixing <= 0.5).sum() < 60


def test_the_cap_grows_until_more_change_than_are_asked_for():
    mixing = np.array([0.1, 0.3, 0.35, 0.5, 0.9, 1.2, NEVER])
    assert strategy()._cap(mixing, 0) == pytest.approx(0.2)
    assert strategy()._cap(mixing, 1) == pytest.approx(0.4)
    assert strategy()._cap(mixing, 3) == pytest.approx(0.6)
    assert strategy()._cap(mixing, 5) == pytest.approx(1.0)  # never past 1
    assert strategy(cap=0.3)._cap(mixing, 5) == pytest.approx(1.2)  # 0.9 is below 1, so it grows once more, as published


@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_query_is_the_middle_of_each_cluster_of_the_candidates(n, monkeypatch):
    mix = strategy()
    seen = pool(mix, 4)
    total = mix.total(seen, np.random.default_rng(0))
    told = []
    honest = alfa_mix.k_means
    monkeypatch.setattr(alfa_mix, "k_means", lambda *a, **o: told.append((a[0], honest(*a, **o))) or told[-1][1])
    asked = mix.select(total, seen, n, np.random.default_rng(0), ignore_progress)
    ((points, clusters),) = told
    candidates = np.sort(seen.ids[changes(mix, seen, 0.2)])
    assert len(points) == len(candidates) > n
    assert np.allclose(np.linalg.norm(points, axis=1), 1)
    expected = []
    for c in sorted(set(clusters.tolist()), key=lambda c: (-(clusters == c).sum(), c)):
        inside = np.flatnonzero(clusters == c)
        center = points[inside].astype(float).mean(0)
        expected.append(int(candidates[min(inside, key=lambda i: round(((points[i] - center) ** 2).sum(), 6))]))  # of two, the first
    assert asked[: len(expected)].tolist() == expected
    assert len(expected) == n


def test_too_few_candidates_are_filled_by_the_smallest_mixings():
    mix = strategy()
    seen = pool(mix, 5, scale=50.0)  # far from every boundary
    mixing = 1 / mix.total(seen, np.random.default_rng(0)) - 1
    n = int((mixing <= 1).sum()) + 3
    asked = mix.select(1 / (1 + mixing), seen, n, np.random.default_rng(0), ignore_progress)
    assert asked.tolist() == seen.ids[np.lexsort((seen.ids, mixing))[:n]].tolist()


def test_a_guess_that_no_mixing_changes_comes_last_and_is_finite():
    mix = strategy()
    torch.nn.init.zeros_(mix.head.weight)
    seen = pool(mix, 0)
    total = mix.total(seen, np.random.default_rng(0))
    assert total.tolist() == pytest.approx([1 / (1 + NEVER)] * 60)
    said = AlfaMix.explain({"total": float(total[0]), "entropy": 1.0}, {"total": 3, "entropy": 2}, 60, K)
    assert said.startswith("no mixing changes the guess, rank 3 of 60")
    said = AlfaMix.explain({"total": 0.8, "entropy": 1.0}, {"total": 1, "entropy": 2}, 60, K)
    assert said.startswith("a mixing of 0.25 of another class changes the guess, rank 1 of 60; entropy 1 of at most 1.4")
