"""Project: what pages, routes, notebooks and the command line hold. Labels, queue, rounds and frames; knows no page and no route."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alcore.columns import Snapshot
from alcore.errors import BadInput, NotFound
from alcore.importing.request import ImportRequest
from alcore.importing.samples import bundled_digits, bundled_street
from alcore.naming import clean_classes
from alcore.nets.tasks import TASKS
from alcore.pixels import masks
from alcore.pixels.pictures import Pictures
from alcore.pixels.streaming import open_pixels
from alcore.project import answers, asked, creation, doctor, exporting, frames, layers, loop
from alcore.project import labels as label_sources
from alcore.project.loop import round_title
from alcore.project.workspace import Workspace, shared
from alcore.storage.journal import Journal, Taken
from alcore.storage.maskstore import MaskStore
from alcore.storage.queries import Queries
from alcore.training.batches import Pixels
from alcore.training.pool import Pool
from alcore.training.roundfiles import RoundFiles, round_files
from alcore.training.train import device_list
from alcore.training.turn import START, start_query
from alcore.types import Annotation, Job, Report, Round, ignore_progress


class Project:
    """One data set with its labels and rounds.

    Everything is read from the workspace when asked for, so two objects of one project, in two processes, see the same.
    """

    def __init__(self, workspace: Workspace, row: Mapping[str, Any]) -> None:
        self.workspace = workspace
        self._read(row)

    def _read(self, row: Mapping[str, Any]) -> None:
        self.id: int = row["id"]
        self.name: str = row["name"]
        self.task: str = row["task"]
        self.source = Path(row["source"])
        self.format: str = row["format"]
        self.classes: tuple[str, ...] = tuple(row["classes"])
        self.settings: Mapping[str, Any] = row["settings"]
        self.folder = self.workspace.home / "projects" / row["settings"]["folder"]
        self.journal = Journal(self.workspace.store, self.id)
        self.queries = Queries(self.workspace.store, self.id)
        self.pictures = Pictures(self.folder, self.source, self.settings)
        self.dense: bool = TASKS[self.task].dense
        self.masks = MaskStore(self.workspace.store, self.id, self.folder)

    def __repr__(self) -> str:
        return f"Project({self.name!r}, home={str(self.workspace.home)!r})"

    # ---- making and opening

    @classmethod
    def create(cls, name: str, source: str | Path, home: str | Path | None = None, **options: Any) -> Project:
        """A new project from a folder, CSV or array file; options as for `import_into`."""
        return cls.import_into(shared(home), name, Path(source), **options)

    @classmethod
    def open(cls, name: str, home: str | Path | None = None) -> Project:
        """The project of that name, or NotFound naming those there are."""
        return shared(home).project(name)

    @classmethod
    def import_into(
        cls,
        workspace: Workspace,
        name: str,
        source: Path,
        *,
        report: Report = ignore_progress,
        **options: Any,
    ) -> Project:
        """Imports `source` as a new project; nothing is left of it when that fails or is cancelled.

        Args:
            options: of ImportRequest by name: format, task, truth, hold_out, image_size, cache, classes, void, cut, duplicates, levels.

        Raises:
            BadInput: the name is taken or cannot be used, or the source cannot.
        """
        return creation.import_into(workspace, name, ImportRequest.of(source, options), report)

    def refresh(self, report: Report = ignore_progress, levels: tuple[float, float] | None = None) -> dict[str, Any]:
        """Imports the source again: new and changed images are decoded, those that are gone are set absent; labels, splits and ids stay.

        Args:
            levels: other values that become black and white in pictures of more than 8 bits; every image is decoded anew then.
        """
        return creation.refresh(self, report, levels)

    def delete(self) -> None:
        """Removes the project, its labels and files from the workspace; the source is not touched. Refused while somebody is at work in it,
        in whatever process."""
        creation.delete(self)

    def add_class(self, name: str) -> None:
        """Adds a class at the end, so that the indices of the others stay."""
        new = [c for c in clean_classes([name]) if c not in self.classes]
        if not new:
            raise BadInput(f"cannot add class {name!r}: it is empty or there already")
        with self.workspace.store.write() as conn:
            self.workspace.store.set_project(conn, self.id, classes=[*self.classes, *new])
        self.classes = (*self.classes, *new)

    # ---- counts

    def counts(self) -> dict[str, Any]:
        """items, splits, labeled, labels and truth by class, skipped, flagged, set_aside. Of masks there is one truth and no class."""
        counts = self.workspace.store.counts(self.id)
        if self.dense:
            counts |= {"labels": {}, "truth": {split: {"mask": sum(known.values())} for split, known in counts["truth"].items()}}
        return counts

    @property
    def colors(self) -> list[tuple[int, int, int]]:
        """RGB of each class, for masks."""
        return masks.colors(len(self.classes), self.settings.get("colors", ()))

    def import_summary(self) -> dict[str, Any]:
        """What the command line prints after an import."""
        return frames.import_summary(self)

    def status(self) -> dict[str, Any]:
        """items, labeled, classes, rounds, jobs, and what is waiting to be labeled."""
        return frames.status(self)

    def set_aside(self) -> list[Any]:
        """Files that are no usable images, with reasons."""
        return self.workspace.store.skipped(self.id)

    # ---- labels

    def record(self, events: Sequence[Annotation], within: Any = None) -> tuple[list[int], list[dict[str, Any]]]:
        """Appends events to the journal, (acked, rejected); committed when this returns, or with `within`. See Journal."""
        return self.journal.record(events, None if self.dense else self.classes, within)

    def annotate(self, labels: Mapping[int, str | np.ndarray], annotator: str = "notebook") -> int:
        """Labels items {id: class} or {id: mask}; how many. BadInput, and nothing recorded, when any of them cannot be taken."""
        return label_sources.annotate(self, labels, annotator)

    def label_from_truth(self, n: int, seed: int = 0, annotator: str = "oracle") -> int:
        """Labels `n` unlabeled items, drawn at random, with their hidden truth: a stand-in for a person."""
        return label_sources.from_truth(self, n, seed, annotator)

    def label_query_from_truth(self, annotator: str = "oracle") -> int:
        """Labels what is left of the open query with its hidden truth."""
        return label_sources.query_from_truth(self, annotator)

    def label_from_csv(self, path: Path, annotator: str) -> int:
        """Labels from a CSV with columns path,label; all of them or, when one cannot be taken, none."""
        return label_sources.from_csv(self, path, annotator)

    # ---- rounds

    def rounds(self) -> list[Round]:
        """All rounds by number. Round 0, if there is one, is a start without a model."""
        return self.workspace.store.rounds(self.id, self.name)

    def round(self, number: int | None = None) -> Round:
        """One round, the newest for None; NotFound when there is none."""
        found = self.workspace.store.rounds(self.id, self.name, number)
        if not found:
            raise NotFound(f"{self.name!r} has no round{'' if number is None else f' {number}'}: run `train` first")
        return found[-1]

    def files(self, round_: Round) -> RoundFiles | None:
        """The arrays of a round; None for a start without a model."""
        return None if round_.strategy.startswith(START) else round_files(self.folder / "rounds" / round_.folder)

    def start(self, query_size: int = 50, how: str = "random", seed: int = 0) -> Round:
        """A first query without a model: "random", or "kcenter" over the pixels."""
        started = time.perf_counter()
        chosen = start_query(self.pool(), self.pixels(), query_size, how, seed)
        values = {"strategy": START + how, "params": {}, "train": {}, "seed": seed, "metrics": {}, "device": "cpu", "folder": ""}
        values |= {"labeled": self.counts()["labeled"], "seconds": {"select": time.perf_counter() - started}}
        self.workspace.store.add_round(self.id, values, [int(i) for i in chosen])
        return self.round()

    def run_round(
        self,
        strategy: str,
        query_size: int = 50,
        seed: int | None = None,
        device: str = "auto",
        *,
        params: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
        report: Report | None = None,
    ) -> Round:
        """One round, here and now: train, test, score the pool, select, map. Returns when done; a progress bar where nobody else reports.

        Args:
            strategy: a name of STRATEGIES; "random" without any label starts without a model.
            seed: of model, batches and query; None takes the round's number.
            params, train: the strategy's and the run's parameters by name.
        """
        arguments = self.round_arguments(strategy, query_size, seed, device, params, train)
        if report is None:
            with loop.bar() as shown:
                return self._round_now(arguments, shown)
        return self._round_now(arguments, report)

    def _round_now(self, arguments: Mapping[str, Any], report: Report) -> Round:
        job = self.workspace.runner.run_now(
            "round", self.name, round_title(arguments), arguments, device=arguments["device"], report=report
        )
        return self.round(int((job.result or {})["round"]))

    def train_defaults(self) -> dict[str, Any]:
        """Training parameters that differ from TrainParams' defaults here: the task's recipe, and whether images may be mirrored."""
        return {**TASKS[self.task].recipe, "flip": self.settings["flip"]}

    @property
    def metric(self) -> str:
        """The number that curves show: accuracy, or mean_iou for masks."""
        return TASKS[self.task].metric

    def architectures(self) -> tuple[str, ...]:
        """Backbones that serve the project's task."""
        return TASKS[self.task].architectures

    def round_arguments(
        self,
        strategy: str,
        query_size: int,
        seed: int | None,
        device: str,
        params: Mapping[str, Any] | None,
        train: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """A round job's arguments, checked: raises before anything is queued."""
        return loop.round_arguments(self, strategy, query_size, seed, device, params, train)

    def submit_round(
        self,
        strategy: str,
        query_size: int = 50,
        seed: int | None = None,
        device: str = "auto",
        params: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
    ) -> Job:
        """The same as a background job."""
        arguments = self.round_arguments(strategy, query_size, seed, device, params, train)
        self.workspace.forecasts.stop()  # the job wants its device to itself
        return self.workspace.runner.submit("round", self.name, round_title(arguments), arguments, arguments["device"])

    def perform_round(self, arguments: Mapping[str, Any], work: Path, report: Report) -> Round:
        """What a round job does; see loop.perform_round."""
        return loop.perform_round(self, arguments, work, report)

    def make_map(self, number: int, report: Report = ignore_progress) -> None:
        """Lays a round's embeddings out in 2-D; see loop.make_map."""
        loop.make_map(self, number, report)

    def job_folder(self, job_id: int) -> Path:
        """Where a job of this project keeps its checkpoint and loss history."""
        return self.folder / "jobs" / str(job_id)

    def history(self, job_id: int) -> pd.DataFrame:
        """Losses of a round job so far: stage, step, name, value."""
        path = self.job_folder(job_id) / "history.csv"
        columns = ["stage", "step", "name", "value"]
        return pd.read_csv(path, names=columns) if path.is_file() and path.stat().st_size else pd.DataFrame(columns=columns)

    def pool(self) -> Pool:
        """Who is labeled and who is not, now. Skipped items, and flagged ones without a label, are neither."""
        return Pool.of_masks(self.snapshot())[0] if self.dense else Pool.of(self.snapshot(), self.classes)

    def pixels(self) -> Pixels:
        """(N, size, size, 3) uint8: the packed images, memory-mapped, or a streaming.FileRows that reads files when they are asked for."""
        return open_pixels(self.folder, self.settings)

    def snapshot(self) -> Snapshot:
        """Every present item, by id; iterating gives (id, split, truth, row, label, skipped, flagged). An image whose mask does not fit it
        any more counts as skipped until it is painted again."""
        snapshot = self.workspace.store.snapshot(self.id)
        return self.masks.fitting(snapshot) if self.dense else snapshot

    # ---- reading

    def query_unit(self) -> str:
        """What the newest round asks for: frames, tiles or superpixels."""
        rounds = self.rounds()
        return asked.unit(rounds[-1] if rounds else None)

    def waiting(self) -> int:
        """How many items of the open query nobody has dealt with."""
        opened = self.queries.open()
        return len(opened.waiting) if opened else 0

    def samples(self, classes: int, each: int) -> list[tuple[str, int, list[tuple[str, str]]]]:
        """(class, images, [(address, path)]) of the first classes, by label or truth; without either, of all images."""
        return frames.samples(self, classes, each)

    def pace(self) -> pd.DataFrame:
        """Labels and median seconds a label, by annotator."""
        return frames.pace(self)

    def export_formats(self) -> tuple[str, ...]:
        """What the labels can be written as."""
        return exporting.export_formats(self)

    def labels_archive(self, format_name: str) -> bytes:
        """The export as a zip archive."""
        return exporting.archive(self, format_name)

    def labels_csv(self) -> str:
        """The current labels as CSV text: path, label, split, annotator."""
        return exporting.csv_text(self)

    def devices(self) -> list[tuple[str, str]]:
        """(name, words) of the devices here, best first."""
        return device_list()

    def queue(self, n: int = 48) -> dict[str, Any]:
        """The next items to label, best first, with the reasons."""
        return frames.queue(self, n)

    def item(self, item_id: int) -> dict[str, Any]:
        """One item as the queue shows it, or NotFound."""
        return frames.item(self, item_id)

    def class_table(self, round_: Round | None = None) -> list[dict[str, Any]]:
        """Of a project of masks, a row a class: images and pixels labeled, and the round's iou; None where the test images have none."""
        frame = frames.class_table(self, round_).astype(object)
        return [{str(k): v for k, v in row.items()} for row in frame.where(frame.notna(), None).to_dict("records")]

    def costs(self) -> pd.DataFrame:
        """Of a project of masks: round, images, pixels and clicks that had been spent when it was asked."""
        return frames.costs(self)

    def scores(self, round_: Round | int | None = None) -> pd.DataFrame:
        """A row for each pool item the round scored, most wanted first: id, path, every score, total, rank, selected, prediction, x, y."""
        return frames.scores(self, round_ if isinstance(round_, Round) else self.round(round_))

    def shown_name(self, item_id: int, path: str) -> str:
        """What people see of an item's path: where the truth is hidden, nothing that tells it."""
        return frames.shown_name(self, item_id, path)

    def columns(self, number: int) -> list[dict[str, Any]]:
        """The map's columns: name, kind (number, class or flag), low, high."""
        return frames.columns(self, self.round(number))

    def column(self, number: int, name: str) -> np.ndarray:
        """One of them as an array over all mapped items."""
        return frames.column(self, self.round(number), name)

    def mask(self, item_id: int) -> np.ndarray | None:
        """The item's current mask, (H, W) uint8 with 255 for void; None without one."""
        digest = self.workspace.store.item(self.id, item_id)["label"]
        return self.masks.load(digest) if self.dense and digest else None

    def answer(self, event: Annotation, stream: bytes) -> tuple[str, Taken]:
        """Stores a mask that a browser painted, a zlib stream of its rows, and the event that then names it: see answers.answer."""
        return answers.answer(self, event, stream)

    def draft(self, number: int, item_id: int) -> np.ndarray:
        """What the model of a round would paint, (H, W) uint8; NotFound unless that round asked for the item."""
        return layers.draft(self, number, item_id)

    def picture(self, item_id: int, size: int) -> tuple[bytes, str, str]:
        """(encoded, mime type, etag) with the long side at most `size`."""
        return self.pictures.picture(self.workspace.store.item(self.id, item_id), size)

    def doctor(self, rebuild: bool = False) -> list[str]:
        """What is wrong with the project, in words; with `rebuild` what can be mended is; see doctor.examine."""
        return [*doctor.examine(self, rebuild), *doctor.leftover_words(self.workspace, self, rebuild)]


__all__ = ["Project", "bundled_digits", "bundled_street", "round_title"]
