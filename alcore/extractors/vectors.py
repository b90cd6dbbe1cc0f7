"""The vectors of a data set in a folder: appended to while they are read, found by an image's key, kept once for equal content.
Knows no network and no picture."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from alcore.errors import AlcoreError, disk_full_told
from alcore.files import alone_in
from alcore.remembered import Remembered

VECTORS, CONTENTS, ITEMS = "vectors.f16", "contents.u8", "items.u16"
RECORD = np.dtype([("key", "<u8"), ("row", "<i8")])
FEW = 4  # folders whose sorted columns are remembered: of a million images they take 32 MB, and half a second to sort

_sorted = Remembered(FEW)


class VectorStore:
    """Vectors of one extractor, float16, in `folder`.

    Three files that only grow: the vectors; of each the digest of the content it was made from; and (key, row) of each image. A batch is
    written in that order, the vectors onto the disk before anything names them: what a killed process, or a power cut, leaves half written
    is cut off by the next one that writes, and never read.
    One process writes at a time; any number read meanwhile and see what had been written when they looked (`reload`).

    Args:
        dim: numbers of a vector.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self.folder, self.dim = folder, dim
        self._lock = threading.Lock()
        self.reload()

    def reload(self) -> None:
        """Looks at what is there now."""
        state = self.dim, *(_stamp(self.folder / name) for name in (ITEMS, CONTENTS, VECTORS))
        contents, items, count, records = _sorted.of(state, self._look)
        with self._lock:
            self._contents, self._items = _Index(*contents), _Index(*items)
            self.count, self._records, self._looked = count, records, state

    def _look(self) -> tuple[Columns, Columns, int, int]:
        items = _read(self.folder / ITEMS, RECORD)  # first: what it names was written before it
        contents = _read(self.folder / CONTENTS, np.dtype("<u8"))
        whole = min(len(contents), _size(self.folder / VECTORS) // (2 * self.dim))
        lost = np.flatnonzero(items["row"] >= whole)  # after a power cut: rows that others will take
        items = items[: lost[0]] if len(lost) else items
        return _in_order(contents[:whole], np.arange(whole)), _in_order(items["key"], items["row"]), whole, len(items)

    @property
    def state(self) -> Hashable:
        """What changes when `rows` may answer otherwise."""
        return self.folder, self._looked, self._records

    def __len__(self) -> int:
        """How many vectors there are; images of equal content share one."""
        return self.count

    @property
    def nbytes(self) -> int:
        """Bytes on the disk."""
        return sum(_size(self.folder / name) for name in (VECTORS, CONTENTS, ITEMS))

    def vectors(self) -> np.ndarray:
        """(n, dim) float16, memory-mapped, copy-on-write."""
        if not self.count:
            return np.empty((0, self.dim), np.float16)
        return np.memmap(self.folder / VECTORS, np.float16, "c", shape=(self.count, self.dim))

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """(m,) int64: the row of each of these images (`image_key`), -1 for one that has no vector yet."""
        with self._lock:
            return self._items.find(keys)

    def row_of_content(self, digest: int) -> int:
        """The row made from this content, -1 without one."""
        with self._lock:
            return self._contents.get(digest)

    def contents(self) -> np.ndarray:
        """(n,) uint64, ascending: digests of the contents that have a vector."""
        with self._lock:
            return self._contents.keys()

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """While this lasts this process may `add`; False when another one is writing."""
        with alone_in(self.folder) as alone:
            if alone is False:
                yield False
                return
            self.reload()
            self._cut()
            yield True

    def add(self, keys: np.ndarray, digests: np.ndarray, vectors: np.ndarray) -> None:
        """Keeps what was read of some images, under their keys and the digests of their content.

        Args:
            keys, digests: (b,) uint64.
            vectors: (b, dim); a row whose content is known already is not looked at.

        Raises:
            AlcoreError: the disk is full, or a vector is not finite in float16; what was kept before stays.
        """
        rows = np.empty(len(keys), np.int64)
        new: list[int] = []
        with self._lock:
            made: dict[int, int] = {}
            for at, digest in enumerate(digests.tolist()):
                row = made.get(digest, self._contents.get(digest))
                if row < 0:
                    row = made[digest] = self.count + len(new)
                    new.append(at)
                rows[at] = row
        records = np.empty(len(keys), RECORD)
        records["key"], records["row"] = keys, rows
        with np.errstate(over="ignore"):
            kept = np.ascontiguousarray(vectors[new], np.float16)
        if bad := int((~np.isfinite(kept)).any(1).sum()):
            most = np.finfo(np.float16).max
            raise AlcoreError(
                f"the vectors of {bad} images are not finite, or past {most:,.0f}, the most that is kept: use another extractor"
            )
        with disk_full_told(self.folder, "the features"):
            try:
                self._append(VECTORS, kept, lasting=True)
                self._append(CONTENTS, np.ascontiguousarray(digests[new], "<u8"))
                self._append(ITEMS, records)
            except OSError:
                self._cut()
                raise
        with self._lock:
            self._contents.put(digests[new], np.arange(self.count, self.count + len(new)))
            self._items.put(keys, rows)
            self.count += len(new)
            self._records += len(keys)

    def _append(self, name: str, values: np.ndarray, lasting: bool = False) -> None:
        with (self.folder / name).open("ab") as file:
            file.write(values.tobytes())
            if lasting and len(values):
                file.flush()
                os.fsync(file.fileno())

    def _cut(self) -> None:
        """Takes off what is beyond the last whole batch."""
        for name, size in ((ITEMS, RECORD.itemsize * self._records), (VECTORS, 2 * self.dim * self.count), (CONTENTS, 8 * self.count)):
            if _size(self.folder / name) > size:
                os.truncate(self.folder / name, size)


Columns = tuple[np.ndarray, np.ndarray]


def _in_order(keys: np.ndarray, rows: np.ndarray) -> Columns:
    order = np.argsort(keys, kind="stable")
    return keys[order], rows[order]


class _Index:
    """uint64 -> row: what lay on the disk as sorted columns, a million of which take 16 MB, and what came since in a dict."""

    def __init__(self, keys: np.ndarray, rows: np.ndarray) -> None:
        self._keys, self._rows = keys, rows
        self._since: dict[int, int] = {}

    def get(self, key: int) -> int:
        if key in self._since:
            return self._since[key]
        at = int(np.searchsorted(self._keys, np.uint64(key), side="right")) - 1  # of equal keys the last one written
        return int(self._rows[at]) if at >= 0 and int(self._keys[at]) == key else -1

    def put(self, keys: np.ndarray, rows: np.ndarray) -> None:
        self._since.update(zip(keys.tolist(), rows.tolist(), strict=True))

    def keys(self) -> np.ndarray:
        """(n,) uint64, ascending, each once."""
        return np.unique(np.concatenate([self._keys, np.fromiter(self._since, np.uint64, len(self._since))]))

    def find(self, keys: np.ndarray) -> np.ndarray:
        if not len(self._keys):
            found = np.full(len(keys), -1, np.int64)
        else:
            at = np.maximum(np.searchsorted(self._keys, keys, side="right") - 1, 0)
            found = np.where(self._keys[at] == keys, self._rows[at], -1).astype(np.int64)
        if self._since:
            since = np.fromiter((self._since.get(key, -1) for key in keys.tolist()), np.int64, len(keys))
            found = np.where(since >= 0, since, found)
        return found


def _stamp(path: Path) -> tuple[str, int, int]:
    """Its name, size and time of change; a file that is not there has size 0."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return str(path), 0, 0
    return str(path), seen.st_size, seen.st_mtime_ns


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, kind: np.dtype) -> np.ndarray:
    """What is whole of the file, empty without one."""
    try:
        return np.fromfile(path, kind, _size(path) // kind.itemsize)
    except FileNotFoundError:
        return np.empty(0, kind)
    except OSError as wrong:
        raise AlcoreError(
            f"the features in {path.parent} cannot be read: {wrong.strerror}. Delete that folder; they are made again."
        ) from wrong
