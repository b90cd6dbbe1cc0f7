"""Stored: one project's row and what reads it, the type that everything else here works on. Knows no capability: what can be done with a
project stands in the modules beside this one, each of which takes a Stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alcore.columns import Snapshot
from alcore.errors import AlcoreError, NotFound
from alcore.importing.unpacking import UNPACKED
from alcore.naming import folded, neutral
from alcore.nets.tasks import TASKS
from alcore.pixels import masks
from alcore.pixels.pictures import Pictures
from alcore.pixels.streaming import open_pixels
from alcore.project.place import Place
from alcore.storage.classes import Classes
from alcore.storage.items import Items
from alcore.storage.journal import Journal
from alcore.storage.maskstore import MaskStore
from alcore.storage.presence import Presence
from alcore.storage.queries import Queries
from alcore.storage.rounds import Rounds
from alcore.training.batches import Pixels
from alcore.training.pool import Pool
from alcore.training.roundfiles import RoundFiles, round_files
from alcore.types import Round

ROOM = "kept"  # in a project's folder: columns of many images that can be made again from their rows, and are read quicker


class Stored:
    """A project as it lies in the workspace. Everything is read from there when asked for, so two objects of one project, in two
    processes, see the same; only what the row holds (name, classes, settings) is as of when it was read.

    Attributes:
        dense: whether labels are masks.
        items, round_rows, journal, queries, presence, masks, class_rows: its rows, each bound to this project.
        pictures: its images as people see them.
    """

    def __init__(self, place: Place, row: Mapping[str, Any]) -> None:
        self.place = place
        self._read(row)

    def _read(self, row: Mapping[str, Any]) -> None:
        self.id: int = row["id"]
        self.name: str = row["name"]
        self.task: str = row["task"]
        self.source = Path(row["source"])
        self.format: str = row["format"]
        self.classes: tuple[str, ...] = tuple(row["classes"])
        self.settings: Mapping[str, Any] = row["settings"]
        self._telling: frozenset[str] | None = None  # names that would tell the truth, once somebody asks
        self.folder: Path = self.place.home / "projects" / row["settings"]["folder"]
        if self.settings.get("unpacked"):  # what was unpacked moves with the workspace
            self.settings = {**self.settings, "root": str(self.folder / UNPACKED)}
        self.dense: bool = TASKS[self.task].dense
        database = self.place.database
        self.items = Items(database, self.id, self.folder / ROOM)
        self.round_rows = Rounds(database, self.id, self.name)
        self.journal = Journal(database, self.id, TASKS[self.task].answers)
        self.queries = Queries(database, self.id)
        self.presence = Presence(database, self.id)
        self.masks = MaskStore(database, self.id, self.folder)
        self.class_rows = Classes(database, self.id)
        self.pictures = Pictures(self.folder, self.source, self.settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, home={str(self.place.home)!r})"

    def reread(self, within: Any = None) -> None:
        """Reads the row again, after it was changed; in a caller's transaction, as it is there."""
        self._read(self.place.project_rows.row(self.name, within))

    def change_settings(self, **values: Any) -> None:
        """Sets these of the settings; the others stay as they are by now, whoever changed them meanwhile."""
        with self.place.database.write() as conn:  # one writer at a time: nothing comes between reading and writing
            now = self.place.project_rows.row(self.name, conn)["settings"]
            self.place.project_rows.set(conn, self.id, settings={**now, **values})
        self.reread()

    # ---- rounds

    def rounds(self) -> list[Round]:
        """All rounds by number. Round 0, if there is one, is a start without a model."""
        return self.round_rows.all()

    def round(self, number: int | None = None) -> Round:
        """One round, the newest for None; NotFound when there is none."""
        found = self.round_rows.all(number)
        if not found:
            raise NotFound(f"{self.name!r} has no round{'' if number is None else f' {number}'}: run `train` first")
        return found[-1]

    def newest_round(self) -> Round | None:
        """The round with the highest number; None without one."""
        rounds = self.rounds()
        return rounds[-1] if rounds else None

    def files(self, round_: Round) -> RoundFiles | None:
        """The arrays of a round, what is told of classes in today's order; None for a start without a model. AlcoreError when they are
        gone."""
        if round_.start:
            return None
        folder = self.folder / "rounds" / round_.folder
        try:
            return round_files(folder, self.places(round_))
        except FileNotFoundError:
            cure = f"bring back {folder}, or train a new round"
            raise AlcoreError(f"the files of round {round_.number} of {self.name!r} are gone: {cure}") from None

    def places(self, round_: Round) -> tuple[int, ...]:
        """For each class that a round was trained with its place among today's classes, -1 for one that was taken away; empty where it is
        each one's own. Classes that were merged since have one place."""
        lineage = self.class_rows.lineage()
        now = {name: at for at, name in enumerate(self.classes)}
        places = tuple(now.get(lineage.since(name, round_.change) or "", -1) for name in round_.classes)
        return () if places == tuple(range(len(places))) else places

    def output_names(self, round_: Round) -> tuple[str, ...]:
        """What each output of a round's model is called: by today's name of its class, by that of then where it was merged or deleted."""
        places = self.places(round_) or tuple(range(len(round_.classes)))
        alone = {at: places.count(at) == 1 for at in set(places)}
        pairs = zip(places, round_.classes, strict=True)
        return tuple(self.classes[at] if at >= 0 and alone[at] else then for at, then in pairs)

    def class_meant(self, name: str) -> str | None:
        """The class that somebody means who may not have heard of the newest changes; None where there is none."""
        return name if name in self.classes else self.class_rows.lineage().meant(name, self.classes)

    def job_folder(self, job_id: int) -> Path:
        """Where a job of this project keeps its checkpoint and loss history."""
        return self.folder / "jobs" / str(job_id)

    # ---- images and labels

    def counts(self) -> dict[str, Any]:
        """items, splits, labeled, labels and truth by class, skipped, flagged, set_aside. Of masks there is one truth and no class."""
        counts = self.items.counts()
        if self.dense:
            counts |= {"labels": {}, "truth": {split: {"mask": sum(known.values())} for split, known in counts["truth"].items()}}
        return counts

    @property
    def metric(self) -> str:
        """The number that curves show: accuracy, or mean_iou for masks."""
        return TASKS[self.task].metric

    @property
    def colors(self) -> list[tuple[int, int, int]]:
        """RGB of each class, for masks."""
        usual = masks.colors(len(self.classes), self.settings.get("colors", ()))
        chosen = (self.settings.get("looks", {}).get(name, {}).get("color") for name in self.classes)
        return [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) if c else rgb for c, rgb in zip(chosen, usual, strict=True)]

    @property
    def identity(self) -> str:
        """Names this workspace and this life of the project: labels kept in a browser are never sent to another one of the same name."""
        return hashlib.blake2b(f"{self.place.home} {self.settings['folder']}".encode(), digest_size=8).hexdigest()

    @property
    def telling(self) -> frozenset[str]:
        """What would tell the truth of an image in its path, where that is hidden; nothing elsewhere."""
        if self._telling is None:
            hidden = self.settings.get("truth") == "hidden" and not self.dense
            self._telling = folded((*self.classes, *self.settings.get("former_classes", ()))) if hidden else frozenset()
        return self._telling

    def shown_name(self, item_id: int, path: str) -> str:
        """What people see of an item's path: where the truth is hidden, nothing that tells it."""
        return neutral(path, self.telling, item_id) if self.telling else path

    def snapshot(self, within: Any = None) -> Snapshot:
        """Every present item, by id; iterating gives (id, split, truth, row, label, skipped, flagged). An image whose mask does not fit it
        any more counts as skipped until it is painted again."""
        snapshot = self.items.snapshot(within)
        return self.masks.fitting(snapshot) if self.dense else snapshot

    def pool(self, within: Any = None) -> Pool:
        """Who is labeled and who is not, now. Skipped items, and flagged ones without a label, are neither."""
        return Pool.of_masks(self.snapshot(within))[0] if self.dense else Pool.of(self.snapshot(within), self.classes)

    def pixels(self) -> Pixels:
        """(N, size, size, 3) uint8: the packed images, memory-mapped, or a streaming.FileRows that reads files when they are asked for."""
        return open_pixels(self.folder, self.settings)


def stored(place: Place, name: str) -> Stored:
    """The project of that name, or NotFound naming those there are."""
    return Stored(place, place.project_rows.row(name))
