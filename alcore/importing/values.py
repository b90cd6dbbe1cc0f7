"""A column's cells as values: numbers, dates, or texts that are told apart. Knows no file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from alcore.formats.base import count
from alcore.naming import natural

NUMBER, TEXT, DATE = "number", "text", "date"
MOST_TEXTS = 10_000  # different ones of a column
SHOWN = 5  # values that a sketch names
LONGEST_TEXT = 500  # characters
NOTHING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "?"))  # in a column of numbers or dates
EXIF = re.compile(r"(\d{4}):(\d\d):(\d\d)(?:[ T](\d\d:\d\d:\d\d(?:\.\d+)?))?")
CODE = re.compile(r"[+-]?0\d")  # 007 is no number


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        kind: NUMBER, TEXT or DATE.
        values: a row each: float64, NaN for none (dates are seconds since 1970, without a zone taken as UTC); of texts int32 places in
            `names`, -1 for none.
        names: the texts, in natural order.
    """

    name: str
    kind: str
    values: np.ndarray
    names: tuple[str, ...] = ()

    @property
    def known(self) -> np.ndarray:
        """(n,) bool: which rows have a value."""
        result: np.ndarray = self.values >= 0 if self.kind == TEXT else np.isfinite(self.values)
        return result

    def shown(self, value: float) -> str:
        """A value as people read it, "" for none."""
        if self.kind == TEXT:
            return self.names[int(value)] if value >= 0 else ""
        return "" if not np.isfinite(value) else date_text(float(value)) if self.kind == DATE else f"{value:.12g}"

    def codes(self) -> np.ndarray:
        """(n,) int64, equal for equal values, -1 for none."""
        result = np.full(len(self.values), -1, np.int64)
        known = self.known
        result[known] = np.unique(self.values[known], return_inverse=True)[1]
        return result


def typed(name: str, texts: list[str], lines: Sequence[int], notes: list[str]) -> Column | None:
    """The column with the kind that its values have; None, and a note, for one that cannot be kept."""
    different = dict.fromkeys(texts)
    told = [text for text in different if text.lower() not in NOTHING]
    if not any(different):
        notes.append(f"{name!r} has no values and is left out")
        return None
    numbers = {text: value for text in told if (value := number_of(text)) is not None}
    if told and len(numbers) == len(told):
        return Column(name, NUMBER, np.array([numbers.get(text, np.nan) for text in texts], np.float64))
    dates = {text: value for text in told if (value := date_of(text)) is not None}
    if told and 2 * len(dates) >= len(told):
        if len(dates) < len(told):
            wrong = [at for at, text in enumerate(texts) if text.lower() not in NOTHING and text not in dates]
            are = "is no date" if len(wrong) == 1 else "are no dates"
            notes.append(
                f"{name!r}: {count(len(wrong), 'value')} of {len(texts):,} {are} and left empty, the first {texts[wrong[0]][:40]!r} in "
                f"line {lines[wrong[0]]}: write 2026-05-31 or 2026:05:31 14:30:00"
            )
        return Column(name, DATE, np.array([dates.get(text, np.nan) for text in texts], np.float64))
    if 10 * len(numbers) >= 9 * len(told) and numbers:
        odd = next(at for at, text in enumerate(texts) if text.lower() not in NOTHING and text not in numbers)
        notes.append(f"{name!r} is taken as text: {texts[odd][:40]!r} in line {lines[odd]} is no number")
    if len(different) - ("" in different) > MOST_TEXTS:
        notes.append(f"{name!r} has {len(different):,} different texts, more than {MOST_TEXTS:,}, and is left out")
        return None
    names = sorted({_text(text) for text in different if text}, key=natural)
    places = {text: at for at, text in enumerate(names)}
    codes = {text: places[_text(text)] if text else -1 for text in different}
    return Column(name, TEXT, np.array([codes[text] for text in texts], np.int32), tuple(names))


def _text(text: str) -> str:
    if not text.isprintable():
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split()) or "?"
    return unicodedata.normalize("NFC", text)[:LONGEST_TEXT]


def number_of(text: str) -> float | None:
    """A finite number as it is written, None for anything else: 007 is a code."""
    if CODE.match(text) or "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def date_of(text: str) -> float | None:
    """Seconds since 1970 of a date in ISO's or EXIF's spelling, None for anything else."""
    exif = EXIF.fullmatch(text)
    if exif:
        year, month, day, time = exif.groups()
        text = f"{year}-{month}-{day}" + (f"T{time}" if time else "")
    elif len(text) < 8 or not text[:4].isdigit():
        return None
    try:
        when = datetime.fromisoformat(text.replace("/", "-"))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def date_text(seconds: float) -> str:
    """2026-05-31, with its time where it has one."""
    when = datetime.fromtimestamp(round(seconds), UTC)
    return f"{when:%Y-%m-%d}" if not round(seconds) % 86400 else f"{when:%Y-%m-%d %H:%M:%S}"


def of_rows(column: Column, rows: np.ndarray) -> Column:
    """The column with the values of these rows, in their order; row -1 is none."""
    nothing = -1 if column.kind == TEXT else np.nan
    values = np.append(column.values, np.array([nothing], column.values.dtype))[rows]  # row -1, none, is the last
    return Column(column.name, column.kind, values, column.names)


def sketch(column: Column) -> Mapping[str, Any]:
    """A column in short: name, kind, images that have a value, different values, and as text the most frequent or the first of them."""
    known = column.values[column.known]
    different, counts = np.unique(known, return_counts=True)
    most = different[np.argsort(-counts, kind="stable")][:SHOWN] if column.kind == TEXT else known[:SHOWN]
    examples = [column.shown(value) for value in most.tolist()]
    return {"name": column.name, "kind": column.kind, "images": len(known), "different": len(different), "examples": examples}
