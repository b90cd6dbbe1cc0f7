"""Columns of the metadata as colors of the map: numbers and dates as they are, texts as entries of a legend. Reads only."""

from __future__ import annotations

from typing import Any

import numpy as np

from alcore.importing.values import DATE, TEXT, Column
from alcore.project import metadata
from alcore.project.stored import Stored

ON_MAP = 60  # entries of a legend
OTHER, QUIET = "other", "#7d8590"  # what all other values are called, and their color


def mapped(project: Stored) -> list[dict[str, Any]]:
    """The columns as the map lists its own (tables.columns)."""
    told: list[dict[str, Any]] = []
    one: dict[str, Any]
    for column in metadata.aligned(project).columns:
        known = column.values[column.known]
        if not len(known):
            continue
        one = {"name": metadata.PREFIX + column.name, "title": f"Metadata: {column.name}", "help": f"“{column.name}” of the metadata."}
        if column.kind == TEXT:
            names = [column.names[at] for at in _legend(column)]
            one |= {"kind": "class", "low": 0}
            if len(np.unique(known)) > len(names):
                one |= {"colors": [*[""] * len(names), QUIET]}
                names.append(OTHER)
            told.append(one | {"high": len(names) - 1, "names": names})
        else:
            unit = {"unit": "date"} if column.kind == DATE else {}
            told.append(one | {"kind": "number", "low": float(known.min()), "high": float(known.max())} | unit)
    return told


def on_map(project: Stored, name: str, ids: np.ndarray) -> np.ndarray:
    """(n,) the values of a column for these images: int16 places among the names that `mapped` tells, -1 for none; numbers float32."""
    whole = metadata.aligned(project).column(name)
    column = metadata.of_items(project, ids).column(name)
    if column.kind != TEXT:
        return column.values.astype(np.float32)
    legend = _legend(whole)
    places = np.full(len(column.names) + 1, len(legend), np.int16)  # all others
    places[legend] = np.arange(len(legend))
    places[-1] = -1
    result: np.ndarray = places[column.values]
    return result


def _legend(column: Column) -> np.ndarray:
    """Places in `names` of the values that have an entry: all, or the most frequent ones, in natural order."""
    counts = np.bincount(column.values[column.known], minlength=len(column.names))
    there = np.flatnonzero(counts)
    if len(there) <= ON_MAP:
        return there
    return np.sort(there[np.argsort(-counts[there], kind="stable")][: ON_MAP - 1])
