"""One turn of the loop as a job does it: arguments checked, the pool frozen, a round run and stored, its map made. Knows no page."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, Busy, NotEnoughLabels, Unavailable
from alcore.files import written_whole
from alcore.measures.layout import cached_layout
from alcore.nets.crew import crew
from alcore.nets.tasks import FEATURES, recipe
from alcore.pixels.maskfiles import at_size, class_counts
from alcore.progress import Progress, Report, ignore_progress
from alcore.project import features, slices
from alcore.project.features import Features
from alcore.project.past import Moment, moment_of
from alcore.project.regions import answered_areas
from alcore.project.stored import Stored
from alcore.training.batches import Pixels
from alcore.training.devices import pick_device
from alcore.training.pool import Pool
from alcore.training.turn import Material, Order, assist, run, start_query
from alcore.types import FRAMES, START, Round, Scores


def ordered(
    project: Stored,
    strategy: str,
    query_size: int = 50,
    seed: int | None = None,
    device: str = "auto",
    params: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
) -> Order:
    """A round's order, checked against the project as it is: raises before anything is queued.

    Args:
        seed: None takes the round's number.
    """
    if seed is None:
        seed = len(project.rounds())
    order = drafted(project, strategy, query_size, seed, device, params, train)
    unit, labeled = order.check()[1].query_unit, project.counts()["labeled"]
    if unit != FRAMES and not labeled:
        raise NotEnoughLabels(f"nothing is labeled yet, and {unit} are ranked by a model: label some whole images first")
    if strategy != "random" or labeled:
        project.pool().check_trainable(len(project.classes), _seen_classes(project) if project.dense else None)
    return order


def drafted(
    project: Stored,
    strategy: str,
    query_size: int,
    seed: int,
    device: str,
    params: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
) -> Order:
    """The same, checked without a look at the pool: whether there is enough to train on is another question."""
    train = {**own_defaults(project), **(train or {})}
    order = Order(strategy, query_size, seed, device, dict(params or {}), train, task=project.task)
    order.check()
    return dataclasses.replace(order, device=str(pick_device(device)))


def own_defaults(project: Stored) -> dict[str, Any]:
    """Training parameters that this project's images decide: pretrained features for photos, and whether images may be mirrored."""
    return {"flip": project.settings["flip"], **({"architecture": FEATURES} if features.suits(project) else {})}


def defaults(project: Stored, chosen: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Training parameters that differ from TrainParams' defaults here: the recipe of task and network, and what the images decide.

    Args:
        chosen: values that were chosen, such as another network.
    """
    own = {**own_defaults(project), **(chosen or {})}
    return {**recipe(project.task, own), **own}


def start(
    project: Stored, query_size: int = 50, how: str = "random", seed: int = 0, slice_first: bool = False, *, number: int | None = None
) -> Round:
    """A first query without a model: "random", "kcenter" over the pixels, or "groups", the middle of each group of features, of the images
    that have been read.

    Args:
        slice_first: the images that were drawn to be tested on come before all others, not among them.
        number: of the round that it must become.

    Raises:
        AlcoreError: none has been read, which groups need. Busy: there is a round of that number.
    """
    started = time.perf_counter()
    pool = project.pool()
    pool = slices.kept_apart(project, pool, Features(project) if features.suits(project) else None)
    if how == "groups":
        chosen = start_query(*_read_so_far(project, pool), query_size, how, seed)
    else:
        chosen = start_query(pool, project.pixels(), query_size, how, seed)
    seconds = {"select": time.perf_counter() - started}
    labeled = project.counts()["labeled"]
    tested = slices.slice_of(project).waiting
    asked = [*tested, *chosen.tolist()] if slice_first else slices.mixed(chosen.tolist(), tested, last=len(chosen) == len(pool.unlabeled))
    moment = vars(moment_of(project))
    return project.round_rows.add(START + how, asked, seed=seed, labeled=labeled, device="cpu", seconds=seconds, number=number, **moment)


def _seen_classes(project: Stored) -> int:
    """How many classes occur in the masks of the pool."""
    counts = class_counts(list(project.masks.pixels(project.items.labels().values()).values()), len(project.classes))
    return int((counts[:-1] > 0).sum())


def perform_round(project: Stored, order: Order, work: Path, report: Report) -> Round:
    """What a round job does. The pool is frozen in `work` at the first attempt, so that a resumed job gives what it would have given."""
    stored_as = work / "folder"
    if stored_as.is_file():  # interrupted after the round was stored, or just before: never store it twice
        there = [r.number for r in project.rounds() if r.folder == stored_as.read_text()]
        if there:
            make_map(project, there[0], report)
            return project.round(there[0])
    train = order.check()[1]
    found = Features(project, train.extractor) if train.architecture == FEATURES else None
    if (work / "pool.npz").is_file():
        frozen = _Frozen.read(work, project)
    else:
        frozen = _Frozen.now(project)
        if order.strategy == "random" and len(frozen.pool.labeled) == 0:
            return start(project, order.query_size, "random", order.seed)
        whole = frozen.pool if found is None else _with_vectors(found, frozen.pool, order.device, report)
        frozen = dataclasses.replace(frozen, pool=slices.kept_apart(project, whole, found))
        slices.check_labels_apart(project, whole, frozen.pool)
        if found is not None or len(frozen.pool.labeled) < len(whole.labeled):
            frozen.pool.check_trainable(frozen.classes, _seen_classes(project) if project.dense else None)
        frozen.write(work)
    material = _material(project, frozen, found, report)
    if found is not None:
        ids = material.pool.ids
        material = dataclasses.replace(material, alike=slices.groups_of(project, ids, found), pictures=found.pictures(ids))
    crew().tell({"project": project.name, "order": order.arguments(), "work": str(work)})
    outcome = run(order, material, project.folder / "rounds", report, work=work)
    with written_whole(stored_as) as file:
        file.write(outcome.folder.encode())
    asked = _still_asked(project, outcome.scores)
    done = project.round_rows.add(
        order.strategy,
        slices.mixed(asked, slices.slice_of(project).waiting, last=len(asked) == len(material.pool.unlabeled)),
        seed=order.seed,
        labeled=len(material.pool.labeled),
        device=outcome.device,
        seconds=outcome.seconds,
        params=order.params,
        train=vars(outcome.train),
        metrics=outcome.metrics,
        folder=outcome.folder,
        classes=frozen.names,
        **vars(frozen.moment),
    )
    (work / "checkpoint.pt").unlink(missing_ok=True)
    make_map(project, done.number, report)
    return project.round(done.number)


def assist_round(project: Stored, order: Order, work: Path) -> None:
    """What another process of the crew does for `perform_round`, on the same folder; it stores nothing."""
    train = order.check()[1]
    found = Features(project, train.extractor) if train.architecture == FEATURES else None
    assist(order, _material(project, _Frozen.read(work, project), found, ignore_progress), work)


def _material(project: Stored, frozen: _Frozen, found: Features | None, report: Report) -> Material:
    """What a round works on: the frozen pool over the images or vectors of now."""
    pixels: Pixels
    if found is not None:
        pool, pixels = _in_vectors(found, frozen.pool)
    else:
        pool, pixels = _in_present_rows(project, frozen.pool), project.pixels()
    dense = at_size(project.folder, frozen.digests, pixels.shape[1], report) if project.dense else None
    return Material(pool, frozen.classes, pixels, dense, frozen.asked)


@dataclass(frozen=True)
class _Frozen:
    """What a round starts from: the pool, the classes, and for masks their digests and what was asked of images before."""

    pool: Pool
    names: tuple[str, ...]
    moment: Moment
    digests: tuple[str, ...] = ()
    asked: Mapping[int, np.ndarray] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        return len(self.names)

    @classmethod
    def now(cls, project: Stored) -> _Frozen:
        with project.place.database.read() as conn:  # labels, and the names of their classes, of one moment
            project.reread(conn)
            moment = moment_of(project, conn)
            if not project.dense:
                return cls(project.pool(conn), project.classes, moment)
            snapshot = project.snapshot(conn)
        pool, digests = Pool.of_masks(snapshot)
        return cls(pool, project.classes, moment, digests, answered_areas(project))

    @classmethod
    def read(cls, work: Path, project: Stored) -> _Frozen:
        with np.load(work / "pool.npz") as stored:
            pool = Pool(**{name: stored[name] for name in Pool.__dataclass_fields__ if name in stored})
            # frozen before classes could change: then they are the first of those there are
            names = tuple(stored["names"].tolist()) if "names" in stored else project.classes[: int(stored["classes"])]
            moment = Moment(int(stored["change"]), int(stored["event"]), str(stored["digest"])) if "names" in stored else Moment(0)
            if "digests" not in stored:  # frozen before there were masks
                return cls(pool, names, moment)
            side = int(stored["side"])
            areas = np.unpackbits(stored["asked"], axis=1, count=side * side).astype(bool).reshape(len(stored["asked_ids"]), side, side)
            asked = dict(zip(stored["asked_ids"].tolist(), areas, strict=True))
            return cls(pool, names, moment, tuple(stored["digests"].tolist()), asked)

    def write(self, work: Path) -> None:
        arrays = {name: getattr(self.pool, name) for name in Pool.__dataclass_fields__}
        ids = np.array(sorted(self.asked), np.int64)
        areas = np.stack([self.asked[i] for i in ids.tolist()]) if len(ids) else np.empty((0, 0, 0), bool)
        bits = np.packbits(areas.reshape(len(ids), areas.shape[1] * areas.shape[2]), axis=1)
        digests = np.array(self.digests, "U40")
        with written_whole(work / "pool.npz") as file:
            np.savez(
                file,
                names=np.array(self.names, str),
                change=self.moment.change,
                event=-1 if self.moment.event is None else self.moment.event,
                digest=self.moment.digest,
                digests=digests,
                asked_ids=ids,
                asked=bits,
                side=areas.shape[1],
                **arrays,
            )


def _in_present_rows(project: Stored, pool: Pool) -> Pool:
    """The frozen pool over the packed images of now: when the source was imported again meanwhile, rows have moved."""
    now = project.pool()
    needed = np.unique(np.concatenate([pool.labeled, pool.unlabeled, pool.test]))
    gone = ~np.isin(needed, now.ids)
    if gone.any():
        raise AlcoreError(
            f"{gone.sum()} images of this round are gone since the source was imported again: it cannot be resumed, start a new round"
        )
    return dataclasses.replace(pool, ids=needed, rows=now.rows_of(needed))


def _with_vectors(found: Features, pool: Pool, device: str, report: Report) -> Pool:
    """The pool without the images that have no vector. What is missing is made first, unless somebody else is making it already, or it
    cannot be made now: then the round takes what there is, and the pool grows from round to round."""
    why = None
    if found.unread.any():
        try:
            found.complete(device, report)
        except Unavailable as problem:
            why = problem
            found.store.reload()
            report(
                Progress("features", found.done, len(found.ids), message=f"{problem.args[0].rstrip('.')}. This round takes what there is")
            )
    there = found.ids[found.rows >= 0]
    kept, left, tested = (np.isin(ids, there) for ids in (pool.labeled, pool.unlabeled, pool.test))
    for what, wanted, has in (("labeled", pool.labeled, kept), ("unlabeled", pool.unlabeled, left)):
        if len(wanted) and not has.any():
            if why is not None and not isinstance(why, Busy):
                raise why
            raise AlcoreError(
                f"none of the {len(wanted):,} {what} images has features yet: {found.done:,} of {len(found.ids):,} images do, "
                "wait for the others, or train another network (architecture)"
            )
    return dataclasses.replace(
        pool,
        labeled=pool.labeled[kept],
        targets=pool.targets[kept],
        unlabeled=pool.unlabeled[left],
        test=pool.test[tested],
        test_targets=pool.test_targets[tested],
    )


def _read_so_far(project: Stored, pool: Pool) -> tuple[Pool, np.ndarray]:
    """The pool of those unlabeled images that have vectors by the usual extractor, over these."""
    found = Features(project)
    there = np.isin(pool.unlabeled, found.ids[found.rows >= 0])
    if not there.any():
        raise AlcoreError(f"no image of {project.name!r} has features yet: run `features` first, or start at random")
    nobody = np.empty(0, np.int64)
    return _in_vectors(found, Pool(nobody, nobody, pool.unlabeled[there], nobody, nobody, pool.ids, pool.rows))


def _in_vectors(found: Features, pool: Pool) -> tuple[Pool, np.ndarray]:
    """The frozen pool over the vectors of now, and these."""
    needed = np.unique(np.concatenate([pool.labeled, pool.unlabeled, pool.test]))
    at = np.minimum(np.searchsorted(found.ids, needed), len(found.ids) - 1)
    rows = np.where(found.ids[at] == needed, found.rows[at], -1)
    if (rows < 0).any():
        raise AlcoreError(
            f"{(rows < 0).sum()} images of this round have changed or are gone since it began: it cannot be resumed, start a new round"
        )
    return dataclasses.replace(pool, ids=needed, rows=rows), found.store.vectors()


def _still_asked(project: Stored, scores: Scores) -> list[int]:
    """The query without the images of which all that is asked was answered, to an earlier round, while this one trained."""
    answered = answered_areas(project) if scores.regions else {}

    def is_open(i: int) -> bool:
        return i not in answered or any(2 * (region & answered[i]).sum() <= region.sum() for region in scores.regions[i])

    return [i for i in scores.selected.tolist() if is_open(i)]


def make_map(project: Stored, number: int, report: Report = ignore_progress) -> None:
    """Lays the round's embeddings, or the project's features, out in 2-D, from the last round's positions where there are some; kept by
    content, so never twice."""
    round_ = project.round(number)
    files = project.files(round_)
    if files is None or files.map is not None:
        return
    started = time.perf_counter()
    if round_.train.get("architecture") == FEATURES:  # the same map for all rounds: the features do not change
        files.write_map(files.walked_ids, _places(*Features(project, str(round_.train["extractor"])).map(report), files.walked_ids))
        project.round_rows.update(round_.id, seconds={**round_.seconds, "map": time.perf_counter() - started})
        return
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
    project.round_rows.update(round_.id, seconds={**round_.seconds, "map": time.perf_counter() - started})


def _places(ids: np.ndarray, xy: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(w, 2) of xy, whose rows are `ids`; the middle for images that have changed or gone since the round began."""
    at = np.minimum(np.searchsorted(ids, wanted), max(0, len(ids) - 1))
    result = np.full((len(wanted), 2), xy.mean(0) if len(xy) else 0.0, np.float32)
    there = ids[at] == wanted if len(ids) else np.zeros(len(wanted), bool)
    result[there] = xy[at[there]]
    return result
