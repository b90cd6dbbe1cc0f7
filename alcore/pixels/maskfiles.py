"""Masks as files: named by their content, read and checked at import, loaded at the size models see. Knows no database and no journal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, BadInput, disk_full_told
from alcore.files import written_whole
from alcore.pixels import masks
from alcore.progress import Progress, Report, ignore_progress
from alcore.reading import Reading
from alcore.types import Skipped

REPORT_EVERY = 64  # masks between two reports
PNG_END = b"IEND\xaeB`\x82"


@dataclass
class Gathered:
    """What an import found of masks.

    Attributes:
        names: digests; `codes` (n,) points into them, -1 for an image without a usable mask.
        rows: digest -> values of the masks table.
        skipped: masks that cannot be used, and why.
    """

    names: list[str] = field(default_factory=list)
    codes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)


def keep_all(reading: Reading, good: np.ndarray, sizes: np.ndarray, folder: Path, report: Report = ignore_progress) -> Gathered:
    """Reads, checks and keeps the masks of the entries `good` of a reading.

    Args:
        sizes: (n, 2) width and height of every entry's image.
        folder: the project's; files are written below its `masks`.
    """
    found = Gathered(codes=np.full(len(reading.entries), -1, np.int32))
    codes: dict[str, int] = {}
    classes = len(reading.classes)

    def look(at: int) -> tuple[int, str, dict[str, Any] | None, str]:
        """(entry, digest, row, why not)."""
        try:
            mask = reading.masks[at]
        except BadInput as wrong:
            return at, "", None, str(wrong)
        if mask is None:
            return at, "", None, ""
        try:
            masks.check(mask, (int(sizes[at, 0]), int(sizes[at, 1])), classes)
        except BadInput as wrong:
            return at, "", None, f"{_file(reading, at)}: {wrong}"
        if masks.is_void(mask):
            return at, "", None, f"{_file(reading, at)}: every pixel is void, so it says nothing. The image counts as unlabeled."
        return at, *keep(folder, mask, classes), ""

    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="mask") as pool, disk_full_told(folder, "the masks"):
        for done, (at, digest, row, why) in enumerate(pool.map(look, good.tolist())):
            if why:
                found.skipped.append(Skipped(_file(reading, at), why))
            if row is not None:
                found.codes[at] = codes.setdefault(digest, len(codes))
                found.rows[digest] = row
            if done % REPORT_EVERY == 0:
                report(Progress("reading masks", done, len(good)))
    found.names = list(codes)
    return found


def _file(reading: Reading, at: int) -> str:
    named = reading.mask_files[at] if reading.mask_files is not None else ""
    return str(named or reading.entries[at].path)


def keep(folder: Path, mask: np.ndarray, classes: int) -> tuple[str, dict[str, Any]]:
    """The mask's digest and row of the masks table, once its file is there; the same mask is written once."""
    digest = masks.digest(mask)
    path = place(folder, digest)
    if not is_whole(path):
        with written_whole(path, lasting=True) as file:
            file.write(masks.encode(mask))
        _settle(path.parent)
    height, width = mask.shape
    return digest, {"digest": digest, "width": width, "height": height, "pixels": masks.pixel_counts(mask, classes)}


def _settle(folder: Path) -> None:
    """Makes a rename last: a row that names the file is committed next, and must not outlive it when the power fails."""
    if os.name != "posix":
        return
    for directory in (folder, folder.parent):
        opened = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def is_whole(path: Path) -> bool:
    """True when there is a file that ends as a PNG does."""
    try:
        with path.open("rb") as file:
            file.seek(-len(PNG_END), os.SEEK_END)
            return file.read() == PNG_END
    except OSError:  # not there, or shorter than that
        return False


def load(folder: Path, digest: str) -> np.ndarray:
    """The mask, (H, W) uint8. AlcoreError when its file is gone or damaged."""
    try:
        return masks.decode(png(folder, digest))
    except BadInput as wrong:
        raise AlcoreError(f"the mask {place(folder, digest)} cannot be read: {wrong}. `doctor` names what is missing.") from wrong


def place(folder: Path, digest: str) -> Path:
    """Where a project's folder has the mask of that digest."""
    return folder / "masks" / digest[:2] / f"{digest}.png"


def png(folder: Path, digest: str) -> bytes:
    """The mask as a grey PNG of class indices. AlcoreError when its file is gone."""
    try:
        return place(folder, digest).read_bytes()
    except OSError as wrong:
        raise AlcoreError(f"the mask {digest} cannot be read from {folder / 'masks'}: {wrong.strerror}") from wrong


def at_size(folder: Path, digests: Sequence[str], side: int, report: Report = ignore_progress) -> np.ndarray:
    """(m, side, side) uint8: the masks resized by nearest, as models see their images."""
    result = np.empty((len(digests), side, side), np.uint8)

    def fill(at: int) -> None:
        result[at] = masks.resized(load(folder, digests[at]), side, side)

    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="mask") as pool:
        for done, _ in enumerate(pool.map(fill, range(len(digests)))):
            if done % REPORT_EVERY == 0:
                report(Progress("reading masks", done, len(digests)))
    return result


def class_counts(pixels: Sequence[Sequence[int]], classes: int) -> np.ndarray:
    """(classes + 1,) int64 sums of pixel counts, void last; a mask of before a class was added has none of it."""
    total = np.zeros(classes + 1, np.int64)
    for counts in pixels:
        total[: len(counts) - 1] += np.array(counts[:-1], np.int64)
        total[-1] += counts[-1]
    return total
