"""The door around the whole app: what is refused before anything answers, the sign-in, the headers and policy, and what errors look like.

Longer than 400 lines: one small app serves all who come to the door.
"""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from alcore.door import requests as webrequests
from alcore.door import signin
from alcore.door.middleware import Door
from alcore.project.facade import Workspace
from alcore.web.routes import routes

PAGE = "<html><head><script>window.ready = 1</script><script src='./x.js'></script></head><body></body></html>"
LOCAL, FAR = "http://127.0.0.1:8501", "http://192.168.1.5:8501"
PATHS = ["/", "/label", "/static/js/x.js", "/media/labels.csv", "/_stcore/host-config", "/_stcore/upload_file/a/b", "/_stcore/health"]
T = TypeVar("T")
MakeClient = Callable[..., TestClient]


def run(what: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: where browser tests ran before, this one's event loop is theirs."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, what).result()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("ALCORE_HOSTS", "ALCORE_SIGN_IN", "ALCORE_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def reached() -> list[tuple[str, list[str]]]:
    """Of each request that the door let pass to the pages: its address and the names of its headers."""
    return []


@pytest.fixture
def make_app(workspace, reached) -> Callable[..., Starlette]:
    """`make_app(bound="127.0.0.1", base="")`: the door around our routes and a stand-in for Streamlit's."""

    def anything(request: Request) -> Response:
        reached.append((request.url.path, [name for name, _ in request.headers.items()]))
        if request.url.path.startswith(("/static/", "/media/", "/_stcore/")):
            return PlainTextResponse("ok")
        return HTMLResponse(PAGE, headers={"ETag": '"of the file"', "Last-Modified": "Thu, 26 Nov 2026 11:00:00 GMT"})

    async def stream(socket: WebSocket) -> None:
        reached.append((socket.url.path, [name for name, _ in socket.headers.items()]))
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    def blocked(app: Any) -> Any:  # as Streamlit's middleware refuses a path
        async def called(scope: Any, receive: Any, send: Any) -> None:
            await (PlainTextResponse("Bad Request", 400) if scope.get("path", "").endswith("\\etc") else app)(scope, receive, send)

        return called

    def make(bound: str = "127.0.0.1", base: str = "") -> Starlette:
        below = f"/{base}" if base else ""
        return Starlette(
            routes=[
                *routes(lambda: workspace, version="1.2"),
                WebSocketRoute(f"{below}/_stcore/stream", stream),
                Route("/{rest:path}", anything, methods=["GET", "POST", "PUT"]),
            ],
            middleware=[Middleware(Door, workspace=lambda: workspace, bound=lambda: bound, base=lambda: base), Middleware(blocked)],
        )

    return make


@pytest.fixture
def client(make_app) -> MakeClient:
    """`client(url=LOCAL, bound=…, base=…)`: somebody who asks at that address and follows nothing."""

    def make(url: str = LOCAL, **how: str) -> TestClient:
        return TestClient(make_app(**how), base_url=url, follow_redirects=False)

    return make


def handshake(there: TestClient, path: str = "/_stcore/stream", **headers: str) -> str:
    """What the WebSocket says first; raises when the handshake is refused."""
    with there.websocket_connect(f"{there.base_url.copy_with(scheme='ws')}".rstrip("/") + path, headers=headers) as socket:
        return socket.receive_text()


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


# ---- headers and policy


def test_every_answer_carries_the_headers(client):
    for path in [*PATHS, "/api/v1/health", "/api/nothing"]:
        for answer in (client().get(path), client().get(path, headers={"Host": "evil.example"})):
            kept = [answer.headers[name] for name in ("x-content-type-options", "x-frame-options", "referrer-policy")]
            assert kept == ["nosniff", "SAMEORIGIN", "same-origin"], path
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'self'" in policy
            assert "unsafe-eval" not in policy
            assert not re.search(r"https?:|\*|//", policy), "no other site"


def test_the_inline_scripts_of_a_page_pass_by_their_digest_and_no_other_does(client):
    answer = client().get("/label", headers={"If-None-Match": '"of the file"', "Accept-Encoding": "gzip"})
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.S)
    assert scripts[0] == "window.ready = 1"
    assert "/api/v1/origin" in scripts[1]
    digests = [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts]
    (allowed,) = re.findall(r"script-src ([^;]*);", answer.headers["content-security-policy"])
    assert allowed.split() == ["'self'", "blob:", *digests]
    assert answer.headers["content-length"] == str(len(answer.content))
    assert not {"etag", "last-modified"} & set(answer.headers)  # they are the file's, which is not what was sent


def test_a_page_is_asked_for_whole_and_a_file_as_the_browser_asks(client, reached):
    conditions = {"If-None-Match": '"x"', "If-Modified-Since": "Thu, 26 Nov 2026 11:00:00 GMT", "Accept-Encoding": "gzip"}
    client().get("/label", headers=conditions)
    client().get("/static/js/x.js", headers=conditions)
    lowered = {name.lower() for name in conditions}
    assert [sorted(lowered & set(names)) for _, names in reached] == [[], sorted(lowered)]


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


def test_an_error_of_the_web_library_below_api_is_json_too(client):
    answer = client().get("/api/v1/projects/%5cetc")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (
        400,
        "application/json",
        {"error": "the address is not taken: bad request"},
    )
    assert client().get("/%5cetc").text == "Bad Request"


def test_a_body_that_stalls_is_a_408(make_app, workspace, monkeypatch):
    monkeypatch.setattr(webrequests, "STALL", 0.01)

    async def ask() -> httpx.Response:
        sent: list[Any] = []
        parts = [{"type": "http.request", "body": b'{"client": ', "more_body": True}]

        async def receive() -> Any:
            return parts.pop() if parts else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        path = "/api/v1/projects/toy/annotations"
        headers = [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"authorization", f"Bearer {workspace.token}".encode()),
        ]
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http", "headers": headers, "server": ("127.0.0.1", 8501)}  # fmt: skip
        await make_app()(scope, receive, send)
        return httpx.Response(sent[0]["status"], content=sent[1]["body"])

    answer = run(ask())
    assert (answer.status_code, answer.json()) == (408, {"error": "nothing of the body came for 0.01 seconds; send it again"})


# ---- the sign-in


def test_on_loopback_nobody_is_asked_unless_that_is_wanted(client, monkeypatch):
    assert client().get("/").text.startswith("<html>")
    monkeypatch.setenv("ALCORE_SIGN_IN", "1")
    assert client().get("/", headers={"Accept": "text/html"}).status_code == 401


@pytest.mark.parametrize(
    ("bound", "url"), [("0.0.0.0", LOCAL), ("0.0.0.0", FAR), ("192.168.1.5", FAR), ("", LOCAL), ("192.168.1.5", LOCAL)]
)
def test_bound_elsewhere_everybody_is_asked(client, reached, bound, url):
    there = client(url, bound=bound)
    answer = there.get("/label", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["cache-control"]) == (401, "no-store")
    assert '<input id="token" name="token" type="password"' in answer.text
    for path in ("/static/js/x.js", "/media/labels.csv", "/_stcore/host-config"):
        assert there.get(path).status_code == 401
    assert there.put("/_stcore/upload_file/a/b").status_code == 401
    with pytest.raises(WebSocketDisconnect):
        handshake(there, Origin=url)
    assert reached == []


def test_a_server_reached_at_another_address_asks_whatever_it_was_told_of_its_own(client, monkeypatch):
    monkeypatch.setenv("ALCORE_HOSTS", "192.168.1.5")
    assert client(FAR, bound="127.0.0.1").get("/").status_code == 401


def test_insecure_asks_nobody(client, monkeypatch):
    monkeypatch.setenv("ALCORE_SIGN_IN", "0")
    assert client(FAR, bound="0.0.0.0").get("/").text.startswith("<html>")


def test_health_is_open_and_the_routes_take_their_own_token_and_no_cookie(client, workspace):
    there = client(FAR, bound="0.0.0.0")
    assert there.get("/_stcore/health").status_code == 200
    assert there.get("/api/v1/health").status_code == 200
    assert there.get(f"/?token={workspace.token}").status_code == 303
    assert there.get("/").status_code == 200
    event = {"client": "a", "events": [{"seq": 1, "item": 1, "kind": "skip"}]}
    assert there.get("/api/v1/jobs").status_code == 401
    assert there.post("/api/v1/projects/toy/annotations", json=event, headers={"Origin": FAR}).status_code == 401
    assert there.get("/api/v1/jobs", headers={"Authorization": f"Bearer {workspace.token}"}).status_code == 200


def test_a_link_signs_in_once_and_its_token_goes_from_the_address(client, workspace):
    there = client(FAR, bound="0.0.0.0")
    answer = there.get(f"/label?project=my+cats&token={workspace.token}&empty=")
    assert (answer.status_code, answer.headers["location"]) == (303, "./label?project=my+cats&empty=")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"alcore-[0-9a-f]{8}=[\w.-]+; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax", cookie)
    assert workspace.token not in cookie
    assert there.get("/label?project=my+cats").status_code == 200
    assert handshake(there, Origin=FAR, Cookie=cookie.partition(";")[0]) == "hello"
    assert there.get("/?token=anything").headers["location"] == "./"  # signed in already: it goes too


def test_the_login_form_signs_in_where_one_was(client, workspace):
    there = client(FAR, bound="0.0.0.0")
    answer = there.post("/explore?project=cats", data={"token": f" {workspace.token}\n"}, headers={"Origin": FAR})
    assert (answer.status_code, answer.headers["location"]) == (303, "./explore?project=cats")
    assert there.get("/explore?project=cats").status_code == 200


def test_a_page_of_another_site_cannot_sign_a_browser_in(client, workspace):
    there = client(FAR, bound="0.0.0.0")
    assert there.post("/", data={"token": workspace.token}, headers={"Origin": "http://evil.example"}).status_code == 403


def test_login_and_logout_have_addresses(client, workspace):
    there = client(FAR, bound="0.0.0.0")
    assert there.get("/login", headers={"Accept": "text/html"}).status_code == 401
    answer = there.post("/login", data={"token": workspace.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert there.get("/login").headers["location"] == "./"
    assert "You are signed out." in there.get("/logout").text
    assert there.get("/").status_code == 401


def test_the_cookie_is_for_https_only_where_the_page_is(client, workspace):
    assert "Secure" in client("https://192.168.1.5", bound="0.0.0.0").get(f"/?token={workspace.token}").headers["set-cookie"]
    behind = client(FAR, bound="0.0.0.0")  # a proxy that ends https and says nothing of it: the browser does
    answer = behind.post("/", data={"token": workspace.token}, headers={"Origin": "https://192.168.1.5:8501"})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("where", ["link", "form"])
def test_a_wrong_token_gets_the_login_page_with_a_sentence_and_slowly(client, reached, monkeypatch, where):
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(signin.asyncio, "sleep", sleep)
    there = client(FAR, bound="0.0.0.0")
    wrong = "wröng<b>"
    answer = there.get("/label", params={"token": wrong}) if where == "link" else there.post("/label", data={"token": wrong})
    assert answer.status_code == 401
    assert "That is not the token of this workspace." in answer.text
    assert "wröng" not in answer.text
    assert "set-cookie" not in answer.headers
    assert (waited, reached) == ([signin.WAIT], [])


def test_guessing_keeps_nobody_out(make_app, workspace, monkeypatch):
    async def play() -> tuple[int, int, list[int]]:
        enough = asyncio.Event()

        async def sleep(seconds: float) -> None:
            await enough.wait()

        monkeypatch.setattr(signin.asyncio, "sleep", sleep)
        transport = httpx.ASGITransport(make_app(bound="0.0.0.0"))
        async with httpx.AsyncClient(transport=transport, base_url=FAR) as http:
            guesses = [asyncio.create_task(http.get(f"/?token=guess{n}")) for n in range(signin.MOST_WAITING + 5)]
            done: set[Any] = set()
            while len(done) < 5:  # more than may wait are answered at once
                done, _ = await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)
            right = await http.get(f"/?token={workspace.token}")
            still = sum(not guess.done() for guess in guesses)
            enough.set()
            return right.status_code, still, [answer.status_code for answer in await asyncio.gather(*guesses)]

    right, still, wrong = run(play())
    assert (right, still) == (303, signin.MOST_WAITING)
    assert set(wrong) == {401}


def test_a_cookie_is_good_for_its_own_purpose_workspace_and_time(client, workspace, tmp_path, monkeypatch):
    there = client(FAR, bound="0.0.0.0")
    name, _, value = there.get(f"/?token={workspace.token}").headers["set-cookie"].partition(";")[0].partition("=")
    other = Workspace(tmp_path / "other")

    def asks(cookie: str) -> int:
        return client(FAR, bound="0.0.0.0").get("/", headers={"Cookie": f"{name}={cookie}"}).status_code

    assert asks(value) == 200
    payload, _, mac = value.partition(".")
    forged = [
        "",
        ".",
        "x.y",
        payload,
        f"{payload}.",
        f"{payload}.{mac[:-2]}",
        f"{payload[:-4]}AAAA.{mac}",
        workspace.token,
        workspace.sign("toy", "ann"),
        other.seal(signin.PURPOSE, [], 60),
        workspace.seal(signin.PURPOSE, [], -2),
    ]
    assert [asks(cookie) for cookie in forged] == [401] * len(forged)
    other.close()
    monkeypatch.setenv("ALCORE_TOKEN", "a new token of the workspace")
    assert asks(value) == 401
    assert workspace.verify(value) is None, "a cookie is no token of the routes"


def test_a_login_that_is_too_long_or_stalls_is_refused_on_the_page(client):
    answer = client(FAR, bound="0.0.0.0").post("/", data={"token": "x" * 20_000})
    assert answer.status_code == 413
    assert "the body is longer than 10,000 bytes." in answer.text


def test_a_setting_that_says_neither_is_named(client, monkeypatch):
    monkeypatch.setenv("ALCORE_SIGN_IN", "maybe")
    with pytest.raises(signin.BadInput, match="ALCORE_SIGN_IN is 'maybe': 1 asks everybody"):
        client().get("/")
