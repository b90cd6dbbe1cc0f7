"""What a class's labels teach: one thread that learns each team's labels again and again with the library's own strategies, tests the model
and asks for what it would have labeled next. Knows no project, no student and no page."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from alcore.errors import NotEnoughLabels, one_line
from alcore.nets.tasks import FEATURES, TASKS
from alcore.priority import JOB, step_back
from alcore.strategies import strategy_named
from alcore.teaching.classroom import Classroom, Task
from alcore.training.devices import seeded
from alcore.training.train import train
from alcore.training.turn import Material, Order, Seeds
from alcore.training.walk import evaluate, query

CPU = torch.device("cpu")  # a head on a few thousand vectors is learned there before a card has woken up
# what a small head takes to be learned again in well under a second; the rest is the recipe of pretrained features
TRAINING: Mapping[str, Any] = {"architecture": FEATURES, "steps": 150, "passes": 20}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learned:
    """What some labels gave: `right` of `of` test images, and what the strategy asks for next, most wanted first."""

    right: int
    of: int
    query: tuple[int, ...]


def learn(material: Material, labels: Mapping[int, int], strategy: str, n: int, seed: int) -> Learned:
    """Trains a strategy on labels {item: class} of a lesson's material, as a round does, and lets it ask for `n` more.

    Raises:
        NotEnoughLabels: fewer than two classes are labeled.
    """
    order, pool = Order(strategy, max(1, n), seed, "cpu", train=TRAINING), material.pool
    labeled = np.array(sorted(labels), np.int64)
    targets = np.array([labels[i] for i in labeled.tolist()], np.int64)
    now = dataclasses.replace(pool, labeled=labeled, targets=targets, unlabeled=np.setdiff1d(pool.unlabeled, labeled))
    now.check_trainable(material.classes)
    params, every = order.check()
    run, seeds = every.for_labels(len(labeled)), Seeds.of(seed)
    with seeded(seeds.model, CPU):
        model = strategy_named(strategy)(TASKS[order.task](material.classes, 0, material.dim), run, params)
        draws = dataclasses.replace(material, pool=now).draws(run, CPU, seeds.order)
        train(model, draws, run)
        accuracy = evaluate(model, draws)["accuracy"]
        asked: tuple[int, ...] = ()
        if len(now.unlabeled):
            scores, *_ = query(model, draws, min(n, len(now.unlabeled)), np.random.default_rng(seeds.acquisition))
            asked = tuple(scores.selected.tolist())
    return Learned(round(accuracy * len(pool.test)), len(pool.test), asked)


class Learner:
    """The thread of one class."""

    def __init__(self, classroom: Classroom, material: Material) -> None:
        self.classroom, self.material = classroom, material
        self._thread = threading.Thread(target=self._run, name=f"class {classroom.code}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it after what it is learning now."""
        self.classroom.close()
        self._thread.join()

    def _run(self) -> None:
        step_back(JOB)  # who labels comes first
        while (task := self.classroom.due()) is not None:
            self._learn(task)

    def _learn(self, task: Task) -> None:
        try:
            found = learn(self.material, task.labels, task.strategy, task.wanted, task.seed)
        except NotEnoughLabels:  # of one class so far: what comes next may be of another
            self.classroom.not_learned(task)
        except Exception as problem:  # the class goes on with what there is; teacher and log are told
            logger.exception("the class %s could not learn its labels", self.classroom.code)
            self.classroom.not_learned(task, one_line(f"the labels could not be learned: {problem}. The server's log has the details"))
        else:
            self.classroom.learned(task, found.right, found.of, found.query)
