"""Clicks to masks: IoU of CamVid's regions after 1, 2 and 3 clicks or a box, beside one superpixel and a flood fill, and how long it takes.

`python -m benchmarks clicks FOLDER`, where FOLDER holds the encoder and the decoder of a SAM (and ../shared/data/camvid the pictures). A
region is a connected area of one class of at least 400 pixels in a validation mask. The first click is at its innermost pixel, each further
one at the innermost pixel of the largest piece that is wrong, as a person would click; a box is the region's own. Answers are the editor's.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from scipy import ndimage
from skimage.segmentation import flood

from alcore.extractors.sam import pair_in
from alcore.formats import read
from alcore.pixels import masks
from alcore.pixels.images import decode
from alcore.project.clicks import ALONE
from alcore.types import VOID
from benchmarks.server import ROOT, p95

CAMVID = ROOT.parent / "shared" / "data" / "camvid"
IMAGES, LEAST, TOLERANCE = 10, 400, 12


def run(folder: Path) -> dict[str, Any]:
    pair = pair_in(folder, str(folder))
    if problem := pair.problem():
        raise RuntimeError(problem)
    reading = read(CAMVID, "camvid")
    held = [at for at, entry in enumerate(reading.entries) if entry.split == "val"]
    shares: dict[str, list[float]] = {name: [] for name in ("1 click", "2 clicks", "3 clicks", "a box", "one superpixel", "flood fill")}
    looks: list[float] = []
    answers: list[float] = []
    for at in held[:: max(1, len(held) // IMAGES)][:IMAGES]:
        picture = decode(CAMVID / reading.entries[at].path)
        truth = np.asarray(reading.masks[at])
        started = time.perf_counter()
        looked = pair.look(picture)
        looks.append(time.perf_counter() - started)
        pixels = np.asarray(picture)
        pieces, grey = masks.superpixels(pixels, 150), pixels.mean(2)
        for region in _regions(truth):
            points: list[tuple[float, float, bool]] = []
            before, found = None, np.zeros(region.shape, bool)
            for count in (1, 2, 3):
                points.append(_next(region, found))
                started = time.perf_counter()
                made = pair.find(looked, points, None, before if count > ALONE else None)
                answers.append(1000 * (time.perf_counter() - started))
                found, before = made.mask, made.logits
                shares[f"{count} click{'s' if count > 1 else ''}"].append(_overlap(found, region))
            rows, columns = np.nonzero(region)
            box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
            shares["a box"].append(_overlap(pair.find(looked, [], box).mask, region))
            x, y = int(points[0][0]), int(points[0][1])
            shares["one superpixel"].append(_overlap(pieces == pieces[y, x], region))
            shares["flood fill"].append(_overlap(flood(grey, (y, x), tolerance=TOLERANCE), region))
    result: dict[str, Any] = {"regions": len(shares["a box"]), **{name: mean(values) for name, values in shares.items()}}
    result |= {"made ready s": median(looks), "answer median ms": median(answers), "answer p95 ms": p95(answers)}
    told = ", ".join(f"{name} {result[name]:.2f}" for name in shares)
    print(f"  {result['regions']} regions of {len(looks)} pictures: mean IoU {told}")
    took = f"median {result['answer median ms']:.0f} ms, p95 {result['answer p95 ms']:.0f} ms"
    print(f"  a picture is ready after {result['made ready s']:.2f} s of one core, a click answered after {took}")
    return result


def failed(figures: object) -> bool:
    """Nothing here is right or wrong."""
    return False


def _regions(truth: np.ndarray) -> list[np.ndarray]:
    found = []
    for value in np.unique(truth[truth != VOID]):
        numbered, count = ndimage.label(truth == value)
        found += [numbered == number for number in range(1, count + 1) if (numbered == number).sum() >= LEAST]
    return found


def _next(region: np.ndarray, found: np.ndarray) -> tuple[float, float, bool]:
    """Where a person would click next, and whether to add."""
    pieces = []
    for wrong, adds in ((region & ~found, True), (found & ~region, False)):
        numbered, count = ndimage.label(wrong)
        sizes = ndimage.sum(wrong, numbered, range(1, count + 1)) if count else []
        pieces += [(size, adds, numbered == number) for number, size in enumerate(sizes, 1)]
    _, adds, piece = max(pieces, key=lambda one: one[0], default=(0, True, region))
    depth = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x) + 0.5, float(y) + 0.5, adds


def _overlap(found: np.ndarray, wanted: np.ndarray) -> float:
    return float((found & wanted).sum() / (found | wanted).sum())
