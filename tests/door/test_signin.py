"""The sign-in: who is asked, who gets in, and what a cookie is good for."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from starlette.websockets import WebSocketDisconnect

from alcore.door import signin
from alcore.project.facade import Workspace
from tests.door.bare import handshake, run

LOCAL, FAR = "http://127.0.0.1:8501", "http://192.168.1.5:8501"


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
    assert "The body is longer than 10,000 bytes." in answer.text


def test_a_setting_that_says_neither_is_named(client, monkeypatch):
    monkeypatch.setenv("ALCORE_SIGN_IN", "maybe")
    with pytest.raises(signin.BadInput, match="ALCORE_SIGN_IN is 'maybe': 1 asks everybody"):
        client().get("/")
