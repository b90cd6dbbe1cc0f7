"""How large nets are, and what to feed them with."""

from __future__ import annotations

import torch
from torch import nn


def size(*nets: nn.Module) -> int:
    return sum(p.numel() for net in nets for p in net.parameters())


def seeded_noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
