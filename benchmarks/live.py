"""Learning while one labels, at 3,000 and 50,000 photos: from a label to the newer order, near-duplicate groups, every label written.

The photos are black squares with vectors made up for them; what is timed does not look at a picture.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from statistics import median

import numpy as np

from alcore.extractors.extraction import image_key
from alcore.measures.duplicates import CLOSE, near_duplicates
from alcore.project import delivery, labeling, live
from alcore.project.facade import Project, Workspace
from alcore.project.features import MAP, Features
from benchmarks.server import folder

SIDE = 64
IMAGES, NUMBERS, PLANTED, KINDS, REPEATS = 50_000, 1280, 5_000, 1_000, 2


SIZES, TRIES = (3_000, 50_000), 3
ROWS = 100_000  # of the table that is written


def run() -> dict[str, float]:
    result = {f"near duplicates of {IMAGES:,} s": groups()}
    for n in SIZES:
        with folder() as home:
            result |= _learning(home, n)
    with folder() as home:
        result |= _written(home)
    return result


def _learning(home: Path, n: int) -> dict[str, float]:
    """From the label that makes a round due to its query, as the labeling page would be told it; medians."""
    workspace, project = _project(home, n)
    live.choose(project, True, 10)
    rng, took = np.random.default_rng(0), []
    try:
        for _ in range(TRIES):
            before = len(project.rounds())
            some = rng.permutation(project.pool().unlabeled)[: 10 if before else 40].tolist()
            project.annotate({int(i): project.classes[int(i) % len(project.classes)] for i in some})
            started = time.perf_counter()
            workspace.live.answered(project.name)
            while len(project.rounds()) == before:
                time.sleep(0.02)
            assert labeling.query(project, 100)["items"]
            took.append(time.perf_counter() - started)
            while any(not job.over for job in workspace.job_rows.jobs(project.name)):
                time.sleep(0.02)
    finally:
        workspace.close()
    print(f"{n:,} photos: from a label to the newer order {median(took):.1f} s (first {took[0]:.1f} s)", flush=True)
    return {f"label to order at {n:,} s": median(took)}


def _written(home: Path) -> dict[str, float]:
    workspace, project = _project(home, ROWS, compared=False)
    try:
        project.annotate({int(i): project.classes[int(i) % 10] for i in project.pool().unlabeled[:200]})
        project.run_round("margin", 10, 0, "cpu", train={"steps": 50, "score_sample": 2_000}, report=lambda progress: None)
        started = time.perf_counter()
        told = delivery.deliver(project, home / "labels.csv")
        seconds = time.perf_counter() - started
    finally:
        workspace.close()
    print(f"a label for each of {told['images']:,} images written in {seconds:.1f} s", flush=True)
    return {f"{ROWS:,} labels written s": seconds}


def _project(home: Path, n: int, compared: bool = True) -> tuple[Workspace, Project]:
    """n black photos, told apart by a pixel, with vectors of ten kinds; their map and groups are made up too unless they are `compared`."""
    images = np.zeros((n, SIDE, SIDE, 3), np.uint8)
    images[:, 0, 0] = np.stack([np.arange(n) >> shift & 255 for shift in (0, 8, 16)], 1)
    names = np.array([f"kind {k}" for k in range(10)])
    home.mkdir(parents=True, exist_ok=True)
    np.savez(home / "photos.npz", x_train=images, y_train=np.arange(n) % 10, class_names=names)
    del images
    workspace = Workspace(home / "workspace")
    project = Project.import_into(workspace, "photos", home / "photos.npz", hold_out=0)
    found = Features(project)
    rng = np.random.default_rng(0)
    kinds = rng.standard_normal((10, found.extractor.dim), np.float32)
    keys = np.array([image_key(path, print_) for part in project.items.sources() for _, path, print_, _ in part], np.uint64)
    with found.store.writing():
        for start in range(0, len(keys), 4096):
            some = keys[start : start + 4096]
            noise = rng.standard_normal((len(some), found.extractor.dim), np.float32)
            found.store.add(some, some, kinds[np.arange(start, start + len(some)) % 10] + 2 * noise)
    if compared:
        found.groups()
        found.map()
    else:
        np.save(found.groups_file, np.arange(n))
        np.save(found.folder / MAP, rng.standard_normal((n, 2), np.float32))
    return workspace, project


def groups() -> float:
    """Seconds that the groups take, the better of two runs; told with how many of the planted ones share their group, and with memory."""
    vectors, row, of = made()
    before, seconds = _peak(), []
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = near_duplicates(vectors, CLOSE)
        seconds.append(time.perf_counter() - started)
    together = int((found[row] == found[of]).sum())
    print(
        f"{IMAGES:,} x {NUMBERS:,}, {PLANTED:,} near duplicates: {min(seconds):.1f} s (the better of {REPEATS}), {together:,} found, "
        f"{len(np.unique(found)):,} groups; {_peak() - before:,.0f} MB above the vectors, {_peak():,.0f} MB in all"
    )
    return min(seconds)


def made(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((n, d) float16 vectors, rows that are near duplicates, of which other rows): about the middles of kinds, as features of photos
    are, with a part that all share."""
    rng = np.random.default_rng(seed)
    kinds = rng.standard_normal((KINDS, NUMBERS), np.float32) * rng.uniform(0, 1, NUMBERS).astype(np.float32) ** 3 + 0.2
    vectors = np.empty((IMAGES, NUMBERS), np.float16)
    for start in range(0, IMAGES, 2048):
        part = vectors[start : start + 2048]
        part[:] = kinds[rng.integers(0, KINDS, len(part))] + 0.3 * rng.standard_normal(part.shape, np.float32)
    row, of = rng.permutation(IMAGES)[: 2 * PLANTED].reshape(2, PLANTED)
    vectors[row] = vectors[of] + 0.05 * rng.standard_normal((PLANTED, NUMBERS), np.float32)
    return vectors, row, of


def _peak() -> float:
    """The most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
