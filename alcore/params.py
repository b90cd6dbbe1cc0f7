"""Parameters: frozen dataclasses whose fields carry what forms, messages and the command line need. Knows nothing of alcore but errors."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from alcore.errors import BadParameters


class Parameters(Protocol):
    """A frozen dataclass whose fields were made with `param`."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


Params = TypeVar("Params", bound=Parameters)


def param(
    default: Any,
    help: str,
    *,
    title: str = "",
    source: str,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str | int] | Mapping[str, str] | None = None,
    expert: bool = False,
    check: Callable[[Any], object] | None = None,
    path: Callable[[str], str] | None = None,
) -> Any:
    """A dataclass field with what people are told of it.

    Args:
        help: what it does, and in which unit.
        title: what it is called where people choose it; its name in words without one.
        source: paper and place, or who decided.
        low, high: its bounds, inclusive.
        choices: the values it takes, or value -> words for it.
        expert: True for what is rarely changed.
        check: raises ValueError, with the cure in words, for a value that cannot be.
        path: of values that may name a file: the file that a value names, "" for one that names none. Where others reach the server, those
            that a page gives must lie where pages may read.
    """
    words = dict(choices) if isinstance(choices, Mapping) else None
    extra = {"title": title, "help": help, "source": source, "low": low, "high": high, "expert": expert, "check": check, "path": path}
    return field(default=default, metadata={**extra, "choices": tuple(choices) if choices else None, "words": words})


def title_of(spec: dataclasses.Field[Any]) -> str:
    """What a parameter is called where people choose it."""
    return str(spec.metadata["title"] or spec.name.replace("_", " ").capitalize())


def words_for(spec: dataclasses.Field[Any], value: Any) -> str:
    """A value of a parameter as people read it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str((spec.metadata["words"] or {}).get(value, f"{value:g}" if isinstance(value, float) else value))


def make_params(kind: type[Params], values: Mapping[str, Any], where: str) -> Params:
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
    if meta["check"]:
        meta["check"](value)
    return value


@cache
def milestones(text: str) -> tuple[float, ...]:
    """The shares of the steps in a text such as "0.3,0.6,0.8"; ValueError unless they rise from above 0 to below 1."""
    try:
        found = tuple(float(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        found = (0.0,)
    if not all(before < after for before, after in itertools.pairwise((0.0, *found, 1.0))):
        raise ValueError("use shares of the steps that rise, as in 0.3,0.6,0.8")
    return found


@dataclass(frozen=True)
class TrainParams:
    """All of a training run that does not belong to the strategy. The task model's recipe is the same for every strategy."""

    architecture: str = param(
        "small_cnn",
        "The backbone. With pretrained features a network that has seen a million photos reads each image once, at its full size, and a "
        "round trains a small head on what it saw, in seconds. The small CNN trains on a CPU in a minute; ResNet-18 has the ImageNet stem "
        "(MAL) or a 3x3 stem for small images (MCDAL); VGG-16 is of MAL's Table 9 and wants images of 32 pixels or more; "
        "EfficientNet-Lite0 with weights=lite0 learns photos from few labels. For segmentation the small DRN trains on a CPU, and DRN-D-22 "
        "is what the papers' DRN most likely is.",
        title="Network",
        source="MAL 4.1; MCDAL official code model.py and IV-B; EfficientNet-Lite0: Tan & Le 2019; small_cnn, small_drn, features are ours",
        choices={
            "features": "Pretrained features",
            "small_cnn": "Small CNN",
            "resnet18": "ResNet-18, ImageNet stem",
            "resnet18_cifar": "ResNet-18, CIFAR stem",
            "vgg16_bn": "VGG-16 with batch norm",
            "small_drn": "Small DRN",
            "drn_d_22": "DRN-D-22",
            "efficientnet_lite0": "EfficientNet-Lite0",
        },
    )
    extractor: str = param(
        "lite0",
        "The frozen network of pretrained features: lite0 (EfficientNet-Lite0, comes along), lite2, or timm:NAME, torchvision:NAME, "
        "onnx:PATH.",
        title="Pretrained network",
        source="ours, by measurement on photos of clothing and CIFAR-10",
        path=lambda value: value[5:] if value.startswith("onnx:") else "",
    )
    classifier: str = param(
        "auto",
        "What reads the features: a linear layer, or cosines to one prototype a class. By the network it is the cosine on pretrained "
        "features.",
        title="Classifier",
        source="the papers: linear; the cosine is MAL's C (Eq. 1)",
        choices={"auto": "by the network", "linear": "linear", "cosine": "cosine"},
        expert=True,
    )
    weights: str = param(
        "none",
        "Starting weights: none, imagenet (torchvision's, from its cache), lite0 (EfficientNet-Lite0's, from its package), or the path of "
        "a state dict.",
        title="Starting weights",
        source="MAL 4.1: ImageNet weights except where said; MCDAL: from scratch",
        path=lambda value: "" if value in ("none", "imagenet", "lite0") else value,
    )
    normalization: str = param(
        "weights",
        "What pixels are normalized by. As the starting weights were trained is right for published weights, also from a file; "
        "centered is right for a file that was trained from scratch here.",
        title="Normalize pixels",
        source="the recipes of the published weights; without weights 0.5 and 0.25 a channel, which is ours",
        choices={"weights": "as the starting weights were trained", "centered": "centered: 0.5 and 0.25 a channel"},
        expert=True,
    )
    steps: int = param(
        600,
        "Updates of the task model a round, whatever the number of labels. The papers: 39,062 (MAL, after VAAL) and 38,610 (MCDAL).",
        title="Steps",
        source="VAAL solver.py; MCDAL official code; the default is sized for two CPU cores",
        low=1,
        high=10_000_000,
    )
    passes: int = param(
        0,
        "At least so many passes over the labeled images, also when that takes more steps: with more labels a model takes longer to fit.",
        title="Passes over the labels",
        source="ours: on pretrained features 50 fit the labels; the papers have a fixed number of steps",
        low=0,
        high=100_000,
        expert=True,
    )
    batch_size: int = param(
        64,
        "Labeled images a step (and as many unlabeled ones). The papers use 128.",
        title="Images a step",
        source="VAAL arguments.py",
        low=2,
        high=8192,
    )
    optimizer: str = param(
        "sgd",
        "What turns gradients into updates.",
        title="Optimizer",
        source="MCDAL IV-A: SGD; Adam on pretrained features is ours",
        choices={"sgd": "SGD", "adam": "Adam"},
        expert=True,
    )
    learning_rate: float = param(
        0.1, "Peak learning rate of the task model.", title="Learning rate", source="MCDAL IV-A", low=1e-6, high=10
    )
    backbone_rate: float = param(
        1.0,
        "The backbone's learning rate as a share of the classifier's.",
        title="Backbone's share of the rate",
        source="ours: a tenth on pretrained features, as MME has it",
        low=0,
        high=100,
        expert=True,
    )
    momentum: float = param(0.9, "Momentum of SGD.", title="Momentum", source="MCDAL official code", low=0, high=0.999)
    weight_decay: float = param(
        5e-4, "Weight decay of the task model.", title="Weight decay", source="MCDAL official code", low=0, high=1, expert=True
    )
    warmup: float = param(
        0.02,
        "Share of the steps over which the learning rate rises to its peak, never above it.",
        title="Warm-up",
        source="MCDAL official code: 1 of 99 epochs",
        low=0,
        high=0.5,
        expert=True,
    )
    decay: float = param(
        0.2,
        "The learning rate is multiplied by this at each milestone.",
        title="Fall of the rate",
        source="MCDAL IV-A",
        low=0.001,
        high=1,
        expert=True,
    )
    milestones: str = param(
        "0.3,0.6,0.8",
        "Where the learning rate falls, as shares of the steps; nothing keeps it at its peak.",
        title="Milestones of the fall",
        source="MCDAL IV-A; for Cityscapes IV-B has one, after 100 of 150 epochs",
        check=milestones,
        expert=True,
    )
    flip: bool = param(
        True,
        "Mirror images left-right at random. Switch off for text and digits.",
        title="Mirror images",
        source="MAL 4.1; MCDAL official code",
    )
    crop: float = param(
        0.125,
        "Random shift, as a share of the side (0.125 is 4 pixels of 32); 0 switches it off.",
        title="Shift images",
        source="MCDAL official code: RandomCrop(32, 4)",
        low=0,
        high=0.5,
    )
    rotation: float = param(
        0.0,
        "Random rotation in degrees either way. MCDAL's code turns by up to 15.",
        title="Turn images",
        source="MCDAL official code",
        low=0,
        high=180,
        expert=True,
    )
    compile: str = param(
        "off",
        "Compile the backbone before training: that fuses its operations, and with CUDA graphs replays them too. Costs a minute at the "
        "start of a round; pays on a GPU for thousands of steps. When it cannot be compiled, training goes on without and says so.",
        title="Compile the network",
        source="torch.compile; ours",
        choices={"off": "no", "on": "yes", "graphs": "yes, with CUDA graphs"},
        expert=True,
    )
    batch: str = param(
        "auto",
        "How a query is drawn from the scores: those of highest score, which are often near duplicates of each other; or images of high "
        "score that lie apart, drawn one by one (k-means++ weighted by the score). Of strategies that choose in another way it changes "
        "nothing. By the strategy it is diverse on pretrained features where that was measured to be better, else the top.",
        title="Draw the query",
        source="the papers: top; diverse as in k-means++ (Arthur & Vassilvitskii 2007) with weights, as BADGE does on gradients",
        choices={"auto": "by the strategy", "top": "highest scores", "diverse": "high scores that lie apart"},
    )
    batch_power: float = param(
        2.0,
        "Of a diverse query: the score to this power weighs an image; 0 looks at distances alone.",
        title="Weight of the score in a diverse query",
        source="ours, by measurement",
        low=0,
        high=100,
        expert=True,
    )
    score_sample: int = param(
        0,
        "Score only so many unlabeled images, drawn at random each round; 0 scores them all. For pools of millions.",
        title="Score a sample only",
        source="Learning Loss 4.1 scores 10,000 at random; 0 is what the other papers do",
        low=0,
        high=100_000_000,
        expert=True,
    )
    query_unit: str = param(
        "frames",
        "What a query of a segmentation project asks for: whole images, tiles of a grid, or superpixels that follow the picture's edges.",
        title="Ask for",
        source="the papers ask for frames; regions as in Mackowiak et al. 2018 (CEREALS) and Siddiqui et al. 2020 (ViewAL)",
        choices={"frames": "whole images", "tiles": "tiles", "superpixels": "superpixels"},
    )
    region_count: int = param(
        48,
        "About how many tiles or superpixels an image is cut into.",
        title="Regions in an image",
        source="ours: at 96 pixels a region is about 14 pixels wide",
        low=4,
        high=1000,
        expert=True,
    )
    precision: str = param(
        "auto",
        "Numbers in training. By the device it is 16 bit (bf16) where that is fast; scores are always 32 bit.",
        title="Precision",
        source="ours",
        choices={"auto": "by the device", "fp32": "32 bit", "bf16": "16 bit (bf16)"},
        expert=True,
    )

    def for_labels(self, count: int) -> TrainParams:
        """The same with as many steps as `count` labels take."""
        return dataclasses.replace(self, steps=max(self.steps, -(-self.passes * count // self.batch_size)))
