"""The data sets that come with the source tree, made by the scripts beside them when they are not there. Knows no project."""

from __future__ import annotations

import runpy
from pathlib import Path

from alcore.errors import BadInput

FOLDER = Path(__file__).resolve().parent.parent.parent / "sample_data"


def bundled_digits() -> Path:
    """The digits that come with the source tree; made by the script beside them when they are not there."""
    return _bundled("digits")


def bundled_street() -> Path:
    """The street scenes with masks, likewise."""
    return _bundled("street")


def _bundled(name: str) -> Path:
    here = FOLDER
    if not (here / name).is_dir():
        script = here / f"make_{name}.py"
        if not script.is_file():
            raise BadInput(f"the sample {name} is not at {here / name}: run this from a source tree, or import a folder of your own")
        runpy.run_path(str(script))["main"](here / name)
    return here / name
