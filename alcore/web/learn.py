"""The HTTP routes of the Learn page: films of strategies that learn points in a plane, and what each would ask for. Knows Starlette and
teaching, no project and no Streamlit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from alcore.door.requests import FOREVER, Answer, Takes, cacheable, json_answer, json_object, query_number, segment
from alcore.teaching.lessons import Lessons

if TYPE_CHECKING:
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

TAKES = Takes("application/json", 200_000)
MOST_FRAMES = 50  # of one answer: with three classes and eight heads some 25 MB

_lessons = Lessons()


def _film(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(_lessons.film(json_object(body)).told())


def _questions(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer({"asked": _lessons.asked(json_object(body))})


def _frames(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    film = _lessons.named(segment(request, "film"))
    last = film.recording.steps
    first = query_number(request, "first", 0, 0, last)
    count = query_number(request, "count", 1, 1, MOST_FRAMES)
    content = b"".join(film.frame(step) for step in range(first, min(last, first + count - 1) + 1))
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": FOREVER, "Content-Encoding": "identity"}
    return cacheable(request, content, f"{film.name}-{first}-{count}", headers)


READS: dict[str, Answer] = {"/learn/films/{film}/frames": _frames}
POSTS: dict[str, Answer] = {"/learn/films": _film, "/learn/questions": _questions}
