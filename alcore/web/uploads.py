"""The HTTP routes of what a browser sends, and of the folders it may choose from. Knows Starlette, uploads and projects, no Streamlit.

A request holds pieces of one large file or many small files, so that no proxy's limit is passed and two thousand photos take few requests.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from alcore.door.requests import Answer, Refused, Takes, is_whole, json_answer, json_object, segment
from alcore.errors import BadInput
from alcore.project.background import FETCH, UNPACK, submit_fetch, submit_unpack, unpacking_of
from alcore.uploads.roots import Roots
from alcore.uploads.shelf import DONE, LAST, RECEIVING, UNPACKING, Sent, Shelf, Standing

if TYPE_CHECKING:
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

TOLD = Takes("application/json", 1_000_000)
PIECES = Takes("application/octet-stream", 2_000_000)
MOST = 10_000  # files of one request
LARGEST = 2**50  # bytes of a file


def _of_workspace(answer: Answer) -> Answer:
    """Uploads are the workspace's: a token of one project does not reach them."""

    @wraps(answer)
    def answered(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
        if grant.project:
            raise Refused(401, "the token is for a project: files are uploaded from the Data page")
        return answer(place, grant, request, body)

    return answered


@_of_workspace
def _uploads(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    shelf = Shelf(place.home)
    return json_answer({"uploads": [_told(place, one) for one in shelf.all()], "free": shelf.free()})


@_of_workspace
def _begin(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    said = json_object(body)
    name, print_ = said.get("name"), said.get("print")
    if not isinstance(name, str) or not isinstance(print_, str) or not 1 <= len(print_) <= 100:
        raise Refused(400, "name and print must be texts")
    files, size = _whole(said, "files", 1, 10**8), _whole(said, "bytes", 0, LARGEST)
    return json_answer(_told(place, Shelf(place.home).begin(name, print_, files, size)))


@_of_workspace
def _upload(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(_told(place, Shelf(place.home).standing(segment(request, "upload"))))


@_of_workspace
def _files(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    files = json_object(body).get("files")
    if not isinstance(files, list) or len(files) > MOST:
        raise Refused(400, f"files must be a list of at most {MOST:,}")
    return json_answer({"have": Shelf(place.home).have(segment(request, "upload"), [_sent(one) for one in files])})


@_of_workspace
def _pieces(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """The length of a JSON head (uint32, little-endian), the head, then the bytes of its pieces, one after the other."""
    if len(body) < 4 or len(body) < 4 + (length := struct.unpack_from("<I", body)[0]):
        raise Refused(400, "the body ends within its head")
    head, at = json_object(body[4 : 4 + length]).get("pieces"), 4 + length
    if not isinstance(head, list) or len(head) > MOST:
        raise Refused(400, f"pieces must be a list of at most {MOST:,}")
    pieces, content = [], memoryview(body)
    for each in head:
        if not isinstance(each, list) or len(each) != 5 or not (is_whole(each[3], 0, LARGEST) and is_whole(each[4], 0, PIECES.limit)):
            raise Refused(400, "a piece is [path, size, time, at, length]")
        sent = _sent(each[:3])
        if each[3] + each[4] > sent.size:
            raise Refused(400, f"{sent.path[:100]!r}: the piece goes past the end of the file")
        pieces.append((sent, each[3], content[at : at + each[4]]))
        at += each[4]
    if at != len(body):
        raise Refused(400, "the body is not as long as its pieces")
    return json_answer({"have": Shelf(place.home).take(segment(request, "upload"), pieces)})


@_of_workspace
def _actions(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    name, action, shelf = segment(request, "upload"), json_object(body).get("action"), Shelf(place.home)
    if action == "finish":
        standing = shelf.finish(name)
        if standing.state == UNPACKING:
            submit_unpack(place.runner, name)
        return json_answer(_told(place, standing))
    if action == "fetch":
        standing = shelf.standing(name)
        if not standing.address:
            raise BadInput(f"{name!r} was uploaded and has no address: drop the files again")
        submit_fetch(place.runner, place, standing.address)
        return json_answer(_told(place, standing))
    if action == "remove":
        standing = shelf.standing(name)
        if (standing.state == DONE or standing.address) and (reader := _reader(place, shelf, name)):
            raise BadInput(f"the project {reader!r} reads its images from {name!r}: delete the project first")
        for job in place.runner.jobs(unpacking_of(name)):
            if not job.over:
                place.runner.cancel(job.id)
        shelf.remove(name)
        return json_answer({"upload": name, "state": "removed"})
    raise Refused(400, "action must be finish, fetch or remove")


def _reader(place: Workspace, shelf: Shelf, name: str) -> str | None:
    """A project whose source lies in the upload."""
    folder = (shelf.folder / name).resolve()
    for project in place.projects():
        source = place.project(project).source.resolve()
        if source == folder or folder in source.parents:
            return project
    return None


@_of_workspace
def _folders(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(asdict(Roots.of(place.home).listing(request.query_params.get("at"))))


def _told(place: Workspace, standing: Standing) -> dict[str, Any]:
    """As the browser knows it; of one that is being unpacked or fetched how far that is, or why it has stopped."""
    job, works = None, standing.state == UNPACKING or (standing.state == RECEIVING and bool(standing.address))
    if works:
        job = next((job for job in place.runner.jobs(unpacking_of(standing.name), limit=1) if job.kind in (UNPACK, FETCH)), None)
        if job is None or job.over:
            standing = Shelf(place.home).standing(standing.name)  # its job wrote it before it was over
            works = standing.state in (UNPACKING, RECEIVING)
    told: dict[str, Any] = {"upload": standing.name, "state": standing.state, "files": standing.files, "bytes": standing.bytes}
    told |= {"source": standing.source, "notes": list(standing.notes), "error": standing.error, "address": standing.address}
    told["have"] = Shelf(place.home).there(standing.name) if standing.state == RECEIVING else standing.bytes
    if works:
        what = "fetching" if standing.address else "unpacking"
        if job is None or job.over:
            told |= {"state": "stopped", "error": (job.error if job else "") or f"{what} was interrupted"}
        else:
            told |= {"state": what, "done": job.progress.done, "total": job.progress.total, "message": job.progress.message}
    return told


def _whole(said: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = said.get(name)
    if not is_whole(value, low, high):
        raise Refused(400, f"{name} must be a whole number from {low} to {high:,}")
    return int(value or 0)


def _sent(given: Any) -> Sent:
    if not isinstance(given, list) or len(given) != 3:
        raise Refused(400, "a file is [path, size, time]")
    path, size, time = given
    if not isinstance(path, str) or len(path) > 4_000 or not is_whole(size, 0, LARGEST) or not is_whole(time, 0, LAST):
        raise Refused(400, "a file is [path, size, time]: a text and two whole numbers")
    return Sent(path, size, time)


READS: dict[str, Answer] = {"/uploads": _uploads, "/uploads/{upload}": _upload, "/folders": _folders}
POSTS: dict[str, tuple[Answer, Takes]] = {
    "/uploads": (_begin, TOLD),
    "/uploads/{upload}/files": (_files, TOLD),
    "/uploads/{upload}/pieces": (_pieces, PIECES),
    "/uploads/{upload}/actions": (_actions, TOLD),
}
