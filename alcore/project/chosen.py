"""Selections that travel: numbers of images, kept under a short name that an address can carry from one page, or browser, to another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alcore.errors import BadInput, NotFound
from alcore.files import written_whole
from alcore.project.catalog import catalog
from alcore.project.stored import Stored

FOLDER = "selections"
KEPT = 200  # the newest so many; a million numbers are 8 MB
_NAME = re.compile(r"[0-9a-f]{16}")


def keep(project: Stored, ids: Sequence[int] | np.ndarray) -> str:
    """Keeps a selection and gives its name, the same for the same images.

    Raises:
        BadInput: it is empty.
        NotFound: one of them is no image of the project.
    """
    wanted = np.unique(np.asarray(ids, np.int64))
    if not len(wanted):
        raise BadInput("nothing is selected: choose some images first")
    missing = wanted[catalog(project).places(wanted) < 0]
    if len(missing):
        raise NotFound(f"there is no item {missing[0]} in project {project.name!r}")
    name = hashlib.blake2b(wanted.tobytes(), digest_size=8).hexdigest()
    path = _path(project, name)
    with written_whole(path) as file:
        np.save(file, wanted)
    for old in sorted(path.parent.glob("*.npy"), key=lambda p: p.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return name


def kept(project: Stored, name: str) -> np.ndarray:
    """(n,) int64 numbers of a kept selection, ascending.

    Raises:
        BadInput: there is none of that name, or not any more.
    """
    path = _path(project, name) if _NAME.fullmatch(name) else None
    if path is None or not path.is_file():
        raise BadInput(f"the selection {name[:40]!r} is not kept (any more): select the images again")
    result: np.ndarray = np.load(path)
    return result


def _path(project: Stored, name: str) -> Path:
    return project.folder / FOLDER / f"{name}.npy"
