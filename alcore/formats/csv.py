"""A CSV file `path,label[,split]`, paths relative to the folder of the CSV file.

Separated by comma, semicolon or tab; UTF-8, or UTF-16 as Excel writes it.
"""

from __future__ import annotations

import csv
import os
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats.base import SPLIT_NAMES, Format, class_order, count, printable
from alcore.types import Entry, Reading, Skipped

COLUMNS = ("path", "label")


@dataclass(frozen=True, slots=True)
class Row:
    """A usable line of the file: `line` as an editor counts it, `label` None when the cell is empty."""

    line: int
    label: str | None
    split: str


class CsvFile(Format):
    """Rows whose path does not exist, leaves the folder or contradicts another row are set aside; the rest is taken.

    Equal rows count once. A row without a label beside one with a label adds nothing. Two labels, or two splits, for one path set it aside.
    """

    name = "csv"
    title = "CSV file: path, label, split"
    rank = 20

    def recognizes(self, src: Path) -> str | None:
        """A .csv or .tsv file, or a folder with exactly one such file that has the columns."""
        if src.is_file():
            return "a CSV file of paths and labels" if src.suffix.lower() in (".csv", ".tsv") else None
        return "a folder with a CSV file of paths and labels" if _listing_in(src) else None

    def read(self, src: Path) -> Reading:
        """See Format."""
        listing = src if src.is_file() else _listing_in(src)
        if listing is None:
            raise BadInput(f"{src} holds no CSV file with the columns path and label, or several: give the file itself")
        encoding, delimiter = _encoding(listing)
        table = _table(listing, encoding, delimiter)
        heading = next(table, None)
        if heading is None:
            raise BadInput(f"{listing} is empty: its first line must name the columns path and label, and split if there is one")
        columns = _columns(heading[1], listing)
        skipped: list[Skipped] = []
        listed = Listed()
        place = Place(listing.parent)
        rows = 0
        for line, cells in table:
            rows += 1
            row = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
            path, reason = place.find(row["path"])
            split = row.get("split", "").lower()
            if not reason and split and split not in SPLIT_NAMES:
                reason = f"unknown split {row['split']!r}: use train, val or test"
            if reason:
                skipped.append(Skipped(printable(row["path"]), f"line {line}: {reason}"))
            else:
                listed.add(path, Row(line, row["label"] or None, SPLIT_NAMES[split] if split else "pool"))
        entries = listed.agreed(skipped)
        if not len(entries):
            first = f"; the first, {skipped[0].path}: {skipped[0].reason}" if skipped else ""
            raise BadInput(
                f"{listing} lists no usable image ({count(rows, 'row')}{first}): paths are relative to the folder of the CSV file"
            )
        classes = class_order(entries.names)
        separated = {",": "comma", ";": "semicolon", "\t": "tab"}[delimiter]
        found = f"{count(len(entries), 'image')}, {count(len(classes), 'class', 'classes')}"
        took_for = f"a CSV file ({listing.name}, separated by {separated}): {found}"
        return Reading(listing.parent, classes, entries, skipped, took_for=took_for)


class Place:
    """Finds the paths of a CSV file below its folder, and only there, links included."""

    def __init__(self, folder: Path) -> None:
        self.root = os.path.abspath(folder)
        self.real = os.path.realpath(folder)
        self.folders: dict[str, str] = {}  # folder -> where it really is: a data set has few folders and many files

    def find(self, cell: str) -> tuple[str, str]:
        """(path relative to the folder, "") or ("", what is wrong with it)."""
        if not cell:
            return "", "the path is empty"
        if "\0" in cell:
            return "", "the path holds a zero byte"
        if "\\" in cell and not os.path.lexists(os.path.join(self.root, cell)):
            cell = cell.replace("\\", "/")  # written on Windows
        path = os.path.normpath(os.path.join(self.root, cell))
        folder, name = os.path.split(path)
        if folder not in self.folders:
            self.folders[folder] = os.path.realpath(folder)
        real = os.path.realpath(path) if os.path.islink(path) else os.path.join(self.folders[folder], name)
        if not real.startswith(self.real.rstrip(os.sep) + os.sep):
            return "", "the path leaves the folder of the CSV file: put the image below it"
        try:
            mode = os.stat(real).st_mode
        except OSError as wrong:
            return "", "there is no such file" if isinstance(
                wrong, FileNotFoundError | NotADirectoryError
            ) else f"the file cannot be read: {wrong.strerror}"
        if not stat.S_ISREG(mode):
            return "", "a folder, not a file" if stat.S_ISDIR(mode) else "not a regular file"
        below = self.root.rstrip(os.sep) + os.sep
        relative = path[len(below) :] if path.startswith(below) else os.path.relpath(real, self.real)
        return relative.replace(os.sep, "/"), ""


def _listing_in(folder: Path) -> Path | None:
    listings = (
        [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".csv", ".tsv") and path.is_file()] if folder.is_dir() else []
    )
    if len(listings) != 1:
        return None
    try:
        with open(listings[0], encoding="utf-8-sig", errors="replace") as file:
            heading = file.readline(10_000).lower()
    except OSError:
        return None  # another format may still take the folder
    return listings[0] if all(name in heading for name in COLUMNS) else None


def _encoding(listing: Path) -> tuple[str, str]:
    """The file's encoding and delimiter, from its first line that is not blank."""
    try:
        with open(listing, "rb") as file:
            encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        with open(listing, encoding=encoding, errors="replace") as text:
            heading = next((line for line in text if line.strip()), "")
    except OSError as wrong:
        raise BadInput(f"{listing} cannot be read: {wrong.strerror}") from wrong
    except UnicodeError as wrong:
        raise BadInput(f"{listing} is not UTF-16 ({wrong}): save it as UTF-8 and import it again") from wrong
    return encoding, max((",", ";", "\t"), key=heading.count)


def _table(listing: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with their line numbers, the heading first; read line by line: a listing may hold a million."""
    lines = None
    try:
        with open(listing, encoding=encoding, newline="") as file:
            lines = csv.reader(file, delimiter=delimiter)
            for cells in lines:
                if any(cell.strip() for cell in cells):
                    yield lines.line_num, cells
    except UnicodeError as wrong:
        raise BadInput(
            f"{listing} is not UTF-8 (byte {_first_wrong(listing, encoding):,}): save it as UTF-8 and import it again"
        ) from wrong
    except csv.Error as wrong:
        raise BadInput(f"{listing} is not a CSV file: {wrong} in line {lines.line_num if lines else 0}") from wrong
    except OSError as wrong:
        raise BadInput(f"{listing} cannot be read: {wrong.strerror}") from wrong


def _first_wrong(listing: Path, encoding: str) -> int:
    """Where the file stops being text: reading line by line counts from the block it is in."""
    try:
        listing.read_bytes().decode(encoding)
    except UnicodeDecodeError as wrong:
        return wrong.start
    except UnicodeError:
        return 0
    return 0  # mended meanwhile


def _columns(heading: Sequence[str], listing: Path) -> Mapping[str, int]:
    there = [name.strip().lower() for name in heading]
    missing = [name for name in COLUMNS if name not in there]
    if missing:
        columns = count(len(missing), "column").split()[1]
        raise BadInput(
            f"{listing} lacks the {columns} {' and '.join(missing)}; it has {', '.join(name or '(no name)' for name in there)}. "
            "The first line must name path and label; leave the label cells empty for unlabeled images"
        )
    return {name: there.index(name) for name in (*COLUMNS, "split") if name in there}


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


FORMAT = CsvFile()
