"""A round on features: seconds of its parts and memory of its process, at 3,000 and 50,000 made-up vectors of 1,280 numbers, 10 classes.

Every round is a process of its own, as its peak of memory is asked for; its import of torch is not counted, its training is the recipe's
300 steps on 200 labels, its query 100 of all the others. The vectors lie in a file, as a project's do. Medians of three.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

SIZES = (3_000, 50_000)
DIM, CLASSES, LABELED, TESTED, QUERY = 1_280, 10, 200, 500, 100
REPEATS = 3
ROUNDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("entropy", "entropy", {}),
    ("entropy, diverse", "entropy", {"batch": "diverse"}),
    ("mcdal", "mcdal", {}),
    ("mal", "mal", {}),
    ("badge", "badge", {}),
    ("uherding", "uherding", {}),
)


def run() -> dict[str, Any]:
    """By number of vectors and round: seconds whole and by part, and the most memory that its process held, in MB."""
    result: dict[str, Any] = {}
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES:
            file = _vectors(Path(folder), n)
            for title, strategy, train in ROUNDS:
                found = []
                for _ in range(REPEATS):
                    with processes.Pool(1) as alone:
                        found.append(alone.apply(once, (str(file), strategy, train)))
                whole = {part: median(one[part] for one in found) for part in found[0]}
                result[f"{title} {n}"] = whole
                parts = ", ".join(f"{part} {whole[part]:.2f}" for part in ("train", "evaluate", "score", "select"))
                print(f"{n:7,d} vectors, {title:17s} {whole['seconds']:6.2f} s ({parts}), {whole['memory']:6,.0f} MB", flush=True)
    return result


def once(file: str, strategy: str, train: dict[str, Any]) -> dict[str, float]:
    """One round in this process."""
    from alcore.training.pool import Pool
    from alcore.training.turn import Material, Order, run

    vectors = np.memmap(file, np.float16, "c").reshape(-1, DIM)
    n, rng = len(vectors), np.random.default_rng(1)
    ids = np.arange(n)
    kinds, mixed = ids % CLASSES, rng.permutation(n)
    labeled, test, unlabeled = mixed[:LABELED], mixed[LABELED : LABELED + TESTED], np.sort(mixed[LABELED + TESTED :])
    pool = Pool(labeled, kinds[labeled], unlabeled, test, kinds[test], ids, ids)
    order = Order(strategy, QUERY, 0, "cpu", {}, {"architecture": "features", **train})
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        outcome = run(order, Material(pool, CLASSES, vectors), Path(folder))
        seconds = time.perf_counter() - started
    return {"seconds": seconds, **outcome.seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _vectors(folder: Path, n: int) -> Path:
    """Ten clouds about as far apart as classes of photos are, in a file."""
    rng = np.random.default_rng(0)
    centers, file = rng.standard_normal((CLASSES, DIM), np.float32), folder / f"{n}.f16"
    made = np.memmap(file, np.float16, "w+", shape=(n, DIM))
    for start in range(0, n, 1_000):
        at = np.arange(start, min(n, start + 1_000))
        made[at] = centers[at % CLASSES] + 3 * rng.standard_normal((len(at), DIM), np.float32)
    made.flush()
    return file
