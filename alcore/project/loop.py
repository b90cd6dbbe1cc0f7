"""One turn of the loop as a job does it: arguments checked, the pool frozen, a round run and stored, its map made. Knows no page."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alcore.errors import AlcoreError, NotEnoughLabels
from alcore.files import written_whole
from alcore.measures.layout import cached_layout
from alcore.pixels.maskfiles import at_size, class_counts
from alcore.project.asked import answered_areas
from alcore.strategies import STRATEGIES
from alcore.training.pool import Pool
from alcore.training.train import pick_device
from alcore.training.turn import Order, run
from alcore.types import Progress, Report, Round, Scores, ignore_progress

if TYPE_CHECKING:
    from alcore.project.facade import Project


def round_arguments(
    project: Project,
    strategy: str,
    query_size: int,
    seed: int | None,
    device: str,
    params: Mapping[str, Any] | None,
    train: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """A round job's arguments, checked: raises before anything is queued."""
    if seed is None:
        seed = len(project.rounds())
    arguments = order_arguments(project, strategy, query_size, seed, device, params, train)
    _, run_params = Order(**arguments).check()
    if run_params.query_unit != "frames" and not project.counts()["labeled"]:
        raise NotEnoughLabels(f"nothing is labeled yet, and {run_params.query_unit} are ranked by a model: label some whole images first")
    if strategy != "random" or project.counts()["labeled"]:
        pool = project.pool()
        pool.check_trainable(len(project.classes), _seen_classes(project) if project.dense else None)
    return arguments


def order_arguments(
    project: Project,
    strategy: str,
    query_size: int,
    seed: int,
    device: str,
    params: Mapping[str, Any] | None,
    train: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The same, checked without a look at the pool: whether there is enough to train on is another question."""
    train = {"flip": project.settings["flip"], **(train or {})}
    Order(strategy, query_size, seed, device, dict(params or {}), train, task=project.task).check()
    return {
        "strategy": strategy,
        "query_size": query_size,
        "seed": seed,
        "device": str(pick_device(device)),
        "params": dict(params or {}),
        "train": train,
        "task": project.task,
    }


def _seen_classes(project: Project) -> int:
    """How many classes occur in the masks of the pool."""
    counts = class_counts(list(project.masks.pixels(project.workspace.store.labels(project.id).values()).values()), len(project.classes))
    return int((counts[:-1] > 0).sum())


def round_title(arguments: Mapping[str, Any]) -> str:
    """What a round job is called in lists."""
    strategy = STRATEGIES[arguments["strategy"]].title
    return f"{strategy}, query of {arguments['query_size']}"


def perform_round(project: Project, arguments: Mapping[str, Any], work: Path, report: Report) -> Round:
    """What a round job does. The pool is frozen in `work` at the first attempt, so that a resumed job gives what it would have given."""
    order = Order(**arguments)
    stored_as = work / "folder"
    if stored_as.is_file():  # interrupted after the round was stored, or just before: never store it twice
        there = [r.number for r in project.rounds() if r.folder == stored_as.read_text()]
        if there:
            project.make_map(there[0], report)
            return project.round(there[0])
    frozen = _Frozen.read(work) if (work / "pool.npz").is_file() else _Frozen.now(project)
    if not (work / "pool.npz").is_file():
        if order.strategy == "random" and len(frozen.pool.labeled) == 0:
            return project.start(order.query_size, "random", order.seed)
        frozen.write(work)
    pool, pixels = _in_present_rows(project, frozen.pool), project.pixels()
    dense = at_size(project.folder, frozen.digests, pixels.shape[1], report) if project.dense else None
    outcome = run(order, pool, frozen.classes, pixels, project.folder / "rounds", report, work=work, dense=dense, asked=frozen.asked)
    with written_whole(stored_as) as file:
        file.write(outcome.folder.encode())
    values = {
        "strategy": order.strategy,
        "params": dict(order.params),
        "train": vars(outcome.train),
        "seed": order.seed,
        "labeled": len(pool.labeled),
    }
    values |= {"metrics": outcome.metrics, "seconds": outcome.seconds, "device": outcome.device, "folder": outcome.folder}
    round_id = project.workspace.store.add_round(project.id, values, _still_asked(project, outcome.scores))
    (work / "checkpoint.pt").unlink(missing_ok=True)
    number = next(r.number for r in project.rounds() if r.id == round_id)
    project.make_map(number, report)
    return project.round(number)


@dataclass(frozen=True)
class _Frozen:
    """What a round starts from: the pool, the number of classes, and for masks their digests and what was asked of images before."""

    pool: Pool
    classes: int
    digests: tuple[str, ...] = ()
    asked: Mapping[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def now(cls, project: Project) -> _Frozen:
        if not project.dense:
            return cls(project.pool(), len(project.classes))
        pool, digests = Pool.of_masks(project.snapshot())
        return cls(pool, len(project.classes), digests, answered_areas(project))

    @classmethod
    def read(cls, work: Path) -> _Frozen:
        with np.load(work / "pool.npz") as stored:
            pool = Pool(**{name: stored[name] for name in Pool.__dataclass_fields__ if name in stored})
            if "digests" not in stored:  # frozen before there were masks
                return cls(pool, int(stored["classes"]))
            side = int(stored["side"])
            areas = np.unpackbits(stored["asked"], axis=1, count=side * side).astype(bool).reshape(len(stored["asked_ids"]), side, side)
            asked = dict(zip(stored["asked_ids"].tolist(), areas, strict=True))
            return cls(pool, int(stored["classes"]), tuple(stored["digests"].tolist()), asked)

    def write(self, work: Path) -> None:
        arrays = {name: getattr(self.pool, name) for name in Pool.__dataclass_fields__}
        ids = np.array(sorted(self.asked), np.int64)
        areas = np.stack([self.asked[i] for i in ids.tolist()]) if len(ids) else np.empty((0, 0, 0), bool)
        bits = np.packbits(areas.reshape(len(ids), areas.shape[1] * areas.shape[2]), axis=1)
        digests = np.array(self.digests, "U40")
        with written_whole(work / "pool.npz") as file:
            np.savez(file, classes=self.classes, digests=digests, asked_ids=ids, asked=bits, side=areas.shape[1], **arrays)


def _in_present_rows(project: Project, pool: Pool) -> Pool:
    """The frozen pool over the packed images of now: when the source was imported again meanwhile, rows have moved."""
    now = project.pool()
    needed = np.unique(np.concatenate([pool.labeled, pool.unlabeled, pool.test]))
    gone = ~np.isin(needed, now.ids)
    if gone.any():
        raise AlcoreError(
            f"{gone.sum()} images of this round are gone since the source was imported again: it cannot be resumed, start a new round"
        )
    return dataclasses.replace(pool, ids=needed, rows=now.rows_of(needed))


def _still_asked(project: Project, scores: Scores) -> list[int]:
    """The query without the images of which all that is asked was answered, to an earlier round, while this one trained."""
    answered = answered_areas(project) if scores.regions else {}

    def is_open(i: int) -> bool:
        return i not in answered or any(2 * (region & answered[i]).sum() <= region.sum() for region in scores.regions[i])

    return [i for i in scores.selected.tolist() if is_open(i)]


def make_map(project: Project, number: int, report: Report = ignore_progress) -> None:
    """Lays the round's embeddings out in 2-D, from the last round's positions where there are some; kept by content, so never twice."""
    round_ = project.round(number)
    files = project.files(round_)
    if files is None or files.map is not None:
        return
    started = time.perf_counter()
    earlier = [f.map for r in project.rounds() if r.number < number and (f := project.files(r)) and f.map is not None]
    xy = cached_layout(
        np.array(files.array("embedding")),
        files.walked_ids,
        project.folder / "maps",
        previous=earlier[-1] if earlier else None,
        seed=0,
        report=report,
    )
    files.write_map(files.walked_ids, xy)
    project.workspace.store.update_round(round_.id, seconds={**round_.seconds, "map": time.perf_counter() - started})


class bar:
    """A tqdm bar as a report; on stderr, or a widget in a notebook."""

    def __enter__(self) -> Report:
        from tqdm.auto import tqdm

        self._bar = tqdm(total=1, file=sys.stderr)
        return self._show

    def _show(self, progress: Progress) -> None:
        if self._bar.desc != progress.stage + ": ":
            self._bar.reset(total=progress.total or None)
            self._bar.set_description(progress.stage)
        self._bar.n = progress.done
        self._bar.update(0)

    def __exit__(self, *exc: object) -> None:
        self._bar.close()
