"""What is known of each point of the map beside its scores: when it was asked for, who labeled it, its open truth, whether the model is
right about it; and where it lay in the map of every round. Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.columns import places
from alcore.project import features, metacolors
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.types import Round

VERDICTS = ("wrong", "right")
COMPARED = 10_000  # points of a map, at least, by which it is told whether they moved
_moves = Remembered(8)


def listed(project: Stored, round_: Round, guessed: bool) -> list[dict[str, Any]]:
    """The columns of this module that a round's map has, as `tables.columns` tells them; one in which every point would be blank is left
    out. `names` are what the values mean; kind `order` is of values that come one after the other.

    Args:
        guessed: the round has a model that guesses classes.
    """
    told: list[dict[str, Any]] = []

    def add(name: str, kind: str, names: Sequence[str], help: str) -> None:
        column = {"name": name, "title": TITLES[name], "kind": kind, "low": 0, "high": len(names) - 1, "help": help}
        told.append(column | ({} if name == "truth" else {"names": list(names)}))

    shown = truth_is_open(project)
    if shown:
        add("truth", "class", project.classes, "The class the data came with.")
    labeled = project.items.annotators()
    if guessed and not project.dense and (labeled or shown):
        what = "the label, or the class the data came with where there is none" if shown else "the label"
        add("correct", "class", VERDICTS, f"Whether the model's guess is {what}.")
    rounds = _asking(project, round_)
    if any(r.query for r in rounds):
        add("asked", "order", [f"Round {r.number}" for r in rounds], "The newest round, up to this one, that asked for the image.")
    if labeled:
        add("annotator", "class", labeled, "Who gave the label.")
    return told + metacolors.mapped(project)


TITLES = {"truth": "Truth", "correct": "Right or wrong", "asked": "Asked in", "annotator": "Labeled by"}


def truth_is_open(project: Stored) -> bool:
    """Whether people may see the classes that the data came with: of masks there are none."""
    return project.settings.get("truth") != "hidden" and not project.dense and project.items.knows_truths()


def truths(project: Stored, ids: np.ndarray) -> np.ndarray:
    """(n,) int16 class indices, -1 for none."""
    lying = project.items.lying()
    classes = lying.indices(lying.truths, {name: k for k, name in enumerate(project.classes)}).astype(np.int16)
    result: np.ndarray = np.append(classes, np.int16(-1))[places(lying.ids, ids)]  # -1 finds the last
    return result


def asked(project: Stored, round_: Round, ids: np.ndarray) -> np.ndarray:
    """(n,) int16: which of the rounds up to this one asked for each item, the newest where several did, as a position among those rounds;
    -1 for none."""
    by: dict[int, int] = {}
    for at, other in enumerate(_asking(project, round_)):
        by |= dict.fromkeys(other.query, at)
    return of_items(ids, by)


def annotators(project: Stored, ids: np.ndarray) -> np.ndarray:
    """(n,) int16: who gave each label, as a position among all who gave one, by name; -1 for none."""
    index = {name: k for k, name in enumerate(project.items.annotators())}
    return of_items(ids, {i: index[who] for i, who in project.items.authors().items()})


def of_items(ids: np.ndarray, values: Mapping[int, int]) -> np.ndarray:
    """(n,) int16: the value of each item, -1 for those that have none. As quick as there are few of them among a million."""
    result = np.full(len(ids), -1, np.int16)
    known = np.fromiter(values, np.int64, len(values))
    at = np.flatnonzero(np.isin(ids, known))
    result[at] = [values[i] for i in ids[at].tolist()]
    return result


def verdicts(prediction: np.ndarray, label: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """(n,) int16: 1 where the guess is the label, or the open truth where there is no label, 0 where it is another class, -1 where neither
    is known."""
    known = label if truth is None else np.where(label >= 0, label, truth)
    return np.where(known < 0, -1, prediction == known).astype(np.int16)


def _asking(project: Stored, round_: Round) -> list[Round]:
    return [r for r in project.rounds() if r.number <= round_.number]


# ---- positions over the rounds


def mapped(project: Stored) -> list[int]:
    """Numbers of the rounds that have a map, in order; 0 is the time before there is a model, where the features' map is there."""
    first = features.first_map(project) is not None
    trained = [r.number for r in project.rounds() if not r.start and _map_file(project, r).is_file()]
    return [*([0] if first and 0 not in trained else []), *trained]


def timeline(project: Stored, titles: Mapping[int, str]) -> dict[str, Any]:
    """What the map's slider is told: `rounds`, those with a map, oldest first, each its number and title (of `titles`, else "Round 3"); and
    whether points `move` from one to the next."""

    def title(number: int) -> str:
        return titles.get(number, f"Round {number}" if number else "Before the first round")

    return {"rounds": [{"number": n, "title": title(n)} for n in mapped(project)], "moves": moves(project)}


def trails(project: Stored, ids: Sequence[int]) -> dict[str, Any]:
    """Where these items lie in the map of each round.

    Returns:
        `rounds`: the numbers of `mapped`; `x` and `y`: for each of them a number an item, None where the item is not on that map.
    """
    numbers, wanted = mapped(project), np.array(ids, np.int64)
    places = [_at(*_laid(project, number), wanted) for number in numbers]
    x, y = ([[None if np.isnan(v) else round(float(v), 4) for v in xy[:, axis]] for xy in places] for axis in (0, 1))
    return {"rounds": numbers, "x": x, "y": y}


def moves(project: Stored) -> bool:
    """Whether points lie elsewhere in the newest map than in the oldest one: on features one map serves all rounds."""
    numbers = mapped(project)
    if len(numbers) < 2:
        return False

    def compared() -> bool:
        old, new = _laid(project, numbers[0]), _laid(project, numbers[-1])
        some = old[0][:: max(1, len(old[0]) // COMPARED)]  # where one point moves, most do
        before, after = _at(*old, some), _at(*new, some)
        both = ~np.isnan(after).any(1)
        return not np.allclose(before[both], after[both])

    return bool(_moves.of((project.folder, numbers[0], numbers[-1]), compared))


def _map_file(project: Stored, round_: Round) -> Path:
    return project.folder / "rounds" / round_.folder / "map.npz"


def _laid(project: Stored, number: int) -> tuple[np.ndarray, np.ndarray]:
    """(ids, xy) of a number of `mapped`. Read by itself: a round's other files are many times as large."""
    first = features.first_map(project) if number == 0 else None
    if first is not None:
        return first
    with np.load(_map_file(project, project.round(number))) as stored:
        return stored["ids"], stored["xy"]


def _at(ids: np.ndarray, xy: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(n, 2) positions of the wanted items, NaN where they are not there."""
    result = np.full((len(wanted), 2), np.nan)
    if len(ids):
        order = np.argsort(ids)
        at = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)]
        there = ids[at] == wanted
        result[there] = xy[at[there]]
    return result
