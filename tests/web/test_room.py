"""A class by HTTP: who gets in, what is refused and in which words, and that nothing acknowledged is lost."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from alcore.door.middleware import Door
from alcore.teaching.classroom import MOST_STUDENTS
from alcore.teaching.invitation import ALONE
from alcore.teaching.ledger import events
from alcore.teaching.rooms import WRONG
from alcore.web import room
from alcore.web.room import Mount
from alcore.web.routes import routes
from tests.house import ROOT

API = "/api/v1"
MOUNT = Mount(script=lambda: "export default () => 1;", style=lambda: "main { color: red; }", bound=lambda: "127.0.0.1")


@pytest.fixture
def client(workspace, toy):
    """Somebody without a token; `toy` is a project of 40 images in four classes."""
    app = Starlette(
        routes=routes(lambda: workspace, mount=MOUNT),
        middleware=[Middleware(Door, workspace=lambda: workspace, bound=lambda: "0.0.0.0", base=lambda: "")],
    )
    yield TestClient(app, base_url="http://192.168.1.5:8501")
    room.close(workspace)


class Person:
    """Who asks with a token of theirs."""

    def __init__(self, client: TestClient, token: str, code: str = "") -> None:
        self.client, self.headers, self.code = client, {"Authorization": f"Bearer {token}"}, code

    def get(self, path: str, **how):
        return self.client.get(f"{API}/{path}", headers={**self.headers, **how.pop("headers", {})}, **how)

    def post(self, path: str, body):
        return self.client.post(f"{API}/{path}", json=body, headers=self.headers)

    def next(self):
        return self.get(f"room/{self.code}/next").json()

    def answer(self, name: str, item: int, label: int = 0, era: int = 0):
        return self.post(f"room/{self.code}/answers", {"id": name, "item": item, "label": label, "era": era})


@pytest.fixture
def teacher(client, workspace):
    return Person(client, workspace.sign("", "teacher"))


@pytest.fixture
def code(teacher):
    """Of a class on `toy` that waits."""
    return teacher.post("rooms", {"project": "toy", "mode": "together"}).json()["code"]


@pytest.fixture
def join(client, code):
    """`join(name)` gives a student of the class."""

    def joined(name: str = "", of: str = "") -> Person:
        answer = client.post(f"{API}/room/{of or code}/join", json={"name": name})
        assert answer.status_code == 200, answer.text
        return Person(client, answer.json()["token"], of or code)

    return joined


def act(teacher: Person, code: str, action: str):
    return teacher.post(f"room/{code}/actions", {"action": action})


def test_from_the_link_to_a_label_without_signing_in(client, teacher, code, join):
    page = client.get(f"{API}/room/{code}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<title>Class {code} · alcore</title>" in page.text
    ann = join("Ann")
    waiting = ann.next()
    assert waiting == {
        "state": "waiting", "era": 0, "items": [], "wait": "", "answered": 0, "name": "Ann", "team": "",
        "classes": ["0", "1", "2", "3"], "project": "toy",
    }  # fmt: skip
    assert act(teacher, code, "start").json()["state"] == "running"
    first, second = ann.next()["items"]
    assert first["image"] == f"{API}/room/{code}/images/{first['id']}"
    image = ann.get(first["image"].removeprefix(f"{API}/"))
    assert (image.status_code, image.headers["content-type"][:6]) == (200, "image/")
    told = ann.answer("one", first["id"], 2).json()
    assert (told["acked"], told["counted"], told["answered"]) == ("one", True, 1)
    assert told["items"][0] == second
    board = ann.get(f"room/{code}/board").json()
    assert (board["teams"][0]["labels"], "names" in board) == (1, False)
    assert teacher.get(f"room/{code}/board").json()["names"] == [{"name": "Ann", "team": "all", "answered": 1, "here": True}]


def test_the_projects_own_labels_are_not_touched(teacher, code, join, toy):
    before = (toy.counts(), toy.labels_csv())
    act(teacher, code, "start")
    ann = join()
    for n in range(8):
        ann.answer(str(n), ann.next()["items"][0]["id"])
    assert (toy.counts(), toy.labels_csv()) == before


def test_the_pages_policy_lets_its_own_script_run_and_no_other(client, code):
    page = client.get(f"{API}/room/{code}")
    policy = page.headers["content-security-policy"]
    for tag, text in (("script", MOUNT.script()), ("style", MOUNT.style())):
        assert text in page.text
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    again = client.get(f"{API}/room/{code}", headers={"If-None-Match": "*"})  # a 304 would come with another policy
    assert (again.status_code, again.headers["content-security-policy"], again.headers["cache-control"]) == (200, policy, "no-store")
    hostile = client.get(f"{API}/room/%3Cscript%3E")
    assert (hostile.status_code, "<title>alcore</title>" in hostile.text) == (200, True)


# ---- who gets in


@pytest.mark.parametrize("wrong", ["ABCDEF", "abcdef", "ABC", "%2e%2e", "ABCDE1", "A" * 200])
def test_a_wrong_code_is_a_sentence(client, code, wrong):
    answer = client.post(f"{API}/room/{wrong}/join", json={"name": "x"})
    assert answer.status_code == 404
    assert answer.json()["error"] in ("there is no class with this code: read it again", "there is no such code")


def test_codes_cannot_be_tried_for_long_and_students_inside_do_not_notice(client, teacher, code, join):
    act(teacher, code, "start")
    ann = join()
    for _ in range(WRONG):
        assert client.post(f"{API}/room/ABCDEF/join", json={}).status_code == 404
    for tried in ("ABCDEF", code):  # a right one is no longer told from a wrong one
        answer = client.post(f"{API}/room/{tried}/join", json={})
        assert (answer.status_code, answer.json()) == (
            429,
            {"error": "20 wrong codes came from this address: wait a minute, and read the code again"},
        )
    assert ann.answer("1", ann.next()["items"][0]["id"]).status_code == 200


def test_a_students_token_opens_this_class_and_nothing_else(client, teacher, code, join, workspace, make_source, tmp_path):
    from alcore.project.facade import Project

    Project.import_into(workspace, "other", make_source(tmp_path / "other", train=10, test=4))
    other = teacher.post("rooms", {"project": "other", "mode": "race"}).json()["code"]
    ann = join("Ann")
    for path in (f"room/{other}/next", f"room/{other}/board", f"room/{other}/images/1"):
        assert (ann.get(path).status_code, ann.get(path).json()["error"]) == (401, "the token is for another class")
    assert ann.post(f"room/{other}/answers", {"id": "1", "item": 1, "label": 0, "era": 0}).status_code == 401
    for path in (
        "jobs",
        "projects/toy/queue",
        "projects/toy/status",
        "projects/toy/items/1/image",
        "projects/toy/files/labels.csv",
        "rooms",
    ):
        assert ann.get(path).status_code == 401, path
    for path, body in (
        (f"room/{code}/actions", {"action": "end"}),
        ("rooms", {"project": "toy", "mode": "race"}),
        ("projects/toy/annotations", {"client": "x", "events": []}),
        ("learn/films", {}),
    ):
        assert ann.post(path, body).status_code == 401, path
    assert ann.get(f"room/{code}/invitation", params={"at": "http://localhost:8501"}).status_code == 401
    page = client.get("/", headers={**ann.headers, "Accept": "text/html"})
    assert (page.status_code, "Sign in" in page.text) == (401, True)  # the door keeps the app's own pages shut


def test_who_teaches_needs_a_token_of_no_project(client, code, workspace):
    labeler = Person(client, workspace.sign("toy", "me"))
    for answer in (
        labeler.get("rooms"),
        labeler.post("rooms", {"project": "toy", "mode": "race"}),
        labeler.post(f"room/{code}/actions", {"action": "start"}),
    ):
        assert (answer.status_code, answer.json()) == (401, {"error": "the token is for a project: a class is opened from the Learn page"})
    assert Person(client, workspace.token).get("rooms").json() == {"classes": [{"code": code, "project": "toy"}]}


@pytest.mark.parametrize("token", ["", "x", "a.b", "e30.e30"])
def test_a_forged_token_is_none(client, code, token):
    for path in ("next", "board", "images/1", "invitation"):
        assert client.get(f"{API}/room/{code}/{path}", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_page_of_another_site_gets_nothing(client, code):
    answer = client.post(f"{API}/room/{code}/join", json={}, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, "evil.example" in answer.text) == (403, True)
    assert client.get(f"{API}/room/{code}", headers={"Host": "evil.example"}).status_code == 403


# ---- what is refused


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert"),
        ("\u202eannA", "annA"),
        ("\x00\x07", "Otter"),
        ("", "Otter"),
        ("A\nB", "A B"),
    ],
)
def test_hostile_names_come_back_as_plain_text(teacher, code, join, given, shown):
    join(given)
    answer = teacher.get(f"room/{code}/board")
    assert answer.headers["content-type"] == "application/json"
    assert [student["name"] for student in answer.json()["names"]] == [shown]


@pytest.mark.parametrize(
    "body", [b"[]", b'{"name": 7}', b'{"name": "' + b"x" * 201 + b'"}', b"\xff", b'{"name": "' + b"x" * 20_000 + b'"}']
)
def test_what_is_no_name_is_refused(client, code, body):
    answer = client.post(f"{API}/room/{code}/join", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)


def test_a_full_class_says_so(client, code, join):
    for _ in range(MOST_STUDENTS):
        join()
    answer = client.post(f"{API}/room/{code}/join", json={})
    assert (answer.status_code, answer.json()) == (409, {"error": f"the class is full: {MOST_STUDENTS} students are in it"})


def test_a_paused_class_takes_no_answer_and_takes_it_when_it_goes_on(teacher, code, join):
    act(teacher, code, "start")
    ann = join()
    item = ann.next()["items"][0]["id"]
    act(teacher, code, "pause")
    assert (ann.next()["state"], ann.next()["items"]) == ("paused", [])
    refused = ann.answer("1", item)
    assert (refused.status_code, refused.json()) == (409, {"error": "the class is paused"})
    assert (act(teacher, code, "pause").status_code, act(teacher, code, "pause").json()["error"]) == (
        409,
        "cannot pause: the class is paused",
    )
    act(teacher, code, "start")
    assert ann.answer("1", item).json()["counted"] is True
    act(teacher, code, "end")
    assert ann.answer("2", item).json() == {"error": "the class is over"}


def test_an_answer_sent_twice_is_one(teacher, code, join, workspace):
    act(teacher, code, "start")
    ann, ben = join("Ann"), join("Ben")
    item = ann.next()["items"][0]["id"]
    assert [ann.answer("same", item, 1).json()["counted"] for _ in range(3)] == [True, True, True]
    assert ben.answer("same", item, 2).json()["counted"] is False
    assert teacher.get(f"room/{code}/board").json()["teams"][0]["labels"] == 1
    kept = [event for event in events(workspace.home / "classes" / f"{code}.jsonl") if event["event"] == "answer"]
    assert [(event["item"], event["label"]) for event in kept] == [(item, 1), (item, 2)]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "id must be 1 to 64 of the characters A-Z a-z 0-9 _ -"),
        ({"id": "a b", "item": 1, "label": 0, "era": 0}, "id must be 1 to 64 of the characters A-Z a-z 0-9 _ -"),
        ({"id": "a", "item": "1", "label": 0, "era": 0}, "item must be a whole number from 0"),
        ({"id": "a", "item": 1, "label": True, "era": 0}, "label must be a whole number from 0"),
        ({"id": "a", "item": 1, "label": 0}, "era must be a whole number from 0"),
        ({"id": "a", "item": 10**6, "label": 0, "era": 0}, "there is no image 1000000 in this class"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_in_a_sentence(teacher, code, join, body, told):
    act(teacher, code, "start")
    answer = join().post(f"room/{code}/answers", body)
    assert (answer.status_code, answer.json()) == (400, {"error": told})


def test_only_images_of_the_class_are_shown(code, join, toy):
    ann, tested = join(), int(toy.pool().test[0])
    assert (ann.get(f"room/{code}/images/{tested}").status_code, ann.get(f"room/{code}/images/x").status_code) == (404, 404)


def test_what_a_teacher_cannot_open_is_said(teacher, code):
    for body, told in (
        ({"project": "toy", "mode": "race"}, f"'toy' has an open class, {code}: go on with it or end it first"),
        ({"project": "nothing", "mode": "race"}, "there is no project 'nothing'"),
        ({"project": "toy", "mode": "duel"}, "there is no mode 'duel': use one of together, race"),
        ({"project": 7}, "project and mode must be texts"),
    ):
        answer = teacher.post("rooms", body)
        assert answer.status_code in (400, 404)
        assert told in answer.json()["error"]


# ---- the board, the invitation, the restart


def test_a_board_that_has_not_changed_is_not_sent_again(teacher, code, join):
    act(teacher, code, "start")
    ann = join()
    seen = ann.get(f"room/{code}/board")
    again = ann.get(f"room/{code}/board", headers={"If-None-Match": seen.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    ann.answer("1", ann.next()["items"][0]["id"])
    after = ann.get(f"room/{code}/board", headers={"If-None-Match": seen.headers["etag"]})
    assert (after.status_code, after.json()["teams"][0]["labels"]) == (200, 1)


def test_the_invitation_says_how_to_open_the_app_to_the_room(teacher, code):
    told = teacher.get(f"room/{code}/invitation", params={"at": "http://localhost:8501"}).json()
    assert (told["code"], told["link"], told["warning"]) == (code, f"http://localhost:8501{API}/room/{code}", ALONE)
    assert re.match(r"<svg [^>]*viewBox", told["qr"])
    lan = teacher.get(f"room/{code}/invitation", params={"at": "http://192.168.1.5:8501"}).json()
    assert (lan["link"], lan["warning"]) == (f"http://192.168.1.5:8501{API}/room/{code}", "")
    assert teacher.get(f"room/{code}/invitation", params={"at": "javascript:x"}).status_code == 400


def test_a_restart_in_the_middle_loses_nothing_and_students_stay_in(teacher, code, join, workspace):
    act(teacher, code, "start")
    ann = join("Ann")
    for n in range(9):
        ann.answer(f"a{n}", ann.next()["items"][0]["id"], n % 4)
    on_screen = ann.next()["items"][0]["id"]
    before = teacher.get(f"room/{code}/board").json()
    room.close(workspace)
    assert teacher.get("rooms").json() == {"classes": [{"code": code, "project": "toy"}]}
    assert teacher.get(f"room/{code}/board").json() == before
    assert ann.answer("a8", on_screen).json()["counted"] is True  # the last one, sent again: it is known whatever it says
    assert ann.answer("after", on_screen, 1).json()["answered"] == 10


KILLED = """
import os, signal, sys
from starlette.applications import Starlette
from starlette.testclient import TestClient
from alcore.project.facade import Workspace
from alcore.web.routes import routes
place = Workspace(sys.argv[1])
client = TestClient(Starlette(routes=routes(lambda: place)))
head = {"Authorization": f"Bearer {place.token}"}
code = client.post("/api/v1/rooms", json={"project": "toy", "mode": "together"}, headers=head).json()["code"]
mine = {"Authorization": "Bearer " + client.post(f"/api/v1/room/{code}/join", json={"name": "Ann"}).json()["token"]}
client.post(f"/api/v1/room/{code}/actions", json={"action": "start"}, headers=head)
print(code, mine["Authorization"])
for n in range(15):
    item = client.get(f"/api/v1/room/{code}/next", headers=mine).json()["items"][0]["id"]
    print(client.post(f"/api/v1/room/{code}/answers", json={"id": str(n), "item": item, "label": 1, "era": 0}, headers=mine).json()["acked"])
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_killed_server_loses_no_acknowledged_answer(client, teacher, workspace):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(workspace.home)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -9, ended.stderr
    first, *acked = ended.stdout.splitlines()
    code, _, token = first.partition(" ")
    assert acked == [str(n) for n in range(15)]
    board = teacher.get(f"room/{code}/board").json()
    assert (board["state"], board["teams"][0]["labels"]) == ("running", 15)
    ann = Person(client, token.removeprefix("Bearer "), code)
    assert ann.answer("14", ann.next()["items"][0]["id"]).json()["answered"] == 15
    assert ann.answer("15", ann.next()["items"][0]["id"]).json()["answered"] == 16
