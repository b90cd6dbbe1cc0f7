"""A round's one look at the pool, as it was stored: logits, embeddings and labels together, as the round saw them or as they are by now."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch

from alcore.errors import AlcoreError
from alcore.measures import scores
from alcore.nets.models import evaluating
from alcore.nets.tasks import FEATURES
from alcore.params import TrainParams
from alcore.project import predictions
from alcore.project.features import Features
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.strategies import STRATEGIES, params_of
from alcore.strategies.base import NoParams, Seen, Strategy
from alcore.training.pool import Pool
from alcore.training.vectors import VectorDraws
from alcore.types import Round

FEW = 2  # rounds whose models are remembered
CPU = torch.device("cpu")

_models = Remembered(FEW)


class Pass:
    """What a round stored of its look at the pool.

    Args:
        round_: one that trained a model.

    Raises:
        AlcoreError: it was a start without a model, or its files are gone.
    """

    def __init__(self, project: Stored, round_: Round) -> None:
        files = project.files(round_)
        if files is None:
            raise AlcoreError(f"round {round_.number} of {project.name!r} was a start without a model: train a round first")
        self.project, self.round, self.files = project, round_, files

    @property
    def on_features(self) -> bool:
        """Whether what it looked at were the project's features: then no embedding is stored, it is made of them by the round's model."""
        return self.round.train.get("architecture") == FEATURES

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """What the outputs of its model are called."""
        return self.project.output_names(self.round)[: self.files.trained_classes]

    @cached_property
    def outputs(self) -> np.ndarray:
        """(K,) the output for each of today's classes, the first of those that were merged; -1 for a class that the model does not know."""
        result = np.full(len(self.project.classes), -1, np.int64)
        places = self.files.places or tuple(range(self.files.trained_classes))
        for output, place in reversed(list(enumerate(places[: self.files.trained_classes]))):
            if place >= 0:
                result[place] = output
        return result

    @cached_property
    def train(self) -> TrainParams:
        """The run's parameters, as far as this version has them."""
        return predictions.trained_with(self.project, self.round)

    @cached_property
    def params(self) -> Any:
        """The strategy's parameters with their defaults; none where it is not here any more."""
        name = self.round.strategy
        return params_of(name, self.round.params, self.train) if name in STRATEGIES else NoParams()

    @cached_property
    def strategy(self) -> Strategy:
        """The strategy with its weights, in evaluation mode on the CPU. AlcoreError where they are gone or of another version."""
        dim = self._found[0].shape[1] if self.on_features else 0
        side = 0 if self.on_features else int(self.project.settings["image_size"])

        def brought_back() -> Strategy:
            return predictions.brought_back(self.project, self.round, self.files, side=side, dim=dim)

        return _models.of(self.files.folder, brought_back)

    @cached_property
    def _found(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors of the extractor, the project's ids, and the row of each id's vector, -1 for none."""
        found = Features(self.project, str(self.round.train["extractor"]))
        return found.store.vectors(), found.ids, found.rows

    def embeddings(self, places: np.ndarray) -> np.ndarray:
        """(n, d) float32 as the round's network sees the images at these places of `files.walked_ids`: stored, or made of their features.

        Raises:
            AlcoreError: some have no features any more.
        """
        if not self.on_features:
            return np.asarray(self.files.array("embedding")[places])
        vectors, known, rows = self._found
        ids = self.files.walked_ids[places]
        at = np.minimum(np.searchsorted(known, ids), max(0, len(known) - 1))
        wanted = np.where(known[at] == ids, rows[at], -1) if len(known) else np.full(len(ids), -1)
        if (wanted < 0).any():
            raise AlcoreError(
                f"{int((wanted < 0).sum()):,} images of round {self.round.number} have changed or are gone since: train a round"
            )
        nobody = np.empty(0, np.int64)
        ascending = np.arange(len(ids))
        pool = Pool(nobody, nobody, nobody, nobody, nobody, ascending, wanted)
        draws = VectorDraws(vectors, pool, self.train, CPU, 0)
        with evaluating(self.strategy):
            parts = [self.strategy.score(x)["embedding"].float().numpy() for _, x in draws.walk(ascending)]
        return np.concatenate(parts) if parts else np.empty((0, vectors.shape[1]), np.float32)

    def then(self, pool: Pool) -> Seen:
        """As the round saw it: what it scored, and what was labeled then, with today's labels where they are still there.

        Args:
            pool: the project's, of now.
        """
        files = self.files
        places = np.arange(len(files.ids), len(files.walked_ids))
        return self._seen(np.arange(len(files.ids)), *self._with_labels(places, pool))

    def now(self, pool: Pool) -> Seen:
        """As it is by now: what was scored and may still be asked for, and all that is labeled and was looked at, but for labels of classes
        that were added since, which the round's model does not know."""
        files = self.files
        places = np.flatnonzero(np.isin(files.ids, pool.unlabeled))
        return self._seen(places, *self._with_labels(np.arange(len(files.walked_ids)), pool))

    def _with_labels(self, places: np.ndarray, pool: Pool) -> tuple[np.ndarray, np.ndarray]:
        """Those of the places whose image has a label that the model knows, and the output that means it; of masks, their targets."""
        labeled, targets = _with_labels(places, self.files.walked_ids, pool)
        if self.project.dense:
            return labeled, targets
        known = self.outputs[targets] >= 0
        return labeled[known], self.outputs[targets[known]]

    def _seen(self, places: np.ndarray, labeled: np.ndarray, targets: np.ndarray) -> Seen:
        files = self.files
        arrays: dict[str, np.ndarray] = {name: np.asarray(files.array(name)) for name in files.heads}
        arrays["embedding"] = self._embeddings_of(places, labeled)
        parts = {name: values for name, values in files.scores.items() if name != "total"}
        unlabeled = {name: values[places] for name, values in parts.items()} | {name: values[places] for name, values in arrays.items()}
        known = {name: values[labeled] for name, values in arrays.items()}
        if "discrepancy" in parts:  # of labeled images no scores are stored, and this is the one that a strategy asks for (MCDAL Eq. 5)
            known["discrepancy"] = self._discrepancy(known)
        return Seen(files.ids[places], unlabeled, known, targets, CPU)

    def _discrepancy(self, of: dict[str, np.ndarray]) -> np.ndarray:
        """(n,) MCDAL's discrepancy between the heads of these images."""
        p = [torch.from_numpy(of[name].astype(np.float64)).softmax(1) for name in self.files.heads]
        return scores.discrepancy(p, self.params.distance).numpy() if len(p) > 1 else np.zeros(len(p[0]))

    def _embeddings_of(self, *some: np.ndarray) -> np.ndarray:
        """(all walked, d); zeros where nobody asks."""
        places = np.unique(np.concatenate(some))
        found = self.embeddings(places)
        if len(places) == len(self.files.walked_ids):
            return found
        result = np.zeros((len(self.files.walked_ids), found.shape[1]), np.float32)
        result[places] = found
        return result


def _with_labels(places: np.ndarray, ids: np.ndarray, pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Those of the places in `ids` whose image is labeled, and its class."""
    order = np.argsort(pool.labeled)
    at = np.minimum(np.searchsorted(pool.labeled[order], ids[places]), max(0, len(order) - 1))
    there = pool.labeled[order][at] == ids[places] if len(order) else np.zeros(len(places), bool)
    return places[there], pool.targets[order][at[there]]
