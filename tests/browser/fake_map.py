"""What fake_app.py makes up of a project's name: its classes, and the columns of its map."""

from __future__ import annotations

import re

import numpy as np

LONG_NAMES = ("Gewöhnliches Rotkehlchen (Jungvogel)", "hand-knitted pullover with a very long description", "sea anemone", "x")
WORDS = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
    "hat",
    "scarf",
    "glove",
    "belt",
    "sock",
)


def shape(project: str) -> dict[str, int]:
    found = dict(re.findall(r"([a-z])(\d+)", project))
    return {
        "classes": int(found.get("c", 3)),
        "items": int(found.get("n", 50)),
        "size": int(found.get("s", 32)),
        "round": int(found.get("r", 2)),
    }


def class_names(project: str) -> list[str]:
    n = shape(project)["classes"]
    if "digits" in project:
        return [str(i) for i in range(n)]
    names = [WORDS[i] if n <= 15 else f"{LONG_NAMES[i % 4]} {i}" for i in range(n)]
    return [name.replace(" ", "_") for name in names] if "under" in project else names


ANNOTATORS, ROUNDS = ("anna", "bo"), (1, 2, 3)  # of the map


def column(project: str, name: str, round_number: int = 2) -> np.ndarray:
    """The map's columns: eight blobs, or with `grid` in the name a regular lattice whose points a test can name. With `moves` each round
    after the second lies half a step further to the right and up, the ones before it as far to the left and down. With `uneven` the later
    a class comes, the more points are guessed to be of it."""
    n = shape(project)["items"]
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(n)))
    group = rng.integers(0, 8, n)
    x = group % 4 * 2.2 + rng.normal(0, 0.55, n)
    y = group // 4 * 2.6 + rng.normal(0, 0.6, n) + 0.3 * np.sin(x * 3)
    if "grid" in project:
        x, y = (np.arange(n) % side).astype(float), (np.arange(n) // side).astype(float)
    drift = 0.5 * (round_number - 2) if "moves" in project else 0.0
    entropy = (np.sin(x * 1.3) + np.cos(y * 1.7) + 2) / 2 + rng.uniform(0, 0.3, n)
    label = np.where(rng.random(n) < 0.1, group % shape(project)["classes"], -1)
    guess = np.sqrt(2 * np.arange(n)).astype(int) if "uneven" in project else group  # class k has about k points
    columns = {
        "id": np.arange(1, n + 1, dtype="<i4"),
        "x": (x + drift).astype("<f4"),
        "y": (y + drift).astype("<f4"),
        "entropy": np.where(label >= 0, np.nan, entropy).astype("<f4"),
        "total": rng.random(n).astype("<f4"),
        "selected": (rng.random(n) < min(0.05, 60 / n)).astype("u1"),
        "label": label.astype("<i2"),
        "prediction": (guess % shape(project)["classes"]).astype("<i2"),
        "truth": ((group + (np.arange(n) % 7 == 0)) % shape(project)["classes"]).astype("<i2"),
        "correct": np.where(label >= 0, np.arange(n) % 5 > 0, -1).astype("<i2"),
        "asked": (np.arange(n) % 4 - 1).astype("<i2"),
        "annotator": np.where(label >= 0, np.arange(n) % 2, -1).astype("<i2"),
    }
    return columns[name]
