"""Names of students: as they were typed, without what could break a line or another's name, and each of them once. Knows no class."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

LONGEST = 24  # characters
# who types no name gets one of these
ANIMALS = (
    "Otter", "Heron", "Badger", "Lynx", "Finch", "Marten", "Stoat", "Osprey", "Hare", "Newt", "Vole", "Wren", "Ibex", "Puffin", "Raven",
    "Seal", "Tern", "Toad", "Shrew", "Swift", "Beaver", "Bison", "Crane", "Dormouse", "Eagle", "Falcon", "Gecko", "Hedgehog", "Jay",
    "Kestrel",
)  # fmt: skip


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The name that is wanted, with a number behind it where somebody has it; an animal's where nothing readable is left of it."""
    known = {_folded(name) for name in taken}
    clean = _clean(wanted)
    if not clean:
        free = [name for name in ANIMALS if _folded(name) not in known]
        clean = free[0] if free else ANIMALS[len(known) % len(ANIMALS)]
    name, number = clean, 2
    while _folded(name) in known:
        end = f" {number}"
        name, number = clean[: LONGEST - len(end)].rstrip() + end, number + 1
    return name


def _clean(text: str) -> str:
    """One line without control and format characters, which could turn or hide what stands beside it, and few marks on one letter."""
    kept, marks = [], 0
    for sign in unicodedata.normalize("NFC", text[:500]):
        kind = unicodedata.category(sign)
        marks = marks + 1 if kind.startswith("M") else 0
        if kind[0] == "Z" or sign in "\t\r\n":
            kept.append(" ")
        elif kind[0] != "C" and marks <= 2:
            kept.append(sign)
    name = " ".join("".join(kept).split())[:LONGEST].strip()
    return name if any(unicodedata.category(sign)[0] in "LNS" for sign in name) else ""


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
