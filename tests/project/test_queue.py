"""What a person and the pages see of a round: the queue with its numbers, the frame of scores, the map's columns.

Longer than 400 lines: one project that was played through serves them all.
"""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from alcore.errors import NotFound
from alcore.naming import natural
from alcore.project import loop, tables
from alcore.project.facade import Project, Workspace
from alcore.strategies import SCORES
from alcore.types import Annotation

SPECIAL = ("a & b", "ü", 'it\'s "x"', "100 %")


@pytest.fixture(scope="module")
def played(tmp_path_factory, make_source, quick):
    """A project after a start, a round of MAL and one of MCDAL, whose query of 8 is open; its classes have awkward names. Read only."""
    folder = tmp_path_factory.mktemp("played")
    workspace = Workspace(folder / "home")
    project = Project.import_into(workspace, "to y", make_source(folder / "source", classes=SPECIAL))
    project.start(10, seed=2)
    project.label_query_from_truth()
    for strategy in ("mal", "mcdal"):
        project.run_round(strategy, 8, 1, "cpu", train={**quick, "steps": 10}, report=lambda _: None)
        if strategy == "mal":
            project.label_query_from_truth()
    yield project
    workspace.close()


@pytest.fixture
def waiting(project):
    """Nothing but a start of 6 at random."""
    project.start(6, seed=0)
    return project


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


# ---- the shape of the queue


def test_before_the_first_query_the_queue_is_empty(project):
    assert project.queue() == {
        "project": "toy", "round": None, "remaining": 0, "total": 0, "labeled": 0, "classes": ["0", "1", "2", "3"], "items": [],
    }  # fmt: skip


def test_in_a_cold_start_items_have_a_reason_and_no_draft(waiting):
    queue = waiting.queue(2)
    rows = waiting.items.rows(waiting.round().query)
    first = waiting.round().query[0]
    assert {key: queue[key] for key in ("project", "round", "remaining", "total", "labeled", "classes")} == {
        "project": "toy", "round": 0, "remaining": 6, "total": 6, "labeled": 0, "classes": ["0", "1", "2", "3"],
    }  # fmt: skip
    assert [item["id"] for item in queue["items"]] == list(waiting.round().query[:2])
    assert queue["items"][0] == {
        "id": first, "path": "train/" + rows[first]["path"].split("/")[-1], "name": "train/" + rows[first]["path"].split("/")[-1], "image": f"/api/v1/projects/toy/items/{first}/image?v={rows[first]['fingerprint']}",
        "width": 8, "height": 8, "rank": None, "of": None, "draft": None, "top": [], "reason": "first query, drawn at random: there is no model yet",
        "scores": {}, "details": [], "state": {"label": None, "skipped": False, "flagged": False},
    }  # fmt: skip


def test_a_queue_has_exactly_the_fields_of_the_contract_and_goes_into_json(played):
    queue = json.loads(json.dumps(played.queue()))
    assert {"project", "round", "remaining", "total", "labeled", "classes", "items"} <= queue.keys()
    assert (queue["project"], queue["round"], queue["remaining"], queue["total"], queue["labeled"]) == ("to y", 2, 8, 8, 18)
    for item in queue["items"]:
        assert set(item) == {
            "id",
            "path",
            "name",
            "image",
            "width",
            "height",
            "rank",
            "of",
            "draft",
            "top",
            "reason",
            "scores",
            "details",
            "state",
        }
        assert item["image"].startswith(f"/api/v1/projects/to%20y/items/{item['id']}/image?v=")
        assert item["draft"] == item["top"][0][0]
        assert item["of"] == 22
        for detail in item["details"]:
            assert {"name", "value", "rank", "of", "percentile", "unit", "low", "high"} <= detail.keys()
            assert math.isfinite(detail["value"])
    assert [item["rank"] for item in queue["items"]] == list(range(1, 9))
    assert [item["id"] for item in queue["items"]] == list(played.round().query)


def test_what_was_dealt_with_leaves_the_queue_and_an_undo_brings_it_back(waiting):
    a, b, c, d, *_ = waiting.round().query
    waiting.journal.record(
        [Annotation("t", 1, a, "label", "0"), Annotation("t", 2, b, "skip"), Annotation("t", 3, c, "flag")], waiting.classes
    )
    queue = waiting.queue(1)
    assert [item["id"] for item in queue["items"]] == [d]
    assert (queue["remaining"], queue["total"], queue["labeled"]) == (3, 6, 1)
    waiting.journal.record([Annotation("t", 4, b, "undo"), Annotation("t", 5, a, "undo")], waiting.classes)
    assert [item["id"] for item in waiting.queue()["items"]][:3] == [a, b, d]
    assert waiting.item(c)["state"] == {"label": None, "skipped": False, "flagged": True}


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


# ---- the numbers in it


@pytest.mark.parametrize("number", [1, 2])
def test_every_number_follows_from_the_stored_logits(played, number):
    files = played.files(played.round(number))
    n = len(files.ids)
    p = softmax(np.asarray(files.array("logits"))[:n])
    expected = {
        "entropy": -(p * np.log(np.maximum(p, 1e-300))).sum(1),
        "confidence": p.max(1),
        "margin": np.sort(p, 1)[:, -1] - np.sort(p, 1)[:, -2],
    }
    if number == 1:
        d, h = files.scores["labeledness_logit"], files.scores["entropy"]
        expected["labeledness"] = 1 / (1 + np.exp(-d))
        expected["total"] = [1 - max(1 + sum(x < d[i] for x in d), 1 + sum(x > h[i] for x in h)) / n for i in range(n)]
    else:
        heads = [softmax(np.asarray(files.array(name))) for name in ("logits", "logits_1", "logits_2")]
        discrepancy = sum(np.abs(a - b).sum(1) / 4 for a, b in itertools.combinations(heads, 2))
        assert len(discrepancy) == n + 18
        expected["discrepancy"] = discrepancy[:n]
        expected["total"] = discrepancy[:n] - discrepancy[n:].mean()
    assert expected.keys() == files.scores.keys() - {"labeledness_logit"}
    for name, values in expected.items():
        np.testing.assert_allclose(files.scores[name], values, atol=1e-6, err_msg=name)


def test_every_item_shows_its_scores_ranks_percentiles_and_likeliest_classes(played):
    files = played.files(played.round(2))
    n, ids = len(files.ids), files.ids.tolist()
    p = softmax(np.asarray(files.array("logits"))[:n])
    for at, item in enumerate(map(played.item, ids)):
        assert item["draft"] == played.classes[int(p[at].argmax())]
        assert item["top"] == [(played.classes[k], round(float(p[at, k]), 4)) for k in sorted(range(4), key=lambda k: -p[at, k])]
        by_name = {detail["name"]: detail for detail in item["details"]}
        assert by_name.keys() == item["scores"].keys() == files.scores.keys()
        for name, detail in by_name.items():
            values = files.scores[name]
            key = values if name in ("margin", "confidence") else -values
            rank = 1 + sum((x, i) < (key[at], ids[at]) for x, i in zip(key, ids, strict=True))
            assert detail["value"] == item["scores"][name] == values[at]
            assert (detail["rank"], detail["of"]) == (rank, n)
            assert detail["percentile"] == round(100 * (n - rank + 1) / n, 1)
        assert (by_name["entropy"]["unit"], by_name["entropy"]["low"]) == ("nats", 0)
        assert by_name["entropy"]["high"] == pytest.approx(math.log(4))
        assert item["rank"] == by_name["total"]["rank"]
        assert f"rank {by_name['discrepancy']['rank']} of 22" in item["reason"]


def test_mal_says_entropy_and_the_discriminators_chance(project, quick):
    project.label_from_truth(12)
    project.run_round("mal", 3, 0, "cpu", train={**quick, "steps": 4}, report=lambda _: None)
    item = project.queue(1)["items"][0]
    ranks = {detail["name"]: detail["rank"] for detail in item["details"]}
    assert "labeledness_logit" not in ranks
    chance = 100 * item["scores"]["labeledness"]
    assert item["reason"] == (
        f"entropy {item['scores']['entropy']:.2g} of at most 1.4, rank {ranks['entropy']} of 28; "
        f"the discriminator gives it {f'{chance:.0f} %' if chance >= 1 else 'under 1 %'} to be labeled, rank {ranks['labeledness']}"
    )


def test_an_item_outside_the_round_is_shown_without_thoughts_and_an_unknown_one_is_not_found(played):
    labeled = sorted(played.items.labels())[0]
    item = played.item(labeled)
    assert (item["rank"], item["draft"], item["top"], item["details"], item["reason"]) == (None, None, [], [], "")
    assert item["state"]["label"] in played.classes
    with pytest.raises(NotFound, match="there is no item 9999"):
        played.item(9999)


def test_a_class_added_after_the_round_is_offered_but_has_no_probability(waiting, quick):
    waiting.label_query_from_truth()
    waiting.run_round("entropy", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    waiting.add_class("new")
    queue = waiting.queue(1)
    assert queue["classes"] == ["0", "1", "2", "3", "new"]
    assert {name for name, _ in queue["items"][0]["top"]} == set("0123")
    assert queue["items"][0]["details"][0]["high"] == pytest.approx(math.log(4))
    assert set(waiting.scores()["prediction"]) <= set("0123")


# ---- frames


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
        "prediction": "class", "label": "class", "selected": "flag",
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


# ---- tokens and where a workspace lies


def test_the_token_is_made_once_and_readable_by_its_owner_only(workspace, home, monkeypatch):
    token = workspace.token
    assert len(token) >= 32
    assert (home / "token").stat().st_mode & 0o777 == 0o600
    other = Workspace(home)
    assert other.token == token
    other.close()
    monkeypatch.setenv("ALCORE_TOKEN", "of the environment")
    assert workspace.token == "of the environment"


def test_a_signed_token_allows_its_project_until_it_expires_and_no_forged_one_does(workspace, tmp_path, monkeypatch):
    signed = workspace.sign("to y", "ann", seconds=60)
    grant = workspace.verify(signed)
    assert (grant.project, grant.annotator) == ("to y", "ann")
    assert workspace.verify(workspace.token).project is None
    payload, mac = signed.split(".")
    other = Workspace(tmp_path / "other")
    for forged in (
        "",
        ".",
        "x",
        payload,
        f"{payload}.",
        f"{payload[:-2]}.{mac}",
        f"{payload}.{mac[::-1]}",
        other.sign("to y", "ann"),
        other.token,
        "ü.ü",
        f"{payload}.{mac}.{mac}",
    ):
        assert workspace.verify(forged) is None, forged
    other.close()
    assert workspace.verify(workspace.sign("to y", "ann", seconds=-2)) is None


def test_a_workspace_lies_where_the_argument_else_the_environment_says(tmp_path, monkeypatch):
    from alcore.errors import AlcoreError
    from alcore.project.place import resolve_home

    monkeypatch.setenv("ALCORE_HOME", str(tmp_path / "env"))
    assert resolve_home(None) == tmp_path / "env"
    assert resolve_home(tmp_path / "arg") == tmp_path / "arg"
    monkeypatch.delenv("ALCORE_HOME")
    monkeypatch.chdir(tmp_path)
    assert resolve_home(None) == tmp_path / "workspace"
    (tmp_path / "file").write_text("x")
    with pytest.raises(AlcoreError, match="the workspace .*file cannot be made: File exists"):
        Workspace(tmp_path / "file")
