"""Images that are not packed but read from their files when they are asked for. Knows no torch, no store and no label."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import threading
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from alcore.columns import PRINT, Entries, Texts
from alcore.errors import AlcoreError, BadInput, disk_full_told
from alcore.files import written_whole
from alcore.pixels import images, packing
from alcore.pixels.levels import PLAIN, Decoding
from alcore.progress import Progress, Report, ignore_progress
from alcore.reading import Contents, Reading

CACHES = ("auto", "pack", "stream")
SHARE = 3  # auto packs what takes at most a third of the free disk
PIECE = 8  # images a thread decodes at a time
RANGE = 512  # headings a thread reads at a time
UNREADABLE = "unreadable.csv"


class FileRows:
    """The images of files as if they were packed: (N, size, size, 3) uint8, each decoded when it is asked for, as `packing.pack` would.

    A file that cannot be read gives a black image; it is counted and listed, because it may be met hours into a run. Safe to use
    from many threads.

    Args:
        root: folder the paths are relative to.
        paths: row -> path.
        size: side of the square every image is brought to.
        listed: file that gets a line path,reason for each image that could not be read; None lists them nowhere.
        decoding: how the files become 8-bit RGB.
    """

    def __init__(self, root: Path, paths: Sequence[str], size: int, listed: Path | None = None, *, decoding: Decoding = PLAIN) -> None:
        self._root, self._paths, self._listed, self._decoding = root, paths, listed, decoding
        self.shape = (len(paths), size, size, 3)
        self._lock = threading.Lock()
        self._unreadable: dict[int, str] = {}
        self._told = _first_cells(listed) if listed else set()  # of earlier runs: a line an image, not a line a round

    def __len__(self) -> int:
        return len(self._paths)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """(b, size, size, 3) uint8 of these rows, in this order, decoded by the thread that asks.

        Raises:
            AlcoreError: the whole folder is gone; black images would be learned from. Or memory is too small for a picture.
        """
        result = np.zeros((len(positions), *self.shape[1:]), np.uint8)
        for at, row in zip(positions.tolist(), result, strict=True):
            try:
                images.fit(self._root / self._paths[at], row, decoding=self._decoding)
            except BadInput as wrong:
                self._set_aside(at, str(wrong))
        return result

    def __getitem__(self, positions: np.ndarray) -> np.ndarray:
        """The same, decoded by as many threads as there are processors."""
        parts = [positions[start : start + PIECE] for start in range(0, len(positions), PIECE)]
        if not parts:
            return self.rows(positions)
        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode") as pool:
            return np.concatenate(list(pool.map(self.rows, parts)))

    @property
    def unreadable(self) -> Mapping[str, str]:
        """path -> why it could not be read, of the images asked for since this object was made."""
        with self._lock:
            return {self._paths[at]: reason for at, reason in self._unreadable.items()}

    def complaint(self) -> tuple[int, str]:
        """How many images could not be read so far, and a sentence that says so."""
        count = len(self._unreadable)
        where = f": {self._listed} lists them" if self._listed else ""
        return count, f"{count:,} image{'s' if count > 1 else ''} of the source cannot be read and stay black{where}" if count else ""

    def _set_aside(self, at: int, reason: str) -> None:
        if not self._root.is_dir():
            raise AlcoreError(f"the source folder {self._root} is gone: put it back, or start again from a packed import")
        with self._lock:
            if at in self._unreadable:
                return
            self._unreadable[at] = reason
            path = self._paths[at].encode("utf-8", "backslashreplace").decode()
            if self._listed and path not in self._told:
                self._told.add(path)
                # a disk too full for a line must not end the run: the image is counted all the same
                with contextlib.suppress(OSError), self._listed.open("a", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerow([path, reason])


def _first_cells(listed: Path) -> set[str]:
    if not listed.is_file():
        return set()
    with listed.open(newline="", encoding="utf-8") as file:
        return {row[0] for row in csv.reader(file) if row}


def save_paths(paths: Sequence[str], out: Path) -> None:
    """Writes what a stream needs beside the files themselves: row -> path."""
    with disk_full_told(out.parent, "the list of images"), written_whole(out, lasting=True) as file:
        blob, ends = Texts.of(paths).columns()
        np.savez(file, blob=blob, ends=ends)


def open_pixels(folder: Path, settings: Mapping[str, Any]) -> np.ndarray | FileRows:
    """(N, size, size, 3) uint8: the packed images of a project, or its files read on demand, as `settings` say.

    Raises:
        BadInput: what the import left in `folder` is missing or damaged.
    """
    path = folder / settings["packed"]
    if settings.get("cache", "pack") == "pack":
        return packing.open_packed(path)
    try:
        with np.load(path) as stored:
            paths = Texts(stored["blob"].tobytes(), stored["ends"])
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as wrong:
        raise BadInput(f"the list of images {path} is missing or damaged ({wrong}): import the images again") from wrong
    size, listed = int(settings["image_size"]), folder / UNREADABLE
    return FileRows(Path(settings["root"]), paths, size, listed, decoding=Decoding.of(settings))


def choose_cache(asked: str, needed: int, free: int, arrays: bool) -> str:
    """pack or stream. `auto` packs unless `needed` bytes are more than a third of the `free` ones; arrays are packed in any case.

    Raises:
        BadInput: another word, or a stream of arrays.
    """
    if asked not in CACHES:
        raise BadInput(f"cache={asked!r}: use one of {', '.join(CACHES)}")
    if arrays:
        if asked == "stream":
            raise BadInput("cache='stream' is for image files and this source holds arrays: use auto or pack")
        return "pack"
    return asked if asked != "auto" else "stream" if needed > free / SHARE else "pack"


def fingerprints(sources: Sequence[Path | np.ndarray], report: Report = ignore_progress, *, mark: str = "") -> np.ndarray:
    """(n,) PRINT: per image what changes when the image does. Files by size and time of change, arrays by their bytes.

    Args:
        mark: `Decoding.mark`, put behind those of files: decoded otherwise, an unchanged file is another picture.
    """
    result = np.zeros(len(sources), PRINT)

    def look(start: int, stop: int) -> None:
        result[start:stop] = [_fingerprint(sources[at], mark) for at in range(start, stop)]

    _in_threads(len(sources), look, "looking at files", report)
    return result


def _fingerprint(source: Path | np.ndarray, mark: str) -> str:
    if isinstance(source, np.ndarray):
        return hashlib.blake2b(np.ascontiguousarray(source).tobytes(), digest_size=8).hexdigest()
    try:
        stat = os.stat(source)
    except OSError:
        return "gone"
    return f"{stat.st_size:x}-{stat.st_mtime_ns:x}{mark}"


def headings(sources: Sequence[Path], known: np.ndarray, report: Report = ignore_progress) -> tuple[np.ndarray, dict[int, str]]:
    """Upright width and height of every file, from its first bytes alone.

    Args:
        known: (n,) bool; these are not looked at again.

    Returns:
        (n, 2) int32 with -1, -1 where `known` and 0, 0 where there is no picture; and at -> the reason for the latter.
    """
    sizes = np.full((len(sources), 2), -1, np.int32)
    failed: dict[int, str] = {}

    def look(start: int, stop: int) -> None:
        for at in (start + np.flatnonzero(~known[start:stop])).tolist():
            try:
                sizes[at] = images.heading(sources[at])
            except BadInput as wrong:
                sizes[at], failed[at] = 0, str(wrong)

    _in_threads(len(sources), look, "reading headings", report)
    return sizes, dict(sorted(failed.items()))


def _in_threads(total: int, look: Callable[[int, int], None], stage: str, report: Report) -> None:
    """`look(start, stop)` over all of range(total), a few more threads than processors: slow disks are waited for side by side."""
    started = told = time.monotonic()
    report(Progress(stage, 0, total))
    pool = ThreadPoolExecutor((os.cpu_count() or 1) + 2, thread_name_prefix="look")
    try:
        pending: list[tuple[int, Future[None]]] = [
            (start, pool.submit(look, start, min(start + RANGE, total))) for start in range(0, total, RANGE)
        ]
        for start, future in pending:
            ready = False
            while not ready:
                ready = bool(wait([future], timeout=packing.SEEN_EVERY).done)
                if time.monotonic() - told >= packing.SEEN_EVERY:
                    told = time.monotonic()
                    report(Progress(stage, start, total, {"images_per_second": start / max(told - started, 1e-9)}))
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)
    report(Progress(stage, total, total, {"images_per_second": total / max(time.monotonic() - started, 1e-9)}))


class Sources(Sequence[Any]):
    """What `packing.pack` takes: what a reading's entries are made of: files, or the rows of its arrays (views, nothing is copied), or
    contents within a container, which only a preview looks at there."""

    def __init__(self, root: Path, paths: Sequence[str], arrays: Sequence[np.ndarray] = (), contents: Contents | None = None) -> None:
        self.paths, self._root, self._arrays, self._contents = paths, root, arrays, contents
        self._ends = np.cumsum([len(block) for block in arrays])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else len(self.paths)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        if self._contents is not None:
            return self._contents[at]
        if not len(self._ends):
            return self._root / self.paths[at]
        block = int(np.searchsorted(self._ends, at, side="right"))
        return self._arrays[block][at - (int(self._ends[block - 1]) if block else 0)]


def sources_of(reading: Reading) -> Sources:
    """The sources of a reading's entries, in their order."""
    paths = reading.entries.paths if isinstance(reading.entries, Entries) else [entry.path for entry in reading.entries]
    return Sources(Path(reading.root), paths, reading.arrays, reading.contents)
