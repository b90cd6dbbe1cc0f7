"""Files of networks that somebody might bring."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def drawn(make: Callable[[], nn.Module]) -> nn.Module:
    """A network with the same random weights each time, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().eval()
