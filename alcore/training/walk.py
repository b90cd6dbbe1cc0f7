"""Passes over the images with a trained strategy: testing, scoring, choosing what to ask for. Leaves the strategy as it was."""

from __future__ import annotations

import copy
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from alcore.nets.crew import crew
from alcore.nets.models import evaluating, kept_memory
from alcore.progress import Progress, Report, ignore_progress
from alcore.strategies.base import Seen, Strategy
from alcore.training.draws import PoolDraws
from alcore.training.pool import Pool
from alcore.training.regions import Regions, first_regions
from alcore.types import FRAMES, Scores, check_query_size

IN_MEMORY = 2**28  # bytes of one output of all images, up to which it is held there; more of it lies in a file, where there is a folder


def evaluate(strategy: Strategy, batches: PoolDraws, report: Report = ignore_progress, *, on: str = "test") -> dict[str, float]:
    """The task's metrics of the task model, in fp32 and evaluation mode: on the test split, or on the "labeled" images without
    augmentation (how far training fitted them). Empty when there are none."""
    pool = batches.pool
    ids, targets = (pool.test, pool.test_targets) if on == "test" else (pool.labeled, pool.targets)
    if len(ids) == 0:
        return {}
    tally, done = strategy.task.tally(), 0
    with kept_memory(batches.device), evaluating(strategy):
        for part, x in batches.walk(ids):
            tally.add(strategy.predict(x).float(), batches.target(targets[done : done + len(part)]))
            done += len(part)
            report(Progress("testing", done, len(ids)))
        return tally.result()


@dataclass(frozen=True)
class Walked:
    """One pass over the pool: per-image score parts (n,) and arrays (n, ...) such as logits and embedding, for `ids`."""

    ids: np.ndarray
    parts: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]


def walk(
    strategy: Strategy,
    batches: PoolDraws,
    ids: np.ndarray,
    report: Report = ignore_progress,
    *,
    regions: Regions | None = None,
    room: Path | None = None,
) -> Walked:
    """Scores and outputs of `ids`, each exactly once, in evaluation mode and fp32; the strategy is left as it was.

    Args:
        regions: gets the pictures with the strategy's heat on the way, and is closed at the end.
        room: a folder for what would take much memory, such as the embeddings of a million images (6.6 GB of 1,280 numbers): it lies there
            in files without a name, which are gone with the arrays.

    Raises:
        OSError: that folder's disk is full.
    """
    own = crew()
    if own.size > 1 and regions is None and len(ids) >= own.size:
        parts = own.parts(ids)
        mine = _passed(strategy, batches, parts[own.rank], report, None)
        whole = own.gather(mine, [len(part) for part in parts])
    else:
        whole = _passed(strategy, batches, ids, report, regions, room)
    single = {n: v.astype(np.float64) for n, v in whole.items() if v.ndim == 1}
    return Walked(ids, single, {n: v for n, v in whole.items() if v.ndim > 1})


Look = Callable[[Strategy, PoolDraws, np.ndarray, Report], Walked]


def assist(strategy: Strategy, batches: PoolDraws, n: int, rng: np.random.Generator) -> None:
    """What a process that does not lead does for `query`: its part of the pass."""
    asked, rest = _to_be_walked(batches, n, rng)
    if batches.params.query_unit == FRAMES:  # regions are cut in order, by the leader
        walk(strategy, batches, np.concatenate([asked, rest]))


def _passed(
    strategy: Strategy, batches: PoolDraws, ids: np.ndarray, report: Report, regions: Regions | None, room: Path | None = None
) -> dict[str, np.ndarray]:
    gathered: dict[str, Tensor] = {}
    done = 0
    with kept_memory(batches.device), evaluating(strategy):
        for part, x in batches.walk(ids, augmented=strategy.augmented_scoring):
            outputs = strategy.score(x)
            for name, value in strategy.task.summary(outputs).items():
                if name not in gathered:  # whole at once: pieces that are joined at the end would lie there twice
                    gathered[name] = _empty((len(ids), *value.shape[1:]), value.device, room)
                gathered[name][done : done + len(part)] = value
            if regions:
                regions.add(part.tolist(), batches.pictures(x), outputs[strategy.heat].float().cpu().numpy())
            done += len(part)
            report(Progress("scoring", done, len(ids)))
        whole = {name: values.cpu().numpy() for name, values in gathered.items()}
    if regions:
        regions.close()
    return whole


def empty_array(shape: tuple[int, ...], room: Path) -> np.ndarray:
    """float32, to be filled: in memory or, where it is large, in a file of that folder."""
    result: np.ndarray = _empty(shape, torch.device("cpu"), room).numpy()
    return result


def _empty(shape: tuple[int, ...], device: torch.device, room: Path | None) -> Tensor:
    """float32, to be filled: on the device or, where it is large and there is room for it, in a file."""
    size = 4 * int(np.prod(shape, dtype=np.int64))
    if room is None or size <= IN_MEMORY:
        return torch.empty(shape, device=device)
    room.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=room) as file:
        if hasattr(os, "posix_fallocate"):  # else a disk that is full would be told by a signal that ends the process
            os.posix_fallocate(file.fileno(), 0, size)
        return torch.from_numpy(np.memmap(file, np.float32, "w+", shape=shape))


def inspect(strategy: Strategy, batches: PoolDraws, ids: np.ndarray) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """What a strategy for dense labels thinks of every pixel, image by image: `draft`, the likeliest classes, and `head_1` ... those of
    the other heads, (H, W) uint8; and each score that pixels have, (H, W) float16 under its name."""
    for part, x in batches.walk(ids):
        with evaluating(strategy):
            outputs = {name: value for name, value in strategy.score(x).items() if value.dim() > 2}
            shown = {}
            for name, value in outputs.items():
                if name.startswith("logits"):
                    classes = value.max(1).indices.to(torch.uint8)  # argmax over an inner axis takes six times as long on a CPU
                    shown["head" + name.removeprefix("logits") if name != "logits" else "draft"] = classes.cpu().numpy()
                else:
                    shown[name] = value.half().cpu().numpy()
        for at, i in enumerate(part.tolist()):
            yield i, {name: value[at] for name, value in shown.items()}


def query(
    strategy: Strategy,
    batches: PoolDraws,
    n: int,
    rng: np.random.Generator,
    report: Report = ignore_progress,
    *,
    alike: np.ndarray | None = None,
    look: Look | None = None,
    room: Path | None = None,
) -> tuple[Scores, Walked, dict[str, float]]:
    """Score the pool, or a random sample of it (`TrainParams.score_sample`), and choose `n` images, or regions of images.

    Args:
        alike: a number for each of the pool's ids, the same for near duplicates: of whole images one of each such group is chosen, and none
            where one is labeled, for as long as there are others.
        look: makes the pass over whole images, where that is not for this process to do.
        room: a folder for what would take much memory; see `walk`.

    Returns:
        the scores of the unlabeled items with the query, the outputs of all walked items (unlabeled first), and the seconds of
        `score` and `select`.
    """
    pool, p = batches.pool, batches.params
    whole = p.query_unit == FRAMES
    asked, rest = _to_be_walked(batches, n, rng)
    n = min(n, len(asked)) if whole else n
    started = time.perf_counter()
    regions = None if whole else Regions(p.query_unit, p.region_count, batches.asked)
    every = np.concatenate([asked, rest])
    if look is None or regions is not None:
        walked = walk(strategy, batches, every, report, regions=regions, room=room)
    else:
        walked = look(strategy, batches, every, report)
    scored = time.perf_counter()
    u = len(asked)
    order = np.argsort(walked.ids, kind="stable")
    labeled = order[np.searchsorted(walked.ids, pool.labeled, sorter=order)]
    everything = walked.parts | walked.arrays
    seen = Seen(
        asked,
        {name: values[:u] for name, values in everything.items()},
        {name: values[labeled] for name, values in everything.items()},
        pool.targets,
        batches.device,
    )
    parts = {name: seen.unlabeled[name] for name in walked.parts}
    if regions:
        scores = _ask_regions(strategy, batches, n, rng, seen, parts, regions)
    else:
        total = strategy.total(seen, rng)
        chosen = strategy.select(total, seen, n, copy.deepcopy(rng), report)
        if alike is not None:
            chosen = one_of_each(chosen, pool, alike, n, lambda more: strategy.select(total, seen, more, copy.deepcopy(rng), report))
        scores = Scores(asked, total, parts, chosen)
    return scores, walked, {"score": scored - started, "select": time.perf_counter() - scored}


def _to_be_walked(batches: PoolDraws, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the images of which some are to be chosen, or of a random sample of them, and of the labeled ones beside them."""
    pool, p = batches.pool, batches.params
    whole = p.query_unit == FRAMES
    asked = pool.unlabeled if whole else np.concatenate([pool.unlabeled, pool.partial])
    images = check_query_size(n, len(asked))
    if 0 < p.score_sample < len(asked):
        asked = np.sort(rng.permutation(np.sort(asked))[: max(images, p.score_sample) if whole else p.score_sample])
    return asked, pool.labeled[~np.isin(pool.labeled, asked)]


def one_of_each(chosen: np.ndarray, pool: Pool, alike: np.ndarray, n: int, choose: Callable[[int], np.ndarray]) -> np.ndarray:
    """The first of each group of near duplicates among `chosen`; `choose` gives as many more as it takes to have `n` of them. Where nothing
    is left but near duplicates of what is labeled, the first choice."""
    first, answered = chosen, set(alike[np.searchsorted(pool.ids, pool.labeled)].tolist())
    while True:
        seen, kept = set(answered), []
        for i, group in zip(chosen.tolist(), alike[np.searchsorted(pool.ids, chosen)].tolist(), strict=True):
            if group not in seen:
                seen.add(group)
                kept.append(i)
        if len(kept) >= n or len(chosen) == len(pool.unlabeled):
            return np.array(kept[:n] or first, np.int64)
        more = choose(min(len(pool.unlabeled), len(chosen) + 2 * (n - len(kept))))
        if len(more) <= len(chosen):  # a random part of the pool was scored, and it is used up
            return np.array(kept or first, np.int64)
        chosen = more


def _ask_regions(
    strategy: Strategy, batches: PoolDraws, n: int, rng: np.random.Generator, seen: Seen, parts: dict[str, np.ndarray], regions: Regions
) -> Scores:
    """The `n` best open regions, under the images they are cut from; an image's total is its best region's."""
    order = np.argsort(seen.ids)  # regions in the order of the ids, so that the order of the pool does not matter
    found = [regions.found[i] for i in seen.ids[order].tolist()]
    numbers, values = (np.concatenate(column) for column in zip(*found, strict=True))
    frame = np.repeat(order, [len(of_image) for of_image, _ in found])
    check_query_size(n, len(numbers))
    total = strategy.region_total(values, frame, seen, rng)
    best = first_regions(total, seen.ids[frame], numbers, n)
    of_frame = np.full(len(seen.ids), total.min())  # an image without an open region comes last
    np.maximum.at(of_frame, frame, total)
    wanted: dict[int, list[int]] = {}
    for i, number in zip(seen.ids[frame[best]].tolist(), numbers[best].tolist(), strict=True):
        wanted.setdefault(i, []).append(number)
    cut = {}
    for part, x in batches.walk(np.array(list(wanted), np.int64)):
        for i, picture in zip(part.tolist(), batches.pictures(x), strict=True):
            shape = regions.cut(picture)
            cut[i] = tuple(shape == number for number in wanted[i])
    return Scores(seen.ids, of_frame, parts, np.array(list(wanted), np.int64), cut)
