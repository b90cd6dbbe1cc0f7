"""All that differs between image classification and dense labels: heads, losses, metrics, recipes. Knows no strategy and no store."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.errors import BadInput
from alcore.measures import scores
from alcore.nets.backbones import Adapter, Backbone, make_backbone
from alcore.nets.crew import crew
from alcore.nets.models import VAE, CosineHead, Discriminator, MapDiscriminator, VectorVAE, upsampled
from alcore.params import TrainParams, make_params
from alcore.types import VOID

FEATURES = "features"  # the architecture whose images are vectors of a frozen network
# parameters whose defaults differ with an architecture
RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {FEATURES: MappingProxyType({"learning_rate": 0.02, "backbone_rate": 0.1, "steps": 200, "passes": 50, "warmup": 0.0})}
)


class Task:
    """What a strategy asks of a task; nothing else in a strategy depends on it.

    Class attributes:
        metric: the number that curves show.
        dense: True when every pixel has a label.
        answers: kinds of event that answer what is asked of its images.
        architectures: backbones that serve it.
        recipe: training parameters whose defaults differ from TrainParams'.

    Args:
        classes: K.
        size: side of the images in pixels, for parts that are built to it.
        vectors: instead of images vectors of so many numbers come in; 0 for images.
    """

    name: str
    title: str
    metric: str
    dense: bool = False
    answers: tuple[str, ...] = ("label",)
    architectures: tuple[str, ...]
    recipe: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, classes: int, size: int = 32, vectors: int = 0) -> None:
        self.classes, self.size, self.vectors = classes, size, vectors

    @classmethod
    def check_architecture(cls, name: str) -> None:
        """Raises BadInput unless this backbone serves the task."""
        if name not in cls.architectures:
            raise BadInput(f"architecture={name} is not for {cls.title.lower()}: use one of {', '.join(cls.architectures)}")

    # ---- networks

    @property
    def cosine(self) -> str:
        """The form of MAL's classifier C: CosineHead's."""
        return "single"  # MAL 3.2: W's columns are the filters of a 1x1 convolution

    def backbone(self, train: TrainParams) -> Backbone:
        """A new backbone for what comes in."""
        if train.architecture == FEATURES:
            return Adapter(self.vectors)
        return make_backbone(train.architecture, train.weights)

    def vae(self, latent: int, width: int, decoded: int | None = None) -> VAE | VectorVAE:
        """VAAL's network for what comes in; `width` is of its convolutions."""
        return VectorVAE(self.vectors, latent, decoded=decoded) if self.vectors else VAE(self.size, latent, width, decoded)

    def head(self, features: int, classifier: str = "auto") -> nn.Module:
        """The task model's classifier on features (B, d, *s): (B, K, *s)."""
        raise NotImplementedError

    def full(self, logits: Tensor) -> Tensor:
        """A head's logits (B, K, *s) at the size of the targets (B, K, *S)."""
        raise NotImplementedError

    def discriminator(self, features: int) -> nn.Module:
        """MAL's D, features (B, d, *s) to a logit (B,)."""
        raise NotImplementedError

    # ---- losses

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Mean cross-entropy over all that has a label; 0 when nothing has."""
        raise NotImplementedError

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of each image, (B,)."""
        raise NotImplementedError

    def image_target(self, target: Tensor) -> Tensor:
        """What a classifier of whole images learns: class indices (B,), or shares of the classes (B, K)."""
        raise NotImplementedError

    # ---- judging

    def summary(self, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What `Strategy.score` gives, reduced to one number a score and one row an array: what is kept of every image of the pool."""
        raise NotImplementedError

    def tally(self) -> Tally:
        """A new count of the metrics."""
        raise NotImplementedError


class Tally:
    """Metrics of many batches, added one by one."""

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Counts a batch: logits (B, K, *S) in fp32 and targets (B, *S)."""
        raise NotImplementedError

    def result(self) -> dict[str, float]:
        """The metrics of all that was added; empty when nothing with a label was."""
        raise NotImplementedError


# ---- one label an image


class Classification(Task):
    """One label an image; logits are (B, K)."""

    name = "classification"
    title = "Image classification"
    metric = "accuracy"
    architectures = ("small_cnn", "resnet18", "resnet18_cifar", "vgg16_bn", "efficientnet_lite0", FEATURES)

    @property
    def cosine(self) -> str:
        return "single" if self.vectors else "mme_deep"  # the adapter is the hidden layer

    def head(self, features: int, classifier: str = "auto") -> nn.Module:
        """The head of the task model, (B, d) -> (B, K): linear (MAL's T row, MCDAL's F), or MAL's C on vectors."""
        if classifier == "cosine" or (classifier == "auto" and self.vectors):
            return CosineHead(features, self.classes, form="single")
        return nn.Linear(features, self.classes)

    def full(self, logits: Tensor) -> Tensor:
        return logits

    def discriminator(self, features: int) -> nn.Module:
        return Discriminator(features)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target, reduction="none")

    def image_target(self, target: Tensor) -> Tensor:
        return target

    def summary(self, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(outputs)

    def tally(self) -> Tally:
        return _Answers(self.classes)


class _Answers(Tally):
    """accuracy, balanced_accuracy (mean over the classes that occur) and the mean loss. Keeps K numbers an image."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.parts: list[tuple[Tensor, Tensor]] = []

    def add(self, logits: Tensor, target: Tensor) -> None:
        self.parts.append((logits, target))

    def result(self) -> dict[str, float]:
        if not self.parts:
            return {}
        logits, target = (torch.cat(each) for each in zip(*self.parts, strict=True))
        hit = (logits.argmax(1) == target).double()
        count = torch.zeros(self.classes, dtype=torch.double, device=hit.device).index_add_(0, target, torch.ones_like(hit))
        right = torch.zeros_like(count).index_add_(0, target, hit)
        seen = count > 0
        return {
            "accuracy": float(hit.mean()),
            "balanced_accuracy": float((right[seen] / count[seen]).mean()),
            "loss": float(F.cross_entropy(logits.float(), target)),
        }


# ---- one label a pixel


class Segmentation(Task):
    """One label a pixel; logits are (B, K, H, W), targets (B, H, W) with VOID where there is none."""

    name = "segmentation"
    title = "Semantic segmentation"
    metric = "mean_iou"
    dense = True
    answers = ("mask", "region")
    architectures = ("small_drn", "drn_d_22")
    # of what was tried at 96 pixels on the street scenes and on CamVid: a decay of 0.2 stops short steps too early, shifts cost little ones
    recipe = MappingProxyType({"architecture": "small_drn", "batch_size": 8, "steps": 250, "decay": 0.5, "crop": 0.05})

    def head(self, features: int, classifier: str = "auto") -> nn.Module:
        """A 1x1 convolution with bias, as DRN has it, or one of cosines: (B, d, h, w) -> (B, K, h, w)."""
        if classifier == "cosine":
            return CosineHead(features, self.classes, form="single")
        return nn.Conv2d(features, self.classes, 1)

    def full(self, logits: Tensor) -> Tensor:
        """Enlarged by the fixed bilinear weights of DRN's last layer."""
        return upsampled(logits, self.size)

    def discriminator(self, features: int) -> nn.Module:
        return MapDiscriminator(features)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        known = crew().mean((target != VOID).sum().float())  # of all of the batch, of which this process may have a part
        return F.cross_entropy(logits, target, ignore_index=VOID, reduction="sum") / known.clamp_min(1)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean over an image's own pixels with a class; 0 where it has none."""
        known = (target != VOID).flatten(1).sum(1)
        each = F.cross_entropy(logits, target, ignore_index=VOID, reduction="none")
        return each.flatten(1).sum(1) / known.clamp_min(1)

    def image_target(self, target: Tensor) -> Tensor:
        """(B, K) shares of the pixels with a class; all 0 where there are none, which no loss learns from."""
        counts = torch.stack([(target == k).flatten(1).sum(1) for k in range(self.classes)], dim=1).float()
        return counts / counts.sum(1, keepdim=True).clamp_min(1)

    def summary(self, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Scores averaged over space; as logits the logarithm of the mean class probabilities, of the other heads those of the heads that
        give theirs (`shares_1` ...): K numbers a head, where whole maps would be K numbers a pixel."""
        kept = {}
        for name, value in outputs.items():
            if name == "logits":
                shares = outputs["shares"] if "shares" in outputs else scores.over_space(value.float().softmax(1))
                kept[name] = shares.clamp_min(torch.finfo(torch.float32).tiny).log()
            elif name == "embedding":
                kept[name] = value
            elif name.startswith("shares_"):
                kept["logits" + name.removeprefix("shares")] = value.clamp_min(torch.finfo(torch.float32).tiny).log()
            elif name != "shares" and not name.startswith("logits"):
                kept[name] = scores.per_image(value)
        return kept

    def tally(self) -> Tally:
        return _Confusion(self.classes)


class _Confusion(Tally):
    """mean_iou (over the classes that occur in the truth), pixel_accuracy, loss, and iou/k of each class k that occurs: from one count of
    who was taken for what, over all pixels with a class."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.counts: Tensor | None = None  # (K, K) int64, truth by prediction
        self.loss: Tensor | None = None

    def add(self, logits: Tensor, target: Tensor) -> None:
        known = target != VOID
        cell = target[known] * self.classes + logits.max(1).indices[known]  # argmax takes six times as long here
        counts = torch.bincount(cell, minlength=self.classes**2).view(self.classes, self.classes)
        loss = F.cross_entropy(logits.float(), target, ignore_index=VOID, reduction="none").sum(dtype=torch.float64)
        self.counts = counts if self.counts is None else self.counts + counts
        self.loss = loss if self.loss is None else self.loss + loss

    def result(self) -> dict[str, float]:
        if self.counts is None or self.loss is None or not self.counts.any():
            return {}
        counts = self.counts.cpu().double()
        truth, taken, right = counts.sum(1), counts.sum(0), counts.diag()
        iou = right / (truth + taken - right).clamp_min(1)
        occurs = (truth > 0).nonzero()[:, 0].tolist()
        return {
            "mean_iou": float(iou[occurs].mean()),
            "pixel_accuracy": float(right.sum() / counts.sum()),
            "loss": float(self.loss) / float(counts.sum()),
            **{f"iou/{k}": float(iou[k]) for k in occurs},
        }


TASKS: Mapping[str, type[Task]] = MappingProxyType({task.name: task for task in (Classification, Segmentation)})


def task_named(name: str) -> type[Task]:
    """The class, or BadInput naming those there are."""
    if name not in TASKS:
        raise BadInput(f"unknown task {name!r}: use one of {', '.join(TASKS)}")
    return TASKS[name]


def recipe(task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that differ from TrainParams' for a task and the architecture that `values` name."""
    of_task = task_named(task).recipe
    architecture = str(values.get("architecture", of_task.get("architecture", TrainParams.architecture)))
    return {**of_task, **RECIPES.get(architecture, {})}


def train_params(task: str, values: Mapping[str, Any]) -> TrainParams:
    """The run's parameters: `values`, then the recipe of task and architecture, then TrainParams' defaults. BadInput names everything that
    is wrong."""
    kind = task_named(task)
    params = make_params(TrainParams, {**recipe(task, values), **values}, "training")
    kind.check_architecture(params.architecture)
    return params
