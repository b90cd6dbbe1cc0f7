"""The HTTP routes below /api/v1: images, queue, annotations, map columns, jobs, health. Knows Starlette and the workspace, no Streamlit.

Custom routes of a Streamlit app have no protection of their own (a POST without cookie and with a foreign Origin was stored), so every
request is checked here: Host (a name of another site bound to our address), Origin (a page of another site), token (who it is). The
annotator's name comes from the token. What may touch the disk runs in Starlette's thread pool; the event loop only moves bytes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from alcore import webmasks
from alcore.errors import AlcoreError, DiskFull, NotFound
from alcore.types import EVENT_KINDS, Annotation, Job
from alcore.webrequests import (
    CLIENT,
    DAY,
    FOREVER,
    Answer,
    Refused,
    Takes,
    cacheable,
    error_answer,
    is_whole,
    json_answer,
    path_number,
    project_of,
    query_number,
    read_body,
    segment,
)

if TYPE_CHECKING:
    from alcore.jobs import JobRunner
    from alcore.workspace import Grant, Workspace

EVENTS = Takes("application/json", 1_000_000)
EVENT_LIMIT = 1000  # events of an annotations request
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
COLUMN_TYPES = ("float32", "int32", "int16", "uint8")


logger = logging.getLogger(__name__)


def routes(workspace: Callable[[], Workspace], *, version: str = "0", hosts: Sequence[str] = ()) -> list[Route]:
    """All routes of the HTTP interface, and one that answers every other address below /api with a 404 in JSON.

    Args:
        workspace: gives the workspace of the moment; called for each request, in a worker thread.
        version: what /health tells.
        hosts: names this server may be called by besides the loopback ones and those in `ALCORE_HOSTS` (comma separated), that is, the
            address it is bound to. A wildcard address (0.0.0.0, ::) allows every numeric address, "*" allows everything.
    """
    allowed = frozenset(hosts)

    def health(request: Request) -> Response:
        return json_answer({"status": "ok", "version": version})

    def route(path: str, answer: Answer, method: str = "GET", takes: Takes = EVENTS) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _serve(request, workspace, answer, allowed, takes)

        return Route(f"/api/v1{path}", endpoint, methods=[method], name=answer.__name__)

    return [
        Route("/api/v1/health", health, methods=["GET"]),
        route("/jobs", _jobs),
        route("/projects/{project}/status", _status),
        route("/projects/{project}/queue", _queue),
        route("/projects/{project}/annotations", _annotations, "POST"),
        route("/projects/{project}/items/{item}", _item),
        route("/projects/{project}/items/{item}/image", _image),
        route("/projects/{project}/rounds/{round}/columns", _columns),
        route("/projects/{project}/rounds/{round}/columns/{column}", _column),
        *(route(path, answer) for path, answer in webmasks.READS.items()),
        route("/projects/{project}/items/{item}/mask", webmasks.save, "POST", webmasks.TAKES),
        # Without it Streamlit answers an address it does not know with its index page and 200.
        Route("/api/{rest:path}", _nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    ]


async def _serve(request: Request, workspace: Callable[[], Workspace], answer: Answer, hosts: frozenset[str], takes: Takes) -> Response:
    try:
        _check_host(request, hosts)
        _check_origin(request)
        place, grant = await run_in_threadpool(_admit, request, workspace)
        body = await read_body(request, takes) if request.method == "POST" else b""
        return await run_in_threadpool(answer, place, grant, request, body)
    except Refused as refused:
        return error_answer(refused.status, str(refused))
    except NotFound as missing:
        return error_answer(404, str(missing))
    except DiskFull as full:  # not the request's fault: a browser keeps what it has and sends it again
        return error_answer(503, str(full))
    except AlcoreError as problem:
        return error_answer(400, str(problem))
    except ClientDisconnect:
        return error_answer(400, "the connection ended before the whole request was there")
    except Exception:  # a bug of ours: the caller gets a sentence in JSON like any other, the log the traceback
        logger.exception("%s %s failed", request.method, request.url.path)
        return error_answer(500, "this is a bug in alcore; the server's log has the details")


# ---- who may ask


def _check_host(request: Request, hosts: frozenset[str]) -> None:
    named = request.headers.get("host", "")
    try:
        name = (urlsplit(f"//{named}").hostname or "").lower()
    except ValueError:
        name = ""
    allowed = LOOPBACK | hosts | {host.strip().lower() for host in os.environ.get("ALCORE_HOSTS", "").split(",") if host.strip()}
    if name and (name in allowed or "*" in allowed or (allowed & {"0.0.0.0", "::"} and _is_address(name))):
        return
    raise Refused(400, f"this server does not answer for the host {named[:100]!r}; name it in ALCORE_HOSTS if it is yours")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is None:  # not a browser, or a GET of our own page
        return
    scheme, _, place = origin.lower().partition("://")
    standard = {"http": ":80", "https": ":443"}.get(scheme, "")
    if not place or place.removesuffix(standard) != request.headers["host"].lower().removesuffix(standard):
        raise Refused(401, "the request comes from a page of another site")


def _admit(request: Request, workspace: Callable[[], Workspace]) -> tuple[Workspace, Grant]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(401, "a token is needed: send it as 'Authorization: Bearer TOKEN'")
    place = workspace()
    grant = place.verify(token.strip())
    if grant is None:
        raise Refused(401, "the token is not valid or has expired; reload the page")
    project = request.path_params.get("project")
    if project is not None and grant.project not in (None, project):
        raise Refused(401, "the token is for another project")
    return place, grant


# ---- answers: each runs in a worker thread


def _jobs(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    limit = query_number(request, "limit", 50, 1, 500)
    runner = place.runner
    return json_answer({"jobs": [_job(job, runner) for job in runner.jobs(grant.project, limit)]})


def _job(job: Job, runner: JobRunner) -> dict[str, Any]:
    progress = job.progress
    return {
        "id": job.id,
        "kind": job.kind,
        "project": job.project,
        "title": job.title,
        "state": job.state,
        "device": job.device,
        "progress": {
            "stage": progress.stage,
            "done": progress.done,
            "total": progress.total,
            "values": dict(progress.values),
            "message": progress.message,
        },
        "eta_seconds": runner.eta_seconds(job),
        "fraction": 1.0 if job.state == "done" else runner.fraction(job),
        "error": job.error,
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
    }


def _status(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(project_of(place, request).status())


def _queue(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(project_of(place, request).queue(query_number(request, "n", 48, 1, 500)))


def _item(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(project_of(place, request).item(path_number(request, "item")))


def _image(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    item, size = path_number(request, "item"), query_number(request, "size", 512, 16, 4096)
    encoded, mime, etag = project_of(place, request).picture(item, size)
    return cacheable(request, encoded, etag, {"Content-Type": mime, "Cache-Control": FOREVER})


def _columns(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, number = project_of(place, request), path_number(request, "round")
    columns = project.columns(number)
    return json_answer({"round": number, "count": len(project.column(number, "id")), "columns": columns, "classes": list(project.classes)})


def _column(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    values = project_of(place, request).column(path_number(request, "round"), segment(request, "column"))
    if values.dtype.name not in COLUMN_TYPES:
        raise TypeError(f"column {request.path_params['column']} is {values.dtype.name}; the map takes {', '.join(COLUMN_TYPES)}")
    content = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    etag = hashlib.blake2b(content, digest_size=12).hexdigest()
    # Labels change within a round, so the browser asks each time. "identity" keeps gzip away from numbers that it cannot make smaller.
    headers = {"Content-Type": "application/octet-stream", "X-Dtype": values.dtype.name, "Cache-Control": "private, no-cache"}
    return cacheable(request, content, etag, {**headers, "Content-Encoding": "identity"})


def _annotations(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project = project_of(place, request)
    client, events = _parse(body)
    good: list[Annotation] = []
    rejected: list[dict[str, Any]] = []
    for event in events:
        reason = _wrong(event)
        if reason:
            seq = event.get("seq") if isinstance(event, dict) else None
            rejected.append({"seq": seq if is_whole(seq, -(2**53), 2**53) else None, "reason": reason})
        else:
            good.append(_annotation(event, client, grant.annotator))
    if good:
        acked, refused = project.record(good)
        return json_answer({"acked": acked, "rejected": rejected + refused})
    return json_answer({"acked": [], "rejected": rejected})


def _nothing(request: Request) -> Response:
    return error_answer(404, "there is nothing at this address")


# ---- reading what came


def _parse(body: bytes) -> tuple[str, list[Any]]:
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):  # ValueError: bad UTF-8, bad JSON, numbers of thousands of digits
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(content, dict):
        raise Refused(400, "the body must be a JSON object with client and events")
    client, events = content.get("client"), content.get("events")
    if not isinstance(client, str) or not CLIENT.fullmatch(client):
        raise Refused(400, "client must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    if not isinstance(events, list):
        raise Refused(400, "events must be a list")
    if len(events) > EVENT_LIMIT:
        raise Refused(413, f"{len(events):,} events are too many; send at most {EVENT_LIMIT:,} at a time")
    return client, events


def _wrong(event: Any) -> str | None:
    """Why the event cannot be taken, or None."""
    if not isinstance(event, dict):
        return "an event must be an object"
    kind, value = event.get("kind"), event.get("value")
    if not is_whole(event.get("seq"), 1, 2**53):
        return "seq must be a whole number from 1"
    if not is_whole(event.get("item"), 0, 2**53):
        return "item must be the number of an item"
    if not isinstance(kind, str) or kind not in EVENT_KINDS:
        return f"kind must be one of {', '.join(EVENT_KINDS)}"
    if value is None and kind == "label":
        return "a label needs the class as value"
    if value is not None and not (isinstance(value, str) and len(value) <= 200 and _is_text(value)):
        return "value must be a text of at most 200 characters"
    if event.get("ms") is not None and not is_whole(event["ms"], 0, DAY):
        return f"ms must be a whole number from 0 to {DAY}"
    if event.get("round") is not None and not is_whole(event["round"], 0, 2**53):
        return "round must be the number of a round"
    return None


def _is_text(value: str) -> bool:
    """False for NUL and for half a surrogate pair, which JSON may hold and no database takes."""
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _annotation(event: Mapping[str, Any], client: str, annotator: str) -> Annotation:
    return Annotation(
        client=client,
        seq=event["seq"],
        item=event["item"],
        kind=event["kind"],
        value=event.get("value"),
        ms=event.get("ms"),
        annotator=annotator,
        round=event.get("round"),
    )
