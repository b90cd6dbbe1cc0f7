"""What pages and notebooks read of a project as tables: scores, map columns, class counts, costs, pace, the learning curve. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from alcore.errors import NotFound
from alcore.pixels.maskfiles import class_counts
from alcore.project import addresses, features, metacolors, metadata, points, sharing
from alcore.project.catalog import catalog
from alcore.project.stored import Stored
from alcore.storage.events import fold
from alcore.strategies import SCORES, title_of
from alcore.training import explain
from alcore.training.roundfiles import RoundFiles
from alcore.types import START, Round

SAID = ("label", "annotator", "correct")  # columns that tell what people said, -1 for nothing
OF_CLASSES = ("prediction", "label", "truth")  # columns of the map whose values are places of classes


def scores(project: Stored, round_: Round, ids: Sequence[int] | None = None) -> pd.DataFrame:
    """A row for each scored item, most wanted first; a start without a model has its query only.

    Args:
        ids: of these items alone, as far as they were scored: of a million images a few are told at once.
    """
    files = project.files(round_)
    if files is None:
        asked = np.array(round_.query, np.int64)
        frame = pd.DataFrame({"id": asked, "rank": np.arange(1, len(asked) + 1), "selected": True})
        frame = frame if ids is None else frame[frame["id"].isin(list(ids))]
    else:
        known = files.position
        at = np.arange(len(files.ids)) if ids is None else np.array([known[i] for i in dict.fromkeys(ids) if i in known], np.int64)
        columns = {"id": files.ids, **files.scores, "rank": files.ranks["total"]}
        frame = pd.DataFrame({name: values[at] for name, values in columns.items()})
        frame["selected"] = frame["id"].isin(files.selected)
        frame["prediction"] = np.array(project.classes, object)[files.guesses[at]]
        frame["x"], frame["y"] = _positions(files)[at].T
    paths = project.items.paths() if ids is None else {i: row["path"] for i, row in project.items.rows(list(ids)).items()}
    frame.insert(1, "path", [paths.get(int(i), "") for i in frame["id"]])
    return frame.sort_values("rank", ignore_index=True)


def _positions(files: RoundFiles | _Start) -> np.ndarray:
    """(m, 2) in the order of walked_ids; NaN before the map is made."""
    laid = files.map
    if laid is None:
        return np.full((len(files.walked_ids), 2), np.nan, np.float32)
    return laid[1]


@dataclass(frozen=True)
class _Start:
    """What RoundFiles tells of a round, of a start without a model: the map of the features, and who is asked for."""

    walked_ids: np.ndarray
    xy: np.ndarray
    selected: np.ndarray
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def ids(self) -> np.ndarray:
        return self.walked_ids[:0]  # nobody has a score

    @property
    def map(self) -> tuple[np.ndarray, np.ndarray]:
        return self.walked_ids, self.xy


def mapped_round(project: Stored, number: int) -> Round:
    """The round whose map is meant; for 0, where no round has that number, what stands for the time before the first one."""
    if number == 0 and not any(r.number == 0 for r in project.rounds()):
        return Round(0, project.name, 0, f"{START}random", {}, {}, 0, 0, (), {}, {}, "", "", 0.0)
    return project.round(number)


def _mapped(project: Stored, round_: Round) -> RoundFiles | _Start | None:
    """What there is to map: a round's files once their map is made, the features' map for a start, None otherwise."""
    files = project.files(round_)
    if files is not None:
        return files if files.map is not None else None
    laid = features.first_map(project)
    return None if laid is None else _Start(*laid, np.array(round_.query, np.int64))


def columns(project: Stored, round_: Round) -> list[dict[str, Any]]:
    """Names, kinds and ranges of what the map can show; empty before there is a map."""
    files = _mapped(project, round_)
    if files is None:
        return []
    result: list[dict[str, Any]] = []
    for name in ("x", "y"):
        values = column(project, round_, name)
        result.append({"name": name, "kind": "number", "low": float(values.min()), "high": float(values.max())})
    classes = len(project.classes)
    for name in score_names(files):
        low, high = explain.bounds(name, files.scores[name], classes)
        about = explain.info(name, round_.strategy)
        told = {"title": about.title, "unit": about.unit, "wanted": about.wanted, "help": about.help}
        result.append({"name": name, **told, "kind": "number", "low": low, "high": high})
    guessed = ("prediction", "label") if isinstance(files, RoundFiles) else ("label",)
    result += [{"name": n, "title": n.capitalize(), "kind": "class", "low": 0, "high": classes - 1} for n in guessed]
    result += points.listed(project, round_, isinstance(files, RoundFiles))
    if any(colors := _chosen_colors(project)):
        result = [{**one, "colors": colors} if one["name"] in OF_CLASSES else one for one in result]
    return [*result, {"name": "selected", "kind": "flag", "low": 0, "high": 1}]


def _chosen_colors(project: Stored) -> list[str]:
    """#rrggbb of each class for which somebody chose a color, empty for the others; of masks, those they are painted in."""
    if project.dense:
        return ["#{:02x}{:02x}{:02x}".format(*color) for color in project.colors]
    return [project.settings.get("looks", {}).get(name, {}).get("color", "") for name in project.classes]


def score_names(files: RoundFiles | _Start) -> list[str]:
    """The score columns of a round: what it ranks by first, then in the order in which they are told of."""
    known = ["total", *SCORES]
    return sorted(files.scores, key=lambda name: (known.index(name) if name in known else len(known), name))


def column_for(project: Stored, round_: Round, name: str, viewer: str) -> np.ndarray:
    """A column as a person may see it: nothing of what others said of images that still want this one's own opinion."""
    values = column(project, round_, name)
    hidden = sharing.unseen(project, viewer) if name in SAID else ()
    if not hidden:
        return values
    return np.where(np.isin(column(project, round_, "id"), hidden), np.array(-1, values.dtype), values)


def column(project: Stored, round_: Round, name: str) -> np.ndarray:
    """One column over all mapped items: id and place_by_name int32, selected uint8, classes, rounds, people and verdicts int16 (-1: none),
    the rest float32."""
    files = _mapped(project, round_)
    if files is None:
        raise NotFound(f"round {round_.number} of {project.name!r} has no map")
    ids = files.walked_ids
    if name == "id":
        return ids.astype(np.int32)
    if name == "place_by_name":
        return _places_by_name(project, ids)
    if name in ("x", "y"):
        return _positions(files)[:, "xy".index(name)].astype(np.float32)
    if name == "selected":
        return np.isin(ids, files.selected).astype(np.uint8)
    if name == "prediction" and isinstance(files, RoundFiles):
        return files.guesses
    if name == "label":
        labels = project.items.labels()
        index = _largest(project, labels) if project.dense else {c: k for k, c in enumerate(project.classes)}
        return points.of_items(ids, {i: index.get(label, -1) for i, label in labels.items()})
    if name == "truth" and points.truth_is_open(project):
        return points.truths(project, ids)
    if name == "asked":
        return points.asked(project, round_, ids)
    if name == "annotator":
        return points.annotators(project, ids)
    if name == "correct" and isinstance(files, RoundFiles) and not project.dense:
        truth = points.truths(project, ids) if points.truth_is_open(project) else None
        return points.verdicts(column(project, round_, "prediction"), column(project, round_, "label"), truth)
    if name.startswith(metadata.PREFIX):
        return metacolors.on_map(project, name.removeprefix(metadata.PREFIX), ids)
    if name not in files.scores:
        raise NotFound(f"round {round_.number} has no column {name!r}")
    values = np.full(len(ids), np.nan, np.float32)
    values[: len(files.ids)] = files.scores[name]
    return values


def _places_by_name(project: Stored, ids: np.ndarray) -> np.ndarray:
    """Where each item comes when they are sorted by the names people see, in natural order; equal names by id. Items that an import has
    taken away since the round come last."""
    of = catalog(project)
    at = of.places(ids)
    known = np.where(at >= 0, of.names.places[at] if len(of) else 0, len(of))
    places = np.empty(len(ids), np.int32)
    places[np.lexsort((ids, known))] = np.arange(len(ids))
    return places


def _largest(project: Stored, labels: Mapping[int, str]) -> dict[str, int]:
    """Digest -> the class with most pixels in that mask; masks of nothing but void are left out."""
    counts = project.masks.pixels(labels.values())
    return {digest: int(np.argmax(pixels[:-1])) for digest, pixels in counts.items() if any(pixels[:-1])}


def pictures(project: Stored, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """id -> (address of the picture, name to show) of those of these items that are there."""
    rows = project.items.rows(ids)
    return {i: (addresses.picture(project.name, i, row["fingerprint"]), project.shown_name(i, row["path"])) for i, row in rows.items()}


def pace(project: Stored) -> pd.DataFrame:
    """annotator, labels, median seconds: from the journal's times, without pauses over two minutes."""
    rows = project.items.label_times()
    frame = pd.DataFrame(rows, columns=["annotator", "ms"])
    frame = frame[frame["ms"] <= 120_000]
    if frame.empty:
        return pd.DataFrame(columns=["annotator", "labels", "median seconds"])
    grouped = frame.groupby("annotator")["ms"]
    return pd.DataFrame(
        {"annotator": grouped.size().index, "labels": grouped.size().to_numpy(), "median seconds": grouped.median().to_numpy() / 1000}
    )


def status(project: Stored) -> dict[str, Any]:
    """items, labeled, classes, rounds, jobs, and what is waiting to be labeled."""
    counts = project.counts()
    opened = project.queries.open()
    return {
        "project": project.name,
        "items": counts["items"],
        "splits": counts["splits"],
        "labeled": counts["labeled"],
        "skipped": counts["skipped"],
        "flagged": counts["flagged"],
        "set_aside": counts["set_aside"],
        "waiting": len(opened.waiting) if opened else 0,
        "classes": list(project.classes),
        "rounds": [
            {"round": r.number, "strategy": r.strategy, "labeled": r.labeled, "metrics": dict(r.metrics), "seconds": dict(r.seconds)}
            for r in project.rounds()
        ],
        "jobs": [
            {"id": j.id, "kind": j.kind, "state": j.state, "title": j.title}
            for j in project.place.job_rows.jobs(project.name)
            if not j.over
        ],
    }


def class_table(project: Stored, round_: Round | None = None) -> pd.DataFrame:
    """A row a class of a project of masks: class, pixels (labeled, in the pool), share (of the labeled pixels), images (whose mask has it),
    and iou of the round, empty for a class that the test images do not have."""
    labels = project.items.labels()
    pixels = project.masks.pixels(labels.values())
    each = [pixels[digest] for digest in labels.values()]
    counts = class_counts(each, len(project.classes))[:-1]
    images = np.sum([np.pad(np.array(c[:-1]) > 0, (0, len(project.classes) - len(c) + 1)) for c in each], axis=0, dtype=int)
    frame = pd.DataFrame({"class": project.classes, "images": images, "pixels": counts, "share": counts / max(1, counts.sum())})
    if round_ is not None:
        frame["iou"] = [round_.metrics.get(f"iou/{k}") for k in range(len(project.classes))]
    return frame


def class_rows(project: Stored, round_: Round | None = None) -> list[dict[str, Any]]:
    """The same as dictionaries, with None where there is no number."""
    frame = class_table(project, round_).astype(object)
    return [{str(k): v for k, v in row.items()} for row in frame.where(frame.notna(), None).to_dict("records")]


def history(project: Stored, job_id: int) -> pd.DataFrame:
    """Losses of a round job so far: stage, step, name, value."""
    path = project.job_folder(job_id) / "history.csv"
    columns = ["stage", "step", "name", "value"]
    return pd.read_csv(path, names=columns) if path.is_file() and path.stat().st_size else pd.DataFrame(columns=columns)


def costs(project: Stored) -> pd.DataFrame:
    """round, images, pixels, clicks of a project of masks: what had been painted before each round was stored, void left out.

    Clicks are those the editor counted; what the hidden truth answered counts one click for each connected area of a class.
    """
    events = project.masks.events()
    counted = project.masks.pixels(value for _, kind, value, _, _ in events if value and kind in ("mask", "region"))
    rows = []
    for round_ in project.rounds():
        before = [event for event in events if event[4] < round_.created]
        standing = _standing(before)
        masks_then = [counted[digest] for digest in standing.values()]
        painted = int(class_counts(masks_then, len(project.classes))[:-1].sum())
        clicks = sum(clicks for _, kind, _, clicks, _ in before if kind in ("mask", "region"))
        rows.append((round_.number, len(standing), painted, clicks))
    return pd.DataFrame(rows, columns=["round", "images", "pixels", "clicks"])


def _standing(events: list[tuple[int, str, str | None, int, float]]) -> dict[int, str]:
    """item -> digest of the mask it has after these events."""
    by_item: dict[int, list[tuple[str, str | None, str, float]]] = {}
    for item_id, kind, value, _, created in events:
        by_item.setdefault(item_id, []).append((kind, value, "", created))
    states = {item_id: fold(of_item) for item_id, of_item in by_item.items()}
    return {item_id: state["label"] for item_id, state in states.items() if state and state["label"]}


def learning_curve(rounds: list[Round]) -> pd.DataFrame:
    """strategy, round, labeled, metric, value, asked_by: one row for each round and metric; metrics of single classes (iou/3) are left out.

    `strategy` is what the round trained with, `asked_by` what had asked for the newest of its labels: the round before.
    """
    rows: list[tuple[Any, ...]] = []
    asked_by, labeled = "first labels", 0
    for at, r in enumerate(rounds):
        if at and r.labeled > labeled:  # without new labels, those of the round before are still the newest
            asked_by = _title(rounds[at - 1])
        labeled = r.labeled
        rows += [(_title(r), r.number, r.labeled, name, value, asked_by) for name, value in r.metrics.items() if "/" not in name]
    return pd.DataFrame(rows, columns=["strategy", "round", "labeled", "metric", "value", "asked_by"])


def _title(round_: Round) -> str:
    if round_.start:
        return "first labels"
    return title_of(round_.strategy, round_.params, round_.train)
