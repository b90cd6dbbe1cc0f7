"""A project's features: what a frozen network sees in each image, made once from the files, mapped once. Knows no page and no job."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alcore.columns import Texts
from alcore.errors import AlcoreError, BadInput, Busy, Unavailable, disk_full_told
from alcore.extractors import extractor_named, families
from alcore.extractors.base import Embedder
from alcore.extractors.extraction import Extracted, Wanted, batches_of, extract, image_key
from alcore.extractors.vectors import VectorStore
from alcore.files import at_work, written_whole
from alcore.measures.layout import grown_layout
from alcore.nets.tasks import FEATURES
from alcore.params import TrainParams
from alcore.progress import Report, ignore_progress
from alcore.project.place import Place
from alcore.project.stored import Stored
from alcore.training.devices import pick_device

PHOTO = 64  # images of this side and more are taken for photos, which networks that have seen a million of them know how to read
TESTED_FIRST = 1000  # held-out images are read before the pool, up to so many: accuracy then means the same from the first round on
MAP = "map.npy"
FEW = 16  # projects of which it is remembered how many images lack features
NARROW = 128  # numbers of a vector that the map looks at, at most
SAMPLE = 8192  # vectors whose principal axes are taken, and that are in memory at a time
FEW_LABELS = 50  # up to so many, a first query of groups is better than one at random
WAYS_HELP = "One of each group: the photos are grouped by what the pretrained network sees in them, and each group's middle is asked for."
SHOWN = 20  # unreadable images that are named


_missing: dict[tuple[Path, str, int], int] = {}


def suits(project: Stored) -> bool:
    """Whether pretrained features are what a round trains on unless another network is asked for: photos, and the network is there."""
    if project.dense or project.settings["image_size"] < PHOTO:
        return False
    try:
        extractor_named(TrainParams.extractor, models_folder(project.place))
    except BadInput:
        return False
    return True


def models_folder(place: Place) -> Path:
    """Where the files of networks lie that people bring: ALCORE_MODELS, else `models` in the workspace."""
    return Path(os.environ.get("ALCORE_MODELS") or place.home / "models").expanduser()


def slug_of(name: str) -> str:
    """An extractor's name as it may stand in a folder's."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name)[-60:]


class Features:
    """The features of one project by one extractor; read from the disk when it is made.

    Args:
        name: of the extractor.

    Raises:
        BadInput: no such extractor, or its weights are missing or damaged.
    """

    def __init__(self, project: Stored, name: str = TrainParams.extractor) -> None:
        self.project = project
        self.extractor = extractor_named(name, models_folder(project.place))
        self.folder = project.folder / "features" / f"{slug_of(name)}-{self.extractor.mark}"
        self.store = VectorStore(self.folder, self.extractor.dim)

    @cached_property
    def _items(self) -> tuple[np.ndarray, np.ndarray, Texts, np.ndarray]:
        """ids, keys, paths and rows of the project's items, by id."""
        ids, keys, rows, paths = [], [], [], Texts()
        for part in self.project.items.sources():
            for i, path, fingerprint, row in part:
                ids.append(i)
                keys.append(image_key(path, fingerprint))
                rows.append(row)
                paths.append(path)
        return np.array(ids, np.int64), np.array(keys, np.uint64), paths, np.array(rows, np.int64)

    @property
    def ids(self) -> np.ndarray:
        """(n,) int64 of the project's items, ascending."""
        return self._items[0]

    @property
    def rows(self) -> np.ndarray:
        """(n,) int64 rows of their vectors, -1 for those that have none yet."""
        return self.store.rows(self._items[1])

    @property
    def done(self) -> int:
        """How many items have a vector."""
        return int((self.rows >= 0).sum())

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """(ids, vectors) of the items that have one, in the order of the vectors: these as they lie in the file where each is of one item,
        else copied."""
        rows, vectors = self.rows, self.store.vectors()
        order = np.argsort(rows, kind="stable")
        order = order[rows[order] >= 0]
        each = len(order) == len(vectors) and bool((rows[order] == np.arange(len(vectors))).all())
        return self.ids[order], vectors if each else vectors[rows[order]]

    # ---- making

    def complete(self, device: str = "auto", report: Report = ignore_progress) -> dict[str, Any]:
        """Makes what is missing: first of what people have labeled or are asked for, then of held-out images, then of the others in random
        order. What was made before a stop is kept.

        Returns:
            project, extractor, items (with a vector now), dim, images_per_second, seconds, made, known (of these, whose content had a
            vector), unreadable (path and reason).

        Raises:
            Unavailable: another process is making them; the source's folder is gone; the disk is full.
        """
        project, source = self.project, self.project.source
        with at_work(project.folder), disk_full_told(self.folder, "the features"), self.store.writing() as mine:
            if not mine:
                raise Busy(f"the features of {project.name!r} are being made by another job: wait for it, or cancel it")
            missing = self.rows < 0
            if missing.any() and not project.settings["array_source"] and not Path(project.settings.get("root", source)).is_dir():
                raise Unavailable(f"the source folder {source} is gone: put it back, so that its images can be read")
            before = len(missing) - int(missing.sum())
            if not missing.any():
                return self._told(before, Extracted())
            embedder = Embedder(self.extractor, pick_device(device), report)
            order = (self._wanted(at) for at in self._order(missing).tolist())  # one by one: those of arrays would fill the memory
            found = extract(
                batches_of(order, self._urgent),
                len(missing),
                embedder,
                self.store,
                decoding=project.pictures.decoding,
                report=report,
                done=before,
            )
        return self._told(before + found.done, found)

    def _told(self, items: int, found: Extracted) -> dict[str, Any]:
        return {
            "project": self.project.name,
            "extractor": self.extractor.name,
            "items": items,
            "dim": self.extractor.dim,
            "images_per_second": round(found.done / found.seconds, 1) if found.seconds else 0.0,
            "seconds": round(found.seconds, 1),
            "made": found.done,
            "known": found.known,
            "unreadable": [{"path": path, "reason": reason} for path, reason in list(found.failed.items())[:SHOWN]],
            "unreadable_count": len(found.failed),
        }

    def _order(self, missing: np.ndarray) -> np.ndarray:
        """Places of the images that have no vector, in the order in which they are read."""
        rng = np.random.default_rng(self.project.id)
        places = rng.permutation(np.flatnonzero(missing))
        pool = self.project.pool()
        held = np.isin(self.ids[places], pool.test)
        first = np.flatnonzero(held)[:TESTED_FIRST]
        return np.concatenate([places[first], np.delete(places, first)])

    def _urgent(self) -> Sequence[Wanted]:
        """What is labeled, or on somebody's screen, and has no vector yet."""
        opened = self.project.queries.open()
        ids = {*self.project.items.labels(), *(opened.waiting if opened else ())}
        places = np.searchsorted(self.ids, sorted(ids))
        places = places[self.ids[np.minimum(places, len(self.ids) - 1)] == sorted(ids)]  # others are gone since the source was read again
        return [self._wanted(at) for at in places[self.store.rows(self._items[1][places]) < 0].tolist()]

    def _wanted(self, at: int) -> Wanted:
        _, keys, paths, rows = self._items
        try:
            return Wanted(int(keys[at]), self.project.pictures.source(paths[at], int(rows[at])))
        except FileNotFoundError as gone:  # its arrays: they are others since the source was imported again
            raise AlcoreError(f"the source of {self.project.name!r} was imported again meanwhile: start its features again") from gone

    # ---- the map

    def map(self, report: Report = ignore_progress) -> tuple[np.ndarray, np.ndarray]:
        """(ids, xy) of all items that have a vector. Laid out once and kept: a round moves nothing, and images whose vectors came later are
        put among their neighbors (layout.grown_layout)."""
        rows = self.rows
        there = rows >= 0
        kept = self._kept_map()
        if len(kept) < self.store.count:
            kept = grown_layout(_narrowed(self.store.vectors()), kept, seed=0, report=report)
            with disk_full_told(self.folder, "the map"), written_whole(self.folder / MAP) as file:
                np.save(file, kept)
        return self.ids[there], kept[rows[there]]

    @property
    def mapped(self) -> bool:
        """Whether a map has been laid out."""
        return (self.folder / MAP).is_file()

    def kept_map(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(ids, xy) of what has been laid out so far; None before the first layout."""
        kept, rows = self._kept_map(), self.rows
        there = (rows >= 0) & (rows < len(kept))
        return (self.ids[there], kept[rows[there]]) if len(kept) else None

    def _kept_map(self) -> np.ndarray:
        if not self.mapped:
            return np.empty((0, 2), np.float32)
        result: np.ndarray = np.load(self.folder / MAP, allow_pickle=False)
        return result


def _narrowed(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float16 to (n, at most NARROW) float32, of length 1 before: on their principal axes, where neighbors are found ten times as
    fast and no second copy of all vectors is in memory."""

    def unit(rows: np.ndarray) -> np.ndarray:
        found = np.array(rows, np.float32)
        found /= np.maximum(np.sqrt(np.einsum("ij,ij->i", found, found)), 1e-12)[:, None]
        return found

    if vectors.shape[1] <= NARROW:
        return unit(vectors)
    rng = np.random.default_rng(0)
    some = unit(vectors[np.sort(rng.permutation(len(vectors))[:SAMPLE])])
    middle = some.mean(0)
    some -= middle
    spread, axes = some.T @ some, rng.standard_normal((vectors.shape[1], NARROW), np.float32)
    for _ in range(4):  # powers of it turn any axes into the principal ones; all of them at once would take ten times as long
        axes = np.linalg.qr(spread @ axes)[0]
    result = np.empty((len(vectors), NARROW), np.float32)
    for start in range(0, len(vectors), SAMPLE):
        result[start : start + SAMPLE] = (unit(vectors[start : start + SAMPLE]) - middle) @ axes
    return result


def outdated(project: Stored) -> list[tuple[Path, str]]:
    """Folders of features that nothing reads any more, each with the reason: the extractor of their name gives other vectors today, or is
    not here. Those whose extractor is not known from a round or a job are left out."""
    used = {str(r.train["extractor"]) for r in project.rounds() if "extractor" in r.train}
    jobs = project.place.job_rows.jobs(project.name, limit=1000)
    used |= {str(job.arguments["extractor"]) for job in jobs if job.kind == "features"}
    used |= {name for family in families() for name in family.names}
    result = []
    for folder in sorted((project.folder / "features").glob("*-*")):
        slug, _, mark = folder.name.rpartition("-")
        for name in sorted(name for name in used if slug_of(name) == slug):
            try:
                if extractor_named(name, models_folder(project.place)).mark != mark:
                    result.append((folder, f"{name} gives other vectors today"))
            except BadInput as missing:
                result.append((folder, str(missing)))
    return result


def left_to_do(project: Stored, train: TrainParams) -> tuple[int, bool]:
    """How many images have to be read before a round with these parameters can use them all, and whether a map is to be laid out."""
    if train.architecture != FEATURES:
        return 0, True
    found = Features(project, train.extractor)
    state = (found.folder, project.settings["packed"], found.store.nbytes)
    if state not in _missing:  # pages ask at every look, and of 50,000 images it takes half a second
        while len(_missing) >= FEW:
            _missing.pop(next(iter(_missing)), None)
        _missing[state] = int((found.rows < 0).sum())
    missing = _missing[state]
    return missing, missing > 0 or not found.mapped


def ways_to_start(project: Stored, size: int) -> dict[str, str]:
    """How a first query of `size` images may be chosen without a model, the best way first: its name and its words.

    Groups are offered once enough photos have been read. With few labels they gave 4 to 17 points more than chance on two sets; from about
    a hundred on they did no better or worse, so chance comes first there.
    """
    ways = {"random": "at random", "kcenter": "spread over the pixels"}
    laid = first_map(project)
    if laid is None or len(laid[0]) < 2 * size:
        return ways
    groups = {"groups": "typical of each group"}
    return {**groups, "random": ways["random"]} if size <= FEW_LABELS else {"random": ways["random"], **groups}


def first_map(project: Stored) -> tuple[np.ndarray, np.ndarray] | None:
    """(ids, xy) of the usual features' map, which is there before the first round; None without one."""
    if project.dense or not (project.folder / "features").is_dir():
        return None
    try:
        laid = Features(project).kept_map()
    except BadInput:  # the network is gone: what it saw cannot be told from another's
        return None
    if laid is None:
        return None
    pool = project.pool()
    asked = ~np.isin(laid[0], pool.test)  # who is held out is never asked for
    return laid[0][asked], laid[1][asked]
