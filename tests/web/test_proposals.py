"""A comparison by HTTP: begun, looked at, cancelled, and one of its proposals taken."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project import background
from alcore.web.routes import routes
from tests.project.timed import wait

AT = "/api/v1/projects/toy/proposals"


@pytest.fixture
def client(workspace, toy, quick):
    toy.run_round("margin", 5, 1, "cpu", train={**quick, "steps": 6}, report=lambda _: None)
    client = TestClient(Starlette(routes=routes(lambda: workspace)))
    client.headers["Authorization"] = f"Bearer {workspace.sign('toy', 'ann')}"
    return client


def done(client) -> dict:
    wait(lambda: client.get(AT).json()["state"] != "running")
    return client.get(AT).json()


def test_it_is_made_in_a_job_and_one_is_taken(client, toy):
    assert client.get(AT).json() == {"state": "none"}
    assert client.post(AT, json={"action": "take", "name": "margin"}).status_code == 400
    begun = client.post(AT, json={"action": "compare", "size": 15}).json()
    assert begun["state"] in ("running", "done")
    told = done(client)
    assert (told["state"], told["round"], told["size"], told["newer"], told["answered"]) == ("done", 1, 15, False, 0)
    by_name = {each["name"]: each for each in told["proposals"]}
    assert by_name["margin"]["title"] == "Margin, as the round itself"
    assert by_name["entropy"]["count"] == 15
    assert len(by_name["entropy"]["pictures"]) == 12
    kept = toy.workspace.runner.jobs("toy")[0].result
    first = kept["proposals"][0]
    pictures = told["proposals"][0]["pictures"]
    assert [each["id"] for each in pictures] == first["ids"][:12]
    assert [each["guess"] for each in pictures] == first["guesses"][:12]
    assert client.get(pictures[0]["image"]).status_code == 200
    toy.annotate({first["ids"][0]: "1"})
    assert client.get(AT).json()["answered"] == 1
    taken = client.post(AT, json={"action": "take", "name": first["name"]})
    assert taken.json() == {"round": 2}
    assert list(toy.round(2).query) == first["ids"][1:]
    assert client.get(AT).json()["newer"] is False  # it has no look of its own
    refused = client.post(AT, json={"action": "take", "name": "nobody"})
    assert (refused.status_code, "no proposal of 'nobody'" in refused.json()["error"]) == (400, True)


def test_a_newer_look_is_told(client, toy, quick):
    client.post(AT, json={"action": "compare", "size": 3})
    done(client)
    toy.run_round("entropy", 3, 1, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    assert client.get(AT).json()["newer"] is True


def test_one_that_runs_is_not_begun_twice_and_can_be_cancelled(client, toy):
    table = toy.place.job_rows
    job = table.add_job(background.COMPARISON, "toy", "t", {"size": 3}, background.COMPARING, owner=toy.workspace.runner.owner)
    told = client.post(AT, json={"action": "compare", "size": 3}).json()
    assert told == {"state": "running", "done": 0, "total": 0, "message": ""}
    assert [each.id for each in toy.workspace.runner.jobs("toy") if each.kind == background.COMPARISON] == [job.id]
    client.post(AT, json={"action": "cancel"})
    assert table.job(job.id).cancel is True
    table.finish_job(job.id, "cancelled", owner=toy.workspace.runner.owner)
    assert client.get(AT).json() == {"state": "none"}
    assert client.post(AT, json={"action": "cancel"}).json() == {"state": "none"}


def test_what_failed_says_why_and_what_makes_no_sense_is_refused(client, toy):
    table = toy.place.job_rows
    job = table.add_job(background.COMPARISON, "toy", "t", {"size": 3}, background.COMPARING, owner=toy.workspace.runner.owner)
    table.finish_job(job.id, "failed", error="the files are gone", owner=toy.workspace.runner.owner)
    assert client.get(AT).json() == {"state": "failed", "error": "the files are gone"}
    for content in ({}, {"action": "compare"}, {"action": "compare", "size": 0}, {"action": "compare", "size": "9"}, {"action": "take"}):
        assert client.post(AT, json=content).status_code == 400
    toy.annotate(dict.fromkeys(toy.pool().unlabeled.tolist(), "1"))
    client.post(AT, json={"action": "compare", "size": 3})
    told = done(client)
    assert told["state"] == "failed"
    assert "nothing that round 1 looked at is left to ask for" in told["error"]
