"""A round's stored look at the pool: as it was then, and as it is by now; embeddings stored, or made of features by the round's model."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import AlcoreError
from alcore.project.features import Features
from alcore.project.passes import Pass


@pytest.fixture
def round_of(toy, quick):
    return toy.run_round("mcdal", 5, 1, "cpu", train={**quick, "steps": 6}, report=lambda _: None)


def test_then_is_what_the_round_saw_and_now_what_is_there_by_now(toy, round_of):
    before = toy.pool()
    then = Pass(toy, round_of).then(before)
    assert sorted(then.ids.tolist()) == sorted(before.unlabeled.tolist())
    assert len(then.targets) == len(then.labeled["logits"]) == 10
    files = toy.files(round_of)
    assert then.unlabeled["entropy"].tolist() == files.scores["entropy"].tolist()
    answered, open_ = round_of.query[0], round_of.query[1]
    toy.annotate({answered: "2"})
    now = Pass(toy, round_of).now(toy.pool())
    assert answered not in now.ids
    assert open_ in now.ids
    assert len(now.ids) == len(then.ids) - 1
    at = files.position[answered]
    row = np.flatnonzero((now.labeled["logits"] == files.array("logits")[at]).all(1)).tolist()
    assert [int(now.targets[k]) for k in row] == [2]
    np.testing.assert_array_equal(now.labeled["embedding"][row[0]], files.array("embedding")[at])
    then_again = Pass(toy, round_of).then(toy.pool())
    assert answered in then_again.ids
    assert len(then_again.targets) == 10


def test_the_discrepancy_of_labeled_images_is_that_of_their_heads(toy, round_of):
    looked = Pass(toy, round_of)
    seen = looked.then(toy.pool())
    p = [np.exp(seen.labeled[name] - seen.labeled[name].max(1, keepdims=True)) for name in ("logits", "logits_1", "logits_2")]
    a, b, c = (each / each.sum(1, keepdims=True) for each in p)
    expected = sum(np.abs(x - y).mean(1) for x, y in ((a, b), (a, c), (b, c)))
    np.testing.assert_allclose(seen.labeled["discrepancy"], expected, atol=1e-6)


def test_on_features_the_rounds_adapter_makes_the_embeddings(apart):
    apart.label_from_truth(12, seed=0)
    round_ = apart.run_round("margin", 4, 1, "cpu", train={"steps": 12, "batch_size": 8}, report=lambda _: None)
    looked = Pass(apart, round_)
    places = np.array([0, 5, 30])
    found = Features(apart)
    rows = found.rows[np.searchsorted(found.ids, looked.files.walked_ids[places])]
    x = found.store.vectors()[rows].astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    w = {name: value.double().numpy() for name, value in looked.strategy.backbone.state_dict().items()}
    h = x + np.maximum(x @ w["inner.weight"].T + w["inner.bias"], 0) @ w["outer.weight"].T + w["outer.bias"]
    h /= np.linalg.norm(h, axis=1, keepdims=True)
    assert abs(w["outer.weight"]).max() > 0
    np.testing.assert_allclose(looked.embeddings(places), h, atol=1e-6)
    prototypes = looked.files.weight("head.prototypes.weight").astype(np.float64)
    np.testing.assert_allclose(h @ prototypes.T / 0.05, looked.files.array("logits")[places], atol=1e-4)
    assert looked.files.weight("no.such") is None
    assert looked.embeddings(np.empty(0, np.int64)).shape == (0, 8)


def test_what_is_gone_is_said(apart, waiting):
    with pytest.raises(AlcoreError, match="start without a model"):
        Pass(waiting, waiting.round())
    apart.label_from_truth(12, seed=0)
    round_ = apart.run_round("margin", 4, 1, "cpu", train={"steps": 12, "batch_size": 8}, report=lambda _: None)
    vectors, ids, rows = Pass(apart, round_)._found
    for changed in ((vectors, ids, np.full_like(rows, -1)), (vectors, ids[:0], rows[:0])):
        looked = Pass(apart, round_)
        looked._found = changed
        with pytest.raises(AlcoreError, match="1 images of round 1 have changed or are gone since: train a round"):
            looked.embeddings(np.array([0]))
