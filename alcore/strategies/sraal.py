"""SRAAL: VAAL whose discriminator is told how unsure the task model is of each unlabeled image, and whose latent space knows the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.measures.scores import per_image
from alcore.nets.models import Discriminator, gaussian_kl
from alcore.nets.tasks import Task
from alcore.params import TrainParams, param
from alcore.strategies.base import DISCRIMINATOR, Draws, Losses, ScoreInfo, Seen, Stage, Strategy, labeledness, labeledness_words, share


@dataclass(frozen=True)
class Params:
    latent: int = param(
        200,
        "Dimensions of the latent space; one half is decoded, the other classified.",
        title="Latent dimensions",
        source="SRAAL's code",
        low=2,
        high=4096,
    )
    width: int = param(
        16,
        "Channels of the VAE's first layer; the published code has 128.",
        title="Width of the VAE",
        source="SRAAL's code: 128; 16 is ours, for two CPU cores",
        low=4,
        high=512,
    )
    relabeling_steps: float = param(
        0.5,
        "Updates of VAE and discriminator after the task model, as a share of the round's steps.",
        title="VAE's share of the steps",
        source="SRAAL's code: 20,000 of batch 250 beside 360 epochs; the default is sized for two CPU cores",
        low=0.01,
        high=10,
    )
    vae_steps: int = param(
        2,
        "Updates of the VAE for each update of the discriminator.",
        title="VAE updates a step",
        source="SRAAL's code",
        low=1,
        high=20,
        expert=True,
    )
    reconstruction_weight: float = param(
        5.0, "Weight of the mean squared error.", title="Weight of the reconstruction", source="SRAAL's code", low=0, high=1000, expert=True
    )
    class_weight: float = param(
        5.0,
        "Weight of the latent classifier's cross-entropy.",
        title="Weight of the latent classifier",
        source="SRAAL's code",
        low=0,
        high=1000,
        expert=True,
    )
    learning_rate_vae: float = param(
        5e-4, "Adam's rate for VAE and discriminator.", title="Learning rate of the VAE", source="SRAAL's code", low=1e-7, high=1
    )
    kl_sum: bool = param(
        False,
        "Sum KL over the latent dimensions, of which there are 200, as published; else the mean over them.",
        title="KL as a sum, as published",
        source="SRAAL's code: the mean over images of the sum over dimensions",
        expert=True,
    )


class SRAAL(Strategy):
    """State-Relabeling Adversarial Active Learning (Zhang, Li, Yang, Wang, Zha & Huang 2020, arXiv 2004.04943).

    First the task model learns; then a VAE (one half of z rebuilds the image, the other half its label) plays against a discriminator
    whose target for an unlabeled image is 1 - u, u being the task model's uncertainty of it. The query takes the smallest D.
    """

    name = "sraal"
    title = "SRAAL"
    paper = "Zhang et al. 2020, arXiv 2004.04943"
    idea = (
        "VAAL, with two more facts for its discriminator: how unsure the task model is of each unlabeled image, and what class a labeled "
        "one has. So what is asked for is both unlike the labeled images and unclear to the model."
    )
    equations = (
        (
            r"u(x) = 1 - \frac{\mathrm{minVar}(p)}{\mathrm{Var}(p)} \, \max_k p_k(x)",
            (
                "The task model's uncertainty: minVar is the least variance that probabilities with that maximum can have. 0 when it is "
                "sure, 1 when all classes seem alike."
            ),
        ),
        (
            r"\mathcal{L}_{D} = -\mathbb{E}_{x \in L}[\ln D(\mu(x))] - \mathbb{E}_{x \in U}[(1-u) \ln D(\mu(x)) + u \ln(1 - D(\mu(x)))]",
            "An unlabeled image has the target 1 - u: one the model is sure of counts nearly as labeled.",
        ),
        (
            r"\mathcal{L}_{gen} = 5\,\mathrm{MSE} + \mathrm{KL} - \mathbb{E}[\ln D(\mu(x))] + 5\,\mathrm{CE}",
            "The VAE rebuilds images, hides from the discriminator, and tells the class of labeled ones.",
        ),
    )
    use = "For the MCDAL paper's comparisons, where it is the strongest baseline early on."
    avoid = (
        "Not for quick rounds, nor on pretrained features. There are no figures of it on photos here. Much has to be learned beside the "
        "task model before its query means anything, which few labels do not allow."
    )
    cost = "The dearest of all: a second stage with VAE and discriminator, 5.45 times a bare loop's time a step on a GPU."
    differences = (
        "Labeled is 1 and unlabeled 1 - u, and the smallest D is asked; the published code turns all of this round and pushes both to 1.",
        "The uncertainty indicator is the trained task model itself; the published code trains a second network of the same kind.",
        "u takes the population variance; with torch's unbiased one a sure image would get 1/K and not 0. A uniform p gets u = 1.",
        "KL is a mean over batch and dimensions; the published code sums it over the 200 dimensions (kl_sum).",
        "u is the task model's for the augmented image at hand; the published code keeps one number for each image.",
        "Every VAE update pairs labels with their own images; the published second one pairs new images with old labels.",
        "For dense labels the latent classifier learns the classes' shares of an image, and u is the mean over its pixels.",
        "The first labels are drawn at random, as for the other strategies; the paper spreads them by k-center.",
    )
    Params = Params
    score_info = (
        *DISCRIMINATOR,
        ScoreInfo(
            "state_uncertainty",
            "Task model's uncertainty",
            "How unsure the task model is: 0 when it is sure of one class, 1 when all seem alike.",
            span=share,
        ),
        ScoreInfo("total", "Priority", "The discriminator's log-odds that the image is not labeled: high means unlike anything labeled."),
    )

    def __init__(self, task: Task, train: TrainParams, params: Any = None) -> None:
        super().__init__(task, train, params)
        p: Params = self.params
        half = p.latent // 2
        self.vae = task.vae(p.latent, p.width, decoded=p.latent - half)
        self.classifier = nn.Sequential(
            nn.Linear(half, 1024), nn.ReLU(inplace=True), nn.Linear(1024, 256), nn.ReLU(inplace=True), nn.Linear(256, task.classes)
        )
        self.d = Discriminator(p.latent, depth=4)
        generator = [*self.vae.parameters(), *self.classifier.parameters()]
        self.optimizers["vae"] = torch.optim.Adam(generator, lr=p.learning_rate_vae, fused=True)
        self.optimizers["discriminator"] = torch.optim.Adam(self.d.parameters(), lr=p.learning_rate_vae, fused=True)

    @classmethod
    def costs(cls, params: Any) -> tuple[tuple[str, float, float], ...]:
        return (("task model", 1.0, 1.0), ("state relabeling", params.relabeling_steps, 6.0))

    def stages(self, steps: int) -> tuple[Stage, ...]:
        second = max(1, round(steps * self.params.relabeling_steps))
        return (
            Stage("task model", steps, self.step),
            Stage("state relabeling", second, self.relabeling_step, rate=lambda step, _: 0.85 ** (30 * step // second)),
        )

    def relabeling_step(self, batches: Draws) -> Losses:
        x, y = batches.labeled()
        for _ in range(self.params.vae_steps):
            vae_loss = self._vae_step(x, y, batches.unlabeled())
        d_loss = self._discriminator_step(x, batches.unlabeled())
        return {"vae": vae_loss, "discriminator": d_loss}

    def _vae_step(self, x: Tensor, y: Tensor, x_u: Tensor) -> Tensor:
        p: Params = self.params
        loss = torch.zeros((), device=x.device)
        for images in (x, x_u):
            seen, made, mu, log_variance, z = self.vae(images)
            logit = self.d(mu).float()
            fooled = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
            kl = gaussian_kl(mu.float(), log_variance.float())
            kl = kl.sum(1).mean() if p.kl_sum else kl.mean()
            loss = loss + p.reconstruction_weight * F.mse_loss(made.float(), seen) + kl + fooled
            if images is x:
                seen_class = F.cross_entropy(self.classifier(z[:, self.vae.decoded :]), self.task.image_target(y))
                loss = loss + p.class_weight * seen_class
        self.update(loss, "vae")
        return loss.detach()

    def _discriminator_step(self, x: Tensor, x_u: Tensor) -> Tensor:
        self.backbone.eval()
        with torch.no_grad():
            target = 1 - per_image(uncertainty(self.predict(x_u).float().softmax(1)))
            mu, mu_u = self.vae.encode(x)[0], self.vae.encode(x_u)[0]
        self.backbone.train()
        logit, logit_u = self.d(mu).float(), self.d(mu_u).float()
        loss = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit)) + F.binary_cross_entropy_with_logits(logit_u, target)
        self.update(loss, "discriminator")
        return loss.detach()

    def score(self, x: Tensor) -> dict[str, Tensor]:
        result = super().score(x)
        result["state_uncertainty"] = uncertainty(result["logits"].softmax(1))
        return result | labeledness(self.d(self.vae.encode(x)[0]))

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """The smallest D first, by its logit."""
        return -seen.unlabeled["labeledness_logit"]

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return f"{labeledness_words(values, rank, n)}; the task model's uncertainty is {values['state_uncertainty']:.2g}"


def uncertainty(p: Tensor) -> Tensor:
    """The online uncertainty indicator (B, *S), 0...1, of class distributions (B, K, *S): u = 1 - max(p) minVar / Var(p).

    minVar is the least variance a distribution with that maximum can have, the rest being equal. One-hot gives 0; uniform is 0/0: 1.
    """
    k = p.shape[1]
    m = p.amax(1)
    least = ((1 / k - m).square() + (k - 1) * (1 / k - (1 - m) / (k - 1)).square()) / k
    variance = p.var(1, correction=0)
    return torch.where(variance > 1e-12, 1 - m * least / variance.clamp_min(1e-12), torch.ones_like(m)).clamp(0.0, 1.0)
