"""Labels that do not come from the labeling page: a notebook's, a CSV's, the hidden truth's. All of a call or, when one is wrong, none."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.types import Annotation

if TYPE_CHECKING:
    from alcore.project import Project


def annotate(project: Project, labels: Mapping[int, str], annotator: str = "notebook") -> int:
    """Labels items {id: class}; how many. BadInput, and nothing stored, when any of them cannot be taken."""
    classes = set(project.classes)
    wrong = sorted({str(value) for value in labels.values() if value not in classes})
    if wrong:
        raise BadInput(
            f"not a class of {project.name}: {', '.join(wrong[:5])}. Classes are {', '.join(project.classes[:20])}; add_class adds one."
        )
    there = project.workspace.store.item_rows(project.id, [int(i) for i in labels])
    missing = [int(i) for i in labels if int(i) not in there]
    if missing:
        raise NotFound(f"there is no item {missing[0]} in project {project.name!r}")
    opened = project.workspace.store.open_query(project.id)
    client = f"py-{uuid.uuid4().hex[:16]}"
    number = opened.number if opened else None
    project.record(
        [
            Annotation(client, seq, int(i), "label", value, annotator=annotator, round=number)
            for seq, (i, value) in enumerate(labels.items(), 1)
        ]
    )
    return len(labels)


def from_truth(project: Project, n: int, seed: int = 0, annotator: str = "oracle") -> int:
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
    return _with_truth(project, [int(i) for i in chosen], annotator)


def query_from_truth(project: Project, annotator: str = "oracle") -> int:
    """Labels what is left of the open query with its hidden truth."""
    opened = project.workspace.store.open_query(project.id)
    if opened is None:
        raise AlcoreError("there is no query yet: train a round first")
    return _with_truth(project, opened.waiting, annotator)


def from_csv(project: Project, path: Path, annotator: str) -> int:
    """Labels from a CSV with columns path,label; all of them or, when one cannot be taken, none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lacking = {"path", "label"} - set(reader.fieldnames or ())
            if lacking:
                raise BadInput(
                    f"{path} has no column {' and no column '.join(sorted(lacking))}: "
                    f"its columns are {', '.join(reader.fieldnames or ()) or 'none'}"
                )
            given = [(row["path"], row["label"]) for row in reader if row["label"]]  # `query --csv` leaves them empty to be filled in
    except OSError as wrong:
        raise BadInput(f"{path} cannot be read: {wrong.strerror}") from wrong
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise BadInput(f"{path} is not a CSV in UTF-8: {wrong}") from wrong
    by_path = {item.path: item.id for item in project.workspace.store.pool_items(project.id)}
    unknown = [p for p, _ in given if p not in by_path]
    if unknown:
        raise BadInput(
            f"{path}: {len(unknown)} paths are not in project {project.name!r}, first {unknown[0]!r}: use the paths `query --csv` writes"
        )
    return annotate(project, {by_path[p]: label for p, label in given}, annotator)


def _with_truth(project: Project, ids: Sequence[int], annotator: str) -> int:
    rows = project.workspace.store.item_rows(project.id, ids)
    without = [i for i in ids if rows[i]["truth"] is None]
    if without:
        raise AlcoreError(
            f"{len(without)} of {len(ids)} items have no hidden truth, first {rows[without[0]]['path']!r}: label them by hand"
        )
    return annotate(project, {i: rows[i]["truth"] for i in ids}, annotator)
