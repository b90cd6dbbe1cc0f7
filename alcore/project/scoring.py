"""The pool of today scored by a stored round's model, in this process or in shards on a Ray cluster: what a round would rank, without
training one. Stores nothing."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alcore.cluster.joining import check
from alcore.errors import AlcoreError, BadInput
from alcore.extractors.vectors import VECTORS
from alcore.progress import Report, ignore_progress
from alcore.project import slices
from alcore.project.features import Features
from alcore.project.passes import Pass
from alcore.project.predictions import newest_model
from alcore.project.stored import Stored
from alcore.strategies import SCORES, code_of, file_of, is_of_this_process
from alcore.training import explain
from alcore.training.batches import telling
from alcore.training.devices import pick_device
from alcore.training.pool import Pool
from alcore.training.roundfiles import in_places
from alcore.training.shards import Model, Packed, Spread, Vectors
from alcore.training.turn import Seeds
from alcore.training.walk import query
from alcore.types import FRAMES, Round


@dataclass(frozen=True)
class Scored:
    """The pool as a round's model ranks it now.

    Attributes:
        round: whose model.
        ids: (n,) int64 of every image that may be asked for, most wanted first.
        scores: name -> (n,) float64; `total`, which they are ranked by, first.
        guesses: (n,) int64 places among the project's classes.
        query: ids, best first, of what would be asked for; a method that draws or spreads its query asks for others than the first ones.
        device: where they were looked at.
        images_per_second: of the look alone.
        seconds: of all of it.
        unreadable: images that were black, because they cannot be read.
    """

    round: Round
    ids: np.ndarray
    scores: Mapping[str, np.ndarray]
    guesses: np.ndarray
    query: np.ndarray
    device: str
    images_per_second: float
    seconds: float
    unreadable: int = 0

    def columns(self, project: Stored) -> dict[str, Sequence[Any]]:
        """The table of it, a row an image, most wanted first: path, id, every score, rank, asked (its place in the query, 0 for none) and
        prediction."""
        paths = project.items.paths()
        place = {i: at for at, i in enumerate(self.query.tolist(), 1)}
        return {
            "path": [paths.get(i, "") for i in self.ids.tolist()],
            "id": self.ids.tolist(),
            **{name: values.tolist() for name, values in self.scores.items()},
            "rank": list(range(1, len(self.ids) + 1)),
            "asked": [place.get(i, 0) for i in self.ids.tolist()],
            "prediction": [project.classes[at] for at in self.guesses.tolist()],
        }


def score(
    project: Stored,
    round_: Round | None = None,
    query_size: int = 50,
    device: str = "auto",
    report: Report = ignore_progress,
    *,
    on: str = "",
    workers: int = 0,
) -> Scored:
    """Looks at every image that may be asked for today, and at what is labeled, with the model of a round, and ranks them by its method
    with today's labels. With nothing changed since the round it is the round's own ranking. Nothing is trained and nothing stored.

    The look is shared out on a cluster; ranking and choosing, for which some methods need all images together, is done here.

    Args:
        round_: whose model; None: the newest.
        query_size: how many would be asked for.
        device: with a cluster auto, cpu or cuda.
        on: "ray" shares out the look over a Ray cluster, whose machines must see the workspace and the images; "" is this process alone.
        workers: with it, the most processes at a time; 0: as many as the cluster has room for.

    Raises:
        AlcoreError: there is no model, its files are gone, or nothing is left to ask for.
        BadInput: Ray is missing, or a machine does not see what it needs.
    """
    started = time.perf_counter()
    spread = check(on)
    if workers and not spread:
        raise BadInput(f"--workers {workers} is about a cluster: add --on ray, or leave it out")
    round_ = round_ or newest_model(project)
    if round_ is None:
        raise AlcoreError(f"{project.name!r} has no model yet: label some images and train a round")
    looked = Pass(project, round_)
    if spread and is_of_this_process(round_.strategy):
        raise BadInput(f"{round_.strategy} was added in this process and no other one can know it: save it as a file, or leave out on=ray")
    model = _model(looked)
    strategy, batches, pixels = model.brought_back(pick_device("cpu" if spread else device))
    strategy.report = report
    look = Spread(model, device, workers) if spread else None
    rng = np.random.default_rng(Seeds.of(round_.seed).acquisition)
    found, walked, seconds = query(strategy, batches, query_size, rng, telling(pixels, report), alike=_alike(looked, model.pool), look=look)
    ranks = explain.wanted_ranks("total", found.total, found.ids)
    order = np.argsort(ranks)
    known = [name for name in SCORES if name in found.parts]
    names = [*known, *sorted(found.parts.keys() - set(known))]
    logits = in_places(walked.arrays["logits"][: len(found.ids)], looked.files.places)
    black, _ = pixels.complaint() if look is None and hasattr(pixels, "complaint") else (look.unreadable if look else 0, "")
    return Scored(
        round_,
        found.ids[order],
        {"total": found.total[order], **{name: found.parts[name][order] for name in names}},
        logits[order].argmax(1),
        found.selected,
        look.device if look else str(batches.device),
        len(walked.ids) / max(seconds["score"], 1e-9),
        time.perf_counter() - started,
        black,
    )


def _model(looked: Pass) -> Model:
    """The round's model over the pool of now."""
    project, round_ = looked.project, looked.round
    pool = project.pool()
    if not project.dense:  # labels of classes that came since mean nothing to it
        known = looked.outputs[pool.targets] >= 0
        pool = dataclasses.replace(pool, labeled=pool.labeled[known], targets=looked.outputs[pool.targets[known]])
    images: Packed | Vectors = Packed(project.folder, {**project.settings})
    features = Features(project, str(round_.train["extractor"])) if looked.on_features else None
    pool = slices.kept_apart(project, pool, features)
    if features is not None:
        pool = _with_vectors(pool, features)
        images = Vectors(features.folder / VECTORS, len(features.store), features.store.dim)
    if not len(pool.labeled):
        raise AlcoreError(f"no label that round {round_.number} knows is left: label some images, and train a round")
    nobody = np.empty(0, np.int64)
    return Model(
        looked.files.folder,
        round_.strategy,
        round_.params,
        dataclasses.replace(looked.train, score_sample=0, query_unit=FRAMES),  # every image, and each as a whole
        project.task,
        looked.files.trained_classes,
        images,
        dataclasses.replace(pool, test=nobody, test_targets=nobody),
        Seeds.of(round_.seed).order,
        str(file_of(round_.strategy) or ""),
        code_of(round_.strategy),
        project.dense,
    )


def _with_vectors(pool: Pool, features: Features) -> Pool:
    """The pool over the rows of the vectors, without the images that have none."""
    rows = features.rows
    ids, rows = features.ids[rows >= 0], rows[rows >= 0]
    labeled, unlabeled = np.isin(pool.labeled, ids), np.isin(pool.unlabeled, ids)
    if len(pool.unlabeled) and not unlabeled.any():
        raise AlcoreError(f"none of the {len(pool.unlabeled):,} images that may be asked for has features yet: run `features` first")
    return dataclasses.replace(
        pool, labeled=pool.labeled[labeled], targets=pool.targets[labeled], unlabeled=pool.unlabeled[unlabeled], ids=ids, rows=rows
    )


def _alike(looked: Pass, pool: Pool) -> np.ndarray | None:
    """Near duplicates, of which one is asked for; None where nothing tells them."""
    if not looked.on_features:
        return None
    return slices.groups_of(looked.project, pool.ids, Features(looked.project, str(looked.round.train["extractor"])))


def words(scored: Scored, out: Path | None) -> dict[str, Any]:
    """What is told of it beside its table."""
    return {
        "round": scored.round.number,
        "strategy": scored.round.strategy,
        "images": len(scored.ids),
        "device": scored.device,
        "images_per_second": round(scored.images_per_second, 1),
        "seconds": round(scored.seconds, 1),
        "unreadable": scored.unreadable,
        **({"out": str(out)} if out else {}),
    }
