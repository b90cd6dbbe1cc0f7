"""The score maths against hand-worked numbers and slow loops."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from alcore.measures import scores
from alcore.measures.scores import confidence, discrepancy, distance, entropy, margin, per_image
from tests.strategies.built import noise


def one_hots(*classes: int, of: int) -> list[torch.Tensor]:
    return [torch.eye(of)[[k]] for k in classes]


def some_probabilities(count: int, classes: int, seed: int = 0) -> torch.Tensor:
    return (3 * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))).softmax(1)


# ---- entropy, margin, confidence


@pytest.mark.parametrize(("classes", "nats"), [(2, 0.693147), (10, 2.302585), (19, 2.944439), (100, 4.605170)])
def test_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes(classes, nats):
    assert entropy(torch.full((1, classes), 3.5)).item() == pytest.approx(nats, abs=1e-6)


def test_entropy_of_a_certain_answer_is_zero_also_where_probabilities_underflow():
    logits = torch.tensor([[1e4, -1e4, -1e4], [-1e4, 1e4, 0.0]])
    assert entropy(logits).tolist() == [0.0, 0.0]


def test_two_huge_equal_logits_give_the_entropy_of_a_coin():
    assert entropy(torch.tensor([[1e4, 1e4, -1e4]])).item() == pytest.approx(math.log(2), abs=1e-6)


def test_entropy_stays_between_zero_and_ln_k_and_equals_the_loop():
    logits = 20 * torch.randn(50, 7, generator=torch.Generator().manual_seed(1))
    values = entropy(logits)
    assert values.min() >= 0
    assert values.max() <= math.log(7) + 1e-6
    for row, value in zip(logits.double(), values, strict=True):
        p = [math.exp(x - max(row.tolist())) for x in row.tolist()]
        p = [x / sum(p) for x in p]
        assert value.item() == pytest.approx(-sum(x * math.log(x) for x in p if x > 0), abs=1e-5)


def test_entropy_of_half_precision_logits_is_computed_in_single():
    assert entropy(torch.zeros(1, 10, dtype=torch.bfloat16)).item() == pytest.approx(2.302585, abs=1e-6)


def test_dense_logits_give_a_value_a_pixel_and_per_image_averages_them():
    logits = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(2))
    dense = entropy(logits)
    assert dense.shape == (2, 3, 4)
    for b, y, x in itertools.product(range(2), range(3), range(4)):
        assert dense[b, y, x].item() == pytest.approx(entropy(logits[b, :, y, x][None]).item(), abs=1e-6)
    assert per_image(dense)[1].item() == pytest.approx(sum(dense[1].flatten().tolist()) / 12, abs=1e-6)
    assert per_image(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_margin_and_confidence_of_hand_worked_probabilities():
    logits = torch.tensor([[0.3, 0.5, 0.2], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]]).log()
    assert margin(logits).tolist() == pytest.approx([0.2, 0.7, 0.25], abs=1e-6)
    assert confidence(logits).tolist() == pytest.approx([0.5, 0.8, 0.5], abs=1e-6)


# ---- distances of distributions


def test_distances_of_hand_worked_distributions():
    p, q = torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[0.1, 0.2, 0.7]])
    assert distance(p, q).item() == pytest.approx((0.6 + 0 + 0.6) / 3, abs=1e-6)
    assert distance(p, q, "l2").item() == pytest.approx((0.36 + 0 + 0.36) / 3, abs=1e-6)
    assert distance(p, q, "kl").item() == pytest.approx(0.5 * (0.6 * math.log(7) + 0.6 * math.log(7)) / 3, abs=1e-6)


def test_kl_of_disjoint_distributions_is_finite_because_it_is_clipped():
    p, q = one_hots(0, 1, of=2)
    assert distance(p, q, "kl").item() == pytest.approx(0.5 * -math.log(1e-6), rel=1e-5)


def test_an_unknown_distance_is_refused():
    with pytest.raises(ValueError, match="unknown distance 'cosine'"):
        distance(torch.ones(1, 2), torch.ones(1, 2), "cosine")


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_l1_is_a_metric_bounded_by_two_over_the_number_of_classes(classes):
    p, q, r = (some_probabilities(200, classes, seed) for seed in range(3))
    d = distance(p, q)
    assert torch.equal(d, distance(q, p))
    assert distance(p, p).tolist() == [0.0] * 200
    assert (d >= 0).all()
    assert (d <= 2 / classes + 1e-6).all()
    assert (d <= distance(p, r) + distance(r, q) + 1e-6).all()
    assert distance(*one_hots(0, 1, of=classes)).item() == pytest.approx(2 / classes)


@pytest.mark.parametrize(("classes", "heads", "most"), [(3, (0, 1, 2), 6 / 3), (10, (4, 7, 9), 6 / 10), (2, (0, 1, 0), 4 / 2)])
def test_disjoint_heads_reach_the_largest_discrepancy(classes, heads, most):
    assert discrepancy(one_hots(*heads, of=classes)).item() == pytest.approx(most)


def test_discrepancy_never_exceeds_six_over_the_number_of_classes():
    heads = [some_probabilities(500, 5, seed) for seed in range(3)]
    assert discrepancy(heads).max() <= 6 / 5 + 1e-6


@pytest.mark.parametrize("count", [3, 5, 9])
def test_discrepancy_sums_over_every_pair_of_heads(count):
    heads = [some_probabilities(4, 6, seed) for seed in range(count)]
    slow, pairs = torch.zeros(4), 0
    for i in range(count):
        for j in range(i):
            slow += (heads[i] - heads[j]).abs().sum(1) / 6
            pairs += 1
    assert pairs == (count - 1) * count // 2
    torch.testing.assert_close(discrepancy(heads), slow)


def test_summing_over_classes_instead_of_averaging_ranks_alike():
    heads = [some_probabilities(100, 8, seed) for seed in range(3)]
    summed = sum((a - b).abs().sum(1) for a, b in itertools.combinations(heads, 2))
    assert discrepancy(heads).argsort().tolist() == summed.argsort().tolist()


def test_dense_discrepancy_of_the_mean_is_at_most_the_mean_of_the_discrepancies():
    p, q = (torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(s)).softmax(1) for s in (1, 2))
    assert (distance(p.mean((2, 3)), q.mean((2, 3))) <= per_image(distance(p, q)) + 1e-7).all()


# ---- disagreement: BALD's mutual information, QBC's Jensen-Shannon divergence


def test_disagreement_by_hand():
    # one says (1, 0), the other (0, 1): the mean has ln 2, each has 0
    sure = [torch.tensor([[50.0, -50.0]]), torch.tensor([[-50.0, 50.0]])]
    assert scores.disagreement(sure).item() == pytest.approx(math.log(2), abs=1e-6)
    p, q = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.5, 0.5]])
    h = lambda a: -sum(x * math.log(x) for x in a)  # noqa: E731
    expected = h((0.7, 0.3)) - 0.5 * (h((0.9, 0.1)) + math.log(2))
    assert scores.disagreement([p.log(), q.log()]).item() == pytest.approx(expected, abs=1e-6)


def test_disagreement_is_between_0_and_ln_k_0_when_all_agree_and_for_one():
    logits = [5 * noise(40, 7, seed=s) for s in range(6)]
    found = scores.disagreement(logits)
    assert ((found >= 0) & (found <= math.log(7))).all()
    assert scores.disagreement([logits[0]] * 4).abs().max() < 1e-6
    assert scores.disagreement([logits[0]]).abs().max() < 1e-6


def test_disagreement_reads_dense_logits_place_by_place():
    dense = [noise(2, 4, 3, 5, seed=s) for s in range(3)]
    found = scores.disagreement(dense)
    assert found.shape == (2, 3, 5)
    torch.testing.assert_close(found[1, 2, 4], scores.disagreement([d[1:, :, 2, 4] for d in dense])[0])


def test_probabilities_of_zero_give_no_nan():
    assert torch.isfinite(scores.disagreement([torch.tensor([[1e4, -1e4, 0.0]]), torch.tensor([[-1e4, 1e4, 0.0]])])).all()
