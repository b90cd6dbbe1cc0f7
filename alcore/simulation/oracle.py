"""The oracle's data: a source read and packed once into an experiment's folder, with the truth of every image. Knows no workspace."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput, disk_full_told
from alcore.importing.gather import gather
from alcore.importing.request import ImportRequest
from alcore.nets.tasks import TASKS
from alcore.pixels.maskfiles import at_size
from alcore.pixels.masks import components
from alcore.pixels.streaming import open_pixels
from alcore.progress import Report
from alcore.simulation.thinning import thinned
from alcore.training.pool import Pool
from alcore.types import VOID

MASKS = "masks.npy"
SPLIT_CODES = {"pool": 0, "val": 1, "test": 2}
THIN_SEED = 0  # which images a thinned pool keeps is a property of the data set, the same for all seeds of an experiment
CHUNK = 4096


@dataclass(frozen=True)
class Data:
    """What an experiment is run on.

    Attributes:
        folder: where it was packed.
        facts: data.json: classes, fingerprint, settings of the import, notes, what was asked for.
        ids: (n,) int64, 1 to n in the source's order.
        rows: (n,) row of each in the packed images.
        splits: (n,) a code of SPLIT_CODES.
        targets: (n,) class index, -1 without truth; of dense labels the row of `masks`.
        thin: the share of each class kept in the pool; empty keeps all.
    """

    folder: Path
    facts: Mapping[str, Any]
    ids: np.ndarray
    rows: np.ndarray
    splits: np.ndarray
    targets: np.ndarray
    thin: tuple[float, ...] = ()

    @property
    def classes(self) -> int:
        return len(self.facts["classes"])

    @property
    def task(self) -> str:
        return str(self.facts.get("task", "classification"))

    @property
    def dense(self) -> bool:
        """True when every pixel has a label."""
        return TASKS[self.task].dense

    @cached_property
    def masks(self) -> np.ndarray | None:
        """(m, side, side) uint8, the truth at the size models see, memory-mapped; None when there is one label an image."""
        return np.load(self.folder / MASKS, mmap_mode="c") if self.dense else None

    @property
    def fingerprint(self) -> str:
        return str(self.facts["fingerprint"])

    @cached_property
    def pool(self) -> np.ndarray:
        """(p,) int64 ids that can be asked for, ascending: of the pool split, with a truth, and kept by the thinning."""
        at = np.flatnonzero((self.splits == SPLIT_CODES["pool"]) & (self.targets >= 0))
        if self.thin:
            at = at[np.sort(thinned(self.targets[at], self.classes, self.thin, THIN_SEED))]
        return self.ids[at]

    @cached_property
    def test(self) -> np.ndarray:
        """(t,) int64 ids accuracy is measured on: the test split, or without one the val split."""
        known = self.targets >= 0
        for split in ("test", "val"):
            found: np.ndarray = self.ids[known & (self.splits == SPLIT_CODES[split])]
            if len(found):
                return found
        return np.array([], np.int64)

    def truth(self, ids: np.ndarray) -> np.ndarray:
        """The targets of `ids`: what an annotator without fault would say."""
        targets: np.ndarray = self.targets[ids - 1]
        if (targets < 0).any():
            raise ValueError("the oracle was asked for an image without truth")
        return targets

    def round_pool(self, labeled: np.ndarray, asked: Mapping[int, np.ndarray] | None = None) -> tuple[Pool, np.ndarray | None]:
        """The pool of a round in which `labeled` (ids, ascending) have their labels and the rest of the pool has none, and the masks its
        targets are rows of, None when there is one label an image.

        Args:
            asked: id -> bool (side, side): of these images, none of them in `labeled`, that much of the mask is known.
        """
        partial = np.array(sorted(asked or {}), np.int64)
        unlabeled = np.setdiff1d(self.pool, np.union1d(labeled, partial), assume_unique=True)
        needed = np.union1d(self.pool, self.test)
        targets, test_targets = self.truth(labeled), self.truth(self.test)
        if asked is None or self.masks is None:
            return Pool(labeled, targets, unlabeled, self.test, test_targets, needed, self.rows[needed - 1]), self.masks
        shown = [np.where(asked[i], self.masks[self.truth(np.array([i]))[0]], np.uint8(VOID)) for i in partial.tolist()]
        masks = np.concatenate([self.masks, *(mask[None] for mask in shown)])
        everyone = np.concatenate([labeled, partial])
        targets = np.concatenate([targets, len(self.masks) + np.arange(len(partial))])
        order = np.argsort(everyone)
        return Pool(
            everyone[order], targets[order], unlabeled, self.test, test_targets, needed, self.rows[needed - 1], partial=partial
        ), masks

    def cost(self, labeled: np.ndarray, asked: Mapping[int, np.ndarray]) -> dict[str, int]:
        """pixels with a class that were labeled, and an estimate of the clicks: one for each connected area of a class. At the size models
        see; empty when there is one label an image."""
        if self.masks is None:
            return {}
        whole = [(self.masks[target], None) for target in self.truth(labeled)]
        parts = [(self.masks[self.truth(np.array([i]))[0]], area) for i, area in asked.items()]
        pixels = sum(int(((mask != VOID) & (True if area is None else area)).sum()) for mask, area in [*whole, *parts])
        return {"pixels": pixels, "clicks": sum(components(mask, area) for mask, area in [*whole, *parts])}

    def seen_classes(self, ids: np.ndarray) -> np.ndarray:
        """Pixels (or images) of each class among `ids`, (K,) int64."""
        targets = self.truth(ids)
        if self.masks is None:
            return np.bincount(targets, minlength=self.classes)
        result: np.ndarray = np.array(self.facts["pixels"], np.int64).reshape(-1, self.classes + 1)[targets, :-1].sum(0)
        return result

    def check(self, source: Path) -> None:
        """BadInput when there is nothing an oracle could be made of."""
        if self.classes < 2 or not len(self.pool):
            raise BadInput(
                f"{source} has {len(self.pool)} pool images with a class, of {self.classes} classes: "
                "an oracle needs the truth of images of at least two. Give a source with labels."
            )
        if not len(self.test):
            raise BadInput(f"{source} has no test split with labels: give one, or hold a share out with --hold-out 0.2")
        if self.thin and self.dense:
            raise BadInput("--thin keeps a share of each class and an image with a mask has many: leave it out")
        if self.thin and len(self.thin) > self.classes:
            raise BadInput(f"--thin has {len(self.thin)} shares and the data {self.classes} classes: give at most one a class")

    def paths(self) -> list[str]:
        """The items' paths in the source, by id."""
        with (self.folder / "items.csv").open(newline="", encoding="utf-8") as file:
            return [row["path"] for row in csv.DictReader(file)]

    def pixels(self) -> Any:
        """(N, side, side, 3) uint8, mapped from the packed file or decoded when asked for."""
        return open_pixels(self.folder, self.facts["settings"])

    @classmethod
    def load(cls, folder: Path, thin: Sequence[float] = ()) -> Data:
        """What `prepare` wrote."""
        facts = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        with np.load(folder / "items.npz") as stored:
            return cls(folder, facts, stored["ids"], stored["rows"], stored["splits"], stored["targets"], tuple(thin))


def is_current(folder: Path, request: Mapping[str, Any]) -> bool:
    """True when `folder` holds the data of `request`, as far as can be told without decoding an image. A source that is gone is trusted."""
    if not (folder / "data.json").is_file():
        return False
    facts = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    source = Path(request["source"])
    asked = {"task": "auto", **facts["request"], **({"image_size": facts["settings"]["image_size"]} if request["image_size"] else {})}
    return bool(asked == dict(request) and (not source.exists() or facts["print"] == source_print(source)))


def source_print(source: Path) -> str:
    """What changes when files are added, removed or replaced: sizes and times of the file, or of all folders below the folder."""
    found = hashlib.blake2b(digest_size=16)
    for folder, inner, _ in os.walk(source):
        inner.sort()
        found.update(f"{os.path.relpath(folder, source)} {os.stat(folder).st_mtime_ns}\n".encode())
    if source.is_file():
        there = source.stat()
        found.update(f"{there.st_size} {there.st_mtime_ns}".encode())
    return found.hexdigest()


def prepare(request: Mapping[str, Any], folder: Path, report: Report) -> Data:
    """Reads and packs the source into a new `folder`; what a killed call left there is removed first. data.json is written last.

    Args:
        request: source, format, task, hold_out, image_size.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = Path(request["source"])
    print_before = source_print(source)
    found = gather(
        ImportRequest.of(source, {name: request[name] for name in ("format", "task", "hold_out", "image_size")}), folder, report=report
    )
    dense = TASKS[found.task].dense
    index = {name: at for at, name in enumerate([row["digest"] for row in found.masks] if dense else found.classes)}
    rows, splits, targets = [], [], []
    whole = hashlib.blake2b(json.dumps(found.classes).encode(), digest_size=16)
    prints = hashlib.blake2b(digest_size=16)
    with disk_full_told(folder, "the list of images"), (folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "path", "split", "truth"])
        for number, row in enumerate(found.rows, 1):
            rows.append(int(row["row"]))
            splits.append(SPLIT_CODES[row["split"]])
            targets.append(-1 if row["truth"] is None else index[row["truth"]])
            writer.writerow([number, row["path"], row["split"], row["truth"]])
            said = row["truth"] if dense else targets[-1]  # a mask by what it shows, not by where it stands
            whole.update(f"{row['path']}\0{splits[-1]}\0{said}\n".encode())
            prints.update(str(row["fingerprint"]).encode())
    pixels = open_pixels(folder, found.settings)
    if isinstance(pixels, np.ndarray):
        for start in range(0, len(pixels), CHUNK):
            whole.update(np.ascontiguousarray(pixels[start : start + CHUNK]).data)
    else:  # decoding a streamed set only to name it would take hours
        whole.update(prints.digest())
    facts = {
        "request": dict(request),
        "print": print_before,
        "fingerprint": whole.hexdigest(),
        "task": found.task,
        "classes": list(found.classes),
        "pixels": [row["pixels"] for row in found.masks],
        "settings": found.settings,
        "took_for": found.took_for,
        "skipped": len(found.skipped),
        "notes": _notes(found.notes, targets, splits, len(found.skipped)),
    }
    if dense:
        with disk_full_told(folder, "the masks"):
            np.save(folder / MASKS, at_size(folder, list(index), int(found.settings["image_size"]), report))
    with disk_full_told(folder, "the list of images"):
        np.savez(
            folder / "items.npz",
            ids=np.arange(1, len(rows) + 1, dtype=np.int64),
            rows=np.array(rows, np.int64),
            splits=np.array(splits, np.int8),
            targets=np.array(targets, np.int64),
        )
        (folder / "data.part").write_text(json.dumps(facts), encoding="utf-8")
        os.replace(folder / "data.part", folder / "data.json")
    return Data.load(folder)


def _notes(notes: Sequence[str], targets: Sequence[int], splits: Sequence[int], skipped: int) -> list[str]:
    said = list(notes)
    without = sum(1 for target, split in zip(targets, splits, strict=True) if split == SPLIT_CODES["pool"] and target < 0)
    if without:
        said.append(f"{without:,} pool images have no label in the source: the oracle could not answer for them, so they stay out")
    if skipped:
        said.append(f"{skipped:,} files of the source could not be used")
    return said
