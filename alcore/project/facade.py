"""What a notebook holds: Project, one data set with all that can be done with it, and Workspace, where projects lie.

The doors (web, command line, pages) call the modules beside this one instead; what stands here is what a person types.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alcore.home import own_strategies, resolve_home
from alcore.importing.request import ImportRequest
from alcore.jobs.runner import JobRunner
from alcore.params import TrainParams
from alcore.progress import Bar, Report, ignore_progress
from alcore.project import (
    background,
    classes,
    confined,
    creation,
    display,
    exporting,
    labels,
    leftovers,
    loop,
    plans,
    queue,
    remote,
    scoring,
    slices,
    tables,
    timing,
    why,
)
from alcore.project.clicks import Clicks
from alcore.project.features import Features
from alcore.project.live import Live
from alcore.project.place import Place
from alcore.project.stored import Stored
from alcore.showing import as_html
from alcore.strategies import look
from alcore.training.turn import Order
from alcore.types import Job, Round
from alcore.uploads.reach import Reach, is_address


class Workspace(Place):
    """A place with what works in it: its projects, the job runner, the forecasts. Thread-safe; one object serves a process.

    Args:
        home: the folder; else ALCORE_HOME, else ./workspace. Made when it is not there.
    """

    def __init__(self, home: str | Path | None = None) -> None:
        super().__init__(home)
        self.look_for_strategies()
        display.opened(self)
        self._making = threading.Lock()
        self._runner: JobRunner | None = None
        self._forecasts: timing.Forecasts | None = None
        self._live: Live | None = None
        self._clicks: Clicks | None = None

    def project(self, name: str) -> Project:
        """The project, or NotFound naming those there are."""
        return Project(self, self.project_rows.row(name))

    def look_for_strategies(self) -> tuple[str, ...]:
        """Reads what is new or changed in the workspace's folder `strategies`; what is wrong with own strategies, a sentence each."""
        return look(own_strategies(self.home))

    @property
    def runner(self) -> JobRunner:
        """The one job runner of this process."""
        with self._making:
            if self._runner is None:
                self._runner = JobRunner(
                    self.job_rows,
                    background.kinds(
                        self,
                        imported=lambda of: background.begin_features(self.runner, of),
                        learned=lambda of: self.live.answered(of.name),
                    ),
                    plan=lambda job: plans.plan(self, job, self.forecasts.stages),
                )
                display.runs(self._runner)
            return self._runner

    @property
    def live(self) -> Live:
        """What begins rounds by itself while people label."""
        with self._making:
            if self._live is None:
                self._live = Live(self, lambda: self.runner)
            return self._live

    @property
    def clicks(self) -> Clicks:
        """What makes pictures ready for clicks, and answers them."""
        with self._making:
            if self._clicks is None:
                self._clicks = Clicks(self)
            return self._clicks

    @property
    def forecasts(self) -> timing.Forecasts:
        """How long rounds would take, as far as this process knows."""
        with self._making:
            if self._forecasts is None:
                self._forecasts = timing.Forecasts(self)
            return self._forecasts

    def collect_leftovers(self) -> threading.Thread:
        """Removes what killed work left, in the background; see leftovers.collect."""
        return leftovers.collect_in_background(self)

    def close(self) -> None:
        """Stops jobs and closes the database."""
        display.closed(self, self._runner)
        with self._making:
            runner, self._runner = self._runner, None
            forecasts, self._forecasts = self._forecasts, None
            live, self._live = self._live, None
            clicks, self._clicks = self._clicks, None
        if live:
            live.close()
        if clicks:
            clicks.close()
        if forecasts:
            forecasts.close()
        if runner:
            runner.stop()
        super().close()


class Project(Stored):
    """One data set with its labels and rounds: what Stored reads of it, and all that can be done with it."""

    def __init__(self, workspace: Workspace, row: Mapping[str, Any]) -> None:
        super().__init__(workspace, row)
        self.workspace = workspace

    def _repr_html_(self) -> str | None:
        return as_html(self)

    # ---- making and opening

    @classmethod
    def create(cls, name: str, source: str | Path, home: str | Path | None = None, **options: Any) -> Project:
        """A new project from a folder, CSV or array file; options as for `import_into`."""
        return cls.import_into(shared(home), name, source, **options)

    @classmethod
    def open(cls, name: str, home: str | Path | None = None) -> Project:
        """The project of that name, or NotFound naming those there are."""
        return shared(home).project(name)

    @classmethod
    def import_into(
        cls, workspace: Workspace, name: str, source: str | Path, *, report: Report = ignore_progress, **options: Any
    ) -> Project:
        """Imports `source` as a new project; nothing is left of it when that fails or is cancelled. What lies at an address (https://…,
        s3://…) is fetched first, and stays.

        Args:
            options: of ImportRequest by name: format, task, truth, hold_out, image_size, cache, classes, void, cut, duplicates, levels,
                metadata, group_by.

        Raises:
            BadInput: the name is taken or cannot be used, or the source cannot.
        """
        if is_address(source):
            source = background.fetch_now(workspace.runner, workspace, str(source), report)
        creation.import_into(workspace, name, ImportRequest.of(source, options), report)
        return workspace.project(name)

    def refresh(self, report: Report = ignore_progress, levels: tuple[float, float] | None = None) -> dict[str, Any]:
        """Imports the source again, fetched again if it came from an address; see creation.refresh."""
        remote.bring_again(self, Reach(all_=True), report)
        return creation.refresh(self, report, levels)

    def delete(self) -> None:
        """Removes the project, its labels and files from the workspace; see creation.delete."""
        creation.delete(self)

    def add_class(self, name: str) -> None:
        """Adds a class at the end, so that the indices of the others stay."""
        classes.add(self, name)

    # ---- labels

    def annotate(self, given: Mapping[int, str | np.ndarray], annotator: str = "notebook") -> int:
        """Labels items {id: class} or {id: mask}; how many. BadInput, and nothing recorded, when any of them cannot be taken."""
        return labels.annotate(self, given, annotator)

    def label_from_truth(self, n: int, seed: int = 0, annotator: str = "oracle") -> int:
        """Labels `n` unlabeled items, drawn at random, with their hidden truth: a stand-in for a person."""
        return labels.from_truth(self, n, seed, annotator)

    def label_query_from_truth(self, annotator: str = "oracle") -> int:
        """Labels what is left of the open query with its hidden truth."""
        return labels.query_from_truth(self, annotator)

    def label_from_csv(self, path: Path, annotator: str) -> int:
        """Labels from a CSV with columns path,label; all of them or, when one cannot be taken, none."""
        return labels.from_csv(self, path, annotator)

    def mask(self, item_id: int) -> np.ndarray | None:
        """The item's current mask, (H, W) uint8 with 255 for void; None without one."""
        return labels.mask(self, item_id)

    # ---- rounds

    def start(self, query_size: int = 50, how: str = "random", seed: int = 0) -> Round:
        """A first query without a model: "random", "kcenter" over the pixels, or "groups" of features; see loop.start."""
        return loop.start(self, query_size, how, seed)

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
        order = loop.ordered(self, strategy, query_size, seed, device, params, train)
        if report is None:
            with Bar() as shown:
                return self._round_now(order, shown)
        return self._round_now(order, report)

    def _round_now(self, order: Order, report: Report) -> Round:
        job = self.workspace.runner.run_now("round", self.name, order.title, order.arguments(), device=order.device, report=report)
        return self.round(int((job.result or {})["round"]))

    def submit_round(
        self,
        strategy: str,
        query_size: int = 50,
        seed: int | None = None,
        device: str = "auto",
        params: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
    ) -> Job:
        """The same as a background job. BadInput also for a parameter that names a file which pages may not read; see confined."""
        confined.check_settings(self.place, {**(params or {}), **(train or {})})
        order = loop.ordered(self, strategy, query_size, seed, device, params, train)
        self.workspace.forecasts.stop()  # the job wants its device to itself
        return self.workspace.runner.submit("round", self.name, order.title, order.arguments(), order.device)

    def history(self, job_id: int) -> pd.DataFrame:
        """Losses of a round job so far: stage, step, name, value."""
        return tables.history(self, job_id)

    # ---- features

    def features(
        self,
        extractor: str = TrainParams.extractor,
        device: str = "auto",
        *,
        on: str = "",
        workers: int = 0,
        report: Report | None = None,
    ) -> dict[str, Any]:
        """Makes what is missing of what a frozen network sees in each image, here and now, and the map of it: how many items have
        features, how fast it went, what could not be read. A progress bar where nobody else reports.

        Args:
            extractor: lite0, lite2, timm:NAME, torchvision:NAME or onnx:PATH.
            on: "ray" has the machines of a Ray cluster read the images, which must see their folder; the device is auto, cpu or cuda then.
            workers: with it, the most processes at a time; 0: as many as the cluster has room for.
        """
        if report is None:
            with Bar() as shown:
                return self.features(extractor, device, on=on, workers=workers, report=shown)
        return dict(background.make_features(self.workspace.runner, self, extractor, device, report, on, workers))

    def vectors(self, extractor: str = TrainParams.extractor) -> tuple[np.ndarray, np.ndarray]:
        """(ids, vectors) of the images that have features: (n,) int64 and (n, dim) float16, in the order in which they were made.

        Memory-mapped, unless images share their content or some are gone: then it is a copy.
        """
        return Features(self, extractor).table()

    # ---- reading

    def status(self) -> dict[str, Any]:
        """items, labeled, classes, rounds, jobs, what is waiting to be labeled, and what the test slice says (None without one)."""
        return {**tables.status(self), "slice": slices.told(self)}

    def queue(self, n: int = 48) -> dict[str, Any]:
        """The next items to label, best first, with the reasons."""
        return queue.queue(self, n)

    def item(self, item_id: int, viewer: str | None = None) -> dict[str, Any]:
        """One item as the queue shows it, to `viewer` where somebody is named; or NotFound. See queue.item."""
        return queue.item(self, item_id, viewer)

    def why(self, item_id: int, round_: Round | int | None = None) -> dict[str, Any]:
        """Why a round asked for an item: every score with its formula and the numbers put in; see why.why."""
        return why.why(self, item_id, round_.number if isinstance(round_, Round) else round_)

    def picture(self, item_id: int, size: int) -> tuple[bytes, str, str]:
        """(encoded, mime type, etag) with the long side at most `size`."""
        return self.pictures.picture(self.items.row(item_id), size)

    def scores(self, round_: Round | int | None = None, ids: Sequence[int] | None = None) -> pd.DataFrame:
        """A row for each pool item the round scored, or of `ids`, most wanted first: id, path, every score, total, rank, selected,
        prediction, x, y."""
        return tables.scores(self, round_ if isinstance(round_, Round) else self.round(round_), ids)

    def score(
        self,
        round_: Round | int | None = None,
        query_size: int = 50,
        device: str = "auto",
        *,
        on: str = "",
        workers: int = 0,
        report: Report | None = None,
    ) -> pd.DataFrame:
        """Every image that may be asked for today, ranked by a round's model with today's labels: a row each, most wanted first, with path,
        id, every score, rank, asked and prediction. Trains and stores nothing; on="ray" shares out the look over a cluster. See
        scoring.score. A progress bar where nobody else reports."""
        if report is None:
            with Bar() as shown:
                return self.score(round_, query_size, device, on=on, workers=workers, report=shown)
        chosen = round_ if isinstance(round_, Round | None) else self.round(round_)
        return pd.DataFrame(scoring.score(self, chosen, query_size, device, report, on=on, workers=workers).columns(self))

    def class_table(self, round_: Round | None = None) -> list[dict[str, Any]]:
        """Of a project of masks, a row a class: images and pixels labeled, and the round's iou; None where the test images have none."""
        return tables.class_rows(self, round_)

    def costs(self) -> pd.DataFrame:
        """Of a project of masks: round, images, pixels and clicks that had been spent when it was asked."""
        return tables.costs(self)

    def pace(self) -> pd.DataFrame:
        """Labels and median seconds a label, by annotator."""
        return tables.pace(self)

    def labels_csv(self) -> str:
        """The current labels as CSV text: path, label, split, annotator."""
        return exporting.csv_text(self)


_shared: dict[Path, Workspace] = {}
_shared_lock = threading.Lock()


def shared(home: str | Path | None = None) -> Workspace:
    """The process's one Workspace of a home: what the app, its routes and its pages have in common."""
    where = resolve_home(home)
    with _shared_lock:
        if where not in _shared:
            _shared[where] = Workspace(where)
        return _shared[where]
