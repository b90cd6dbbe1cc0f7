"""alcore: open the browser, point at a folder of images, and label only the images worth labeling.

>>> import alcore
>>> project = alcore.Project.create("digits", "sample_data/digits")
>>> project.label_from_truth(50, seed=0)
>>> round_ = project.run_round("mcdal", query_size=20, seed=0)
>>> frame = project.scores(round_)
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.15.0"

# Found on first use: the app must answer before torch is imported, and a GPU box without plotly must be able to train.
_HOMES = {
    "Project": "alcore.project.facade",
    "Workspace": "alcore.project.facade",
    "STRATEGIES": "alcore.strategies",
    "add_strategy": "alcore.strategies",
    "TrainParams": "alcore.params",
    "Annotation": "alcore.types",
    "AlcoreError": "alcore.errors",
    "simulate": "alcore.simulation.conduct",
}
_MODULES = {"figures": "alcore.figures", "scores": "alcore.measures.scores", "formats": "alcore.formats", "widget": "alcore.widget"}

__all__ = [*_HOMES, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    raise AttributeError(f"module 'alcore' has no attribute {name!r}")
