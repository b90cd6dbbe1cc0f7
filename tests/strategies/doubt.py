"""The text of a strategy as a person writes one into a file: what the tests of own strategies, simulations and pages read."""

from __future__ import annotations

from pathlib import Path

DOUBT = '''"""Doubt: ask where the likeliest class is least likely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alcore.params import param
from alcore.strategies.base import ScoreInfo, Seen, Strategy


@dataclass(frozen=True)
class DoubtParams:
    """Parameters of doubt."""

    power: float = param(1.0, "The power that doubt is raised to.", title="Power", source="the tests", low=0.1, high=10)


class Doubt(Strategy):
    """The images of smallest p(1st)."""

    name = "doubt"
    title = "Doubt"
    paper = "Lewis & Gale 1994"
    Params = DoubtParams
    heat = "confidence"
    score_info = (ScoreInfo("total", "Priority", "What is left of the probability."),)

    def total(self, seen: Seen, rng: np.random.Generator) -> np.ndarray:
        """(1 - p)^power."""
        return (1.0 - seen.unlabeled["confidence"]) ** self.params.power
'''


def write(folder: Path, name: str = "doubt", text: str = DOUBT) -> Path:
    """The text as a file of a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path
