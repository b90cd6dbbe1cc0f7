"""What the tests of door share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from alcore.accounts.roles import Role
from alcore.door import signin
from alcore.door.middleware import Door
from alcore.web.routes import routes
from tests.door.bare import WORD, sign_in

PAGE = "<html><head><script>window.ready = 1</script><script src='./x.js'></script></head><body></body></html>"
LOCAL, FAR = "http://127.0.0.1:8501", "http://192.168.1.5:8501"
MakeClient = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("ALCORE_HOSTS", "ALCORE_SIGN_IN", "ALCORE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALCORE_DATA_ROOTS", "")  # the door sets it where people have accounts: it is put back afterwards


@pytest.fixture
def reached() -> list[tuple[str, list[str]]]:
    """Of each request that the door let pass to the pages: its address and the names of its headers."""
    return []


@pytest.fixture
def make_app(workspace, reached) -> Callable[..., Starlette]:
    """`make_app(bound="127.0.0.1", base="", vouches=…)`: the door around our routes and a stand-in for Streamlit's."""

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

    def make(bound: str = "127.0.0.1", base: str = "", vouches: Callable[[], bool] = lambda: False) -> Starlette:
        below = f"/{base}" if base else ""
        return Starlette(
            routes=[
                *routes(lambda: workspace, version="1.2"),
                WebSocketRoute(f"{below}/_stcore/stream", stream),
                Route("/{rest:path}", anything, methods=["GET", "POST", "PUT"]),
            ],
            middleware=[
                Middleware(Door, workspace=lambda: workspace, bound=lambda: bound, base=lambda: base, vouches=vouches),
                Middleware(blocked),
            ],
        )

    return make


@pytest.fixture
def client(make_app) -> MakeClient:
    """`client(url=LOCAL, bound=…, base=…)`: somebody who asks at that address and follows nothing."""

    def make(url: str = LOCAL, **how: str) -> TestClient:
        return TestClient(make_app(**how), base_url=url, follow_redirects=False)

    return make


@pytest.fixture
def people(workspace, monkeypatch):
    """Ann owns, Bea annotates; a wrong password takes no time."""
    for name, role in (("Ann", Role.OWNER), ("Bea", Role.ANNOTATOR)):
        workspace.accounts.add(name, role, WORD)
    monkeypatch.setattr(signin, "WAIT", 0.0)
    return workspace.accounts


@pytest.fixture
def there(client, people) -> TestClient:
    return client()


@pytest.fixture
def bea(there) -> TestClient:
    """Signed in."""
    assert sign_in(there, "Bea").status_code == 303
    return there
