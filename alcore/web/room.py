"""The HTTP routes of a class in one room: the page students open, what they are asked and answer, the board; and what the teacher does.
Knows Starlette, projects and teaching, no Streamlit.

Students sign in nowhere: the class's code gives them a token for this class alone, which no other route takes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from alcore.accounts.roles import Role
from alcore.door.hosts import is_loopback
from alcore.door.requests import (
    CLIENT,
    FOREVER,
    Answer,
    Refused,
    Takes,
    cacheable,
    is_whole,
    json_answer,
    json_object,
    path_number,
    segment,
)
from alcore.door.serve import own_address
from alcore.errors import Forbidden, NotFound
from alcore.project.addresses import in_room
from alcore.project.facade import Workspace
from alcore.project.lesson import digits, lesson
from alcore.project.place import Grant
from alcore.teaching.classroom import Classroom, NotNow
from alcore.teaching.invitation import invitation
from alcore.teaching.rooms import Rooms, TooMany, spelled

TAKES = Takes("application/json", 10_000)
DAY = 86_400.0  # seconds that a student's token lasts
PURPOSE = "student of a class"
SIDE = 512  # pixels of an image's long side: a telephone's width
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="class"></main>
<noscript>This page needs JavaScript.</noscript>
<script type="module">{script}</script>
</body>
</html>
"""

Admit = Callable[[Request, Callable[[], Workspace]], tuple[Workspace, Grant]]


@dataclass(frozen=True)
class Mount:
    """What the app hands over.

    Attributes:
        script, style: of the page that students open.
        bound: the address the server is bound to; a wildcard, or "" when nobody knows, stands for every address.
    """

    script: Callable[[], str]
    style: Callable[[], str]
    bound: Callable[[], str]


@dataclass(frozen=True)
class Way:
    """A route: its path, who is admitted, and the answer."""

    path: str
    method: str
    admit: Admit
    answer: Answer


# ---- the classes of a workspace

_opened: dict[Path, Rooms] = {}
_opening = threading.Lock()


def rooms_of(place: Workspace) -> Rooms:
    """The classes of a workspace, those that a stopped server left included."""
    with _opening:
        if place.home not in _opened:
            _opened[place.home] = Rooms(place.home / "classes", lambda name, plan: lesson(place.project(name), plan))
        return _opened[place.home]


def close(place: Workspace) -> None:
    """Ends what its classes do in the background; they go on when somebody asks for them."""
    with _opening:
        found = _opened.pop(place.home, None)
    if found:
        found.close()


# ---- who is let in


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(401, "a token is needed: send it as 'Authorization: Bearer TOKEN'")
    return token.strip()


def anybody(request: Request, workspace: Callable[[], Workspace]) -> tuple[Workspace, Grant]:
    """Who has no token yet."""
    return workspace(), Grant("", "", Role.VIEWER)


def student(request: Request, workspace: Callable[[], Workspace]) -> tuple[Workspace, Grant]:
    """Who has joined the class in the address; the grant's annotator is the student."""
    token, place = _bearer(request), workspace()
    content = place.unseal(PURPOSE, token)
    if content is None:
        raise Refused(401, "the token is not valid or has expired: join the class again")
    if content[0] != spelled(segment(request, "code")):
        raise Refused(401, "the token is for another class")
    return place, Grant(_of_class(content[0]), content[1], Role.VIEWER)


def teacher(request: Request, workspace: Callable[[], Workspace]) -> tuple[Workspace, Grant]:
    """Whom a page of the app gave a token of no project, or who has the workspace's own."""
    token, place = _bearer(request), workspace()
    grant = place.verify(token)
    if grant is None:
        raise Refused(401, "the token is not valid or has expired; reload the page")
    if grant.project not in (None, ""):
        raise Refused(401, "the token is for a project: a class is opened from the Learn page")
    grant.role.check(Role.OWNER)
    return place, grant


def either(request: Request, workspace: Callable[[], Workspace]) -> tuple[Workspace, Grant]:
    """A teacher, or a student of the class."""
    try:
        return student(request, workspace)
    except Refused as refused:
        try:
            return teacher(request, workspace)
        except (Refused, Forbidden):
            raise refused from None


def _of_class(code: str) -> str:
    """The project that a student's grant names: none there can be."""
    return f"/class/{code}"


def _class(place: Workspace, request: Request) -> Classroom:
    return rooms_of(place).find(segment(request, "code"))


# ---- answers to students


def _page(mount: Mount) -> Answer:
    def page(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
        code = spelled(segment(request, "code"))
        style, script = mount.style(), mount.script()
        text = PAGE.format(title=html.escape(f"Class {code} · alcore" if code else "alcore"), style=style, script=script).encode()
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Cache-Control": "no-store",  # a 304 would carry the door's policy of what is no page, and the browser would take that one
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": POLICY.format(script=_digest(script), style=_digest(style)),
        }
        return Response(text, headers=headers)

    return page


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _join(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    rooms, address = rooms_of(place), request.client.host if request.client else ""
    try:
        rooms.guard.check(address)
    except TooMany as refused:
        raise Refused(429, str(refused)) from None
    name = json_object(body).get("name", "")
    if not isinstance(name, str) or len(name) > 200:
        raise Refused(400, "name must be a text of at most 200 characters")
    try:
        room = rooms.find(segment(request, "code"))
    except NotFound:
        rooms.guard.wrong(address)
        raise
    sid = secrets.token_hex(8)
    with _not_now():
        joined = room.join(sid, name)
    token = place.seal(PURPOSE, [room.code, sid], DAY)
    return json_answer({"token": token, "name": joined.name, "team": joined.team if room.mode == "race" else ""})


def _next(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    room = _class(place, request)
    return json_answer({**_asked(room, grant.annotator), "classes": list(room.classes), "project": room.project})


def _asked(room: Classroom, sid: str) -> dict[str, Any]:
    told = room.next(sid)
    items = [{"id": item, "image": in_room(room.code, "images", item)} for item in told["items"]]
    return {**told, "items": items}


def _answer(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    room, given = _class(place, request), json_object(body)
    if not isinstance(given.get("id"), str) or not CLIENT.fullmatch(given["id"]):
        raise Refused(400, "id must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    for name in ("item", "label", "era"):
        if not is_whole(given.get(name), 0, 2**53):
            raise Refused(400, f"{name} must be a whole number from 0")
    with _not_now():
        counted = room.answer(grant.annotator, given["id"], given["item"], given["label"], given["era"])
    return json_answer({"acked": given["id"], "counted": counted, **_asked(room, grant.annotator)})


def _image(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    room, item = _class(place, request), path_number(request, "item")
    if not room.asks_for(item):
        raise NotFound(f"there is no image {item} in this class")
    encoded, mime, etag = place.project(room.project).picture(item, SIDE)
    return cacheable(request, encoded, etag, {"Content-Type": mime, "Cache-Control": FOREVER})


def _board(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    room = _class(place, request)
    is_student = grant.project == _of_class(room.code)
    told = room.board(grant.annotator if is_student else "", everybody=not is_student)
    content = json.dumps(told, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}
    return cacheable(request, content, hashlib.blake2b(content, digest_size=12).hexdigest(), headers)


# ---- answers to the teacher


def _classes(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer({"classes": rooms_of(place).listed()})


def _open(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """A new class on a project; "" is the bundled digits."""
    given = json_object(body)
    project, mode = given.get("project"), given.get("mode")
    if not isinstance(project, str) or not isinstance(mode, str):
        raise Refused(400, "project and mode must be texts")
    room = rooms_of(place).open(project or digits(place), mode)
    return json_answer({"code": room.code, "project": room.project})


def _act(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    room, action = _class(place, request), json_object(body).get("action")
    if not isinstance(action, str):
        raise Refused(400, "action must be a text")
    with _not_now():
        room.act(action)
    return json_answer(room.board(everybody=True))


def _invitation(mount: Mount) -> Answer:
    def invited(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
        room, bound = _class(place, request), mount.bound()
        found = invitation(request.query_params.get("at", ""), in_room(room.code), alone=is_loopback(bound), own=own_address())
        return json_answer({"code": room.code, "link": found.link, "qr": found.qr, "warning": found.warning})

    return invited


@contextmanager
def _not_now() -> Iterator[None]:
    """What a class does not take now is a conflict with its state."""
    try:
        yield
    except NotNow as problem:
        raise Refused(409, str(problem)) from None


def ways(mount: Mount) -> list[Way]:
    """All routes of classes."""
    return [
        Way("/rooms", "GET", teacher, _classes),
        Way("/rooms", "POST", teacher, _open),
        Way("/room/{code}", "GET", anybody, _page(mount)),
        Way("/room/{code}/join", "POST", anybody, _join),
        Way("/room/{code}/next", "GET", student, _next),
        Way("/room/{code}/answers", "POST", student, _answer),
        Way("/room/{code}/images/{item}", "GET", student, _image),
        Way("/room/{code}/board", "GET", either, _board),
        Way("/room/{code}/actions", "POST", teacher, _act),
        Way("/room/{code}/invitation", "GET", teacher, _invitation(mount)),
    ]
