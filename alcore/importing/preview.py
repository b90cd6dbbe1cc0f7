"""What an import would take a source for, before anything is written: classes, splits, pictures of each class, what looks odd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from alcore import formats
from alcore.columns import Entries, Known
from alcore.errors import BadInput, one_line
from alcore.importing import described
from alcore.importing.gather import task_of
from alcore.importing.renaming import alike, rename
from alcore.importing.request import ImportRequest
from alcore.importing.splits import beside_held_out, held_out
from alcore.importing.values import TEXT, Column, of_rows, sketch
from alcore.naming import printable
from alcore.nets.tasks import TASKS
from alcore.pixels import images, streaming
from alcore.pixels.levels import Decoding, suggest_levels
from alcore.reading import Reading
from alcore.types import SPLITS, Skipped

EACH = 3  # pictures of each class


@dataclass(frozen=True)
class Sample:
    """One picture: `label` is its class, or None; `at` its place among the entries."""

    at: int
    path: str
    label: str | None


@dataclass(frozen=True)
class Preview:
    """See `preview`.

    Attributes:
        format: name of the format; took_for: one sentence; source: the folder or file that is really read.
        splits: images by split, with those that would be held out.
        counts: images by class, in the order of the classes; empty for masks.
        columns: of the table of metadata, as values.sketch has them; none without a table.
        levels: the range that pictures of more than 8 bits would be shown in, None when there are none.
        warnings: what looks odd, a sentence each; notes: what else would be done.
    """

    format: str
    task: str
    took_for: str
    source: str
    items: int
    classes: tuple[str, ...]
    splits: dict[str, int]
    counts: dict[str, int]
    unlabeled: int
    skipped: list[Skipped]
    warnings: list[str]
    notes: list[str]
    samples: list[Sample]
    levels: tuple[float, float] | None
    columns: list[Mapping[str, Any]]
    _sources: streaming.Sources = field(repr=False)

    def picture(self, sample: Sample, size: int) -> bytes:
        """A sample as models would see it, squared to `size`, as PNG. Raises BadInput when it cannot be decoded."""
        row = np.zeros((size, size, 3), np.uint8)
        images.fit(self._sources[sample.at], row, decoding=Decoding(self.levels))
        return images.png(row)

    def without_source(self) -> Preview:
        """The same without what its pictures are made of: arrays are large, and a page keeps a preview for as long as it is shown."""
        return replace(self, _sources=streaming.Sources(Path(), ()))

    def answer(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "format": self.format,
            "task": self.task,
            "took_for": self.took_for,
            "source": self.source,
            "items": self.items,
            "classes": list(self.classes),
            "splits": self.splits,
            "skipped": [{"path": one.path, "reason": one.reason} for one in self.skipped],
            "warnings": [*self.warnings, *self.notes],
            **({"metadata": [dict(column) for column in self.columns]} if self.columns else {}),
            "samples": [{"path": printable(one.path), "label": one.label} for one in self.samples],
        }


def preview(request: ImportRequest) -> Preview:
    """Reads the source without decoding it. Raises BadInput as the import would, as far as that can be told without decoding."""
    reading = formats.read(request.source, request.format, request.task, request.reading)
    renamed = rename(reading, request.rename)
    entries = Entries.of(reading.entries)
    if not len(entries):
        first = f"; the first file is {reading.skipped[0].path[:80]}: {reading.skipped[0].reason}" if reading.skipped else ""
        raise BadInput(f"{request.source} holds no usable image{first}")
    task = task_of(request, reading)
    everyone = np.arange(len(entries))
    groups = _masked(reading) if TASKS[task].dense else entries.labels
    given = described.beside(request.metadata, entries.paths) if request.metadata else None
    together = given.groups(request.group_by) if given and request.group_by else None
    unknown = np.full(len(entries), -1)
    splits, notes = held_out(
        entries.splits, groups, everyone, request.hold_out, Known(), unknown, together=together, column=request.group_by
    )
    notes += [*given.words, *_telling(request, given.table.columns, reading.classes)] if given else []
    notes += [] if together is None else beside_held_out(splits, everyone, together, request.group_by)
    sources = streaming.Sources(Path(reading.root), entries.paths, reading.arrays, reading.contents)
    counted = np.bincount(entries.labels[entries.labels >= 0], minlength=len(entries.names))
    by_name = dict(zip(entries.names, counted.tolist(), strict=True))
    return Preview(
        format=reading.format,
        task=task,
        took_for=reading.took_for,
        source=printable(str(reading.root)),
        items=len(entries),
        classes=tuple(dict.fromkeys([*reading.classes, *(() if TASKS[task].dense else request.classes)])),
        splits={name: int((splits == at).sum()) for at, name in enumerate(SPLITS) if (splits == at).any()},
        counts={} if TASKS[task].dense else {name: by_name.get(name, 0) for name in reading.classes},
        unlabeled=int((groups < 0).sum()),
        skipped=reading.skipped,
        warnings=[one_line(said) for said in (*reading.warnings, *alike(reading.classes))],
        notes=[one_line(said) for said in (*renamed, *notes)],
        samples=_samples(entries, groups, () if TASKS[task].dense else reading.classes),
        columns=[sketch(of_rows(column, given.rows)) for column in given.table.columns] if given else [],
        levels=request.levels or (None if len(reading.arrays) else suggest_levels(sources)),
        _sources=sources,
    )


def _telling(request: ImportRequest, columns: Sequence[Column], classes: Sequence[str]) -> Iterator[str]:
    """What would tell the truth where that is hidden."""
    for column in columns if request.truth == "hidden" and classes else ():
        if column.kind == TEXT and set(column.names) <= set(classes):
            yield f"{column.name!r} holds the names of classes: who labels sees them, though the truth is hidden"


def _masked(reading: Reading) -> np.ndarray:
    """(n,) 0 for an entry with a mask, -1 for one without; the masks themselves are not read."""
    names = reading.mask_files
    return np.array([0 if names is not None and names[at] else -1 for at in range(len(reading.entries))], np.int32)


def _samples(entries: Entries, groups: np.ndarray, classes: Sequence[str]) -> list[Sample]:
    """The first, the middle and the last of each class; of all when there are none."""

    def spread(at: np.ndarray, label: str | None) -> list[Sample]:
        picked = sorted({int(at[0]), int(at[len(at) // 2]), int(at[-1])})[:EACH] if len(at) else []
        return [Sample(i, entries.paths[i], label) for i in picked]

    codes = {name: code for code, name in enumerate(entries.names)}
    order = np.argsort(entries.labels, kind="stable")
    ends = np.searchsorted(entries.labels[order], np.arange(len(entries.names) + 1))
    found: list[Sample] = []
    for name in classes:
        if name in codes:
            found += spread(order[ends[codes[name]] : ends[codes[name] + 1]], name)
    return found or spread(np.flatnonzero(groups >= 0) if (groups >= 0).any() else np.arange(len(entries)), None)
