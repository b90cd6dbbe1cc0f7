"""The classes of a project as people change them while they label: every change is journaled, and can be taken back. Knows no page.

What labels say is never written anew: the journal keeps the names of its time, and storage/lineage.py says what they are called now. A
round keeps the names that its model was trained with; `Stored.files` brings its outputs into today's order.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.naming import clean_classes
from alcore.pixels.masks import MOST_CLASSES
from alcore.project import addresses, batches
from alcore.project.batches import Batch
from alcore.project.catalog import DISPUTED, catalog_for
from alcore.project.stored import Stored
from alcore.storage.lineage import ADD, ARRANGE, LOOK, MERGE, REMOVE, RENAME, UNDO, Change, Lineage

COLOR = re.compile(r"#[0-9a-f]{6}")
LONGEST_ABOUT = 1000  # characters that say what belongs to a class
EXAMPLES = 6  # images that show what belongs to a class
NEWEST = 50  # changes that are told of
KEYS = "0123456789abcdeghijklmnopqrtuvwxy"  # z, s and f are undo, skip and flag


@dataclass(frozen=True)
class Look:
    """How a class is shown, beside its name.

    Attributes:
        color: "#rrggbb", empty for the usual one.
        key: the one that gives it, empty for the usual one.
        about: what belongs to it, in a sentence or two, shown while labeling.
    """

    color: str = ""
    key: str = ""
    about: str = ""


def looks(project: Stored) -> dict[str, Look]:
    """Class -> how it is shown, in their order."""
    told: Mapping[str, Mapping[str, str]] = project.settings.get("looks", {})
    return {name: Look(**told.get(name, {})) for name in project.classes}


def told(project: Stored) -> list[dict[str, str]]:
    """The classes as a browser takes them: name, color, key, about."""
    return [{"name": name, **vars(look)} for name, look in looks(project).items()]


def examples(project: Stored, name: str, n: int = EXAMPLES, viewer: str | None = None) -> dict[str, Any]:
    """What belongs to a class, for somebody who labels: name, about, labels (how many) and images, at most `n` of {id, image} that people
    gave it and nobody contradicted, from the first to the last.

    Args:
        viewer: who looks: images of which they have to say what they see first are not among them.

    Raises:
        BadInput: there is no such class.
    """
    meant = project.class_meant(name)
    if meant is None:
        raise BadInput(f"{name[:40]!r} is not a class of {project.name!r}")
    ids = np.array([], np.int64)
    if not project.dense:
        of = catalog_for(project, viewer)
        ids = of.ids[(of.labels == project.classes.index(meant)) & (of.states & DISPUTED == 0)]
    shown = ids[np.linspace(0, len(ids) - 1, min(n, len(ids))).round().astype(np.int64)].tolist()
    rows = project.items.rows(shown)
    images = [{"id": i, "image": addresses.picture(project.name, i, rows[i]["fingerprint"])} for i in shown]
    return {"name": meant, "about": looks(project)[meant].about, "labels": len(ids), "images": images}


def changes(project: Stored) -> list[dict[str, Any]]:
    """The newest changes, newest first: id, words, annotator, time (seconds since 1970), and `undoable`."""
    lineage = project.class_rows.lineage()
    undone = lineage.taken_back
    by_undo = {change.before for change in lineage.changes if change.kind == UNDO}
    shown = [change for change in lineage.changes if change.id not in by_undo]
    return [
        {
            "id": change.id,
            "words": words(change) if change.kind != UNDO else _undone_words(change, lineage.changes),
            "annotator": change.annotator,
            "time": change.created,
            "undoable": change.kind != UNDO and change.id not in undone,
        }
        for change in reversed(shown[-NEWEST:])
    ]


def words(change: Change) -> str:
    """A change in a few words: renamed “frock” to “dress”."""
    if change.kind == ARRANGE:
        return "changed the order"
    if change.kind == LOOK:
        what = " and ".join({"about": "description"}.get(name, name) for name in change.value)
        return f"changed {what} of “{change.name}”"
    said = {ADD: "added “{0}”", RENAME: "renamed “{0}” to “{1}”", MERGE: "merged “{0}” into “{1}”", REMOVE: "deleted “{0}”"}
    return said[change.kind].format(change.name, change.value)


def _undone_words(change: Change, every: Sequence[Change]) -> str:
    return "took back: " + next(words(one) for one in every if one.id == change.value)


# ---- changes


def add(project: Stored, name: str, annotator: str = "") -> None:
    """Adds a class at the end, so that the places of the others stay. BadInput when it is empty or there already."""
    with project.place.database.write() as conn:
        now = _fresh(project, conn)
        new = [c for c in clean_classes([name]) if c not in now]
        if not new:
            raise BadInput(f"cannot add class {name!r}: it is empty or there already")
        if project.dense and len(now) + len(new) > MOST_CLASSES:
            raise BadInput(f"{len(now) + len(new)} classes are too many for masks of 8 bits: use up to {MOST_CLASSES}")
        for one in new:
            project.class_rows.note(conn, ADD, one, annotator)
        _set(project, conn, [*now, *new])


def rename(project: Stored, name: str, to: str, annotator: str = "", within: Any = None) -> Change | None:
    """Gives a class another name, wherever it stands; None where it has that already. BadInput: there is no such class, or one of the new
    name."""
    new = _one_name(to)
    with project.place.database.write(within) as conn:
        now = _fresh(project, conn)
        _there(project, now, name)
        if new == name:
            return None
        if new in now:
            raise BadInput(f"there is a class {new!r} already: merge {name!r} into it, or choose another name")
        change = project.class_rows.note(conn, RENAME, name, annotator, new)
        project.journal.renamed(conn, change)
        project.items.renamed(conn, name, new)
        _set(project, conn, [new if one == name else one for one in now], {name: new}, former=name)
    return change


def merge(project: Stored, name: str, into: str, annotator: str = "") -> int:
    """Makes a class part of another one; how many labels are called otherwise now. What a model says of both is added up.

    Raises:
        BadInput: no such classes, or they are of masks, whose pixels go by their places.
    """
    _no_masks(project, "merged")
    with project.place.database.write() as conn:
        now = _fresh(project, conn)
        _there(project, now, name)
        _there(project, now, into)
        if name == into:
            raise BadInput(f"{name!r} cannot be merged into itself: name another class")
        count = project.journal.labeled_as(conn, name)
        change = project.class_rows.note(conn, MERGE, name, annotator, into, before=_kept(project, now, name))
        project.journal.renamed(conn, change)
        project.items.renamed(conn, name, into)
        _set(project, conn, [one for one in now if one != name], {name: None}, former=name)
    return count


def remove(project: Stored, name: str, annotator: str = "", within: Any = None) -> Change:
    """Takes away a class that no image has. BadInput: there is no such class, images have it, or it is one of masks."""
    _no_masks(project, "deleted")
    with project.place.database.write(within) as conn:
        now = _fresh(project, conn)
        _there(project, now, name)
        if count := project.journal.labeled_as(conn, name):
            raise BadInput(
                f"{count:,} image{' has' if count == 1 else 's have'} the class {name!r}: merge it into another one, or label them anew"
            )
        if project.items.came_as(conn, name):
            raise BadInput(f"{name!r} is what images of the source came with: merge it into another class")
        change = project.class_rows.note(conn, REMOVE, name, annotator, before=_kept(project, now, name))
        project.journal.derived_again(conn, project.class_rows.lineage(conn).names_before(change))
        _set(project, conn, [one for one in now if one != name], {name: None}, former=name)
    return change


def split(project: Stored, ids: Sequence[int], name: str, annotator: str, client: str | None = None) -> Batch:
    """Makes images a class of their own: adds it where it is not there, and labels them with it."""
    new = _one_name(name)
    batches.checked(ids)
    if new not in project.classes:
        add(project, new, annotator)
    return batches.give(project, ids, "label", new, annotator=annotator, client=client or f"split-{uuid.uuid4().hex[:16]}")


def arrange(project: Stored, names: Sequence[str], annotator: str = "", within: Any = None) -> Change | None:
    """Puts the classes in another order, in which they are shown and get their keys; None where it is theirs. BadInput unless all are
    named, once."""
    _no_masks(project, "put in another order")
    with project.place.database.write(within) as conn:
        now = _fresh(project, conn)
        if sorted(names) != sorted(now):
            raise BadInput("the order must name each class once: reload the page, somebody may have changed them")
        if list(names) == now:
            return None
        change = project.class_rows.note(conn, ARRANGE, "", annotator, list(names), before=now)
        _set(project, conn, list(names))
    return change


def describe(project: Stored, name: str, annotator: str = "", within: Any = None, **look: str) -> Change | None:
    """Sets how a class is shown: `color`, `key`, `about` of Look, those that are given; None where it is shown so.

    Raises:
        BadInput: no such class, no color, or a key that another class has or that cannot be one.
    """
    look = {what: " ".join(value.split()) if what == "about" else value.strip().lower() for what, value in look.items()}
    if (color := look.get("color")) and not COLOR.fullmatch(color):
        raise BadInput(f"{color[:20]!r} is no color: write #rrggbb")
    if (key := look.get("key")) and (len(key) > 1 or key not in KEYS):
        raise BadInput(f"{key[:20]!r} cannot be a key: use a digit or a letter other than f, s and z")
    if len(look.get("about", "")) > LONGEST_ABOUT:
        raise BadInput(f"a description of {len(look['about']):,} characters is too long: use up to {LONGEST_ABOUT:,}")
    with project.place.database.write(within) as conn:
        now = _fresh(project, conn)
        _there(project, now, name)
        known = looks(project)
        other = next((one for one, its in known.items() if key and one != name and its.key == key), None)
        if other is not None:
            raise BadInput(f"the key {key!r} is that of {other!r} already: choose another one")
        before = vars(known[name])
        changed = {what: value for what, value in look.items() if before[what] != value}
        if not changed:
            return None
        change = project.class_rows.note(conn, LOOK, name, annotator, changed, before={what: before[what] for what in changed})
        _look(project, conn, name, changed)
    return change


def undo(project: Stored, number: int, annotator: str = "") -> None:
    """Takes a change back; what was labeled since stays.

    Raises:
        BadInput: there is no such change, it was taken back already, or what came after it is in the way.
    """
    with project.place.database.write() as conn:  # what is done and that it was an undo: both or neither
        lineage = project.class_rows.lineage(conn)
        change = next((one for one in lineage.changes if one.id == number), None)
        if change is None or change.kind == UNDO or change.id in lineage.taken_back:
            raise BadInput("there is no such change of the classes to take back, or it was taken back already")
        _fresh(project, conn)
        if change.kind in (MERGE, REMOVE):
            _bring_back(project, conn, change, annotator)
        else:
            made = _inverse(project, conn, lineage, change, annotator)
            project.class_rows.note(conn, UNDO, change.name, annotator, change.id, before=made.id if made else None)


def _inverse(project: Stored, conn: Any, lineage: Lineage, change: Change, annotator: str) -> Change | None:
    """The change that takes another one back; None where nothing is left to do."""
    if change.kind == ARRANGE:
        still = [one for one in change.before if one in project.classes]
        return arrange(project, [*still, *(one for one in project.classes if one not in still)], annotator, conn)
    if change.kind == RENAME:
        if lineage.since(str(change.value), change.id) != change.value:
            raise BadInput(f"{change.value!r} was changed again since: take that back first")
        return rename(project, str(change.value), change.name, annotator, conn)
    name = lineage.since(change.name, change.id)
    if name is None:
        raise BadInput(f"{change.name!r} is not there any more: it cannot be taken back")
    return remove(project, name, annotator, conn) if change.kind == ADD else describe(project, name, annotator, conn, **change.before)


def _bring_back(project: Stored, conn: Any, change: Change, annotator: str) -> None:
    """A class that was merged or deleted is there again, with the labels it had."""
    now = list(project.classes)
    if change.name in now:
        raise BadInput(f"there is another class {change.name!r} by now: rename that one first")
    project.class_rows.note(conn, UNDO, change.name, annotator, change.id)
    lineage = project.class_rows.lineage(conn)
    project.journal.derived_again(conn, lineage.names_before(change))
    project.items.named_again(conn, lambda origin: lineage.today(origin, 0))
    at = min(int(change.before["place"]), len(now))
    _set(project, conn, [*now[:at], change.name, *now[at:]])
    _look(project, conn, change.name, change.before["look"])


# ---- inside a transaction


def _fresh(project: Stored, conn: Any) -> list[str]:
    """The classes as they are in the caller's transaction: somebody else may have changed them."""
    project.reread(conn)
    return list(project.classes)


def _there(project: Stored, now: Sequence[str], name: str) -> None:
    if name not in now:
        raise BadInput(f"{name[:80]!r} is not a class of {project.name!r}: it has {', '.join(now)[:200] or 'none'}")


def _one_name(name: str) -> str:
    names = clean_classes([name])
    if len(names) != 1:
        raise BadInput(f"cannot name a class {name!r}: use some letters")
    return names[0]


def _no_masks(project: Stored, done: str) -> None:
    if project.dense:
        raise BadInput(
            f"classes of masks cannot be {done}: their pixels go by the places of the classes. They can be renamed, colored, described"
        )


def _kept(project: Stored, now: Sequence[str], name: str) -> dict[str, Any]:
    """What brings a class back to where it was."""
    return {"place": list(now).index(name), "look": {what: value for what, value in vars(looks(project)[name]).items() if value}}


def _set(project: Stored, conn: Any, names: Sequence[str], moved: Mapping[str, str | None] | None = None, former: str = "") -> None:
    """Stores the names in their order; looks of `moved` go to the new names, or away. Names hidden truths come with stay known."""
    moved = moved or {}
    settings = dict(project.settings)
    settings["looks"] = {new: look for name, look in settings.get("looks", {}).items() if (new := moved.get(name, name)) is not None}
    if former:
        settings["former_classes"] = list(dict.fromkeys([*settings.get("former_classes", ()), former]))
    project.place.project_rows.set(conn, project.id, classes=list(names), settings=settings)
    project.reread(conn)


def _look(project: Stored, conn: Any, name: str, changed: Mapping[str, str]) -> None:
    every = dict(project.settings.get("looks", {}))
    every[name] = {what: value for what, value in {**every.get(name, {}), **changed}.items() if value}
    project.place.project_rows.set(conn, project.id, settings={**project.settings, "looks": every})
    project.reread(conn)
