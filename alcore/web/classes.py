"""The HTTP routes of a project's classes: what they are, what is done to them, what is taken for what. Knows Starlette and projects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from alcore.door.requests import CLIENT, Answer, Refused, Takes, is_whole, json_answer, json_object, project_of
from alcore.errors import AlcoreError, BadInput
from alcore.metrics import wilson
from alcore.project import chosen, classes, confusion, samples
from alcore.project.catalog import catalog_for, guesses
from alcore.project.views import View

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.facade import Project
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

TAKES = Takes("application/json", 2_000_000)
LOOK = ("color", "key", "about")


def _classes(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """Classes with their counts, the changes, and what is taken for what by the way that is asked for."""
    project, way = project_of(place, request), request.query_params.get("way", confusion.TESTED)
    return json_answer({**_now(project, grant.annotator), **_measured(project, way, grant.annotator)})


def _examples(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(classes.examples(project_of(place, request), request.query_params.get("name", ""), viewer=grant.annotator))


def _now(project: Project, viewer: str) -> dict[str, Any]:
    of = catalog_for(project, viewer)
    said = guesses(project, of)
    k = len(project.classes)

    def count(values: np.ndarray) -> list[int]:
        counted: list[int] = np.bincount(values[values >= 0], minlength=k).tolist()
        return counted

    labels = [0] * k if project.dense else count(of.labels)
    free = count(said.classes[of.states == 0]) if said else [None] * k
    told = [{**one, "labels": n, "guesses": m} for one, n, m in zip(classes.told(project), labels, free, strict=True)]
    hidden = samples.left_out(samples.counts_for(project, viewer)[1])
    return {"project": project.name, "dense": project.dense, "classes": told, "hidden": hidden, "changes": classes.changes(project)}


def _measured(project: Project, way: str, viewer: str) -> dict[str, Any]:
    try:
        found = confusion.confusion(project, way, viewer)
    except BadInput:
        raise
    except AlcoreError as why:  # there is nothing to measure yet: told where it would stand
        return {"measured": None, "problem": str(why)}
    at = found.counted.nonzero()
    cells = zip(*(a.tolist() for a in at), found.counted[at].tolist(), strict=True)
    images = f"{len(found.ids):,} {confusion.WAYS[way]}"
    low, high = wilson(found.right / len(found.ids), len(found.ids))
    told: dict[str, Any] = {
        "way": way,
        "round": found.round,
        "words": images,
        "of": len(found.ids),
        "right": found.right,
        "low": low,
        "high": high,
    }
    told["cells"] = list(cells)
    told["rows"] = [{"labeled": c.labeled, "guessed": c.guessed, "right": c.right, "mixed": c.mixed} for c in found.classes]
    return {"measured": told, "problem": None}


def _change(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, content = project_of(place, request), json_object(body)
    do = content.get("do")
    if not isinstance(do, str) or do not in _DOING:
        raise Refused(400, f"do must be one of {', '.join(_DOING)}")
    told = _DOING[do](project, content, grant.annotator)
    return json_answer({**(told if isinstance(told, dict) else {}), **_now(project, grant.annotator)})


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or len(value) > 2000:
        raise Refused(400, f"{name} must be a text")
    return value


def _texts(content: Mapping[str, Any], name: str) -> list[str]:
    values = content.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Refused(400, f"{name} must be a list of texts")
    return values


def _merge(project: Project, content: Mapping[str, Any], who: str) -> dict[str, Any]:
    return {"merged": classes.merge(project, _text(content, "name"), _text(content, "into"), who)}


def _split(project: Project, content: Mapping[str, Any], who: str) -> dict[str, Any]:
    ids, client = content.get("ids"), content.get("client")
    if not isinstance(ids, list) or not all(is_whole(i, 0, 2**53) for i in ids):
        raise Refused(400, "ids must be a list of numbers of items")
    if not isinstance(client, str) or not CLIENT.fullmatch(client):
        raise Refused(400, "client must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    done = classes.split(project, ids, _text(content, "name"), who, client)
    return {"stored": done.stored, "refused": done.refused, "reason": done.reason, "conflicts": done.conflicts}


def _describe(project: Project, content: Mapping[str, Any], who: str) -> None:
    classes.describe(project, _text(content, "name"), who, **{what: _text(content, what) for what in LOOK if what in content})


def _undo(project: Project, content: Mapping[str, Any], who: str) -> None:
    change = content.get("change")
    if not is_whole(change, 1, 2**53):
        raise Refused(400, "change must be the number of a change")
    classes.undo(project, int(str(change)), who)


_DOING: Mapping[str, Callable[[Project, Mapping[str, Any], str], object]] = {
    "add": lambda project, content, who: classes.add(project, _text(content, "name"), who),
    "rename": lambda project, content, who: classes.rename(project, _text(content, "name"), _text(content, "to"), who),
    "merge": _merge,
    "split": _split,
    "delete": lambda project, content, who: classes.remove(project, _text(content, "name"), who),
    "arrange": lambda project, content, who: classes.arrange(project, _texts(content, "names"), who),
    "describe": _describe,
    "undo": _undo,
}


def _cell(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """The address of a view of the images with a label that are taken for another class."""
    project, content = project_of(place, request), json_object(body)
    found = confusion.confusion(project, _text(content, "way"), grant.annotator)

    def wanted(name: str) -> int | None:
        value = content.get(name)
        if value is None:
            return None
        meant = project.class_meant(str(value))
        if meant is None:
            raise BadInput(f"{str(value)[:40]!r} is not a class of {project.name!r}")
        return project.classes.index(meant)

    ids = found.cell(wanted("label"), wanted("guess")).tolist()
    return json_answer({"view": View(among=chosen.keep(project, ids)).address(), "count": len(ids)})


READS: dict[str, Answer] = {"/projects/{project}/classes": _classes, "/projects/{project}/examples": _examples}
ASKS: dict[str, Answer] = {"/projects/{project}/classes/cell": _cell}
POSTS: dict[str, Answer] = {"/projects/{project}/classes": _change}
