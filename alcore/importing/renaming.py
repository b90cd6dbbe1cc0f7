"""Other names for the classes of a source: one line a class, as in `kitty, Cat = cat`; nothing behind the sign leaves names out.

What the map makes of a reading is what an import, its preview and every later reading of the source see. Knows no project and no page.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats.base import count
from alcore.formats.said import most, torn_words
from alcore.naming import check_class, class_name
from alcore.reading import Reading
from alcore.types import VOID, Answer

Pairs = tuple[tuple[str, str], ...]  # (name in the source, class); "" leaves the name out
HOW = "write the names, =, and their class, as in: kitty, Cat = cat"
LONGEST_FILE = 1 << 20  # bytes


def rename_of(given: Any) -> Pairs:
    """The map out of a text of lines, of several such lines, of pairs as JSON keeps them, or of a mapping. BadInput for what is none."""
    if isinstance(given, Mapping):
        pairs = [(str(name), str(target)) for name, target in given.items()]
    else:
        lines = given.splitlines() if isinstance(given, str) else list(given or ())
        pairs = [pair for line in lines for pair in (_pairs(line) if isinstance(line, str) else [(str(line[0]), str(line[1]))])]
    found: dict[str, str] = {}
    for name, target in pairs:
        name, target = check_class(name), check_class(target) if class_name(target) else ""
        if found.setdefault(name, target) != target:
            raise BadInput(f"{name!r} cannot become both {found[name]!r} and {target!r}: a name is of one class")
    return tuple(found.items())


def lines_of(arguments: Iterable[str]) -> list[str]:
    """The lines that a command line's arguments give: an argument without = is a text file of such lines. BadInput when it is none."""
    lines: list[str] = []
    for one in arguments:
        if "=" in one:
            lines.append(one)
            continue
        file = Path(one).expanduser()
        if not file.is_file() or file.stat().st_size > LONGEST_FILE:
            raise BadInput(f"{one!r} is no text file of class names: {HOW}, or name a file of such lines")
        try:
            lines += file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as wrong:
            raise BadInput(f"{one!r} cannot be read as text of UTF-8: {wrong}") from wrong
    return lines


def _pairs(line: str) -> list[tuple[str, str]]:
    if not line.strip():
        return []
    quoted, sign = False, -1
    for at, letter in enumerate(line):
        quoted ^= letter == '"'
        sign = at if letter == "=" and not quoted else sign
    names = [name for cell in _cells(line[: max(sign, 0)]) if (name := class_name(cell))]
    if sign < 0 or not names:
        raise BadInput(f"{line.strip()[:80]!r} renames nothing: {HOW}")
    target = _cells(line[sign + 1 :])
    if len([cell for cell in target if cell.strip()]) > 1:
        raise BadInput(f"{line.strip()[:80]!r} names several classes behind the =: {HOW}")
    return [(name, target[0] if target else "") for name in names]


def _cells(text: str) -> list[str]:
    """Names separated by commas; one with a comma or = in it stands in quotes."""
    try:
        return next(csv.reader([text.strip()], skipinitialspace=True), [])
    except csv.Error as wrong:
        raise BadInput(f"{text.strip()[:80]!r} cannot be read ({wrong}): {HOW}") from wrong


def rename(reading: Reading, pairs: Pairs) -> list[str]:
    """Gives the classes of a reading their other names: images, masks, answers and what their values were called. What was done, a sentence
    each; a name that no class has is a warning of the reading."""
    if not pairs:
        return []
    before, becomes = tuple(reading.classes), dict(pairs)
    if unknown := [name for name in becomes if name not in before]:
        known = f"; the classes are {', '.join(before[:8])}" if before else "; the source names no classes"
        reading.warnings.append(f"no class is called {_quoted(unknown)}, so there is nothing to rename{known}")
    becomes = {name: target for name, target in becomes.items() if name in before and target != name}
    if not becomes:
        return []
    after = [becomes.get(name, name) for name in before]
    reading.classes = tuple(dict.fromkeys(name for name in after if name))
    kept = [after.index(name) for name in reading.classes]  # of each class the first that is called so by now
    if len(reading.colors) == len(before):
        reading.colors = tuple(reading.colors[at] for at in kept)
    values = {key: of for key, of in reading.naming.items() if key in ("values", "ids") and isinstance(of, list) and len(of) == len(before)}
    reading.naming = {**reading.naming, **{key: [of[at] for at in kept] for key, of in values.items()}}
    entries = Entries.of(reading.entries)
    notes = _told(becomes, before, None if reading.masks is not None else entries)
    if reading.masks is not None:
        table = np.full(256, VOID, np.uint8)
        table[: len(before)] = [reading.classes.index(name) if name else VOID for name in after]
        reading.masks = _Joined(reading.masks, table)
    else:
        reading.entries = _counted_anew(reading, entries, becomes)
    return notes


def _counted_anew(reading: Reading, entries: Entries, becomes: Mapping[str, str]) -> Entries:
    """The entries with their other names; where several people answered, what most of them said by these."""
    old, new = sum(most(votes)[1] for votes in reading.answers.values()), 0
    answers: dict[int, Sequence[Answer]] = {}
    counts: dict[int, str | None] = {}
    for at, votes in reading.answers.items():
        renamed = [Answer(one.annotator, becomes.get(one.value, one.value) if one.value else one.value, one.decides) for one in votes]
        answers[at] = renamed = [one for one in renamed if one.value != ""]
        counts[at], torn = most(renamed)
        new += torn
    reading.answers = {at: votes for at, votes in answers.items() if votes}
    reading.warnings = [said for said in reading.warnings if not old or said != torn_words(old)] + ([torn_words(new)] if new else [])
    made = Entries()
    for at, (path, split, label) in enumerate((one.path, one.split, one.label) for one in entries):
        made.append(path, split, counts[at] if at in counts else (becomes.get(label, label) or None) if label else None)
    return made


def _told(becomes: Mapping[str, str], before: Sequence[str], entries: Entries | None) -> list[str]:
    counted: dict[str, int] = {}
    if entries is not None:
        numbers = np.bincount(entries.labels[entries.labels >= 0], minlength=len(entries.names))
        counted = dict(zip(entries.names, numbers.tolist(), strict=True))
    said = []
    for target in dict.fromkeys(becomes.values()):
        names = [name for name in before if becomes.get(name, name) == target]
        number = f" ({count(sum(counted.get(name, 0) for name in names), 'image')})" if entries is not None else ""
        if not target:
            verb = "is" if len(names) == 1 else "are"
            said.append(f"{_quoted(names)} {verb} left out{number}: {'void' if entries is None else 'unlabeled'} here")
        elif len(names) == 1:
            said.append(f"{names[0]!r} is called {target!r} here{number}")
        else:
            said.append(f"{_quoted(names)} are one class here, {target!r}{number}")
    return said


def alike(names: Sequence[str]) -> list[str]:
    """A sentence about names that differ only in what is easily mistyped: capitals, blanks, dashes."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"[\s_-]+", "", name.casefold()), []).append(name)
    same = [of for key, of in groups.items() if len(of) > 1 and key]
    if not same:
        return []
    others = len(same) - 1
    more = f"; so {'does' if others == 1 else 'do'} {count(others, 'other group')}" if others else ""
    return [
        f"{_quoted(same[0])} differ in capitals, blanks or dashes alone{more}: if they are one class, rename {same[0][1]} = {same[0][0]}"
    ]


def _quoted(names: Sequence[str], most_: int = 5) -> str:
    shown = [repr(name[:60]) for name in names[:most_]] + ([f"{len(names) - most_:,} more"] if len(names) > most_ else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


class _Joined(Sequence[np.ndarray | None]):
    """Masks with other values, read when they are asked for."""

    def __init__(self, masks: Sequence[np.ndarray | None], table: np.ndarray) -> None:
        self._masks, self._table = masks, table

    def __len__(self) -> int:
        return len(self._masks)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        mask = self._masks[at]
        return None if mask is None else self._table[mask]
