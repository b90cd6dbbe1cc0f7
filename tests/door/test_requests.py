"""What a request may be: a body that stalls ends."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from alcore.door import requests as webrequests
from alcore.door.requests import Refused, json_object
from tests.door.bare import run


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


@pytest.mark.parametrize("body", [b"[", b"\xff", b"", b"[" * 100_000, b"9" * 5_000])
def test_a_body_that_is_no_json_is_refused(body):
    with pytest.raises(Refused, match="the body is not JSON"):
        json_object(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"a"', b"3"])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(Refused, match="the body must be a JSON object"):
        json_object(body)


def test_a_json_object_is_given():
    assert json_object(b'{"a": [1]}') == {"a": [1]}
