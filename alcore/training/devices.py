"""Which device a run takes, what others there are, and where chance on it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from alcore.errors import BadInput


def pick_device(name: str = "auto") -> torch.device:
    """auto is the first GPU, else the CPU.

    Raises:
        BadInput: a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput(f"unknown device {name!r}: use auto, cpu or cuda:0") from None
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        raise BadInput(f"there is no {name} here ({torch.cuda.device_count()} GPUs): use --device cpu or auto")
    if device.type not in ("cpu", "cuda"):
        raise BadInput(f"device {name!r} is not supported: use auto, cpu or cuda:0")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def device_list() -> list[tuple[str, str]]:
    """(name, words) of what can train here, best first."""
    gpus = [(f"cuda:{i}", torch.cuda.get_device_name(i)) for i in range(torch.cuda.device_count())]
    return [*gpus, ("cpu", f"CPU, {os.cpu_count()} cores")]


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """torch's global generators start from `seed` inside; outside they are as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[device.index or 0] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
