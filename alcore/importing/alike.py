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
RANGE = 1024  # entries a thread looks at in one go: a future for each of a million would take a gigabyte


def groups_of(sources: Sequence[Any], good: np.ndarray, marks: np.ndarray | None) -> np.ndarray:
    """(n,) int64: the same number for images of the same bytes, -1 for one that has no twin.

    Args:
        sources: files or arrays (H, W[, 3]) uint8; one that has gone meanwhile has no twin.
        good: entries that are pictures.
        marks: (n,) numbers that twins share, of their decoded pixels; None compares the files' sizes and last bytes instead.
    """
    groups = np.full(len(sources), -1, np.int64)
    alike = good if marks is None else good[_repeated(marks[good])]
    if not len(alike):
        return groups
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="twins") as pool:
        if isinstance(sources[int(alike[0])], np.ndarray):
            codes = _coded(_each(pool, lambda at: _content(sources[at]), alike))
        else:
            codes = _file_codes(pool, sources, alike, None if marks is None else marks[alike])
    twins = (codes >= 0) & _repeated(codes)
    groups[alike[twins]] = np.unique(codes[twins], return_inverse=True)[1]
    return groups


def _file_codes(pool: ThreadPoolExecutor, sources: Sequence[Any], alike: np.ndarray, marks: np.ndarray | None) -> np.ndarray:
    """(m,) the same code for files of the same bytes, -1 for one that is gone. Hard links of one file are read once, and a file only when
    another one has its size and its mark, or its last bytes."""
    stats = np.array(_each(pool, lambda at: _stat(sources[at]), alike), np.int64).reshape(-1, 3)
    _, first, inode = np.unique(stats[:, 1:], axis=0, return_index=True, return_inverse=True)
    inode = inode.reshape(-1)
    sizes = stats[first, 0]
    asked = np.flatnonzero((sizes >= 0) & _repeated(sizes))
    if marks is None:
        ends = np.array(_each(pool, lambda at: _tail(sources[at]), alike[first[asked]]), np.int64)
    else:
        ends = marks[first[asked]].astype(np.int64)
    asked = asked[_repeated(_coded(list(zip(sizes[asked].tolist(), ends.tolist(), strict=True))))]
    codes = np.arange(len(first))  # a file of its own
    read = _coded(_each(pool, lambda at: _digest(sources[at]), alike[first[asked]]))
    codes[asked] = np.where(read >= 0, len(first) + read, codes[asked])
    codes[sizes < 0] = -1
    return codes[inode]


def _each(pool: ThreadPoolExecutor, look: Callable[[int], Any], entries: np.ndarray) -> list[Any]:
    """`look` at each entry, in order."""

    def part(start: int) -> list[Any]:
        return [look(at) for at in entries[start : start + RANGE].tolist()]

    return [found for part_ in pool.map(part, range(0, len(entries), RANGE)) for found in part_]


def _coded(keys: Sequence[Any]) -> np.ndarray:
    """(m,) int64, the same number for equal keys, -1 for None."""
    codes: dict[Any, int] = {}
    return np.fromiter((-1 if key is None else codes.setdefault(key, len(codes)) for key in keys), np.int64, len(keys))


def _repeated(values: np.ndarray) -> np.ndarray:
    _, of, counts = np.unique(values, return_inverse=True, return_counts=True)
    return counts[of] > 1


def _content(pixels: np.ndarray) -> tuple[Any, ...]:
    return pixels.shape, hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).digest()


def _stat(file: Path) -> tuple[int, int, int]:
    """Size, device and number of a file; -1 for what is gone."""
    try:
        there = os.stat(file)
    except OSError:
        return -1, -1, -1
    return there.st_size, _signed(there.st_dev), _signed(there.st_ino)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _digest(file: Path) -> bytes | None:
    """None when it went meanwhile."""
    made = hashlib.blake2b(digest_size=16)
    try:
        with open(file, "rb") as binary:
            while block := binary.read(BLOCK):
                made.update(block)
    except OSError:
        return None
    return made.digest()


def _tail(file: Path) -> int:
    try:
        with open(file, "rb") as binary:
            binary.seek(max(0, os.fstat(binary.fileno()).st_size - TAIL))
            return zlib.crc32(binary.read(TAIL))
    except OSError:
        return -1


def told(pairs: Iterable[tuple[str, str]], shown: int = 3) -> str:
    """The first pairs of names, as a message has them: "a/1.jpg = b/7.jpg"."""
    return ", ".join(f"{_end(one)} = {_end(other)}" for one, other in list(pairs)[:shown])


def _end(name: str, most: int = 36) -> str:
    """The end of a long name: it tells more than its beginning, and three pairs and their sentence fit one message."""
    return name if len(name) <= most else f"…{name[1 - most :]}"
