"""From a source to a project's items: read, hold out, pack the images or list their files. Nothing is left when it fails."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alcore import formats
from alcore.columns import Entries, Known
from alcore.errors import BadInput, disk_full_told, one_line
from alcore.files import written_whole
from alcore.formats.base import count
from alcore.importing import alike, described
from alcore.importing.items import Given, Imported, ItemRows
from alcore.importing.renaming import rename
from alcore.importing.request import ImportRequest
from alcore.importing.splits import POOL, beside_held_out, held_out, kept_apart
from alcore.importing.unpacking import UNPACKED, unpack
from alcore.nets.tasks import TASKS
from alcore.pixels import images, maskfiles, masks, packing, streaming
from alcore.pixels.levels import Decoding, suggest_levels
from alcore.progress import Progress, Report, ignore_progress
from alcore.reading import Reading
from alcore.types import Skipped


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
    known, before = known or Known(), dict(settings or {})
    report(Progress("reading the source", 0, 0))
    reading = _read(request, before)
    reading.entries = Entries.of(reading.entries)
    if not len(reading.entries):
        raise BadInput(f"{request.source} holds no usable image ({_first_reasons(reading.skipped)}): give a folder that does")
    _same_source(request, known, reading.entries.paths)
    unpack(reading, folder, report)
    run = uuid.uuid4().hex[:8]  # what an earlier import made is needed until this one is stored
    try:
        return _gathered(_Run(request, folder, known, run, report), reading, before)
    except BaseException:
        for made in folder.glob(f"*-{run}*"):
            made.unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class _Run:
    """One import: what was asked, where it writes, what an earlier one stored, and its name, which its files bear."""

    request: ImportRequest
    folder: Path
    known: Known
    name: str
    report: Report


def _gathered(run: _Run, reading: Reading, before: Mapping[str, Any]) -> Imported:
    """The images looked at, kept apart, labeled and split; `before` are the settings of an earlier import."""
    request, entries, sources = run.request, Entries.of(reading.entries), streaming.sources_of(reading)
    task = task_of(request, reading)
    dense = TASKS[task].dense
    settings = _chosen(run, reading, sources, before, dense)
    stood = run.known.at(entries.paths)
    looked = _look(run, sources, settings, stood)
    aside = [*reading.skipped, *(Skipped(entries.paths[i], reason) for i, reason in looked.failed.items())]
    good = np.setdiff1d(np.arange(len(entries)), np.fromiter(looked.failed, np.int64, len(looked.failed)), assume_unique=True)
    if not len(good):
        raise BadInput(f"{request.source}: none of its {len(entries)} images can be read ({_first_reasons(aside)})")
    notes = list(reading.warnings)
    if looked.cut:
        notes.append(f"{count(looked.cut, 'JPEG')} cut short and kept, gray where nothing is")
    twins = alike.groups_of(sources, good, looked.marks)
    good, told = kept_apart(entries, twins, good, stood, aside, request.duplicates)
    notes += told
    names, truths, labeled_by = entries.names, entries.labels, maskfiles.Gathered()
    if dense and reading.masks is not None:
        labeled_by = maskfiles.keep_all(reading, good, looked.sizes, run.folder, run.report)
        names, truths = labeled_by.names, labeled_by.codes
        aside += labeled_by.skipped
        notes += reading.remarks()
    groups = np.minimum(truths, 0) if dense else truths  # no two masks are of one class
    apart = twins if request.duplicates == "apart" else None
    given_beside = described.beside(request.metadata, entries.paths) if request.metadata else None
    together = given_beside.groups(request.group_by) if given_beside and request.group_by else None
    splits, held = held_out(entries.splits, groups, good, request.hold_out, run.known, stood, apart, together, request.group_by)
    notes += held
    if given_beside is not None:
        notes += given_beside.words
        settings["metadata"] = given_beside.keep(run.folder)
    if together is not None:
        settings["group_by"] = request.group_by
        notes += beside_held_out(splits, good, together, request.group_by)
    if dense and (without := int((truths[good] < 0).sum())) and reading.masks is not None:
        notes.append(f"{without:,} of {len(good):,} images have no usable mask: they are unlabeled")
    settings |= _remembered(request, reading, notes, dense) | {"unpacked": Path(reading.root) == run.folder / UNPACKED}
    if "flip" not in settings:
        settings["flip"] = _may_flip(run.folder, settings, good)
    with disk_full_told(run.folder, "the original images"):
        settings["arrays"] = _keep_originals(reading, settings["image_size"], run.folder, run.name)
    given = good[(truths[good] >= 0) & (splits[good] == POOL)] if request.truth == "labels" else good[:0]
    if request.truth == "labels" and reading.answers:
        given = np.union1d(given, _answered(reading, good[(truths[good] < 0) & (splits[good] == POOL)]))
    labels = Given(entries.paths, given, names, truths.copy(), reading.answers)
    truths[given] = -1
    rows = ItemRows(entries.paths, good, splits, looked.sizes, looked.prints, names, truths)
    return Imported(
        task, tuple(reading.classes), rows, aside, labels, settings, reading.took_for, settings["notes"], list(labeled_by.rows.values())
    )


def _answered(reading: Reading, unlabeled: np.ndarray) -> np.ndarray:
    """Those of the unlabeled entries of which somebody said something all the same: a skip, or classes of which none counts."""
    said = [at for at in unlabeled.tolist() if any(one.value != "" for one in reading.answers.get(at, ()))]
    return np.array(said, np.int64)


def _chosen(run: _Run, reading: Reading, sources: streaming.Sources, before: Mapping[str, Any], dense: bool) -> dict[str, Any]:
    """The settings of an import as far as they are chosen before its images are looked at; what an earlier one chose stands."""
    request, settings, arrays = run.request, dict(before), bool(len(reading.arrays))
    size = settings.get("image_size") or request.image_size or images.suggest_size(sources, dense=dense)
    if "packed" not in settings:
        free = shutil.disk_usage(run.folder).free
        settings["cache"] = streaming.choose_cache(request.cache, len(sources) * size * size * 3, free, arrays)
        settings["keep_cut"] = request.cut == "keep"
    if request.levels or "levels" not in settings:
        settings["levels"] = request.levels or (None if arrays else suggest_levels(sources))
    return settings | {"image_size": size}


def _remembered(request: ImportRequest, reading: Reading, notes: Sequence[str], dense: bool) -> dict[str, Any]:
    """What the settings keep of how the source was read, so that it is read the same way again, and of what was said about it."""
    return {
        "array_source": bool(len(reading.arrays)),
        "root": str(Path(reading.root).absolute()),
        "read_as": reading.format,
        "read_from": str(Path(reading.read_from).absolute()),
        "notes": [one_line(note) for note in notes],
        "naming": dict(reading.naming),
        "asked": {
            "void": request.void,
            "classes": list(request.classes),
            "duplicates": request.duplicates,
            "rename": [list(pair) for pair in request.rename],
        },
        "colors": masks.colors(len(reading.classes), reading.colors) if dense else [],
    }


def _may_flip(folder: Path, settings: Mapping[str, Any], good: np.ndarray) -> bool:
    """Whether images may be mirrored in training: not what looks like letters and digits."""
    if settings["image_size"] > images.GLYPH:
        return True
    sample = good[:: max(1, len(good) // 200)]
    return not images.looks_like_glyphs(streaming.open_pixels(folder, settings)[sample])


def files_of(settings: Mapping[str, Any]) -> set[str]:
    """Names of the files below the project's folder that its settings speak of."""
    return {settings["packed"], *(name for name, _, _ in settings.get("arrays", ()))}


def _read(request: ImportRequest, old: Mapping[str, Any]) -> Reading:
    """The source as it is read for the first time, or as the earlier import read it: a guess is not made twice."""
    source, format_name = Path(old.get("read_from", request.source)), old.get("read_as", request.format)
    reading = formats.read(source, format_name, request.task, request.reading)
    reading.warnings += rename(reading, request.rename)
    return reading


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


@dataclass(frozen=True)
class Looked:
    """What a look at all images gave.

    Attributes:
        sizes: (n, 2) int32 width and height.
        prints: (n,) fingerprints of their files.
        failed: why some are no pictures.
        marks: (n,) that images of the same pixels share; None when no pixel was decoded.
        cut: JPEGs that were mended.
    """

    sizes: np.ndarray
    prints: np.ndarray
    failed: Mapping[int, str]
    marks: np.ndarray | None = None
    cut: int = 0


def _look(run: _Run, sources: streaming.Sources, settings: dict[str, Any], stood: np.ndarray) -> Looked:
    """Writes the file that `packed` of the settings names from now on: the packed images, or the list of files to stream.

    Args:
        settings: as they are chosen, with the `packed` of an earlier import.
        stood: (n,) the places of the images among those that are known, -1 for others.
    """
    decoding = Decoding.of(settings)
    prints = streaming.fingerprints(sources, run.report, mark=decoding.mark)
    same = _unchanged(run.known, stood, prints)
    rows = np.full(len(sources), -1)
    rows[same] = run.known.rows[stood[same]]
    before, streamed = settings.get("packed"), settings.get("cache") == "stream"
    settings["packed"] = f"packed-{run.name}.{'npz' if streamed else 'npy'}"
    out = run.folder / settings["packed"]
    if streamed:
        sizes, failed = streaming.headings(sources, rows >= 0, run.report)
        streaming.save_paths(sources.paths, out)
        looked = Looked(sizes, prints, failed)
    else:
        reuse = (out.with_name(before), rows) if before else None
        packed = packing.pack(sources, settings["image_size"], out, report=run.report, reuse=reuse, decoding=decoding)
        looked = Looked(packed.sizes, prints, packed.failed, packed.marks, packed.cut)
    kept = looked.sizes[:, 0] < 0  # of what was not looked at again
    looked.sizes[kept] = run.known.sizes[stood[kept]]
    return looked


def _unchanged(known: Known, before: np.ndarray, prints: np.ndarray) -> np.ndarray:
    """(n,) bool. An item that went absent has no row in the packed file any more."""
    same = before >= 0
    same[same] = known.present[before[same]] & (known.prints[before[same]] == prints[same])
    return same


def _first_reasons(skipped: Sequence[Skipped]) -> str:
    common = Counter(s.reason for s in skipped).most_common(2)
    first = {reason: next(s.path for s in skipped if s.reason == reason) for reason, _ in common}
    return "; ".join(f"{n} x {reason}, first {first[reason][:60]}" for reason, n in common) or "it is empty"


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
