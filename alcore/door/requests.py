"""What every HTTP route needs of a request, and the ways to answer. Knows Starlette and projects by name; no route."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.facade import Project
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

DAY = 86_400_000  # milliseconds
STALL = 30.0  # seconds without a byte of a body that has begun
FOREVER = "private, max-age=31536000, immutable"
CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")

_SEGMENT = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}")
_NUMBER = re.compile(r"[0-9]{1,18}")

Answer = Callable[["Workspace", "Grant", Request, bytes], Response]


@dataclass(frozen=True)
class Takes:
    """The body a route takes: its content type, and its most bytes."""

    kind: str
    limit: int


class Refused(Exception):
    """A request that gets `status` and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


async def read_body(request: Request, takes: Takes) -> bytes:
    """The whole body, refused as soon as it is known to be too long, whatever Content-Length says."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != takes.kind:
        raise Refused(400, f"send the header 'Content-Type: {takes.kind}'")
    too_long = Refused(413, f"the body is longer than {takes.limit:,} bytes")
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise Refused(400, "Content-Length is not a number")
    if len(length) > 18 or int(length) > takes.limit:
        raise too_long
    body, stream = bytearray(), aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(STALL):
                body += await anext(stream)
        except StopAsyncIteration:
            return bytes(body)
        except TimeoutError:
            raise Refused(408, f"nothing of the body came for {STALL:g} seconds; send it again") from None
        if len(body) > takes.limit:
            raise too_long


def json_object(body: bytes) -> dict[str, Any]:
    """A body that must be a JSON object; 400 for everything else."""
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):  # ValueError: bad UTF-8, bad JSON, numbers of thousands of digits
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(content, dict):
        raise Refused(400, "the body must be a JSON object")
    return content


def is_whole(value: Any, low: int, high: int) -> bool:
    """True for a whole number in the range; JSON's true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def project_of(place: Workspace, request: Request) -> Project:
    """The project the address names."""
    return place.project(segment(request, "project"))


def segment(request: Request, name: str) -> str:
    """A part of the address that can be a name; 404 for everything else."""
    value: str = request.path_params[name]
    if not _SEGMENT.fullmatch(value) or ".." in value or value.startswith("."):
        raise Refused(404, f"there is no such {name}")
    return value


def path_number(request: Request, name: str) -> int:
    """A part of the address that is a number; 404 for everything else."""
    value: str = request.path_params[name]
    if not _NUMBER.fullmatch(value):
        raise Refused(404, f"there is no {name} {value[:40]!r}")
    return int(value)


def query_number(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A number behind the question mark; 400 for one out of range."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if not _NUMBER.fullmatch(value) or not low <= int(value) <= high:
        raise Refused(400, f"{name} must be a whole number from {low} to {high}")
    return int(value)


def json_answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """JSON that is never kept by a cache."""
    return JSONResponse(dict(content), status_code=status, headers={"Cache-Control": "no-store"})


def error_answer(status: int, sentence: str) -> Response:
    """What every error looks like. 503 tells a browser that the server is there and has said why not now."""
    answer = json_answer({"error": sentence}, status)
    if status == 503:
        answer.headers["Retry-After"] = "5"
    return answer


def cacheable(request: Request, content: bytes, etag: str, headers: Mapping[str, str]) -> Response:
    """The content, or 304 to a browser that has it. `headers` name the type and how long it may be kept."""
    tag = f'"{etag}"'
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": headers["Cache-Control"]})
    return Response(content, headers={**headers, "ETag": tag, "X-Content-Type-Options": "nosniff"})
