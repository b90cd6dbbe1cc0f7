"""Whether to go on labeling, from two models of the project."""

from __future__ import annotations

import numpy as np

from alcore.project import predictions
from alcore.project.worth import worth
from tests.project.sliced import QUICK

LABELED = 12


def test_whether_it_is_worth_it_compares_with_a_model_of_half_the_labels(guessing, scenes):
    assert worth(scenes) is None
    first = worth(guessing)
    assert (first.kind, first.numbers["labeled"]) == ("cannot_tell", LABELED)
    guessing.label_from_truth(12, seed=3)
    guessing.run_round("margin", 5, 1, "cpu", train=QUICK, report=lambda _: None)
    before, now = (predictions.logits(guessing, guessing.round(number)) for number in (1, 2))
    pool = guessing.pool()
    inside = np.isin(now[0], np.concatenate([pool.labeled, pool.unlabeled]))
    told = worth(guessing)
    assert told.numbers["agreement"] == (before[1].argmax(1) == now[1].argmax(1))[inside].mean()
    assert (told.numbers["before"], told.numbers["labeled"], told.numbers["of"]) == (12, 24, 6)
