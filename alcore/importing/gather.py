"""From a source to a project's items: read, hold out, pack the images or list their files. Nothing is left when it fails."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alcore import formats
from alcore.columns import Entries, Known
from alcore.errors import BadInput, disk_full_told, one_line
from alcore.files import written_whole
from alcore.formats.base import count
from alcore.importing import alike
from alcore.importing.request import ImportRequest
from alcore.nets.tasks import TASKS
from alcore.pixels import images, maskfiles, masks, packing, streaming
from alcore.pixels.levels import Decoding, suggest_levels
from alcore.progress import Progress, Report, ignore_progress
from alcore.reading import Reading
from alcore.types import SPLITS, Skipped

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
    request: ImportRequest,
    folder: Path,
    *,
    known: Known | None = None,
    settings: Mapping[str, Any] | None = None,
    report: Report = ignore_progress,
) -> Imported:
    """Reads the source and decodes it into a new packed file in `folder`, or lists its files there to be decoded when they are needed.

    Args:
        known: what an earlier import stored: unchanged images are not looked at again and keep their split.
        settings: of the earlier import; what it chose stands.

    Raises:
        BadInput: nothing usable in the source. AlcoreError: the disk is full. Nothing is left behind then.
    """
    known, old = known or Known(), dict(settings or {})
    report(Progress("reading the source", 0, 0))
    reading = _read(request, old)
    reading.entries = entries = Entries.of(reading.entries)
    if not len(entries):
        raise BadInput(f"{request.source} holds no usable image ({_first_reasons(reading.skipped)}): give a folder that does")
    _same_source(request, known, entries.paths)
    sources = streaming.sources_of(reading)
    task = task_of(request, reading)
    dense = TASKS[task].dense
    size = old.get("image_size") or request.image_size or images.suggest_size(sources, dense=dense)
    free = shutil.disk_usage(folder).free
    if "packed" not in old:
        old["cache"] = streaming.choose_cache(request.cache, len(sources) * size * size * 3, free, bool(len(reading.arrays)))
        old["keep_cut"] = request.cut == "keep"
    if request.levels or "levels" not in old:
        old["levels"] = request.levels or (None if len(reading.arrays) else suggest_levels(sources))
    decoding = Decoding.of(old)
    prints = streaming.fingerprints(sources, report, mark=decoding.mark)
    before = known.at(entries.paths)
    same = _unchanged(known, before, prints)
    run = uuid.uuid4().hex[:8]  # what an earlier import made is needed until this one is stored
    name = f"packed-{run}.{'npz' if old.get('cache') == 'stream' else 'npy'}"
    try:
        rows = np.full(len(entries), -1)
        rows[same] = known.rows[before[same]]
        looked = _look(sources, size, folder / name, old, rows, report)
        sizes = looked.sizes
        kept = sizes[:, 0] < 0
        sizes[kept] = known.sizes[before[kept]]
        aside = [*reading.skipped, *(Skipped(entries.paths[i], reason) for i, reason in looked.failed.items())]
        good = np.setdiff1d(np.arange(len(entries)), np.fromiter(looked.failed, np.int64, len(looked.failed)), assume_unique=True)
        if not len(good):
            raise BadInput(f"{request.source}: none of its {len(entries)} images can be read ({_first_reasons(aside)})")
        notes = list(reading.warnings)
        if looked.cut:
            notes.append(f"{count(looked.cut, 'JPEG')} cut short and kept, gray where nothing is")
        twins = alike.groups_of(sources, good, looked.marks)
        good, told = _kept_apart(entries, twins, good, before, aside, request.duplicates)
        notes += told
        names, truths, labeled_by = entries.names, entries.labels, maskfiles.Gathered()
        if dense and reading.masks is not None:
            labeled_by = maskfiles.gather(reading, good, sizes, folder, report)
            names, truths = labeled_by.names, labeled_by.codes
            aside += labeled_by.skipped
            notes += reading.remarks()
        groups = np.minimum(truths, 0) if dense else truths  # no two masks are of one class
        splits, held = held_out(
            entries.splits, groups, good, request.hold_out, known, before, twins if request.duplicates == "apart" else None
        )
        notes += held
        if dense and (without := int((truths[good] < 0).sum())) and reading.masks is not None:
            notes.append(f"{without:,} of {len(good):,} images have no usable mask: they are unlabeled")
        old |= {
            "image_size": size,
            "packed": name,
            "array_source": bool(len(reading.arrays)),
            "root": str(Path(reading.root).absolute()),
            "read_as": reading.format,
            "read_from": str(Path(reading.read_from).absolute()),
            "notes": [one_line(note) for note in notes],
            "naming": dict(reading.naming),
            "asked": {"void": request.void, "classes": list(request.classes), "duplicates": request.duplicates},
            "colors": masks.colors(len(reading.classes), reading.colors) if dense else [],
        }
        if "flip" not in old:
            sample = good[:: max(1, len(good) // 200)]
            old["flip"] = size > images.GLYPH or not images.looks_like_glyphs(streaming.open_pixels(folder, old)[sample])
        with disk_full_told(folder, "the original images"):
            old["arrays"] = _keep_originals(reading, size, folder, run)
    except BaseException:
        for made in folder.glob(f"*-{run}*"):
            made.unlink(missing_ok=True)
        raise
    given = good[(truths[good] >= 0) & (splits[good] == POOL)] if request.truth == "labels" else good[:0]
    labels = Given(entries.paths, given, names, truths.copy())
    truths[given] = -1
    items = ItemRows(entries.paths, good, splits, sizes, prints, names, truths)
    return Imported(
        task, tuple(reading.classes), items, aside, labels, old, reading.took_for, old["notes"], masks=list(labeled_by.rows.values())
    )


def files_of(settings: Mapping[str, Any]) -> set[str]:
    """Names of the files below the project's folder that its settings speak of."""
    return {settings["packed"], *(name for name, _, _ in settings.get("arrays", ()))}


def _read(request: ImportRequest, old: Mapping[str, Any]) -> Reading:
    """The source as it is read for the first time, or as the earlier import read it: a guess is not made twice."""
    source, format_name = Path(old.get("read_from", request.source)), old.get("read_as", request.format)
    return formats.read(source, format_name, request.task, request.reading)


def task_of(request: ImportRequest, reading: Reading) -> str:
    """The task of a reading: what was asked for, else what it has labels for."""
    if request.task != "auto":
        return request.task
    return next(name for name, kind in TASKS.items() if kind.dense == (reading.masks is not None))


def _same_source(request: ImportRequest, known: Known, paths: Iterable[str]) -> None:
    """Raises BadInput when nothing is where an earlier import found it: every label would lose its image."""
    if known.present.any() and not any(path in known for path in paths):
        raise BadInput(
            f"none of the {int(known.present.sum()):,} images of the project is where it was in {request.source}: put them back, or import "
            "the source as a new project"
        )


def _kept_apart(
    entries: Entries, twins: np.ndarray, good: np.ndarray, before: np.ndarray, aside: list[Skipped], asked: str
) -> tuple[np.ndarray, list[str]]:
    """The entries that are taken, and what is said of images with the same bytes: those of the pool that are tested too are set `aside`,
    unless `asked` is "keep" or an earlier import took them."""
    alone = good[twins[good] >= 0]
    if not len(alone):
        return good, []
    by_group: dict[int, list[int]] = {}
    for at, group in zip(alone.tolist(), twins[alone].tolist(), strict=True):
        by_group.setdefault(group, []).append(at)
    labels, splits = entries.labels, entries.splits
    torn: list[tuple[int, int]] = []
    shared: list[tuple[int, int]] = []
    dropped: list[int] = []
    for members in by_group.values():
        if len({int(labels[at]) for at in members if labels[at] >= 0}) > 1:
            torn.append(next((a, b) for a in members for b in members if labels[a] != labels[b] and min(labels[a], labels[b]) >= 0))
        tested = next((at for at in members if splits[at] != POOL), None)
        if tested is not None:
            for at in (at for at in members if splits[at] == POOL):
                shared.append((at, tested))
                if asked == "apart" and before[at] < 0:
                    dropped.append(at)
                    aside.append(
                        Skipped(entries.paths[at], f"the same bytes as {entries.paths[tested]}, which is held out: not trained on")
                    )
    said = [f"{count(len(alone), 'image')} have the very bytes of another"]
    if torn:
        said.append(f"{count(len(torn), 'image')} in two classes at once: {alike.told(_named(entries, torn))}")
    if shared:
        what = "left out of the pool, so that nothing is tested that was trained" if dropped else "kept, as asked"
        said.append(f"{count(len(shared), 'image')} in the pool and held out too ({alike.told(_named(entries, shared))}): {what}")
    return np.setdiff1d(good, np.array(dropped, np.int64), assume_unique=True), said


def _named(entries: Entries, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    return ((entries.paths[a], entries.paths[b]) for a, b in pairs)


@dataclass(frozen=True)
class Looked:
    """What a look at all images gave.

    Attributes:
        sizes: (n, 2) int32 width and height, -1, -1 of what was not looked at again.
        failed: why some are no pictures.
        marks: (n,) that images of the same pixels share; None when no pixel was decoded.
        cut: JPEGs that were mended.
    """

    sizes: np.ndarray
    failed: Mapping[int, str]
    marks: np.ndarray | None = None
    cut: int = 0


def _look(sources: streaming.Sources, size: int, out: Path, settings: Mapping[str, Any], rows: np.ndarray, report: Report) -> Looked:
    """Writes `out`: the packed images, or the list of files to stream.

    Args:
        settings: of the import, with what an earlier one left.
        rows: (n,) where an unchanged image lay before, -1 for all others.
    """
    if settings.get("cache") == "stream":
        sizes, failed = streaming.headings(sources, rows >= 0, report)
        streaming.save_paths(sources.paths, out)
        return Looked(sizes, failed)
    before = settings.get("packed")
    packed = packing.pack(
        sources,
        size,
        out,
        report=report,
        reuse=(out.with_name(before), rows) if before else None,
        decoding=Decoding.of(settings),
    )
    return Looked(packed.sizes, packed.failed, packed.marks, packed.cut)


def _unchanged(known: Known, before: np.ndarray, prints: np.ndarray) -> np.ndarray:
    """(n,) bool. An item that went absent has no row in the packed file any more."""
    same = before >= 0
    same[same] = known.present[before[same]] & (known.prints[before[same]] == prints[same])
    return same


def _first_reasons(skipped: Sequence[Skipped]) -> str:
    common = Counter(s.reason for s in skipped).most_common(2)
    first = {reason: next(s.path for s in skipped if s.reason == reason) for reason, _ in common}
    return "; ".join(f"{n} x {reason}, first {first[reason][:60]}" for reason, n in common) or "it is empty"


def held_out(
    splits: np.ndarray,
    labels: np.ndarray,
    good: np.ndarray,
    share: float | None,
    known: Known,
    before: np.ndarray,
    twins: np.ndarray | None = None,
) -> tuple[np.ndarray, list[str]]:
    """(n,) splits: without a test split val serves as one, else a share of each class is kept out of the pool. Known paths keep theirs.

    Args:
        labels: (n,) what a class is told apart by, -1 for images without a label.
        twins: (n,) the same number for images of the same bytes, -1 without: they are held out together; None takes no care of that.
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
    _, first, of = np.unique(labels[labeled], return_index=True, return_inverse=True)
    met = np.argsort(np.argsort(first))[of]  # classes by their first image
    by_class = np.argsort(met, kind="stable")
    groups = np.split(labeled[by_class], np.flatnonzero(np.diff(met[by_class])) + 1)
    several = [number for number, members in enumerate(groups) if len(members) > 1]
    one_each: set[int] = set()
    if several and not any(round(share * len(members)) for members in groups):  # so few of each class that none would be tested
        one_each = set(rng.permutation(several)[: max(1, round(share * len(labeled)))].tolist())
    for number, members in enumerate(groups):
        wanted = round(share * len(members)) or number in one_each
        splits[_drawn(members[rng.permutation(len(members))], int(wanted), twins)] = SPLITS.index("test")
    if twins is not None:  # whose twin is of another class stays with it in the pool: nothing is tested that is trained
        trained = np.unique(twins[good[splits[good] == POOL]])
        back = labeled[np.isin(twins[labeled], trained[trained >= 0]) & (splits[labeled] == SPLITS.index("test"))]
        splits[back] = POOL
    out = int((splits[labeled] == SPLITS.index("test")).sum())
    if not out:
        return splits, ["there is no test split, and too few labeled images that differ to hold any out: no accuracy is measured"]
    return splits, [f"there is no test split: {out:,} of {len(labeled):,} labeled images are held out for testing"]


def _drawn(members: np.ndarray, number: int, twins: np.ndarray | None) -> np.ndarray:
    """The first `number` of the members, images of the same bytes together or not at all."""
    if twins is None or not (twins[members] >= 0).any():
        return members[:number]
    units: dict[int, list[int]] = {}
    for at, group in zip(members.tolist(), twins[members].tolist(), strict=True):
        units.setdefault(group if group >= 0 else -2 - at, []).append(at)
    drawn: list[int] = []
    for unit in units.values():
        if len(drawn) + len(unit) <= number:
            drawn += unit
    return np.array(drawn, np.int64)


def _keep_originals(reading: Reading, size: int, folder: Path, run: str) -> list[list[Any]]:
    """Array sources larger than the packed images are kept as files, so that a person sees every pixel: [[file, first row, rows], ...]."""
    kept: list[list[Any]] = []
    start = 0
    for at, block in enumerate(reading.arrays):
        if block.shape[1:3] != (size, size):
            name = f"original-{run}-{at}.npy"
            with written_whole(folder / name) as file:
                np.save(file, block)
            kept.append([name, start, len(block)])
        start += len(block)
    return kept
