"""The files of a round: written into a folder of their own before its row is committed, read on demand. Trains nothing."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from alcore.columns import in_blocks
from alcore.errors import disk_full_told
from alcore.files import part_of, written_whole
from alcore.training import explain
from alcore.types import Scores

Views = Iterable[tuple[int, Mapping[str, np.ndarray]]]


def write_files(
    rounds_folder: Path, scores: Scores, ids: np.ndarray, arrays: Mapping[str, np.ndarray], strategy: nn.Module, views: Views = ()
) -> str:
    """Writes everything of a round into a new folder, which appears whole, and returns its name.

    What it takes beside the scores and the model is float32 for every walked image, so that each score can be worked out again: K logits
    (of a pool of a million and 10 classes 40 MB), of `mcdal` and `qbc` K more for each head beside the first (80 MB for two), of `bald`
    K + 1 (44 MB); and, of networks that are trained as a whole, the embedding, which is the most (256 MB for 64 numbers). On features it
    says which picture each image was (8 MB).

    Args:
        ids, arrays: what was walked.
        views: of dense labels, (id, name -> (H, W)) of the images that are asked for: drafts and scores of every pixel.
    """
    name = uuid.uuid4().hex[:16]
    part = part_of(rounds_folder / name)
    try:
        with disk_full_told(rounds_folder, "the round's files"):
            _write_all(part, scores, ids, arrays, strategy)
            _write_dense(part, scores, views)
        os.replace(part, rounds_folder / name)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return name


def _write_all(part: Path, scores: Scores, ids: np.ndarray, arrays: Mapping[str, np.ndarray], strategy: nn.Module) -> None:
    from safetensors.torch import save_file  # here, so that simulations run without it

    part.mkdir(parents=True)
    np.savez(part / "scores.npz", ids=scores.ids, total=scores.total, selected=scores.selected, **_named(scores.parts))
    np.save(part / "walked_ids.npy", ids)
    for key, value in arrays.items():
        np.save(part / f"{key}.npy", value)
    save_file({k: v.detach().cpu().contiguous() for k, v in strategy.state_dict().items()}, part / "model.safetensors")


def _write_dense(part: Path, scores: Scores, views: Views) -> None:
    for i, view in views:
        (part / "dense").mkdir(exist_ok=True)
        arrays: dict[str, Any] = dict(view)
        np.savez_compressed(part / "dense" / f"{i}.npz", **arrays)
    if scores.regions:
        packed: dict[str, Any] = {"shape": np.array(next(iter(scores.regions.values()))[0].shape)}
        for i, regions in scores.regions.items():
            packed[str(i)] = np.packbits(np.stack(regions).reshape(len(regions), -1), axis=1)
        np.savez_compressed(part / "regions.npz", **packed)


def _named(parts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {f"part_{name}": values for name, values in parts.items()}


PICTURES = "pictures"  # of rounds on features, the array that says which picture each walked image was then


class Positions:
    """id -> its position in `ids`, by a search: a dict of a million ids takes 130 MB and half a second."""

    def __init__(self, ids: np.ndarray) -> None:
        self._order = None if (ids[1:] > ids[:-1]).all() else np.argsort(ids, kind="stable")
        self._ids = ids if self._order is None else ids[self._order]

    def __contains__(self, item: object) -> bool:
        return isinstance(item, int | np.integer) and self._at(int(item)) >= 0

    def __getitem__(self, item: int) -> int:
        at = self._at(int(item))
        if at < 0:
            raise KeyError(item)
        return at if self._order is None else int(self._order[at])

    def _at(self, item: int) -> int:
        at = int(np.searchsorted(self._ids, item))
        return at if at < len(self._ids) and int(self._ids[at]) == item else -1


class RoundFiles:
    """The arrays of a stored round, read on demand. Immutable once written, so one object may serve every request.

    Args:
        places: today's place of each class that the model has an output for, -1 for one that is not there any more; empty for their own.
    """

    def __init__(self, folder: Path, places: tuple[int, ...] = ()) -> None:
        self.folder, self.places = folder, places
        with np.load(folder / "scores.npz") as stored:
            self.ids: np.ndarray = stored["ids"]
            self.selected: np.ndarray = stored["selected"]
            self.scores = {k.removeprefix("part_"): stored[k] for k in stored.files if k.startswith("part_")} | {"total": stored["total"]}
        self.position = Positions(self.ids)
        self._map: tuple[np.ndarray, np.ndarray] | None = None

    @cached_property
    def ranks(self) -> dict[str, np.ndarray]:
        """1 = most wanted, by score name."""
        return {name: explain.wanted_ranks(name, values, self.ids) for name, values in self.scores.items()}

    @cached_property
    def walked_ids(self) -> np.ndarray:
        """(m,) the scored items first, in the order of `ids`, then the labeled ones."""
        result: np.ndarray = np.load(self.folder / "walked_ids.npy")
        return result

    def array(self, name: str) -> np.ndarray:
        """(m, ...) logits, embedding, ... in the order of `walked_ids`, memory-mapped."""
        result: np.ndarray = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        return result

    @cached_property
    def logits(self) -> np.ndarray:
        """(m, K) of the task model in the order of `walked_ids`, by today's classes; memory-mapped where these are the model's."""
        return in_places(self.array("logits"), self.places)

    @cached_property
    def guesses(self) -> np.ndarray:
        """(m,) int16 the likeliest of today's classes, in the order of `walked_ids`."""
        result = np.empty(len(self.walked_ids), np.int16)
        for part in in_blocks(len(result)):
            result[part] = self.logits[part].argmax(1)
        return result

    @property
    def trained_classes(self) -> int:
        """How many classes the model tells apart."""
        return int(self.array("logits").shape[1])

    def has(self, name: str) -> bool:
        """Whether that array was stored: what a strategy gives has changed over versions."""
        return (self.folder / f"{name}.npy").is_file()

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """Names of the logits of every head, the task model's first; of masks they are the logarithm of mean class probabilities."""
        count = 1
        while self.has(f"logits_{count}"):
            count += 1
        return ("logits", *(f"logits_{i}" for i in range(1, count)))

    def weight(self, name: str) -> np.ndarray | None:
        """A tensor of the round's model by its name there; None where the model has none of that name or is gone."""
        from safetensors import safe_open  # here, as save_file below

        path = self.folder / "model.safetensors"
        if not path.is_file():
            return None
        with safe_open(path, "np") as stored:
            return np.asarray(stored.get_tensor(name)) if name in stored.keys() else None  # noqa: SIM118

    @property
    def map(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(ids, xy) once the map is made."""
        path = self.folder / "map.npz"
        if self._map is None and path.is_file():  # it is written once, after the rest
            with np.load(path) as stored:
                self._map = stored["ids"], stored["xy"]
        return self._map

    def write_map(self, ids: np.ndarray, xy: np.ndarray) -> None:
        """Keeps the map, whole."""
        with written_whole(self.folder / "map.npz") as file:
            np.savez(file, ids=ids, xy=xy)
        self._map = None

    def detail(self, item: int) -> dict[str, np.ndarray] | None:
        """What the model thinks of every pixel of an image that was asked for, (H, W) at model size: `draft` and `head_1` ... class
        indices uint8, and scores float16 by name. None where that was not kept."""
        path = self.folder / "dense" / f"{item}.npz"
        if not path.is_file():
            return None
        with np.load(path) as stored:
            return dict(stored)

    def draft(self, item: int) -> np.ndarray | None:
        """The `draft` of `detail` alone, which is read in a quarter of the time."""
        path = self.folder / "dense" / f"{item}.npz"
        if not path.is_file():
            return None
        with np.load(path) as stored:
            result: np.ndarray = stored["draft"]
            return result

    def regions(self, item: int) -> list[np.ndarray]:
        """bool (S, S) of the regions that are asked of an image, best first; none where whole images are."""
        if item not in self._packed:
            return []
        h, w = self._packed[-1].tolist()
        return list(np.unpackbits(self._packed[item], axis=1, count=h * w).astype(bool).reshape(-1, h, w))

    @cached_property
    def _packed(self) -> dict[int, np.ndarray]:
        """The regions as stored, and under -1 their height and width."""
        path = self.folder / "regions.npz"
        if not path.is_file():
            return {}
        with np.load(path) as stored:
            return {-1 if name == "shape" else int(name): stored[name] for name in stored.files}

    def probabilities(self, at: list[int]) -> np.ndarray:
        """(len(at), K) the model's class probabilities at these positions of `ids`."""
        logits = self.logits[at].astype(np.float64)
        p = np.exp(logits - logits.max(1, keepdims=True))
        result: np.ndarray = p / p.sum(1, keepdims=True)
        return result


NEVER = 1e4  # below all other logits: what a class has that a model knows nothing of


def in_places(logits: np.ndarray, places: tuple[int, ...]) -> np.ndarray:
    """(m, K') logits with each class at its place: the probabilities of those that share one are added up, those without one are left
    out. The same array where there are no places."""
    if not places:
        return logits
    columns = columns_of(places, logits.shape[1])
    result = np.full((len(logits), len(columns)), -NEVER, np.float32)
    for at, some in enumerate(columns):
        if some:
            result[:, at] = np.logaddexp.reduce(logits[:, some].astype(np.float32), axis=1)
    return result


def columns_of(places: tuple[int, ...], classes: int) -> list[list[int]]:
    """For each of today's classes up to the last one that a model of `classes` outputs knows, which of these mean it."""
    known = places[:classes]
    return [[k for k, place in enumerate(known) if place == at] for at in range(max(known, default=-1) + 1)]


@lru_cache(maxsize=8)
def round_files(folder: Path, places: tuple[int, ...] = ()) -> RoundFiles:
    """The files of a round, kept for the next request."""
    return RoundFiles(folder, places)
