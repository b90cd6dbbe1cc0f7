"""What killed work left below a workspace and no row owns: found, named and removed. The one place that knows who owns which file.

Below `<home>/projects/<folder>` of a project's row lie

- `.lock`, held by whoever is at work here (files.at_work): while somebody is, nothing here is called left,
- the packed images, kept originals and metadata that the project's settings name, and `unreadable.csv`,
- `masks/dd/<digest>.png`, a row of the masks table each,
- `thumbs/<size>/<id>-<fingerprint>.*` and `superpixels/<n>/...`, of the items as they are now,
- `rounds/<folder>/`, a row of the rounds table each; `jobs/<id>/`, a row of the jobs table each,
- `maps/map-<content>.npy`, which every round may use,
- `features/<extractor>-<mark>/`, the vectors of one extractor and the map of them, which grow and are cut by who writes them,
- `kept/*.npz`, columns of its images that are made anew when they are of an earlier state.

Whatever is written gets a name that files.PART matches until it is whole. A folder below `projects` that no row names is of an import that
was killed, or of a project that was deleted, which a file `.deleted` in it tells, or its rows, which nobody sees and which go with it. The
latter go at once, as do those whose import had begun to store rows, since it held the lock by then; for all else an hour must have passed,
since somebody may have begun it who has not locked yet. Names that alcore never wrote are left alone.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alcore.files import LOCK, PART, alone_in, written_whole
from alcore.importing.gather import files_of
from alcore.project.metadata import KEPT
from alcore.project.place import Place
from alcore.project.stored import ROOM, Stored, stored

OLD = 3600.0  # seconds
DELETED = ".deleted"  # in the folder of a project that is being deleted
UNFINISHED = re.compile(PART.pattern + r"|\..+|.*\.part(\.npz|\.npy)?|.*\.partial")  # and what versions before 0.5 called it
IMPORTED = re.compile(r"(packed|original|metadata)-.+|tmp.+")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Leftover:
    """A file or folder that no row owns, and its bytes."""

    path: Path
    size: int


def find(place: Place, project: Stored | None = None, older_than: float = OLD) -> list[Leftover]:
    """What is left of killed work in the workspace, or in one project; nothing of a folder where somebody is at work.

    Args:
        older_than: seconds since it was last written to.
    """
    return [left for _, left in _each(place, project, older_than)]


def collect(place: Place, project: Stored | None = None, older_than: float = OLD) -> list[Leftover]:
    """Removes what `find` finds; what was removed."""
    removed = []
    rows = place.project_rows.unfinished() if project is None else {}
    for folder, id in rows.items():
        if not (place.home / "projects" / folder).exists():  # whoever is at work has one
            place.project_rows.clear(id)
    for owner, left in _each(place, project, older_than):
        if owner is None and left.path.name in rows:
            place.project_rows.clear(rows[left.path.name])
        if owner is not None and left.path.parent.parent == owner.folder / "masks" and not UNFINISHED.fullmatch(left.path.name):
            if not owner.masks.remove_unnamed({left.path.stem: left.path}):
                continue  # somebody has painted it again meanwhile
        elif left.path.is_dir():
            shutil.rmtree(left.path, ignore_errors=True)
        else:
            left.path.unlink(missing_ok=True)
        if not left.path.exists():
            removed.append(left)
    return removed


def collect_in_background(place: Place) -> threading.Thread:
    """`collect` of everything in a thread of its own: an app that starts need not wait for it."""

    def work() -> None:
        try:
            removed = collect(place)
            if removed:
                logger.info("removed %s", told(removed))
        except Exception:  # nobody waits for the thread: what it could not do is written down, and tried again at the next start
            logger.exception("what killed work left could not be removed")

    thread = threading.Thread(target=work, name="alcore-leftovers", daemon=True)
    thread.start()
    return thread


def mark_deleted(folder: Path) -> None:
    """Says of a project's folder that it may go at once when no row names it."""
    with written_whole(folder / DELETED):
        pass


def told(found: list[Leftover]) -> str:
    """How much that is: 3 leftovers of killed work, 22.1 MB."""
    return f"{len(found):,} leftover{'s' if len(found) > 1 else ''} of killed work, {sum(left.size for left in found) / 1e6:,.1f} MB"


def _each(place: Place, project: Stored | None, older_than: float) -> Iterator[tuple[Stored | None, Leftover]]:
    """Each leftover with the project it lies in; nobody begins work beside it until the next one is asked for."""
    latest = time.time() - older_than
    for folder in [project.folder] if project else [f for f in _inside(place.home / "projects") if f.is_dir()]:
        if folder.name not in place.project_rows.folders():
            # an import locks its folder as soon as it has made it, and before it stores a row
            begun = folder.name in place.project_rows.unfinished() or (folder / DELETED).exists()
            if (begun or _newest(folder) <= latest) and not _busy(folder) and folder.name not in place.project_rows.folders():
                yield None, Leftover(folder, _size(folder))
            continue
        with alone_in(folder) as alone:
            name = place.project_rows.folders().get(folder.name)  # whoever was at work until now may have stored or deleted it
            if not alone or name is None:
                continue
            owner = stored(place, name)
            for path in _within(owner):
                if path.exists() and _newest(path) <= latest:
                    yield owner, Leftover(path, _size(path))


def _busy(folder: Path) -> bool:
    """Whether somebody is at work in a folder of nobody's: once no one is, no one will be."""
    if not (folder / LOCK).exists():
        return False
    with alone_in(folder) as alone:
        return not alone


def _within(project: Stored) -> Iterator[Path]:
    """Paths in a project's folder that no row owns."""
    folder = project.folder
    imported = files_of(project.settings) | {(project.settings.get(KEPT) or {}).get("file", "")}
    for path in _inside(folder):
        if path.name != LOCK and path.name not in imported and (UNFINISHED.fullmatch(path.name) or IMPORTED.fullmatch(path.name)):
            yield path
    masks = [path for part in _inside(folder / "masks") for path in _inside(part)]
    digests = project.masks.digests() if masks else set()
    yield from (path for path in masks if path.stem not in digests or path.suffix != ".png")
    pictures = [path for kind in ("thumbs", "superpixels") for size in _inside(folder / kind) for path in _inside(size)]
    prints = project.items.fingerprints() if pictures else {}
    for path in pictures:
        number, _, fingerprint = path.stem.partition("-")
        if not number.isdigit() or prints.get(int(number)) != fingerprint:
            yield path
    rounds = {round_.folder for round_ in project.rounds()}
    jobs = {str(id) for id in project.place.job_rows.ids()} if (folder / "jobs").is_dir() else set()
    for kind, names in (("rounds", rounds), ("jobs", jobs)):
        for path in _inside(folder / kind):
            if path.name not in names:
                yield path
            else:
                yield from (part for part in _inside(path) if UNFINISHED.fullmatch(part.name))
    kept = [folder / "maps", folder / ROOM, *_inside(folder / "features")]
    yield from (path for one in kept for path in _inside(one) if path.name != LOCK and UNFINISHED.fullmatch(path.name))


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _newest(path: Path) -> float:
    """When something in it was last written; 0 when it has gone."""
    times = [0.0]
    for one in (path, *(path.rglob("*") if path.is_dir() else ())):
        try:
            if one.name != LOCK:
                times.append(one.lstat().st_mtime)
        except FileNotFoundError:  # its owner took it away
            continue
    return max(times)


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.lstat().st_size
    return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())
