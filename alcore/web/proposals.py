"""The HTTP routes of a comparison: what methods would ask for, found in a job; one of them taken. Knows Starlette and projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from alcore.door.requests import Answer, Refused, is_whole, json_answer, json_object, project_of
from alcore.errors import BadInput
from alcore.project import addresses, background, predictions, proposals
from alcore.types import Job

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.facade import Project
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

PICTURES = 12  # of each proposal


def _told(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    return json_answer(_state(place, project_of(place, request)))


def _act(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """`action` compare with `size`; cancel; or take with `name`, which answers with the new round."""
    project, content = project_of(place, request), json_object(body)
    action, job = content.get("action"), _newest(place, project)
    if action == "compare":
        size = content.get("size")
        if not is_whole(size, 1, proposals.MOST):
            raise Refused(400, f"size must be a whole number from 1 to {proposals.MOST}")
        if job is None or job.over:
            background.submit_comparison(place.runner, project, int(str(size)))
        return json_answer(_state(place, project))
    if action == "cancel":
        if job is not None and not job.over:
            place.runner.cancel(job.id)
        return json_answer(_state(place, project))
    if action != "take" or not isinstance(content.get("name"), str):
        raise Refused(400, "action must be compare with a size, cancel, or take with a name")
    if job is None or job.state != "done" or job.result is None:
        raise BadInput("there is no comparison to take anything from: compare first")
    return json_answer({"round": proposals.take(project, job.result, content["name"]).number})


def _newest(place: Workspace, project: Project) -> Job | None:
    return next((job for job in place.runner.jobs(project.name) if job.kind == background.COMPARISON), None)


def _state(place: Workspace, project: Project) -> dict[str, Any]:
    """state: none, running, done or failed; with the result, or how far it is."""
    job = _newest(place, project)
    if job is None or job.state in ("cancelled", "interrupted"):
        return {"state": "none"}
    if not job.over:
        return {"state": "running", "done": job.progress.done, "total": job.progress.total, "message": job.progress.message}
    if job.result is None:
        return {"state": "failed", "error": job.error or "it ended without an answer"}
    return {"state": "done", **_shown(project, dict(job.result))}


def _shown(project: Project, compared: dict[str, Any]) -> dict[str, Any]:
    """The result with the first pictures of each, and whether it is still of the newest look and of the labels there are."""
    newest = predictions.newest_model(project)
    wanted = sorted({i for each in compared["proposals"] for i in each["ids"][:PICTURES]})
    rows = project.items.rows(wanted)

    def picture(i: int, guess: str) -> dict[str, Any]:
        return {"id": i, "image": addresses.picture(project.name, i, rows[i]["fingerprint"]), "guess": guess}

    shown = []
    for each in compared["proposals"]:
        some = zip(each["ids"][:PICTURES], each["guesses"][:PICTURES], strict=True)
        left = {name: value for name, value in each.items() if name not in ("ids", "guesses")}
        shown.append({**left, "count": len(each["ids"]), "pictures": [picture(i, guess) for i, guess in some if i in rows]})
    fresh = newest is not None and newest.number == compared["round"]
    return {**compared, "proposals": shown, "newer": not fresh, "answered": project.counts()["labeled"] - compared["counted"]}


READS: dict[str, Answer] = {"/projects/{project}/proposals": _told}
POSTS: dict[str, Answer] = {"/projects/{project}/proposals": _act}
