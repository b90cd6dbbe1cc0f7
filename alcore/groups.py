"""Images that belong together: groups joined where they share an image, and drawn whole or not at all. Knows numbers only."""

from __future__ import annotations

import numpy as np


def joined(*codes: np.ndarray) -> np.ndarray:
    """Who belongs together by any of several groupings, also by way of others.

    Args:
        codes: (n,) whole numbers each: equal ones are one group of that grouping, negative ones belong to nobody.

    Returns:
        (n,) int64, equal for those that belong together: the place of the first of them.
    """
    n = len(codes[0])
    result = np.arange(n, dtype=np.int64)
    groupings = []
    for code in codes:
        there = np.flatnonzero(code >= 0)
        groupings.append((there, np.unique(code[there], return_inverse=True)[1]))
    while True:
        before = result.copy()
        for there, of in groupings:
            if len(there):
                least = np.full(int(of.max()) + 1, n, np.int64)
                np.minimum.at(least, of, result[there])
                result[there] = least[of]
        result = result[result]  # whoever follows somebody follows whom that one follows: long chains take few turns
        if (result == before).all():
            return result


def whole(groups: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Places of at most `n` images: groups in random order, each that still fits. So every image is as likely to be drawn as any other,
    but for those of groups that do not fit at the end.

    Args:
        groups: (m,) equal numbers for images that belong together.
    """
    _, of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    left, taken = n, np.zeros(len(sizes), bool)
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if sizes[group] <= left:
            taken[group], left = True, left - sizes[group]
        if not left:
            break
    return np.flatnonzero(taken[of])
