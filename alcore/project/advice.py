"""What a project should do next, for whoever does not want to choose: a strategy, how much to ask for, and why. Decides nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alcore.nets.tasks import FEATURES
from alcore.strategies import title_of

USUAL = 50  # images a query: some minutes of labeling, after which a new model knows better what to ask for
USUAL_MASKS = 10  # a mask takes minutes, a class a second

WHY_FEATURES = (
    "it asks for photos over which parts of the model that fit the labels equally well disagree, and takes such as lie apart; in "
    "simulations on photos of clothing it needed about a quarter fewer labels than chance"
)
WHY = {
    "mal": "it asks for images that the model is unsure of and that look unlike anything labeled so far, and it is the one strategy here "
    "whose model learns from the unlabeled images too",
    "mcdal": "it asks for images over which parts of the model that fit the labels equally well disagree, and it takes little longer than "
    "plain training",
}


@dataclass(frozen=True)
class Advice:
    """A round worth starting.

    Attributes:
        strategy: its name.
        query_size: how many images to ask for.
        why: the reason, as a part of a sentence.
        train: the training parameters that its title depends on.
    """

    strategy: str
    query_size: int
    why: str
    train: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return title_of(self.strategy, {}, self.train)


def usual_query(dense: bool, left: int) -> int:
    """How many images to ask for: as many as are labeled in one go, at most what is `left`, at least 1."""
    return max(1, min(USUAL_MASKS if dense else USUAL, left))


def advise(dense: bool, left: int, architecture: str = "") -> Advice:
    """What to start with, for masks or classes, with `left` images to choose from and this network. MAL plays its game at every pixel of a
    mask, which takes twice MCDAL's time."""
    if architecture == FEATURES:
        return Advice("mcdal", usual_query(dense, left), WHY_FEATURES, {"architecture": FEATURES})
    strategy = "mcdal" if dense else "mal"
    return Advice(strategy, usual_query(dense, left), WHY[strategy])
