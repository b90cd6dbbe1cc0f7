"""What a measurement was made with: versions, device, the switches of torch that change numbers. Knows no strategy and no data."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

LIBRARIES = ("torch", "torchvision", "numpy", "pandas", "pillow")


def environment(device: torch.device) -> dict[str, Any]:
    """Everything that may change a result or a time without a parameter changing, as JSON; None is what there is not."""
    on_gpu = device.type == "cuda"
    return {
        **_code(),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "system": platform.platform(),
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if on_gpu else None,
        "cuda": torch.version.cuda if on_gpu else None,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _code() -> dict[str, Any]:
    """alcore's version, and the commit when it runs from its own repository: an installed copy inside another one has none."""
    from alcore import __version__

    here = Path(__file__).resolve().parents[1]
    commit, dirty = None, None
    if _git(here, "ls-files", "--error-unmatch", "errors.py") is not None:
        commit, changes = _git(here, "rev-parse", "HEAD"), _git(here, "status", "--porcelain", "--", ".")
        dirty = None if changes is None else bool(changes)
    return {"alcore": __version__, "commit": commit, "changed_since_commit": dirty}


def _git(folder: Path, *words: str) -> str | None:
    try:
        ended = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None
