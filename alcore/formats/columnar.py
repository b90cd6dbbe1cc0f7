"""Tables that are no text of cells: Parquet files, and JSON an object a line. What can be wrong with them becomes a sentence.

pyarrow comes with Streamlit; where it is missing, on a bare machine, Parquet says so and all else works.
"""

from __future__ import annotations

import importlib.util
import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from alcore.errors import BadInput
from alcore.formats.tables import Table

PARQUET, LINES = ".parquet", ".jsonl"
MAGIC = b"PAR1"  # at both ends of every Parquet file
ROWS = 1024  # of cells taken at a time
IMAGES = 16  # contents taken at a time: they may be large
FEATURES = b"huggingface"  # where Hugging Face's datasets say in a schema what the columns are
LONGEST = 1 << 20  # letters of a line of JSON


# ---- Parquet


def parquet(file: Path) -> Any:
    """The pyarrow.parquet.ParquetFile of a file that was let through the door. Raises BadInput when it is none or pyarrow is missing."""
    check_parquet()
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(file)
    except (pyarrow.ArrowException, OSError) as wrong:
        raise BadInput(f"{file} cannot be read as Parquet ({wrong}): it may be cut short, copy or export it again") from wrong


def check_parquet() -> None:
    """Raises BadInput where Parquet can be neither read nor written."""
    if importlib.util.find_spec("pyarrow") is None:
        raise BadInput("Parquet needs the package pyarrow where alcore runs: pip install pyarrow, or take csv")


def looks_like_parquet(file: Path) -> bool:
    """By its first bytes; False for what cannot be read."""
    try:
        with open(file, "rb") as binary:
            return binary.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def batches(file: Path, columns: Sequence[str], rows: int = ROWS, groups: Sequence[int] | None = None) -> Iterator[Mapping[str, list[Any]]]:
    """The rows of some columns, nested ones by their dotted names, as Python values by the top column's name, `rows` at a time.

    Args:
        groups: numbers of the row groups; all for None.

    Raises:
        BadInput: the file breaks off, or a page of it is damaged.
    """
    import pyarrow

    opened = parquet(file)
    with opened:
        try:
            for batch in opened.iter_batches(batch_size=rows, columns=list(columns), row_groups=groups):
                yield batch.to_pydict()
        except (pyarrow.ArrowException, OSError) as wrong:
            raise BadInput(f"{file} is damaged ({wrong}): copy or export it again") from wrong


@dataclass(frozen=True)
class ParquetTable(Table):
    """The columns of a Parquet file that hold plain values, as cells of text; nothing of the others is read."""

    unit: ClassVar[str] = "row"

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """See Table.rows; the first row is 1."""
        number = 0
        for batch in batches(self.file, self.names):
            columns = [[cell(value) for value in batch[name]] for name in self.names]
            for cells in zip(*columns, strict=True):
                number += 1
                yield number, list(cells)


def open_parquet(file: Path) -> ParquetTable:
    """The table of a file that was let through the door. Raises BadInput when it is none."""
    import pyarrow.types as kinds

    with parquet(file) as opened:
        plain = [field.name for field in opened.schema_arrow if not kinds.is_nested(field.type) and not kinds.is_binary(field.type)]
    if not plain:
        raise BadInput(f"{file} has no column of plain values: its images may lie in it, the format hf reads those")
    names = tuple(plain)
    return ParquetTable(file, names, tuple(name.strip().lower() for name in names), "", "")


def cell(value: Any) -> str:
    """A value as a cell of text: whole numbers without a point, "" for what is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str).strip('"')


# ---- images within


@dataclass(frozen=True)
class ImageColumns:
    """What a Parquet file with images holds, as Hugging Face's datasets write it.

    Attributes:
        image: the column of the images, a struct of bytes and path; plain bytes where `bare`.
        label: the column of the classes, or None.
        names: of the classes where the label is their number; empty where it is the class itself.
        others: further columns of classes, which are not read.
    """

    image: str
    bare: bool
    label: str | None
    names: tuple[str, ...]
    others: tuple[str, ...] = ()


def image_columns(file: Path, labels: Sequence[str]) -> ImageColumns | None:
    """Of a file whose rows hold images; None for one without. `labels` are usual names of columns of classes, the likeliest first."""
    import pyarrow.types as kinds

    with parquet(file) as opened:
        schema = opened.schema_arrow
    features = _features(schema.metadata or {})
    inner = {f.name: {f.type.field(at).name for at in range(f.type.num_fields)} for f in schema if kinds.is_struct(f.type)}
    bare = [f.name for f in schema if kinds.is_binary(f.type) or kinds.is_large_binary(f.type)]
    image = next((name for name, of in inner.items() if "bytes" in of and features.get(name, {}).get("_type", "Image") == "Image"), None)
    if image is None:
        image = next((name for name in bare if name.lower() in ("image", "img", "bytes", "image_bytes")), None)
    if image is None:
        return None
    plain = [field.name for field in schema if not kinds.is_nested(field.type) and field.name not in bare]
    coded = [name for name in plain if features.get(name, {}).get("_type") == "ClassLabel"]
    usual = [name for known in labels for name in plain if name.lower() == known]
    label = next((name for name in usual if name in coded), None) or next(iter([*coded, *usual]), None)
    given = features[label].get("names") if label is not None and label in coded else None
    names = tuple(str(name) for name in given) if isinstance(given, list) else ()
    return ImageColumns(image, image in bare, label, names, tuple(name for name in coded if name != label))


def _features(metadata: Mapping[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """Column -> what datasets wrote into the schema of it; nothing of what is no such text."""
    try:
        told = json.loads(metadata.get(FEATURES, b"{}"))
        features = told["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {name: of for name, of in features.items() if isinstance(of, dict)} if isinstance(features, dict) else {}


class ParquetImages:
    """The images in the rows of Parquet files, see reading.Contents; a few are in memory at a time, those asked for in order read once."""

    def __init__(self, files: Sequence[tuple[Path, ImageColumns]], size: int, at: tuple[np.ndarray, np.ndarray]) -> None:
        """`at` are, beside each other, numbers of the file and of the row in it, an entry each; `size` the bytes of all, about."""
        self.size = size
        self._files, self._file, self._row = files, at[0], at[1]
        self._lock = threading.Lock()
        self._open: tuple[int, Iterator[bytes | None]] | None = None
        self._next = -1  # row of the open file that comes next

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, at: int) -> bytes:
        number, row = int(self._file[at]), int(self._row[at])
        with self._lock:
            if self._open is None or self._open[0] != number or self._next > row:
                self._open, self._next = (number, self._rows(number)), 0
            content: bytes | None = None
            while self._next <= row:
                try:
                    content = next(self._open[1])
                except (BadInput, StopIteration) as wrong:
                    self._open = None
                    raise BadInput(f"row {row + 1} of {self._files[number][0].name} cannot be read: {wrong}") from wrong
                self._next += 1
        if content is None:
            raise BadInput(f"row {row + 1} of {self._files[number][0].name} has no bytes of an image: embed them and export it again")
        return content

    def _rows(self, number: int) -> Iterator[bytes | None]:
        file, columns = self._files[number]
        wanted = columns.image if columns.bare else f"{columns.image}.bytes"
        for batch in batches(file, [wanted], IMAGES):
            for value in batch[columns.image]:
                yield value if columns.bare else value and value["bytes"]


# ---- JSON a line


@dataclass(frozen=True)
class LinesTable(Table):
    """JSON, an object a line, as a table: a column for each key that any of them has."""

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """See Table.rows."""
        for number, found in _objects(self.file):
            yield number, [cell(found.get(name)) for name in self.names]


def open_lines(file: Path) -> LinesTable:
    """The table of a file that was let through the door. Raises BadInput when a line is no JSON object, or there is none."""
    names: dict[str, None] = {}
    for _, found in _objects(file):
        names.update(dict.fromkeys(found))
    if not names:
        raise BadInput(f"{file} is empty: it needs a JSON object a line, with file_name and label")
    return LinesTable(file, tuple(names), tuple(name.strip().lower() for name in names), "utf-8", "")


def _objects(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        with open(file, encoding="utf-8-sig") as text:
            while line := text.readline(LONGEST):
                number += 1
                if line.strip():
                    found = json.loads(line)
                    if not isinstance(found, dict):
                        raise BadInput(f"{file} line {number} is no JSON object: it needs one a line, with file_name and label")
                    yield number, found
    except (ValueError, RecursionError) as wrong:  # UnicodeDecodeError is one
        raise BadInput(f"{file} line {number + 1 if isinstance(wrong, UnicodeError) else number} is no JSON ({str(wrong)[:80]})") from wrong
    except OSError as wrong:
        raise BadInput(f"{file} cannot be read: {wrong.strerror}") from wrong
