"""Columns that describe images (a camera, a date, a patient): read from a table, typed, kept as one file, joined to images by path.

Knows no project: images are paths here.
"""

from __future__ import annotations

import hashlib
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alcore.columns import Texts
from alcore.errors import BadInput
from alcore.files import written_whole
from alcore.formats.base import count
from alcore.formats.columnar import LINES, PARQUET, cell, open_lines, open_parquet
from alcore.formats.listing import PATHS
from alcore.formats.tables import SUFFIXES, Table, open_table
from alcore.importing.joining import joined_by_path, normal
from alcore.importing.values import Column, typed

MOST_COLUMNS, MOST_ROWS = 64, 5_000_000
LONGEST_NAME = 200  # characters
LARGEST_JSON = 1 << 30  # bytes: it is read as a whole
JSON = ".json"
OPENED: Mapping[str, Callable[[Path], Table]] = dict.fromkeys(SUFFIXES, open_table) | {LINES: open_lines, PARQUET: open_parquet}


@dataclass(frozen=True)
class Described:
    """A table that was read.

    Attributes:
        keys: what each row calls its image, with forward slashes.
        key: the name of that column.
        notes: what was guessed or left out, a sentence each.
        repeated: rows that say of an image what another one says already; they are not among the rows.
    """

    keys: Texts
    key: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    repeated: int = 0

    def column(self, name: str) -> Column:
        """The column of that name. Raises BadInput, which names those there are."""
        for column in self.columns:
            if column.name == name:
                return column
        there = ", ".join(column.name for column in self.columns)
        raise BadInput(f"there is no metadata column {name[:60]!r}: use one of {there}")

    def rows_of(self, paths: Sequence[str]) -> np.ndarray:
        """(n,) int64: the row of each of these images, -1 for none; see `joined_by_path`."""
        return joined_by_path(self.keys, paths)


# ---- reading


def read(file: Path, name: str = "", key: str = "") -> Described:
    """The table in a CSV, JSON, JSON lines or Parquet file.

    Args:
        name: what people call the file, where it lies elsewhere under another name.
        key: the column that names the images; "" takes the first that is called like one.

    Raises:
        BadInput: it is no such table, no column names images, two rows say different things of one image, or it is too large.
    """
    name = name or file.name
    suffix = Path(name).suffix.lower()
    try:
        if suffix == JSON:
            heading, rows, notes = _of_json(file, name)
        elif suffix in OPENED:
            table = OPENED[suffix](file)
            heading, rows, notes = table.names, table.rows(), list(table.notes)
        else:
            what = ", ".join((*OPENED, JSON))
            raise BadInput(f"{name} is no table that can be read here: give one of {what}, saved from what it is now")
        return _described(name, [*heading], rows, notes, key)
    except BadInput as wrong:  # what was sent by a browser lies elsewhere, under a name that nobody knows
        raise BadInput(str(wrong).replace(str(file), name)) from wrong


def _of_json(file: Path, name: str) -> tuple[Sequence[str], Iterable[tuple[int, Sequence[str]]], list[str]]:
    """A list of objects, or one object by path."""
    try:
        if file.stat().st_size > LARGEST_JSON:
            raise BadInput(f"{name} is too large for JSON ({file.stat().st_size >> 20} MB): save it as CSV")
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeError as wrong:
        raise BadInput(f"{name} is not UTF-8, as JSON is: save it again") from wrong
    except OSError as wrong:
        raise BadInput(f"{name} cannot be read: {wrong.strerror}") from wrong
    try:
        found = json.loads(text)
        if isinstance(found, dict) and all(isinstance(value, dict) for value in found.values()):
            found = [{"path": path, **values} for path, values in found.items()]
    except (ValueError, RecursionError) as wrong:
        raise BadInput(f"{name} is not JSON ({wrong}): it may be cut short, copy or export it again") from wrong
    rows = list(enumerate(found, 1)) if isinstance(found, list) else []
    if not rows or not all(isinstance(row, dict) for _, row in rows):
        raise BadInput(f'{name} holds no list of objects: write one object an image, as in [{{"path": "a.jpg", "camera": "x"}}]')
    heading = tuple(dict.fromkeys(key for _, row in rows for key in row))
    if len(heading) > 10 * MOST_COLUMNS:
        raise BadInput(f"{name} has {len(heading):,} different keys: write one object an image, with the same keys in each")
    return heading, ((at, [cell(row.get(key)) for key in heading]) for at, row in rows), []


def _described(name: str, heading: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], notes: list[str], wanted: str) -> Described:
    names = [_name(cell, name) for cell in heading]
    at = _key_column(name, names, wanted)
    taken = [i for i, column in enumerate(names) if i != at and column]
    if unnamed := len(names) - len(taken) - 1:
        notes.append(f"{count(unnamed, 'column')} without a name {'is' if unnamed == 1 else 'are'} left out")
    twice = sorted({names[i] for i in taken if [names[k] for k in taken].count(names[i]) > 1})
    if twice:
        raise BadInput(f"{name} has two columns called {twice[0][:60]!r}: give each a name of its own")
    if not taken:
        raise BadInput(f"{name} has no column beside {names[at]!r}: there is nothing to tell of the images")
    if len(taken) > MOST_COLUMNS:
        raise BadInput(f"{name} has {len(taken):,} columns: up to {MOST_COLUMNS} can be kept, leave some out")
    keys, lines, cells, repeated = _rows(name, [names[i] for i in taken], rows, at, taken)
    columns = []
    for column, texts in zip((names[i] for i in taken), cells, strict=True):
        made = typed(column, texts, lines, notes)
        if made is not None:
            columns.append(made)
    if not columns:
        raise BadInput(f"{name}: none of its columns can be kept ({'; '.join(notes)})")
    if repeated:
        notes.append(f"{count(repeated, 'row')} said again what another one said")
    return Described(keys, names[at], tuple(columns), tuple(notes), repeated)


def _name(cell: str, table: str) -> str:
    name = unicodedata.normalize("NFC", " ".join("".join(c if c.isprintable() else " " for c in cell).split()))
    if len(name) > LONGEST_NAME:
        raise BadInput(f"{table}: the column {name[:40]!r}… has a name of {len(name):,} characters: use up to {LONGEST_NAME}")
    return name


def _key_column(table: str, names: Sequence[str], wanted: str) -> int:
    if wanted:
        if wanted not in names:
            raise BadInput(f"{table} has no column {wanted[:60]!r}: it has {', '.join(filter(None, names))}")
        return names.index(wanted)
    lower = [name.lower() for name in names]
    for path in PATHS:
        if path in lower:
            return lower.index(path)
    there = ", ".join(name for name in names if name)
    raise BadInput(f"{table} has no column that names images (path, file, filename, image, …): it has {there}. Call one of them path")


def _rows(
    table: str, names: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], at: int, taken: Sequence[int]
) -> tuple[Texts, list[int], list[list[str]], int]:
    """What each row calls its image, its line, and its cells by column; rows without a path are passed over, equal ones count once."""
    keys = Texts()
    lines: list[int] = []
    first: dict[str, int] = {}
    cells: list[list[str]] = [[] for _ in taken]
    repeated = 0
    for line, row in rows:
        key = normal(row[at])
        if not key:
            continue
        if key in first:
            other = first[key]
            for name, column, i in zip(names, cells, taken, strict=True):
                if column[other] != row[i].strip():
                    raise BadInput(
                        f"{table} has two rows for {key[-80:]!r} that differ: {name[:40]!r} is {column[other][:40]!r} in line "
                        f"{lines[other]} and {row[i].strip()[:40]!r} in line {line}. Keep one row an image"
                    )
            repeated += 1
            continue
        first[key] = len(lines)
        if len(lines) >= MOST_ROWS:
            raise BadInput(f"{table} has more than {MOST_ROWS:,} rows: leave out those that name no image of the project")
        keys.append(key)
        lines.append(line)
        for column, i in zip(cells, taken, strict=True):
            column.append(row[i].strip())
    if not lines:
        raise BadInput(f"{table} has no row that names an image: the cells of {table} in its column of paths are empty")
    return keys, lines, cells, repeated


# ---- keeping


def keep(table: Described, folder: Path) -> str:
    """Writes the table into a folder, whole or not at all; the name of its file, which follows from what is in it."""
    made = io.BytesIO()
    blob, ends = table.keys.columns()
    told = {
        "key": table.key,
        "notes": list(table.notes),
        "columns": [{"name": column.name, "kind": column.kind, "names": list(column.names)} for column in table.columns],
    }
    head = np.frombuffer(json.dumps(told).encode(), np.uint8)
    arrays: dict[str, Any] = {f"c{at}": column.values for at, column in enumerate(table.columns)}
    np.savez_compressed(made, head=head, blob=blob, ends=ends, **arrays)
    name = f"metadata-{_digest(table, head, blob)}.npz"
    with written_whole(folder / name) as file:
        file.write(made.getbuffer())
    return name


def _digest(table: Described, *arrays: np.ndarray) -> str:
    mark = hashlib.blake2b(digest_size=8)
    for array in (*arrays, *(column.values for column in table.columns)):
        mark.update(array.tobytes())
    return mark.hexdigest()


def kept(file: Path) -> Described:
    """The table that `keep` wrote. Raises BadInput when it is damaged; OSError when it is not there."""
    try:
        with np.load(file) as stored:
            head = json.loads(stored["head"].tobytes())
            keys = Texts(stored["blob"].tobytes(), stored["ends"])
            columns = [Column(one["name"], one["kind"], stored[f"c{at}"], tuple(one["names"])) for at, one in enumerate(head["columns"])]
    except FileNotFoundError:
        raise
    except Exception as wrong:  # a cut or changed archive fails in many ways
        raise BadInput(f"the kept metadata {file.name} is damaged ({wrong}): give the table again") from wrong
    return Described(keys, head["key"], tuple(columns), tuple(head["notes"]))


def settings_of(table: Described, file: str, source: str) -> Mapping[str, Any]:
    """What a project's settings keep of its table."""
    return {"file": file, "source": source, "rows": len(table.keys), "columns": [column.name for column in table.columns]}


@dataclass(frozen=True)
class Beside:
    """A table beside the images of an import; `rows` is (n,) the row of each, -1 for none."""

    source: str
    table: Described
    rows: np.ndarray

    def groups(self, column: str) -> np.ndarray:
        """(n,) int64, equal for images with the same value of a column, -1 without one. Raises BadInput when there is no such column."""
        codes: np.ndarray = np.append(self.table.column(column).codes(), -1)[self.rows]
        return codes

    @property
    def words(self) -> list[str]:
        """How well it fits, and what was said when it was read."""
        there = int((self.rows >= 0).sum())
        told = f"the table {self.source} describes {there:,} of {count(len(self.rows), 'image')}"
        return [told, *self.table.notes]

    def keep(self, folder: Path) -> Mapping[str, Any]:
        """Keeps the table in a project's folder; what its settings keep of it."""
        return settings_of(self.table, keep(self.table, folder), self.source)


def beside(file: str, paths: Sequence[str]) -> Beside:
    """The table in `file` beside images. Raises BadInput when it is none, or no row names one of them."""
    table = read(Path(file))
    rows = table.rows_of(paths)
    if not (rows >= 0).any():
        raise BadInput(
            f"none of the {len(table.keys):,} rows of {Path(file).name} names an image: its column {table.key[:40]!r} has "
            f"{table.keys[0][-80:]!r}, an image is called {paths[0][-80:]!r}. Write the images' paths or file names there"
        )
    return Beside(Path(file).name, table, rows)
