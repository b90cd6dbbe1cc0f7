"""Images of the very same bytes: found by what is cheap to compare, made sure of by their content. Knows no format and no store."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

TAIL = 4096  # bytes at a file's end that are compared before the whole of it
BLOCK = 1 << 20


def groups_of(sources: Sequence[Any], good: np.ndarray, marks: np.ndarray | None) -> np.ndarray:
    """(n,) int64: the same number for images of the same bytes, -1 for one that has no twin.

    Args:
        sources: files or arrays (H, W[, 3]) uint8; one that has gone meanwhile has no twin.
        good: entries that are pictures.
        marks: (n,) numbers that twins share, of their decoded pixels; None compares the files' sizes and last bytes instead.
    """
    groups = np.full(len(sources), -1, np.int64)
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="twins") as pool:
        if marks is None:
            sizes = np.fromiter(pool.map(lambda at: _size(sources[at]), good.tolist(), chunksize=256), np.int64, len(good))
            alike = good[_repeated(sizes)]
            keys = list(pool.map(lambda at: (_size(sources[at]), _tail(sources[at])), alike.tolist(), chunksize=64))
            alike = alike[_repeated_keys(keys)]
        else:
            alike = good[_repeated(marks[good])]
        found = list(pool.map(_once(sources), alike.tolist(), chunksize=8))
    numbers: dict[object, int] = {}
    first: dict[object, int] = {}
    for at, key in zip(alike.tolist(), found, strict=True):
        if key is None:
            continue
        if key in first:
            groups[at] = groups[first[key]] = numbers.setdefault(key, len(numbers))
        else:
            first[key] = at
    return groups


def _repeated(values: np.ndarray) -> np.ndarray:
    _, of, counts = np.unique(values, return_inverse=True, return_counts=True)
    return counts[of] > 1


def _repeated_keys(keys: Sequence[object]) -> np.ndarray:
    codes: dict[object, int] = {}
    return _repeated(np.fromiter((codes.setdefault(key, len(codes)) for key in keys), np.int64, len(keys)))


def _once(sources: Sequence[Any]) -> Callable[[int], object]:
    """The content's key of an entry; hard links of one file are read once."""
    read: dict[tuple[int, int], object] = {}

    def key(at: int) -> object:
        source = sources[at]
        if isinstance(source, np.ndarray):
            return source.shape, hashlib.blake2b(np.ascontiguousarray(source).data, digest_size=16).digest()
        try:
            there = os.stat(source)
            same = (there.st_dev, there.st_ino)
            if same not in read:
                read[same] = (there.st_size, _digest(source))
            return read[same]
        except OSError:
            return None  # it went meanwhile

    return key


def _digest(file: Path) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    with open(file, "rb") as binary:
        while block := binary.read(BLOCK):
            made.update(block)
    return made.digest()


def _size(source: Any) -> int:
    try:
        return os.stat(source).st_size
    except OSError:
        return -1


def _tail(source: Any) -> int:
    try:
        with open(source, "rb") as binary:
            binary.seek(max(0, os.stat(source).st_size - TAIL))
            return zlib.crc32(binary.read(TAIL))
    except OSError:
        return -1


def told(pairs: Iterable[tuple[str, str]], shown: int = 3) -> str:
    """The first pairs of names, as a message has them: "a/1.jpg = b/7.jpg"."""
    return ", ".join(f"{_end(one)} = {_end(other)}" for one, other in list(pairs)[:shown])


def _end(name: str, most: int = 36) -> str:
    """The end of a long name: it tells more than its beginning, and three pairs and their sentence fit one message."""
    return name if len(name) <= most else f"…{name[1 - most :]}"
