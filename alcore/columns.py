"""Images as columns: paths, entries, what a project knows of its items. A million of them without a million Python objects.

Knows no file, no SQL and no pixel.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any, overload

import numpy as np

from alcore.types import SPLITS, Entry

KEPT_FROM = 50_000  # items from which on columns of them that take seconds to read are kept in a file too
BLOCK = 32_768  # items whose logits are looked at at once: of a million and a hundred classes all of them are half a gigabyte
PRINT = np.dtype("S40")  # a fingerprint, as the items table holds it
SPLIT_CODES = {name: code for code, name in enumerate(SPLITS)}


def places(ids: np.ndarray, wanted: np.ndarray | Sequence[int]) -> np.ndarray:
    """(m,) int64 places of the wanted numbers among `ids`, which ascend; -1 for those that are not there."""
    wanted = np.asarray(wanted, np.int64)
    if not len(ids):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, -1)


def in_blocks(n: int) -> Iterator[slice]:
    """The places 0 to n - 1, BLOCK at a time."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))


class Texts(Sequence[str]):
    """Texts in one block of bytes: 8 bytes and the text itself for each, where a list of str takes 60 more."""

    def __init__(self, blob: bytes = b"", ends: np.ndarray | None = None) -> None:
        self._blob, self._ends = bytearray(blob), array("q")
        if ends is not None:
            self._ends.frombytes(np.ascontiguousarray(ends, np.int64).tobytes())

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """The same texts; itself when they are these already."""
        if isinstance(texts, Texts):
            return texts
        made = cls()
        for text in texts:
            made.append(text)
        return made

    def append(self, text: str) -> None:
        """Adds one at the end; bytes of a file's name that are not UTF-8 come back as they were."""
        self._blob += text.encode("utf-8", "surrogateescape")
        self._ends.append(len(self._blob))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        return self._blob[self._ends[at - 1] if at else 0 : self._ends[at]].decode("utf-8", "surrogateescape")

    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """(bytes,) uint8 and (n,) int64 where each text ends, copies: `Texts(blob.tobytes(), ends)` makes the same again."""
        return np.array(self._blob, np.uint8), np.array(self._ends, np.int64)


class Entries(Sequence[Entry]):
    """Entries as a format finds them, one appended after the other; an Entry is made when one is looked at.

    Attributes:
        paths: their paths.
        names: class names in the order in which they were met first; `labels` are positions in it.
    """

    def __init__(self) -> None:
        self.paths = Texts()
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._splits, self._labels = array("b"), array("i")

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Entries:
        """The same entries; itself when it is one of these already."""
        if isinstance(entries, Entries):
            return entries
        made = cls()
        for entry in entries:
            made.append(entry.path, entry.split, entry.label)
        return made

    def append(self, path: str, split: str = "pool", label: str | None = None) -> None:
        """Adds one at the end."""
        code = -1
        if label is not None:
            code = self._codes.setdefault(label, len(self.names))
            if code == len(self.names):
                self.names.append(label)
        self._labels.append(code)
        self._splits.append(SPLIT_CODES[split])
        self.paths.append(path)

    def __len__(self) -> int:
        return len(self._splits)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Entry]: ...
    def __getitem__(self, at: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        code = self._labels[at]
        return Entry(self.paths[at], SPLITS[self._splits[at]], None if code < 0 else self.names[code])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    @property
    def splits(self) -> np.ndarray:
        """(n,) int8 positions in SPLITS, a copy."""
        return np.array(self._splits, np.int8)

    @property
    def labels(self) -> np.ndarray:
        """(n,) int32 positions in `names`, -1 for none, a copy."""
        return np.array(self._labels, np.int32)


class Known:
    """What an earlier import stored, absent items too: `at` finds a path's place in the columns.

    Attributes:
        splits: (n,) int8 positions in SPLITS.
        rows: (n,) int64 rows in the packed images.
        sizes: (n, 2) int32 width and height.
        prints: (n,) fingerprints, dtype PRINT.
        present: (n,) bool; an absent item has no row any more.
    """

    def __init__(self, parts: Iterable[Sequence[Any]] = ()) -> None:
        """From blocks of rows (path, split, row, width, height, fingerprint, present)."""
        self._at: dict[str, int] = {}
        blocks: list[list[np.ndarray]] = [[np.empty(0, np.int8)], [np.empty(0, np.int64)], [], [np.empty(0, PRINT)], [np.empty(0, bool)]]
        blocks[2].append(np.empty((0, 2), np.int32))
        for part in parts:
            path, split, row, width, height, fingerprint, present = zip(*part, strict=True)
            self._at.update(zip(path, range(len(self._at), len(self._at) + len(path)), strict=True))
            columns: tuple[np.ndarray, ...] = (
                np.array([SPLIT_CODES[name] for name in split], np.int8),
                np.array(row, np.int64),
                np.array([width, height], np.int32).T,
                np.array(fingerprint, PRINT),
                np.array(present, bool),
            )
            for block, column in zip(blocks, columns, strict=True):
                block.append(column)
        self.splits, self.rows, self.sizes, self.prints, self.present = (np.concatenate(block) for block in blocks)

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, path: object) -> bool:
        return path in self._at

    def at(self, paths: Iterable[str]) -> np.ndarray:
        """(m,) int64 places of these paths, -1 for one that was not there."""
        return np.fromiter((self._at.get(path, -1) for path in paths), np.int64)


@dataclass(frozen=True)
class Snapshot:
    """Every present item of a project at one moment, by id. Iterating gives (id, split, truth, row, label, skipped, flagged).

    Attributes:
        ids, rows: (n,) int64; ids ascend, rows are those of the packed images.
        splits: (n,) int8 positions in SPLITS.
        truths, labels: (n,) int32 positions in `names`, -1 for none.
        skipped, flagged: (n,) bool.
        partial: (n,) bool: labeled in the parts that were asked for, not as a whole.
    """

    names: tuple[str, ...]
    ids: np.ndarray
    splits: np.ndarray
    truths: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    skipped: np.ndarray
    flagged: np.ndarray
    partial: np.ndarray

    @classmethod
    def of(cls, parts: Iterable[Sequence[Any]]) -> Snapshot:
        """From blocks of rows (id, split, truth, row), by id; of none anything is said yet."""
        codes: dict[str, int] = {}
        kinds = (np.int64, np.int8, np.int32, np.int64)
        blocks: list[list[np.ndarray]] = [[np.empty(0, kind)] for kind in kinds]
        for part in parts:
            ids, splits, truths, rows = zip(*part, strict=True)
            made = (ids, [SPLIT_CODES[name] for name in splits], _coded(truths, codes), rows)
            for block, column, kind in zip(blocks, made, kinds, strict=True):
                block.append(np.array(column, kind))
        columns = dict(zip(("ids", "splits", "truths", "rows"), (np.concatenate(block) for block in blocks), strict=True))
        return cls.of_columns(columns | {"names": np.array(tuple(codes), np.str_)})

    @classmethod
    def of_columns(cls, columns: Mapping[str, np.ndarray]) -> Snapshot:
        """From what `columns` gave."""
        ids, splits, truths, rows = (columns[name] for name in ("ids", "splits", "truths", "rows"))
        whole = [ids, splits, truths, rows, np.full(len(ids), -1, np.int32), *(np.zeros(len(ids), bool) for _ in range(3))]
        for column in whole:  # they may be shared
            column.flags.writeable = False
        return cls(tuple(columns["names"].tolist()), *whole)

    def columns(self) -> dict[str, np.ndarray]:
        """Its arrays by name, as a file takes them, without what was said."""
        return {name: getattr(self, name) for name in ("ids", "splits", "truths", "rows")} | {"names": np.array(self.names, np.str_)}

    def marked(self, parts: Iterable[Sequence[Any]]) -> Snapshot:
        """The same with what was said: from blocks of rows (id, label, skipped, flagged, partial); of items that are not there, nothing is
        taken. A mark that is None was never made."""
        codes = {name: code for code, name in enumerate(self.names)}
        labels, marks = self.labels.copy(), [column.copy() for column in (self.skipped, self.flagged, self.partial)]
        for part in parts:
            ids, named, *said = zip(*part, strict=True)
            at = places(self.ids, ids)
            there = at >= 0
            labels[at[there]] = _coded(named, codes)[there]
            for column, values in zip(marks, said, strict=True):
                column[at[there]] = np.array(values, bool)[there]
        return replace(self, names=tuple(codes), labels=labels, skipped=marks[0], flagged=marks[1], partial=marks[2])

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[int, str, str | None, int, str | None, bool, bool]]:
        named = (*self.names, None)  # code -1 finds the last

        def told(i: int, split: int, truth: int, row: int, label: int, skip: bool, flag: bool) -> tuple[Any, ...]:
            return i, SPLITS[split], named[truth], row, named[label], skip, flag

        columns = (self.ids, self.splits, self.truths, self.rows, self.labels, self.skipped, self.flagged)
        for start in range(0, len(self), 4096):  # plain Python values of a few at a time
            yield from starmap(told, zip(*(column[start : start + 4096].tolist() for column in columns), strict=True))

    def indices(self, codes: np.ndarray, classes: Mapping[str, int]) -> np.ndarray:
        """`truths` or `labels` as class indices, int64; -1 for none and for what is no class."""
        result: np.ndarray = np.array([*(classes.get(name, -1) for name in self.names), -1], np.int64)[codes]
        return result


def _coded(names: Sequence[str | None], codes: dict[str, int]) -> np.ndarray:
    """(n,) int32 numbers of names, -1 for None; `codes` learns new ones."""
    return np.array([-1 if name is None else codes.setdefault(name, len(codes)) for name in names], np.int32)
