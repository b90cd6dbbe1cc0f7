"""XML of labeling programs, read through the one door: UTF-8, without definitions of its own, which could make a small file a large one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from alcore.errors import BadInput
from alcore.formats.base import Inside, check_memory, inside_of
from alcore.naming import printable

PER_BYTE = 12  # memory that the elements of a byte of XML need, about
HEAD = 4096  # bytes in which the first element begins
OPENING = re.compile(rb"^(?:\xef\xbb\xbf)?\s*(?:<\?[^>]*\?>\s*|<!--.*?-->\s*)*<([A-Za-z_][\w.-]*)", re.DOTALL)


def opens_with(file: Path, tag: str) -> bool:
    """Whether the first element of a file is called so. False for what cannot be read."""
    try:
        with open(file, "rb") as binary:
            found = OPENING.match(binary.read(HEAD))
    except OSError:
        return False
    return found is not None and found[1] == tag.encode()


def root_of(door: Inside, name: str) -> ElementTree.Element:
    """The first element of a file. Raises BadInput naming the file when it is no such XML."""
    check_memory(PER_BYTE * door.file(name).stat().st_size, printable(name))
    text = door.text(name)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadInput(f"{printable(name)} has a DOCTYPE, which labeling programs do not write: export it again")
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as wrong:
        what = "is empty" if not text.strip() else f"is no XML ({wrong})"
        raise BadInput(f"{printable(name)} {what}: export it again") from wrong


def files_with(src: Path, tag: str, deeper: bool = True) -> Iterator[str]:
    """XML files whose first element is called so, in `src` and, where not told otherwise, in its folders; relative to `src`."""
    if not src.is_dir():
        return
    door = Inside(src)
    folders, files = inside_of(src)
    below = (f"{folder}/{file}" for folder in folders for file in inside_of(src / folder)[1]) if deeper else ()
    for name in (*files, *below):
        if name.lower().endswith(".xml") and door.has(name) and opens_with(src / name, tag):
            yield name


def number(text: str | None, what: str) -> float:
    """A number. Raises BadInput saying what it is of."""
    try:
        return float(text or "")
    except ValueError:
        raise BadInput(f"its {what} is {str(text)[:40]!r}, no number") from None


def whole(text: str | None, what: str) -> int:
    """A whole number, likewise."""
    value = number(text, what)
    if value != value or abs(value) > 1e9 or value != int(value):
        raise BadInput(f"its {what} is {str(text)[:40]!r}, no whole number")
    return int(value)


def color(text: str | None) -> tuple[int, int, int] | None:
    """RGB of #rrggbb; None for anything else."""
    found = re.fullmatch(r"#([0-9a-fA-F]{6})", (text or "").strip())
    return (int(found[1][:2], 16), int(found[1][2:4], 16), int(found[1][4:], 16)) if found else None
