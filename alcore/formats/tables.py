"""The one reader of tables as files: comma, semicolon, tab or bar; UTF-8, UTF-16 or, when it is neither, Windows' cp1252 as Excel saves it.

Knows no format: what the columns mean is for who asks.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alcore.errors import BadInput

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SUFFIXES = (".csv", ".tsv")
BLOCK = 1 << 20  # bytes decoded at a time to find the encoding
NO_TEXT = "is neither UTF-8 nor cp1252 nor UTF-16: save it as UTF-8 and try again"
WIDEST = 1 << 20  # bytes a heading may have: a binary file has no line ends


@dataclass(frozen=True)
class Table:
    """A table whose heading was read.

    Attributes:
        names: the first line's cells, without blanks around them.
        heading: the same in small letters.
        notes: what was guessed about it, in words.
    """

    file: Path
    names: tuple[str, ...]
    heading: tuple[str, ...]
    encoding: str
    delimiter: str
    notes: tuple[str, ...] = ()
    unit: ClassVar[str] = "line"

    @property
    def separated(self) -> str:
        """The delimiter in a word; "" where there is none."""
        return DELIMITERS.get(self.delimiter, "")

    def column(self, names: Sequence[str]) -> int | None:
        """The place of the first of `names` that the heading has."""
        return next((self.heading.index(name) for name in names if name in self.heading), None)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the heading that are not blank, with the line they end in, a cell for each heading at least; read line by line:
        a listing may hold a million. Raises BadInput when the file breaks off being a table."""
        cells = _rows(self.file, self.encoding, self.delimiter)
        next(cells, None)
        for line, row in cells:
            row += [""] * (len(self.heading) - len(row))
            yield line, row


def open_table(file: Path) -> Table:
    """The table in `file`, which was let through the door. Raises BadInput when it is none or has no line."""
    encoding, notes = _encoding(file)
    try:
        with open(file, encoding=encoding, newline="") as text:
            first = next((line for line in text if line.strip()), "")
    except UnicodeError as wrong:
        raise BadInput(f"{file} {NO_TEXT}") from wrong
    except OSError as wrong:
        raise BadInput(f"{file} cannot be read: {wrong.strerror}") from wrong
    delimiter = max(DELIMITERS, key=first[:WIDEST].count)
    heading = next(_rows(file, encoding, delimiter), None)
    if heading is None:
        raise BadInput(f"{file} is empty: its first line must name the columns")
    names = tuple(cell.strip().strip("\ufeff") for cell in heading[1])
    return Table(file, names, tuple(name.lower() for name in names), encoding, delimiter, notes)


def _encoding(file: Path) -> tuple[str, tuple[str, ...]]:
    """The encoding that the whole file has, and what is to be said of it."""
    try:
        with open(file, "rb") as binary:
            if binary.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                return "utf-16", ()
            binary.seek(0)
            decoder = codecs.getincrementaldecoder("utf-8")()
            try:
                while block := binary.read(BLOCK):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                return "cp1252", (f"{file.name} is not UTF-8 and was read as Windows' cp1252: check the letters with accents",)
    except OSError as wrong:
        raise BadInput(f"{file} cannot be read: {wrong.strerror}") from wrong
    return "utf-8-sig", ()


def _rows(file: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    lines = None
    try:
        with open(file, encoding=encoding, newline="") as text:
            lines = csv.reader(text, delimiter=delimiter)
            for cells in lines:
                if any(cell.strip() for cell in cells):
                    yield lines.line_num, cells
    except UnicodeError as wrong:  # cp1252 has five bytes that are no letters, UTF-16 can be cut
        raise BadInput(f"{file} {NO_TEXT}") from wrong
    except csv.Error as wrong:
        raise BadInput(f"{file} is not a CSV file: {wrong} in line {lines.line_num if lines else 0}") from wrong
    except OSError as wrong:
        raise BadInput(f"{file} cannot be read: {wrong.strerror}") from wrong
