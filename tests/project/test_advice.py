"""What a project is told to do next."""

from __future__ import annotations

import pytest

from alcore.project.advice import USUAL, USUAL_MASKS, WHY, advise, usual_query
from alcore.strategies import STRATEGIES
from alcore.training.turn import Order


@pytest.mark.parametrize(
    ("dense", "left", "size"),
    [(False, 1000, 50), (False, 50, 50), (False, 49, 49), (False, 0, 1), (True, 1000, 10), (True, 3, 3), (True, 0, 1)],
)
def test_a_query_is_what_is_labeled_in_one_go_and_never_more_than_is_left(dense, left, size):
    assert usual_query(dense, left) == size
    assert advise(dense, left).query_size == size
    assert USUAL > USUAL_MASKS > 0


@pytest.mark.parametrize(("dense", "strategy", "title"), [(False, "mal", "MAL"), (True, "mcdal", "MCDAL")])
def test_the_advice_is_a_strategy_of_the_task_with_its_reason(dense, strategy, title):
    advice = advise(dense, 100)
    assert (advice.strategy, advice.title, advice.why) == (strategy, STRATEGIES[strategy].title, WHY[strategy])
    assert title in advice.title
    assert ("segmentation" if dense else "classification") in STRATEGIES[advice.strategy].tasks


def test_on_features_what_is_recommended_is_what_the_round_then_does():
    advice = advise(False, 100, "features")
    assert (advice.strategy, advice.query_size, advice.title) == ("mcdal", 50, "MCDAL, drawn diversely")
    assert Order("mcdal", 50, train={"architecture": "features"}).title == "MCDAL, drawn diversely, query of 50"
