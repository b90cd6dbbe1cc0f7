"""The app behind the door, as small as it can be."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any, TypeVar

from httpx import Response
from starlette.testclient import TestClient

T = TypeVar("T")
WORD, OTHER = "correct horse", "battery staple"  # passwords
HTML = {"Accept": "text/html"}


def run(what: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: where browser tests ran before, this one's event loop is theirs."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, what).result()


def handshake(there: TestClient, path: str = "/_stcore/stream", **headers: str) -> str:
    """What the WebSocket says first; raises when the handshake is refused."""
    with there.websocket_connect(f"{there.base_url.copy_with(scheme='ws')}".rstrip("/") + path, headers=headers) as socket:
        return socket.receive_text()


def sign_in(there: TestClient, name: str, word: str = WORD, at: str = "/") -> Response:
    """What the form of names and passwords answers."""
    return there.post(at, data={"name": name, "password": word}, headers=HTML)
