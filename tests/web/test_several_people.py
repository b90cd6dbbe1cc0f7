"""The labeling page's routes with several people, over a real project: windows, shares, opinions and second answers."""

from __future__ import annotations

import csv
import io

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project import doubts, samples, sharing
from alcore.project.facade import Project
from alcore.web.routes import routes

pytestmark = pytest.mark.both_databases


@pytest.fixture
def asked_for(toy: Project) -> Project:
    toy.start(12, seed=0)
    return toy


@pytest.fixture
def client(asked_for: Project) -> TestClient:
    return TestClient(Starlette(routes=routes(lambda: asked_for.workspace)))


@pytest.fixture
def auth(asked_for: Project) -> dict[str, str]:
    return as_(asked_for, "ann")


def as_(project: Project, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {project.place.sign(project.name, name)}"}


def test_an_open_window_says_that_it_is_there_and_gets_its_share(client, asked_for, auth):
    project = asked_for
    sharing.choose(project, split=True)
    at = f"/api/v1/projects/{project.name}"
    told = client.get(f"{at}/queue?n=200&done=5&here=w-1&share=2", headers=auth).json()
    assert (told["mode"], len(told["items"]), told["free"], told["elsewhere"]) == ("split", 2, told["total"], 0)
    other = client.get(f"{at}/queue?n=200&done=5&here=w-2&share=2", headers=as_(project, "ben")).json()
    assert (other["elsewhere"], {e["id"] for e in other["items"]} & {e["id"] for e in told["items"]}) == (2, set())
    heard = client.get(f"{at}/changes?after=0&here=w-1&on={told['items'][0]['id']}", headers=auth).json()
    assert (heard["people"], heard["lapsed"], heard["mode"]) == ([{"name": "ben", "item": None}], False, "split")
    assert client.get(f"{at}/changes?here=w-2&leaving=1", headers=auth).json() == {}
    assert client.get(f"{at}/changes?after=0&here=w-1", headers=auth).json()["people"] == []
    assert client.get(f"{at}/queue?n=200&done=5&here=a/b", headers=auth).status_code == 400
    assert "people" not in client.get(f"{at}/changes?after=0", headers=auth).json()


def test_opinions_and_second_answers_are_taken_and_wrong_ones_are_refused(client, asked_for, auth):
    project = asked_for
    item = project.queries.open().waiting[0]
    name = project.classes[0]
    events = [
        {"seq": 1, "item": item, "kind": "label", "value": name, "ms": 5, "round": 0, "replaces": None, "opinions": 2},
        {"seq": 2, "item": item, "kind": "again", "value": name, "ms": 5},
        {"seq": 3, "item": item, "kind": "label", "value": name, "ms": 5, "opinions": 1},
        {"seq": 4, "item": item, "kind": "again", "value": "no such class"},
    ]
    body = {"client": "w-1", "events": events}
    for _ in range(2):  # sent twice, it is stored once
        told = client.post(f"/api/v1/projects/{project.name}/annotations", json=body, headers=auth).json()
        assert told["acked"] == [1, 2]
        assert [r["seq"] for r in told["rejected"]] == [3, 4]
        assert told["rejected"][0]["reason"] == "opinions must be a whole number from 2 to 9, or null"
    assert [(e["kind"], e["opinions"]) for e in project.journal.events() if e["client"] == "w-1"] == [("label", 2), ("again", None)]
    assert (project.items.row(item)["label"], project.items.row(item)["missing"]) == (name, 1)


def test_what_waits_for_ones_own_opinion_is_told_by_no_route_of_a_page(guessing, monkeypatch):
    """Counts of classes, what is taken for what, a cell of it and a view as a table; the files of labels hold everybody's."""
    project = guessing
    monkeypatch.setattr(doubts, "LEAST", 5)
    sharing.choose(project, opinions=2)
    item = project.pool().unlabeled[:1].tolist()[0]
    name = project.classes[1]
    event = {"seq": 1, "item": item, "kind": "label", "value": name, "ms": 5, "replaces": "", "opinions": 2}
    client = TestClient(Starlette(routes=routes(lambda: project.workspace)))
    at, ann, ben = f"/api/v1/projects/{project.name}", as_(project, "ann"), as_(project, "ben")
    before = client.get(f"{at}/classes?way=labeled", headers=ben).json()
    body = {"client": "w-ann", "events": [event]}
    assert client.post(f"{at}/annotations", json=body, headers=ann).json()["acked"] == [1]
    assert (project.items.row(item)["label"], project.items.row(item)["missing"]) == (name, 1)

    def told(who) -> tuple[list[int], str, int]:
        answer = client.get(f"{at}/classes?way=labeled", headers=who).json()
        return [one["labels"] for one in answer["classes"]], answer["hidden"], answer["measured"]["of"]

    def cell(who) -> int:
        return client.post(f"{at}/classes/cell", json={"way": "labeled", "label": name, "guess": None}, headers=who).json()["count"]

    def row(who) -> dict[str, str]:
        table = client.get(f"{at}/files/images.csv", headers=who).text
        return next(one for one in csv.DictReader(io.StringIO(table)) if one["id"] == str(item))

    counts = [one["labels"] for one in before["classes"]]
    assert told(ben) == (counts, samples.left_out(1), before["measured"]["of"])
    more = [n + (k == 1) for k, n in enumerate(counts)]
    assert told(ann) == (more, "", before["measured"]["of"] + 1)
    assert cell(ann) == cell(ben) + 1
    assert [(one["state"], one["label"], one["annotator"], one["time"]) for one in [row(ben)]] == [("", "", "", "")]
    assert (row(ann)["state"], row(ann)["label"], row(ann)["annotator"]) == ("labeled", name, "ann")
    path = project.items.row(item)["path"]
    labels = {one["path"]: one["label"] for one in csv.DictReader(io.StringIO(client.get(f"{at}/files/labels.csv", headers=ben).text))}
    assert labels[path] == name
    client.post(f"{at}/annotations", json={"client": "w-ben", "events": [event]}, headers=ben)
    assert (told(ben), row(ben)["label"]) == (told(ann), name)


def test_an_answer_given_twice_is_no_way_to_learn_of_the_first(client, asked_for, auth):
    """Somebody who was asked again tells the same class once more, as a note: others do not read it before they have answered."""
    project = asked_for
    sharing.choose(project, opinions=2)
    item, name = project.queries.open().waiting[0], project.classes[0]
    events = [
        {"seq": 1, "item": item, "kind": "label", "value": name, "ms": 5, "round": 0, "replaces": "", "opinions": 2},
        {"seq": 2, "item": item, "kind": "again", "value": name, "ms": 5},
    ]
    at = f"/api/v1/projects/{project.name}"
    client.post(f"{at}/annotations", json={"client": "w-1", "events": events}, headers=auth)

    def kinds(who) -> list[str]:
        return [event["kind"] for event in client.get(f"{at}/items/{item}/history", headers=who).json()["events"]]

    assert (kinds(auth), kinds(as_(project, "ben"))) == (["label", "again"], [])
