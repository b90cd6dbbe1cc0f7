"""Columns that describe a project's images (a camera, a date, a patient): a table looked at, kept, shown beside each image, and the groups
by which images are held out. Given, not said: nothing of it is in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, BadInput
from alcore.importing import described
from alcore.importing.described import Described
from alcore.importing.values import DATE, NUMBER, TEXT, Column, date_of, number_of, of_rows, sketch
from alcore.project.catalog import Catalog, catalog
from alcore.project.stored import Stored
from alcore.remembered import Remembered

PREFIX = "meta:"  # of a column among the app's own, in orders and on the map
OF_EXPORTS = "meta."  # in tables, where a colon means something to some readers
KEPT, GROUP_BY = "metadata", "group_by"  # of the settings
SHOWN = 5  # rows that a look names
LISTED = 500  # values of a text column that a page lists; more are found by what is in them

_read = Remembered(8)
_joined = Remembered(8)


@dataclass(frozen=True)
class Look:
    """What a table would mean for a project, before it is kept.

    Attributes:
        source: what people call its file.
        images: of the project; `described` have a row.
        unmatched: how many rows name no image, and `strange` the first of them.
        columns: name, kind, how many images have a value, how many different ones, and the first of them as text.
        notes: a sentence each.
    """

    source: str
    table: Described
    images: int
    described: int
    unmatched: int
    strange: tuple[str, ...]
    columns: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]

    def words(self) -> str:
        """How well it fits, in a sentence."""
        rows = f"{len(self.table.keys):,} rows of {self.source}"
        told = f"{rows}: {self.described:,} of {self.images:,} images have one"
        if self.unmatched:
            told += f"; {self.unmatched:,} name no image ({', '.join(repr(one) for one in self.strange)})"
        return told

    def answer(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "source": self.source,
            "rows": len(self.table.keys),
            "images": self.images,
            "described": self.described,
            "unmatched": self.unmatched,
            "strange": list(self.strange),
            "columns": [dict(column) for column in self.columns],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Aligned:
    """The columns beside a catalog's: a value an image, in its order; see described.Column."""

    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name. Raises BadInput, which names those there are."""
        for column in self.columns:
            if column.name == name:
                return column
        there = ", ".join(column.name for column in self.columns)
        raise BadInput(f"there is no metadata column {name[:60]!r}: use one of {there}" if there else NONE_YET)

    @cached_property
    def told(self) -> list[dict[str, Any]]:
        """What a page is told of each: name, kind, how many images are `without`, `low` and `high` of numbers and dates (None without
        any), the most frequent `values` of texts, [text, images], in natural order, and how many `more` there are."""
        return [_told(column) for column in self.columns]


NONE_YET = "this project has no metadata: give a table on its Data page, or with `metadata FILE`"


def look(project: Stored, file: Path, source: str = "", key: str = "") -> Look:
    """Reads a table and compares it with the images; nothing is kept.

    Args:
        source: what people call the file, where it was sent by a browser.
        key: the column that names the images, "" for the one that is called like that.

    Raises:
        BadInput: it cannot be read, or no row names an image.
    """
    source = source or file.name
    table = described.read(file, source, key)
    of = catalog(project)
    rows = table.rows_of(of.names.paths)
    met = np.zeros(len(table.keys), bool)
    met[rows[rows >= 0]] = True
    strange = [table.keys[int(at)][-80:] for at in np.flatnonzero(~met)[:SHOWN]]
    if not met.any():
        image = of.names.shown[0][-80:] if len(of) else ""
        raise BadInput(
            f"none of the {len(met):,} rows of {source} names an image of {project.name!r}: its column {table.key[:40]!r} has "
            f"{strange[0]!r}, an image is called {image!r}. Write the images' paths or file names there"
        )
    columns = tuple(of_rows(column, rows) for column in table.columns)
    notes = [*table.notes, *_telltale(project, columns)]
    told = tuple(sketch(column) for column in columns)
    return Look(source, table, len(of), int((rows >= 0).sum()), int((~met).sum()), tuple(strange), told, tuple(notes))


def attach(project: Stored, seen: Look) -> None:
    """Keeps a table that was looked at; it takes the place of the one before. Images that are imported later get their rows too.

    Raises:
        BadInput: images are held out by a column that it does not have.
    """
    group = project.settings.get(GROUP_BY)
    if group and group not in (column.name for column in seen.table.columns):
        raise BadInput(f"images are held out by {group!r}, which {seen.source} does not have: choose no groups first, or add the column")
    before = project.settings.get(KEPT)
    name = described.keep(seen.table, project.folder)
    project.change_settings(**{KEPT: dict(described.settings_of(seen.table, name, seen.source))})
    _forget(project, before)


def remove(project: Stored) -> None:
    """Takes the table away, and with it the groups by which images are held out."""
    before = project.settings.get(KEPT)
    project.change_settings(**{KEPT: None, GROUP_BY: None})
    _forget(project, before)


def _forget(project: Stored, before: Mapping[str, Any] | None) -> None:
    if before and before["file"] != (project.settings.get(KEPT) or {}).get("file"):
        (project.folder / before["file"]).unlink(missing_ok=True)


def table(project: Stored) -> Described | None:
    """The kept table; None where there is none.

    Raises:
        AlcoreError: its file is gone or damaged.
    """
    kept = project.settings.get(KEPT)
    if not kept:
        return None
    file = project.folder / kept["file"]
    try:
        return _read.of(file, lambda: described.kept(file))
    except FileNotFoundError:
        project.reread()  # somebody may have given another one meanwhile
        now = project.settings.get(KEPT)
        if now and now["file"] == kept["file"]:
            raise AlcoreError(f"the metadata of {project.name!r} are gone ({file.name}): give {kept['source']} again") from None
        return table(project)


def aligned(project: Stored, of: Catalog | None = None) -> Aligned:
    """The columns beside a catalog's, None for the newest; empty where there are none."""
    found = table(project)
    if found is None:
        return Aligned(())
    of = of or catalog(project)
    state = (project.folder, project.settings[KEPT]["file"], id(of.names), len(of))
    return _joined.of(state, lambda: (of.names, _aligned(found, of)))[1]  # the names too: while they are kept, no others get their number


def _aligned(found: Described, of: Catalog) -> Aligned:
    rows = found.rows_of(of.names.paths)
    return Aligned(tuple(of_rows(column, rows) for column in found.columns))


def of_items(project: Stored, ids: np.ndarray) -> Aligned:
    """The columns of these images, in their order; of those that are gone nothing is known."""
    of = catalog(project)
    at = of.places(np.asarray(ids, np.int64))
    return Aligned(tuple(of_rows(column, at) for column in aligned(project, of).columns))


def facts(project: Stored, item: int) -> list[tuple[str, str]]:
    """(column, value as people read it) of what is known of one image."""
    columns = of_items(project, np.array([item])).columns if project.settings.get(KEPT) else ()
    return [(column.name, column.shown(column.values[0])) for column in columns if column.known[0]]


def exported(project: Stored, ids: np.ndarray) -> dict[str, list[Any]]:
    """Column by column what exports carry: texts and dates as text, "" for none; numbers, None for none."""
    result: dict[str, list[Any]] = {}
    for column in of_items(project, ids).columns if project.settings.get(KEPT) else ():
        known = column.known.tolist()
        values: list[Any] = [column.shown(value) for value in column.values.tolist()]
        if column.kind == NUMBER:
            values = [value if there else None for value, there in zip(column.values.tolist(), known, strict=True)]
        result[f"{OF_EXPORTS}{column.name}"] = values
    return result


# ---- what pages are told


def _told(column: Column) -> dict[str, Any]:
    known = column.values[column.known]
    told: dict[str, Any] = {"name": column.name, "kind": column.kind, "without": int(len(column.values) - len(known))}
    if column.kind != TEXT:
        ends = (float(known.min()), float(known.max())) if len(known) else (None, None)
        return told | {"low": ends[0], "high": ends[1]}
    counts = np.bincount(known, minlength=len(column.names))
    there = np.flatnonzero(counts)
    listed = np.sort(there[np.argsort(-counts[there], kind="stable")][:LISTED])
    values = [[column.names[at], int(counts[at])] for at in listed.tolist()]
    return told | {"values": values, "more": int(len(there) - len(listed))}


def _telltale(project: Stored, columns: Sequence[Column]) -> Iterable[str]:
    """What tells the truth where that is hidden."""
    if project.settings.get("truth") == "hidden" and not project.dense:
        for column in columns:
            if column.kind == TEXT and set(column.names) <= set(project.classes) and project.items.knows_truths():
                yield f"{column.name!r} holds the names of classes: who labels sees them, though the truth is hidden"


# ---- filters and orders


def conditions(project: Stored, of: Catalog, asked: Sequence[tuple[str, str]]) -> Iterable[np.ndarray]:
    """(n,) bool for each column that is asked about: NAME with a value (several: any will do, "" for none), NAME.from, NAME.to, NAME.has.

    Raises:
        BadInput: there is no such column, or a bound is none.
    """
    columns = aligned(project, of)
    values: dict[str, list[str]] = {}
    for name, value in asked:
        if any(column.name == name for column in columns.columns):
            values.setdefault(name, []).append(value)
            continue
        base, _, how = name.rpartition(".")
        if how not in ("from", "to", "has") or not base:
            columns.column(name)
        yield _bounded(columns.column(base), how, value)
    for name, wanted in values.items():
        yield _any_of(columns.column(name), wanted)


def _any_of(column: Column, wanted: Sequence[str]) -> np.ndarray:
    kept = ~column.known if "" in wanted else np.zeros(len(column.values), bool)
    if column.kind == TEXT:
        places = [at for at, name in enumerate(column.names) if name in set(wanted)]
        return kept | np.isin(column.values, places)
    return kept | np.isin(column.values, [_value(column, text) for text in wanted if text])


def _bounded(column: Column, how: str, text: str) -> np.ndarray:
    if how == "has":
        if column.kind != TEXT:
            raise BadInput(f"{column.name[:60]!r} is no text: use {column.name[:60]}.from and {column.name[:60]}.to")
        wanted = text.casefold()
        return np.isin(column.values, [at for at, name in enumerate(column.names) if wanted in name.casefold()])
    if column.kind == TEXT:
        raise BadInput(f"{column.name[:60]!r} is text and has no bounds: give values, or {column.name[:60]}.has")
    bound = _value(column, text)
    if how == "from":
        return column.values >= bound
    whole_day = column.kind == DATE and ":" not in text
    return column.values < bound + 86400 if whole_day else column.values <= bound


def _value(column: Column, text: str) -> float:
    value = date_of(text) if column.kind == DATE else number_of(text)
    if value is None:
        how = "a date, as 2026-05-31" if column.kind == DATE else "a number"
        raise BadInput(f"{column.name[:60]!r} takes {how}, not {text[:40]!r}")
    return value


def order(project: Stored, of: Catalog, name: str) -> np.ndarray:
    """(n,) float64 to sort images by, NaN for none: texts in natural order."""
    column = aligned(project, of).column(name)
    return np.where(column.known, column.values, np.nan).astype(np.float64)


# ---- groups


def group_by(project: Stored, name: str | None) -> None:
    """Chooses the column whose equal values are one group; None for none. From the next draw, round and query on, no group is on both
    sides.

    Raises:
        BadInput: there is no such column, or nothing would be left to train on.
    """
    if name:
        if table(project) is None:
            raise BadInput(f"{project.name!r} has no metadata yet: give a table with the column {name[:60]!r} first")
        aligned(project).column(name)
        project.reread()
        of = catalog(project)
        codes, pool = aligned(project, of).column(name).codes(), of.splits == 0
        beside = np.isin(codes, codes[~pool & (codes >= 0)])
        if pool.any() and not (pool & ~beside).any():
            raise BadInput(
                f"every image to label shares its {name[:60]!r} with one that is held out: nothing would be left to train on. Take another "
                "column, or import the source again without its own test split"
            )
    project.change_settings(**{GROUP_BY: name or None})


def grouped_by(project: Stored) -> str | None:
    """The column that images are held out by; None for none."""
    name = project.settings.get(GROUP_BY)
    return str(name) if name else None


def groups(project: Stored, ids: np.ndarray) -> np.ndarray:
    """(n,) int64: the group of each of these images, -1 for images of none; all of them where no column was chosen."""
    name = grouped_by(project)
    if name is None:
        return np.full(len(ids), -1, np.int64)
    return of_items(project, ids).column(name).codes()
