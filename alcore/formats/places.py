"""Finds the images that a listing names, wherever they lie below a source and however their paths were written; nothing outside of it.

An image is found by its path, or by the longest agreeing end of it if that is unique; by its bare name only when the listing names no
folder and the name is unique. Windows' backslashes and drives, composed and decomposed letters, capitals and a missing suffix are told
apart only where something else would fit as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from alcore.formats.base import Inside, walk
from alcore.naming import spelled

ABSENT = "there is no such file"
SEVERAL = "several images are called so: name their folders too"
LEAVES = "the path leaves the imported folder: put the image below it"


class Places:
    """The images below one folder.

    Args:
        paths: of the images, relative to `root`; None looks for files as they are asked for, and walks the folder when one is not there.
    """

    def __init__(self, root: Path, paths: Iterable[str] | None = None) -> None:
        self._root = os.path.abspath(root)
        self._door = Inside(root)
        self._paths = None if paths is None else list(paths)
        self._there: dict[str, str] | None = None
        if self._paths is not None:
            self._there = dict(zip(self._paths, self._paths, strict=True))
            for path in self._paths:  # with their suffixes left out too; two that are equal then stand for neither
                stem = os.path.splitext(path)[0]
                self._there[stem] = "" if self._there.get(stem, path) != path else path
        self._index: dict[str, list[str]] | None = None

    def find(self, called: str, folders: Iterable[str] = ("",), allowed: Callable[[str], bool] = lambda path: True) -> tuple[str, str]:
        """(path relative to the root, "") or ("", what is wrong).

        Args:
            called: as the listing has it.
            folders: where it may be meant from, relative to the root, the likeliest first.
            allowed: says no to an image that must not be taken by an end of its path alone.
        """
        if not called.strip():
            return "", "the path is empty"
        if "\0" in called:
            return "", "the path holds a zero byte"
        fault = ABSENT
        for way in dict.fromkeys((called, _slashed(called))):
            for folder in folders:
                path, why = self._directly(os.path.join(folder, way))
                if path:
                    return path, ""
                fault = why if fault == ABSENT else fault
        path, why = ("", fault) if fault == SEVERAL else self._by_its_end(_parts(called), allowed)
        return (path, "") if path else ("", why if why == SEVERAL else fault)

    def _directly(self, way: str) -> tuple[str, str]:
        path = os.path.normpath(os.path.join(self._root, way))
        below = self._root.rstrip(os.sep) + os.sep
        if not path.startswith(below):
            return "", LEAVES if os.path.lexists(path) or os.path.isabs(way) or way.startswith("..") else ABSENT
        relative = path[len(below) :].replace(os.sep, "/")
        if self._there is not None:
            found = self._there.get(relative)
            return (found, "") if found else ("", SEVERAL if found == "" else ABSENT)
        fault = self._door.fault(relative)
        return ("", LEAVES if fault.startswith("a link that leaves") else fault) if fault else (relative, "")

    def _by_its_end(self, parts: list[str], allowed: Callable[[str], bool]) -> tuple[str, str]:
        """The image whose path agrees with the last of `parts` in the most places."""
        best: list[str] = []
        most = 0
        wanted = [spelled(part) for part in parts]
        for path in self._called(wanted[-1]) if wanted else ():
            there = [spelled(part) for part in path.split("/")]
            agree = 1
            while agree < min(len(there), len(wanted)) and there[-1 - agree] == wanted[-1 - agree]:
                agree += 1
            # a bare name is enough when the listing has no more, or when the image has no folder that could speak against it
            if agree > 1 or agree in (len(wanted), len(there)):
                best = [path] if agree > most else [*best, path] if agree == most else best
                most = max(most, agree)
        exact = [path for path in best if path.split("/")[-1] == parts[-1]]
        best = exact if len(exact) == 1 else best  # a.jpg beside A.jpg
        if len(best) == 1 and allowed(best[0]):
            return best[0], ""
        return "", SEVERAL if len(best) > 1 else ABSENT

    def _called(self, name: str) -> list[str]:
        """Images of that name, with or without its suffix."""
        if self._index is None:
            self._index = {}
            for path in walk(Path(self._root), []) if self._paths is None else self._paths:
                base = spelled(path.rsplit("/", 1)[-1])
                for key in dict.fromkeys((base, base.rsplit(".", 1)[0])):
                    self._index.setdefault(key, []).append(path)
        return self._index.get(name, [])


def _slashed(called: str) -> str:
    """A path of Windows with forward slashes and without its drive."""
    return re.sub(r"^[A-Za-z]:[\\/]*", "", called).replace("\\", "/") if "\\" in called or re.match(r"[A-Za-z]:[\\/]", called) else called


def _parts(called: str) -> list[str]:
    return [part for part in _slashed(called).split("/") if part not in ("", ".", "..")]
