"""What tables of images and labels share, whatever file they are: which rows are taken, which contradict others, where the images lie."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats.base import (
    AS_FOUND,
    SPLIT_NAMES,
    Format,
    Inside,
    ReadOptions,
    count,
    inside_of,
    split_of_folder,
    split_of_listing,
    split_of_path,
    walk,
)
from alcore.formats.listing import Columns, understood
from alcore.formats.places import LEAVES, Places
from alcore.formats.tables import SUFFIXES, Table, open_table
from alcore.naming import class_fault, class_order, printable
from alcore.reading import Reading
from alcore.types import Entry, Skipped

DUMMIES = ("sample_submission", "submission")  # Kaggle's, whose labels mean nothing


@dataclass(frozen=True, slots=True)
class Row:
    """A usable line of a table: `line` as an editor counts it, `label` None when the cell is empty."""

    line: int
    label: str | None
    split: str


class Tabled(Format):
    """A format whose files of `suffixes` are tables, told in `noun`.

    A table given as a file takes the images it lists; tables beside images label them, and images that none lists are unlabeled.

    Rows whose path does not exist, leaves the folder or contradicts another row are set aside; the rest is taken. Equal rows count once. A
    row without a label beside one with a label adds nothing. Two labels, or two splits, for one path set it aside. Without a column for
    it, the split is that of the table's name or of the folder an image lies in.
    """

    suffixes: tuple[str, ...] = SUFFIXES
    noun: str = "CSV file"
    rank = 20

    def open(self, file: Path) -> Table:
        """The table in a file of these. Raises BadInput when it is none."""
        return open_table(file)

    def recognizes(self, src: Path) -> str | None:
        """A table as a file, or a folder with tables that name its images."""
        if src.is_file():
            return f"a {self.noun} of paths and labels" if src.suffix.lower() in self.suffixes else None
        found = _tables_in(src, self)
        return f"images with the labels of {' and '.join(name for name, _, _ in found)}" if found else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        if src.is_file():
            table, places = self.open(src), Places(src.parent)
            found = [(src.name, table, understood(table, places) or _refused(table, self))]
            root = src.parent
        else:
            root, places, found = src, Places(src), _tables_in(src, self)
            if not found:
                raise BadInput(f"{src} holds no {self.noun} with the columns path and label, or several: give the file itself")
        skipped: list[Skipped] = []
        listed = Listed()
        rows = 0
        for name, table, columns in found:
            rows += _take(name, table, columns, places, listed, skipped, alone=src.is_file(), noun=self.noun)
        entries = listed.agreed(skipped)
        if not len(entries):
            first = f"; the first, {skipped[0].path[:80]}: {skipped[0].reason}" if skipped else ""
            raise BadInput(
                f"{src} lists no usable image ({count(rows, 'row')}{first}): paths are relative to the folder of the {self.noun}"
            )
        unlisted = 0 if src.is_file() else _add_unlisted(src, entries, skipped, self.suffixes)
        in_columns = [called for _, _, columns in found for _, called in columns.one_hot if not class_fault(called)]
        classes = tuple(dict.fromkeys([*in_columns, *class_order(entries.names)]))  # a column is a class even where no row is marked
        told = _told(self.noun, found, len(entries), len(classes), unlisted)
        reading = Reading(root, classes, entries, skipped, took_for=told)
        reading.warnings = [note for _, table, _ in found for note in table.notes]
        reading.used = frozenset((*(name for name, _, _ in found), *_dummies(src)))
        return reading


def _told(noun: str, found: Sequence[tuple[str, Table, Columns]], images: int, classes: int, unlisted: int) -> str:
    names = ", ".join(name for name, _, _ in found)
    how = dict.fromkeys(columns.told for _, _, columns in found if columns.told)
    kind = f"a {noun}" if len(found) == 1 else f"{noun}s"
    apart = f", separated by {found[0][1].separated}" if found[0][1].separated else ""
    guessed = f" ({'; '.join(how)})" if how else ""
    rest = f", {unlisted:,} of them in no row and so unlabeled" if unlisted else ""
    counted = f"{count(images, 'image')}, {count(classes, 'class', 'classes')}{rest}"
    return f"{kind} ({names}{apart}): {counted}{guessed}"


def _take(
    name: str, table: Table, columns: Columns, places: Places, listed: Listed, skipped: list[Skipped], *, alone: bool, noun: str
) -> int:
    """Adds the rows of one table; how many there were."""
    own = None if alone else split_of_listing(name)
    folder = os.path.dirname(name)
    faults: dict[str, str] = {}
    rows = 0
    for line, cells in table.rows():
        rows += 1
        called, split = cells[columns.path].strip(), cells[columns.split].strip() if columns.split is not None else ""
        path, reason = places.find(called, (folder, "") if folder else ("",))
        label, doubt = columns.label_of(cells)
        if reason == LEAVES:
            reason = f"the path leaves the folder of the {noun}: put the image below it"
        if not reason and split and split.lower() not in SPLIT_NAMES:
            reason = f"unknown split {split[:40]!r}: use train, val or test"
        if not reason and label is not None:
            doubt = doubt or faults.setdefault(label, class_fault(label))
        if reason or doubt:
            skipped.append(Skipped(printable(called), f"{table.unit} {line}: {reason or doubt}"))
        else:
            listed.add(
                path, Row(line, label, SPLIT_NAMES[split.lower()] if split else own or (not alone and split_of_path(path)) or "pool")
            )
    return rows


def _add_unlisted(src: Path, entries: Entries, skipped: list[Skipped], suffixes: tuple[str, ...]) -> int:
    """Images that no row names, in the folders of those that are named, as unlabeled ones; how many."""
    known = set(entries.paths)
    folders = {path.split("/", 1)[0] if "/" in path else "" for path in known}
    aside: list[Skipped] = []
    # several rows named those, differently
    torn = {one.path for one in skipped}
    added = 0
    for path in walk(src, aside):
        top = path.split("/", 1)[0] if "/" in path else ""
        if path not in known and top in folders and printable(path) not in torn:
            entries.append(path, split_of_path(path) or "pool")
            added += 1
    skipped.extend(one for one in aside if not one.path.lower().endswith(suffixes))
    return added


def _tables_in(folder: Path, how: Tabled) -> list[tuple[str, Table, Columns]]:
    """Tables that label the images below `folder`, with their columns: the only one, or one a split. Empty when it cannot be told."""
    if not folder.is_dir():
        return []
    door, places = Inside(folder), Places(folder)
    labeling: list[tuple[str, Table, Columns]] = []
    listing: list[tuple[str, Table, Columns]] = []
    for name in _candidates(folder, door, how.suffixes):
        try:
            table = how.open(folder / name)
            columns = understood(table, places)
        except BadInput:
            continue  # another format may still take the folder
        if columns:
            (labeling if columns.labeled else listing).append((name, table, columns))
    for at, (name, table, _) in enumerate(listing):  # too few rows to tell by themselves
        columns = next((known for _, other, known in labeling if other.heading == table.heading), None)
        if columns:
            labeling.append((name, table, columns))
            listing[at] = (name, table, columns)
    listing = [one for one in listing if not one[2].labeled]
    strict = [one for one in labeling if not one[2].told]
    labeling = strict if len(strict) == 1 else labeling
    if len(labeling) > 1 and any(split_of_listing(name) is None for name, _, _ in labeling):
        return []  # which of them has the labels?
    return [*labeling, *(one for one in listing if split_of_listing(one[0]))] if labeling else []


def _candidates(folder: Path, door: Inside, suffixes: tuple[str, ...]) -> Iterator[str]:
    folders, files = inside_of(folder)
    below = (f"{name}/{file}" for name in folders if split_of_folder(name) for file in inside_of(folder / name)[1])
    for name in (*files, *below):
        stem, suffix = os.path.splitext(os.path.basename(name))
        if suffix.lower() in suffixes and not stem.lower().startswith(DUMMIES) and door.has(name):
            yield name


def _dummies(folder: Path) -> list[str]:
    return [name for name in inside_of(folder)[1] if name.lower().startswith(DUMMIES)] if folder.is_dir() else []


def _refused(table: Table, how: Tabled) -> Columns:
    columns = table.heading
    # only of what is called a table: a message must not show the first line of just any file
    there = f"; it has {', '.join(name or '(no name)' for name in columns)[:120]}" if table.file.suffix.lower() in how.suffixes else ""
    missing = [name for name in ("path", "label") if name not in columns]
    lacks = f"the {'columns' if len(missing) > 1 else 'column'} {' and '.join(missing)}"
    raise BadInput(
        f"{table.file} lacks {lacks}{there}. Its first line must name path and label; leave the label cells empty where there is none"
    )


class Listed:
    """The usable rows by path, in the order of their first lines. Only paths that are listed again keep their rows as objects."""

    def __init__(self) -> None:
        self._first, self._lines = Entries(), array("q")
        self._at: dict[str, int] = {}
        self._again: dict[int, list[Row]] = {}

    def add(self, path: str, row: Row) -> None:
        at = self._at.setdefault(path, len(self._first))
        if at == len(self._first):
            self._first.append(path, row.split, row.label)
            self._lines.append(row.line)
        else:
            before = self._first[at]
            self._again.setdefault(at, [Row(self._lines[at], before.label, before.split)]).append(row)

    def agreed(self, skipped: list[Skipped]) -> Entries:
        """An entry for each path whose rows do not contradict each other; what was listed twice is told in `skipped`."""
        if not self._again:
            return self._first
        result = Entries()
        for at, entry in enumerate(self._first):
            agreed = _agree(entry.path, self._again[at], skipped) if at in self._again else entry
            if agreed:
                result.append(agreed.path, agreed.split, agreed.label)
        return result


def _agree(path: str, rows: Sequence[Row], skipped: list[Skipped]) -> Entry | None:
    labels = {row.label: row.line for row in reversed(rows) if row.label is not None}
    splits = {row.split: row.line for row in reversed(rows)}
    for what, values in (("labels", labels), ("splits", splits)):
        if len(values) > 1:
            listed = ", ".join(f"{value} (line {line})" for value, line in sorted(values.items(), key=lambda pair: pair[1]))
            skipped.append(Skipped(path, f"listed with different {what}: {listed}"))
            return None
    skipped.append(Skipped(path, f"listed {len(rows)} times (lines {', '.join(str(row.line) for row in rows[:10])}); kept once"))
    return Entry(path, rows[0].split, next(iter(labels), None))
