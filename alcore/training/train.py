"""train, evaluate, query: the only loops over batches. Knows strategies and batches; no store, no jobs, no project."""

from __future__ import annotations

import copy
import csv
import io
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alcore.errors import AlcoreError, BadInput
from alcore.files import written_whole
from alcore.nets.backbones import Backbone
from alcore.nets.models import evaluating, kept_memory
from alcore.params import TrainParams
from alcore.progress import Progress, Report, ignore_progress
from alcore.strategies.base import Seen, Strategy, rate_factor
from alcore.training.batches import Batches
from alcore.training.checkpoints import check_finite, first_nonfinite, resume, save
from alcore.training.precision import autocast, check_bf16
from alcore.training.regions import Regions, first_regions
from alcore.types import Scores, check_query_size

REPORT_EVERY = 0.25  # seconds between reads of the losses: each one waits for the device
CHECKPOINT_EVERY = 30.0  # seconds


def pick_device(name: str = "auto") -> torch.device:
    """auto is the first GPU, else the CPU.

    Raises:
        BadInput: a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput(f"unknown device {name!r}: use auto, cpu or cuda:0") from None
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        raise BadInput(f"there is no {name} here ({torch.cuda.device_count()} GPUs): use --device cpu or auto")
    if device.type not in ("cpu", "cuda"):
        raise BadInput(f"device {name!r} is not supported: use auto, cpu or cuda:0")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def device_list() -> list[tuple[str, str]]:
    """(name, words) of what can train here, best first."""
    gpus = [(f"cuda:{i}", torch.cuda.get_device_name(i)) for i in range(torch.cuda.device_count())]
    return [*gpus, ("cpu", f"CPU, {os.cpu_count()} cores")]


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """torch's global generators start from `seed` inside; outside they are as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[device.index or 0] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def train(
    strategy: Strategy,
    batches: Batches,
    params: TrainParams,
    report: Report = ignore_progress,
    *,
    folder: Path | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> dict[str, float]:
    """All stages of `strategy`, in place.

    With a `folder`, the state is kept in checkpoint.pt now and then and when `report` raises, and losses are appended to history.csv;
    called again with the same folder the training goes on from there and gives the result it would have given.

    Returns:
        `seconds` of training (over all attempts) and `steps` taken.

    Raises:
        AlcoreError: losses or weights are not finite any more.
        BadInput: bf16 is asked for on a CPU that computes something else in it.
    """
    _share_cores(batches)
    check_bf16(strategy, batches, report)
    stages = strategy.stages(params.steps)
    total = sum(stage.steps for stage in stages)
    at, clock = resume(strategy, batches, folder)
    base_rates = {
        name: [group.setdefault("initial_lr", group["lr"]) for group in o.param_groups] for name, o in strategy.optimizers.items()
    }
    strategy.train()
    done, saved, reported, images = 0, time.perf_counter(), 0.0, 0
    values: dict[str, float] = {}
    reduced = autocast(params, batches.device)
    with kept_memory(batches.device), _compiled(strategy, batches, report), _history(folder, at) as history:
        for stage in stages:
            for step in range(stage.steps):
                done += 1
                if done <= at:
                    continue
                if step == 0 and stage.start:
                    stage.start()
                factor = stage.rate(step, batches) if stage.rate else rate_factor(step, stage.steps, params)
                for name, optimizer in strategy.optimizers.items():
                    for group, rate in zip(optimizer.param_groups, base_rates[name], strict=True):
                        group["lr"] = rate * factor
                if params.compile == "graphs":
                    torch.compiler.cudagraph_mark_step_begin()
                with reduced():
                    losses = stage.step(batches)
                images += params.batch_size
                now = time.perf_counter()
                if now - reported > REPORT_EVERY or done == total:
                    read = _read(losses, stage.name, done)
                    values = read | _speed(images, now - reported if reported else 0.0, batches.device)
                    history(stage.name, done, read)
                    reported, images = now, 0
                try:
                    report(Progress("training: " + stage.name, done, total, values))
                except BaseException:
                    if folder and not first_nonfinite(
                        strategy
                    ):  # whoever stops the run is heard, also when there is nothing fit to be kept
                        save(strategy, batches, folder, done, clock)
                    raise
                if folder and now - saved > checkpoint_every:
                    check_finite(strategy, batches, stage.name, done)
                    save(strategy, batches, folder, done, clock)
                    saved = time.perf_counter()
            if done > at:
                check_finite(strategy, batches, stage.name, done)
    if batches.device.type == "cuda":
        torch.cuda.synchronize(batches.device)
    return {"seconds": clock.seconds(), "steps": float(total)}


def _share_cores(batches: Batches) -> None:
    """Small batches get one thread: a second one waits longer at the barriers than it works, and takes the core the web server needs."""
    if batches.device.type == "cpu":
        _, h, w, _ = batches.pixels.shape
        cores = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        torch.set_num_threads(max(1, min(cores, batches.params.batch_size * h * w // 16384)))


@contextmanager
def _compiled(strategy: Strategy, batches: Batches, report: Report) -> Iterator[None]:
    """Inside, the backbones run compiled. One is tried on a batch of zeros first: when that fails, everything stays as it is."""
    mode, nets = batches.params.compile, [m for m in strategy.modules() if isinstance(m, Backbone)]
    if mode == "off":
        yield
        return
    options: dict[str, Any] = {"mode": "reduce-overhead"} if mode == "graphs" else {}
    side = batches.pixels.shape[1]
    zeros = torch.zeros(batches.params.batch_size, 3, side, side, device=batches.device).to(memory_format=torch.channels_last)
    report(Progress("training", 0, batches.params.steps, message="compiling the backbone"))
    try:
        with torch.random.fork_rng(devices=[]), autocast(batches.params, batches.device)():
            torch.compile(copy.deepcopy(nets[0]).train(), **options)(zeros).sum().backward()
    except torch.OutOfMemoryError:
        raise  # smaller batches cure that
    except Exception as wrong:  # the compiler's own errors, and an AssertionError from CUDA graphs in a thread that did not load them first
        reason = (str(wrong).strip() or type(wrong).__name__).splitlines()[0][:200]
        report(Progress("training", 0, batches.params.steps, message=f"not compiled, going on without: {reason}"))
        yield
        return
    for net in nets:
        net.compile(**options)
    try:
        yield
    finally:
        for net in nets:
            net._compiled_call_impl = None  # scoring, whose batches differ in size, runs as written


def _read(losses: Mapping[str, Tensor], stage: str, step: int) -> dict[str, float]:
    names = list(losses)
    numbers = torch.stack([losses[n].float() for n in names]).tolist()  # one wait for the device, not one a loss
    for name, number in zip(names, numbers, strict=True):
        if not np.isfinite(number):
            raise AlcoreError(
                f"training diverged: {name} is {number} at step {step} ({stage}). "
                f"Lower the learning rate, or this loss's weight, and start again."
            )
    return dict(zip(names, numbers, strict=True))


def _speed(images: int, seconds: float, device: torch.device) -> dict[str, float]:
    result = {"images_per_second": images / seconds} if seconds else {}
    if device.type == "cuda":
        result["device_memory"] = float(torch.cuda.max_memory_allocated(device))
    return result


@contextmanager
def _history(folder: Path | None, at: int) -> Iterator[Any]:
    """Appends to history.csv; steps after `at`, which a killed process took and this one takes again, are taken out first."""
    if folder is None:
        yield lambda *row: None
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "history.csv"
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            kept = [row for row in csv.reader(file) if len(row) == 4 and int(row[1]) <= at]
        with written_whole(path) as whole, io.TextIOWrapper(whole, encoding="utf-8", newline="") as text:
            csv.writer(text).writerows(kept)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)

        def write(stage: str, step: int, losses: Mapping[str, float]) -> None:
            writer.writerows((stage, step, name, f"{value:.6g}") for name, value in losses.items())
            file.flush()

        yield write


def evaluate(strategy: Strategy, batches: Batches, report: Report = ignore_progress, *, on: str = "test") -> dict[str, float]:
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
    strategy: Strategy, batches: Batches, ids: np.ndarray, report: Report = ignore_progress, *, regions: Regions | None = None
) -> Walked:
    """Scores and outputs of `ids`, each exactly once, in evaluation mode and fp32; the strategy is left as it was.

    Args:
        regions: gets the pictures with the strategy's heat on the way, and is closed at the end.
    """
    gathered: dict[str, list[Tensor]] = {}
    done = 0
    with kept_memory(batches.device), evaluating(strategy):
        for part, x in batches.walk(ids, augmented=strategy.augmented_scoring):
            outputs = strategy.score(x)
            for name, value in strategy.task.summary(outputs).items():
                gathered.setdefault(name, []).append(value.float())
            if regions:
                regions.add(part.tolist(), batches.pictures(x), outputs[strategy.heat].float().cpu().numpy())
            done += len(part)
            report(Progress("scoring", done, len(ids)))
        whole = {name: torch.cat(values).cpu().numpy() for name, values in gathered.items()}
    if regions:
        regions.close()
    parts = {n: v.astype(np.float64) for n, v in whole.items() if v.ndim == 1}
    return Walked(ids, parts, {n: v for n, v in whole.items() if v.ndim > 1})


def inspect(strategy: Strategy, batches: Batches, ids: np.ndarray) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
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
    strategy: Strategy, batches: Batches, n: int, rng: np.random.Generator, report: Report = ignore_progress
) -> tuple[Scores, Walked, dict[str, float]]:
    """Score the pool, or a random sample of it (`TrainParams.score_sample`), and choose `n` images, or regions of images.

    Returns:
        the scores of the unlabeled items with the query, the outputs of all walked items (unlabeled first), and the seconds of
        `score` and `select`.
    """
    pool, p = batches.pool, batches.params
    whole = p.query_unit == "frames"
    asked = pool.unlabeled if whole else np.concatenate([pool.unlabeled, pool.partial])
    images = check_query_size(n, len(asked))
    n = images if whole else n
    if 0 < p.score_sample < len(asked):
        asked = np.sort(rng.permutation(np.sort(asked))[: max(n, p.score_sample) if whole else p.score_sample])
    started = time.perf_counter()
    rest = pool.labeled[~np.isin(pool.labeled, asked)]
    regions = None if whole else Regions(p.query_unit, p.region_count, batches.asked)
    walked = walk(strategy, batches, np.concatenate([asked, rest]), report, regions=regions)
    scored = time.perf_counter()
    u = len(asked)
    place = {int(i): at for at, i in enumerate(walked.ids)}
    labeled = np.array([place[i] for i in pool.labeled.tolist()], np.int64)
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
        scores = Scores(asked, total, parts, strategy.select(total, seen, n, rng, report))
    return scores, walked, {"score": scored - started, "select": time.perf_counter() - scored}


def _ask_regions(
    strategy: Strategy, batches: Batches, n: int, rng: np.random.Generator, seen: Seen, parts: dict[str, np.ndarray], regions: Regions
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
