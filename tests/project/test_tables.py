"""Frames and columns: what lists, tables and the map show, against the stored arrays."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from alcore.errors import NotFound
from alcore.naming import natural
from alcore.project import labeling, loop, samples, tables
from alcore.project.facade import Project
from alcore.strategies import SCORES
from alcore.types import Annotation
from tests.project.painted import ids_of
from tests.scenes import CLASSES, truth_of

SPECIAL = ("a & b", "ü", 'it\'s "x"', "100 %")


def test_the_status_counts_what_the_queue_counts(waiting):
    a, b, *_ = waiting.round().query
    waiting.journal.record([Annotation("t", 1, a, "label", "0"), Annotation("t", 2, b, "skip")], waiting.classes)
    status = waiting.status()
    expected = {
        "project": "toy",
        "items": 56,
        "splits": {"pool": 40, "test": 16},
        "labeled": 1,
        "skipped": 1,
        "flagged": 0,
        "set_aside": 0,
        "waiting": 4,
    }
    assert {key: status[key] for key in expected} == expected
    assert status["rounds"][0].items() >= {"round": 0, "strategy": "start:random", "labeled": 0, "metrics": {}}.items()
    assert status["jobs"] == []
    assert waiting.queue()["labeled"] == 1


def test_the_frame_has_a_row_for_each_scored_item_most_wanted_first(played):
    frame, files, round_ = played.scores(2), played.files(played.round(2)), played.round(2)
    assert {"id", "path", "entropy", "margin", "confidence", "discrepancy", "total", "rank", "selected", "prediction", "x", "y"} <= set(
        frame.columns
    )
    assert list(frame.columns[:2]) == ["id", "path"]
    assert frame["rank"].tolist() == list(range(1, 23))
    assert (frame["total"].diff().dropna() <= 0).all()
    assert frame["id"][frame["selected"]].tolist() == list(round_.query)
    assert sorted(frame["id"]) == sorted(files.ids.tolist())
    paths = played.items.paths()
    assert frame["path"].tolist() == [paths[i] for i in frame["id"]]
    position = files.position
    logits = files.array("logits")
    assert frame["prediction"].tolist() == [played.classes[int(np.argmax(logits[position[i]]))] for i in frame["id"]]
    ids, xy = files.map
    where = dict(zip(ids.tolist(), xy.tolist(), strict=True))
    assert frame[["x", "y"]].to_numpy().tolist() == [where[i] for i in frame["id"]]


def test_the_frame_of_some_items_is_that_part_of_all(played):
    for number in (0, 1):
        whole = played.scores(number)
        some = [int(i) for i in whole["id"].sample(frac=0.4, random_state=0)]
        part = played.scores(number, [*some, some[0], *played.pool().test[:2].tolist(), 10**9])
        pd.testing.assert_frame_equal(part, whole[whole["id"].isin(some)].reset_index(drop=True))


def test_the_frame_of_a_start_has_its_query(played):
    frame = played.scores(0)
    assert frame["id"].tolist() == list(played.round(0).query)
    assert frame["rank"].tolist() == list(range(1, 11))
    assert frame["selected"].all()


def test_no_answer_for_a_browser_names_the_hidden_truth(played):
    """The source has a folder a class: "train/ü/07.png"."""
    paths = played.items.paths()
    items = [*played.queue(10)["items"], *(played.item(i) for i in played.files(played.round(2)).ids.tolist())]
    for item in items:
        split, truth, name = paths[item["id"]].split("/")
        assert truth in SPECIAL
        assert (item["path"], item["name"]) == (f"{split}/{name}",) * 2


def test_the_order_by_name_is_that_of_the_shown_names_and_tells_no_class(played):
    ids, places = tables.column(played, played.round(2), "id"), tables.column(played, played.round(2), "place_by_name")
    paths = played.items.paths()
    expected = sorted(ids.tolist(), key=lambda i: (natural(played.shown_name(i, paths[i])), i))
    assert places.dtype == np.int32
    assert ids[np.argsort(places)].tolist() == expected
    named = [paths[i].split("/")[1] for i in expected]
    assert named != sorted(named)  # by path it would be the order of the classes
    assert "place_by_name" not in {c["name"] for c in tables.columns(played, played.round(2))}


def test_columns_hold_every_mapped_item_in_the_types_of_the_contract(played):
    files = played.files(played.round(2))
    ids = tables.column(played, played.round(2), "id")
    assert ids.dtype == np.int32
    assert ids.tolist() == files.walked_ids.tolist()
    selected = tables.column(played, played.round(2), "selected")
    assert selected.dtype == np.uint8
    assert set(ids[selected == 1].tolist()) == set(played.round(2).query)
    label, prediction = tables.column(played, played.round(2), "label"), tables.column(played, played.round(2), "prediction")
    assert (label.dtype, prediction.dtype) == (np.int16, np.int16)
    labels = played.items.labels()
    assert label.tolist() == [played.classes.index(labels[i]) if i in labels else -1 for i in ids.tolist()]
    assert prediction.tolist() == np.asarray(files.array("logits")).argmax(1).tolist()
    entropy = tables.column(played, played.round(2), "entropy")
    assert entropy.dtype == np.float32
    assert np.isnan(entropy[22:]).all()
    assert entropy[:22].tolist() == files.scores["entropy"].astype(np.float32).tolist()
    _, xy = files.map
    assert tables.column(played, played.round(2), "x").tolist() == xy[:, 0].tolist()
    assert tables.column(played, played.round(2), "y").tolist() == xy[:, 1].tolist()
    for name in ("nothing", "../id"):
        with pytest.raises(NotFound, match="has no column"):
            tables.column(played, played.round(2), name)
    with pytest.raises(NotFound, match="round 0 of 'to y' has no map"):
        tables.column(played, played.round(0), "id")


def test_the_listing_of_columns_names_kinds_and_ranges(played):
    listed = {c["name"]: c for c in tables.columns(played, played.round(2))}
    assert {name: (listed[name]["title"], listed[name]["wanted"]) for name in ("total", "margin", "discrepancy")} == {
        "total": ("Priority", "high"),
        "margin": ("Margin", "low"),
        "discrepancy": ("Discrepancy", "high"),
    }
    assert listed["total"]["help"].startswith("The discrepancy minus that of the labeled images")
    assert (listed["entropy"]["unit"], listed["entropy"]["help"]) == ("nats", SCORES["entropy"].help)
    assert [c["name"] for c in tables.columns(played, played.round(2))][:3] == ["x", "y", "total"]
    assert {name: c["kind"] for name, c in listed.items()} == {
        **dict.fromkeys(("x", "y", "total", "entropy", "margin", "confidence", "discrepancy"), "number"),
        "prediction": "class", "label": "class", "selected": "flag", "correct": "class", "asked": "order", "annotator": "class",
    }  # fmt: skip
    assert (listed["entropy"]["low"], listed["entropy"]["high"]) == (0.0, pytest.approx(math.log(4)))
    assert (listed["prediction"]["low"], listed["prediction"]["high"]) == (0, 3)
    x = tables.column(played, played.round(2), "x")
    assert (listed["x"]["low"], listed["x"]["high"]) == (x.min(), x.max())
    assert tables.columns(played, played.round(0)) == []


def test_the_map_of_the_next_round_starts_from_the_last_ones_positions(waiting, quick, monkeypatch):

    calls, honest = [], loop.cached_layout

    def layout(points, ids, folder, *, previous, **options):
        calls.append(previous)
        return honest(points, ids, folder, previous=previous, **options)

    monkeypatch.setattr(loop, "cached_layout", layout)
    waiting.label_query_from_truth()
    for _ in range(2):
        waiting.run_round("random", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    ids, xy = waiting.files(waiting.round(1)).map
    assert calls[0] is None
    assert calls[1][0].tolist() == ids.tolist()
    assert np.array_equal(calls[1][1], xy)
    assert sorted(ids.tolist()) == sorted(i for i, split, *_ in waiting.snapshot() if split == "pool")
    loop.make_map(waiting, 1)  # there already
    assert len(calls) == 2


def test_the_learning_curve_lists_each_metric_of_each_round(played):
    from alcore.project import tables

    curve = tables.learning_curve(played.rounds())
    assert list(curve.columns) == ["strategy", "round", "labeled", "metric", "value", "asked_by"]
    accuracy = curve[curve["metric"] == "accuracy"]
    assert accuracy[["strategy", "round", "labeled", "asked_by"]].to_numpy().tolist() == [
        ["MAL", 1, 10, "first labels"],
        ["MCDAL", 2, 18, "MAL"],
    ]
    assert accuracy["value"].tolist() == [played.round(n).metrics["accuracy"] for n in (1, 2)]


def test_labeling_the_query_ends_it_and_the_scores_have_a_class_and_a_label_column(asked):
    done = asked.round()
    assert asked.label_query_from_truth() == 2
    assert labeling.waiting(asked) == 0
    frame = asked.scores(done)
    assert set(frame["prediction"]) <= set(CLASSES)
    labels = dict(
        zip(
            tables.column(asked, asked.round(done.number), "id").tolist(),
            tables.column(asked, asked.round(done.number), "label").tolist(),
            strict=True,
        )
    )
    counts = asked.masks.pixels([asked.items.labels()[done.query[0]]]).popitem()[1]
    assert labels[done.query[0]] == int(np.argmax(counts[:-1]))
    assert samples.samples(asked, 5, 3)[0][1] == 14


def test_the_class_table_counts_pixels_and_images_by_hand(scenes):
    items = ids_of(scenes)
    scenes.annotate({items[n]: truth_of(n) for n in (0, 1)})
    table = {row["class"]: row for row in scenes.class_table()}
    for value, name in enumerate(CLASSES):
        pixels = [int((truth_of(n) == value).sum()) for n in (0, 1)]
        assert (table[name]["pixels"], table[name]["images"]) == (sum(pixels), sum(p > 0 for p in pixels))
    assert sum(row["share"] for row in table.values()) == pytest.approx(1)
    assert [row["pixels"] for row in Project.open("scenes", scenes.workspace.home).class_table()] == [table[c]["pixels"] for c in CLASSES]
