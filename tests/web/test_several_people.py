"""The labeling page's routes with several people, over a real project: windows, shares, opinions and second answers."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project import sharing
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
