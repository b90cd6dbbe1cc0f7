"""Ids and streams of projects of masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alcore.project.facade import Project
from tests.scenes import truth_of


def ids_of(project: Project) -> dict[int, int]:
    """number of the scene -> id."""
    return {int(Path(path).stem): i for i, path in project.items.paths().items()}


def truth(project: Project, item: int) -> np.ndarray:
    return truth_of(int(Path(project.items.paths()[item]).stem))


def asked(project: Project) -> list[int]:
    return [entry["id"] for entry in project.queue(100)["items"]]
