"""Two people at one query: what contradicts is kept and told, an undo is one's own, what was answered can be gone back to."""

from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project import labeling, slices
from alcore.types import Annotation
from alcore.web import routes as web

pytestmark = pytest.mark.both_databases

ANN, BEN = "ann", "ben"


@pytest.fixture
def waiting(project):
    """A start of 6 at random; classes 0 to 3."""
    project.start(6, seed=0)
    return project


def said(item: int, value: str | None, who: str, seq: int, replaces: str | None = "", kind: str = "label", **more) -> Annotation:
    return Annotation(f"tab-{who}", seq, item, kind, value, annotator=who, replaces=replaces, **more)


def take(project, *events: Annotation):
    return project.journal.take(events, project.classes)


def row(project, item: int) -> tuple:
    found = project.items.row(item)
    return found["label"], found["disputed"], found["skipped"], found["flagged"]


# ---- the journal


def test_both_answers_are_kept_and_the_second_is_told(waiting):
    item = waiting.round().query[0]
    assert take(waiting, said(item, "1", ANN, 1, round=0)).conflicts == []
    taken = take(waiting, said(item, "2", BEN, 1, round=0))
    assert (taken.acked, taken.rejected) == ([1], [])
    assert taken.conflicts == [{"seq": 1, "item": item, "label": "1", "annotator": ANN, "value": "2"}]
    assert row(waiting, item) == ("2", True, False, False)
    assert [(e["annotator"], e["value"], e["replaces"], e["round"]) for e in waiting.journal.events()] == [
        (ANN, "1", "", 0),
        (BEN, "2", "", 0),
    ]
    assert take(waiting, said(item, "2", BEN, 1)).conflicts == []  # sent twice: stored once, told once
    assert waiting.journal.differences() == 0
    assert waiting.queries.disputed() == [item]
    take(waiting, said(item, "1", "cleo", 1, replaces="2"))
    assert row(waiting, item) == ("1", False, False, False)
    assert waiting.queries.disputed() == []


def test_events_of_one_request_see_one_another(waiting):
    item = waiting.round().query[0]
    events = [said(item, "1", BEN, 1), said(item, None, BEN, 2, None, "undo"), said(item, "2", BEN, 3), said(item, "3", BEN, 4, "2")]
    taken = take(waiting, *events)
    assert (taken.acked, taken.conflicts) == ([1, 2, 3, 4], [])
    assert row(waiting, item) == ("3", False, False, False)


def test_a_rebuilt_table_keeps_disputes(waiting):
    item = waiting.round().query[0]
    take(waiting, said(item, "1", ANN, 1))
    take(waiting, said(item, "2", BEN, 1))
    assert waiting.journal.rebuild() == 0
    assert row(waiting, item) == ("2", True, False, False)


# ---- what the page reads


def test_the_whole_query_can_be_gone_back_to(waiting):
    a, b, c, d, *rest = waiting.round().query
    for seq, event in enumerate([("label", a, "1"), ("skip", b, None), ("flag", c, None), ("label", d, "2")], 1):
        kind, item, value = event
        take(waiting, said(item, value, ANN, seq, kind=kind))
    told = labeling.query(waiting, 10, done=10)
    assert [entry["id"] for entry in told["items"]] == rest
    assert [entry["id"] for entry in told["done"]] == [a, b, c, d]  # the newest last: one step back is the last answer
    states = [(s["label"], s["skipped"], s["flagged"]) for s in (entry["state"] for entry in told["done"])]
    assert states == [("1", False, False), (None, True, False), (None, False, True), ("2", False, False)]
    assert [[(e["kind"], e["value"], e["annotator"]) for e in entry["events"]] for entry in told["done"]] == [
        [("label", "1", ANN)],
        [("skip", None, ANN)],
        [("flag", None, ANN)],
        [("label", "2", ANN)],
    ]
    assert (told["answered"], told["disputed"], told["rounds"]) == (4, 0, [{"round": 0, "remaining": 2}])
    assert [entry["id"] for entry in labeling.query(waiting, 1, done=2, skip=1)["done"]] == [b, c]
    json.dumps(told)


def test_a_round_that_ends_meanwhile_changes_no_open_query(waiting):
    first = waiting.round().query
    take(waiting, said(first[0], "1", ANN, 1))
    waiting.start(4, seed=1)
    assert waiting.queries.open().number == 1
    told = labeling.query(waiting, 10, number=0, done=10)
    assert (told["round"], [e["id"] for e in told["items"]], [e["id"] for e in told["done"]]) == (0, list(first[1:]), [first[0]])
    assert told["rounds"] == [{"round": 0, "remaining": 5}, {"round": 1, "remaining": 4}]


def test_changes_are_told_once_and_in_order(waiting):
    a, b, *_ = waiting.round().query
    start = labeling.changes(waiting, 0)
    assert (start["event"], start["items"]) == (0, [])
    take(waiting, said(a, "1", ANN, 1), said(b, "2", ANN, 2), said(a, "3", ANN, 3, "1"))
    told = labeling.changes(waiting, start["event"])
    assert [(entry["id"], entry["state"]["label"], len(entry["events"])) for entry in told["items"]] == [(b, "2", 1), (a, "3", 2)]
    assert labeling.changes(waiting, told["event"])["items"] == []
    assert labeling.query(waiting, 1)["event"] == told["event"]


def test_a_test_slice_is_told_with_the_queue_and_with_changes(waiting):
    assert labeling.query(waiting, 6)["live"] is None
    drawn = set(slices.draw(waiting, 8, seed=1).waiting)
    [tested] = [i for i in waiting.round().query if i in drawn][:1]
    waiting.annotate({tested: "1"}, annotator="ann")
    told = labeling.query(waiting, 6, done=1)
    assert {item["id"]: item["test"] for item in told["items"]} == {i: i in drawn for i in waiting.round().query if i != tested}
    assert [(item["id"], item["test"]) for item in told["done"]] == [(tested, True)]
    live = {
        "on": False,
        "every": 10,
        "labeled": 1,
        "learned": None,
        "learning": False,
        "waits": False,
        "tested": 1,
        "test": 8,
        "accuracy": None,
        "low": False,
        "pace": None,
        "goal": [],
    }
    assert told["live"] == labeling.changes(waiting, 0)["live"] == live


def test_only_those_are_people_who_took_time(waiting):
    a, b, c, *_ = waiting.round().query
    take(waiting, said(a, "1", BEN, 1, ms=500), said(b, "1", ANN, 1, ms=500), said(c, "1", ANN, 2, ms=700))
    waiting.annotate({c: "2"}, annotator="notebook")
    assert labeling.people(waiting) == [ANN, BEN]


# ---- by HTTP


@pytest.fixture
def http(waiting):
    workspace = waiting.workspace
    with TestClient(Starlette(routes=web.routes(lambda: workspace)), base_url="http://localhost:8501") as client:

        def ask(method: str, path: str, who: str, **more):
            token = workspace.sign(waiting.name, who)
            return client.request(method, f"/api/v1/projects/{waiting.name}/{path}", headers={"Authorization": f"Bearer {token}"}, **more)

        yield ask


def post(http, who: str, seq: int, item: int, value: str, **more):
    event = {"seq": seq, "item": item, "kind": "label", "value": value, "ms": 900, **more}
    return http("POST", "annotations", who, json={"client": f"tab-{who}", "events": [event]})


def test_a_contradiction_comes_back_as_a_conflict_and_waits_for_review(waiting, http):
    item = waiting.round().query[0]
    assert post(http, ANN, 1, item, "1", replaces=None, round=0).json() == {"acked": [1], "rejected": []}
    answer = post(http, BEN, 1, item, "2", replaces=None, round=0).json()
    assert answer == {"acked": [1], "rejected": [], "conflicts": [{"seq": 1, "item": item, "label": "1", "annotator": ANN, "value": "2"}]}
    listed = http("GET", "queue?view=review", ANN).json()
    assert (listed["total"], listed["remaining"], [e["id"] for e in listed["items"]]) == (1, 1, [item])
    assert [(e["annotator"], e["value"]) for e in listed["items"][0]["events"]] == [(ANN, "1"), (BEN, "2")]
    assert post(http, ANN, 2, item, "1", replaces="2").json() == {"acked": [2], "rejected": []}
    assert http("GET", "queue?view=review", ANN).json()["items"] == []


def test_an_event_without_what_its_author_saw_is_taken_as_before(waiting, http):
    item = waiting.round().query[0]
    post(http, ANN, 1, item, "1")
    assert post(http, BEN, 1, item, "2").json() == {"acked": [1], "rejected": []}
    assert row(waiting, item) == ("2", False, False, False)


@pytest.mark.parametrize("replaces", [1, ["1"], {}, True])
def test_what_an_author_saw_is_a_text(waiting, http, replaces):
    answer = post(http, ANN, 1, waiting.round().query[0], "1", replaces=replaces).json()
    assert (answer["acked"], answer["rejected"][0]["seq"]) == ([], 1)
    assert answer["rejected"][0]["reason"].startswith("replaces must be")


def test_changes_and_rounds_by_address(waiting, http):
    item = waiting.round().query[0]
    post(http, ANN, 1, item, "1", replaces=None)
    told = http("GET", "changes?after=0", BEN).json()
    assert [entry["id"] for entry in told["items"]] == [item]
    assert http("GET", f"changes?after={told['event']}", BEN).json()["items"] == []
    assert http("GET", "changes?after=-1", BEN).status_code == 400
    assert http("GET", "queue?n=0&done=5&round=0", BEN).json()["done"][0]["id"] == item
    assert http("GET", "queue?round=7", BEN).status_code == 404
    assert http("GET", "queue?view=all", BEN).status_code == 400
