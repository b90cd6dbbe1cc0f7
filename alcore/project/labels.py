"""Labels that do not come from the labeling page: a notebook's, a CSV's, the hidden truth's. All of a call or, when one is wrong, none."""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.formats.base import Inside
from alcore.formats.places import Places
from alcore.formats.tables import SUFFIXES, open_table
from alcore.naming import class_name
from alcore.pixels import masks
from alcore.project import answers, regions, slices
from alcore.project.stored import Stored
from alcore.types import Annotation


def annotate(project: Stored, labels: Mapping[int, str | np.ndarray], annotator: str = "notebook") -> int:
    """Labels items {id: class}, or {id: mask} with masks (H, W) uint8 of the images' sizes; how many. BadInput, and nothing recorded, when
    any of them cannot be taken."""
    if project.dense:
        return record(project, _stored(project, labels, labels.items()), annotator)
    project.reread()  # a notebook's may be older than the newest names
    known = {value: project.class_meant(value) for value in {value for value in labels.values() if isinstance(value, str)}}
    wrong = sorted({str(value) for value in labels.values() if not isinstance(value, str) or known[value] is None})
    if wrong:
        raise BadInput(
            f"not a class of {project.name}: {', '.join(wrong[:5])}. Classes are {', '.join(project.classes[:20])}; add_class adds one."
        )
    return record(project, {i: str(value) for i, value in labels.items()}, annotator)


def record(
    project: Stored,
    values: Mapping[int, str],
    annotator: str,
    *,
    partial: Container[int] = (),
    clicks: Mapping[int, int] | None = None,
    within: Any = None,
) -> int:
    """One event each: {id: class}, or {id: digest of a stored mask}; how many. All of them in one transaction, that of the caller if it is
    `within` one, or none.

    Args:
        partial: ids whose masks answer what was asked of their images; the rest may be asked for later.
        clicks: id -> how many it took.
    """
    there = project.items.rows([int(i) for i in values], within)
    missing = [int(i) for i in values if int(i) not in there]
    if missing:
        raise NotFound(f"there is no item {missing[0]} in project {project.name!r}")
    opened = project.queries.open()
    client = f"py-{uuid.uuid4().hex[:16]}"

    def kind(i: int) -> str:
        return ("region" if i in partial else "mask") if project.dense else "label"

    number = opened.number if opened else None
    events = [
        Annotation(client, seq, int(i), kind(int(i)), value, annotator=annotator, round=number, clicks=(clicks or {}).get(i))
        for seq, (i, value) in enumerate(values.items(), 1)
    ]
    with project.place.database.write(within) as conn:
        _, rejected = project.journal.record(events, project.classes, conn)
        if rejected:  # leaving by an error takes the others back
            raise BadInput(f"{len(rejected)} of {len(events)} labels were not taken, the first because {rejected[0]['reason']}")
    return len(values)


def _stored(project: Stored, ids: Iterable[int], given: Iterable[tuple[int, str | np.ndarray]]) -> dict[int, str]:
    """Digests of the masks, each checked and kept as it comes: thousands need not be in memory at once. A mask kept beside one that is
    refused does no harm, no event names it."""
    rows = project.items.rows([int(i) for i in ids])
    kept: dict[int, str] = {}
    for i, mask in given:
        if int(i) not in rows:
            raise NotFound(f"there is no item {i} in project {project.name!r}")
        if not isinstance(mask, np.ndarray):
            raise BadInput(f"item {i} gets a mask, not {mask!r}: {project.name!r} is labeled pixel by pixel")
        try:
            masks.check(mask, (rows[int(i)]["width"], rows[int(i)]["height"]), len(project.classes))
        except BadInput as wrong:
            raise BadInput(f"the mask of {rows[int(i)]['path']!r}: {wrong}") from None
        kept[int(i)] = project.masks.keep(mask, len(project.classes))
    return kept


def mask(project: Stored, item_id: int) -> np.ndarray | None:
    """The item's current mask, (H, W) uint8 with 255 for void; None without one."""
    digest = project.items.row(item_id)["label"]
    return project.masks.load(digest) if project.dense and digest else None


def from_truth(project: Stored, n: int, seed: int = 0, annotator: str = "oracle") -> int:
    """Labels `n` unlabeled items, drawn at random, with their hidden truth: a stand-in for a person."""
    free = [
        i
        for i, split, truth, _, label, skip, flag in project.snapshot()
        if split == "pool" and truth and label is None and not skip and not flag
    ]
    if n < 1:
        raise BadInput(f"cannot label {n} items: use at least 1")
    if len(free) < n:
        raise AlcoreError(
            f"cannot label {n} items from the truth: {len(free)} unlabeled items of {project.name!r} have one. Lower the number."
        )
    chosen = np.random.default_rng(seed).permutation(free)[:n]
    return _with_truth(project, [int(i) for i in chosen], annotator, {})


def query_from_truth(project: Stored, annotator: str = "oracle") -> int:
    """Labels what is left of the open query with its hidden truth."""
    opened = project.queries.open()
    if opened is None:
        raise AlcoreError("there is no query yet: train a round first")
    return _with_truth(project, opened.waiting, annotator, regions.asked_areas(project, opened.waiting) if project.dense else {})


def slice_from_truth(project: Stored, annotator: str = "oracle") -> int:
    """Labels what waits of the test slice with its hidden truth."""
    return _with_truth(project, slices.slice_of(project).waiting, annotator, {})


def from_csv(project: Stored, path: Path, annotator: str) -> int:
    """Labels from a table with columns path,label; all of them or, when one cannot be taken, none. For masks the label is a mask's file,
    beside the table or below. Rows without a label are left out: `query --csv` leaves them empty to be filled in."""
    if fault := Inside(path.parent).fault(path.name):
        raise BadInput(f"{path} cannot be read: {fault}")
    table = open_table(path)
    lacking = [name for name in ("path", "label") if name not in table.heading]
    if lacking:
        there = f": its columns are {', '.join(table.heading)[:120]}" if path.suffix.lower() in SUFFIXES else ""
        raise BadInput(f"{path} has no column {' and no column '.join(lacking)}{there}")
    at_path, at_label = table.heading.index("path"), table.heading.index("label")
    given = [(cells[at_path].strip(), class_name(cells[at_label])) for _, cells in table.rows() if cells[at_label].strip()]
    by_path = {item.path: item.id for item in project.items.pool()}
    places = Places(project.source if project.source.is_dir() else project.source.parent, by_path)
    found = {called: called if called in by_path else places.find(called)[0] for called, _ in given}
    unknown = [called for called, _ in given if not found[called]]
    if unknown:
        raise BadInput(
            f"{path}: {len(unknown)} paths are not in project {project.name!r}, first {unknown[0][:80]!r}: take those `query --csv` writes"
        )
    if project.dense:
        files = {by_path[found[called]]: name.replace("\\", "/") for called, name in given}
        door = Inside(path.parent)
        return record(project, _stored(project, files, ((i, _mask_file(door, name)) for i, name in files.items())), annotator)
    labels: dict[int, str] = {}
    for called, label in given:
        if labels.setdefault(by_path[found[called]], label) != label:
            raise BadInput(f"{path}: {called[:80]!r} is labeled {labels[by_path[found[called]]]!r} and {label!r}: keep one of them")
    return annotate(project, labels, annotator)


def _mask_file(door: Inside, name: str) -> np.ndarray:
    path = door.file(name)
    try:
        return masks.read_mask(path)
    except BadInput as wrong:
        raise BadInput(f"{path}: {wrong}") from None


def _with_truth(project: Stored, ids: Sequence[int], annotator: str, areas: Mapping[int, np.ndarray]) -> int:
    """Labels items with their truth, those in `areas` only there."""
    rows = project.items.rows(ids)
    without = [i for i in ids if rows[i]["truth"] is None]
    if without:
        raise AlcoreError(
            f"{len(without)} of {len(ids)} items have no hidden truth, first {rows[without[0]]['path']!r}: label them by hand"
        )
    truths = {i: rows[i]["truth"] for i in ids}
    if not project.dense:
        return record(project, truths, annotator)
    clicks = {}
    for i, truth in truths.items():
        area = regions.full_area(areas[i], rows[i]) if i in areas else None
        clicks[i] = masks.components(project.masks.load(truth), area)
    with project.place.database.write() as conn:
        parts = answers.reveal(project, {i: areas[i] for i in truths if i in areas}, truths, conn)
        return record(project, {**truths, **parts}, annotator, partial=parts, clicks=clicks, within=conn)
