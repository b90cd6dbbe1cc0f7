"""The HTTP routes over all images of a project: views of them, their thumbnails many at a time, one answer for many, what was said of one.
Knows Starlette and projects, no Streamlit."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from alcore.accounts.roles import Role
from alcore.door.requests import CLIENT, Answer, Refused, Takes, is_whole, json_answer, json_object, path_number, project_of, query_number
from alcore.errors import NotFound
from alcore.project import (
    agreed,
    asking,
    batches,
    chosen,
    doubts,
    history,
    holding,
    metadata,
    notes,
    painted,
    savedviews,
    similar,
    views,
    why,
)
from alcore.project.catalog import Catalog, Guesses
from alcore.types import SPLITS

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.facade import Project
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

TAKES = Takes("application/json", 2_000_000)
MOST_THUMBNAILS = 200  # of an answer


def _images(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """A view's images as columns in its order: the length of a JSON head, the head, and one array after the other."""
    project = project_of(place, request)
    view = views.View.of(request.query_params.multi_items())
    of, said, at, told = views.look(project, view, grant.annotator)
    nothing = np.full(len(of), -1, np.int16)
    unsure = np.full(len(of), np.nan, np.float32)
    columns: dict[str, np.ndarray] = {  # those of wide numbers first: each begins where a browser may read it as what it is
        "id": of.ids.astype("<i4"),
        "confidence": (said.confidence if said else unsure).astype("<f4"),
        "label": (nothing if project.dense else of.labels).astype("<i2"),
        "guess": (said.classes if said else nothing).astype("<i2"),
        "by": of.annotators.astype("<i2"),
        "state": of.states,
        "split": of.splits.astype(np.uint8),
    }
    if told:
        columns["likelier"] = told.likelier.astype("<i2")
        columns = dict(sorted(columns.items(), key=lambda column: -column[1].itemsize))
    head = {
        "count": len(at),
        "of": len(of),
        "event": of.event,
        "round": said.number if said else None,
        "rounds": [r.number for r in project.rounds() if r.event is not None],
        "features": similar.can_tell(project),
        "drafts": painted.has_drafts(project),
        "scores": list(said.scores) if said else [],
        "classes": list(project.classes),
        "colors": ["#{:02x}{:02x}{:02x}".format(*color) for color in project.colors] if project.dense else [],
        "people": list(of.people),
        "splits": list(SPLITS),
        "views": savedviews.views(project),
        "counts": _counts(project, of, said),
        "meta": metadata.aligned(project, of).told,
        "columns": [[name, values.dtype.name] for name, values in columns.items()],
    }
    if head["drafts"]:
        agreed.look_ahead(project, of)
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    parts = [struct.pack("<I", len(text)), text, *(values[at].tobytes() for values in columns.values())]
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": "no-store", "Content-Encoding": "identity"}
    return Response(b"".join(parts), headers=headers)


def _counts(project: Project, of: Catalog, said: Guesses | None) -> dict[str, list[int]]:
    """How many of all images each value of a filter lets through, those without one last."""

    def by(values: np.ndarray, n: int) -> list[int]:
        counted: list[int] = np.bincount(np.where(values < 0, n, values), minlength=n + 1)[: n + 1].tolist()
        return counted

    k, told = len(project.classes), painted.painted(project, of) if project.dense else None
    return {
        "label": [] if project.dense else by(of.labels, k),
        "guess": by(said.classes, k) if said else [],
        "by": by(of.annotators, len(of.people)),
        "split": by(of.splits, len(SPLITS)),
        "state": [int(views.in_state(of, name).sum()) for name in views.STATES],
        "holds": told.holds.sum(0).tolist() if told else [],
        "painted": by(told.extents, len(painted.PAINTED))[:-1] if told else [],
    }


def _thumbnails(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """Pictures of many images in one answer: for each its length and bytes, 0 for one that cannot be read any more."""
    project, size, ids = _asked(place, request)
    rows = project.items.rows(ids)
    made: list[bytes] = []
    for i in ids:
        try:
            made.append(project.pictures.picture(rows[i], size)[0] if i in rows else b"")
        except NotFound:  # told by an empty place: the others are there
            made.append(b"")
    return _together(made)


def _overlays(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """Masks of many images, or drafts where there are none, in the same way: PNG in the colors of the classes, 0 for none of either."""
    project, size, ids = _asked(place, request)
    if not project.dense:
        raise Refused(400, f"the images of {project.name!r} have a class each: there are no masks to lay over them")
    return _together(painted.overlay(project, ids, size))


def _asked(place: Workspace, request: Request) -> tuple[Project, int, list[int]]:
    project, size = project_of(place, request), query_number(request, "size", 128, 16, 512)
    asked = request.query_params.get("ids", "").split(",")
    if len(asked) > MOST_THUMBNAILS or not all(i.isascii() and i.isdigit() and len(i) < 16 for i in asked):
        raise Refused(400, f"ids must be 1 to {MOST_THUMBNAILS} numbers with commas between them")
    return project, size, [int(i) for i in asked]


def _together(contents: list[bytes]) -> Response:
    parts = [part for content in contents for part in (struct.pack("<I", len(content)), content)]
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": "no-store", "Content-Encoding": "identity"}
    return Response(b"".join(parts), headers=headers)


def _history(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(history.history(project_of(place, request), path_number(request, "item"), grant.annotator))


def _why(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    number = query_number(request, "round", -1, 0, 2**53)
    return json_answer(why.why(project_of(place, request), path_number(request, "item"), None if number < 0 else number, grant.annotator))


def _note(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, content = project_of(place, request), json_object(body)
    text = content.get("text")
    if not isinstance(text, str):
        raise Refused(400, "text must be a text, empty to take the note away")
    item, client = path_number(request, "item"), _client(content, "client")
    return json_answer({"note": notes.write(project, item, text, annotator=grant.annotator, client=client)})


def _batches(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, content = project_of(place, request), json_object(body)
    client = _client(content, "client")
    asks, holds = content.get("kind") == "ask", content.get("kind") in ("hold", "back")
    if holds:  # what is held out decides what every round is measured on
        grant.role.check(Role.OWNER)
    if "undo" in content and asks:
        done = asking.take_back(project, _client(content, "undo"), annotator=grant.annotator, undo=client)
    elif "undo" in content and holds:
        done = holding.take_back(project, _client(content, "undo"), annotator=grant.annotator, undo=client)
    elif holds:
        done = holding.hold(project, _ids(content), annotator=grant.annotator, client=client, back=content["kind"] == "back")
    elif content.get("kind") == "sure":
        done = doubts.confirm(project, _ids(content), annotator=grant.annotator, client=client)
    elif asks:
        done = asking.ask(project, _ids(content), annotator=grant.annotator, client=client)
    elif "undo" in content:
        done = batches.take_back(project, _client(content, "undo"), annotator=grant.annotator, undo=client)
    else:
        ids, kind, value = _ids(content), content.get("kind"), content.get("value")
        if not isinstance(kind, str) or not (value is None or isinstance(value, str)):
            raise Refused(400, "kind must be label, skip, flag, ask, hold, back or sure, and value a class for a label")
        saw = _seen(content.get("saw"), content.get("classes", list(project.classes)))
        done = batches.give(project, ids, kind, value, annotator=grant.annotator, client=client, saw=saw)
    if done.stored and content.get("kind") not in ("ask", "sure"):
        place.live.answered(project.name)
    return json_answer({"stored": done.stored, "refused": done.refused, "reason": done.reason, "conflicts": done.conflicts})


def _selections(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer({"among": chosen.keep(project_of(place, request), _ids(json_object(body)))})


def _selected(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer({"ids": chosen.kept(project_of(place, request), request.path_params["among"]).tolist()})


def _views(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, content = project_of(place, request), json_object(body)
    name, address = content.get("name"), content.get("address")
    if not isinstance(name, str) or not (address is None or (isinstance(address, str) and len(address) <= 4000)):
        raise Refused(400, "name must be a text, and address a view's, or null to remove it")
    if name in savedviews.views(project):  # they are everybody's
        grant.role.check(Role.OWNER)
    if address is None:
        savedviews.drop_view(project, name)
    else:
        savedviews.keep_view(project, name, address)
    return json_answer({"views": savedviews.views(project)})


def _client(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not CLIENT.fullmatch(value):
        raise Refused(400, f"{name} must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    return value


def _ids(content: dict[str, Any]) -> list[int]:
    ids = content.get("ids")
    if not isinstance(ids, list) or not all(is_whole(i, 0, 2**53) for i in ids):
        raise Refused(400, "ids must be a list of numbers of items")
    return ids


def _seen(saw: Any, classes: Any) -> list[str | None] | None:
    """The labels that a page showed: places among the classes that it had, which somebody may have changed since."""
    if saw is None:
        return None
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise Refused(400, "classes must be a list of the names that the page had")
    if not isinstance(saw, list) or not all(is_whole(k, -1, len(classes) - 1) for k in saw):
        raise Refused(400, "saw must be a list of places of classes, -1 for none")
    return [classes[k] if k >= 0 else None for k in saw]


READS: dict[str, Answer] = {
    "/projects/{project}/images": _images,
    "/projects/{project}/thumbnails": _thumbnails,
    "/projects/{project}/overlays": _overlays,
    "/projects/{project}/selections/{among}": _selected,
    "/projects/{project}/items/{item}/history": _history,
    "/projects/{project}/items/{item}/why": _why,
}
ASKS: dict[str, Answer] = {"/projects/{project}/selections": _selections}
POSTS: dict[str, Answer] = {
    "/projects/{project}/batches": _batches,
    "/projects/{project}/items/{item}/note": _note,
    "/projects/{project}/views": _views,
}
