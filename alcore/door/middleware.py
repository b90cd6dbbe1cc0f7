"""The door of the app: one ASGI middleware that every request passes, for pages, static files, media, uploads, the WebSocket and /api.

It asks for the Host a request names (a name of another site that points at our address is DNS rebinding) and for the Origin of the page it
comes from (a page of another site), with one list of names; then, where that is wanted, for a sign-in. What may not pass is answered here.
What passes tells the pages in a header of ours who is there, and gets the headers that tell a browser what our pages may do. A WebSocket is
closed as soon as whoever opened it may not be here any more. Pure ASGI over Starlette's types; knows no Streamlit.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from alcore.accounts.asking import OPEN, STRANGER, VISITOR
from alcore.door.hosts import Names
from alcore.door.pages import dressed, refusal_page
from alcore.door.requests import error_answer
from alcore.door.signin import SignIn

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.facade import Workspace

LOOK_AGAIN = 5.0  # seconds until an account that has ended is noticed on a page where nothing happens

_BROKEN = re.compile(rb"%(?![0-9a-fA-F]{2})")
# what Streamlit serves that is no page
_NO_PAGE = ("/static/", "/media/", "/_stcore/", "/component/", "/app/static/")


class Door:
    """The middleware around the whole app.

    Args:
        app: what answers whom it lets pass.
        workspace: gives the workspace of the moment; called in a worker thread.
        bound: the address this server is bound to; a wildcard, or "" when nobody knows, stands for every address.
        base: the path below which the app is mounted (Streamlit's server.baseUrlPath), or "".
        vouches: whether a provider of identities is configured (OIDC) that people can be sent to.
    """

    def __init__(
        self,
        app: ASGIApp,
        workspace: Callable[[], Workspace],
        bound: Callable[[], str],
        base: Callable[[], str],
        vouches: Callable[[], bool] = lambda: False,
    ) -> None:
        self.app = app
        self.names = Names(bound())
        self.base = f"/{base().strip('/')}".rstrip("/")
        self.sign_in = SignIn(workspace, self.names.bound, vouches)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(self.base) if scope["path"].startswith(f"{self.base}/") else scope["path"]
        is_api = path == "/api" or path.startswith("/api/")
        if is_api and self.base:
            # Our routes stand at the root: there a proxy that takes the base away asks for them, and here one that does not.
            scope = {**scope, "path": path, "raw_path": scope.get("raw_path", b"").removeprefix(self.base.encode())}
        admitted = await self._admitted(scope, path, is_api, receive)
        if isinstance(admitted, Response):
            if scope["type"] == "websocket":
                await WebSocketClose()(scope, receive, send)
            else:
                await admitted(scope, receive, dressed(scope, send, is_api))
            return
        scope = _without(scope, VISITOR.encode())  # nobody but the door says who somebody is
        scope["headers"].append((VISITOR.encode(), admitted.encode()))
        if scope["type"] == "websocket":
            # Who passed is one of us, so Streamlit, which knows no ALCORE_HOSTS and looks up names on the net, need not ask again.
            if admitted != STRANGER:  # of whom Streamlit tells what a provider said for this Origin alone
                scope = _without(scope, b"origin")
            if admitted != OPEN:  # what somebody else's page was, or their own with another role, is not gone on with
                scope = _anew(scope)
            await self.app(scope, await self._while_standing(admitted, receive, send), send)
            return
        if not is_api:  # a page comes whole and uncompressed, since something is put into it
            scope = _without(scope, b"origin", *((b"accept-encoding", b"if-none-match", b"if-modified-since") if _is_page(path) else ()))
        await self.app(scope, receive, dressed(scope, send, is_api))

    async def _while_standing(self, visitor: str, receive: Receive, send: Send) -> Receive:
        """A `receive` that ends the connection once its visitor may be here no more, or has another role: at the next thing they do, before
        the page hears of it, or soon without one. The page is then drawn anew for whom they are."""
        role = await self.sign_in.role_of(visitor)
        coming: asyncio.Task[Message] | None = None

        async def received() -> Message:
            nonlocal coming
            while True:
                coming = coming or asyncio.ensure_future(receive())
                done, _ = await asyncio.wait({coming}, timeout=LOOK_AGAIN)
                if role is None or await self.sign_in.role_of(visitor) != role:
                    coming.cancel()
                    await send({"type": "websocket.close", "code": 1008, "reason": "the sign-in is over"})
                    return {"type": "websocket.disconnect", "code": 1008}
                if done:
                    message, coming = coming.result(), None
                    return message

        return received

    async def _admitted(self, scope: Scope, path: str, is_api: bool, receive: Receive) -> Response | str:
        """What a request gets that may not pass; or who makes it, where the pages are to know."""
        headers = Headers(scope=scope)
        refusal = self.names.refusal(headers.getlist("host"), headers.getlist("origin"))
        if refusal:
            return error_answer(403, refusal) if is_api else refusal_page(403, refusal)
        if is_api:  # its routes ask for a token of their own; a cookie means nothing to them
            raw = scope.get("raw_path") or b""
            return error_answer(400, "the address is not percent-encoded UTF-8") if _is_broken(raw.partition(b"?")[0]) else ""
        if self.base and path == "/" and scope["path"] == "/":
            return RedirectResponse(f"{self.base}/")
        return await self.sign_in.admit(scope, path, receive)


def _is_page(path: str) -> bool:
    return not path.startswith(_NO_PAGE)


def _is_broken(raw: bytes) -> bool:
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return True
    return bool(_BROKEN.search(raw))


def _anew(scope: Scope) -> Scope:
    """A handshake that begins a new session of Streamlit's: the third of its protocols is the number of one to go on with."""
    name, told = b"sec-websocket-protocol", list(scope.get("subprotocols") or [])[:2]
    headers = scope["headers"]
    if any(other == name for other, _ in headers):
        headers = [pair for pair in headers if pair[0] != name] + [(name, ", ".join(told).encode())]
    return {**scope, "subprotocols": told, "headers": headers}


def _without(scope: Scope, *names: bytes) -> Scope:
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name.lower() not in names]}
