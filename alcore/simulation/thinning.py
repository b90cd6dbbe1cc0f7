"""A pool thinned class by class, the way MAL's imbalanced CIFAR-100 is, the same for ever. Knows numpy."""

from __future__ import annotations

import hashlib

import numpy as np

from alcore.errors import BadInput


def thinned(targets: np.ndarray, classes: int, ratios: tuple[float, ...], seed: int = 0) -> np.ndarray:
    """Positions (k,) ascending of what is left when each class keeps one of `ratios` of its images (MAL 4.1).

    The classes are dealt to the ratios in a fixed shuffle, equally many to each; a class keeps at least one image. Classes and images
    are shuffled by a hash of seed and number, so the map is the same for ever, whatever the library versions.

    Args:
        targets: (n,) class indices, in a stable order.
        classes: K.

    Raises:
        BadInput: a ratio outside (0, 1].
    """
    if not ratios or any(not 0 < r <= 1 for r in ratios):
        raise BadInput(f"cannot thin by {ratios}: give ratios above 0 and up to 1, as 0.01,0.1,1")
    shuffled = sorted(range(classes), key=lambda k: _hash(seed, "class", k))
    ratio = {k: ratios[place * len(ratios) // classes] for place, k in enumerate(shuffled)}
    kept = []
    for k in range(classes):
        positions = np.flatnonzero(targets == k)
        if len(positions):
            order = sorted(range(len(positions)), key=lambda i, k=k: _hash(seed, k, i))  # type: ignore[misc]
            kept.append(positions[order[: max(1, round(ratio[k] * len(positions)))]])
    return np.sort(np.concatenate(kept)) if kept else np.empty(0, np.int64)


def _hash(*parts: object) -> bytes:
    return hashlib.blake2b(":".join(map(str, parts)).encode(), digest_size=8).digest()
