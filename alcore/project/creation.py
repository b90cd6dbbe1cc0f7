"""Making a project from a source, and reading its source again. All of it or, when anything fails, nothing. Knows no page and no route."""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from alcore.errors import AlcoreError, BadInput
from alcore.files import alone_in, at_work
from alcore.importing import gather as importing
from alcore.importing.items import Imported
from alcore.importing.request import ImportRequest
from alcore.nets.tasks import TASKS
from alcore.pixels import masks
from alcore.pixels.streaming import UNREADABLE
from alcore.progress import Progress, Report
from alcore.project.leftovers import mark_deleted
from alcore.project.place import Place
from alcore.project.stored import Stored
from alcore.storage.importrows import Difference, ImportRows
from alcore.storage.journal import Journal
from alcore.storage.lineage import Lineage
from alcore.storage.maskstore import MaskStore
from alcore.types import Annotation, Answer

LABELS = 2_000  # labels of an import in memory, and in a transaction, at a time
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")


def import_into(place: Place, name: str, request: ImportRequest, report: Report) -> None:
    """A new project; nothing is left of it when that fails or is cancelled.

    Raises:
        BadInput: the name is taken or cannot be used, or the source cannot.
    """
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot be a project's name: use up to 80 letters, digits, spaces, dots, dashes; begin with a letter or digit"
        )
    if request.task not in ("auto", *TASKS):
        raise BadInput(f"unknown task {request.task!r}: use auto, {', '.join(TASKS)}")
    if name in place.projects():
        raise BadInput(f"a project {name!r} exists already: choose another name, or delete it first")
    token = uuid.uuid4().hex[:12]
    folder = place.home / "projects" / token
    folder.mkdir(parents=True)
    try:
        with at_work(folder):
            found = importing.gather(request, folder, report=report)
            # names of a source of masks are its classes already
            named = () if TASKS[found.task].dense and found.classes else request.classes
            names = tuple(dict.fromkeys([*found.classes, *named]))
            if TASKS[found.task].dense and len(names) > masks.MOST_CLASSES:
                raise BadInput(f"{len(names)} classes are too many for masks of 8 bits: use up to {masks.MOST_CLASSES}")
            settings = {**found.settings, "folder": token, "took_for": found.took_for, "truth": request.truth}
            with place.database.write() as conn:
                id = place.project_rows.begin(conn, found.task, str(request.source), request.format, names, settings)
            try:
                _store(place, id, folder, found, report)
                with place.database.write() as conn:
                    place.project_rows.named(conn, id, name)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)  # first, since the disk may be full
                with suppress(AlcoreError):  # where the database is away, its rows are leftovers
                    place.project_rows.clear(id)
                raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _store(place: Place, id: int, folder: Path, found: Imported, report: Report) -> None:
    """What an import found, in turns with whoever labels meanwhile: nobody sees the project before it has a name."""
    items, labels = len(found.rows), len(found.labels)
    report(Progress("storing", 0, items + labels))
    ImportRows(place.database, id).add(found.rows, found.skipped, lambda stored: report(Progress("storing", stored, items + labels)))
    MaskStore(place.database, id, folder).add(found.masks)
    for done in _take_labels(Journal(place.database, id), found, range(labels), place.database.turn):
        report(Progress("storing", items + done, items + labels))


def refresh(project: Stored, report: Report, levels: tuple[float, float] | None = None) -> dict[str, Any]:
    """Imports the source again: new and changed images are decoded, those that are gone are set absent; labels, splits and ids stay.

    Args:
        levels: other values that become black and white in pictures of more than 8 bits; every image is decoded anew then.
    """
    with at_work(project.folder):
        return _refresh(project, report, levels)


def _refresh(project: Stored, report: Report, levels: tuple[float, float] | None) -> dict[str, Any]:
    before, known = importing.files_of(project.settings), project.items.known()
    found = importing.gather(_again(project, levels), project.folder, known=known, settings=project.settings, report=report)
    now = importing.files_of(found.settings)
    try:
        if project.dense and any(was != is_now for was, is_now in zip(project.classes, found.classes, strict=False)):
            raise BadInput(
                f"the classes of {project.source} were {', '.join(project.classes)} and are {', '.join(found.classes)}: "
                "masks go by their order, so import the source as a new project"
            )
        del known  # of a million items it is large, and storing needs room of its own
        report(Progress("storing", 0, len(found.rows)))
        opened, rows = project.queries.open(), ImportRows(project.place.database, project.id)
        differs, untold = _differs(project, rows, found), _untold(project.journal, found)  # before anybody has to wait
        with project.place.database.write() as conn:
            row = project.place.project_rows.row(project.name, conn)  # a person may have chosen something meanwhile
            lineage, now_set = project.class_rows.lineage(conn), row["settings"]
            names = tuple(dict.fromkeys([*row["classes"], *(_today(lineage, name) for name in found.classes)]))
            if differs and differs.state == project.items.state(conn):
                rows.replace(conn, differs.rows, found.skipped, differs.gone)
            else:
                rows.replace(conn, (_named_today(row, lineage) for row in found.rows), found.skipped)
            project.masks.add(found.masks, conn)
            chosen = {name: value for name, value in now_set.items() if value != project.settings.get(name)}
            settings = {**found.settings, "took_for": found.took_for, **chosen}
            project.place.project_rows.set(conn, project.id, classes=list(names), settings=settings)
            number = opened.number if opened else None
            for _ in _take_labels(project.journal, found, untold, lambda: nullcontext(conn), number, lineage):
                continue  # all of them in this transaction
    except BaseException:
        _remove(project.folder, now - before)
        raise
    _remove(project.folder, (before | {UNREADABLE}) - now)
    project.reread()
    return summary(project)


def _differs(project: Stored, rows: ImportRows, found: Imported) -> Difference | None:
    with project.place.database.read() as conn:
        state = project.items.state(conn)
    lineage = project.class_rows.lineage()
    return rows.difference((_named_today(row, lineage) for row in found.rows), state)


def _untold(journal: Journal, found: Imported) -> list[int]:
    """Places of the labels that came with images which are new, or of which nobody has said anything."""
    left: list[int] = []
    for start in range(0, len(found.labels), LABELS):
        part = range(start, min(start + LABELS, len(found.labels)))
        told = journal.told_of([found.labels[at][0] for at in part])
        left += [at for at in part if found.labels[at][0] not in told]
    return left


def summary(project: Stored) -> dict[str, Any]:
    """What an import says at its end: items, classes, splits, skipped, labeled, took_for, notes."""
    counts = project.counts()
    return {
        "project": project.name,
        "items": counts["items"],
        "classes": list(project.classes),
        "splits": counts["splits"],
        "skipped": [{"path": s.path, "reason": s.reason} for s in project.items.set_aside()],
        "labeled": counts["labeled"],
        "took_for": project.settings["took_for"],
        "notes": project.settings["notes"],
    }


def delete(project: Stored) -> None:
    """Removes the project, its labels and files; the source is not touched. Refused while somebody is at work in it.

    Killed on the way it is whole or gone, and nobody sees what is left of its rows and files."""
    place = project.place
    place.job_rows.recover()  # a job whose process is gone keeps nobody waiting
    if any(not job.over for job in place.job_rows.jobs(project.name)):
        raise AlcoreError(f"a job of {project.name!r} is still running: cancel it first")
    with alone_in(project.folder) as alone:
        if alone is False:
            raise AlcoreError(f"another process is at work in {project.name!r}, importing or exporting: wait for it, or stop it")
        mark_deleted(project.folder)
        place.project_rows.delete(project.id, project.name)
        shutil.rmtree(project.folder, ignore_errors=True)


def _today(lineage: Lineage, name: str) -> str:
    """What a class is called by now that the source has; one that was taken away is there again."""
    return lineage.today(name, 0) or name


def _named_today(row: Mapping[str, Any], lineage: Lineage) -> Mapping[str, Any]:
    """An item's row with the name that its class has by now."""
    came = row["truth"]
    return row if came is None or (now := _today(lineage, came)) == came else {**row, "truth": now, "origin": came}


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _again(project: Stored, levels: tuple[float, float] | None) -> ImportRequest:
    """The request that the project's source is read by again."""
    options = {"format": project.format, "task": project.task, "truth": project.settings["truth"], "levels": levels}
    return ImportRequest.of(project.source, {**options, **project.settings.get("asked", {})})


def _take_labels(
    journal: Journal,
    found: Imported,
    at: Sequence[int],
    transaction: Callable[[], AbstractContextManager[Any]],
    number: int | None = None,
    lineage: Lineage | None = None,
) -> Iterator[int]:
    """Stores the labels that came with the images, of those that nobody has labeled, skipped or flagged yet, some a step; how many of the
    labels are dealt with then. Where the source tells who said what, each said it.

    Args:
        at: places of those that are looked at.
        transaction: that a step stores in.
        number: of the open query.
    """
    client, kind = f"py-{uuid.uuid4().hex[:16]}", TASKS[found.task].answers[0]
    seqs = itertools.count(1)
    for start in range(0, len(at), LABELS):
        part = at[start : start + LABELS]
        told = {found.labels[place][0]: _answers(found, place, lineage) for place in part}
        with transaction() as conn:
            fresh = journal.untouched(told, conn)
            alone: dict[str, list[Annotation]] = {}
            several: list[Annotation] = []
            for path, item in fresh.items():
                answers = told[path]
                if len(answers) == 1 and answers[0].value is not None:
                    event = Annotation(client, next(seqs), item, kind, answers[0].value, annotator=answers[0].annotator, round=number)
                    alone.setdefault(event.annotator, []).append(event)
                else:
                    several += _opinions(answers, Annotation(client, 0, item, kind, round=number), seqs)
            for events in alone.values():
                journal.begin(events, conn)
            _, rejected = journal.record(several, {event.value for event in several if event.value}, conn)
            if rejected:
                raise BadInput(f"an answer that came with the images cannot be stored: {rejected[0]['reason']}")
        yield start + len(part)


def _answers(found: Imported, at: int, lineage: Lineage | None) -> list[Answer]:
    """Who said what of the image that stands there, by the names that classes have now; of masks the digest."""
    _, label = found.labels[at]
    said = found.labels.said(at) or ([Answer("import", label)] if label is not None else [])
    values = [label if one.value == "" else one.value for one in said]
    now = [_today(lineage, value) if lineage and value is not None else value for value in values]
    return [Answer(one.annotator, value, one.decides) for one, value in zip(said, now, strict=True)]


def _opinions(answers: Sequence[Answer], event: Annotation, seqs: Iterator[int]) -> list[Annotation]:
    """The events of several answers to one image: opinions that were given without sight of one another, and the one that decides last."""
    opinions = [one for one in answers if not one.decides]
    ordered = [*opinions, *(one for one in answers if one.decides)]
    made = []
    for one in ordered:
        of = len(opinions) if not one.decides and len(opinions) > 1 else None
        said = dataclasses.replace(event, seq=next(seqs), kind="skip" if one.value is None else event.kind, value=one.value)
        made.append(dataclasses.replace(said, annotator=one.annotator, opinions=of, replaces="" if of else None))
    return made
