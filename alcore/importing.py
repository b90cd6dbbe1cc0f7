"""From a source to a project's items: read, hold out, pack the images or list their files. Nothing is left when it fails."""

from __future__ import annotations

import os
import runpy
import shutil
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alcore import formats, images, maskfiles, masks, packing, streaming
from alcore.columns import Entries, Known
from alcore.errors import BadInput, disk_full_told
from alcore.tasks import TASKS
from alcore.types import SPLITS, Progress, Reading, Report, Skipped, ignore_progress

HOLD_OUT = 0.2
POOL = SPLITS.index("pool")


@dataclass
class Imported:
    """What an import found, ready to be stored.

    Attributes:
        rows: the values of the items table, a row a present image, each made when it is looked at.
        labels: (path, class) of the pool for truth="labels", likewise; empty otherwise. For dense labels digests stand for classes, here
            and in the rows.
        masks: values of the masks table.
    """

    task: str
    classes: tuple[str, ...]
    rows: ItemRows
    skipped: list[Skipped]
    labels: Given
    settings: dict[str, Any]
    took_for: str
    notes: list[str] = field(default_factory=list)
    masks: list[dict[str, Any]] = field(default_factory=list)


class ItemRows(Sequence[dict[str, Any]]):
    """Rows of the items table over columns: `at` are the entries that are pictures, the rest is by entry; `truths` point into `names`."""

    def __init__(
        self,
        paths: Sequence[str],
        at: np.ndarray,
        splits: np.ndarray,
        sizes: np.ndarray,
        prints: np.ndarray,
        names: Sequence[str],
        truths: np.ndarray,
    ) -> None:
        self._paths, self._at, self._names = paths, at, names
        self._splits, self._sizes, self._prints, self._truths = splits, sizes, prints, truths

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        at = int(self._at[number])
        width, height = self._sizes[at].tolist()
        return {
            "path": self._paths[at],
            "split": SPLITS[self._splits[at]],
            "truth": None if self._truths[at] < 0 else self._names[self._truths[at]],
            "row": at,
            "width": width,
            "height": height,
            "fingerprint": self._prints[at].decode(),
        }


class Given(Sequence[tuple[str, str]]):
    """(path, name of the truth) of the entries `at`."""

    def __init__(self, paths: Sequence[str], at: np.ndarray, names: Sequence[str], truths: np.ndarray) -> None:
        self._paths, self._at, self._names, self._truths = paths, at, names, truths

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        at = int(self._at[number])
        return self._paths[at], self._names[self._truths[at]]


def gather(
    source: Path,
    folder: Path,
    *,
    format_name: str = "auto",
    task: str = "auto",
    truth: str = "hidden",
    hold_out: float | None = None,
    image_size: int = 0,
    cache: str = "auto",
    known: Known | None = None,
    settings: Mapping[str, Any] | None = None,
    report: Report = ignore_progress,
) -> Imported:
    """Reads `source` and decodes it into a new packed file in `folder`, or lists its files there to be decoded when they are needed.

    Args:
        task: "auto" takes that of the format; a format that serves another one is refused.
        truth: "hidden" keeps the given labels as truth for an oracle; "labels" takes them as labels.
        hold_out: share of the labeled pool kept for testing when there is no test split; None is 20 % when there are labels.
        image_size: side of the images models see; 0 chooses by the images.
        cache: "pack" decodes every image now, "stream" looks only at the files' headings, "auto" packs what takes at most a third of the
            free disk. An earlier import's choice stands.
        known: what an earlier import stored: unchanged images are not looked at again and keep their split.
        settings: of the earlier import.

    Raises:
        BadInput: nothing usable in the source. AlcoreError: the disk is full. Nothing is left behind then.
    """
    if truth not in ("hidden", "labels"):
        raise BadInput(f"truth={truth!r}: use hidden or labels")
    if hold_out is not None and not 0 <= hold_out < 1:
        raise BadInput(f"hold out a share from 0 to below 1, not {hold_out}")
    if image_size and not images.LEAST <= image_size <= images.MOST:
        raise BadInput(f"image_size={image_size}: use {images.LEAST} to {images.MOST} pixels, or 0 to choose by the images")
    if cache not in streaming.CACHES:
        raise BadInput(f"cache={cache!r}: use one of {', '.join(streaming.CACHES)}")
    known, old = known or Known(), dict(settings or {})
    report(Progress("reading the source", 0, 0))
    reading = formats.read(source, format_name, task)
    if not len(reading.entries):
        raise BadInput(f"{source} holds no usable image ({_first_reasons(reading.skipped)}): give a folder that does")
    reading.entries = entries = Entries.of(reading.entries)
    sources = streaming.sources_of(reading)
    task = task if task != "auto" else next(name for name, kind in TASKS.items() if kind.dense == (reading.masks is not None))
    dense = TASKS[task].dense
    size = old.get("image_size") or image_size or images.suggest_size(sources, dense=dense)
    free = shutil.disk_usage(folder).free
    if "packed" not in old:
        old["cache"] = streaming.choose_cache(cache, len(sources) * size * size * 3, free, bool(len(reading.arrays)))
    prints = streaming.fingerprints(sources, report)
    before = known.at(entries.paths)
    same = _unchanged(known, before, prints)
    name = f"packed-{uuid.uuid4().hex[:8]}.{'npz' if old.get('cache') == 'stream' else 'npy'}"
    try:
        rows = np.full(len(entries), -1)
        rows[same] = known.rows[before[same]]
        sizes, failed = _look(sources, size, folder / name, old, rows, report)
        kept = sizes[:, 0] < 0
        sizes[kept] = known.sizes[before[kept]]
        aside = [*reading.skipped, *(Skipped(entries.paths[i], reason) for i, reason in failed.items())]
        good = np.setdiff1d(np.arange(len(entries)), np.fromiter(failed, np.int64, len(failed)), assume_unique=True)
        if not len(good):
            raise BadInput(f"{source}: none of its {len(entries)} images can be read ({_first_reasons(aside)})")
        names, truths, labeled_by = entries.names, entries.labels, maskfiles.Gathered()
        if dense and reading.masks is not None:
            labeled_by = maskfiles.gather(reading, good, sizes, folder, report)
            names, truths = labeled_by.names, labeled_by.codes
            aside += labeled_by.skipped
        groups = np.minimum(truths, 0) if dense else truths  # no two masks are of one class
        splits, notes = _held_out(entries.splits, groups, good, hold_out, known, before)
        if dense and (without := int((truths[good] < 0).sum())) and reading.masks is not None:
            notes.append(f"{without:,} of {len(good):,} images have no usable mask: they are unlabeled")
        old |= {
            "image_size": size,
            "packed": name,
            "array_source": bool(len(reading.arrays)),
            "root": str(Path(reading.root).absolute()),
            "notes": notes,
            "colors": masks.colors(len(reading.classes), reading.colors) if dense else [],
        }
        if "flip" not in old:
            sample = good[:: max(1, len(good) // 200)]
            old["flip"] = size > images.GLYPH or not images.looks_like_glyphs(streaming.open_pixels(folder, old)[sample])
        with disk_full_told(folder, "the original images"):
            old["arrays"] = _keep_originals(reading, size, folder)
    except BaseException:
        (folder / name).unlink(missing_ok=True)
        raise
    given = good[(truths[good] >= 0) & (splits[good] == POOL)] if truth == "labels" else good[:0]
    labels = Given(entries.paths, given, names, truths.copy())
    truths[given] = -1
    items = ItemRows(entries.paths, good, splits, sizes, prints, names, truths)
    return Imported(task, tuple(reading.classes), items, aside, labels, old, reading.took_for, notes, masks=list(labeled_by.rows.values()))


def _look(
    sources: streaming.Sources, size: int, out: Path, settings: Mapping[str, Any], rows: np.ndarray, report: Report
) -> tuple[np.ndarray, Mapping[int, str]]:
    """Writes `out`: the packed images, or the list of files to stream.

    Args:
        settings: of the import, with what an earlier one left.
        rows: (n,) where an unchanged image lay before, -1 for all others.

    Returns:
        (n, 2) width and height, -1, -1 of what was not looked at again; and why some are no pictures.
    """
    if settings.get("cache") == "stream":
        sizes, failed = streaming.headings(sources, rows >= 0, report)
        streaming.save_paths(sources.paths, out)
        return sizes, failed
    before = settings.get("packed")
    packed = packing.pack(sources, size, out, report=report, reuse=(out.with_name(before), rows) if before else None)
    return packed.sizes, packed.failed


def _unchanged(known: Known, before: np.ndarray, prints: np.ndarray) -> np.ndarray:
    """(n,) bool. An item that went absent has no row in the packed file any more."""
    same = before >= 0
    same[same] = known.present[before[same]] & (known.prints[before[same]] == prints[same])
    return same


def _first_reasons(skipped: Sequence[Skipped]) -> str:
    common = Counter(s.reason for s in skipped).most_common(2)
    return "; ".join(f"{n} x {reason}" for reason, n in common) or "it is empty"


def _held_out(
    splits: np.ndarray, labels: np.ndarray, good: np.ndarray, share: float | None, known: Known, before: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """(n,) splits: without a test split val serves as one, else a share of each class is kept out of the pool. Known paths keep theirs.

    Args:
        labels: (n,) what a class is told apart by, -1 for images without a label.
    """
    if len(known):
        return np.where(before >= 0, known.splits[before], splits).astype(np.int8), []
    known_class = labels[good] >= 0
    labeled = good[known_class & (splits[good] == POOL)]
    tested = {split: bool((known_class & (splits[good] == SPLITS.index(split))).any()) for split in ("test", "val")}
    if tested["test"] or not len(labeled) or share == 0:
        return splits, []
    if share is None and tested["val"]:
        return splits, ["there is no test split: accuracy is measured on the val split"]
    share = HOLD_OUT if share is None else share
    rng = np.random.default_rng(0)
    out = 0
    _, first, of = np.unique(labels[labeled], return_index=True, return_inverse=True)
    met = np.argsort(np.argsort(first))[of]  # classes by their first image
    by_class = np.argsort(met, kind="stable")
    for members in np.split(labeled[by_class], np.flatnonzero(np.diff(met[by_class])) + 1):
        kept = rng.permutation(len(members))[: round(share * len(members))]
        splits[members[kept]] = SPLITS.index("test")
        out += len(kept)
    return splits, [f"there is no test split: {out:,} of {len(labeled):,} labeled images are held out for testing"]


def _keep_originals(reading: Reading, size: int, folder: Path) -> list[list[Any]]:
    """Array sources larger than the packed images are kept as files, so that a person sees every pixel: [[file, first row, rows], ...]."""
    kept: list[list[Any]] = []
    start = 0
    for at, block in enumerate(reading.arrays):
        if block.shape[1:3] != (size, size):
            name = f"original-{at}.npy"
            np.save(folder / f"{name}.part.npy", block)
            os.replace(folder / f"{name}.part.npy", folder / name)
            kept.append([name, start, len(block)])
        start += len(block)
    return kept


def clean_classes(names: Sequence[str]) -> list[str]:
    """Class names as typed, without the blanks around them and without empty ones; BadInput for what cannot be one."""
    clean = [name.strip() for name in names]
    for name in clean:
        if len(name) > 200 or not name.isprintable():
            raise BadInput(f"{name[:40]!r} cannot be a class: use up to 200 printable characters")
    return [name for name in clean if name]


def bundled_digits() -> Path:
    """The digits that come with the source tree; made by the script beside them when they are not there."""
    return _bundled("digits")


def bundled_street() -> Path:
    """The street scenes with masks, likewise."""
    return _bundled("street")


def _bundled(name: str) -> Path:
    here = Path(__file__).resolve().parent.parent / "sample_data"
    if not (here / name).is_dir():
        script = here / f"make_{name}.py"
        if not script.is_file():
            raise BadInput(f"the sample {name} is not at {here / name}: run this from a source tree, or import a folder of your own")
        runpy.run_path(str(script))["main"](here / name)
    return here / name
