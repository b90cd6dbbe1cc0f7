"""MAL: a minimax game over entropy draws features to prototypes; ask where entropy is high and a discriminator says "not labeled"."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from alcore.measures import scores
from alcore.measures.criteria import combine
from alcore.nets.models import CosineHead, unchanged_statistics
from alcore.nets.tasks import FEATURES, Task
from alcore.params import TrainParams, param
from alcore.strategies.base import DISCRIMINATOR, Draws, Losses, ScoreInfo, Seen, Stage, Strategy, basic_scores, labeledness, uniform

HIDDEN = {"vgg16_bn": 512}  # where the paper's parameter counts give C's hidden layer another width than 256

GENTLE = 0.01  # a rate at which the task model keeps what F learned


@dataclass(frozen=True)
class Params:
    temperature: float = param(
        0.05,
        "T, divides the cosine logits; smaller is sharper.",
        title="Temperature",
        source="MME main.py --T; MAL names none",
        low=0.001,
        high=10,
    )
    entropy_weight: float = param(
        1.0,
        "Lambda, the weight of the entropy game beside cross-entropy. MME's code uses 0.1.",
        title="Weight of the entropy game",
        source="MAL Algorithm 1, which has no lambda",
        low=0,
        high=100,
    )
    minimax: bool = param(
        True,
        "Play the entropy game on unlabeled images (SSL). Off is the ablation SL.",
        title="Entropy game on unlabeled images",
        source="MAL 3.1, Table 7",
    )
    select_by: str = param(
        "both",
        "Which criteria query: both, the classifier's uncertainty, the discriminator's diversity, or none (random).",
        title="Ask by",
        source="MAL Tables 7, 8",
        choices={"both": "both criteria", "uncertainty": "uncertainty alone", "diversity": "diversity alone", "random": "chance"},
    )
    rule: str = param(
        "minmax_rank",
        "How both criteria are joined: both top lists grow until they share as many images as are asked for; the highest entropy of those "
        "that the discriminator calls unlabeled, or of the third it calls most unlabeled; the product of both; the sum of their ranks; or "
        "the first way with ties broken by the better rank.",
        title="How both criteria are joined",
        source="MAL 3.3 and Algorithm 2 leave it open; methods 1.5",
        choices={
            "minmax_rank": "grow both lists until they meet",
            "filter_rank": "highest entropy of those called unlabeled",
            "two_stage": "highest entropy of the most unlabeled third",
            "product": "product of both",
            "ranksum": "sum of both ranks",
            "strict": "grow both lists, ties by the better rank",
        },
    )
    update: str = param(
        "joint",
        "How F and C learn from both losses: in one update, or from cross-entropy first and then from entropy on a fresh forward pass, "
        "with the same optimizer.",
        title="Updates of F and C",
        source="MAL Algorithm 1 and MME: two_step; joint has the same fixed points",
        choices={"joint": "one for both losses", "two_step": "one after the other"},
        expert=True,
    )
    learning_rate_f: float = param(
        1e-3,
        "Adam's rate for F (alpha 1).",
        title="Learning rate of the features, F",
        source="Adam's own default (Kingma & Ba 2015); VAAL solver.py has 5e-4 over 39,062 steps, MAL names none",
        low=1e-7,
        high=1,
    )
    learning_rate_c: float = param(
        1e-3, "Adam's rate for C (alpha 2).", title="Learning rate of the classifier, C", source="as alpha 1", low=1e-7, high=1
    )
    learning_rate_d: float = param(
        5e-4,
        "Adam's rate for the discriminator (alpha 3).",
        title="Learning rate of the discriminator, D",
        source="VAAL solver.py",
        low=1e-7,
        high=1,
    )
    game_schedule: str = param(
        "run",
        "How the rates of F, C and D fall: as the run's, or as MME's do, (1 + 5 t)^-0.75 at the share t of the game, to 26 % at its end. "
        "On the digits (100 labels, 400 steps, 5 seeds) both are alike: 0.4 points apart, with deviations of 1.6 and 0.8.",
        title="Rates of the game",
        source="MME lr_schedule.py over its 50,000 steps, stretched over the game; MAL names no schedule",
        choices={"run": "fall as the run's", "mme": "fall as in MME"},
        expert=True,
    )
    learning_rate_m: float = param(
        0.0,
        "SGD's peak rate for what the task model M takes from F; its new head has the run's. 0 takes the run's, and where images have one "
        "class no more than 0.01. On the digits (400 steps, 5 seeds) 0.01 gave 89.0 % with 50 labels and 94.4 % with 100, 0.1 gave 88.7 % "
        "and 93.8 %; on the street scenes (100 steps, 3 seeds) 0.1 gave a mean IoU of 0.50, 0.01 of 0.44.",
        title="Learning rate of the task model, M",
        source="MAL Algorithm 3 names none (alpha 4); ours, measured on the bundled sets",
        low=0,
        high=10,
    )
    task_steps: float = param(
        1.0,
        "Updates of the task model M after the game, as a share of the round's steps; 1 gives M as many as any other task model.",
        title="Task model's share of the steps",
        source="MAL Algorithm 3 gives no number; with half of them M stayed below random's first point on CIFAR-10 with 500 labels",
        low=0.01,
        high=10,
    )
    init_from_f: bool = param(
        True, "Start the task model from F's weights.", title="Start the task model from F", source="MAL Algorithm 3, line 1"
    )
    head: str = param(
        "auto",
        "C's shape: a hidden layer before the cosine; the cosine alone, Eq. 1 to the letter; or a hidden layer and normalized prototypes. "
        "By the task it is a hidden layer for classification, and for segmentation the cosine alone, a 1x1 convolution of prototypes.",
        title="Shape of the classifier",
        source="MAL 5.1's parameter counts; MME Predictor_deep; MAL 3.2 for segmentation",
        choices={
            "auto": "by the task",
            "mme_deep": "a hidden layer, then the cosine",
            "single": "the cosine alone",
            "norm_w": "a hidden layer, normalized prototypes",
        },
        expert=True,
    )
    hidden: int = param(
        0,
        "Width of C's hidden layer; 0 takes 512 for VGG-16 and 256 for other networks.",
        title="Width of the hidden layer",
        source="MAL 5.1's parameter counts: 256 for ResNet18, 512 for VGG16",
        low=0,
        high=8192,
        expert=True,
    )
    eta: float = param(
        1.0,
        "Strength of the gradient reversal.",
        title="Strength of the gradient reversal",
        source="MME utils/loss.py",
        low=0,
        high=100,
        expert=True,
    )
    temperature_d: float = param(
        1.0,
        "Divides D's logit inside its loss; it never changes D's ranking.",
        title="Temperature of the discriminator",
        source="MAL Eq. 3's 1/T can only mean this",
        low=0.001,
        high=100,
        expert=True,
    )


class MAL(Strategy):
    """Minimax Active Learning (Ebrahimi, Gan, Chen, Biamby, Salahi, Laielli, Zhu & Darrell 2020, arXiv 2012.10467).

    F (features) and C (cosine classifier) learn the labels; on unlabeled images C raises the entropy and F lowers it, which draws F's
    features to the nearest prototype. D learns to tell labeled from unlabeled features. The query takes what C is unsure of and D calls
    unlabeled. The task model M starts from F and learns from all labels; accuracy is M's.
    """

    name = "mal"
    title = "MAL"
    paper = "Ebrahimi et al. 2020, arXiv 2012.10467"
    idea = (
        "Unlabeled images take part in training: the classifier C spreads its guesses on them as far as it can, the features F pull them "
        "together around the nearest class, and in this game classes become compact. Then two judges choose: C says what it is unsure "
        "of, a discriminator D what looks unlike anything labeled. Only what both want is asked for."
    )
    equations = (
        (
            r"p(y \mid x) = \mathrm{softmax}\left(\frac{1}{T}\, W^{\top} \frac{F(x)}{\lVert F(x) \rVert}\right)",
            "Guesses are cosines to a prototype a class (Eq. 1).",
        ),
        (
            r"\min_{F} \max_{C} \; -\mathbb{E}_{x \in U} \sum_{k=1}^{K} p(y{=}k \mid x) \ln p(y{=}k \mid x)",
            "The game over the entropy of unlabeled images, beside cross-entropy on labeled ones (Eq. 2).",
        ),
        (
            r"\mathcal{L}_{D} = -\mathbb{E}_{x \in L}[\ln D(x)] - \mathbb{E}_{x \in U}[\ln(1 - D(x))]",
            "The discriminator learns 1 for labeled and 0 for unlabeled, on normalized features (Eq. 3).",
        ),
        (
            r"s(x) = 1 - \frac{1}{|U|} \max(\mathrm{rank}_{H}(x), \; \mathrm{rank}_{D}(x))",
            "The priority: high where x stands high on both lists, by most entropy and by least D (Algorithm 2, as it is read here).",
        ),
    )
    use = (
        "With networks trained as a whole, where unlabeled images teach the features: in the paper it leads from the first point on. On "
        "pretrained features without its game: 1.1 points above random on clothing (+0.6 to +1.7), 1.3 on CIFAR-10 with half the labels."
    )
    avoid = (
        "Not with the game on pretrained features: with the paper's weight it was 2.2 points below random on clothing (-3.4 to -1.0). On "
        "moons the method without its game was 2.6 points worse (-4.9 to -0.4). Its first point is not random's, so compare its queries "
        "with `mal:select_by=random`."
    )
    cost = (
        "A second network and a discriminator, then the task model: 3.56 times a bare loop's time a step on a GPU; 4.6 s a round on "
        "3,000 vectors of photos, entropy's 1.0 s."
    )
    differences = (
        "L_Ent is the negative entropy: with Algorithm 1's printed signs that is what its text, Fig. 1 and MME's code do.",
        "F and C get one joint Adam update by default; Algorithm 1 has two. Entropy never has an Adam of its own, which would undo lambda.",
        "C has MME's hidden layer, which the paper's parameter counts force and its Eq. 1 does not show.",
        "That hidden layer stands before the gradient reversal, as in MME: with F it lowers the entropy that the prototypes raise.",
        "D's loss is taken from the logit; Eq. 3's 1/T in front of a probability cannot be meant.",
        "Both top lists grow until they share enough images; the paper says 'meet both' and leaves open how (rule).",
        "D on feature maps has widths 128, 64 and 32; the paper gives none.",
        "Drafts and scores come from F and C; accuracy from M, as in Algorithm 3.",
        "D learns from features of before the entropy update; in Algorithm 1 its step comes after that.",
        "M is trained by the recipe of the baselines' task model, but what it takes from F has a rate of its own (learning_rate_m).",
        "Rates follow the run's schedule, or in the game MME's (game_schedule); the paper names none.",
    )
    Params = Params
    heat = "entropy"
    scores_by_task_model = False
    score_info = (
        *DISCRIMINATOR,
        ScoreInfo("total", "Priority", "What the chosen criteria say, by default both: high entropy, and unlike labeled images."),
    )

    def __init__(self, task: Task, train: TrainParams, params: Any = None) -> None:
        super().__init__(task, train, params)
        p: Params = self.params
        d = self.backbone.out_features
        self.f = copy.deepcopy(self.backbone)
        form = task.cosine if p.head == "auto" else p.head
        hidden = p.hidden or HIDDEN.get(train.architecture, 256)
        self.c = CosineHead(d, task.classes, form=form, hidden=hidden, temperature=p.temperature)
        self.d = task.discriminator(d)
        game = [{"params": self.f.parameters(), "lr": p.learning_rate_f}, {"params": self.c.parameters(), "lr": p.learning_rate_c}]
        if p.init_from_f:  # its head is new, and learns as that of any other task model
            usual = train.learning_rate * train.backbone_rate
            usual = usual if task.dense else min(usual, GENTLE)
            self.optimizers["task"] = self.optimizer(self.backbone, self.head, backbone_rate=p.learning_rate_m or usual)
        self.optimizers = {
            "game": torch.optim.Adam(game, fused=True),
            "discriminator": torch.optim.Adam(self.d.parameters(), lr=p.learning_rate_d, fused=True),
            "task": self.optimizers["task"],
        }

    # ---- training: Algorithm 1, then Algorithm 3

    def stages(self, steps: int) -> tuple[Stage, ...]:
        start = self.start_from_f if self.params.init_from_f else None
        return (
            Stage("minimax game", steps, self.game_step, rate=mme_factor(steps) if self.params.game_schedule == "mme" else None),
            Stage("task model", max(1, round(steps * self.params.task_steps)), self.step, start),
        )

    def start_from_f(self) -> None:
        """Algorithm 3, line 1: M's backbone takes F's weights and statistics."""
        self.backbone.load_state_dict(self.f.state_dict())

    def game_step(self, batches: Draws) -> Losses:
        p: Params = self.params
        x, y = batches.labeled()
        x_u = batches.unlabeled()
        labeled = self.f(x)
        cross_entropy = self.task.loss(self.task.full(self.c(labeled)), y)
        if not p.minimax:
            self.update(cross_entropy, "game")
            unlabeled = self._quiet_features(x_u)
            entropy = scores.entropy(self.task.full(self.c(unlabeled).detach())).mean()
        elif p.update == "two_step":
            self.update(cross_entropy, "game")
            labeled = self._quiet_features(x)  # by the F that the unlabeled ones pass, or D could tell them apart by the update between
            unlabeled, entropy = self._unlabeled_entropy(x_u)
            self.update(-p.entropy_weight * entropy, "game")
        else:
            self.optimizers["game"].zero_grad(set_to_none=True)
            cross_entropy.backward()  # adds up with the entropy's gradient below, and frees its graph before the second forward
            unlabeled, entropy = self._unlabeled_entropy(x_u)
            # C descends on -lambda H (raises H); the reversal turns the sign for F, which lowers it
            self.update(-p.entropy_weight * entropy, "game", fresh=False)
        d_loss = self._discriminator_step(labeled.detach(), unlabeled.detach())
        return {"cross_entropy": cross_entropy.detach(), "unlabeled_entropy": entropy.detach(), "discriminator": d_loss}

    def _unlabeled_entropy(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.f(x)
        return features, scores.entropy(self.task.full(self.c(features, eta=self.params.eta))).mean()

    def _quiet_features(self, x: Tensor) -> Tensor:
        """Features that leave F as it is, statistics included: without the game, F is a supervised network. Normalized by their own batch
        like the labeled ones, so that D cannot tell them apart by that."""
        with torch.no_grad(), unchanged_statistics(self.f):
            result: Tensor = self.f(x)
            return result

    def _discriminator_step(self, labeled: Tensor, unlabeled: Tensor) -> Tensor:
        """Eq. 3: labeled 1, unlabeled 0, on normalized features that are detached, so that D never trains F."""
        logit = self.d(F.normalize(torch.cat([labeled, unlabeled]), dim=1)) / self.params.temperature_d
        target = torch.zeros_like(logit)
        target[: len(labeled)] = 1
        loss = F.binary_cross_entropy_with_logits(logit, target)
        self.update(loss, "discriminator")
        return loss.detach()

    # ---- judging: Algorithm 2

    def score(self, x: Tensor) -> dict[str, Tensor]:
        features = self.f(x)
        logit = self.d(F.normalize(features, dim=1)).float()
        return basic_scores(self.task.full(self.c(features))) | labeledness(logit) | {"embedding": self.f.embedding(features)}

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        if self.params.select_by == "random":
            return uniform(seen.ids, rng)
        return self._criteria(seen.unlabeled["entropy"], seen.unlabeled["labeledness_logit"])

    def region_total(self, values: np.ndarray, frame: np.ndarray, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """A region's own entropy, and the D of the image it is cut from: D knows whole images alone."""
        if self.params.select_by == "random":
            return rng.random(len(values))
        return self._criteria(values, seen.unlabeled["labeledness_logit"][frame])

    def _criteria(self, entropy: np.ndarray, d: np.ndarray) -> np.ndarray:
        if self.params.select_by == "uncertainty":
            return entropy
        if self.params.select_by == "diversity":
            return -d
        return combine(self.params.rule, entropy, d, self.task.classes)

    @classmethod
    def defaults(cls, train: TrainParams) -> Mapping[str, Any]:
        """On frozen features: no game, which gained nothing there (README, "Photos: pretrained features"), and the rates of the adapter and
        its prototypes."""
        if train.architecture != FEATURES:
            return {}
        return {
            "minimax": False,
            "learning_rate_f": 1e-4,
            "learning_rate_c": 1e-3,
            "learning_rate_m": train.learning_rate * train.backbone_rate,
        }

    @classmethod
    def remark(cls, train: TrainParams) -> str:
        if train.architecture != FEATURES:
            return ""
        return (
            "On pretrained features it plays no entropy game by default: there the game gained nothing, and with the paper's weight it "
            "cost accuracy. It asks by both criteria all the same."
        )

    @classmethod
    def ranks(cls, params: Any) -> bool:
        return bool(params.select_by != "random")

    @classmethod
    def semi_supervised(cls, params: Any) -> bool:
        return bool(params.minimax and params.init_from_f)

    @classmethod
    def costs(cls, params: Any) -> tuple[tuple[str, float, float], ...]:
        return (("minimax game", 1.0, 2.8), ("task model", params.task_steps, 1.0))

    @classmethod
    def first_point(cls, params: Any) -> str:
        if cls.semi_supervised(params):
            return "unlabeled images train F, where its task model starts"
        return "its task model starts from F" if params.init_from_f else "it draws other images in other steps"

    @classmethod
    def explain(cls, values: Mapping[str, float], rank: Mapping[str, int], n: int, classes: int) -> str:
        chance = 100 * values["labeledness"]
        chance_words = f"{chance:.0f} %" if chance >= 1 else "under 1 %"
        return (
            f"entropy {values['entropy']:.2g} of at most {np.log(classes):.2g}, rank {rank['entropy']:,} of {n:,}; "
            f"the discriminator gives it {chance_words} to be labeled, rank {rank['labeledness']:,}"
        )


def mme_factor(steps: int) -> Callable[[int, Draws], float]:
    """MME's decay, stretched over `steps`: what the base rates are multiplied by at each step."""
    return lambda step, _: float((1 + 5 * step / steps) ** -0.75)
