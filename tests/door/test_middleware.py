"""Before the app: foreign hosts and origins, broken addresses, and the way below a base path."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.websockets import WebSocketDisconnect

from tests.door.bare import handshake, run

LOCAL, FAR = "http://127.0.0.1:8501", "http://192.168.1.5:8501"
PATHS = ["/", "/label", "/static/js/x.js", "/media/labels.csv", "/_stcore/host-config", "/_stcore/upload_file/a/b", "/_stcore/health"]


# ---- Host and Origin


@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_host_reaches_no_page_no_file_and_no_upload(client, reached, path):
    for answer in (client().get(path, headers={"Host": "evil.example:8501"}), client().put(path, headers={"Host": "evil.example:8501"})):
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "ALCORE_HOSTS=evil.example" in answer.text
    assert reached == []
    assert client().get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/api/v1/health", "/api/v1/jobs", "/api/v1/projects/toy/annotations", "/api/v1/projects/toy/items/1/mask", "/api/nothing", "/api"],
)
def test_a_foreign_host_or_origin_gets_a_403_in_json_below_api(client, workspace, path):
    allowed = {"Authorization": f"Bearer {workspace.token}"}
    for foreign in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        for method in ("GET", "POST"):
            answer = client().request(method, path, headers={**allowed, **foreign})
            assert (answer.status_code, list(answer.json())) == (403, ["error"])
            assert "evil.example" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example:8501"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9000"}]
)
def test_a_foreign_handshake_is_closed_before_it_is_accepted(client, reached, headers):
    with pytest.raises(WebSocketDisconnect):
        handshake(client(), **headers)
    assert reached == []
    assert handshake(client(), Origin=LOCAL) == "hello"


def test_what_passed_is_not_asked_again_by_streamlit_which_knows_no_alcore_hosts(client, reached, monkeypatch):
    monkeypatch.setenv("ALCORE_HOSTS", "lab.example")
    assert handshake(client(), Origin="https://lab.example") == "hello"
    assert client().put("/_stcore/upload_file/a/b", headers={"Origin": "https://lab.example"}).status_code == 200
    assert [("origin" in names, "host" in names) for _, names in reached] == [(False, True), (False, True)]


def test_a_forwarded_host_counts_for_nothing(client):
    evil = {"Host": "evil.example", "X-Forwarded-Host": "localhost", "Forwarded": "host=localhost"}
    assert client().get("/", headers=evil).status_code == 403
    page = {"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert client().post("/api/v1/origin", headers=page).status_code == 403


def test_a_page_finds_out_whether_it_may_ask(client):
    assert client().post("/api/v1/origin", headers={"Origin": LOCAL}).json() == {"status": "ok"}
    assert client().post("/api/v1/origin", headers={"Origin": "http://lab.example"}).status_code == 403


def test_a_name_from_outside_is_text_in_the_page_that_refuses_it(client):
    answer = client().get("/", headers={"Host": "<script>alert(1)</script>"})
    assert answer.status_code == 403
    assert "<script>" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


# ---- below a path, and what errors look like


def test_the_routes_stand_below_the_base_and_at_the_root(client, reached):
    there = client(base="alcore")
    for path in ("/alcore/api/v1/health", "/api/v1/health"):
        assert there.get(path).json() == {"status": "ok", "version": "1.2"}
    assert there.get("/alcore/api/nothing").json() == {"error": "there is nothing at this address"}
    assert there.get("/alcorex/api/v1/health").text.startswith("<html>")
    assert handshake(there, "/alcore/_stcore/stream") == "hello"
    answer = there.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/alcore/")
    assert there.get("/alcore/").status_code == 200
    assert client().get("/").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/projects/%zz/status", "/api/v1/projects/%ff/status", "/api/v1/projects/a%", "/api/v1/%e2%82"])
def test_an_address_that_is_not_percent_encoded_utf8_is_a_400_in_json(make_app, path):
    async def ask() -> httpx.Response:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        raw = path.encode()
        scope = {"type": "http", "method": "GET", "path": path, "raw_path": raw, "query_string": b"", "scheme": "http", "headers": [(b"host", b"localhost")], "server": ("127.0.0.1", 8501)}  # fmt: skip
        await make_app()(scope, receive, send)
        return httpx.Response(sent[0]["status"], content=sent[1]["body"])

    answer = run(ask())
    assert (answer.status_code, answer.json()) == (400, {"error": "the address is not percent-encoded UTF-8"})
