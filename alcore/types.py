"""The few types everything speaks: frozen values that do no more than check themselves. Knows nothing of alcore but errors,
progress, and that a notebook may ask for HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, BadInput, one_line
from alcore.progress import Progress
from alcore.showing import as_html

SLICE = "slice"  # images drawn from the pool to be tested on: people label them, and nothing trains on them
HELD = "held"  # images that somebody chose to be tested on: nobody is asked for them, and nothing trains on them
SPLITS = ("pool", "val", "test", SLICE, HELD)
WRITTEN = {"pool": "train", "val": "val", "test": "test"}  # what each is called in what is written for others
VOID = 255  # in a mask, a pixel without a class: it neither trains nor scores
FRAMES = "frames"  # what a query consists of, unless it asks for tiles or superpixels of images
START = "start:"  # a query without a model of its own is a round of strategy start:random, :kcenter, :groups, :wanted or :proposed
PROPOSED = "proposed"  # somebody compared what methods would ask for, and took one; `params` says which, and whose look at the pool it was
WANTED = "wanted"  # somebody asked for an image by hand: it comes before what a round asks for; with the value NOT, they took that back
NOT = "not"
SURE = "sure"  # somebody looked at the label an image has and found it right
AGAIN = "again"  # somebody was asked a second time what they had said: the second answer is compared with the first and changes nothing
REMARK = "remark"  # somebody wrote something about an image; the newest counts, none takes it away
HOLD = "hold"  # somebody held an image out; with the value NOT, they put it back
NOTES = (SLICE, WANTED, SURE, AGAIN, REMARK, HOLD)  # kinds of events that say nothing of what is in an image
EVENT_KINDS = ("label", "skip", "flag", "undo", "mask", "region", AGAIN)  # what a browser may send; beside them the journal has NOTES


def written(split: str) -> str:
    """What a split is called in what is written for others: images drawn or chosen to be tested on are test images there."""
    return WRITTEN["test" if split in (SLICE, HELD) else split]


@dataclass(frozen=True, slots=True)
class Item:
    """One image. `id` is for ever; `path` is relative to the source's root, with forward slashes."""

    id: int
    path: str
    split: str
    truth: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was set aside, and why, in words for the user, on one line."""

    path: str
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", one_line(self.reason))


@dataclass(frozen=True, slots=True)
class Entry:
    """One image as a format found it. `path` is relative to the reading's root; `label` is a class name or None."""

    path: str
    split: str = "pool"
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said of an image, as a source or an export has it: a class, "" for the mask beside it, None where they skipped it.
    `decides` is set where it counts whatever others said."""

    annotator: str
    value: str | None
    decides: bool = False


@dataclass(frozen=True)
class Annotation:
    """One event of the journal. `(client, seq)` names it for ever, so sending it twice stores it once.

    `kind` is one of EVENT_KINDS; `value` is a class name for `label`, a mask's digest for `mask` (the whole image) and `region` (what was
    asked of it), a remark or None for the others; `ms` is how long the person took, `clicks` how often the pointer went down. `replaces` is
    the label or mask its author saw on the item, "" for none; None where that is not told, as of a script. `opinions` is how many people
    were to answer the image, each without seeing what the others said; None where one answer is enough.
    """

    client: str
    seq: int
    item: int
    kind: str
    value: str | None = None
    ms: int | None = None
    annotator: str = ""
    round: int | None = None
    clicks: int | None = None
    replaces: str | None = None
    opinions: int | None = None


@dataclass(frozen=True)
class Scores:
    """What a strategy thinks of the unlabeled pool.

    Attributes:
        ids: (n,) int64 item ids.
        total: (n,) float; what the strategy ranks by, higher = label first, always finite.
        parts: name -> (n,) float, each finite.
        selected: (b,) int64 ids in query order, each one of `ids`, none twice.
        regions: id -> bool (S, S) arrays, best first: which parts of a selected image are asked for; empty when whole images are.
    """

    ids: np.ndarray
    total: np.ndarray
    parts: Mapping[str, np.ndarray]
    selected: np.ndarray
    regions: Mapping[int, tuple[np.ndarray, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, values in {"total": self.total, **self.parts}.items():
            if values.shape != self.ids.shape:
                raise ValueError(f"score {name!r} has shape {values.shape}, the ids have {self.ids.shape}")
            bad = ~np.isfinite(values)
            if bad.any():
                raise FloatingPointError(f"score {name!r} is not finite for {int(bad.sum())} items, first id {int(self.ids[bad][0])}")
        if len(np.unique(self.selected)) != len(self.selected) or not np.isin(self.selected, self.ids).all():
            raise ValueError("the query repeats an item or names one that was not scored")

    def _repr_html_(self) -> str | None:
        return as_html(self)


@dataclass(frozen=True)
class Round:
    """One turn of the loop: trained on `labeled` labels, then asked for `query` (item ids, best first).

    `seconds` has train/score/select/map where they apply; `folder` is where its arrays lie; `metrics` are measured on the test split at
    the last step and empty without one. `classes` are the names that the model's outputs had when it began, after `change` of the project's
    classes; what they are called by now, project.files says. `event` is the newest of the journal that it knew, and `digest` that of the
    labels there were (past.py); None and empty in rounds of before 0.11.
    """

    id: int
    project: str
    number: int
    strategy: str
    params: Mapping[str, Any]
    train: Mapping[str, Any]
    seed: int
    labeled: int
    query: tuple[int, ...]
    metrics: Mapping[str, float]
    seconds: Mapping[str, float]
    device: str
    folder: str
    created: float
    classes: tuple[str, ...] = ()
    change: int = 0
    event: int | None = None
    digest: str = ""

    @property
    def start(self) -> str:
        """How a query without a model was drawn, "random", "kcenter", "groups", "wanted" or "proposed"; empty for a round with one."""
        return self.strategy.removeprefix(START) if is_start(self.strategy) else ""

    @property
    def unit(self) -> str:
        """What the query consists of: frames, tiles or superpixels."""
        return str(self.train.get("query_unit", FRAMES))

    def _repr_html_(self) -> str | None:
        return as_html(self)


def is_start(strategy: str) -> bool:
    """Whether a round of that strategy has no model."""
    return strategy.startswith(START)


@dataclass(frozen=True)
class Job:
    """A piece of background work as last stored. Times are seconds since 1970; `result` and `error` are set at the end; `spent` are the
    seconds of attempts before the one that `started`, and `stages` those of each stage, of a job that was done in one go."""

    id: int
    kind: str
    project: str
    title: str
    arguments: Mapping[str, Any]
    device: str
    state: str
    progress: Progress
    created: float
    started: float | None = None
    finished: float | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    cancel: bool = False
    spent: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def took(self) -> float | None:
        """Seconds of all its attempts; None before it has ended once."""
        return self.spent + self.finished - self.started if self.finished and self.started else self.spent or None

    @property
    def over(self) -> bool:
        """True once nothing more will happen without a person asking."""
        return self.state not in ("queued", "running")

    def _repr_html_(self) -> str | None:
        return as_html(self)


def check_query_size(query_size: int, unlabeled: int) -> int:
    """How many items a query of `query_size` gives: all that are left when there are fewer; raises when none are."""
    if query_size < 1:
        raise BadInput(f"cannot query {query_size} items: use a query size of at least 1")
    if unlabeled == 0:
        raise AlcoreError("nothing is left to query: every image of the pool is labeled, skipped or flagged. Add images or unskip some.")
    return min(query_size, unlabeled)
