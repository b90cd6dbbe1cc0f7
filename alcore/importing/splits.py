"""Which images are held out for testing, and which may not be trained on because the very same bytes are. Knows columns; no file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alcore import groups as grouping
from alcore.columns import Entries, Known
from alcore.formats.base import count
from alcore.importing import alike
from alcore.types import SPLITS, Skipped

HOLD_OUT = 0.2
POOL = SPLITS.index("pool")


def kept_apart(
    entries: Entries, twins: np.ndarray, good: np.ndarray, before: np.ndarray, aside: list[Skipped], asked: str
) -> tuple[np.ndarray, list[str]]:
    """The entries that are taken, and what is said of images with the same bytes: those of the pool that are tested too are set `aside`,
    unless `asked` is "keep" or an earlier import took them."""
    alone = good[twins[good] >= 0]
    if not len(alone):
        return good, []
    by_group: dict[int, list[int]] = {}
    for at, group in zip(alone.tolist(), twins[alone].tolist(), strict=True):
        by_group.setdefault(group, []).append(at)
    labels, splits = entries.labels, entries.splits
    torn: list[tuple[int, int]] = []
    shared: list[tuple[int, int]] = []
    dropped: list[int] = []
    for members in by_group.values():
        if len({int(labels[at]) for at in members if labels[at] >= 0}) > 1:
            torn.append(next((a, b) for a in members for b in members if labels[a] != labels[b] and min(labels[a], labels[b]) >= 0))
        tested = next((at for at in members if splits[at] != POOL), None)
        if tested is not None:
            for at in (at for at in members if splits[at] == POOL):
                shared.append((at, tested))
                if asked == "apart" and before[at] < 0:
                    dropped.append(at)
                    aside.append(
                        Skipped(entries.paths[at], f"the same bytes as {entries.paths[tested]}, which is held out: not trained on")
                    )
    said = [f"{count(len(alone), 'image')} have the very bytes of another"]
    if torn:
        said.append(f"{count(len(torn), 'image')} in two classes at once: {alike.told(_named(entries, torn))}")
    if shared:
        what = "left out of the pool, so that nothing is tested that was trained" if dropped else "kept, as asked"
        said.append(f"{count(len(shared), 'image')} in the pool and held out too ({alike.told(_named(entries, shared))}): {what}")
    return np.setdiff1d(good, np.array(dropped, np.int64), assume_unique=True), said


def _named(entries: Entries, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    return ((entries.paths[a], entries.paths[b]) for a, b in pairs)


def held_out(
    splits: np.ndarray,
    labels: np.ndarray,
    good: np.ndarray,
    share: float | None,
    known: Known,
    before: np.ndarray,
    twins: np.ndarray | None = None,
    together: np.ndarray | None = None,
    column: str = "",
) -> tuple[np.ndarray, list[str]]:
    """(n,) splits: without a test split val serves as one, else a share of each class is kept out of the pool. Known paths keep theirs.

    Args:
        labels: (n,) what a class is told apart by, -1 for images without a label.
        twins: (n,) the same number for images of the same bytes, -1 without: they are held out together; None takes no care of that.
        together: (n,) the same number for images of one group of the metadata `column`, -1 without: whole groups are held out, whatever
            their classes. None for none.
    """
    if len(known):
        return np.where(before >= 0, known.splits[before], splits).astype(np.int8), []
    known_class = labels[good] >= 0
    labeled = good[known_class & (splits[good] == POOL)]
    tested = {split: bool((known_class & (splits[good] == SPLITS.index(split))).any()) for split in ("test", "val")}
    if tested["test"] or not len(labeled) or share == 0:
        return splits, []
    if share is None and tested["val"]:
        return splits, ["there is no test split: accuracy is measured on the val split"]
    share = HOLD_OUT if share is None else share
    if together is not None:
        return _whole_groups(splits, labeled, share, together, together if twins is None else twins, column)
    rng = np.random.default_rng(0)
    _, first, of = np.unique(labels[labeled], return_index=True, return_inverse=True)
    met = np.argsort(np.argsort(first))[of]  # classes by their first image
    by_class = np.argsort(met, kind="stable")
    groups = np.split(labeled[by_class], np.flatnonzero(np.diff(met[by_class])) + 1)
    several = [number for number, members in enumerate(groups) if len(members) > 1]
    one_each: set[int] = set()
    if several and not any(round(share * len(members)) for members in groups):  # so few of each class that none would be tested
        one_each = set(rng.permutation(several)[: max(1, round(share * len(labeled)))].tolist())
    for number, members in enumerate(groups):
        wanted = round(share * len(members)) or number in one_each
        splits[_drawn(members[rng.permutation(len(members))], int(wanted), twins)] = SPLITS.index("test")
    if twins is not None:  # whose twin is of another class stays with it in the pool: nothing is tested that is trained
        trained = np.unique(twins[good[splits[good] == POOL]])
        back = labeled[np.isin(twins[labeled], trained[trained >= 0]) & (splits[labeled] == SPLITS.index("test"))]
        splits[back] = POOL
    out = int((splits[labeled] == SPLITS.index("test")).sum())
    if not out:
        return splits, ["there is no test split, and too few labeled images that differ to hold any out: no accuracy is measured"]
    return splits, [f"there is no test split: {out:,} of {len(labeled):,} labeled images are held out for testing"]


def _whole_groups(
    splits: np.ndarray, labeled: np.ndarray, share: float, together: np.ndarray, twins: np.ndarray, column: str
) -> tuple[np.ndarray, list[str]]:
    """Groups held out at random until there are enough images; each that would be too many stays in the pool."""
    alone = grouping.joined(together, twins)  # who is of no group is one of its own
    out = labeled[grouping.whole(alone[labeled], round(share * len(labeled)), 0)]
    if not len(out):
        least = int(np.unique(alone[labeled], return_counts=True)[1].min())
        return splits, [
            f"nothing is held out: the smallest group of {column!r} has {count(least, 'labeled image')}, over {100 * share:.0f} % of all"
        ]
    splits[out] = SPLITS.index("test")
    number = len(np.unique(together[out][together[out] >= 0]))
    told = f"{count(number, 'group')} of {column!r}, {len(out):,} of {len(labeled):,} labeled images, are held out for testing"
    return splits, [f"there is no test split: {told}"]


def beside_held_out(splits: np.ndarray, good: np.ndarray, together: np.ndarray, column: str) -> list[str]:
    """What is to be said of images of the pool whose group is held out too, by the source's own splits or without a label."""
    tested = together[good[splits[good] != POOL]]
    beside = (splits[good] == POOL) & np.isin(together[good], tested[tested >= 0])
    if not beside.any():
        return []
    told = f"{count(int(beside.sum()), 'image')} of the pool share their {column!r} with images that are held out"
    return [f"{told}: neither trained on nor asked for"]


def _drawn(members: np.ndarray, number: int, twins: np.ndarray | None) -> np.ndarray:
    """The first `number` of the members, images of the same bytes together or not at all."""
    if twins is None or not (twins[members] >= 0).any():
        return members[:number]
    units: dict[int, list[int]] = {}
    for at, group in zip(members.tolist(), twins[members].tolist(), strict=True):
        units.setdefault(group if group >= 0 else -2 - at, []).append(at)
    drawn: list[int] = []
    for unit in units.values():
        if len(drawn) + len(unit) <= number:
            drawn += unit
    return np.array(drawn, np.int64)
