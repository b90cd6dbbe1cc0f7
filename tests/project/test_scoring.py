"""The pool of today ranked by a stored model: a round's own ranking while nothing has changed, and with today's labels afterwards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.project import scoring
from alcore.project.scoring import score, words
from alcore.strategies import add_strategy, forget
from alcore.strategies.margin import Margin
from alcore.training import shards
from tests.cluster import in_process
from tests.project.sliced import QUICK as SHORT
from tests.project.sliced import say


def played(project, strategy: str, **train):
    return project.run_round(strategy, 5, 1, "cpu", train=train, report=lambda _: None)


def same(frame: pd.DataFrame, project, round_) -> None:
    """The round's own table and query."""
    then = project.scores(round_)
    assert list(frame.columns[:3]) == ["path", "id", "total"]
    assert list(frame.columns[-3:]) == ["rank", "asked", "prediction"]
    names = [name for name in frame.columns if name not in ("asked",)]
    pd.testing.assert_frame_equal(frame[names], then[names], check_exact=False, rtol=1e-5, atol=1e-6, check_dtype=False)
    assert frame[frame["asked"] > 0].sort_values("asked")["id"].tolist() == list(round_.query)


def scored(project, round_=None, **options) -> pd.DataFrame:
    return project.score(round_, 5, "cpu", report=lambda _: None, **options)


@pytest.mark.parametrize("strategy", ["entropy", "mal", "mcdal", "badge", "coreset", "typiclust", "uherding", "alfa_mix", "random", "vaal"])
def test_with_nothing_changed_it_is_the_rounds_own_ranking(toy, quick, strategy):
    done = played(toy, strategy, **quick)
    same(scored(toy), toy, done)


@pytest.mark.parametrize("strategy", ["margin", "uherding"])
def test_on_features_it_is_the_same(apart, strategy):
    apart.label_from_truth(16, seed=0)
    done = played(apart, strategy, **SHORT)
    same(scored(apart), apart, done)


def test_masks_are_ranked_by_their_images(asked):
    frame = scored(asked)
    then = asked.scores(asked.round())
    assert frame["id"].tolist() == then["id"].tolist()
    np.testing.assert_allclose(frame["total"], then["total"], rtol=1e-5)
    assert set(frame["prediction"]) <= set(asked.classes)


def test_what_was_answered_since_is_asked_for_no_more_and_counts_as_labeled(toy, quick):
    done = played(toy, "coreset", **quick)
    before = scored(toy)
    toy.label_query_from_truth()
    after = scored(toy)
    assert set(before["id"]) - set(after["id"]) == set(done.query)
    farther = before.set_index("id")["total"].loc[after["id"]].to_numpy()
    assert (after["total"].to_numpy() <= farther + 1e-6).all()  # the nearest labeled image can only have come nearer
    assert (after["total"].to_numpy() < farther - 1e-6).any()
    skipped = int(after["id"][0])
    say(toy, [skipped], "skip")
    assert skipped not in set(scored(toy)["id"])


def test_an_earlier_rounds_model_can_be_asked_and_labels_it_does_not_know_are_left_out(toy, quick):
    first = played(toy, "entropy", **quick)
    toy.add_class("9")
    toy.annotate({int(first.query[0]): "9"})
    second = played(toy, "margin", **quick)
    assert scored(toy, first.number)["total"].equals(scored(toy, first.number)["entropy"])
    assert "entropy" in scored(toy).columns
    same(scored(toy), toy, second)
    assert len(scored(toy, 1)) == len(scored(toy)) == 29
    assert set(scored(toy, 1)["prediction"]) <= {"0", "1", "2", "3"}


def test_on_a_cluster_it_is_the_same_to_the_last_rank(toy, apart, quick, monkeypatch):
    in_process.put_in(monkeypatch, shards)
    apart.label_from_truth(16, seed=0)
    for project, train in ((toy, quick), (apart, SHORT)):
        played(project, "mcdal", **train)
        pd.testing.assert_frame_equal(scored(project, on="ray", workers=2), scored(project), check_exact=False, rtol=1e-5, atol=1e-6)


def test_what_is_told_beside_the_table(toy, quick, tmp_path):
    done = played(toy, "margin", **quick)
    found = score(toy, None, 3, "cpu")
    told = words(found, tmp_path / "scores.csv")
    assert {name: told[name] for name in ("round", "strategy", "images", "device", "unreadable", "out")} == {
        "round": done.number,
        "strategy": "margin",
        "images": 30,
        "device": "cpu",
        "unreadable": 0,
        "out": str(tmp_path / "scores.csv"),
    }
    assert len(found.query) == 3
    assert told["images_per_second"] > 0
    assert "out" not in words(found, None)


def test_what_cannot_be_scored_is_refused_with_the_cure(toy, quick, monkeypatch):
    with pytest.raises(AlcoreError, match="'toy' has no model yet: label some images and train a round"):
        score(toy)
    begun = toy.start(4, seed=0)
    with pytest.raises(AlcoreError, match="was a start without a model: train a round first"):
        score(toy, begun)
    played(toy, "margin", **quick)
    with pytest.raises(BadInput, match="--workers 2 is about a cluster: add --on ray"):
        score(toy, workers=2)
    with pytest.raises(BadInput, match="on = 'slurm' cannot be"):
        score(toy, on="slurm")
    toy.label_from_truth(30, seed=1)
    with pytest.raises(AlcoreError, match="nothing is left to query"):
        score(toy)


def test_a_strategy_of_this_process_alone_is_not_sent_away(toy, quick, monkeypatch):
    class Here(Margin):
        name = "here"
        title = "Here"

    add_strategy(Here)
    try:
        played(toy, "here", **quick)
        assert len(scored(toy)) == 30
        with pytest.raises(BadInput, match="here was added in this process and no other one can know it"):
            score(toy, on="ray")
    finally:
        forget()


def test_unread_images_are_left_out_and_none_at_all_is_said(apart, monkeypatch):
    apart.label_from_truth(16, seed=0)
    played(apart, "margin", **SHORT)
    rows = scoring.Features.rows.fget
    lost = set(apart.pool().unlabeled[:20].tolist())
    monkeypatch.setattr(scoring.Features, "rows", property(lambda self: np.where(np.isin(self.ids, list(lost)), -1, rows(self))))
    assert set(scored(apart)["id"]) == set(apart.pool().unlabeled.tolist()) - lost
    lost.update(apart.pool().unlabeled.tolist())
    with pytest.raises(AlcoreError, match="none of the 24 images that may be asked for has features yet: run `features` first"):
        score(apart)
