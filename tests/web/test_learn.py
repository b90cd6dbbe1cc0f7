"""Lessons by HTTP: a film's frames are its own bytes, and what cannot be is a sentence."""

from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.teaching.lessons import Lessons
from alcore.web.routes import routes

SMALL = {"kind": "moons", "n": 40, "steps": 12, "strategy": "mcdal"}


@pytest.fixture
def client(workspace):
    """Somebody whose token is of no project."""
    client = TestClient(Starlette(routes=routes(lambda: workspace)))
    client.headers["Authorization"] = f"Bearer {workspace.sign('', 'me')}"
    return client


def test_a_film_is_told_and_its_frames_come_in_runs(client):
    told = client.post("/api/v1/learn/films", json=SMALL).json()
    film = Lessons().film(SMALL)
    assert told == json.loads(json.dumps(film.told()))
    address = f"/api/v1/learn/films/{told['film']}/frames"
    answer = client.get(address, params={"first": 5, "count": 4})
    assert answer.content == b"".join(film.frame(step) for step in (5, 6, 7, 8))
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert client.get(address, params={"first": 10, "count": 10}).content == b"".join(film.frame(step) for step in (10, 11, 12))
    assert client.get(address, headers={"If-None-Match": client.get(address).headers["etag"]}).status_code == 304


def test_what_is_asked_is_told(client):
    answer = client.post("/api/v1/learn/questions", json={**SMALL, "steps": 3})
    assert answer.json() == {"asked": Lessons().asked({**SMALL, "steps": 3})}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"[", 400, "the body is not JSON"),
        (b"[]", 400, "the body must be a JSON object"),
        (b'{"kind": "cubes"}', 400, "there are no points 'cubes': use one of moons, blobs, rings, spiral, rare"),
        (b'{"labeled": []}', 400, None),
        (b" " * 200_001, 413, "the body is longer than 200,000 bytes"),
    ],
)
def test_a_lesson_that_cannot_be_is_refused_in_a_sentence(client, body, status, told):
    for what in ("films", "questions"):
        answer = client.post(f"/api/v1/learn/{what}", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
        assert told is None or answer.json() == {"error": told}


def test_frames_of_no_film_or_no_step_are_refused(client):
    assert client.get("/api/v1/learn/films/none/frames").json() == {"error": "this film is not kept any more: ask for it again"}
    name = client.post("/api/v1/learn/films", json=SMALL).json()["film"]
    for asked in ({"first": 13}, {"count": 0}, {"count": 51}, {"first": -1}):
        assert client.get(f"/api/v1/learn/films/{name}/frames", params=asked).status_code == 400


def test_nobody_learns_without_a_token(client):
    for method, path in (("POST", "films"), ("POST", "questions"), ("GET", "films/x/frames")):
        assert client.request(method, f"/api/v1/learn/{path}", json={}, headers={"Authorization": ""}).status_code == 401
