"""Which role each route takes, restated as a table: every route for every role, a stranger, and whoever's account has ended."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.accounts.accounts import Account
from alcore.accounts.roles import Role
from alcore.project.addresses import API
from alcore.web.routes import routes

WORD = "correct horse"
V, A, OWN = Role.VIEWER, Role.ANNOTATOR, Role.OWNER
ANYBODY, STUDENT = "anybody", "student"
P = "/projects/{project}"
TABLE: dict[str, object] = {
    "GET /health": ANYBODY,
    "POST /origin": ANYBODY,  # the door has looked at it
    "GET /jobs": V,
    f"GET {P}/status": V,
    f"GET {P}/queue": V,
    f"GET {P}/changes": V,
    f"POST {P}/annotations": A,
    f"GET {P}/items/{{item}}": V,
    f"GET {P}/items/{{item}}/image": V,
    f"GET {P}/rounds/{{round}}/columns": V,
    f"GET {P}/rounds/{{round}}/columns/{{column}}": V,
    f"GET {P}/trails": V,
    f"GET {P}/files/{{file}}": V,
    f"GET {P}/images": V,
    f"GET {P}/thumbnails": V,
    f"GET {P}/overlays": V,
    f"GET {P}/selections/{{among}}": V,
    f"GET {P}/items/{{item}}/history": V,
    f"GET {P}/items/{{item}}/why": V,
    f"POST {P}/selections": V,
    f"POST {P}/batches": A,
    f"POST {P}/items/{{item}}/note": A,
    f"POST {P}/views": A,
    f"GET {P}/classes": V,
    f"GET {P}/examples": V,
    f"POST {P}/classes": OWN,
    f"POST {P}/classes/cell": V,
    f"GET {P}/items/{{item}}/mask": V,
    f"POST {P}/items/{{item}}/mask": A,
    f"GET {P}/items/{{item}}/superpixels": V,
    f"GET {P}/rounds/{{round}}/items/{{item}}/draft": V,
    f"GET {P}/rounds/{{round}}/items/{{item}}/layers/{{layer}}": V,
    f"GET {P}/rounds/{{round}}/items/{{item}}/heads/{{head}}": V,
    f"GET {P}/items/{{item}}/clicks": V,
    f"POST {P}/items/{{item}}/clicks": A,
    f"GET {P}/proposals": V,
    f"POST {P}/proposals": OWN,
    "GET /learn/films/{film}/frames": V,
    "POST /learn/films": V,
    "POST /learn/questions": V,
    "GET /uploads": OWN,
    "GET /uploads/{upload}": OWN,
    "GET /folders": OWN,
    "POST /uploads": OWN,
    "POST /uploads/{upload}/files": OWN,
    "POST /uploads/{upload}/pieces": OWN,
    "POST /uploads/{upload}/actions": OWN,
    "GET /rooms": OWN,
    "POST /rooms": OWN,
    "GET /room/{code}": ANYBODY,
    "POST /room/{code}/join": ANYBODY,
    "GET /room/{code}/next": STUDENT,
    "POST /room/{code}/answers": STUDENT,
    "GET /room/{code}/images/{item}": STUDENT,
    "GET /room/{code}/board": STUDENT,
    "POST /room/{code}/actions": OWN,
    "GET /room/{code}/invitation": OWN,
}
PARTS = {"item": "1", "round": "0", "project": "toy", "code": "AAAAAA", "file": "labels.csv"}


@pytest.fixture
def people(toy, workspace) -> dict[Role, Account]:
    return {role: workspace.accounts.add(role.word.capitalize(), role, WORD) for role in sorted(Role, reverse=True)}


@pytest.fixture
def http(workspace) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as client:
        yield client


def ask(http: TestClient, route: str, token: str) -> int:
    method, _, path = route.partition(" ")
    filled = re.sub(r"{(\w+)}", lambda found: PARTS.get(found[1], "x"), path)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if method == "POST":
        return http.post(f"{API}{filled}", json={}, headers=headers).status_code
    return http.get(f"{API}{filled}", headers=headers).status_code


def test_the_table_has_every_route_and_no_other(workspace):
    there = [
        f"{method} {route.path.removeprefix(API)}"
        for route in routes(lambda: workspace)
        for method in (route.methods or set()) - {"HEAD"}
        if not route.path.startswith("/api") or route.path.startswith(API)
    ]
    assert sorted(there) == sorted(TABLE)


@pytest.mark.parametrize("route", TABLE)
def test_a_route_takes_its_role_and_none_below(http, workspace, people, route):
    needs = TABLE[route]
    of_project = "toy" if P in route else ""
    for role, account in people.items():
        status = ask(http, route, workspace.sign(of_project, account.name, standing=account.standing))
        if needs == STUDENT:
            assert status in (401, 404), role  # a class's own token; that of an owner opens the board of a class that is there
        elif needs == ANYBODY or role >= needs:
            assert status not in (401, 403), role
        else:
            assert status == 403, role
    assert ask(http, route, "") in ((200, 400, 404) if needs == ANYBODY else (401, 404) if needs == STUDENT else (401,))


@pytest.mark.parametrize("route", [route for route, needs in TABLE.items() if needs in (V, A, OWN)])
def test_a_token_ends_with_its_account(http, workspace, people, route):
    of_project = "toy" if P in route else ""
    account = people[OWN]
    workspace.accounts.add("Second", OWN, WORD)
    token = workspace.sign(of_project, account.name, standing=account.standing)
    assert ask(http, route, token) not in (401, 403)
    workspace.accounts.end(account.name)
    assert ask(http, route, token) == 401


def test_what_a_page_without_accounts_handed_out_ends_with_the_first_one_and_a_machines_own_does_not(http, workspace, toy, monkeypatch):
    open_, own = workspace.sign("toy", "ann", standing="open"), workspace.sign("toy", "ann")
    assert [ask(http, f"POST {P}/batches", token) for token in (open_, own)] == [400, 400]
    workspace.accounts.add("Ann", OWN, WORD)
    assert [ask(http, f"POST {P}/batches", token) for token in (open_, own, workspace.token)] == [401, 400, 400]
    monkeypatch.setenv("ALCORE_SIGN_IN", "0")
    assert ask(http, f"POST {P}/batches", open_) == 400


def test_another_role_counts_at_once(http, workspace, people):
    account = people[A]
    token = workspace.sign("toy", account.name, standing=account.standing)
    assert ask(http, f"POST {P}/batches", token) == 400
    workspace.accounts.set_role(account.name, V)
    assert ask(http, f"POST {P}/batches", token) == 403
    workspace.accounts.set_role(account.name, OWN)
    assert ask(http, f"POST {P}/classes", token) == 400


def test_labels_stand_under_the_accounts_name_whatever_a_token_says(http, workspace, people, toy):
    item = int(toy.pool().unlabeled[0])
    token = workspace.sign("toy", "Somebody Else", standing=people[A].standing)
    event = {"client": "a", "events": [{"seq": 1, "item": item, "kind": "label", "value": toy.classes[0]}]}
    sent = http.post(f"{API}/projects/toy/annotations", json=event, headers={"Authorization": f"Bearer {token}"})
    assert sent.json()["acked"] == [1]
    history = http.get(f"{API}/projects/toy/items/{item}/history", headers={"Authorization": f"Bearer {token}"}).json()
    assert [told["annotator"] for told in history["events"]] == ["Annotator"]


@pytest.mark.parametrize("kind", ["hold", "back"])
def test_an_annotator_answers_many_at_once_and_holds_none_out(http, workspace, people, toy, kind):
    ids = [int(i) for i in toy.pool().unlabeled[:2]]
    headers = {role: {"Authorization": f"Bearer {workspace.sign('toy', one.name, standing=one.standing)}"} for role, one in people.items()}
    at = f"{API}/projects/toy/batches"
    assert http.post(at, json={"client": "b1", "ids": ids, "kind": "skip"}, headers=headers[A]).json()["stored"] == 2
    if kind == "back":
        assert http.post(at, json={"client": "b0", "ids": ids, "kind": "hold"}, headers=headers[OWN]).status_code == 200
    refused = http.post(at, json={"client": "b2", "ids": ids, "kind": kind}, headers=headers[A])
    assert (refused.status_code, refused.json()) == (403, {"error": "this takes the role owner, and yours is annotator: ask an owner"})
    assert http.post(at, json={"client": "b2", "ids": ids, "kind": kind}, headers=headers[OWN]).status_code == 200
    undo = {"client": "b3", "undo": "b2", "kind": kind}
    assert [http.post(at, json=undo, headers=headers[role]).status_code for role in (A, OWN)] == [403, 200]


def test_a_viewer_keeps_no_image_of_a_shared_queue(http, workspace, people, toy):
    toy.start(8, seed=0)
    seats = {}
    for role in (V, A):
        token = workspace.sign("toy", people[role].name, standing=people[role].standing)
        headers = {"Authorization": f"Bearer {token}"}
        assert (
            http.get(f"{API}/projects/toy/queue", params={"here": role.word, "share": "4", "done": "0"}, headers=headers).status_code == 200
        )
        assert http.get(f"{API}/projects/toy/changes", params={"here": role.word, "on": "1"}, headers=headers).status_code == 200
        seats[role] = sorted(seat.annotator for seat in toy.presence.seats(time.time()))
    assert seats == {V: [], A: ["Annotator"]}


def test_an_annotator_takes_back_their_own_alone(http, workspace, people, toy):
    item = int(toy.pool().unlabeled[0])
    headers = {role: {"Authorization": f"Bearer {workspace.sign('toy', one.name, standing=one.standing)}"} for role, one in people.items()}

    def send(role: Role, seq: int, kind: str, value: str | None = None) -> dict[str, Any]:
        events = [{"seq": seq, "item": item, "kind": kind, "value": value}]
        return http.post(f"{API}/projects/toy/annotations", json={"client": role.word, "events": events}, headers=headers[role]).json()

    assert send(OWN, 1, "label", toy.classes[0])["acked"] == [1]
    assert send(A, 1, "undo")["rejected"] == [{"seq": 1, "reason": "there is nothing of yours to take back"}]
    assert toy.items.labels()[item] == toy.classes[0]
    assert send(A, 2, "label", toy.classes[1])["acked"] == [2]
    assert send(A, 3, "undo")["acked"] == [3]
    assert toy.items.labels()[item] == toy.classes[0]


def test_a_saved_view_is_everybodys_so_only_an_owner_replaces_or_forgets_it(http, workspace, people, toy):
    headers = {role: {"Authorization": f"Bearer {workspace.sign('toy', one.name, standing=one.standing)}"} for role, one in people.items()}
    at = f"{API}/projects/toy/views"
    kept = [http.post(at, json={"name": "mine", "address": "state=labeled"}, headers=headers[role]).status_code for role in (A, A, OWN)]
    gone = [http.post(at, json={"name": "mine", "address": None}, headers=headers[role]).status_code for role in (A, OWN)]
    assert (kept, gone) == ([200, 403, 200], [403, 200])
