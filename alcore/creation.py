"""Making a project from a source, and reading its source again. All of it or, when anything fails, nothing. Knows no page and no route."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alcore import importing, labels, masks
from alcore.errors import BadInput
from alcore.maskstore import MaskStore
from alcore.request import ImportRequest
from alcore.streaming import UNREADABLE
from alcore.tasks import TASKS
from alcore.types import Progress, Report

if TYPE_CHECKING:
    from alcore.project import Project
    from alcore.workspace import Workspace

LABELS = 10_000  # labels of an import stored at a time
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")


def import_into(workspace: Workspace, name: str, request: ImportRequest, report: Report) -> Project:
    """A new project; see Project.import_into."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot be a project's name: use up to 80 letters, digits, spaces, dots, dashes; begin with a letter or digit"
        )
    if request.task not in ("auto", *TASKS):
        raise BadInput(f"unknown task {request.task!r}: use auto, {', '.join(TASKS)}")
    if name in workspace.projects():
        raise BadInput(f"a project {name!r} exists already: choose another name, or delete it first")
    token = uuid.uuid4().hex[:12]
    folder = workspace.home / "projects" / token
    folder.mkdir(parents=True)
    project_id = None
    try:
        found = importing.gather(request, folder, report=report)
        named = () if TASKS[found.task].dense and found.classes else request.classes  # names of a source of masks are its classes already
        names = tuple(dict.fromkeys([*found.classes, *named]))
        if TASKS[found.task].dense and len(names) > masks.MOST_CLASSES:
            raise BadInput(f"{len(names)} classes are too many for masks of 8 bits: use up to {masks.MOST_CLASSES}")
        settings = {**found.settings, "folder": token, "took_for": found.took_for, "truth": request.truth}
        report(Progress("storing", 0, len(found.rows)))  # not while it is: a report may write to the database itself
        with workspace.store.write() as conn:
            project_id = workspace.store.add_project(conn, name, found.task, str(request.source), request.format, names, settings)
            workspace.store.replace_items(conn, project_id, found.rows, found.skipped)
            MaskStore(workspace.store, project_id, folder).add(found.masks, conn)
        project = workspace.project(name)
        _take_labels(project, found.labels, report)
    except BaseException:
        if project_id is not None:
            workspace.store.delete_project(project_id)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return project


def refresh(project: Project, report: Report, levels: tuple[float, float] | None = None) -> dict[str, Any]:
    """Reads the project's source again; see Project.refresh."""
    store = project.workspace.store
    before, known = project.settings["packed"], store.known_items(project.id)
    found = importing.gather(_again(project, levels), project.folder, known=known, settings=project.settings, report=report)
    if project.dense and any(was != now for was, now in zip(project.classes, found.classes, strict=False)):
        raise BadInput(
            f"the classes of {project.source} were {', '.join(project.classes)} and are {', '.join(found.classes)}: "
            "masks go by their order, so import the source as a new project"
        )
    names = tuple(dict.fromkeys([*project.classes, *found.classes]))
    fresh = [given for given in found.labels if given[0] not in known]
    del known  # of a million items it is large, and storing needs room of its own
    with store.write() as conn:
        store.replace_items(conn, project.id, found.rows, found.skipped)
        project.masks.add(found.masks, conn)
        store.set_project(conn, project.id, classes=list(names), settings={**found.settings, "took_for": found.took_for})
    for stale in (before, UNREADABLE):
        (project.folder / stale).unlink(missing_ok=True)
    project._read(store.project(project.name))
    _take_labels(project, fresh, report)
    return project.import_summary()


def _again(project: Project, levels: tuple[float, float] | None) -> ImportRequest:
    """The request that the project's source is read by again."""
    options = {"format": project.format, "task": project.task, "truth": project.settings["truth"], "levels": levels}
    return ImportRequest.of(project.source, {**options, **project.settings.get("asked", {})})


def _take_labels(project: Project, given: Sequence[tuple[str, str]], report: Report) -> None:
    for start in range(0, len(given), LABELS):
        part = dict(given[start : start + LABELS])
        ids = project.workspace.store.ids_of(project.id, list(part))
        labels.record(project, {ids[path]: label for path, label in part.items()}, "import")
        report(Progress("storing labels", min(start + LABELS, len(given)), len(given)))
