"""How often "takes 40 to 600 labels more" held the truth: learning curves of the committed experiments, seen through a test slice."""

from __future__ import annotations

import json

import numpy as np

from alcore.measures.outlook import labels_to
from benchmarks.evidence import RESULTS

SLICES, DRAWS = (60, 100, 200), 20


def run() -> dict[str, dict[str, float]]:
    """For each set and size of slice: at each round, the way to what the strategy really had with twice the labels. Its own mean curve is
    the truth, a slice is drawn from it."""
    figures: dict[str, dict[str, float]] = {}
    for file in sorted(RESULTS.glob("features-*.json")):
        curves = [told["points"] for told in json.loads(file.read_text(encoding="utf-8"))["strategies"].values()]
        for of in SLICES:
            rng, held, spans = np.random.default_rng(of), [], []
            for curve in curves:
                labels, truth = [p["labeled"] for p in curve], np.array([p["mean"] for p in curve])
                for _ in range(DRAWS):
                    right = (rng.random((of, 1)) < truth).sum(0).tolist()
                    for at in range(1, len(labels) // 2):
                        then = labels.index(2 * labels[at])
                        if truth[then] <= truth[at]:
                            continue
                        seen = list(zip(labels[: at + 1], right[: at + 1], strict=True))
                        few, most = labels_to(float(truth[then]), seen, of) or (0.0, np.inf)
                        held.append(few <= labels[then] - labels[at] <= most)
                        spans.append((few / labels[at], most / labels[at]))
            middle = np.median(spans, 0)
            name = f"{file.stem.removeprefix('features-')}, {of} test images"
            figures[name] = {"held": round(float(np.mean(held)), 2), "fewest": round(middle[0], 2), "most": round(middle[1], 2)}
            print(f"{name}: held in {100 * np.mean(held):.0f} %; median range {middle[0]:.2f} to {middle[1]:.1f} times the labels, truth 1")
    return figures
