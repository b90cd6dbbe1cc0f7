"""A CSV file `path,label[,split]`, paths relative to the folder of the CSV file.

Separated by comma, semicolon or tab; UTF-8, or UTF-16 as Excel writes it.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
        table, delimiter = _table(listing)
        columns = _columns(table, listing)
        skipped: list[Skipped] = []
        grouped: dict[str, list[Row]] = {}
        place = Place(listing.parent)
        for line, cells in table[1:]:
            row = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
            path, reason = place.find(row["path"])
            split = row.get("split", "").lower()
            if not reason and split and split not in SPLIT_NAMES:
                reason = f"unknown split {row['split']!r}: use train, val or test"
            if reason:
                skipped.append(Skipped(printable(row["path"]), f"line {line}: {reason}"))
            else:
                grouped.setdefault(path, []).append(Row(line, row["label"] or None, SPLIT_NAMES[split] if split else "pool"))
        entries = [entry for path, rows in grouped.items() if (entry := _agree(path, rows, skipped))]
        if not entries:
            first = f"; the first, {skipped[0].path}: {skipped[0].reason}" if skipped else ""
            raise BadInput(
                f"{listing} lists no usable image ({count(len(table) - 1, 'row')}{first}): paths are relative to the folder of the CSV file"
            )
        classes = class_order(entry.label for entry in entries if entry.label is not None)
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


def _table(listing: Path) -> tuple[list[tuple[int, list[str]]], str]:
    """The rows that are not blank, with their line numbers, the heading first, and the delimiter."""
    try:
        content = listing.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as wrong:
        raise BadInput(f"{listing} cannot be read: {wrong.strerror}") from wrong
    except UnicodeDecodeError as wrong:
        raise BadInput(f"{listing} is not UTF-8 (byte {wrong.start:,}): save it as UTF-8 and import it again") from wrong
    heading = text.lstrip().split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=heading.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as wrong:
        raise BadInput(f"{listing} is not a CSV file: {wrong} in line {lines.line_num}") from wrong
    if not rows:
        raise BadInput(f"{listing} is empty: its first line must name the columns path and label, and split if there is one")
    return rows, delimiter


def _columns(table: Sequence[tuple[int, list[str]]], listing: Path) -> Mapping[str, int]:
    there = [name.strip().lower() for name in table[0][1]]
    missing = [name for name in COLUMNS if name not in there]
    if missing:
        columns = count(len(missing), "column").split()[1]
        raise BadInput(
            f"{listing} lacks the {columns} {' and '.join(missing)}; it has {', '.join(name or '(no name)' for name in there)}. "
            "The first line must name path and label; leave the label cells empty for unlabeled images"
        )
    return {name: there.index(name) for name in (*COLUMNS, "split") if name in there}


def _agree(path: str, rows: Sequence[Row], skipped: list[Skipped]) -> Entry | None:
    labels = {row.label: row.line for row in reversed(rows) if row.label is not None}
    splits = {row.split: row.line for row in reversed(rows)}
    for what, values in (("labels", labels), ("splits", splits)):
        if len(values) > 1:
            listed = ", ".join(f"{value} (line {line})" for value, line in sorted(values.items(), key=lambda pair: pair[1]))
            skipped.append(Skipped(path, f"listed with different {what}: {listed}"))
            return None
    if len(rows) > 1:
        skipped.append(Skipped(path, f"listed {len(rows)} times (lines {', '.join(str(row.line) for row in rows[:10])}); kept once"))
    return Entry(path, rows[0].split, next(iter(labels), None))


FORMAT = CsvFile()
