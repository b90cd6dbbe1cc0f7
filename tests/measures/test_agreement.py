"""Agreement: both kappas against scikit-learn, against numbers of statsmodels, and against the formulas written out slowly; the sentences."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from alcore.measures.agreement import FEW, Agreement, cohen, fleiss, of_all, of_two, with_others

# statsmodels 0.15.0, stats.inter_rater.fleiss_kappa of the tables that `table(seed)` draws
STATSMODELS = [
    0.18165491530379663, 0.24821093392057467, 0.35630471223691557, 0.499009069533087, 0.17971897229160275, 0.22581268726440928,
    0.2222292816342337, 0.19867496434106208, 0.23873772157615442, 0.13105223792952103, 0.15166015420941553, 0.5044596316460093,
]  # fmt: skip


def table(seed: int) -> np.ndarray:
    """(images, classes) counts of answers, equally many to each image."""
    rng = np.random.default_rng(seed)
    n, k, r = int(rng.integers(5, 200)), int(rng.integers(2, 9)), int(rng.integers(2, 8))
    return np.stack([rng.multinomial(r, p) for p in rng.dirichlet(np.full(k, 0.6), size=n)])


def slow_fleiss(counts: list[list[int]]) -> Fraction:
    """Fleiss 1971 image by image and pair by pair, in fractions; each image's pairs count as much as another's."""
    answers = [[k for k, n in enumerate(row) for _ in range(n)] for row in counts]
    answers = [row for row in answers if len(row) > 1]
    alike = [[a == b for a, b in itertools.permutations(row, 2)] for row in answers]
    observed = sum((Fraction(sum(row), len(row)) for row in alike), Fraction()) / len(answers)
    every = [k for row in answers for k in row]
    expected = sum((Fraction(every.count(k), len(every)) ** 2 for k in set(every)), Fraction())
    return (observed - expected) / (1 - expected)


def slow_cohen(pairs: list[tuple[str, str]]) -> Fraction:
    n = len(pairs)
    names = {name for pair in pairs for name in pair}
    observed = Fraction(sum(a == b for a, b in pairs), n)
    expected = sum((Fraction(sum(a == k for a, _ in pairs), n) * Fraction(sum(b == k for _, b in pairs), n) for k in names), Fraction())
    return (observed - expected) / (1 - expected)


@pytest.mark.parametrize("seed", range(len(STATSMODELS)))
def test_fleiss_is_that_of_statsmodels_and_of_the_formula(seed):
    assert fleiss(table(seed)) == pytest.approx(STATSMODELS[seed], abs=1e-12)
    assert fleiss(table(seed)) == pytest.approx(float(slow_fleiss(table(seed).tolist())), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_images_with_different_numbers_of_answers_count_alike(seed):
    rng = np.random.default_rng(100 + seed)
    counts = np.stack([rng.multinomial(int(rng.integers(0, 6)), [0.5, 0.3, 0.2]) for _ in range(60)])
    assert fleiss(counts) == pytest.approx(float(slow_fleiss(counts.tolist())), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_cohen_is_that_of_scikit_learn_and_of_the_formula(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 300)), int(rng.integers(2, 12))
    a = rng.integers(0, k, n)
    b = np.where(rng.random(n) < rng.random(), a, rng.integers(0, k, n))
    pairs = [(str(x), str(y)) for x, y in zip(a, b, strict=True)]
    if len({name for pair in pairs for name in pair}) < 2:
        pairs += [("0", "1")]
    found = cohen(pairs)
    assert found == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)), abs=1e-12)
    assert found == pytest.approx(float(slow_cohen(pairs)), abs=1e-12)


def test_what_is_not_defined_is_none_and_not_a_number():
    assert cohen([]) is None
    assert cohen([("cat", "cat")] * 30) is None
    assert cohen([("cat", "dog")] * 30) == 0  # each always says the same, and never what the other says
    assert fleiss(np.zeros((0, 3))) is None
    assert fleiss(np.array([[1, 0], [0, 1]])) is None  # one answer each
    assert fleiss(np.array([[3, 0], [2, 0]])) is None  # one class only
    assert fleiss(np.array([[2, 0], [0, 2]])) == 1


def test_two_people_are_compared_on_the_images_both_answered():
    ann = {i: "cat" if i < 30 else "dog" for i in range(50)}
    ben = {i: "cat" if i < 35 else "dog" for i in range(10, 60)}
    found = of_two(("ann", ann), ("ben", ben))
    assert (found.images, found.share) == (40, 35 / 40)
    assert found.kappa == pytest.approx(cohen_kappa_score([ann[i] for i in range(10, 50)], [ben[i] for i in range(10, 50)]), abs=1e-12)
    assert found.words() == "ann and ben said the same of 35 of 40 images (74 to 95 %). Kappa is 0.75: 1 is always, 0 is what chance gives."
    assert found.short == "88 % of 40, kappa 0.75"
    assert of_all({"ann": ann, "ben": ben}) == found


def test_few_images_in_common_say_nothing():
    ann, ben = {1: "cat"}, {2: "cat"}
    assert of_two(("ann", ann), ("ben", ben)).words() == "ann and ben have no image in common yet."
    few = of_two(("ann", dict.fromkeys(range(FEW - 1), "cat")), ("ben", dict.fromkeys(range(40), "cat")))
    assert few.words() == "Can't tell yet whether ann and ben agree: 19 images in common, 20 are needed."
    assert few.short == "can't tell (19 in common)"
    one_class = of_two(("ann", dict.fromkeys(range(FEW), "cat")), ("ben", dict.fromkeys(range(40), "cat")))
    assert one_class.words() == (
        "ann and ben said the same of 20 of 20 images (84 to 100 %); all of it is one class, so how much of that is chance cannot be told."
    )


def test_of_several_people_pairs_of_answers_count():
    said = {
        "ann": {i: "ab"[i % 2] for i in range(30)},
        "ben": {i: "ab"[i % 2] for i in range(5, 35)},
        "cleo": {i: "ab"[i % 3 == 0] for i in range(10, 40)},
    }
    rows = [[sum(a.get(i) == name for a in said.values()) for name in "ab"] for i in range(40)]
    found = of_all(said)
    assert found.images == sum(sum(row) > 1 for row in rows) == 30
    assert found.kappa == pytest.approx(float(slow_fleiss(rows)), abs=1e-12)
    assert found.words().startswith(f"ann, ben and cleo agree in {100 * found.share:.0f} % of the pairs of answers to 30 images. Kappa is ")
    assert of_all({"ann": {1: "a"}, "ben": {2: "a"}, "cleo": {3: "b"}}) == Agreement(("ann", "ben", "cleo"), 0, None, None)


def test_one_person_beside_all_others():
    said = {"ann": dict.fromkeys(range(30), "a"), "ben": dict.fromkeys(range(20), "a"), "cleo": dict.fromkeys(range(10, 40), "b")}
    found = with_others("ann", said)
    assert (found.images, found.share) == (30, 20 / 40)
    assert with_others("ann", {"ann": {1: "a"}}) is None
    assert with_others("dora", said) is None
    assert with_others("eve", {**said, "eve": {99: "a"}}).short == "can't tell (0 in common)"


def test_twenty_people_are_named_by_their_number():
    said = {f"p{n}": {i: "ab"[(i + (n == i % 20)) % 2] for i in range(40)} for n in range(20)}
    assert of_all(said).words().startswith("These 20 people agree in ")
    assert (
        of_all({name: {1: "a"} for name in said}).words()
        == "Can't tell yet whether these 20 people agree: 1 image in common, 20 are needed."
    )
