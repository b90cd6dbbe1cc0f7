"""The line between a widget on a page and the kernel: requests come as messages and are answered by the routes of the app. No port is open.

The other end is alcore/browser/notebook/carry.js. Knows no widget: whoever holds a line gives it the messages that come, and a function
that sends what goes out.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.routing import Router
from starlette.types import ASGIApp, Message

from alcore.project.addresses import API
from alcore.web.routes import routes

if TYPE_CHECKING:
    from alcore.project.facade import Workspace

ASK, DROP, ANSWER = "alcore:ask", "alcore:drop", "alcore:answer"
METHODS = ("GET", "POST")
LONGEST_ID = 100  # characters
REMEMBERED = 2000  # numbers of requests that are over: one that comes again is known, one that is older than that was sent long ago
SIGNED_FOR = 60.0  # seconds: a token is made for a request and never leaves the kernel

Send = Callable[[dict[str, Any], list[bytes]], None]
logger = logging.getLogger(__name__)


class Line:
    """Answers the requests of one widget, for one project and in one annotator's name, whatever they say of themselves.

    Requests come in any order and are answered as they are done, each in its time: a long one holds up no other and no cell. One that comes
    twice is answered once. One that its page has given up is not answered, whether that is heard before it, with it or later.

    Args:
        workspace: that the project lies in.
        project: its name; requests for another one are refused.
        annotator: the name that answers are stored under.
        send: hands an answer and its body to the page; called in a thread of its own, never after `close`.
    """

    def __init__(self, workspace: Workspace, project: str, annotator: str, send: Send) -> None:
        self.workspace, self.project, self.annotator = workspace, project, annotator
        self._send = send
        self._app = Router(routes(lambda: workspace, version="notebook"))
        self._lock = threading.Lock()
        self._seen: dict[str, Future[None] | None] = {}  # id -> its answer on the way, None once it is over; the oldest first
        self._closed = False

    def take(self, content: object, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """A message of the page, with the body of a request as its only buffer. Returns at once; what is not ours is left alone."""
        kind = content.get("kind") if isinstance(content, Mapping) else None
        if kind not in (ASK, DROP) or not isinstance(content, Mapping):
            return
        number = content.get("id")
        if not isinstance(number, str) or not 0 < len(number) <= LONGEST_ID:
            logger.warning("a message of a widget has no number and cannot be answered: %.80r", number)
        elif kind == DROP:
            self._drop(number)
        else:
            self._ask(number, content, bytes(buffers[0]) if buffers else b"")

    def close(self) -> None:
        """Answers nothing from now on. What is being stored is stored."""
        with self._lock:
            self._closed = True
            on_the_way = [future for future in self._seen.values() if future]
        for future in on_the_way:
            future.cancel()

    # ---- requests

    def _ask(self, number: str, asked: Mapping[str, Any], body: bytes) -> None:
        with self._lock:
            if self._closed or number in self._seen:
                return
            future = asyncio.run_coroutine_threadsafe(self._answer(number, asked, body), _loop())
            self._remember(number, future)
        future.add_done_callback(lambda ended: self._over(number, ended))

    def _drop(self, number: str) -> None:
        with self._lock:
            future = self._seen.get(number)
            self._remember(number, future)  # a request that comes after it is known already
        if future:
            future.cancel()

    def _over(self, number: str, ended: Future[None]) -> None:
        with self._lock:
            self._seen[number] = None
        if not ended.cancelled() and (wrong := ended.exception()):
            logger.error("a request of a widget was not answered", exc_info=wrong)

    def _remember(self, number: str, future: Future[None] | None) -> None:
        self._seen[number] = future
        over = [name for name, other in self._seen.items() if other is None] if len(self._seen) > REMEMBERED else []
        for name in over[: len(self._seen) - REMEMBERED]:
            del self._seen[name]

    async def _answer(self, number: str, asked: Mapping[str, Any], body: bytes) -> None:
        method, url, given = asked.get("method"), asked.get("url"), asked.get("headers")
        if method not in METHODS or not isinstance(url, str) or not url.isascii() or not url.startswith(f"{API}/"):
            status, headers, content = 400, {"content-type": "application/json"}, b'{"error": "there is nothing at this address"}'
        else:
            kept = given if isinstance(given, Mapping) else {}
            told = {str(name).lower(): str(value) for name, value in kept.items()}
            token = self.workspace.sign(self.project, self.annotator, SIGNED_FOR)
            told |= {"host": "notebook", "content-length": str(len(body)), "authorization": f"Bearer {token}"}
            status, headers, content = await called(self._app, method, url, told, body)
        with self._lock:
            if self._closed:
                return
        self._send({"kind": ANSWER, "id": number, "status": status, "headers": headers}, [content])


async def called(app: ASGIApp, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """What an ASGI application answers to one request: status, headers with small names, body."""
    path, _, query = url.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()],
        "client": None,
        "server": None,
    }
    coming = iter([{"type": "http.request", "body": body, "more_body": False}])
    status, told, parts = 500, dict[str, str](), list[bytes]()

    async def receive() -> Message:
        return next(coming, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        nonlocal status, told
        if message["type"] == "http.response.start":
            status = message["status"]
            told = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, told, b"".join(parts)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Where all lines of this process answer. The kernel's own loop stands still while a cell runs."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="alcore-widgets", daemon=True).start()
    return loop
