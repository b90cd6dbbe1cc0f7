"""The few types everything speaks: frozen values without behaviour beyond their own checks. Knows nothing of alcore but errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from alcore.errors import AlcoreError, BadInput, BadParameters, one_line

SPLITS = ("pool", "val", "test")
VOID = 255  # in a mask, a pixel without a class: it neither trains nor scores
EVENT_KINDS = ("label", "skip", "flag", "undo", "mask", "region")


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


@dataclass(frozen=True)
class Progress:
    """A snapshot of long work. `values` are the live numbers of the stage (losses, images_per_second, device_memory)."""

    stage: str
    done: int
    total: int
    values: Mapping[str, float] = field(default_factory=dict)
    message: str = ""


Report = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """The report of callers that do not watch."""


@dataclass(frozen=True)
class Annotation:
    """One event of the journal. `(client, seq)` names it for ever, so sending it twice stores it once.

    `kind` is one of EVENT_KINDS; `value` is a class name for `label`, a mask's digest for `mask` (the whole image) and `region` (what was
    asked of it), a remark or None for the others; `ms` is how long the person took, `clicks` how often the pointer went down. `replaces` is
    the label or mask its author saw on the item, "" for none; None where that is not told, as of a script.
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


Event = TypeVar("Event", bound=tuple[Any, ...])


def left_standing(events: Iterable[Event]) -> list[Event]:
    """Of an item's events, oldest first and each beginning with its kind, value and annotator, those that no undo took back.

    An undo takes the newest event of its own annotator that stands, of whoever where that person has none: nobody takes back what somebody
    else said meanwhile.
    """
    standing: list[Event] = []
    for event in events:
        if event[0] != "undo":
            standing.append(event)
        elif standing:
            own = [place for place, other in enumerate(standing) if other[2] == event[2]]
            del standing[own[-1] if own else -1]
    return standing


def answered_items(events: Iterable[Any], number: int, created: float) -> set[int]:
    """Items whose regions somebody answered that a round asked for, and not taken back. An answer names its round; one that does not is
    taken for any that was there.

    Args:
        events: (item, kind, value, annotator, round, time), oldest first.
        number, created: the round's.
    """
    by_item: dict[int, list[tuple[str, str | None, str, int | None, float]]] = {}
    for item, *event in events:
        by_item.setdefault(item, []).append(tuple(event))

    def answers(kind: str, value: str | None, annotator: str, round_: int | None, at: float) -> bool:
        return kind == "region" and (round_ == number or (round_ is None and at >= created))

    return {item for item, of_item in by_item.items() if any(answers(*event) for event in left_standing(of_item))}


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


@dataclass(frozen=True)
class Round:
    """One turn of the loop: trained on `labeled` labels, then asked for `query` (item ids, best first).

    `seconds` has train/score/select/map where they apply; `folder` is where its arrays lie; `metrics` are measured on the test split at
    the last step and empty without one.
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


# ---- parameters: frozen dataclasses whose fields carry what a form needs


def param(
    default: Any,
    help: str,
    *,
    source: str,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str | int] | None = None,
    expert: bool = False,
) -> Any:
    """A dataclass field with its help text, its source (paper and place, or who decided) and its bounds (inclusive)."""
    extra = {"help": help, "source": source, "low": low, "high": high, "choices": tuple(choices) if choices else None, "expert": expert}
    return field(default=default, metadata=extra)


def make_params(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """`kind(**values)` after converting text to the fields' types; one BadInput lists everything that is wrong.

    Args:
        kind: a frozen dataclass whose fields were made with `param`.
        values: name -> value; text is converted ("0.1", "true").
        where: what the parameters belong to, for the message ("strategy mal").
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}
    problems, clean = [], {}
    for name, value in values.items():
        if name not in fields:
            problems.append(f"{name} is not a parameter (there are: {', '.join(fields) or 'none'})")
            continue
        try:
            clean[name] = _convert(value, fields[name])
        except ValueError as wrong:
            problems.append(f"{name}={value!r}: {wrong}")
    if problems:
        raise BadParameters(f"parameters of {where}: " + "; ".join(problems))
    return kind(**clean)


def _convert(value: Any, spec: dataclasses.Field[Any]) -> Any:
    wanted: Any = type(spec.default)
    meta = spec.metadata
    if wanted is bool:
        if isinstance(value, str):
            if value.lower() not in ("true", "false", "1", "0", "yes", "no"):
                raise ValueError("use true or false")
            value = value.lower() in ("true", "1", "yes")
        value = bool(value)
    elif wanted in (int, float):
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError("use a number") from None
        if not np.isfinite(number):
            raise ValueError("use a finite number")
        if wanted is int and number != int(number):
            raise ValueError("use a whole number")
        value = wanted(number)
        if (meta["low"] is not None and value < meta["low"]) or (meta["high"] is not None and value > meta["high"]):
            raise ValueError(f"use a value from {meta['low']} to {meta['high']}")
    else:
        value = wanted(value)
    if meta["choices"] and value not in meta["choices"]:
        raise ValueError(f"use one of {', '.join(map(str, meta['choices']))}")
    return value


@dataclass(frozen=True)
class TrainParams:
    """All of a training run that does not belong to the strategy. The task model's recipe is the same for every strategy."""

    architecture: str = param(
        "small_cnn",
        "Backbone. small_cnn trains on a CPU in a minute; resnet18 has the ImageNet stem (MAL), resnet18_cifar the 3x3 stem (MCDAL), "
        "vgg16_bn is of MAL's Table 9 and wants images of 32 pixels or more. For segmentation: small_drn trains on a CPU, drn_d_22 is what "
        "the papers' DRN most likely is.",
        source="MAL 4.1; MCDAL official code model.py and IV-B; small_cnn and small_drn are ours",
        choices=("small_cnn", "resnet18", "resnet18_cifar", "vgg16_bn", "small_drn", "drn_d_22"),
    )
    weights: str = param(
        "none",
        "Starting weights: none, imagenet (torchvision's, from its cache), or the path of a state dict.",
        source="MAL 4.1: ImageNet weights except where said; MCDAL: from scratch",
    )
    steps: int = param(
        600,
        "Updates of the task model a round, whatever the number of labels. The papers: 39,062 (MAL, after VAAL) and 38,610 (MCDAL).",
        source="VAAL solver.py; MCDAL official code; the default is sized for two CPU cores",
        low=1,
        high=10_000_000,
    )
    batch_size: int = param(
        64, "Labeled images a step (and as many unlabeled ones). The papers use 128.", source="VAAL arguments.py", low=2, high=8192
    )
    learning_rate: float = param(0.1, "Peak learning rate of SGD for the task model.", source="MCDAL IV-A", low=1e-6, high=10)
    momentum: float = param(0.9, "Momentum of SGD.", source="MCDAL official code", low=0, high=0.999)
    weight_decay: float = param(5e-4, "Weight decay of SGD.", source="MCDAL official code", low=0, high=1, expert=True)
    warmup: float = param(
        0.02,
        "Share of the steps over which the learning rate rises to its peak, never above it.",
        source="MCDAL official code: 1 of 99 epochs",
        low=0,
        high=0.5,
        expert=True,
    )
    decay: float = param(
        0.2, "The learning rate is multiplied by this at 30, 60 and 80 % of the steps.", source="MCDAL IV-A", low=0.001, high=1, expert=True
    )
    flip: bool = param(True, "Mirror images left-right at random. Switch off for text and digits.", source="MAL 4.1; MCDAL official code")
    crop: float = param(
        0.125,
        "Random shift, as a share of the side (0.125 is 4 pixels of 32); 0 switches it off.",
        source="MCDAL official code: RandomCrop(32, 4)",
        low=0,
        high=0.5,
    )
    rotation: float = param(
        0.0,
        "Random rotation in degrees either way. MCDAL's code turns by up to 15.",
        source="MCDAL official code",
        low=0,
        high=180,
        expert=True,
    )
    compile: str = param(
        "off",
        "Compile the backbone before training: on fuses its operations, graphs replays them as CUDA graphs too. Costs a minute at the "
        "start of a round; pays on a GPU for thousands of steps. When it cannot be compiled, training goes on without and says so.",
        source="torch.compile; ours",
        choices=("off", "on", "graphs"),
        expert=True,
    )
    score_sample: int = param(
        0,
        "Score only so many unlabeled images, drawn at random each round; 0 scores them all. For pools of millions.",
        source="Learning Loss 4.1 scores 10,000 at random; 0 is what the other papers do",
        low=0,
        high=100_000_000,
        expert=True,
    )
    query_unit: str = param(
        "frames",
        "What a query of a segmentation project asks for: whole images, tiles of a grid, or superpixels that follow the picture's edges.",
        source="the papers ask for frames; regions as in Mackowiak et al. 2018 (CEREALS) and Siddiqui et al. 2020 (ViewAL)",
        choices=("frames", "tiles", "superpixels"),
    )
    region_count: int = param(
        48,
        "About how many tiles or superpixels an image is cut into.",
        source="ours: at 96 pixels a region is about 14 pixels wide",
        low=4,
        high=1000,
        expert=True,
    )
    precision: str = param(
        "auto",
        "auto uses bf16 where the device is fast at it; scores are always fp32.",
        source="ours",
        choices=("auto", "fp32", "bf16"),
        expert=True,
    )


def check_query_size(query_size: int, unlabeled: int) -> int:
    """How many items a query of `query_size` gives: all that are left when there are fewer; raises when none are."""
    if query_size < 1:
        raise BadInput(f"cannot query {query_size} items: use a query size of at least 1")
    if unlabeled == 0:
        raise AlcoreError("nothing is left to query: every image of the pool is labeled, skipped or flagged. Add images or unskip some.")
    return min(query_size, unlabeled)
