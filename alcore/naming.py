"""Names as people read them: classes under one rule, natural order, printable paths, names that hide the truth. Knows no file."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from alcore.errors import BadInput

LONGEST = 200  # characters of a class name, everywhere
SHOWN = 40  # characters of a refused name that a message quotes
WIDE = 40  # digits of a number up to which all numbers are written that wide
_NUMBER = re.compile(r"[0-9]+")
_DIGITS = str.maketrans("123456789", "0" * 9)


def class_name(text: str) -> str:
    """A class name as it is kept: without blanks around it, in one composed form, so that a name typed on a Mac and elsewhere are one."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()


def spelled(path: str) -> str:
    """A path without what systems spell differently: composed or decomposed letters, capitals. Equal ones may mean one file."""
    return (path if path.isascii() else unicodedata.normalize("NFC", path)).casefold()


def class_fault(name: str) -> str:
    """Why `name`, as `class_name` gives it, cannot be a class; "" when it can. The one rule at every entrance."""
    if not name:
        return "an empty name cannot be a class"
    if len(name) > LONGEST:
        return f"{name[:SHOWN]!r}… has {len(name):,} characters and cannot be a class: use up to {LONGEST}"
    if not name.isprintable():  # control signs, a zero byte, a lone surrogate
        return f"{name[:SHOWN]!r} cannot be a class: use printable characters"
    return ""


def check_class(text: str, where: str = "") -> str:
    """The class name of `text`. Raises BadInput, `where` before the reason, when it cannot be one."""
    name = class_name(text)
    if fault := class_fault(name):
        raise BadInput(f"{where}: {fault}" if where else fault)
    return name


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once, as a person sorts them: "2" before "10"."""
    return tuple(sorted(set(names), key=natural))


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """The sort key of natural order: digits compare by length and then by text, which is their order as numbers at any length."""
    parts = re.split(r"([0-9]+)", name.casefold())
    key = [(len(part.lstrip("0")), part.lstrip("0")) if turn % 2 else (0, part) for turn, part in enumerate(parts)]
    return key, name


def natural_places(names: Sequence[str]) -> np.ndarray:
    """(n,) int32: where each name comes in natural order, equal ones in the order they have. A million take seconds: numbers are written
    with as many digits as the longest, so that names compare as plain texts."""
    keys, widest = [name.casefold() for name in names], 0
    for key in keys:
        widest = max(widest, max(map(len, _NUMBER.findall(key)), default=0))
    if widest <= WIDE:
        keys = [_NUMBER.sub(lambda found: "\0" + found[0].lstrip("0").zfill(widest), key) for key in keys]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        _by_name(order, keys, names)
    else:
        order = sorted(range(len(keys)), key=lambda at: (natural(names[at]), at))
    result = np.empty(len(order), np.int32)
    result[order] = np.arange(len(order), dtype=np.int32)
    return result


def _by_name(order: list[int], keys: Sequence[str], names: Sequence[str]) -> None:
    """Sorts what has the same key, as `a1` and `A01` have, by its name."""
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or keys[order[end]] != keys[order[start]]:
            if end - start > 1:
                order[start:end] = sorted(order[start:end], key=lambda at: (names[at], at))
            start = end


def in_natural_order(names: Sequence[str]) -> list[str]:
    """The names in natural order; those that differ in their digits alone, one pattern for all, sort as plain text does: much quicker."""
    patterns = {name.translate(_DIGITS) for name in names}
    return sorted(names) if len(patterns) < 2 else sorted(names, key=natural)


def printable(path: str) -> str:
    """`path` with bytes that are not UTF-8 written as escapes, so that it can be stored and sent."""
    return path.encode("utf-8", "backslashreplace").decode()


def neutral(path: str, classes: frozenset[str], item: int) -> str:
    """What people see of an item's path while its truth is hidden: without folders called like a class, and without a file name that has
    a class in it.

    Args:
        classes: as `folded` gives them.
    """
    *folders, name = path.split("/")
    words = re.split(r"[\W_\d]+", class_name(name).casefold())
    stem = class_name(name.rsplit(".", 1)[0]).casefold()
    if stem in classes or not classes.isdisjoint(words) or _holds_one(stem, classes):
        name = f"image {item}"
    return "/".join([*(folder for folder in folders if class_name(folder).casefold() not in classes), name])


def _holds_one(stem: str, classes: frozenset[str]) -> bool:
    """Whether a class of more than three letters is a part of this. Its parts are looked up, not each class in it: of a thousand classes
    and a million names that would take minutes."""
    return any(stem[at : at + size] in classes for size in _long(classes) for at in range(len(stem) - size + 1))


@functools.lru_cache(maxsize=64)
def _long(classes: frozenset[str]) -> tuple[int, ...]:
    """The lengths of the names, those past three."""
    return tuple(sorted({len(known) for known in classes if len(known) > 3}))


@functools.lru_cache(maxsize=64)
def folded(classes: tuple[str, ...]) -> frozenset[str]:
    """Class names as `neutral` compares them."""
    return frozenset(class_name(name).casefold() for name in classes)


def clean_classes(names: Sequence[str]) -> list[str]:
    """Class names as typed, without the blanks around them and without empty ones; BadInput for what cannot be one."""
    return [check_class(name) for name in names if class_name(name)]
