"""QBC: ask where networks that learned the same labels from different starts disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alcore.measures import scores
from alcore.nets.tasks import Task
from alcore.params import TrainParams, param
from alcore.strategies.base import Draws, Losses, ScoreInfo, Strategy, basic_scores, information


@dataclass(frozen=True)
class Params:
    members: int = param(
        3,
        "Networks in the committee, the task model among them. Training and scoring cost that many times as much.",
        title="Networks in the committee",
        source="acl21's ensemble: 3",
        low=2,
        high=16,
    )


class QBC(Strategy):
    """Query by committee (Seung, Opper & Sompolinsky 1992) with a deep ensemble and its Jensen-Shannon divergence (Kuo et al. 2018).

    The first member is the task model, trained exactly as under random; the others differ from it by their first weights only.
    """

    name = "qbc"
    title = "QBC"
    paper = "Seung et al. 1992; Kuo et al. 2018 (MCDAL's baseline for Cityscapes)"
    idea = (
        "Several networks learn the same labels from different first weights. Where they end up with different answers, the labels do "
        "not decide; that is where the next one is asked for."
    )
    equations = (
        (
            r"J(x) = H\left(\frac{1}{M}\sum_{m=1}^{M} p_m(x)\right) - \frac{1}{M}\sum_{m=1}^{M} H\left(p_m(x)\right)",
            "The Jensen-Shannon divergence between the M members: 0 when all agree.",
        ),
    )
    use = "Where time is no matter and one network's doubt is not trusted; for segmentation it is one of the MCDAL paper's baselines."
    avoid = (
        "Not for quick rounds: everything is trained M times. There are no figures of it on photos here, so nothing says that it earns "
        "that. On pretrained features the members differ by their heads alone."
    )
    cost = "M networks: with three of them a step took 3.07 times a bare loop's on a GPU and scoring 7.69 s where others took 2.6 s."
    differences = (
        "The score is the mean Jensen-Shannon divergence; Kuo et al. sum it over the most uncertain patches and weigh labeling costs.",
        "All members see the same batches, so they differ by initialization alone.",
        "From pretrained weights the members differ by their heads alone at the start.",
        "Accuracy is the first member's, not the committee's, so that curves compare queries and not ensembles.",
    )
    Params = Params
    rank_by = "disagreement"
    heat = "disagreement"
    score_info = (
        ScoreInfo(
            "disagreement",
            "Committee disagreement",
            "How far the networks of the committee disagree about the class (in nats): 0 when all of them agree.",
            "nats",
            span=information,
        ),
    )

    def __init__(self, task: Task, train: TrainParams, params: Any = None) -> None:
        super().__init__(task, train, params)
        others = range(self.params.members - 1)
        self.backbones = nn.ModuleList(task.backbone(train) for _ in others)
        self.heads = nn.ModuleList(task.head(self.backbone.out_features, train.classifier) for _ in others)
        self.optimizers["committee"] = self.optimizer(self.backbones, self.heads)

    def step(self, batches: Draws) -> Losses:
        x, y = batches.labeled()
        loss = self.task.loss(self.predict(x), y)
        self.update(loss, "task")
        others = torch.zeros_like(loss)
        self.optimizers["committee"].zero_grad(set_to_none=True)
        for backbone, head in zip(self.backbones, self.heads, strict=True):
            each = self.task.loss(self.task.full(head(backbone(x))), y)
            each.backward()  # one member's graph at a time
            others += each.detach()
        self.take_step("committee")
        return {"cross_entropy": loss.detach(), "committee_cross_entropy": others / len(self.backbones)}

    def score(self, x: Tensor) -> dict[str, Tensor]:
        features = self.backbone(x)
        result = basic_scores(self.task.full(self.head(features)))
        others = [self.task.full(head(net(x))).float() for net, head in zip(self.backbones, self.heads, strict=True)]
        members = {f"logits_{i}": each for i, each in enumerate(others, 1)}
        result["disagreement"] = scores.disagreement([result["logits"], *others])
        return result | members | {"embedding": self.backbone.embedding(features)}

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        most = np.log(classes)
        return f"the committee disagrees by {values['disagreement']:.2g} of at most {most:.2g}, rank {rank['disagreement']:,} of {n:,}"
