"""The sign-in where people have accounts: names and passwords, and that a session ends when its account does."""

from __future__ import annotations

import asyncio
import re
import threading

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from alcore.accounts.asking import VISITOR
from alcore.accounts.roles import Role
from alcore.door import middleware, signin
from tests.door.bare import HTML, OTHER, WORD, handshake, run, sign_in


def test_everybody_is_asked_on_loopback_too_and_a_stranger_sees_nothing(there, reached):
    page = there.get("/label", headers=HTML)
    assert (page.status_code, page.headers["cache-control"]) == (401, "no-store")
    assert re.findall(r'<input id="(\w+)"', page.text) == ["name", "password"]
    for path in ("/static/js/x.js", "/media/labels.csv", "/_stcore/host-config", "/app/static/x", "/component/x"):
        assert there.get(path).status_code == 401
    assert there.put("/_stcore/upload_file/a/b").status_code == 401
    with pytest.raises(WebSocketDisconnect):
        handshake(there)
    assert reached == []


def test_nobody_is_asked_where_that_was_said(client, people, monkeypatch):
    monkeypatch.setenv("ALCORE_SIGN_IN", "0")
    assert client().get("/").text.startswith("<html>")


def test_a_first_account_counts_soon(client, workspace, monkeypatch):
    there = client()
    assert there.get("/", headers=HTML).status_code == 200
    workspace.accounts.add("Ann", Role.OWNER, WORD)
    monkeypatch.setattr(signin, "SOON", -1.0)
    assert there.get("/", headers=HTML).status_code == 401


def test_a_name_and_a_password_sign_in_where_one_was(there, workspace, people):
    answer = sign_in(there, "bea", at="/explore?project=cats")
    assert (answer.status_code, answer.headers["location"]) == (303, "./explore?project=cats")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"alcore-[0-9a-f]{8}=[\w.-]+; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax", cookie)
    assert not any(secret in cookie for secret in (WORD, workspace.token))
    assert there.get("/explore?project=cats").status_code == 200
    assert there.get("/login").headers["location"] == "./"


async def _told(scope, receive, send) -> None:
    """An app that says who is there, as the door told it."""
    names = [value.decode() for name, value in scope["headers"] if name == VISITOR.encode()]
    await JSONResponse(names)(scope, receive, send)


def test_pages_are_told_who_is_there_by_the_door_alone(bea, workspace):
    door = middleware.Door(_told, lambda: workspace, lambda: "127.0.0.1", lambda: "")
    http = TestClient(door, base_url="http://127.0.0.1:8501", cookies=bea.cookies)
    (told,) = http.get("/", headers={VISITOR: "1.1"}).json()
    assert re.fullmatch(r"2\.1\.[0-9a-f]{16}", told)


def test_where_nobody_is_asked_pages_are_told_that(workspace):
    door = middleware.Door(_told, lambda: workspace, lambda: "127.0.0.1", lambda: "")
    http = TestClient(door, base_url="http://127.0.0.1:8501")
    assert http.get("/", headers={VISITOR: "1.1"}).json() == ["open"]


@pytest.mark.parametrize(("name", "word"), [("Bea", OTHER), ("Nobody", WORD), ("Bea", ""), ("", "")])
def test_a_wrong_password_gets_the_form_again_with_the_name_and_takes_its_second(client, people, reached, monkeypatch, name, word):
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(signin, "WAIT", 1.0)
    monkeypatch.setattr(signin.asyncio, "sleep", sleep)
    answer = sign_in(client(), name, word)
    assert (answer.status_code, waited, reached) == (401, [1.0], [])
    assert signin.WRONG_PASSWORD in answer.text
    assert f'value="{name}"' in answer.text
    assert not (word and word in answer.text)
    assert "set-cookie" not in answer.headers


def test_a_name_is_shown_as_text(there):
    assert "&lt;b&gt;&quot;" in sign_in(there, '<b>"', OTHER).text


def test_passwords_for_one_name_are_looked_at_one_after_the_other(make_app, people, monkeypatch):
    at_once, most, looked = 0, 0, []
    lock = threading.Lock()

    def slow(name: str, word: str) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        looked.append(word)
        with lock:
            at_once -= 1

    monkeypatch.setattr(people, "sign_in", slow)

    async def guess() -> list[int]:
        transport = httpx.ASGITransport(make_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as http:
            tries = [http.post("/", data={"name": "Bea", "password": f"guess {n}"}, headers=HTML) for n in range(signin.IN_LINE + 5)]
            return sorted(answer.status_code for answer in await asyncio.gather(*tries))

    statuses = run(guess())
    assert most == 1
    assert (statuses.count(401), statuses.count(429)) == (len(looked), signin.IN_LINE + 5 - len(looked))
    assert len(looked) >= signin.IN_LINE


@pytest.mark.parametrize(
    "ends",
    [
        lambda people: people.end("Bea"),
        lambda people: people.sign_out("Bea"),
        lambda people: people.set_password("Bea", OTHER),
    ],
    ids=["ended", "signed out", "new password"],
)
def test_a_session_ends_when_its_account_does(bea, people, ends):
    assert bea.get("/", headers=HTML).status_code == 200
    ends(people)
    for path in ("/", "/static/js/x.js", "/media/x"):
        assert bea.get(path, headers=HTML).status_code == 401
    with pytest.raises(WebSocketDisconnect):
        handshake(bea)


def test_spaces_and_capitals_make_no_second_line(client, people, monkeypatch):
    waiting: list[str] = []
    real = signin.SignIn._in_line

    def noted(self, name: str):
        waiting.append(name)
        return real(self, name)

    monkeypatch.setattr(signin.SignIn, "_in_line", noted)
    for name in ("bea", " BEA", "bea  ", "Bea"):
        sign_in(client(), name, OTHER)
    assert len(set(waiting)) == 1


def test_a_full_line_is_told_in_the_form_of_accounts(there, monkeypatch):
    monkeypatch.setattr(signin, "IN_LINE", 0)
    answer = sign_in(there, "Bea")
    assert (answer.status_code, "Too many passwords are tried for this name: wait a minute." in answer.text) == (429, True)
    assert 'id="password"' in answer.text


def test_passwords_are_hashed_two_at_a_time_on_threads_that_nothing_else_waits_for(make_app, people, monkeypatch):
    """However many guess at once, another request is answered meanwhile."""
    go_on, lock, at_once, most = threading.Event(), threading.Lock(), 0, 0

    def slow(name: str, word: str) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        assert go_on.wait(60)
        with lock:
            at_once -= 1

    monkeypatch.setattr(people, "sign_in", slow)

    async def guess() -> tuple[int, list[int]]:
        transport = httpx.ASGITransport(make_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as http:
            tries = [
                asyncio.create_task(http.post("/", data={"name": f"name {n}", "password": "a guess"}, headers=HTML))
                for n in range(signin.MOST_HASHING + 1)
            ]
            while not any(task.done() for task in tries):  # the one too many
                await asyncio.sleep(0.001)
            health = (await http.get("/api/v1/health")).status_code
            go_on.set()
            return health, sorted(answer.status_code for answer in await asyncio.gather(*tries))

    health, statuses = run(guess())
    assert (health, most) == (200, signin.HASHES)
    assert (statuses.count(401), statuses.count(429)) == (signin.MOST_HASHING, 1)


def _socket_app(said: list[str]):
    """An app that answers on a WebSocket until it is disconnected, and says why it ended."""

    async def app(scope, receive, send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                said.append(f"disconnected {message['code']}")
                return
            await send({"type": "websocket.send", "text": f"you said {message['text']}"})

    return app


@pytest.mark.parametrize("quiet", [False, True], ids=["at the next message", "without one"])
def test_an_open_page_ends_with_its_account(bea, workspace, people, monkeypatch, quiet):
    monkeypatch.setattr(middleware, "LOOK_AGAIN", 0.01 if quiet else 60.0)
    said: list[str] = []
    door = middleware.Door(_socket_app(said), lambda: workspace, lambda: "127.0.0.1", lambda: "")
    http = TestClient(door, base_url="http://127.0.0.1:8501", cookies=bea.cookies)
    with http.websocket_connect("ws://127.0.0.1:8501/_stcore/stream") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "you said hello"
        people.end("Bea")
        if not quiet:
            socket.send_text("anybody there?")
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_text()
    assert (ended.value.code, said) == (1008, ["disconnected 1008"])


def test_a_page_that_was_open_to_all_ends_with_the_first_account(workspace, monkeypatch):
    monkeypatch.setattr(signin, "SOON", -1.0)
    said: list[str] = []
    door = middleware.Door(_socket_app(said), lambda: workspace, lambda: "127.0.0.1", lambda: "")
    http = TestClient(door, base_url="http://127.0.0.1:8501")
    with http.websocket_connect("ws://127.0.0.1:8501/_stcore/stream") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "you said hello"
        workspace.accounts.add("Ann", Role.OWNER, WORD)
        socket.send_text("delete all")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert said == ["disconnected 1008"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OWNER])
def test_an_open_page_ends_when_its_person_gets_another_role(bea, workspace, people, role):
    """Its fragments and buttons are of the old one: Streamlit runs them without asking who is there."""
    said: list[str] = []
    door = middleware.Door(_socket_app(said), lambda: workspace, lambda: "127.0.0.1", lambda: "")
    http = TestClient(door, base_url="http://127.0.0.1:8501", cookies=bea.cookies)
    with http.websocket_connect("ws://127.0.0.1:8501/_stcore/stream") as socket:
        people.set_role("Bea", role)
        socket.send_text("the button of an annotator")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert said == ["disconnected 1008"]
    with http.websocket_connect("ws://127.0.0.1:8501/_stcore/stream") as socket:  # drawn anew
        socket.send_text("hello")
        assert socket.receive_text() == "you said hello"


def _protocols(told: list[tuple[list[str], list[str]]]):
    async def app(scope, receive, send) -> None:
        told.append((scope["subprotocols"], [value.decode() for name, value in scope["headers"] if name == b"sec-websocket-protocol"]))
        await send({"type": "websocket.accept", "subprotocol": "streamlit"})
        await send({"type": "websocket.close"})

    return app


def test_nobody_goes_on_with_a_page_that_was_opened_before(bea, workspace, people):
    told: list[tuple[list[str], list[str]]] = []
    door = middleware.Door(_protocols(told), lambda: workspace, lambda: "127.0.0.1", lambda: "", lambda: True)
    for cookies in (bea.cookies, None):  # Bea, and a stranger on the way to a provider
        http = TestClient(door, base_url="http://127.0.0.1:8501", cookies=cookies)
        with http.websocket_connect("ws://127.0.0.1:8501/_stcore/stream", subprotocols=["streamlit", "xsrf", "session-of-ann"]):
            pass
    assert told == [(["streamlit", "xsrf"], ["streamlit, xsrf"])] * 2


def test_where_nobody_is_asked_a_page_goes_on_after_a_broken_connection(workspace):
    told: list[tuple[list[str], list[str]]] = []
    door = middleware.Door(_protocols(told), lambda: workspace, lambda: "127.0.0.1", lambda: "")
    http = TestClient(door, base_url="http://127.0.0.1:8501")
    with http.websocket_connect("ws://127.0.0.1:8501/_stcore/stream", subprotocols=["streamlit", "xsrf", "mine"]):
        pass
    assert told[0][0] == ["streamlit", "xsrf", "mine"]


def test_signing_out_ends_this_browsers_session_with_its_pages_and_tokens_and_no_other(client, bea, workspace, people):
    other = client()
    sign_in(other, "Bea")
    (name,) = [name for name in bea.cookies if name.startswith("alcore-")]
    copied = bea.cookies[name]
    standing = workspace.unseal(signin.PURPOSE, copied)[0]
    token = workspace.sign("", "Bea", standing=standing)
    assert workspace.verify(token) is not None
    answer = bea.get("/logout", headers=HTML)
    assert "You are signed out." in answer.text
    assert bea.get("/", headers=HTML).status_code == 401
    bea.cookies.set(name, copied)
    assert bea.get("/", headers=HTML).status_code == 401
    assert workspace.verify(token) is None
    assert other.get("/", headers=HTML).status_code == 200


def test_signing_out_forgets_whom_a_provider_said_it_was(bea):
    bea.cookies.set("_streamlit_user", "ann")
    bea.cookies.set("_streamlit_user_tokens__1", "x")
    gone = [re.match(r"[^=]+", one)[0] for one in bea.get("/logout", headers=HTML).headers.get_list("set-cookie") if "Max-Age=0" in one]
    assert {"_streamlit_user", "_streamlit_user_tokens__1"} < set(gone)


def test_the_workspaces_token_opens_no_page_where_people_have_accounts(client, workspace, people):
    there = client()
    assert there.get(f"/?token={workspace.token}", headers=HTML).status_code == 401
    assert there.post("/", data={"token": workspace.token}, headers=HTML).status_code == 401
    there.cookies.set(signin._cookie_name(workspace), workspace.seal(signin.PURPOSE, [], 60))  # from before there were any
    assert there.get("/", headers=HTML).status_code == 401


@pytest.mark.parametrize("content", [["1"], ["99.1"], ["2.2"], ["open"], ["stranger"], ["2.1", "x"]])
def test_a_cookie_of_no_account_is_good_for_nothing(client, workspace, people, content):
    there = client()
    there.cookies.set(signin._cookie_name(workspace), workspace.seal(signin.PURPOSE, content, 60))
    assert there.get("/", headers=HTML).status_code == (200 if content == ["2.1", "x"] else 401)


def test_the_cookie_and_a_token_are_no_substitute_for_one_another(client, workspace, people):
    account = people.named("Bea")
    there = client()
    there.cookies.set(signin._cookie_name(workspace), workspace.sign("", "Bea", standing=account.standing))
    assert there.get("/", headers=HTML).status_code == 401
    cookie = workspace.seal(signin.PURPOSE, [account.standing], 60)
    assert there.get("/api/v1/jobs", headers={"Authorization": f"Bearer {cookie}"}).status_code == 401


def test_a_page_of_another_site_cannot_sign_a_browser_in(there):
    data = {"name": "Bea", "password": WORD}
    assert there.post("/", data=data, headers={"Origin": "http://evil.example"}).status_code == 403
