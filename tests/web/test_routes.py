"""The HTTP routes over a small workspace in memory: who may ask, what is refused, what comes back.

Longer than 400 lines: one small workspace serves all routes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.accounts.roles import Role
from alcore.errors import BadInput, NotFound
from alcore.progress import Progress
from alcore.project.place import Grant
from alcore.storage.journal import Taken
from alcore.types import Annotation, Job
from alcore.web.routes import EVENTS, routes

ALL, DIGITS, CATS = "all-projects", "digits-only", "cats-only"
POST = "/api/v1/projects/digits/annotations"


class Runner:
    def __init__(self) -> None:
        progress = Progress("train", 30, 100, {"loss": 0.5}, "batch halved")
        self.all = [
            Job(2, "round", "cats", "MAL on cats", {}, "cpu", "running", progress, created=5.0, started=6.0),
            Job(1, "round", "digits", "MCDAL", {}, "cpu", "failed", progress, created=1.0, started=2.0, finished=3.0, error="disk full"),
        ]

    def jobs(self, project: str | None = None, limit: int = 50) -> list[Job]:
        return [job for job in self.all if project in (None, job.project)][:limit]

    def eta_seconds(self, job: Job) -> float | None:
        return 12.5 if job.state == "running" else None

    def fraction(self, job: Job) -> float | None:
        return 0.25 if job.state == "running" else None


class Project:
    name = "digits"
    classes = ("0", "1")
    dense = False

    def __init__(self) -> None:
        self.stored: dict[tuple[str, int], Annotation] = {}
        self.pictures = 0
        self.settings: dict[str, Any] = {}
        self.columns_kept: dict[str, np.ndarray] = {
            "id": np.array([3, 5], np.int32),
            "x": np.array([1.5, -2.0], np.float32),
            "label": np.array([-1, 258], ">i2"),
            "selected": np.array([0, 1], np.uint8),
            "wrong": np.array([1.0, 2.0]),
        }

    def status(self) -> dict[str, Any]:
        return {"items": 2, "labeled": 0}

    def queue(self, n: int = 48) -> dict[str, Any]:
        return {"project": self.name, "items": [{"id": n}]}

    def item(self, item_id: int, viewer: str | None = None) -> dict[str, Any]:
        if item_id != 17:
            raise NotFound(f"there is no item {item_id}")
        return {"id": 17}

    @property
    def journal(self) -> Project:
        return self

    def take(self, events: Sequence[Annotation], classes: Sequence[str], own: bool = False) -> Taken:
        acked, rejected = [], []
        for event in events:
            if event.kind == "label" and event.value not in self.classes:
                rejected.append({"seq": event.seq, "reason": f"there is no class {event.value!r}"})
                continue
            self.stored.setdefault((event.client, event.seq), event)
            acked.append(event.seq)
        return Taken(acked, rejected)

    def picture(self, item_id: int, size: int) -> tuple[bytes, str, str]:
        self.item(item_id)
        self.pictures += 1
        return b"picture of %d" % size, "image/png", f"ab12-{size}"

    def round(self, number: int) -> int:
        return number

    def columns(self, round_number: int) -> list[dict[str, Any]]:
        if round_number == 9:
            raise BadInput("round 9 has no map yet")
        return [{"name": "x", "kind": "number", "low": -2.0, "high": 1.5}]

    def column(self, round_number: int, name: str) -> np.ndarray:
        if name not in self.columns_kept:
            raise NotFound(f"round {round_number} has no column {name}")
        return self.columns_kept[name]


class Live:
    """Notes the projects whose labels may make a round due."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def answered(self, name: str) -> None:
        self.told.append(name)


class Workspace:
    def __init__(self) -> None:
        self.runner = Runner()
        self.live = Live()
        self.digits = Project()
        self.asked: list[str] = []

    def verify(self, token: str) -> Grant | None:
        return {
            ALL: Grant(None, "owner", Role.OWNER),
            DIGITS: Grant("digits", "ann", Role.OWNER),
            CATS: Grant("cats", "bob", Role.OWNER),
        }.get(token)

    def project(self, name: str) -> Project:
        self.asked.append(name)
        if name == "broken":
            raise ZeroDivisionError("a bug")
        if name != "digits":
            raise NotFound(f"there is no project {name!r}")
        return self.digits


@pytest.fixture
def workspace(monkeypatch) -> Workspace:
    monkeypatch.setattr("alcore.project.tables.columns", lambda project, number: project.columns(number))
    monkeypatch.setattr("alcore.project.tables.column", lambda project, number, name: project.column(number, name))
    return Workspace()


@pytest.fixture
def http(workspace: Workspace) -> Iterator[TestClient]:
    app = Starlette(routes=routes(lambda: workspace, version="1.2"))
    with TestClient(app, base_url="http://localhost:8501", headers={"Authorization": f"Bearer {ALL}"}) as client:
        yield client


def event(**changes: Any) -> dict[str, Any]:
    return {"seq": 1, "item": 17, "kind": "label", "value": "1", "ms": 812, **changes}


def body(*events: Any, client: Any = "tab-1") -> dict[str, Any]:
    return {"client": client, "events": list(events)}


# ---- who may ask


def test_health_is_open(http):
    answer = http.get("/api/v1/health", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": "1.2"})


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {ALL}", ALL])
@pytest.mark.parametrize("path", ["jobs", "projects/digits/status", "projects/digits/queue", "projects/digits/items/17/image"])
def test_everything_else_needs_a_valid_token(http, workspace, header, path):
    answer = http.get(f"/api/v1/{path}", headers={"Authorization": header})
    assert answer.status_code == 401
    assert list(answer.json()) == ["error"]
    assert workspace.asked == []


def test_a_post_without_token_stores_nothing(http, workspace):
    assert http.post(POST, json=body(event()), headers={"Authorization": "Bearer x"}).status_code == 401
    assert workspace.digits.stored == {}


def test_a_token_of_one_project_opens_no_other(http):
    assert http.get("/api/v1/projects/digits/status", headers={"Authorization": f"Bearer {DIGITS}"}).status_code == 200
    answer = http.get("/api/v1/projects/digits/status", headers={"Authorization": f"Bearer {CATS}"})
    assert (answer.status_code, answer.json()) == (401, {"error": "the token is for another project"})


# ---- annotations


def test_the_same_event_is_acknowledged_twice_and_stored_once(http, workspace):
    first = http.post(POST, json=body(event(), event(seq=2, kind="skip", value=None)))
    again = http.post(POST, json=body(event(value="0"), event(seq=3, kind="undo", value=None, ms=None)))
    assert (first.status_code, first.json()) == (200, {"acked": [1, 2], "rejected": []})
    assert again.json() == {"acked": [1, 3], "rejected": []}
    assert sorted(workspace.digits.stored) == [("tab-1", 1), ("tab-1", 2), ("tab-1", 3)]
    assert workspace.digits.stored["tab-1", 1].value == "1"


def test_labels_that_were_stored_may_make_a_round_due_and_others_do_not(http, workspace):
    assert http.post(POST, json=body(event(seq=4, ms=-1))).json()["acked"] == []
    assert workspace.live.told == []
    http.post(POST, json=body(event(), event(seq=2)))
    assert workspace.live.told == ["digits"]


def test_the_annotator_comes_from_the_token_and_never_from_the_body(http, workspace):
    sent = {**body({**event(), "annotator": "mallory"}), "annotator": "mallory"}
    assert http.post(POST, json=sent, headers={"Authorization": f"Bearer {DIGITS}"}).json()["acked"] == [1]
    assert workspace.digits.stored["tab-1", 1] == Annotation("tab-1", 1, 17, "label", "1", 812, "ann", None)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (event(seq=0), "seq"),
        (event(seq=True), "seq"),
        (event(seq="1"), "seq"),
        (event(seq=1.0), "seq"),
        (event(seq=2**63), "seq"),
        (event(item=True), "item"),
        (event(item="17"), "item"),
        (event(item=-1), "item"),
        (event(kind="erase"), "kind"),
        (event(kind=["label"]), "kind"),
        (event(value=None), "class"),
        (event(value=7), "value"),
        (event(value="x" * 201), "value"),
        (event(value="a\x00b"), "value"),
        (event(value="\ud800"), "value"),
        (event(ms=-1), "ms"),
        (event(ms=86_400_001), "ms"),
        (event(ms=1.5), "ms"),
        (event(ms=True), "ms"),
        (event(round="2"), "round"),
        (event(value="cat"), "no class"),
        ("label", "object"),
        (None, "object"),
    ],
)
def test_an_event_that_cannot_be_taken_comes_back_and_the_others_are_stored(http, workspace, bad, word):
    content = json.dumps(body(bad, event(seq=5)))  # escapes what UTF-8 cannot hold, as a hostile client would
    answer = http.post(POST, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["acked"]) == (200, [5])
    [rejected] = answer.json()["rejected"]
    assert word in rejected["reason"]
    assert list(workspace.digits.stored) == [("tab-1", 5)]


def test_a_rejected_event_is_named_by_its_seq(http):
    assert [r["seq"] for r in http.post(POST, json=body(event(seq=4, ms=-1), event(seq="4"), 4)).json()["rejected"]] == [4, None, None]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"client": "a", "events": ' + b"1" * 5000 + b"}",
        b'{"client": "a"}',
        b'{"client": "a", "events": {}}',
        b'{"client": "", "events": []}',
        b'{"client": 7, "events": []}',
        b'{"client": "a b", "events": []}',
        b'{"client": "a\\n", "events": []}',
        b'{"events": []}',
        b'{"client": "' + b"a" * 65 + b'", "events": []}',
    ],
)
def test_a_malformed_body_is_refused_as_a_whole(http, workspace, content):
    answer = http.post(POST, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert workspace.digits.stored == {}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_only_json_is_read(http, workspace, kind):
    answer = http.post(POST, content=b'{"client": "a", "events": []}', headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "Content-Type" in answer.json()["error"]


def test_json_with_a_charset_and_no_events_is_fine(http):
    answer = http.post(POST, content=b'{"client": "a", "events": []}', headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert (answer.status_code, answer.json()) == (200, {"acked": [], "rejected": []})


def test_a_thousand_events_pass_and_one_more_does_not(http, workspace):
    events = [event(seq=n) for n in range(1, 1002)]
    assert http.post(POST, json=body(*events)).status_code == 413
    assert workspace.digits.stored == {}
    assert http.post(POST, json=body(*events[:1000])).json()["acked"] == list(range(1, 1001))


def test_a_long_body_is_refused_with_and_without_content_length(http, workspace):
    def stream() -> Iterator[bytes]:  # goes out in chunks, without a Content-Length
        yield from [b" " * 100_000] * 11

    kind = {"Content-Type": "application/json"}
    assert http.post(POST, content=b" " * (EVENTS.limit + 1), headers=kind).status_code == 413
    assert http.post(POST, content=stream(), headers=kind).status_code == 413
    assert http.post(POST, content=b"{}", headers={**kind, "Content-Length": "many"}).status_code == 400
    assert http.post(POST, content=b"{}", headers={**kind, "Content-Length": "9" * 5000}).status_code == 413
    assert workspace.digits.stored == {}


# ---- paths and numbers


@pytest.mark.parametrize(
    "path",
    [
        "projects/../status",
        "projects/%2e%2e/status",
        "projects/%2e%2e%2fdigits/status",
        "projects/digits%2f..%2fcats/status",
        "projects/..%5cdigits/status",
        "projects/dig%00its/status",
        "projects/.hidden/status",
        f"projects/{'a' * 300}/status",
        "projects//status",
        "projects/nobody/status",
        "projects/digits/items/abc",
        "projects/digits/items/-1",
        "projects/digits/items/1.0/image",
        "projects/digits/items/%D9%A3",
        "projects/digits/items/99999999999999999999/image",
        "projects/digits/items/18/image",
        "projects/digits/rounds/x/columns",
        "projects/digits/rounds/1/columns/..%2fx",
        "projects/digits/rounds/1/columns/nothing",
        "projects/digits",
        "nothing",
    ],
)
def test_what_does_not_exist_is_a_404_in_json(http, path):
    answer = http.get(f"/api/v1/{path}")
    assert answer.status_code == 404
    assert list(answer.json()) == ["error"]


def test_tricky_names_never_reach_the_workspace(http, workspace):
    for path in ["..%5cdigits", "dig%00its", "a" * 300, ".git"]:
        http.get(f"/api/v1/projects/{path}/status")
    assert workspace.asked == []


@pytest.mark.parametrize(
    ("path", "allowed", "methods"),
    [
        ("projects/digits/annotations", "POST", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]),
        ("projects/digits/items/17/mask", "GET, HEAD, POST", ["PUT", "DELETE", "BREW"]),
        ("health", "GET, HEAD", ["POST", "DELETE"]),
    ],
)
def test_another_method_is_a_405_in_json_with_those_that_are_taken(http, path, allowed, methods):
    for method in methods:
        answer = http.request(method, f"/api/v1/{path}")
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert answer.json() == {"error": f"{method} is not taken here, only {allowed.replace(', ', ' and ')}"}


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/health", "/api/v1/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "BREW"])
def test_no_method_finds_anything_at_an_unknown_address(http, path, method):
    answer = http.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"error": "there is nothing at this address"})


@pytest.mark.parametrize("query", ["size=15", "size=4097", "size=-96", "size=abc", "size=", "size=1e3", "size=" + "9" * 5000])
def test_sizes_outside_the_bounds_are_refused(http, workspace, query):
    assert http.get(f"/api/v1/projects/digits/items/17/image?{query}").status_code == 400
    assert workspace.digits.pictures == 0


def test_queue_counts_are_bounded(http):
    assert http.get("/api/v1/projects/digits/queue?n=5").json() == {"project": "digits", "items": [{"id": 5}]}
    assert http.get("/api/v1/projects/digits/queue").json()["items"] == [{"id": 48}]
    assert http.get("/api/v1/projects/digits/queue?n=0").status_code == 400
    assert http.get("/api/v1/projects/digits/queue?n=501").status_code == 400


# ---- answers


def test_an_image_is_kept_for_ever_and_not_sent_again(http):
    path = "/api/v1/projects/digits/items/17/image?size=96&v=ab12"
    first = http.get(path)
    assert (first.content, first.headers["content-type"], first.headers["etag"]) == (b"picture of 96", "image/png", '"ab12-96"')
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    for known in ('"ab12-96"', 'W/"ab12-96"', '"old", "ab12-96"', "*"):
        again = http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"ab12-96"')
    assert http.get(path, headers={"If-None-Match": '"old"'}).status_code == 200


@pytest.mark.parametrize(
    ("name", "dtype", "content"),
    [
        ("id", "int32", b"\x03\0\0\0\x05\0\0\0"),
        ("x", "float32", b"\0\0\xc0\x3f\0\0\0\xc0"),
        ("label", "int16", b"\xff\xff\x02\x01"),  # kept big-endian in the fake: goes out little-endian
        ("selected", "uint8", b"\0\x01"),
    ],
)
def test_a_column_is_its_numbers_in_little_endian(http, name, dtype, content):
    answer = http.get(f"/api/v1/projects/digits/rounds/2/columns/{name}")
    assert (answer.headers["content-type"], answer.headers["x-dtype"], answer.content) == ("application/octet-stream", dtype, content)
    again = http.get(f"/api/v1/projects/digits/rounds/2/columns/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_column_of_another_type_is_our_bug(http):
    assert http.get("/api/v1/projects/digits/rounds/2/columns/wrong").status_code == 500


def test_trails_are_of_the_items_that_are_named(http, monkeypatch):
    told = {"rounds": [1], "x": [[0.5, None]], "y": [[1.0, None]]}
    asked = []
    monkeypatch.setattr("alcore.project.points.trails", lambda project, ids: asked.append((project.name, ids)) or told)
    assert http.get("/api/v1/projects/digits/trails?ids=3,5").json() == told
    assert asked == [("digits", [3, 5])]
    for wrong in ("", "?ids=", "?ids=3,x", f"?ids={','.join(['1'] * 201)}"):
        answer = http.get(f"/api/v1/projects/digits/trails{wrong}")
        assert (answer.status_code, answer.json()) == (400, {"error": "ids must be 1 to 200 numbers with commas between them"})


def test_columns_lists_what_the_map_can_show(http):
    assert http.get("/api/v1/projects/digits/rounds/2/columns").json() == {
        "round": 2,
        "count": 2,
        "columns": [{"name": "x", "kind": "number", "low": -2.0, "high": 1.5}],
        "classes": ["0", "1"],
    }
    answer = http.get("/api/v1/projects/digits/rounds/9/columns")
    assert (answer.status_code, answer.json()) == (400, {"error": "round 9 has no map yet"})


def test_jobs_are_listed_with_progress_and_eta(http):
    jobs = http.get("/api/v1/jobs").json()["jobs"]
    assert [job["id"] for job in jobs] == [2, 1]
    assert jobs[0] == {
        "id": 2,
        "kind": "round",
        "project": "cats",
        "title": "MAL on cats",
        "state": "running",
        "device": "cpu",
        "progress": {"stage": "train", "done": 30, "total": 100, "values": {"loss": 0.5}, "message": "batch halved"},
        "eta_seconds": 12.5,
        "fraction": 0.25,
        "error": None,
        "created": 5.0,
        "started": 6.0,
        "finished": None,
    }
    assert (jobs[1]["eta_seconds"], jobs[1]["error"]) == (None, "disk full")
    assert [job["id"] for job in http.get("/api/v1/jobs?limit=1").json()["jobs"]] == [2]


def test_a_project_token_sees_the_jobs_of_its_project(http):
    jobs = http.get("/api/v1/jobs", headers={"Authorization": f"Bearer {DIGITS}"}).json()["jobs"]
    assert [job["project"] for job in jobs] == ["digits"]


def test_status_and_item_are_the_projects_own_words(http):
    assert http.get("/api/v1/projects/digits/status").json() == {"items": 2, "labeled": 0}
    assert http.get("/api/v1/projects/digits/items/17").json() == {"id": 17}
    assert http.get("/api/v1/projects/digits/items/18").json() == {"error": "there is no item 18"}


def test_a_bug_gives_a_sentence_and_the_log_the_traceback(http, caplog):
    answer = http.get("/api/v1/projects/broken/status")
    assert (answer.status_code, list(answer.json())) == (500, ["error"])
    assert "ZeroDivisionError: a bug" in caplog.text
    assert "Zero" not in answer.text
