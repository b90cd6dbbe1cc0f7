"""VAAL: a VAE makes labeled and unlabeled images look alike to a discriminator of its latent space; ask what still looks unlabeled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from alcore.nets.models import Discriminator, gaussian_kl
from alcore.nets.tasks import Task
from alcore.params import TrainParams, param
from alcore.strategies.base import DISCRIMINATOR, Draws, Losses, ScoreInfo, Seen, Stage, Strategy, labeledness, labeledness_words


@dataclass(frozen=True)
class Params:
    latent: int = param(32, "Dimensions of the latent space.", title="Latent dimensions", source="VAAL main.py", low=1, high=4096)
    width: int = param(
        16,
        "Channels of the VAE's first layer. The paper has 128, which costs about 50 times as much: right on a GPU, hours on a CPU.",
        title="Width of the VAE",
        source="VAAL model.py: 128; 16 is ours, for two CPU cores",
        low=4,
        high=512,
    )
    beta: float = param(1.0, "Weight of the KL term.", title="Weight of the KL term", source="VAAL main.py", low=0, high=1000)
    adversary_weight: float = param(
        1.0, "Weight of the adversarial term in the VAE's loss.", title="Weight of the adversary", source="VAAL main.py", low=0, high=1000
    )
    vae_steps: int = param(
        2,
        "Updates of the VAE for each update of the task model.",
        title="VAE updates a step",
        source="VAAL main.py",
        low=1,
        high=20,
        expert=True,
    )
    learning_rate_vae: float = param(
        5e-4,
        "Adam's rate for the VAE and for the discriminator.",
        title="Learning rate of the VAE",
        source="VAAL solver.py",
        low=1e-7,
        high=1,
    )
    official_kl: bool = param(
        False,
        "Sum KL over batch and dimensions, as the published code does, where it outweighs the mean squared error; else the mean.",
        title="KL as a sum, as published",
        source="VAAL solver.py; mean: TA-VAAL",
        expert=True,
    )


class VAAL(Strategy):
    """Variational Adversarial Active Learning (Sinha, Ebrahimi & Darrell 2019, arXiv 1904.00370).

    The task model learns from labels alone. Beside it a beta-VAE reconstructs labeled and unlabeled images and tries to make a
    discriminator take both for labeled; the discriminator learns to tell them apart. The query takes what it calls least labeled.
    """

    name = "vaal"
    title = "VAAL"
    paper = "Sinha, Ebrahimi & Darrell 2019, arXiv 1904.00370"
    idea = (
        "A VAE learns to rebuild images, and tries to make a discriminator take all of them for labeled ones. What the discriminator "
        "still calls unlabeled is unlike everything labeled so far, and is asked for. The task model is not consulted."
    )
    equations = (
        (
            r"\mathcal{L}_{VAE} = \mathbb{E}[\lVert x - \hat{x} \rVert_2^2] + \beta \, \mathrm{KL}(q(z "
            r"\mid x) \,\Vert\, \mathcal{N}(0, I))",
            "Labeled and unlabeled images are rebuilt from their latent numbers z.",
        ),
        (
            r"\mathcal{L}_{adv} = -\mathbb{E}_{x \in L}[\ln D(\mu(x))] - \mathbb{E}_{x \in U}[\ln D(\mu(x))]",
            "The VAE wants the discriminator to call both labeled.",
        ),
        (
            r"\mathcal{L}_{D} = -\mathbb{E}_{x \in L}[\ln D(\mu(x))] - \mathbb{E}_{x \in U}[\ln(1 - D(\mu(x)))]",
            "The discriminator wants to tell them apart; the smallest D is asked for.",
        ),
    )
    use = "For the papers' comparisons, and where what is unlike the labeled images matters more than where the model errs."
    avoid = (
        "Not for quick rounds, nor on pretrained features, where it rebuilds vectors and not pictures. There are no figures of it on "
        "photos here; others found it level with random. It looks at whole pictures, so small things that decide a class can escape it."
    )
    cost = "Two VAE updates and one of the discriminator for each step: 4.32 times a bare loop's time on a GPU."
    differences = (
        "KL is a mean over batch and dimensions; the published code's sum outweighs the reconstruction (official_kl).",
        "The VAE is 16 channels wide by default and works at 8, 16 or 32 pixels; the paper's 128 is a parameter.",
        "The VAE's updates reuse the step's labeled images, so the task model sees the same draws as under random.",
        "The VAE is scored in evaluation mode, and the task model stays in training mode; in the published code neither is so.",
    )
    Params = Params
    score_info = (
        *DISCRIMINATOR,
        ScoreInfo("total", "Priority", "The discriminator's log-odds that the image is not labeled: high means unlike anything labeled."),
    )

    def __init__(self, task: Task, train: TrainParams, params: Any = None) -> None:
        super().__init__(task, train, params)
        p: Params = self.params
        self.vae = task.vae(p.latent, p.width)
        self.d = Discriminator(p.latent)
        self.optimizers["vae"] = torch.optim.Adam(self.vae.parameters(), lr=p.learning_rate_vae, fused=True)
        self.optimizers["discriminator"] = torch.optim.Adam(self.d.parameters(), lr=p.learning_rate_vae, fused=True)

    def stages(self, steps: int) -> tuple[Stage, ...]:
        """As published, VAE and discriminator keep their rate; the task model's falls as under random."""
        return tuple(dataclasses.replace(stage, constant=frozenset({"vae", "discriminator"})) for stage in super().stages(steps))

    def step(self, batches: Draws) -> Losses:
        x, y = batches.labeled()
        cross_entropy = self.task.loss(self.predict(x), y)
        self.update(cross_entropy, "task")

        for _ in range(self.params.vae_steps):
            vae_loss = self._vae_step(x, batches.unlabeled())
        d_loss = self._discriminator_step(x, batches.unlabeled())
        return {"cross_entropy": cross_entropy.detach(), "vae": vae_loss, "discriminator": d_loss}

    def _vae_step(self, x: Tensor, x_u: Tensor) -> Tensor:
        """Eq. 1 and 3: reconstruct both, and make D call both labeled."""
        loss = torch.zeros((), device=x.device)
        for images in (x, x_u):
            seen, made, mu, log_variance, _ = self.vae(images)
            kl = gaussian_kl(mu.float(), log_variance.float())
            kl = kl.sum() if self.params.official_kl else kl.mean()
            fooled = bce(self.d(mu), 1.0)
            loss = loss + F.mse_loss(made.float(), seen) + self.params.beta * kl + self.params.adversary_weight * fooled
        self.update(loss, "vae")
        return loss.detach()

    def _discriminator_step(self, x: Tensor, x_u: Tensor) -> Tensor:
        """Eq. 4: labeled 1, unlabeled 0; the VAE gets no gradient."""
        with torch.no_grad():
            mu, mu_u = self.vae.encode(x)[0], self.vae.encode(x_u)[0]
        loss = bce(self.d(mu), 1.0) + bce(self.d(mu_u), 0.0)
        self.update(loss, "discriminator")
        return loss.detach()

    def score(self, x: Tensor) -> dict[str, Tensor]:
        return super().score(x) | labeledness(self.d(self.vae.encode(x)[0]))

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """Algorithm 2: the smallest D first, by its logit."""
        return -seen.unlabeled["labeledness_logit"]

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        return labeledness_words(values, rank, n)


def bce(logit: Tensor, target: float) -> Tensor:
    """Mean binary cross-entropy of logits (B,) against one target."""
    logit = logit.float()
    return F.binary_cross_entropy_with_logits(logit, torch.full_like(logit, target))
