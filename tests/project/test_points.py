"""What the map tells of points beside scores, against the journal, the rounds and the files; and where they lay in every round."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import NotFound
from alcore.project import points, tables
from alcore.project.features import Features

IDS = np.array([5, 2, 9, 4])


def test_the_newest_round_that_asked_counts_and_later_ones_are_not_known_yet(played):
    second, ids = played.round(2), tables.column(played, played.round(2), "id")
    asked = tables.column(played, second, "asked")
    assert asked.dtype == np.int16
    by = {i: r.number for r in played.rounds() for i in r.query}
    assert asked.tolist() == [by.get(i, -1) for i in ids.tolist()]  # rounds 0, 1 and 2 are the positions 0, 1 and 2
    assert set(asked.tolist()) == {-1, 0, 1, 2}
    listed = {c["name"]: c for c in tables.columns(played, second)}
    assert (listed["asked"]["title"], listed["asked"]["names"]) == ("Asked in", ["Round 0", "Round 1", "Round 2"])
    before = {i: r.number for r in played.rounds()[:2] for i in r.query}
    first = played.round(1)
    told = dict(zip(tables.column(played, first, "id").tolist(), tables.column(played, first, "asked").tolist(), strict=True))
    assert told == {i: before.get(i, -1) for i in told}


def test_an_annotator_is_told_by_the_label_that_stands(project):
    project.start(6, seed=0)
    a, b, c, *_ = project.round().query
    project.annotate({a: project.classes[0], b: project.classes[1]}, annotator="zoe")
    project.annotate({b: project.classes[0], c: project.classes[1]}, annotator="Ann")
    assert project.items.annotators() == ["Ann", "zoe"]
    assert project.items.authors() == {a: "zoe", b: "Ann", c: "Ann"}
    assert points.annotators(project, np.array([c, a, b, 10**6])).tolist() == [0, 1, 0, -1]


def test_a_verdict_takes_the_label_and_where_there_is_none_the_open_truth():
    prediction, label = np.array([1, 1, 2, 0]), np.array([1, 0, -1, -1])
    assert points.verdicts(prediction, label, None).tolist() == [1, 0, -1, -1]
    assert points.verdicts(prediction, label, np.array([0, 1, 2, -1])).tolist() == [1, 0, 1, -1]


def test_right_or_wrong_on_the_map_compares_label_and_prediction(played):
    round_ = played.round(2)
    label, prediction = tables.column(played, round_, "label"), tables.column(played, round_, "prediction")
    expected = [-1 if known < 0 else int(known == said) for known, said in zip(label.tolist(), prediction.tolist(), strict=True)]
    assert tables.column(played, round_, "correct").tolist() == expected
    assert {c["name"]: c.get("names") for c in tables.columns(played, round_)}["correct"] == ["wrong", "right"]


def test_a_hidden_truth_is_no_column(played):
    assert played.settings["truth"] == "hidden"
    assert "truth" not in {c["name"] for c in tables.columns(played, played.round(2))}
    with pytest.raises(NotFound, match="no column 'truth'"):
        tables.column(played, played.round(2), "truth")


def test_an_open_truth_is_a_column_of_classes(project, quick):
    project.label_from_truth(4, seed=0)
    project.run_round("margin", 4, 0, "cpu", train={**quick, "steps": 4}, report=lambda _: None)
    project.change_settings(truth="labels")  # the same project, whose truth people may see
    round_ = project.round()
    ids = tables.column(project, round_, "id").tolist()
    truth = {i: t for i, _, t, *_ in project.snapshot()}
    expected = [project.classes.index(truth[i]) for i in ids]
    assert tables.column(project, round_, "truth").tolist() == expected
    listed = {c["name"]: c for c in tables.columns(project, round_)}
    assert (listed["truth"]["kind"], listed["truth"]["high"]) == ("class", len(project.classes) - 1)
    prediction = tables.column(project, round_, "prediction").tolist()
    assert tables.column(project, round_, "correct").tolist() == [int(p == t) for p, t in zip(prediction, expected, strict=True)]


def test_nothing_is_listed_that_would_be_blank(project, quick):
    round_ = tables.mapped_round(project, 0)
    assert points.listed(project, round_, guessed=True) == []
    assert points.asked(project, round_, IDS).tolist() == [-1] * 4


def test_trails_are_the_positions_in_each_rounds_map(played):
    assert points.mapped(played) == [1, 2]
    one, two = (played.files(played.round(n)) for n in (1, 2))
    ids = [int(i) for i in two.map[0][[3, 0, 7]]]
    told = points.trails(played, [*ids, 10**6])
    assert told["rounds"] == [1, 2]
    for r, files in enumerate((one, two)):
        where = dict(zip(files.map[0].tolist(), files.map[1].tolist(), strict=True))
        assert [told["x"][r][k] for k in range(3)] == [pytest.approx(where[i][0], abs=1e-4) for i in ids]
        assert [told["y"][r][k] for k in range(3)] == [pytest.approx(where[i][1], abs=1e-4) for i in ids]
        assert told["x"][r][3] is told["y"][r][3] is None
    assert points.moves(played)


def test_the_timeline_names_the_rounds_that_have_a_map(played):
    told = points.timeline(played, {2: "Round 2: MCDAL"})
    assert told == {"rounds": [{"number": 1, "title": "Round 1"}, {"number": 2, "title": "Round 2: MCDAL"}], "moves": True}


def test_on_features_one_map_serves_the_time_before_and_every_round(photos, quick):
    found = Features(photos)
    found.complete("cpu")
    ids, xy = found.map()
    assert points.timeline(photos, {}) == {"rounds": [{"number": 0, "title": "Before the first round"}], "moves": False}
    photos.label_from_truth(8, seed=0)
    photos.run_round("margin", 4, 0, "cpu", report=lambda _: None)
    assert points.mapped(photos) == [0, 1]
    assert not points.moves(photos)
    pool = photos.pool().unlabeled.tolist()[:5]
    told, where = points.trails(photos, pool), dict(zip(ids.tolist(), xy.tolist(), strict=True))
    assert told["x"][0] == told["x"][1] == [pytest.approx(where[i][0], abs=1e-4) for i in pool]
