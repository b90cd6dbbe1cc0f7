"""The HTTP routes below /api/v1: images, queue, annotations, map columns, files, lessons, jobs, health. Knows Starlette, no Streamlit.

Host and Origin were asked for at the door (door/middleware.py); who it is tells the token, and the annotator's name and role come from
it: no cookie counts here, so that no page of another site can act in somebody's name. Each route says which role it needs. What may touch
the disk runs in Starlette's thread pool; the event loop only moves bytes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from alcore.accounts.roles import Role
from alcore.door.requests import (
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
    json_object,
    path_number,
    project_of,
    query_number,
    read_body,
    segment,
)
from alcore.errors import AlcoreError, Forbidden, NotFound, Unavailable, of_machine
from alcore.project import labeling, points, tables
from alcore.project.addresses import API
from alcore.project.sharing import MOST
from alcore.storage.journal import Taken
from alcore.types import EVENT_KINDS, Annotation, Job
from alcore.web import classes, clicks, files, images, learn, proposals, room, uploads
from alcore.web import masks as webmasks

if TYPE_CHECKING:
    from alcore.jobs.runner import JobRunner
    from alcore.project.facade import Workspace  # loads torch, which the app answers before
    from alcore.project.place import Grant

EVENTS = Takes("application/json", 1_000_000)
EVENT_LIMIT = 1000  # events of an annotations request
MOST_TRAILS = 200  # images of a trails request
COLUMN_TYPES = ("float32", "int32", "int16", "uint8")


logger = logging.getLogger(__name__)


READS = (files.READS, images.READS, classes.READS, webmasks.READS, clicks.READS, learn.READS, proposals.READS)
NOWHERE = room.Mount(script=lambda: "", style=lambda: "", bound=lambda: "")


def routes(workspace: Callable[[], Workspace], *, version: str = "0", mount: room.Mount = NOWHERE) -> list[Route]:
    """All routes of the HTTP interface, and one that answers everything else below /api with a 404 or 405 in JSON.

    Args:
        workspace: gives the workspace of the moment; called for each request, in a worker thread.
        version: what /health tells.
        mount: what the page of a class is made of, and where it can be reached.
    """

    def health(request: Request) -> Response:
        return json_answer({"status": "ok", "version": version})

    def origin(request: Request) -> Response:  # the door has let the page in that asks
        return json_answer({"status": "ok"})

    def route(
        path: str, answer: Answer, needs: Role | None, method: str = "GET", takes: Takes = EVENTS, admit: room.Admit = _admit
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _serve(request, workspace, answer, takes, admit, needs)

        return Route(f"{API}{path}", endpoint, methods=[method], name=answer.__name__)

    def reading(path: str, answer: Answer) -> Route:
        return route(path, answer, Role.VIEWER)

    def asks(path: str, answer: Answer, takes: Takes = EVENTS) -> Route:  # a POST since what is asked for is long: nothing changes
        return route(path, answer, Role.VIEWER, "POST", takes)

    def labels(path: str, answer: Answer, takes: Takes = EVENTS) -> Route:
        return route(path, answer, Role.ANNOTATOR, "POST", takes)

    def owns(path: str, answer: Answer, takes: Takes = EVENTS) -> Route:
        return route(path, answer, Role.OWNER, "POST", takes)

    there = [
        Route(f"{API}/health", health, methods=["GET"]),
        Route(f"{API}/origin", origin, methods=["POST"]),
        reading("/jobs", _jobs),
        reading("/projects/{project}/status", _status),
        reading("/projects/{project}/queue", _queue),
        reading("/projects/{project}/changes", _changes),
        labels("/projects/{project}/annotations", _annotations),
        reading("/projects/{project}/items/{item}", _item),
        reading("/projects/{project}/items/{item}/image", _image),
        reading("/projects/{project}/rounds/{round}/columns", _columns),
        reading("/projects/{project}/rounds/{round}/columns/{column}", _column),
        reading("/projects/{project}/trails", _trails),
        *(reading(path, answer) for reads in READS for path, answer in reads.items()),
        *(asks(path, answer, learn.TAKES) for path, answer in learn.POSTS.items()),
        *(asks(path, answer, images.TAKES) for path, answer in images.ASKS.items()),
        *(labels(path, answer, images.TAKES) for path, answer in images.POSTS.items()),
        *(asks(path, answer, classes.TAKES) for path, answer in classes.ASKS.items()),
        *(owns(path, answer, classes.TAKES) for path, answer in classes.POSTS.items()),
        *(owns(path, answer) for path, answer in proposals.POSTS.items()),
        *(labels(path, answer) for path, answer in clicks.POSTS.items()),
        labels("/projects/{project}/items/{item}/mask", webmasks.save, webmasks.TAKES),
        *(route(path, answer, Role.OWNER) for path, answer in uploads.READS.items()),
        *(owns(path, answer, takes) for path, (answer, takes) in uploads.POSTS.items()),
        *(route(way.path, way.answer, None, way.method, room.TAKES, way.admit) for way in room.ways(mount)),
    ]
    # Without it Streamlit answers an address it does not know with its index page and 200.
    return [*there, *(Route(path, _Nothing(there)) for path in ("/api", "/api/{rest:path}"))]


class _Nothing:
    """Answers what no route takes: 405 where another method is taken, else 404."""

    def __init__(self, there: Sequence[Route]) -> None:
        self.there = there

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = sorted({method for route in self.there if route.matches(scope)[0] == Match.PARTIAL for method in route.methods or ()})
        if methods:
            answer = error_answer(405, f"{scope['method']} is not taken here, only {' and '.join(methods)}")
            answer.headers["Allow"] = ", ".join(methods)
        else:
            answer = error_answer(404, "there is nothing at this address")
        await answer(scope, receive, send)


async def _serve(
    request: Request, workspace: Callable[[], Workspace], answer: Answer, takes: Takes, admit: room.Admit, needs: Role | None
) -> Response:
    try:
        place, grant = await run_in_threadpool(admit, request, workspace)
        if needs is not None:
            grant.role.check(needs)
        body = await read_body(request, takes) if request.method == "POST" else b""
        return await run_in_threadpool(answer, place, grant, request, body)
    except Refused as refused:
        return error_answer(refused.status, str(refused))
    except Forbidden as reason:
        return error_answer(403, str(reason))
    except NotFound as missing:
        return error_answer(404, str(missing))
    except Unavailable as reason:  # not the request's fault: a browser keeps what it has and sends it again
        return error_answer(503, str(reason))
    except AlcoreError as problem:
        return error_answer(400, str(problem))
    except ClientDisconnect:
        return error_answer(400, "the connection ended before the whole request was there")
    except Exception as problem:
        if told := of_machine(problem):
            return error_answer(503, str(told))
        # a bug of ours: the caller gets a sentence in JSON like any other, the log the traceback
        logger.exception("%s %s failed", request.method, request.url.path)
        return error_answer(500, "this is a bug in alcore; the server's log has the details")


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
    """The plain queue; with `done` what was answered too, the newest so many, with `here` what is this window's of it, and with
    `view=review` the items that have two answers."""
    project = project_of(place, request)
    number = query_number(request, "round", -1, 0, 2**53)
    done, skip = query_number(request, "done", 0, 0, 500), query_number(request, "skip", 0, 0, 2**53)
    n = query_number(request, "n", 48, 0 if done else 1, 500)
    view = request.query_params.get("view", "query")
    if view not in ("query", "review"):
        raise Refused(400, "view must be query or review")
    if view == "review":
        return json_answer(labeling.review(project, n))
    if "done" in request.query_params or number >= 0:
        return json_answer(labeling.query(project, n, None if number < 0 else number, done, skip, _window(grant, request)))
    return json_answer(project.queue(n))


def _changes(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, window = project_of(place, request), _window(grant, request)
    on, after = query_number(request, "on", 0, 0, 2**53), query_number(request, "after", 0, 0, 2**53)
    if window and query_number(request, "leaving", 0, 0, 1):
        project.presence.leave(window.client)
        return json_answer({})
    return json_answer(labeling.changes(project, after, window, on or None))


def _window(grant: Grant, request: Request) -> labeling.Window | None:
    """Who is at the page, where the request says from which open one it comes."""
    here = request.query_params.get("here")
    if here is None or grant.role < Role.ANNOTATOR:  # who only looks keeps nothing from those who label
        return None
    if not CLIENT.fullmatch(here):
        raise Refused(400, "here must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    return labeling.Window(grant.annotator, here, query_number(request, "share", 500, 0, 500))


def _item(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(project_of(place, request).item(path_number(request, "item"), grant.annotator))


def _image(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    item, size = path_number(request, "item"), query_number(request, "size", 512, 16, 4096)
    encoded, mime, etag = project_of(place, request).picture(item, size)
    return cacheable(request, encoded, etag, {"Content-Type": mime, "Cache-Control": FOREVER})


def _columns(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, number = project_of(place, request), path_number(request, "round")
    round_ = tables.mapped_round(project, number)
    columns, count = tables.columns(project, round_), len(tables.column(project, round_, "id"))
    return json_answer({"round": number, "count": count, "columns": columns, "classes": list(project.classes)})


def _column(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project = project_of(place, request)
    round_ = tables.mapped_round(project, path_number(request, "round"))
    values = tables.column_for(project, round_, segment(request, "column"), grant.annotator)
    if values.dtype.name not in COLUMN_TYPES:
        raise TypeError(f"column {request.path_params['column']} is {values.dtype.name}; the map takes {', '.join(COLUMN_TYPES)}")
    content = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    etag = hashlib.blake2b(content, digest_size=12).hexdigest()
    # Labels change within a round, so the browser asks each time. "identity" keeps gzip away from numbers that it cannot make smaller.
    headers = {"Content-Type": "application/octet-stream", "X-Dtype": values.dtype.name, "Cache-Control": "private, no-cache"}
    return cacheable(request, content, etag, {**headers, "Content-Encoding": "identity"})


def _trails(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    asked = request.query_params.get("ids", "").split(",")
    if len(asked) > MOST_TRAILS or not all(i.isascii() and i.isdigit() and len(i) < 16 for i in asked):
        raise Refused(400, f"ids must be 1 to {MOST_TRAILS} numbers with commas between them")
    return json_answer(points.trails(project_of(place, request), [int(i) for i in asked]))


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
    taken = project.journal.take(good, project.classes, own=grant.role < Role.OWNER) if good else Taken()
    if taken.acked:
        place.live.answered(project.name)
    answer: dict[str, Any] = {"acked": taken.acked, "rejected": rejected + taken.rejected}
    return json_answer(answer | ({"conflicts": taken.conflicts} if taken.conflicts else {}))


# ---- reading what came


def _parse(body: bytes) -> tuple[str, list[Any]]:
    content = json_object(body)
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
    if not isinstance(event.get("replaces", ""), str) and event["replaces"] is not None:
        return "replaces must be the label its author saw, as text, or null for none"
    if event.get("opinions") is not None and not is_whole(event["opinions"], 2, MOST):
        return f"opinions must be a whole number from 2 to {MOST}, or null"
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
        replaces=(event["replaces"] or "") if "replaces" in event else None,
        opinions=event.get("opinions"),
    )
