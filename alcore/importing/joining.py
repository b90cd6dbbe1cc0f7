"""Rows joined to images by path: as tables write paths, shorter, longer, without an ending. Knows texts only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from alcore.formats.base import is_image_name
from alcore.naming import spelled


def normal(path: str) -> str:
    """A path as tables write it, with forward slashes and without what says "here"."""
    path = path.strip().replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    return path


def joined_by_path(keys: Sequence[str], paths: Sequence[str]) -> np.ndarray:
    """(n,) int64: the row of each path, -1 for none.

    A row is of the image whose path it gives; else of the one whose path ends its own (`/data/set/a/1.jpg` for `a/1.jpg`), else of the one
    image of that path but for the ending, of that file name, of that name but for the ending, where no other image and no other row has it.
    What a better reading joined, a weaker one leaves alone.
    """
    result = np.full(len(paths), -1, np.int64)
    left = dict(enumerate(_each(keys)))
    free = {at: spelled(path) for at, path in enumerate(_each(paths))}
    exact = {path: at for at, path in enumerate(_each(paths))}
    for row, key in list(left.items()):
        if (at := exact.get(key)) is not None:
            result[at] = row
            del left[row], free[at]
    left = {row: spelled(key) for row, key in left.items()}
    for reading in (_whole, _tail, _without_ending, _file, _stem):
        if not left or not free:
            break
        images = _alone((reading(path, None), at) for at, path in free.items())
        rows = _alone((reading(key, images), row) for row, key in left.items())
        for name, row in rows.items():
            if name in images:
                result[images[name]] = row
                del left[row], free[images[name]]
    return result


def _each(texts: Sequence[str]) -> Iterator[str]:
    return (texts[at] for at in range(len(texts)))


def _alone(named: Iterable[tuple[str, int]]) -> dict[str, int]:
    """name -> who has it, without names that several have."""
    result: dict[str, int] = {}
    for name, who in named:
        result[name] = -1 if name in result else who
    return {name: who for name, who in result.items() if who >= 0 and name}


def _whole(path: str, images: Mapping[str, int] | None) -> str:
    return path


def _tail(path: str, images: Mapping[str, int] | None) -> str:
    """Of a row, the longest end of its path that is an image's."""
    if images is None:
        return path
    parts = path.split("/")
    return next((tail for at in range(1, len(parts)) if (tail := "/".join(parts[at:])) in images), "")


def _without_ending(path: str, images: Mapping[str, int] | None) -> str:
    return path.rpartition(".")[0] if is_image_name(path) else path


def _file(path: str, images: Mapping[str, int] | None) -> str:
    return path.rpartition("/")[2]


def _stem(path: str, images: Mapping[str, int] | None) -> str:
    return _without_ending(_file(path, images), images)
