"""Where a workspace lies, for whoever must know it without opening one. Knows no database."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT_HOME = "workspace"


def resolve_home(home: str | Path | None) -> Path:
    """The argument, else ALCORE_HOME, else ./workspace; absolute."""
    return Path(home or os.environ.get("ALCORE_HOME") or DEFAULT_HOME).expanduser().absolute()


def models_folder(home: Path | None = None) -> Path | None:
    """Where the files of networks lie that people bring: ALCORE_MODELS, else `models` in the workspace, if there is one."""
    named = os.environ.get("ALCORE_MODELS")
    return Path(named).expanduser() if named else home / "models" if home else None


def own_strategies(home: str | Path | None) -> Path:
    """The folder of a workspace whose files are strategies of its owner."""
    return resolve_home(home) / "strategies"
