"""How far the model's drafts agree with the masks that people painted: looked at once for each mask and draft, and kept beside the round
that drafted it, so that of thousands of masks an answer takes as long as reading one file. Changes no label.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from alcore.errors import AlcoreError
from alcore.files import written_whole
from alcore.pixels import masks
from alcore.project.catalog import Catalog
from alcore.project.painted import drafting, painted
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.training.roundfiles import RoundFiles
from alcore.types import VOID

KEPT = "agreed.npz"  # in the round's folder: item, digest of the mask that was looked at, IoU

FEW = 16  # moments of projects that were looked at ahead

logger = logging.getLogger(__name__)
_begun = Remembered(FEW)
_lock = threading.Lock()  # of two who ask at once the second finds what the first has made


def agreement(project: Stored, of: Catalog) -> np.ndarray:
    """(n,) float32: mean IoU of the newest draft of an image with its mask, over the classes that either has where something is painted;
    NaN where there is no mask or no draft, or the mask's file is gone."""
    result = np.full(len(of), np.nan, np.float32)
    for files, wanted in _pairs(project, of):
        found = _of_round(project, files, wanted)
        result[of.places(np.array(list(found), np.int64))] = list(found.values())
    return result


def look_ahead(project: Stored, of: Catalog) -> None:
    """Begins, in the background, to look at what nobody has asked for yet: somebody is about to, and thousands take some seconds."""
    state = (project.folder, of.event, len(project.rounds()))
    if _begun.knows(state):
        return
    _begun.of(state, lambda: True)
    pairs = _pairs(project, of)  # here, so that the thread reads files alone

    def work() -> None:
        for files, wanted in pairs:
            try:
                _of_round(project, files, wanted)
            except OSError as problem:  # whoever asks is told; a project that is deleted meanwhile has no files any more
                logger.warning("drafts and masks of %s were not compared ahead: %s", project.name, problem)

    if pairs:
        threading.Thread(target=work, name="alcore-agreement", daemon=True).start()


def _pairs(project: Stored, of: Catalog) -> list[tuple[RoundFiles, dict[int, str]]]:
    """Rounds, and of each the images whose newest draft is from it and that have a mask: item -> digest of the mask."""
    left = {int(i): digest for i, digest in zip(of.ids, painted(project, of).digests, strict=True) if digest}
    pairs = [(files, {i: left.pop(i) for i in _drafted(files) if i in left}) for files in drafting(project)]
    return [(files, wanted) for files, wanted in pairs if wanted]


def overlap(mask: np.ndarray, draft: np.ndarray) -> float:
    """Mean IoU over the classes that a mask or a draft of its size has where the mask is not void; NaN where all of it is."""
    seen = mask != VOID
    a, b = mask[seen].astype(np.int64), draft[seen].astype(np.int64)
    both = np.bincount(a[a == b], minlength=256)
    either = np.bincount(a, minlength=256) + np.bincount(b, minlength=256) - both
    return float((both[either > 0] / either[either > 0]).mean()) if len(a) else float("nan")


def _drafted(files: RoundFiles) -> list[int]:
    """The images of which a round kept a draft."""
    folder = files.folder / "dense"
    return [int(name.removesuffix(".npz")) for name in os.listdir(folder)] if folder.is_dir() else []


def _of_round(project: Stored, files: RoundFiles, wanted: Mapping[int, str]) -> dict[int, float]:
    """item -> IoU of its mask, whose digest is given, with the round's draft: read, or looked at where the mask is another one now."""
    path = files.folder / KEPT
    with _lock:
        known = _read(path)
        missing = [i for i, digest in wanted.items() if i not in known or known[i][0] != digest]
        if missing:
            with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="agreement") as pool:
                made = pool.map(lambda i: _look(project, files, i, wanted[i]), missing)
                known |= {i: (wanted[i], value) for i, value in zip(missing, made, strict=True) if value is not None}
            if files.folder.is_dir():  # or its project was deleted meanwhile
                _write(path, known)
    return {i: known[i][1] if i in known and known[i][0] == digest else float("nan") for i, digest in wanted.items()}


def _look(project: Stored, files: RoundFiles, item: int, digest: str) -> float | None:
    draft = files.draft(item)
    try:
        mask = project.masks.load(digest)
    except AlcoreError:  # its file is gone or damaged; `doctor` names it, and the others can be told
        return None
    return None if draft is None else overlap(masks.resized(mask, *draft.shape), draft)


def _read(path: Path) -> dict[int, tuple[str, float]]:
    if not path.is_file():
        return {}
    with np.load(path) as kept:
        items, digests, values = kept["items"].tolist(), kept["digests"].tolist(), kept["values"].tolist()
    return {i: (digest.decode(), value) for i, digest, value in zip(items, digests, values, strict=True)}


def _write(path: Path, known: Mapping[int, tuple[str, float]]) -> None:
    with written_whole(path) as file:
        np.savez(
            file,
            items=np.array(list(known), np.int64),
            digests=np.array([digest.encode() for digest, _ in known.values()], "S32"),
            values=np.array([value for _, value in known.values()], np.float32),
        )
