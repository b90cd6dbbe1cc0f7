"""Strategy: what every method is, and the plain supervised training that random, entropy and margin share. Knows no other strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from alcore.measures import scores
from alcore.measures.clusters import Units, of_length_one, spread
from alcore.nets.backbones import Backbone
from alcore.nets.crew import crew
from alcore.nets.tasks import FEATURES, Task
from alcore.params import TrainParams, milestones
from alcore.progress import Report, ignore_progress


class Draws(Protocol):
    """What a step may ask of the batches."""

    @property
    def labeled_count(self) -> int: ...
    def labeled(self) -> tuple[Tensor, Tensor]: ...
    def unlabeled(self) -> Tensor: ...


Losses = dict[str, Tensor]


def rate_factor(step: int, steps: int, params: TrainParams) -> float:
    """What the base learning rate is multiplied by at `step`: a linear rise to 1, then decay at the milestones; never above 1."""
    rise = round(params.warmup * steps)
    if step < rise:
        return (step + 1) / rise
    return params.decay ** sum(step >= m * steps for m in milestones(params.milestones))


@dataclass(frozen=True)
class Stage:
    """A stretch of training with a learning-rate schedule of its own.

    `start` runs before its first step (never again on resume). `rate` gives what the base learning rates are multiplied by at a step of
    it; None is the run's schedule (`rate_factor`). `constant` names the optimizers that keep theirs.
    """

    name: str
    steps: int
    step: Callable[[Draws], Losses]
    start: Callable[[], None] | None = None
    rate: Callable[[int, Draws], float] | None = None
    constant: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Seen:
    """What one pass over the pool gave: scores and outputs of the unlabeled and the labeled images.

    Attributes:
        ids: (u,) int64 ids of the unlabeled images.
        unlabeled: name -> (u, ...): scores (u,) float64, and `logits` (u, K), `embedding` (u, d) and other arrays in float32.
        labeled: the same names -> (l, ...), for the labeled images.
        targets: (l,) int64 class indices of the labeled images.
        device: where choosing may compute.
    """

    ids: np.ndarray
    unlabeled: Mapping[str, np.ndarray]
    labeled: Mapping[str, np.ndarray]
    targets: np.ndarray
    device: torch.device


Span = Callable[[int], tuple[float, float]]


def share(classes: int) -> tuple[float, float]:
    """The range of a probability, or of a difference of two."""
    return 0.0, 1.0


def information(classes: int) -> tuple[float, float]:
    """The range of an entropy over `classes`, in nats."""
    return 0.0, log(max(classes, 2))


@dataclass(frozen=True)
class ScoreInfo:
    """What people are told of a score column. Everything that shows scores reads it: tooltips, tables, histograms, the map's legend.

    Attributes:
        name: of the column, as frames, files and the HTTP interface have it.
        title: what it is called, in plain words.
        help: one sentence: what it measures, and what a low and a high value mean.
        unit: what a value counts, "" for a bare number.
        wanted: the end that is asked for, "high" or "low".
        span: the range theory gives for a number of classes; None where only the values themselves give one.
        listed: False for a score that says no more than another one listed beside it; maps and histograms offer it all the same.
    """

    name: str
    title: str
    help: str
    unit: str = ""
    wanted: str = "high"
    span: Span | None = None
    listed: bool = True


COPIED = 2**30  # bytes of embeddings up to which a copy of them is made of length 1; of more, each row when it is asked for

BASIC = (
    ScoreInfo("total", "Priority", "What the strategy ranks by: the highest is asked for first."),
    ScoreInfo(
        "entropy",
        "Entropy",
        "How evenly the model spreads its guess over the classes: 0 when it is sure of one, the logarithm of their number (in nats) "
        "when all seem alike.",
        "nats",
        span=information,
    ),
    ScoreInfo(
        "margin",
        "Margin",
        "How far apart the two likeliest classes are in probability: near 0 when the model hesitates between two, 1 when it is sure.",
        wanted="low",
        span=share,
    ),
    ScoreInfo(
        "confidence", "Confidence", "The probability of the class the model guesses: low when it is unsure.", wanted="low", span=share
    ),
)
DISCRIMINATOR = (
    ScoreInfo(
        "labeledness",
        "Looks labeled",
        "The discriminator's probability that the image is one of the labeled ones: low means unlike anything labeled so far.",
        wanted="low",
        span=share,
    ),
    ScoreInfo(
        "labeledness_logit",
        "Looks labeled, log-odds",
        "The same as log-odds, where differences between values near 0 or near 1 stay visible: low means unlike anything labeled.",
        wanted="low",
        listed=False,
    ),
)


@dataclass(frozen=True)
class NoParams:
    """A strategy without parameters of its own."""


class Strategy(nn.Module):
    """One active-learning method: how it trains, what it thinks of an image, what it asks for.

    A strategy is whole after construction. The task model (`backbone`, `head`) is made first, so that for one seed its first weights are
    the same under every strategy. Scores are higher = label first.

    Class attributes:
        name, title, paper: for lists and forms; `paper` is authors, year and link.
        idea: what it does and why that should help, in a paragraph for somebody who has not read the paper.
        equations: pairs of LaTeX and a sentence that says what it is, in the order in which one needs them.
        use, avoid: when to take it and when not. Figures in them are those of `alcore/teaching/evidence.csv` or `switches.csv`.
        cost: what it takes beside plain training and one look at the pool.
        differences: how this code differs from the paper, one sentence each.
        Params: frozen dataclass of `types.param` fields.
        rank_by: the score that `total` equals by default.
        greedy: True when what is asked depends on what else is asked; the query is then in the order of picking, not of `total`.
        by_total: False when `select` does not look at the total it is given.
        better_diverse: True when batch=auto draws its query by `diverse` on pretrained features: there it needs fewer labels so.
        scores_by_task_model: whether the `logits` beside its scores are those of `predict`.
        augmented_scoring: True when the pool is scored on augmented images (MCDAL's published code; nothing else should).
        tasks: names of the tasks it serves.
        heat: the score that has a value at every pixel and is taken for regions; "" when there is none.
        score_info: what people are told of its own score columns, those beside BASIC; "total" in it says what its priority is.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    idea: ClassVar[str] = ""
    equations: ClassVar[tuple[tuple[str, str], ...]] = ()
    use: ClassVar[str] = ""
    avoid: ClassVar[str] = ""
    cost: ClassVar[str] = ""
    differences: ClassVar[tuple[str, ...]] = ()
    Params: ClassVar[type] = NoParams
    rank_by: ClassVar[str] = ""
    greedy: ClassVar[bool] = False
    by_total: ClassVar[bool] = True
    better_diverse: ClassVar[bool] = False
    scores_by_task_model: ClassVar[bool] = True
    augmented_scoring: bool = False
    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")
    heat: ClassVar[str] = ""
    score_info: ClassVar[tuple[ScoreInfo, ...]] = ()
    report: Report = staticmethod(ignore_progress)  # told by a `total` that takes long; who sets it may stop it

    def __init__(self, task: Task, train: TrainParams, params: Any = None) -> None:
        super().__init__()
        self.task, self.train_params = task, train
        self.params = params if params is not None else self.Params()
        self.backbone = task.backbone(train)
        self.head = task.head(self.backbone.out_features, train.classifier)
        self.optimizers: dict[str, torch.optim.Optimizer] = {"task": self.optimizer(self.backbone, self.head)}

    def optimizer(self, *nets: nn.Module, backbone_rate: float | None = None) -> torch.optim.Optimizer:
        """The run's recipe over the nets' parameters.

        Args:
            backbone_rate: the peak rate of the backbones among them; None is their share of the run's.
        """
        t = self.train_params
        slow = [p for net in nets for m in net.modules() if isinstance(m, Backbone) for p in m.parameters()]
        rate = t.learning_rate * t.backbone_rate if backbone_rate is None else backbone_rate
        if rate == t.learning_rate:
            slow = []  # one group, as checkpoints of before there were two have it
        apart = {id(p) for p in slow}
        rest = [p for net in nets for p in net.parameters() if id(p) not in apart]
        groups: list[dict[str, Any]] = [*([{"params": slow, "lr": rate}] if slow else []), *([{"params": rest}] if rest else [])]
        if t.optimizer == "adam":
            return torch.optim.Adam(groups, lr=t.learning_rate, weight_decay=t.weight_decay, decoupled_weight_decay=True, fused=True)
        return torch.optim.SGD(groups, lr=t.learning_rate, momentum=t.momentum, weight_decay=t.weight_decay, fused=True)

    # ---- training

    def stages(self, steps: int) -> tuple[Stage, ...]:
        """The stretches of a round of `steps` task-model updates."""
        return (Stage("training", steps, self.step),)

    def step(self, batches: Draws) -> Losses:
        """One update; returns detached named losses. Here: cross-entropy on labeled images."""
        x, y = batches.labeled()
        loss = self.task.loss(self.predict(x), y)
        self.update(loss, "task")
        return {"cross_entropy": loss.detach()}

    def update(self, loss: Tensor, *names: str, fresh: bool = True) -> None:
        """Backward and one step of the named optimizers; `fresh=False` adds to the gradients that are there instead of replacing them."""
        for name in names if fresh else ():
            self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.take_step(*names)

    def take_step(self, *names: str) -> None:
        """One step of the named optimizers by the gradients that are there, averaged over the processes of the crew."""
        for name in names:
            crew().average(p for group in self.optimizers[name].param_groups for p in group["params"])
            self.optimizers[name].step()
        torch.clear_autocast_cache()  # it holds the weights in bf16 as they were: a second forward in this step must see the new ones

    # ---- judging

    def predict(self, x: Tensor) -> Tensor:
        """The task model's logits (B, K, *S), which metrics are measured on."""
        return self.task.full(self.head(self.backbone(x)))

    def score(self, x: Tensor) -> dict[str, Tensor]:
        """Scores for one batch, in evaluation mode: (B,), or (B, *S) for those that every pixel has. Beside them `logits` (B, K, *S), of
        other heads `logits_1` and so on, `embedding` (B, e), and for dense labels `shares` (B, K), the mean class probabilities."""
        features = self.backbone(x)
        return basic_scores(self.task.full(self.head(features))) | {"embedding": self.backbone.embedding(features)}

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """What the pool is ranked by, (u,), finite, higher = label first. Default: the score `rank_by`."""
        return seen.unlabeled[self.rank_by]

    def select(self, total: np.ndarray, seen: Seen, n: int, rng: np.random.Generator, report: Report) -> np.ndarray:
        """The query: `n` ids, best first. Default: those of highest total, ties by id; or, with batch=diverse, `diverse`."""
        if self.is_diverse(self.params, self.train_params):
            return diverse(total, seen, n, rng, report, power=self.train_params.batch_power)
        return seen.ids[np.lexsort((seen.ids, -total))[:n]]

    def region_total(self, values: np.ndarray, frame: np.ndarray, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """What regions are ranked by, (r,), finite, higher = label first. Default: their values.

        Args:
            values: (r,) the mean of the score `heat` over each region; regions of lower ids first.
            frame: (r,) the position in `seen.ids` of the image each is cut from.
        """
        return values

    @classmethod
    def ranks(cls, params: Any) -> bool:
        """True when what it asks for follows from `total` alone, so that batch=diverse may spread it out."""
        return not cls.greedy

    @classmethod
    def is_diverse(cls, params: Any, train: TrainParams) -> bool:
        """Whether the query is drawn by `diverse`."""
        asked = train.batch == "diverse" or (train.batch == "auto" and cls.better_diverse and train.architecture == FEATURES)
        return asked and cls.ranks(params)

    @classmethod
    def defaults(cls, train: TrainParams) -> Mapping[str, Any]:
        """Parameters of its own whose defaults differ for this network: what was measured there."""
        return {}

    @classmethod
    def remark(cls, train: TrainParams) -> str:
        """What is otherwise with this network than its paper has it, in a sentence; "" when nothing is."""
        return ""

    # ---- words

    @classmethod
    def score_columns(cls) -> dict[str, ScoreInfo]:
        """Every score column it can have, and what people are told of it."""
        return {about.name: about for about in (*BASIC, *cls.score_info)}

    @classmethod
    def semi_supervised(cls, params: Any) -> bool:
        """True when under these parameters unlabeled images reach the task model: its weights or its normalization."""
        return False

    @classmethod
    def costs(cls, params: Any) -> tuple[tuple[str, float, float], ...]:
        """Of each stage its name, its steps for each step that is asked for, and how many supervised steps one of its steps is worth, by
        small_cnn on the digits: a first guess of how long a round takes, until one was timed."""
        return (("", 1.0, 1.0),)

    @classmethod
    def first_point(cls, params: Any) -> str:
        """Why accuracy on the first labels differs from random's; "" when it is the same, to the digit on a CPU."""
        return ""

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        """One sentence: why this image was asked. `values` and `rank` (1 = most wanted) by score name, `n` images scored."""
        return entropy_words(values, rank, n, classes)


def diverse(total: np.ndarray, seen: Seen, n: int, rng: np.random.Generator, report: Report, *, power: float = 2.0) -> np.ndarray:
    """n ids of high total that lie apart: the highest first, then one after the other drawn with probability proportional to
    (total - least total)^power times the squared distance, between embeddings of length 1, to the nearest one drawn before. Where all
    totals are equal, distances alone decide."""
    order, points = np.argsort(seen.ids), seen.unlabeled["embedding"]
    embedding = of_length_one(points, order) if points.nbytes <= COPIED else Units(points, order)
    above = total[order] - total.min()
    importance = (above / above.max()) ** power if power and above.any() else np.ones_like(above)
    result: np.ndarray = seen.ids[order][spread((embedding,), n, rng, report, importance=importance)]
    return result


def basic_scores(logits: Tensor) -> dict[str, Tensor]:
    """entropy, margin, confidence and the logits themselves, in fp32; of maps at every pixel, and the images' mean probabilities."""
    logits = logits.float()
    if logits.dim() > 2:
        names = ("entropy", "margin", "confidence", "shares")
        return {"logits": logits, **dict(zip(names, scores.of_pixels(logits), strict=True))}
    return {"logits": logits, "entropy": scores.entropy(logits), "margin": scores.margin(logits), "confidence": scores.confidence(logits)}


def labeledness(logit: Tensor) -> dict[str, Tensor]:
    """A discriminator's probability of "labeled" (B,), and its logit: the sigmoid saturates in fp32, the logit keeps the ranking."""
    logit = logit.float()
    return {"labeledness": logit.sigmoid(), "labeledness_logit": logit}


def entropy_words(values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
    return f"entropy {values['entropy']:.2g} of at most {np.log(classes):.2g}, rank {rank['entropy']:,} of {n:,}"


def uniform(ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A number of [0, 1) for each id, given out in the order of the ids, so that the order of the pool does not matter."""
    result = np.empty(len(ids))
    result[np.argsort(ids)] = rng.random(len(ids))
    return result


def labeledness_words(values: Mapping[str, float], rank: Mapping[str, int], n: int) -> str:
    """What a discriminator says of an image."""
    chance = 100 * values["labeledness"]
    chance_words = f"{chance:.0f} %" if chance >= 1 else "under 1 %"
    return f"the discriminator gives it {chance_words} to be labeled, rank {rank['labeledness']:,} of {n:,}"
