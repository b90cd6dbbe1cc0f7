"""A project's features: what a frozen network sees in each image, made, mapped and compared once. Knows no page and no job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alcore.cluster.joining import check
from alcore.columns import KEPT_FROM, Texts, places
from alcore.errors import AlcoreError, BadInput, Busy, Unavailable, disk_full_told
from alcore.extractors import extractor_named, families
from alcore.extractors.base import Embedder, slug_of
from alcore.extractors.extraction import Extracted, Wanted, batches_of, extract, image_key
from alcore.extractors.shards import Reading, extract_on_ray
from alcore.extractors.vectors import VectorStore
from alcore.files import at_work, kept_columns, written_whole
from alcore.home import models_folder
from alcore.measures.clusters import narrowed
from alcore.measures.duplicates import CLOSE, near_duplicates, with_series
from alcore.measures.layout import grown_layout
from alcore.nets.tasks import FEATURES
from alcore.params import TrainParams
from alcore.pixels.taken import taken
from alcore.progress import Progress, Report, ignore_progress
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.training.devices import pick_device

PHOTO = 64  # images of this side and more are taken for photos, which networks that have seen a million of them know how to read
TESTED_FIRST = 1000  # held-out images are read before the pool, up to so many: accuracy then means the same from the first round on
MAP = "map.npy"
LISTED = "images.npz"  # the list of a project's images
TAKEN = "taken.npy"
CLOSENESS = "close"  # a person's choice, among the project's settings
DAMAGED = "damaged.json"  # of images that are no pictures: their keys; a file that changes has another key
FEW = 16  # answers about projects that are remembered
FEW_LABELS = 50  # up to so many, a first query of groups is better than one at random
WAYS_HELP = "One of each group: the photos are grouped by what the pretrained network sees in them, and each group's middle is asked for."
LOOKED = 256  # photos whose time is read between two reports
SHOWN = 20  # unreadable images that are named


_listed, _rows = Remembered(2), Remembered(4)  # of a million images 110 and 10 MB
_remembered = Remembered(FEW)  # pages ask at every look, and of 50,000 images it takes half a second


def suits(project: Stored) -> bool:
    """Whether pretrained features are what a round trains on unless another network is asked for: photos, and the network is there."""
    if project.dense or project.settings["image_size"] < PHOTO:
        return False
    try:
        extractor_named(TrainParams.extractor, models_folder(project.place.home))
    except BadInput:
        return False
    return True


class Features:
    """The features of one project by one extractor; read from the disk when it is made.

    Args:
        name: of the extractor.

    Raises:
        BadInput: no such extractor, or its weights are missing or damaged.
    """

    def __init__(self, project: Stored, name: str = TrainParams.extractor) -> None:
        self.project = project
        self.extractor = extractor_named(name, models_folder(project.place.home))
        self.folder = project.folder / "features" / self.extractor.folder_name
        self.store = VectorStore(self.folder, self.extractor.dim)

    @cached_property
    def _items(self) -> tuple[np.ndarray, np.ndarray, Texts, np.ndarray]:
        """ids, keys, paths and rows of the project's items, by id."""
        packed = self.project.settings["packed"]  # which another import gives another name
        return _listed.of((self.project.folder, packed), lambda: self._kept_items(packed))

    def _kept_items(self, packed: str) -> tuple[np.ndarray, np.ndarray, Texts, np.ndarray]:
        """The same, kept beside the vectors where they are many: a million are read from there in a tenth of a second, from their rows in
        ten."""
        if not self.folder.is_dir() or len(self.project.items.lying()) < KEPT_FROM:
            return self._read_items()

        def read() -> dict[str, np.ndarray]:
            ids, keys, paths, rows = self._read_items()
            blob, ends = paths.columns()
            return {"ids": ids, "keys": keys, "rows": rows, "blob": blob, "ends": ends}

        kept = kept_columns(self.folder / LISTED, packed, read)
        return kept["ids"], kept["keys"], Texts(kept["blob"].tobytes(), kept["ends"]), kept["rows"]

    def _read_items(self) -> tuple[np.ndarray, np.ndarray, Texts, np.ndarray]:
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

    def pictures(self, ids: np.ndarray) -> np.ndarray:
        """(m,) uint64 keys of items, another one once an item's file is another; 0 for those that are not there."""
        keys: np.ndarray = np.append(self._items[1], np.uint64(0))[places(self.ids, ids)]  # -1 finds the last
        return keys

    @property
    def rows(self) -> np.ndarray:
        """(n,) int64 rows of their vectors, -1 for those that have none yet; not to be written to."""
        state = self.project.folder, self.project.settings["packed"], self.store.state
        return _rows.of(state, lambda: self.store.rows(self._items[1]))

    @property
    def state(self) -> tuple[Any, ...]:
        """What changes when its images, their vectors, the map, their groups or what is known to be damaged do."""
        times = (
            (self.folder / name).stat().st_mtime_ns if (self.folder / name).is_file() else 0
            for name in (MAP, self.groups_file.name, DAMAGED)
        )
        return self.folder, self.project.settings["packed"], self.store.nbytes, self.cosine, *times

    @property
    def done(self) -> int:
        """How many items have a vector."""
        return int((self.rows >= 0).sum())

    @property
    def unread(self) -> np.ndarray:
        """(n,) whether an item has no vector and may get one: it has not been tried, or could not be reached then."""
        return np.asarray((self.rows < 0) & ~np.isin(self._items[1], np.array(sorted(self._damaged()), np.uint64)))

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """(ids, vectors) of the items that have one, in the order of the vectors: these as they lie in the file where each is of one item,
        else copied."""
        rows, vectors = self.rows, self.store.vectors()
        order = np.argsort(rows, kind="stable")
        order = order[rows[order] >= 0]
        each = len(order) == len(vectors) and bool((rows[order] == np.arange(len(vectors))).all())
        return self.ids[order], vectors if each else vectors[rows[order]]

    # ---- making

    def complete(
        self, device: str = "auto", report: Report = ignore_progress, again: bool = False, on: str = "", workers: int = 0
    ) -> dict[str, Any]:
        """Makes what is missing: first of what people have labeled or are asked for, then of held-out images, then of the others in random
        order. What was made before a stop is kept.

        Args:
            again: try files anew that were no pictures when they were read last.
            on, workers: "ray" has the processes of a cluster read and embed them, at most so many at a time; only this one writes.

        Returns:
            project, extractor, items (with a vector now), dim, images_per_second, seconds, made, known (of these, whose content had a
            vector), unreadable (path and reason).

        Raises:
            Unavailable: another process is making them; the source's folder is gone; the disk is full.
        """
        project, source = self.project, self.project.source
        check(on)
        with at_work(project.folder), disk_full_told(self.folder, "the features"), self.store.writing() as mine:
            if not mine:
                raise Busy(f"the features of {project.name!r} are being made by another job: wait for it, or cancel it")
            missing = self.rows < 0 if again else self.unread
            skipped = set() if again else self._damaged()
            if missing.any() and not project.settings["array_source"] and not Path(project.settings.get("root", source)).is_dir():
                raise Unavailable(f"the source folder {source} is gone: put it back, so that its images can be read")
            before = self.done
            if not missing.any():
                return self._told(before, Extracted())
            order = (self._wanted(at) for at in self._order(missing).tolist())  # one by one: those of arrays would fill the memory
            batches = batches_of(order, lambda: [one for one in self._urgent() if one.key not in skipped])
            total = before + int(missing.sum())
            if on:
                found = extract_on_ray(
                    batches, total, self._reading(missing), self.store, device=device, workers=workers, report=report, done=before
                )
            else:
                embedder = Embedder(self.extractor, pick_device(device), report)
                found = extract(batches, total, embedder, self.store, decoding=project.pictures.decoding, report=report, done=before)
            if skipped or found.damaged or again:
                with written_whole(self.folder / DAMAGED) as file:
                    file.write(json.dumps(sorted({*skipped, *found.damaged})).encode())
        return self._told(before + found.done, found)

    def _reading(self, missing: np.ndarray) -> Reading:
        """What other machines need to read its images: those of arrays are sent to them."""
        extractor, models = self.extractor, models_folder(self.project.place.home)
        reading = Reading(extractor.name, extractor.mark, models, decoding=self.project.pictures.decoding)
        if self.project.settings["array_source"]:
            return reading
        files = (Path(str(self._wanted(at).source)) for at in np.flatnonzero(missing).tolist())
        sample = next(((file, file.stat().st_size) for file in files if file.is_file()), None)
        return replace(reading, root=Path(self.project.settings.get("root", self.project.source)), sample=sample)

    def _damaged(self) -> set[int]:
        path = self.folder / DAMAGED
        return set(json.loads(path.read_text())) if path.is_file() else set()

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

    # ---- near duplicates

    @property
    def cosine(self) -> float:
        """From which cosine on two images are near duplicates: CLOSE, unless a person chose another."""
        return float(self.project.settings.get(CLOSENESS, CLOSE))

    @property
    def groups_file(self) -> Path:
        """Where the groups by that cosine are kept."""
        return self.folder / f"groups-{1000 * self.cosine:.0f}.npy"

    def groups(self, report: Report = ignore_progress) -> tuple[np.ndarray, np.ndarray]:
        """(ids, group) of all items that have a vector, by id: near duplicates, and photos of one series, have the same number. Kept; what
        came since is compared with everything."""
        rows = self.rows
        there = rows >= 0
        kept = self.known_groups()
        kept = np.empty(0, np.int64) if kept is None else kept
        if len(kept) < self.store.count:
            vectors = self.store.vectors()
            kept = near_duplicates(vectors, self.cosine, known=kept, report=report)
            told = self._taken(len(kept), report)
            kept = with_series(kept, vectors, told[:, 0], told[:, 1])
            with disk_full_told(self.folder, "the near duplicates"), written_whole(self.groups_file) as file:
                np.save(file, kept)
        return self.ids[there], kept[rows[there]]

    def known_groups(self) -> np.ndarray | None:
        """(n,) the group of each of the first n vectors, as it was compared last; None before the first time."""
        return np.load(self.groups_file, allow_pickle=False) if self.groups_file.is_file() else None

    def _taken(self, n: int, report: Report) -> np.ndarray:
        """(n, 2) of the first n vectors: when and by which camera their photos were taken, NaN where the file does not say. Kept."""
        if self.project.settings["array_source"]:
            return np.full((n, 2), np.nan)  # pictures of an array have no file
        path = self.folder / TAKEN
        kept = np.load(path, allow_pickle=False) if path.is_file() else np.empty((0, 2))
        if len(kept) >= n:
            return np.asarray(kept[:n])
        result = np.full((n, 2), np.nan)
        result[: len(kept)] = kept
        rows, (_, _, paths, arrays) = self.rows, self._items
        new = np.flatnonzero((rows >= len(kept)) & (rows < n)).tolist()
        for done, at in enumerate(new):
            if done % LOOKED == 0:
                report(Progress("near duplicates", done, len(new), message="when photos were taken"))
            source = self.project.pictures.source(paths[at], int(arrays[at]))
            if isinstance(source, Path) and (told := taken(source)):
                result[rows[at]] = told
        with disk_full_told(self.folder, "when photos were taken"), written_whole(path) as file:
            np.save(file, result)
        return result

    # ---- the map

    def map(self, report: Report = ignore_progress) -> tuple[np.ndarray, np.ndarray]:
        """(ids, xy) of all items that have a vector. Laid out once and kept: a round moves nothing, and images whose vectors came later are
        put among their neighbors (layout.grown_layout)."""
        rows = self.rows
        there = rows >= 0
        kept = self._kept_map()
        if len(kept) < self.store.count:
            kept = grown_layout(narrowed(self.store.vectors()), kept, seed=0, report=report)
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
                if extractor_named(name, models_folder(project.place.home)).mark != mark:
                    result.append((folder, f"{name} gives other vectors today"))
            except BadInput as missing:
                result.append((folder, str(missing)))
    return result


def left_to_do(project: Stored, train: TrainParams) -> tuple[int, bool]:
    """How many images have to be read before a round with these parameters can use them all, and whether a map is to be laid out."""
    if train.architecture != FEATURES:
        return 0, True
    found = Features(project, train.extractor)
    missing = _remembered.of(("missing", *found.state), lambda: int(found.unread.sum()))
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
        found = Features(project)
    except BadInput:  # the network is gone: what it saw cannot be told from another's
        return None

    def laid() -> tuple[np.ndarray, np.ndarray] | None:
        kept = found.kept_map()
        if kept is None:
            return None
        asked = ~np.isin(kept[0], project.pool().test)  # who is held out is never asked for
        return kept[0][asked], kept[1][asked]

    return _remembered.of(("map", *found.state), laid)
